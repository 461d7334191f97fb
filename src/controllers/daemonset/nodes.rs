//! Which nodes a DaemonSet's pods belong on.
//! Source: `pkg/controller/daemon` (NodeShouldRunDaemonPod), OpenShift's `patch_nodeselector.go`,
//! `component-helpers/scheduling/corev1/nodeaffinity`.

use super::pods::tolerations;
use crate::{
    controllers::View,
    object::{ObjectExt, Value, selector::Labels},
    store::Entry,
};
use std::sync::Arc;

/// What a node is to a DaemonSet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    /// A pod should be there.
    pub should_run: bool,
    /// A pod that is there may stay.
    pub may_stay: bool,
}

/// What placement looks at.
pub(super) fn shown(node: &Entry) -> (Value, Value, Value) {
    let node = node.lean();
    let part = |path: &str| node.at(path).cloned().unwrap_or_default();
    (part("metadata.labels"), part("spec.taints"), part("spec.unschedulable"))
}

/// Every node with its verdict.
pub(super) fn judged(view: &View, set: &Value) -> Vec<(Arc<Entry>, Fit)> {
    let spec = set.at("spec.template.spec").cloned().unwrap_or_default();
    let mut tolerated = spec.list_at("tolerations").to_vec();
    tolerated.extend(tolerations(&spec));
    let namespace = view.get("namespaces", set.namespace()).map(|n| n.value()).unwrap_or_default();
    let project = namespace.annotation("openshift.io/node-selector").map(Labels::parse);
    let allowed = |node: &Entry| match &project {
        Some(Ok(labels)) => labels.matches_meta(&node.meta),
        _ => true,
    };
    let judge = |node: &Arc<Entry>| {
        let fits = fits(&spec, node) && allowed(node);
        let node_value = node.lean();
        let bears = |effects: &[&str]| {
            let taints = node_value.list_at("spec.taints").iter();
            taints
                .filter(|t| effects.contains(&t.str_at("effect")))
                .all(|t| tolerated.iter().any(|o| tolerates(o, t)))
        };
        let fit = Fit {
            should_run: fits && bears(&["NoSchedule", "NoExecute"]),
            may_stay: fits && bears(&["NoExecute"]),
        };
        (Arc::clone(node), fit)
    };
    view.objects.list("nodes", "").map(judge).collect()
}

/// Whether a toleration covers a taint.
pub(crate) fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let (key, effect) = (toleration.str_at("key"), toleration.str_at("effect"));
    let exists = toleration.str_at("operator") == "Exists";
    (effect.is_empty() || effect == taint.str_at("effect"))
        && (key == taint.str_at("key") || (key.is_empty() && exists))
        && (exists || toleration.str_at("value") == taint.str_at("value"))
}

/// Whether name, selector and required affinity of a pod spec allow the node.
fn fits(spec: &Value, node: &Entry) -> bool {
    let name = spec.str_at("nodeName");
    if !name.is_empty() && name != &*node.meta.name {
        return false;
    }
    let selector = spec.at("nodeSelector").map(Labels::from_map).unwrap_or_default();
    let required = spec.at("affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    selector.matches_meta(&node.meta)
        && required.is_none_or(|r| r.list_at("nodeSelectorTerms").iter().any(|t| term(t, node)))
}

fn term(term: &Value, node: &Entry) -> bool {
    let labels = Labels::from_object(&without_bounds(term));
    let bounds = term.list_at("matchExpressions").iter().filter(|e| is_bound(e));
    let fields = term.list_at("matchFields");
    let field = |f: &Value| {
        let listed = f.list_at("values").iter().any(|v| v == &*node.meta.name);
        listed == (f.str_at("operator") == "In")
    };
    let empty = fields.is_empty() && term.list_at("matchExpressions").is_empty();
    !empty
        && labels.matches_meta(&node.meta)
        && bounds.into_iter().all(|e| bound(e, node))
        && fields.iter().all(field)
}

fn is_bound(expression: &Value) -> bool {
    matches!(expression.str_at("operator"), "Gt" | "Lt")
}

/// Label selectors know no bounds; node selectors do.
fn without_bounds(term: &Value) -> Value {
    let plain = term.list_at("matchExpressions").iter().filter(|e| !is_bound(e)).cloned();
    let mut out = Value::Null;
    out.set_at("matchExpressions", plain.collect::<Value>());
    out
}

fn bound(expression: &Value, node: &Entry) -> bool {
    let label = node.meta.label(expression.str_at("key")).and_then(|v| v.parse::<i64>().ok());
    let limit = expression.list_at("values").first().and_then(Value::as_str);
    match (label, limit.and_then(|v| v.parse::<i64>().ok())) {
        (Some(v), Some(l)) if expression.str_at("operator") == "Gt" => v > l,
        (Some(v), Some(l)) => v < l,
        _ => false,
    }
}
