//! Sends pods away from nodes whose NoExecute taints they do not tolerate, or no longer.
//! Source: `pkg/controller/tainteviction`.

use crate::{
    api::PatchType,
    controllers::{
        Controller, Plan, View, Watch, Write, children::delete_pod, podgc::disrupted,
        podlens::PodLens,
    },
    object::{ObjectExt, Value, json, pick, time},
    store::{Change, Entry},
};
use jiff::Timestamp;
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "taint-eviction-controller",
    watches: &[Watch::Itself("pods"), Watch::Map("nodes", pods_of)],
    reconcile,
    ..Controller::BASE
};

/// The taints of a node that send pods away.
#[derive(PartialEq)]
struct Executing(Vec<Value>);

fn executing(node: &Entry) -> Arc<Executing> {
    let read = || {
        let node = node.read(|text| pick(text, &["spec.taints"]));
        let taints = node.list_at("spec.taints").iter();
        Executing(taints.filter(|t| t.str_at("effect") == "NoExecute").cloned().collect())
    };
    node.kept(|_| true, read)
}

/// The pods of a node whose taints changed.
fn pods_of(view: &View, change: &Change) -> Vec<String> {
    let now = executing(&change.entry);
    let same = match &change.before {
        Some(before) => executing(before) == now,
        None => now.0.is_empty(),
    };
    if change.deleted || same {
        return vec![];
    }
    view.pods_on(&change.entry.meta.name).map(|p| p.key.to_string()).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get("pods", key).filter(|e| !e.meta.deleting) else { return plan };
    let lens = PodLens::of(entry);
    if lens.spec.node_name.is_empty() || lens.is_terminal() {
        return plan;
    }
    let Some(node) = view.get("nodes", &lens.spec.node_name) else { return plan };
    let found = executing(node);
    let taints = &found.0;
    if taints.is_empty() {
        return plan;
    }
    let pod = entry.lean();
    match leaves(&pod, taints, view.now) {
        Some(at) if at > view.now => {
            plan.look_again(at);
        }
        Some(_) => evict(entry, &pod, view.now, &mut plan),
        None => {}
    }
    plan
}

/// When the pod has to go; `None` if it may stay.
fn leaves(pod: &Value, taints: &[Value], now: Timestamp) -> Option<Timestamp> {
    let tolerations = pod.list_at("spec.tolerations");
    let mut earliest = None;
    for taint in taints {
        let used: Vec<&Value> = tolerations
            .iter()
            .filter(|t| crate::controllers::daemonset::tolerates(t, taint))
            .collect();
        if used.is_empty() {
            return Some(now);
        }
        let least = used.iter().filter_map(|t| t.i64_at("tolerationSeconds")).min();
        let added = time::parse(taint.str_at("timeAdded")).unwrap_or(now);
        let end = least.map(|s| time::plus_seconds(added, s.max(0)));
        earliest = match (earliest, end) {
            (Some(a), Some(b)) => Some(std::cmp::min::<Timestamp>(a, b)),
            (a, b) => a.or(b),
        };
    }
    earliest
}

fn evict(entry: &Arc<Entry>, pod: &Value, now: Timestamp, plan: &mut Plan) {
    let path = format!("{}/{}", pod.namespace(), pod.name());
    plan.event(pod, false, "TaintManagerEviction", format!("Marking for deletion Pod {path}"));
    let text = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint");
    let body = json!({"status": {"conditions": disrupted(pod, text, now)}});
    let patch = Write::patch("pods", entry, PatchType::Merge, body);
    plan.write(Write { sub: "status", ..patch });
    plan.write(delete_pod(entry));
}
