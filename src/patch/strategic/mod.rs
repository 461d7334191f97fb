//! Kubernetes' strategic merge patch: objects merge, lists with a merge key merge by item, and
//! directives (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`) say
//! what plain JSON cannot.
//!
//! Source: k8s.io/apimachinery `pkg/util/strategicpatch`.

mod fault;
mod list;
mod order;
#[cfg(test)]
mod tests;

use super::node;
use crate::{
    error::Error,
    object::{Map, Text, Value},
    schema::{Shape, Type},
};
use fault::PatchFault;
use std::collections::HashSet;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER: &str = "$setElementOrder";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList";

/// Applies a strategic merge patch to an object of a type.
///
/// # Errors
/// 400 and 422 for malformed directives, 500 with upstream's text for everything else it refuses.
pub fn strategic(doc: &Value, patch: &Value, ty: &'static Type) -> Result<Value, Error> {
    let (Value::Object(doc), Value::Object(patch)) = (doc, patch) else {
        return Err(Error::BadRequest("invalid JSON document".into()));
    };
    let merged = merge_map(doc.clone(), patch.clone(), Meta::Struct(ty))?;
    Ok(Value::Object(merged))
}

/// What is known about the value under patch.
#[derive(Clone, Copy)]
enum Meta {
    Struct(&'static Type),
    Map(&'static Shape),
    /// Any JSON, which Go keeps in a struct of this name: nothing below has a type.
    Raw(&'static str),
    Any,
}

/// How one field merges.
#[derive(Clone, Copy)]
struct Rule {
    /// The value, or the items of a list.
    meta: Meta,
    /// `merge`, `replace` or empty.
    strategy: &'static str,
    merge_key: &'static str,
}

impl Meta {
    fn of(shape: &'static Shape) -> Meta {
        match shape {
            Shape::Object(i) => node::object(*i).map_or(Meta::Any, Meta::Struct),
            Shape::Map(item) => Meta::Map(item),
            Shape::List(item) => Meta::of(item),
            _ => Meta::Any,
        }
    }

    /// What Go calls a field that holds any JSON.
    fn raw(ty: &Type, field: &str) -> Meta {
        Meta::Raw(match field {
            "fieldsV1" => "FieldsV1",
            _ if ty.name.contains("apiextensions") => "JSON",
            _ => "RawExtension",
        })
    }

    /// Refuses to look up how two values below any JSON merge.
    fn known(self, key: &str) -> Result<(), PatchFault> {
        match self {
            Meta::Raw(name) => Err(PatchFault::Other(format!(
                "unable to find api field in struct {name} for the json field {key:?}"
            ))),
            _ => Ok(()),
        }
    }

    fn rule(self, key: &str) -> Rule {
        let plain = |meta| Rule { meta, strategy: "", merge_key: "" };
        match self {
            Meta::Struct(ty) => match node::field(ty, key) {
                Some(f) => Rule {
                    meta: match f.shape {
                        Shape::Any => Meta::raw(ty, f.name),
                        _ => Meta::of(&f.shape),
                    },
                    strategy: f
                        .strategies
                        .iter()
                        .find(|s| **s != "retainKeys")
                        .copied()
                        .unwrap_or_default(),
                    merge_key: f.merge_key,
                },
                None => plain(Meta::Any),
            },
            Meta::Map(item) => plain(Meta::of(item)),
            Meta::Raw(_) | Meta::Any => plain(Meta::Any),
        }
    }
}

fn merge_map(mut original: Map, mut patch: Map, meta: Meta) -> Result<Map, PatchFault> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Map::new()),
            _ => Err(fault::bad_patch_type(directive, &patch)),
        };
    }
    retain_keys(&mut original, &mut patch)?;
    list::merge_ordered(&mut original, &mut patch, meta)?;
    // Deletions last: what is both listed and deleted is gone.
    let (deletions, fields): (Map, Map) =
        patch.into_iter().partition(|(key, _)| key.starts_with(DELETE_PRIMITIVES));
    for (key, value) in fields {
        merge_field(&mut original, key, value, meta)?;
    }
    for (key, value) in deletions {
        let name = key[DELETE_PRIMITIVES.len()..].strip_prefix('/');
        delete_primitives(&mut original, name.ok_or(fault::BAD_PRIMITIVE_LIST)?, &value);
    }
    Ok(original)
}

fn delete_primitives(original: &mut Map, name: &str, gone: &Value) {
    if let (Some(Value::Array(list)), Some(gone)) = (original.get_mut(name), gone.as_array()) {
        let gone: HashSet<&Value> = gone.iter().collect();
        list.retain(|v| !gone.contains(v));
    }
}

fn merge_field(original: &mut Map, key: Text, patch: Value, meta: Meta) -> Result<(), PatchFault> {
    if patch.is_null() {
        original.remove(&key);
        return Ok(());
    }
    let rule = meta.rule(&key);
    let merged = match (original.remove(&key), patch) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            meta.known(&key)?;
            let replace = rule.strategy == "replace";
            Some(Value::Object(if replace { new } else { merge_map(old, new, rule.meta)? }))
        }
        (Some(Value::Array(old)), Value::Array(new)) => {
            meta.known(&key)?;
            Some(Value::Array(list::merge_list(old.into_vec(), new.into_vec(), rule)?.into()))
        }
        (_, new) => without_directives(without_nulls(new)),
    };
    if let Some(merged) = merged {
        original.insert(key, merged);
    }
    Ok(())
}

/// Keeps only the listed keys of the original; every key set by the patch must be listed.
fn retain_keys(original: &mut Map, patch: &mut Map) -> Result<(), PatchFault> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(keys) = keys else { return Err(fault::BAD_RETAIN_KEYS) };
    let keys: HashSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let listed = |key: &str| keys.contains(key);
    let exempt = |key: &str| key.starts_with(DELETE_PRIMITIVES) || key.starts_with(ELEMENT_ORDER);
    if patch.iter().any(|(k, v)| !v.is_null() && !exempt(k) && !listed(k)) {
        return Err(fault::BAD_RETAIN_KEYS);
    }
    original.retain(|k, _| listed(k));
    Ok(())
}

/// A value that is taken from the patch as it is, without what only makes sense when merging;
/// `None` when nothing is left.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let kept = map.into_iter().filter_map(|(k, v)| Some((k, without_directives(v)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(list) => Some(list.into_iter().filter_map(without_directives).collect()),
        other => Some(other),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, v)| !v.is_null());
            Value::Object(kept.map(|(k, v)| (k, without_nulls(v))).collect())
        }
        Value::Array(list) => list.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
