//! Definitions until they are established, and custom resources next to ConfigMaps of the same bytes.

use super::{
    SPAN,
    client::{Conn, get, hammer, post},
    cluster::Cluster,
    figure,
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

const DEFINITIONS: usize = 200;
const OBJECTS: usize = 5000;
const CLIENTS: usize = 16;
const PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A definition with as many fields as real ones have, and a rule if wished for.
fn definition(plural: &str, rule: Option<&str>) -> Value {
    let field = |n: usize| (format!("field{n}"), json!({"type": "string", "maxLength": 4096}));
    let mut spec = json!({"type": "object",
        "properties": (0..150).map(field).collect::<serde_json::Map<_, _>>()});
    spec["properties"]["text"] = json!({"type": "string", "maxLength": 4096});
    if let Some(rule) = rule {
        spec["x-kubernetes-validations"] = json!([{"rule": rule}]);
    }
    let kind = format!("K{plural}");
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.bench.example.com")}, "spec": {
            "group": "bench.example.com", "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {
                    "type": "object", "properties": {"spec": spec,
                        "status": {"type": "object",
                            "x-kubernetes-preserve-unknown-fields": true}}}}}]}})
}

/// Waits until as many definitions are established.
async fn established(conn: &mut Conn, cluster: &Cluster, count: usize) {
    let began = Instant::now();
    loop {
        let (_, body) = conn.send(&get(PATH, &cluster.token)).await;
        let list: Value = serde_json::from_slice(&body).expect("a list");
        let is = |d: &&Value| {
            let conditions = d["status"]["conditions"].as_array();
            let mut all = conditions.into_iter().flatten();
            all.any(|c| c["type"] == "Established" && c["status"] == "True")
        };
        if list["items"].as_array().map_or(0, |all| all.iter().filter(is).count()) >= count {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "not established within a minute");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All figures about custom resources.
pub async fn customs() {
    let cluster = Cluster::start(&["--in-memory"]).await;
    let before = cluster.resident_mb();
    let mut conn = Conn::open(cluster.port).await;
    let began = Instant::now();
    for n in 0..DEFINITIONS {
        let body = definition(&format!("things{n}"), None).to_string();
        let (code, body) = conn.send(&post(PATH, &cluster.token, &body)).await;
        assert_eq!(code, 201, "{}", String::from_utf8_lossy(&body));
    }
    established(&mut conn, &cluster, DEFINITIONS).await;
    figure("200 definitions Established", began.elapsed().as_secs_f64() * 1e3, "ms", 0.0);
    figure("200 definitions: resident more", cluster.resident_mb() - before, "MB", 0.0);

    let rule = Some("self.text.size() > 0 && self.text.startsWith('x')");
    let ruled = definition("ruled", rule).to_string();
    assert_eq!(conn.send(&post(PATH, &cluster.token, &ruled)).await.0, 201);
    established(&mut conn, &cluster, DEFINITIONS + 1).await;
    let text = "x".repeat(2700);
    let map = |n: usize| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": format!("m{n}")}, "data": {"text": text}})
    };
    let own = |plural: &str, n: usize| {
        json!({"apiVersion": "bench.example.com/v1",
        "kind": format!("K{plural}"), "metadata": {"name": format!("m{n}")},
        "spec": {"text": text}})
    };
    let maps: Vec<String> = (0..OBJECTS).map(|n| map(n).to_string()).collect();
    let bare = fill(&cluster, MAPS, maps).await;
    figure("CREATE 5,000 ConfigMaps, 16 clients", bare, "/s", 0.0);
    for (name, plural) in [("custom resources", "things0"), ("the same with a rule", "ruled")] {
        let path = format!("/apis/bench.example.com/v1/namespaces/default/{plural}");
        let bodies: Vec<String> = (0..OBJECTS).map(|n| own(plural, n).to_string()).collect();
        let rate = fill(&cluster, &path, bodies).await;
        figure(&format!("CREATE 5,000 {name}, 16 clients"), rate, "/s", bare);
    }
    let list = |path: &str| get(&format!("{path}?resourceVersion=0"), &cluster.token);
    let bare = hammer(cluster.port, &list(MAPS), 2, SPAN).await;
    let own = list("/apis/bench.example.com/v1/namespaces/default/things0");
    let rate = hammer(cluster.port, &own, 2, SPAN).await;
    figure("LIST 5,000 custom resources, 2 connections", rate, "/s", bare);
}

/// Creates objects with many clients; answers how many a second.
async fn fill(cluster: &Cluster, path: &str, bodies: Vec<String>) -> f64 {
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (port, token, path) = (cluster.port, cluster.token.clone(), path.to_owned());
            let (bodies, next) = (Arc::clone(&bodies), Arc::clone(&next));
            tokio::spawn(async move {
                let mut conn = Conn::open(port).await;
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (code, body) = conn.send(&post(&path, &token, body)).await;
                    assert_eq!(code, 201, "{}", String::from_utf8_lossy(&body));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a client");
    }
    bodies.len() as f64 / began.elapsed().as_secs_f64()
}
