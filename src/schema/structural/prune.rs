//! Removes what a schema does not know.

use super::{Additional, Structural};
use crate::object::{Map, Value};

/// Fields every resource has.
const IDENTITY: [&str; 3] = ["apiVersion", "kind", "metadata"];

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
                let Some(items) = &self.items else { return };
                for (i, value) in list.iter_mut().enumerate() {
                    items.prune_value(value, &format!("{path}[{i}]"), unknown);
                }
            }
            _ => {}
        }
    }

    fn prune_map(&self, map: &mut Map, resource: bool, path: &str, unknown: &mut Vec<String>) {
        let keeps = self.preserve || matches!(self.additional, Additional::Any);
        map.retain(|name, value| {
            if resource && IDENTITY.contains(&name.as_str()) {
                return true;
            }
            let path = || if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match self.child(name) {
                Some(child) => {
                    if value.is_object() || value.is_array() {
                        child.prune_value(value, &path(), unknown);
                    }
                    true
                }
                None if keeps => true,
                None => {
                    unknown.push(path());
                    false
                }
            }
        });
    }
}
