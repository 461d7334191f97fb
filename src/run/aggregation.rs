//! Looks whether the servers behind APIServices answer, and says so in their status; what they say
//! they have is kept for discovery.
//! Source: kube-aggregator `pkg/controllers/status/remote`.

use crate::{
    api::{
        Body, Caller, Options, PatchType, Request, Server, Verb,
        aggregation::{API_SERVICES, DOCUMENTS, Remote, Remotes, SAID},
        openapi,
    },
    kinds,
    object::{ObjectExt, Value, encode, json, time},
    runtime::Fetch,
    store::{Expect, Op, Snapshot},
    world::within,
};
use futures_util::{StreamExt, future::join_all};
use jiff::SignedDuration;
use std::sync::Arc;

/// Seconds until everybody is looked at again.
const AGAIN: i64 = 30;
/// Seconds an answer may take.
const PATIENCE: i64 = 5;
/// Most bytes of what a server says it has.
const LONGEST: usize = 1 << 20;
/// Most bytes of its OpenAPI document, and of what is kept of that.
const LONGEST_DOCUMENT: usize = 8 << 20;

/// Status, reason and message of a condition.
type Availability = (&'static str, &'static str, String);

/// Looks whenever something has changed, and every half minute, as long as the server runs.
pub async fn tend(server: Arc<Server>) {
    let feed = server.store.feed();
    let mut services = feed.signal(API_SERVICES);
    let mut behind = feed.signal("services");
    let mut slices = feed.signal("endpointslices.discovery.k8s.io");
    let clock = Arc::clone(&server.world.wall);
    loop {
        let remotes = Remotes::of(&server.store.snapshot());
        if !remotes.all.is_empty() {
            let _busy = server.world.activity.hold();
            join_all(remotes.all.iter().map(|r| look(&server, r))).await;
        }
        forget(&server, &remotes).await;
        let later = clock.now().saturating_add(SignedDuration::from_secs(AGAIN));
        let later = clock.sleep_until(later.unwrap_or_else(|_| clock.now()));
        let wakes = !remotes.all.is_empty();
        tokio::select! {
            alive = services.changed() => if alive.is_err() { return },
            alive = behind.changed(), if wakes => if alive.is_err() { return },
            alive = slices.changed(), if wakes => if alive.is_err() { return },
            () = later, if wakes => {}
        }
    }
}

/// Looks at one server and writes down what was found, if it is new.
async fn look(server: &Arc<Server>, remote: &Remote) {
    let snapshot = server.store.snapshot();
    let verdict = match unready(&snapshot, remote) {
        Some(verdict) => verdict,
        None => match ask(server, remote, &root(remote), LONGEST).await {
            Ok(said) => {
                keep(server, SAID, remote, said).await;
                document(server, remote).await;
                ("True", "Passed", "all checks passed".to_owned())
            }
            Err(why) => ("False", "FailedDiscoveryCheck", why),
        },
    };
    tell(server, remote, verdict).await;
}

/// Why a service cannot answer, by what is known of it.
fn unready(snapshot: &Snapshot, remote: &Remote) -> Option<Availability> {
    let (namespace, name) = (&remote.service.namespace, &remote.service.name);
    let of = format!("service/{name} in {namespace:?}");
    let Some(service) = snapshot.get("services", namespace, name) else {
        return Some(("False", "ServiceNotFound", format!("{of} is not present")));
    };
    let service = service.value();
    if !matches!(service.str_at("spec.type"), "" | "ClusterIP") {
        return None;
    }
    let port = remote.service.port();
    let ports = service.list_at("spec.ports");
    let Some(known) = ports.iter().find(|p| p.i64_at("port") == Some(port.into())) else {
        let why = format!("{of} is not listening on port {port}");
        return Some(("False", "ServicePortError", why));
    };
    let slices = snapshot
        .list("endpointslices.discovery.k8s.io", namespace)
        .filter(|e| e.meta.label("kubernetes.io/service-name") == Some(name))
        .map(|e| e.value());
    let slices: Vec<Value> = slices.collect();
    if slices.is_empty() {
        return Some((
            "False",
            "EndpointsNotFound",
            format!("cannot find endpointslices for {of}"),
        ));
    }
    let port = known.str_at("name");
    let ready = |e: &Value| e.at("conditions.ready").is_none_or(|r| r != false);
    let answers = |slice: &Value| {
        slice.list_at("ports").iter().any(|p| p.str_at("name") == port)
            && slice.list_at("endpoints").iter().any(ready)
    };
    if slices.iter().any(answers) {
        return None;
    }
    let why = format!("endpointslices for {of} have no addresses with port name {port:?}");
    Some(("False", "MissingEndpoints", why))
}

fn root(remote: &Remote) -> String {
    format!("/apis/{}/{}", remote.group, remote.version)
}

