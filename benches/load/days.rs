//! A day of a cluster, passed at once: what idle time costs.

use super::figure;
use pocketshift::Cluster;
use std::time::{Duration, Instant};

const DEPLOYMENTS: usize = 50;
const CRON_JOBS: usize = 10;
const TAGS: usize = 20;

fn manifests() -> String {
    let deployment = |n: usize| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web-{n}, namespace: default}}, \
             spec: {{replicas: 2, selector: {{matchLabels: {{app: web-{n}}}}}, template: {{metadata: \
             {{labels: {{app: web-{n}}}}}, spec: {{containers: [{{name: c, image: busybox, \
             command: [sleep, inf]}}]}}}}}}}}\n---\n"
        )
    };
    let cron = |n: usize| {
        format!(
            "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: tick-{n}, namespace: default}}, \
             spec: {{schedule: '{} * * * *', jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: \
             Never, containers: [{{name: c, image: busybox, command: [sh, -c, 'sleep 20; echo \
             done']}}]}}}}}}}}}}}}\n---\n",
            n * 5
        )
    };
    let tag = |n: usize| {
        format!(
            "{{name: t{n}, importPolicy: {{scheduled: true}}, from: {{kind: DockerImage, name: \
             'docker.io/library/busybox:latest'}}}}, "
        )
    };
    let tags: String = (0..TAGS).map(tag).collect();
    let stream = format!(
        "{{apiVersion: image.openshift.io/v1, kind: ImageStream, metadata: {{name: s, namespace: \
         default}}, spec: {{tags: [{tags}]}}}}\n"
    );
    let all = (0..DEPLOYMENTS).map(deployment).chain((0..CRON_JOBS).map(cron));
    all.collect::<String>() + &stream
}

/// One busy day, and a quiet one.
pub async fn day() {
    let day = Duration::from_secs(24 * 60 * 60);
    let new = || Cluster::builder().clock_stopped_at("2030-01-01T00:00:00Z").start();
    let quiet = new().await.expect("a cluster");
    quiet.settled().await;
    let began = Instant::now();
    quiet.time().advance(day).await.expect("a day");
    figure("a quiet day", began.elapsed().as_secs_f64(), "s", 0.0);
    let busy = new().await.expect("a cluster");
    busy.apply(&manifests()).await.expect("applied");
    busy.settled().await;
    let began = Instant::now();
    busy.time().advance(day).await.expect("a day");
    let name = format!("a day of {DEPLOYMENTS} Deployments, {CRON_JOBS} CronJobs, {TAGS} tags");
    figure(&format!("{name} (aim: 2 s)"), began.elapsed().as_secs_f64(), "s", 0.0);
}
