//! RFC 6902 patches, carried out one operation after the other as upstream's library does, on a
//! copy: what fails leaves nothing behind.
//!
//! Own code because the crate for it undoes its operations when one fails, and panics where that
//! cannot be done; because it has no limits; and because upstream's library bends the RFC (negative
//! indices, `replace` of a key that is not there, `copy` of nothing).
//! Source: github.com/evanphx/json-patch v4.

use crate::object::{Map, Value, depth};

/// Most bytes all `copy` operations may add together (apiserver's `JSONPatchMaxCopyBytes`).
const MAX_COPIED: usize = 3 << 20;
/// Most list items moved aside and values walked through by one patch.
const MAX_WORK: usize = 20_000_000;

/// Why an operation does not apply.
#[derive(Debug, PartialEq)]
pub(super) enum Refused {
    /// What its path leads through is not there, or there is too much to do.
    Way,
    /// There is nothing at the last step.
    Key(String),
    /// The list has no such place.
    Place(i64),
    /// What leads into a list is no number.
    NoNumber(String),
}

use Refused::Way;

/// Applies the operations to a document; answers which one does not apply, and why.
pub(super) fn apply(doc: &mut Value, operations: &[Value]) -> Result<(), (usize, Refused)> {
    let mut patcher = Patcher { doc, copied: 0, work: 0 };
    let mut all = operations.iter().enumerate();
    all.try_for_each(|(at, operation)| patcher.apply(operation).map_err(|why| (at, why)))
}

/// What upstream's library says of an operation that does not apply.
pub(super) fn explain(operation: &Value, why: &Refused) -> String {
    let text = |field: &str| operation.get(field).and_then(Value::as_str).unwrap_or_default();
    let (op, path, from) = (text("op"), text("path"), text("from"));
    let missing = |what: &str| format!("{op} operation does not apply: doc is missing {what}");
    let text = match (op, why) {
        ("test", _) => return format!("testing value {path} failed: test failed"),
        ("replace", Way) => missing(&format!("path: {path}")),
        ("replace", _) => missing(&format!("key: {path}")),
        ("add" | "remove", Way) => missing(&format!("path: {path:?}")),
        ("move" | "copy", Way) => missing(&format!("from path: {from}")),
        ("add" | "remove" | "move" | "copy", why) => {
            let last = from.rsplit('/').next().unwrap_or_default();
            let at = if op == "move" { last } else { path };
            return format!("error in {op} for path: '{at}': {}", step(op, why));
        }
        (other, _) => return format!("Unexpected kind: {other}"),
    };
    format!("{text}: missing value")
}

/// What is wrong with the last step of a path.
fn step(op: &str, why: &Refused) -> String {
    match why {
        Way => "missing value".into(),
        Refused::Key(key) => format!("Unable to remove nonexistent key: {key}: missing value"),
        Refused::Place(index) => {
            format!("Unable to access invalid index: {index}: invalid index referenced")
        }
        Refused::NoNumber(text) => {
            let lead = match op {
                "add" => format!("value was not a proper array index: '{text}': "),
                _ => String::new(),
            };
            format!("{lead}strconv.Atoi: parsing {text:?}: invalid syntax")
        }
    }
}

struct Patcher<'a> {
    doc: &'a mut Value,
    copied: usize,
    work: usize,
}

