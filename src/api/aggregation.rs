//! API services of other servers: which groups and versions they serve, what they said they have
//! there, and how discovery shows them. What is served here stays served here, whatever an
//! APIService says. Source: kube-aggregator `pkg/apiserver/handler_{apis,discovery}.go`.

use super::openapi;
use crate::{
    kinds::Catalogue,
    object::{ObjectExt, Value, json},
    store::Snapshot,
    webhook::ServiceReference,
};
use serde::Deserialize as _;
use std::{cmp::Reverse, collections::HashMap, sync::Arc};

/// The resource of API services.
pub const API_SERVICES: &str = "apiservices.apiregistration.k8s.io";
/// What the servers behind API services said they have (`APIResourceList`), by the services' names;
/// no resource of the API.
pub const SAID: &str = "apiresourcelists.aggregation.internal";
/// What of their OpenAPI documents (version 2) is of their group and version, in the same way.
pub const DOCUMENTS: &str = "openapidocuments.aggregation.internal";

/// A group and version that another server serves.
#[derive(Debug)]
pub struct Remote {
    /// The APIService's name.
    pub name: String,
    /// Group.
    pub group: String,
    /// Version.
    pub version: String,
    /// The service before it.
    pub service: ServiceReference,
    /// Authorities to believe, PEM in base64.
    pub ca_bundle: String,
    /// Whether its certificate is not looked at.
    pub blind: bool,
    /// Whether it answered when last looked at.
    pub available: bool,
    /// How much its version counts among others of its group.
    version_priority: i64,
}

/// All of a state, and how much every group counts.
#[derive(Debug, Default)]
pub struct Remotes {
    /// Those of other servers.
    pub all: Vec<Remote>,
    groups: HashMap<String, i64>,
}

impl Remotes {
    /// Those of a state of a cluster with these kinds.
    pub fn of(snapshot: &Snapshot) -> Arc<Remotes> {
        snapshot.derived(API_SERVICES, |s| {
            let mut found = Remotes::default();
            for entry in s.list(API_SERVICES, "") {
                found.read(&entry.value());
            }
            found
        })
    }

    fn read(&mut self, service: &Value) {
        let spec = service.at("spec").unwrap_or(&Value::Null);
        let group = spec.str_at("group").to_owned();
        let counts = spec.i64_at("groupPriorityMinimum").unwrap_or(0);
        let highest = self.groups.entry(group.clone()).or_default();
        *highest = counts.max(*highest);
        let Some(reference) = spec.get("service").filter(|s| s.is_object()) else { return };
        let available = service.condition("Available");
        self.all.push(Remote {
            name: service.name().to_owned(),
            group,
            version: spec.str_at("version").to_owned(),
            // Stored objects have been checked against their type.
            service: ServiceReference::deserialize(reference).unwrap_or_default(),
            ca_bundle: spec.str_at("caBundle").to_owned(),
            blind: spec.is_true("insecureSkipTLSVerify"),
            available: available.is_some_and(|c| c.str_at("status") == "True"),
            version_priority: spec.i64_at("versionPriority").unwrap_or(0),
        });
    }

    /// Whoever serves a group and version that is not served here.
    pub fn at(&self, group: &str, version: &str, kinds: &Catalogue) -> Option<&Remote> {
        let own = |g: &str, v: &str| kinds.all().any(|k| k.group == *g && k.version == *v);
        let found = self.all.iter().find(|r| r.group == group && r.version == version);
        found.filter(|r| !own(&r.group, &r.version))
    }

    /// Those that serve what is not served here, the versions of a group as they count.
    fn foreign(&self, kinds: &Catalogue) -> Vec<&Remote> {
        let mut all: Vec<&Remote> = self.all.iter().collect();
        all.retain(|r| self.at(&r.group, &r.version, kinds).is_some());
        all.sort_by_key(|r| (r.group.clone(), Reverse(r.version_priority), r.version.clone()));
        all
    }

