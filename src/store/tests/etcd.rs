//! A real etcd for tests: Debian's etcd-server on loopback, where it is or can be installed.

use super::{suite::Premises, *};
use crate::{
    etcd::EtcdPlace,
    store::{EtcdKeeper, OpenError, Since},
};
use jiff::SignedDuration;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};
use tempfile::TempDir;

/// An etcd that lives as long as the value.
pub(super) struct RealEtcd {
    process: Child,
    pub address: String,
    _dir: TempDir,
}

impl Drop for RealEtcd {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, installed if it is missing; `None` (and a word about it) where it cannot be had.
fn program() -> Option<&'static str> {
    let works = || Command::new("etcd").arg("--version").output().is_ok_and(|o| o.status.success());
    let lock = File::create(std::env::temp_dir().join("pocketshift-etcd.lock")).unwrap();
    lock.lock().unwrap();
    if !works() {
        let install = "apt-get update -q && apt-get install -qy etcd-server";
        let _ = Command::new("sh").args(["-c", install]).output();
    }
    let found = works().then_some("etcd");
    if found.is_none() {
        eprintln!("left out: there is no etcd here (Debian: etcd-server)");
    }
    found
}

/// A port nobody listens on.
fn free() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts one; `None` where there is none.
pub(super) fn real(flags: &[&str]) -> Option<RealEtcd> {
    let (program, dir) = (program()?, tempfile::tempdir().unwrap());
    let (clients, peers) = (free(), free());
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let mut process = Command::new(program)
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .args(["--listen-client-urls", &url(clients), "--advertise-client-urls", &url(clients)])
        .args(["--listen-peer-urls", &url(peers), "--initial-advertise-peer-urls", &url(peers)])
        .args(["--initial-cluster", &format!("default={}", url(peers))])
        .args(["--unsafe-no-fsync"])
        .args(flags)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What it says is read until it ends, so that it never waits for us.
    let said = BufReader::new(process.stderr.take().unwrap());
    std::thread::spawn(move || said.lines().for_each(drop));
    Some(RealEtcd { process, address: format!("etcd://127.0.0.1:{clients}"), _dir: dir })
}

impl RealEtcd {
    pub fn place(&self, prefix: &str) -> EtcdPlace {
        EtcdPlace::parse(&self.address, prefix).unwrap()
    }

    pub fn keeper(&self, prefix: &str, name: &str) -> Result<Arc<EtcdKeeper>, OpenError> {
        let (lease, patience) = (SignedDuration::from_secs(2), SignedDuration::from_secs(4));
        EtcdKeeper::open(&self.place(prefix), name, lease, patience)
    }

    /// A store below a prefix of its own.
    pub fn store(&self) -> Store {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("/test/{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let keeper = self.keeper(&prefix, "one").unwrap();
        opened(&keeper).unwrap()
    }
}

/// What the suite needs: an etcd that all tests that run at the same time share, and a prefix.
pub(super) struct EtcdPremises {
    etcd: Arc<RealEtcd>,
    prefix: String,
}

impl Premises for EtcdPremises {
    const LIVES: u32 = 6;

