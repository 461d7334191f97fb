//! machineconfiguration.openshift.io: pools of machines that look the same, and what they look like.
//! Custom resources upstream; columns as their `additionalPrinterColumns` say.

use super::CUSTOM_VERBS;
use crate::{
    kinds::{Column, Generation, Kind, Sub, columns::AGE},
    object::{ObjectExt, Value, json},
};

const GROUP: Kind = Kind {
    group: "machineconfiguration.openshift.io",
    namespaced: false,
    verbs: CUSTOM_VERBS,
    generation: Generation::Spec,
    unconditional_update: false,
    ..Kind::BASE
};

/// `machineconfigs.machineconfiguration.openshift.io`.
pub static MACHINE_CONFIG: Kind = Kind {
    kind: "MachineConfig",
    plural: "machineconfigs",
    short: &["mc"],
    schema: "com.github.openshift.api.machineconfiguration.v1.MachineConfig",
    columns: &[
        Column::text("GeneratedByController", "Version of the controller that made it.", |o, _| {
            let by = "machineconfiguration.openshift.io/generated-by-controller-version";
            json!(o.annotation(by))
        }),
        Column::text("IgnitionVersion", "Version of its Ignition configuration.", |o, _| {
            o.at("spec.config.ignition.version").cloned().unwrap_or_default()
        }),
        AGE,
    ],
    ..GROUP
};

/// `machineconfigpools.machineconfiguration.openshift.io`.
pub static MACHINE_CONFIG_POOL: Kind = Kind {
    kind: "MachineConfigPool",
    plural: "machineconfigpools",
    short: &["mcp"],
    subresources: &[Sub::STATUS],
    schema: "com.github.openshift.api.machineconfiguration.v1.MachineConfigPool",
    columns: &[
        Column::text("Config", "The configuration of its machines.", |o, _| {
            o.at("status.configuration.name").cloned().unwrap_or_default()
        }),
        Column::text("Updated", "Whether all machines have it.", |o, _| said(o, "Updated")),
        Column::text("Updating", "Whether machines are being changed.", |o, _| said(o, "Updating")),
        Column::text("Degraded", "Whether machines cannot be changed.", |o, _| said(o, "Degraded")),
        count("MachineCount", "Machines in all.", |o, _| number(o, "machineCount")),
        count("ReadyMachineCount", "Machines that are ready.", |o, _| {
            number(o, "readyMachineCount")
        }),
        count("UpdatedMachineCount", "Machines that have the configuration.", |o, _| {
            number(o, "updatedMachineCount")
        }),
        count("DegradedMachineCount", "Machines that cannot be changed.", |o, _| {
            number(o, "degradedMachineCount")
        }),
        AGE,
    ],
    ..GROUP
};

const fn count(
    name: &'static str,
    description: &'static str,
    cell: fn(&Value, &crate::kinds::CellCx) -> Value,
) -> Column {
    Column { kind: "number", ..Column::text(name, description, cell) }
}

fn said(o: &Value, condition: &str) -> Value {
    o.condition(condition).and_then(|c| c.get("status")).cloned().unwrap_or_default()
}

fn number(o: &Value, field: &str) -> Value {
    o.at("status").and_then(|s| s.get(field)).cloned().unwrap_or_default()
}
