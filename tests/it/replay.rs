//! Recordings: what has arrived at a cluster, done again by another process, step by step the same.

use crate::{
    builds, registry,
    support::{
        Lab, Registry, Wire,
        child::{Ended, run},
        lab::{Reply, builder, send},
        registry::Image,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::AttachParams};
use pocketshift::world::Entropy;
use serde_json::{Value, json};
use std::{io::Read, path::Path};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Does something with the clock.
async fn time(admin: &Wire, query: &str) {
    admin.send("POST", &format!("/time?{query}"), &[], Vec::new()).await.expect(200);
}

/// What has arrived at a cluster so far, as a file.
async fn record(admin: &Wire, file: &Path) -> Vec<u8> {
    let answer = admin.get("/recording").await.expect(200);
    let bytes = STANDARD.decode(answer["recording"].as_str().expect("a text")).expect("base64");
    std::fs::write(file, &bytes).expect("written");
    bytes
}

fn replay(home: &Path, file: &Path, more: &[&str]) -> Ended {
    run(home, &[&["replay", &file.to_string_lossy()], more].concat())
}

fn deployment(name: &str, image: &str, replicas: u64) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                {"name": "c", "image": image, "command": ["sleep", "1d"]}]}}}})
}

fn cron(name: &str) -> Value {
    let template = json!({"spec": {"restartPolicy": "Never", "containers": [
        {"name": "c", "image": "busybox", "command": ["sh", "-c", "sleep 5; echo done"]}]}});
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
        "spec": {"schedule": "*/2 * * * *", "jobTemplate": {"spec": {"template": template}}}})
}

/// A pod that is ready when somebody has made a file in it.
fn waiting() -> Value {
    json!({"metadata": {"name": "waits"}, "spec": {"containers": [
        {"name": "c", "image": "busybox", "command": ["sleep", "1d"], "readinessProbe":
            {"exec": {"command": ["cat", "/tmp/ok"]}, "periodSeconds": 5}}]}})
}

/// Runs a command in that pod.
async fn typed(lab: &Lab, command: &[&str]) {
    let pods: Api<Pod> = Api::namespaced(lab.client.clone(), "plan");
    let wanted = AttachParams::default().stdout(true).stderr(false).stdin(true);
    // Its node may have failed.
    let Ok(mut session) = pods.exec("waits", command.to_vec(), &wanted).await else { return };
    let mut stdin = session.stdin().expect("its input");
    stdin.write_all(b"touch /tmp/ok\n").await.expect("typed");
    stdin.shutdown().await.expect("its input ends");
    let mut out = String::new();
    let mut stdout = session.stdout().expect("its output");
    stdout.read_to_string(&mut out).await.expect("a text");
    session.join().await.expect("its end");
}

/// One thing somebody does, chosen by chance; it may well be refused.
async fn something(lab: &Lab, admin: &Wire, chance: &Entropy) -> Option<Reply> {
    let (core, apps) = ("/api/v1/namespaces/plan", "/apis/apps/v1/namespaces/plan");
    let client = &lab.client;
    let name = format!("w{}", chance.below(3));
    let image = ["busybox", "busybox:1", "quay.io/nobody/nothing:1"][chance.below(3) as usize];
    let one = format!("{apps}/deployments/{name}");
    if chance.below(8) == 0 {
        typed(lab, &["sh"]).await;
        return None;
    }
    Some(match chance.below(10) {
        0 | 1 => {
            let made = deployment(&name, image, 1 + chance.below(3));
            send(client, "POST", &format!("{apps}/deployments"), "", Some(&made)).await
        }
        2 => {
            let patch = json!({"spec": {"replicas": chance.below(4)}});
            send(client, "PATCH", &one, "", Some(&patch)).await
        }
        3 => send(client, "DELETE", &one, "", None).await,
        4 => {
            let map = json!({"metadata": {"generateName": "m-"}, "data": {"k": image}});
            send(client, "POST", &format!("{core}/configmaps"), "", Some(&map)).await
        }
        5 => {
            let made = cron(&name);
            let path = "/apis/batch/v1/namespaces/plan/cronjobs";
            send(client, "POST", path, "", Some(&made)).await
        }
        6 => {
            let service = json!({"metadata": {"name": name}, "spec": {"type": "NodePort",
                "selector": {"app": name}, "ports": [{"port": 80}]}});
            send(client, "POST", &format!("{core}/services"), "", Some(&service)).await
        }
        7 => {
            let tag = json!({"name": name, "importPolicy": {"scheduled": true},
                "from": {"kind": "DockerImage", "name": format!("docker.io/library/{image}")}});
            let stream = json!({"metadata": {"name": name}, "spec": {"tags": [tag]}});
            let path = "/apis/image.openshift.io/v1/namespaces/plan/imagestreams";
            send(client, "POST", path, "", Some(&stream)).await
        }
        8 => {
            time(admin, &format!("by={}s", 1 + chance.below(400))).await;
            return None;
        }
        _ => {
            let method = if chance.below(2) == 0 { "PUT" } else { "DELETE" };
            admin.send(method, "/nodes/worker01/outage", &[], Vec::new()).await
        }
    })
}

