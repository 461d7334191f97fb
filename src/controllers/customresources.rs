//! What becomes of CustomResourceDefinitions: their names are accepted or not, they are
//! established, and one that is deleted goes after its objects.
//! Source: apiextensions-apiserver `pkg/controller/{status,establish,apiapproval,finalizer}`.

#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    api::PatchType,
    kinds::custom::{
        CLEANUP, DEFINITIONS, Definition, Names,
        check::{approval_state, bundle_problem, is_protected},
    },
    object::{ObjectExt, Value, json, time},
    store::{Change, Entry},
};
use jiff::Timestamp;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "customresourcedefinition-controller",
    user: "system:apiserver",
    manager: "kube-apiserver",
    watches: &[Watch::Any(wake)],
    reconcile,
    ..Controller::BASE
};

/// A definition; others of its group when its names become free; and one that waits for the last
/// of its objects.
fn wake(view: &View, change: &Change) -> Vec<String> {
    let entry = &change.entry;
    if &*entry.resource != DEFINITIONS {
        let waits = |d: &std::sync::Arc<Entry>| d.meta.deleting;
        let waiting = change.deleted && view.get(DEFINITIONS, &entry.resource).is_some_and(waits);
        return if waiting { vec![entry.resource.to_string()] } else { Vec::new() };
    }
    let now = entry.lens::<Definition>();
    let before = change.before.as_ref().map(|b| b.lens::<Definition>());
    let freed = change.deleted || before.is_some_and(|b| b.names.accepted != now.names.accepted);
    let mut keys = vec![entry.key.to_string()];
    if freed {
        let same = |e: &&std::sync::Arc<Entry>| {
            e.key != entry.key && e.lens::<Definition>().names.group == now.names.group
        };
        let others = view.objects.list(DEFINITIONS, "").filter(same);
        keys.extend(others.map(|e| e.key.to_string()));
    }
    keys
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(DEFINITIONS, key) else { return Plan::none() };
    let object = entry.value();
    if entry.meta.deleting {
        return empty(view, entry, object);
    }
    let definition = entry.lens::<Definition>();
    let (names, problem) = accepted(view, key, &definition.names);
    let mut next = object.clone();
    next.set_at("status.acceptedNames", names);
    let verdict = match &problem {
        None => ("True", "NoConflicts", "no conflicts found".to_owned()),
        Some((reason, why)) => ("False", *reason, why.clone()),
    };
    set(&mut next, "NamesAccepted", verdict, view.now);
    let established = is_true(&next, "Established");
    if !established && (problem.is_some() || object.condition("NamesAccepted").is_none()) {
        let verdict = match problem {
            None => ("Installing", "the initial names have been accepted"),
            Some(_) => ("NotAccepted", "not all names are accepted"),
        };
        set(&mut next, "Established", ("False", verdict.0, verdict.1.into()), view.now);
    } else if !established && bundle_problem(&object).is_some() {
        let why = "The conversion webhook CABundle is invalid".to_owned();
        set(&mut next, "Established", ("False", "InvalidCABundle", why), view.now);
    } else if !established {
        let why = "the initial names have been accepted".to_owned();
        set(&mut next, "Established", ("True", "InitialNamesAccepted", why), view.now);
    }
    if is_protected(next.str_at("spec.group")) {
        let (status, (reason, why)) = match approval_state(&next) {
            Ok(said) => ("True", said),
            Err(said) => ("False", said),
        };
        let kind = "KubernetesAPIApprovalPolicyConformant";
        set(&mut next, kind, (status, reason, why), view.now);
    }
    write_if_new(object, next)
}

fn write_if_new(object: Value, next: Value) -> Plan {
    let mut plan = Plan::none();
    if next != object {
        plan.write(Write::status(DEFINITIONS, next));
    }
    plan
}

fn is_true(object: &Value, kind: &str) -> bool {
    object.condition(kind).is_some_and(|c| c.str_at("status") == "True")
}

