//! PersistentVolume and PersistentVolumeClaim.

use super::{cells, checks, warnings};
use crate::error::{Causes, Error};
use crate::kinds::{Column, Cx, Hooks, Kind, Sub, columns::AGE, workloads};
use crate::object::{Map, ObjectExt, Value, diff, json, name, quantity::Quantity, time};
use crate::schema::{self, golang};

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
        prepare: Some(prepare_claim),
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

/// The volume a claim begins with is said by two names: what is said by one counts for both. What
/// the older cannot name is not said by it.
fn prepare_claim(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    const OLDER: &str = "spec.dataSource";
    const NEWER: &str = "spec.dataSourceRef";
    let known = [("PersistentVolumeClaim", ""), ("VolumeSnapshot", "snapshot.storage.k8s.io")];
    let named = |s: &Value| known.contains(&(s.str_at("kind"), s.str_at("apiGroup")));
    let was = old.and_then(|old| old.at(OLDER)).is_some_and(|s| !s.is_null());
    if !was && o.at(OLDER).is_some_and(|s| s.is_object() && !named(s)) {
        o.remove_at(OLDER);
    }
    let given = |o: &Value, path: &str| o.at(path).filter(|s| s.is_object()).cloned();
    match (given(o, OLDER), given(o, NEWER)) {
        (Some(older), None) => o.set_at(NEWER, older),
        (None, Some(newer)) if newer.str_at("namespace").is_empty() => {
            let mut older = newer;
            older.remove_at("namespace");
            o.set_at(OLDER, older);
        }
        _ => {}
    }
    pending(o, old, cx)
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

/// An amount of storage; `basic`: whether it is one of a volume, which is looked at twice.
fn storage(amount: Option<&Value>, path: &str, basic: bool, out: &mut Causes) {
    let Some(amount) = amount else { return out.required(path, "") };
    let quantity = Quantity::from_value(amount);
    if let Some(quantity) = quantity.filter(|q| basic && q.value() < 0) {
        out.invalid(path, &json!(quantity.value()), "must be a valid resource quantity");
    }
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

/// The spec of a volume that stands in an attachment, at a path of its own.
pub(super) fn inline(spec: &Value, path: &str, out: &mut Causes) {
    const WHY: &str = "may not be specified in the context of inline volumes";
    let (o, mut found) = (json!({"spec": spec}), Causes::default());
    let given = |field: &str| spec.get(field).is_some_and(|v| !v.is_null());
    if given("claimRef") {
        found.forbidden("spec.claimRef", WHY);
    }
    if !spec.map_at("capacity").is_none_or(Map::is_empty) {
        found.forbidden("spec.capacity", WHY);
    }
    if !given("csi") {
        found.required("spec.csi", "has to be specified in the context of inline volumes");
    }
    access_modes(&o, "", &mut found);
    if !["", "Retain"].contains(&spec.str_at("persistentVolumeReclaimPolicy")) {
        let why = "may only be Retain in the context of inline volumes";
        found.forbidden("spec.persistentVolumeReclaimPolicy", why);
    }
    if given("nodeAffinity") {
        found.forbidden("spec.nodeAffinity", WHY);
    }
    workloads::persistent_volume_source(spec, "", &mut found);
    if !spec.str_at("storageClassName").is_empty() {
        found.forbidden("spec.storageClassName", WHY);
    }
    if !["", "Filesystem"].contains(&spec.str_at("volumeMode")) {
        let why =
            "may not specify volumeMode other than Filesystem in the context of inline volumes";
        found.forbidden("spec.volumeMode", why);
    }
    attributes_class(&o, &mut found);
    for mut cause in found.into_vec() {
        cause.field = cause.field.replacen("spec", path, 1);
        out.0.insert(cause);
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

/// The struct in which a volume's spec says where it is.
const SOURCE: &str = "PersistentVolumeSource";

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
        let spec = schema::find("io.k8s.api.core.v1.PersistentVolumeSpec");
        let [before, new] = [before, new].map(|source| {
            let of = |spec| golang::lines_of_embedded(spec, SOURCE, &Value::Object(source));
            spec.map(of).unwrap_or_default()
        });
        let differs = diff::unified(&before, &new);
        out.forbidden("spec.persistentvolumesource", format!("{why}\n{differs}"));
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
        storage(amount, "spec.capacity[storage]", true, out);
    }
}

fn claim(o: &Value, old: Option<&Value>, out: &mut Causes) {
    access_modes(o, "at least 1 access mode is required", out);
    if let Some(selector) = o.at("spec.selector") {
        checks::label_selector(selector, "spec.selector", out);
    }
    storage(o.at("spec.resources.requests.storage"), "spec.resources[storage]", false, out);
    class_name(o, out);
    checks::one_of_if_set(o, "spec.volumeMode", VOLUME_MODES, out);
    sources(o, out);
    if let Some(old) = old {
        claim_changes(o, old, out);
    }
}

/// What a claim's volume begins with, by its two names.
fn sources(o: &Value, out: &mut Causes) {
    let given = |path: &str| o.at(path).filter(|v| v.is_object());
    for path in ["spec.dataSource", "spec.dataSourceRef"] {
        let Some(source) = given(path) else { continue };
        let (kind, group) = (source.str_at("kind"), source.str_at("apiGroup"));
        for field in ["name", "kind"] {
            if source.str_at(field).is_empty() {
                out.required(format!("{path}.{field}"), "");
            }
        }
        if group.is_empty() && kind != "PersistentVolumeClaim" {
            let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            out.invalid(path, &json!(kind), why);
        }
        let problems = if group.is_empty() { vec![] } else { name::subdomain_problems(group) };
        for problem in problems {
            out.invalid(format!("{path}.apiGroup"), &json!(group), problem);
        }
    }
    let class = o.str_at("spec.volumeAttributesClassName");
    let problems = if class.is_empty() { vec![] } else { name::subdomain_problems(class) };
    for problem in problems {
        out.invalid("spec.volumeAttributesClassName", &json!(class), problem);
    }
}

/// A claim's spec as Go prints the struct behind it: by the fields' Go names, in their order, those
/// that are unset as well.
fn go_claim(spec: &Value) -> String {
    let part = |value: &Value, path: &str, fields: &[(&str, &str)]| -> String {
        let Some(value) = value.at(path).filter(|v| v.is_object()) else { return "null".into() };
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, field)| {
                let text = matches!(*field, "kind" | "name").then(|| json!(value.str_at(field)));
                let value = text.unwrap_or_else(|| value.get(*field).cloned().unwrap_or_default());
                format!("  {name:?}: {}", indented(&value, "  "))
            })
            .collect();
        format!("{{\n{}\n }}", fields.join(",\n"))
    };
    let plain = |field: &str| indented(spec.get(field).unwrap_or(&Value::Null), " ");
    let reference = [("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")];
    let distant = [&reference[..], &[("Namespace", "namespace")]].concat();
    let resources =
        json!({"resources": spec.get("resources").cloned().unwrap_or_else(|| json!({}))});
    let amounts = [("Limits", "limits"), ("Requests", "requests")];
    let rows = [
        ("AccessModes", plain("accessModes")),
        ("Selector", plain("selector")),
        ("Resources", part(&resources, "resources", &amounts)),
        ("VolumeName", json!(spec.str_at("volumeName")).to_string()),
        ("StorageClassName", plain("storageClassName")),
        ("VolumeMode", plain("volumeMode")),
        ("DataSource", part(spec, "dataSource", &reference)),
        ("DataSourceRef", part(spec, "dataSourceRef", &distant)),
        ("VolumeAttributesClassName", plain("volumeAttributesClassName")),
    ];
    let rows: Vec<String> = rows.iter().map(|(name, text)| format!(" {name:?}: {text}")).collect();
    format!("{{\n{}\n}}", rows.join(",\n"))
}

