//! Starts Jobs on a schedule.
//! Source: `pkg/controller/cronjob`.

mod children;
#[cfg(test)]
mod tests;
mod times;

use super::{
    Controller, Outcome, Plan, View, Watch, Write, WriteVerb, children::controller_ref,
    namespace_terminating,
};
use crate::object::{ObjectExt, Value, cron, json, time};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::sync::Arc;
use times::Due;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "cronjob-controller",
    watches: &[Watch::Itself("cronjobs.batch"), Watch::Owner("jobs.batch", "CronJob")],
    reconcile,
    ..Controller::BASE
};

/// Added to the next activation before looking again, as upstream does against early timers.
const SLACK: SignedDuration = SignedDuration::from_millis(100);
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get("cronjobs.batch", key) else { return Plan::none() };
    let before = entry.tree();
    let mut sync = CronJobSync { cron: (*before).clone(), now: view.now, plan: Plan::none() };
    // Every change of a Job comes by here: each is parsed once.
    let jobs: Vec<Arc<Value>> =
        view.controlled_by(before.uid(), "jobs.batch").map(|e| e.tree()).collect();
    sync.reconcile_active(view, &jobs);
    let deletions = sync.history(&jobs);
    let start = sync.due(&before);
    sync.finish(&before, &jobs, deletions, start)
}

/// One look at one CronJob.
struct CronJobSync {
    cron: Value,
    now: Timestamp,
    plan: Plan,
}

impl CronJobSync {
    fn event(&mut self, warning: bool, reason: &'static str, message: impl Into<String>) {
        let cron = self.cron.clone();
        self.plan.event(&cron, warning, reason, message);
    }

    /// When a Job is to be started now; else arranges for another look.
    fn due(&mut self, before: &Value) -> Option<(Timestamp, TimeZone)> {
        if before.is_deleting() {
            return None;
        }
        let name = before.str_at("spec.timeZone");
        let zone = if name.is_empty() { Ok(TimeZone::UTC) } else { cron::zone(name) };
        let Ok(zone) = zone else {
            let text = format!("invalid timeZone: {name:?}: unknown time zone {name}");
            self.event(true, "UnknownTimeZone", text);
            return None;
        };
        if before.is_true("spec.suspend") {
            return None;
        }
        let text = before.str_at("spec.schedule");
        let schedule = match cron::parse(text) {
            Ok(schedule) => schedule,
            Err(e) => {
                self.event(
                    true,
                    "UnparseableSchedule",
                    format!("unparseable schedule: {text:?} : {e}"),
                );
                return None;
            }
        };
        let due = times::due(before, &schedule, &zone, self.now);
        if let Some(next) = due.next {
            self.plan.look_again(next.saturating_add(SLACK).unwrap_or(next));
        }
        self.judge(due).map(|at| (at, zone))
    }

    /// Whether the slot found may be used.
    fn judge(&mut self, due: Due) -> Option<Timestamp> {
        if due.many {
            let text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            self.event(true, "TooManyMissedTimes", text);
        }
        let slot = due.slot?;
        let deadline = self.cron.i64_at("spec.startingDeadlineSeconds");
        if deadline.is_some_and(|d| time::plus_seconds(slot, d) < self.now) {
            let at = slot.strftime("%a, %d %b %Y %H:%M:%S +0000");
            self.event(true, "MissSchedule", format!("Missed scheduled time to start a job: {at}"));
            return None;
        }
        let last = time::parse(self.cron.str_at("status.lastScheduleTime"));
        if last == Some(slot) || self.is_active(&job_name(&self.cron, slot)) {
            return None;
        }
        let busy = !self.cron.list_at("status.active").is_empty();
        if busy && self.cron.str_at("spec.concurrencyPolicy") == "Forbid" {
            let text = "Not starting job because prior execution is running and concurrency policy is Forbid";
            self.event(false, "JobAlreadyActive", text);
            return None;
        }
        Some(slot)
    }

    fn is_active(&self, name: &str) -> bool {
        self.cron.list_at("status.active").iter().any(|r| r.str_at("name") == name)
    }

