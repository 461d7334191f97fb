//! Event in its two groups: stored as core/v1, converted for events.k8s.io/v1.
//! Source: kubernetes `pkg/apis/events/v1` (conversion) and `pkg/printers/internalversion`.

use super::cells;
use crate::error::Causes;
use crate::kinds::{Backing, CellCx, Column, Hooks, Kind, NameRule};
use crate::object::{Map, ObjectExt, Value, json, name};

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
    hooks: Hooks {
        validate: Some(|o, _, out| classic(o, "reportingComponent", out)),
        ..Hooks::NONE
    },
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
    hooks: Hooks { validate: Some(strict), ..Hooks::NONE },
    ..EVENT_BASE
};

const EVENT_BASE: Kind = Kind {
    kind: "Event",
    plural: "events",
    short: &["ev"],
    create_on_update: true,
    name_rule: NameRule::Late,
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
        Some(other) => (other.into(), value),
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
        "" => cx.age(event.str_at("eventTime")),
        first => cx.age(first),
    }
}

fn last_seen(event: &Value, cx: &CellCx) -> String {
    if event.at("series").is_some_and(Value::is_object) {
        return cx.age(event.str_at("series.lastObservedTime"));
    }
    match event.str_at("lastTimestamp") {
        "" => first_seen(event, cx),
        last => cx.age(last),
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

/// Checks every event passes, in core form. `controller` is what the version calls that field.
fn classic(event: &Value, controller: &str, out: &mut Causes) {
    let (namespace, about) = (event.namespace(), event.str_at("involvedObject.namespace"));
    let mismatch = "does not match event.namespace";
    if event.str_at("eventTime").is_empty() {
        let fits = match about {
            "" => matches!(namespace, "" | "default"),
            about => about == namespace,
        };
        if !fits {
            out.invalid("involvedObject.namespace", &json!(about), mismatch);
        }
        return;
    }
    if about.is_empty() && !matches!(namespace, "default" | "kube-system") {
        out.invalid("involvedObject.namespace", &json!(about), mismatch);
    }
    let reporter = event.str_at("reportingComponent");
    if reporter.is_empty() {
        out.required(controller, "");
    }
    for problem in name::qualified_name_problems(reporter) {
        out.invalid(controller, &json!(reporter), problem);
    }
    let limits = [("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024)];
    for (field, most) in limits {
        let text = event.str_at(field);
        if text.is_empty() && field != "message" {
            out.required(field, "");
        }
        if text.len() > most {
            out.invalid(field, &json!(""), format!("can have at most {most} characters"));
        }
    }
}

/// What events.k8s.io/v1 asks on top.
fn strict(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let event = core_form(o);
    classic(&event, "reportingController", out);
    let series = event.get("series").filter(|s| s.is_object());
    match old.map(core_form) {
        None => {
            check_series(series, out);
            strict_create(&event, out);
        }
        Some(old) => {
            if series != old.get("series").filter(|s| s.is_object()) {
                check_series(series, out);
            }
            strict_update(&event, &old, out);
        }
    }
}

fn check_series(series: Option<&Value>, out: &mut Causes) {
    let Some(series) = series else { return };
    if series.i64_at("count").unwrap_or(0) < 2 {
        out.invalid("series.count", &json!(""), "should be at least 2");
    }
    if series.str_at("lastObservedTime").is_empty() {
        out.required("series.lastObservedTime", "");
    }
}

fn strict_create(event: &Value, out: &mut Causes) {
    if event.str_at("eventTime").is_empty() {
        out.required("eventTime", "");
    }
    let kind = event.str_at("type");
    if !matches!(kind, "Normal" | "Warning") {
        out.invalid("type", &json!(""), format!("has invalid value: {kind}"));
    }
    let set = |path: &str| !event.str_at(path).is_empty();
    let rules = [
        ("firstTimestamp", set("firstTimestamp")),
        ("lastTimestamp", set("lastTimestamp")),
        ("count", event.i64_at("count").unwrap_or(0) != 0),
        ("source", set("source.component") || set("source.host")),
    ];
    for (field, _) in rules.into_iter().filter(|(_, wrong)| *wrong) {
        out.invalid(field, &json!(""), "needs to be unset");
    }
}

fn strict_update(event: &Value, old: &Value, out: &mut Causes) {
    const FIXED: [(&str, &str); 13] = [
        ("involvedObject", "involvedObject"),
        ("reason", "reason"),
        ("message", "message"),
        ("source", "source"),
        ("firstTimestamp", "firstTimestamp"),
        ("lastTimestamp", "lastTimestamp"),
        ("count", "count"),
        ("type", "type"),
        ("eventTime", "eventTime"),
        ("action", "action"),
        ("related", "related"),
        ("reportingComponent", "reportingController"),
        ("reportingInstance", "reportingInstance"),
    ];
    let filled = |v: Option<&Value>| match v {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Object(m)) if m.is_empty() => Value::Null,
        Some(v) => v.clone(),
    };
    for (core, called) in FIXED {
        let new = filled(event.get(core));
        if new != filled(old.get(core)) {
            out.invalid(called, &new, super::checks::IMMUTABLE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        json!({"apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": "e", "namespace": "n"}, "eventTime": "2026-01-02T03:04:05.000006Z",
            "regarding": {"kind": "Pod", "name": "p", "namespace": "n"}, "note": "hello",
            "reason": "Why", "action": "Doing", "type": "Normal",
            "reportingController": "a.b/c", "reportingInstance": "i"})
    }

    #[test]
    fn both_versions_hold_the_same() {
        let core = to_stored(sample());
        assert_eq!(core.str_at("apiVersion"), "v1");
        assert_eq!(core.str_at("involvedObject.name"), "p");
        assert_eq!(core.str_at("message"), "hello");
        assert_eq!(core.str_at("reportingComponent"), "a.b/c");
        assert_eq!(from_stored(core), sample());
    }

    #[test]
    fn checks() {
        let mut causes = Causes::default();
        strict(&sample(), None, &mut causes);
        assert!(causes.is_empty(), "{causes:?}");
        let mut changed = sample();
        changed["note"] = json!("bye");
        strict(&changed, Some(&sample()), &mut causes);
        assert_eq!(causes.0[0].field, "message");
        let mut causes = Causes::default();
        let elsewhere =
            json!({"metadata": {"namespace": "a"}, "involvedObject": {"namespace": "b"}});
        classic(&elsewhere, "reportingComponent", &mut causes);
        assert_eq!(causes.0[0].message, "Invalid value: \"b\": does not match event.namespace");
    }

    #[test]
    fn cells() {
        let cx = CellCx::at("2026-01-02T03:05:05Z".parse().unwrap());
        let row: Vec<Value> = EVENTS_V1.columns.iter().map(|c| (c.cell)(&sample(), &cx)).collect();
        let expected =
            json!(["59s", "Normal", "Why", "pod/p", "", "a.b/c, i", "hello", "59s", 1, "e"]);
        assert_eq!(json!(row), expected);
    }
}
