//! One request on its way into the log, from its head to the end of its answer.

use super::{
    Event, Level, Log, RequestAuditConfig, Stage,
    event::{Outcome, Reference},
};
use crate::object::{ObjectExt, Value, time, write};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, sync::Arc};

/// What those who decide about a request note about it: keys and values. Nothing is kept of
/// requests that are not written down.
#[derive(Clone, Debug, Default)]
pub struct Notes(Option<Arc<Kept>>);

#[derive(Debug)]
struct Kept {
    level: Level,
    notes: Mutex<BTreeMap<String, String>>,
}

impl Notes {
    fn kept(level: Level) -> Notes {
        Notes(Some(Arc::new(Kept { level, notes: Mutex::default() })))
    }

    /// Whether anybody will read what is noted at this level.
    pub fn are_read(&self, level: Level) -> bool {
        self.0.as_ref().is_some_and(|kept| kept.level >= level)
    }

    /// Notes something; what was noted before under the same key stays.
    pub fn add(&self, key: impl Into<String>, value: impl Into<String>) {
        if let Some(kept) = &self.0 {
            kept.notes.lock().entry(key.into()).or_insert_with(|| value.into());
        }
    }
}

/// A request that is written down.
pub struct Record {
    log: Arc<Log>,
    verdict: RequestAuditConfig,
    /// What is noted about it.
    pub notes: Notes,
    /// Whether it lasts by its nature.
    pub lasts: bool,
    event: Mutex<Event>,
}

impl Record {
    /// Begins a record, and tells that the request is there. Times are set here.
    pub fn begin(
        log: &Arc<Log>,
        verdict: RequestAuditConfig,
        mut event: Event,
        lasts: bool,
    ) -> Record {
        let now = time::micros(log.world.clock.now());
        event.level = verdict.level;
        event.request_received_timestamp.clone_from(&now);
        event.stage_timestamp = now;
        let notes = Notes::kept(verdict.level);
        let record =
            Record { log: Arc::clone(log), verdict, notes, lasts, event: Mutex::new(event) };
        record.write(Stage::RequestReceived);
        record
    }

    /// How much is written down.
    pub fn level(&self) -> Level {
        self.verdict.level
    }

    /// Notes the object that the request brings. What the path does not say of it, it says.
    pub fn brings(&self, object: &Value) {
        let mut event = self.event.lock();
        let reference = event.object_ref.get_or_insert_with(Reference::default);
        let rows = [
            (&mut reference.namespace, object.namespace()),
            (&mut reference.name, object.name()),
            (&mut reference.uid, object.uid()),
            (&mut reference.resource_version, object.str_at("metadata.resourceVersion")),
        ];
        for (field, said) in rows {
            if field.is_empty() {
                *field = said.into();
            }
        }
        drop(event);
        self.sends(object);
    }

    /// Notes what the request sends, object or not.
    pub fn sends(&self, body: &Value) {
        if self.level() >= Level::Request {
            self.event.lock().request_object = self.raw(body);
        }
    }

    /// Notes the answer's object.
    pub fn gets(&self, object: &Value) {
        if self.level() >= Level::RequestResponse {
            self.event.lock().response_object = self.raw(object);
        }
    }

    fn raw(&self, object: &Value) -> Option<Box<RawValue>> {
        let text = match self.verdict.without_managed_fields {
            true => write::text(&without_managed_fields(object.clone())),
            false => write::text(object),
        };
        RawValue::from_string(String::from_utf8(text).ok()?).ok()
    }

    /// Notes how the request ended: its code, and the Status it was answered with, if it was one.
    pub fn ended(&self, code: u16, status: Option<&Value>) {
        let mut outcome = Outcome { code, ..Outcome::default() };
        if let Some(status) = status {
            let text = |field: &str| status.str_at(field).to_owned();
            (outcome.status, outcome.message) = (text("status"), text("message"));
            outcome.reason = text("reason");
            outcome.details = status.get("details").filter(|d| d.is_object()).cloned();
            if self.event.lock().response_object.is_none() {
                self.gets(status);
            }
        }
        self.event.lock().response_status = Some(outcome);
    }

    /// Tells of a stage.
    pub fn tell(&self, stage: Stage) {
        self.event.lock().stage_timestamp = time::micros(self.log.world.clock.now());
        self.write(stage);
    }

    fn write(&self, stage: Stage) {
        if self.verdict.omits.contains(&stage) {
            return;
        }
        let mut event = self.event.lock();
        event.stage = stage;
        if let Some(kept) = &self.notes.0 {
            event.annotations.clone_from(&kept.notes.lock());
        }
        self.log.write(&event);
    }
}

/// An object, a list or a table without the managed fields of its objects.
fn without_managed_fields(mut object: Value) -> Value {
    let mut strip = |object: &mut Value| drop(object.remove_at("metadata.managedFields"));
    strip(&mut object);
    for (list, inner) in [("items", ""), ("rows", "object")] {
        let items = object.get_mut(list).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            match inner {
                "" => strip(item),
                inner => item.get_mut(inner).into_iter().for_each(&mut strip),
            }
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn managed_fields_go_wherever_they_are() {
        let o = json!({"metadata": {"name": "a", "managedFields": [{}]}});
        let bare = json!({"metadata": {"name": "a"}});
        assert_eq!(without_managed_fields(o.clone()), bare);
        let list = without_managed_fields(json!({"items": [o, 1], "rows": [{"object": o}, {}]}));
        assert_eq!(list, json!({"items": [bare, 1], "rows": [{"object": bare}, {}]}));
    }

    #[test]
    fn the_first_note_stays() {
        let notes = Notes::kept(Level::Metadata);
        notes.add("a", "1");
        notes.add("a", "2");
        assert_eq!(notes.0.as_ref().unwrap().notes.lock()["a"], "1");
        assert!(notes.are_read(Level::Metadata) && !notes.are_read(Level::Request));
        assert!(!Notes::default().are_read(Level::Metadata));
    }
}
