//! What containers bring about in the API, written by the thread that may: ends of processes,
//! tokens for pods.

use super::place::Place;
use crate::{
    api::{Body, Caller, Item, Options, Request, Response, Server, Verb},
    controllers::{SERVED, Served, unidling::calls},
    error::Error,
    kinds,
    object::{ObjectExt, Value, encode, json, name, time},
    runtime::Target,
    sim::unshown,
    store::{Expect, Op, Snapshot},
};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// How a main process has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// Its exit code.
    pub code: i32,
    /// Why it could not even be started.
    pub refused: Option<String>,
    /// The message it left.
    pub message: String,
}

/// Something to be written.
pub enum DeferredWrite {
    /// A container's main process has ended.
    Ended {
        /// The container.
        target: Target,
        /// ID of the run.
        run: String,
        /// How it ended.
        end: End,
    },
    /// A pod needs a token of its service account.
    Token {
        /// The pod.
        pod: Arc<Value>,
        /// Whom it is for; empty for the API.
        audience: String,
        /// How long it is good for.
        seconds: i64,
        /// Told the token.
        reply: oneshot::Sender<String>,
    },
    /// What pods have answered lately, by namespace and name.
    Served(Vec<(String, String, Served)>),
    /// Somebody calls a service that sleeps.
    Called {
        /// Namespace of the service.
        namespace: String,
        /// Its name.
        service: String,
    },
}

/// Writes what is asked for, until nobody asks any more.
pub async fn serve(server: Arc<Server>, writes: &mut mpsc::Receiver<DeferredWrite>) {
    while let Some(ask) = writes.recv().await {
        let _busy = server.world.activity.hold();
        match ask {
            DeferredWrite::Ended { target, run, end } => {
                if let Err(error) = ended(&server, &target, &run, &end).await {
                    tracing::debug!(%error, "the end of a container was not noted");
                }
            }
            DeferredWrite::Token { pod, audience, seconds, reply } => {
                if let Ok(token) = token(&server, &pod, &audience, seconds).await {
                    let _ = reply.send(token);
                }
            }
            DeferredWrite::Served(pods) => served(&server, pods).await,
            DeferredWrite::Called { namespace, service } => {
                called(&server, &namespace, &service).await
            }
        }
    }
}

/// Notes the end of a container: with its run, or in its pod's status if that shows it.
async fn ended(server: &Arc<Server>, target: &Target, run: &str, end: &End) -> Result<(), Error> {
    while let Some(op) = note_unshown(&server.store.snapshot(), target, run, end) {
        if server.store.commit(vec![op]).await.is_ok() {
            return Ok(());
        }
    }
    let change = |pod: &mut Value| note(pod, &target.container, run, end);
    edit(server, "pods", &target.namespace, &target.pod, change).await
}

/// What notes the end of a run that no status shows; nothing when one does.
pub fn note_unshown(objects: &Snapshot, target: &Target, run: &str, end: &End) -> Option<Op> {
    let row = objects.get(unshown::RESOURCE, &target.namespace, &target.pod)?;
    let pod = objects.get("pods", &target.namespace, &target.pod)?.look();
    let runs = unshown::row(objects, &pod).map(|_| unshown::known(objects, &pod))?;
    Place::of(&runs, &target.container)?.run().filter(|found| found.id == run)?;
    let mut object = row.value();
    note(&mut object, &target.container, run, end).then(|| Op::Put {
        resource: unshown::RESOURCE.into(),
        key: Arc::clone(&row.key),
        expect: Expect::Rev(row.rev),
        body: encode(&object),
        claims: vec![],
    })
}