    /// Our own OpenAPI document (version 2) with what other servers said of theirs.
    pub fn with_documents(&self, own: Vec<u8>, kinds: &Catalogue, snapshot: &Snapshot) -> Vec<u8> {
        let said = |r: &Remote| snapshot.get(DOCUMENTS, "", &r.name).map(|e| e.value());
        let said: Vec<Value> = self.foreign(kinds).into_iter().filter_map(said).collect();
        if said.is_empty() {
            return own;
        }
        let mut whole: Value = serde_json::from_slice(&own).unwrap_or_default();
        said.into_iter().for_each(|document| openapi::merge::unite(&mut whole, document));
        whole.to_string().into_bytes()
    }

    /// How much a group counts; the one that has no APIService of its own stands first.
    fn counts(&self, group: &str) -> i64 {
        self.groups.get(group).copied().unwrap_or(i64::MAX)
    }

    /// Adds these groups to a list of groups (`name` says how one is called), by how much they count.
    fn add(&self, list: &mut Vec<Value>, group: Value, name: fn(&Value) -> &str) {
        let rank = |g: &Value| (Reverse(self.counts(name(g))), name(g).to_owned());
        let own = rank(&group);
        let at = list.iter().position(|g| rank(g) > own).unwrap_or(list.len());
        list.insert(at, group);
    }

    /// Adds them to a `/apis` in the old form.
    pub fn add_groups(&self, document: &mut Value, kinds: &Catalogue) {
        let Some(list) = document.get_mut("groups").and_then(Value::as_array_mut) else { return };
        for remote in self.foreign(kinds) {
            let name = |g: &Value| g.str_at("name").to_owned();
            match list.iter_mut().find(|g| name(g) == remote.group) {
                Some(group) => push(group, "versions", remote.listed()),
                None => {
                    let listed = remote.listed();
                    let group = json!({"name": remote.group, "versions": [listed],
                        "preferredVersion": listed});
                    self.add(list, group, |g| g.str_at("name"));
                }
            }
        }
    }

    /// A group with what others serve of it; `None` if nobody serves any.
    pub fn group(&self, native: Option<Value>, name: &str, kinds: &Catalogue) -> Option<Value> {
        let mut group = native;
        for remote in self.foreign(kinds).into_iter().filter(|r| r.group == name) {
            match &mut group {
                Some(group) => push(group, "versions", remote.listed()),
                None => {
                    let listed = remote.listed();
                    group = Some(json!({"kind": "APIGroup", "apiVersion": "v1", "name": name,
                        "preferredVersion": listed, "versions": [listed]}));
                }
            }
        }
        group
    }

    /// Adds them to a `/apis` in the aggregated form.
    pub fn add_aggregated(&self, document: &mut Value, kinds: &Catalogue, snapshot: &Snapshot) {
        let Some(list) = document.get_mut("items").and_then(Value::as_array_mut) else { return };
        for remote in self.foreign(kinds) {
            let said = snapshot.get(SAID, "", &remote.name).map(|e| e.value()).unwrap_or_default();
            let freshness = if remote.available { "Current" } else { "Stale" };
            let version = json!({"version": remote.version, "freshness": freshness,
                "resources": resources(&said, remote)});
            let name = |g: &Value| g.str_at("metadata.name").to_owned();
            match list.iter_mut().find(|g| name(g) == remote.group) {
                Some(group) => push(group, "versions", version),
                None => {
                    let group = json!({"metadata": {"name": remote.group}, "versions": [version]});
                    self.add(list, group, |g| g.str_at("metadata.name"));
                }
            }
        }
    }

    /// Adds their documents to the index of OpenAPI v3.
    pub fn add_documents(&self, document: &mut Value, kinds: &Catalogue) {
        for remote in self.foreign(kinds).into_iter().filter(|r| r.available) {
            let path = format!("apis/{}/{}", remote.group, remote.version);
            let url = format!("/openapi/v3/{path}");
            document["paths"][path] = json!({"serverRelativeURL": url});
        }
    }

    /// Adds their paths to those of `/`.
    pub fn add_paths(&self, paths: &mut Vec<String>, kinds: &Catalogue) {
        for remote in self.foreign(kinds) {
            paths.push(format!("/apis/{}", remote.group));
            paths.push(format!("/apis/{}/{}", remote.group, remote.version));
        }
        paths.sort();
        paths.dedup();
    }
}

fn push(object: &mut Value, list: &str, item: Value) {
    if let Some(list) = object.get_mut(list).and_then(Value::as_array_mut) {
        list.push(item);
    }
}

