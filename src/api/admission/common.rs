//! What several plug-ins need: refusals in upstream's frame, and the containers of a pod.

use super::Attributes;
use crate::{
    error::Error,
    object::{ObjectExt, Value},
};
use indexmap::IndexSet;
use std::sync::Arc;

/// Whether the request is about objects of a core resource, not about a subresource.
pub fn is(a: &Attributes<'_>, resource: &str) -> bool {
    a.sub.is_empty() && a.kind.group.is_empty() && a.kind.plural == resource
}

/// A 403 about the object of the request (apiserver's `admission.NewForbidden`).
pub fn refuse(a: &Attributes<'_>, object: &Value, why: impl Into<String>) -> Error {
    let names = [a.name, object.name(), object.str_at("metadata.generateName")];
    let name = names.into_iter().find(|n| !n.is_empty()).unwrap_or("Unknown");
    Error::forbidden(a.kind.resource(), name, why)
}

/// Several messages as one, as Go's aggregate errors print; `None` when there are none.
pub fn aggregate(messages: &[String]) -> Option<String> {
    let unique: IndexSet<&str> = messages.iter().map(String::as_str).collect();
    let unique: Vec<&str> = unique.into_iter().collect();
    match unique.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        many => Some(format!("[{}]", many.join(", "))),
    }
}

/// One of the container lists of a pod (`containers`, `initContainers`, `ephemeralContainers`).
pub fn containers_mut<'a>(
    pod: &'a mut Value,
    list: &str,
) -> impl Iterator<Item = &'a mut Value> + use<'a> {
    let list = pod.get_mut("spec").and_then(|s| s.get_mut(list));
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Appends to the list at a path, which may be absent.
pub fn push(object: &mut Value, path: &str, item: Value) {
    let list = object.at_mut(path);
    match list {
        Value::Array(list) => list.push(item),
        other => *other = Value::Array(vec![item].into()),
    }
}

/// The namespace of the request without its managed fields; read once per revision, for several
/// plug-ins ask at every pod.
pub fn namespace(a: &Attributes<'_>) -> Option<Arc<Value>> {
    a.snapshot.get("namespaces", "", a.namespace).map(|e| e.lens::<Value>())
}

/// Adds tolerations to a pod; of two of which one covers the other the wide one stays.
pub fn merge_tolerations(pod: &mut Value, extra: Vec<Value>) {
    const PATH: &str = "spec.tolerations";
    for toleration in extra {
        if pod.list_at(PATH).iter().any(|own| covers(own, &toleration)) {
            continue;
        }
        if let Some(own) = pod.at(PATH).and_then(Value::as_array)
            && own.iter().any(|own| covers(&toleration, own))
        {
            let kept: Vec<Value> =
                own.iter().filter(|own| !covers(&toleration, own)).cloned().collect();
            pod.set_at(PATH, kept);
        }
        push(pod, PATH, toleration);
    }
}

/// Whether who has the first toleration has the second too.
pub fn covers(wide: &Value, narrow: &Value) -> bool {
    let exists = |t: &Value| t.str_at("operator") == "Exists";
    let (key, effect) = (wide.str_at("key"), wide.str_at("effect"));
    let everything = key.is_empty() && exists(wide);
    if !everything && key != narrow.str_at("key") {
        return false;
    }
    if !effect.is_empty() && effect != narrow.str_at("effect") {
        return false;
    }
    if effect == "NoExecute" {
        match (wide.i64_at("tolerationSeconds"), narrow.i64_at("tolerationSeconds")) {
            (Some(_), None) => return false,
            (Some(wide), Some(narrow)) if wide < narrow => return false,
            _ => {}
        }
    }
    exists(wide) || (!exists(narrow) && wide.str_at("value") == narrow.str_at("value"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn wide_tolerations_cover_narrow_ones() {
        let t = |key: &str, operator: &str, value: &str, effect: &str| json!({"key": key, "operator": operator, "value": value, "effect": effect});
        let rows = [
            (t("", "Exists", "", ""), t("a", "Equal", "b", "NoSchedule"), true),
            (t("a", "Exists", "", ""), t("a", "Equal", "b", "NoSchedule"), true),
            (t("a", "Equal", "b", ""), t("a", "Exists", "", ""), false),
            (t("a", "Equal", "b", ""), t("a", "Equal", "c", ""), false),
            (t("a", "Exists", "", "NoSchedule"), t("a", "Exists", "", "NoExecute"), false),
        ];
        for (wide, narrow, expected) in rows {
            assert_eq!(covers(&wide, &narrow), expected, "{wide} {narrow}");
        }
    }
}
