//! Definitions until they are established, custom resources next to ConfigMaps of the same bytes, and
//! the same with a rule and with a webhook; lists in protobuf next to JSON; the drop-in for envtest.
//! Each row says whether its aim is held.

use super::{
    SPAN,
    aims::Aims,
    client::{Conn, get, hammer, post},
    cluster::Cluster,
    figure,
    support::hook::Hook,
    writes,
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
    let mut aims = Aims::default();
    definitions(&mut aims).await;
    lists(&mut aims).await;
    super::suites::suites(&mut aims).await;
    aims.end();
}

/// 200 definitions, and the objects of some.
async fn definitions(aims: &mut Aims) {
    let cluster = Cluster::start(&["--in-memory"]).await;
    cluster.quiet().await;
    let before = cluster.resident_mb();
    let mut conn = Conn::open(cluster.port).await;
    let began = Instant::now();
    for n in 0..DEFINITIONS {
        let body = definition(&format!("things{n}"), None).to_string();
        let (code, body) = conn.send(&post(PATH, &cluster.token, &body)).await;
        assert_eq!(code, 201, "{}", String::from_utf8_lossy(&body));
    }
    established(&mut conn, &cluster, DEFINITIONS).await;
    let took = began.elapsed().as_secs_f64();
    aims.at_most("200 definitions Established", took, "s", 1.0);
    let more = cluster.resident_mb() - before;
    aims.at_most("200 definitions: resident more", more, "MB", 40.0);
    one_more(aims, &mut conn, &cluster).await;

    let rule = Some("self.text.size() > 0 && self.text.startsWith('x')");
    for (plural, rule) in [("ruled", rule), ("hooked", None)] {
        let body = definition(plural, rule).to_string();
        assert_eq!(conn.send(&post(PATH, &cluster.token, &body)).await.0, 201);
    }
    established(&mut conn, &cluster, DEFINITIONS + 3).await;
    let hook = judge(&mut conn, &cluster).await;
    objects(aims, &cluster).await;
    drop(hook);
}

/// What discovery and the documents cost when one of many definitions is new.
async fn one_more(aims: &mut Aims, conn: &mut Conn, cluster: &Cluster) {
    let documents = [
        "/openapi/v2",
        "/openapi/v3",
        "/openapi/v3/apis/bench.example.com/v1",
        "/apis/bench.example.com/v1",
    ];
    for path in documents {
        assert_eq!(conn.send(&get(path, &cluster.token)).await.0, 200);
    }
    let body = definition("late", None).to_string();
    assert_eq!(conn.send(&post(PATH, &cluster.token, &body)).await.0, 201);
    established(conn, cluster, DEFINITIONS + 1).await;
    for (path, most) in documents.into_iter().zip([250.0, 25.0, 100.0, 25.0]) {
        let began = Instant::now();
        assert_eq!(conn.send(&get(path, &cluster.token)).await.0, 200);
        let took = began.elapsed().as_secs_f64() * 1e3;
        aims.at_most(&format!("after one more: {path}"), took, "ms", most);
    }
}

/// Registers a webhook on loopback that is asked about the `hooked`.
async fn judge(conn: &mut Conn, cluster: &Cluster) -> Hook {
    let hook = Hook::serve(&["127.0.0.1"], |_, question| {
        let uid = &question["request"]["uid"];
        (
            200,
            json!({"kind": "AdmissionReview", "apiVersion": question["apiVersion"],
            "response": {"uid": uid, "allowed": true}}),
        )
    })
    .await;
    let configuration = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "judge"}, "webhooks": [{
            "name": "judge.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": format!("https://127.0.0.1:{}/", hook.port),
                "caBundle": hook.bundle},
            "rules": [{"operations": ["CREATE"], "apiGroups": ["bench.example.com"],
                "apiVersions": ["v1"], "resources": ["hooked"]}]}]});
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let body = configuration.to_string();
    assert_eq!(conn.send(&post(path, &cluster.token, &body)).await.0, 201);
    hook
}

/// Objects of custom kinds next to ConfigMaps.
async fn objects(aims: &mut Aims, cluster: &Cluster) {
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
    let at = |plural: &str| format!("/apis/bench.example.com/v1/namespaces/default/{plural}");
    let maps: Vec<String> = (0..OBJECTS).map(|n| map(n).to_string()).collect();
    let bare = fill(cluster, MAPS, maps).await;
    figure("CREATE 5,000 ConfigMaps, 16 clients", bare, "/s", 0.0);
    for (name, plural, aim) in [
        ("custom resources", "things0", 0.7),
        ("custom resources with a rule", "ruled", 0.6),
        ("custom resources with a webhook", "hooked", 0.1),
    ] {
        let bodies: Vec<String> = (0..OBJECTS).map(|n| own(plural, n).to_string()).collect();
        let rate = fill(cluster, &at(plural), bodies).await;
        aims.at_least(&format!("CREATE 5,000 {name}, of maps"), rate / bare, "", aim);
    }
    let list = |path: &str| get(&format!("{path}?resourceVersion=0"), &cluster.token);
    let bare = hammer(cluster.port, &list(MAPS), 2, SPAN).await;
    let rate = hammer(cluster.port, &list(&at("things0")), 2, SPAN).await;
    aims.at_least("LIST 5,000 custom resources, of maps", rate / bare, "", 0.7);
}

/// A list of pods in protobuf next to the same in JSON.
async fn lists(aims: &mut Aims) {
    let cluster = Cluster::start(&["--in-memory", "--instant", "--nodes", "20"]).await;
    writes::fill_with_pods(&cluster, OBJECTS).await;
    cluster.quiet().await;
    let path = "/api/v1/namespaces/default/pods?resourceVersion=0";
    let json = get(path, &cluster.token);
    let binary = String::from_utf8_lossy(&json)
        .replacen("\r\n", "\r\nAccept: application/vnd.kubernetes.protobuf\r\n", 1)
        .into_bytes();
    let mut rates = [0.0; 2];
    for (rate, request) in rates.iter_mut().zip([&json, &binary]) {
        // What is kept with the objects is made by the first.
        assert_eq!(Conn::open(cluster.port).await.send(request).await.0, 200);
        *rate = hammer(cluster.port, request, 2, SPAN).await;
    }
    figure("LIST 5,000 pods in JSON", 2e3 / rates[0], "ms", 0.0);
    figure("LIST 5,000 pods in protobuf", 2e3 / rates[1], "ms", 0.0);
    aims.at_most("LIST 5,000 pods in protobuf, of JSON", rates[0] / rates[1], "", 1.0);
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
