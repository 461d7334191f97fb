//! CSIStorageCapacity and VolumeAttributesClass, and what classes have in common.
//! Source: kubernetes `pkg/apis/storage/validation`.

use super::{GROUP, cells, checks};
use crate::error::Causes;
use crate::kinds::{Column, Hooks, Kind, columns::AGE};
use crate::object::{Map, ObjectExt, Value, json, name};

/// `csistoragecapacities.storage.k8s.io`.
pub static CSI_STORAGE_CAPACITY: Kind = Kind {
    kind: "CSIStorageCapacity",
    plural: "csistoragecapacities",
    namespaced: true,
    schema: "io.k8s.api.storage.v1.CSIStorageCapacity",
    unconditional_update: false,
    delete_returns_object: false,
    columns: &[
        Column::text("StorageClassName", "Class the capacity is of.", |o, _| {
            cells::text(o, "storageClassName")
        }),
        Column::text("Capacity", "How much is left.", |o, _| {
            cells::text_or(o, "capacity", "<unset>")
        }),
    ],
    hooks: Hooks { validate: Some(capacity), ..Hooks::NONE },
    ..GROUP
};

/// `volumeattributesclasses.storage.k8s.io`.
pub static VOLUME_ATTRIBUTES_CLASS: Kind = Kind {
    since: 34,
    kind: "VolumeAttributesClass",
    plural: "volumeattributesclasses",
    short: &["vac"],
    schema: "io.k8s.api.storage.v1.VolumeAttributesClass",
    columns: &[
        Column::text("DriverName", "Driver that knows the parameters.", |o, _| {
            cells::text(o, "driverName")
        }),
        AGE,
    ],
    hooks: Hooks {
        validate: Some(|o, old, out| {
            if let Some(old) = old {
                for field in ["driverName", "parameters"] {
                    if o.at(field) != old.at(field) {
                        out.forbidden(field, format!("updates to {field} are forbidden."));
                    }
                }
            }
            provisioner(o, "driverName", out);
            parameters(o, false, out);
        }),
        ..Hooks::NONE
    },
    ..GROUP
};

fn capacity(o: &Value, old: Option<&Value>, out: &mut Causes) {
    if let Some(selector) = o.at("nodeTopology") {
        checks::label_selector(selector, "nodeTopology", out);
    }
    let class = o.str_at("storageClassName");
    for problem in name::subdomain_problems(class) {
        out.invalid("storageClassName", &json!(class), problem);
    }
    if let Some(amount) = o.at("capacity") {
        checks::not_negative(amount, "capacity", out);
    }
    if let Some(old) = old {
        checks::fixed(o, old, "nodeTopology", out);
        checks::fixed(o, old, "storageClassName", out);
    }
}

/// Who makes the volumes: a qualified name, whatever the case.
pub fn provisioner(o: &Value, path: &str, out: &mut Causes) {
    match o.str_at(path) {
        "" => out.required(path, ""),
        provisioner => {
            let lower = provisioner.to_lowercase();
            for problem in name::qualified_name_problems(&lower) {
                out.invalid(path, &json!(lower), problem);
            }
        }
    }
}

/// What a class tells its driver.
pub fn parameters(o: &Value, may_be_empty: bool, out: &mut Causes) {
    const PATH: &str = "parameters";
    const MOST: usize = 512;
    const MOST_BYTES: usize = 256 << 10;
    let none = Map::new();
    let all = o.map_at(PATH).unwrap_or(&none);
    if all.len() > MOST {
        return out.too_long(PATH, MOST);
    }
    if all.contains_key("") {
        out.invalid(PATH, &json!(""), "field can not be empty.");
    }
    let bytes: usize = all.iter().map(|(k, v)| k.len() + v.as_str().map_or(0, str::len)).sum();
    if bytes > MOST_BYTES {
        out.too_long(PATH, MOST_BYTES);
    }
    if all.is_empty() && !may_be_empty {
        out.required(PATH, "must contain at least one key/value pair");
    }
}
