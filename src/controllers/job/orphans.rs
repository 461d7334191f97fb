//! Frees pods whose Job is gone or let them go: nobody will count them any more.
//! Source: `pkg/controller/job` (syncOrphanPod).

use super::{TRACKING, free};
use crate::{
    controllers::{
        Controller, Plan, View, Watch,
        podlens::PodLens,
        selecting::{is_free_now, selects},
    },
    store::{Change, Entry},
};
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "job-orphan-controller",
    component: "job-controller",
    user: "system:serviceaccount:kube-system:job-controller",
    watches: &[Watch::Map("pods", tracked), Watch::Map("jobs.batch", pods_of_deleted)],
    reconcile,
    ..Controller::BASE
};

fn is_tracked(entry: &Entry) -> bool {
    entry.meta.finalizers > 0
        && PodLens::of(entry).metadata.finalizers.iter().any(|f| f == TRACKING)
}

fn tracked(_: &View, change: &Change) -> Vec<String> {
    let pod = Some(&change.entry).filter(|e| !change.deleted && is_tracked(e));
    pod.map(|e| e.key.to_string()).into_iter().collect()
}

fn pods_of_deleted(view: &View, change: &Change) -> Vec<String> {
    if !change.deleted {
        return vec![];
    }
    view.objects.owned_by(&change.entry.meta.uid, "pods").map(|e| e.key.to_string()).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    if let Some(pod) = view.get("pods", key).filter(|e| is_tracked(e) && !has_job(view, e)) {
        plan.write(free(pod));
    }
    plan
}

fn has_job(view: &View, pod: &Arc<Entry>) -> bool {
    let owner = pod.meta.controller().and_then(|o| view.objects.by_uid(&o.uid));
    owner.is_some_and(|o| &*o.resource == "jobs.batch")
}

/// Jobs that may adopt a pod nobody owns.
pub(super) fn adopters(view: &View, change: &Change) -> Vec<String> {
    let pod = &change.entry;
    if !is_free_now(change) {
        return vec![];
    }
    let jobs = view.objects.list("jobs.batch", &pod.meta.namespace);
    jobs.filter(|job| selects(job, &pod.meta)).map(|j| j.key.to_string()).collect()
}
