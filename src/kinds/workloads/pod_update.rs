//! What of a Pod may change after creation: images, deadlines, added tolerations, removed gates.
//!
//! Source: kubernetes `pkg/apis/core/validation` (`ValidatePodUpdate`).

use super::field::Field;
use crate::{
    error::Causes,
    object::{ObjectExt, Value},
};
use std::collections::HashSet;

const REFUSED: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const LISTS: [&str; 2] = ["containers", "initContainers"];

/// Compares the specs of an update.
pub fn validate(new: &Value, old: &Value, out: &mut Causes) {
    for list in LISTS {
        let path = format!("spec.{list}");
        if new.list_at(&path).len() != old.list_at(&path).len() {
            out.forbidden(path, "pod updates may not add or remove containers");
            return;
        }
    }
    if !deadline(new, old, out) {
        return;
    }
    tolerations(new, old, out);
    gates(new, old, out);
    rest(new, old, out);
}

/// False when the rest need not be looked at.
fn deadline(new: &Value, old: &Value, out: &mut Causes) -> bool {
    let (now, before) =
        (Field::of(new, "spec.activeDeadlineSeconds"), old.i64_at("spec.activeDeadlineSeconds"));
    let Some(seconds) = now.int() else {
        if before.is_some() {
            now.invalid(out, "must not update from a positive integer to nil value");
        }
        return true;
    };
    if !(0..=i64::from(i32::MAX)).contains(&seconds) {
        now.within(out, 0, i64::from(i32::MAX));
        return false;
    }
    if before.is_some_and(|before| before < seconds) {
        now.invalid(out, "must be less than or equal to previous value");
        return false;
    }
    true
}

fn tolerations(new: &Value, old: &Value, out: &mut Causes) {
    let bare = |toleration: &Value| {
        let mut bare = toleration.clone();
        bare.remove_at("tolerationSeconds");
        bare
    };
    let now: HashSet<Value> = new.list_at("spec.tolerations").iter().map(bare).collect();
    let lost = |t: &Value| !now.contains(&bare(t));
    if old.list_at("spec.tolerations").iter().any(lost) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        out.forbidden("spec.tolerations", why);
    }
}

fn gates(new: &Value, old: &Value, out: &mut Causes) {
    let before = old.list_at("spec.schedulingGates").iter();
    let before: HashSet<&str> = before.map(|b| b.str_at("name")).collect();
    for gate in Field::of(new, "spec.schedulingGates").items() {
        let name = gate.get("name");
        if !before.contains(name.text()) {
            let found = name.text();
            name.forbidden(
                out,
                format!("only deletion is allowed, but found new scheduling gate '{found}'"),
            );
        }
    }
}

fn rest(new: &Value, old: &Value, out: &mut Causes) {
    let before = old.at("spec").cloned().unwrap_or_default();
    let mut munged = new.at("spec").cloned().unwrap_or_default();
    for list in LISTS {
        let images = before.list_at(list).iter().map(|c| c.get("image").cloned());
        let now = munged.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
        for (container, image) in now.zip(images) {
            if let Some(image) = image {
                container["image"] = image;
            }
        }
    }
    let mut free = vec!["activeDeadlineSeconds", "schedulingGates", "tolerations"];
    let negative = before.i64_at("terminationGracePeriodSeconds").is_some_and(|n| n < 0);
    if negative && munged.i64_at("terminationGracePeriodSeconds") == Some(1) {
        free.push("terminationGracePeriodSeconds");
    }
    if !before.list_at("schedulingGates").is_empty() {
        gated(&before, &munged, &mut free, out);
    }
    for field in free {
        match before.at(field) {
            Some(value) => munged.set_at(field, value.clone()),
            None => {
                munged.remove_at(field);
            }
        }
    }
    if munged != before {
        out.forbidden("spec", format!("{REFUSED}\n{}", diff(&before, &munged)));
    }
}

/// A pod that waits at a gate may narrow where it will run.
fn gated(before: &Value, now: &Value, free: &mut Vec<&'static str>, out: &mut Causes) {
    let selector = |o: &Value| o.map_at("nodeSelector").cloned().unwrap_or_default();
    let kept = selector(before).iter().all(|(k, v)| selector(now).get(k) == Some(v));
    if !kept {
        let field = Field::placed(now.at("nodeSelector"), "spec.nodeSelector");
        field
            .invalid(out, "only additions are allowed to nodeSelector (no mutations or deletions)");
    }
    free.push("nodeSelector");
    let affinity = |o: &Value| o.at("affinity.nodeAffinity").cloned();
    if affinity(before).is_none() {
        free.push("affinity.nodeAffinity");
    }
}

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// A unified diff of two values as indented JSON, in one hunk.
fn diff(old: &Value, new: &Value) -> String {
    let (a, b) = (indented(old), indented(new));
    let (a, b): (Vec<&str>, Vec<&str>) = (a.lines().collect(), b.lines().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let shorter = a.len().min(b.len()) - head;
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count().min(shorter);
    let start = head.saturating_sub(CONTEXT);
    let end = (a.len() - tail + CONTEXT).min(a.len());
    let new_end = (b.len() - tail + CONTEXT).min(b.len());
    let mut out =
        format!("@@ -{},{} +{},{} @@\n", start + 1, end - start, start + 1, new_end - start);
    let mut add = |sign: char, lines: &[&str]| {
        lines.iter().for_each(|line| out.push_str(&format!("{sign}{line}\n")));
    };
    add(' ', &a[start..head]);
    add('-', &a[head..a.len() - tail]);
    add('+', &b[head..b.len() - tail]);
    add(' ', &a[a.len() - tail..end]);
    out
}

/// JSON with one space per level, as upstream's differ prints it.
fn indented(value: &Value) -> String {
    use serde::Serialize;
    let mut bytes = Vec::new();
    let style = serde_json::ser::PrettyFormatter::with_indent(b" ");
    // Writing JSON to memory cannot fail.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, style));
    String::from_utf8_lossy(&bytes).into_owned()
}
