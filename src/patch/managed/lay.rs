//! Laying a configuration over an object without anybody owning what comes of it.
//! Source: k8s.io/apiserver `pkg/admission/plugin/policy/mutating/patch/smd.go`.

use super::{element, fields::check, merge::merge, root};
use crate::{
    object::Value,
    patch::node::{Node, Root, object},
    schema::Shape,
};

/// An object with a configuration laid over it, by type.
///
/// # Errors
/// What does not fit the type, or which values of the configuration could only replace others whole.
pub fn lay(live: &Value, configuration: &Value, ty: Root<'_>) -> Result<Value, String> {
    let node = root(ty);
    let problems = check(node, configuration);
    let why = match problems.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    if !why.is_empty() {
        return Err(format!("failed to convert patch object to typed object: {why}"));
    }
    let mut whole = Vec::new();
    atomic(node, configuration, "", &mut whole);
    if !whole.is_empty() {
        let paths = whole.join(", ");
        return Err(format!(
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {paths}"
        ));
    }
    Ok(merge(node, Some(live), Some(configuration)).unwrap_or_default())
}

/// The paths of lists, maps and objects that do not merge.
fn atomic(node: Node<'_>, value: &Value, path: &str, out: &mut Vec<String>) {
    if matches!(node, Node::Leaf(_) | Node::Atom(_)) && (value.is_object() || value.is_array()) {
        out.push(path.to_owned());
    }
    match (node, value) {
        (Node::Struct(_) | Node::Object(..), Value::Object(map)) => {
            for (key, value) in map.iter().filter(|(key, _)| node.declares(key)) {
                atomic(node.child_or_any(key), value, &format!("{path}.{key}"), out);
            }
        }
        (Node::Keyed(..) | Node::Set(_) | Node::Items(_), Value::Array(list)) => {
            each(element::item(node), list, path, out);
        }
        (Node::Leaf(Shape::List(item)), Value::Array(list)) => {
            each(Node::of(item), list, path, out);
        }
        (Node::Leaf(Shape::Object(i)), Value::Object(_)) => {
            if let Some(ty) = object(*i) {
                atomic(Node::Struct(ty), value, path, out);
            }
        }
        _ => {}
    }
}

fn each(item: Node<'_>, list: &[Value], path: &str, out: &mut Vec<String>) {
    for (i, value) in list.iter().enumerate() {
        atomic(item, value, &format!("{path}[{i}]"), out);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{sample::deployment, tests::object},
        *,
    };
    use crate::object::json;

    fn laid(live: Value, configuration: Value) -> Result<Value, String> {
        lay(&object(live), &object(configuration), Root::Type(deployment()))
            .map(|made| made["spec"].clone())
    }

    #[test]
    fn fields_and_keyed_lists_merge_and_nothing_else_may_be_said() {
        let live = json!({"replicas": 1, "containers": [{"name": "a", "image": "x"}]});
        let rows = [
            (json!({"replicas": 2}), json!({"replicas": 2, "containers": live["containers"]})),
            (
                json!({"containers": [{"name": "b"}, {"name": "a", "image": "y"}]}),
                json!({"replicas": 1,
                    "containers": [{"name": "b"}, {"name": "a", "image": "y"}]}),
            ),
        ];
        for (configuration, expected) in rows {
            assert_eq!(laid(live.clone(), configuration), Ok(expected));
        }
        let unknown = laid(live.clone(), json!({"nothing": 2})).unwrap_err();
        let said = "failed to convert patch object to typed object: .spec.nothing: field not declared in schema";
        assert_eq!(unknown, said);
        let rows = [
            (json!({"words": ["w"]}), ".spec.words"),
            (json!({"selector": {"matchLabels": {}}}), ".spec.selector"),
            (json!({"nodeSelector": {"a": "b"}}), ".spec.nodeSelector"),
            (json!({"containers": [{"name": "a", "args": []}]}), ".spec.containers[0].args"),
        ];
        let head = "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ";
        for (configuration, path) in rows {
            let why = laid(live.clone(), configuration).unwrap_err();
            assert_eq!(why, format!("{head}{path}"));
        }
    }
}
