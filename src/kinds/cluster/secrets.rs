//! Secret.

use super::{
    cells,
    configuration::{MAX_BYTES, decoded_length, frozen, key_problems},
};
use crate::error::Causes;
use crate::kinds::{Column, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, Value, json};
use base64::{Engine, engine::general_purpose::STANDARD};

/// `secrets`.
pub static SECRET: Kind = Kind {
    kind: "Secret",
    plural: "secrets",
    schema: "io.k8s.api.core.v1.Secret",
    selectable: &["type"],
    columns: &[
        Column::text("Type", "What the data is for.", |o, _| cells::text(o, "type")),
        Column::text("Data", "Number of keys.", |o, _| {
            json!(o.map_at("data").map_or(0, |m| m.len()).to_string())
        }),
        AGE,
    ],
    hooks: Hooks { default: Some(default), validate: Some(validate), ..Hooks::NONE },
    ..Kind::BASE
};

fn default(o: &mut Value) {
    if o.str_at("type").is_empty() {
        o.set_at("type", "Opaque");
    }
    // Upstream folds this on conversion, before anything looks at the data.
    let Some(Value::Object(texts)) = o.remove_at("stringData") else { return };
    if !texts.is_empty() && !o.get("data").is_some_and(Value::is_object) {
        o.set_at("data", json!({}));
    }
    for (key, text) in texts {
        o["data"][key] = json!(STANDARD.encode(text.as_str().unwrap_or("")));
    }
}

fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    if let Some(old) = old {
        super::checks::fixed(o, old, "type", out);
        frozen(o, old, &["data"], out);
    }
    let mut bytes = 0;
    for (key, value) in o.map_at("data").into_iter().flatten() {
        key_problems("data", key, out);
        bytes += decoded_length(value);
    }
    if bytes > MAX_BYTES {
        out.too_long("data", MAX_BYTES);
    }
    by_type(o, out);
}

fn by_type(o: &Value, out: &mut Causes) {
    let at = |key: &str| o.get("data").and_then(|d| d.get(key));
    let need = |key: &str, out: &mut Causes| out.required(format!("data[{key}]"), "");
    match o.str_at("type") {
        "kubernetes.io/service-account-token" => {
            let key = "kubernetes.io/service-account.name";
            if o.annotation(key).is_none_or(str::is_empty) {
                out.required(format!("metadata.annotations[{key}]"), "");
            }
        }
        "kubernetes.io/dockercfg" => json_in(o, ".dockercfg", out),
        "kubernetes.io/dockerconfigjson" => json_in(o, ".dockerconfigjson", out),
        "kubernetes.io/basic-auth" if at("username").is_none() && at("password").is_none() => {
            need("username", out);
            need("password", out);
        }
        "kubernetes.io/ssh-auth"
            if at("ssh-privatekey").and_then(Value::as_str).is_none_or(str::is_empty) =>
        {
            need("ssh-privatekey", out);
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"].into_iter().filter(|k| at(k).is_none()) {
                need(key, out);
            }
        }
        _ => {}
    }
}

fn json_in(o: &Value, key: &str, out: &mut Causes) {
    let path = format!("data[{key}]");
    let Some(text) = o.get("data").and_then(|d| d.get(key)).and_then(Value::as_str) else {
        out.required(path, "");
        return;
    };
    let bytes = STANDARD.decode(text).unwrap_or_default();
    let redacted = json!("<secret contents redacted>");
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(_) | Value::Null) => {}
        Ok(other) => out.invalid(path, &redacted, wrong_type(&other)),
        Err(_) if bytes.iter().all(u8::is_ascii_whitespace) => {
            out.invalid(path, &redacted, "unexpected end of JSON input");
        }
        Err(e) if e.is_eof() => out.invalid(path, &redacted, "unexpected end of JSON input"),
        Err(e) => out.invalid(path, &redacted, bad_character(&bytes, &e)),
    }
}

/// Go's words for JSON of another type.
fn wrong_type(value: &Value) -> String {
    let kind = match value {
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        _ => "bool",
    };
    format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}")
}

/// Go's words for text that is no JSON; exact when the first character is at fault.
fn bad_character(bytes: &[u8], error: &serde_json::Error) -> String {
    let at = error.column().saturating_sub(1).min(bytes.len() - 1);
    let shown = char::from(bytes[at]);
    format!("invalid character '{shown}' looking for beginning of value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(mut o: Value, old: Option<Value>) -> Vec<String> {
        default(&mut o);
        let mut causes = Causes::default();
        validate(&o, old.as_ref(), &mut causes);
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn texts_are_folded_and_win() {
        let mut o = json!({"data": {"a": "AA=="}, "stringData": {"a": "hi", "b": ""}});
        default(&mut o);
        assert_eq!(o, json!({"type": "Opaque", "data": {"a": "aGk=", "b": ""}}));
    }

    #[test]
    fn types_ask_for_their_keys() {
        let rows: &[(Value, &[&str])] = &[
            (
                json!({"type": "kubernetes.io/tls", "stringData": {"tls.crt": "x"}}),
                &["data[tls.key]: Required value"],
            ),
            (
                json!({"type": "kubernetes.io/basic-auth"}),
                &["data[username]: Required value", "data[password]: Required value"],
            ),
            (json!({"type": "kubernetes.io/basic-auth", "stringData": {"password": ""}}), &[]),
            (
                json!({"type": "kubernetes.io/dockerconfigjson"}),
                &["data[.dockerconfigjson]: Required value"],
            ),
            (
                json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "x"}}),
                &[
                    "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'x' looking for beginning of value",
                ],
            ),
            (
                json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{\"auths\":{}}"}}),
                &[],
            ),
            (
                json!({"type": "kubernetes.io/service-account-token"}),
                &["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
            ),
        ];
        for (o, expected) in rows {
            assert_eq!(problems(o.clone(), None), *expected, "{o}");
        }
    }

    #[test]
    fn type_is_fixed() {
        assert_eq!(
            problems(json!({}), Some(json!({"type": "x"}))),
            ["type: Invalid value: \"Opaque\": field is immutable"]
        );
    }
}
