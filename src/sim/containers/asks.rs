//! What containers bring about in the API, written by the thread that may: ends of processes,
//! tokens for pods.

use crate::{
    api::{Body, Caller, Item, Options, Request, Response, Server, Verb},
    error::Error,
    kinds,
    object::{ObjectExt, Value, json, time},
    runtime::Target,
};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Something to be written.
pub enum Ask {
    /// A container's main process has ended.
    Ended {
        /// The container.
        target: Target,
        /// ID of the run.
        run: String,
        /// Its exit code.
        code: i32,
    },
    /// A pod needs a token of its service account.
    Token {
        /// The pod.
        pod: Value,
        /// Told the token.
        reply: oneshot::Sender<String>,
    },
}

/// Writes what is asked for, until nobody asks any more.
pub async fn serve(server: Arc<Server>, mut asks: mpsc::Receiver<Ask>) {
    while let Some(ask) = asks.recv().await {
        match ask {
            Ask::Ended { target, run, code } => {
                let done = edit(&server, "pods", &target.namespace, &target.pod, |pod| {
                    end(
                        pod,
                        &target.container,
                        &run,
                        code,
                        &time::seconds(server.world.clock.now()),
                    )
                });
                if let Err(error) = done.await {
                    tracing::debug!(%error, "the end of a container was not noted");
                }
            }
            Ask::Token { pod, reply } => {
                if let Ok(token) = token(&server, &pod).await {
                    let _ = reply.send(token);
                }
            }
        }
    }
}

fn request(
    kind: &str,
    verb: Verb,
    sub: &'static str,
    namespace: &str,
    name: &str,
    body: Body,
) -> Option<Request> {
    Some(Request {
        caller: Arc::new(Caller::component("system:node")),
        verb,
        kind: kinds::by_resource(kind)?,
        sub,
        namespace: namespace.into(),
        name: name.into(),
        options: Options { field_manager: "kubelet".into(), ..Options::default() },
        body,
    })
}

/// Changes the status of an object, again while others change it at the same time.
async fn edit(
    server: &Arc<Server>,
    resource: &'static str,
    namespace: &str,
    name: &str,
    change: impl Fn(&mut Value) -> bool,
) -> Result<(), Error> {
    for _ in 0..10 {
        let snapshot = server.store.snapshot();
        let Some(entry) = snapshot.get(resource, namespace, name) else { return Ok(()) };
        let mut object = entry.value();
        if !change(&mut object) {
            return Ok(());
        }
        let body = Body::Object(object, Vec::new());
        let Some(request) = request(resource, Verb::Update, "status", namespace, name, body) else {
            return Ok(());
        };
        match server.call(request).await {
            Err(Error::Conflict { .. }) => {}
            other => return other.map(drop),
        }
    }
    Ok(())
}

/// Notes the end of a container in its pod's status; false when that run is not running.
fn end(pod: &mut Value, container: &str, run: &str, code: i32, now: &str) -> bool {
    for kind in ["container", "initContainer", "ephemeralContainer"] {
        let list = &format!("status.{kind}Statuses");
        let Some(statuses) = pod.at_mut(list).as_array_mut() else { continue };
        for status in statuses {
            let id = status.str_at("containerID").to_owned();
            let since = status.str_at("state.running.startedAt").to_owned();
            if status.str_at("name") != container || !id.ends_with(run) || since.is_empty() {
                continue;
            }
            let reason = if code == 0 { "Completed" } else { "Error" };
            status["state"] = json!({"terminated": {"containerID": id, "exitCode": code,
                "finishedAt": now, "reason": reason, "startedAt": since}});
            status["ready"] = json!(false);
            status["started"] = json!(false);
            return true;
        }
    }
    false
}

async fn token(server: &Arc<Server>, pod: &Value) -> Result<String, Error> {
    let account = match pod.str_at("spec.serviceAccountName") {
        "" => "default",
        own => own,
    };
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
        "expirationSeconds": 3607,
        "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": pod.name(), "uid": pod.uid()},
    }});
    let body = Body::Object(body, Vec::new());
    let request = request("serviceaccounts", Verb::Create, "token", pod.namespace(), account, body);
    let answer = server.call(request.ok_or(Error::NoSuchPath)?).await?;
    Ok(match answer.response {
        Response::One(_, Item::Value(value)) => value.str_at("status.token").to_owned(),
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_run_that_runs_can_end() {
        let pod = json!({"status": {"containerStatuses": [{"name": "c", "containerID": "cri-o://7",
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "ready": true}]}});
        let mut one = pod.clone();
        assert!(!end(&mut one, "c", "8", 1, "now"));
        assert!(!end(&mut one, "d", "7", 1, "now"));
        assert!(end(&mut one, "c", "7", 3, "now"));
        let status = &one.list_at("status.containerStatuses")[0];
        assert_eq!(status.i64_at("state.terminated.exitCode"), Some(3));
        assert_eq!(status.str_at("state.terminated.reason"), "Error");
        assert!(!end(&mut one, "c", "7", 3, "now"));
    }
}
