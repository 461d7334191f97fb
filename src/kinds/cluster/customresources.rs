//! CustomResourceDefinition. Source: apiextensions-apiserver
//! `pkg/registry/customresourcedefinition`, `pkg/apis/apiextensions/v1/defaults.go`.

use crate::{
    error::Error,
    kinds::{
        Column, Cx, Generation, Hooks, Kind, Sub,
        custom::{CLEANUP, check},
    },
    object::{ObjectExt, Value, json},
    schema::structural::is_known_format,
};

/// `customresourcedefinitions.apiextensions.k8s.io`.
pub static CUSTOM_RESOURCE_DEFINITION: Kind = Kind {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    short: &["crd", "crds"],
    categories: &["api-extensions"],
    namespaced: false,
    subresources: &[Sub::STATUS],
    columns: &[Column {
        kind: "date",
        ..Column::text("Created At", crate::kinds::columns::AGE_TEXT, |o, _| {
            json!(o.str_at("metadata.creationTimestamp"))
        })
    }],
    schema: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    generation: Generation::Spec,
    unconditional_update: false,
    delete_returns_object: true,
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        prepare_status: Some(prepare_status),
        validate: Some(check::definition),
        warn: Some(warn),
        mark_deleting: Some(mark_deleting),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

fn default(object: &mut Value) {
    let kind = object.str_at("spec.names.kind").to_owned();
    for (field, value) in [("singular", kind.to_lowercase()), ("listKind", format!("{kind}List"))] {
        let path = format!("spec.names.{field}");
        if object.str_at(&path).is_empty() && !kind.is_empty() {
            object.set_at(&path, value);
        }
    }
    if object.at("spec.conversion").is_none() {
        object.set_at("spec.conversion", json!({"strategy": "None"}));
    }
    let service = "spec.conversion.webhook.clientConfig.service";
    if object.at(service).is_some_and(|s| s.at("port").is_none()) {
        object.set_at(&format!("{service}.port"), 443);
    }
}

/// Keeps the list of versions that objects may be stored in.
fn prepare(object: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        object.set_at(
            "status",
            json!({"acceptedNames": {"kind": "", "plural": ""},
            "conditions": [], "storedVersions": []}),
        );
    }
    let storage = object.list_at("spec.versions").iter().find(|v| v.is_true("storage"));
    let storage = storage.map(|v| v.str_at("name").to_owned());
    let mut stored = object.list_at("status.storedVersions").to_vec();
    if let Some(storage) = storage.filter(|storage| !stored.iter().any(|v| v == storage)) {
        stored.push(storage.into());
    }
    object.set_at("status.storedVersions", stored);
    Ok(())
}

/// Where a status names no version that objects may be stored in, it is the one they are.
fn prepare_status(object: &mut Value, _: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if object.list_at("status.storedVersions").is_empty() {
        let storage = object.list_at("spec.versions").iter().filter(|v| v.is_true("storage"));
        let storage: Vec<Value> = storage.map(|v| v["name"].clone()).collect();
        object.set_at("status.storedVersions", storage);
    }
    Ok(())
}

/// Its objects go first.
fn mark_deleting(object: &mut Value) {
    let mut finalizers = object.list_at("metadata.finalizers").to_vec();
    if !finalizers.iter().any(|f| f == CLEANUP) {
        finalizers.push(CLEANUP.into());
    }
    object.set_at("metadata.finalizers", finalizers);
    let now = object.str_at("metadata.deletionTimestamp").to_owned();
    let mut conditions = object.list_at("status.conditions").to_vec();
    conditions.retain(|c| c.str_at("type") != "Terminating");
    conditions.push(json!({
        "lastTransitionTime": now, "status": "True", "type": "Terminating",
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }));
    object.set_at("status.conditions", conditions);
}

/// Formats nobody knows, where the old definition did not have them already.
fn warn(object: &Value, old: Option<&Value>) -> Vec<String> {
    let known = old.map(formats).unwrap_or_default();
    let unknown = formats(object).into_iter().filter(|f| !known.contains(f));
    unknown.map(|f| format!("unrecognized format {f:?}")).collect()
}

fn formats(object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for version in object.list_at("spec.versions") {
        if let Some(schema) = version.at("schema.openAPIV3Schema") {
            below(schema, &mut found);
        }
    }
    found
}

fn below(schema: &Value, found: &mut Vec<String>) {
    let format = schema.str_at("format");
    let typed = matches!(schema.str_at("type"), "string" | "number" | "integer");
    if typed && !format.is_empty() && !is_known_format(format) && !found.iter().any(|f| f == format)
    {
        found.push(format.into());
    }
    for schema in schema.map_at("properties").into_iter().flat_map(|m| m.values()) {
        below(schema, found);
    }
    for name in ["items", "additionalProperties"] {
        if let Some(schema) = schema.get(name) {
            below(schema, found);
        }
    }
}
