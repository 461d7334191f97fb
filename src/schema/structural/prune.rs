//! Removes what a schema does not know.

use super::{Additional, Structural};
use crate::object::{Map, Value};
use std::sync::LazyLock;

/// Fields every resource has.
const IDENTITY: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// What stands below a value of which nothing is said but that it may be there.
static NOTHING: LazyLock<Structural> = LazyLock::new(Structural::default);

impl Structural {
    /// Removes from a whole resource what the schema does not know; answers the paths, sorted.
    pub fn prune(&self, object: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        if let Value::Object(map) = object {
            self.prune_map(map, true, "", &mut unknown);
        }
        unknown.sort();
        unknown
    }

    /// The same for a value alone.
    pub fn prune_below(&self, value: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        self.prune_value(value, "", &mut unknown);
        unknown
    }

    fn prune_value(&self, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
        match value {
            Value::Object(map) => self.prune_map(map, self.embedded, path, unknown),
            Value::Array(list) => {
                let items: &Structural = match &self.items {
                    Some(items) => items,
                    None if self.preserve => return,
                    None => &NOTHING,
                };
                for (i, value) in list.iter_mut().enumerate() {
                    items.prune_value(value, &format!("{path}[{i}]"), unknown);
                }
            }
            _ => {}
        }
    }

    fn prune_map(&self, map: &mut Map, resource: bool, path: &str, unknown: &mut Vec<String>) {
        let child = |name: &str| match &self.additional {
            Additional::Any | Additional::Forbidden => self.child(name).or(Some(&*NOTHING)),
            _ => self.child(name),
        };
        map.retain(|name, value| {
            if resource && IDENTITY.contains(&name.as_str()) {
                return true;
            }
            let path = || if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            match child(name) {
                Some(child) => {
                    if value.is_object() || value.is_array() {
                        child.prune_value(value, &path(), unknown);
                    }
                    true
                }
                None if self.preserve => true,
                None => {
                    unknown.push(path());
                    false
                }
            }
        });
    }
}

#[test]
fn beside_what_may_be_there_everything_below_is_unknown() {
    use crate::object::json;
    let value = || json!({"c": {"d": 1}, "l": [{"a": 1}, 2], "s": 3});
    let rows = [
        (json!({"additionalProperties": true}), json!({"c": {}, "l": [{}, 2], "s": 3}), 2),
        (json!({"additionalProperties": false}), json!({"c": {}, "l": [{}, 2], "s": 3}), 2),
        (json!({"x-kubernetes-preserve-unknown-fields": true}), value(), 0),
        (
            json!({"additionalProperties": true, "x-kubernetes-preserve-unknown-fields": true}),
            json!({"c": {}, "l": [{}, 2], "s": 3}),
            2,
        ),
        (json!({}), json!({}), 3),
    ];
    for (schema, kept, unknown) in rows {
        let mut pruned = value();
        let told = Structural::compile(&schema).prune_below(&mut pruned);
        assert_eq!((pruned, told.len()), (kept, unknown), "{schema}: {told:?}");
    }
}
