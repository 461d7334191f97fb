//! Three members of etcd and three replicas under load, of which some are killed, paused, cut off and
//! started again: a checker looks at everything that anybody was told. Nothing acknowledged is lost, nothing is
//! there twice, every object changes as if one after the other had changed it, no read is older than
//! what was acknowledged before it began, and every watch has seen all of it in order.
//!
//! Every kind of accident happens once; `POCKETSHIFT_CHAOS=900` goes on for so many seconds.

use crate::support::{
    Child, Etcd,
    etcd::{free, signal},
    gate::Gate,
    lab::{self, get},
};
use futures_util::StreamExt;
use kube::{
    Api, Client,
    api::{DynamicObject, WatchEvent, WatchParams},
};
use parking_lot::Mutex;
use pocketshift::{kinds, world::Entropy};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// Objects that all writers change.
const SHARED: u64 = 4;
const WRITERS: u64 = 6;
/// How long one request is waited for; what came of it is then not known.
const PATIENCE: Duration = Duration::from_secs(4);

/// What somebody did and was told, between two moments.
#[derive(Clone, Debug)]
struct Deed {
    name: String,
    began: Instant,
    ended: Instant,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// A write of a value that nobody else writes, acknowledged at a revision or not answered.
    Write { value: u64, rev: Option<u64> },
    /// A read: the revision and the value that were there.
    Read { rev: u64, value: u64 },
}

/// What everybody shares.
struct Field {
    entropy: Entropy,
    clients: Vec<Client>,
    deeds: Mutex<Vec<Deed>>,
    values: AtomicU64,
    acknowledged: watch::Sender<u64>,
    over: AtomicBool,
}

fn rev(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).unwrap_or(0)
}

fn value(object: &Value) -> u64 {
    object["data"]["v"].as_str().and_then(|v| v.parse().ok()).unwrap_or(0)
}

fn map(name: &str, value: u64, rev: Option<u64>) -> Value {
    let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name}, "data": {"v": value.to_string()}});
    if let Some(rev) = rev {
        map["metadata"]["resourceVersion"] = rev.to_string().into();
    }
    map
}

impl Field {
    fn client(&self) -> &Client {
        &self.clients[self.entropy.below(self.clients.len() as u64) as usize]
    }

    async fn write(&self, method: &str, name: &str, expect: Option<u64>) {
        let value = self.values.fetch_add(1, Ordering::Relaxed) + 1;
        let path = if method == "POST" { MAPS.to_owned() } else { format!("{MAPS}/{name}") };
        let body = map(name, value, expect);
        let began = Instant::now();
        let asked = lab::try_send(self.client(), method, &path, &body);
        let answer = timeout(PATIENCE, asked).await.ok().flatten();
        let rev = match answer {
            Some((200 | 201, object)) => Some(rev(&object)),
            // It was not done, and everybody knows.
            Some((404 | 409 | 429, _)) => return,
            _ => None,
        };
        let what = What::Write { value, rev };
        self.deeds.lock().push(Deed { name: name.into(), began, ended: Instant::now(), what });
        if rev.is_some() {
            self.acknowledged.send_modify(|count| *count += 1);
        }
    }

    /// Reads an object; answers its revision.
    async fn read(&self, name: &str) -> Option<u64> {
        let began = Instant::now();
        let path = format!("{MAPS}/{name}");
        let asked = lab::try_get(self.client(), &path);
        let (code, warned, object) = timeout(PATIENCE, asked).await.ok().flatten()?;
        if code != 200 {
            return None;
        }
        let (rev, value) = (rev(&object), value(&object));
        if !warned {
            let what = What::Read { rev, value };
            self.deeds.lock().push(Deed { name: name.into(), began, ended: Instant::now(), what });
        }
        Some(rev)
    }

