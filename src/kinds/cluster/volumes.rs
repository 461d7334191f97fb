//! PersistentVolume and PersistentVolumeClaim.

use super::cells;
use crate::kinds::{Column, Hooks, Kind, Sub, columns::AGE};
use crate::object::{ObjectExt, Value, json};

/// `persistentvolumes`.
pub static PERSISTENT_VOLUME: Kind = Kind {
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    short: &["pv"],
    namespaced: false,
    schema: "io.k8s.api.core.v1.PersistentVolume",
    subresources: &[Sub::STATUS],
    delete_returns_object: true,
    columns: &[
        Column::text("Capacity", "Size.", |o, _| cells::text_or(o, "spec.capacity.storage", "0")),
        Column::text("Access Modes", "How it may be mounted.", |o, _| {
            json!(cells::access_modes(o, "spec.accessModes"))
        }),
        Column::text("Reclaim Policy", "What becomes of it when released.", |o, _| {
            cells::text(o, "spec.persistentVolumeReclaimPolicy")
        }),
        Column::text("Status", "Phase.", |o, _| phase(o)),
        Column::text("Claim", "Claim it is bound to.", |o, _| {
            json!(o.at("spec.claimRef").map_or(String::new(), |c| {
                format!("{}/{}", c.str_at("namespace"), c.str_at("name"))
            }))
        }),
        Column::text("StorageClass", "Class it belongs to.", |o, _| class(o)),
        Column::text("VolumeAttributesClass", "Class of its attributes.", |o, _| {
            cells::text_or(o, "spec.volumeAttributesClassName", "<unset>")
        }),
        Column::text("Reason", "Why it is in this phase.", |o, _| cells::text(o, "status.reason")),
        AGE,
        Column::text("VolumeMode", "File system or raw block.", |o, _| {
            cells::text_or(o, "spec.volumeMode", "<unset>")
        })
        .wide(),
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};

/// `persistentvolumeclaims`.
pub static PERSISTENT_VOLUME_CLAIM: Kind = Kind {
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    short: &["pvc"],
    schema: "io.k8s.api.core.v1.PersistentVolumeClaim",
    subresources: &[Sub::STATUS],
    delete_returns_object: true,
    columns: &[
        Column::text("Status", "Phase.", |o, _| phase(o)),
        Column::text("Volume", "Volume it is bound to.", |o, _| cells::text(o, "spec.volumeName")),
        Column::text("Capacity", "Size of that volume.", |o, _| {
            bound(o, cells::text_or(o, "status.capacity.storage", "0"))
        }),
        Column::text("Access Modes", "How that volume may be mounted.", |o, _| {
            bound(o, json!(cells::access_modes(o, "status.accessModes")))
        }),
        Column::text("StorageClass", "Class it asks for.", |o, _| class(o)),
        Column::text("VolumeAttributesClass", "Class of its attributes.", |o, _| {
            cells::text_or(o, "spec.volumeAttributesClassName", "<unset>")
        }),
        AGE,
        Column::text("VolumeMode", "File system or raw block.", |o, _| {
            cells::text_or(o, "spec.volumeMode", "<unset>")
        })
        .wide(),
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};

fn phase(o: &Value) -> Value {
    if o.is_deleting() { json!("Terminating") } else { cells::text(o, "status.phase") }
}

fn class(o: &Value) -> Value {
    // The annotation is older than the field and still wins.
    match o.annotation("volume.beta.kubernetes.io/storage-class") {
        Some(class) => json!(class),
        None => cells::text(o, "spec.storageClassName"),
    }
}

fn bound(claim: &Value, cell: Value) -> Value {
    if claim.str_at("spec.volumeName").is_empty() { json!("") } else { cell }
}
