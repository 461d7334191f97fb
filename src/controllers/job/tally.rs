//! The pods of a Job, counted.
//! Source: `pkg/controller/job`, counting with finalizers.

use super::{
    TRACKING,
    indexes::{self, Indexes},
    policy::{self, Action},
};
use crate::{
    controllers::podlens::PodLens,
    object::{ObjectExt, Value, time},
    store::Entry,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

/// Annotation with the number of failures of a pod's index before it.
pub(super) const INDEX_FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// Most uids the status holds at a time.
const UNCOUNTED: usize = 500;

/// One pod.
pub(super) struct Pod {
    /// As stored.
    pub entry: Arc<Entry>,
    /// Parsed.
    pub lens: Arc<PodLens>,
    /// Its completion index.
    pub index: Option<i64>,
    /// Whether it still has to be counted.
    tracked: bool,
}

/// Everything there is to know about a Job's pods.
#[derive(Default)]
pub(super) struct Tally {
    /// Neither at their end nor told to go.
    pub active: Vec<Pod>,
    /// Told to go, not yet at their end.
    pub terminating: Vec<Pod>,
    /// Of the active ones, those that are ready.
    pub ready: i64,
    /// Successes, counted or not. For an Indexed Job: indexes.
    pub succeeded: i64,
    /// Failures, counted or not.
    pub failed: i64,
    /// Indexes that have succeeded.
    pub completed: Indexes,
    /// Indexes given up.
    pub given_up: Indexes,
    /// Uids counted in the status but not yet freed, with what is new.
    pub uncounted: (Vec<String>, Vec<String>),
    /// Successes and failures already freed, to be counted for good.
    pub settled: (i64, i64),
    /// Pods to free: counted, or not to be counted.
    pub to_free: Vec<Arc<Entry>>,
    /// What a FailJob rule says.
    pub fail_job: Option<String>,
    /// When pods failed since the last success, in order; and per index its last failure: when,
    /// and how many there were.
    pub failures: Vec<Timestamp>,
    /// See `failures`.
    pub index_failures: BTreeMap<i64, (Timestamp, i64)>,
}

/// Counts.
pub(super) fn tally(job: &Value, held: &[Arc<Entry>], now: Timestamp) -> Tally {
    let indexed = is_indexed(job);
    let completions = job.i64_at("spec.completions").unwrap_or(0);
    let mut t = Tally {
        completed: indexes::parse(job.str_at("status.completedIndexes"), completions),
        given_up: indexes::parse(job.str_at("status.failedIndexes"), completions),
        ..Tally::default()
    };
    let uids = |field: &str| -> Vec<String> {
        let list = job.list_at(&format!("status.uncountedTerminatedPods.{field}"));
        list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let old = (uids("succeeded"), uids("failed"));
    let mut ends = Ends::default();
    for entry in held {
        let lens = PodLens::of(entry);
        let tracked = lens.metadata.finalizers.iter().any(|f| f == TRACKING);
        let index = lens.metadata.annotations.get(indexes::INDEX).and_then(|i| i.parse().ok());
        let pod = Pod { entry: Arc::clone(entry), lens, index, tracked };
        t.add(job, pod, &old, &mut ends, now);
    }
    t.settle(old, held);
    t.succeeded = match indexed {
        true => t.completed.len() as i64,
        false => {
            job.i64_at("status.succeeded").unwrap_or(0) + t.settled.0 + t.uncounted.0.len() as i64
        }
    };
    t.failed = job.i64_at("status.failed").unwrap_or(0) + t.settled.1 + t.uncounted.1.len() as i64;
    let since = ends.success;
    t.failures = ends.failures.into_iter().filter(|f| since.is_none_or(|s| *f > s)).collect();
    t.failures.sort();
    t
}

/// Whether each completion has an index of its own.
pub(super) fn is_indexed(job: &Value) -> bool {
    job.str_at("spec.completionMode") == "Indexed"
}

/// When pods came to their end.
#[derive(Default)]
struct Ends {
    success: Option<Timestamp>,
    failures: Vec<Timestamp>,
}

impl Tally {
    fn add(
        &mut self,
        job: &Value,
        pod: Pod,
        old: &(Vec<String>, Vec<String>),
        ends: &mut Ends,
        now: Timestamp,
    ) {
        let uid = pod.entry.meta.uid.to_string();
        let succeeded = pod.lens.status.phase == "Succeeded";
        let failed = pod.lens.status.phase == "Failed"
            || (pod.lens.is_deleting() && !succeeded && !replaces_failed_only(job));
        if pod.lens.is_deleting() && !pod.lens.is_terminal() {
            self.note_terminating(&pod);
        }
        if succeeded {
            ends.success = ends.success.max(Some(ended(&pod.lens, now)));
            self.completed.extend(pod.index.filter(|_| is_indexed(job)));
            self.track(pod, uid, old, true);
        } else if failed {
            let action = policy::on_failure(job, &pod.entry.lean());
            if action == Action::Ignore {
                self.to_free.extend(pod.tracked.then(|| Arc::clone(&pod.entry)));
                return;
            }
            let at = ended(&pod.lens, now);
            ends.failures.push(at);
            self.judge(job, &pod, action, at);
            self.track(pod, uid, old, false);
        } else if !pod.lens.is_deleting() {
            self.ready += i64::from(pod.lens.is_ready());
            self.active.push(pod);
        }
    }

    fn note_terminating(&mut self, pod: &Pod) {
        self.terminating.push(Pod {
            entry: Arc::clone(&pod.entry),
            lens: Arc::clone(&pod.lens),
            index: pod.index,
            tracked: pod.tracked,
        });
    }

    /// What a failure means beyond being one more.
    fn judge(&mut self, job: &Value, pod: &Pod, action: Action, at: Timestamp) {
        let before = pod.lens.metadata.annotations.get(INDEX_FAILURES);
        let failures = 1 + before.and_then(|n| n.parse().ok()).unwrap_or(0);
        if let Some(index) = pod.index {
            let last = self.index_failures.entry(index).or_insert((at, failures));
            *last = (last.0.max(at), last.1.max(failures));
            let limit = job.i64_at("spec.backoffLimitPerIndex");
            if action == Action::FailIndex || limit.is_some_and(|l| failures > l) {
                self.given_up.insert(index);
            }
        }
        if let (Action::FailJob(message), None) = (action, &self.fail_job) {
            self.fail_job = Some(message);
        }
    }

    /// Puts a pod at its end on its way: into the status, then free.
    fn track(&mut self, pod: Pod, uid: String, old: &(Vec<String>, Vec<String>), good: bool) {
        if !pod.tracked {
            return;
        }
        if old.0.contains(&uid) || old.1.contains(&uid) {
            self.to_free.push(pod.entry);
        } else if self.uncounted.0.len() + self.uncounted.1.len() < UNCOUNTED {
            let list = if good { &mut self.uncounted.0 } else { &mut self.uncounted.1 };
            list.push(uid);
        }
    }

    /// Uids of the status whose pods are free (or gone) are counted for good.
    fn settle(&mut self, old: (Vec<String>, Vec<String>), held: &[Arc<Entry>]) {
        let pending =
            |uid: &String| held.iter().any(|e| *e.meta.uid == **uid && super::is_tracked(e));
        let (keep, done): (Vec<_>, Vec<_>) = old.0.into_iter().partition(pending);
        self.settled.0 = done.len() as i64;
        self.uncounted.0.splice(0..0, keep);
        let (keep, done): (Vec<_>, Vec<_>) = old.1.into_iter().partition(pending);
        self.settled.1 = done.len() as i64;
        self.uncounted.1.splice(0..0, keep);
    }
}

/// Whether pods told to go count as failed only when they are at their end.
pub(super) fn replaces_failed_only(job: &Value) -> bool {
    job.str_at("spec.podReplacementPolicy") == "Failed" || job.at("spec.podFailurePolicy").is_some()
}

/// When a pod came to its end.
fn ended(pod: &PodLens, now: Timestamp) -> Timestamp {
    let containers = pod.status.container_statuses.iter();
    let finished = containers.filter_map(|c| c.state.terminated.as_ref()?.finished_at).max();
    finished
        .or_else(|| pod.condition("Ready")?.last_transition_time)
        .or_else(|| {
            let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
            Some(time::plus_seconds(pod.metadata.deletion_timestamp?, -grace))
        })
        .or(pod.metadata.creation_timestamp)
        .unwrap_or(now)
}
