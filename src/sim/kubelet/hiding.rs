//! What a pod's status goes on showing while a kubelet waits for a hook after a start. It waits in the
//! middle of its way through the pod, so nothing that began on this way is in the status before the
//! hook has ended: neither the container that the hook is for nor those that were started beside it.
//! Source: `kuberuntime_container.go` (`startContainer`), `pod_workers.go`.

use super::{
    record::{Named, Record},
    sync::Sync,
};
use crate::{
    controllers::Write,
    object::{ObjectExt, Value},
    sim::unshown,
};

/// Makes the records what the status is to show; answers what has to be written of the runs that are
/// not in it.
pub fn hide(s: &mut Sync<'_>) -> Option<Write> {
    let pod = s.pod;
    if s.inits.iter().chain(&s.apps).chain(&s.extras).any(waits) {
        for (i, list) in unshown::LISTS.into_iter().enumerate() {
            let stored = pod.list_at(&format!("status.{list}"));
            let begun = records(s, i).iter_mut().filter(|r| r.shown.is_none());
            for r in begun.filter(|r| r.running().is_some()) {
                let old = stored.iter().find(|e| e.name_field() == r.name).map(Record::read);
                let spec = pod.list_at(SPECS[i]).iter().find(|spec| spec.name_field() == r.name);
                let old = old.or_else(|| Some(Record::fresh(spec?, "ContainerCreating")));
                r.shown = old.filter(|old| old.container != r.container).map(Box::new);
            }
        }
    }
    let mut runs = Vec::new();
    for (i, list) in unshown::LISTS.into_iter().enumerate() {
        let specs = pod.list_at(SPECS[i]);
        let spec = |r: &Record| specs.iter().find(|spec| spec.name_field() == r.name);
        let hidden = records(s, i).iter().filter(|r| waits(r));
        let entries: Vec<Value> = hidden.filter_map(|r| Some(r.write(spec(r)?))).collect();
        runs.push((list, entries));
        for r in records(s, i) {
            *r = r.to_show().clone();
        }
    }
    unshown::write(s.view, s.pod, &runs)
}

const SPECS: [&str; 3] = ["spec.containers", "spec.initContainers", "spec.ephemeralContainers"];

fn records<'s>(s: &'s mut Sync<'_>, list: usize) -> &'s mut Vec<Record> {
    match list {
        0 => &mut s.apps,
        1 => &mut s.inits,
        _ => &mut s.extras,
    }
}

/// Whether a container runs and is not to be seen yet.
pub fn waits(r: &Record) -> bool {
    r.shown.is_some() && r.running().is_some()
}
