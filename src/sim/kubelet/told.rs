//! Whether and when an event was recorded already: what keeps a look that finds nothing new from saying
//! the same thing again. Events are the kubelet's only memory besides the status.

use crate::{
    controllers::View,
    object::{ObjectExt, Value, name},
};
use jiff::Timestamp;
use serde::Deserialize;
use std::{collections::HashMap, sync::Arc};

/// What is read of an event.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Told {
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

/// The events recorded about a pod, by the part of it and the reason.
pub struct Past(HashMap<(String, String), Vec<Arc<Told>>>);

impl Past {
    /// Looks them through once.
    pub fn of(view: &View, pod: &Value) -> Past {
        // Recorders name events after their object, which makes this a short range.
        let start = name::key(pod.namespace(), &format!("{}.", pod.name()));
        let named = view.objects.list_from("events", pod.namespace(), &start);
        let mut past = HashMap::<_, Vec<_>>::new();
        for entry in named.take_while(|entry| entry.key.starts_with(&start)) {
            let event = entry.lens::<Told>();
            if event.involved_object.uid == pod.uid() {
                let key = (event.involved_object.field_path.clone(), event.reason.clone());
                past.entry(key).or_default().push(event);
            }
        }
        Past(past)
    }

    /// When an event with this reason and text, recorded about the pod (or one of its containers)
    /// at or after the second of `since`, was recorded first.
    pub fn since(
        &self,
        reason: &str,
        field: &str,
        text: &str,
        since: Timestamp,
    ) -> Option<Timestamp> {
        let told = self.0.get(&(field.to_owned(), reason.to_owned()))?;
        told.iter().filter(|event| event.message == text).find_map(|event| {
            let last = event.last_timestamp.filter(|t| t.as_second() >= since.as_second())?;
            Some(event.first_timestamp.unwrap_or(last))
        })
    }
}
