//! `log`: what a build's pod has written, from the moment it runs.

use crate::{
    api::{Answer, Request, Response, Server, computed::streams},
    builds::{BUILDS, number, phase, pod_name},
    error::Error,
    kinds,
    object::{ObjectExt, Value, json, time},
    store::Snapshot,
};
use std::sync::Arc;

/// Seconds a request waits for a build to run.
const PATIENCE: i64 = 30;

pub(super) async fn read(server: Arc<Server>, request: Request) -> Result<Answer, Error> {
    let flag = |name: &str| {
        let pairs = request.options.parameters.iter();
        let value = pairs.rev().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
        value.is_some_and(|v| !v.eq_ignore_ascii_case("false") && v != "0")
    };
    let snapshot = server.store.snapshot();
    let mut build = get(&snapshot, &request.namespace, &request.name)?;
    if flag("previous") {
        build = before(&snapshot, &build)?;
    }
    drop(snapshot);
    let name = build.name().to_owned();
    if matches!(phase(&build), "New" | "Pending") {
        if flag("nowait") {
            return Ok(Response::Nothing.into());
        }
        build = begun(&server, &request.namespace, &name).await?;
    }
    let state = match phase(&build) {
        "Cancelled" => Some("was cancelled"),
        "Error" => Some("is in an error state"),
        _ => None,
    };
    if let Some(state) = state {
        return Err(Error::BadRequest(format!("build {name} {state}. No logs are available.")));
    }
    let mut of_pod = request;
    of_pod.kind = kinds::by_resource("pods").ok_or(Error::NoSuchPath)?;
    of_pod.name = pod_name(&name);
    let own = ["version", "previous", "nowait", "container"];
    of_pod.options.parameters.retain(|(k, _)| !own.contains(&k.as_str()));
    streams::log(Arc::clone(&server), of_pod).await
}

fn get(snapshot: &Snapshot, namespace: &str, name: &str) -> Result<Value, Error> {
    let found = snapshot.get(BUILDS, namespace, name).map(|e| e.value());
    found.ok_or_else(|| Error::not_found(BUILDS, name))
}

/// The build of the same config before one.
fn before(snapshot: &Snapshot, build: &Value) -> Result<Value, Error> {
    let config = build.str_at("status.config.name");
    let all = snapshot.list(BUILDS, build.namespace()).map(|e| e.value());
    let older =
        all.filter(|b| b.str_at("status.config.name") == config && number(b) < number(build));
    let found = older.max_by_key(number);
    found.ok_or_else(|| Error::BadRequest(format!("no previous build found for {config:?}")))
}

/// Waits until a build runs or is over.
async fn begun(server: &Server, namespace: &str, name: &str) -> Result<Value, Error> {
    let mut changed = server.store.feed().signal(BUILDS);
    let deadline = time::plus_seconds(server.world.clock.now(), PATIENCE);
    let mut late = server.world.clock.sleep_until(deadline);
    let mut stopping = server.stopping.clone();
    loop {
        changed.mark_unchanged();
        let build = get(&server.store.snapshot(), namespace, name)?;
        if !matches!(phase(&build), "New" | "Pending") {
            return Ok(build);
        }
        tokio::select! {
            () = &mut late => return Err(too_late(name)),
            _ = stopping.wait_for(|s| *s) => return Err(too_late(name)),
            alive = changed.changed() => if alive.is_err() { return Ok(build) },
        }
    }
}

fn too_late(name: &str) -> Error {
    let why = format!("timed out waiting for build {name} to start after {PATIENCE}s");
    Error::Raw(Box::new(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("Timeout: {why}"), "reason": "Timeout", "code": 504,
        "details": {"retryAfterSeconds": 1},
    })))
}
