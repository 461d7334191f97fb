//! Requests through the router, to a pod and back, beside the same framework serving the same bytes
//! from memory.

use crate::{
    READERS, SPAN, ceiling,
    client::{Conn, get, hammer, post},
    cluster::Cluster,
    figure,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const HOST: &str = "web.apps.localhost";
/// Longest wait for the first answer.
const PATIENCE: Duration = Duration::from_secs(30);

fn request() -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").into_bytes()
}

async fn make(conn: &mut Conn, token: &str, path: &str, object: Value) {
    let (code, body) = conn.send(&post(path, token, &object.to_string())).await;
    assert_eq!(code, 201, "{}", String::from_utf8_lossy(&body));
}

/// An application behind an edge route.
async fn application(cluster: &Cluster) {
    let mut conn = Conn::open(cluster.port).await;
    let labels = json!({"app": "web"});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [
            {"name": "web", "image": "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}}}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": labels, "ports": [{"port": 8080}]}});
    let route = json!({"apiVersion": "route.openshift.io/v1", "kind": "Route",
        "metadata": {"name": "web"}, "spec": {"host": HOST,
            "to": {"kind": "Service", "name": "web"}, "tls": {"termination": "edge"}}});
    let core = "/api/v1/namespaces/default/services";
    make(&mut conn, &cluster.token, "/apis/apps/v1/namespaces/default/deployments", deployment)
        .await;
    make(&mut conn, &cluster.token, core, service).await;
    let routes = "/apis/route.openshift.io/v1/namespaces/default/routes";
    make(&mut conn, &cluster.token, routes, route).await;
}

/// Answers per second.
pub async fn forward() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let at = port.to_string();
    let flags =
        ["--in-memory", "--instant", "--router-http-port", "off", "--router-https-port", &at];
    let cluster = Cluster::start(&flags).await;
    application(&cluster).await;
    let began = Instant::now();
    let body = loop {
        let (code, body) = Conn::open(port).await.send(&request()).await;
        if code == 200 {
            break body;
        }
        assert!(began.elapsed() < PATIENCE, "nobody answers behind the route");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let served = hammer(port, &request(), READERS, SPAN).await;
    let bare = ceiling::server(body).await;
    let ceiling = hammer(bare, &get("/", ""), READERS, SPAN).await;
    figure(&format!("GET through the router, {READERS} connections"), served, "/s", ceiling);
}