/// Notes what pods have answered, and forgets pods that are gone.
async fn served(server: &Arc<Server>, pods: Vec<(String, String, Served)>) {
    let snapshot = server.store.snapshot();
    let there = |namespace: &str, pod: &str| snapshot.get("pods", namespace, pod).is_some();
    let mut ops = Vec::new();
    for (namespace, pod, served) in pods.into_iter().filter(|(n, p, _)| there(n, p)) {
        let stored = snapshot.get(SERVED, &namespace, &pod);
        let mut object = crate::object::to_value(served).unwrap_or_default();
        object["metadata"] = json!({"namespace": namespace, "name": pod});
        ops.push(Op::Put {
            resource: SERVED.into(),
            key: name::key(&namespace, &pod).into(),
            expect: stored.map_or(Expect::Absent, |e| Expect::Rev(e.rev)),
            body: encode(&object),
            claims: vec![],
        });
    }
    let gone = snapshot.list(SERVED, "").filter(|e| !there(&e.meta.namespace, &e.meta.name));
    ops.extend(gone.map(|e| Op::Delete {
        resource: SERVED.into(),
        key: Arc::clone(&e.key),
        expect: Expect::Present,
        last: None,
    }));
    if let Err(error) = server.store.commit(ops).await {
        tracing::debug!(%error, "what was served is not noted");
    }
}

/// Notes that a service is called; one note stands for all calls until it is read.
async fn called(server: &Arc<Server>, namespace: &str, service: &str) {
    let op = Op::Put {
        resource: calls::CALLS.into(),
        key: name::key(namespace, service).into(),
        expect: Expect::Absent,
        body: encode(&calls::note(namespace, service)),
        claims: vec![],
    };
    if let Err(error) = server.store.commit(vec![op]).await {
        tracing::debug!(%error, namespace, service, "already noted");
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
        let mut object = entry.lean();
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

/// Whether what a container had to do is done for good: a plain init container that ended well
/// counts as ready from then on.
pub fn is_done(pod: &Value, container: &str, code: i64) -> bool {
    let inits = pod.list_at("spec.initContainers").iter();
    let init = inits.filter(|c| c.str_at("name") == container);
    code == 0 && init.map(|c| c.str_at("restartPolicy")).any(|policy| policy != "Always")
}

/// Notes the end of a container in its pod's status; false when that run is not running.
pub fn note(pod: &mut Value, container: &str, run: &str, end: &End) -> bool {
    let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let done = is_done(pod, container, end.code.into());
    for list in lists.map(|list| format!("status.{list}")) {
        let Some(statuses) = pod.at_mut(&list).as_array_mut() else { continue };
        for status in statuses {
            let id = status.str_at("containerID").to_owned();
            let since = status.str_at("state.running.startedAt").to_owned();
            if status.str_at("name") != container || !id.ends_with(run) || since.is_empty() {
                continue;
            }
            let reason = match (&end.refused, end.code) {
                (Some(_), _) => "StartError",
                (None, 0) => "Completed",
                _ => "Error",
            };
            status["state"] = json!({"terminated": {"containerID": id, "exitCode": end.code,
                "finishedAt": time::seconds(end.at), "reason": reason, "startedAt": since}});
            let message = end.refused.as_ref().unwrap_or(&end.message);
            if !message.is_empty() {
                status["state"]["terminated"]["message"] = json!(message);
            }
            status["ready"] = json!(done);
            status["started"] = json!(false);
            return true;
        }
    }
    false
}

async fn token(
    server: &Arc<Server>,
    pod: &Value,
    audience: &str,
    seconds: i64,
) -> Result<String, Error> {
    let account = match pod.str_at("spec.serviceAccountName") {
        "" => "default",
        own => own,
    };
    let audiences: &[&str] = if audience.is_empty() { &[] } else { &[audience] };
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
        "audiences": audiences, "expirationSeconds": seconds,
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
        let at = "2026-01-01T00:01:00Z".parse().unwrap();
        let end = End { at, code: 3, refused: None, message: "why".into() };
        assert!(!note(&mut one, "c", "8", &end));
        assert!(!note(&mut one, "d", "7", &end));
        assert!(note(&mut one, "c", "7", &end));
        let status = &one.list_at("status.containerStatuses")[0];
        assert_eq!(status.i64_at("state.terminated.exitCode"), Some(3));
        assert_eq!(status.str_at("state.terminated.reason"), "Error");
        assert_eq!(status.str_at("state.terminated.finishedAt"), "2026-01-01T00:01:00Z");
        assert_eq!(status.str_at("state.terminated.message"), "why");
        assert!(!note(&mut one, "c", "7", &end));
    }
}
