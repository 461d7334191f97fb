//! Whether a node can take a pod, and in which words not.
//! Source: the Filter functions of `pkg/scheduler/framework/plugins`, in their default order.

use super::{
    accounts::{Account, Accounts, Amounts, host_ports, requests},
    affinity::{self, Surroundings},
};
use crate::{
    controllers::{View, podlens::PodLens},
    object::{
        ObjectExt, Value,
        selector::{Labels, Op, Requirement},
    },
    sim::nodes::Taint,
    store::Entry,
};
use std::collections::HashMap;

/// What a pod asks for, read once for all nodes.
pub struct Wish<'a> {
    /// The pod.
    pub pod: &'a Value,
    /// Resources.
    pub requests: Amounts,
    /// Uid of its controller.
    pub owner: Option<&'a str>,
    tolerations: &'a [Value],
    ports: Vec<Port>,
    surroundings: Surroundings,
    /// What pods that go before it will take of nodes, by the node's name.
    kept: HashMap<String, Kept>,
    /// What keeps it off every node, whatever the nodes are like.
    prefilter: Option<String>,
}

/// Room on a node that is kept for others.
#[derive(Default)]
struct Kept {
    amounts: Amounts,
    pods: i64,
    ports: Vec<Port>,
}

/// A host port: protocol, address, number.
type Port = (String, String, i64);

/// What came out for one node: no reasons means it fits.
#[derive(Default)]
pub struct Verdict {
    reasons: Vec<String>,
    /// Whether removing pods could help.
    resolvable: bool,
}

impl Verdict {
    /// Whether the node can take the pod.
    pub fn fits(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Whether removing pods could help.
    pub fn resolvable(&self) -> bool {
        self.resolvable
    }

    /// The reasons.
    pub fn into_reasons(self) -> Vec<String> {
        self.reasons
    }

    fn never(reason: &str) -> Verdict {
        Verdict { reasons: vec![reason.into()], resolvable: false }
    }

    fn now(reason: &str) -> Verdict {
        Verdict { reasons: vec![reason.into()], resolvable: true }
    }
}

impl<'a> Wish<'a> {
    /// Reads a pod.
    pub fn of(view: &View, accounts: &Accounts, entry: &'a Entry, pod: &'a Value) -> Wish<'a> {
        let lens = PodLens::of(entry);
        Wish {
            pod,
            requests: requests(&lens),
            owner: entry.meta.controller().map(|o| o.uid.as_str()),
            tolerations: pod.list_at("spec.tolerations"),
            ports: host_ports(&lens),
            surroundings: Surroundings::of(accounts, pod),
            kept: kept(accounts, entry, lens.spec.priority),
            prefilter: claims(view, pod),
        }
    }

    fn tolerates(&self, taint: &Taint) -> bool {
        self.tolerations.iter().any(|t| {
            let (key, effect) = (t.str_at("key"), t.str_at("effect"));
            (effect.is_empty() || effect == taint.effect)
                && match t.str_at("operator") {
                    "Exists" => key.is_empty() || key == taint.key,
                    _ => key == taint.key && t.str_at("value") == taint.value,
                }
        })
    }

    /// How many `PreferNoSchedule` taints of a node the pod does not tolerate.
    pub fn unwelcome(&self, node: &Account) -> i64 {
        let soft = node.lens.spec.taints.iter().filter(|t| t.effect == "PreferNoSchedule");
        soft.filter(|t| !self.tolerates(t)).count() as i64
    }
}

/// What is kept for pods that wait for room being made and are not less important.
fn kept(accounts: &Accounts, entry: &Entry, priority: i32) -> HashMap<String, Kept> {
    let mut all: HashMap<String, Kept> = HashMap::new();
    for (node, other) in &accounts.nominated {
        let pod = PodLens::of(other);
        if pod.spec.priority < priority || other.meta.uid == entry.meta.uid {
            continue;
        }
        let kept = all.entry(accounts.nodes[*node].name.clone()).or_default();
        kept.pods += 1;
        kept.ports.extend(host_ports(&pod));
        for (resource, amount) in requests(&pod) {
            *kept.amounts.entry(resource).or_default() += amount;
        }
    }
    all
}

