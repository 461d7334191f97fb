//! Which fields of an object a change touched, for people: what stood there, what stands there now.

use crate::object::{ObjectExt, Value, json, write};

/// Most fields that are told of one change.
const MOST: usize = 24;
/// Longest value that is told, in characters.
const LONGEST: usize = 80;

/// Fields that change with every write, or say the same in other words.
const BESIDE: &[&str] = &["metadata.managedFields", "metadata.resourceVersion"];

/// What lists of objects are told apart by.
const IDENTITIES: &[&str] = &["name", "type", "key", "uid", "containerPort", "port"];

/// Whether an object's values are nobody's business who reads of its changes.
pub fn are_secret(resource: &str) -> bool {
    resource == "secrets" || resource.starts_with("oauth")
}

/// The fields that differ: path, what was there and what is; the values are left out if `hidden`.
pub fn between(old: &Value, new: &Value, hidden: bool) -> Vec<Value> {
    let mut walk = Walk { found: Vec::new(), more: 0, hidden };
    walk.compare(String::new(), old, new);
    let Walk { mut found, more, .. } = walk;
    if more > 0 {
        found.push(json!({"field": format!("and {more} more")}));
    }
    found
}

struct Walk {
    found: Vec<Value>,
    more: usize,
    hidden: bool,
}

impl Walk {
    fn compare(&mut self, path: String, old: &Value, new: &Value) {
        let beats = path.ends_with(".lastHeartbeatTime");
        if old == new || beats || BESIDE.contains(&path.as_str()) {
            return;
        }
        match (old, new) {
            (Value::Object(a), Value::Object(b)) => {
                let added = b.keys().filter(|key| !a.contains_key(key));
                for key in a.keys().chain(added) {
                    let (old, new) = (a.get(key), b.get(key));
                    let at = joined(&path, key);
                    self.compare(at, old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
                }
            }
            (Value::Array(a), Value::Array(b)) => match identity(a).or_else(|| identity(b)) {
                Some(field) if identity(a).is_none_or(|f| f == field) => {
                    self.by_identity(&path, field, a, b);
                }
                _ if a.len() == b.len() => {
                    for (i, (old, new)) in a.iter().zip(b).enumerate() {
                        self.compare(format!("{path}[{i}]"), old, new);
                    }
                }
                _ => self.tell(path, old, new),
            },
            _ => self.tell(path, old, new),
        }
    }

    fn by_identity(&mut self, path: &str, field: &str, a: &[Value], b: &[Value]) {
        let id = |item: &Value| match item.get(field) {
            Some(Value::String(text)) => text.clone(),
            other => other.map(ToString::to_string).unwrap_or_default().into(),
        };
        let find = |all: &[Value], wanted: &str| all.iter().find(|i| id(i) == wanted).cloned();
        let added = b.iter().filter(|item| find(a, &id(item)).is_none());
        for item in a.iter().chain(added) {
            let id = id(item);
            let (old, new) = (find(a, &id), find(b, &id));
            let at = format!("{path}[{id}]");
            self.compare(at, &old.unwrap_or_default(), &new.unwrap_or_default());
        }
    }

    fn tell(&mut self, path: String, old: &Value, new: &Value) {
        if self.found.len() == MOST {
            self.more += 1;
            return;
        }
        let hidden = self.hidden && !path.starts_with("metadata");
        self.found.push(match hidden {
            true => json!({"field": path}),
            false => json!({"field": path, "before": shown(old), "after": shown(new)}),
        });
    }
}

fn joined(path: &str, key: &str) -> String {
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match (path.is_empty(), plain) {
        (true, _) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (false, false) => format!("{path}[{key}]"),
    }
}

/// The field by which a list's objects are told apart, if there is one. Long lists are compared
/// place by place.
fn identity(list: &[Value]) -> Option<&'static str> {
    if list.is_empty() || list.len() > 64 {
        return None;
    }
    let has = |field: &&&str| list.iter().all(|item| item.at(field).is_some());
    IDENTITIES.iter().find(has).copied()
}

/// A value on one line.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) => text.to_string(),
        other => String::from_utf8_lossy(&write::text(other)).into_owned(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: Value, new: Value) -> Vec<String> {
        let all = between(&old, &new, false);
        all.iter()
            .map(|f| {
                format!("{}: {} > {}", f.str_at("field"), f.str_at("before"), f.str_at("after"))
            })
            .collect()
    }

    #[test]
    fn fields_by_their_paths() {
        let old = json!({"metadata": {"resourceVersion": "1", "labels": {"a/b": "x"}},
            "spec": {"replicas": 1, "containers": [{"name": "c", "image": "a"}]},
            "status": {"conditions": [{"type": "Ready", "status": "False"}]}, "list": [1, 2]});
        let new = json!({"metadata": {"resourceVersion": "2", "labels": {"a/b": "y"}},
            "spec": {"replicas": 3, "containers":
                [{"name": "d", "image": "n"}, {"name": "c", "image": "b"}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}, "list": [1, 3]});
        assert_eq!(
            told(old, new),
            [
                "list[1]: 2 > 3",
                "metadata.labels[a/b]: x > y",
                "spec.containers[c].image: a > b",
                "spec.containers[d]: (none) > {\"image\":\"n\",\"name\":\"d\"}",
                "spec.replicas: 1 > 3",
                "status.conditions[Ready].status: False > True",
            ]
        );
    }

    #[test]
    fn bounds_and_secrets() {
        let many = |n: i64| {
            let all = (0..100).map(|i| (format!("k{i:02}"), json!(n)));
            json!({"data": all.collect::<crate::object::Map>()})
        };
        let found = between(&many(1), &many(2), true);
        assert_eq!(found.len(), MOST + 1);
        assert_eq!(found[0], json!({"field": "data.k00"}));
        assert_eq!(found[MOST], json!({"field": "and 76 more"}));
        assert_eq!(shown(&json!("x".repeat(200))).chars().count(), LONGEST + 1);
    }
}
