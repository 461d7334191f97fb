//! Writing into a kubeconfig that is there already: people sign in through the file we write, and
//! may have other clusters in it. A restart signs nobody out, and nothing of theirs is lost.

use super::EXTENSION;
use crate::object::{ObjectExt, Value};

/// `fresh`, and what `old` holds besides: other clusters, and, if it was written by this cluster
/// (same CA, same address), the sign-ins to it and the context in use. Sign-ins to a cluster that
/// is no more are dropped: its tokens mean nothing here. A file knows one of our clusters at most.
pub fn merged(old: &Value, fresh: &Value) -> Value {
    let mut merged = fresh.clone();
    let (before, now) = (address(old), address(fresh));
    let same = authority(old) == authority(fresh) && before == now;
    let goes = |context: &&Value| {
        let cluster = context.str_at("context.cluster");
        !same && (cluster == before || cluster == now)
    };
    let contexts = old.list_at("contexts");
    let used = contexts.iter().find(|c| c.at("name") == old.get("current-context"));
    if same && let Some(used) = used.filter(|c| c.str_at("context.cluster") == now) {
        merged["current-context"] = used["name"].clone();
    }
    for (list, field) in [("clusters", "context.cluster"), ("users", "context.user")] {
        let stays = |entry: &&Value| {
            let mut users = contexts.iter().filter(|c| c.at(field) == entry.get("name")).peekable();
            users.peek().is_none() || !users.all(|c| goes(&c))
        };
        add(&mut merged, list, old.list_at(list).iter().filter(stays));
    }
    add(&mut merged, "contexts", contexts.iter().filter(|c| !goes(c)));
    add(&mut merged, "extensions", old.list_at("extensions").iter());
    merged
}

/// Adds named entries to a list, but for those whose name is taken.
fn add<'a>(config: &mut Value, list: &str, entries: impl Iterator<Item = &'a Value>) {
    let mut all = config.list_at(list).to_vec();
    for entry in entries {
        if all.iter().all(|e| e["name"] != entry["name"]) {
            all.push(entry.clone());
        }
    }
    config[list] = all.into();
}

/// What the server that wrote a kubeconfig said of itself.
fn own<'a>(config: &'a Value, field: &str) -> &'a str {
    let mut all = config.list_at("extensions").iter();
    all.find(|e| e.str_at("name") == EXTENSION).map_or("", |e| e["extension"].str_at(field))
}

fn authority(config: &Value) -> &str {
    own(config, "certificate-authority-data")
}

/// The name our cluster has in a kubeconfig.
fn address(config: &Value) -> &str {
    own(config, "user").split_once('/').map_or("", |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;
    use crate::{
        object::{json, read},
        tls::Pair,
    };

    fn written(port: u16, ca: &str) -> Value {
        let pair = Pair { cert: "CERT".into(), key: "KEY".into() };
        let url = format!("https://127.0.0.1:{port}");
        read::yaml(text(&url, "127.0.0.1:5443", ca, &pair).as_bytes()).unwrap().0
    }

    /// As `oc login` and `oc new-project` leave it, with another cluster beside ours.
    fn signed_in(mut config: Value) -> Value {
        for (host, user) in [("127-0-0-1:6443", "developer"), ("api-lab:6443", "ann")] {
            let context = format!("demo/{host}/{user}");
            let user = format!("{user}/{host}");
            let put = |config: &mut Value, list: &str, entry: Value| {
                config[list].as_array_mut().unwrap().push(entry);
            };
            put(&mut config, "users", json!({"name": user, "user": {"token": "t"}}));
            let context = json!({"name": context, "context": {"cluster": host, "user": user}});
            put(&mut config, "contexts", context);
        }
        let other = json!({"name": "api-lab:6443", "cluster": {"server": "https://api.lab:6443"}});
        config["clusters"].as_array_mut().unwrap().push(other);
        config["current-context"] = "demo/127-0-0-1:6443/developer".into();
        config
    }

    fn names(config: &Value, list: &str) -> Vec<String> {
        let mut names: Vec<String> =
            config.list_at(list).iter().map(|e| e.str_at("name").to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_restart_signs_nobody_out() {
        let old = signed_in(written(6443, "CA"));
        let mut fresh = written(6443, "CA");
        fresh["users"][0]["user"]["client-key-data"] = "new".into();
        let merged = merged(&old, &fresh);
        for list in ["clusters", "users", "contexts", "extensions"] {
            assert_eq!(names(&merged, list), names(&old, list), "{list}");
        }
        assert_eq!(merged["current-context"], old["current-context"]);
        assert_eq!(merged["users"][0]["user"]["client-key-data"], "new");
    }

    #[test]
    fn sign_ins_to_what_is_no_more_go_and_other_clusters_stay() {
        let old = signed_in(written(6443, "CA"));
        for (port, ca) in [(6443, "NEW"), (7443, "CA"), (7443, "NEW")] {
            let fresh = written(port, ca);
            let merged = merged(&old, &fresh);
            assert_eq!(merged["current-context"], fresh["current-context"], "{port} {ca}");
            let host = format!("127-0-0-1:{port}");
            assert_eq!(names(&merged, "clusters"), [host.as_str(), "api-lab:6443"]);
            assert_eq!(
                names(&merged, "users"),
                ["ann/api-lab:6443", &format!("system:admin/{host}")]
            );
            assert_eq!(merged.list_at("contexts").len(), 2);
        }
    }

    #[test]
    fn what_is_no_kubeconfig_of_ours_is_only_added_to() {
        let fresh = written(6443, "CA");
        assert_eq!(merged(&Value::Null, &fresh), fresh);
        let old = json!({"users": [{"name": "me", "user": {}}], "current-context": "x"});
        let merged = merged(&old, &fresh);
        assert_eq!(names(&merged, "users"), ["me", "system:admin/127-0-0-1:6443"]);
        assert_eq!(merged["current-context"], fresh["current-context"]);
    }
}