impl Remote {
    fn listed(&self) -> Value {
        let version = &self.version;
        json!({"groupVersion": format!("{}/{version}", self.group), "version": version})
    }
}

/// An `APIResourceList` as the aggregated form shows it.
fn resources(said: &Value, remote: &Remote) -> Vec<Value> {
    let or = |text: &str, other: &str| if text.is_empty() { other } else { text }.to_owned();
    let kind = |r: &Value| {
        json!({"group": or(r.str_at("group"), &remote.group),
            "version": or(r.str_at("version"), &remote.version), "kind": r.str_at("kind")})
    };
    let listed = said.list_at("resources");
    let whole = listed.iter().filter(|r| !r.str_at("name").contains('/'));
    let shown = whole.map(|r| {
        let name = r.str_at("name");
        let scope = if r.is_true("namespaced") { "Namespaced" } else { "Cluster" };
        let mut entry = json!({"resource": name, "responseKind": kind(r), "scope": scope,
            "singularResource": r.str_at("singularName"), "verbs": r.list_at("verbs")});
        for field in ["shortNames", "categories"] {
            if !r.list_at(field).is_empty() {
                entry[field] = json!(r.list_at(field));
            }
        }
        let below = listed.iter().filter_map(|s| {
            let (_, sub) = s.str_at("name").split_once('/').filter(|(of, _)| *of == name)?;
            Some(json!({"subresource": sub, "responseKind": kind(s), "verbs": s.list_at("verbs")}))
        });
        let below: Vec<Value> = below.collect();
        if !below.is_empty() {
            entry["subresources"] = json!(below);
        }
        entry
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remotes(services: &[Value]) -> Remotes {
        let mut found = Remotes::default();
        services.iter().for_each(|s| found.read(s));
        found
    }

    fn service(group: &str, version: &str, counts: i64, priority: i64) -> Value {
        json!({"metadata": {"name": format!("{version}.{group}")}, "spec": {"group": group,
            "version": version, "groupPriorityMinimum": counts, "versionPriority": priority,
            "service": {"namespace": "n", "name": "s"}}})
    }

    #[test]
    fn groups_stand_where_they_count_and_versions_by_theirs() {
        let mut all = remotes(&[
            service("b.example.com", "v1", 2000, 10),
            service("b.example.com", "v2", 2000, 20),
            service("a.example.com", "v1", 100, 10),
            service("apps", "v1", 20_000, 10),
        ]);
        all.groups.insert("batch".into(), 17_400);
        all.groups.insert("z.example.com".into(), 1000);
        let kinds = Catalogue::default();
        let mut document = json!({"groups": [{"name": "batch"}, {"name": "z.example.com"}]});
        all.add_groups(&mut document, &kinds);
        let names: Vec<&str> =
            document.list_at("groups").iter().map(|g| g.str_at("name")).collect();
        assert_eq!(names, ["batch", "b.example.com", "z.example.com", "a.example.com"]);
        let group = all.group(None, "b.example.com", &kinds).unwrap();
        assert_eq!(group.str_at("preferredVersion.version"), "v2");
        assert_eq!(group.list_at("versions").len(), 2);
        assert!(all.at("apps", "v1", &kinds).is_none(), "what is served here stays here");
        assert!(all.group(None, "c.example.com", &kinds).is_none());
    }

    #[test]
    fn resources_take_the_new_form() {
        let all = remotes(&[service("g.io", "v1", 1, 1)]);
        let said = json!({"resources": [
            {"name": "foos", "kind": "Foo", "namespaced": true, "singularName": "foo",
                "verbs": ["get"], "shortNames": ["f"]},
            {"name": "foos/scale", "kind": "Scale", "group": "autoscaling", "version": "v1",
                "verbs": ["get"]},
        ]});
        let shown = resources(&said, &all.all[0]);
        let scale = json!({"subresource": "scale", "verbs": ["get"],
            "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}});
        assert_eq!(
            shown,
            [json!({"resource": "foos", "scope": "Namespaced", "singularResource": "foo",
                "verbs": ["get"], "shortNames": ["f"], "subresources": [scale],
                "responseKind": {"group": "g.io", "version": "v1", "kind": "Foo"}})]
        );
    }
}