/// Keeps what a server's OpenAPI document says of its group and version. Who has none serves all the
/// same.
async fn document(server: &Arc<Server>, remote: &Remote) {
    let whole = ask(server, remote, "/openapi/v2", LONGEST_DOCUMENT).await;
    let part = |whole: Value| openapi::merge::below(&whole, &format!("{}/", root(remote)));
    let part = whole.map(part).unwrap_or_default();
    if part.map_at("paths").is_some_and(|paths| !paths.is_empty()) {
        keep(server, DOCUMENTS, remote, part).await;
    }
}

/// Asks a server what it says at a path.
async fn ask(
    server: &Server,
    remote: &Remote,
    path: &str,
    longest: usize,
) -> Result<Value, String> {
    let fetch = Fetch {
        method: "GET".into(),
        path: path.to_owned(),
        headers: vec![("Accept".into(), "application/json".into())],
        ..Fetch::default()
    };
    let aggregator = Caller {
        name: "system:kube-aggregator".into(),
        groups: vec!["system:masters".into()],
        ..Caller::default()
    };
    let asked = async {
        let mut answered =
            server.pass(remote, &aggregator, fetch).await.map_err(|u| u.told(path))?;
        let at = format!("https://{}{path}", answered.at);
        if !(200..300).contains(&answered.status) {
            return Err(format!("bad status from {at}: {}", answered.status));
        }
        let mut body = Vec::new();
        while let Some(part) = answered.body.next().await {
            let part =
                part.map_err(|why| format!("failing or missing response from {at}: {why}"))?;
            if body.len() + part.len() > longest {
                return Err(format!("failing or missing response from {at}: it is too long"));
            }
            body.extend_from_slice(&part);
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    };
    let limit = SignedDuration::from_secs(PATIENCE);
    let late = || {
        let of = &remote.service;
        format!(
            "failing or missing response from https://{}.{}.svc:{}{path}: context deadline exceeded",
            of.name,
            of.namespace,
            of.port()
        )
    };
    within(&*server.world.wall, limit, asked).await.unwrap_or_else(|| Err(late()))
}

/// Keeps what a server says.
async fn keep(server: &Arc<Server>, resource: &str, remote: &Remote, mut said: Value) {
    if !said.is_object() {
        return;
    }
    said["metadata"] = json!({"name": remote.name, "uid": remote.name});
    let snapshot = server.store.snapshot();
    let kept = snapshot.get(resource, "", &remote.name);
    if kept.is_some_and(|k| k.value() == said) {
        return;
    }
    let op = Op::Put {
        resource: resource.into(),
        key: remote.name.as_str().into(),
        expect: kept.map_or(Expect::Absent, |k| Expect::Rev(k.rev)),
        body: encode(&said),
        claims: Vec::new(),
    };
    if let Err(error) = server.store.commit(vec![op]).await {
        tracing::debug!(%error, name = remote.name, "not stored");
    }
}

/// Forgets what servers said whose APIServices are gone.
async fn forget(server: &Arc<Server>, remotes: &Remotes) {
    let snapshot = server.store.snapshot();
    let gone = |name: &str| !remotes.all.iter().any(|r| r.name == name);
    let kept = [SAID, DOCUMENTS].into_iter().flat_map(|resource| snapshot.list(resource, ""));
    for entry in kept.filter(|e| gone(&e.meta.name)) {
        let (key, expect) = (Arc::clone(&entry.key), Expect::Rev(entry.rev));
        let op = Op::Delete { resource: Arc::clone(&entry.resource), key, expect, last: None };
        // What has changed meanwhile is looked at next time.
        let _ = server.store.commit(vec![op]).await;
    }
}

/// Writes the condition, if it says something new.
async fn tell(server: &Arc<Server>, remote: &Remote, (status, reason, message): Availability) {
    let snapshot = server.store.snapshot();
    let Some(entry) = snapshot.get(API_SERVICES, "", &remote.name) else { return };
    let object = entry.value();
    let before = object.condition("Available");
    let same = |c: &Value| {
        [("status", status), ("reason", reason), ("message", &message)]
            .iter()
            .all(|(field, text)| c.str_at(field) == *text)
    };
    if before.is_some_and(same) {
        return;
    }
    let since = match before.filter(|c| c.str_at("status") == status) {
        Some(before) => before["lastTransitionTime"].clone(),
        None => json!(time::seconds(server.world.clock.now())),
    };
    let mut conditions = object.list_at("status.conditions").to_vec();
    conditions.retain(|c| c.str_at("type") != "Available");
    conditions.push(json!({"type": "Available", "status": status, "reason": reason,
        "message": message, "lastTransitionTime": since}));
    let Some(kind) = kinds::by_resource(API_SERVICES) else { return };
    let request = Request {
        caller: Arc::new(Caller::component("system:apiserver")),
        verb: Verb::Patch,
        kind,
        sub: "status",
        namespace: String::new(),
        name: remote.name.clone(),
        options: Options { field_manager: "kube-apiserver".into(), ..Options::default() },
        body: Body::Patch(PatchType::Merge, json!({"status": {"conditions": conditions}})),
    };
    // Who has changed it meanwhile wakes us again.
    if let Err(error) = server.call(request).await {
        tracing::debug!(%error, name = remote.name, "its status was not written");
    }
}