/// JSON over several lines, one space a level, the first line aside behind `margin`.
fn indented(value: &Value, margin: &str) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut writer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // A value is written into memory, which cannot fail.
    let _ = serde::Serialize::serialize(value, &mut writer);
    String::from_utf8_lossy(&out).replace('\n', &format!("\n{margin}"))
}

fn claim_changes(o: &Value, old: &Value, out: &mut Causes) {
    let bound = o.str_at("status.phase") == "Bound";
    let spec = |claim: &Value| claim.get("spec").cloned().unwrap_or_default();
    let (mut new, mut before) = (spec(o), spec(old));
    let take = |to: &mut Value, from: &Value, path: &str| match from.at(path) {
        Some(value) => to.set_at(path, value.clone()),
        None => drop(to.remove_at(path)),
    };
    // The volume is chosen once, by the controller that binds.
    if old.str_at("spec.volumeName").is_empty() {
        take(&mut before, &new, "volumeName");
    }
    if bound {
        take(&mut new, &before, "resources.requests.storage");
        take(&mut new, &before, "volumeAttributesClassName");
    }
    if new != before {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        let differs = diff::unified(&go_claim(&before), &go_claim(&new));
        out.forbidden("spec", format!("{why}\n{differs}"));
    }
    let size = |c: &Value, path: &str| c.at(path).and_then(Quantity::from_value);
    let request = "spec.resources.requests.storage";
    let given = size(old, "status.capacity.storage").unwrap_or(Quantity::ZERO);
    let of = |c: &Value| size(c, request).unwrap_or(Quantity::ZERO);
    if of(o) < of(old) && of(o) <= given {
        out.forbidden(request, "field can not be less than status.capacity");
    }
    if o.at("spec.volumeMode") != old.at("spec.volumeMode") {
        out.invalid("volumeMode", &json!(o.str_at("spec.volumeMode")), checks::IMMUTABLE);
    }
}
