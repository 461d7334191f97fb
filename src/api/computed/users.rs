//! `users/~`: the caller as a User.
//! Source: openshift/oauth-apiserver `pkg/user/apiserver/registry/user/etcd`.

use super::{Handled, answer, ordinary};
use crate::{
    access::authn::{AUTHENTICATED, OAUTH, UNAUTHENTICATED, USERS},
    api::{Caller, Request, Server, Verb},
    object::{ObjectExt, Value, json},
    store::Snapshot,
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// Users; every name but `~` is an ordinary stored object.
pub fn users(server: Arc<Server>, request: Request) -> Handled {
    async move {
        if request.verb == Verb::Get && request.name == "~" {
            return Ok(answer(200, tilde(&server.store.snapshot(), &request.caller)));
        }
        ordinary(server, request).await
    }
    .boxed_local()
}

/// The caller: his stored User, or what is known of somebody who has none.
fn tilde(snapshot: &Snapshot, caller: &Caller) -> Value {
    let mut user = match snapshot.get(USERS, "", &caller.name) {
        Some(stored) => stored.value(),
        None => json!({
            "kind": "User", "apiVersion": "user.openshift.io/v1",
            "metadata": {"name": caller.name, "creationTimestamp": null},
            "identities": null,
        }),
    };
    if user.uid().is_empty() && !caller.uid.is_empty() {
        user.set_at("metadata.uid", caller.uid.as_str());
    }
    let virtual_groups = [AUTHENTICATED, UNAUTHENTICATED, OAUTH];
    let mut groups: Vec<&String> =
        caller.groups.iter().filter(|g| !virtual_groups.contains(&g.as_str())).collect();
    groups.sort();
    user.set_at("groups", json!(groups));
    user
}
