//! Jobs (rows J of the workload cases).

use super::{CONTROLLER, orphans, ttl};
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json, time},
};

fn job(kit: &mut Kit, spec: Value) {
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "j", "namespace": "n", "uid": "u"},
        "spec": {"backoffLimit": 6, "selector": {"matchLabels": {"controller-uid": "u"}},
            "template": {"metadata": {"labels": {"controller-uid": "u"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c"}]}}}});
    for (key, value) in spec.as_object().unwrap() {
        job.set_at(&format!("spec.{key}"), value.clone());
    }
    kit.put("jobs.batch", job);
}

fn settle(kit: &mut Kit) {
    kit.settle_all(&[&CONTROLLER, &orphans::CONTROLLER]);
}

fn get(kit: &Kit) -> Value {
    kit.get("jobs.batch", "n/j").unwrap()
}

fn live(kit: &Kit) -> Vec<Value> {
    let pods = kit.list("pods").into_iter();
    pods.filter(|p| !matches!(p.str_at("status.phase"), "Succeeded" | "Failed")).collect()
}

/// A container of the pod ends with this code.
fn end(kit: &mut Kit, pod: &Value, code: i64) {
    let now = time::seconds(kit.now);
    kit.edit("pods", &format!("n/{}", pod.name()), |p| {
        p.set_at("status.phase", if code == 0 { "Succeeded" } else { "Failed" });
        p.set_at(
            "status.containerStatuses",
            json!([{"name": "c",
            "state": {"terminated": {"exitCode": code, "finishedAt": now}}}]),
        );
    });
}

fn conditions(job: &Value) -> Vec<String> {
    let all = job.list_at("status.conditions").iter();
    all.map(|c| format!("{}={}/{}", c.str_at("type"), c.str_at("status"), c.str_at("reason")))
        .collect()
}

#[test]
fn a_job_completes_in_two_steps() {
    let mut kit = Kit::default();
    job(&mut kit, json!({"completions": 2, "parallelism": 1}));
    settle(&mut kit);
    for _ in 0..2 {
        let pods = live(&kit);
        assert_eq!(pods.len(), 1);
        assert_eq!(get(&kit).i64_at("status.active"), Some(1));
        end(&mut kit, &pods[0], 0);
        settle(&mut kit);
    }
    let job = get(&kit);
    assert_eq!(
        conditions(&job),
        ["SuccessCriteriaMet=True/CompletionsReached", "Complete=True/CompletionsReached"]
    );
    assert_eq!(job.i64_at("status.succeeded"), Some(2));
    assert_eq!(job["status"]["uncountedTerminatedPods"], json!({}));
    assert!(job.at("status.completionTime").is_some());
    assert_eq!(kit.list("pods").len(), 2);
    assert!(kit.list("pods").iter().all(|p| p.list_at("metadata.finalizers").is_empty()));
    assert_eq!(kit.events.last().unwrap(), "Completed: Job completed");
    let created = kit.events.iter().filter(|e| e.starts_with("SuccessfulCreate: Created pod: j-"));
    assert_eq!(created.count(), 2);
}

#[test]
fn j01_the_first_failure_is_the_last() {
    let mut kit = Kit::default();
    job(&mut kit, json!({"completions": 1, "parallelism": 1, "backoffLimit": 0}));
    settle(&mut kit);
    let pod = live(&kit).remove(0);
    end(&mut kit, &pod, 1);
    settle(&mut kit);
    let job = get(&kit);
    assert_eq!(
        conditions(&job),
        ["FailureTarget=True/BackoffLimitExceeded", "Failed=True/BackoffLimitExceeded"]
    );
    assert!(job.at("status.completionTime").is_none());
    assert_eq!((job.i64_at("status.failed"), kit.list("pods").len()), (Some(1), 1));
    assert_eq!(
        kit.events.last().unwrap(),
        "BackoffLimitExceeded: Job has reached the specified backoff limit"
    );
}

#[test]
fn j02_indexes_are_filled() {
    let mut kit = Kit::default();
    job(&mut kit, json!({"completions": 5, "parallelism": 2, "completionMode": "Indexed"}));
    settle(&mut kit);
    let mut failed = false;
    for _ in 0..10 {
        for pod in live(&kit) {
            let index = pod.annotation("batch.kubernetes.io/job-completion-index").unwrap();
            assert_eq!(pod.label("batch.kubernetes.io/job-completion-index"), Some(index));
            assert_eq!(pod.str_at("spec.hostname"), format!("j-{index}"));
            let fails = index == "3" && !failed;
            failed |= fails;
            end(&mut kit, &pod, i64::from(fails));
        }
        settle(&mut kit);
        kit.advance(10);
        settle(&mut kit);
    }
    let job = get(&kit);
    assert_eq!(job.str_at("status.completedIndexes"), "0-4");
    assert_eq!((job.i64_at("status.failed"), job.i64_at("status.succeeded")), (Some(1), Some(5)));
    assert!(conditions(&job).contains(&"Complete=True/CompletionsReached".to_owned()));
}

#[test]
fn j04_suspend_and_resume() {
    let mut kit = Kit::default();
    job(&mut kit, json!({"completions": 1, "parallelism": 1, "activeDeadlineSeconds": 60}));
    settle(&mut kit);
    let start = get(&kit).str_at("status.startTime").to_owned();
    kit.edit("jobs.batch", "n/j", |j| j.set_at("spec.suspend", true));
    kit.advance(300);
    settle(&mut kit);
    let job = get(&kit);
    assert!(job.at("status.startTime").is_none() && live(&kit).is_empty());
    assert_eq!(conditions(&job), ["Suspended=True/JobSuspended"]);
    kit.edit("jobs.batch", "n/j", |j| j.set_at("spec.suspend", false));
    settle(&mut kit);
    let job = get(&kit);
    assert!(job.str_at("status.startTime") > start.as_str());
    assert_eq!(
        (conditions(&job), live(&kit).len()),
        (vec!["Suspended=False/JobResumed".into()], 1)
    );
    kit.advance(60);
    settle(&mut kit);
    assert!(conditions(&get(&kit)).contains(&"Failed=True/DeadlineExceeded".to_owned()));
}

#[test]
fn j05_finished_jobs_expire() {
    let mut kit = Kit::default();
    job(&mut kit, json!({"completions": 1, "parallelism": 1, "ttlSecondsAfterFinished": 5}));
    settle(&mut kit);
    let pod = live(&kit).remove(0);
    end(&mut kit, &pod, 0);
    settle(&mut kit);
    kit.look(&ttl::CONTROLLER, "n/j");
    assert!(!get(&kit).is_deleting());
    kit.advance(5);
    kit.look(&ttl::CONTROLLER, "n/j");
    assert!(get(&kit).is_deleting());
    assert_eq!(get(&kit).list_at("metadata.finalizers"), [json!("foregroundDeletion")]);
}

#[test]
fn j07_ignored_failures_are_replaced_for_free() {
    let mut kit = Kit::default();
    let rules = json!([{"action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]);
    job(
        &mut kit,
        json!({"completions": 1, "parallelism": 1, "backoffLimit": 0,
        "podFailurePolicy": {"rules": rules}}),
    );
    settle(&mut kit);
    let pod = live(&kit).remove(0);
    end(&mut kit, &pod, 1);
    kit.edit("pods", &format!("n/{}", pod.name()), |p| {
        p.set_at("status.conditions", json!([{"type": "DisruptionTarget", "status": "True"}]));
    });
    settle(&mut kit);
    assert_eq!((get(&kit).i64_at("status.failed"), live(&kit).len()), (None, 1));
}

#[test]
fn j08_success_policy_ends_the_rest() {
    let mut kit = Kit::default();
    job(
        &mut kit,
        json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed",
        "successPolicy": {"rules": [{"succeededIndexes": "0"}]}}),
    );
    settle(&mut kit);
    let first = live(&kit)
        .into_iter()
        .find(|p| p.annotation("batch.kubernetes.io/job-completion-index") == Some("0"))
        .unwrap();
    end(&mut kit, &first, 0);
    settle(&mut kit);
    assert!(live(&kit).is_empty());
    assert_eq!(
        conditions(&get(&kit)),
        ["SuccessCriteriaMet=True/SuccessPolicy", "Complete=True/SuccessPolicy"]
    );
}

#[test]
fn j09_an_index_is_given_up() {
    let mut kit = Kit::default();
    job(
        &mut kit,
        json!({"completions": 2, "parallelism": 2, "completionMode": "Indexed",
        "backoffLimit": 2147483647, "backoffLimitPerIndex": 1}),
    );
    settle(&mut kit);
    for _ in 0..4 {
        for pod in live(&kit) {
            let index = pod.annotation("batch.kubernetes.io/job-completion-index").unwrap();
            end(&mut kit, &pod, i64::from(index == "0"));
        }
        settle(&mut kit);
        kit.advance(600);
        settle(&mut kit);
    }
    let job = get(&kit);
    assert_eq!(job.str_at("status.failedIndexes"), "0");
    assert_eq!(job.str_at("status.completedIndexes"), "1");
    assert!(conditions(&job).contains(&"Failed=True/FailedIndexes".to_owned()));
    assert_eq!(job.i64_at("status.failed"), Some(2));
}

#[test]
fn j10_a_work_queue_ends_with_its_pods() {
    let mut kit = Kit::default();
    job(&mut kit, json!({"parallelism": 3}));
    settle(&mut kit);
    let pods = live(&kit);
    assert_eq!(pods.len(), 3);
    end(&mut kit, &pods[0], 0);
    settle(&mut kit);
    assert_eq!(live(&kit).len(), 2, "no new pods after the first success");
    end(&mut kit, &pods[1], 0);
    end(&mut kit, &pods[2], 0);
    settle(&mut kit);
    assert!(conditions(&get(&kit)).contains(&"Complete=True/CompletionsReached".to_owned()));
}

#[test]
fn j11_failures_are_retried_later_and_later() {
    let mut kit = Kit::default();
    job(&mut kit, json!({"completions": 1, "parallelism": 1}));
    settle(&mut kit);
    for delay in [10, 20, 40] {
        let pod = live(&kit).remove(0);
        end(&mut kit, &pod, 1);
        settle(&mut kit);
        assert!(live(&kit).is_empty());
        assert_eq!(get(&kit).i64_at("status.active"), None);
        kit.advance(delay - 1);
        settle(&mut kit);
        assert!(live(&kit).is_empty(), "{delay}");
        kit.advance(1);
        settle(&mut kit);
        assert_eq!(live(&kit).len(), 1, "{delay}");
    }
}

#[test]
fn pods_of_a_job_that_is_gone_are_freed() {
    let mut kit = Kit::default();
    job(&mut kit, json!({"completions": 1, "parallelism": 1}));
    settle(&mut kit);
    kit.remove("jobs.batch", "n/j");
    settle(&mut kit);
    assert!(kit.list("pods").iter().all(|p| p.list_at("metadata.finalizers").is_empty()));
}