/// Sets a condition; the time moves only with its status.
fn set(
    object: &mut Value,
    kind: &str,
    (status, reason, why): (&str, &str, String),
    now: Timestamp,
) {
    let mut conditions = object.list_at("status.conditions").to_vec();
    let mut condition = json!({
        "lastTransitionTime": time::seconds(now), "message": why, "reason": reason,
        "status": status, "type": kind,
    });
    match conditions.iter_mut().find(|c| c.str_at("type") == kind) {
        Some(old) => {
            if old.str_at("status") == status {
                condition["lastTransitionTime"] = old["lastTransitionTime"].clone();
            }
            *old = condition;
        }
        None => conditions.push(condition),
    }
    object.set_at("status.conditions", conditions);
}

/// Which of the names wanted are free, and what is said of the last that is not.
fn accepted(view: &View, key: &str, names: &Names) -> (Value, Option<(&'static str, String)>) {
    let others = view.objects.list(DEFINITIONS, "").filter(|e| &*e.key != key);
    let others: Vec<_> =
        others.map(|e| e.lens::<Definition>()).filter(|d| d.names.group == names.group).collect();
    let words: Vec<&str> = others.iter().flat_map(|d| d.names.accepted.words()).collect();
    let kinds: Vec<&str> = others.iter().flat_map(|d| d.names.accepted.kinds()).collect();
    let mut out = names.accepted.shown();
    let mut problem = None;
    let wanted = &names.wanted;
    let mut take = |field: &str, name: &str, taken: &[&str], reason: &'static str| {
        if name.is_empty() {
            return;
        }
        if taken.contains(&name) {
            problem = Some((reason, format!("{name:?} is already in use")));
        } else {
            out[field] = json!(name);
        }
    };
    take("plural", &wanted.plural, &words, "PluralConflict");
    take("singular", &wanted.singular, &words, "SingularConflict");
    let mut taken: Vec<String> =
        wanted.short.iter().filter(|s| words.contains(&s.as_str())).cloned().collect();
    let free: Vec<&String> = wanted.short.iter().filter(|s| !taken.contains(s)).collect();
    if !free.is_empty() && taken.is_empty() {
        out["shortNames"] = json!(free);
    }
    let mut short = None;
    if !taken.is_empty() {
        taken.iter_mut().for_each(|s| *s = format!("{s:?} is already in use"));
        let why =
            if taken.len() == 1 { taken.remove(0) } else { format!("[{}]", taken.join(", ")) };
        short = Some(("ShortNamesConflict", why));
    }
    let mut take = |field: &str, name: &str, reason: &'static str| {
        if kinds.contains(&name) {
            short = Some((reason, format!("{name:?} is already in use")));
        } else if !name.is_empty() {
            out[field] = json!(name);
        }
    };
    take("kind", &wanted.kind, "KindConflict");
    take("listKind", &wanted.list_kind, "ListKindConflict");
    if !wanted.categories.is_empty() {
        out["categories"] = json!(wanted.categories);
    }
    (out, short.or(problem))
}

/// Deletes the objects of a definition that is going, then lets it go.
fn empty(view: &View, entry: &Entry, object: Value) -> Plan {
    if !object.list_at("metadata.finalizers").iter().any(|f| f == CLEANUP) {
        return Plan::none();
    }
    let resource = object.name().to_owned();
    let mut next = object.clone();
    let left: Vec<_> = view.objects.list(&resource, "").collect();
    if left.is_empty() {
        let done = ("False", "InstanceDeletionCompleted", "removed all instances".to_owned());
        set(&mut next, "Terminating", done, view.now);
        let mut plan = write_if_new(object, next);
        let kept = entry.value();
        let kept: Vec<&Value> =
            kept.list_at("metadata.finalizers").iter().filter(|f| *f != CLEANUP).collect();
        let patch = json!({"metadata": {"uid": &*entry.meta.uid, "finalizers": kept}});
        plan.write(Write::patch(DEFINITIONS, entry, PatchType::Merge, patch));
        return plan;
    }
    let why = "CustomResource deletion is in progress".to_owned();
    set(&mut next, "Terminating", ("True", "InstanceDeletionInProgress", why), view.now);
    let mut plan = write_if_new(object, next);
    let doomed = left.iter().filter(|e| !e.meta.deleting);
    let writes = doomed.map(|e| Write::delete(resource.clone(), e, Value::Null)).collect();
    plan.all(writes, false);
    plan
}
