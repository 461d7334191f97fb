//! The scheduler: finds a node for every pending pod, all of them in one look.
//!
//! One key for everything: nodes' free resources are counted once per look, and each placement is
//! counted before the next pod is placed. Source: `pkg/scheduler` and its in-tree plug-ins.

mod accounts;
mod affinity;
mod bind;
mod filters;
mod score;
#[cfg(test)]
mod tests;

use crate::{
    controllers::{Controller, Plan, View, Watch, podlens::PodLens},
    object::{ObjectExt, Value, name, time},
    store::{Change, Entry},
};
use accounts::{Account, Accounts};
pub use accounts::{address, amount, requests};
pub use bind::{NETWORK_ANNOTATION, promised};
use std::sync::Arc;

/// Places pods. Its only key is its own name.
pub static SCHEDULER: Controller = Controller {
    name: "default-scheduler",
    component: "default-scheduler",
    user: "system:kube-scheduler",
    manager: "kube-scheduler",
    watches: &[Watch::Map("pods", pod_matters), Watch::Map("nodes", node_matters)],
    reconcile,
    ..Controller::BASE
};

const KEY: &str = "default-scheduler";
/// Placements per plan, so that the first pods start while the last are still being placed.
const BATCH: usize = 250;
/// Pods nobody can place are looked at again after this time at the latest
/// (`podMaxInUnschedulablePodsDuration`).
const RETRY_SECONDS: i64 = 300;

fn wake(yes: bool) -> Vec<String> {
    if yes { vec![KEY.into()] } else { Vec::new() }
}

/// A pod that waits, and one that frees what it had.
fn pod_matters(_: &View, change: &Change) -> Vec<String> {
    let pod = PodLens::of(&change.entry);
    wake(change.deleted || pod.is_terminal() || waits(&pod))
}

fn node_matters(_: &View, change: &Change) -> Vec<String> {
    // Leases carry the heartbeat; what is left of node changes is worth a look.
    wake(change.deleted || !change.entry.meta.deleting)
}

fn waits(pod: &PodLens) -> bool {
    pod.spec.node_name.is_empty()
        && pod.is_active()
        && pod.spec.scheduling_gates.is_empty()
        && matches!(pod.spec.scheduler_name.as_str(), "" | "default-scheduler")
}

fn reconcile(view: &View, _: &str) -> Plan {
    let mut plan = Plan::none();
    let mut pending: Vec<&Arc<Entry>> =
        view.objects.list("pods", "").filter(|e| waits(&PodLens::of(e))).collect();
    if pending.is_empty() {
        return plan;
    }
    // Highest priority first, then the longest waiting.
    pending.sort_by_cached_key(|e| {
        let pod = PodLens::of(e);
        (std::cmp::Reverse(pod.spec.priority), pod.metadata.creation_timestamp, e.rev)
    });
    let mut accounts = Accounts::count(view);
    let (mut binds, mut failures) = (Vec::new(), 0);
    for entry in pending {
        if binds.len() >= BATCH {
            plan.look_again(view.now);
            break;
        }
        let pod = entry.value();
        match place(view, &accounts, entry, &pod) {
            Ok(node) => {
                binds.push(bind::binding(view, &mut accounts, node, entry));
                bind::scheduled(&mut plan, &pod, &accounts.nodes[node].name);
            }
            Err(why) => {
                failures += 1;
                bind::unschedulable(view, &mut plan, pod, &why);
            }
        }
    }
    plan.all(binds, false);
    if failures > 0 {
        plan.look_again(time::plus_seconds(view.now, RETRY_SECONDS));
    }
    plan
}

/// The index of the best node for a pod, or why there is none.
fn place(view: &View, accounts: &Accounts, entry: &Entry, pod: &Value) -> Result<usize, String> {
    if accounts.nodes.is_empty() {
        return Err("no nodes available to schedule pods".into());
    }
    let wish = filters::Wish::of(view, accounts, entry, pod);
    let verdicts: Vec<filters::Verdict> =
        accounts.nodes.iter().map(|n| filters::check(&wish, n)).collect();
    let fitting = accounts.nodes.iter().enumerate().filter(|(i, _)| verdicts[*i].fits());
    let best = fitting.max_by_key(|(_, node): &(usize, &Account)| score::score(&wish, node));
    match best {
        Some((index, _)) => Ok(index),
        None => Err(filters::explain(&wish, &verdicts)),
    }
}

/// `namespace/name`, as event texts have it.
fn shown(pod: &Value) -> String {
    name::key(pod.namespace(), pod.name())
}
