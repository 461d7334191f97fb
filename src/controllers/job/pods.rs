//! How many pods a Job should have now, and which.
//! Source: `pkg/controller/job/job_controller.go` (manageJob), `backoff_utils.go`.

use super::{
    TRACKING,
    indexes::{self, Indexes},
    tally::{INDEX_FAILURES, Pod, Tally, is_indexed, replaces_failed_only},
};
use crate::{
    controllers::{
        Write,
        children::{delete_pod, pod_of},
    },
    object::{ObjectExt, Value, json, time},
};
use jiff::Timestamp;

/// First delay after a failure, in seconds; doubles with each further one.
const BACKOFF: i64 = 10;
/// Longest delay.
const MAX_BACKOFF: i64 = 600;
/// Most pods created at once.
const MAX_CREATIONS: i64 = 500;
/// Longest prefix of a generated pod name.
const MAX_PREFIX: usize = 58;

/// What is to be done about the number of pods.
#[derive(Default)]
pub(super) struct Change {
    /// Pods to create.
    pub create: Vec<Write>,
    /// Pods to delete.
    pub delete: Vec<Write>,
    /// When more may be created.
    pub again: Option<Timestamp>,
}

/// Compares pods wanted and pods there.
pub(super) fn change(job: &Value, tally: &Tally, now: Timestamp) -> Change {
    let active = tally.active.len() as i64;
    let wanted = if job.is_true("spec.suspend") { 0 } else { wanted(job, tally) };
    if active > wanted {
        let delete = expendable(tally, (active - wanted) as usize);
        return Change { delete, ..Change::default() };
    }
    let leaving = if replaces_failed_only(job) { tally.terminating.len() as i64 } else { 0 };
    let missing = (wanted - active - leaving).clamp(0, MAX_CREATIONS);
    match missing {
        0 => Change::default(),
        _ if is_indexed(job) => create_indexed(job, tally, missing as usize, now),
        _ => match next_start(&tally.failures).filter(|t| *t > now) {
            Some(again) => Change { again: Some(again), ..Change::default() },
            None => {
                let create = (0..missing).map(|_| Write::create("pods", pod(job))).collect();
                Change { create, ..Change::default() }
            }
        },
    }
}

fn wanted(job: &Value, tally: &Tally) -> i64 {
    let parallelism = job.i64_at("spec.parallelism").unwrap_or(1);
    match job.i64_at("spec.completions") {
        None if tally.succeeded > 0 => (tally.active.len() as i64).min(parallelism),
        None => parallelism,
        Some(n) => (n - tally.succeeded - tally.given_up.len() as i64).clamp(0, parallelism),
    }
}

/// Deletes all active pods.
pub(super) fn delete_all(tally: &Tally) -> Vec<Write> {
    tally.active.iter().map(|p| delete_pod(&p.entry)).collect()
}

/// The pods that cost least: not placed, not running, not ready, young.
fn expendable(tally: &Tally, count: usize) -> Vec<Write> {
    let mut pods: Vec<&Pod> = tally.active.iter().collect();
    pods.sort_by_key(|p| {
        (
            !p.lens.spec.node_name.is_empty(),
            p.lens.status.phase == "Running",
            p.lens.is_ready(),
            std::cmp::Reverse(p.lens.metadata.creation_timestamp),
            p.entry.key.clone(),
        )
    });
    pods.iter().take(count).map(|p| delete_pod(&p.entry)).collect()
}

/// When the next pod may start after these failures.
fn next_start(failures: &[Timestamp]) -> Option<Timestamp> {
    Some(delayed(*failures.last()?, failures.len() as i64))
}

fn delayed(last: Timestamp, failures: i64) -> Timestamp {
    let doublings = (failures - 1).clamp(0, 10) as u32;
    time::plus_seconds(last, (BACKOFF << doublings).min(MAX_BACKOFF))
}

fn create_indexed(job: &Value, tally: &Tally, missing: usize, now: Timestamp) -> Change {
    let per_index = job.at("spec.backoffLimitPerIndex").is_some();
    let global = if per_index { None } else { next_start(&tally.failures).filter(|t| *t > now) };
    if global.is_some() {
        return Change { again: global, ..Change::default() };
    }
    let busy: Indexes = tally.active.iter().filter_map(|p| p.index).collect();
    let leaving = replaces_failed_only(job);
    let going: Indexes =
        tally.terminating.iter().filter(|_| leaving).filter_map(|p| p.index).collect();
    let taken = |i: &i64| {
        [&busy, &going, &tally.completed, &tally.given_up].iter().any(|set| set.contains(i))
    };
    let mut change = Change::default();
    let completions = job.i64_at("spec.completions").unwrap_or(0);
    for index in (0..completions).filter(|i| !taken(i)) {
        let failed = tally.index_failures.get(&index).filter(|_| per_index);
        let start = failed.map(|(at, n)| delayed(*at, *n)).filter(|t| *t > now);
        if let Some(start) = start {
            change.again = Some(change.again.map_or(start, |a| a.min(start)));
        } else if change.create.len() < missing {
            let failures = failed.map_or(0, |(_, n)| *n);
            change.create.push(Write::create("pods", indexed_pod(job, index, failures)));
        }
    }
    change
}

/// A pod of the Job.
fn pod(job: &Value) -> Value {
    let mut pod = pod_of(job, job.at("spec.template").unwrap_or(&Value::Null));
    pod.set_at("metadata.generateName", format!("{}-", prefix(job.name(), MAX_PREFIX)));
    let mut finalizers = pod.list_at("metadata.finalizers").to_vec();
    finalizers.push(json!(TRACKING));
    pod.set_at("metadata.finalizers", finalizers);
    pod
}

fn prefix(name: &str, max: usize) -> &str {
    &name[..name.len().min(max - 1)]
}

fn indexed_pod(job: &Value, index: i64, failures: i64) -> Value {
    let mut pod = pod(job);
    let suffix = format!("-{index}-");
    let name = prefix(job.name(), MAX_PREFIX - suffix.len() + 1);
    pod.set_at("metadata.generateName", format!("{name}{suffix}"));
    pod.set_annotation(indexes::INDEX, index.to_string());
    pod.set_label(indexes::INDEX, index.to_string());
    if job.at("spec.backoffLimitPerIndex").is_some() {
        pod.set_annotation(INDEX_FAILURES, failures.to_string());
    }
    pod.set_at("spec.hostname", format!("{}-{index}", job.name()));
    for list in ["initContainers", "containers"] {
        let path = format!("spec.{list}");
        if pod.list_at(&path).is_empty() {
            continue;
        }
        let containers = pod.list_at(&path).iter().cloned().map(with_index);
        let containers: Value = containers.collect();
        pod.set_at(&path, containers);
    }
    pod
}

fn with_index(mut container: Value) -> Value {
    let mut env = container.list_at("env").to_vec();
    if !env.iter().any(|e| e.str_at("name") == "JOB_COMPLETION_INDEX") {
        let path = format!("metadata.labels['{}']", indexes::INDEX);
        env.push(json!({"name": "JOB_COMPLETION_INDEX",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}));
    }
    container.set_at("env", env);
    container
}
