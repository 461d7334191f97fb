//! Server-side apply: merging a configuration into an object, removing what its manager no longer
//! asks for, and refusing to change what others own.
//!
//! Source: structured-merge-diff `merge` (Apply) and apimachinery's `managedfields`.

use super::{
    compare::{Delta, compare},
    entries::{self, Entry, Operation},
    fields::{check, fields},
    merge::merge,
    remove::{remove, with_named_fields},
    reset_field, root,
    set::{field_key, intersection, paths, subtract, union},
    strip,
};
use crate::{
    error::{Cause, Error},
    object::{Map, ObjectExt, Value, time},
    patch::{
        failure,
        node::{Node, Root},
    },
};
use jiff::Timestamp;
use std::collections::HashSet;

/// Who owned the fields of an object nobody tracked before it was first applied.
const BEFORE: &str = "before-first-apply";
/// kubectl's record of client-side apply.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager for which that record is kept, and forgives conflicts.
const KUBECTL: &str = "kubectl";
/// Most bytes all annotations may have together.
const MAX_ANNOTATIONS: usize = 262_144;

/// Applies a configuration to the live object (`None` creates it). The result carries up-to-date
/// `metadata.managedFields`; it is not defaulted yet. `sub` is the subresource or empty.
///
/// # Errors
/// 400 for a configuration of another version or with managedFields, 409 with a cause for each
/// field that belongs to somebody else (unless `force`), 500 for one that does not fit its type.
#[allow(clippy::too_many_arguments)] // What upstream's FieldManager is built from and called with.
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    ty: Root<'_>,
    manager: &str,
    force: bool,
    api_version: &str,
    sub: &str,
    now: Timestamp,
) -> Result<Value, Error> {
    let kind = live.map_or("", |l| l.str_at("kind"));
    fits(applied, ty, (api_version, if kind.is_empty() { applied.str_at("kind") } else { kind }))?;
    let writer = Writer { ty, manager, api_version, sub, now };
    let mut managed = writer.owners(live)?;
    let empty = Value::Object(Map::new());
    let old = live.unwrap_or(&empty);
    let new = writer.merged(old, applied, &mut managed);
    let delta = writer.delta(old, &new);
    if !force {
        let conflicts = writer.standing(old, writer.conflicts(&managed, &delta));
        if !conflicts.is_empty() {
            return Err(refusal(&conflicts));
        }
    }
    writer.settle(old, new, applied, managed, delta)
}

/// Checks a configuration as it was sent, before anything unknown is dropped from it: that it is one,
/// of the type (`apiVersion`, `kind`) that is written, and has only what that type has.
/// Source: `applyPatcher` in k8s.io/apiserver, the chain of k8s.io/apimachinery `managedfields`.
///
/// # Errors
/// 400 for what is no configuration of that type, 500 with everything that does not fit it, as
/// upstream answers.
pub fn fits(applied: &Value, ty: Root<'_>, named: (&str, &str)) -> Result<(), Error> {
    if let Some(other) = other_than_a_map(applied) {
        return Err(Error::BadRequest(format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot \
             unmarshal {other} into Go value of type map[string]interface {{}}"
        )));
    }
    if named != (applied.str_at("apiVersion"), applied.str_at("kind")) {
        return Err(Error::BadRequest(format!("invalid object type: {}", gvk(applied))));
    }
    if applied.at("metadata.managedFields").is_some_and(|m| !m.is_null()) {
        return Err(Error::BadRequest("metadata.managedFields must be nil".into()));
    }
    let problems = check(root(ty), applied);
    if problems.is_empty() { Ok(()) } else { Err(unfit(applied, &problems)) }
}

/// What Go calls a value that is no map; `null` is an empty one.
fn other_than_a_map(value: &Value) -> Option<&'static str> {
    match value {
        Value::Object(_) | Value::Null => None,
        Value::Array(_) => Some("array"),
        Value::String(_) => Some("string"),
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("bool"),
    }
}

