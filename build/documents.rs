//! Writes the OpenAPI components: one compressed JSON object of schemas per group version (OpenAPI
//! v3) and one of everything (v2). Paths are added at run time, from the kinds really served.

use crate::{Definitions, Root, facts::Facts, shapes};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, error::Error, fmt::Write as _, fs, io::Write as _, path::Path};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
/// Bodies that any group version may send or answer.
const COMMON: &[&str] = &["APIResourceList", "DeleteOptions", "Patch", "Status", "WatchEvent"];
/// Subresource bodies that live in another group's package.
const FOREIGN: &[&str] = &[
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.policy.v1.Eviction",
    "io.k8s.api.authentication.v1.TokenRequest",
];

/// How the definitions of types of our own begin; they are served only where their kinds are.
const OWN: &str = "io.pocketshift.";

/// Writes the files and `documents.rs`, which includes them.
pub fn write(
    out: &Path,
    mut definitions: Definitions,
    facts: &Facts,
    roots: &[Root],
) -> Result<(), Box<dyn Error>> {
    for (name, schema) in &mut definitions {
        enrich(name, schema, facts);
    }
    let lists = mark_kinds(&mut definitions, roots);
    let mut source = String::from("static COMPONENTS: &[(&str, &[u8])] = &[\n");
    let versions: BTreeSet<_> = roots.iter().map(|r| (&r.group, &r.version)).collect();
    for (group, version) in versions {
        let own = roots.iter().filter(|r| (&r.group, &r.version) == (group, version));
        let own: Vec<&str> = own.map(|r| r.definition.as_str()).collect();
        let lists =
            lists.iter().filter(|(of, _)| own.contains(&of.as_str())).map(|(_, l)| l.as_str());
        let schemas = closure(own.iter().copied().chain(lists), &definitions);
        let path = if group.is_empty() {
            format!("api/{version}")
        } else {
            format!("apis/{group}/{version}")
        };
        let file = out.join(format!("{}.json.gz", path.replace('/', "_")));
        compress(&file, &Value::Object(schemas))?;
        writeln!(source, "({path:?}, include_bytes!({:?})),", file.display().to_string())?;
    }
    writeln!(source, "];")?;
    let (own, upstream): (Map<_, _>, Map<_, _>) = definitions
        .into_iter()
        .map(|(name, schema)| (name, version2(schema)))
        .partition(|(name, _)| name.starts_with(OWN));
    for (name, all) in [("DEFINITIONS", upstream), ("OWN_DEFINITIONS", own)] {
        let file = out.join(format!("{}.json.gz", name.to_lowercase()));
        compress(&file, &Value::Object(all))?;
        let path = file.display().to_string();
        writeln!(source, "static {name}: &[u8] = include_bytes!({path:?});")?;
    }
    fs::write(out.join("documents.rs"), source)?;
    Ok(())
}

fn compress(file: &Path, value: &Value) -> Result<(), Box<dyn Error>> {
    let mut encoder = GzEncoder::new(fs::File::create(file)?, Compression::best());
    encoder.write_all(value.to_string().as_bytes())?;
    encoder.finish()?;
    Ok(())
}

/// Adds the facts to a schema and gives it the form upstream's documents have.
fn enrich(name: &str, schema: &mut Value, facts: &Facts) {
    if name.ends_with(".IntOrString") || name.ends_with(".Quantity") {
        let scalar = if name.ends_with("Quantity") { "number" } else { "integer" };
        let description = schema["description"].take();
        *schema = json!({ "description": description, "oneOf": [{ "type": "string" }, { "type": scalar }] });
        if scalar == "integer" {
            schema["format"] = "int-or-string".into();
        }
        return;
    }
    if facts.atomic.iter().any(|a| a == name) {
        schema["x-kubernetes-map-type"] = "atomic".into();
    }
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let Some(properties) = properties else { return };
    for (field, property) in properties {
        let key = (name.to_owned(), field.clone());
        merge_facts(property, facts, &key);
        if let Some(target) = property.as_object_mut().and_then(|p| p.remove("$ref")) {
            property["allOf"] = json!([{ "$ref": target }]);
        }
        if let Some(default) = facts.defaults.get(&key) {
            property["default"] = default.clone();
        }
    }
}