    /// Puts the plan together: deletions, the new Job, and the status after it.
    fn finish(
        mut self,
        before: &Value,
        jobs: &[Arc<Value>],
        mut deletions: Vec<Write>,
        start: Option<(Timestamp, TimeZone)>,
    ) -> Plan {
        if start.is_some() && self.cron.str_at("spec.concurrencyPolicy") == "Replace" {
            let active = self.cron.list_at("status.active").to_vec();
            let running = jobs.iter().filter(|j| active.iter().any(|a| a.str_at("uid") == j.uid()));
            deletions.extend(running.map(|job| children::delete(job)));
            self.cron.set_at("status.active", json!([]));
        }
        self.plan.all(deletions, false);
        let Some((slot, zone)) = start else {
            self.write_status(before);
            let cron = self.cron;
            let mut plan = self.plan;
            if !plan.steps.is_empty() {
                plan.then = Some(Box::new(move |outcome| tell(&cron, outcome)));
            }
            return plan;
        };
        self.plan.write(Write::create("jobs.batch", job(&self.cron, slot, &zone)));
        let (cron, before) = (self.cron, before.clone());
        let mut plan = self.plan;
        plan.then = Some(Box::new(move |outcome| started(cron, &before, slot, outcome)));
        plan
    }

    fn write_status(&mut self, before: &Value) {
        if let Some(write) = children::status(&self.cron, before) {
            self.plan.write(write);
        }
    }
}

/// `<cron>-<minutes since 1970>`.
fn job_name(cron: &Value, slot: Timestamp) -> String {
    format!("{}-{}", cron.name(), slot.as_second() / 60)
}

fn job(cron: &Value, slot: Timestamp, zone: &TimeZone) -> Value {
    let template = cron.at("spec.jobTemplate").cloned().unwrap_or_default();
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": job_name(cron, slot), "namespace": cron.namespace(),
            "ownerReferences": [controller_ref(cron)]},
        "spec": template.get("spec").cloned().unwrap_or_default(),
    });
    for field in ["labels", "annotations"] {
        if let Some(value) = template.at(&format!("metadata.{field}")) {
            job["metadata"][field] = value.clone();
        }
    }
    let local = slot.to_zoned(zone.clone());
    let offset =
        if local.offset().is_zero() { "Z".into() } else { local.strftime("%:z").to_string() };
    job.set_annotation(SCHEDULED, format!("{}{offset}", local.strftime("%Y-%m-%dT%H:%M:%S")));
    job
}

/// After the attempt to start a Job: the status if it succeeded, and the events.
fn started(mut cron: Value, before: &Value, slot: Timestamp, outcome: &Outcome) -> Plan {
    let mut plan = tell(&cron, outcome);
    let created = outcome.results.iter().find(|(w, _)| w.verb == WriteVerb::Create);
    let Some((_, Ok(Some(job)))) = created else {
        return plan;
    };
    let mut active = cron.list_at("status.active").to_vec();
    let reference = crate::controllers::reference(&job.value());
    active.push(reference);
    cron.set_at("status.active", active);
    cron.set_at("status.lastScheduleTime", time::seconds(slot));
    if let Some(write) = children::status(&cron, before) {
        plan.write(write);
    }
    plan
}

/// Events about Jobs created and deleted.
fn tell(cron: &Value, outcome: &Outcome) -> Plan {
    let mut plan = Plan::none();
    for (write, result) in outcome.results.iter().filter(|(w, _)| w.resource == "jobs.batch") {
        match (write.verb, result) {
            (WriteVerb::Create, Ok(_)) => {
                let text = format!("Created job {}", write.body.name());
                plan.event(cron, false, "SuccessfulCreate", text);
            }
            (WriteVerb::Create, Err(e)) if !namespace_terminating(e) => {
                plan.event(cron, true, "FailedCreate", format!("Error creating job: {e}"));
            }
            (WriteVerb::Delete, Ok(_)) => {
                plan.event(cron, false, "SuccessfulDelete", format!("Deleted job {}", write.name));
            }
            (WriteVerb::Delete, Err(e)) if !e.is_not_found() => {
                plan.event(cron, true, "FailedDelete", format!("Deleted job: {e}"));
            }
            _ => {}
        }
    }
    plan.retry = outcome.error().is_some_and(|e| !namespace_terminating(e));
    plan
}
