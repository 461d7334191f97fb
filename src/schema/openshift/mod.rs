//! OpenShift's API types as our own declarations. Only the build script compiles this folder: it
//! turns the schemas into the same tables and documents as Kubernetes' types.

use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

/// The kinds and types of one API group.
pub struct Family {
    /// API group (`image.openshift.io`).
    pub group: &'static str,
    /// Name of the group's package in definition names (`image`).
    pub package: &'static str,
    /// Kinds that travel by themselves.
    pub kinds: &'static [&'static str],
    /// Schemas by type name.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

/// Every family.
pub fn families() -> Vec<Family> {
    vec![]
}

/// Gives references between a family's types the package they belong to; names with a dot have one.
pub fn qualify(schema: &mut Value, package: &str) {
    const PREFIX: &str = "#/components/schemas/";
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str().and_then(|v| v.strip_prefix(PREFIX)) {
                    Some(name) if key == "$ref" && !name.contains('.') => {
                        *value = format!("{PREFIX}{package}.{name}").into();
                    }
                    _ => qualify(value, package),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| qualify(v, package)),
        _ => {}
    }
}
