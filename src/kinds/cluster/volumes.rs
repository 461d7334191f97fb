//! PersistentVolume and PersistentVolumeClaim.

use super::{cells, checks, warnings};
use crate::error::{Causes, Error};
use crate::kinds::{Column, Cx, Hooks, Kind, Sub, columns::AGE, workloads};
use crate::object::{Map, ObjectExt, Value, json, name, quantity::Quantity, time};

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
    hooks: Hooks {
        default: Some(default_volume),
        prepare: Some(|o, old, cx| {
            pending(o, old, cx)?;
            if old.is_none() {
                let now = time::seconds(cx.world.clock.now());
                o.set_at("status.lastPhaseTransitionTime", now);
            }
            Ok(())
        }),
        validate: Some(volume),
        warn: Some(warnings::volume),
        ..Hooks::NONE
    },
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
    hooks: Hooks {
        default: Some(|o| set_if_empty(o, "spec.volumeMode", "Filesystem")),
        prepare: Some(pending),
        validate: Some(claim),
        warn: Some(warnings::claim),
        ..Hooks::NONE
    },
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

const MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES: &[&str] = &["Block", "Filesystem"];

fn set_if_empty(o: &mut Value, path: &str, value: &str) {
    if o.str_at(path).is_empty() {
        o.set_at(path, value);
    }
}

fn default_volume(o: &mut Value) {
    set_if_empty(o, "spec.persistentVolumeReclaimPolicy", "Retain");
    set_if_empty(o, "spec.volumeMode", "Filesystem");
}

fn pending(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({"phase": "Pending"}));
    }
    Ok(())
}

fn access_modes(o: &Value, why: &str, out: &mut Causes) {
    let path = "spec.accessModes";
    let modes: Vec<&str> = o.list_at(path).iter().filter_map(Value::as_str).collect();
    if modes.is_empty() {
        out.required(path, why);
    }
    for mode in modes.iter().filter(|m| !MODES.contains(m)) {
        out.unsupported(path, &json!(mode), MODES);
    }
    let known = modes.iter().filter(|m| MODES.contains(m));
    if modes.contains(&"ReadWriteOncePod") && known.count() > 1 {
        out.forbidden(path, "may not use ReadWriteOncePod with other access modes");
    }
}

fn storage(amount: Option<&Value>, path: &str, out: &mut Causes) {
    let Some(amount) = amount else { return out.required(path, "") };
    if Quantity::from_value(amount).is_some_and(|q| q <= Quantity::ZERO) {
        out.invalid(path, amount, "must be greater than zero");
    }
}

fn class_name(o: &Value, out: &mut Causes) {
    let path = "spec.storageClassName";
    match o.str_at(path) {
        "" => {}
        class => {
            for problem in name::subdomain_problems(class) {
                out.invalid(path, &json!(class), problem);
            }
        }
    }
}

fn volume(o: &Value, old: Option<&Value>, out: &mut Causes) {
    access_modes(o, "", out);
    capacity(o, out);
    let policy = "spec.persistentVolumeReclaimPolicy";
    checks::one_of_if_set(o, policy, &["Delete", "Recycle", "Retain"], out);
    workloads::persistent_volume(&o["spec"], o.name(), out);
    let root = o.str_at("spec.hostPath.path");
    let root = root.starts_with('/') && root.split('/').all(|p| p.is_empty() || p == ".");
    if root && o.str_at(policy) == "Recycle" {
        out.forbidden(policy, "may not be 'recycle' for a hostPath mount of '/'");
    }
    class_name(o, out);
    checks::one_of_if_set(o, "spec.volumeMode", VOLUME_MODES, out);
    attributes_class(o, out);
    if let Some(old) = old {
        volume_changes(o, old, out);
    }
}