/// Group, version and kind as Go prints them: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`.
fn gvk(object: &Value) -> String {
    let version = object.str_at("apiVersion");
    // What is no group and version is nothing.
    let version = if version.matches('/').count() > 1 { "" } else { version };
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Kind={}", object.str_at("kind"))
}

fn unfit(applied: &Value, problems: &[String]) -> Error {
    let what = format!("{}/{}; {}", applied.namespace(), applied.name(), gvk(applied));
    let why = match problems {
        [one] => one.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    failure(500, "", &format!("failed to create typed patch object ({what}): {why}"))
}

/// A field somebody else owns.
struct Conflict {
    owner: (String, Operation, String),
    printed: String,
    path: String,
}

/// One apply: who writes what.
struct Writer<'a> {
    ty: Root<'a>,
    manager: &'a str,
    api_version: &'a str,
    sub: &'a str,
    now: Timestamp,
}

impl Writer<'_> {
    fn is_mine(&self, e: &Entry) -> bool {
        e.is(self.manager, Operation::Apply, self.api_version, self.sub)
    }

    fn drop_reset(&self, set: &mut Map) {
        if let Some(field) = reset_field(self.ty, self.sub) {
            set.remove(&field_key(field));
        }
    }

    fn delta(&self, old: &Value, new: &Value) -> Delta {
        let mut delta = compare(root(self.ty), old, new);
        self.drop_reset(&mut delta.changed);
        self.drop_reset(&mut delta.removed);
        delta
    }

    /// The owners so far. What nobody tracked belongs to [`BEFORE`].
    fn owners(&self, live: Option<&Value>) -> Result<Vec<Entry>, Error> {
        let Some(live) = live else { return Ok(Vec::new()) };
        let managed = live.at("metadata.managedFields").cloned().unwrap_or_default();
        let managed = entries::parse(managed)
            .map_err(|e| failure(500, "", &format!("failed to decode managed fields: {e}")))?;
        if !managed.is_empty() {
            return Ok(managed);
        }
        let mut all = self.delta(&Value::Object(Map::new()), live).changed;
        strip(&mut all);
        Ok(vec![Entry {
            manager: BEFORE.into(),
            operation: Operation::Update,
            api_version: self.api_version.into(),
            sub: self.sub.into(),
            time: time::seconds(self.now),
            fields: all,
        }])
    }

    /// The object after the apply; the writer's own entry gets its new set.
    fn merged(&self, old: &Value, applied: &Value, managed: &mut Vec<Entry>) -> Value {
        let node = root(self.ty);
        let mut config = applied.clone();
        if let (Some(field), Some(map)) = (reset_field(self.ty, self.sub), config.as_object_mut()) {
            map.remove(field);
        }
        // What is not the writer's to say is laid over all the same, and taken back later.
        let merged = merge(node, Some(old), Some(applied)).unwrap_or_default();
        let wanted = fields(node, &config);
        let last = match managed.iter_mut().find(|e| self.is_mine(e)) {
            Some(mine) => {
                mine.api_version = self.api_version.into();
                std::mem::replace(&mut mine.fields, wanted)
            }
            None => {
                managed.push(Entry {
                    manager: self.manager.into(),
                    operation: Operation::Apply,
                    api_version: self.api_version.into(),
                    sub: self.sub.into(),
                    time: String::new(),
                    fields: wanted,
                });
                Map::new()
            }
        };
        if last.is_empty() { merged } else { prune(node, merged, managed, &last) }
    }

    fn conflicts(&self, managed: &[Entry], delta: &Delta) -> Vec<Conflict> {
        let mut out = Vec::new();
        for entry in managed.iter().filter(|e| !self.is_mine(e)) {
            for path in paths(&intersection(&entry.fields, &delta.changed)) {
                let owner = (entry.manager.clone(), entry.operation, entry.api_version.clone());
                out.push(Conflict { owner, printed: entry.printed(), path });
            }
        }
        out.sort_by(|a, b| a.owner.cmp(&b.owner));
        out
    }

    /// The conflicts that remain: kubectl may change whatever its own client-side apply had set
    /// and nobody changed since.
    fn standing(&self, old: &Value, mut conflicts: Vec<Conflict>) -> Vec<Conflict> {
        if conflicts.is_empty() || self.manager != KUBECTL {
            return conflicts;
        }
        let last = old.annotation(LAST_APPLIED).and_then(|t| serde_json::from_str(t).ok());
        let Some(last) = last.filter(|l: &Value| l.str_at("apiVersion") == self.api_version) else {
            return conflicts;
        };
        let node = root(self.ty);
        let delta = compare(node, &last, old);
        let mut allowed = fields(node, &last);
        subtract(&mut allowed, &delta.changed);
        subtract(&mut allowed, &delta.removed);
        let allowed: HashSet<String> = paths(&allowed).into_iter().collect();
        conflicts.retain(|c| !allowed.contains(&c.path));
        conflicts
    }

    fn settle(
        &self,
        old: &Value,
        mut new: Value,
        applied: &Value,
        mut managed: Vec<Entry>,
        delta: Delta,
    ) -> Result<Value, Error> {
        let changed = &new != old;
        for entry in &mut managed {
            if self.is_mine(entry) {
                strip(&mut entry.fields);
                if changed {
                    entry.time = time::seconds(self.now);
                }
            } else {
                subtract(&mut entry.fields, &delta.changed);
                subtract(&mut entry.fields, &delta.removed);
            }
        }
        if self.manager == KUBECTL && new.annotation(LAST_APPLIED).is_some_and(|a| !a.is_empty()) {
            record_last_applied(&mut new, applied);
        }
        entries::store(&mut new, managed);
        Ok(new)
    }
}

