//! CronJobs (rows C of the workload cases).

use super::CONTROLLER;
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json, time},
};

fn cron(spec: Value) -> Kit {
    let mut kit = Kit::default();
    kit.now = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut cron = json!({"apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": "c", "namespace": "n", "creationTimestamp": "2025-12-31T23:59:30Z"},
        "spec": {"schedule": "* * * * *", "concurrencyPolicy": "Allow",
            "jobTemplate": {"metadata": {"labels": {"l": "1"}}, "spec": {"template": {}}}}});
    for (key, value) in spec.as_object().unwrap() {
        cron.set_at(&format!("spec.{key}"), value.clone());
    }
    kit.put("cronjobs.batch", cron);
    kit
}

fn settle(kit: &mut Kit) {
    kit.settle(&CONTROLLER, "n/c");
}

fn jobs(kit: &Kit) -> Vec<String> {
    kit.list("jobs.batch").iter().map(|j| j.name().to_owned()).collect()
}

fn finish(kit: &mut Kit, job: &str) {
    let now = time::seconds(kit.now);
    kit.edit("jobs.batch", &format!("n/{job}"), |j| {
        j.set_at(
            "status",
            json!({"startTime": now, "completionTime": now,
            "conditions": [{"type": "Complete", "status": "True"}]}),
        );
    });
}

#[test]
fn c05_the_name_tells_the_slot() {
    let mut kit = cron(json!({"timeZone": "Asia/Tokyo"}));
    settle(&mut kit);
    assert_eq!(jobs(&kit), ["c-29453760"]);
    let job = kit.get("jobs.batch", "n/c-29453760").unwrap();
    assert_eq!(
        job.annotation("batch.kubernetes.io/cronjob-scheduled-timestamp"),
        Some("2026-01-01T09:00:00+09:00")
    );
    assert_eq!(job.label("l"), Some("1"));
    let cron = kit.get("cronjobs.batch", "n/c").unwrap();
    assert_eq!(cron.str_at("status.lastScheduleTime"), "2026-01-01T00:00:00Z");
    assert_eq!(cron.list_at("status.active").len(), 1);
    assert_eq!(kit.events, ["SuccessfulCreate: Created job c-29453760"]);
    assert_eq!(time::micros(*kit.again.last().unwrap()), "2026-01-01T00:01:00.100000Z");
}

#[test]
fn c01_forbid_waits_and_catches_up() {
    let mut kit = cron(json!({"concurrencyPolicy": "Forbid"}));
    settle(&mut kit);
    kit.advance(60);
    settle(&mut kit);
    assert_eq!(jobs(&kit).len(), 1);
    assert!(kit.events.last().unwrap().starts_with("JobAlreadyActive: Not starting job because"));
    kit.advance(30);
    finish(&mut kit, "c-29453760");
    settle(&mut kit);
    assert_eq!(jobs(&kit), ["c-29453760", "c-29453761"]);
    assert!(kit.events.contains(
        &"SawCompletedJob: Saw completed job: c-29453760, condition: Complete".to_owned()
    ));
}

#[test]
fn c02_replace_deletes_what_runs() {
    let mut kit = cron(json!({"concurrencyPolicy": "Replace"}));
    settle(&mut kit);
    kit.advance(60);
    settle(&mut kit);
    assert_eq!(jobs(&kit), ["c-29453761"]);
    let told: Vec<&str> = kit.events[1..].iter().map(String::as_str).collect();
    assert_eq!(
        told,
        ["SuccessfulDelete: Deleted job c-29453760", "SuccessfulCreate: Created job c-29453761"]
    );
}

#[test]
fn c03_after_a_pause_only_the_latest_slot_runs() {
    let mut kit = cron(json!({"suspend": true}));
    kit.advance(7200 + 20);
    settle(&mut kit);
    assert!(jobs(&kit).is_empty());
    kit.edit("cronjobs.batch", "n/c", |c| c.set_at("spec.suspend", false));
    settle(&mut kit);
    assert_eq!(jobs(&kit), ["c-29453880"]);
    assert!(kit.events.iter().any(|e| e.starts_with("TooManyMissedTimes")));
}

#[test]
fn c04_a_new_zone_counts_from_the_last_run() {
    let mut kit = cron(json!({"schedule": "0 9 * * *"}));
    kit.now = "2026-01-01T09:00:00Z".parse().unwrap();
    settle(&mut kit);
    assert_eq!(jobs(&kit).len(), 1);
    kit.now = "2026-01-01T10:00:00Z".parse().unwrap();
    kit.edit("cronjobs.batch", "n/c", |c| c.set_at("spec.timeZone", "Asia/Tokyo"));
    settle(&mut kit);
    assert_eq!(jobs(&kit).len(), 1, "no run by the edit itself");
    assert_eq!(time::seconds(*kit.again.last().unwrap()), "2026-01-02T00:00:00Z");
}

#[test]
fn a_slot_too_old_is_missed() {
    let mut kit = cron(json!({"schedule": "0 0 * * *", "startingDeadlineSeconds": 10}));
    kit.advance(11);
    settle(&mut kit);
    assert!(jobs(&kit).is_empty());
}

#[test]
fn only_the_latest_finished_jobs_are_kept() {
    let mut kit = cron(json!({"successfulJobsHistoryLimit": 1}));
    for _ in 0..3 {
        settle(&mut kit);
        for job in jobs(&kit) {
            if kit.get("jobs.batch", &format!("n/{job}")).unwrap().at("status").is_none() {
                finish(&mut kit, &job);
            }
        }
        kit.advance(60);
    }
    kit.edit("cronjobs.batch", "n/c", |c| c.set_at("spec.suspend", true));
    settle(&mut kit);
    assert_eq!(jobs(&kit), ["c-29453762"]);
    let cron = kit.get("cronjobs.batch", "n/c").unwrap();
    assert!(cron.at("status.active").is_none());
    assert_eq!(cron.str_at("status.lastSuccessfulTime"), "2026-01-01T00:02:00Z");
}
