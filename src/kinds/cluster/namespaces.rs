//! Namespace.

use super::cells;
use crate::error::{Causes, Error};
use crate::kinds::{Column, Cx, Hooks, Kind, NameRule, Sub, columns::AGE};
use crate::object::{ObjectExt, Value, json, name};

/// `namespaces`.
pub static NAMESPACE: Kind = Kind {
    kind: "Namespace",
    plural: "namespaces",
    short: &["ns"],
    namespaced: false,
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    subresources: &[Sub { name: "finalize", body: ("", "", ""), verbs: &["update"] }, Sub::STATUS],
    schema: "io.k8s.api.core.v1.Namespace",
    name_rule: NameRule::Label,
    delete_returns_object: true,
    selectable: &["status.phase"],
    columns: &[
        Column::text("Status", "Active or Terminating.", |o, _| cells::text(o, "status.phase")),
        AGE,
    ],
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(validate_status),
        mark_deleting: Some(mark_deleting),
        held: Some(|o| !o.list_at("spec.finalizers").is_empty()),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// The finalizer that stands until everything in the namespace is gone.
pub(crate) const FINALIZER: &str = "kubernetes";

fn default(o: &mut Value) {
    let name = o.name().to_owned();
    if !name.is_empty() {
        o.set_label("kubernetes.io/metadata.name", name);
    }
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    // Names made from generateName exist only now.
    default(o);
    match old {
        None => {
            o.set_at("status", json!({"phase": "Active"}));
            if !o.list_at("spec.finalizers").iter().any(|f| f == FINALIZER) {
                let mut all = o.list_at("spec.finalizers").to_vec();
                all.push(json!(FINALIZER));
                o.set_at("spec.finalizers", all);
            }
        }
        // Only the finalize subresource changes the finalizers; it does not come through here.
        Some(old) => {
            if let Some(spec) = old.get("spec") {
                o.set_at("spec", spec.clone());
            }
        }
    }
    Ok(())
}

/// Namespaces know no grace: upstream's registry marks them by itself.
fn mark_deleting(o: &mut Value) {
    o.set_at("status.phase", "Terminating");
    o.remove_at("metadata.deletionGracePeriodSeconds");
}

fn validate(o: &Value, _: Option<&Value>, out: &mut Causes) {
    for finalizer in o.list_at("spec.finalizers").iter().filter_map(Value::as_str) {
        for problem in name::qualified_name_problems(finalizer) {
            out.invalid("spec.finalizers", &json!(finalizer), problem);
        }
        let standard = [FINALIZER, "orphan", "foregroundDeletion"];
        if !finalizer.contains('/') && !standard.contains(&finalizer) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            out.invalid("spec.finalizers", &json!(finalizer), why);
        }
    }
}

fn validate_status(o: &Value, _: &Value, out: &mut Causes) {
    let (phase, expected, empty) = match o.is_deleting() {
        true => (o.str_at("status.phase"), "Terminating", "is not empty"),
        false => (o.str_at("status.phase"), "Active", "is empty"),
    };
    if phase != expected {
        let why = format!("may only be '{expected}' if `deletionTimestamp` {empty}");
        out.invalid("status.Phase", &json!(phase), why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_finalizers() {
        let mut o = json!({"metadata": {"name": "a"}, "spec": {"finalizers": ["x.y/z", "odd"]}});
        default(&mut o);
        assert_eq!(o.label("kubernetes.io/metadata.name"), Some("a"));
        let mut causes = Causes::default();
        validate(&o, None, &mut causes);
        assert_eq!(causes.0.len(), 1);
        assert_eq!(
            causes.0[0].message,
            "Invalid value: \"odd\": name is neither a standard finalizer name nor is it fully qualified"
        );
    }

    #[test]
    fn deletion_leaves_no_grace_behind() {
        let mut o =
            json!({"metadata": {"deletionTimestamp": "t", "deletionGracePeriodSeconds": 0}});
        mark_deleting(&mut o);
        assert_eq!(
            o,
            json!({"metadata": {"deletionTimestamp": "t"}, "status": {"phase": "Terminating"}})
        );
    }

    #[test]
    fn the_phase_follows_deletion() {
        let rows =
            [("Active", false, true), ("Terminating", false, false), ("Terminating", true, true)];
        for (phase, deleting, fine) in rows {
            let mut o = json!({"metadata": {}, "status": {"phase": phase}});
            if deleting {
                o["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:04:05Z");
            }
            let mut causes = Causes::default();
            validate_status(&o, &o, &mut causes);
            assert_eq!(causes.is_empty(), fine, "{phase} {deleting}");
        }
    }
}
