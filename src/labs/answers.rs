//! What commands in containers and routes answer, for the checks that ask.

use super::{
    commands::Hands,
    exercise::{CommandCheck, Exercise, HttpCheck},
    words,
};
use crate::{
    object::{ObjectExt, Value, selector::Labels},
    runtime::{BACKLOG, Fetch, Io, Target},
    world::within,
};
use jiff::SignedDuration;
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

/// Asks the host of a route.
async fn answered(hands: &Hands, check: &HttpCheck) -> Result<(), String> {
    let route = hands.get(&words::kind("route")?, &check.route).await.map_err(|e| e.to_string())?;
    let containers = hands.server.containers.clone().ok_or("nothing runs here")?;
    let host = route.str_at("spec.host");
    let secure = route.at("spec.tls").is_some();
    let request = Fetch {
        method: "GET".into(),
        secure,
        host: host.into(),
        port: if secure { 443 } else { 80 },
        path: if check.path.is_empty() { "/".into() } else { check.path.clone() },
        headers: vec![("host".into(), host.into())],
        ..Fetch::default()
    };
    let asked = within(&*hands.server.world.wall, PATIENCE, containers.visit(request)).await;
    let asked = asked.ok_or_else(|| format!("route {} does not answer", check.route))?;
    let answer = asked.map_err(|_| format!("route {} hangs up", check.route))?;
    if answer.status != check.status {
        let seen = answer.status;
        return Err(format!("route {} answers {seen}, wanted {}", check.route, check.status));
    }
    match String::from_utf8_lossy(&answer.body).contains(&check.contains) {
        true => Ok(()),
        false => Err(format!("route {} says nothing of {:?}", check.route, check.contains)),
    }
}
