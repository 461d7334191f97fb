//! Objects as Go prints the structs behind them: fields by their Go names, in the order they are
//! declared, those that are unset as well. Errors show values of upstream's internal types so.
//!
//! The order is that of the numbers in protobuf; where the internal type has another one (pod specs)
//! this is no help.

use super::{Field, Presence, Shape, Type};
use crate::object::{Map, Value};

/// Fields whose Go name does not follow from their JSON name.
const NAMES: [(&str, &str); 14] = [
    ("awsElasticBlockStore", "AWSElasticBlockStore"),
    ("cel", "CEL"),
    ("cephfs", "CephFS"),
    ("cidrs", "CIDRs"),
    ("csi", "CSI"),
    ("fc", "FC"),
    ("fsType", "FSType"),
    ("gcePersistentDisk", "GCEPersistentDisk"),
    ("iscsi", "ISCSI"),
    ("nfs", "NFS"),
    ("pdName", "PDName"),
    ("rbd", "RBD"),
    ("scaleIO", "ScaleIO"),
    ("storageos", "StorageOS"),
];

/// The object on one line.
pub fn text(of: &'static Type, value: &Value) -> String {
    let nothing = Map::new();
    object(of, value.as_object().unwrap_or(&nothing))
}

/// The struct `name` that `of` embeds, over several lines.
pub fn lines_of_embedded(of: &'static Type, name: &str, value: &Value) -> String {
    let found = of.embedded.iter().find(|e| e.name == name);
    let inner = found.and_then(|e| Shape::Object(e.message).object());
    inner.map_or_else(String::new, |inner| indented(&text(inner, value)))
}

fn object(of: &'static Type, map: &Map) -> String {
    let mut fields: Vec<((u32, u32), &'static Field)> =
        of.fields.iter().filter(|f| f.proto != 0).map(|f| ((f.proto, 0), f)).collect();
    for embedded in of.embedded {
        let inner = Shape::Object(embedded.message).object();
        let inner = inner.into_iter().flat_map(|i| i.fields);
        fields.extend(inner.map(|f| ((embedded.proto, f.proto), f)));
    }
    fields.sort_by_key(|(place, _)| *place);
    let tagged = of.name.contains("apimachinery");
    let mut parts = Vec::new();
    for (_, field) in fields {
        let value = map.get(field.name).filter(|v| !v.is_null());
        match field.shape.object().filter(|o| o.name.ends_with(".ObjectMeta")) {
            // Metadata has no name of its own: its fields stand among the others.
            Some(metadata) => {
                let inner = value.map(|v| text(metadata, v)).unwrap_or_default();
                let inner = inner.strip_prefix('{').and_then(|i| i.strip_suffix('}'));
                parts.extend(inner.filter(|i| !i.is_empty()).map(str::to_owned));
            }
            // What has names for JSON in Go as well is printed by those.
            None if tagged => {
                parts.extend(value.map(|v| format!("{:?}:{}", field.name, shown(field, Some(v)))));
            }
            None => parts.push(format!("{:?}:{}", go_name(field.name), shown(field, value))),
        }
    }
    format!("{{{}}}", parts.join(","))
}

fn go_name(name: &str) -> String {
    if let Some((_, known)) = NAMES.iter().find(|(json, _)| *json == name) {
        return (*known).to_owned();
    }
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
