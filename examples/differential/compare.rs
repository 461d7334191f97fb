//! What differs between two answers, in words that group well: what no two clusters have in common
//! (uids, times, revisions, allocated addresses) is left out, list positions are.

use crate::answer::Answer;
use regex::Regex;
use serde_json::Value;
use std::{collections::BTreeSet, sync::LazyLock};

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
    // Written by a controller beside the request.
    ".metadata.annotations.deployment.kubernetes.io/revision",
    ".spec.imagePullSecrets",
    ".spec.nodeName",
    // OpenShift's admission: the constraint that let the pod in, and what it filled in.
    ".metadata.annotations.openshift.io/scc",
    ".spec.securityContext.seLinuxOptions",
];

/// Everything that differs.
pub fn answers(left: &Answer, right: &Answer, depth: Depth, ignore: &[String]) -> Vec<String> {
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
        let (mut ours, mut theirs) = (left.body.clone(), right.body.clone());
        for body in [&mut ours, &mut theirs] {
            anonymous(body, depth);
        }
        values("", &ours, &theirs, depth, &mut found);
        found.retain(|f| !ignore.iter().any(|path| f.starts_with(path.as_str())));
    }
    found
}

/// Takes out of an object what is the cluster's own inside of texts and lists.
fn anonymous(value: &mut Value, depth: Depth) {
    let generated = value["metadata"]["generateName"].as_str().map(str::to_owned);
    if let Some(prefix) = generated
        && let Some(Value::String(name)) = value["metadata"].get_mut("name")
        && name.starts_with(&prefix)
    {
        *name = format!("{prefix}?");
    }
    if let (Depth::WithoutStatus, Some(Value::Array(fields))) =
        (depth, value["metadata"].get_mut("managedFields"))
    {
        fields.retain(|f| ["alice", "bob", "carol"].iter().any(|m| f["manager"] == *m));
        // The order is that of their times, which two cluster's clocks round differently.
        fields.sort_by_key(|f| (f["manager"].to_string(), f["operation"].to_string()));
        if fields.is_empty() {
            value["metadata"]["managedFields"] = Value::Null;
        }
    }
    masked(value);
}

fn masked(value: &mut Value) {
    match value {
        Value::String(text) => *text = mask(text),
        Value::Array(items) => items.iter_mut().for_each(masked),
        Value::Object(map) => map.values_mut().for_each(masked),
        _ => {}
    }
}

/// A text without uids, moments, revisions and generated volume names.
fn mask(text: &str) -> String {
    static UID: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").expect("valid")
    });
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").expect("valid"));
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(kube-api-access-)[a-z0-9]{5}|(resourceVersion\\*":\\*")\d+"#).expect("valid")
    });
    let text = OTHER.replace_all(text, "$1$2?");
    TIME.replace_all(&UID.replace_all(&text, "{uid}"), "{time}").into_owned()
}

/// The causes of two refusals, as sets; whole texts only when there are none.
fn refusals(left: &Value, right: &Value, found: &mut Vec<String>) {
    let causes = |v: &Value| -> BTreeSet<String> {
        let all = v["details"]["causes"].as_array().cloned().unwrap_or_default();
        let told = |c: &Value| format!("{} {} {}", c["reason"], c["field"], c["message"]);
        all.iter().map(|c| shape(&told(c))).collect()
    };
    let (ours, theirs) = (causes(left), causes(right));
    found.extend(ours.difference(&theirs).map(|c| format!("cause only left: {c}")));
    found.extend(theirs.difference(&ours).map(|c| format!("cause only right: {c}")));
    if left["reason"] != right["reason"] {
        found.push(format!("reason {} and not {}", left["reason"], right["reason"]));
    }
    if found.is_empty() && left["message"] != right["message"] {
        let text = |v: &Value| shape(v["message"].as_str().unwrap_or_default());
        let (ours, theirs) = (text(left), text(right));
        // Where several causes agree, the order in which they are told does not count.
        if ours != theirs && causes(left).len() < 2 {
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
    text.chars().take(50).collect()
}

/// A text without its particulars: what stands in quotes and all digits.
fn shape(text: &str) -> String {
    let mut out = String::new();
    let mut digits = false;
    for c in mask(text).chars().take(220) {
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
