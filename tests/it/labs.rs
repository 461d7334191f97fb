//! Labs: every exercise is played in all its ways; what goes wrong leaves the cluster as it was; a
//! grade can be made again from its recording; a class and its board.

use crate::support::{
    Lab,
    exercise::{LABS, ask, own, start},
    lab::{get, send},
};
use pocketshift::{
    labs::{self, exercise::Exercise, judge, recording::Recording},
    run,
};
use serde_json::{Value, json};

/// Plays some of our exercises: started, solved, and each wrong way.
async fn plays(names: &[&str]) {
    let texts = names.iter().map(|name| labs::text(name).expect("an exercise").to_owned());
    let all: Vec<(Exercise, String)> =
        texts.map(|text| (Exercise::parse(&text).expect("whole"), text)).collect();
    run::labs::check(&all).await.expect("as the exercises say");
}

/// A third of our exercises.
fn third(number: usize) -> Vec<&'static str> {
    labs::NAMES.iter().copied().skip(number).step_by(3).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_third_of_our_exercises() {
    plays(&third(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_third_of_our_exercises() {
    plays(&third(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_third_of_our_exercises() {
    assert!(labs::NAMES.len() >= 12);
    plays(&third(2)).await;
}

/// One thing to be done.
const REST: &str = "\
tasks: [Change it.]
checks:
- title: It is changed
  points: 1
  object: {kind: ConfigMap, name: a, fields: [{path: data.x, is: '2'}]}
solution:
- oc patch configmap/a -p '{\"data\":{\"x\":\"2\"}}'
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_leaves_the_cluster_as_it_was() {
    let (lab, text) = (Lab::start().await, own(REST));
    let says =
        |value: &Value| value["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
    let gone = |project: &'static str| {
        let client = lab.client.clone();
        async move { get(&client, &format!("/api/v1/namespaces/{project}")).await.code }
    };

    let (code, why) = start(&lab.client, &text.replace("title:", "titel:")).await;
    assert_eq!(code, 409);
    assert!(says(&why).contains("titel") && says(&why).contains("line 2"), "{why}");

    let bad = text.replace("x: '1'", "x: {y: 1}");
    let (code, why) = start(&lab.client, &bad).await;
    assert_eq!(code, 409);
    assert!(says(&why).contains("manifest 1"), "{why}");
    assert_eq!(gone("mine").await, 404);

    let failing =
        text.replace("tasks:", "  steps: [oc scale deployment/none --replicas 1]\ntasks:");
    let (code, why) = start(&lab.client, &failing).await;
    assert_eq!(code, 409);
    assert!(says(&why).contains("oc scale deployment/none"), "{why}");
    assert_eq!(gone("mine").await, 404);

    lab.namespace("mine").await;
    let (code, why) = start(&lab.client, &text).await;
    assert!(code == 409 && says(&why).contains("\"mine\" already"), "{why}");
    assert_eq!(gone("mine").await, 200);
    assert_eq!(ask(&lab.client, "GET", "/own/grade").await.0, 409);
    assert_eq!(ask(&lab.client, "GET", "/nothing").await.0, 404);

    let anybody = lab.anonymous().await;
    assert_eq!(get(&anybody, LABS).await.code, 401);
    let account = "/api/v1/namespaces/mine/serviceaccounts/default/token";
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"});
    let token = send(&lab.client, "POST", account, "", Some(&asked)).await.expect(201);
    let somebody = lab.with_token(token["status"]["token"].as_str().expect("a token")).await;
    assert_eq!(get(&somebody, LABS).await.code, 200);
    let refused = send(&somebody, "POST", &format!("{LABS}/rollout-undo/start"), "", None).await;
    assert_eq!(refused.code, 403);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lab_from_its_start_to_its_end() {
    let (lab, text) = (Lab::start().await, own(REST));
    let (code, started) = start(&lab.client, &text).await;
    assert_eq!((code, &started["status"]["project"]), (200, &json!("mine")));
    assert_eq!(ask(&lab.client, "GET", "/own/grade").await.1["points"], 0);
    let (_, said) = ask(&lab.client, "POST", "/own/hint").await;
    assert_eq!(said["hint"], "There are no more hints.");
    let (code, lines) = ask(&lab.client, "POST", "/own/solve").await;
    assert_eq!((code, &lines["lines"][1]), (200, &json!("configmap/a patched")));
    let (_, grade) = ask(&lab.client, "GET", "/own/grade").await;
    assert_eq!(
        (&grade["points"], &grade["of"], &grade["name"]),
        (&json!(1), &json!(1), &json!("own"))
    );
    assert_eq!(
        grade["checks"][0],
        json!({"title": "It is changed", "points": 1, "of": 1,
        "passed": true, "reason": ""})
    );

    let (_, kept) = ask(&lab.client, "GET", "/own/recording").await;
    let recording = Recording::read(kept.to_string().as_bytes()).expect("a recording");
    let exercise = Exercise::parse(&text).expect("whole");
    let again = judge::grade(&exercise, &recording);
    assert_eq!(serde_json::to_value(&again).expect("JSON"), grade);
    let harder = Exercise::parse(&text.replace("is: '2'", "is: '3'")).expect("whole");
    let lost = judge::grade(&harder, &recording);
    assert!(
        lost.junit().contains("failures=\"1\"") && lost.text().contains("wanted \"3\""),
        "{lost:?}"
    );
    assert!(Recording::read(b"{}").is_err());

    assert_eq!(ask(&lab.client, "DELETE", "/own").await.0, 200);
    assert_eq!(get(&lab.client, "/api/v1/namespaces/mine").await.code, 404);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_takes_more_than_one_cluster() {
    let lab = Lab::start().await;
    assert_eq!(ask(&lab.client, "POST", "/pause-and-resume/start?students=0").await.0, 409);
    let (code, why) = ask(&lab.client, "POST", "/pause-and-resume/start?students=2").await;
    assert!(code == 409 && why.to_string().contains("first cluster"), "{why}");
    lab.stop().await;
}

const ASKING: &str = "\
name: asking
title: What is answered
part: tests
text: Nothing.
project: asking
setup:
  manifests:
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      replicas: 0
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec: {containers: [{name: web, image: 'registry.access.redhat.com/ubi9/nginx-120:1-86'}]}
  - {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 8080}]}}
  - {apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: web}, spec: {to: {kind: Service, name: web}}}
tasks: [Scale it.]
checks:
- {title: A command, points: 1, command: {labels: app=web, run: hostname, contains: web-}}
- {title: A route, points: 2, http: {route: web, status: 200}}
solution:
- oc scale deployment/web --replicas 1
- oc rollout status deployment/web
wrong:
- {name: nothing at all, points: 0, steps: [oc rollout status deployment/web]}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_and_routes_are_asked() {
    let exercise = Exercise::parse(ASKING).expect("whole");
    run::labs::check(&[(exercise, ASKING.to_owned())]).await.expect("as it says");
}
