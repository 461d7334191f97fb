//! Tracking of creates, updates and patches: whoever changes a field owns it, together with nobody
//! else.

use super::{
    compare::{Delta, compare},
    entries::{self, Entry, Operation},
    fields, is_reset, reset_field, root,
    set::{field_key, subtract, union},
    strip,
};
use crate::{
    object::{Map, ObjectExt, Value, time},
    patch::node::Root,
    schema,
};
use jiff::Timestamp;

/// Name of a manager that gives none.
const UNKNOWN: &str = "unknown";

/// Brings `new`'s `metadata.managedFields` up to date with what this write changes of `old`
/// (`None` for a create). `sub` is the subresource written through, or empty.
///
/// Call it after decoding and defaulting, before admission and before the kind settles its own
/// fields: what those fill in belongs to nobody.
pub fn record_update(
    old: Option<&Value>,
    new: &mut Value,
    ty: Root<'_>,
    manager: &str,
    api_version: &str,
    sub: &str,
    now: Timestamp,
) {
    let sent = new.remove_at("metadata.managedFields");
    let Some(mut managed) = known(old, sent, sub) else { return };
    if fields::is_nameless(root(ty), new) {
        return;
    }
    // A new object is compared with an unset one: what both hold nobody has set.
    let mut delta = match old {
        Some(old) => compare(root(ty), old, new),
        None => compare(root(ty), &blank(ty), new),
    };
    if let Some(field) = reset_field(ty, sub) {
        delta.changed.remove(&field_key(field));
        delta.removed.remove(&field_key(field));
    }
    strip(&mut delta.changed);
    strip(&mut delta.removed);
    if !delta.is_empty() {
        let manager = if manager.is_empty() { UNKNOWN } else { manager };
        take_over(&mut managed, delta, manager, api_version, sub, now);
        entries::cap(&mut managed);
    }
    entries::store(new, managed);
}

/// What an object of the type holds before anything is set.
fn blank(ty: Root<'_>) -> Value {
    match ty {
        Root::Type(ty) => schema::blank(ty),
        Root::Custom(..) => Value::Object(Map::new()),
    }
}

/// The owners before the write; `None` when the object is not tracked (any more).
fn known(old: Option<&Value>, sent: Option<Value>, sub: &str) -> Option<Vec<Entry>> {
    let live = old.and_then(|o| o.at("metadata.managedFields"));
    let from_live = || entries::parse(live.cloned().unwrap_or_default()).unwrap_or_default();
    let managed = match sent {
        Some(sent) if live == Some(&sent) => entries::parse(sent).unwrap_or_default(),
        Some(sent) if sub.is_empty() && is_reset(&sent) => Vec::new(),
        Some(sent) if sub.is_empty() => match entries::parse_foreign(sent) {
            Ok(entries) if !entries.is_empty() => entries,
            _ => from_live(),
        },
        _ => from_live(),
    };
    let exists = old.is_some_and(|o| !o.uid().is_empty());
    (!exists || !managed.is_empty()).then_some(managed)
}

fn take_over(
    managed: &mut Vec<Entry>,
    delta: Delta,
    manager: &str,
    api_version: &str,
    sub: &str,
    now: Timestamp,
) {
    for entry in managed.iter_mut() {
        subtract(&mut entry.fields, &delta.changed);
        subtract(&mut entry.fields, &delta.removed);
    }
    if delta.changed.is_empty() {
        return;
    }
    // Upstream carries ownership through the Scale and keeps only the times of before.
    let time = (sub != "scale").then(|| time::seconds(now));
    let is_mine = |e: &Entry| e.is(manager, Operation::Update, api_version, sub);
    match managed.iter_mut().find(|e| is_mine(e)) {
        Some(entry) => {
            union(&mut entry.fields, &delta.changed);
            entry.time = time.unwrap_or_else(|| std::mem::take(&mut entry.time));
        }
        None => managed.push(Entry {
            manager: manager.into(),
            operation: Operation::Update,
            api_version: api_version.into(),
            sub: sub.into(),
            time: time.unwrap_or_default(),
            fields: delta.changed,
        }),
    }
}