/// Random plans are recorded and done again by another process: nothing is ever different. One of the clusters
/// is kept on disk, and has been stopped and started before.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_done_again_comes_out_the_same() {
    let home = tempdir().expect("a folder");
    let pods = "/api/v1/namespaces/plan/pods";
    for (seed, kept) in [(7, false), (8, true)] {
        let seeded = builder().seed(seed);
        let place = if kept { seeded.data_dir(home.path().join("data")) } else { seeded };
        let mut lab = Lab::of(place.clone()).await;
        lab.namespace("plan").await;
        if kept {
            let mut first = waiting();
            first["metadata"]["name"] = json!("first");
            send(&lab.client, "POST", pods, "", Some(&first)).await.expect(201);
            lab.stop().await;
            lab = Lab::of(place).await;
        }
        let admin = Wire::to(&lab).as_admin(&lab);
        let chance = Entropy::seeded(seed);
        if seed % 2 == 1 {
            time(&admin, "rate=0").await;
        }
        send(&lab.client, "POST", pods, "", Some(&waiting())).await.expect(201);
        for _ in 0..14 {
            something(&lab, &admin, &chance).await;
        }
        let file = home.path().join(format!("{seed}.rec"));
        record(&admin, &file).await;
        lab.stop().await;
        let ended = replay(home.path(), &file, &[]);
        assert_eq!(ended.code, Some(0), "seed {seed}: {}{}", ended.out, ended.err);
        assert!(ended.out.contains(", all the same"), "{}", ended.out);
    }
}