    fn fresh() -> Option<EtcdPremises> {
        static SHARED: Mutex<Weak<RealEtcd>> = Mutex::new(Weak::new());
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let mut shared = SHARED.lock().unwrap();
        let etcd = match shared.upgrade() {
            Some(etcd) => etcd,
            None => Arc::new(real(&[])?),
        };
        *shared = Arc::downgrade(&etcd);
        let prefix = format!("/suite/{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Some(EtcdPremises { etcd, prefix })
    }

    fn open(&self) -> (Box<dyn Engine>, Loaded) {
        let keeper = self.etcd.keeper(&self.prefix, "one").unwrap();
        let (engine, loaded) = crate::store::etcd::Etcd::open(&keeper, "main").unwrap();
        (Box::new(engine), loaded)
    }
}

/// The store `main` of a keeper.
pub(super) fn opened(keeper: &Arc<EtcdKeeper>) -> Result<Store, OpenError> {
    let etcd = Some((Arc::clone(keeper), "main".to_owned()));
    Store::open(&Options { etcd, ..Options::default() })
}

#[tokio::test]
async fn what_was_committed_is_there_at_the_next_start_with_its_history() {
    let Some(etcd) = real(&[]) else { return };
    let keeper = etcd.keeper("/a", "one").unwrap();
    let store = opened(&keeper).unwrap();
    for i in 0..300 {
        commit(&store, vec![create(&format!("a{i}"))]).await.unwrap();
    }
    commit(&store, vec![put("a1", Expect::Present, "new", &["x"])]).await.unwrap();
    commit(&store, vec![delete("a2", Expect::Present)]).await.unwrap();
    let (before, floor) = (all(&store.snapshot()), store.feed().floor());
    store.close();
    let store = opened(&keeper).unwrap();
    assert_eq!(all(&store.snapshot()), before);
    assert_eq!(store.snapshot().rev, 302);
    let Since::Changes(changes, _) = store.feed().since(floor, None) else { panic!("too old") };
    assert_eq!(changes.len(), 302);
    let last = changes.last().unwrap();
    assert!(last.deleted && last.before.as_ref().is_some_and(|e| &*e.key == "n/a2"));
    let taken = Error::Claimed { step: 0, value: "x".into() };
    assert_eq!(commit(&store, vec![put("b", Expect::Absent, "", &["x"])]).await.err(), Some(taken));
    assert_eq!(commit(&store, vec![create("c")]).await.unwrap()[0].as_ref().unwrap().rev, 303);
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_nothing_written() {
    let Some(etcd) = real(&[]) else { return };
    let store = etcd.store();
    let large = "x".repeat(1_600_000);
    let refused = commit(&store, vec![create("a"), put("b", Expect::Absent, &large, &[])]).await;
    assert!(matches!(refused, Err(Error::Large(_))));
    let many = (0..200).map(|i| create(&format!("m{i}"))).collect();
    assert!(matches!(commit(&store, many).await, Err(Error::Large(_))));
    assert_eq!(all(&store.snapshot()), []);
    // Many small batches at once are as many transactions as it takes.
    let one = |i: usize| {
        store.commit(vec![put(&format!("s{i}"), Expect::Absent, &"y".repeat(20_000), &[])])
    };
    let done = futures_util::future::join_all((0..400).map(one)).await;
    assert!(done.iter().all(Result::is_ok));
    assert_eq!(all(&store.snapshot()).len(), 400);
}

#[tokio::test]
async fn who_was_taken_for_dead_writes_nothing_any_more() {
    let Some(etcd) = real(&[]) else { return };
    let one = etcd.keeper("/b", "one").unwrap();
    let first = opened(&one).unwrap();
    commit(&first, vec![create("a")]).await.unwrap();
    // As if it was paused for longer than its lease.
    one.end().await;
    let two = etcd.keeper("/b", "two").unwrap();
    let second = opened(&two).unwrap();
    commit(&second, vec![create("b")]).await.unwrap();
    for _ in 0..2 {
        let refused = commit(&first, vec![create("late")]).await;
        assert!(matches!(refused, Err(Error::Away(_))));
    }
    assert!(first.health().is_err());
    assert_eq!(all(&first.snapshot()).len(), 1, "reads go on");
    assert_eq!(commit(&second, vec![create("c")]).await.unwrap()[0].as_ref().unwrap().rev, 3);
    second.close();
    // It is not its own any more even when nobody has it.
    assert!(matches!(commit(&first, vec![create("late")]).await, Err(Error::Away(_))));
    let third = opened(&two).unwrap();
    let names: Vec<String> = all(&third.snapshot()).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

/// Several transactions are under way when the cluster is taken.
#[tokio::test]
async fn what_was_acknowledged_of_many_under_way_is_there_after_a_takeover() {
    let Some(etcd) = real(&[]) else { return };
    let one = etcd.keeper("/g", "one").unwrap();
    let first = opened(&one).unwrap();
    let mut writers = futures_util::stream::FuturesUnordered::new();
    for i in 0..3000 {
        let store = first.clone();
        writers.push(async move {
            let name = format!("n{i}");
            (store.commit(vec![create(&name)]).await.is_ok(), name)
        });
    }
    let (mut acknowledged, mut refused, mut ended) = (Vec::new(), 0, false);
    while let Some((done, name)) = futures_util::StreamExt::next(&mut writers).await {
        match done {
            true => acknowledged.push(name),
            false => refused += 1,
        }
        if acknowledged.len() >= 700 && !ended {
            one.end().await;
            ended = true;
        }
    }
    assert!(refused > 0 && acknowledged.len() >= 700, "{refused} of 3000 were refused");
    let second = opened(&etcd.keeper("/g", "two").unwrap()).unwrap();
    let kept = all(&second.snapshot());
    let lost: Vec<_> = acknowledged.iter().filter(|n| !kept.iter().any(|k| k.0 == **n)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let mut revisions: Vec<u64> = kept.iter().map(|k| k.1).collect();
    revisions.sort_unstable();
    assert!(revisions.into_iter().eq(1..=second.snapshot().rev), "nothing is there twice");
}

#[tokio::test]
async fn a_cluster_that_somebody_has_is_not_taken() {
    let Some(etcd) = real(&[]) else { return };
    let one = etcd.keeper("/c", "one").unwrap();
    let first = opened(&one).unwrap();
    let two = etcd.keeper("/c", "two").unwrap();
    let why = tokio::task::spawn_blocking(move || opened(&two).map(drop)).await.unwrap();
    let why = why.unwrap_err().to_string();
    assert!(why.contains("held by one, which lives") && !why.contains('\n'), "{why}");
    commit(&first, vec![create("a")]).await.unwrap();
}

#[tokio::test]
async fn foreign_keys_and_newer_formats_are_left_alone() {
    let Some(etcd) = real(&[]) else { return };
    let link = crate::etcd::Link::open(&etcd.place("/d")).unwrap();
    let put = async |key: &'static str, value: &'static str| {
        let then = vec![crate::etcd::RequestOp::put(key, value)];
        let txn = crate::etcd::Txn { given: vec![], then };
        link.transact(txn).await.unwrap();
    };
    put("/d/other", "1").await;
    put("/e/format", r#"{"pocketshift":99}"#).await;
    let said = |prefix: &str| etcd.keeper(prefix, "one").map(drop).unwrap_err().to_string();
    assert!(said("/d").contains("keys that pocketshift has not written"), "{}", said("/d"));
    assert!(said("/e").contains("has format 99"), "{}", said("/e"));
    let kept = link.all("/d/".into(), "/d0".into()).await.unwrap().rows;
    assert_eq!(kept.len(), 1, "nothing was changed");
}

#[tokio::test]
async fn the_history_is_forgotten_with_what_is_written_next() {
    let Some(etcd) = real(&[]) else { return };
    let keeper = etcd.keeper("/f", "one").unwrap();
    let options = |window_bytes| Options {
        etcd: Some((Arc::clone(&keeper), "main".to_owned())),
        window_bytes,
        ..Options::default()
    };
    let store = Store::open(&options(20_000)).unwrap();
    commit(&store, vec![create("a")]).await.unwrap();
    for i in 0..1000 {
        commit(&store, vec![put("a", Expect::Present, &i.to_string(), &[])]).await.unwrap();
    }
    commit(&store, vec![create("gone")]).await.unwrap();
    commit(&store, vec![delete("gone", Expect::Present)]).await.unwrap();
    let rows = keeper.link().all("/f/clusters/main/log/".into(), "/f/clusters/main/log0".into());
    let kept = rows.await.unwrap().rows.len();
    assert!((2..600).contains(&kept), "{kept} rows are left");
    let before = all(&store.snapshot());
    store.close();
    let store = Store::open(&options(20_000)).unwrap();
    assert_eq!(all(&store.snapshot()), before);
    assert_eq!(store.snapshot().rev, 1003);
}

#[tokio::test]
async fn what_clusters_have_alike_is_read_once() {
    let Some(etcd) = real(&[]) else { return };
    let keeper = etcd.keeper("/h", "one").unwrap();
    let template = Store::open(&Options::default()).unwrap();
    commit(&template, vec![create("a"), create("b")]).await.unwrap();
    let parts = template.parts().await.unwrap();
    let first = Store::begin_at(&keeper, "first", &parts).unwrap();
    let second = Store::begin_at(&keeper, "second", &parts).unwrap();
    commit(&second, vec![put("b", Expect::Present, "another", &[])]).await.unwrap();
    first.close();
    second.close();
    let open = |name: &str| {
        let etcd = Some((Arc::clone(&keeper), name.to_owned()));
        Store::open(&Options { etcd, ..Options::default() }).unwrap().snapshot()
    };
    let (first, second) = (open("first"), open("second"));
    let entry =
        |of: &Snapshot, name: &str| of.get_key("things", &format!("n/{name}")).cloned().unwrap();
    assert!(Arc::ptr_eq(&entry(&first, "a"), &entry(&second, "a")), "nobody has changed it");
    assert_eq!(all(&first)[1].1, 2);
    assert_eq!(all(&second)[1].1, 3, "what one of them has changed is its own");
}