    async fn work(&self, writer: u64) {
        for n in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let shared = format!("c-{}", self.entropy.below(SHARED));
            match self.entropy.below(10) {
                0..2 => self.write("POST", &format!("c-{writer}-{n}"), None).await,
                2..4 => {
                    self.read(&shared).await;
                }
                _ => match self.read(&shared).await {
                    Some(rev) => self.write("PUT", &shared, Some(rev)).await,
                    None => self.write("POST", &shared, None).await,
                },
            }
        }
    }

    /// Follows all changes from a revision until the last object comes, at one replica after the other.
    async fn follow(&self, mut from: u64) -> Vec<(u64, String, u64)> {
        let mut seen = Vec::new();
        loop {
            let maps = kinds::by_kind("v1", "ConfigMap").expect("a kind");
            let api: Api<DynamicObject> = lab::objects(self.client(), maps, "default");
            let params = WatchParams::default();
            let begin = timeout(PATIENCE, api.watch(&params, &from.to_string())).await;
            let Ok(Ok(events)) = begin else { continue };
            let mut events = std::pin::pin!(events);
            while let Ok(Some(Ok(event))) = timeout(PATIENCE, events.next()).await {
                let object = match event {
                    WatchEvent::Added(o) | WatchEvent::Modified(o) => serde_json::to_value(&o),
                    WatchEvent::Error(e) if e.code == 410 => panic!("a watch from {from}: {e:?}"),
                    _ => continue,
                };
                let object = object.expect("an object");
                from = rev(&object);
                let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                if name.starts_with("c-") {
                    seen.push((from, name.clone(), value(&object)));
                }
                if name == "c-end" {
                    return seen;
                }
            }
        }
    }

    /// Waits until so many more writes were acknowledged.
    async fn progress(&self, more: u64) {
        let mut acknowledged = self.acknowledged.subscribe();
        let goal = *acknowledged.borrow() + more;
        let reached = acknowledged.wait_for(|count| *count >= goal);
        let reached = timeout(crate::support::BOUND, reached).await;
        assert!(reached.is_ok_and(|r| r.is_ok()), "nothing is acknowledged any more");
    }
}

