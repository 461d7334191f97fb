//! What an arrival has changed, in a form in which two runs can be compared: keys, certificates and
//! signatures come from the system's randomness in each and are left out.

use crate::{
    object::{ObjectExt, Text, Value, json},
    store::Change,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Its revision.
    pub rev: u64,
    /// `plural.group`.
    pub resource: String,
    /// Namespace and name.
    pub key: String,
    /// The object, if it is new; else what is different, as a JSON patch.
    pub what: Value,
    /// Whether it went.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

impl Changed {
    /// Of a change.
    pub fn of(change: &Change) -> Changed {
        let mut now = change.entry.value();
        if change.entry.resource.as_ref() == CLOCKS {
            // What the wall's clock showed is no part of it.
            now = Value::Null;
        }
        plain(&mut now, change.entry.resource.as_ref() == "secrets");
        let what = match &change.before {
            None => now,
            Some(before) => {
                let mut old = before.value();
                if now.is_null() {
                    old = Value::Null;
                }
                plain(&mut old, before.resource.as_ref() == "secrets");
                let (old, now) = (old.into(), now.into());
                crate::object::to_value(json_patch::diff(&old, &now)).unwrap_or_default()
            }
        };
        Changed {
            rev: change.rev,
            resource: change.entry.resource.to_string(),
            key: change.entry.key.to_string(),
            what,
            gone: change.deleted,
        }
    }
}

/// What a cluster's clock showed when.
const CLOCKS: &str = "clocks.internal";
/// Stands for what the system's randomness has made.
const DRAWN: &str = "(drawn)";

/// Leaves out what is another in every run.
fn plain(value: &mut Value, secret: bool) {
    match value {
        Value::String(text) if is_drawn(text, secret) => *text = DRAWN.into(),
        Value::Array(list) => list.iter_mut().for_each(|v| plain(v, secret)),
        Value::Object(fields) => fields.values_mut().for_each(|v| plain(v, secret)),
        _ => {}
    }
}

/// PEM and tokens, also inside base64.
fn is_drawn(text: &str, secret: bool) -> bool {
    const PEM: &str = "-----BEGIN ";
    let token = |text: &str| text.contains("eyJ") && text.matches('.').count() >= 2;
    if text.contains(PEM) || text.starts_with("eyJ") && token(text) {
        return true;
    }
    if text.starts_with("LS0tLS1CRUdJTi") {
        return true;
    }
    if !secret || text.len() < 40 {
        return false;
    }
    let Ok(bytes) = STANDARD.decode(text) else { return false };
    let inner = String::from_utf8_lossy(&bytes);
    inner.contains(PEM) || token(&inner) || inner.contains("\"auth\"")
}

/// Where two runs differ: an object, and both sides.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Difference {
    pub what: String,
    pub recorded: Value,
    pub replayed: Value,
}

/// The first difference between what was recorded and what came of it again.
pub fn difference(recorded: &[Changed], replayed: &[Changed]) -> Option<Difference> {
    let longer = recorded.len().max(replayed.len());
    (0..longer).find_map(|i| one(recorded.get(i), replayed.get(i)))
}

fn one(recorded: Option<&Changed>, replayed: Option<&Changed>) -> Option<Difference> {
    let said = |c: &Changed| {
        let done = if c.gone { "deleted" } else { "written" };
        format!("{} {} {done} at revision {}", c.resource, c.key, c.rev)
    };
    let (a, b) = match (recorded, replayed) {
        (Some(a), Some(b)) if a == b => return None,
        (Some(a), Some(b)) => (a, b),
        (a, b) => {
            let what = a.or(b).map(said).unwrap_or_default();
            let side = |c: Option<&Changed>| c.map_or(Value::Null, |c| c.what.clone());
            return Some(Difference { what, recorded: side(a), replayed: side(b) });
        }
    };
    if (&a.resource, &a.key, a.gone) != (&b.resource, &b.key, b.gone) || a.rev != b.rev {
        let (recorded, replayed) = (json!(said(a)), json!(said(b)));
        let what = format!("what was written at revision {}", a.rev.min(b.rev));
        return Some(Difference { what, recorded, replayed });
    }
    let (mut recorded, mut replayed) = (Vec::new(), Vec::new());
    differing(&a.what, &b.what, String::new(), &mut recorded, &mut replayed);
    let what = format!("{} {} at revision {}", a.resource, a.key, a.rev);
    let object = |fields: Vec<(String, Value)>| Value::Object(fields.into_iter().collect());
    Some(Difference { what, recorded: object(recorded), replayed: object(replayed) })
}

