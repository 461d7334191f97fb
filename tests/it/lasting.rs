//! Clusters of a server with a data folder: each in a folder of its own, there again after a restart or a
//! crash, gone without a trace when deleted.

use crate::support::{
    Child,
    child::run,
    lab::{client, get, send},
};
use kube::Client;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::tempdir;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

/// What a command about the server of a data folder prints.
fn said(dir: &Path, words: &str) -> String {
    let data = dir.to_string_lossy();
    let mut words: Vec<&str> = words.split_whitespace().collect();
    words.extend(["--data-dir", &data]);
    let ended = run(dir, &words);
    assert_eq!(ended.code, Some(0), "{words:?}: {}{}", ended.out, ended.err);
    ended.out
}

/// What it is refused with.
fn refused(dir: &Path, words: &str) -> String {
    let data = dir.to_string_lossy();
    let mut words: Vec<&str> = words.split_whitespace().collect();
    words.extend(["--data-dir", &data]);
    let ended = run(dir, &words);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{words:?}");
    ended.err.trim_end().trim_start_matches("pocketshift: ").to_owned()
}

async fn admin(dir: &Path, name: &str) -> Client {
    client(&said(dir, &format!("cluster kubeconfig {name}")), None).await
}

async fn there(client: &Client, name: &str) -> u16 {
    get(client, &format!("{MAPS}/{name}")).await.code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_there_after_a_restart_with_its_clock_and_checkpoints() {
    let dir = tempdir().expect("a folder");
    let server = Child::start(dir.path(), &[]);
    said(dir.path(), "cluster create lab --nodes 1 --time 2031-01-02T03:04:05Z");
    said(dir.path(), "cluster create brief --in-memory");
    let kubeconfig = said(dir.path(), "cluster kubeconfig lab");
    let lab = client(&kubeconfig, None).await;
    send(&lab, "POST", MAPS, "", Some(&map("kept"))).await.expect(201);
    said(dir.path(), "cluster checkpoint lab lesson");
    said(dir.path(), "cluster checkpoint main before");
    said(dir.path(), "cluster fork lab copy");
    said(dir.path(), "time step 15m --cluster lab");
    send(&lab, "POST", MAPS, "", Some(&map("late"))).await.expect(201);
    send(&lab, "DELETE", &format!("{MAPS}/kept"), "", None).await.expect(200);
    send(&server.client(dir.path()).await, "POST", MAPS, "", Some(&map("main"))).await.expect(201);
    server.terminate();
    assert!(server.wait().0.success());

    let server = Child::start(dir.path(), &[]);
    assert!(!said(dir.path(), "cluster list").contains("brief"), "nothing of it was on disk");
    let address = |text: &str| {
        let at = text.find("server: ").expect("an address");
        text[at..].lines().next().map(str::to_owned)
    };
    assert_eq!(address(&said(dir.path(), "cluster kubeconfig lab")), address(&kubeconfig));
    let lab = client(&kubeconfig, None).await;
    assert_eq!((there(&lab, "kept").await, there(&lab, "late").await), (404, 200));
    let nodes = get(&lab, "/api/v1/nodes").await.expect(200);
    assert_eq!(nodes["items"].as_array().map(Vec::len), Some(1), "its settings, too");
    let time = said(dir.path(), "time show --cluster lab");
    assert!(time.starts_with("2031-01-02T03:19:05"), "{time}");
    said(dir.path(), "cluster reset lab --to lesson");
    assert_eq!((there(&lab, "kept").await, there(&lab, "late").await), (200, 404));
    let time = said(dir.path(), "time show --cluster lab");
    assert!(time.starts_with("2031-01-02T03:04:05"), "{time}");
    said(dir.path(), "cluster reset lab");
    assert_eq!(there(&lab, "kept").await, 404, "as it was created");
    assert_eq!(there(&admin(dir.path(), "copy").await, "kept").await, 200);
    said(dir.path(), "cluster reset main --to before");
    assert_eq!(there(&server.client(dir.path()).await, "main").await, 404);

    said(dir.path(), "cluster checkpoint lab lesson --delete");
    assert_eq!(
        refused(dir.path(), "cluster reset lab --to lesson"),
        "lab has no checkpoint \"lesson\""
    );
    said(dir.path(), "cluster delete lab");
    assert!(!dir.path().join("clusters/lab").exists(), "its folder is free");
    said(dir.path(), "cluster create lab");
    assert_eq!(there(&admin(dir.path(), "lab").await, "kube-root-ca.crt").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_no_acknowledged_write_of_any_cluster() {
    let dir = tempdir().expect("a folder");
    let mut made = 0;
    for round in 0..3 {
        let server = Child::start(dir.path(), &[]);
        if round == 0 {
            said(dir.path(), "cluster create one");
            said(dir.path(), "cluster create two");
        }
        for name in ["one", "two"] {
            let client = admin(dir.path(), name).await;
            for n in 0..made {
                assert_eq!(there(&client, &format!("m{n}")).await, 200, "{name} m{n}");
            }
            for n in made..made + 5 {
                send(&client, "POST", MAPS, "", Some(&map(&format!("m{n}")))).await.expect(201);
            }
        }
        made += 5;
        server.kill();
    }
    // A creation that never came to its end leaves nothing that could be taken for a cluster.
    let half = dir.path().join("clusters/half");
    std::fs::create_dir_all(&half).expect("a folder");
    std::fs::write(half.join("pocketshift.db"), "begun").expect("a file");
    // What is damaged is told, and left alone until somebody deletes it.
    for file in ["pocketshift.db", "pocketshift.db-wal"] {
        let path = dir.path().join("clusters/two").join(file);
        std::fs::write(path, "no database").expect("a file");
    }
    let _server = Child::start(dir.path(), &[]);
    assert!(!half.exists());
    let list = said(dir.path(), "cluster list");
    assert!(list.contains("two    cannot be opened: "), "{list}");
    assert!(refused(dir.path(), "cluster reset two").starts_with("two cannot be opened: "));
    assert_eq!(refused(dir.path(), "cluster create two"), "there is a cluster two");
    assert_eq!(there(&admin(dir.path(), "one").await, "m0").await, 200, "the others go on");
    said(dir.path(), "cluster delete two");
    assert!(!dir.path().join("clusters/two").exists());
    said(dir.path(), "cluster create two");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_clusters_at_one_port_by_name() {
    let dir = tempdir().expect("a folder");
    let _server = Child::start(dir.path(), &["--clusters-port", "0"]);
    for name in ["one", "two"] {
        said(dir.path(), &format!("cluster create {name} --in-memory --nodes 1"));
    }
    let by_name = |name: &str| said(dir.path(), &format!("cluster kubeconfig {name} --by-name"));
    let (one, two) = (by_name("one"), by_name("two"));
    let line = |text: &str, key: &str| {
        let found = text.lines().find(|line| line.trim_start().starts_with(key));
        found.map(|line| line.trim_start().trim_start_matches(key).trim().to_owned())
    };
    assert_eq!(line(&one, "server:"), line(&two, "server:"), "the same port");
    let name = line(&one, "tls-server-name:").expect("a name");
    assert!(name.starts_with("one-") && name.ends_with(".pocketshift.localhost"), "{name}");
    let (first, second) = (client(&one, None).await, client(&two, None).await);
    send(&first, "POST", MAPS, "", Some(&map("mine"))).await.expect(201);
    assert_eq!((there(&first, "mine").await, there(&second, "mine").await), (200, 404));
    assert_eq!(there(&client(&by_name("main"), None).await, "mine").await, 404);
    // Whoever guesses a name, or says none, is told the same: nothing.
    let strangers = [
        "one.pocketshift.localhost",
        "one-0123456789abcdef.pocketshift.localhost",
        "x",
        "localhost",
    ];
    for stranger in strangers {
        let text = one.replace(&name, stranger);
        let stranger = client(&text, None).await;
        let request = http::Request::get("/api").body(Vec::new()).expect("a request");
        assert!(stranger.request_text(request).await.is_err());
    }
    said(dir.path(), "cluster delete two");
    let request = http::Request::get("/api").body(Vec::new()).expect("a request");
    assert!(client(&two, None).await.request_text(request).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_such_a_port_it_is_said() {
    let dir = tempdir().expect("a folder");
    let _server = Child::start(dir.path(), &[]);
    let why = "the clusters have no port in common: serve --clusters-port";
    assert_eq!(refused(dir.path(), "cluster kubeconfig main --by-name"), why);
    let why = "main has no checkpoint \"early\"";
    assert_eq!(refused(dir.path(), "trail --since early"), why);
    let why = refused(dir.path(), "cluster create one --write-kubeconfig /proc/none/one");
    assert!(why.starts_with("cannot write /proc/none/one: "), "{why}");
    assert!(!said(dir.path(), "cluster list").contains("one "), "nothing of it is left");
    said(dir.path(), "cluster checkpoint main early");
    assert_eq!(said(dir.path(), "trail --since early"), "");
    let main = admin(dir.path(), "main").await;
    send(&main, "POST", MAPS, "", Some(&map("late"))).await.expect(201);
    let trail = said(dir.path(), "trail --since early");
    assert!(trail.contains("configmaps default/late created"), "{trail}");
    said(dir.path(), "cluster reset main --to early");
    let trail = said(dir.path(), "trail --since early");
    assert!(!trail.contains("late"), "what was undone is forgotten: {trail}");
}
