//! The paths at which rules report: fields and keys of a schema.
//! Source: apiextensions-apiserver `pkg/apiserver/schema/cel/validation.go` (`ValidFieldPath`).

use crate::object::{ObjectExt, Value};

/// The path as errors print it, if the schema has such a place.
pub fn valid(path: &str, schema: &Value) -> Option<String> {
    let mut out = String::new();
    let mut schema = schema;
    let mut rest = path;
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[', ']']).unwrap_or(after.len());
            name = after[..end].to_owned();
            rest = &after[end..];
            if name.is_empty() {
                return None;
            }
        } else {
            let after = rest.strip_prefix("['")?;
            let end = closing(after)?;
            name = unescaped(&after[..end])?;
            rest = after[end..].strip_prefix("']")?;
        }
        if let Some(properties) = schema.map_at("properties").filter(|p| !p.is_empty()) {
            schema = properties.get(&name)?;
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&name);
        } else {
            schema = schema.get("additionalProperties").filter(|a| a.is_object())?;
            out.push_str(&format!("[{name}]"));
        }
    }
    Some(out)
}

/// Where the quote that was opened closes.
fn closing(text: &str) -> Option<usize> {
    let mut before = '\'';
    for (at, c) in text.char_indices() {
        if c == '\'' && before != '\\' {
            return Some(at);
        }
        before = c;
    }
    None
}

fn unescaped(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                c @ ('\'' | '\\') => c,
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn paths_must_be_of_the_schema() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "object", "additionalProperties": {"type": "string"}},
            "b.c": {"type": "object", "properties": {"d": {"type": "string"}}},
            "l": {"type": "array", "items": {"type": "string"}},
        }});
        for (path, wanted) in [
            (".a", Some("a")),
            (".a.x", Some("a[x]")),
            (".a['x']", Some("a[x]")),
            ("['b.c'].d", Some("b.c.d")),
            (".z", None),
            ("a", None),
            (".l[0]", None),
            (".a.", None),
            (".a['x'", None),
        ] {
            assert_eq!(valid(path, &schema).as_deref(), wanted, "{path}");
        }
    }
}
