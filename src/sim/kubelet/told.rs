//! Whether an event was recorded already: what keeps a look that finds nothing new from saying
//! the same thing again. Events are the kubelet's only memory besides the status.

use crate::{
    controllers::View,
    object::{ObjectExt, Value, name},
};
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Told {
    involved_object: About,
    reason: String,
    message: String,
    last_timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct About {
    uid: String,
    field_path: String,
}

/// Whether an event with this reason and text was recorded about the pod (or one of its
/// containers) at or after the second of `since`.
pub fn since(
    view: &View,
    pod: &Value,
    reason: &str,
    field: &str,
    text: &str,
    since: Timestamp,
) -> bool {
    // Recorders name events after their object, which makes this a short range.
    let start = name::key(pod.namespace(), &format!("{}.", pod.name()));
    let named = view.objects.list_from("events", pod.namespace(), &start);
    named.take_while(|entry| entry.key.starts_with(&start)).any(|entry| {
        let event = entry.lens::<Told>();
        event.reason == reason
            && event.involved_object.uid == pod.uid()
            && event.involved_object.field_path == field
            && event.message == text
            && event.last_timestamp.is_some_and(|t| t.as_second() >= since.as_second())
    })
}
