//! Random changes of a manifest: mostly such as a person might make, some that no type allows.

use crate::corpus::{Corpus, Subject};
use rand::{Rng, rngs::StdRng};
use serde_json::{Value, json};

/// A number below `n`.
pub fn below(chance: &mut StdRng, n: usize) -> usize {
    chance.random_range(0..n)
}

/// Changes an object in up to four places.
pub fn object(object: &mut Value, subject: &Subject, corpus: &Corpus, chance: &mut StdRng) {
    let ty = corpus.definition(&subject.definition);
    for _ in 0..below(chance, 5) {
        step(object, ty, corpus, chance, 0);
    }
}

/// Goes down a random way and changes what is there.
fn step(value: &mut Value, schema: &Value, corpus: &Corpus, chance: &mut StdRng, depth: usize) {
    let schema = corpus.resolve(schema);
    let deeper = below(chance, 10) < 7;
    match value {
        Value::Object(map) => {
            let keys: Vec<String> = map
                .keys()
                .filter(|k| depth > 0 || !["apiVersion", "kind", "status"].contains(&k.as_str()))
                .cloned()
                .collect();
            if deeper && !keys.is_empty() {
                let key = &keys[below(chance, keys.len())];
                let part = part(schema, key);
                if let Some(inner) = map.get_mut(key) {
                    return step(inner, part, corpus, chance, depth + 1);
                }
            }
            match below(chance, 20) {
                0 if !keys.is_empty() => drop(map.remove(&keys[below(chance, keys.len())])),
                1 => drop(map.insert("unheardOf".into(), json!("x"))),
                _ => add(map, schema, corpus, chance, depth),
            }
        }
        Value::Array(items) => {
            let part = schema.get("items").unwrap_or(&Value::Null);
            if deeper && !items.is_empty() {
                let at = below(chance, items.len());
                return step(&mut items[at], part, corpus, chance, depth + 1);
            }
            match below(chance, 4) {
                0 => items.clear(),
                1 if !items.is_empty() => items.push(items[0].clone()),
                _ => items.push(any(part, "", corpus, chance, depth)),
            }
        }
        leaf => *leaf = other(leaf, schema, corpus, chance),
    }
}

/// Adds a field the type knows.
fn add(
    map: &mut serde_json::Map<String, Value>,
    schema: &Value,
    corpus: &Corpus,
    chance: &mut StdRng,
    depth: usize,
) {
    let known: Vec<&String> =
        schema["properties"].as_object().into_iter().flat_map(|p| p.keys()).collect();
    let own = ["apiVersion", "kind", "managedFields", "status", "generateName"];
    let known: Vec<_> = known.into_iter().filter(|k| !own.contains(&k.as_str())).collect();
    if known.is_empty() {
        let key = text("key", chance);
        map.insert(key, any(part(schema, ""), "", corpus, chance, depth));
        return;
    }
    let key = known[below(chance, known.len())];
    map.insert(key.clone(), any(part(schema, key), key, corpus, chance, depth));
}

/// The type of a field.
fn part<'a>(schema: &'a Value, key: &str) -> &'a Value {
    schema["properties"].get(key).unwrap_or(&schema["additionalProperties"])
}

/// A value instead of a leaf: usually of its type.
fn other(leaf: &Value, schema: &Value, corpus: &Corpus, chance: &mut StdRng) -> Value {
    match below(chance, 20) {
        0 => Value::Null,
        1 => [json!(5), json!("5"), json!(true), json!([]), json!({})][below(chance, 5)].clone(),
        _ if schema.is_object() => any(schema, "", corpus, chance, 0),
        _ => match leaf {
            Value::Number(_) => number(chance),
            Value::Bool(b) => json!(!b),
            _ => json!(text("", chance)),
        },
    }
}

/// A value of a type.
fn any(schema: &Value, key: &str, corpus: &Corpus, chance: &mut StdRng, depth: usize) -> Value {
    let schema = corpus.resolve(schema);
    if let Some(allowed) = schema["enum"].as_array().filter(|a| !a.is_empty())
        && below(chance, 8) > 0
    {
        return allowed[below(chance, allowed.len())].clone();
    }
    match schema["type"].as_str().unwrap_or_default() {
        "boolean" => json!(chance.random_bool(0.5)),
        "integer" => number(chance),
        "number" => json!(0.5),
        "array" => {
            let part = &schema["items"];
            (0..below(chance, 3)).map(|_| any(part, key, corpus, chance, depth + 1)).collect()
        }
        "object" if schema["properties"].is_null() => {
            let part = &schema["additionalProperties"];
            let mut map = serde_json::Map::new();
            for _ in 0..below(chance, 3) {
                map.insert(text("key", chance), any(part, key, corpus, chance, depth + 1));
            }
            Value::Object(map)
        }
        "object" => whole(schema, corpus, chance, depth),
        _ if schema["x-kubernetes-int-or-string"] == true => number(chance),
        _ => json!(text(if schema["format"].is_string() { "format" } else { key }, chance)),
    }
}

/// An object with what its type demands and a little more.
fn whole(schema: &Value, corpus: &Corpus, chance: &mut StdRng, depth: usize) -> Value {
    let mut map = serde_json::Map::new();
    for required in schema["required"].as_array().into_iter().flatten() {
        let key = required.as_str().unwrap_or_default();
        if below(chance, 12) > 0 {
            map.insert(key.into(), any(part(schema, key), key, corpus, chance, depth + 1));
        }
    }
    if depth < 6 {
        for _ in 0..below(chance, 3) {
            add(&mut map, schema, corpus, chance, depth + 1);
        }
    }
    Value::Object(map)
}

fn number(chance: &mut StdRng) -> Value {
    const NUMBERS: &[i64] =
        &[0, 1, 2, 3, 5, 10, 30, 80, 443, 8080, 65535, 65536, 100_000, -1, i64::MAX];
    json!(NUMBERS[below(chance, NUMBERS.len())])
}

/// A text that fits the field's name more often than not.
fn text(key: &str, chance: &mut StdRng) -> String {
    const NAMES: &[&str] =
        &["a", "web", "default", "a.b", "a-b", "x/y", "example.com/x", "A", "a_b", "-x", ""];
    const QUANTITIES: &[&str] =
        &["1", "100m", "1Gi", "0", "-1", "1.5", "1e3", "abc", "10Ki", "0.0001"];
    const OTHERS: &[&str] = &[
        "http",
        "https",
        "TCP",
        "UDP",
        "10.0.0.1",
        "10.0.0.0/8",
        "::1",
        "/tmp",
        "/",
        "../x",
        "50%",
        "5",
        "2026-01-01T00:00:00Z",
        "Always",
        "Never",
        "In",
        "Exists",
        "cpu",
        "memory",
        "pods",
        "*",
        "$(A)",
        "this text has spaces",
        "kubernetes.io/hostname",
    ];
    let long = "a".repeat(64);
    let pool = match key {
        "key" | "name" | "namespace" => NAMES,
        "format" => QUANTITIES,
        _ => [OTHERS, NAMES, QUANTITIES][[0, 0, 1, 2][below(chance, 4)]],
    };
    if below(chance, 40) == 0 { long } else { pool[below(chance, pool.len())].into() }
}
