//! Several replicas of one etcd, as their users see them: any of them answers for every cluster, one that
//! dies or is drained costs a moment, and a watch goes on where it was.

use crate::support::{
    Child, Etcd, child,
    etcd::free,
    eventually,
    exercise::{LATER, ask, own, sets, start},
    lab::{get, send},
    tools,
};
use futures_util::StreamExt;
use kube::{
    Api, Client,
    api::{DynamicObject, WatchEvent, WatchParams},
};
use pocketshift::kinds;
use serde_json::json;
use std::process::Command;
use tempfile::{TempDir, tempdir};

const READER: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-reader";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A replica with a folder of its own.
struct Replica {
    dir: TempDir,
    child: Child,
    client: Client,
}

async fn replica(etcd: &Etcd, name: &str, more: &[&str]) -> Replica {
    let (dir, address) = (tempdir().expect("a folder"), etcd.address());
    let own = ["--store", &*address, "--replica", name, "--clusters-port", "0"];
    let child = Child::start(dir.path(), &[&own[..], more].concat());
    let client = child.client(dir.path()).await;
    Replica { dir, child, client }
}

impl Replica {
    fn kubeconfig(&self) -> String {
        self.dir.path().join("kubeconfig").to_string_lossy().into_owned()
    }

    /// Runs one of our own commands against it.
    fn says(&self, arguments: &[&str]) -> String {
        let file = self.kubeconfig();
        let ended = child::run(self.dir.path(), &[arguments, &["--kubeconfig", &file]].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        ended.out
    }
}

async fn write(client: &Client, name: &str) -> u16 {
    let body = json!({"metadata": {"name": name}, "data": {"a": "1"}});
    send(client, "POST", MAPS, "", Some(&body)).await.code
}

/// What is said at a port to whoever asks in plain HTTP.
async fn plain(port: u16, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a port");
    let asked = format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).await.expect("an answer");
    said
}

