//! Clusters by the hundred, in this process: what creating, forking and putting back takes, and what
//! one weighs.

use super::figure;
use pocketshift::Cluster;
use std::time::Instant;

/// How many clusters are there at once.
const MANY: usize = 200;
/// Pods in the cluster that is put back.
const PODS: usize = 5000;

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}
"#;

/// Median and 99th percentile of milliseconds, beside what they should be.
fn figures(name: &str, mut times: Vec<f64>, (median, worst): (f64, f64)) {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    figure(&format!("{name} (median; aim: {median} ms)"), at(0.5), "ms", 0.0);
    figure(&format!("{name} (p99; aim: {worst} ms)"), at(0.99), "ms", 0.0);
}

/// All of it.
pub async fn all() {
    // The template is made with the first.
    let first = Cluster::start().await.expect("a cluster");
    let mut clusters = Vec::new();
    let mut times = Vec::new();
    let before = resident_mb();
    for _ in 0..MANY {
        let began = Instant::now();
        clusters.push(Cluster::start().await.expect("a cluster"));
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    figures("cluster: create", times, (2.0, 5.0));
    for cluster in &clusters {
        cluster.apply(WEB).await.expect("applied");
    }
    for cluster in &clusters {
        cluster.settled().await;
    }
    let each = (resident_mb() - before) / MANY as f64;
    figure("cluster with a 3-replica Deployment (aim: 4 MB)", each, "MB", 0.0);
    let mut times = Vec::new();
    for cluster in clusters.iter().take(100) {
        let began = Instant::now();
        let fork = cluster.fork().await.expect("a fork");
        times.push(began.elapsed().as_secs_f64() * 1e3);
        fork.stop().await;
    }
    figures("cluster: fork", times, (2.0, 5.0));
    drop(clusters);
    reset(&first).await;
    // Created, used and ended: nothing is left.
    let before = resident_mb();
    for _ in 0..1000 {
        let cluster = Cluster::start().await.expect("a cluster");
        cluster.apply(WEB).await.expect("applied");
        cluster.settled().await;
        cluster.stop().await;
    }
    figure("growth by 1,000 clusters made, used and ended", resident_mb() - before, "MB", 0.0);
}

async fn reset(cluster: &Cluster) {
    let pod = |n: usize| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: pod-{n}, namespace: default}}, \
             spec: {{containers: [{{name: c, image: busybox, command: [sleep, inf]}}]}}}}\n---\n"
        )
    };
    let text: String = (0..PODS).map(pod).collect();
    cluster.apply(&text).await.expect("applied");
    cluster.settled().await;
    let full = cluster.checkpoint().await.expect("a checkpoint");
    let mut times = Vec::new();
    for _ in 0..20 {
        cluster.apply(WEB).await.expect("applied");
        let began = Instant::now();
        cluster.reset_to(&full).await.expect("reset");
        times.push(began.elapsed().as_secs_f64() * 1e3);
        cluster.settled().await;
    }
    figures(&format!("cluster: reset with {PODS} pods"), times, (5.0, 5.0));
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kb = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kb.unwrap_or(0.0) / 1024.0
}
