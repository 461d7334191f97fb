//! Puts pods on nodes.
//!
//! Pods are placed in turn, highest priority first, all that are to be judged in one look: the
//! nodes' free resources are counted once per look, and each placement is counted before the next
//! pod is placed. A pod nobody could place is judged again only when it changed itself, or when
//! something changed that could help it. Source: `pkg/scheduler` and its in-tree plug-ins.

mod accounts;
mod affinity;
mod bind;
mod filters;
mod preempt;
mod queue;
mod score;
#[cfg(test)]
mod tests;

use crate::{
    controllers::{Controller, Plan, View, Watch, Write, podlens::PodLens},
    object::{ObjectExt, Value, links, name, time, without_managed},
    store::Entry,
};
use accounts::{Account, Accounts};
pub use accounts::{address, amount, host_ports, requests};
pub use bind::{NETWORK_ANNOTATION, promised};
pub use filters::ports_clash;
use filters::{Verdict, Wish};
use std::sync::Arc;

/// Places pods. Keys are in `queue`.
pub static SCHEDULER: Controller = Controller {
    name: "default-scheduler",
    component: "default-scheduler",
    user: "system:kube-scheduler",
    manager: "kube-scheduler",
    // Two looks at a time would give the same room away twice.
    workers: 1,
    watches: &[
        Watch::Map("pods", queue::of_pod),
        Watch::Map("nodes", queue::of_node),
        Watch::Map("persistentvolumeclaims", queue::of_claim),
        Watch::Map("storageclasses.storage.k8s.io", queue::of_class),
    ],
    reconcile,
    ..Controller::BASE
};

/// Placements per plan, so that the first pods start while the last are still being placed.
const BATCH: usize = 250;
/// Conditions written side by side.
const ABREAST: usize = 64;
/// Pods nobody can place are looked at again after this time at the latest
/// (`podMaxInUnschedulablePodsDuration`).
const RETRY_SECONDS: i64 = 300;

/// What a look brings about.
#[derive(Default)]
struct Outcome {
    binds: Vec<Write>,
    /// Conditions of pods that found no place.
    refused: Vec<Write>,
    failures: usize,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let mut pending: Vec<&Arc<Entry>> = queue::pending(view, key);
    if pending.is_empty() {
        return plan;
    }
    // Highest priority first, then the longest waiting.
    pending.sort_by_cached_key(|e| {
        let pod = PodLens::of(e);
        (std::cmp::Reverse(pod.spec.priority), pod.metadata.creation_timestamp, e.rev)
    });
    let mut accounts = Accounts::count(view);
    let mut out = Outcome::default();
    for entry in pending {
        if out.binds.len() >= BATCH {
            plan.look_again(view.now);
            break;
        }
        judge(view, &mut accounts, entry, &mut plan, &mut out);
    }
    plan.all(out.binds, false);
    let mut refused = out.refused;
    while !refused.is_empty() {
        let rest = refused.split_off(refused.len().min(ABREAST));
        plan.all(std::mem::replace(&mut refused, rest), false);
    }
    if out.failures > 0 {
        plan.remind(time::plus_seconds(view.now, RETRY_SECONDS), queue::ALL.into());
    }
    plan
}

/// Places one pod, makes room for it, or says why there is none.
fn judge(
    view: &View,
    accounts: &mut Accounts,
    entry: &Arc<Entry>,
    plan: &mut Plan,
    out: &mut Outcome,
) {
    let pod = entry.look();
    if affinity::looks_around(&pod) {
        accounts.fill(view);
    }
    let (verdicts, why) = match place(view, accounts, entry, &pod) {
        Ok(node) => {
            out.binds.push(bind::binding(view, accounts, node, entry));
            return bind::scheduled(plan, &pod, &accounts.nodes[node].name);
        }
        Err(refusal) => refusal,
    };
    out.failures += 1;
    accounts.fill(view);
    let (nominated, note) = match preempt::room(view, accounts, entry, &pod, &verdicts) {
        // What it waits for is on its way.
        preempt::Room::Coming => return,
        preempt::Room::None(note) => (None, note),
        preempt::Room::Made(found) => {
            preempt::carry_out(view, accounts, entry, &found, plan);
            (Some(accounts.nodes[found.node].name.clone()), String::new())
        }
    };
    let why = if note.is_empty() { why } else { format!("{why} preemption: {note}") };
    out.refused.extend(bind::unschedulable(
        view,
        plan,
        without_managed(&pod),
        &why,
        nominated.as_deref(),
    ));
}

/// The index of the best node for a pod, or the nodes' verdicts and what is said of them.
fn place(
    view: &View,
    accounts: &Accounts,
    entry: &Entry,
    pod: &Value,
) -> Result<usize, (Vec<Verdict>, String)> {
    if accounts.nodes.is_empty() {
        return Err((Vec::new(), "no nodes available to schedule pods".into()));
    }
    let wish = Wish::of(view, accounts, entry, pod);
    let verdicts: Vec<Verdict> = accounts.nodes.iter().map(|n| filters::check(&wish, n)).collect();
    let fits = |i: &usize| verdicts[*i].fits();
    // Where room was made for it, it goes before anywhere else.
    let nominated = pod.str_at("status.nominatedNodeName");
    let promised = accounts.nodes.iter().position(|n| n.name == nominated).filter(fits);
    let fitting = accounts.nodes.iter().map(Arc::as_ref).enumerate().filter(|(i, _)| fits(i));
    let best = || fitting.max_by_key(|(_, node): &(usize, &Account)| score::score(&wish, node));
    match promised.or_else(|| best().map(|(i, _)| i)) {
        Some(index) => Ok(index),
        None => {
            let why = filters::explain(&wish, &verdicts);
            Err((verdicts, why))
        }
    }
}

/// `namespace/name`, as event texts have it.
fn shown(pod: &Value) -> String {
    name::key(pod.namespace(), pod.name())
}

/// The pods that have no node yet.
fn unplaced(view: &View) -> impl Iterator<Item = &Arc<Entry>> {
    view.objects.linked_to(links::UNPLACED, "pods")
}
