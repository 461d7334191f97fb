//! Lists under a strategic merge patch: merged by item where the type says so, replaced elsewhere.

use super::{
    DIRECTIVE, ELEMENT_ORDER, Meta, Rule,
    fault::{self, PatchFault, go_list, go_type},
    merge_map,
    order::{arrange, check_order, partition},
    without_directives,
};
use crate::object::{Map, Text, Value};
use std::collections::{HashMap, HashSet};

/// Merges two lists as the field's rule says.
pub(super) fn merge_list(
    original: Vec<Value>,
    patch: Vec<Value>,
    rule: Rule,
) -> Result<Vec<Value>, PatchFault> {
    if rule.strategy != "merge" {
        return Ok(patch);
    }
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    if !same_type(&original, &patch)? {
        let mut merged = original.clone();
        let mut seen: HashSet<&Value> = original.iter().collect();
        merged.extend(patch.iter().filter(|v| seen.insert(*v)).cloned());
        let (mine, server) = partition(merged, &patch, rule.merge_key)?;
        return arrange(mine, server, &patch, &original, "");
    }
    if rule.merge_key.is_empty() {
        return Err(PatchFault::Other(format!(
            "cannot merge lists without merge key for {}",
            if matches!(rule.meta, Meta::Struct(_)) { "struct" } else { "map" }
        )));
    }
    let (original, patch) = special_items(original, patch, rule.merge_key)?;
    let merged = merge_items(original.clone(), &patch, rule)?;
    let (mine, server) = partition(merged, &patch, rule.merge_key)?;
    arrange(mine, server, &patch, &original, rule.merge_key)
}

/// Whether the items are objects; all must be of one type.
fn same_type(a: &[Value], b: &[Value]) -> Result<bool, PatchFault> {
    let mut types = a.iter().chain(b).map(go_type);
    let Some(first) = types.next() else {
        return Err(PatchFault::Other("no elements in any of the given slices".into()));
    };
    if first == fault::LIST {
        return Err(PatchFault::Unprocessable);
    }
    if types.any(|t| t != first) {
        let all = format!("[{} {}]", go_list(a), go_list(b));
        return Err(PatchFault::Other(format!("list element types are not identical: {all}")));
    }
    Ok(first == fault::MAP)
}

/// Carries out the items with a `$patch` directive; answers what is left of both lists.
fn special_items(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchFault> {
    let (mut rest, mut gone) = (Vec::new(), HashSet::new());
    let mut replace = false;
    for item in patch {
        let Value::Object(map) = &item else { return Err(fault::bad_type(fault::MAP, &item)) };
        match map.get(DIRECTIVE).map(Value::as_str) {
            None => rest.push(item),
            Some(Some("delete")) => {
                gone.insert(map.get(key).ok_or_else(|| fault::no_merge_key(map, key))?.clone());
            }
            Some(Some("replace")) => replace = true,
            Some(Some("merge")) => {
                return Err(PatchFault::Other(
                    "merging lists cannot yet be specified in the patch".into(),
                ));
            }
            Some(_) => return Err(fault::bad_patch_type(&map[DIRECTIVE], map)),
        }
    }
    if !gone.is_empty() {
        original.retain(|o| o.get(key).is_none_or(|id| !gone.contains(id)));
    }
    Ok(if replace { (rest, Vec::new()) } else { (original, rest) })
}

fn merge_items(
    mut original: Vec<Value>,
    patch: &[Value],
    rule: Rule,
) -> Result<Vec<Value>, PatchFault> {
    let mut places: HashMap<Value, usize> = HashMap::new();
    for (i, item) in original.iter().enumerate() {
        if let Some(id) = item.get(rule.merge_key) {
            places.entry(id.clone()).or_insert(i);
        }
    }
    for item in patch {
        let Value::Object(map) = item else { return Err(fault::bad_type(fault::MAP, item)) };
        let id = map.get(rule.merge_key).ok_or_else(|| fault::no_merge_key(map, rule.merge_key))?;
        match places.get(id).and_then(|i| original.get_mut(*i)) {
            Some(Value::Object(old)) => {
                *old = merge_map(std::mem::take(old), map.clone(), rule.meta)?;
            }
            _ => {
                places.insert(id.clone(), original.len());
                original.push(item.clone());
            }
        }
    }
    Ok(original)
}

/// Carries out every `$setElementOrder/…` of the patch together with the list it is about, and
/// takes both out of the patch.
pub(super) fn merge_ordered(
    original: &mut Map,
    patch: &mut Map,
    meta: Meta,
) -> Result<(), PatchFault> {
    let directives: Vec<Text> =
        patch.keys().filter(|k| k.starts_with(ELEMENT_ORDER)).cloned().collect();
    for directive in directives {
        let name =
            directive[ELEMENT_ORDER.len()..].strip_prefix('/').ok_or(fault::BAD_ELEMENT_ORDER)?;
        let wanted = match patch.remove(&directive) {
            Some(Value::Array(list)) => list,
            other => return Err(fault::bad_type(fault::LIST, &other.unwrap_or_default())),
        };
        let old = list_of(original.get(name))?;
        let new = list_of(patch.get(name))?;
        let rule = meta.rule(name);
        check_order(new.as_deref().unwrap_or_default(), &wanted, rule.merge_key)?;
        patch.remove(name);
        let items = [old.as_deref().unwrap_or_default(), new.as_deref().unwrap_or_default()];
        let merged = match (old.clone(), new.clone()) {
            (None, None) => continue,
            (Some(old), None) => old,
            (None, Some(new)) => new.into_iter().filter_map(without_directives).collect(),
            (Some(old), Some(new)) => merge_list(old, new, rule)?,
        };
        same_type(items[0], items[1])?;
        let (mine, server) = partition(merged, &wanted, rule.merge_key)?;
        let sorted = arrange(mine, server, &wanted, items[0], rule.merge_key)?;
        original.insert(name.into(), sorted.into());
    }
    Ok(())
}

fn list_of(value: Option<&Value>) -> Result<Option<Vec<Value>>, PatchFault> {
    match value {
        None => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list.to_vec())),
        Some(other) => Err(fault::bad_type(fault::LIST, other)),
    }
}
