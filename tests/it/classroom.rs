//! Labs of a server that is a process of its own: a class whose students have a cluster each, labs
//! that go on when the server is started again, solutions that fail.

use crate::support::{
    Child, Lab,
    child::run,
    eventually,
    lab::{get, request},
};
use pocketshift::labs::recording::Recording;
use serde_json::Value;
use std::path::Path;
use tempfile::tempdir;

/// Runs a command about labs.
fn lab(home: &Path, arguments: &[&str]) -> Result<String, String> {
    let kubeconfig = home.join("kubeconfig").to_string_lossy().into_owned();
    let ended = run(home, &[&["lab"], arguments, &["--kubeconfig", &kubeconfig]].concat());
    match ended.code {
        Some(0) => Ok(ended.out),
        _ => Err(ended.err),
    }
}

/// The answer of such a command.
fn json(home: &Path, arguments: &[&str]) -> Value {
    let out = lab(home, &[arguments, &["-o", "json"]].concat()).expect("an answer");
    serde_json::from_str(&out).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_student_has_a_cluster() {
    let home = tempdir().expect("a folder");
    let at = home.path();
    let server = Child::start(at, &[]);
    let class = json(at, &["class", "--students", "2", "start", "pause-and-resume"]);
    let (first, second) = (&class["items"][0], &class["items"][1]);
    assert_eq!(
        (first["student"].as_str(), second["student"].as_str()),
        (Some("student01"), Some("student02"))
    );
    assert_ne!(first["url"], second["url"]);
    assert_ne!(first["password"], second["password"]);
    let why = lab(at, &["class", "--students", "3", "start", "pause-and-resume"]).unwrap_err();
    assert!(why.contains("already for student01"), "{why}");
    // Who has a seat keeps it.
    let more = json(at, &["class", "--students", "3", "start", "rollout-undo"]);
    assert_eq!((&more["items"][0], &more["items"][1]), (first, second));
    assert_eq!(json(at, &["class", "list"]), more);

    lab(at, &["solve", "pause-and-resume", "--student", "student02"]).expect("solved");
    server.kill();
    let _server = Child::start(at, &[]);
    assert_eq!(json(at, &["class", "list"]), more, "the class goes on");
    eventually("the labs go on", || async {
        let rows = json(at, &["board"])["items"].as_array().map_or(0, Vec::len);
        if rows == 5 { Ok(()) } else { Err(format!("{rows} rows")) }
    })
    .await;
    let board = json(at, &["board"]);
    let earned = |student: &str, name: &str| {
        let rows = board["items"].as_array().expect("rows").iter();
        let row = rows.filter(|r| r["student"] == student && r["grade"]["name"] == name);
        row.map(|r| r["grade"]["points"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(earned("student01", "pause-and-resume"), [Some(0)]);
    assert_eq!(earned("student02", "pause-and-resume"), [Some(7)]);
    assert_eq!(earned("student03", "pause-and-resume"), [None; 0]);
    assert_eq!(earned("student03", "rollout-undo"), [Some(0)]);

    let folder = at.join("done");
    let to = folder.to_string_lossy().into_owned();
    lab(at, &["class", "finish", "pause-and-resume", "--to", &to]).expect("finished");
    let kept = std::fs::read(folder.join("student02.recording.json")).expect("a recording");
    assert!(Recording::read(&kept).is_ok_and(|r| r.exercise.contains("name: pause-and-resume")));
    let xml = std::fs::read_to_string(folder.join("student01.junit.xml")).expect("a report");
    assert!(!xml.contains("failures=\"0\""), "{xml}");
    let recording = folder.join("student02.recording.json");
    let recording = recording.to_string_lossy();
    let again =
        lab(at, &["grade", "pause-and-resume", "--recording", &recording]).expect("a grade");
    assert!(again.contains("7 of 7 points"), "{again}");

    lab(at, &["class", "finish", "rollout-undo"]).expect("finished");
    assert_eq!(json(at, &["class", "list"])["items"], Value::Array(Vec::new()));
    let kubeconfig = at.join("kubeconfig").to_string_lossy().into_owned();
    let clusters = run(at, &["cluster", "list", "--kubeconfig", &kubeconfig]);
    assert!(!clusters.out.contains("student"), "{}", clusters.out);
}

const LATER: &str = r#"name: later
title: What happens later
part: tests
text: Nothing.
project: later
setup:
  manifests:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: '1'}}
  steps:
  - pocketshift registry tag quay.io/keycloak/keycloak:20.0.2 20.0
events:
- after: 10m
  steps:
  - oc patch configmap/a -p '{"data":{"y":"1"}}'
tasks: [Wait.]
checks:
- {title: It came, points: 1, object: {kind: ConfigMap, name: a, fields: [{path: data.y, is: '1'}]}}
- {title: It changed, points: 1, history: {kind: ConfigMap, name: a, changes: {path: data.x, is: 1}}}
hints: [First., Second.]
solution:
- oc annotate configmap/a solved=yes
- pocketshift time step 11m
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lab_goes_on_when_the_server_starts_again() {
    let home = tempdir().expect("a folder");
    let at = home.path();
    std::fs::write(at.join("later.yaml"), LATER).expect("a file");
    let folder = at.to_string_lossy().into_owned();
    let own = |what: &'static str| lab(at, &[what, "later", "--dir", &folder]);
    let server = Child::start(at, &[]);
    own("start").expect("started");
    assert_eq!(own("hint").expect("a hint").trim(), "First.");
    let patch = "/api/v1/namespaces/later/configmaps/a";
    let merge = [("content-type", "application/merge-patch+json")];
    let client = server.client(at).await;
    let changed = request(&client, "PATCH", patch, &merge, br#"{"data":{"x":"2"}}"#.to_vec()).await;
    assert_eq!(changed.code, 200);
    server.kill();

    let server = Child::start(at, &[]);
    eventually("the lab goes on", || async {
        let status = own("status");
        if status.is_ok() { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    assert_eq!(own("hint").expect("a hint").trim(), "Second.");
    let grade = json(at, &["grade", "later"]);
    assert_eq!(grade["points"], 1, "the change before the start counts: {grade}");
    let kubeconfig = at.join("kubeconfig").to_string_lossy().into_owned();
    assert_eq!(run(at, &["time", "step", "11m", "--kubeconfig", &kubeconfig]).code, Some(0));
    assert_eq!(json(at, &["grade", "later"])["points"], 2, "what was to happen has happened");
    own("finish").expect("finished");
    let client = server.client(at).await;
    assert_eq!(get(&client, patch).await.code, 404);
    server.terminate();
    server.wait();
    let _server = Child::start(at, &[]);
    assert!(own("status").is_err(), "what is finished stays so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_solution_that_fails_leaves_the_cluster_as_it_was() {
    let home = tempdir().expect("a folder");
    let at = home.path();
    let failing = "- oc scale deployment/none --replicas 2";
    let failing = LATER.replace("- pocketshift time step 11m", failing);
    std::fs::write(at.join("later.yaml"), failing).expect("a file");
    let folder = at.to_string_lossy().into_owned();
    let server = Child::start(at, &[]);
    lab(at, &["start", "later", "--dir", &folder]).expect("started");
    let why = lab(at, &["solve", "later"]).unwrap_err();
    for part in ["oc scale deployment/none", "not found", "line 22, column 3", "as it was before"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    let client = server.client(at).await;
    let map = get(&client, "/api/v1/namespaces/later/configmaps/a").await.expect(200);
    assert!(map["metadata"]["annotations"]["solved"].is_null(), "{map}");
    let grade = json(at, &["grade", "later"]);
    let reason = grade["checks"][1]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("changed 0 times"), "the recording is as it was, too: {grade}");
}

const WORLD: &str = "\
name: world
title: All of it
part: tests
text: Nothing.
project: world
setup:
  clock: {step: 1h, rate: 0}
  catalog:
    images:
    - repositories: [quay.io/acme/shop]
      versions: [{tags: ['1.0', latest], size: 1000000}]
  users:
  - {name: ann, password: secret, role: view}
  manifests:
  - {apiVersion: v1, kind: Namespace, metadata: {name: beside}}
  faults:
  - metadata: {name: refuses}
    spec: {match: {verbs: [create], resources: [secrets], namespaces: [world]}, effect: {status: 503}}
  steps:
  - pocketshift node fail worker01
tasks: [Run it.]
checks:
- title: It runs
  points: 1
  count: {kind: Pod, labels: app=shop, fields: [{path: 'status.conditions[Ready].status', is: 'True'}], is: 1}
- title: worker01 is away
  points: 1
  object: {kind: Node, name: worker01, fields: [{path: 'status.conditions[Ready].status', is: Unknown}]}
solution:
- pocketshift time step 5m
- oc create deployment shop --image quay.io/acme/shop:1.0
- pocketshift time step 1m
- oc rollout status deployment/shop
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_world_is_set_up_and_put_back() {
    let lab = Lab::start().await;
    let client = &lab.client;
    let desk = |method: &'static str, path: &'static str, body: &str| {
        let (body, path) = (body.as_bytes().to_vec(), format!("/console/desk{path}"));
        async move { request(client, method, &path, &[], body).await }
    };
    let passwords = "/api/v1/namespaces/openshift-config/secrets/htpass-secret";
    let before = get(client, passwords).await.json()["data"].clone();
    let moment =
        |time: &Value| time["now"].as_str().and_then(|now| now.parse::<jiff::Timestamp>().ok());
    let first = moment(&desk("GET", "/time", "").await.json()).expect("a moment");
    let started = desk("POST", "/labs/world/start", WORLD).await;
    assert_eq!(started.code, 200, "{}", started.text());
    let time = desk("GET", "/time", "").await.json();
    let then = moment(&time).expect("a moment");
    assert!(time["rate"] == 0.0 && then.duration_since(first).as_mins() >= 60, "{time}");
    assert_ne!(get(client, passwords).await.json()["data"], before);
    let bound = "/apis/rbac.authorization.k8s.io/v1/namespaces/world/rolebindings/view-ann";
    assert_eq!(get(client, bound).await.code, 200);
    let secret = br#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}"#.to_vec();
    let json = [("content-type", "application/json")];
    let refused = request(client, "POST", "/api/v1/namespaces/world/secrets", &json, secret).await;
    assert_eq!(refused.code, 503, "{}", refused.text());
    let tags = "/registries/quay.io/tags?repository=acme/shop";
    let known = desk("GET", tags, "").await.json();
    assert!(known["tags"]["latest"].is_string(), "{known}");
    assert_eq!(desk("GET", "/labs/world/grade", "").await.json()["points"], 0);
    let solved = desk("POST", "/labs/world/solve", "").await;
    assert_eq!(solved.code, 200, "{}", solved.text());
    let grade = desk("GET", "/labs/world/grade", "").await.json();
    assert_eq!(grade["points"], 2, "{grade}");

    assert_eq!(desk("DELETE", "/labs/world", "").await.code, 200);
    assert_eq!(get(client, passwords).await.json()["data"], before);
    assert_eq!(desk("GET", "/time", "").await.json()["rate"], 1.0);
    assert_eq!(desk("GET", "/faults", "").await.json()["items"], Value::Array(Vec::new()));
    let known = desk("GET", tags, "").await.json();
    assert!(known["tags"]["latest"].is_null(), "{known}");
    for gone in ["/api/v1/namespaces/world", "/api/v1/namespaces/beside"] {
        eventually("it goes", || async {
            let code = get(client, gone).await.code;
            if code == 404 { Ok(()) } else { Err(format!("{gone}: {code}")) }
        })
        .await;
    }
    lab.stop().await;
}