impl Patcher<'_> {
    fn apply(&mut self, operation: &Value) -> Result<(), Refused> {
        let text = |field: &str| operation.get(field).and_then(Value::as_str).ok_or(Way);
        let value = || operation.get("value").cloned().unwrap_or_default();
        let path = text("path");
        match text("op")? {
            "add" => self.add(path?, value()),
            "remove" => self.remove(path?).map(drop),
            "replace" => self.replace(path?, value()),
            "move" => {
                let value = self.remove(text("from")?)?;
                self.add(path?, value)
            }
            "copy" => self.copy(text("from")?, path?),
            "test" => self.test(path?, operation.get("value")),
            _ => Err(Way),
        }
    }

    fn add(&mut self, path: &str, value: Value) -> Result<(), Refused> {
        let below = path.matches('/').count();
        let (deep, walked) = depth::of(&value);
        self.spend(walked)?;
        if below + deep > depth::MOST {
            return Err(Way);
        }
        let (place, key) = find_mut(self.doc, path)?;
        let Value::Array(list) = place else {
            return put(place, key, value);
        };
        let index = match key.as_str() {
            "-" => list.len(),
            key => index(key, list.len() + 1)?,
        };
        let aside = list.len() - index;
        list.insert(index, value);
        self.spend(aside)
    }

    fn remove(&mut self, path: &str) -> Result<Value, Refused> {
        let (place, key) = find_mut(self.doc, path)?;
        match place {
            Value::Array(list) => {
                let index = index(&key, list.len())?;
                let (value, aside) = (list.remove(index), list.len() - index);
                self.spend(aside)?;
                Ok(value)
            }
            Value::Object(map) => map.remove(&key).ok_or(Refused::Key(key)),
            _ => Err(Way),
        }
    }

    fn replace(&mut self, path: &str, value: Value) -> Result<(), Refused> {
        if path.is_empty() {
            // A list cannot become an object of the API.
            if !value.is_object() {
                return Err(Way);
            }
            *self.doc = value;
            return Ok(());
        }
        let (place, key) = find_mut(self.doc, path)?;
        let Value::Array(list) = place else { return put(place, key, value) };
        let index = index(&key, list.len())?;
        list[index] = value;
        Ok(())
    }

    fn copy(&mut self, from: &str, path: &str) -> Result<(), Refused> {
        let (place, key) = find(self.doc, from)?;
        let value = get(place, &key)?.cloned();
        if let Some(value) = &value {
            // Upstream counts what would be written.
            self.copied += crate::object::size(value);
            if self.copied > MAX_COPIED {
                return Err(Way);
            }
        }
        self.add(path, value.unwrap_or_default())
    }

    fn test(&mut self, path: &str, wanted: Option<&Value>) -> Result<(), Refused> {
        let found = if path.is_empty() {
            Some(&*self.doc)
        } else {
            let (place, key) = find(self.doc, path)?;
            get(place, &key)?
        };
        // Nothing and null are the same to upstream.
        let equal = found.unwrap_or(&Value::Null) == wanted.unwrap_or(&Value::Null);
        if equal { Ok(()) } else { Err(Way) }
    }

    fn spend(&mut self, work: usize) -> Result<(), Refused> {
        self.work += work;
        if self.work > MAX_WORK { Err(Way) } else { Ok(()) }
    }
}

/// The steps of a path. What stands before the first slash does not count.
fn steps(path: &str) -> Result<Vec<String>, Refused> {
    let steps: Vec<String> =
        path.split('/').skip(1).map(|s| s.replace("~1", "/").replace("~0", "~")).collect();
    if steps.is_empty() { Err(Way) } else { Ok(steps) }
}

/// The value a path's last step is to be looked up in, and that step.
fn find<'a>(doc: &'a Value, path: &str) -> Result<(&'a Value, String), Refused> {
    let mut steps = steps(path)?;
    let key = steps.pop().ok_or(Way)?;
    let down = |at: &'a Value, step: &String| get(at, step).ok().flatten().ok_or(Way);
    let place = steps.iter().try_fold(doc, down)?;
    Ok((place, key))
}

fn find_mut<'a>(doc: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), Refused> {
    let mut steps = steps(path)?;
    let key = steps.pop().ok_or(Way)?;
    let down = |at: &'a mut Value, step: &String| match at {
        Value::Object(map) => map.get_mut(step).ok_or(Way),
        Value::Array(list) => {
            let index = index(step, list.len()).map_err(|_| Way)?;
            list.get_mut(index).ok_or(Way)
        }
        _ => Err(Way),
    };
    let place = steps.iter().try_fold(doc, down)?;
    Ok((place, key))
}

/// What is at a key: `None` for an object that does not have it.
fn get<'a>(place: &'a Value, key: &str) -> Result<Option<&'a Value>, Refused> {
    match place {
        Value::Object(map) => Ok(map.get(key)),
        Value::Array(list) => Ok(list.get(index(key, list.len())?)),
        _ => Err(Way),
    }
}

fn put(place: &mut Value, key: String, value: Value) -> Result<(), Refused> {
    let map: &mut Map = place.as_object_mut().ok_or(Way)?;
    map.insert(key.into(), value);
    Ok(())
}

