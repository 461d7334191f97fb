//! Telling pod templates apart: equality decides, the hash only names.

use crate::object::{ObjectExt, Value, name};

/// Label that sets the ReplicaSets of a Deployment, and their pods, apart.
pub const LABEL: &str = "pod-template-hash";

/// Whether two templates are the same but for the hash label. Both must be defaulted.
pub fn equal(a: &Value, b: &Value) -> bool {
    bare(a) == bare(b)
}

/// A name part for a template: equal templates have equal hashes, and another `collisions`
/// count gives another hash.
pub fn of(template: &Value, collisions: Option<i64>) -> String {
    let text = bare(template).to_string();
    let count = collisions.map(i64::to_le_bytes);
    let hash = name::fnv1a(&[text.as_bytes(), count.as_ref().map_or(&[], |c| c.as_slice())]);
    name::safe_encode(&hash.to_string())
}

/// The template without the hash label and what is empty without it.
fn bare(template: &Value) -> Value {
    let mut bare = template.clone();
    let Some(meta) = bare.get_mut("metadata").and_then(Value::as_object_mut) else { return bare };
    if let Some(labels) = meta.get_mut("labels").and_then(Value::as_object_mut) {
        labels.remove(LABEL);
    }
    meta.retain(|_, v| !v.is_null() && v.as_object().is_none_or(|o| !o.is_empty()));
    if meta.is_empty() {
        bare.remove_at("metadata");
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn the_hash_label_does_not_count() {
        let plain = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"a": 1, "b": 2}});
        let marked = json!({"spec": {"b": 2, "a": 1}, "metadata": {"creationTimestamp": null,
            "labels": {"app": "x", "pod-template-hash": "abc"}}});
        assert!(equal(&plain, &marked));
        assert_eq!(of(&plain, None), of(&marked, None));
        let other = json!({"metadata": {"labels": {"app": "y"}}, "spec": {"a": 1, "b": 2}});
        assert!(!equal(&plain, &other));
        let hashes = [of(&plain, None), of(&plain, Some(0)), of(&plain, Some(1)), of(&other, None)];
        for (i, h) in hashes.iter().enumerate() {
            assert!(h.len() <= 10 && name::label_problems(h).is_empty(), "{h}");
            assert!(!hashes[..i].contains(h));
        }
    }
}