/// Runs the filters; the first that refuses gives the node's reasons.
pub fn check(wish: &Wish<'_>, node: &Account) -> Verdict {
    let filters: [fn(&Wish<'_>, &Account) -> Option<Verdict>; 6] =
        [cordoned, taints, node_affinity, ports, fit, surroundings];
    if wish.prefilter.is_some() {
        return Verdict::never("");
    }
    filters.iter().find_map(|f| f(wish, node)).unwrap_or_default()
}

fn cordoned(wish: &Wish<'_>, node: &Account) -> Option<Verdict> {
    let taint = Taint {
        key: "node.kubernetes.io/unschedulable".into(),
        value: String::new(),
        effect: "NoSchedule".into(),
    };
    let refused = node.lens.spec.unschedulable && !wish.tolerates(&taint);
    refused.then(|| Verdict::never("node(s) were unschedulable"))
}

fn taints(wish: &Wish<'_>, node: &Account) -> Option<Verdict> {
    let hard = |t: &&Taint| matches!(t.effect.as_str(), "NoSchedule" | "NoExecute");
    let refused = node.lens.spec.taints.iter().filter(hard).any(|t| !wish.tolerates(t));
    refused.then(|| Verdict::never("node(s) had untolerated taint(s)"))
}

fn node_affinity(wish: &Wish<'_>, node: &Account) -> Option<Verdict> {
    let wanted = matches_node(wish.pod, node);
    (!wanted).then(|| Verdict::never("node(s) didn't match Pod's node affinity/selector"))
}

/// Node selector and required node affinity.
pub fn matches_node(pod: &Value, node: &Account) -> bool {
    let selector = pod.at("spec.nodeSelector").map(Labels::from_map).unwrap_or_default();
    let required = pod
        .at("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution")
        .filter(|r| !r.is_null());
    selector.matches_meta(&node.entry.meta)
        && required.is_none_or(|r| {
            r.list_at("nodeSelectorTerms").iter().any(|term| matches_term(term, node))
        })
}

/// One node selector term: all its expressions must hold; an empty one matches nothing.
pub fn matches_term(term: &Value, node: &Account) -> bool {
    let (labels, fields) = (term.list_at("matchExpressions"), term.list_at("matchFields"));
    let field_holds = |e: &Value| {
        let named = e.list_at("values").iter().any(|v| v == node.name.as_str());
        e.str_at("key") == "metadata.name" && named == (e.str_at("operator") == "In")
    };
    let selector = Labels(labels.iter().map(requirement).collect());
    !(labels.is_empty() && fields.is_empty())
        && selector.matches_meta(&node.entry.meta)
        && fields.iter().all(field_holds)
}

fn requirement(e: &Value) -> Requirement {
    let op = match e.str_at("operator") {
        "In" => Op::In,
        "NotIn" => Op::NotIn,
        "Exists" => Op::Exists,
        "Gt" => Op::Gt,
        "Lt" => Op::Lt,
        _ => Op::DoesNotExist,
    };
    let values = e.list_at("values").iter().filter_map(Value::as_str).map(Into::into).collect();
    Requirement { key: e.str_at("key").into(), op, values }
}

fn ports(wish: &Wish<'_>, node: &Account) -> Option<Verdict> {
    let kept = wish.kept.get(&node.name).map_or(&[][..], |k| &k.ports);
    let taken = |port: &Port| node.ports.iter().chain(kept).any(|other| ports_clash(port, other));
    let text = "node(s) didn't have free ports for the requested pod ports";
    wish.ports.iter().any(taken).then(|| Verdict::now(text))
}

/// Whether two host ports cannot be open on one node.
pub fn ports_clash(a: &Port, b: &Port) -> bool {
    let any = |ip: &str| ip.is_empty() || ip == "0.0.0.0";
    a.0 == b.0 && a.2 == b.2 && (a.1 == b.1 || any(&a.1) || any(&b.1))
}

fn fit(wish: &Wish<'_>, node: &Account) -> Option<Verdict> {
    let mut verdict = Verdict { reasons: Vec::new(), resolvable: true };
    let kept = wish.kept.get(&node.name);
    let free = |resource: &str| {
        let kept = kept.map_or(0, |k| match resource {
            "pods" => k.pods,
            _ => k.amounts.get(resource).copied().unwrap_or(0),
        });
        node.free.get(resource).copied().unwrap_or(0) - kept
    };
    if free("pods") < 1 {
        verdict.reasons.push("Too many pods".into());
    }
    for (resource, wanted) in wish.requests.iter().filter(|(_, wanted)| **wanted > 0) {
        if free(resource) < *wanted {
            verdict.reasons.push(format!("Insufficient {resource}"));
            // More than the node ever has: no victim helps.
            verdict.resolvable &= node.total.get(resource).copied().unwrap_or(0) >= *wanted;
        }
    }
    (!verdict.fits()).then_some(verdict)
}

fn surroundings(wish: &Wish<'_>, node: &Account) -> Option<Verdict> {
    wish.surroundings.refusal(node).map(|(reason, resolvable)| {
        if resolvable { Verdict::now(reason) } else { Verdict::never(reason) }
    })
}

/// The score part of the surroundings, see [`affinity`].
pub fn liking(wish: &Wish<'_>, node: &Account) -> i64 {
    wish.surroundings.liking(node) + affinity::preferred_node(wish.pod, node)
}

/// Claims that are missing or still unbound although nothing waits for their first consumer.
fn claims(view: &View, pod: &Value) -> Option<String> {
    for volume in pod.list_at("spec.volumes") {
        let name = match volume.at("ephemeral") {
            Some(e) if !e.is_null() => format!("{}-{}", pod.name(), volume.str_at("name")),
            _ => volume.str_at("persistentVolumeClaim.claimName").to_owned(),
        };
        if name.is_empty() {
            continue;
        }
        let Some(claim) = view.named("persistentvolumeclaims", pod.namespace(), &name) else {
            return Some(format!("persistentvolumeclaim \"{name}\" not found"));
        };
        let claim = claim.lean();
        if claim.is_deleting() {
            return Some(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        let class = claim.str_at("spec.storageClassName");
        let waits = view
            .get("storageclasses.storage.k8s.io", class)
            .is_some_and(|c| c.value().str_at("volumeBindingMode") == "WaitForFirstConsumer");
        if claim.str_at("spec.volumeName").is_empty() && !waits {
            return Some("pod has unbound immediate PersistentVolumeClaims".into());
        }
    }
    None
}

/// The message of a pod no node can take, without what preemption says to it.
pub fn explain(wish: &Wish<'_>, verdicts: &[Verdict]) -> String {
    let all = verdicts.len();
    let reasons = match &wish.prefilter {
        Some(text) => text.clone(),
        None => histogram(verdicts.iter().flat_map(|v| v.reasons.iter().map(String::as_str))),
    };
    format!("0/{all} nodes are available: {reasons}.")
}

/// `<count> <reason>` for each reason, sorted as strings.
pub fn histogram<'r>(reasons: impl Iterator<Item = &'r str>) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for reason in reasons {
        *counts.entry(reason).or_default() += 1;
    }
    let mut texts: Vec<String> = counts.iter().map(|(r, n)| format!("{n} {r}")).collect();
    texts.sort();
    texts.join(", ")
}
