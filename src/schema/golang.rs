//! Objects as Go prints the structs behind them: fields by their Go names, in the order they are
//! declared, those that are unset as well. Errors show values of upstream's internal types so.
//!
//! The order is that of the numbers in protobuf, unless `golang.facts` knows another one.

use super::{Field, Presence, Shape, Type};
use crate::object::{Map, ObjectExt, Value};
use std::{collections::HashMap, sync::LazyLock};

/// What internal types have otherwise than those on the wire: by type, JSON names and Go names.
static FACTS: LazyLock<HashMap<&str, Vec<(&str, &str)>>> = LazyLock::new(|| {
    let (mut all, mut of) = (HashMap::<&str, Vec<_>>::new(), "");
    for line in include_str!("golang.facts").lines().filter(|l| !l.starts_with('#')) {
        let mut words = line.split_whitespace();
        if !line.starts_with(' ') {
            of = words.next().unwrap_or_default();
        }
        let named = words.map(|word| word.split_once('=').unwrap_or((word, "")));
        all.entry(of).or_default().extend(named);
    }
    all
});

/// Where a pod says what it shares with its node; internally its security context does.
const OF_THE_HOST: [&str; 5] =
    ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"];

/// The object on one line.
pub fn text(of: &'static Type, value: &Value) -> String {
    let nothing = Map::new();
    object(of, value.as_object().unwrap_or(&nothing))
}

/// The struct `name` that `of` embeds, over several lines.
pub fn lines_of_embedded(of: &'static Type, name: &str, value: &Value) -> String {
    let found = of.embedded.iter().find(|e| e.name == name);
    let inner = found.and_then(|e| Some((Shape::Object(e.message).object()?, e.name)));
    let nothing = Map::new();
    let map = value.as_object().unwrap_or(&nothing);
    inner.map_or_else(String::new, |(inner, name)| indented(&braced(parts(inner, name), map)))
}

/// A field as Go has it: its name there, its name in JSON, and what is known of it.
type Part = (String, &'static str, Option<&'static Field>);

/// The fields of a type, in order; `called` is its name.
fn parts(of: &'static Type, called: &str) -> Vec<Part> {
    let embedded = |name: &str| {
        let found = of.embedded.iter().find(|e| e.name == name)?;
        Some(parts(Shape::Object(found.message).object()?, found.name))
    };
    if let Some(known) = FACTS.get(called) {
        let part = |&(json, go): &(&'static str, &str)| {
            embedded(json).unwrap_or_else(|| {
                let go = if go.is_empty() { go_name(json) } else { go.to_owned() };
                vec![(go, json, of.field(json))]
            })
        };
        return known.iter().flat_map(part).collect();
    }
    let plain = |f: &'static Field| (f.proto, vec![(go_name(f.name), f.name, Some(f))]);
    let mut all: Vec<(u32, Vec<Part>)> =
        of.fields.iter().filter(|f| f.proto != 0).map(plain).collect();
    all.extend(of.embedded.iter().filter_map(|e| Some((e.proto, embedded(e.name)?))));
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().flat_map(|(_, parts)| parts).collect()
}

fn object(of: &'static Type, map: &Map) -> String {
    // What has names for JSON in Go as well is printed by those.
    if of.name.contains("apimachinery") {
        let all = parts(of, of.short_name()).into_iter();
        let known = all.filter_map(|(_, json, field)| Some((field?, map.get(json)?)));
        let empty = |v: &Value| {
            v.as_object().is_some_and(Map::is_empty) || v.as_array().is_some_and(Vec::is_empty)
        };
        let said = known.filter(|(_, v)| !v.is_null() && !empty(v));
        let said = said.map(|(f, v)| format!("{:?}:{}", f.name, shown(f, Some(v))));
        return format!("{{{}}}", said.collect::<Vec<_>>().join(","));
    }
    let parts = parts(of, of.short_name());
    if of.name == "io.k8s.api.core.v1.PodSpec" {
        braced(parts, &of_the_host(map))
    } else {
        braced(parts, map)
    }
}

/// A pod's spec as it is internally.
fn of_the_host(map: &Map) -> Map {
    let mut spec = Value::Object(map.clone());
    for name in OF_THE_HOST {
        if let Some(value) = map.get(name) {
            spec.set_at(&format!("securityContext.{name}"), value.clone());
        }
    }
    if let Value::Object(map) = spec { map } else { Map::new() }
}

fn braced(parts: Vec<Part>, map: &Map) -> String {
    let mut out = Vec::new();
    for (go, json, field) in parts {
        let value = map.get(json).filter(|v| !v.is_null());
        let metadata = field.and_then(|f| f.shape.object());
        match (field, metadata.filter(|o| o.name.ends_with(".ObjectMeta"))) {
            // Metadata has no name of its own: its fields stand among the others.
            (_, Some(metadata)) => {
                let inner = value.map(|v| text(metadata, v)).unwrap_or_default();
                let inner = inner.strip_prefix('{').and_then(|i| i.strip_suffix('}'));
                out.extend(inner.filter(|i| !i.is_empty()).map(str::to_owned));
            }
            (Some(field), None) => out.push(format!("{go:?}:{}", shown(field, value))),
            (None, None) => {
                let unset =
                    if json.starts_with("host") && json != "hostUsers" { "false" } else { "null" };
                let value = value.map_or_else(|| unset.to_owned(), Value::to_string);
                out.push(format!("{go:?}:{value}"));
            }
        }
    }
    format!("{{{}}}", out.join(","))
}

