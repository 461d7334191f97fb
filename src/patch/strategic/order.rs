//! The order of merged lists: what the patch names keeps the patch's order, the rest keeps the
//! live order, and both interleave as they did.

use super::{
    DIRECTIVE,
    fault::{self, Fault, go_list},
};
use crate::object::Value;

/// What identifies an item: its merge key, or itself in a list of scalars.
fn id<'a>(item: &'a Value, key: &str) -> Result<&'a Value, Fault> {
    if key.is_empty() {
        return Ok(item);
    }
    match item {
        Value::Object(map) => map.get(key).ok_or_else(|| fault::no_merge_key(map, key)),
        other => Err(fault::bad_type(fault::MAP, other)),
    }
}

fn position(list: &[Value], item: &Value, key: &str) -> Option<usize> {
    let wanted = id(item, key).ok()?;
    list.iter().position(|v| id(v, key).is_ok_and(|v| v == wanted))
}

/// Splits a list into what `by` names too and the rest.
pub(super) fn partition(
    list: Vec<Value>,
    by: &[Value],
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), Fault> {
    for item in &list {
        id(item, key)?;
    }
    Ok(list.into_iter().partition(|item| position(by, item, key).is_some()))
}

/// Sorts the patch's items by `patch_order`, the server's by `server_order`, and joins them.
pub(super) fn arrange(
    mut patch: Vec<Value>,
    mut server: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: &str,
) -> Result<Vec<Value>, Fault> {
    for item in patch_order.iter().chain(server_order) {
        id(item, key)?;
    }
    patch.sort_by_key(|v| position(patch_order, v, key));
    server.sort_by_key(|v| position(server_order, v, key));
    let mut out = Vec::with_capacity(patch.len() + server.len());
    let mut patch = patch.into_iter().peekable();
    for item in server {
        let at = position(server_order, &item, key);
        while let Some(next) = patch.peek() {
            match (at, position(server_order, next, key)) {
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
pub(super) fn check_order(patch: &[Value], wanted: &[Value], key: &str) -> Result<(), Fault> {
    if wanted.is_empty() || patch.is_empty() {
        return Ok(());
    }
    let mut order = wanted.iter();
    for item in patch.iter().filter(|i| i.get(DIRECTIVE).is_none()) {
        let item = id(item, key)?;
        let mut found = false;
        for other in order.by_ref() {
            if id(other, key)? == item {
                found = true;
                break;
            }
        }
        if !found {
            return Err(Fault::Other(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                go_list(patch),
                go_list(wanted)
            )));
        }
    }
    Ok(())
}
