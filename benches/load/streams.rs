//! Sessions and logs: many commands at once, and many who follow one log.

use super::{
    SPAN,
    client::{Conn, get, post},
    cluster::Cluster,
    figure,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SESSIONS: usize = 200;
const FOLLOWERS: usize = 50;
const LINES: usize = 20_000;
const PODS: &str = "/api/v1/namespaces/default/pods";

/// A cluster with one running pod of one container.
async fn cluster(container: Value) -> Cluster {
    let cluster = Cluster::start(&["--in-memory", "--instant"]).await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [container]}});
    let mut conn = Conn::open(cluster.port).await;
    let (code, _) = conn.send(&post(PODS, &cluster.token, &pod.to_string())).await;
    assert_eq!(code, 201);
    let began = Instant::now();
    loop {
        let (_, body) = conn.send(&get(&format!("{PODS}/p"), &cluster.token)).await;
        let pod: Value = serde_json::from_slice(&body).expect("a pod");
        if pod["status"]["phase"] == "Running" {
            return cluster;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "it does not run: {pod}");
    }
}

/// The upgrade to a session over WebSocket.
fn upgrade(cluster: &Cluster, path: &str) -> Vec<u8> {
    let token = &cluster.token;
    format!("GET {PODS}/p/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n")
        .into_bytes()
}

/// A client's message: standard input.
fn input(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len() + 1).expect("a short message");
    let mut frame = vec![0x82, 0x80 | 126];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[0; 5]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// Sessions that stay open, all at once: how long until each has echoed a line, and how many
/// lines they echo from then on.
pub async fn exec() {
    let image = "registry.access.redhat.com/ubi9/nginx-120:1-86";
    let cluster = cluster(json!({"name": "c", "image": image})).await;
    let idle = cluster.resident_mb();
    let request = upgrade(&cluster, "exec?command=cat&stdin=true&stdout=true");
    let (line, echo) = (input("hello\n"), b"\x01hello\n");
    let began = Instant::now();
    let opened = join_all((0..SESSIONS).map(|_| async {
        let mut conn = Conn::open(cluster.port).await;
        conn.say(&request).await;
        conn.hear(b"\r\n\r\n").await;
        conn.say(&line).await;
        conn.hear(echo).await;
        conn
    }))
    .await;
    let name = format!("{SESSIONS} exec sessions opened, each echoed a line");
    figure(&name, began.elapsed().as_secs_f64() * 1e3, "ms", 0.0);
    figure(
        "one open exec session",
        (cluster.resident_mb() - idle) * 1e3 / SESSIONS as f64,
        "KB",
        0.0,
    );
    let began = Instant::now();
    let echoed = join_all(opened.into_iter().map(|mut conn| {
        let line = line.clone();
        async move {
            let mut done = 0_u64;
            while began.elapsed() < SPAN {
                conn.say(&line).await;
                conn.hear(echo).await;
                done += 1;
            }
            done
        }
    }))
    .await;
    let rate = echoed.iter().sum::<u64>() as f64 / began.elapsed().as_secs_f64();
    figure(&format!("lines echoed by {SESSIONS} exec sessions"), rate, "/s", 0.0);
}

/// One shell writes lines as fast as it can, and all followers read on to the last of them.
pub async fn logs() {
    let image = "registry.access.redhat.com/ubi9/ubi";
    let shell = json!({"name": "c", "image": image, "command": ["sh"], "stdin": true});
    let cluster = cluster(shell).await;
    let mut attached = Conn::open(cluster.port).await;
    attached.say(&upgrade(&cluster, "attach?stdin=true")).await;
    attached.hear(b"\r\n\r\n").await;
    let follow = get(&format!("{PODS}/p/log?follow=true"), &cluster.token);
    let mut followers = Vec::new();
    for _ in 0..FOLLOWERS {
        let mut conn = Conn::open(cluster.port).await;
        conn.say(&follow).await;
        conn.hear(b"\r\n\r\n").await;
        followers.push(conn);
    }
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do echo a line of a log with the number $i; i=$((i+1)); done; echo over\n"
    );
    let began = Instant::now();
    attached.say(&input(&script)).await;
    join_all(followers.iter_mut().map(|f| f.hear(b"over\n"))).await;
    let rate = LINES as f64 / began.elapsed().as_secs_f64();
    figure(&format!("log lines a second, each to {FOLLOWERS} followers"), rate, "/s", 0.0);
}
