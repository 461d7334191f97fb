//! Traffic that wakes, and traffic that is not let through. Numbers are those of the cases of the
//! reference.

use crate::{
    routes::{NS, Shop},
    support::{Wire, eventually, lab::get, lab::send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

/// What `oc idle` does to a service and its workload.
async fn idle(shop: &Shop, name: &str, replicas: u32) {
    let targets = json!([{"kind": "Deployment", "name": name, "group": "apps",
        "replicas": replicas}]);
    let marks = json!({"metadata": {"annotations": {
        "idling.alpha.openshift.io/idled-at": "2026-01-01T00:00:00Z",
        "idling.alpha.openshift.io/unidle-targets": targets.to_string()}}});
    let client = &shop.lab.client;
    let service = format!("/api/v1/namespaces/{NS}/services/{name}");
    send(client, "PATCH", &service, "", Some(&marks)).await.expect(200);
    let scale = format!("/apis/apps/v1/namespaces/{NS}/deployments/{name}/scale");
    send(client, "PATCH", &scale, "", Some(&json!({"spec": {"replicas": 0}}))).await.expect(200);
    eventually("nobody answers", || async {
        let path = format!("/apis/discovery.k8s.io/v1/namespaces/{NS}/endpointslices");
        let found = get(client, &path).await.json();
        let slices = found.list_at("items").iter();
        let left = slices.filter(|s| s.label("kubernetes.io/service-name") == Some(name));
        let left: usize = left.map(|s| s.list_at("endpoints").len()).sum();
        if left == 0 { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

/// 131: and the request that wakes is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_wakes_what_sleeps() {
    let shop = Shop::open().await;
    shop.app("web", 2).await;
    let host =
        shop.route("web", json!({}), json!({"to": {"kind": "Service", "name": "web"}})).await;
    assert_eq!(shop.get(&host, "/").await.code, 200);
    idle(&shop, "web", 2).await;
    assert_eq!(shop.get(&host, "/").await.code, 200);
    let client = &shop.lab.client;
    let path = format!("/apis/apps/v1/namespaces/{NS}/deployments/web");
    assert_eq!(get(client, &path).await.json().i64_at("spec.replicas"), Some(2));
    let service = get(client, &format!("/api/v1/namespaces/{NS}/services/web")).await.json();
    assert!(service.at("metadata.annotations").is_none(), "{service}");
    let events = get(client, &format!("/api/v1/namespaces/{NS}/events")).await.json();
    let told = events.list_at("items").iter().find(|e| e["reason"] == "NeedPods");
    let told = told.expect("an event");
    assert_eq!(told["message"], "The service web needs pods");
    assert_eq!(told["involvedObject"]["kind"], "Service");
    shop.lab.stop().await;
}

/// 133.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_keep_the_router_out_unless_they_name_it() {
    let shop = Shop::open().await;
    shop.app("web", 1).await;
    let host =
        shop.route("web", json!({}), json!({"to": {"kind": "Service", "name": "web"}})).await;
    let policy = |name: &str, spec: Value| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": name}, "spec": spec})
    };
    assert_eq!(shop.get(&host, "/").await.code, 200);
    let group = "/apis/networking.k8s.io/v1";
    let none = policy("none", json!({"podSelector": {}, "policyTypes": ["Ingress"]}));
    shop.put(group, "networkpolicies", &none).await;
    // Nobody takes the connection.
    assert_eq!(shop.get(&host, "/").await.code, 503);
    let from = json!([{"namespaceSelector":
        {"matchLabels": {"network.openshift.io/policy-group": "ingress"}}}]);
    let router = policy("router", json!({"podSelector": {}, "ingress": [{"from": from}]}));
    shop.put(group, "networkpolicies", &router).await;
    assert_eq!(shop.get(&host, "/").await.code, 200);
    shop.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_load() {
    let shop = Shop::open().await;
    shop.app("web", 1).await;
    let host =
        shop.route("web", json!({}), json!({"to": {"kind": "Service", "name": "web"}})).await;
    let admin = Wire::to(&shop.lab).as_admin(&shop.lab);
    let pass = async |query: &str| {
        let path = format!("/time?{query}");
        admin.send("POST", &path, &[], Vec::new()).await.expect(200);
    };
    pass("by=20s").await;
    for _ in 0..60 {
        assert_eq!(shop.get(&host, "/").await.code, 200);
    }
    pass("by=16s").await;
    let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{NS}/pods");
    let used = get(&shop.lab.client, &path).await.expect(200);
    // Sixty times two thousandths in a quarter of a minute, and one for being there.
    assert_eq!(used["items"][0]["containers"][0]["usage"]["cpu"], "9000000n", "{used}");
    pass("by=60s").await;
    let idle = get(&shop.lab.client, &path).await.expect(200);
    assert_eq!(idle["items"][0]["containers"][0]["usage"]["cpu"], "1000000n", "{idle}");
    shop.lab.stop().await;
}

/// What an annotation allows each address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_come_as_often_as_they_may() {
    let shop = Shop::open().await;
    shop.app("web", 1).await;
    let limit = "haproxy.router.openshift.io/rate-limit-connections";
    let limits = json!({limit: "true", format!("{limit}.rate-http"): "3"});
    let host = shop.route("web", limits, json!({"to": {"kind": "Service", "name": "web"}})).await;
    for _ in 0..3 {
        assert_eq!(shop.get(&host, "/").await.code, 200);
    }
    assert!(shop.http(&host, "/", &[]).await.is_none());
    shop.lab.stop().await;
}

/// 125: a pod that takes longer than its route waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_pods_are_not_waited_for() {
    let shop = Shop::open().await;
    let labels = json!({"app": "slow"});
    let slow = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "slow", "labels": labels}, "spec": {"containers": [{"name": "c",
            "image": "registry.k8s.io/e2e-test-images/agnhost:2.53",
            "args": ["netexec", "--http-port=8080"]}]}});
    shop.put("/api/v1", "pods", &slow).await;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "slow"},
        "spec": {"selector": labels, "ports": [{"port": 8080}]}});
    shop.put("/api/v1", "services", &service).await;
    let waits = json!({"haproxy.router.openshift.io/timeout": "1s"});
    let host = shop.route("slow", waits, json!({"to": {"kind": "Service", "name": "slow"}})).await;
    eventually("the pod answers", || async {
        let reply = shop.get(&host, "/hostname").await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    assert_eq!(shop.get(&host, "/shell?cmd=sleep%2030").await.code, 504);
    shop.lab.stop().await;
}
