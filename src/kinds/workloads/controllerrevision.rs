//! `apps/v1` ControllerRevision: an immutable snapshot of a workload's template.

use super::field::Field;
use crate::{
    error::Causes,
    kinds::{Column, Hooks, Kind, columns},
    object::{Meta, ObjectExt, Value, json},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "apps",
    kind: "ControllerRevision",
    plural: "controllerrevisions",
    columns: &[
        Column::text("Controller", "Controller of the object", |o, _| json!(controller(o))),
        Column::text(
            "Revision",
            "Revision indicates the revision of the state represented by Data.",
            |o, _| json!(o.i64_at("revision").unwrap_or(0)),
        ),
        columns::AGE,
    ],
    schema: "io.k8s.api.apps.v1.ControllerRevision",
    hooks: Hooks { validate: Some(validate), ..Hooks::NONE },
    ..Kind::BASE
};

/// `statefulset.apps/web`, or `<none>`.
fn controller(o: &Value) -> String {
    let meta = Meta::of(o);
    let Some(owner) = meta.controller() else { return "<none>".into() };
    match owner.api_version.split_once('/') {
        Some((group, _)) => format!("{}.{group}/{}", owner.kind.to_lowercase(), owner.name),
        None => format!("{}/{}", owner.kind.to_lowercase(), owner.name),
    }
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    Field::of(new, "revision").nonnegative(out);
    let data = Field::of(new, "data");
    match old {
        Some(old) => data.immutable(&Field::of(old, "data"), out),
        None if !data.is_set() => data.required(out, "data is mandatory"),
        None if data.map().is_none() => data.required(out, "data must be a valid JSON object"),
        None => {}
    }
}
