//! `log`: the deployer's log while a rollout runs or when it has failed, and that of a pod of the
//! application once it is complete.

use crate::{
    api::{Answer, Request, Response, Server, computed::streams},
    error::{Causes, Error},
    kinds::{
        self,
        rollouts::{self, CONFIGS, ROLLOUTS},
    },
    object::{ObjectExt, Value, json, selector::Labels, time},
    store::Snapshot,
};
use std::sync::Arc;

/// Seconds a request waits for a rollout and for its pods.
const PATIENCE: i64 = 60;
const NO_POD: &str = "Internal error occurred: timed out waiting for the condition";
const KIND: &str = "DeploymentLogOptions.apps.openshift.io";

pub(super) async fn read(server: Arc<Server>, request: Request) -> Result<Answer, Error> {
    let options = Options::read(&request)?;
    let snapshot = server.store.snapshot();
    let name = request.name.as_str();
    let config = snapshot.get(CONFIGS, &request.namespace, name).map(|e| e.value());
    let config =
        config.ok_or_else(|| Error::not_found("deploymentconfig.apps.openshift.io", name))?;
    let version = options.choose(&config)?;
    let rollout = rollouts::name(name, version);
    let namespace = request.namespace.as_str();
    let get = |s: &Snapshot| s.get(ROLLOUTS, namespace, &rollout).map(|e| e.value());
    let missing = || Error::not_found(ROLLOUTS, &rollout);
    let found = wait(&server, |s| get(s).is_some()).await.then(|| get(&server.store.snapshot()));
    let mut found = found.flatten().ok_or_else(missing)?;
    let deployer = rollouts::pod_name(&rollout, "deploy");
    if matches!(rollouts::phase(&found), "New" | "Pending") {
        if options.no_wait {
            return Ok(Response::Nothing.into());
        }
        let began = |s: &Snapshot| {
            let pod = s.get("pods", namespace, &deployer).map(|e| e.value());
            pod.is_some_and(|p| {
                matches!(p.str_at("status.phase"), "Running" | "Succeeded" | "Failed")
            })
        };
        if !wait(&server, began).await {
            return Err(Error::BadRequest(format!(
                "failed to run deployer pod {deployer}: timed out waiting for the condition"
            )));
        }
        let moved =
            |s: &Snapshot| get(s).is_none_or(|r| !matches!(rollouts::phase(&r), "New" | "Pending"));
        if !wait(&server, moved).await {
            return Err(too_slow());
        }
        found = get(&server.store.snapshot()).ok_or_else(missing)?;
    }
    let pod = match rollouts::phase(&found) {
        "Complete" => application_pod(&server, &found).await?,
        _ => deployer,
    };
    streams::log(Arc::clone(&server), options.of_pod(request, pod)?).await
}

/// What upstream says when it has waited for long enough.
fn too_slow() -> Error {
    Error::Raw(Box::new(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "The get operation against ReplicationController could not be completed at this \
                    time, please try again.",
        "reason": "ServerTimeout", "code": 500,
        "details": {"name": "get", "kind": "ReplicationController", "retryAfterSeconds": 2},
    })))
}

/// Waits until something holds; answers whether it does.
async fn wait(server: &Server, holds: impl Fn(&Snapshot) -> bool) -> bool {
    let mut changed = server.store.feed().any();
    let deadline = time::plus_seconds(server.world.wall.now(), PATIENCE);
    let mut too_late = server.world.wall.sleep_until(deadline);
    let mut stopping = server.stopping.clone();
    while !holds(&server.store.snapshot()) {
        tokio::select! {
            () = &mut too_late => return false,
            _ = stopping.wait_for(|s| *s) => return false,
            result = changed.changed() => if result.is_err() { return false },
        }
    }
    true
}

/// The pod of a rollout whose log says most. Source: `controller.ByLogging`.
async fn application_pod(server: &Server, rollout: &Value) -> Result<String, Error> {
    let selector = rollout.at("spec.selector").map(Labels::from_map).unwrap_or_default();
    let pods = |s: &Snapshot| -> Vec<Value> {
        let all = s.list("pods", rollout.namespace());
        all.filter(|e| selector.matches_meta(&e.meta)).map(|e| e.value()).collect()
    };
    if !wait(server, |s| !pods(s).is_empty()).await {
        return Err(Error::Internal(NO_POD.into()));
    }
    let all = pods(&server.store.snapshot());
    let best = all.iter().min_by_key(|p| rank(p)).map(|p| p.name().to_owned());
    best.ok_or_else(|| Error::Internal(NO_POD.into()))
}

fn rank(pod: &Value) -> impl Ord {
    let unassigned = pod.str_at("spec.nodeName").is_empty();
    let phase = match pod.str_at("status.phase") {
        "Running" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let ready = pod.condition("Ready").filter(|c| c.str_at("status") == "True");
    let since = ready.map(|c| c.str_at("lastTransitionTime").to_owned());
    let restarts = pod.list_at("status.containerStatuses").iter();
    let restarts = restarts.filter_map(|s| s.i64_at("restartCount")).max().unwrap_or(0);
    let created = pod.str_at("metadata.creationTimestamp").to_owned();
    (unassigned, phase, ready.is_none(), since, std::cmp::Reverse(restarts), created)
}

/// The parameters that concern the rollout; the others concern its pod.
struct Options {
    version: Option<i64>,
    previous: bool,
    no_wait: bool,
}

impl Options {
    fn read(request: &Request) -> Result<Options, Error> {
        let get = |name: &str| {
            let pairs = request.options.parameters.iter();
            pairs.rev().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
        };
        let flag = |name| get(name).is_some_and(|v| !v.eq_ignore_ascii_case("false") && v != "0");
        let version = match get("version") {
            None => None,
            Some(text) => Some(text.parse::<i64>().map_err(|_| {
                Error::BadRequest(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
            })?),
        };
        let options = Options { version, previous: flag("previous"), no_wait: flag("nowait") };
        let mut causes = Causes::default();
        if let Some(version) = version.filter(|v| *v <= 0) {
            let why = "deployment version must be greater than 0";
            causes.invalid("version", &json!(version), why);
        }
        if version.is_some() && options.previous {
            let why = "cannot use previous when a version is specified";
            causes.invalid("previous", &json!(true), why);
        }
        if causes.is_empty() {
            return Ok(options);
        }
        Err(Error::Invalid { kind: KIND.into(), name: String::new(), causes: causes.into_vec() })
    }

    /// The version whose log is wanted.
    fn choose(&self, config: &Value) -> Result<i64, Error> {
        let (name, latest) = (config.name(), config.i64_at("status.latestVersion").unwrap_or(0));
        let bad = |text: String| Err(Error::BadRequest(text));
        match self.version {
            _ if latest == 0 => bad(format!("no deployment exists for deploymentConfig {name:?}")),
            None if self.previous && latest < 2 => {
                bad(format!("no previous deployment exists for deploymentConfig {name:?}"))
            }
            None => Ok(latest - i64::from(self.previous)),
            Some(version) if version > latest => {
                bad(format!("invalid version for deploymentConfig {name:?}: {version}"))
            }
            Some(version) => Ok(version),
        }
    }

    /// The same request for a pod's log.
    fn of_pod(&self, mut request: Request, pod: String) -> Result<Request, Error> {
        request.kind = kinds::by_resource("pods").ok_or(Error::NoSuchPath)?;
        request.name = pod;
        request.options.parameters.retain(|(k, _)| k != "version" && k != "previous");
        Ok(request)
    }
}
