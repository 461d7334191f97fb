//! Exercises of the tests' own, and the questions about labs that a console asks.

use super::lab::{request, send};
use kube::Client;
use serde_json::{Value, json};

/// Where labs are asked about.
pub const LABS: &str = "/console/desk/labs";

/// What exercises of our own begin with: a project with one object.
const HEAD: &str = "\
name: own
title: My own
part: tests
text: Nothing.
project: mine
setup:
  manifests:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: '1', later: 'no'}}
";

/// It goes on with one event ten minutes after the start, of which the grade tells.
pub const LATER: &str = "\
events:
- after: 10m
  steps: ['oc patch configmap/a -p ''{\"data\":{\"later\":\"yes\"}}''']
tasks: [Change it.]
checks:
- title: It was two once, and is three
  points: 2
  history: {kind: ConfigMap, name: a, once: [{path: data.x, is: '2'}], changes: {path: data.x, is: 2}}
- title: It is later
  points: 1
  object: {kind: ConfigMap, name: a, fields: [{path: data.later, is: 'yes'}]}
solution:
- oc patch configmap/a -p '{\"data\":{\"x\":\"2\"}}'
- oc patch configmap/a -p '{\"data\":{\"x\":\"3\"}}'
- pocketshift time step 11m
";

/// An exercise `own` that goes on like this after its set-up.
pub fn own(rest: &str) -> String {
    format!("{HEAD}{rest}")
}

/// Starts the exercise `own` by its text.
pub async fn start(client: &Client, text: &str) -> (u16, Value) {
    let path = format!("{LABS}/own/start");
    let reply = request(client, "POST", &path, &[], text.as_bytes().to_vec()).await;
    (reply.code, reply.json())
}

/// Asks about labs, or has something done.
pub async fn ask(client: &Client, method: &str, path: &str) -> (u16, Value) {
    let reply = send(client, method, &format!("{LABS}{path}"), "", None).await;
    (reply.code, reply.json())
}

/// Changes the object of `own`.
pub async fn sets(client: &Client, x: &str) {
    let path = "/api/v1/namespaces/mine/configmaps/a";
    let form = [("content-type", "application/merge-patch+json")];
    let change = json!({"data": {"x": x}}).to_string().into_bytes();
    assert_eq!(request(client, "PATCH", path, &form, change).await.code, 200);
}
