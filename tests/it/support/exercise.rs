//! Exercises of the tests' own, and the questions about labs that a console asks.

use super::lab::{request, send};
use kube::Client;
use serde_json::Value;

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
