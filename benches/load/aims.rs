//! What is aimed at: each row a ratio of two figures of the same run, or a figure that noise hardly
//! touches (time on a core, memory), and whether the aim is held.

use super::{
    client::{Conn, get, post, table},
    cluster::Cluster,
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How much of everything.
pub struct Size {
    pods: usize,
    maps: usize,
    /// Pending pods: few, and many.
    pending: (usize, usize),
    /// Deployments of one pod: few, and many.
    deployments: (usize, usize),
    replicas: usize,
    watchers: usize,
    streams: usize,
}

/// As the aims have it.
pub const FULL: Size = Size {
    pods: 5000,
    maps: 5500,
    pending: (1000, 10_000),
    deployments: (500, 5000),
    replicas: 1000,
    watchers: 1000,
    streams: 300,
};

/// For before and after a change.
pub const QUICK: Size = Size {
    pods: 2000,
    maps: 1000,
    pending: (500, 2000),
    deployments: (100, 400),
    replicas: 500,
    watchers: 100,
    streams: 30,
};

const PODS: &str = "/api/v1/namespaces/default/pods";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const STREAMS: &str = "/apis/image.openshift.io/v1/namespaces/default/imagestreams";
const IMAGE: &str = "registry.access.redhat.com/ubi9/nginx-120:1-86";
/// Clients at once.
const CLIENTS: usize = 32;
/// Changes of which one's share is told.
const FEW: usize = 10;

/// The rows so far.
#[derive(Default)]
pub struct Aims(Vec<(String, bool)>);

impl Aims {
    /// A figure that is to stay below an aim.
    pub fn at_most(&mut self, name: &str, measured: f64, unit: &str, aim: f64) {
        self.row(name, measured, unit, ("<=", aim), measured <= aim);
    }

    /// A figure that is to reach an aim.
    pub fn at_least(&mut self, name: &str, measured: f64, unit: &str, aim: f64) {
        self.row(name, measured, unit, (">=", aim), measured >= aim);
    }

    fn row(&mut self, name: &str, measured: f64, unit: &str, aim: (&str, f64), held: bool) {
        let word = if held { "held" } else { "not held" };
        let (measured, aim) = (format!("{measured:.2} {unit}"), format!("{} {}", aim.0, aim.1));
        println!("{name:<58} {measured:>14} {aim:>10} {word}");
        self.0.push((name.to_owned(), held));
    }

    /// Says how many of them are held.
    pub fn end(&self) {
        let held = self.0.iter().filter(|(_, held)| *held).count();
        println!("{held} of {} aims held", self.0.len());
    }
}

/// All rows.
pub async fn all(size: &Size) {
    let mut aims = Aims::default();
    starts(&mut aims, size).await;
    load(&mut aims, size).await;
    pending(&mut aims, size).await;
    deployments(&mut aims, size).await;
    rollouts(&mut aims, size).await;
    watchers(&mut aims, size).await;
    streams(&mut aims, size).await;
    namespaces(&mut aims, size).await;
    aims.end();
}

fn pod(name: &str, cpu: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "load"}},
        "spec": {"containers": [{"name": "c", "image": IMAGE,
            "resources": {"requests": {"cpu": cpu}}}]}})
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
        "data": {"text": "x".repeat(300)}})
}

fn deployment(name: &str, replicas: usize) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
            {"name": "web", "image": IMAGE, "ports": [{"containerPort": 8080}]}]}}}})
}

