//! Watches and lists tell one story: whoever lists and then watches knows what somebody knows who
//! lists later, whatever happens in between.

use crate::support::{
    BOUND, Child, Lab, Wire,
    lab::{get, open, send},
};
use futures_util::{StreamExt, stream::BoxStream};
use http_body_util::BodyStream;
use kube::Client;
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tempfile::tempdir;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A watch read line by line.
struct Watch {
    chunks: BoxStream<'static, Vec<u8>>,
    rest: Vec<u8>,
    seen: Vec<String>,
}

impl Watch {
    async fn start(client: &Client, query: &str) -> Watch {
        Watch::of(client, &format!("{MAPS}?watch=true&{query}"), "application/json").await
    }

    async fn of(client: &Client, path: &str, accept: &str) -> Watch {
        let response = open(client, "GET", path, &[("accept", accept)], vec![]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "application/json");
        let chunks = BodyStream::new(response.into_body())
            .map(|f| f.expect("a chunk").into_data().unwrap_or_default().to_vec())
            .boxed();
        Watch { chunks, rest: Vec::new(), seen: Vec::new() }
    }

    /// The next event; `None` when the server ended the watch.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).expect("an event a line");
                self.seen.push(said(&event));
                return Some(event);
            }
            match tokio::time::timeout(BOUND, self.chunks.next()).await {
                Ok(Some(chunk)) => self.rest.extend(chunk),
                Ok(None) => return None,
                Err(_) => panic!("no event for {BOUND:?} after {:?}", self.seen),
            }
        }
    }

    /// What the next events say, as `TYPE name`.
    async fn says(&mut self, expected: &[&str]) {
        for wanted in expected {
            let event = self.next().await.unwrap_or_else(|| panic!("ended before {wanted}"));
            assert_eq!(said(&event), *wanted, "after {:?}", self.seen);
        }
    }
}

fn said(event: &Value) -> String {
    format!("{} {}", event.str_at("type"), event["object"].name()).trim_end().to_owned()
}

fn map(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}})
}

async fn make(client: &Client, name: &str, labels: Value) -> Value {
    send(client, "POST", MAPS, "", Some(&map(name, labels))).await.expect(201)
}

async fn label(client: &Client, name: &str, labels: Value) -> Value {
    let patch = json!({"metadata": {"labels": labels}});
    send(client, "PATCH", &format!("{MAPS}/{name}"), "", Some(&patch)).await.expect(200)
}

async fn remove(client: &Client, name: &str) {
    send(client, "DELETE", &format!("{MAPS}/{name}"), "", None).await.expect(200);
}

