//! Documents of other servers, made part of our own (version 2, where all is one document): what is
//! not of their group is left out, and a definition that means something else here gets a name of its
//! own. Source: kube-openapi `pkg/aggregator`.

use crate::object::{Map, ObjectExt, Text, Value, json};
use std::collections::{BTreeSet, HashMap};

const REFERENCE: &str = "#/definitions/";
const KINDS: &str = "x-kubernetes-group-version-kind";

/// The part of a document below a path: its paths, and the definitions they lead to.
pub fn below(document: &Value, path: &str) -> Value {
    let Some(paths) = document.map_at("paths") else { return json!({}) };
    let kept = paths.iter().filter(|(at, _)| at.starts_with(path));
    let kept: Map = kept.map(|(at, item)| (at.clone(), item.clone())).collect();
    let (mut used, mut open) = (BTreeSet::new(), Vec::new());
    kept.values().for_each(|item| references(item, &mut open));
    while let Some(name) = open.pop() {
        if let Some(schema) = document["definitions"].get(&name)
            && used.insert(name)
        {
            references(schema, &mut open);
        }
    }
    let used = used.into_iter().map(|name| {
        let schema = document["definitions"][&name].clone();
        (name, schema)
    });
    json!({"paths": kept, "definitions": used.collect::<Map>()})
}

/// Puts what [`below`] left of another server's document into one.
pub fn unite(whole: &mut Value, mut other: Value) {
    let known = whole["paths"].as_object().cloned().unwrap_or_default();
    if let Some(paths) = other["paths"].as_object_mut() {
        paths.retain(|at, _| !known.contains_key(at));
    }
    let names = renamed(&whole["definitions"], &other["definitions"]);
    rename(&mut other, &names);
    for part in ["paths", "definitions"] {
        let Some(more) = other[part].as_object_mut() else { continue };
        let more = std::mem::take(more).into_iter();
        for (name, value) in more {
            let name =
                if part == "paths" { name } else { names.get(&name).cloned().unwrap_or(name) };
            let place = &mut whole[part][&name];
            if place.is_null() {
                *place = value;
            }
        }
    }
}

/// New names of definitions that are others under theirs here.
fn renamed(here: &Value, there: &Value) -> HashMap<Text, Text> {
    let mut names = HashMap::new();
    for (name, schema) in there.as_object().into_iter().flatten() {
        let taken = |name: &str| here.get(name).is_some_and(|known| !alike(known, schema));
        let mut free = (2..).map(|n| format!("{name}_v{n}")).filter(|name| !taken(name));
        if taken(name)
            && let Some(free) = free.next()
        {
            names.insert(name.clone(), free.into());
        }
    }
    names
}

/// Whether two definitions are the same, whatever kinds they are said to be of.
fn alike(one: &Value, other: &Value) -> bool {
    let bare = |schema: &Value| {
        let mut schema = schema.clone();
        schema.as_object_mut().map(|fields| fields.remove(KINDS));
        schema
    };
    one == other || bare(one) == bare(other)
}

fn references(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let name = map.get("$ref").and_then(Value::as_str);
            out.extend(name.and_then(|r| r.strip_prefix(REFERENCE)).map(str::to_owned));
            map.values().for_each(|v| references(v, out));
        }
        Value::Array(list) => list.iter().for_each(|v| references(v, out)),
        _ => {}
    }
}

fn rename(value: &mut Value, names: &HashMap<Text, Text>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get_mut("$ref")
                && let Some(name) = to.strip_prefix(REFERENCE).and_then(|name| names.get(name))
            {
                *to = format!("{REFERENCE}{name}").into();
            }
            map.values_mut().for_each(|v| rename(v, names));
        }
        Value::Array(list) => list.iter_mut().for_each(|v| rename(v, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_part_of_another() {
        let to = |name: &str| json!({"schema": {"$ref": format!("{REFERENCE}{name}")}});
        let mut whole = json!({"swagger": "2.0", "paths": {"/apis/x/v1/": to("Same"), "/api/": {}},
            "definitions": {"Same": {"type": "object"}, "Other": {"type": "string"}}});
        let theirs = json!({"info": {}, "paths": {
                "/apis/x/v1/": {"get": to("Lost")}, "/apis/x/v1/things": to("Thing"),
                "/version/": to("Unused")},
            "definitions": {
                "Thing": {"properties": {"same": {"$ref": "#/definitions/Same"},
                    "other": {"$ref": "#/definitions/Other"}}},
                "Same": {"type": "object", KINDS: [{"kind": "Same"}]},
                "Other": {"type": "integer"}, "Unused": {}, "Lost": {"type": "object"}}});
        let part = below(&theirs, "/apis/x/v1/");
        let names: Vec<&Text> = part["definitions"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["Lost", "Other", "Same", "Thing"]);
        unite(&mut whole, part);
        let expected = json!({"swagger": "2.0",
            "paths": {"/apis/x/v1/": to("Same"), "/api/": {}, "/apis/x/v1/things": to("Thing")},
            "definitions": {"Same": {"type": "object"}, "Other": {"type": "string"},
                "Other_v2": {"type": "integer"}, "Lost": {"type": "object"},
                "Thing": {"properties": {"same": {"$ref": "#/definitions/Same"},
                    "other": {"$ref": "#/definitions/Other_v2"}}}}});
        assert_eq!(whole, expected);
        assert_eq!(below(&json!([]), "/"), json!({}));
    }
}
