//! The program as a person meets it: its texts, its exit codes, its files, its signals.

use crate::support::{
    BOUND, Child,
    child::{program, run},
    lab::{get, open, send},
};
use http_body_reader::lines;
use pocketshift::object::ObjectExt;
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio};
use tempfile::tempdir;

/// Reading an answer as it comes.
mod http_body_reader {
    use futures_util::{StreamExt, TryStreamExt};
    use kube::client::Body;

    /// The chunks of a streaming answer, joined, up to its proper end.
    pub async fn lines(body: Body) -> Result<String, String> {
        let stream = http_body_util::BodyStream::new(body).map_err(|e| e.to_string());
        let chunks = stream.map(|f| f.map(|f| f.into_data().unwrap_or_default()));
        let all: Vec<_> = chunks.try_collect().await?;
        Ok(String::from_utf8_lossy(&all.concat()).into_owned())
    }
}

const FAILED: Option<i32> = Some(1);

/// Runs `serve` on a folder where it must fail; answers the one line it says.
fn refuses(dir: &Path, arguments: &[&str]) -> String {
    let folder = dir.to_string_lossy();
    let ended = run(
        dir,
        &[
            &["serve", "--data-dir", &folder, "--secure-port", "0", "--registry-port", "0"],
            arguments,
        ]
        .concat(),
    );
    assert_eq!(ended.code, FAILED, "{ended:?}");
    assert_eq!(ended.out, "", "{ended:?}");
    assert_eq!(ended.err.trim_end().lines().count(), 1, "{ended:?}");
    assert!(ended.err.starts_with("pocketshift: "), "{ended:?}");
    ended.err
}

