//! Walks: requests one after the other, and what a real kube-apiserver 1.36 said to each. They are in
//! `tests/golden/walks`. A step with `again` is asked until it is answered as recorded; of an answer
//! that is no error, only what `pick` points to is looked at.

use crate::support::{
    Lab, Wire,
    lab::{Reply, request},
    repository,
    wait::eventually,
};
use pocketshift::object::ObjectExt;
use serde_json::{Map, Value, json};

/// Fields of an answer that differ from one server to the next.
const PASSING: [&str; 5] =
    ["lastTransitionTime", "time", "creationTimestamp", "uid", "resourceVersion"];

/// What a path leads to: names, places in lists, and `name=value` for the element that has it.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(object, |object, step| {
        let step = step.replace("~1", "/").replace("~0", "~");
        match object {
            Value::Array(list) => match step.split_once('=') {
                Some((name, value)) => list.iter().find(|o| o.str_at(name) == value),
                None => list.get(step.parse::<usize>().ok()?),
            },
            _ => object.get(&step),
        }
    })
}

/// A value without what differs from one server to the next.
fn lasting(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, _)| !PASSING.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), lasting(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(lasting).collect()),
        other => other.clone(),
    }
}

/// What the reply says, in the words of the recording.
fn said(step: &Value, reply: &Reply) -> Value {
    let mut said = Map::new();
    let warnings = reply.headers.get_all("warning").iter().filter_map(|w| w.to_str().ok());
    let warnings: Vec<&str> = warnings.collect();
    if !warnings.is_empty() {
        said.insert("warnings".into(), json!(warnings));
    }
    let Ok(object) = serde_json::from_slice::<Value>(&reply.bytes) else {
        if reply.code >= 400 && !reply.bytes.is_empty() {
            said.insert("text".into(), json!(reply.text()));
        }
        return Value::Object(said);
    };
    if object.str_at("kind") == "Status" && object.str_at("status") == "Failure" {
        said.insert("message".into(), object["message"].clone());
        if let Some(reason) = object.get("reason") {
            said.insert("reason".into(), reason.clone());
        }
        let causes = object.list_at("details.causes").iter();
        let causes = causes
            .map(|c| format!("{} {}", c.str_at("reason"), c.str_at("field")).trim().to_owned());
        let causes: Vec<String> = causes.collect();
        if causes.iter().any(|c| !c.is_empty()) {
            said.insert("causes".into(), json!(causes));
        }
        return Value::Object(said);
    }
    let pick = step.list_at("pick").iter().filter_map(Value::as_str);
    let picked: Map<String, Value> = pick
        .filter_map(|path| Some((path.to_owned(), lasting(at(&object, path)?))))
        .filter(|(_, value)| !value.is_null())
        .collect();
    if !picked.is_empty() {
        said.insert("picked".into(), Value::Object(picked));
    }
    Value::Object(said)
}

/// Asks once; answers how the reply differs from the recording, if it does.
async fn ask(lab: &Lab, step: &Value) -> Result<(), String> {
    let (method, path) = step.str_at("request").split_once(' ').expect("method and path");
    let or = |name: &str| match step.str_at(name) {
        "" => "application/json".to_owned(),
        other => other.to_owned(),
    };
    let body = match &step["body"] {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        body => body.to_string().into_bytes(),
    };
    let (accept, content) = (or("accept"), or("type"));
    let headers = [("accept", accept.as_str()), ("content-type", content.as_str())];
    let reply = request(&lab.client, method, path, &headers, body).await;
    let expected = step.get("said").cloned().unwrap_or_else(|| json!({}));
    let got = if step["unsaid"] == true { json!({}) } else { said(step, &reply) };
    if Some(i64::from(reply.code)) == step.i64_at("code") && got == expected {
        return Ok(());
    }
    Err(format!(
        "{method} {path} {}\n  expected {} {expected}\n  got      {} {got}",
        step["body"], step["code"], reply.code
    ))
}

async fn walk(name: &str) {
    let file = repository("tests/golden/walks").join(name);
    let text = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let walks: Vec<Value> = serde_json::from_slice(&text).expect("walks");
    let lab = Lab::start().await;
    let mut wrong = Vec::new();
    let waits = |walk: &Value| walk.list_at("steps").iter().any(|step| step["again"] == true);
    for walk in &walks {
        // Managers stand in the order of their seconds: where nobody waits, all is of one.
        let rate = if waits(walk) { 1 } else { 0 };
        let admin = Wire::to(&lab).as_admin(&lab);
        admin.send("POST", &format!("/time?rate={rate}"), &[], Vec::new()).await.expect(200);
        for step in walk.list_at("steps") {
            if step["again"] == true {
                eventually(walk.str_at("about"), || ask(&lab, step)).await;
            } else if let Err(different) = ask(&lab, step).await {
                wrong.push(format!("{}: {different}", walk.str_at("about")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions() {
    walk("definitions.json").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources() {
    walk("resources.json").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules() {
    walk("rules.json").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admission() {
    walk("admission.json").await;
}
