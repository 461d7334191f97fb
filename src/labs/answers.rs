//! What commands in containers and routes answer, for the checks that ask.

use super::{
    commands::Hands,
    exercise::{CommandCheck, Exercise, HttpCheck},
    words,
};
use crate::{
    api::{Body, Request, Response, Verb},
    object::{ObjectExt, Value, selector::Labels},
    runtime::{BACKLOG, Fetch, Io, Target},
    world::within,
};
use jiff::SignedDuration;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Longest wait for an answer, and most of it that is read.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);
const LARGEST: usize = 64 << 10;

/// For each check nothing, or what was answered instead of what is wanted.
pub(super) async fn all(hands: &Hands, exercise: &Exercise) -> Vec<String> {
    let mut answers = Vec::new();
    for check in &exercise.checks {
        let seen = match (&check.command, &check.http) {
            (Some(command), _) => said(hands, command).await,
            (None, Some(http)) => answered(hands, http).await,
            _ => Ok(()),
        };
        answers.push(seen.err().unwrap_or_default());
    }
    answers
}

/// Runs a command in the first ready pod.
async fn said(hands: &Hands, check: &CommandCheck) -> Result<(), String> {
    let labels = Labels::parse(&check.labels).map_err(|e| e.to_string())?;
    let pods = hands.list(&words::kind("pod")?).await.map_err(|e| e.to_string())?;
    let ready = |pod: &&Value| {
        labels.matches_object(pod)
            && pod.condition("Ready").is_some_and(|c| c.str_at("status") == "True")
    };
    let pod =
        pods.iter().find(ready).ok_or_else(|| format!("no pod of {} is ready", check.labels))?;
    let containers = hands.server.containers.clone().ok_or("nothing runs here")?;
    let first = pod.list_at("spec.containers").first().map_or("", |c| c.str_at("name"));
    let target = Target {
        namespace: pod.namespace().into(),
        pod: pod.name().into(),
        container: first.into(),
    };
    let (stdout, mut read) = mpsc::channel(BACKLOG);
    let (_size, resize) = watch::channel((0, 0));
    let io = Io { stdin: None, stdout, stderr: None, resize };
    let process = containers.exec(target, words::split(&check.run)?, false, io);
    let gather = async {
        let mut text = Vec::new();
        while let Some(piece) = read.recv().await {
            text.extend_from_slice(&piece[..piece.len().min(LARGEST - text.len())]);
        }
        text
    };
    let both = async { tokio::join!(process, gather) };
    let wall = &hands.server.world.wall;
    let (_, text) = within(&**wall, PATIENCE, both).await.ok_or("the command does not end")?;
    let text = String::from_utf8_lossy(&text);
    match text.contains(&check.contains) {
        true => Ok(()),
        false => Err(format!("{} says {:?}, wanted {:?}", check.run, text.trim(), check.contains)),
    }
}

/// Asks the service behind a route.
async fn answered(hands: &Hands, check: &HttpCheck) -> Result<(), String> {
    let route = hands.get(&words::kind("route")?, &check.route).await.map_err(|e| e.to_string())?;
    let service = route.str_at("spec.to.name");
    let path = if check.path.is_empty() { "/" } else { &check.path };
    let request = Request {
        caller: Arc::new(crate::api::Caller::component("system:admin")),
        verb: Verb::Get,
        kind: words::kind("service")?,
        sub: "proxy",
        namespace: hands.project.clone(),
        name: service.into(),
        options: Default::default(),
        body: Body::Passed(Box::new(Fetch {
            method: "GET".into(),
            path: path.into(),
            headers: vec![("host".into(), route.str_at("spec.host").into())],
            ..Fetch::default()
        })),
    };
    let asked = hands.server.call(request).await;
    let (status, body) = match asked.map(|a| a.response) {
        Ok(Response::Passed(answer)) => (answer.status, answer.body),
        Ok(_) => (200, bytes::Bytes::new()),
        Err(e) => return Err(format!("route {}: {e}", check.route)),
    };
    if status != check.status {
        return Err(format!("route {} answers {status}, wanted {}", check.route, check.status));
    }
    match String::from_utf8_lossy(&body).contains(&check.contains) {
        true => Ok(()),
        false => Err(format!("route {} says nothing of {:?}", check.route, check.contains)),
    }
}