async fn revision(client: &Client) -> String {
    get(client, MAPS).await.expect(200).str_at("metadata.resourceVersion").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_list_closes_with_a_bookmark() {
    let lab = Lab::start().await;
    make(&lab.client, "w-a", json!({"app": "w"})).await;
    make(&lab.client, "w-b", json!({"app": "w"})).await;
    let query = "labelSelector=app%3Dw&sendInitialEvents=true&allowWatchBookmarks=true\
                 &resourceVersionMatch=NotOlderThan";
    let mut watch = Watch::start(&lab.client, query).await;
    watch.says(&["ADDED w-a", "ADDED w-b"]).await;
    let mark = watch.next().await.expect("a bookmark");
    assert_eq!(mark.str_at("type"), "BOOKMARK");
    assert_eq!(mark["object"].annotation("k8s.io/initial-events-end"), Some("true"), "{mark}");
    assert_eq!(mark["object"]["kind"], "ConfigMap");
    let at: u64 = mark.str_at("object.metadata.resourceVersion").parse().expect("a revision");
    let new = make(&lab.client, "w-c", json!({"app": "w"})).await;
    watch.says(&["ADDED w-c"]).await;
    assert!(new.str_at("metadata.resourceVersion").parse::<u64>().expect("a revision") > at);

    // Without bookmarks there is nothing to close with, and the parameter needs its partner.
    let refused = get(&lab.client, &format!("{MAPS}?watch=true&sendInitialEvents=true")).await;
    let status = refused.expect(422);
    assert_eq!(status.str_at("reason"), "Invalid");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_watch_begins() {
    let lab = Lab::start().await;
    let client = &lab.client;
    make(client, "b-a", json!({"app": "b"})).await;
    let from = revision(client).await;
    make(client, "b-b", json!({"app": "b"})).await;
    remove(client, "b-a").await;
    // From a revision: all that came later, and nothing else.
    let mut watch =
        Watch::start(client, &format!("labelSelector=app%3Db&resourceVersion={from}")).await;
    watch.says(&["ADDED b-b", "DELETED b-a"]).await;
    // From 0 or nothing: what is there now comes as ADDED.
    for query in ["labelSelector=app%3Db&resourceVersion=0", "labelSelector=app%3Db"] {
        Watch::start(client, query).await.says(&["ADDED b-b"]).await;
    }
    // A time-out ends a watch without a word.
    let mut short = Watch::start(client, "labelSelector=app%3Db&timeoutSeconds=1").await;
    short.says(&["ADDED b-b"]).await;
    assert_eq!(short.next().await, None);
    lab.stop().await;
}

/// An object that begins or ceases to match a selector comes and goes for that watch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn selectors_turn_changes_into_comings_and_goings() {
    let lab = Lab::start().await;
    let client = &lab.client;
    let from = revision(client).await;
    let mut labels =
        Watch::start(client, &format!("labelSelector=app%3Ds&resourceVersion={from}")).await;
    let mut names =
        Watch::start(client, &format!("fieldSelector=metadata.name%3Ds-a&resourceVersion={from}"))
            .await;
    make(client, "s-a", json!({"app": "other"})).await;
    label(client, "s-a", json!({"app": "s"})).await;
    label(client, "s-a", json!({"more": "1"})).await;
    let gone = label(client, "s-a", json!({"app": null})).await;
    label(client, "s-a", json!({"app": "s"})).await;
    remove(client, "s-a").await;
    labels.says(&["ADDED s-a", "MODIFIED s-a"]).await;
    let left = labels.next().await.expect("an event");
    assert_eq!(said(&left), "DELETED s-a");
    // The last matching state, at the revision that took it away.
    assert_eq!(left["object"].label("app"), Some("s"), "{left}");
    assert_eq!(left.at("object.metadata.resourceVersion"), gone.at("metadata.resourceVersion"));
    labels.says(&["ADDED s-a", "DELETED s-a"]).await;
    names
        .says(&[
            "ADDED s-a",
            "MODIFIED s-a",
            "MODIFIED s-a",
            "MODIFIED s-a",
            "MODIFIED s-a",
            "DELETED s-a",
        ])
        .await;
    lab.stop().await;
}

/// History is kept for a window of bytes; whoever comes with an older revision is told to list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_old_is_gone() {
    let lab = Lab::start().await;
    let client = &lab.client;
    make(client, "o-big", json!({})).await;
    make(client, "o-small", json!({})).await;
    let from = revision(client).await;
    let first = get(client, &format!("{MAPS}?limit=1")).await.expect(200);
    let token = first.str_at("metadata.continue").to_owned();
    assert!(!token.is_empty(), "{first}");
    // 40 replaced revisions of 900 kB are more than any window of 24 MiB holds.
    let filler = "x".repeat(900_000);
    for n in 0..40 {
        let patch = json!({"data": {"n": n.to_string(), "filler": filler}});
        send(client, "PATCH", &format!("{MAPS}/o-big"), "", Some(&patch)).await.expect(200);
    }
    let status =
        get(client, &format!("{MAPS}?watch=true&resourceVersion={from}")).await.expect(410);
    assert_eq!(status.str_at("reason"), "Expired");
    assert!(
        status.str_at("message").starts_with(&format!("too old resource version: {from} (")),
        "{status}"
    );
    let exact = format!("{MAPS}?resourceVersion={from}&resourceVersionMatch=Exact");
    assert_eq!(get(client, &exact).await.expect(410).str_at("reason"), "Expired");
    let page = get(client, &format!("{MAPS}?limit=1&continue={token}")).await.expect(410);
    assert_eq!(page.str_at("reason"), "Expired");
    let fresh = page.str_at("metadata.continue");
    assert!(!fresh.is_empty(), "no way on is offered: {page}");
    let rest = get(client, &format!("{MAPS}?limit=500&continue={fresh}")).await.expect(200);
    assert!(rest.list_at("items").iter().any(|o| o.name() == "o-small"));
    lab.stop().await;
}

/// Random writes; whoever listed at any moment and then watched knows in the end what the server
/// knows, with and without a selector.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_and_watch_add_up() {
    let lab = Lab::start().await;
    for seed in 1..=4 {
        let writer = tokio::spawn(write_at_random(lab.client.clone(), seed, 150));
        let mut readers = Vec::new();
        for selector in ["", "labelSelector=colour%3Dred", "labelSelector=colour%21%3Dred"] {
            for _ in 0..2 {
                readers.push(tokio::spawn(follow(lab.client.clone(), selector, seed)));
            }
        }
        writer.await.expect("all writes");
        let end = make(&lab.client, &format!("end-{seed}"), json!({"colour": "red"})).await;
        make(&lab.client, &format!("stop-{seed}"), json!({"colour": "blue"})).await;
        assert!(!end.is_null());
        for reader in readers {
            let (selector, known) = reader.await.expect("a reader");
            let list = get(&lab.client, &format!("{MAPS}?{selector}")).await.expect(200);
            let truth = table(list.list_at("items"));
            let ends = |n: &String| n.starts_with("end-") || n.starts_with("stop-");
            let clean = |m: BTreeMap<String, Value>| -> BTreeMap<_, _> {
                m.into_iter().filter(|(n, _)| !ends(n)).collect()
            };
            assert_eq!(clean(known), clean(truth), "seed {seed}, {selector}");
        }
    }
    lab.stop().await;
}

