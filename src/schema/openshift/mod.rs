//! OpenShift's API types as our own declarations. Only the build script compiles this folder: it
//! turns the schemas into the same tables and documents as Kubernetes' types. What is said of a field here is
//! what `oc explain` shows: it is true of that field, or nothing is said. So is what is said of a type.

// The structs exist for their schemas; nothing ever builds one.
#![allow(dead_code)]
// Names are upstream's.
#![allow(clippy::upper_case_acronyms)]

mod apps;
mod authorization;
mod build;
mod build_parts;
mod build_triggers;
mod config;
mod config_parts;
mod config_specs;
mod image;
mod image_parts;
mod k8s;
mod machineconfiguration;
mod metrics;
mod oauth;
mod operator;
mod project;
mod quota;
mod route;
mod security;
mod simulation;
mod template;
mod user;

use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

/// The kinds and types of one API group.
pub struct Family {
    /// API group (`image.openshift.io`).
    pub group: &'static str,
    /// Name of the group's package in definition names (`image`).
    pub package: &'static str,
    /// Version of the group.
    pub version: &'static str,
    /// Kinds that travel by themselves.
    pub kinds: &'static [&'static str],
    /// Schemas by type name.
    pub schemas: Schemas,
}

/// Schemas by type name.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// Every family.
pub fn families() -> Vec<Family> {
    vec![
        project::family(),
        user::family(),
        oauth::family(),
        route::family(),
        template::family(),
        image::family(),
        apps::family(),
        authorization::family(),
        security::family(),
        quota::family(),
        build::family(),
        config::family(),
        operator::family(),
        machineconfiguration::family(),
        metrics::family(),
        simulation::family(),
    ]
}

/// Adds a type and everything it refers to.
fn push<T: ToSchema>(to: &mut Schemas) {
    to.push((T::name().into_owned(), T::schema()));
    T::schemas(to);
}

/// What all of `types` add, without the types of other packages.
fn collect(types: &[fn(&mut Schemas)]) -> Schemas {
    let mut schemas = Vec::new();
    types.iter().for_each(|add| add(&mut schemas));
    schemas.retain(|(name, _)| !name.contains('.'));
    schemas
}

/// Brings a schema into the form of Kubernetes' documents: references between a family's types gain
/// their package, what may be absent is not also nullable, and a description is one line.
pub fn qualify(schema: &mut Value, package: &str) {
    const PREFIX: &str = "#/components/schemas/";
    match schema {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|t| t != "null");
                let only = types.pop().unwrap_or_default();
                map.insert("type".into(), only);
            }
            if let Some(Value::Array(mut options)) = map.remove("oneOf") {
                options.retain(|o| o["type"] != "null");
                map.extend(options.into_iter().filter_map(|o| o.as_object().cloned()).flatten());
            }
            map.remove("propertyNames");
            for (key, value) in map {
                if let Some(text) =
                    value.as_str().filter(|v| key == "description" && v.contains('\n'))
                {
                    *value = text.replace('\n', " ").into();
                }
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