/// Creates objects with many clients at once; answers the seconds.
async fn fill(cluster: &Cluster, path: &str, count: usize, one: impl Fn(usize) -> Value) -> f64 {
    let bodies: Arc<Vec<String>> = Arc::new((0..count).map(|n| one(n).to_string()).collect());
    let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let clients = (0..CLIENTS).map(|_| {
        let (port, token, path) = (cluster.port, cluster.token.clone(), path.to_owned());
        let (bodies, next) = (Arc::clone(&bodies), Arc::clone(&next));
        tokio::spawn(async move {
            let mut conn = Conn::open(port).await;
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (code, said) = conn.send(&post(&path, &token, body)).await;
                assert_eq!(code, 201, "{}", String::from_utf8_lossy(&said));
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("a client");
    }
    began.elapsed().as_secs_f64()
}

/// Milliseconds on a core that one more object costs: in all, and those of the controllers.
async fn one_more(
    cluster: &Cluster,
    path: &str,
    pause: u64,
    one: impl Fn(usize) -> Value,
) -> (f64, f64) {
    cluster.quiet().await;
    let before = cluster.work();
    let mut conn = Conn::open(cluster.port).await;
    for n in 0..FEW {
        let (code, _) = conn.send(&post(path, &cluster.token, &one(n).to_string())).await;
        assert_eq!(code, 201);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    cluster.quiet().await;
    let after = cluster.work();
    let each = 1e3 / FEW as f64;
    ((after.0 - before.0) * each, (after.1 - before.1) * each)
}

/// Starts, with nothing and with much on disk, and rest.
async fn starts(aims: &mut Aims, size: &Size) {
    let memory = Cluster::start(&["--in-memory", "--instant"]).await;
    aims.at_most("ready, in memory", memory.ready, "ms", 32.0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    aims.at_most("resident, idle", memory.resident_mb(), "MB", 26.0);
    drop(memory);
    let flags = ["--instant", "--nodes", "25"];
    let disk = Cluster::start(&flags).await;
    aims.at_most("ready, on an empty disk", disk.ready, "ms", 40.0);
    fill(&disk, MAPS, size.maps * 4, |n| config_map(&format!("c-{n}"))).await;
    let disk = disk.again(&flags).await;
    aims.at_most("ready, with many ConfigMaps (20,000)", disk.ready, "ms", 90.0);
    fill(&disk, DEPLOYMENTS, size.pods / size.replicas, |n| {
        deployment(&format!("d-{n}"), size.replicas)
    })
    .await;
    disk.quiet().await;
    let disk = disk.again(&flags).await;
    aims.at_most("ready, with many running pods besides (5,000)", disk.ready, "ms", 400.0);
    disk.quiet().await;
    let before = disk.work().0;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let each = (disk.work().0 - before) * 1e3 / 10.0;
    aims.at_most("on a core at rest, 25 nodes, many events (a second)", each, "ms", 2.0);
}

/// Pods nobody can place and ConfigMaps: how fast, how large, and what lists of them cost.
async fn load(aims: &mut Aims, size: &Size) {
    let disk = Cluster::start(&["--instant", "--nodes", "20"]).await;
    let took = fill(&disk, PODS, size.pods, |n| pod(&format!("p-{n}"), "1000")).await;
    aims.at_least("pods created on disk, 32 clients", size.pods as f64 / took, "/s", 8000.0);
    aims.at_most("until nothing writes, against the load", disk.quiet().await / took, "", 1.0);
    drop(disk);
    let cluster = Cluster::start(&["--in-memory", "--instant", "--nodes", "20"]).await;
    let map = |prefix: &str| {
        let prefix = prefix.to_owned();
        move |n| config_map(&format!("{prefix}-{n}"))
    };
    let alone = one_more(&cluster, MAPS, 5, map("alone")).await.1;
    fill(&cluster, PODS, size.pods, |n| pod(&format!("p-{n}"), "1000")).await;
    let beside = one_more(&cluster, MAPS, 5, map("beside")).await.1;
    // What is too little to be measured is no growth.
    let ratio = beside.max(0.05) / alone.max(0.05);
    aims.at_most("a ConfigMap beside many pods against none", ratio, "", 1.3);
    fill(&cluster, MAPS, size.maps, map("c")).await;
    cluster.quiet().await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    aims.at_most("resident, after the load", cluster.resident_mb(), "MB", 100.0);
    let path = format!("{PODS}?resourceVersion=0");
    let mut conn = Conn::open(cluster.port).await;
    let mut cost = async |request: Vec<u8>, times: usize| {
        let before = cluster.work().0;
        for _ in 0..times {
            assert_eq!(conn.send(&request).await.0, 200);
        }
        (cluster.work().0 - before) / times as f64
    };
    let list = cost(get(&path, &cluster.token), 5).await;
    let cold = cost(table(&path, &cluster.token), 1).await;
    let warm = cost(table(&path, &cluster.token), 5).await;
    cost(get(&path, &cluster.token), 5).await;
    aims.at_least("TABLE against LIST of pods, first", list / cold, "", 1.0);
    aims.at_least("TABLE against LIST of pods, again", list / warm, "", 1.0);
    aims.at_most("resident, after LISTs and TABLEs", cluster.resident_mb(), "MB", 110.0);
}

/// One more pod that nobody can place.
async fn pending(aims: &mut Aims, size: &Size) {
    let cluster = Cluster::start(&["--in-memory", "--instant", "--nodes", "5"]).await;
    let mut cost = Vec::new();
    let (few, many) = size.pending;
    for (from, to) in [(0, few), (few, many)] {
        fill(&cluster, PODS, to - from, |n| pod(&format!("p-{}", from + n), "1000")).await;
        cost.push(one_more(&cluster, PODS, 50, |n| pod(&format!("x-{to}-{n}"), "1000")).await.0);
    }
    aims.at_most("one more pending pod, among many against few", cost[1] / cost[0], "", 1.2);
}

/// One more Deployment of one pod.
async fn deployments(aims: &mut Aims, size: &Size) {
    let cluster = Cluster::start(&["--in-memory", "--instant", "--nodes", "25"]).await;
    let mut cost = Vec::new();
    let (few, many) = size.deployments;
    for (from, to) in [(0, few), (few, many)] {
        fill(&cluster, DEPLOYMENTS, to - from, |n| deployment(&format!("d-{}", from + n), 1)).await;
        let one = |n| deployment(&format!("x-{to}-{n}"), 1);
        cost.push(one_more(&cluster, DEPLOYMENTS, 100, one).await.0);
    }
    aims.at_most("one more Deployment of 1, among many against few", cost[1] / cost[0], "", 1.3);
}

/// A large Deployment: alone, behind Services, under a quota.
async fn rollouts(aims: &mut Aims, size: &Size) {
    let service = |n: usize| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("s-{n}")},
            "spec": {"selector": {"app": "big"}, "ports": [{"port": 80, "targetPort": 8080}]}})
    };
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"pods": "5000"}}});
    let mut plain = 0.0;
    for (what, services) in [("plain", 0), ("one Service", 1), ("ten Services", 10), ("a quota", 0)]
    {
        let cluster = Cluster::start(&["--in-memory", "--instant", "--nodes", "5"]).await;
        fill(&cluster, SERVICES, services, service).await;
        if what == "a quota" {
            let path = "/api/v1/namespaces/default/resourcequotas";
            fill(&cluster, path, 1, |_| quota.clone()).await;
        }
        cluster.quiet().await;
        let took = ready(&cluster, size.replicas).await;
        match what {
            "plain" => {
                plain = took;
                aims.at_most("a rollout (of 1,000) ready", took * 1e3, "ms", 500.0);
            }
            _ => aims.at_most(&format!("the same with {what}, against it"), took / plain, "", 1.3),
        }
    }
}