fn attributes_class(o: &Value, out: &mut Causes) {
    const PATH: &str = "spec.volumeAttributesClassName";
    let Some(class) = o.at(PATH) else { return };
    match class.as_str().unwrap_or("") {
        "" => out.required(PATH, "an empty string is disallowed"),
        name => {
            for problem in name::subdomain_problems(name) {
                out.invalid(PATH, class, problem);
            }
        }
    }
    if o.at("spec.csi").is_none() {
        out.required("spec.csi", "has to be specified when using volumeAttributesClassName");
    }
}

/// Upstream appends a difference listing to the first message; see [`claim_changes`].
fn volume_changes(o: &Value, old: &Value, out: &mut Causes) {
    let source = |o: &Value| -> Map {
        let spec = o.map_at("spec").into_iter().flatten();
        spec.filter(|(k, _)| !COMMON.contains(&k.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    let (mut new, before) = (source(o), source(old));
    // The secret of growing may be named later.
    if old.at("spec.csi").is_some() && old.at("spec.csi.controllerExpandSecretRef").is_none() {
        new.get_mut("csi").map(|csi| csi.remove_at("controllerExpandSecretRef"));
    }
    if new != before {
        let why = "spec.persistentvolumesource is immutable after creation";
        out.forbidden("spec.persistentvolumesource", why);
    }
    if o.at("spec.volumeMode") != old.at("spec.volumeMode") {
        out.invalid("volumeMode", &json!(o.str_at("spec.volumeMode")), checks::IMMUTABLE);
    }
    let class = "spec.volumeAttributesClassName";
    if old.at(class).is_some() && o.at(class).is_none() {
        out.forbidden(class, "update from non-nil value to nil is forbidden");
    }
}

/// What a volume's spec says besides where it is.
const COMMON: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

/// A volume has one size and nothing else.
fn capacity(o: &Value, out: &mut Causes) {
    let path = "spec.capacity";
    let given = o.map_at(path);
    if given.is_none_or(Map::is_empty) {
        out.required(path, "");
    }
    let amount = given.and_then(|c| c.get("storage"));
    if amount.is_none() || given.is_some_and(|c| c.len() > 1) {
        out.unsupported(path, o.at(path).unwrap_or(&Value::Null), &["storage"]);
    }
    if amount.is_some() {
        storage(amount, "spec.capacity[storage]", out);
    }
}

fn claim(o: &Value, old: Option<&Value>, out: &mut Causes) {
    access_modes(o, "at least 1 access mode is required", out);
    if let Some(selector) = o.at("spec.selector") {
        checks::label_selector(selector, "spec.selector", out);
    }
    storage(o.at("spec.resources.requests.storage"), "spec.resources[storage]", out);
    class_name(o, out);
    checks::one_of_if_set(o, "spec.volumeMode", VOLUME_MODES, out);
    if let Some(old) = old {
        claim_changes(o, old, out);
    }
}

/// Upstream appends a difference listing to the first message; its form is not part of the API
/// and differs between releases, so the message stands alone here.
fn claim_changes(o: &Value, old: &Value, out: &mut Causes) {
    let bound = o.str_at("status.phase") == "Bound";
    let fixed = |claim: &Value| {
        let mut spec = claim.get("spec").cloned().unwrap_or_default();
        if bound {
            spec.remove_at("resources.requests.storage");
            spec.remove_at("volumeAttributesClassName");
        }
        // The volume is chosen once, by the controller that binds.
        if old.str_at("spec.volumeName").is_empty() {
            spec.remove_at("volumeName");
        }
        spec
    };
    if fixed(o) != fixed(old) {
        out.forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
    }
    let size = |c: &Value, path: &str| c.at(path).and_then(Quantity::from_value);
    let request = "spec.resources.requests.storage";
    let given = size(old, "status.capacity.storage").unwrap_or(Quantity::ZERO);
    if let (Some(new), Some(before)) = (size(o, request), size(old, request))
        && new < before
        && new <= given
    {
        out.forbidden(request, "field can not be less than status.capacity");
    }
    if o.at("spec.volumeMode") != old.at("spec.volumeMode") {
        out.invalid("volumeMode", &json!(o.str_at("spec.volumeMode")), checks::IMMUTABLE);
    }
}
