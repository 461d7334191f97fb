//! Clusters in etcd: creates beside what etcd itself takes for the same bytes in the same batches, reads
//! beside those of a cluster in SQLite, and what the start and the death of replicas cost. Each figure
//! stands beside its aim.

use super::{
    READERS, SPAN,
    aims::Aims,
    client::{Conn, get, hammer},
    cluster::Cluster,
    figure,
    support::etcd::Etcd,
    writes,
};
use pocketshift::etcd::{EtcdPlace, Link, RequestOp, Txn};
use std::{process::Command, time::Instant};

/// Clusters of three replicas, the first among them.
const CLUSTERS: usize = 301;
const CLIENTS: usize = 32;

/// All of it.
pub async fn all() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let aims = &mut Aims::default();
    let address = etcd.address();
    let cluster = Cluster::start(&["--store", &address, "--etcd-prefix", "/creates"]).await;
    let rate = writes::creators(&cluster, CLIENTS, "etcd").await;
    let mut conn = Conn::open(cluster.port).await;
    let path = format!("{}/etcd-0-0", writes::PATH);
    let (_, stored) = conn.send(&get(&path, &cluster.token)).await;
    let bare = ceiling(&address, &stored);
    figure("CREATE, etcd, 32 clients", rate, "/s", bare);
    aims.at_least("CREATE, etcd, 32 clients, of etcd's own rate", rate / bare, "", 0.7);
    let at_etcd = gets(&cluster).await;
    drop(cluster);
    let sqlite = Cluster::start(&[]).await;
    writes::creators(&sqlite, CLIENTS, "etcd").await;
    let at_sqlite = gets(&sqlite).await;
    drop(sqlite);
    figure("GET, etcd, 8 connections (ceiling: SQLite)", at_etcd, "/s", at_sqlite);
    aims.at_least("GET, etcd, of the rate with SQLite", at_etcd / at_sqlite, "", 0.9);
    replicas(&address, aims).await;
}

/// Reads per second of one object.
async fn gets(cluster: &Cluster) -> f64 {
    let path = format!("{}/etcd-0-0", writes::PATH);
    hammer(cluster.port, &get(&path, &cluster.token), READERS, SPAN).await
}

/// Objects per second that etcd takes, as many to a transaction as there are clients.
fn ceiling(address: &str, value: &[u8]) -> f64 {
    let place = EtcdPlace::parse(address, "/bare").expect("an address");
    let link = Link::open(&place).expect("etcd");
    let (began, mut done) = (Instant::now(), 0usize);
    while began.elapsed() < SPAN {
        let put = |n: usize| RequestOp::put(format!("/bare/log/{:020}", done + n), value.to_vec());
        let txn = Txn { given: vec![], then: (0..CLIENTS).map(put).collect() };
        let asking = std::sync::Arc::clone(&link);
        link.wait(async move { asking.transact(txn).await }).expect("it is written");
        done += CLIENTS;
    }
    done as f64 / began.elapsed().as_secs_f64()
}

async fn replica(address: &str, name: &str) -> Cluster {
    let flags = ["--store", address, "--etcd-prefix", "/replicas", "--replica", name, "--instant"];
    Cluster::start(&flags).await
}

/// What one of our own commands says.
fn said(cluster: &Cluster, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pocketshift"));
    command.args(arguments).arg("--kubeconfig").arg(cluster.kubeconfig());
    let out = command.output().expect("the program runs");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Seconds until so many clusters answer.
fn until_all(at: &Cluster, began: Instant) -> f64 {
    while said(at, &["cluster", "list"]).matches("https://").count() < CLUSTERS {
        assert!(began.elapsed().as_secs() < 300, "not all clusters come");
    }
    began.elapsed().as_secs_f64()
}

async fn replicas(address: &str, aims: &mut Aims) {
    let mut three = Vec::new();
    for name in ["a", "b", "c"] {
        three.push(replica(address, name).await);
    }
    for n in 1..CLUSTERS {
        said(&three[0], &["cluster", "create", &format!("c{n}")]);
    }
    drop(three);
    let began = Instant::now();
    let (a, b, c) =
        tokio::join!(replica(address, "a"), replica(address, "b"), replica(address, "c"));
    let seconds = until_all(&c, began);
    aims.at_most("300 clusters of three replicas started", seconds, "s", 10.0);
    let loads = said(&b, &["replica", "list"]);
    let began = Instant::now();
    drop(a);
    let seconds = until_all(&c, began);
    println!("{}", loads.lines().nth(1).unwrap_or_default());
    aims.at_most("the clusters of one of them at the others", seconds, "s", 5.0);
}
