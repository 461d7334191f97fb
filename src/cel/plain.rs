//! Values as JSON, for whoever applies what an expression made.
//! Source: k8s.io/apiserver `pkg/cel/mutation/dynamic`, cel-go `common/types` (`ConvertToNative`).

pub use super::eval::Made;
use super::{deep, eval::times, library::Opaque, value::Value};
use crate::object::{Map, Value as Json, json};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Largest whole number that a double holds exactly; larger ones are written as texts.
const LARGEST: i128 = (1 << 53) - 1;

/// A value as JSON.
///
/// # Errors
/// What in it has no form there.
pub fn json(value: &Value<'_>) -> Result<Json, String> {
    deep(|| {
        Ok(match value {
            Value::Null => Json::Null,
            Value::Bool(b) => json!(b),
            Value::Int(n) => whole(i128::from(*n)),
            Value::Uint(n) => whole(i128::from(*n)),
            Value::Double(n) if n.is_finite() => json!(n),
            Value::Double(n) => json!(n.to_string()),
            Value::String(text) => json!(&**text),
            Value::Bytes(bytes) => json!(STANDARD.encode(bytes)),
            Value::Timestamp(time, zone) => json!(times::timestamp_text(*time, *zone)),
            Value::Duration(nanos) => json!(times::duration_text(*nanos)),
            Value::List(list) => {
                let items: Result<Vec<Json>, String> =
                    list.iter().map(|item| json(&item)).collect();
                Json::Array(items?.into())
            }
            Value::Map(map) => {
                let mut out = Map::new();
                for key in map.keys() {
                    let Value::String(name) = &key else {
                        let found = key.type_name();
                        return Err(format!("map key is of type {found}, not string"));
                    };
                    let value = map.get(&key).unwrap_or(Value::Null);
                    out.insert(name.to_string().into(), json(&value)?);
                }
                Json::Object(out)
            }
            Value::Optional(Some(inner)) => json(inner)?,
            Value::Opaque(Opaque::Object(made)) => object(made)?,
            other => return Err(format!("type {} has no form in JSON", other.type_name())),
        })
    })
}

fn whole(n: i128) -> Json {
    if n.abs() <= LARGEST { json!(n as i64) } else { json!(n.to_string()) }
}

/// An object that was made as JSON.
///
/// # Errors
/// Which field has no form there.
pub fn object(made: &Made<'_>) -> Result<Json, String> {
    let field = |(name, value): (&&str, &Value<'_>)| {
        let value = json(value).map_err(|why| format!("fail to convert field {name:?}: {why}"))?;
        Ok(((*name).to_owned(), value))
    };
    made.fields.iter().map(field).collect::<Result<Map, String>>().map(Json::Object)
}

/// Checks that objects within an object are of the types their places ask for.
///
/// # Errors
/// All that are not.
pub fn well_named(made: &Made<'_>) -> Result<(), String> {
    let mut wrong = Vec::new();
    names(made, made.name, &mut wrong);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn names(made: &Made<'_>, wanted: &str, out: &mut Vec<String>) {
    if made.name != wanted {
        out.push(format!(
            "unexpected type name {:?}, expected {wanted:?}, which matches field name path from root Object type",
            made.name
        ));
    }
    for (field, value) in &made.fields {
        within(value, &format!("{wanted}.{field}"), out);
    }
}

/// Lists and maps do not count as steps.
fn within(value: &Value<'_>, wanted: &str, out: &mut Vec<String>) {
    deep(|| match value {
        Value::Opaque(Opaque::Object(made)) => names(made, wanted, out),
        Value::List(list) => list.iter().for_each(|item| within(&item, wanted, out)),
        Value::Map(map) => {
            map.keys().iter().filter_map(|k| map.get(k)).for_each(|v| within(&v, wanted, out));
        }
        _ => {}
    });
}
