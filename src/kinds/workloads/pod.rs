//! `v1` Pod: a group of containers on one node.

use super::{
    checks,
    field::Field,
    pod_columns, pod_status, pod_sub, pod_update,
    template::{self, SpecOwner},
};
use crate::{
    error::{Causes, Error},
    kinds::{Cx, Generation, Hooks, Kind, Sub},
    object::{ObjectExt, Value, json, time},
};

/// The kind.
pub static KIND: Kind = Kind {
    kind: "Pod",
    plural: "pods",
    short: &["po"],
    categories: &["all"],
    subresources: &[
        Sub::STATUS,
        connect("attach", "PodAttachOptions"),
        Sub { name: "binding", body: ("", "v1", "Binding"), verbs: &["create"] },
        Sub { name: "ephemeralcontainers", ..Sub::STATUS },
        Sub { name: "eviction", body: ("policy", "v1", "Eviction"), verbs: &["create"] },
        connect("exec", "PodExecOptions"),
        Sub { name: "log", body: ("", "", ""), verbs: &["get"] },
        connect("portforward", "PodPortForwardOptions"),
        Sub::proxy("PodProxyOptions"),
        Sub { name: "resize", ..Sub::STATUS },
    ],
    columns: pod_columns::COLUMNS,
    seen: pod_columns::SEEN,
    selectable: &[
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ],
    schema: "io.k8s.api.core.v1.Pod",
    generation: Generation::Spec,
    delete_returns_object: true,
    hooks: Hooks {
        default: Some(template::default_pod),
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(pod_status::validate),
        validate_sub: Some(pod_sub::validate),
        warn: Some(warn),
        row_conditions: Some(pod_columns::row_conditions),
        grace: Some(grace),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

const fn connect(name: &'static str, kind: &'static str) -> Sub {
    Sub { name, body: ("", "v1", kind), verbs: &["create", "get"] }
}

fn prepare(pod: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    if old.is_some() {
        return Ok(());
    }
    let mut status = json!({"phase": "Pending", "qosClass": template::qos_class(pod)});
    if !pod.list_at("spec.schedulingGates").is_empty() {
        status["conditions"] = json!([{"type": "PodScheduled", "status": "False",
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
            "lastProbeTime": null,
            "lastTransitionTime": time::seconds(cx.world.clock.now())}]);
    }
    pod.set_at("status", status);
    settle_label_keys(pod);
    Ok(())
}

/// `matchLabelKeys` and their opposite become terms over the pod's own labels.
fn settle_label_keys(pod: &mut Value) {
    let labels = pod.at("metadata.labels").cloned().unwrap_or_default();
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    for kind in ["podAffinity", "podAntiAffinity"] {
        let path = format!("spec.affinity.{kind}");
        if pod.at(&path).is_none_or(Value::is_null) {
            continue;
        }
        let affinity = pod.at_mut(&path);
        for term in list_mut(affinity, REQUIRED) {
            add_terms(term, &labels);
        }
        for weighted in list_mut(affinity, PREFERRED) {
            add_terms(weighted.at_mut("podAffinityTerm"), &labels);
        }
    }
    if !pod.list_at("spec.topologySpreadConstraints").is_empty() {
        for constraint in list_mut(pod.at_mut("spec"), "topologySpreadConstraints") {
            add_terms(constraint, &labels);
        }
    }
}

fn list_mut<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}

fn add_terms(term: &mut Value, labels: &Value) {
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        let keys = term.list_at(field).iter().filter_map(|k| k.as_str().map(str::to_owned));
        let added: Vec<Value> = keys
            .filter_map(|key| {
                let value = labels.get(&key)?;
                Some(json!({"key": key, "operator": operator, "values": [value]}))
            })
            .collect();
        // A missing selector matches nothing, whatever is added.
        if added.is_empty() || term.at("labelSelector").is_none_or(Value::is_null) {
            continue;
        }
        let mut terms = term.list_at("labelSelector.matchExpressions").to_vec();
        terms.extend(added);
        term.set_at("labelSelector.matchExpressions", terms);
    }
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    template::validate_spec(&spec, SpecOwner::Pod, out);
    tokens_without_account(&spec, out);
    if let Some(old) = old {
        pod_update::validate(new, old, out);
        return;
    }
    if !spec.get("ephemeralContainers").list().is_empty() {
        spec.get("ephemeralContainers").forbidden(out, "cannot be set on create");
    }
    let gated = !spec.get("schedulingGates").list().is_empty();
    if gated && !spec.get("nodeName").text().is_empty() {
        let why = "cannot be set until all schedulingGates have been cleared";
        spec.get("nodeName").forbidden(out, why);
    }
}

fn tokens_without_account(spec: &Field<'_>, out: &mut Causes) {
    if !spec.get("serviceAccountName").text().is_empty() {
        return;
    }
    let volumes = spec.get("volumes").items();
    for source in volumes.iter().flat_map(|v| v.get("projected.sources").items()) {
        let token = source.get("serviceAccountToken");
        if token.is_set() {
            token.forbidden(out, "must not be specified when serviceAccountName is not set");
        }
    }
}

fn warn(new: &Value, old: Option<&Value>) -> Vec<String> {
    if old.is_some() {
        return vec![];
    }
    let mut out = checks::name_warning(new, "the Pod's hostname");
    out.extend(template::warnings(&Field::of(new, "spec")));
    out
}

/// Seconds of grace a deletion of this pod gets when the client asked for `wanted`: none when it
/// runs nowhere or has finished.
fn grace(pod: &Value, wanted: Option<i64>) -> i64 {
    let unplaced = pod.str_at("spec.nodeName").is_empty();
    if unplaced || matches!(pod.str_at("status.phase"), "Succeeded" | "Failed") {
        return 0;
    }
    let own = pod.i64_at("spec.terminationGracePeriodSeconds").unwrap_or(0);
    match wanted.unwrap_or(own) {
        n if n < 0 => 1,
        n => n,
    }
}
