//! Creates, and how fast watchers hear of them.

use super::{
    SPAN, ceiling,
    client::{Conn, get, post},
    cluster::Cluster,
    figure,
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const WATCHERS: usize = 1000;
/// Where they are created.
pub const PATH: &str = "/api/v1/namespaces/default/configmaps";

fn config_map(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
        "data": {"text": "x".repeat(2700)}})
    .to_string()
}

/// Creates ConfigMaps of about 3 KB with one client and with 32, durably and in memory.
pub async fn create() {
    for (place, flags) in [("durable", &[][..]), ("in memory", &["--in-memory"][..])] {
        let cluster = Cluster::start(flags).await;
        for clients in [1, 32] {
            let rate = creators(&cluster, clients, &format!("c{clients}")).await;
            let mut conn = Conn::open(cluster.port).await;
            let path = format!("{PATH}/c{clients}-0-0");
            let (_, stored) = conn.send(&get(&path, &cluster.token)).await;
            let value = String::from_utf8(stored).expect("text");
            let folder = tempfile::tempdir().expect("a folder");
            let folder = (place == "durable").then_some(folder.path());
            let bare = ceiling::sqlite(&value, clients, SPAN, folder);
            figure(&format!("CREATE, {place}, {clients} client(s)"), rate, "/s", bare);
        }
    }
}

/// Creates per second with so many clients.
pub async fn creators(cluster: &Cluster, clients: usize, prefix: &str) -> f64 {
    let began = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|c| {
            let (port, token, prefix) = (cluster.port, cluster.token.clone(), prefix.to_owned());
            tokio::spawn(async move {
                let mut conn = Conn::open(port).await;
                let mut done = 0u64;
                while began.elapsed() < SPAN {
                    let body = config_map(&format!("{prefix}-{c}-{done}"));
                    let (code, body) = conn.send(&post(PATH, &token, &body)).await;
                    assert_eq!(code, 201, "{}", String::from_utf8_lossy(&body));
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut total = 0;
    for task in tasks {
        total += task.await.expect("a client");
    }
    total as f64 / began.elapsed().as_secs_f64()
}

/// Creates pods (16 clients) and waits until all have started.
pub async fn fill_with_pods(cluster: &Cluster, count: usize) {
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (port, token, next) = (cluster.port, cluster.token.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut conn = Conn::open(port).await;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count as u64 {
                        return;
                    }
                    let pod = json!({"apiVersion": "v1", "kind": "Pod",
                        "metadata": {"name": format!("pod-{n}"), "labels": {"app": "bench"}},
                        "spec": {"containers": [{"name": "web",
                            "image": "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}});
                    let path = "/api/v1/namespaces/default/pods";
                    let (code, body) = conn.send(&post(path, &token, &pod.to_string())).await;
                    assert_eq!(code, 201, "{}", String::from_utf8_lossy(&body));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a client");
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    figure("CREATE pods, in memory, 16 clients", rate, "/s", 0.0);
    let path = "/api/v1/namespaces/default/pods?fieldSelector=status.phase!%3DRunning&limit=1";
    let mut conn = Conn::open(cluster.port).await;
    while began.elapsed() < Duration::from_secs(120) {
        let (_, body) = conn.send(&get(path, &cluster.token)).await;
        if String::from_utf8_lossy(&body).trim_end().ends_with("\"items\":[]}") {
            figure("5,000 pods all Running after", began.elapsed().as_secs_f64(), "s", 0.0);
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("not all pods were Running after two minutes");
}

/// Latency from sending a create to a watcher having its event, over 1,000 watchers.
pub async fn watch() {
    let cluster = Cluster::start(&["--in-memory"]).await;
    let began = Instant::now();
    let (report, mut latencies) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..WATCHERS {
        let mut conn = Conn::open(cluster.port).await;
        let request = get(&format!("{PATH}?watch=true&timeoutSeconds=120"), &cluster.token);
        let report = report.clone();
        tokio::spawn(async move {
            let mut seen = 0u64;
            conn.stream_until(&request, Duration::from_secs(120), |text| {
                while text.contains(&format!("\"name\":\"w-{seen}\"")) {
                    // A receiver that is gone has heard enough.
                    let _ = report.send((seen, began.elapsed()));
                    seen += 1;
                }
                None::<()>
            })
            .await;
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (mut conn, mut sent, mut all) = (Conn::open(cluster.port).await, Vec::new(), Vec::new());
    for n in 0..40 {
        sent.push(began.elapsed());
        let body = config_map(&format!("w-{n}"));
        let (code, _) = conn.send(&post(PATH, &cluster.token, &body)).await;
        assert_eq!(code, 201);
        let limit = Instant::now() + Duration::from_millis(300);
        let mut heard = 0;
        while heard < WATCHERS && Instant::now() < limit {
            let next = tokio::time::timeout(Duration::from_millis(300), latencies.recv()).await;
            let Ok(Some((k, at))) = next else { break };
            heard += 1;
            all.push((at - sent[k as usize]).as_secs_f64() * 1e3);
        }
    }
    all.sort_by(f64::total_cmp);
    let at = |q: f64| all.get((all.len() as f64 * q) as usize).copied().unwrap_or(f64::NAN);
    figure("watch delivery to 1,000 watchers, p50", at(0.5), "ms", 0.0);
    figure("watch delivery to 1,000 watchers, p99", at(0.99), "ms", 0.0);
    figure("watch events delivered", all.len() as f64, "", (40 * WATCHERS) as f64);
}
