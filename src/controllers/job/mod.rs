//! Runs the pods of a Job to completion.
//! Source: `pkg/controller/job`.
//!
//! A pod at its end is counted in three looks: its uid goes into the status, then its finalizer
//! is taken away, then the counter rises and the uid is dropped. So no pod is lost or counted
//! twice, whenever the server stops.

mod indexes;
pub mod orphans;
mod pods;
mod policy;
mod tally;
#[cfg(test)]
mod tests;
pub mod ttl;
mod verdict;

use super::{
    Controller, Plan, View, Watch, Write,
    children::{claim, patch, tell, without},
    podlens::PodLens,
    resources::exactly,
};
use crate::{
    object::{ObjectExt, Value, json, time},
    store::Entry,
};
use jiff::Timestamp;
use std::sync::Arc;
use tally::{Tally, is_indexed};
use verdict::JobEnd;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "job-controller",
    watches: &[
        Watch::Itself("jobs.batch"),
        Watch::Owner("pods", "Job"),
        Watch::Map("pods", orphans::adopters),
    ],
    reconcile,
    ..Controller::BASE
};

/// Finalizer of pods not yet counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const OWN_MANAGER: &str = "kubernetes.io/job-controller";

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get("jobs.batch", key) else { return Plan::none() };
    let before = entry.tree();
    let manager = before.str_at("spec.managedBy");
    if !manager.is_empty() && manager != OWN_MANAGER {
        return Plan::none();
    }
    let claim = claim(view, "pods", &before, Some(TRACKING));
    let mut plan = Plan::none();
    if !claim.writes.is_empty() {
        plan.all(claim.writes, false);
        return plan;
    }
    if verdict::finished(&before) {
        return free_all(&claim.held);
    }
    let mut job = (*before).clone();
    if job.at("status.startTime").is_none() && !job.is_true("spec.suspend") {
        job.set_at("status.startTime", time::seconds(view.now));
    }
    let tally = tally::tally(&job, &claim.held, view.now);
    let verdict = verdict::decide(&job, &tally, view.now);
    JobSync { before, job, tally, now: view.now, plan }.run(verdict)
}

/// The pods of a finished Job need no counting.
fn free_all(held: &[Arc<Entry>]) -> Plan {
    let mut plan = Plan::none();
    let tracked = held.iter().filter(|e| is_tracked(e));
    plan.all(tracked.map(|e| free(e)).collect(), false);
    plan
}

/// Whether a pod waits to be counted.
fn is_tracked(entry: &Entry) -> bool {
    PodLens::of(entry).metadata.finalizers.iter().any(|f| f == TRACKING)
}

/// Takes the finalizer off a pod.
fn free(entry: &Entry) -> Write {
    let mut metadata = exactly(entry);
    metadata["finalizers"] = without(&entry.value(), TRACKING);
    patch("pods", entry, metadata)
}

/// One look at one Job.
struct JobSync {
    before: Arc<Value>,
    job: Value,
    tally: Tally,
    now: Timestamp,
    plan: Plan,
}

impl JobSync {
    fn run(mut self, verdict: Option<JobEnd>) -> Plan {
        let mut pods = pods::Change::default();
        match &verdict {
            Some(verdict) => {
                pods.delete = pods::delete_all(&self.tally);
                self.conclude(verdict);
            }
            None => {
                if self.job.is_deleting() {
                    self.plan.again = None;
                } else {
                    pods = pods::change(&self.job, &self.tally, self.now);
                }
                self.suspend_or_resume();
            }
        }
        self.count();
        self.write_status();
        let JobSync { job, tally, mut plan, .. } = self;
        // A finalizer goes only after the status that holds the uid is stored: another look.
        plan.all(tally.to_free.iter().map(|e| free(e)).collect(), false);
        plan.all(pods.delete, false);
        plan.all(pods.create, true);
        if verdict.is_none() {
            for time in pods.again.into_iter().chain(verdict::deadline(&job)) {
                plan.look_again(time);
            }
        }
        if !plan.steps.is_empty() {
            plan.then = Some(Box::new(move |outcome| tell(&job, outcome)));
        }
        plan
    }

    /// Announces the end, or makes it when nothing is left to wait for.
    fn conclude(&mut self, verdict: &JobEnd) {
        let text = ("True", verdict.reason.as_str(), verdict.message.as_str());
        let news = verdict::set(&mut self.job, verdict.announced(), text, self.now);
        let t = &self.tally;
        let pods = t.active.len() + t.terminating.len() + t.to_free.len();
        if news || pods + t.uncounted.0.len() + t.uncounted.1.len() > 0 {
            return;
        }
        verdict::set(&mut self.job, verdict.end(), text, self.now);
        if verdict.good {
            self.job.set_at("status.completionTime", time::seconds(self.now));
            self.plan.event(&self.job, false, "Completed", "Job completed");
        } else {
            let reason = failure_reason(&verdict.reason);
            self.plan.event(&self.job, true, reason, verdict.message.clone());
        }
    }

    fn suspend_or_resume(&mut self) {
        if self.job.is_true("spec.suspend") {
            let text = ("True", "JobSuspended", "Job suspended");
            if verdict::set(&mut self.job, "Suspended", text, self.now) {
                self.job.remove_at("status.startTime");
                self.plan.event(&self.job, false, "Suspended", "Job suspended");
            }
        } else if verdict::set(
            &mut self.job,
            "Suspended",
            ("False", "JobResumed", "Job resumed"),
            self.now,
        ) {
            self.job.set_at("status.startTime", time::seconds(self.now));
            self.plan.event(&self.job, false, "Resumed", "Job resumed");
        }
    }

    /// Brings the counters up to date.
    fn count(&mut self) {
        let (job, t) = (&mut self.job, &self.tally);
        let indexed = is_indexed(job);
        let status = |job: &Value, field: &str| job.i64_at(&format!("status.{field}")).unwrap_or(0);
        let succeeded = match indexed {
            true => t.completed.len() as i64,
            false => status(job, "succeeded") + t.settled.0,
        };
        let failed = status(job, "failed") + t.settled.1;
        for (field, n) in
            [("active", t.active.len() as i64), ("succeeded", succeeded), ("failed", failed)]
        {
            if n == 0 {
                job.remove_at(&format!("status.{field}"));
            } else {
                job.set_at(&format!("status.{field}"), n);
            }
        }
        job.set_at("status.ready", t.ready);
        job.set_at("status.terminating", t.terminating.len());
        if indexed && !t.completed.is_empty() {
            job.set_at("status.completedIndexes", indexes::print(&t.completed));
        }
        if indexed && job.at("spec.backoffLimitPerIndex").is_some() {
            job.set_at("status.failedIndexes", indexes::print(&t.given_up));
        }
        let mut uncounted = json!({});
        for (field, uids) in [("succeeded", &t.uncounted.0), ("failed", &t.uncounted.1)] {
            if !uids.is_empty() {
                uncounted[field] = json!(uids);
            }
        }
        job.set_at("status.uncountedTerminatedPods", uncounted);
    }

    fn write_status(&mut self) {
        if self.before.get("status") != self.job.get("status") {
            self.plan.write(Write::status("jobs.batch", self.job.clone()));
        }
    }
}

/// The event reason of a failure: one of a fixed set.
fn failure_reason(reason: &str) -> &'static str {
    const REASONS: [&str; 5] = [
        "PodFailurePolicy",
        "BackoffLimitExceeded",
        "DeadlineExceeded",
        "MaxFailedIndexesExceeded",
        "FailedIndexes",
    ];
    REASONS.iter().find(|r| **r == reason).copied().unwrap_or("Failed")
}
