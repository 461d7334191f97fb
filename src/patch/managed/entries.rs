//! The entries of `metadata.managedFields`: reading, writing, order, and the limit on their
//! number.

use super::set;
use crate::object::{Map, ObjectExt, Value, json};
use std::collections::HashMap;

/// How a manager came to own its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

/// One manager's fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name of the manager.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// Version of the kind it wrote.
    pub api_version: String,
    /// Subresource it wrote through, or empty.
    pub sub: String,
    /// RFC 3339 time of its last change; empty when it never changed anything.
    pub time: String,
    /// The set of fields.
    pub fields: Map,
}

/// Most entries of ordinary writes (`DefaultMaxUpdateManagers`).
const MAX_UPDATERS: usize = 10;
/// Who gets the fields of the oldest when there are more.
const ANCIENT: &str = "ancient-changes";

impl Entry {
    /// Whether this is the entry of that manager, operation, version and subresource. Appliers
    /// are one per name and subresource, whatever version they use.
    pub fn is(&self, manager: &str, operation: Operation, api_version: &str, sub: &str) -> bool {
        self.manager == manager
            && self.operation == operation
            && self.sub == sub
            && (operation == Operation::Apply || self.api_version == api_version)
    }

    /// The manager as conflicts name it.
    pub fn printed(&self) -> String {
        let mut out = format!("{:?}", self.manager);
        if !self.sub.is_empty() {
            out.push_str(&format!(" with subresource {:?}", self.sub));
        }
        if self.operation == Operation::Update {
            out.push_str(&format!(" using {}", self.api_version));
        }
        out
    }

    fn parse(entry: Value, index: usize) -> Result<Entry, String> {
        let operation = match entry.str_at("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err("operation must be `Apply` or `Update`".into()),
        };
        if entry.str_at("apiVersion").is_empty() {
            return Err("apiVersion must not be empty".into());
        }
        match entry.str_at("fieldsType") {
            "FieldsV1" => {}
            "" => return Err(format!("missing fieldsType in managed fields entry {index}")),
            other => {
                return Err(format!(
                    "invalid fieldsType {other:?} in managed fields entry {index}"
                ));
            }
        }
        let Value::Object(mut entry) = entry else { return Err("not an object".into()) };
        let mut text = |key: &str| match entry.remove(key) {
            Some(Value::String(s)) => s.into(),
            _ => String::new(),
        };
        Ok(Entry {
            manager: text("manager"),
            operation,
            api_version: text("apiVersion"),
            sub: text("subresource"),
            time: text("time"),
            fields: match entry.remove("fieldsV1") {
                Some(Value::Object(fields)) => fields,
                _ => Map::new(),
            },
        })
    }

    fn into_value(self) -> Value {
        let mut out = Map::new();
        out.insert("manager".into(), self.manager.into());
        out.insert("operation".into(), json!(format!("{:?}", self.operation)));
        out.insert("apiVersion".into(), self.api_version.into());
        if !self.time.is_empty() {
            out.insert("time".into(), self.time.into());
        }
        out.insert("fieldsType".into(), json!("FieldsV1"));
        out.insert("fieldsV1".into(), Value::Object(self.fields));
        if !self.sub.is_empty() {
            out.insert("subresource".into(), self.sub.into());
        }
        Value::Object(out)
    }
}

/// Reads a list of entries the server wrote itself.
///
/// # Errors
/// What is wrong with the first bad one.
pub(super) fn parse(managed: Value) -> Result<Vec<Entry>, String> {
    let Value::Array(list) = managed else { return Ok(Vec::new()) };
    list.into_iter().enumerate().map(|(i, e)| Entry::parse(e, i)).collect()
}

/// Reads a list of entries a client wrote: sets come out in canonical form.
///
/// # Errors
/// What is wrong with the first bad one.
pub(super) fn parse_foreign(managed: Value) -> Result<Vec<Entry>, String> {
    let mut entries = parse(managed)?;
    for entry in &mut entries {
        entry.fields = set::parse(Value::Object(std::mem::take(&mut entry.fields)))?;
    }
    Ok(entries)
}

/// Writes the entries into an object, in upstream's order; none at all removes the field.
pub(super) fn store(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|e| !e.fields.is_empty());
    if entries.is_empty() {
        object.remove_at("metadata.managedFields");
        return;
    }
    entries.sort_by(|a, b| {
        (a.operation, &a.time, &a.manager, &a.api_version, &a.sub).cmp(&(
            b.operation,
            &b.time,
            &b.manager,
            &b.api_version,
            &b.sub,
        ))
    });
    let list: Value = entries.into_iter().map(Entry::into_value).collect();
    object.set_at("metadata.managedFields", list);
}

/// Merges the oldest entries of ordinary writes until no more than the limit are left.
pub(super) fn cap(entries: &mut Vec<Entry>) {
    let mut count = entries.iter().filter(|e| e.operation == Operation::Update).count();
    if count <= MAX_UPDATERS {
        return;
    }
    // Stable: updaters first, oldest first. The final order is made when storing.
    entries.sort_by(|a, b| {
        (b.operation, &a.time, &a.manager).cmp(&(a.operation, &b.time, &b.manager))
    });
    let is_ancient = |e: &Entry| e.is(ANCIENT, Operation::Update, &e.api_version, "");
    // Who takes the fields in, by version: the first there is, until one is called ancient.
    let mut buckets: HashMap<String, usize> = HashMap::new();
    for (i, entry) in entries.iter().enumerate().rev().filter(|(_, e)| is_ancient(e)) {
        buckets.insert(entry.api_version.clone(), i);
    }
    let mut firsts: HashMap<String, usize> = HashMap::new();
    let mut left: Vec<Option<Entry>> = std::mem::take(entries).into_iter().map(Some).collect();
    for i in 0..left.len() {
        let updater = |e: &&Entry| e.operation == Operation::Update;
        let Some(version) = left[i].as_ref().filter(updater).map(|e| e.api_version.clone()) else {
            break;
        };
        if count <= MAX_UPDATERS {
            break;
        }
        let Some(&first) = firsts.get(&version) else {
            firsts.insert(version, i);
            continue;
        };
        let Some(merged) = left[i].take() else { continue };
        let bucket = buckets.get(&version).copied().filter(|b| left[*b].is_some());
        let at = bucket.unwrap_or(first);
        if let Some(bucket) = &mut left[at] {
            bucket.manager = ANCIENT.into();
            bucket.sub = String::new();
            set::union(&mut bucket.fields, &merged.fields);
            bucket.time = merged.time;
        }
        buckets.insert(version, at);
        count -= 1;
    }
    entries.extend(left.into_iter().flatten());
}
