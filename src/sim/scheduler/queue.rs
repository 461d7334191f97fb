//! Which pods are judged, and when again: what upstream's scheduling queue and its hints decide.
//!
//! A key is a pod that changed, all pods nobody has judged yet, or every pod that waits. Whether a
//! pod has been judged stands in its own condition, so nothing is remembered between looks.

use super::unplaced;
use crate::{
    controllers::{View, podlens::PodLens},
    object::{ObjectExt, links, name},
    sim::nodes::NodeLens,
    store::{Change, Entry},
};
use std::sync::Arc;

/// Key of every pod that waits.
pub const ALL: &str = "all";
/// Key of the pods nobody has judged yet: many that come at once are one look.
const NEW: &str = "new";

/// The pods of a key.
pub fn pending<'a>(view: &'a View, key: &str) -> Vec<&'a Arc<Entry>> {
    let wanted = |e: &&Arc<Entry>| waits(&PodLens::of(e));
    match key {
        ALL => unplaced(view).filter(wanted).collect(),
        NEW => view.objects.linked_to(links::UNJUDGED, "pods").filter(wanted).collect(),
        pod => view.get("pods", pod).into_iter().filter(wanted).collect(),
    }
}

fn waits(pod: &PodLens) -> bool {
    pod.spec.node_name.is_empty()
        && pod.is_active()
        && pod.spec.scheduling_gates.is_empty()
        && matches!(pod.spec.scheduler_name.as_str(), "" | "default-scheduler")
}

/// Whether the pod as it is has found no place.
fn judged(entry: &Entry) -> bool {
    !entry.meta.links.iter().any(|term| **term == *links::UNJUDGED)
}

/// A pod that waits and changed, or one that frees something others wait for.
pub fn of_pod(_: &View, change: &Change) -> Vec<String> {
    let pod = PodLens::of(&change.entry);
    let before = change.before.as_ref();
    let told = |key: &str| vec![key.to_owned()];
    if pod.spec.node_name.is_empty() {
        return match change.deleted {
            // Room was kept for it.
            true if !pod.status.nominated_node_name.is_empty() => told(ALL),
            true => Vec::new(),
            false if !waits(&pod) => Vec::new(),
            false if !judged(&change.entry) => told(NEW),
            false if before.is_some_and(|b| b.meta.labels != change.entry.meta.labels) => {
                told(&change.entry.key)
            }
            false => Vec::new(),
        };
    }
    let helps = change.deleted
        || before.is_some_and(|b| {
            let was = PodLens::of(b);
            (pod.is_terminal() && !was.is_terminal())
                || b.meta.labels != change.entry.meta.labels
                // A placed pod whose generation moves was resized, unless it was told to go.
                || (b.meta.generation != change.entry.meta.generation
                    && b.meta.deleting == change.entry.meta.deleting)
        });
    if helps { told(ALL) } else { Vec::new() }
}

/// A node that is new, or offers something else than before.
pub fn of_node(_: &View, change: &Change) -> Vec<String> {
    let lens = |e: &Arc<Entry>| e.lens::<NodeLens>();
    let (entry, before) = (&change.entry, change.before.as_ref());
    let news = change.deleted
        || before.is_none_or(|b| b.meta.labels != entry.meta.labels || lens(b) != lens(entry));
    if news { vec![ALL.into()] } else { Vec::new() }
}

/// The pods that wait for a claim.
pub fn of_claim(view: &View, change: &Change) -> Vec<String> {
    let (namespace, claim) = (&change.entry.meta.namespace, &change.entry.meta.name);
    let term = links::reads("persistentvolumeclaims", namespace, claim);
    let mounting = view.objects.linked_to(&term, "pods").map(|e| e.key.to_string());
    // A claim made from a pod's own template belongs to the pod.
    let owner = change.entry.meta.controller().filter(|o| o.kind == "Pod");
    let owner = owner.map(|o| name::key(namespace, &o.name));
    mounting.chain(owner).filter(|key| !pending(view, key).is_empty()).collect()
}

/// Claims of a class may be waited for by anybody.
pub fn of_class(_: &View, change: &Change) -> Vec<String> {
    let mode = |e: &Arc<Entry>| e.lean().str_at("volumeBindingMode").to_owned();
    let news = change.before.as_ref().is_none_or(|b| mode(b) != mode(&change.entry));
    if news && !change.deleted { vec![ALL.into()] } else { Vec::new() }
}
