//! PersistentVolumes: what a provisioned one looks like, and its phase.
//! Source: `pkg/controller/volume/persistentvolume`.

use super::{CLAIMS, PROTECTED_VOLUME, VOLUMES, claim_of_volume};
use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{ObjectExt, Value, json, name},
    store::Change,
};

/// Keeps the phase of volumes, and reclaims those whose claim is gone.
pub static CONTROLLER: Controller = Controller {
    name: "persistent-volume-reclaimer",
    component: "persistentvolume-controller",
    user: "system:serviceaccount:kube-system:persistent-volume-binder",
    watches: &[Watch::Itself(VOLUMES), Watch::Map(CLAIMS, volume_of_claim)],
    reconcile,
    ..Controller::BASE
};

fn volume_of_claim(view: &View, change: &Change) -> Vec<String> {
    let claim = change.entry.lean();
    let name = claim.str_at("spec.volumeName");
    if !name.is_empty() {
        return vec![name.to_owned()];
    }
    let key = name::key(claim.namespace(), claim.name());
    let of = |c: &Change| claim_of_volume(view, c).contains(&key);
    let volumes = view.objects.list(VOLUMES, "").cloned();
    volumes
        .map(|entry| Change { rev: entry.rev, entry, before: None, deleted: false })
        .filter(of)
        .map(|c| c.entry.key.to_string())
        .collect()
}

/// A reference to a claim.
fn reference(claim: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": claim.namespace(),
        "name": claim.name(), "uid": claim.uid(),
        "resourceVersion": claim.str_at("metadata.resourceVersion")})
}

/// A volume kept for a claim.
pub(super) fn claimed(mut volume: Value, claim: &Value) -> Value {
    volume.set_at("spec.claimRef", reference(claim));
    volume
}

/// The volume the provisioner makes for a claim.
pub(super) fn of(claim: &Value, class: &Value, node: Option<&str>, name: &str) -> Value {
    let provisioner = class.str_at("provisioner");
    let capacity = claim.at("spec.resources.requests.storage").cloned().unwrap_or_default();
    let policy = match class.str_at("reclaimPolicy") {
        "" => "Delete",
        policy => policy,
    };
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "finalizers": [PROTECTED_VOLUME],
            "annotations": {"pv.kubernetes.io/provisioned-by": provisioner}},
        "spec": {
            "accessModes": claim.list_at("spec.accessModes"), "capacity": {"storage": capacity},
            "claimRef": reference(claim), "persistentVolumeReclaimPolicy": policy,
            "storageClassName": class.name(),
            "volumeMode": claim.at("spec.volumeMode").cloned().unwrap_or_else(|| json!("Filesystem")),
            "csi": {"driver": provisioner, "volumeHandle": name.trim_start_matches("pvc-"),
                "volumeAttributes": class.get("parameters").cloned().unwrap_or_else(|| json!({}))},
        },
    });
    if let Some(node) = node {
        volume["spec"]["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "topology.hostpath.csi/node", "operator": "In",
                "values": [node]}]}]}});
    }
    volume
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get(VOLUMES, key) else { return plan };
    let mut volume = entry.lean();
    let uid = volume.str_at("spec.claimRef.uid").to_owned();
    let phase = match view.objects.by_uid(&uid) {
        _ if uid.is_empty() => "Available",
        Some(_) => "Bound",
        None => "Released",
    };
    if volume.str_at("status.phase") != phase {
        volume.set_at("status.phase", phase);
        volume.set_at("status.lastPhaseTransitionTime", crate::object::time::seconds(view.now));
        plan.write(Write::status(VOLUMES, volume));
        return plan;
    }
    let reclaimed = volume.str_at("spec.persistentVolumeReclaimPolicy") == "Delete";
    if phase == "Released" && reclaimed && !entry.meta.deleting {
        plan.write(Write::delete(VOLUMES, entry, Value::Null));
    }
    plan
}