fn table(items: &[Value]) -> BTreeMap<String, Value> {
    let kept =
        |o: &Value| (o.name().to_owned(), json!([o.at("metadata.resourceVersion"), o.at("data")]));
    items.iter().map(kept).collect()
}

/// Lists, then watches until the end of the writes; answers what it then knows.
async fn follow(
    client: Client,
    selector: &'static str,
    seed: u64,
) -> (&'static str, BTreeMap<String, Value>) {
    let list = get(&client, &format!("{MAPS}?{selector}")).await.expect(200);
    let mut known = table(list.list_at("items"));
    let from = list.str_at("metadata.resourceVersion");
    let mut watch = Watch::start(&client, &format!("{selector}&resourceVersion={from}")).await;
    let (end, stop) = (format!("end-{seed}"), format!("stop-{seed}"));
    let mut last = 0;
    loop {
        let event = watch.next().await.expect("the watch lives");
        let object = &event["object"];
        let rev: u64 = object.str_at("metadata.resourceVersion").parse().expect("a revision");
        assert!(rev > last, "{rev} after {last}");
        last = rev;
        match event.str_at("type") {
            "ADDED" => {
                assert!(!known.contains_key(object.name()), "added twice: {event}");
                known.extend(table(std::slice::from_ref(object)));
            }
            "MODIFIED" => {
                assert!(known.contains_key(object.name()), "modified before added: {event}");
                known.extend(table(std::slice::from_ref(object)));
            }
            "DELETED" => assert!(known.remove(object.name()).is_some(), "deleted twice: {event}"),
            other => panic!("{other}: {event}"),
        }
        if object.name() == end || object.name() == stop {
            return (selector, known);
        }
    }
}

/// Creates, changes, relabels and deletes objects as the seed says.
async fn write_at_random(client: Client, seed: u64, writes: usize) {
    let mut state = seed;
    let mut draw = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for n in 0..writes {
        let name = format!("r{seed}-{}", draw(12));
        let path = format!("{MAPS}/{name}");
        let colour = ["red", "blue"][draw(2) as usize];
        let reply = match draw(5) {
            0 | 1 => {
                send(&client, "POST", MAPS, "", Some(&map(&name, json!({"colour": colour})))).await
            }
            2 => send(&client, "DELETE", &path, "", None).await,
            3 => {
                let patch = json!({"metadata": {"labels": {"colour": colour}}});
                send(&client, "PATCH", &path, "", Some(&patch)).await
            }
            _ => {
                let patch = json!({"data": {"n": n.to_string()}});
                send(&client, "PATCH", &path, "", Some(&patch)).await
            }
        };
        assert!([200, 201, 404, 409].contains(&reply.code), "{}", reply.text());
    }
}

