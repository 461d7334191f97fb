//! Lets claims and volumes go only when nobody uses them.
//! Source: `pkg/controller/volume/pvcprotection`, `pvprotection`.

use super::{CLAIMS, PROTECTED_VOLUME, VOLUMES, claims_of_pod, users};
use crate::{
    controllers::{
        Controller, Plan, View, Watch,
        children::{has_finalizer, patch, without},
        resources::exactly,
    },
    object::{ObjectExt, Value, json},
    store::{Change, Entry},
};

/// For claims.
pub static CLAIM: Controller = Controller {
    name: "pvc-protection-controller",
    watches: &[Watch::Itself(CLAIMS), Watch::Map("pods", claims_of_pod)],
    reconcile: claim,
    ..Controller::BASE
};

/// For volumes.
pub static VOLUME: Controller = Controller {
    name: "pv-protection-controller",
    watches: &[Watch::Itself(VOLUMES)],
    reconcile: volume,
    ..Controller::BASE
};

/// For classes of attributes.
pub static ATTRIBUTES: Controller = Controller {
    name: "volumeattributesclass-protection-controller",
    watches: &[
        Watch::Itself(ATTRIBUTES_CLASSES),
        Watch::Map(CLAIMS, deleting_classes),
        Watch::Map(VOLUMES, deleting_classes),
    ],
    reconcile: attributes,
    ..Controller::BASE
};

const ATTRIBUTES_CLASSES: &str = "volumeattributesclasses.storage.k8s.io";
const PROTECTED_CLASS: &str = "kubernetes.io/vac-protection";
const PROTECTED_CLAIM: &str = "kubernetes.io/pvc-protection";

fn claim(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(CLAIMS, key) else { return Plan::none() };
    let used = entry.meta.deleting && users(view, entry).next().is_some();
    protect(CLAIMS, entry, PROTECTED_CLAIM, used)
}

fn volume(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(VOLUMES, key) else { return Plan::none() };
    let used = entry.lean().str_at("status.phase") == "Bound";
    protect(VOLUMES, entry, PROTECTED_VOLUME, used)
}

/// Classes that wait to go; there are few, mostly none.
fn deleting_classes(view: &View, _: &Change) -> Vec<String> {
    let all = view.objects.list(ATTRIBUTES_CLASSES, "");
    all.filter(|e| e.meta.deleting).map(|e| e.key.to_string()).collect()
}

fn attributes(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(ATTRIBUTES_CLASSES, key) else { return Plan::none() };
    let names = |o: &Value| {
        ["spec.volumeAttributesClassName", "status.currentVolumeAttributesClassName"]
            .iter()
            .any(|path| o.str_at(path) == &*entry.meta.name)
    };
    let used = entry.meta.deleting
        && [CLAIMS, VOLUMES].iter().any(|r| view.objects.list(r, "").any(|e| names(&e.lean())));
    protect(ATTRIBUTES_CLASSES, entry, PROTECTED_CLASS, used)
}

/// Puts the finalizer on what lives, takes it off what goes unused.
fn protect(resource: &'static str, entry: &Entry, finalizer: &str, used: bool) -> Plan {
    let object = entry.lean();
    let has = has_finalizer(&object, finalizer);
    let mut metadata = exactly(entry);
    let mut plan = Plan::none();
    if !entry.meta.deleting && !has {
        let mut all = object.list_at("metadata.finalizers").to_vec();
        all.push(json!(finalizer));
        metadata["finalizers"] = all.into();
    } else if entry.meta.deleting && has && !used {
        metadata["finalizers"] = without(&object, finalizer);
    } else {
        return plan;
    }
    plan.write(patch(resource, entry, metadata));
    plan
}
