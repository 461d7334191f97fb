//! Which release a cluster is of, and what it remembers of those it was of before.

use crate::{
    api::Server,
    object::{ObjectExt, Value, encode, json, time},
    settings::Versions,
    store::{Entry, Expect, Op, Snapshot},
};
use std::sync::Arc;

const VERSIONS: &str = "clusterversions.config.openshift.io";
const OPERATORS: &str = "clusteroperators.config.openshift.io";

/// The release somebody asks for; else that of the cluster that is there, and of a new one the
/// newest.
///
/// # Errors
/// One line for people.
pub fn chosen(asked: Option<&str>, objects: &Snapshot) -> Result<Versions, String> {
    if let Some(text) = asked {
        return Versions::of(text).map_err(|e| format!("--openshift-version: {e}"));
    }
    let known = objects.get(VERSIONS, "", "version").map(|e| e.value());
    let known = known.and_then(|v| Versions::of(v.str_at("status.desired.version")).ok());
    Ok(known.unwrap_or_default())
}

/// Notes in the cluster's version and its operators that it is of another release now: an update
/// that is done.
///
/// # Errors
/// One line for people.
pub async fn note(server: &Arc<Server>) -> Result<(), String> {
    let snapshot = server.store.snapshot();
    let Some(entry) = snapshot.get(VERSIONS, "", "version") else { return Ok(()) };
    let mut object = entry.value();
    let version = &server.settings.versions.openshift;
    if object.str_at("status.desired.version") == version {
        return Ok(());
    }
    let image = server.settings.catalog.payload(version);
    updated(&mut object, version, &image, &time::seconds(server.world.clock.now()));
    let mut ops = vec![put(entry, &object)];
    for entry in snapshot.list(OPERATORS, "") {
        let mut operator = entry.value();
        let versions = operator.at_mut("status.versions").as_array_mut();
        for one in versions.into_iter().flatten().filter(|v| v.str_at("name") == "operator") {
            one["version"] = json!(version);
        }
        ops.push(put(entry, &operator));
    }
    let done = server.store.commit(ops).await;
    done.map(drop).map_err(|e| format!("cannot note the release: {e:?}"))
}

fn put(entry: &Entry, object: &Value) -> Op {
    Op::Put {
        resource: Arc::clone(&entry.resource),
        key: Arc::clone(&entry.key),
        expect: Expect::Rev(entry.rev),
        body: encode(object),
        claims: vec![],
    }
}

fn updated(object: &mut Value, version: &str, image: &str, now: &str) {
    object.set_at("status.desired", json!({"version": version, "image": image}));
    let done = json!({"state": "Completed", "version": version, "image": image,
        "startedTime": now, "completionTime": now, "verified": false});
    let mut history = vec![done];
    history.extend(object.list_at("status.history").iter().cloned());
    object.set_at("status.history", Value::Array(history.into()));
    for condition in object.at_mut("status.conditions").as_array_mut().into_iter().flatten() {
        let message = match condition.str_at("type") {
            "Available" => format!("Done applying {version}"),
            "Progressing" => format!("Cluster version is {version}"),
            _ => continue,
        };
        condition["message"] = json!(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_history() {
        let mut object = json!({"status": {"desired": {"version": "4.18.0"},
            "history": [{"version": "4.18.0", "state": "Completed"}],
            "conditions": [{"type": "Progressing", "message": "Cluster version is 4.18.0"}]}});
        updated(&mut object, "4.19.0", "payload@sha256:1", "2026-01-01T00:00:00Z");
        assert_eq!(object.str_at("status.desired.version"), "4.19.0");
        assert_eq!(object.str_at("status.desired.image"), "payload@sha256:1");
        let history: Vec<&str> =
            object.list_at("status.history").iter().map(|h| h.str_at("version")).collect();
        assert_eq!(history, ["4.19.0", "4.18.0"]);
        let condition = object.condition("Progressing").unwrap();
        assert_eq!(condition["message"], "Cluster version is 4.19.0");
    }

    #[test]
    fn a_wrong_release_is_refused() {
        let why = chosen(Some("4.99"), &Snapshot::default()).unwrap_err();
        assert_eq!(why, "--openshift-version: \"4.99\" is no release from 4.14 to 4.23");
        let newest = chosen(None, &Snapshot::default()).unwrap();
        assert_eq!(newest.openshift, Versions::default().openshift);
    }
}