/// However short the grace: whoever watches sees when a pod ends before it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_is_marked_before_it_is_gone() {
    let lab = Lab::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = |name: &str, scheduler: &str| {
        json!({"metadata": {"name": name}, "spec": {"schedulerName": scheduler,
            "terminationGracePeriodSeconds": 1, "containers": [
                {"name": "c", "image": "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}})
    };
    let make = async |name: &str, scheduler: &str| {
        let made = send(&lab.client, "POST", pods, "", Some(&pod(name, scheduler))).await;
        made.expect(201).str_at("metadata.resourceVersion").to_owned()
    };
    let rows = [("waiting", "nobody", None), ("forced", "default-scheduler", Some(0))];
    for (name, scheduler, grace) in rows.into_iter().chain([("let-go", "default-scheduler", None)])
    {
        let rev = make(name, scheduler).await;
        lab.server().world.activity.calm().await;
        let options = grace.map(|grace: i64| json!({"gracePeriodSeconds": grace}));
        let at = format!("{pods}/{name}");
        let gone = send(&lab.client, "DELETE", &at, "", options.as_ref()).await.expect(200);
        assert!(!gone.str_at("metadata.deletionTimestamp").is_empty(), "{gone}");
        let query = format!("{pods}?watch=true&resourceVersion={rev}&fieldSelector=");
        let query = format!("{query}metadata.name%3D{name}");
        let mut watch = Watch::of(&lab.client, &query, "application/json").await;
        let (mut marked, mut last) = (Value::Null, watch.next().await.expect("an event"));
        while last.str_at("type") != "DELETED" {
            marked = std::mem::replace(&mut last, watch.next().await.expect("an event"));
        }
        for event in [&marked, &last] {
            let object = &event["object"];
            assert!(!object.str_at("metadata.deletionTimestamp").is_empty(), "{name}: {event}");
            assert_eq!(object["metadata"]["deletionGracePeriodSeconds"], 0, "{name}: {event}");
        }
        assert_eq!(marked.str_at("type"), "MODIFIED", "{name}");
        let revision = |event: &Value| event.str_at("object.metadata.resourceVersion").to_owned();
        assert_ne!(revision(&marked), revision(&last), "{name}");
    }
    lab.stop().await;
}

/// Ages in a table are those of the moment of each event, not of the watch's beginning.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ages_grow_in_a_watched_table() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let pass = async |span: &str| {
        let path = format!("/time?by={span}");
        admin.send("POST", &path, &[], Vec::new()).await.expect(200);
    };
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let late = format!("{MAPS}?watch=true&fieldSelector=metadata.name%3Dlate");
    let mut watch = Watch::of(&lab.client, &late, table).await;
    let mut age = async || {
        let event = watch.next().await.expect("an event");
        let shown = event["object"]["rows"][0]["cells"][2].as_str().unwrap_or_default().to_owned();
        let seconds = shown.strip_suffix('s').and_then(|n| n.parse::<u64>().ok());
        seconds.unwrap_or_else(|| panic!("{shown:?} is no age in seconds: {event}"))
    };
    pass("4s").await;
    make(&lab.client, "late", json!({})).await;
    let first = age().await;
    assert!(first < 4, "it is {first}s old as it is made");
    pass("30s").await;
    label(&lab.client, "late", json!({"a": "b"})).await;
    let second = age().await;
    assert!((30..60).contains(&second), "after half a minute it is {second}s old");
    lab.stop().await;
}

/// Pages of one list show one moment, whatever is written while they are read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_show_one_moment() {
    let lab = Lab::start().await;
    let client = &lab.client;
    for n in 0..25 {
        make(client, &format!("p-{n:02}"), json!({"app": "p"})).await;
    }
    let (mut names, mut token, mut pages) = (Vec::new(), String::new(), 0);
    // The moment is the first page's: controllers write other objects all the time.
    let mut moment = None;
    loop {
        let path = format!("{MAPS}?labelSelector=app%3Dp&limit=7&continue={token}");
        let page = get(client, &path).await.expect(200);
        let shown = page.str_at("metadata.resourceVersion").to_owned();
        assert_eq!(shown, *moment.get_or_insert(shown.clone()));
        names.extend(page.list_at("items").iter().map(|o| o.name().to_owned()));
        // A page later and a page earlier objects come and go.
        remove(client, &format!("p-{:02}", 24 - pages)).await;
        make(client, &format!("p-0{pages}-new"), json!({"app": "p"})).await;
        pages += 1;
        token = page.str_at("metadata.continue").to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, 4);
    let expected: Vec<_> = (0..25).map(|n| format!("p-{n:02}")).collect();
    assert_eq!(names, expected);
    let bad = get(client, &format!("{MAPS}?limit=2&continue=nonsense")).await;
    assert_eq!(bad.code, 400, "{}", bad.text());
    lab.stop().await;
}

/// A watch goes on after a restart where it was, inside the window.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_survives_a_restart() {
    let dir = tempdir().expect("a folder");
    let server = Child::start(dir.path(), &[]);
    let client = server.client(dir.path()).await;
    let kept = make(&client, "before", json!({})).await;
    let from = revision(&client).await;
    make(&client, "between", json!({})).await;
    label(&client, "before", json!({"seen": "yes"})).await;
    remove(&client, "between").await;
    server.terminate();
    assert!(server.wait().0.success());

    let server = Child::start(dir.path(), &[]);
    let client = server.client(dir.path()).await;
    let mut watch = Watch::start(&client, &format!("resourceVersion={from}")).await;
    watch.says(&["ADDED between", "MODIFIED before", "DELETED between"]).await;
    let new = make(&client, "after", json!({})).await;
    watch.says(&["ADDED after"]).await;
    let same = get(&client, &format!("{MAPS}/before")).await.expect(200);
    assert_eq!(same.at("metadata.uid"), kept.at("metadata.uid"));
    let number =
        |o: &Value| o.str_at("metadata.resourceVersion").parse::<u64>().expect("a revision");
    assert!(number(&new) > number(&same));
}