fn go_name(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn shown(field: &'static Field, value: Option<&Value>) -> String {
    match value {
        Some(value) => of_shape(&field.shape, value),
        None => match field.shape.object().filter(|_| field.presence == Presence::Always) {
            Some(of) => object(of, &Map::new()),
            None => unset(field).to_owned(),
        },
    }
}

fn of_shape(shape: &'static Shape, value: &Value) -> String {
    match (shape, value) {
        (Shape::Object(_), Value::Object(map)) => {
            shape.object().map_or_else(|| value.to_string(), |of| object(of, map))
        }
        (Shape::List(item), Value::Array(list)) => {
            let items: Vec<String> = list.iter().map(|v| of_shape(item, v)).collect();
            format!("[{}]", items.join(","))
        }
        _ => value.to_string(),
    }
}

/// What an unset field is printed as: pointers, lists and maps have nothing in them.
fn unset(field: &Field) -> &'static str {
    match field.shape {
        _ if field.presence == Presence::Optional => "null",
        Shape::String | Shape::Duration => "\"\"",
        Shape::Bool => "false",
        Shape::Int32 | Shape::Int64 | Shape::Float => "0",
        _ => "null",
    }
}

/// A value as Go's `%v` prints it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(s) => s.to_string(),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(plain).collect::<Vec<_>>().join(" "))
        }
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(name, _)| *name);
            let shown = pairs.into_iter().map(|(name, v)| format!("{name}:{}", plain(v)));
            format!("map[{}]", shown.collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    }
}

/// A value as Go's `%#v` prints it.
pub fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::Array(list) => {
            let shown: Vec<_> = list.iter().map(syntax).collect();
            format!("[]interface {{}}{{{}}}", shown.join(", "))
        }
        Value::Object(map) => {
            let shown: Vec<_> = map.iter().map(|(k, v)| format!("{k:?}:{}", syntax(v))).collect();
            format!("map[string]interface {{}}{{{}}}", shown.join(", "))
        }
        other => other.to_string(),
    }
}

/// JSON on one line as JSON over several, one space a level.
pub fn indented(line: &str) -> String {
    let (mut out, mut depth, mut text, mut escaped) = (String::new(), 0_usize, false, false);
    let mut characters = line.chars().peekable();
    let fresh = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth));
    };
    while let Some(c) = characters.next() {
        if text {
            out.push(c);
            (text, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        let empty = |next: Option<&char>| matches!((c, next), ('{', Some('}')) | ('[', Some(']')));
        match c {
            '{' | '[' => {
                out.push(c);
                if empty(characters.peek()) {
                    out.extend(characters.next());
                } else {
                    depth += 1;
                    fresh(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                fresh(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                fresh(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                text = c == '"';
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{object::json, schema::find};

    #[test]
    fn structs_by_their_go_names() {
        let rows = [
            (
                "io.k8s.api.storage.v1.VolumeAttachmentSpec",
                json!({"attacher": "abc", "nodeName": "n", "source": {}}),
                r#"{"Attacher":"abc","Source":{"PersistentVolumeName":null,"InlineVolumeSpec":null},"NodeName":"n"}"#,
            ),
            (
                "io.k8s.api.resource.v1.ResourceClaimSpec",
                json!({"devices": {"requests": []}}),
                r#"{"Devices":{"Requests":[],"Constraints":null,"Config":null}}"#,
            ),
            (
                "io.k8s.api.resource.v1.ResourceClaimTemplateSpec",
                json!({"metadata": {"selfLink": "s"}, "spec": {"devices": {}}}),
                r#"{"selfLink":"s","Spec":{"Devices":{"Requests":null,"Constraints":null,"Config":null}}}"#,
            ),
        ];
        for (name, value, expected) in rows {
            assert_eq!(text(find(name).unwrap(), &value), expected);
        }
    }

    #[test]
    fn values_as_go_prints_them() {
        let patch = json!({"spec": {"replicas": "a", "paused": true}, "a": [1, null, {"b": ""}]});
        assert_eq!(plain(&patch), "map[a:[1 <nil> map[b:]] spec:map[paused:true replicas:a]]");
        let value = json!({"a": [1, "x", null], "b": {}});
        assert_eq!(
            syntax(&value),
            r#"map[string]interface {}{"a":[]interface {}{1, "x", interface {}(nil)}, "b":map[string]interface {}{}}"#
        );
    }

    #[test]
    fn lines_as_go_indents_them() {
        assert_eq!(
            indented(r#"{"a":[],"b":{"c":"x,\"{"},"d":[1]}"#),
            "{\n \"a\": [],\n \"b\": {\n  \"c\": \"x,\\\"{\"\n },\n \"d\": [\n  1\n ]\n}"
        );
        let spec = find("io.k8s.api.core.v1.PersistentVolumeSpec").unwrap();
        let source = json!({"hostPath": {"path": "/x"}});
        let lines = lines_of_embedded(spec, "PersistentVolumeSource", &source);
        assert!(lines.starts_with("{\n \"GCEPersistentDisk\": null,\n \"AWSElasticBlockStore\": null,\n \"HostPath\": {\n  \"Path\": \"/x\",\n  \"Type\": null\n },\n"), "{lines}");
    }
}
