//! Labs that go on elsewhere or again: in a copy of their cluster, in the cluster as it was before, and in
//! a recording of all that arrived.

use crate::support::{
    Lab, Wire,
    child::run,
    exercise::{LATER, ask, own, sets, start},
    lab::{builder, client, get, host, send},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, stream};
use kube::Client;
use pocketshift::{labs, run::host::Spec};
use serde_json::{Value, json};
use tempfile::tempdir;

async fn begins(client: &Client) {
    let (code, said) = start(client, &own(LATER)).await;
    assert_eq!(code, 200, "{said}");
}

async fn points(client: &Client) -> Value {
    ask(client, "GET", "/own/grade").await.1["points"].clone()
}

/// Moves the time of a cluster.
async fn later(client: &Client) {
    let moved = send(client, "POST", "/console/desk/time?by=11m", "", None).await;
    assert_eq!(moved.code, 200, "{}", moved.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_goes_on_in_a_copy_and_in_what_was_before() {
    let host = host();
    let facts = host.create("one", &Spec::default()).await.expect("a cluster");
    let one = client(&facts.kubeconfig, None).await;
    begins(&one).await;
    sets(&one, "2").await;
    host.checkpoint("one", "half").await.expect("kept");
    let forked = host.fork("one", "two").await.expect("a copy");
    let two = client(&forked.kubeconfig, None).await;

    // The copy knows what has been done and how much is left; its events are its own.
    sets(&two, "3").await;
    assert_eq!(points(&two).await, 2);
    later(&two).await;
    assert_eq!((points(&two).await, points(&one).await), (json!(3), json!(0)));
    assert_eq!(ask(&two, "GET", "/own/status").await.1["user"], "developer");

    // Back to the checkpoint: what was done since is not known any more.
    sets(&one, "9").await;
    sets(&one, "3").await;
    assert_eq!(points(&one).await, 0, "three changes");
    host.reset("one", Some("half")).await.expect("back");
    sets(&one, "3").await;
    assert_eq!(points(&one).await, 2);
    later(&one).await;
    assert_eq!(points(&one).await, 3);

    // Back to the start: no lab is under way there, and it can begin anew.
    host.reset("one", None).await.expect("back");
    assert_eq!(ask(&one, "GET", "/own/status").await.0, 409);
    assert_eq!(get(&one, "/api/v1/namespaces/mine").await.code, 404);
    begins(&one).await;
    assert_eq!(points(&one).await, 0);
    assert_eq!(ask(&two, "DELETE", "/own").await.0, 200, "the copy finishes by itself");
    assert_eq!(ask(&one, "GET", "/own/status").await.0, 200);
    host.stop().await;
}

/// Grades a lab of a recording by another process.
async fn graded(admin: &Wire, name: &str, more: &[&str]) -> Result<Value, String> {
    let answer = admin.get("/recording").await.expect(200);
    let file = STANDARD.decode(answer["recording"].as_str().expect("a text")).expect("base64");
    let home = tempdir().expect("a folder");
    let path = home.path().join("all.rec");
    std::fs::write(&path, file).expect("written");
    let path = path.to_string_lossy().into_owned();
    let begin = ["lab", "grade", name, "-o", "json", "--recording", path.as_str()];
    let ended = run(home.path(), &[&begin[..], more].concat());
    match ended.code {
        Some(0) => Ok(serde_json::from_str(&ended.out).expect("JSON")),
        _ => Err(ended.err),
    }
}

/// Starts and solves an exercise, and grades it twice: here and in a recording of all that arrived.
async fn earns_the_same(name: &str) {
    let lab = Lab::of(builder().seed(11)).await;
    let admin = Wire::to(&lab).as_admin(&lab);
    for (method, step) in [("POST", "start"), ("POST", "solve")] {
        let (code, said) = ask(&lab.client, method, &format!("/{name}/{step}")).await;
        assert_eq!(code, 200, "{name}: {said}");
    }
    let (_, here) = ask(&lab.client, "GET", &format!("/{name}/grade")).await;
    assert_eq!(here["points"], here["of"], "{here}");
    assert_eq!(graded(&admin, name, &[]).await, Ok(here), "{name}");
    lab.stop().await;
}

/// All exercises, two at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_of_any_exercise_earns_the_same() {
    let all = stream::iter(labs::NAMES.iter().copied()).for_each_concurrent(2, earns_the_same);
    all.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_of_all_that_arrived_earns_the_same() {
    let lab = Lab::of(builder().seed(11)).await;
    let admin = Wire::to(&lab).as_admin(&lab);
    begins(&lab.client).await;
    let name = "rolling-update";
    assert_eq!(ask(&lab.client, "POST", &format!("/{name}/start")).await.0, 200);
    assert_eq!(ask(&lab.client, "POST", "/own/solve").await.0, 200);
    assert_eq!(points(&lab.client).await, 3);
    let (_, here) = ask(&lab.client, "GET", "/own/grade").await;
    assert_eq!(graded(&admin, "own", &[]).await, Ok(here));
    let early = graded(&admin, name, &["--until", "3"]).await.expect_err("not yet there");
    assert!(early.contains("rolling-update is not under way where the recording ends"), "{early}");
    assert_eq!(ask(&lab.client, "DELETE", "/own").await.0, 200);
    let late = graded(&admin, "own", &[]).await.expect_err("gone");
    assert!(
        late.contains("own was finished before the recording ends; say --until STEP"),
        "{late}"
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_would_disturb_another_waits() {
    let lab = Lab::start().await;
    assert_eq!(ask(&lab.client, "POST", "/pull-policies/start").await.0, 200);
    let (code, why) = ask(&lab.client, "POST", "/pruning/start").await;
    let why = why["errors"][0]["message"].as_str().unwrap_or_default();
    assert_eq!(code, 409);
    assert!(why.contains("quay.io") && why.ends_with("finish pull-policies first"), "{why}");
    assert_eq!(get(&lab.client, "/api/v1/namespaces/pruned").await.code, 404);
    assert_eq!(ask(&lab.client, "POST", "/recreate/start").await.0, 200);
    lab.stop().await;
}
