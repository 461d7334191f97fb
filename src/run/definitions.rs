//! Sets of CustomResourceDefinitions that a flag adds (`--crds`).

use super::furnish::create;
use crate::{
    api::Server,
    config::Definitions,
    kinds::{
        self,
        custom::{DEFINITIONS, openshift},
    },
    object::{ObjectExt, Value},
};
use futures_util::future::join_all;
use std::sync::Arc;

/// Creates what is missing of the sets; answers the names of all.
///
/// # Errors
/// One line for people.
pub async fn create_missing(
    server: &Arc<Server>,
    sets: &[Definitions],
) -> Result<Vec<String>, String> {
    let mut wanted: Vec<Value> = match sets.contains(&Definitions::Openshift) {
        true => openshift::definitions(),
        false => return Ok(Vec::new()),
    };
    // What is built in stays what it is.
    wanted.retain(|d| kinds::by_resource(d.name()).is_none());
    let snapshot = server.store.snapshot();
    let missing = |d: &&Value| snapshot.get(DEFINITIONS, "", d.name()).is_none();
    let calls = wanted.iter().filter(missing).map(|d| create(server, d.clone()));
    for result in join_all(calls).await {
        result?;
    }
    Ok(wanted.iter().map(|d| d.name().to_owned()).collect())
}

/// Waits until definitions are established.
pub async fn until_established(server: &Server, names: &[String]) {
    let mut changed = server.store.feed().signal(DEFINITIONS);
    loop {
        changed.mark_unchanged();
        let snapshot = server.store.snapshot();
        let is = |name: &String| {
            let definition = snapshot.get(DEFINITIONS, "", name).map(|e| e.value());
            // Whoever deleted one does not miss it.
            definition.is_none_or(|d| {
                d.condition("Established").is_some_and(|c| c.str_at("status") == "True")
            })
        };
        if names.iter().all(is) || changed.changed().await.is_err() {
            return;
        }
    }
}
