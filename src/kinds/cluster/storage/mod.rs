//! storage.k8s.io: classes, drivers, capacities and attachments of volumes.

mod capacity;
mod drivers;

pub use capacity::{CSI_STORAGE_CAPACITY, VOLUME_ATTRIBUTES_CLASS};

use super::{cells, checks};
use crate::error::Causes;
use crate::kinds::columns::{AGE, NAME};
use crate::kinds::{Column, Generation, Hooks, Kind, Sub};
use crate::object::{ObjectExt, Value, json, name};
use std::collections::{BTreeMap, BTreeSet};

const GROUP: Kind =
    Kind { group: "storage.k8s.io", namespaced: false, delete_returns_object: true, ..Kind::BASE };

const fn boolean(
    name: &'static str,
    description: &'static str,
    cell: fn(&Value, &crate::kinds::CellCx) -> Value,
) -> Column {
    Column { kind: "boolean", ..Column::text(name, description, cell) }
}

/// `storageclasses.storage.k8s.io`.
pub static STORAGE_CLASS: Kind = Kind {
    kind: "StorageClass",
    plural: "storageclasses",
    short: &["sc"],
    schema: "io.k8s.api.storage.v1.StorageClass",
    columns: &[
        Column {
            cell: |o, _| {
                let key = "storageclass.kubernetes.io/is-default-class";
                let beta = "storageclass.beta.kubernetes.io/is-default-class";
                let default = [key, beta].iter().any(|k| o.annotation(k) == Some("true"));
                json!(format!("{}{}", o.name(), if default { " (default)" } else { "" }))
            },
            ..NAME
        },
        Column::text("Provisioner", "Who makes the volumes.", |o, _| cells::text(o, "provisioner")),
        Column::text("ReclaimPolicy", "What becomes of released volumes.", |o, _| {
            cells::text_or(o, "reclaimPolicy", "Delete")
        }),
        Column::text("VolumeBindingMode", "When volumes are made.", |o, _| {
            cells::text_or(o, "volumeBindingMode", "Immediate")
        }),
        Column::text("AllowVolumeExpansion", "Whether volumes may grow.", |o, _| {
            cells::flag(o, "allowVolumeExpansion", false)
        }),
        AGE,
    ],
    hooks: Hooks {
        default: Some(|o| {
            set_if_empty(o, "reclaimPolicy", "Delete");
            set_if_empty(o, "volumeBindingMode", "Immediate");
        }),
        validate: Some(storage_class),
        warn: Some(super::warnings::storage_class),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `csidrivers.storage.k8s.io`.
pub static CSI_DRIVER: Kind = Kind {
    kind: "CSIDriver",
    plural: "csidrivers",
    schema: "io.k8s.api.storage.v1.CSIDriver",
    generation: Generation::Later,
    unconditional_update: false,
    columns: &[
        boolean("AttachRequired", "Whether volumes must be attached first.", |o, _| {
            cells::flag(o, "spec.attachRequired", true)
        }),
        boolean("PodInfoOnMount", "Whether the driver is told about the pod.", |o, _| {
            cells::flag(o, "spec.podInfoOnMount", false)
        }),
        boolean("StorageCapacity", "Whether the driver publishes capacity.", |o, _| {
            cells::flag(o, "spec.storageCapacity", false)
        }),
        Column::text("TokenRequests", "Audiences of the tokens it gets.", |o, _| {
            if o.at("spec.tokenRequests").is_none() {
                return json!("<unset>");
            }
            let all = o.list_at("spec.tokenRequests").iter();
            let audiences: Vec<&str> = all.map(|t| t.str_at("audience")).collect();
            json!(audiences.join(","))
        }),
        boolean("RequiresRepublish", "Whether volumes are published again.", |o, _| {
            cells::flag(o, "spec.requiresRepublish", false)
        }),
        Column::text("Modes", "Life cycles of its volumes.", |o, _| {
            match cells::joined(o, "spec.volumeLifecycleModes", ",") {
                none if none.is_empty() => json!("<none>"),
                modes => json!(modes),
            }
        }),
        AGE,
    ],
    hooks: Hooks {
        default: Some(driver_defaults),
        prepare: Some(|o, _, _| {
            // Its feature is off.
            o.remove_at("spec.preventPodSchedulingIfMissing");
            Ok(())
        }),
        validate: Some(drivers::driver),
        warn: Some(drivers::warnings),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `csinodes.storage.k8s.io`.
pub static CSI_NODE: Kind = Kind {
    kind: "CSINode",
    plural: "csinodes",
    schema: "io.k8s.api.storage.v1.CSINode",
    unconditional_update: false,
    columns: &[
        Column::int("Drivers", "Number of drivers on the node.", |o, _| {
            json!(o.list_at("spec.drivers").len())
        }),
        AGE,
    ],
    hooks: Hooks { validate: Some(drivers::node), ..Hooks::NONE },
    ..GROUP
};

/// `volumeattachments.storage.k8s.io`.
pub static VOLUME_ATTACHMENT: Kind = Kind {
    kind: "VolumeAttachment",
    plural: "volumeattachments",
    schema: "io.k8s.api.storage.v1.VolumeAttachment",
    subresources: &[Sub::STATUS],
    unconditional_update: false,
    columns: &[
        Column {
            format: "name",
            ..Column::text("Attacher", "Driver that attaches.", |o, _| {
                cells::text(o, "spec.attacher")
            })
        },
        Column::text("PV", "Volume that is attached.", |o, _| {
            cells::text(o, "spec.source.persistentVolumeName")
        }),
        Column::text("Node", "Node it is attached to.", |o, _| cells::text(o, "spec.nodeName")),
        boolean("Attached", "Whether it is attached.", |o, _| {
            cells::flag(o, "status.attached", false)
        }),
        AGE,
    ],
    hooks: Hooks {
        validate: Some(drivers::attachment),
        validate_status: Some(|o, _, out| drivers::attachment_status(o, out)),
        ..Hooks::NONE
    },
    ..GROUP
};

fn set_if_empty(o: &mut Value, path: &str, value: &str) {
    if o.str_at(path).is_empty() {
        o.set_at(path, value);
    }
}

fn driver_defaults(o: &mut Value) {
    let flags = [
        ("spec.attachRequired", true),
        ("spec.podInfoOnMount", false),
        ("spec.storageCapacity", false),
        ("spec.requiresRepublish", false),
        ("spec.seLinuxMount", false),
    ];
    for (path, value) in flags {
        if o.at(path).is_none() {
            o.set_at(path, value);
        }
    }
    if o.at("spec.fsGroupPolicy").is_none() {
        o.set_at("spec.fsGroupPolicy", "ReadWriteOnceWithFSType");
    }
    if o.list_at("spec.volumeLifecycleModes").is_empty() {
        o.set_at("spec.volumeLifecycleModes", json!(["Persistent"]));
    }
}

fn storage_class(o: &Value, old: Option<&Value>, out: &mut Causes) {
    capacity::provisioner(o, "provisioner", out);
    capacity::parameters(o, true, out);
    checks::one_of(o, "reclaimPolicy", &["Delete", "Retain"], out);
    checks::one_of(o, "volumeBindingMode", &["Immediate", "WaitForFirstConsumer"], out);
    for (i, term) in o.list_at("allowedTopologies").iter().enumerate() {
        let path = format!("allowedTopologies[{i}].matchLabelExpressions");
        topology(term, &path, out);
        let one = places(term);
        if one.is_empty() || o.list_at("allowedTopologies")[..i].iter().any(|t| places(t) == one) {
            out.duplicate(path, &json!(""));
        }
    }
    if let Some(old) = old {
        let empty = |v: &Value| v.map_at("parameters").is_none_or(|m| m.is_empty());
        if !(empty(o) && empty(old)) {
            checks::fixed(o, old, "parameters", out);
        }
        for path in ["provisioner", "reclaimPolicy", "volumeBindingMode"] {
            checks::fixed(o, old, path, out);
        }
    }
}

/// What a term allows: the values of each key.
fn places(term: &Value) -> BTreeMap<&str, BTreeSet<&str>> {
    let expressions = term.list_at("matchLabelExpressions").iter();
    let of = expressions.map(|e| {
        let values = e.list_at("values").iter().filter_map(Value::as_str);
        (e.str_at("key"), values.collect())
    });
    of.collect()
}

fn topology(term: &Value, path: &str, out: &mut Causes) {
    let expressions = term.list_at("matchLabelExpressions");
    for (i, expression) in expressions.iter().enumerate() {
        let (key, values) = (expression.str_at("key"), expression.list_at("values"));
        if values.is_empty() {
            out.required(format!("{path}[{i}].values"), "");
        }
        for (n, value) in values.iter().enumerate().filter(|(n, v)| values[..*n].contains(v)) {
            out.duplicate(format!("{path}[{i}].values[{n}]"), value);
        }
        for problem in name::qualified_name_problems(key) {
            out.invalid(format!("{path}[{i}].key"), &json!(key), problem);
        }
        if expressions[..i].iter().any(|e| e.str_at("key") == key) {
            out.duplicate(format!("{path}[{i}].key"), &json!(key));
        }
    }
}
