//! The Jobs of a CronJob: which run, which are kept.
//! Source: `pkg/controller/cronjob`.

use super::CronJobSync;
use crate::{
    controllers::{View, Write, WriteVerb},
    object::{ObjectExt, Value, json},
};

use std::sync::Arc;

/// How a Job ended.
fn end(job: &Value) -> Option<&'static str> {
    ["Complete", "Failed"]
        .into_iter()
        .find(|c| job.condition(c).is_some_and(|c| c.str_at("status") == "True"))
}

impl CronJobSync {
    /// Makes `status.active` say what runs.
    pub(super) fn reconcile_active(&mut self, view: &View, jobs: &[Arc<Value>]) {
        for job in jobs {
            let listed =
                self.cron.list_at("status.active").iter().any(|r| r.str_at("uid") == job.uid());
            match (end(job), listed) {
                (None, false) => {
                    let text = format!(
                        "Saw a job that the controller did not create or forgot: {}",
                        job.name()
                    );
                    self.event(true, "UnexpectedJob", text);
                }
                (Some(end), true) => {
                    self.forget(job.uid());
                    let text = format!("Saw completed job: {}, condition: {end}", job.name());
                    self.event(false, "SawCompletedJob", text);
                }
                _ => {}
            }
            if end(job) == Some("Complete") {
                self.note_success(job.str_at("status.completionTime"));
            }
        }
        for reference in self.cron.list_at("status.active").to_vec() {
            let there = view.objects.by_uid(reference.str_at("uid")).is_some();
            if !there {
                self.forget(reference.str_at("uid"));
                let text = format!("Active job went missing: {}", reference.str_at("name"));
                self.event(false, "MissingJob", text);
            }
        }
    }

    fn forget(&mut self, uid: &str) {
        let mut active = self.cron.list_at("status.active").to_vec();
        active.retain(|r| r.str_at("uid") != uid);
        self.cron.set_at("status.active", active);
    }

    fn note_success(&mut self, at: &str) {
        // Times of one form compare as text.
        if at > self.cron.str_at("status.lastSuccessfulTime") {
            self.cron.set_at("status.lastSuccessfulTime", at);
        }
    }

    /// Deletions of finished Jobs beyond the limits, oldest first.
    pub(super) fn history(&self, jobs: &[Arc<Value>]) -> Vec<Write> {
        let limits = [
            ("Complete", "spec.successfulJobsHistoryLimit", 3),
            ("Failed", "spec.failedJobsHistoryLimit", 1),
        ];
        let mut out = Vec::new();
        for (kind, field, default) in limits {
            let limit = self.cron.i64_at(field).unwrap_or(default).max(0) as usize;
            let mut ended: Vec<&Value> = jobs
                .iter()
                .map(|j| &**j)
                .filter(|j| end(j) == Some(kind) && !j.is_deleting())
                .collect();
            ended.sort_by_key(|j| (j.str_at("status.startTime"), j.name()));
            let excess = ended.len().saturating_sub(limit);
            out.extend(ended.into_iter().take(excess).map(delete));
        }
        out
    }
}

/// Deletes a Job and its pods.
pub(super) fn delete(job: &Value) -> Write {
    Write {
        verb: WriteVerb::Delete,
        resource: "jobs.batch".into(),
        sub: "",
        namespace: job.namespace().to_owned(),
        name: job.name().to_owned(),
        body: json!({"kind": "DeleteOptions", "apiVersion": "v1",
            "propagationPolicy": "Background", "preconditions": {"uid": job.uid()}}),
    }
}

/// Writes the status if it changed.
pub(super) fn status(cron: &Value, before: &Value) -> Option<Write> {
    let mut new = cron.get("status").cloned().unwrap_or_else(|| json!({}));
    if new.list_at("active").is_empty() {
        new.remove_at("active");
    }
    let empty = json!({});
    if new == *before.get("status").unwrap_or(&empty) {
        return None;
    }
    let mut cron = cron.clone();
    cron.set_at("status", new);
    Some(Write::status("cronjobs.batch", cron))
}
