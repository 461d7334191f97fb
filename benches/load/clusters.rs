//! Clusters by the thousand, in this process: what creating, forking and putting back takes, what one weighs,
//! how soon it answers, and what one that is busy costs another. Each figure stands beside its aim.

use super::aims::Aims;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, PostParams};
use pocketshift::Cluster;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// A Deployment `web` of three replicas.
const WEB: &str = include_str!("../../tests/it/support/web.yaml");

/// How many clusters are there at once.
const MANY: usize = 1000;
/// How many are forked, and how many answer their first request.
const SOME: usize = 200;
/// Pods in the cluster that is put back.
const PODS: usize = 5000;
/// Requests of which the slowest hundredth is told.
const REQUESTS: usize = 3000;
/// Clients of the busy cluster.
const BUSY: usize = 8;

/// A part of some times, in milliseconds.
fn at(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * part) as usize]
}

/// Median and 99th percentile of milliseconds, beside what they should be at most.
fn figures(aims: &mut Aims, name: &str, mut times: Vec<f64>, (median, worst): (f64, f64)) {
    aims.at_most(&format!("{name}, median"), at(&mut times, 0.5), "ms", median);
    aims.at_most(&format!("{name}, p99"), at(&mut times, 0.99), "ms", worst);
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// All of it.
pub async fn all() {
    let aims = &mut Aims::default();
    // The template is made with the first.
    let first = Cluster::start().await.expect("a cluster");
    let mut clusters = Vec::new();
    let mut times = Vec::new();
    let before = resident_mb();
    for _ in 0..MANY {
        let began = Instant::now();
        clusters.push(Cluster::start().await.expect("a cluster"));
        times.push(millis(began));
    }
    figures(aims, "cluster: create", times, (2.0, 5.0));
    first_requests(aims, &clusters[..SOME]).await;
    for cluster in &clusters {
        cluster.apply(WEB).await.expect("applied");
    }
    for cluster in &clusters {
        cluster.settled().await;
    }
    let each = (resident_mb() - before) / MANY as f64;
    aims.at_most(&format!("cluster: each of {MANY} with 3 replicas"), each, "MB", 4.0);
    let mut times = Vec::new();
    for cluster in clusters.iter().take(SOME) {
        let began = Instant::now();
        let fork = cluster.fork().await.expect("a fork");
        times.push(millis(began));
        fork.stop().await;
    }
    figures(aims, "cluster: fork", times, (2.0, 5.0));
    drop(clusters);
    reset(aims, &first).await;
    neighbours(aims).await;
    // Created, used and ended: nothing is left.
    let before = resident_mb();
    for _ in 0..1000 {
        let cluster = Cluster::start().await.expect("a cluster");
        cluster.apply(WEB).await.expect("applied");
        cluster.settled().await;
        cluster.stop().await;
    }
    aims.at_most("cluster: growth by 1,000 used and ended", resident_mb() - before, "MB", 16.0);
    aims.end();
}

async fn first_requests(aims: &mut Aims, clusters: &[Cluster]) {
    let mut times = Vec::new();
    for cluster in clusters {
        let client = cluster.client().expect("a client");
        let began = Instant::now();
        let namespaces = Api::<Namespace>::all(client).list(&Default::default()).await;
        times.push(millis(began));
        assert!(namespaces.is_ok());
    }
    figures(aims, "cluster: first request, no port", times, (1.0, 5.0));
}

async fn reset(aims: &mut Aims, cluster: &Cluster) {
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
    for _ in 0..50 {
        cluster.apply(WEB).await.expect("applied");
        let began = Instant::now();
        cluster.reset_to(&full).await.expect("reset");
        times.push(millis(began));
        cluster.settled().await;
    }
    figures(aims, &format!("cluster: reset with {PODS} pods"), times, (5.0, 5.0));
}

/// What requests of a cluster that is left alone take, and what they take beside one that is busy.
async fn neighbours(aims: &mut Aims) {
    let quiet = Cluster::start().await.expect("a cluster");
    let busy = Arc::new(Cluster::start().await.expect("a cluster"));
    let api = Api::<Namespace>::all(quiet.client().expect("a client"));
    let requests = async || {
        let mut times = Vec::new();
        for _ in 0..REQUESTS {
            let began = Instant::now();
            api.get("default").await.expect("it is there");
            times.push(millis(began));
        }
        at(&mut times, 0.99)
    };
    let alone = requests().await;
    let over = Arc::new(AtomicBool::new(false));
    let work = std::thread::spawn({
        let (busy, over) = (Arc::clone(&busy), Arc::clone(&over));
        move || keep_busy(&busy, &over)
    });
    busy.apply(&WEB.replace("replicas: 3", "replicas: 500")).await.expect("applied");
    let beside = requests().await;
    over.store(true, Ordering::Relaxed);
    tokio::task::spawn_blocking(|| work.join()).await.expect("a thread").expect("its clients");
    aims.at_most("cluster: p99 beside a busy one, times as much", beside / alone, "", 2.0);
}

/// Keeps a cluster busy until it is over. What its clients themselves take is not the cluster's: they
/// give way, as if they ran elsewhere.
fn keep_busy(cluster: &Cluster, over: &AtomicBool) {
    pocketshift::platform::give_way(19);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let clients = (0..BUSY).map(|n| {
            let client = cluster.client().expect("a client");
            async move {
                let maps = Api::<ConfigMap>::namespaced(client, "default");
                let mut made = 0;
                while !over.load(Ordering::Relaxed) {
                    let mut map = ConfigMap::default();
                    map.metadata.name = Some(format!("m-{n}-{made}"));
                    maps.create(&PostParams::default(), &map).await.expect("made");
                    made += 1;
                }
            }
        });
        futures_util::future::join_all(clients).await;
    });
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kb = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kb.unwrap_or(0.0) / 1024.0
}