#[test]
fn help_and_version() {
    let home = tempdir().expect("a folder");
    let version = run(home.path(), &["--version"]);
    assert_eq!(version.out, format!("pocketshift {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(version.code, Some(0));
    for arguments in [&["--help"][..], &["serve", "--help"]] {
        let help = run(home.path(), arguments);
        assert_eq!(help.code, Some(0));
        for flag in [
            "--bind-address",
            "--secure-port",
            "--data-dir",
            "--in-memory",
            "--kubeconfig",
            "--nodes",
            "--seed",
            "--pace",
            "--log-level",
            "--log-format",
        ] {
            assert!(help.out.contains(flag), "{flag} is not in {}", help.out);
        }
        assert!(help.out.contains("POCKETSHIFT_SECURE_PORT"), "{}", help.out);
        assert_eq!(help.err, "");
    }
    assert_eq!(run(home.path(), &["--no-such-flag"]).code, Some(2));
}

#[test]
fn port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let dir = tempdir().expect("a folder");
    let ended = run(dir.path(), &["--in-memory", "--registry-port", "0", "--secure-port", &port]);
    assert_eq!(ended.code, FAILED);
    assert!(ended.err.contains(&format!("port {port} on 127.0.0.1 is in use")), "{}", ended.err);
}

#[test]
fn folder_in_use() {
    let dir = tempdir().expect("a folder");
    let server = Child::start(dir.path(), &[]);
    let said = refuses(dir.path(), &[]);
    assert!(said.contains("is in use by another pocketshift process"), "{said}");
    let folder = dir.path().to_string_lossy();
    let reset = run(dir.path(), &["reset", "--data-dir", &folder]);
    assert_eq!(reset.code, FAILED);
    assert!(dir.path().join("pocketshift.db").exists(), "reset under a running server");
    drop(server);
}

#[test]
fn damaged_and_newer_databases_are_left_alone() {
    let dir = tempdir().expect("a folder");
    let file = dir.path().join("pocketshift.db");
    fs::write(&file, "this is not a database, but it is long enough to look at twice")
        .expect("a file");
    let before = fs::read(&file).expect("a file");
    let said = refuses(dir.path(), &[]);
    assert!(said.contains("the database is damaged"), "{said}");
    assert_eq!(fs::read(&file).expect("a file"), before);
    fs::remove_file(&file).expect("gone");

    let database = rusqlite::Connection::open(&file).expect("a database");
    database.pragma_update(None, "user_version", 1_000).expect("a pragma");
    drop(database);
    let before = fs::read(&file).expect("a file");
    let said = refuses(dir.path(), &[]);
    assert!(said.contains("format 1000"), "{said}");
    assert!(said.contains("newer pocketshift"), "{said}");
    assert_eq!(fs::read(&file).expect("a file"), before);
    fs::remove_file(&file).expect("gone");

    let database = rusqlite::Connection::open(&file).expect("a database");
    database.execute_batch("CREATE TABLE somebody_elses (a)").expect("a table");
    drop(database);
    let before = fs::read(&file).expect("a file");
    let said = refuses(dir.path(), &[]);
    assert!(said.contains("is not a database of pocketshift"), "{said}");
    assert_eq!(fs::read(&file).expect("a file"), before);
    assert!(!dir.path().join("kubeconfig").exists(), "a kubeconfig of a server that never was");
}

/// A page of a good database is overwritten: the server says so instead of losing objects.
#[test]
fn a_damaged_page_is_noticed() {
    let dir = tempdir().expect("a folder");
    let server = Child::start(dir.path(), &[]);
    server.terminate();
    assert!(server.wait().0.success());
    let file = dir.path().join("pocketshift.db");
    let mut bytes = fs::read(&file).expect("a file");
    assert!(bytes.len() > 4 * 4096, "the log was written back at the end");
    bytes[4096..3 * 4096].fill(0x5a);
    fs::write(&file, &bytes).expect("a file");
    let said = refuses(dir.path(), &[]);
    assert!(said.contains("the database is damaged"), "{said}");
    assert!(fs::read(&file).expect("a file") == bytes, "the damaged database was changed");
}

#[test]
fn unreadable_seeds() {
    let dir = tempdir().expect("a folder");
    let absent = dir.path().join("absent.yaml");
    let said = refuses(dir.path(), &["--in-memory", "--seed", &absent.to_string_lossy()]);
    assert!(said.contains("cannot read") && said.contains("absent.yaml"), "{said}");
    let broken = dir.path().join("broken.yaml");
    fs::write(&broken, "kind: [").expect("a file");
    let said = refuses(dir.path(), &["--in-memory", "--seed", &broken.to_string_lossy()]);
    assert!(said.contains("broken.yaml"), "{said}");
    fs::write(&broken, "{apiVersion: v9, kind: Nothing, metadata: {name: x}}").expect("a file");
    let said = refuses(dir.path(), &["--in-memory", "--seed", &broken.to_string_lossy()]);
    assert!(said.contains("no matches for kind \"Nothing\" in version \"v9\""), "{said}");
}

#[tokio::test]
async fn a_folder_of_seeds_is_there_when_ready() {
    let dir = tempdir().expect("a folder");
    let seeds = dir.path().join("seeds");
    fs::create_dir(&seeds).expect("a folder");
    fs::write(
        seeds.join("2-map.json"),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "m", "namespace": "seeded"}, "data": {"a": "b"}})
        .to_string(),
    )
    .expect("a file");
    fs::write(
        seeds.join("1-space.yaml"),
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: seeded}\n---\n",
    )
    .expect("a file");
    fs::write(seeds.join("notes.txt"), "not a manifest").expect("a file");
    let data = dir.path().join("data");
    let server = Child::start(&data, &["--seed", &seeds.to_string_lossy()]);
    let client = server.client(&data).await;
    let map = get(&client, "/api/v1/namespaces/seeded/configmaps/m").await.expect(200);
    assert_eq!(map.str_at("data.a"), "b");
}

#[test]
fn reset_deletes_the_cluster_and_nothing_else() {
    let dir = tempdir().expect("a folder");
    let server = Child::start(dir.path(), &[]);
    server.terminate();
    server.wait();
    let mine = dir.path().join("letter.txt");
    fs::write(&mine, "mine").expect("a file");
    let folder = dir.path().to_string_lossy();
    let reset = run(dir.path(), &["reset", "--data-dir", &folder]);
    assert_eq!(reset.code, Some(0), "{reset:?}");
    let left: Vec<_> = fs::read_dir(dir.path())
        .expect("a folder")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|n| n != "lock")
        .collect();
    assert_eq!(left, ["letter.txt"]);
    assert_eq!(run(dir.path(), &["kubeconfig", "--data-dir", &folder]).code, FAILED);
}

