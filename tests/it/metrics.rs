//! metrics.k8s.io through the wire. Numbers are those of the cases of the reference.

use crate::support::{
    Lab, eventually,
    lab::{get, send},
};
use pocketshift::object::ObjectExt;
use serde_json::json;

const API: &str = "/apis/metrics.k8s.io/v1beta1";

/// 114: what has just begun has no sample yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_have_samples_and_new_pods_have_none() {
    let lab = Lab::start().await;
    lab.namespace("a").await;
    let nodes = get(&lab.client, &format!("{API}/nodes")).await.expect(200);
    assert_eq!(nodes.list_at("items").len(), 3);
    assert_eq!(nodes["items"][0]["usage"], json!({"cpu": "150000000n", "memory": "1048576Ki"}));
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "image": "registry.access.redhat.com/ubi9/httpd-24"}]}});
    send(&lab.client, "POST", "/api/v1/namespaces/a/pods", "", Some(&pod)).await.expect(201);
    eventually("the pod runs", || async {
        let found = get(&lab.client, "/api/v1/namespaces/a/pods/p").await.json();
        let runs = found.str_at("status.phase") == "Running";
        if runs { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await;
    let missing = get(&lab.client, &format!("{API}/namespaces/a/pods/p")).await.expect(404);
    assert_eq!(missing["message"], "podmetrics.metrics.k8s.io \"a/p\" not found");
    let all = get(&lab.client, &format!("{API}/pods")).await.expect(200);
    assert!(all.list_at("items").is_empty());
    let wrong = send(&lab.client, "DELETE", &format!("{API}/nodes/worker01"), "", None).await;
    assert_eq!(wrong.code, 405);
    lab.stop().await;
}
