//! What differs between two answers, in words that group well: what no two clusters have in common
//! (uids, times, revisions, allocated addresses) is left out, list positions are.

use crate::answer::Answer;
use serde_json::Value;
use std::collections::BTreeSet;

/// How much of an object is compared.
#[derive(Clone, Copy, PartialEq)]
pub enum Depth {
    /// All of it.
    Whole,
    /// Not the status, which controllers may have written on one side only.
    WithoutStatus,
}

/// Paths that belong to the cluster and not to the request.
const OWN: &[&str] = &[
    ".metadata.uid",
    ".metadata.resourceVersion",
    ".metadata.creationTimestamp",
    ".metadata.deletionTimestamp",
    ".metadata.managedFields[*].time",
    ".details.uid",
    // Allocated.
    ".spec.clusterIP",
    ".spec.clusterIPs[*]",
    ".spec.ports[*].nodePort",
    ".spec.healthCheckNodePort",
    // OpenShift's admission: the constraint that let the pod in, and what it filled in.
    ".metadata.annotations.openshift.io/scc",
    ".spec.securityContext.seLinuxOptions",
];

/// Everything that differs.
pub fn answers(left: &Answer, right: &Answer, depth: Depth) -> Vec<String> {
    if left.code != right.code {
        let said = |a: &Answer| shape(a.body["message"].as_str().unwrap_or("an object"));
        return vec![format!(
            "{} and not {}: {} | {}",
            left.code,
            right.code,
            said(left),
            said(right)
        )];
    }
    let mut found = vec![];
    let warnings = |a: &Answer| a.warnings.iter().map(|w| shape(w)).collect::<BTreeSet<_>>();
    if warnings(left) != warnings(right) {
        found.push(format!("warnings {:?} and not {:?}", warnings(left), warnings(right)));
    }
    if left.code >= 400 {
        refusals(&left.body, &right.body, &mut found);
    } else {
        values("", &left.body, &right.body, depth, &mut found);
    }
    found
}

/// The causes of two refusals, as sets; whole texts only when there are none.
fn refusals(left: &Value, right: &Value, found: &mut Vec<String>) {
    let causes = |v: &Value| -> BTreeSet<String> {
        let all = v["details"]["causes"].as_array().cloned().unwrap_or_default();
        all.iter().map(|c| format!("{} {} {}", c["reason"], c["field"], c["message"])).collect()
    };
    let (ours, theirs) = (causes(left), causes(right));
    found.extend(ours.difference(&theirs).map(|c| format!("cause only left: {}", shape(c))));
    found.extend(theirs.difference(&ours).map(|c| format!("cause only right: {}", shape(c))));
    if left["reason"] != right["reason"] {
        found.push(format!("reason {} and not {}", left["reason"], right["reason"]));
    }
    if found.is_empty() && left["message"] != right["message"] {
        let text = |v: &Value| shape(v["message"].as_str().unwrap_or_default());
        let (ours, theirs) = (text(left), text(right));
        // The causes agree: the order in which they are told does not count.
        if ours == theirs || causes(left).len() < 2 {
            found.push(format!("message {ours} and not {theirs}"));
        }
    }
}

fn values(path: &str, left: &Value, right: &Value, depth: Depth, found: &mut Vec<String>) {
    if left == right || OWN.contains(&path) || (depth == Depth::WithoutStatus && path == ".status")
    {
        return;
    }
    match (left, right) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
            for key in keys {
                let path = format!("{path}.{key}");
                let part =
                    |m: &serde_json::Map<String, Value>| m.get(key).cloned().unwrap_or_default();
                values(&path, &part(ours), &part(theirs), depth, found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (a, b) in ours.iter().zip(theirs) {
                values(&format!("{path}[*]"), a, b, depth, found);
            }
        }
        _ => found.push(format!("{path}: {} and not {}", short(left), short(right))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(60).collect()
}

/// A text without its particulars: what stands in quotes and all digits.
fn shape(text: &str) -> String {
    let mut out = String::new();
    let mut digits = false;
    for c in text.chars().take(400) {
        if c.is_ascii_digit() {
            if !digits {
                out.push('#');
            }
            digits = true;
        } else {
            digits = false;
            out.push(c);
        }
    }
    out
}
