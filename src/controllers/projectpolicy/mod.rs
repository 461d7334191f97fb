//! What the cluster-policy-controller writes on a namespace: the uids, groups and SELinux
//! categories its pods may use, and the pod security level that fits them.
//! Source: cluster-policy-controller `pkg/security`, `pkg/psalabelsyncer`.

mod mcs;
pub mod podsecurity;
#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    api::PatchType,
    object::json,
    store::{Change, Entry},
};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};

/// Allocates one block of uids per namespace.
///
/// All namespaces share one key, so that no two are ever served from the same view.
pub static CONTROLLER: Controller = Controller {
    name: "namespace-security-allocation-controller",
    manager: "cluster-policy-controller",
    watches: &[Watch::Map("namespaces", unserved)],
    reconcile,
    ..Controller::BASE
};

const UID_RANGE: &str = "openshift.io/sa.scc.uid-range";
const GROUPS: &str = "openshift.io/sa.scc.supplemental-groups";
const MCS: &str = "openshift.io/sa.scc.mcs";
/// First uid, uids per namespace, number of blocks (`1000000000-1999999999/10000`).
const FIRST_UID: u64 = 1_000_000_000;
const BLOCK: u64 = 10_000;
const BLOCKS: u64 = 100_000;
/// SELinux labels per namespace.
const LABELS_PER_PROJECT: u64 = 5;

/// The annotations of a namespace.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NamespaceLens {
    metadata: Annotated,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotated {
    annotations: std::collections::BTreeMap<String, String>,
}

fn annotation(entry: &Entry, key: &str) -> Option<String> {
    entry.lens::<NamespaceLens>().metadata.annotations.get(key).cloned()
}

fn unserved(_: &View, change: &Change) -> Vec<String> {
    let needs = !change.deleted && annotation(&change.entry, UID_RANGE).is_none();
    if needs { vec!["blocks".to_owned()] } else { vec![] }
}

fn reconcile(view: &View, _: &str) -> Plan {
    let namespaces: Vec<&Arc<Entry>> = view.objects.list("namespaces", "").collect();
    let ranges = namespaces.iter().filter_map(|n| annotation(n, UID_RANGE));
    let taken: BTreeSet<u64> = ranges.filter_map(|r| index_of(&r)).collect();
    let mut free = (0..BLOCKS).filter(|i| !taken.contains(i));
    let mut needy: Vec<&&Arc<Entry>> =
        namespaces.iter().filter(|n| annotation(n, UID_RANGE).is_none()).collect();
    // The order in which they came, not that of their names.
    needy.sort_by_key(|n| n.rev);
    let mut plan = Plan::none();
    let writes = needy.iter().filter_map(|n| Some(allocate(n, free.next()?)));
    plan.all(writes.collect(), false);
    plan
}

/// Which block a range such as `1000330000/10000` is.
fn index_of(range: &str) -> Option<u64> {
    let (first, size) = range.split_once('/')?;
    let (first, size): (u64, u64) = (first.parse().ok()?, size.parse().ok()?);
    (size == BLOCK).then(|| first.checked_sub(FIRST_UID))?.map(|offset| offset / BLOCK)
}

fn allocate(namespace: &Entry, index: u64) -> Write {
    let block = format!("{}/{BLOCK}", FIRST_UID + index * BLOCK);
    let label =
        annotation(namespace, MCS).unwrap_or_else(|| mcs::label(index * LABELS_PER_PROJECT));
    let body = json!({
        "apiVersion": "v1", "kind": "Namespace",
        // With its uid: an apply must not bring back a namespace that is gone.
        "metadata": {"name": &*namespace.meta.name, "uid": &*namespace.meta.uid,
            "resourceVersion": namespace.rev.to_string(),
            "annotations": {UID_RANGE: block, GROUPS: block, MCS: label}},
    });
    Write::patch("namespaces", namespace, PatchType::Apply, body)
}
