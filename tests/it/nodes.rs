//! Nodes through the wire: what is cut off when one fails, and pods that make room for others.

use crate::support::{
    BOUND, Lab, Wire, eventually,
    lab::{builder, get, open, send},
    wait,
};
use futures_util::StreamExt;
use http_body_util::BodyStream;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::AttachParams};
use pocketshift::{kinds, object::ObjectExt};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, time::timeout};

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120:1-86";
const PODS: &str = "/api/v1/namespaces/nodes/pods";

async fn start() -> Lab {
    let lab = Lab::of(builder().nodes(1)).await;
    lab.namespace("nodes").await;
    lab
}

async fn create(lab: &Lab, name: &str, spec: Value) {
    let body = json!({"metadata": {"name": name}, "spec": spec});
    send(&lab.client, "POST", PODS, "", Some(&body)).await.expect(201);
}

async fn until(lab: &Lab, name: &str, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let pods = lab.objects(kinds::by_resource("pods").expect("a kind"), "nodes");
    wait::object(&pods, name, what, done).await
}

async fn runs(lab: &Lab, name: &str) -> Value {
    until(lab, name, "it runs", |p| p.str_at("status.phase") == "Running").await
}

/// Whoever is in a session with a container, or follows its log, hears no more when its node fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_with_their_node() {
    let lab = start().await;
    create(&lab, "web", json!({"containers": [{"name": "c", "image": NGINX}]})).await;
    runs(&lab, "web").await;
    let pods: Api<Pod> = Api::namespaced(lab.client.clone(), "nodes");
    let wanted = AttachParams::default().stdin(false).stdout(true).stderr(false);
    let command = vec!["sh", "-c", "echo hello; sleep 1000"];
    let mut session = pods.exec("web", command, &wanted).await.expect("a session");
    let (mut stdout, mut heard) = (session.stdout().expect("its output"), [0; 6]);
    timeout(BOUND, stdout.read_exact(&mut heard)).await.expect("in time").expect("a line");
    assert_eq!(&heard, b"hello\n");
    let log = open(&lab.client, "GET", &format!("{PODS}/web/log?follow=true"), &[], vec![]).await;
    assert_eq!(log.status(), 200);
    let mut log = BodyStream::new(log.into_body());

    let admin = Wire::to(&lab).as_admin(&lab);
    admin.send("PUT", "/nodes/crc/outage", &[], Vec::new()).await.expect(200);
    let status = session.take_status().expect("a status");
    let ended = timeout(BOUND, session.join()).await.expect("the session ends");
    let (ended, status) = (ended.map_err(|e| e.to_string()), status.await);
    assert!(status.is_none(), "nobody says how the command ended: {ended:?} {status:?}");
    let last = async { while log.next().await.is_some_and(|chunk| chunk.is_ok()) {} };
    timeout(BOUND, last).await.expect("the log ends");
    lab.stop().await;
}

/// A pod that must run takes the room of one that need not: who goes is told why, and the one who
/// comes is told where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_takes_the_room_of_a_lesser_one() {
    let lab = start().await;
    let class = json!({"metadata": {"name": "vip"}, "value": 1000});
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    send(&lab.client, "POST", classes, "", Some(&class)).await.expect(201);
    let node = get(&lab.client, "/api/v1/nodes/crc").await.json();
    let cores = node.str_at("status.allocatable.cpu");
    let milli = cores.strip_suffix('m').map_or_else(
        || cores.parse::<u64>().expect("cores") * 1000,
        |milli| milli.parse().expect("thousandths"),
    );
    let wants = |class: &str| {
        json!({"priorityClassName": class, "terminationGracePeriodSeconds": 3, "containers": [
            {"name": "c", "image": NGINX,
                "resources": {"requests": {"cpu": format!("{}m", milli * 6 / 10)}}}]})
    };
    create(&lab, "lesser", wants("")).await;
    let lesser = runs(&lab, "lesser").await;
    create(&lab, "vip", wants("vip")).await;
    let named = until(&lab, "vip", "it has a node to come", |p| {
        !p.str_at("status.nominatedNodeName").is_empty() || !p.str_at("spec.nodeName").is_empty()
    });
    named.await;
    let vip = runs(&lab, "vip").await;
    assert_eq!((vip.i64_at("spec.priority"), vip.str_at("spec.nodeName")), (Some(1000), "crc"));
    assert_eq!(get(&lab.client, &format!("{PODS}/lesser")).await.code, 404);

    // What became of the other stands in the history.
    let from = lesser.str_at("metadata.resourceVersion");
    let path = format!(
        "{PODS}?watch=true&timeoutSeconds=1&resourceVersion={from}&fieldSelector=metadata.name%3Dlesser"
    );
    let events = get(&lab.client, &path).await.text();
    let events: Vec<Value> = events.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let last = events.last().expect("events");
    assert_eq!(last.str_at("type"), "DELETED", "{last}");
    let condition = last["object"].condition("DisruptionTarget").expect("a condition").clone();
    assert_eq!(condition.str_at("reason"), "PreemptionByScheduler", "{condition}");
    let said = "default-scheduler: preempting to accommodate a higher priority pod";
    assert_eq!(condition.str_at("message"), said);
    let told = "/api/v1/namespaces/nodes/events?fieldSelector=reason%3DPreempted";
    eventually("an event", || async {
        let list = get(&lab.client, told).await.json();
        let one = list.list_at("items").first().cloned().ok_or("nothing")?;
        let by = format!("Preempted by pod {} on node crc", vip.uid());
        if one.str_at("message") == by { Ok(()) } else { Err(one.str_at("message").to_owned()) }
    })
    .await;
    lab.stop().await;
}
