//! Pods a DaemonSet lacks, and those it has too many of.
//! Source: `pkg/controller/daemon`, `util/daemonset_util.go`.

use super::{DaemonSetSync, GENERATION, HASH, Pod, TEMPLATE_GENERATION};
use crate::{
    controllers::{
        Plan, Write,
        children::{delete_pod, pod_of},
        podlens::PodLens,
    },
    object::{ObjectExt, Value, json},
    store::Entry,
};
use std::{collections::BTreeMap, sync::Arc};

/// Most creations and deletions at once.
const BURST: usize = 250;

/// What to do about pods.
#[derive(Default)]
pub(super) struct Change {
    /// Pods to create.
    pub create: Vec<Write>,
    /// Pods to delete.
    pub delete: Vec<Write>,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        self.create.is_empty() && self.delete.is_empty()
    }
}

/// The node a pod is on, or made for.
fn node_of(entry: &Entry, lens: &PodLens) -> String {
    if !lens.spec.node_name.is_empty() {
        return lens.spec.node_name.clone();
    }
    let pod = entry.lean();
    let terms = pod.list_at("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    let fields = terms.iter().flat_map(|t| t.list_at("matchFields"));
    let mut names = fields.filter(|f| f.str_at("key") == "metadata.name");
    let first = names.find_map(|f| f.list_at("values").first()?.as_str());
    first.unwrap_or("").to_owned()
}

/// Pods by node, oldest first.
pub(super) fn by_node(held: Vec<Arc<Entry>>) -> BTreeMap<String, Vec<Pod>> {
    let mut out: BTreeMap<String, Vec<Pod>> = BTreeMap::new();
    for entry in held {
        let lens = PodLens::of(&entry);
        let node = node_of(&entry, &lens);
        out.entry(node.clone()).or_default().push(Pod { entry, lens, node });
    }
    for pods in out.values_mut() {
        pods.sort_by_key(|p| (p.lens.metadata.creation_timestamp, p.entry.key.clone()));
    }
    out
}

impl DaemonSetSync<'_> {
    /// Compares nodes and pods.
    pub(super) fn manage(&self, plan: &mut Plan) -> Change {
        let mut change = Change::default();
        for (node, fit) in &self.nodes {
            let pods = self.pods.get(&*node.meta.name).map_or(&[][..], Vec::as_slice);
            if fit.should_run && pods.is_empty() {
                change.create.push(Write::create("pods", self.pod(&node.meta.name)));
            } else if fit.may_stay {
                self.tidy(pods, plan, &mut change);
            } else {
                let going = pods.iter().filter(|p| !p.entry.meta.deleting);
                change.delete.extend(going.map(|p| delete_pod(&p.entry)));
            }
        }
        for (node, pods) in &self.pods {
            let known = self.nodes.iter().any(|(n, _)| *n.meta.name == **node);
            let stray = pods.iter().filter(|p| {
                !known
                    && !node.is_empty()
                    && p.lens.spec.node_name.is_empty()
                    && !p.entry.meta.deleting
            });
            change.delete.extend(stray.map(|p| delete_pod(&p.entry)));
        }
        change.create.truncate(BURST);
        change.delete.truncate(BURST);
        change
    }

    /// Pods of one node: ended ones go, and all but the oldest (or, with surge, the oldest of
    /// the old and of the new template).
    fn tidy(&self, pods: &[Pod], plan: &mut Plan, change: &mut Change) {
        let mut running: Vec<&Pod> = Vec::new();
        for pod in pods.iter().filter(|p| !p.entry.meta.deleting) {
            let name = format!("{}/{}", pod.entry.meta.namespace, pod.entry.meta.name);
            let (warning, reason, text) = match pod.lens.status.phase.as_str() {
                "Failed" => (
                    true,
                    "FailedDaemonPod",
                    format!(
                        "Found failed daemon pod {name} on node {}, will try to kill it",
                        pod.node
                    ),
                ),
                "Succeeded" => (
                    false,
                    "SucceededDaemonPod",
                    format!(
                        "Found succeeded daemon pod {name} on node {}, will try to delete it",
                        pod.node
                    ),
                ),
                _ => {
                    running.push(pod);
                    continue;
                }
            };
            plan.event(&self.set, warning, reason, text);
            change.delete.push(delete_pod(&pod.entry));
        }
        let surge = self.limits(self.desired()).1 > 0;
        let mut kept: Vec<&Pod> = Vec::new();
        for pod in running {
            let room = match surge {
                true => !kept.iter().any(|k| self.is_current(k) == self.is_current(pod)),
                false => kept.is_empty(),
            };
            if room {
                kept.push(pod);
            } else {
                change.delete.push(delete_pod(&pod.entry));
            }
        }
    }

    /// Nodes that should run a pod.
    pub(super) fn desired(&self) -> i64 {
        self.nodes.iter().filter(|(_, f)| f.should_run).count() as i64
    }

    /// A pod for one node.
    pub(super) fn pod(&self, node: &str) -> Value {
        let mut pod = pod_of(&self.set, self.set.at("spec.template").unwrap_or(&Value::Null));
        pod.set_at("metadata.generateName", format!("{}-", self.set.name()));
        pod.set_label(HASH, self.hash.clone());
        if let Some(generation) = self.set.annotation(TEMPLATE_GENERATION) {
            pod.set_label(GENERATION, generation);
        }
        let mut all = pod.list_at("spec.tolerations").to_vec();
        let missing = tolerations(&pod["spec"]);
        all.extend(missing.into_iter().filter(|m| !pod.list_at("spec.tolerations").contains(m)));
        pod.set_at("spec.tolerations", all);
        bind(&mut pod, node);
        pod
    }
}

/// Requires the node by name, whatever else the pod requires: each term becomes this one.
fn bind(pod: &mut Value, node: &str) {
    const REQUIRED: &str =
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
    let field = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    pod.set_at(REQUIRED, json!({"nodeSelectorTerms": [{"matchFields": field}]}));
}

/// What every daemon pod tolerates.
pub(super) fn tolerations(spec: &Value) -> Vec<Value> {
    let mut rows = vec![
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ];
    if spec.is_true("hostNetwork") {
        rows.push(("network-unavailable", "NoSchedule"));
    }
    rows.into_iter()
        .map(|(key, effect)| {
            json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": effect})
        })
        .collect()
}
