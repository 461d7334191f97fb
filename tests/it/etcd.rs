//! Clusters kept in etcd, as their users see them: everything is there at the next start, a slow or
//! lost etcd costs writes and nothing else, and what is wrong is said in one line.

use crate::support::{
    Child, Etcd, child, eventually,
    lab::{get, send},
};
use kube::Client;
use serde_json::json;
use std::path::Path;
use tempfile::tempdir;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn server(dir: &Path, etcd: &Etcd, more: &[&str]) -> Child {
    let address = etcd.address();
    Child::start(dir, &[&["--store", &address], more].concat())
}

/// Creates a config map; answers the code.
async fn write(client: &Client, name: &str) -> u16 {
    let body = json!({"metadata": {"name": name}, "data": {"a": "1"}});
    send(client, "POST", MAPS, "", Some(&body)).await.code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_in_etcd_is_there_at_the_next_start() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let (one, two) = (tempdir().expect("a folder"), tempdir().expect("a folder"));
    let first = server(one.path(), &etcd, &[]);
    let client = first.client(one.path()).await;
    assert_eq!(write(&client, "kept").await, 201);
    let kept = get(&client, &format!("{MAPS}/kept")).await.expect(200);
    first.kill();
    assert!(!one.path().join("pocketshift.db").exists(), "nothing of it is in the data folder");
    // From another folder, as from another machine: what it is comes out of etcd, secrets too.
    let second = server(two.path(), &etcd, &["--replica", "other"]);
    let other = second.client(two.path()).await;
    assert_eq!(get(&other, &format!("{MAPS}/kept")).await.expect(200), kept);
    let old = std::fs::read_to_string(one.path().join("kubeconfig")).expect("a kubeconfig");
    let new = std::fs::read_to_string(two.path().join("kubeconfig")).expect("a kubeconfig");
    let authority = |text: &str| {
        let line = text.lines().find(|line| line.contains("certificate-authority-data"));
        line.map(str::to_owned)
    };
    assert_eq!(authority(&old), authority(&new));
    // Backup and restore are etcd's own.
    let revision = etcd.ctl(&["get", "--prefix", "--keys-only", "/pocketshift/clusters/main/log/"]);
    assert!(revision.lines().count() > 100, "{revision}");
    second.terminate();
    assert!(second.wait().0.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_etcd_costs_writes_and_nothing_else() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let dir = tempdir().expect("a folder");
    let server = server(dir.path(), &etcd, &["--takeover", "60"]);
    let client = server.client(dir.path()).await;
    assert_eq!(write(&client, "before").await, 201);
    etcd.signal(0, "STOP");
    let body = json!({"metadata": {"name": "during"}});
    let refused = send(&client, "POST", MAPS, "", Some(&body)).await;
    assert_eq!(refused.code, 503, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(get(&client, &format!("{MAPS}/before")).await.code, 200);
    assert_eq!(get(&client, &format!("{MAPS}/during")).await.code, 404);
    let ready = get(&client, "/readyz?verbose").await;
    assert!(ready.code == 500 && ready.text().contains("[-]etcd"), "{}", ready.text());
    etcd.signal(0, "CONT");
    eventually("etcd to be back", || async {
        match write(&client, "after").await {
            201 | 409 => Ok(()),
            code => Err(code),
        }
    })
    .await;
    // What was not acknowledged is not there, although etcd heard of it when it woke.
    assert_eq!(get(&client, &format!("{MAPS}/during")).await.code, 404);
    eventually("readiness", || async {
        let ready = get(&client, "/readyz").await;
        if ready.code == 200 { Ok(()) } else { Err(ready.text()) }
    })
    .await;
    server.terminate();
    assert!(server.wait().0.success());
    let again = self::server(dir.path(), &etcd, &[]);
    let client = again.client(dir.path()).await;
    assert_eq!(get(&client, &format!("{MAPS}/during")).await.code, 404);
    assert_eq!(get(&client, &format!("{MAPS}/after")).await.code, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_without_space_is_told() {
    let Some(etcd) = Etcd::start(1, &["--quota-backend-bytes", "6000000"]) else { return };
    let dir = tempdir().expect("a folder");
    let server = server(dir.path(), &etcd, &["--takeover", "60"]);
    let client = server.client(dir.path()).await;
    let mut refused = None;
    for n in 0..200 {
        let filler = "x".repeat(100_000);
        let body = json!({"metadata": {"name": format!("m{n}")}, "data": {"filler": filler}});
        let answer = send(&client, "POST", MAPS, "", Some(&body)).await;
        if answer.code != 201 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("six megabytes are soon full");
    assert_eq!(refused.code, 503);
    assert!(refused.text().contains("NOSPACE"), "{}", refused.text());
    assert_eq!(get(&client, &format!("{MAPS}/m0")).await.code, 200);
    assert_eq!(get(&client, "/readyz").await.code, 500);
    drop(server);
}

#[test]
fn what_is_wrong_is_one_line_and_nothing_is_touched() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let dir = tempdir().expect("a folder");
    let said = |more: &[&str]| {
        let own = ["--data-dir", &*dir.path().to_string_lossy(), "--secure-port", "0"];
        let all = [&["serve", "--registry-port", "0"], &own[..], more].concat();
        let ended = child::run(dir.path(), &all);
        assert_eq!(ended.code, Some(if ended.err.starts_with("error:") { 2 } else { 1 }));
        ended.err
    };
    let address = etcd.address();
    etcd.ctl(&["put", "/theirs/key", "1"]);
    etcd.ctl(&["put", "/newer/format", r#"{"pocketshift":2}"#]);
    let before = etcd.ctl(&["get", "--prefix", "/"]);
    let one = |more: &[&str], word: &str| {
        let text = said(more);
        assert_eq!(text.trim().lines().count(), 1, "{text}");
        assert!(text.contains(word), "{text}");
    };
    one(&["--store", "http://127.0.0.1:1"], "say etcd://");
    one(&["--store", "etcd://127.0.0.1:1"], "does not answer");
    one(&["--store", &address, "--etcd-prefix", "x"], "--etcd-prefix");
    one(&["--store", &address, "--etcd-prefix", "/theirs"], "has not written");
    one(&["--store", &address, "--etcd-prefix", "/newer"], "format 2");
    one(&["--store", &address, "--replica", "A B"], "--replica");
    one(&["--store", &address, "--etcd-ca", "/nowhere"], "cannot read /nowhere");
    assert!(said(&["--store", &address, "--in-memory"]).contains("cannot be used with"));
    assert!(said(&["--etcd-prefix", "/x"]).contains("--store"));
    assert_eq!(etcd.ctl(&["get", "--prefix", "/"]), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcd_is_compacted_and_says_what_was_asked_of_it() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let dir = tempdir().expect("a folder");
    let server = server(dir.path(), &etcd, &["--etcd-compaction", "1"]);
    let client = server.client(dir.path()).await;
    assert_eq!(write(&client, "one").await, 201);
    eventually("compaction", || async {
        match etcd.asked(&["get", "--rev", "2", "/pocketshift/format"]) {
            Ok(said) => Err(said),
            Err(why) if why.contains("has been compacted") => Ok(()),
            Err(why) => Err(why),
        }
    })
    .await;
    assert_eq!(get(&client, &format!("{MAPS}/one")).await.code, 200);
    let metrics = get(&client, "/metrics").await.text();
    let line = metrics.lines().find(|line| line.starts_with("etcd_requests_total{")).expect("it");
    assert!(!line.ends_with("} 0"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn etcds_own_snapshot_is_a_backup() {
    let Some(mut etcd) = Etcd::start(1, &[]) else { return };
    let dir = tempdir().expect("a folder");
    let file = dir.path().join("backup");
    let first = server(dir.path(), &etcd, &[]);
    let client = first.client(dir.path()).await;
    assert_eq!(write(&client, "before").await, 201);
    let kept = get(&client, &format!("{MAPS}/before")).await.expect(200);
    etcd.ctl(&["snapshot", "save", &file.to_string_lossy()]);
    assert_eq!(write(&client, "after").await, 201);
    first.terminate();
    assert!(first.wait().0.success());
    etcd.restore(&file);
    let second = server(dir.path(), &etcd, &[]);
    let client = second.client(dir.path()).await;
    assert_eq!(get(&client, &format!("{MAPS}/before")).await.expect(200), kept);
    assert_eq!(get(&client, &format!("{MAPS}/after")).await.code, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_moves_from_sqlite_to_etcd_and_back() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let (here, there) = (tempdir().expect("a folder"), tempdir().expect("a folder"));
    let (address, back) = (etcd.address(), there.path().join("back"));
    let said = |arguments: &[&str]| child::run(here.path(), arguments);
    let first = Child::start(here.path(), &[]);
    let client = first.client(here.path()).await;
    assert_eq!(write(&client, "kept").await, 201);
    let kept = get(&client, &format!("{MAPS}/kept")).await.expect(200);
    let folder = &*here.path().to_string_lossy();
    let refused = said(&["cluster", "import", folder, "--store", &address]);
    assert!(refused.err.contains("in use by another"), "{}", refused.err);
    first.terminate();
    assert!(first.wait().0.success());
    let moved = said(&["cluster", "import", folder, "--store", &address]);
    assert_eq!(moved.code, Some(0), "{}", moved.err);
    let again = said(&["cluster", "import", folder, "--store", &address]);
    assert!(again.err.contains("there is a cluster already"), "{}", again.err);
    let old = std::fs::read_to_string(here.path().join("kubeconfig")).expect("a kubeconfig");
    let second = server(there.path(), &etcd, &[]);
    let client = second.client(there.path()).await;
    assert_eq!(get(&client, &format!("{MAPS}/kept")).await.expect(200), kept);
    let to = &*back.to_string_lossy();
    let refused = said(&["cluster", "export", to, "--store", &address]);
    assert!(refused.err.contains("which lives"), "{}", refused.err);
    second.terminate();
    assert!(second.wait().0.success());
    let moved = said(&["cluster", "export", to, "--store", &address]);
    assert_eq!(moved.code, Some(0), "{}", moved.err);
    let third = Child::start(&back, &[]);
    let client = third.client(&back).await;
    assert_eq!(get(&client, &format!("{MAPS}/kept")).await.expect(200), kept);
    let new = std::fs::read_to_string(back.join("kubeconfig")).expect("a kubeconfig");
    let authority = |text: &str| {
        let line = text.lines().find(|line| line.contains("certificate-authority-data"));
        line.map(str::to_owned)
    };
    assert_eq!(authority(&old), authority(&new));
    let nowhere = said(&["cluster", "export", to, "--store", &address, "--etcd-prefix", "/none"]);
    assert_eq!((nowhere.code, nowhere.err.trim().lines().count()), (Some(1), 1), "{}", nowhere.err);
    assert_eq!(etcd.ctl(&["get", "--prefix", "--keys-only", "/none"]), "");
}

#[test]
fn certificates_open_etcd_or_it_is_said_why_not() {
    use pocketshift::tls;
    let dir = tempdir().expect("a folder");
    let now = jiff::Timestamp::from_second(1_800_000_000).expect("a time");
    let (ours, theirs) = (tls::authority(now).expect("one"), tls::authority(now).expect("one"));
    let serving = tls::serving(&ours, &["127.0.0.1".into()], now).expect("a certificate");
    let shown = tls::client(&ours, "pocketshift", &[], now).expect("a certificate");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let (ca, other) = (file("ca", &ours.cert), file("other", &theirs.cert));
    let (cert, key) = (file("cert", &serving.cert), file("key", &serving.key));
    let (own, secret) = (file("own", &shown.cert), file("secret", &shown.key));
    let flags = ["--cert-file", &cert, "--key-file", &key, "--trusted-ca-file", &ca];
    let Some(etcd) = Etcd::start(1, &[&flags[..], &["--client-cert-auth"]].concat()) else {
        return;
    };
    let address = etcd.address();
    let store = ["--store", &*address];
    let server = Child::start(
        dir.path(),
        &[&store[..], &["--etcd-ca", &ca, "--etcd-cert", &own, "--etcd-key", &secret]].concat(),
    );
    server.terminate();
    let (ended, printed) = server.wait();
    assert!(ended.success(), "{ended}: {printed}");
    let said = |more: &[&str]| {
        let own = ["--data-dir", &*dir.path().to_string_lossy(), "--secure-port", "0"];
        let all = [&["serve", "--registry-port", "0"], &own[..], &store, more].concat();
        let ended = child::run(dir.path(), &all);
        assert_eq!((ended.code, ended.err.trim().lines().count()), (Some(1), 1), "{}", ended.err);
        ended.err
    };
    let wrong = said(&["--etcd-ca", &other]);
    assert!(wrong.contains("invalid peer certificate"), "{wrong}");
    let bare = said(&["--etcd-ca", &ca]);
    assert!(bare.contains("--etcd-cert"), "{bare}");
    let plain = said(&[]);
    assert!(plain.contains("--etcd-ca"), "{plain}");
    let wrong = said(&["--etcd-ca", &ca, "--etcd-cert", &own, "--etcd-key", &key]);
    assert!(wrong.contains("do not fit"), "{wrong}");
}
