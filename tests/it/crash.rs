//! `kill -9` in the middle of a storm of writes, again and again: what was acknowledged is there,
//! once, and nothing else has changed. `POCKETSHIFT_CHAOS=900` goes on for 900 seconds.

use crate::support::{Child, lab};
use kube::Client;
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::Arc,
    time::Instant,
};
use tempfile::tempdir;
use tokio::sync::{Mutex, Semaphore};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const ROUNDS: usize = 8;
const WRITERS: usize = 4;

/// What the server acknowledged: name to uid, revision and number written; `None` once deleted.
type Acknowledged = BTreeMap<String, Option<(String, u64, String)>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost_or_doubled() {
    let dir = tempdir().expect("a folder");
    let known = Arc::new(Mutex::new(Acknowledged::new()));
    let (mut highest, began) = (0, Instant::now());
    let mut round = 0;
    while round < ROUNDS || began.elapsed() < crate::support::long() {
        let server = Child::start(dir.path(), &[]);
        let client = server.client(dir.path()).await;
        highest = verify(&client, &*known.lock().await, highest).await;
        storm(server, &client, &known, round).await;
        integrity(dir.path());
        round += 1;
    }
    let server = Child::start(dir.path(), &[]);
    let client = server.client(dir.path()).await;
    verify(&client, &*known.lock().await, highest).await;
    assert!(known.lock().await.len() > ROUNDS * WRITERS, "hardly anything was written");
}

/// Writers write until the server is killed, after a number of acknowledgements that differs from
/// round to round.
async fn storm(server: Child, client: &Client, known: &Arc<Mutex<Acknowledged>>, round: usize) {
    let acknowledged = Arc::new(Semaphore::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|w| {
            let writer = Writer {
                client: client.clone(),
                known: Arc::clone(known),
                acknowledged: Arc::clone(&acknowledged),
            };
            tokio::spawn(async move { writer.write(&format!("c-{round}-{w}")).await })
        })
        .collect();
    let enough = 10 + 13 * (round % ROUNDS) as u32;
    let _ = tokio::time::timeout(crate::support::BOUND, acknowledged.acquire_many(enough))
        .await
        .expect("writes are acknowledged");
    server.kill();
    for writer in writers {
        writer.await.expect("a writer ends with its server");
    }
}

struct Writer {
    client: Client,
    known: Arc<Mutex<Acknowledged>>,
    acknowledged: Arc<Semaphore>,
}

impl Writer {
    /// Creates, changes and deletes objects until the connection breaks. What was sent last and
    /// not answered may or may not have happened: its name is not used again.
    async fn write(self, prefix: &str) {
        for n in 0.. {
            let name = format!("{prefix}-{n}");
            let path = format!("{MAPS}/{name}");
            let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name}, "data": {"n": "0", "filler": "x".repeat(2_000)}});
            if !self.send("POST", MAPS, Some(body), &name).await {
                return;
            }
            let patch = json!({"data": {"n": "1"}});
            if n % 2 == 0 && !self.send("PATCH", &path, Some(patch), &name).await {
                return;
            }
            if n % 5 == 4 && !self.send("DELETE", &path, None, &name).await {
                return;
            }
        }
    }

    /// One write. Forgets what it knows of the object until the answer is there.
    async fn send(&self, method: &str, path: &str, body: Option<Value>, name: &str) -> bool {
        self.known.lock().await.remove(name);
        let content =
            if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content)
            .body(kube::client::Body::from(
                body.map(|b| b.to_string().into_bytes()).unwrap_or_default(),
            ))
            .expect("a request");
        let Ok(response) = self.client.send(request).await else { return false };
        let status = response.status();
        let Ok(bytes) = response.into_body().collect_bytes().await else { return false };
        assert!(status.is_success(), "{}", String::from_utf8_lossy(&bytes));
        let object: Value = serde_json::from_slice(&bytes).expect("an object");
        let state = (method != "DELETE").then(|| state(&object));
        self.known.lock().await.insert(name.into(), state);
        self.acknowledged.add_permits(1);
        true
    }
}

fn state(object: &Value) -> (String, u64, String) {
    let rev = object.str_at("metadata.resourceVersion").parse().expect("a revision");
    (object.str_at("metadata.uid").into(), rev, object.str_at("data.n").into())
}

/// Everything acknowledged is there exactly once and as it was; answers the highest revision.
async fn verify(client: &Client, known: &Acknowledged, before: u64) -> u64 {
    let list = lab::get(client, MAPS).await.expect(200);
    let items = list.list_at("items");
    let names: HashSet<&str> = items.iter().map(|o| o.name()).collect();
    assert_eq!(names.len(), items.len(), "an object twice");
    let found: BTreeMap<&str, _> = items.iter().map(|o| (o.name(), state(o))).collect();
    let revisions: HashSet<u64> = found.values().map(|s| s.1).collect();
    assert_eq!(revisions.len(), found.len(), "one revision for two writes");
    for (name, state) in known {
        assert_eq!(found.get(name.as_str()), state.as_ref(), "{name}");
    }
    let highest = list.str_at("metadata.resourceVersion").parse().expect("a revision");
    let acknowledged = known.values().flatten().map(|s| s.1).max().unwrap_or(0);
    assert!(highest >= before.max(acknowledged), "the counter fell back to {highest}");
    highest
}

/// The database itself is whole: pages, and one row of the log for each current object.
fn integrity(dir: &Path) {
    let copy = tempdir().expect("a folder");
    for name in ["pocketshift.db", "pocketshift.db-wal"] {
        let _ = std::fs::copy(dir.join(name), copy.path().join(name));
    }
    let database =
        rusqlite::Connection::open(copy.path().join("pocketshift.db")).expect("a database");
    let one = |sql: &str| -> String {
        database
            .query_row(sql, [], |r| r.get::<_, String>(0))
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
    };
    assert_eq!(one("PRAGMA integrity_check"), "ok");
    let orphans = "SELECT count(*) || '' FROM current c LEFT JOIN log l ON l.rev = c.rev \
                   AND l.resource = c.resource AND l.key = c.key AND NOT l.deleted WHERE l.rev IS NULL";
    assert_eq!(one(orphans), "0");
    let doubled = "SELECT count(*) || '' FROM (SELECT 1 FROM log GROUP BY resource, key, prev \
                   HAVING count(*) > 1 AND prev > 0)";
    assert_eq!(one(doubled), "0", "two changes replaced one revision");
}
