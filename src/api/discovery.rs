//! What is served: `/api`, `/apis`, group and version documents, and the aggregated form.
//! Everything is read off the catalogue of kinds; versions of built-in groups stand by name but for
//! the preferred one, those of custom groups the most stable first.

use crate::{
    kinds::{Backing, Catalogue, Name, Served, custom::versions::compare},
    object::{Value, json},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Groups whose versions are listed in another order than the catalogue's, preferred first.
const PREFERRED: &[(&str, &str)] = &[("autoscaling", "v2")];

/// Groups in the order clients see them, which decides what an ambiguous plural (`projects`, `events`)
/// means: built-in groups, OpenShift's aggregated groups, then groups that are custom resources on a
/// real cluster (all others, by name). Source: kube-aggregator's group priorities as OpenShift sets
/// them.
const ORDER: &[&str] = &[
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "apps.openshift.io",
    "authorization.openshift.io",
    "build.openshift.io",
    "image.openshift.io",
    "oauth.openshift.io",
    "project.openshift.io",
    "quota.openshift.io",
    "route.openshift.io",
    "security.openshift.io",
    "template.openshift.io",
    "user.openshift.io",
];

/// group → versions (preferred first) → kinds (alphabetical by plural: clients take the last of two
/// resources with one kind).
fn groups(kinds: &Catalogue) -> Vec<(Name, Versions)> {
    let mut groups: BTreeMap<Name, BTreeMap<Name, Vec<Served>>> = BTreeMap::new();
    for kind in kinds.all() {
        let versions = groups.entry(kind.group.clone()).or_default();
        versions.entry(kind.version.clone()).or_default().push(kind);
    }
    let rank = |group: &str| ORDER.iter().position(|g| *g == group).unwrap_or(ORDER.len());
    let mut groups: Vec<(Name, Versions)> = groups
        .into_iter()
        .map(|(group, versions)| {
            let mut versions: Vec<_> = versions.into_iter().collect();
            for (_, kinds) in &mut versions {
                kinds.sort_by_key(|k| k.plural.clone());
            }
            let preferred = PREFERRED.iter().find(|(g, _)| group == *g).map(|(_, v)| *v);
            if versions.iter().all(|(_, kinds)| kinds.iter().all(|k| k.custom.is_some())) {
                versions.sort_by(|(a, _), (b, _)| compare(b, a));
            } else {
                versions.sort_by_key(|(v, _)| (Some(v.as_str()) != preferred, v.clone()));
            }
            (group, versions)
        })
        .collect();
    groups.sort_by_key(|(group, _)| (rank(group), group.clone()));
    groups
}

/// Versions of a group, preferred first, with their kinds.
type Versions = Vec<(Name, Vec<Served>)>;

/// The verbs of a kind in the order its servers list them.
fn verbs(kind: &Served) -> &'static [&'static str] {
    match &kind.custom {
        None => kind.verbs,
        Some(custom) if custom.terminating => {
            &["delete", "deletecollection", "get", "list", "watch"]
        }
        Some(_) => {
            &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
        }
    }
}

/// Kinds that upstream does not store in the version that is served: group, kind, and how it is
/// stored.
const STORED_OTHERWISE: &[(&str, &str, &str)] = &[
    ("events.k8s.io", "Event", "/v1/Event"),
    ("autoscaling", "HorizontalPodAutoscaler", "autoscaling/v2/HorizontalPodAutoscaler"),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicy",
        "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy",
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding",
        "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicyBinding",
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1beta1/CustomResourceDefinition",
    ),
];

/// Tells clients in which version a kind is stored, if it is.
fn storage_hash(kind: &Served) -> Option<String> {
    let version = match &kind.custom {
        Some(custom) => &custom.storage_version,
        None if matches!(kind.backing, Backing::Computed) => return None,
        None => &kind.version,
    };
    let otherwise = STORED_OTHERWISE.iter().find(|(g, k, _)| kind.group == **g && kind.kind == **k);
    let stored = otherwise.map_or_else(
        || format!("{}/{version}/{}", kind.group, kind.kind),
        |(_, _, stored)| (*stored).to_owned(),
    );
    Some(STANDARD.encode(&Sha256::digest(stored)[..8]))
}

fn versions_of(kinds: &Catalogue, group: &str) -> Option<Versions> {
    groups(kinds).into_iter().find(|(g, _)| *g == *group).map(|(_, versions)| versions)
}

/// `/api` in the old form.
pub fn core_versions(address: &str) -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]})
}

