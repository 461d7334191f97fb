//! The OpenAPI v2 document in gnostic's protobuf, which `kubectl` asks for when it checks what it
//! sends. The messages are a table beside this file.
//! Source: github.com/google/gnostic-models `openapiv2/OpenAPIv2.proto`.

use crate::{object::Value, schema::proto::writer as w};
use std::{collections::HashMap, sync::LazyLock};

/// A field of a message.
struct Field {
    number: u32,
    /// Name in JSON, or a word of the table.
    name: &'static str,
    holds: &'static str,
    many: bool,
}

/// The fields of every message.
static MESSAGES: LazyLock<HashMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    let mut messages: HashMap<&str, Vec<Field>> = HashMap::new();
    let mut last = "";
    for line in include_str!("gnostic.messages").lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name] => last = name,
            [number, name, holds] => {
                let many = holds.ends_with('*');
                let holds = holds.trim_end_matches('*');
                let number = number.parse().unwrap_or_default();
                messages.entry(last).or_default().push(Field { number, name, holds, many });
            }
            _ => {}
        }
    }
    messages
});

/// The whole document.
pub(super) fn document(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    message(&mut out, "Document", document);
    out
}

fn message(out: &mut Vec<u8>, of: &str, value: &Value) {
    let fields = MESSAGES.get(of).map_or(&[][..], Vec::as_slice);
    if let Some(field) = fields.iter().find(|f| f.name == "by") {
        return by_name(out, field, value);
    }
    if let Some(field) = fields.iter().find(|f| is_choice(f, value)) {
        return one(out, field, value);
    }
    let Value::Object(object) = value else { return };
    for (name, value) in object {
        let extension = name.starts_with("x-");
        let wanted = if extension { "x-" } else { name.as_str() };
        let Some(field) = fields.iter().find(|f| f.name == wanted) else { continue };
        match value {
            _ if extension => {
                let open = w::open(out, field.number);
                w::bytes(out, 1, name.as_bytes());
                any(out, 2, value);
                w::close(out, open);
            }
            Value::Array(items) if field.many => {
                items.iter().for_each(|item| one(out, field, item))
            }
            value => one(out, field, value),
        }
    }
}

/// A map: messages that hold a name and a value.
fn by_name(out: &mut Vec<u8>, field: &Field, value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let open = w::open(out, field.number);
        w::bytes(out, 1, name.as_bytes());
        let inner = w::open(out, 2);
        message(out, field.holds, value);
        w::close(out, inner);
        w::close(out, open);
    }
}

/// Whether a message is a choice, and this is what is chosen: `as:` any object, `as:x` one that has
/// x, `as:x=y` one whose x is y, `else` what is no object.
fn is_choice(field: &Field, value: &Value) -> bool {
    let Some(condition) = field.name.strip_prefix("as:") else {
        return field.name == "else" && !value.is_object();
    };
    match condition.split_once('=') {
        Some((name, wanted)) => value[name] == wanted,
        None => value.is_object() && (condition.is_empty() || value.get(condition).is_some()),
    }
}

fn one(out: &mut Vec<u8>, field: &Field, value: &Value) {
    let number = field.number;
    match (field.holds, value) {
        ("text", Value::Array(list)) => list.iter().for_each(|item| one(out, field, item)),
        ("text", value) => w::bytes(out, number, value.as_str().unwrap_or_default().as_bytes()),
        ("flag", value) => w::int(out, number, value.as_bool().unwrap_or_default().into()),
        ("int", value) => w::int(out, number, value.as_i64().unwrap_or_default().cast_unsigned()),
        ("number", value) => w::float(out, number, value.as_f64().unwrap_or_default()),
        ("any", value) => any(out, number, value),
        (of, value) => {
            let open = w::open(out, number);
            message(out, of, value);
            w::close(out, open);
        }
    }
}

/// Any JSON, as the YAML it also is.
fn any(out: &mut Vec<u8>, number: u32, value: &Value) {
    let open = w::open(out, number);
    w::bytes(out, 2, value.to_string().as_bytes());
    w::close(out, open);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;
    use std::collections::HashSet;

    #[test]
    fn every_message_of_the_table_is_there() {
        let simple = ["text", "flag", "int", "number", "any"];
        let mut numbers = HashSet::new();
        for (name, fields) in MESSAGES.iter() {
            for field in fields {
                let known = simple.contains(&field.holds) || MESSAGES.contains_key(field.holds);
                assert!(known && field.number > 0, "{name} {}", field.name);
                assert!(numbers.insert((*name, field.number)), "{name} {} twice", field.number);
            }
        }
        assert!(numbers.len() > 90);
    }

    #[test]
    fn a_small_document() {
        let small = json!({"swagger": "2.0", "definitions": {"a.B": {
            "type": "object", "additionalProperties": {"$ref": "c"}, "x-k": [1]}}});
        let text = |number: u8, text: &str| -> Vec<u8> {
            let length = u8::try_from(text.len()).unwrap();
            [&[number << 3 | 2, length], text.as_bytes()].concat()
        };
        let inside = |number: u16, parts: &[Vec<u8>]| -> Vec<u8> {
            let body = parts.concat();
            let mut out = Vec::new();
            w::head(&mut out, number.into(), body.len());
            [out, body].concat()
        };
        let schema = [
            inside(21, &[inside(1, &[text(1, "c")])]),
            inside(22, &[text(1, "object")]),
            inside(31, &[text(1, "x-k"), inside(2, &[text(2, "[1]")])]),
        ];
        let named = inside(1, &[text(1, "a.B"), inside(2, &schema)]);
        assert_eq!(document(&small), [inside(9, &[named]), text(1, "2.0")].concat());
    }
}