/// A replica that can be started again where it was, and its ways to etcd.
struct Seat {
    dir: TempDir,
    ways: Vec<Gate>,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Seat {
    async fn new(etcd: &Etcd, name: &str) -> Seat {
        let ports = [free(), free()].map(|port| port.to_string());
        let mut ways = Vec::new();
        for port in etcd.ports() {
            ways.push(Gate::to(port).await);
        }
        let members: Vec<String> = ways.iter().map(|w| format!("127.0.0.1:{}", w.port)).collect();
        let address = format!("etcd://{}", members.join(","));
        let arguments = ["--store", &address, "--replica", name, "--secure-port", &ports[0]]
            .into_iter()
            .chain(["--registry-port", &ports[1]])
            .map(str::to_owned)
            .collect();
        let dir = tempfile::tempdir().expect("a folder");
        let mut seat = Seat { dir, ways, arguments, child: None };
        tokio::task::block_in_place(|| seat.start());
        seat
    }

    fn start(&mut self) {
        let mut command = crate::support::child::program(self.dir.path());
        command.args(["serve", "--instant", "--data-dir"]).arg(self.dir.path());
        self.child = Some(Child::spawn(command.args(&self.arguments)));
    }

    async fn client(&self) -> Client {
        let file = self.dir.path().join("kubeconfig");
        lab::client(&std::fs::read_to_string(file).expect("a kubeconfig"), None).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_was_acknowledged_is_lost_and_nothing_is_there_twice() {
    let Some(mut etcd) = Etcd::start(3, &["--unsafe-no-fsync"]) else { return };
    let (mut seats, mut clients) = (Vec::new(), Vec::new());
    for name in ["a", "b", "c"] {
        let seat = Seat::new(&etcd, name).await;
        clients.push(seat.client().await);
        seats.push(seat);
    }
    let from = rev(&get(&clients[0], MAPS).await.expect(200));
    let field = Arc::new(Field {
        entropy: Entropy::seeded(1),
        clients,
        deeds: Mutex::default(),
        values: AtomicU64::new(0),
        acknowledged: watch::Sender::new(0),
        over: AtomicBool::new(false),
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let field = Arc::clone(&field);
            tokio::spawn(async move { field.work(writer).await })
        })
        .collect();
    let watchers: Vec<_> = (0..2)
        .map(|_| {
            let field = Arc::clone(&field);
            tokio::spawn(async move { field.follow(from).await })
        })
        .collect();
    let (began, mut rounds) = (Instant::now(), 0);
    while rounds == 0 || began.elapsed() < crate::support::long() {
        for accident in 0..5 {
            let which = field.entropy.below(3) as usize;
            field.progress(20).await;
            accidents(accident, which, &field, &mut etcd, &mut seats).await;
        }
        rounds += 1;
    }
    field.progress(20).await;
    field.over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer");
    }
    while !field.deeds.lock().iter().any(|deed| deed.name == "c-end" && deed.is_acknowledged()) {
        field.write("POST", "c-end", None).await;
        let there = field.read("c-end").await;
        if there.is_some() {
            break;
        }
    }
    let mut histories = Vec::new();
    for watcher in watchers {
        let seen = timeout(crate::support::BOUND, watcher).await.expect("the end is seen");
        histories.push(seen.expect("a watch"));
    }
    let deeds = std::mem::take(&mut *field.deeds.lock());
    let problems = check(&deeds, &histories);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let acknowledged = deeds.iter().filter(|deed| deed.is_acknowledged()).count();
    println!("{rounds} rounds, {acknowledged} writes acknowledged, {} deeds", deeds.len());
}

/// Something happens, and the rest goes on all the same.
async fn accidents(
    accident: u64,
    which: usize,
    field: &Field,
    etcd: &mut Etcd,
    seats: &mut [Seat],
) {
    match accident {
        0 => {
            seats[which].child.take().expect("it runs").kill();
            field.progress(20).await;
            tokio::task::block_in_place(|| seats[which].start());
        }
        1 => {
            let process = seats[which].child.as_ref().expect("it runs").id();
            signal(process, "STOP");
            field.progress(20).await;
            signal(process, "CONT");
        }
        2 => {
            etcd.kill(which);
            field.progress(20).await;
            etcd.start_member(which);
        }
        3 => {
            etcd.signal(which, "STOP");
            field.progress(20).await;
            etcd.signal(which, "CONT");
        }
        _ => {
            seats[which].ways.iter().for_each(|way| way.set(false));
            field.progress(20).await;
            seats[which].ways.iter().for_each(|way| way.set(true));
        }
    }
}

impl Deed {
    fn is_acknowledged(&self) -> bool {
        matches!(self.what, What::Write { rev: Some(_), .. })
    }
}

/// What is wrong with what everybody did and saw.
fn check(deeds: &[Deed], histories: &[Vec<(u64, String, u64)>]) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, history) in histories.iter().enumerate() {
        if let Some(pair) = history.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            problems.push(format!("watch {at} goes from {:?} to {:?}", pair[0], pair[1]));
        }
        if history != &histories[0] {
            let sets = [history, &histories[0]].map(|h| h.iter().collect::<BTreeSet<_>>());
            let odd: Vec<_> = sets[0].symmetric_difference(&sets[1]).take(5).collect();
            problems.push(format!("watch {at} has seen something else: {odd:?}"));
        }
    }
    let happened: BTreeMap<u64, (&str, u64)> =
        histories[0].iter().map(|(rev, name, value)| (*rev, (name.as_str(), *value))).collect();
    let mut by_value: HashMap<u64, u64> = HashMap::new();
    for (rev, (name, value)) in &happened {
        if let Some(before) = by_value.insert(*value, *rev) {
            problems.push(format!("{name}: value {value} is there at {before} and at {rev}"));
        }
    }
    let mut writes: Vec<(u64, &Deed)> = Vec::new();
    let mut asked: BTreeSet<u64> = BTreeSet::new();
    for deed in deeds {
        let What::Write { value, rev } = deed.what else { continue };
        asked.insert(value);
        let found = by_value.get(&value).copied();
        match (rev, found) {
            (Some(rev), found) if found != Some(rev) => {
                problems.push(format!("acknowledged at {rev}, found at {found:?}: {deed:?}"));
            }
            (Some(rev), _) => writes.push((rev, deed)),
            _ => {}
        }
    }
    problems.extend(by_value.iter().filter(|(value, _)| !asked.contains(value)).map(
        |(value, rev)| format!("value {value} at {rev} was never acknowledged, nor left open"),
    ));
    problems.extend(order(writes, deeds, &happened));
    problems
}

