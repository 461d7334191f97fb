//! What a kubelet remembers of pulls that fail and of changes that it has not acted upon yet, so that nothing begins anew when events are deleted
//! or expire: a row per pod, which no API shows. A pull that succeeds leaves none.

use crate::{
    controllers::{INTERNAL, View, Write},
    object::{ObjectExt, Value, json, name, time},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows with the attempts of pods, by the pods' keys.
pub const RESOURCE: &str = "attempts.internal";

/// The attempts of one pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attempts {
    /// Uid of the pod.
    pod: String,
    /// By the container's name.
    containers: BTreeMap<String, Series>,
    /// Since when the specs of containers that run name other images.
    changed: BTreeMap<String, Timestamp>,
}

/// A series of attempts that fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Series {
    /// What is pulled, as the pod names it.
    image: String,
    /// When the first attempt began.
    pub began: Timestamp,
    /// The attempts that were told of last: that they begin, that they fail, and that the next is
    /// waited for.
    pub told: BTreeMap<Told, Timestamp>,
}

/// What is told of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Told {
    Pulling,
    Failed,
    BackOff,
}

impl Attempts {
    /// What is remembered of a pod.
    pub fn of(view: &View, pod: &Value) -> Attempts {
        let row = view.named(RESOURCE, pod.namespace(), pod.name());
        let noted = row.map(|entry| (*entry.lens::<Attempts>()).clone());
        let fresh = || Attempts { pod: pod.uid().into(), ..Attempts::default() };
        noted.filter(|noted| noted.pod == pod.uid()).unwrap_or_else(fresh)
    }

    /// The series of a container's attempts to get an image, if it began at or after the second of
    /// `since`.
    pub fn series(&self, container: &str, image: &str, since: Timestamp) -> Option<&Series> {
        let series = self.containers.get(container).filter(|series| series.image == image)?;
        (series.began.as_second() >= since.as_second()).then_some(series)
    }

    /// Whether it was told of an attempt of a series that fails.
    pub fn told(&self, container: &str, image: &str, what: Told, attempt: Timestamp) -> bool {
        let series = self.containers.get(container).filter(|series| series.image == image);
        let last = series.and_then(|series| series.told.get(&what));
        last.is_some_and(|last| last.as_second() >= attempt.as_second())
    }

    /// Notes what is told of an attempt of a series.
    pub fn note(&mut self, container: &str, image: &str, began: Timestamp, attempt: Timestamp) {
        let series = self.containers.entry(container.to_owned()).or_default();
        if series.image != image || series.began != began {
            *series = Series { image: image.into(), began, ..Series::default() };
        }
        for what in [Told::Pulling, Told::Failed] {
            series.told.insert(what, attempt);
        }
    }

    /// Notes that the next attempt is waited for.
    pub fn note_back_off(&mut self, container: &str, attempt: Timestamp) {
        if let Some(series) = self.containers.get_mut(container) {
            series.told.insert(Told::BackOff, attempt);
        }
    }

    /// Notes that a new attempt of a series begins.
    pub fn note_pulling(&mut self, container: &str, attempt: Timestamp) {
        if let Some(series) = self.containers.get_mut(container) {
            series.told.insert(Told::Pulling, attempt);
        }
    }

    /// Forgets a container's attempts: its image is there.
    pub fn forget(&mut self, container: &str) {
        self.containers.remove(container);
        self.changed.remove(container);
    }

    /// Since when a container that runs is to run another image.
    pub fn seen_change(&mut self, container: &str, now: Timestamp) -> Timestamp {
        *self.changed.entry(container.to_owned()).or_insert(now)
    }

    /// Forgets that: it is what it is to be.
    pub fn forget_change(&mut self, container: &str) {
        self.changed.remove(container);
    }

    /// What has to be written so that the row says this.
    pub fn write(&self, view: &View, pod: &Value) -> Option<Write> {
        debug_assert!(RESOURCE.ends_with(INTERNAL));
        let row = view.named(RESOURCE, pod.namespace(), pod.name());
        match (row, self.containers.is_empty() && self.changed.is_empty()) {
            (None, true) => None,
            (Some(row), true) => Some(Write::delete(RESOURCE, row, Value::Null)),
            (Some(row), false) if *row.lens::<Attempts>() == *self => None,
            (row, false) => {
                let mut object = crate::object::to_value(self).unwrap_or_default();
                object["metadata"] = json!({"namespace": pod.namespace(), "name": pod.name(),
                    "creationTimestamp": time::seconds(view.now)});
                Some(match row {
                    None => Write::create(RESOURCE, object),
                    Some(row) => {
                        object["metadata"]["resourceVersion"] = json!(row.rev.to_string());
                        Write::update(RESOURCE, object)
                    }
                })
            }
        }
    }
}

/// Removes what is remembered of a pod that is gone.
pub fn sweep(view: &View, key: &str) -> Option<Write> {
    view.get(RESOURCE, key).map(|row| Write::delete(RESOURCE, row, Value::Null))
}

/// Whether anything is remembered of a pod.
pub fn any(view: &View, namespace: &str, pod: &str) -> bool {
    view.get(RESOURCE, &name::key(namespace, pod)).is_some()
}
