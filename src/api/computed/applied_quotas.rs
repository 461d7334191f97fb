//! The cluster quotas that select a project, as the project sees them.
//! Source: openshift-apiserver `pkg/quota/apiserver/registry/appliedclusterresourcequota`.

use super::{Handled, answer};
use crate::{
    api::{Answer, Item, List, Request, Response, Server, Verb},
    error::Error,
    kinds,
    object::{ObjectExt, Value},
    store::Entry,
};
use futures_util::future::{FutureExt, ready};
use std::sync::Arc;

/// One of them, or all.
pub fn read(server: Arc<Server>, request: Request) -> Handled {
    ready(applied(&server, &request)).boxed_local()
}

fn applied(server: &Server, request: &Request) -> Result<Answer, Error> {
    let snapshot = server.store.snapshot();
    let project = snapshot.get("namespaces", "", &request.namespace).map(|e| e.value());
    let seen = |entry: &Arc<Entry>| {
        let quota = entry.value();
        project.as_ref().filter(|p| kinds::quota_selects(&quota, p)).map(|_| quota)
    };
    let all = snapshot.list("clusterresourcequotas.quota.openshift.io", "");
    if request.verb == Verb::Get {
        let mut named = all.filter(|e| *e.meta.name == *request.name);
        let missing =
            || Error::not_found("appliedclusterresourcequota.quota.openshift.io", &request.name);
        return named.find_map(seen).map(|o| answer(200, shown(o))).ok_or_else(missing);
    }
    let (labels, fields) = (&request.options.labels, &request.options.fields);
    let selected = |e: &&Arc<Entry>| {
        labels.matches_meta(&e.meta)
            && fields.matches(|path| match path {
                "metadata.name" => e.meta.name.to_string(),
                _ => String::new(),
            })
    };
    let items = all.filter(selected).filter_map(seen).map(|o| Item::Value(shown(o)));
    let list = List {
        rev: snapshot.rev,
        continue_token: String::new(),
        remaining: None,
        items: items.collect(),
    };
    Ok(Response::List(list).into())
}

/// A cluster quota under its other name.
fn shown(mut quota: Value) -> Value {
    quota.set_at("kind", "AppliedClusterResourceQuota");
    quota
}
