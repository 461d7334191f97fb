//! What a new cluster gets before anybody may use it.

use super::{secrets::Secrets, threads::Shared};
use crate::{
    access::bootstrap,
    api::{self, Body, Caller, Options, Request, Server, Verb},
    error::Error,
    kinds,
    object::{ObjectExt, Value, json},
    settings::Settings,
    store::Snapshot,
};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// The controller that gives namespaces their service accounts; where it is, a cluster is not ready
/// before it has.
pub(super) const FURNISHER: &str = "service-account-controller";

/// Waits until the controllers have made what every cluster has: nodes that report Ready, and a
/// service account in every namespace.
pub(super) async fn until_furnished(server: &Server) {
    let mut changed = server.store.feed().any();
    loop {
        changed.mark_unchanged();
        let snapshot = server.store.snapshot();
        let ready =
            |node: &Value| node.condition("Ready").is_some_and(|c| c.str_at("status") == "True");
        let nodes = snapshot.list("nodes", "").filter(|e| ready(&e.value())).count();
        let furnished = snapshot
            .list("namespaces", "")
            .filter(|e| !e.meta.deleting)
            .all(|e| snapshot.get("serviceaccounts", &e.meta.name, "default").is_some());
        if nodes >= server.settings.nodes && furnished {
            return;
        }
        // The store outlives this wait; were it closed there would be nothing to wait for.
        if changed.changed().await.is_err() {
            return;
        }
    }
}

/// Kinds that are put back at every start, as upstream's post-start hooks do; everything else is
/// created once, and who deletes it means it.
const RESTORED: &[&str] = &[
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "Clock",
    "FlowSchema",
    "Namespace",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ServiceCIDR",
];

/// What the names of restored objects follow from: whether OpenShift's and our own are served, and the
/// release.
type ReleaseMark = (bool, bool, String);

fn release_mark(settings: &Settings) -> ReleaseMark {
    (settings.openshift, settings.simulation, settings.versions.openshift.clone())
}

/// Resource, namespace and name of the restored objects of each release that was made for clusters that
/// share this. Making the objects takes longer than all else that is done when a cluster is opened that
/// has them.
#[derive(Default)]
pub(super) struct RestoredNames(Mutex<BTreeMap<ReleaseMark, Vec<[String; 3]>>>);

impl RestoredNames {
    fn are_in(&self, snapshot: &Snapshot, settings: &Settings) -> bool {
        self.0.lock().get(&release_mark(settings)).is_some_and(|names| {
            names.iter().all(|[resource, ns, name]| snapshot.get(resource, ns, name).is_some())
        })
    }

    fn note(&self, settings: &Settings, objects: &[Value]) {
        let restored = objects.iter().filter(|o| RESTORED.contains(&o.str_at("kind")));
        let name = |o: &Value| {
            let kind = kinds::by_kind(o.str_at("apiVersion"), o.str_at("kind"))?;
            Some([kind.stored_as(), o.namespace(), o.name()].map(str::to_owned))
        };
        self.0.lock().insert(release_mark(settings), restored.filter_map(name).collect());
    }
}

/// Creates what every cluster starts with, where it is missing.
pub(super) async fn create_missing(
    server: &Arc<Server>,
    secrets: &Secrets,
    shared: Option<&Shared>,
) -> Result<(), String> {
    let known = shared.map(|shared| &shared.restored);
    let snapshot = server.store.snapshot();
    let fresh = snapshot.rev == 0;
    // Where all is drawn from a seed, what is drawn must not hang on who was there before.
    let complete = || known.is_some_and(|known| known.are_in(&snapshot, &server.settings));
    if !fresh && !server.world.repeats && complete() {
        return Ok(());
    }
    let missing = |o: &Value| {
        let kind = kinds::by_kind(o.str_at("apiVersion"), o.str_at("kind"));
        (fresh || RESTORED.contains(&o.str_at("kind")))
            && kind.is_some_and(|k| snapshot.get(k.stored_as(), o.namespace(), o.name()).is_none())
    };
    let mut objects =
        bootstrap::objects(&server.world, &server.settings, &secrets.kubeadmin_password);
    objects.extend(kinds::local_services(api::families(&server.settings)));
    if let Some(known) = known {
        known.note(&server.settings, &objects);
    }
    objects.retain(missing);
    // Namespaces first: everything else may live in one; and the range of services' addresses. Image streams last: they look at the
    // configuration. The sort keeps the order of the rest.
    let rank = |o: &Value| match o.str_at("kind") {
        "Namespace" | "ServiceCIDR" => 0,
        "ImageStream" => 2,
        _ => 1,
    };
    objects.sort_by_key(rank);
    for group in objects.chunk_by_mut(|a, b| rank(a) == rank(b)) {
        let calls = group.iter_mut().map(|object| create(server, object.take()));
        for result in futures_util::future::join_all(calls).await {
            result?;
        }
    }
    Ok(())
}

/// Creates an object in the name of the administrator, if it is not there.
///
/// # Errors
/// One line for people.
pub(super) async fn create(server: &Arc<Server>, object: Value) -> Result<(), String> {
    let said = format!("{} {:?}", object.str_at("kind"), object.name());
    let kind = kinds::by_kind(object.str_at("apiVersion"), object.str_at("kind"))
        .ok_or_else(|| format!("{said} is of no known kind"))?;
    let status = object.at("status").filter(|_| kind.sub("status").is_some()).cloned();
    let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
    let request = |verb, sub, name, body| Request {
        caller: Arc::new(Caller::component("system:admin")),
        verb,
        kind: kind.clone(),
        sub,
        namespace: namespace.clone(),
        name,
        options: Options { field_manager: "pocketshift".into(), ..Options::default() },
        body,
    };
    let made = request(Verb::Create, "", String::new(), Body::Object(object, Vec::new()));
    match server.call(made).await {
        Ok(_) | Err(Error::AlreadyExists { .. }) => {}
        Err(e) => return Err(format!("{said}: {e}")),
    }
    // What a create drops, a status write keeps.
    let Some(status) = status else { return Ok(()) };
    let status = Body::Patch(crate::api::PatchType::Merge, json!({ "status": status }));
    let written = server.call(request(Verb::Patch, "status", name, status)).await;
    written.map(drop).map_err(|e| format!("{said}: {e}"))
}
