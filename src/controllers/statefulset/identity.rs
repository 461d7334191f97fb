//! Names, labels, revision and claims of the pod at an ordinal.
//! Source: `pkg/controller/statefulset/stateful_set_utils.go`.

use super::{Pod, RESOURCE, REVISION, StatefulSetSync, retention};
use crate::{
    api::PatchType,
    controllers::{
        View, Write,
        children::pod_of,
        podlens::PodLens,
        selecting::{is_free_now, selects},
    },
    object::{Map, ObjectExt, Value, json},
    store::{Change, Entry},
};
use std::{collections::BTreeMap, sync::Arc};

const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The ordinal in a pod's name, if it is one of the set's.
fn ordinal(set: &str, pod: &str) -> Option<i64> {
    pod.strip_prefix(set)?.strip_prefix('-')?.parse().ok().filter(|n| *n >= 0)
}

/// Pods in their places; others with the set as owner are nobody's concern.
pub(super) fn by_ordinal(set: &Value, held: Vec<Arc<Entry>>) -> BTreeMap<i64, Pod> {
    let place = |e: Arc<Entry>| {
        let lens = PodLens::of(&e);
        Some((ordinal(set.name(), &e.meta.name)?, Pod { entry: e, lens }))
    };
    held.into_iter().filter_map(place).collect()
}

/// Adoptions only of pods with a name of the set's.
pub(super) fn not_ours(set: &Value, writes: Vec<Write>) -> Vec<Write> {
    let adoption = |w: &Write| {
        let owners = w.body.list_at("metadata.ownerReferences");
        owners.iter().any(|o| o.str_at("uid") == set.uid())
    };
    writes.into_iter().filter(|w| !adoption(w) || ordinal(set.name(), &w.name).is_some()).collect()
}

/// Sets that may adopt a pod nobody owns.
pub(super) fn adopters(view: &View, change: &Change) -> Vec<String> {
    let pod = &change.entry;
    let Some((set, _)) = pod.meta.name.rsplit_once('-') else { return vec![] };
    if !is_free_now(change) {
        return vec![];
    }
    let found = view.named(RESOURCE, &pod.meta.namespace, set);
    found.filter(|set| selects(set, &pod.meta)).map(|e| e.key.to_string()).into_iter().collect()
}

/// The revision a new pod is made from: the old one below the partition.
fn revision<'a>(sync: &'a StatefulSetSync<'_>, ordinal: i64) -> (&'a str, &'a Value) {
    let rolling = sync.set.at("spec.updateStrategy.rollingUpdate").is_some();
    let kept = if rolling {
        sync.partition()
    } else {
        sync.set.i64_at("status.currentReplicas").unwrap_or(0)
    };
    if sync.is_rolling() && ordinal < sync.start() + kept {
        return (&sync.current.0, &sync.current.1);
    }
    (&sync.update, sync.set.at("spec.template").unwrap_or(&Value::Null))
}

/// The pod of an ordinal, as it is to be created.
pub(super) fn pod(sync: &StatefulSetSync<'_>, ordinal: i64) -> Value {
    let (revision, template) = revision(sync, ordinal);
    let set = &sync.set;
    let name = format!("{}-{ordinal}", set.name());
    let mut pod = pod_of(set, template);
    pod.set_at("metadata.name", name.clone());
    pod.set_at("metadata.generateName", format!("{}-", set.name()));
    pod.set_label(REVISION, revision);
    pod.set_label(POD_NAME, name.clone());
    pod.set_label(POD_INDEX, ordinal.to_string());
    pod.set_at("spec.hostname", name);
    let subdomain = set.str_at("spec.serviceName");
    if !subdomain.is_empty() {
        pod.set_at("spec.subdomain", subdomain);
    }
    let claims = set.list_at("spec.volumeClaimTemplates");
    if !claims.is_empty() {
        let volume = |t: &Value| {
            json!({"name": t.name(),
                "persistentVolumeClaim": {"claimName": claim_name(set, t.name(), ordinal)}})
        };
        let replaced = |v: &&Value| claims.iter().any(|t| t.name() == v.str_at("name"));
        let mut volumes: Vec<Value> = claims.iter().map(volume).collect();
        volumes.extend(pod.list_at("spec.volumes").iter().filter(|v| !replaced(v)).cloned());
        pod.set_at("spec.volumes", volumes);
    }
    pod
}

/// `<template>-<set>-<ordinal>`.
pub(super) fn claim_name(set: &Value, template: &str, ordinal: i64) -> String {
    format!("{template}-{}-{ordinal}", set.name())
}

/// The pod a claim of the set is for.
pub(super) fn pod_of_claim(set: &Value, claim: &str) -> String {
    let ordinal = claim.rsplit_once('-').map_or("", |(_, o)| o);
    format!("{}-{ordinal}", set.name())
}

/// Creations of the claims an ordinal lacks; `None` while an old one is still going.
pub(super) fn missing_claims(sync: &StatefulSetSync<'_>, ordinal: i64) -> Option<Vec<Write>> {
    let set = &sync.set;
    let mut writes = Vec::new();
    for template in set.list_at("spec.volumeClaimTemplates") {
        let name = claim_name(set, template.name(), ordinal);
        match sync.view.named("persistentvolumeclaims", set.namespace(), &name) {
            Some(claim) if claim.meta.deleting || retention::is_stale(sync, ordinal, claim) => {
                return None;
            }
            Some(_) => {}
            None => writes.push(Write::create(
                "persistentvolumeclaims",
                claim(sync, template, name, ordinal),
            )),
        }
    }
    Some(writes)
}

fn claim(sync: &StatefulSetSync<'_>, template: &Value, name: String, ordinal: i64) -> Value {
    let set = &sync.set;
    let mut labels: Map = template.map_at("metadata.labels").cloned().unwrap_or_default();
    labels.extend(set.map_at("spec.selector.matchLabels").cloned().unwrap_or_default());
    let mut claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": set.namespace(), "labels": labels},
        "spec": template.get("spec").cloned().unwrap_or_default(),
    });
    if let Some(annotations) = template.at("metadata.annotations") {
        claim.set_at("metadata.annotations", annotations.clone());
    }
    let owners = retention::owners(sync, ordinal);
    if !owners.is_empty() {
        claim.set_at("metadata.ownerReferences", owners);
    }
    claim
}

/// Puts back labels that make a pod what it is.
pub(super) fn repair(sync: &StatefulSetSync<'_>, pod: &Pod) -> Option<Write> {
    let meta = &pod.entry.meta;
    let ordinal = ordinal(sync.set.name(), &meta.name)?.to_string();
    let right = meta.label(POD_NAME) == Some(&meta.name) && meta.label(POD_INDEX) == Some(&ordinal);
    let labels = json!({"metadata": {"labels": {POD_NAME: &*meta.name, POD_INDEX: ordinal}}});
    (!right).then(|| Write::patch("pods", &pod.entry, PatchType::Merge, labels))
}