/// Seconds until all replicas of a new Deployment are ready.
async fn ready(cluster: &Cluster, replicas: usize) -> f64 {
    let mut conn = Conn::open(cluster.port).await;
    let began = Instant::now();
    let body = deployment("big", replicas).to_string();
    let (code, _) = conn.send(&post(DEPLOYMENTS, &cluster.token, &body)).await;
    assert_eq!(code, 201);
    let watch = format!("{DEPLOYMENTS}?watch=true&fieldSelector=metadata.name%3Dbig");
    let (wanted, limit) = (format!("\"readyReplicas\":{replicas}"), Duration::from_secs(120));
    let found = |text: &str| text.contains(&wanted).then_some(());
    conn.stream_until(&get(&watch, &cluster.token), limit, found).await.expect("all are ready");
    began.elapsed().as_secs_f64()
}

/// What an event costs that is told to many.
async fn watchers(aims: &mut Aims, size: &Size) {
    const CHANGES: usize = 50;
    type Ask = fn(&str, &str) -> Vec<u8>;
    for (what, ask, aim) in [("plain", get as Ask, 5.0), ("as table", table as Ask, 6.0)] {
        let cluster = Cluster::start(&["--in-memory", "--instant"]).await;
        let heard = Arc::new(AtomicUsize::new(0));
        let began = cluster.quiet().await;
        assert!(began < 60.0);
        for _ in 0..size.watchers {
            let mut conn = Conn::open(cluster.port).await;
            let request = ask(&format!("{MAPS}?watch=true&resourceVersion=0"), &cluster.token);
            let heard = Arc::clone(&heard);
            tokio::spawn(async move {
                conn.stream_until(&request, Duration::from_secs(120), |text| {
                    heard.fetch_add(usize::from(text.contains("w-")), Ordering::Relaxed);
                    None::<()>
                })
                .await;
            });
        }
        cluster.quiet().await;
        let before = cluster.work().0;
        let (mut conn, mut slowest) = (Conn::open(cluster.port).await, 0.0_f64);
        for n in 0..CHANGES {
            let sent = Instant::now();
            let body = config_map(&format!("w-{n}")).to_string();
            assert_eq!(conn.send(&post(MAPS, &cluster.token, &body)).await.0, 201);
            slowest = slowest.max(sent.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cluster.quiet().await;
        let each = (cluster.work().0 - before) * 1e6 / (CHANGES * size.watchers) as f64;
        assert!(heard.load(Ordering::Relaxed) > 0, "nobody has heard anything");
        aims.at_most(&format!("an event told to a watcher, {what}"), each, "us", aim);
        aims.at_most(&format!("the slowest create meanwhile, {what}"), slowest, "ms", 2.0);
    }
}

/// A list of tags over many streams, all of which it leaves out.
async fn streams(aims: &mut Aims, size: &Size) {
    let cluster = Cluster::start(&["--in-memory", "--instant"]).await;
    fill(&cluster, STREAMS, size.streams, |n| {
        let tag = |t| {
            json!({"name": format!("v{t}"), "reference": true,
                "from": {"kind": "DockerImage", "name": format!("quay.io/some/where:{t}")}})
        };
        json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
            "metadata": {"name": format!("s-{n}")},
            "spec": {"tags": (0..200).map(tag).collect::<Vec<_>>()}})
    })
    .await;
    cluster.quiet().await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let before = cluster.resident_mb();
    let path = "/apis/image.openshift.io/v1/namespaces/default/imagestreamtags\
        ?fieldSelector=metadata.name%3Dnone";
    let (code, _) = Conn::open(cluster.port).await.send(&get(path, &cluster.token)).await;
    assert_eq!(code, 200);
    let more = cluster.resident_mb() - before;
    aims.at_most("resident, after a LIST of imagestreamtags, more", more, "MB", 5.0);
}

/// What a namespace costs.
async fn namespaces(aims: &mut Aims, size: &Size) {
    let cluster = Cluster::start(&["--in-memory", "--instant"]).await;
    let one =
        |name: String| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let mut cost = Vec::new();
    for (from, to) in [(0, size.replicas / 10), (size.replicas / 10, size.replicas)] {
        fill(&cluster, "/api/v1/namespaces", to - from, |n| one(format!("n-{}", from + n))).await;
        let more = |n| one(format!("x-{to}-{n}"));
        cost.push(one_more(&cluster, "/api/v1/namespaces", 50, more).await.0);
    }
    aims.at_most("a namespace, among many against few", cost[1] / cost[0], "", 1.3);
}