/// Most fields told of.
const MOST: usize = 20;

/// The fields in which two texts differ.
fn differing(
    a: &Value,
    b: &Value,
    at: String,
    left: &mut Vec<(String, Value)>,
    right: &mut Vec<(String, Value)>,
) {
    if a == b || left.len() >= MOST {
        return;
    }
    let below = |at: &str, name: &str| match at {
        "" => name.to_owned(),
        at => format!("{at}.{name}"),
    };
    // The steps of a patch are told by the field they are about.
    let place = |v: &Value| v.str_at("path").trim_start_matches('/').replace('/', ".");
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if x.contains_key("op") && y.contains_key("op") => {
            if (x.get("op"), x.get("path")) == (y.get("op"), y.get("path")) {
                let get = |o: &crate::object::Map| o.get("value").cloned();
                let (x, y) = (get(x).unwrap_or_default(), get(y).unwrap_or_default());
                differing(&x, &y, place(a), left, right);
            } else {
                left.push((place(a), a.clone()));
                right.push((place(b), b.clone()));
            }
        }
        (Value::Object(x), Value::Object(y)) => {
            let names: std::collections::BTreeSet<&Text> = x.keys().chain(y.keys()).collect();
            for name in names {
                let get = |o: &crate::object::Map| o.get(name).cloned();
                let (x, y) = (get(x).unwrap_or_default(), get(y).unwrap_or_default());
                differing(&x, &y, below(&at, name), left, right);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (i, (x, y)) in x.iter().zip(y).enumerate() {
                differing(x, y, below(&at, &i.to_string()), left, right);
            }
        }
        _ => {
            left.push((at.clone(), a.clone()));
            right.push((at, b.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(what: Value) -> Changed {
        Changed { rev: 7, resource: "pods".into(), key: "n/p".into(), what, gone: false }
    }

    #[test]
    fn differences_are_told_field_by_field() {
        let a = changed(json!({"spec": {"nodeName": "a"}, "metadata": {"name": "p"}}));
        let b = changed(json!({"spec": {"nodeName": "b"}, "metadata": {"name": "p"}}));
        let one = std::slice::from_ref(&a);
        assert_eq!(difference(one, one), None);
        let found = difference(one, &[b]).unwrap();
        assert_eq!(found.what, "pods n/p at revision 7");
        assert_eq!(found.recorded, json!({"spec.nodeName": "a"}));
        assert_eq!(found.replayed, json!({"spec.nodeName": "b"}));
        let patch = |value: &str| {
            changed(json!([{"op": "replace", "path": "/status/phase", "value": value}]))
        };
        let found = difference(&[patch("Running")], &[patch("Failed")]).unwrap();
        assert_eq!(found.recorded, json!({"status.phase": "Running"}));
        let missing = difference(&[a], &[]).unwrap();
        assert_eq!(missing.what, "pods n/p written at revision 7");
        assert_eq!(missing.replayed, Value::Null);
    }

    #[test]
    fn what_the_system_draws_is_left_out() {
        let mut object = json!({"data": {"ca.crt": "-----BEGIN CERTIFICATE-----\nx",
            "plain": "value", "token": "eyJhbGciOi.eyJpc3Mi.c2ln"}});
        plain(&mut object, false);
        assert_eq!(object["data"], json!({"ca.crt": DRAWN, "plain": "value", "token": DRAWN}));
    }
}
