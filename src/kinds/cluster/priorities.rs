//! PriorityClass.

use super::cells;
use crate::error::Causes;
use crate::kinds::{Column, Generation, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, Value, json};

/// `priorityclasses.scheduling.k8s.io`.
pub static PRIORITY_CLASS: Kind = Kind {
    group: "scheduling.k8s.io",
    kind: "PriorityClass",
    plural: "priorityclasses",
    short: &["pc"],
    namespaced: false,
    schema: "io.k8s.api.scheduling.v1.PriorityClass",
    generation: Generation::Once,
    columns: &[
        Column::int("Value", "Priority of pods of this class.", |o, _| {
            json!(o.i64_at("value").unwrap_or(0))
        }),
        Column {
            kind: "boolean",
            ..Column::text("Global-Default", "Whether pods without a class get it.", |o, _| {
                cells::flag(o, "globalDefault", false)
            })
        },
        AGE,
        Column::text("PreemptionPolicy", "Whether such pods push others out.", |o, _| {
            cells::text(o, "preemptionPolicy")
        }),
    ],
    hooks: Hooks {
        default: Some(|o| {
            if o.str_at("preemptionPolicy").is_empty() {
                o.set_at("preemptionPolicy", "PreemptLowerPriority");
            }
            // Go writes the zero value of this field.
            if o.get("value").is_none() {
                o.set_at("value", 0);
            }
        }),
        validate: Some(validate),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// The classes the system brings.
const SYSTEM: [(&str, i64); 2] =
    [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];
const HIGHEST: i64 = 1_000_000_000;

fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let value = o.i64_at("value").unwrap_or(0);
    match old {
        None => new_class(o, value, out),
        Some(old) => {
            if value != old.i64_at("value").unwrap_or(0) {
                out.forbidden("value", "may not be changed in an update.");
            }
            super::checks::fixed(o, old, "preemptionPolicy", out);
        }
    }
}

fn new_class(o: &Value, value: i64, out: &mut Causes) {
    let name = o.name();
    if name.starts_with("system-") {
        let error = match SYSTEM.iter().find(|(n, _)| *n == name) {
            None => Some(format!("{name} is not a known system priority class")),
            Some((_, known)) if *known != value => {
                Some(format!("value of {name} PriorityClass must be {known}"))
            }
            Some(_) if o.is_true("globalDefault") => {
                Some(format!("globalDefault of {name} PriorityClass must be false"))
            }
            Some(_) => None,
        };
        if let Some(error) = error {
            out.forbidden("metadata.name", format!("priority class names with 'system-' prefix are reserved for system use only. error: {error}"));
        }
    } else if value > HIGHEST {
        let why = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        out.forbidden("value", why);
    }
    let policies = ["Never", "PreemptLowerPriority"];
    super::checks::one_of_if_set(o, "preemptionPolicy", &policies, out);
}
