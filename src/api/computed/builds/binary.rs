//! `instantiatebinary`: a build of what comes with the request, an archive or a file.

use super::{answer, start};
use crate::{
    api::{Answer, Body, Request, Server},
    builds::{BUILDS, INPUTS, input, is_over, phase},
    error::Error,
    object::{ObjectExt, Value, encode, json, name, time},
    store::{Expect, Op},
};
use std::sync::Arc;

/// Seconds a request waits for its build to run.
const PATIENCE: i64 = 300;

pub(super) async fn create(server: Arc<Server>, mut request: Request) -> Result<Answer, Error> {
    let Body::Upload(sent) = std::mem::take(&mut request.body) else {
        return Err(Error::BadRequest("there is nothing to build from".into()));
    };
    let get = |name: &str| {
        let pairs = request.options.parameters.iter();
        pairs.rev().find(|(k, _)| k == name).map(|(_, v)| v.as_str()).unwrap_or_default()
    };
    let file = get("asFile");
    let read = match sent.is_small() {
        true => input::read(&sent, file),
        false => {
            let file = file.to_owned();
            let reading = tokio::task::spawn_blocking(move || input::read(&sent, &file));
            reading.await.map_err(|e| Error::Internal(e.to_string()))?
        }
    };
    let mut asked = json!({"binary": {}});
    if !file.is_empty() {
        asked["binary"]["asFile"] = json!(file);
    }
    let commit = get("revision.commit");
    if !commit.is_empty() {
        let person = |who: &str| {
            json!({"name": get(&format!("revision.{who}Name")),
                "email": get(&format!("revision.{who}Email"))})
        };
        asked["revision"] = json!({"type": "Binary", "git": {"commit": commit,
            "message": get("revision.message"), "author": person("author"),
            "committer": person("committer")}});
    }
    let build = start(&server, &request, &asked).await?;
    let key = name::key(&request.namespace, build.name());
    let mut note = serde_json::to_value(&read).unwrap_or_default();
    note["metadata"] = json!({"namespace": request.namespace, "name": build.name()});
    let op = Op::Put {
        resource: INPUTS.into(),
        key: key.as_str().into(),
        expect: Expect::Absent,
        body: encode(&note),
        claims: vec![],
    };
    let kept = server.store.commit(vec![op]).await;
    kept.map_err(|e| Error::Internal(e.to_string()))?;
    running(&server, &request.namespace, build.name()).await.map(|build| answer(201, build))
}

/// Waits until a build runs.
async fn running(server: &Server, namespace: &str, name: &str) -> Result<Value, Error> {
    let mut changed = server.store.feed().signal(BUILDS);
    let deadline = time::plus_seconds(server.world.clock.now(), PATIENCE);
    let mut late = server.world.clock.sleep_until(deadline);
    loop {
        changed.mark_unchanged();
        let build = server.store.snapshot().get(BUILDS, namespace, name).map(|e| e.value());
        let build = build.ok_or_else(|| Error::not_found(BUILDS, name))?;
        let bad = |text: String| Err(Error::BadRequest(text));
        match phase(&build) {
            "Running" | "Complete" => return Ok(build),
            "Cancelled" => return bad(format!("build {name} was cancelled")),
            _ if is_over(&build) => {
                let (reason, why) = (build.str_at("status.reason"), build.str_at("status.message"));
                return bad(format!("build {name} failed: {reason}: {why}"));
            }
            _ => {}
        }
        tokio::select! {
            () = &mut late => {
                return bad(format!("timed out waiting for build {name} to start after 5m0s"));
            }
            alive = changed.changed() => if alive.is_err() { return Ok(build) },
        }
    }
}
