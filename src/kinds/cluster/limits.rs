//! ResourceQuota and LimitRange: what a namespace may use.

use crate::kinds::{Column, Hooks, Kind, Sub, columns::AGE};
use crate::object::{ObjectExt, Value, json};

/// `resourcequotas`.
pub static RESOURCE_QUOTA: Kind = Kind {
    kind: "ResourceQuota",
    plural: "resourcequotas",
    short: &["quota"],
    schema: "io.k8s.api.core.v1.ResourceQuota",
    subresources: &[Sub::STATUS],
    delete_returns_object: true,
    columns: &[
        Column::text("Request", "Used and allowed requests.", |o, _| json!(usage(o, false))),
        Column::text("Limit", "Used and allowed limits.", |o, _| json!(usage(o, true))),
        AGE,
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};

/// `limitranges`.
pub static LIMIT_RANGE: Kind = Kind {
    kind: "LimitRange",
    plural: "limitranges",
    short: &["limits"],
    schema: "io.k8s.api.core.v1.LimitRange",
    create_on_update: true,
    columns: &[super::cells::CREATED_AT],
    hooks: Hooks::NONE,
    ..Kind::BASE
};

fn usage(quota: &Value, limits: bool) -> String {
    let hard = quota.map_at("status.hard").into_iter().flatten();
    let wanted = hard.filter(|(name, _)| name.starts_with("limits.") == limits);
    let rows: Vec<String> = wanted
        .map(|(name, hard)| {
            let used = quota.at("status.used").and_then(|u| u.get(name));
            let text = |v: Option<&Value>| v.and_then(Value::as_str).unwrap_or("0").to_owned();
            format!("{name}: {}/{}", text(used), text(Some(hard)))
        })
        .collect();
    rows.join(", ")
}
