//! Event in its two groups: stored as core/v1, converted for events.k8s.io/v1.
//! Source: kubernetes `pkg/apis/events/v1` (conversion) and `pkg/printers/internalversion`.

use super::cells;
use crate::kinds::{Backing, CellCx, Column, Hooks, Kind};
use crate::object::{Map, ObjectExt, Value, duration, json};

const COLUMNS: &[Column] = &[
    Column::text("Last Seen", "Time since the latest occurrence.", |o, cx| {
        json!(last_seen(&core_form(o), cx))
    }),
    Column::text("Type", "Normal or Warning.", |o, _| cells::text(o, "type")),
    Column::text("Reason", "Short machine-readable reason.", |o, _| cells::text(o, "reason")),
    Column::text("Object", "What the event is about.", |o, _| {
        let about = &core_form(o)["involvedObject"];
        let kind = about.str_at("kind").to_lowercase();
        let name = about.str_at("name");
        json!(if name.is_empty() { kind } else { format!("{kind}/{name}") })
    }),
    Column::text("Subobject", "Part of the object, such as a container.", |o, _| {
        cells::text(&core_form(o), "involvedObject.fieldPath")
    })
    .wide(),
    Column::text("Source", "Who reported it.", |o, _| json!(source(&core_form(o)))).wide(),
    Column::text("Message", "Text for people.", |o, _| {
        json!(core_form(o).str_at("message").trim())
    }),
    Column::text("First Seen", "Time since the first occurrence.", |o, cx| {
        json!(first_seen(&core_form(o), cx))
    })
    .wide(),
    Column::text("Count", "How often it occurred.", |o, _| json!(count(&core_form(o)))).wide(),
    Column { priority: 1, ..crate::kinds::columns::NAME },
];

/// `events`.
pub static EVENT: Kind = Kind {
    schema: "io.k8s.api.core.v1.Event",
    selectable: &[
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ],
    hooks: Hooks::NONE,
    ..EVENT_BASE
};

/// `events.events.k8s.io`.
pub static EVENTS_V1: Kind = Kind {
    group: "events.k8s.io",
    schema: "io.k8s.api.events.v1.Event",
    backing: Backing::Converted { resource: "events", from_stored, to_stored },
    selectable: &[
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
        "regarding.apiVersion",
        "regarding.resourceVersion",
        "regarding.fieldPath",
        "reason",
        "reportingController",
        "type",
    ],
    ..EVENT_BASE
};

const EVENT_BASE: Kind = Kind {
    kind: "Event",
    plural: "events",
    short: &["ev"],
    create_on_update: true,
    columns: COLUMNS,
    ..Kind::BASE
};

/// Fields that are called differently: core/v1 first.
const RENAMED: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn rename(event: Value, api_version: &str, to: impl Fn(&str) -> Option<&'static str>) -> Value {
    let Value::Object(fields) = event else { return event };
    let renamed = fields.into_iter().map(|(key, value)| match to(&key) {
        Some(other) => (other.to_owned(), value),
        None => (key, value),
    });
    let mut event = Value::Object(renamed.collect::<Map>());
    event.set_at("apiVersion", api_version);
    event.set_at("kind", "Event");
    event
}

fn from_stored(event: Value) -> Value {
    rename(event, "events.k8s.io/v1", |key| {
        RENAMED.iter().find(|(core, _)| *core == key).map(|(_, new)| *new)
    })
}

fn to_stored(event: Value) -> Value {
    rename(event, "v1", |key| RENAMED.iter().find(|(_, new)| *new == key).map(|(core, _)| *core))
}

/// Both versions print from the core form.
fn core_form(event: &Value) -> Value {
    to_stored(event.clone())
}

fn first_seen(event: &Value, cx: &CellCx) -> String {
    match event.str_at("firstTimestamp") {
        "" => duration::age(event.str_at("eventTime"), cx.now),
        first => duration::age(first, cx.now),
    }
}

fn last_seen(event: &Value, cx: &CellCx) -> String {
    if event.at("series").is_some_and(Value::is_object) {
        return duration::age(event.str_at("series.lastObservedTime"), cx.now);
    }
    match event.str_at("lastTimestamp") {
        "" => first_seen(event, cx),
        last => duration::age(last, cx.now),
    }
}

fn count(event: &Value) -> i64 {
    match event.i64_at("series.count") {
        Some(n) => n,
        // Events written once in the newer form carry no count.
        None => event.i64_at("count").filter(|n| *n != 0).unwrap_or(1),
    }
}

fn source(event: &Value) -> String {
    let first = |a: &str, b: &str| {
        let a = event.str_at(a);
        if a.is_empty() { event.str_at(b).to_owned() } else { a.to_owned() }
    };
    let component = first("source.component", "reportingComponent");
    match first("source.host", "reportingInstance") {
        host if host.is_empty() => component,
        host => format!("{component}, {host}"),
    }
}
