//! Gives claims their volumes once a pod is there to use them, and keeps both while in use.
//! Source: `pkg/controller/volume/persistentvolume`, `pvcprotection`, `pvprotection`, and the
//! provisioner of the cluster's host-path driver.

pub mod protection;
#[cfg(test)]
mod tests;
pub mod volume;

use super::{Controller, Plan, View, Watch, Write, podlens::PodLens};
use crate::{
    object::{ObjectExt, Value, json, links, name},
    store::{Change, Entry},
};
use std::sync::Arc;

/// Binds claims.
pub static CONTROLLER: Controller = Controller {
    name: "persistent-volume-binder",
    component: "persistentvolume-controller",
    watches: &[
        Watch::Itself(CLAIMS),
        Watch::Map(VOLUMES, claim_of_volume),
        Watch::Map("pods", claims_of_pod),
    ],
    reconcile,
    ..Controller::BASE
};

const CLAIMS: &str = "persistentvolumeclaims";
const VOLUMES: &str = "persistentvolumes";
const CLASSES: &str = "storageclasses.storage.k8s.io";
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
const PROTECTED_VOLUME: &str = "kubernetes.io/pv-protection";

fn claim_of_volume(_: &View, change: &Change) -> Vec<String> {
    let volume = change.entry.value();
    let (namespace, claim) =
        (volume.str_at("spec.claimRef.namespace"), volume.str_at("spec.claimRef.name"));
    if claim.is_empty() { vec![] } else { vec![name::key(namespace, claim)] }
}

/// The claims a pod uses.
fn claims_of_pod(_: &View, change: &Change) -> Vec<String> {
    let moved = change.before.as_ref().is_none_or(|b| {
        let (old, new) = (PodLens::of(b), PodLens::of(&change.entry));
        old.spec.node_name != new.spec.node_name || old.is_terminal() != new.is_terminal()
    });
    if !moved && !change.deleted {
        return vec![];
    }
    let used = change.entry.meta.links.iter().filter_map(|term| term.strip_prefix(CLAIMS));
    used.filter_map(|rest| rest.strip_prefix('/')).map(str::to_owned).collect()
}

/// Pods not yet at their end that use a claim.
fn users<'a>(view: &'a View, claim: &'a Entry) -> impl Iterator<Item = &'a Arc<Entry>> {
    let term = links::reads(CLAIMS, &claim.meta.namespace, &claim.meta.name);
    view.objects.linked_to(&term, "pods").filter(|p| !PodLens::of(p).is_terminal())
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get(CLAIMS, key).filter(|e| !e.meta.deleting) else { return plan };
    let mut claim = entry.value();
    let name = claim.str_at("spec.volumeName").to_owned();
    if !name.is_empty() {
        bound(view, claim, &name, &mut plan);
        return plan;
    }
    if claim.str_at("status.phase").is_empty() {
        claim.set_at("status.phase", "Pending");
        plan.write(Write::status(CLAIMS, claim));
        return plan;
    }
    let Some(class) = class_of(view, &claim) else { return plan };
    if claim.at("spec.storageClassName").is_none() {
        claim.set_at("spec.storageClassName", class.name());
        plan.write(Write::update(CLAIMS, claim));
        return plan;
    }
    let waits = class.str_at("volumeBindingMode") == "WaitForFirstConsumer";
    let node =
        users(view, entry).map(|p| PodLens::of(p).spec.node_name.clone()).find(|n| !n.is_empty());
    if waits && node.is_none() {
        let text = "waiting for first consumer to be created before binding";
        plan.event(&claim, false, "WaitForFirstConsumer", text);
        return plan;
    }
    provision(view, claim, &class, node, &mut plan);
    plan
}

/// The class a claim asks for; the default one if it leaves that open. An empty name is none.
fn class_of(view: &View, claim: &Value) -> Option<Value> {
    match claim.at("spec.storageClassName").and_then(Value::as_str) {
        Some("") => None,
        Some(name) => view.value(CLASSES, name),
        None => {
            let mut classes = view.objects.list(CLASSES, "").map(|e| e.value());
            classes.find(|c| c.annotation(DEFAULT_CLASS) == Some("true"))
        }
    }
}

/// Makes the volume if it is not there, then points the claim to it.
fn provision(view: &View, mut claim: Value, class: &Value, node: Option<String>, plan: &mut Plan) {
    let name = format!("pvc-{}", claim.uid());
    if view.get(VOLUMES, &name).is_none() {
        plan.write(Write::create(VOLUMES, volume::of(&claim, class, node.as_deref(), &name)));
        plan.event(
            &claim,
            false,
            "ProvisioningSucceeded",
            format!("Successfully provisioned volume {name}"),
        );
    }
    let provisioner = class.str_at("provisioner");
    for key in [
        "volume.beta.kubernetes.io/storage-provisioner",
        "volume.kubernetes.io/storage-provisioner",
    ] {
        claim.set_annotation(key, provisioner);
    }
    if let Some(node) = node {
        claim.set_annotation("volume.kubernetes.io/selected-node", node);
    }
    for key in ["pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"] {
        claim.set_annotation(key, "yes");
    }
    claim.set_at("spec.volumeName", name);
    plan.write(Write::update(CLAIMS, claim));
}

/// A claim with a volume is bound to it, or has lost it.
fn bound(view: &View, mut claim: Value, name: &str, plan: &mut Plan) {
    let volume = view.value(VOLUMES, name);
    let mine = volume.filter(|v| {
        let uid = v.str_at("spec.claimRef.uid");
        uid.is_empty() || uid == claim.uid()
    });
    let status = match mine {
        Some(volume) => {
            if volume.str_at("spec.claimRef.uid").is_empty() {
                plan.write(Write::update(VOLUMES, volume::claimed(volume.clone(), &claim)));
            }
            json!({"phase": "Bound", "accessModes": volume.list_at("spec.accessModes"),
                "capacity": volume.at("spec.capacity").cloned().unwrap_or_default()})
        }
        // A volume named beforehand may still come.
        None if claim.str_at("status.phase") != "Bound" => return,
        None => json!({"phase": "Lost"}),
    };
    if claim.get("status") != Some(&status) {
        if status["phase"] == "Lost" {
            let text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
            plan.event(&claim, true, "ClaimLost", text);
        }
        claim.set_at("status", status);
        plan.write(Write::status(CLAIMS, claim));
    }
}