fn merge_facts(property: &mut Value, facts: &Facts, key: &(String, String)) {
    let merge = facts.merge.get(key);
    if property["type"] == "array" {
        let kind = merge.map_or("atomic", |m| match (m.set, m.map_keys.is_empty()) {
            (true, _) => "set",
            (_, false) => "map",
            _ => "atomic",
        });
        property["x-kubernetes-list-type"] = kind.into();
    }
    let Some(merge) = merge else { return };
    if merge.atomic {
        property["x-kubernetes-map-type"] = "atomic".into();
    }
    if !merge.map_keys.is_empty() {
        property["x-kubernetes-list-map-keys"] = json!(merge.map_keys);
    }
    if !merge.merge_key.is_empty() {
        property["x-kubernetes-patch-merge-key"] = json!(merge.merge_key);
    }
    if !merge.strategies.is_empty() {
        property["x-kubernetes-patch-strategy"] = merge.strategies.join(",").into();
    }
}

/// Names kinds in their schemas and adds their lists; returns pairs of definition and list.
fn mark_kinds(definitions: &mut Definitions, roots: &[Root]) -> Vec<(String, String)> {
    let mut lists = Vec::new();
    let mut options = BTreeSet::new();
    for root in roots {
        let gvk =
            |kind: &str| json!({ "group": root.group, "version": root.version, "kind": kind });
        if !root.definition.starts_with(OWN) {
            options.insert((root.group.clone(), root.version.clone()));
        }
        let Some(schema) = definitions.get_mut(&root.definition) else { continue };
        schema["x-kubernetes-group-version-kind"] = json!([gvk(&root.kind)]);
        let metadata = shapes::reference(&schema["properties"]["metadata"]).unwrap_or("");
        if metadata.ends_with(".ObjectMeta") {
            let name = format!("{}List", root.definition);
            let mut list = list_schema(&root.kind, &root.definition);
            list["x-kubernetes-group-version-kind"] = json!([gvk(&format!("{}List", root.kind))]);
            definitions.insert(name.clone(), list);
            lists.push((root.definition.clone(), name));
        }
    }
    let every = options
        .iter()
        .map(|(g, v)| json!({ "group": g, "version": v, "kind": "DeleteOptions" }))
        .collect();
    if let Some(schema) = definitions.get_mut(&format!("{META}.DeleteOptions")) {
        schema["x-kubernetes-group-version-kind"] = Value::Array(every);
    }
    lists
}

fn list_schema(kind: &str, definition: &str) -> Value {
    json!({
        "description": format!("A list of {kind} objects."),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": { "description": "Version of the schema of this list.", "type": "string" },
            "items": {
                "description": "The objects.",
                "type": "array",
                "items": { "allOf": [{ "$ref": format!("{}{definition}", shapes::REFERENCE) }], "default": {} },
            },
            "kind": { "description": "Kind of this list.", "type": "string" },
            "metadata": {
                "description": "Revision of the list and where it continues.",
                "allOf": [{ "$ref": format!("{}{META}.ListMeta", shapes::REFERENCE) }],
            },
        },
    })
}

/// The schemas reachable from `names`, the common ones included.
fn closure<'a>(
    names: impl Iterator<Item = &'a str>,
    definitions: &Definitions,
) -> Map<String, Value> {
    let mut open: Vec<String> = names.map(str::to_owned).collect();
    open.extend(COMMON.iter().map(|n| format!("{META}.{n}")));
    open.extend(FOREIGN.iter().map(|n| (*n).to_owned()));
    let mut schemas = Map::new();
    while let Some(name) = open.pop() {
        let Some(schema) = definitions.get(&name).filter(|_| !schemas.contains_key(&name)) else {
            continue;
        };
        references(schema, &mut open);
        schemas.insert(name, schema.clone());
    }
    schemas
}

fn references(schema: &Value, to: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            let target = map.get("$ref").and_then(Value::as_str);
            to.extend(target.and_then(|t| t.strip_prefix(shapes::REFERENCE)).map(str::to_owned));
            map.values().for_each(|v| references(v, to));
        }
        Value::Array(list) => list.iter().for_each(|v| references(v, to)),
        _ => {}
    }
}

/// The same schema as OpenAPI v2 writes it: direct references, no `oneOf`.
fn version2(schema: Value) -> Value {
    match schema {
        Value::Object(mut map) => {
            if let Some(Value::Array(all)) = map.remove("allOf") {
                map.extend(all.into_iter().filter_map(|s| s.as_object().cloned()).flatten());
            }
            if map.remove("oneOf").is_some() {
                map.insert("type".into(), "string".into());
            }
            let below = |(key, value): (String, Value)| {
                let value = match value {
                    // Names of fields, which may be those of keywords.
                    Value::Object(fields) if key == "properties" => {
                        fields.into_iter().map(|(name, s)| (name, version2(s))).collect()
                    }
                    value => version2(value),
                };
                (key, value)
            };
            Value::Object(map.into_iter().map(below).collect())
        }
        Value::Array(list) => list.into_iter().map(version2).collect(),
        Value::String(s) => s.replacen(shapes::REFERENCE, "#/definitions/", 1).into(),
        other => other,
    }
}