/// An index into a list of so many places; from the end when it is negative.
fn index(text: &str, places: usize) -> Result<usize, Refused> {
    let places = i64::try_from(places).map_err(|_| Way)?;
    let asked: i64 = text.parse().map_err(|_| Refused::NoNumber(text.to_owned()))?;
    let index = if asked < 0 { asked + places } else { asked };
    let outside = Refused::Place(asked);
    if index >= places { Err(outside) } else { usize::try_from(index).map_err(|_| outside) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn patched(doc: Value, operations: Value) -> Result<Value, ()> {
        let mut doc = doc;
        apply(&mut doc, operations.as_array().unwrap()).map(|()| doc).map_err(drop)
    }

    #[test]
    fn upstreams_bends_of_the_rfc() {
        let doc = || json!({"a": {"b": null}, "l": [1, 2, 3]});
        let rows = [
            (json!([{"op": "add", "path": "/l/-1", "value": 9}]), json!([1, 2, 3, 9])),
            (json!([{"op": "add", "path": "/l/-4", "value": 9}]), json!([9, 1, 2, 3])),
            (json!([{"op": "remove", "path": "/l/-1"}]), json!([1, 2])),
            (json!([{"op": "replace", "path": "/l/-3", "value": 9}]), json!([9, 2, 3])),
            (json!([{"op": "add", "path": "/l/3", "value": 9}]), json!([1, 2, 3, 9])),
            (json!([{"op": "add", "path": "/l/+1", "value": 9}]), json!([1, 9, 2, 3])),
        ];
        for (operations, list) in rows {
            assert_eq!(patched(doc(), operations.clone()).unwrap()["l"], list, "{operations}");
        }
        let fine = [
            json!([{"op": "replace", "path": "/new", "value": 1}, {"op": "test", "path": "/new", "value": 1}]),
            json!([{"op": "test", "path": "/nothing", "value": null}]),
            json!([{"op": "test", "path": "/a/b"}]),
            json!([{"op": "copy", "from": "/nothing", "path": "/c"}, {"op": "test", "path": "/c"}]),
            json!([{"op": "add", "path": "/c"}, {"op": "test", "path": "/c", "value": null}]),
            json!([{"op": "replace", "path": "", "value": {"x": 1}}, {"op": "test", "path": "/x", "value": 1}]),
            json!([{"op": "add", "path": "/x~1y~0z", "value": 1}, {"op": "test", "path": "/x~1y~0z", "value": 1}]),
        ];
        for operations in fine {
            assert!(patched(doc(), operations.clone()).is_ok(), "{operations}");
        }
        for refused in [
            json!([{"op": "add", "path": "/l/4", "value": 9}]),
            json!([{"op": "add", "path": "/l/-5", "value": 9}]),
            json!([{"op": "add", "path": "/l/x", "value": 9}]),
            json!([{"op": "replace", "path": "/l/3", "value": 9}]),
            json!([{"op": "remove", "path": "/l/-4"}]),
            json!([{"op": "remove", "path": "/nothing"}]),
            json!([{"op": "move", "from": "/nothing", "path": "/c"}]),
            json!([{"op": "add", "path": "/a/b/c", "value": 1}]),
            json!([{"op": "add", "path": "/l/0/c", "value": 1}]),
            json!([{"op": "add", "path": "c", "value": 1}]),
            json!([{"op": "replace", "path": "", "value": [1]}]),
            json!([{"op": "test", "path": "/l/0", "value": 1.0}]),
            json!([{"op": "copy", "path": "/c"}]),
            json!([{"path": "/c"}]),
            json!([7]),
        ] {
            assert_eq!(patched(doc(), refused.clone()), Err(()), "{refused}");
        }
    }

    #[test]
    fn what_cannot_be_undone_is_refused_all_the_same() {
        let doc = json!({"data": {"x": "1"}});
        let patch = json!([
            {"op": "move", "from": "/data/x", "path": "/data"},
            {"op": "test", "path": "/no", "value": 1},
        ]);
        assert_eq!(patched(doc, patch), Err(()));
    }

    #[test]
    fn copies_have_a_budget() {
        let doubling = |times: usize| {
            let mut operations =
                vec![json!({"op": "add", "path": "/x", "value": {"a": "b".repeat(100)}})];
            let copy = |i| json!({"op": "copy", "from": "/x", "path": format!("/x/c{i}")});
            operations.extend((0..times).map(copy));
            patched(json!({}), json!(operations))
        };
        assert!(doubling(14).is_ok());
        assert_eq!(doubling(15), Err(()));
        assert_eq!(doubling(10_000), Err(()));
    }

    #[test]
    fn nothing_grows_deeper_than_a_body_may_be() {
        let mut operations = vec![json!({"op": "add", "path": "/x", "value": {}})];
        for i in 1..=depth::MOST {
            operations.push(json!({"op": "add", "path": "/x".repeat(i), "value": {}}));
        }
        assert!(patched(json!({}), json!(operations)).is_ok());
        operations.push(json!({"op": "copy", "from": "/x", "path": "/x/x"}));
        assert_eq!(patched(json!({}), json!(operations)), Err(()));
    }

    #[test]
    fn lists_are_not_shifted_for_ever() {
        let doc = json!({"l": vec![0; 100_000]});
        let first = json!({"op": "remove", "path": "/l/0"});
        assert!(patched(doc.clone(), Value::from(vec![first.clone(); 100])).is_ok());
        assert_eq!(patched(doc, Value::from(vec![first; 1_000])), Err(()));
    }
}
