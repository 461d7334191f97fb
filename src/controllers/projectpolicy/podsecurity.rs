//! Labels a project with the pod security level its service accounts' constraints amount to.
//! Source: cluster-policy-controller `pkg/psalabelsyncer`.

use super::{MCS, UID_RANGE, annotation};
use crate::{
    api::PatchType,
    controllers::{Controller, Plan, View, Watch, Write},
    object::{Map, ObjectExt, Value, json},
    store::{Change, Entry},
};
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "pod-security-admission-label-synchronization-controller",
    manager: "pod-security-admission-label-synchronization-controller",
    watches: &[
        Watch::Itself("namespaces"),
        Watch::Map("serviceaccounts", first_account),
        Watch::Map("rolebindings.rbac.authorization.k8s.io", its_namespace),
        Watch::Map("clusterrolebindings.rbac.authorization.k8s.io", grants_everywhere),
    ],
    reconcile,
    ..Controller::BASE
};

const STANDARD: &str = "security.openshift.io/MinimallySufficientPodSecurityStandard";
const SYNC: &str = "security.openshift.io/scc.podSecurityLabelSync";
/// Name prefix of the cluster roles that allow the use of one constraint each.
const SCC_ROLE: &str = "system:openshift:scc:";
const BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";
const CLUSTER_BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";

/// The platform's constraints that amount to the levels `restricted` and `baseline`; any other
/// needs `privileged`.
const RESTRICTED: [&str; 3] = ["restricted-v2", "restricted-v3", "nonroot-v2"];
const BASELINE: [&str; 3] = ["restricted", "nonroot", "anyuid"];

fn first_account(_: &View, change: &Change) -> Vec<String> {
    let fresh = change.before.is_none() && !change.deleted;
    if fresh { vec![change.entry.meta.namespace.to_string()] } else { vec![] }
}

fn its_namespace(_: &View, change: &Change) -> Vec<String> {
    vec![change.entry.meta.namespace.to_string()]
}

fn grants_everywhere(view: &View, change: &Change) -> Vec<String> {
    if !change.entry.lean().str_at("roleRef.name").starts_with(SCC_ROLE) {
        return vec![];
    }
    view.objects.list("namespaces", "").map(|n| n.meta.name.to_string()).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get("namespaces", key).filter(|e| !e.meta.deleting && controlled(e))
    else {
        return Plan::none();
    };
    let accounts = view.objects.list("serviceaccounts", key).next().is_some();
    if !accounts || annotation(entry, UID_RANGE).is_none() || annotation(entry, MCS).is_none() {
        return Plan::none();
    }
    let mut plan = Plan::none();
    plan.all(labels(entry, level(view, key)).into_iter().collect(), false);
    plan
}

/// Whether the namespace is not the platform's own and did not opt out.
fn controlled(entry: &Entry) -> bool {
    let name = &*entry.meta.name;
    match entry.meta.label(SYNC) {
        Some("false") => false,
        _ if name == "default" || name == "openshift" || name.starts_with("kube-") => false,
        sync => !name.starts_with("openshift-") || sync == Some("true"),
    }
}

/// The least strict level any account of the namespace may run under.
fn level(view: &View, namespace: &str) -> &'static str {
    let local = view.objects.list(BINDINGS, namespace);
    let bindings = local.chain(view.objects.list(CLUSTER_BINDINGS, ""));
    let granted = bindings.filter_map(|b| granted(b, namespace));
    let weight = granted.map(|scc| weight(&scc)).max().unwrap_or(0);
    ["restricted", "baseline", "privileged"][weight]
}

fn weight(scc: &str) -> usize {
    match () {
        () if RESTRICTED.contains(&scc) => 0,
        () if BASELINE.contains(&scc) => 1,
        () => 2,
    }
}

/// The constraint a binding gives to an account of the namespace.
fn granted(binding: &Arc<Entry>, namespace: &str) -> Option<String> {
    let binding = binding.lean();
    let scc = binding.str_at("roleRef.name").strip_prefix(SCC_ROLE)?;
    let reaches = |s: &Value| match s.str_at("kind") {
        "ServiceAccount" => s.str_at("namespace") == namespace,
        "Group" => {
            let name = s.str_at("name");
            name == "system:serviceaccounts"
                || name.strip_prefix("system:serviceaccounts:") == Some(namespace)
        }
        _ => false,
    };
    binding.list_at("subjects").iter().any(reaches).then(|| scc.to_owned())
}

/// What to apply, unless all is as it should be or others look after the labels.
fn labels(entry: &Entry, level: &str) -> Option<Write> {
    let object = entry.value();
    let mut labels = Map::new();
    for mode in ["enforce", "warn", "audit"] {
        for (suffix, value) in [("", level), ("-version", "latest")] {
            let key = format!("pod-security.kubernetes.io/{mode}{suffix}");
            if entry.meta.label(SYNC) == Some("true") || !owned_by_others(&object, &key) {
                labels.insert(key.into(), json!(value));
            }
        }
    }
    let right = object.annotation(STANDARD) == Some(level)
        && labels.iter().all(|(k, v)| object.label(k) == v.as_str());
    let body = json!({
        "apiVersion": "v1", "kind": "Namespace",
        // With its uid: an apply must not bring back a namespace that is gone.
        "metadata": {"name": object.name(), "uid": object.uid(), "labels": labels,
            "annotations": {STANDARD: level}},
    });
    (!right).then(|| Write::patch("namespaces", entry, PatchType::Apply, body))
}

fn owned_by_others(object: &Value, label: &str) -> bool {
    let field = format!("f:{label}");
    object.list_at("metadata.managedFields").iter().any(|m| {
        m.str_at("manager") != CONTROLLER.manager
            && m.at("fieldsV1.f:metadata.f:labels").is_some_and(|l| l.get(&field).is_some())
    })
}