/// What the cluster's own registry keeps and makes, whoever of the cluster asks it, is no arrival: it comes
/// of itself again. What clients bring and fetch is one.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_cluster_does_itself_comes_again_of_itself() {
    const VENDOR: &str = "quay.io/keycloak/keycloak:20.0.2";
    const OWN: &str = "image-registry.openshift-image-registry.svc:5000/shop";
    let far = Registry::start();
    far.push(&[Image::new("app:1", "1")]);
    let lab = Lab::of(builder().seed(5)).await;
    let lab = builds::begun(lab).await;
    let admin = Wire::to(&lab).as_admin(&lab);
    for stream in ["pulled", "base", "asked", "fetched"] {
        registry::import(&lab, "shop", VENDOR, stream, "1").await;
    }
    registry::import(&lab, "shop", &far.image("app:1"), "far", "1").await;
    // Nodes, builds and imports are the first to want something.
    for stream in ["pulled", "far"] {
        registry::image_id(&lab, "shop", stream, &format!("{OWN}/{stream}:1")).await;
    }
    builds::stream(&lab, "web").await;
    let dockerfile = format!("FROM {OWN}/base:1\nENV COLOUR=blue\n");
    builds::make(&lab, &builds::config("web", &dockerfile, json!({}))).await;
    builds::start(&lab, "web").await.expect(201);
    let built = builds::build(&lab, "web-1", &["Complete", "Failed"]).await;
    assert_eq!(built["status"]["phase"], "Complete", "{}", built["status"]);
    registry::image_id(&lab, "shop", "web", &format!("{OWN}/web:latest")).await;
    // Tokens are drawn anew where it is done again: the import shows none.
    let group = "rbac.authorization.k8s.io";
    let binding = json!({"metadata": {"name": "all"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:image-puller"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:unauthenticated"}]});
    let path = format!("/apis/{group}/v1/namespaces/shop/rolebindings");
    send(&lab.client, "POST", &path, "", Some(&binding)).await.expect(201);
    registry::import(&lab, "shop", &format!("{OWN}/asked:1"), "copy", "1").await;
    // Clients: what they fetched first is there for nodes.
    let token = registry::token(&lab, "shop", "somebody", "system:image-builder").await;
    let client = Wire::to(&lab).with(registry::basic("any", &token));
    registry::pull(&client, "shop/fetched", "1").await;
    registry::image_id(&lab, "shop", "fetched", &format!("{OWN}/fetched:1")).await;
    registry::push_image(&client, "shop/brought", "1", "one").await;
    registry::image_id(&lab, "shop", "brought", &format!("{OWN}/brought:1")).await;
    // What a project leaves goes by itself.
    send(&lab.client, "DELETE", "/api/v1/namespaces/shop", "", None).await.expect(200);

    let home = tempdir().expect("a folder");
    let file = home.path().join("own.rec");
    let all = lines(&record(&admin, &file).await);
    let of_registry = all.iter().filter(|l| l.contains(r#""arrival":"commit""#));
    let of_registry: Vec<&String> =
        of_registry.filter(|l| l.contains("repository:shop/")).collect();
    let by_clients = |l: &&String| {
        let ops = l.split(r#""changes""#).next().unwrap_or_default();
        ["fetched", "brought"].iter().any(|n| ops.contains(&format!("repository:shop/{n}")))
    };
    assert!(!of_registry.is_empty() && of_registry.iter().all(by_clients), "{of_registry:?}");
    lab.stop().await;
    let ended = replay(home.path(), &file, &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
}

/// The lines of a recording.
fn lines(bytes: &[u8]) -> Vec<String> {
    let mut text = String::new();
    MultiGzDecoder::new(bytes).read_to_string(&mut text).expect("unpacked");
    text.lines().map(str::to_owned).collect()
}

/// Where a recording says something else, both sides are told, and nothing is done with what is none.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_different_is_told() {
    use flate2::{Compression, write::GzEncoder};
    use sha2::{Digest, Sha256};
    use std::io::Write;
    let home = tempdir().expect("a folder");
    let lab = Lab::of(builder().seed(3)).await;
    let admin = Wire::to(&lab).as_admin(&lab);
    lab.namespace("shop").await;
    let web = deployment("web", "busybox", 1);
    let path = "/apis/apps/v1/namespaces/shop/deployments";
    send(&lab.client, "POST", path, "", Some(&web)).await.expect(201);
    let file = home.path().join("a.rec");
    let whole = record(&admin, &file).await;
    lab.stop().await;

    let mut text = lines(&whole);
    let step = text.iter().position(|l| l.starts_with("{\"at\"") && l.contains("\"maxSurge\""));
    let step = step.expect("the request");
    text[step] = text[step].replace("\"maxSurge\":\"25%\"", "\"maxSurge\":\"26%\"");
    text.pop();
    let all: String = text.iter().map(|l| format!("{l}\n")).collect();
    let steps = text.iter().filter(|l| l.starts_with("{\"at\"")).count();
    let end = json!({"end": steps, "sum": format!("{:x}", Sha256::digest(&all))});
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(format!("{all}{end}\n").as_bytes()).expect("packed");
    let other = home.path().join("b.rec");
    std::fs::write(&other, packed.finish().expect("packed")).expect("written");
    let ended = replay(home.path(), &other, &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    for said in ["deployments.apps shop/web", "maxSurge", "26%", "25%"] {
        assert!(ended.err.contains(said), "{said}: {}", ended.err);
    }

    std::fs::write(&other, &whole[..whole.len() / 2]).expect("written");
    let ended = replay(home.path(), &other, &[]);
    assert!(ended.err.contains("it is cut off") && ended.code == Some(1), "{}", ended.err);
    std::fs::write(&other, "hello").expect("written");
    let ended = replay(home.path(), &other, &[]);
    assert!(ended.err.contains("it is no recording"), "{}", ended.err);
    let ended = replay(home.path(), &file, &["--until", "99"]);
    assert!(ended.err.contains("steps only"), "{}", ended.err);
}

/// Who has no seed has no recording.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_needs_a_seed() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let refused = admin.get("/recording").await.expect(400);
    let said = refused["errors"][0]["message"].as_str().expect("a text").to_owned();
    assert!(said.contains("--random-seed"), "{said}");
    Wire::to(&lab).get("/recording").await.expect(401);
    lab.stop().await;
}
