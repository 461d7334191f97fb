//! Patches: RFC 6902, RFC 7386, strategic merge, and server-side apply with field management.
//!
//! Pure functions from values to values, led by the type tables of `schema`. Knows no kinds, no
//! requests and no store.

pub mod managed;
mod node;
mod operations;
mod strategic;

pub use node::Root;
pub use strategic::strategic;

use crate::{
    error::Error,
    object::{Value, json},
};

/// Most operations a JSON patch may have (apiserver's `maxJSONPatchOperations`).
const MAX_OPERATIONS: usize = 10_000;

/// Applies an RFC 6902 patch.
///
/// # Errors
/// 400 when it is no list of operations, 413 when it is too long, 422 when an operation is none,
/// does not apply, or makes the object grow beyond reason.
pub fn json(doc: &Value, patch: &Value) -> Result<Value, Error> {
    let operations = match patch {
        Value::Null => &[],
        Value::Array(operations) => operations.as_slice(),
        other => return Err(unreadable(other, "Patch")),
    };
    let count = operations.len();
    if let Some(odd) = operations.iter().find(|o| !o.is_object() && !o.is_null()) {
        return Err(unreadable(odd, "Operation"));
    }
    if count > MAX_OPERATIONS {
        let message = format!(
            "Request entity too large: The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}"
        );
        return Err(failure(413, "RequestEntityTooLarge", &message));
    }
    let mut out = doc.clone();
    operations::apply(&mut out, operations).map_err(|_| Error::Unprocessable)?;
    Ok(out)
}

/// Applies an RFC 6902 patch that came from elsewhere; answers in the words of upstream's library why
/// it does not apply.
///
/// # Errors
/// The text.
pub fn json_explained(doc: &Value, patch: &Value) -> Result<Value, String> {
    let operations = patch.as_array().map_or(&[][..], Vec::as_slice);
    carried_out(doc, operations)
        .map_err(|stopped| stopped.map_or_else(too_many, |(at, why)| operations::explain(at, &why)))
}

/// The same for operations of which tests may fail without harm: `None` when one does.
///
/// # Errors
/// The text.
pub fn json_tested(doc: &Value, operations: &[Value]) -> Result<Option<Value>, String> {
    match carried_out(doc, operations) {
        Ok(made) => Ok(Some(made)),
        Err(Some((stopped, _))) if stopped["op"] == "test" => Ok(None),
        Err(stopped) => {
            Err(stopped.map_or_else(too_many, |(at, why)| operations::explain(at, &why)))
        }
    }
}

fn too_many() -> String {
    format!("more than {MAX_OPERATIONS} operations")
}

/// The operation that does not apply, and why.
type Stop<'p> = (&'p Value, operations::Refused);

/// What operations make of a document, or the one that does not apply; `None`: there are too many.
fn carried_out<'p>(doc: &Value, operations: &'p [Value]) -> Result<Value, Option<Stop<'p>>> {
    if operations.len() > MAX_OPERATIONS {
        return Err(None);
    }
    let mut out = doc.clone();
    operations::apply(&mut out, operations)
        .map_err(|(at, why)| Some((operations.get(at)?, why)))?;
    Ok(out)
}

/// What Go's decoder says of a value that is no patch.
fn unreadable(value: &Value, wanted: &str) -> Error {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let wanted = format!("Go value of type jsonpatch.{wanted}");
    Error::BadRequest(format!("json: cannot unmarshal {found} into {wanted}"))
}

/// Applies an RFC 7386 merge patch.
pub fn merge(doc: &Value, patch: &Value) -> Value {
    let mut out = doc.clone();
    crate::object::merge(&mut out, patch);
    out
}

/// A Status with a message of its own; `reason` may be empty, as when upstream's handlers let a
/// plain Go error through.
fn failure(code: u16, reason: &str, message: &str) -> Error {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "code": code,
    });
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    Error::Raw(Box::new(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_patches_apply_or_say_why_not() {
        let doc = json!({"spec": {"replicas": 1, "items": ["a"]}});
        let ok = json!([
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
            {"op": "add", "path": "/spec/items/-", "value": "b"},
        ]);
        assert_eq!(json(&doc, &ok), Ok(json!({"spec": {"replicas": 3, "items": ["a", "b"]}})));
        let rows = [
            (json!([{"op": "test", "path": "/spec/replicas", "value": 2}]), 422),
            (json!([{"op": "remove", "path": "/spec/absent"}]), 422),
            (json!([{"op": "fly", "path": "/x"}]), 422),
            (json!([{"op": "add", "path": "", "value": {}}]), 422),
            (json!({"op": "add", "path": "/x", "value": {}}), 400),
            (json!([7]), 400),
        ];
        for (patch, code) in rows {
            assert_eq!(json(&doc, &patch).unwrap_err().code().0, code, "{patch}");
        }
        let one = json!({"op": "add", "path": "/x", "value": 1});
        assert!(json(&doc, &Value::from(vec![one.clone(); 10_000])).is_ok());
        let error = json(&doc, &Value::from(vec![one; 10_001])).unwrap_err();
        assert_eq!(error.code().0, 413);
        assert_eq!(
            error.to_string(),
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
        );
    }

    #[test]
    fn merge_patches_remove_with_null_and_replace_lists() {
        let doc = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        assert_eq!(
            merge(&doc, &json!({"a": {"b": null, "d": 3}, "l": [9]})),
            json!({"a": {"c": 2, "d": 3}, "l": [9]})
        );
    }
}