/// The names of config maps that a watch from a revision tells of, until one comes.
async fn watched(client: &Client, from: &str, until: &str) -> Vec<String> {
    let api: Api<DynamicObject> =
        crate::support::lab::objects(client, kinds::by_kind("v1", "ConfigMap").unwrap(), "default");
    let events = api.watch(&WatchParams::default(), from).await.expect("a watch");
    let (mut events, mut names) = (std::pin::pin!(events), Vec::new());
    while let Some(event) = events.next().await {
        match event.expect("an event") {
            WatchEvent::Added(o) => names.push(o.metadata.name.unwrap_or_default()),
            WatchEvent::Error(e) => panic!("{e:?}"),
            _ => {}
        }
        if names.last().is_some_and(|name| name == until) {
            break;
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_door_leads_to_every_cluster() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    // However busy the machine is: nobody is taken for dead here.
    let calm = ["--takeover", "30"];
    let port = free();
    let told = ["--takeover", "30", "--metrics-port", &port.to_string()];
    let (a, b) = (replica(&etcd, "a", &calm).await, replica(&etcd, "b", &told).await);
    assert_ne!(a.child.url(), b.child.url());
    assert_eq!(write(&b.client, "through-b").await, 201);
    assert_eq!(get(&a.client, &format!("{MAPS}/through-b")).await.code, 200);
    let list = get(&b.client, MAPS).await.expect(200);
    let from = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    assert_eq!(write(&a.client, "through-a").await, 201);
    assert_eq!(watched(&b.client, &from, "through-a").await, ["through-a"]);
    // A session of exec, with the real client, through the replica that has no cluster.
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers":
        [{"name": "c", "image": "registry.access.redhat.com/ubi9/ubi:latest", "command": ["sleep", "infinity"]}]}});
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(send(&b.client, "POST", pods, "", Some(&pod)).await.code, 201);
    eventually("the pod to run", || async {
        let pod = get(&b.client, &format!("{pods}/p")).await.expect(200);
        if pod["status"]["phase"] == "Running" { Ok(()) } else { Err(pod["status"].to_string()) }
    })
    .await;
    let mut kubectl = Command::new(tools::kubectl());
    kubectl.args(["--kubeconfig", &b.kubeconfig(), "exec", "p", "--", "echo", "here"]);
    assert_eq!(tools::output(&mut kubectl), "here\n");
    let metrics = plain(port, "/metrics").await;
    for line in [
        "leader_election_master_status{name=\"main\"} 0",
        "pocketshift_replica_lease_held 1",
        "pocketshift_replica_members 2",
        "pocketshift_replica_takeovers_total 0",
    ] {
        assert!(metrics.lines().any(|said| said == line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("forwarded_connections_total 0"), "{metrics}");
    assert!(plain(port, "/other").await.starts_with("HTTP/1.1 404 "));
    // Who signs in at one door is known at the other.
    let table = b.says(&["replica", "list"]);
    assert!(table.contains("a ") && table.lines().count() == 3, "{table}");
    // Another deployment that would serve something else.
    let dir = tempdir().expect("a folder");
    let other = ["serve", "--store", &etcd.address(), "--replica", "c", "--nodes", "7"];
    let own = ["--data-dir", &*dir.path().to_string_lossy(), "--secure-port", "0"];
    let ended = child::run(dir.path(), &[&other[..], &own, &["--registry-port", "0"]].concat());
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("other settings"), "{}", ended.err);
    assert_eq!(ended.err.trim().lines().count(), 1, "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_dies_costs_a_moment_and_nothing_else() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let (a, b) = (replica(&etcd, "a", &[]).await, replica(&etcd, "b", &[]).await);
    assert_eq!(write(&b.client, "one").await, 201);
    let list = get(&b.client, MAPS).await.expect(200);
    let from = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    assert_eq!(write(&b.client, "two").await, 201);
    a.child.kill();
    eventually("the other to take over", || async {
        match write(&b.client, "three").await {
            201 | 409 => Ok(()),
            code => Err(code),
        }
    })
    .await;
    // The window came along: nothing is missing and nothing twice.
    assert_eq!(watched(&b.client, &from, "three").await, ["two", "three"]);
    assert!(b.says(&["replica", "list"]).lines().count() == 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_replica_hands_its_clusters_over() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    // However busy the machine is: nobody is taken for dead here.
    let calm = ["--takeover", "30"];
    let (a, b) = (replica(&etcd, "a", &calm).await, replica(&etcd, "b", &calm).await);
    for name in ["one", "two", "three"] {
        a.says(&["cluster", "create", name]);
    }
    let names = |table: &str| -> Vec<String> {
        table.lines().skip(1).filter_map(|l| l.split_whitespace().next()).map(Into::into).collect()
    };
    assert_eq!(names(&b.says(&["cluster", "list"])), ["main", "one", "three", "two"]);
    let loads = |table: &str| -> Vec<(String, u64)> {
        let cell = |line: &str, at| line.split_whitespace().nth(at).unwrap_or("").to_owned();
        table.lines().skip(1).map(|l| (cell(l, 0), cell(l, 2).parse().unwrap_or(99))).collect()
    };
    let before = loads(&b.says(&["replica", "list"]));
    assert_eq!(before, [("a".into(), 2), ("b".into(), 2)], "the least loaded gets the next");
    // A cluster that lives at `b` is reached by its name at `a`, whatever its own port is.
    for name in ["one", "two", "three"] {
        let text = a.says(&["cluster", "kubeconfig", name, "--by-name"]);
        let client = crate::support::lab::client(&text, None).await;
        assert_eq!(write(&client, "kept").await, 201, "{name}");
        assert_eq!(send(&client, "DELETE", READER, "", None).await.code, 200, "{name}");
    }
    assert!(a.says(&["replica", "drain", "a"]).contains("has no clusters"));
    assert_eq!(loads(&b.says(&["replica", "list"])), [("a".into(), 0), ("b".into(), 4)]);
    assert_eq!(write(&a.client, "still").await, 201, "it passes on");
    for name in ["one", "two", "three"] {
        let text = b.says(&["cluster", "kubeconfig", name, "--by-name"]);
        let client = crate::support::lab::client(&text, None).await;
        assert_eq!(get(&client, &format!("{MAPS}/kept")).await.code, 200, "{name}");
    }
    b.says(&["cluster", "delete", "two"]);
    assert!(!etcd.ctl(&["get", "--prefix", "--keys-only", "/"]).contains("/two"));
    a.says(&["replica", "resume", "a"]);
    b.child.terminate();
    assert!(b.child.wait().0.success());
    eventually("the other to have them", || async {
        let loads = loads(&a.says(&["replica", "list"]));
        if loads == [("a".to_owned(), 3)] { Ok(()) } else { Err(format!("{loads:?}")) }
    })
    .await;
    // What a start puts back is put back wherever a cluster begins again.
    for name in ["one", "three"] {
        let text = a.says(&["cluster", "kubeconfig", name, "--by-name"]);
        let client = crate::support::lab::client(&text, None).await;
        assert_eq!(get(&client, READER).await.code, 200, "{name}");
    }
}

/// A lab goes on where its cluster goes, with all that was recorded of it, and nowhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lab_goes_on_at_whoever_has_its_cluster() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    // However busy the machine is: nobody is taken for dead here.
    let calm = ["--takeover", "30"];
    let (a, b) = (replica(&etcd, "a", &calm).await, replica(&etcd, "b", &calm).await);
    let points = || async { ask(&b.client, "GET", "/own/grade").await.1["points"].clone() };
    let (code, said) = start(&b.client, &own(LATER)).await;
    assert_eq!(code, 200, "{said}");
    sets(&b.client, "2").await;
    assert!(a.says(&["replica", "drain", "a"]).contains("has no clusters"));
    assert_eq!(points().await, 0);
    sets(&b.client, "3").await;
    assert_eq!(points().await, 2, "what was recorded before came along");
    a.says(&["replica", "resume", "a"]);
    assert!(b.says(&["replica", "drain", "b"]).contains("has no clusters"));
    let moved = send(&a.client, "POST", "/console/desk/time?by=11m", "", None).await;
    assert_eq!(moved.code, 200, "{}", moved.text());
    assert_eq!(points().await, 3, "the event happens where it is now");
    let board = ask(&a.client, "GET", "/board").await.1;
    assert_eq!(board["items"].as_array().map(Vec::len), Some(1), "{board}");
    assert_eq!(ask(&b.client, "DELETE", "/own").await.0, 200);
    assert_eq!(get(&a.client, "/api/v1/namespaces/mine").await.code, 404);
}