/// The kubeconfig is written when everything works, not before, and is its owner's alone.
#[tokio::test]
async fn the_kubeconfig_means_ready() {
    let dir = tempdir().expect("a folder");
    let asked = dir.path().join("else/where/config");
    let server = Child::start(dir.path(), &["--kubeconfig", &asked.to_string_lossy()]);
    for path in
        [dir.path().join("kubeconfig"), asked.clone(), dir.path().join("kubeadmin-password")]
    {
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let client =
        crate::support::lab::client(&fs::read_to_string(&asked).expect("a file"), None).await;
    let ready = get(&client, "/readyz?verbose").await;
    assert_eq!(ready.code, 200, "{}", ready.text());
    let account = "/api/v1/namespaces/default/serviceaccounts/default";
    assert_eq!(get(&client, account).await.code, 200, "ready without the default service account");
    let nodes = get(&client, "/api/v1/nodes").await.expect(200);
    assert_eq!(nodes.list_at("items").len(), 3);
    assert!(server.greeting.contains("oc login -u developer -p developer"), "{}", server.greeting);
    let folder = dir.path().to_string_lossy();
    let said = run(dir.path(), &["kubeconfig", "--data-dir", &folder]).out;
    assert_eq!(Path::new(said.trim()), dir.path().join("kubeconfig"));
}

/// People have other clusters in the file, and what is no kubeconfig is not overwritten.
#[tokio::test]
async fn a_kubeconfig_is_written_into() {
    let dir = tempdir().expect("a folder");
    let config = dir.path().join("kubeconfig");
    let lab = "clusters: [{name: lab, cluster: {server: 'https://api.lab:6443'}}]";
    fs::write(&config, lab).expect("a file");
    let server = Child::start(dir.path(), &[]);
    let written = fs::read_to_string(&config).expect("a kubeconfig");
    assert!(written.contains("https://api.lab:6443"), "{written}");
    let client = crate::support::lab::client(&written, None).await;
    assert_eq!(get(&client, "/readyz").await.code, 200);
    drop(server);
    fs::write(&config, "a letter").expect("a file");
    let refused = refuses(dir.path(), &[]);
    assert!(refused.contains("is not a kubeconfig"), "{refused}");
    assert_eq!(fs::read_to_string(&config).expect("a file"), "a letter");
}

/// SIGTERM: running watches end as they do at their time-out, the process leaves with 0, and the
/// next start finds everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_end() {
    let dir = tempdir().expect("a folder");
    let server = Child::start(dir.path(), &[]);
    let client = server.client(dir.path()).await;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}});
    let made = send(&client, "POST", "/api/v1/namespaces/default/configmaps", "", Some(&map))
        .await
        .expect(201);
    let path = "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0";
    let watch = open(&client, "GET", path, &[], Vec::new()).await;
    assert_eq!(watch.status(), 200);
    server.terminate();
    let text = tokio::time::timeout(BOUND, lines(watch.into_body())).await;
    let text = text.expect("the watch never ended").expect("the watch was cut off");
    assert!(text.contains("\"name\":\"kept\""), "{text}");
    assert!(text.ends_with('\n') && !text.contains("\"ERROR\""), "{text}");
    let (status, rest) = server.wait();
    assert!(status.success(), "{status}: {rest}");

    let server = Child::start(dir.path(), &[]);
    let client = server.client(dir.path()).await;
    let kept = get(&client, "/api/v1/namespaces/default/configmaps/kept").await.expect(200);
    assert_eq!(kept, made);
}

/// Every flag is also a variable; a flag on the command line wins.
#[test]
fn variables() {
    let home = tempdir().expect("a folder");
    let data = home.path().join("data");
    let mut command = program(home.path());
    command
        .env("POCKETSHIFT_DATA_DIR", &data)
        .env("POCKETSHIFT_SECURE_PORT", "1")
        .env("POCKETSHIFT_NODES", "1")
        .env("POCKETSHIFT_INSTANT", "1")
        .env("POCKETSHIFT_IN_MEMORY", "no")
        .args(["--secure-port", "0", "--registry-port", "0"]);
    let server = Child::spawn(&mut command);
    assert!(data.join("kubeconfig").exists());
    assert!(!server.url().ends_with(":1"), "{}", server.greeting);

    let mut command = program(home.path());
    command.env("POCKETSHIFT_NODES", "many").stdin(Stdio::null());
    let ended = command.output().expect("the program runs");
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("many"));
}

/// `pocketshift lab list | head -1`: who is read no more ends without a word.
#[test]
fn nobody_reads_on() {
    let home = tempdir().expect("a folder");
    let mut command = program(home.path());
    command.args(["lab", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert!(!ended.status.success(), "it could not print: {ended:?}");
}

/// In memory nothing is written, except where `--kubeconfig` says.
#[test]
fn in_memory_leaves_no_trace() {
    let home = tempdir().expect("a folder");
    let file = home.path().join("config");
    let mut command = program(home.path());
    command.args([
        "--in-memory",
        "--secure-port",
        "0",
        "--registry-port",
        "0",
        "--kubeconfig",
        &file.to_string_lossy(),
    ]);
    let server = Child::spawn(&mut command);
    let names: Vec<_> = fs::read_dir(home.path())
        .expect("a folder")
        .map(|e| e.expect("entry").file_name())
        .collect();
    assert_eq!(names, ["config"]);
    drop(server);
}
