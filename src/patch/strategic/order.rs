//! The order of merged lists: what the patch names keeps the patch's order, the rest keeps the
//! live order, and both interleave as they did.

use super::{
    DIRECTIVE,
    fault::{self, PatchFault, go_list},
};
use crate::object::Value;
use std::collections::HashMap;

/// What identifies an item: its merge key, or itself in a list of scalars.
fn id<'a>(item: &'a Value, key: &str) -> Result<&'a Value, PatchFault> {
    if key.is_empty() {
        return Ok(item);
    }
    match item {
        Value::Object(map) => map.get(key).ok_or_else(|| fault::no_merge_key(map, key)),
        other => Err(fault::bad_type(fault::MAP, other)),
    }
}

/// Where each item of a list first stands, by what identifies it.
struct Positions<'a> {
    first: HashMap<&'a Value, usize>,
    key: &'a str,
}

impl<'a> Positions<'a> {
    fn of(list: &'a [Value], key: &'a str) -> Positions<'a> {
        let mut first = HashMap::with_capacity(list.len());
        for (i, item) in list.iter().enumerate() {
            if let Ok(id) = id(item, key) {
                first.entry(id).or_insert(i);
            }
        }
        Positions { first, key }
    }

    fn get(&self, item: &Value) -> Option<usize> {
        self.first.get(id(item, self.key).ok()?).copied()
    }
}

/// Splits a list into what `by` names too and the rest.
pub(super) fn partition(
    list: Vec<Value>,
    by: &[Value],
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchFault> {
    for item in &list {
        id(item, key)?;
    }
    let named = Positions::of(by, key);
    Ok(list.into_iter().partition(|item| named.get(item).is_some()))
}

/// Sorts the patch's items by `patch_order`, the server's by `server_order`, and joins them.
pub(super) fn arrange(
    mut patch: Vec<Value>,
    mut server: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: &str,
) -> Result<Vec<Value>, PatchFault> {
    for item in patch_order.iter().chain(server_order) {
        id(item, key)?;
    }
    let (patched, served) = (Positions::of(patch_order, key), Positions::of(server_order, key));
    patch.sort_by_key(|v| patched.get(v));
    server.sort_by_key(|v| served.get(v));
    let mut out = Vec::with_capacity(patch.len() + server.len());
    let mut patch = patch.into_iter().peekable();
    for item in server {
        let at = served.get(&item);
        while let Some(next) = patch.peek() {
            match (at, served.get(next)) {
                (Some(a), Some(b)) if a < b => break,
                _ => out.extend(patch.next()),
            }
        }
        out.push(item);
    }
    out.extend(patch);
    Ok(out)
}

/// Checks that the patch's items stand in the order they are said to have.
pub(super) fn check_order(patch: &[Value], wanted: &[Value], key: &str) -> Result<(), PatchFault> {
    if wanted.is_empty() || patch.is_empty() {
        return Ok(());
    }
    let mut order = wanted.iter();
    let stays = |i: &&Value| i.get(DIRECTIVE).is_none_or(|d| d != "delete");
    for item in patch.iter().filter(stays) {
        // An item that names nothing (a directive of another kind) stands nowhere in the order.
        let item =
            if item.get(DIRECTIVE).is_some() { id(item, key).ok() } else { Some(id(item, key)?) };
        let mut found = false;
        for other in order.by_ref() {
            if Some(id(other, key)?) == item {
                found = true;
                break;
            }
        }
        if !found {
            return Err(PatchFault::Other(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                go_list(patch),
                go_list(wanted)
            )));
        }
    }
    Ok(())
}
