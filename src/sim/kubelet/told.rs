//! Whether and when an event was recorded already: what keeps a look that finds nothing new from saying
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
    first_timestamp: Option<Timestamp>,
    last_timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct About {
    uid: String,
    field_path: String,
}

/// When an event with this reason and text, recorded about the pod (or one of its containers) at or
/// after the second of `since`, was recorded first.
pub fn since(
    view: &View,
    pod: &Value,
    reason: &str,
    field: &str,
    text: &str,
    since: Timestamp,
) -> Option<Timestamp> {
    // Recorders name events after their object, which makes this a short range.
    let start = name::key(pod.namespace(), &format!("{}.", pod.name()));
    let named = view.objects.list_from("events", pod.namespace(), &start);
    named.take_while(|entry| entry.key.starts_with(&start)).find_map(|entry| {
        let event = entry.lens::<Told>();
        let last = event.last_timestamp.filter(|t| t.as_second() >= since.as_second())?;
        let same = event.reason == reason
            && event.involved_object.uid == pod.uid()
            && event.involved_object.field_path == field
            && event.message == text;
        same.then(|| event.first_timestamp.unwrap_or(last))
    })
}
