//! One image stream tag that many Deployments follow: from moving it to all of them having the new
//! image, while their rollouts run.

use super::{
    SPAN, ceiling,
    client::{Conn, get, patch, post},
    cluster::Cluster,
    figure,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DEPLOYMENTS: usize = 1000;
/// Connections that make the Deployments and look at them.
const CLIENTS: usize = 8;
const PATH: &str = "/apis/apps/v1/namespaces/default/deployments";
const STREAMS: &str = "/apis/image.openshift.io/v1/namespaces/default/imagestreams";
const IMAGE: &str = "registry.access.redhat.com/ubi9/nginx-120";

fn stream(version: &str) -> String {
    let from = json!({"kind": "DockerImage", "name": format!("{IMAGE}:{version}")});
    json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
        "metadata": {"name": "web"},
        "spec": {"tags": [{"name": "live", "reference": true, "from": from}]}})
    .to_string()
}

fn deployment(n: usize, replicas: usize) -> String {
    let name = format!("web-{n}");
    let triggers = json!([{"from": {"kind": "ImageStreamTag", "name": "web:live"},
        "fieldPath": "spec.template.spec.containers[?(@.name==\"web\")].image"}]);
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name,
            "annotations": {"image.openshift.io/triggers": triggers.to_string()}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": format!("{IMAGE}:1-85")}]}}}})
    .to_string()
}

/// Moves the tag under 1,000 Deployments, with and without pods, durably and in memory.
pub async fn fan_out() {
    for (place, flags) in
        [("durable", &["--instant"][..]), ("in memory", &["--instant", "--in-memory"])]
    {
        for replicas in [0, 1] {
            let cluster = Cluster::start(flags).await;
            let mut conn = Conn::open(cluster.port).await;
            let (code, body) = conn.send(&post(STREAMS, &cluster.token, &stream("1-85"))).await;
            assert_eq!(code, 201, "{}", String::from_utf8_lossy(&body));
            on_all(
                &cluster,
                move |n, token| post(PATH, token, &deployment(n, replicas)),
                |code, _| {
                    assert_eq!(code, 201);
                    true
                },
            )
            .await;
            let settled = move |code: u16, body: &Value| {
                let status = &body["status"];
                let ready = status["availableReplicas"].as_u64().unwrap_or(0) as usize;
                code == 200 && ready == replicas && !status["observedGeneration"].is_null()
            };
            let look = |n: usize, token: &str| get(&format!("{PATH}/web-{n}"), token);
            on_all(&cluster, look, settled).await;

            // An idle connection would have been closed meanwhile.
            let mut conn = Conn::open(cluster.port).await;
            let began = Instant::now();
            let move_it = patch(&format!("{STREAMS}/web"), &cluster.token, &stream("1-86"));
            assert_eq!(conn.send(&move_it).await.0, 200);
            let moved = format!("{IMAGE}:1-86");
            on_all(&cluster, look, move |_, body| {
                body["spec"]["template"]["spec"]["containers"][0]["image"] == moved.as_str()
            })
            .await;
            let took = began.elapsed().as_secs_f64() * 1e3;
            let (_, body) = conn.send(&look(0, &cluster.token)).await;
            let folder = tempfile::tempdir().expect("a folder");
            let folder = (place == "durable").then_some(folder.path());
            let bare = ceiling::sqlite(&String::from_utf8_lossy(&body), 16, SPAN, folder);
            let name = format!("tag on 1,000 Deployments, {replicas} pod(s), {place}");
            figure(&name, took, "ms", 1e3 * DEPLOYMENTS as f64 / bare);
        }
    }
}

/// Sends a request for every Deployment, again and again until its answer is `done`.
async fn on_all(
    cluster: &Cluster,
    request: impl Fn(usize, &str) -> Vec<u8> + Copy + Send + 'static,
    done: impl Fn(u16, &Value) -> bool + Clone + Send + 'static,
) {
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (port, token, done) = (cluster.port, cluster.token.clone(), done.clone());
            tokio::spawn(async move {
                let mut conn = Conn::open(port).await;
                for n in (client..DEPLOYMENTS).step_by(CLIENTS) {
                    let limit = Instant::now() + Duration::from_secs(60);
                    loop {
                        let (code, body) = conn.send(&request(n, &token)).await;
                        let body = serde_json::from_slice(&body).unwrap_or_default();
                        if done(code, &body) {
                            break;
                        }
                        assert!(Instant::now() < limit, "web-{n} stays {body}");
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a client");
    }
}
