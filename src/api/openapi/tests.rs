//! Every document is whole: valid JSON, no dangling references, what kubectl looks for is there.

use super::*;
use crate::kinds::{ALL_VERBS, Kind, Served, ServedKind, Sub};
use std::collections::BTreeSet;

static DEPLOYMENTS: Kind = Kind {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    subresources: &[Sub::STATUS, Sub::SCALE],
    schema: "io.k8s.api.apps.v1.Deployment",
    verbs: ALL_VERBS,
    ..Kind::BASE
};

fn references(value: &Value, to: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            to.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|v| references(v, to));
        }
        Value::Array(list) => list.iter().for_each(|v| references(v, to)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let sources = COMPONENTS.iter().map(|(p, b)| (*p, *b, "#/components/schemas/"));
    for (path, blob, prefix) in sources.chain([("v2", DEFINITIONS, "#/definitions/")]) {
        let mut text = Vec::new();
        inflate(blob, &mut text);
        let schemas: Value = serde_json::from_slice(&text).unwrap();
        let mut targets = BTreeSet::new();
        references(&schemas, &mut targets);
        assert!(!targets.is_empty(), "{path}");
        for target in targets {
            let name = target.strip_prefix(prefix).unwrap();
            assert!(schemas.get(name).is_some(), "{path}: {target}");
        }
    }
}

#[test]
fn the_schemas_carry_what_the_crate_lacks() {
    let (_, blob) = COMPONENTS.iter().find(|(p, _)| *p == "apis/apps/v1").unwrap();
    let mut text = Vec::new();
    inflate(blob, &mut text);
    let schemas: Value = serde_json::from_slice(&text).unwrap();
    let containers = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
    assert_eq!(containers["x-kubernetes-list-map-keys"], serde_json::json!(["name"]));
    assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
    let deployment = &schemas["io.k8s.api.apps.v1.Deployment"];
    assert_eq!(deployment["x-kubernetes-group-version-kind"][0]["kind"], "Deployment");
    let spec = &deployment["properties"]["spec"];
    assert_eq!(spec["allOf"][0]["$ref"], "#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec");
    assert!(spec["description"].is_string());
    assert!(schemas["io.k8s.api.apps.v1.DeploymentList"]["properties"]["items"].is_object());
}

#[test]
fn kubectl_finds_field_validation_on_patch() {
    let made = Served::Made(ServedKind::of(&DEPLOYMENTS).into());
    let paths = paths::of([made].into_iter(), Format::V3);
    let path = |path: &str| serde_json::from_slice::<Value>(&paths[path]).unwrap();
    let item = path("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
    let patch = &item["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Deployment");
    let parameters = patch["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|p| p["name"] == "fieldValidation" && p["in"] == "query"));
    assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
    let scale = path("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale");
    let scale = &scale["put"];
    assert_eq!(scale["x-kubernetes-group-version-kind"]["group"], "autoscaling");
    assert_eq!(
        scale["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/io.k8s.api.autoscaling.v1.Scale"
    );
    assert_eq!(
        path("/apis/apps/v1/deployments")["get"]["operationId"],
        "listAppsV1DeploymentForAllNamespaces"
    );
}

#[test]
fn every_served_group_version_has_a_document() {
    let index: Value = serde_json::from_slice(&v3_index(&Catalogue::default())).unwrap();
    for path in index["paths"].as_object().unwrap().keys() {
        let document: Value =
            serde_json::from_slice(&v3(&Catalogue::default(), path).unwrap()).unwrap();
        let mut targets = BTreeSet::new();
        references(&document["paths"], &mut targets);
        for target in targets {
            let name = target.strip_prefix("#/components/schemas/").unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{path}: {target}");
        }
    }
    let v2: Value = serde_json::from_slice(&v2(&Catalogue::default())).unwrap();
    assert!(v2["definitions"]["io.k8s.api.core.v1.Pod"].is_object());
    assert!(v3(&Catalogue::default(), "apis/no/v1").is_none());
}

#[test]
fn fields_may_be_called_as_keywords_are() {
    let v2: Value = serde_json::from_slice(&v2(&Catalogue::default())).unwrap();
    let name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
    let properties = &v2["definitions"][name]["properties"];
    for field in ["allOf", "anyOf", "oneOf", "type", "properties", "items"] {
        assert!(properties[field].is_object(), "{field}: {}", properties[field]);
    }
    for (name, schema) in v2["definitions"].as_object().unwrap() {
        assert_ne!(schema.get("properties"), Some(&Value::Null), "{name}");
    }
}

/// What OpenShift's types and ours say of each of their fields: text, type and field.
fn described() -> Vec<(String, String, String)> {
    let own = read(DEFINITIONS).into_iter().chain(read(OWN_DEFINITIONS));
    let own = own.filter(|(name, _)| !name.starts_with("io.k8s.") && !name.ends_with("List"));
    let mut all = Vec::new();
    for (name, schema) in own {
        let schema: Value = serde_json::from_slice(&schema).unwrap();
        let fields = schema["properties"].as_object().into_iter().flatten();
        for (field, property) in fields {
            let Some(text) = property["description"].as_str() else { continue };
            all.push((text.to_owned(), name.clone(), field.clone()));
        }
    }
    all
}

/// A text that fits the fields of many types says nothing about any of them. What means the same wherever it
/// stands is what Kubernetes' conventions name, and what types have in common that are variants of one:
/// they share the texts of further fields as well.
#[test]
fn a_description_is_about_its_field() {
    const CONVENTIONS: &[&str] =
        &["apiVersion", "conditions", "kind", "metadata", "spec", "status"];
    let described = described();
    assert!(described.len() > 500, "{}", described.len());
    let mut said: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    let mut of: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (text, name, field) in &described {
        said.entry(text).or_default().push((name, field));
        of.entry(name).or_default().insert((text, field));
    }
    for (text, at) in said {
        let fields: BTreeSet<_> = at.iter().map(|(_, field)| *field).collect();
        let convention = fields.len() == 1 && fields.iter().all(|f| CONVENTIONS.contains(f));
        if at.len() <= 3 || convention {
            continue;
        }
        assert_eq!(fields.len(), 1, "{text:?} is said of fields of different names: {at:?}");
        let first = of[at[0].0].clone();
        let common = at.iter().fold(first, |both, (name, _)| &both & &of[name]);
        let common = common.iter().filter(|(_, field)| !CONVENTIONS.contains(field)).count();
        assert!(common >= 3, "{text:?} is said of types that are not alike: {at:?}");
    }
}

/// Who asks what a field is knows its name.
#[test]
fn a_description_says_more_than_the_name() {
    let plain = |text: &str| -> String {
        let text = text.strip_prefix("The ").unwrap_or(text);
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
    };
    for (text, name, field) in described() {
        assert_ne!(plain(&text), plain(&field), "{name}.{field}: {text}");
    }
    for (name, schema) in read(DEFINITIONS) {
        let schema: Value = serde_json::from_slice(&schema).unwrap();
        let own = name.rsplit('.').next().unwrap_or_default();
        let text = schema["description"].as_str().unwrap_or_default();
        assert!(name.starts_with("io.k8s.") || plain(text) != plain(own), "{name}: {text}");
    }
}
