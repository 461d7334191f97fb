//! A load bench: starts the server as a user would and prints each figure beside its physical
//! ceiling, measured in the same run. `cargo bench` runs all of it, `cargo bench -- get list` some,
//! `cargo bench -- aims` what is aimed at, with a line for each that says held or not, and
//! `cargo bench -- quick` the same in two minutes, with less of everything.
//!
//! The ceilings: for reads, the same web framework with TLS serving the same bytes from memory;
//! for writes, bare SQLite writing the same bytes with the same sync setting in batches of the same
//! size. Loops are bounded in time; everything stays on loopback.

mod aims;
mod ceiling;
mod client;
mod cluster;
mod clusters;
mod customs;
mod days;
mod etcd;
mod imports;
mod routes;
mod streams;
mod suites;
#[allow(dead_code, reason = "shared with the integration tests, which use all of it")]
mod support;
mod triggers;
mod writes;

use client::{Conn, get, hammer};
use cluster::Cluster;
use std::time::{Duration, Instant};

/// The program's own: what is measured in this process is measured as there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a throughput figure is measured.
const SPAN: Duration = Duration::from_secs(3);
/// Connections of a read load.
const READERS: usize = 8;
const PODS: usize = 5000;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!("{:<46} {:>14} {:>14} {:>7}", "figure", "measured", "ceiling", "ratio");
        if runs("start") {
            start().await;
        }
        if runs("create") {
            writes::create().await;
        }
        if runs("get") || runs("list") {
            reads().await;
        }
        if runs("watch") {
            writes::watch().await;
        }
        if runs("exec") {
            streams::exec().await;
        }
        if runs("logs") {
            streams::logs().await;
        }
        if runs("customs") {
            customs::customs().await;
        }
        if runs("deployment") {
            deployment().await;
        }
        if runs("triggers") {
            triggers::fan_out().await;
        }
        if runs("clusters") {
            clusters::all().await;
        }
        if runs("etcd") {
            etcd::all().await;
        }
        if runs("day") {
            days::day().await;
        }
        if runs("router") {
            routes::forward().await;
        }
        if runs("import") {
            imports::import().await;
        }
        if runs("aims") {
            aims::all(&aims::FULL).await;
        }
        if wanted.iter().any(|w| w == "quick") {
            aims::all(&aims::QUICK).await;
        }
    });
}

/// Prints one line. A ceiling of 0 means there is none.
fn figure(name: &str, measured: f64, unit: &str, ceiling: f64) {
    let ratio =
        if ceiling > 0.0 { format!("{:.0}%", measured / ceiling * 100.0) } else { "".into() };
    let ceiling = if ceiling > 0.0 { format!("{ceiling:.0} {unit}") } else { "".into() };
    let measured = format!("{measured:.1} {unit}");
    println!("{name:<46} {measured:>14} {ceiling:>14} {ratio:>7}");
}

async fn start() {
    for (name, flags) in
        [("start, empty folder", &["--instant"][..]), ("start, in memory", &["--in-memory"][..])]
    {
        let mut times = Vec::new();
        let mut idle = 0.0;
        for _ in 0..5 {
            let began = Instant::now();
            let cluster = Cluster::start(flags).await;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            idle = cluster.resident_mb();
        }
        times.sort_by(f64::total_cmp);
        figure(&format!("{name} to ready (median of 5)"), times[2], "ms", 0.0);
        figure(&format!("{name}: resident when idle"), idle, "MB", 0.0);
    }
}

async fn reads() {
    let cluster = Cluster::start(&["--in-memory", "--instant", "--nodes", "20"]).await;
    writes::fill_with_pods(&cluster, PODS).await;
    figure(&format!("resident with {PODS} pods"), cluster.resident_mb(), "MB", 0.0);
    let one = "/api/v1/namespaces/default/pods/pod-0";
    let many = "/api/v1/namespaces/default/pods?resourceVersion=0";
    for (name, path, connections) in [("GET one pod", one, READERS), ("LIST 5,000 pods", many, 2)] {
        // A connection of its own: an idle one would have been closed meanwhile.
        let mut conn = Conn::open(cluster.port).await;
        let (code, body) = conn.send(&get(path, &cluster.token)).await;
        assert_eq!(code, 200, "{path}");
        let served = hammer(cluster.port, &get(path, &cluster.token), connections, SPAN).await;
        let bare = ceiling::server(body).await;
        let ceiling = hammer(bare, &get("/", ""), connections, SPAN).await;
        figure(&format!("{name}, {connections} connections"), served, "/s", ceiling);
        if name.starts_with("LIST") {
            figure("LIST 5,000 pods, one request", 1e3 * connections as f64 / served, "ms", 0.0);
        }
    }
}

/// From the create to the status that says all are ready.
async fn deployment() {
    let cluster = Cluster::start(&["--in-memory", "--instant", "--nodes", "5"]).await;
    let mut conn = Conn::open(cluster.port).await;
    let body = serde_json::json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "big"}, "spec": {"replicas": 1000,
        "selector": {"matchLabels": {"app": "big"}},
        "template": {"metadata": {"labels": {"app": "big"}}, "spec": {"containers": [
            {"name": "web", "image": "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}}}});
    let path = "/apis/apps/v1/namespaces/default/deployments";
    let began = Instant::now();
    let (code, _) = conn.send(&client::post(path, &cluster.token, &body.to_string())).await;
    assert_eq!(code, 201);
    let watch = format!("{path}?watch=true&fieldSelector=metadata.name%3Dbig&timeoutSeconds=60");
    let took = conn
        .stream_until(&get(&watch, &cluster.token), Duration::from_secs(60), |line| {
            line.contains("\"readyReplicas\":1000").then(|| began.elapsed())
        })
        .await;
    match took {
        Some(took) => figure("1,000-replica Deployment to Ready", took.as_secs_f64(), "s", 0.0),
        None => println!("1,000-replica Deployment: not Ready within a minute"),
    }
}
