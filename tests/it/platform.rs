//! What `oc adm` looks at, and what the cluster gives those who ask: node logs, operators, machines,
//! certificates for services, load.

use crate::support::{
    Lab, eventually,
    lab::{get, send},
};
use pocketshift::object::ObjectExt;
use serde_json::json;

const NS: &str = "platform";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nodes_journal_says_what_it_has_done() {
    let lab = Lab::start().await;
    lab.namespace("logs").await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "nodeName": "worker01",
        "containers": [{"name": "c", "image": "registry.access.redhat.com/ubi9/httpd-24"}]}});
    send(&lab.client, "POST", "/api/v1/namespaces/logs/pods", "", Some(&pod)).await.expect(201);
    let logs = "/api/v1/nodes/worker01/proxy/logs";
    let journal =
        format!("{logs}/journal?unit=kubelet&query=kubelet&grep=SyncLoop&pattern=SyncLoop");
    let text = eventually("the container starts", || async {
        let text = get(&lab.client, &journal).await.text();
        if text.contains("ContainerStarted") { Ok(text) } else { Err(text) }
    })
    .await;
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("worker01 kubenswrapper["), "{first}");
    assert!(first.ends_with("\"SyncLoop ADD\" source=\"api\" pods=[\"logs/p\"]"), "{first}");
    let other = get(&lab.client, &format!("{logs}/journal?unit=sshd&query=sshd")).await.text();
    assert_eq!(other, "\nlog not found for sshd\n");
    let wrong = get(&lab.client, &format!("{logs}/journal?since=soon")).await;
    assert_eq!(wrong.code, 400);
    let top = get(&lab.client, &format!("{logs}/")).await.text();
    assert!(top.starts_with("<!doctype html>") && top.contains("href=\"pods/\""), "{top}");
    let pods = get(&lab.client, &format!("{logs}/pods/")).await.text();
    let folder = pods.split('"').find(|p| p.starts_with("logs_p_")).expect("a folder");
    let kept = get(&lab.client, &format!("{logs}/pods/{folder}c/0.log")).await;
    assert_eq!(kept.code, 200);
    let kept = kept.text();
    assert!(kept.lines().all(|l| l.contains(" stdout F ")), "{kept}");
    assert_eq!(get(&lab.client, &format!("{logs}/pods/none/")).await.code, 404);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_available_and_machines_are_counted() {
    let lab = Lab::start().await;
    let operators = "/apis/config.openshift.io/v1/clusteroperators";
    let found = get(&lab.client, operators).await.expect(200);
    assert!(found.list_at("items").len() > 10);
    for operator in found.list_at("items") {
        let available = operator.condition("Available").expect("a condition");
        assert_eq!(available["status"], "True", "{operator}");
        assert_eq!(operator["status"]["versions"][0]["version"], "4.23.0");
    }
    let pools = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools";
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    eventually("the machines are ready", || async {
        let found = send(&lab.client, "GET", pools, table, None).await.json();
        let row = |i: usize| found["rows"][i]["cells"].as_array().cloned().unwrap_or_default();
        let counts: Vec<_> = [0, 1].map(|i| row(i).get(5..8).map(<[_]>::to_vec)).into();
        let wanted = [Some(vec![json!(1); 3]), Some(vec![json!(2); 3])];
        if counts == wanted { Ok(()) } else { Err(found["rows"].to_string()) }
    })
    .await;
    lab.stop().await;
}

/// A re-encrypt route whose pod shows what its service asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_get_the_certificates_they_ask_for() {
    let lab = Lab::start().await;
    lab.namespace(NS).await;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web",
        "annotations": {"service.beta.openshift.io/serving-cert-secret-name": "certs"}},
        "spec": {"ports": [{"port": 443}]}});
    let core = |plural: &str| format!("/api/v1/namespaces/{NS}/{plural}");
    send(&lab.client, "POST", &core("services"), "", Some(&service)).await.expect(201);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca",
        "annotations": {"service.beta.openshift.io/inject-cabundle": "true"}}});
    send(&lab.client, "POST", &core("configmaps"), "", Some(&map)).await.expect(201);
    eventually("the secret and the authority", || async {
        let secret = get(&lab.client, &core("secrets/certs")).await.json();
        let ca = get(&lab.client, &core("configmaps/ca")).await.json();
        let there = secret["type"] == "kubernetes.io/tls"
            && ca["data"]["service-ca.crt"].as_str().is_some_and(|t| t.starts_with("-----BEGIN"));
        if there { Ok(()) } else { Err(format!("{secret} {ca}")) }
    })
    .await;
    let service = get(&lab.client, &core("services/web")).await.expect(200);
    assert!(service.annotation("service.beta.openshift.io/serving-cert-signed-by").is_some());
    lab.stop().await;
}