/// Takes out what the writer applied last time but not now, unless somebody else owns it.
fn prune(node: Node<'_>, merged: Value, managed: &[Entry], last: &Map) -> Value {
    let named = |set: &Map| with_named_fields(node, set);
    let last = named(last);
    let before = named(&fields(node, &merged));
    let mut owned = Map::new();
    for entry in managed {
        union(&mut owned, &entry.fields);
    }
    let mut keep = named(&fields(node, &remove(node, &merged, &last)));
    union(&mut keep, &named(&owned));
    let mut gone = before.clone();
    subtract(&mut gone, &keep);
    let left = named(&fields(node, &remove(node, &merged, &gone)));
    let mut gone = before;
    subtract(&mut gone, &left);
    remove(node, &merged, &intersection(&gone, &last))
}

fn refusal(conflicts: &[Conflict]) -> Error {
    let cause = |c: &Conflict| Cause {
        reason: "FieldManagerConflict",
        message: format!("conflict with {}", c.printed),
        field: c.path.clone(),
    };
    let message = match conflicts {
        [one] => {
            format!("Apply failed with 1 conflict: conflict with {}: {}", one.printed, one.path)
        }
        many => {
            let mut lines = Vec::new();
            let mut owner = "";
            for c in many {
                if c.printed != owner {
                    owner = &c.printed;
                    lines.push(format!("conflicts with {owner}:"));
                }
                lines.push(format!("- {}", c.path));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    Error::ApplyConflict { message, causes: conflicts.iter().map(cause).collect() }
}

fn record_last_applied(new: &mut Value, applied: &Value) {
    let mut config = applied.clone();
    if let Some(annotations) = config.at("metadata.annotations").and_then(Value::as_object) {
        let mut annotations = annotations.clone();
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            config.remove_at("metadata.annotations");
        } else {
            config.set_at("metadata.annotations", Value::Object(annotations));
        }
    }
    new.set_annotation(LAST_APPLIED, format!("{config}\n"));
    let Some(Value::Object(all)) = new.at("metadata.annotations") else { return };
    let size: usize = all.iter().map(|(k, v)| k.len() + v.as_str().map_or(0, str::len)).sum();
    if size > MAX_ANNOTATIONS {
        let mut all = all.clone();
        all.remove(LAST_APPLIED);
        new.set_at("metadata.annotations", Value::Object(all));
    }
}
