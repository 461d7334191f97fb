//! project.openshift.io: a namespace as its users see it, and the request for one.

use crate::{
    error::Causes,
    kinds::{Backing, Column, Hooks, Kind, NameRule, cluster::cells},
    object::{Map, ObjectExt, Value, json, selector::Labels},
};

const DISPLAY_NAME: &str = "openshift.io/display-name";
const DESCRIPTION: &str = "openshift.io/description";
const NODE_SELECTOR: &str = "openshift.io/node-selector";

const GROUP: Kind = Kind {
    group: "project.openshift.io",
    namespaced: false,
    name_rule: NameRule::Label,
    backing: Backing::Computed,
    ..Kind::BASE
};

/// `projects.project.openshift.io`: a view of namespaces.
pub static PROJECT: Kind = Kind {
    kind: "Project",
    plural: "projects",
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    schema: "com.github.openshift.api.project.v1.Project",
    selectable: &["status.phase"],
    columns: &[
        Column::text("Display Name", "Name for people.", |o, _| {
            json!(o.annotation(DISPLAY_NAME).unwrap_or(""))
        }),
        Column::text("Status", "Active or Terminating.", |o, _| cells::text(o, "status.phase")),
    ],
    hooks: Hooks { validate: Some(validate), ..Hooks::NONE },
    ..GROUP
};

/// `projectrequests.project.openshift.io`: answers a create with the new Project.
pub static PROJECT_REQUEST: Kind = Kind {
    kind: "ProjectRequest",
    plural: "projectrequests",
    verbs: &["create", "list"],
    schema: "com.github.openshift.api.project.v1.ProjectRequest",
    ..GROUP
};

/// What a project may be, and how little of it its admin may change. Source: openshift-apiserver
/// `pkg/project/apis/project/validation`.
fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    if o.name().len() == 1 {
        out.invalid("metadata.name", &json!(o.name()), "must be at least 2 characters long");
    }
    let display = o.annotation(DISPLAY_NAME).unwrap_or("");
    if display.contains(['\n', '\t']) {
        let field = format!("metadata.annotations[{DISPLAY_NAME}]");
        out.invalid(field, &json!(display), "may not contain a new line or tab");
    }
    let selector = o.annotation(NODE_SELECTOR).unwrap_or("");
    if Labels::parse(selector).is_err() {
        out.invalid("nodeSelector", &json!(selector), "must be a valid label selector");
    }
    if let Some(old) = old {
        unchanged(o, old, "annotations", &[DISPLAY_NAME, DESCRIPTION], out);
        unchanged(o, old, "labels", &[], out);
    }
}

/// Refuses every difference in a map of the metadata, but for the `free` names.
fn unchanged(o: &Value, old: &Value, map: &str, free: &[&str], out: &mut Causes) {
    let path = format!("metadata.{map}");
    let none = Map::new();
    let of = |o: &'_ Value| o.at(&path).and_then(Value::as_object).cloned();
    let (new, old) = (of(o).unwrap_or(none.clone()), of(old).unwrap_or(none));
    let changed = new.iter().filter(|(name, value)| old.get(name) != Some(*value));
    let removed = old.iter().filter(|(name, _)| !new.contains_key(name));
    for (name, value) in changed.chain(removed) {
        if !free.contains(&name.as_str()) {
            let why = "field is immutable, try updating the namespace";
            out.invalid(format!("{path}[{name}]"), value, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_texts_for_people_may_change() {
        let old = json!({"metadata": {"name": "p", "annotations": {DISPLAY_NAME: "P", "x": "1"},
            "labels": {"l": "1"}}});
        let rows = [
            (json!({DISPLAY_NAME: "Q", DESCRIPTION: "d", "x": "1"}), json!({"l": "1"}), vec![]),
            (json!({"x": "1"}), json!({"l": "1"}), vec![]),
            (json!({"x": "2"}), json!({"l": "1"}), vec!["metadata.annotations[x]"]),
            (json!({}), json!({"l": "1"}), vec!["metadata.annotations[x]"]),
            (
                json!({"x": "1"}),
                json!({"m": "1"}),
                vec!["metadata.labels[m]", "metadata.labels[l]"],
            ),
        ];
        for (annotations, labels, fields) in rows {
            let new =
                json!({"metadata": {"name": "pp", "annotations": annotations, "labels": labels}});
            let mut causes = Causes::default();
            validate(&new, Some(&old), &mut causes);
            let found: Vec<&str> = causes.0.iter().map(|c| c.field.as_str()).collect();
            assert_eq!(found, fields, "{new}");
        }
    }

    #[test]
    fn names_are_longer_than_those_of_namespaces() {
        let mut causes = Causes::default();
        let annotations = json!({DISPLAY_NAME: "a\tb", NODE_SELECTOR: "a in ("});
        validate(
            &json!({"metadata": {"name": "p", "annotations": annotations}}),
            None,
            &mut causes,
        );
        let found: Vec<&str> = causes.0.iter().map(|c| c.field.as_str()).collect();
        let display = format!("metadata.annotations[{DISPLAY_NAME}]");
        assert_eq!(found, ["metadata.name", display.as_str(), "nodeSelector"]);
    }
}
