//! Whether a Job is over, and how.
//! Source: `pkg/controller/job/job_controller.go`.

use super::{
    policy,
    tally::{Tally, is_indexed},
};
use crate::object::{ObjectExt, Value, json, time};
use jiff::Timestamp;

/// The end of a Job.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JobEnd {
    /// Complete, not Failed.
    pub good: bool,
    /// Reason of the conditions.
    pub reason: String,
    /// Message of the conditions.
    pub message: String,
}

impl JobEnd {
    /// Type of the condition that announces the end.
    pub fn announced(&self) -> &'static str {
        if self.good { "SuccessCriteriaMet" } else { "FailureTarget" }
    }
    /// Type of the condition that is the end.
    pub fn end(&self) -> &'static str {
        if self.good { "Complete" } else { "Failed" }
    }
}

/// Whether the Job has its final condition.
pub(super) fn finished(job: &Value) -> bool {
    ["Complete", "Failed"].iter().any(|c| holds(job, c))
}

pub(super) fn holds(job: &Value, kind: &str) -> bool {
    job.condition(kind).is_some_and(|c| c.str_at("status") == "True")
}

/// The first cause that applies.
pub(super) fn decide(job: &Value, tally: &Tally, now: Timestamp) -> Option<JobEnd> {
    announced(job)
        .or_else(|| tally.fail_job.as_ref().map(|m| bad("PodFailurePolicy", m)))
        .or_else(|| over_limit(job, tally))
        .or_else(|| over_deadline(job, now))
        .or_else(|| indexes_failed(job, tally))
        .or_else(|| policy::success(job, &tally.completed).map(|m| good("SuccessPolicy", &m)))
        .or_else(|| completed(job, tally))
}

fn good(reason: &str, message: &str) -> JobEnd {
    JobEnd { good: true, reason: reason.into(), message: message.into() }
}

fn bad(reason: &str, message: &str) -> JobEnd {
    JobEnd { good: false, ..good(reason, message) }
}

/// What was announced stays.
fn announced(job: &Value) -> Option<JobEnd> {
    ["FailureTarget", "SuccessCriteriaMet"].iter().find_map(|kind| {
        let c = job.condition(kind).filter(|_| holds(job, kind))?;
        let (reason, message) = (c.str_at("reason"), c.str_at("message"));
        Some(JobEnd { good: *kind == "SuccessCriteriaMet", ..bad(reason, message) })
    })
}

fn over_limit(job: &Value, tally: &Tally) -> Option<JobEnd> {
    let limit = job.i64_at("spec.backoffLimit").unwrap_or(6);
    let in_place = job.str_at("spec.template.spec.restartPolicy") == "OnFailure";
    let restarts: i64 = if in_place { tally.active.iter().map(restarts).sum() } else { 0 };
    let worn = in_place && restarts > 0 && restarts >= limit;
    (tally.failed > limit || worn)
        .then(|| bad("BackoffLimitExceeded", "Job has reached the specified backoff limit"))
}

/// Restarts of a pod that runs or waits.
fn restarts(pod: &super::tally::Pod) -> i64 {
    let status = &pod.lens.status;
    let all = status.init_container_statuses.iter().chain(&status.container_statuses);
    all.map(|c| c.restart_count).sum()
}

/// When the time of a Job is up.
pub(super) fn deadline(job: &Value) -> Option<Timestamp> {
    let seconds = job.i64_at("spec.activeDeadlineSeconds")?;
    let start = time::parse(job.str_at("status.startTime"))?;
    (!job.is_true("spec.suspend")).then(|| time::plus_seconds(start, seconds))
}

fn over_deadline(job: &Value, now: Timestamp) -> Option<JobEnd> {
    deadline(job)
        .filter(|d| *d <= now)
        .map(|_| bad("DeadlineExceeded", "Job was active longer than specified deadline"))
}

fn indexes_failed(job: &Value, tally: &Tally) -> Option<JobEnd> {
    job.at("spec.backoffLimitPerIndex").filter(|_| is_indexed(job))?;
    let failed = tally.given_up.len() as i64;
    let most = job.i64_at("spec.maxFailedIndexes");
    if most.is_some_and(|m| failed > m) {
        let text = "Job has exceeded the specified maximal number of failed indexes";
        return Some(bad("MaxFailedIndexesExceeded", text));
    }
    let all = failed + tally.completed.len() as i64;
    let done = all >= job.i64_at("spec.completions").unwrap_or(0);
    (failed > 0 && done).then(|| bad("FailedIndexes", "Job has failed indexes"))
}

fn completed(job: &Value, tally: &Tally) -> Option<JobEnd> {
    let enough = match job.i64_at("spec.completions") {
        Some(n) => tally.succeeded >= n && (n > 0 || tally.active.is_empty()),
        None => tally.succeeded > 0 && tally.active.is_empty(),
    };
    enough.then(|| good("CompletionsReached", "Reached expected number of succeeded pods"))
}

/// Sets a condition, unless it has that status already. `False` is not written where nothing was.
/// Answers whether anything changed.
pub(super) fn set(
    job: &mut Value,
    kind: &str,
    (status, reason, message): (&str, &str, &str),
    now: Timestamp,
) -> bool {
    let old = job.condition(kind).map(|c| c.str_at("status").to_owned());
    if old.as_deref() == Some(status) || (old.is_none() && status == "False") {
        return false;
    }
    let at = time::seconds(now);
    let condition = json!({"type": kind, "status": status, "reason": reason, "message": message,
        "lastProbeTime": at, "lastTransitionTime": at});
    let mut list = job.list_at("status.conditions").to_vec();
    match list.iter().position(|c| c.str_at("type") == kind) {
        Some(i) => list[i] = condition,
        None => list.push(condition),
    }
    job.set_at("status.conditions", list);
    true
}