/// Whether what was over before something else began has the smaller revision.
fn order(
    mut writes: Vec<(u64, &Deed)>,
    deeds: &[Deed],
    happened: &BTreeMap<u64, (&str, u64)>,
) -> Vec<String> {
    let mut problems = Vec::new();
    writes.sort_by_key(|(rev, _)| *rev);
    let mut latest: Option<&Deed> = None;
    for (_, deed) in &writes {
        if let Some(other) = latest.filter(|other| deed.ended < other.began) {
            problems.push(format!("{other:?} began after {deed:?} was over, and is before it"));
        }
        if latest.is_none_or(|other| other.began < deed.began) {
            latest = Some(deed);
        }
    }
    let mut by_end: Vec<_> = writes.clone();
    by_end.sort_by_key(|(_, deed)| deed.ended);
    let mut reads: Vec<&Deed> =
        deeds.iter().filter(|deed| matches!(deed.what, What::Read { .. })).collect();
    reads.sort_by_key(|deed| deed.began);
    let (mut known, mut next): (HashMap<&str, u64>, usize) = (HashMap::new(), 0);
    for read in reads {
        while let Some((rev, write)) = by_end.get(next).filter(|(_, w)| w.ended < read.began) {
            let newest = known.entry(write.name.as_str()).or_default();
            (*newest, next) = ((*newest).max(*rev), next + 1);
        }
        let What::Read { rev, value } = read.what else { continue };
        if known.get(read.name.as_str()).is_some_and(|newest| *newest > rev) {
            problems.push(format!("older than {:?}: {read:?}", known[read.name.as_str()]));
        }
        if happened.get(&rev) != Some(&(read.name.as_str(), value)) {
            problems.push(format!("never happened: {read:?}"));
        }
    }
    problems
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let start = Instant::now();
    let at = |millis: u64| start + Duration::from_millis(millis);
    let write = |name: &str, value, rev, from, to| Deed {
        name: name.into(),
        began: at(from),
        ended: at(to),
        what: What::Write { value, rev },
    };
    let read = |rev, value, from, to| Deed {
        name: "c".into(),
        began: at(from),
        ended: at(to),
        what: What::Read { rev, value },
    };
    let seen = |all: &[(u64, u64)]| -> Vec<(u64, String, u64)> {
        all.iter().map(|(rev, value)| (*rev, "c".to_owned(), *value)).collect()
    };
    let good = [write("c", 1, Some(5), 0, 1), write("c", 2, None, 2, 9), read(5, 1, 3, 4)];
    assert!(check(&good, &[seen(&[(5, 1)]), seen(&[(5, 1)])]).is_empty());
    assert!(check(&good, &[seen(&[(5, 1), (6, 2)])]).is_empty(), "what was left open may be there");
    let wrong: [(&[Deed], Vec<Vec<(u64, String, u64)>>, &str); 6] = [
        (&good, vec![seen(&[])], "found at None"),
        (&good, vec![seen(&[(5, 1), (6, 1)])], "is there at 5 and at 6"),
        (&good, vec![seen(&[(5, 1)]), seen(&[(5, 1), (6, 2)])], "something else"),
        (&good, vec![seen(&[(5, 1), (6, 3)])], "never acknowledged"),
        (
            &[write("c", 1, Some(6), 0, 1), write("c", 2, Some(5), 2, 3)],
            vec![seen(&[(5, 2), (6, 1)])],
            "is before it",
        ),
        (
            &[write("c", 1, Some(5), 0, 1), write("c", 2, Some(6), 2, 3), read(5, 1, 4, 5)],
            vec![seen(&[(5, 1), (6, 2)])],
            "older than",
        ),
    ];
    for (deeds, histories, word) in wrong {
        let problems = check(deeds, &histories);
        assert!(problems.iter().any(|problem| problem.contains(word)), "{word}: {problems:?}");
    }
}