/// `/apis` in the old form.
pub fn group_list(kinds: &Catalogue) -> Value {
    let names = groups(kinds).into_iter().map(|(g, _)| g).filter(|g| !g.is_empty());
    let groups: Vec<Value> = names.filter_map(|g| group(kinds, &g).map(untyped)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn untyped(mut group: Value) -> Value {
    if let Some(map) = group.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
    }
    group
}

/// `/apis/GROUP`.
pub fn group(kinds: &Catalogue, name: &str) -> Option<Value> {
    let versions = versions_of(kinds, name).filter(|_| !name.is_empty())?;
    let of = |v: &Name| json!({"groupVersion": format!("{name}/{v}"), "version": v});
    let listed: Vec<Value> = versions.iter().map(|(v, _)| of(v)).collect();
    Some(json!({"kind": "APIGroup", "apiVersion": "v1", "name": name,
        "preferredVersion": listed.first()?, "versions": listed}))
}

/// `/api/v1` and `/apis/GROUP/VERSION`.
pub fn resource_list(kinds: &Catalogue, group: &str, version: &str) -> Option<Value> {
    let versions = versions_of(kinds, group)?;
    let (_, kinds) = versions.iter().find(|(v, _)| *v == *version)?;
    let gv = if group.is_empty() { version.into() } else { format!("{group}/{version}") };
    let resources: Vec<Value> = kinds.iter().flat_map(old_entries).collect();
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": gv,
        "resources": resources}))
}

fn old_entries(kind: &Served) -> Vec<Value> {
    let mut main = json!({"name": kind.plural, "singularName": kind.singular,
        "namespaced": kind.namespaced, "kind": kind.kind, "verbs": verbs(kind)});
    if let Some(hash) = storage_hash(kind) {
        main["storageVersionHash"] = json!(hash);
    }
    if !kind.short.is_empty() {
        main["shortNames"] = json!(kind.short);
    }
    if !kind.categories.is_empty() {
        main["categories"] = json!(kind.categories);
    }
    let mut out = vec![main];
    for sub in kind.subresources {
        let (group, version, name) = sub.body;
        let mut entry = json!({"name": format!("{}/{}", kind.plural, sub.name), "singularName": "",
            "namespaced": kind.namespaced, "kind": if name.is_empty() { &kind.kind } else { name },
            "verbs": sub.verbs});
        if !name.is_empty() && (kind.group != *group || kind.version != *version) {
            entry["group"] = json!(group);
            entry["version"] = json!(version);
        }
        out.push(entry);
    }
    out
}

/// The aggregated form of `/api` (`core`) or `/apis`.
pub fn aggregated(kinds: &Catalogue, core: bool) -> Value {
    let items: Vec<Value> = groups(kinds)
        .into_iter()
        .filter(|(g, _)| g.is_empty() == core)
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|(v, kinds)| {
                    let resources: Vec<Value> = kinds.iter().map(new_entry).collect();
                    json!({"version": v, "freshness": "Current", "resources": resources})
                })
                .collect();
            let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {}, "items": items})
}

fn new_entry(kind: &Served) -> Value {
    // What is as in the list above goes without saying, but not for custom kinds.
    let gvk = |g: &str, v: &str, k: &str| {
        let own = kind.custom.is_none() && kind.group == *g && kind.version == *v;
        let (g, v) = if own { ("", "") } else { (g, v) };
        json!({"group": g, "version": v, "kind": k})
    };
    let mut entry = json!({"resource": kind.plural,
        "responseKind": gvk(kind.group.as_str(), kind.version.as_str(), kind.kind.as_str()),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular, "verbs": verbs(kind)});
    if !kind.short.is_empty() {
        entry["shortNames"] = json!(kind.short);
    }
    if !kind.categories.is_empty() {
        entry["categories"] = json!(kind.categories);
    }
    let subs: Vec<Value> = kind
        .subresources
        .iter()
        .map(|sub| {
            let (g, v, k) = sub.body;
            let (g, v, k) = if k.is_empty() {
                (kind.group.as_str(), kind.version.as_str(), kind.kind.as_str())
            } else {
                (g, v, k)
            };
            json!({"subresource": sub.name, "responseKind": gvk(g, v, k), "verbs": sub.verbs})
        })
        .collect();
    if !subs.is_empty() {
        entry["subresources"] = json!(subs);
    }
    entry
}

/// Every path with a document of its own, for `GET /`.
pub fn paths(kinds: &Catalogue) -> Vec<String> {
    let mut paths: Vec<String> = vec!["/api".into(), "/api/v1".into(), "/apis".into()];
    for (group, versions) in groups(kinds).into_iter().filter(|(g, _)| !g.is_empty()) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|(v, _)| format!("/apis/{group}/{v}")));
    }
    paths.extend(
        ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
            .map(String::from),
    );
    paths.sort();
    paths
}
