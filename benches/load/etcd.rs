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
use bytes::Bytes;
use pocketshift::etcd::{Compare, EtcdPlace, Link, RequestOp, Txn};
use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

/// Clusters of three replicas, the first among them.
const CLUSTERS: usize = 301;
const CLIENTS: usize = 32;
/// Where the rows of the cluster that is created in are.
const LOG: &str = "/creates/clusters/main/log";
/// Between two looks at whether all clusters answer; looking costs, too.
const PAUSE: Duration = Duration::from_millis(200);

/// All of it.
pub async fn all() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let aims = &mut Aims::default();
    let address = etcd.address();
    let cluster = Cluster::start(&["--store", &address, "--etcd-prefix", "/creates"]).await;
    let (before, began) = (transactions(&cluster).await, Instant::now());
    let rate = writes::creators(&cluster, CLIENTS, "etcd").await;
    let made = rate * began.elapsed().as_secs_f64();
    let each = made / (transactions(&cluster).await - before);
    println!("objects to a transaction: {each:.1}");
    let bare = ceiling(&address, each);
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

/// Transactions of a cluster so far.
async fn transactions(cluster: &Cluster) -> f64 {
    let mut conn = Conn::open(cluster.port).await;
    let (_, said) = conn.send(&get("/metrics", &cluster.token)).await;
    let said = String::from_utf8_lossy(&said);
    let mut lines = said.lines().filter(|line| line.starts_with("etcd_requests_total{"));
    lines.next().and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).expect("a count")
}

/// A row that the cluster has written for one of the objects.
fn row(link: &Arc<Link>) -> Bytes {
    let (mut from, end) = (format!("{LOG}/"), format!("{LOG}0"));
    loop {
        let (asking, to) = (Arc::clone(link), end.clone());
        let page = link.wait(async move { asking.page(from.into(), to.into(), 100, 0).await });
        let page = page.expect("its rows");
        let name = b"\"etcd-0-0\"";
        let ours = |value: &Bytes| value.windows(name.len()).any(|text| text == name);
        if let Some(found) = page.rows.iter().find(|row| ours(&row.value)) {
            return found.value.clone();
        }
        let last = page.rows.last().expect("the object has a row");
        from = String::from_utf8_lossy(&last.key).into_owned() + "\0";
    }
}

/// Objects per second that etcd takes of just what the cluster sends: the same rows, as many to a
/// transaction, and with each a new head, on the conditions that the owner and the head are what they
/// were.
fn ceiling(address: &str, each: f64) -> f64 {
    let place = EtcdPlace::parse(address, "/bare").expect("an address");
    let link = Link::open(&place).expect("etcd");
    let row = row(&link);
    let transact = |given, then| {
        let (asking, txn) = (Arc::clone(&link), Txn { given, then });
        let done = link.wait(async move { asking.transact(txn).await }).expect("an answer");
        done.expect("its conditions hold")
    };
    let head = |n: usize| format!("{{\"by\":\"bare/0123456789\",\"epoch\":1,\"latest\":{n}}}");
    let fence = transact(vec![], vec![RequestOp::put("/bare/owner", "bare/0123456789")]);
    transact(vec![], vec![RequestOp::put("/bare/head", head(0))]);
    let (began, mut sent, mut done) = (Instant::now(), 0, 0);
    while began.elapsed() < SPAN {
        sent += 1;
        let next = (sent as f64 * each) as usize;
        let given =
            vec![Compare::written("/bare/owner", fence), Compare::holds("/bare/head", head(done))];
        let put = |n: usize| RequestOp::put(format!("/bare/log/{n:020}"), row.clone());
        let then = (done..next).map(put).chain([RequestOp::put("/bare/head", head(next))]);
        transact(given, then.collect());
        done = next;
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

/// Seconds until all clusters answer.
async fn until_all(at: &Cluster, began: Instant) -> f64 {
    while said(at, &["cluster", "list"]).matches("https://").count() < CLUSTERS {
        assert!(began.elapsed().as_secs() < 300, "not all clusters come");
        tokio::time::sleep(PAUSE).await;
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
    let seconds = until_all(&c, began).await;
    aims.at_most("300 clusters of three replicas started", seconds, "s", 10.0);
    let loads = said(&b, &["replica", "list"]);
    let began = Instant::now();
    drop(a);
    let seconds = until_all(&c, began).await;
    println!("{}", loads.lines().nth(1).unwrap_or_default());
    aims.at_most("the clusters of one of them at the others", seconds, "s", 5.0);
}
