//! The definitions of what operators on OpenShift import, made from the facts in `openshift.crds`.
//! Schemas go no deeper than the facts: what stands below is kept as it is sent.

use crate::object::{Map, Value, json};

const FACTS: &str = include_str!("openshift.crds");

/// All definitions, as somebody would create them.
pub fn definitions() -> Vec<Value> {
    let (mut group, mut found) = ("", Vec::new());
    let lines = FACTS.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    for line in lines {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, found.last_mut()) {
            ("group", _) => group = rest,
            ("kind", _) => found.push(definition(group, rest)),
            ("version", Some(definition)) => {
                push(&mut definition["spec"], "versions", version(rest))
            }
            (word, Some(definition)) => {
                let versions = definition["spec"]["versions"].as_array_mut();
                if let Some(version) = versions.and_then(|v| v.last_mut()) {
                    more(version, word, rest);
                }
            }
            (_, None) => {}
        }
    }
    found
}

fn push(object: &mut Value, list: &str, item: Value) {
    match &mut object[list] {
        Value::Array(list) => list.push(item),
        other => *other = json!([item]),
    }
}

/// Kind, plural, singular and scope; then what only some have.
fn definition(group: &str, line: &str) -> Value {
    let mut words = line.split(' ');
    let mut next = || words.next().unwrap_or_default();
    let (kind, plural, singular, scope) = (next(), next(), next(), next());
    let mut names = json!({"kind": kind, "listKind": format!("{kind}List"), "plural": plural,
        "singular": singular});
    let mut metadata = json!({"name": format!("{plural}.{group}")});
    let texts = |list: &str| json!(list.split(',').collect::<Vec<_>>());
    for (option, value) in words.filter_map(|w| w.split_once('=')) {
        match option {
            "list" => names["listKind"] = json!(value),
            "short" => names["shortNames"] = texts(value),
            "categories" => names["categories"] = texts(value),
            "approved" => metadata["annotations"]["api-approved.kubernetes.io"] = json!(value),
            _ => {}
        }
    }
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {"group": group, "scope": scope, "names": names, "versions": []}})
}

fn version(line: &str) -> Value {
    let (name, marks) = line.split_once(' ').unwrap_or((line, ""));
    let has = |mark: &str| marks.split(' ').any(|m| m == mark);
    let mut version = json!({"name": name, "served": !has("unserved"), "storage": has("storage"),
        "schema": {"openAPIV3Schema": {"type": "object"}}});
    if has("status") {
        version["subresources"]["status"] = json!({});
    }
    version
}

/// What a line says of a version.
fn more(version: &mut Value, word: &str, line: &str) {
    match word {
        "scale" => {
            let paths = ["specReplicasPath", "statusReplicasPath", "labelSelectorPath"];
            let said = paths.iter().zip(line.split(' '));
            let scale: Map = said.map(|(name, path)| ((*name).to_owned(), json!(path))).collect();
            version["subresources"]["scale"] = Value::Object(scale);
        }
        "column" => {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            if let [kind, path, priority, name] = words.as_slice() {
                let mut column = json!({"name": name, "type": kind, "jsonPath": path});
                if let Some(priority) = priority.parse::<i64>().ok().filter(|p| *p > 0) {
                    column["priority"] = json!(priority);
                }
                push(version, "additionalPrinterColumns", column);
            }
        }
        "root" => fields(&mut version["schema"]["openAPIV3Schema"], line),
        part => {
            let root = &mut version["schema"]["openAPIV3Schema"]["properties"];
            fields(&mut root[part], line);
        }
    }
}

/// Adds fields to the schema of an object.
fn fields(schema: &mut Value, line: &str) {
    for (name, code) in line.split(' ').filter_map(|w| w.split_once(':')) {
        let open = || json!({"x-kubernetes-preserve-unknown-fields": true});
        schema["properties"][name] = match code.trim_end_matches('!') {
            "s" => json!({"type": "string"}),
            "i" => json!({"type": "integer"}),
            "b" => json!({"type": "boolean"}),
            "n" => json!({"type": "number"}),
            "a" => json!({"type": "array", "items": open()}),
            "o" => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
            "x" => json!({"x-kubernetes-int-or-string": true}),
            _ => open(),
        };
        if code.ends_with('!') {
            push(schema, "required", json!(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectExt;

    #[test]
    fn facts_become_definitions() {
        let all = definitions();
        let rows = FACTS.lines().filter(|l| l.starts_with("kind ")).count();
        assert_eq!(all.len(), rows);
        let named = |name: &str| all.iter().find(|d| d.name() == name).unwrap();
        let monitor = named("servicemonitors.monitoring.coreos.com");
        assert_eq!(monitor.list_at("spec.names.shortNames"), [json!("smon")]);
        let version = &monitor.list_at("spec.versions")[0];
        let spec = version.at("schema.openAPIV3Schema.properties.spec").unwrap();
        assert_eq!(spec.str_at("properties.endpoints.type"), "array");
        assert!(spec.list_at("required").contains(&json!("selector")));
        let sets = &named("machinesets.machine.openshift.io").list_at("spec.versions")[0];
        assert_eq!(sets.str_at("subresources.scale.specReplicasPath"), ".spec.replicas");
        let first = &sets.list_at("additionalPrinterColumns")[0];
        assert_eq!((first.str_at("name"), first.str_at("type")), ("Desired", "integer"));
        for definition in &all {
            let stored = definition.list_at("spec.versions").iter();
            assert_eq!(stored.filter(|v| v.is_true("storage")).count(), 1, "{}", definition.name());
        }
    }
}
