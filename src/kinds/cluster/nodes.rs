//! Node, and the Binding that puts a pod on one.

use super::{cells, checks};
use crate::error::{Cause, Causes};
use crate::kinds::{Backing, Column, Hooks, Kind, Sub, columns::AGE, heartbeat};
use crate::object::{ObjectExt, Value, json, name};
use crate::schema::{self, golang};

/// `nodes`.
pub static NODE: Kind = Kind {
    kind: "Node",
    plural: "nodes",
    short: &["no"],
    namespaced: false,
    schema: "io.k8s.api.core.v1.Node",
    subresources: &[Sub::proxy("NodeProxyOptions"), Sub::STATUS],
    selectable: &["spec.unschedulable"],
    columns: &[
        Column::text("Status", "Whether the node takes pods.", |o, _| json!(status(o))),
        Column::text("Roles", "Roles from the node's labels.", |o, _| json!(roles(o))),
        AGE,
        Column::text("Version", "Version of the kubelet.", |o, _| {
            cells::text(o, "status.nodeInfo.kubeletVersion")
        }),
        Column::text("Internal-IP", "Address inside the cluster.", |o, _| {
            json!(address(o, "InternalIP"))
        })
        .wide(),
        Column::text("External-IP", "Address outside the cluster.", |o, _| {
            json!(address(o, "ExternalIP"))
        })
        .wide(),
        Column::text("OS-Image", "Operating system.", |o, _| {
            cells::text_or(o, "status.nodeInfo.osImage", "<unknown>")
        })
        .wide(),
        Column::text("Kernel-Version", "Kernel and architecture.", |o, _| json!(kernel(o))).wide(),
        Column::text("Container-Runtime", "Container runtime and version.", |o, _| {
            cells::text_or(o, "status.nodeInfo.containerRuntimeVersion", "<unknown>")
        })
        .wide(),
    ],
    hooks: Hooks {
        decorate: Some(heartbeat::shown_node),
        default: Some(allot),
        status_at_creation: true,
        prepare: Some(|node, old, _| {
            // Not given to new nodes, nor to old ones without it.
            if old.is_none_or(|old| old.at("spec.configSource").is_none()) {
                node.remove_at("spec.configSource");
            }
            Ok(())
        }),
        validate: Some(|o, old, out| {
            validate(o, out);
            if let Some(old) = old {
                changes(o, old, out);
            }
        }),
        warn: Some(|node, _| {
            let old = "spec.externalID: this field is deprecated, and is unused by Kubernetes";
            let says = !node.str_at("spec.externalID").is_empty();
            says.then(|| old.to_owned()).into_iter().collect()
        }),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// What can be allotted is by default what there is. Source: `SetDefaults_NodeStatus`.
fn allot(node: &mut Value) {
    let capacity = node.at("status.capacity").filter(|c| !c.is_null()).cloned();
    let allotted = node.at("status.allocatable").is_some_and(|a| !a.is_null());
    if let Some(capacity) = capacity.filter(|_| !allotted) {
        node.set_at("status.allocatable", capacity);
    }
    // The older name of the first range. Source: the conversions of `NodeSpec`.
    let range = node.str_at("spec.podCIDR").to_owned();
    if !range.is_empty() && node.list_at("spec.podCIDRs").first().is_none_or(|r| *r != range) {
        node.set_at("spec.podCIDRs", json!([range]));
    }
    if let Some(first) = node.list_at("spec.podCIDRs").first().cloned() {
        node.set_at("spec.podCIDR", first);
    }
    times_of_conditions(node);
}

/// Times of Go are always written: null when there is none.
fn times_of_conditions(node: &mut Value) {
    if node.list_at("status.conditions").is_empty() {
        return;
    }
    let conditions = node.at_mut("status.conditions").as_array_mut();
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        for time in ["lastHeartbeatTime", "lastTransitionTime"] {
            condition.entry(time).or_insert(Value::Null);
        }
    }
}

/// Source: `ValidateNode`, which places taints below `metadata`.
fn validate(node: &Value, out: &mut Causes) {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (i, taint) in node.list_at("spec.taints").iter().enumerate() {
        let path = format!("metadata.taints[{i}]");
        let (key, effect) = (taint.str_at("key"), taint.str_at("effect"));
        for problem in name::qualified_name_problems(key) {
            out.invalid(format!("{path}.key"), &json!(key), problem);
        }
        for problem in name::label_value_problems(taint.str_at("value")) {
            out.invalid(format!("{path}.value"), &json!(taint.str_at("value")), problem);
        }
        match effect {
            "" => out.required(format!("{path}.effect"), ""),
            known if EFFECTS.contains(&known) => {}
            other => {
                out.unsupported_in_order(format!("{path}.effect"), &json!(other), &EFFECTS);
            }
        }
        if seen.contains(&(key, effect)) {
            let of = schema::find("io.k8s.api.core.v1.Taint");
            let shown = of.map(|of| golang::text(of, taint)).unwrap_or_default();
            let why = "taints must be unique by key and effect pair";
            out.duplicate_shown(path, format!("{shown}: {why}"));
        }
        seen.push((key, effect));
    }
    let ranges: Vec<&str> =
        node.list_at("spec.podCIDRs").iter().filter_map(Value::as_str).collect();
    let parsed: Vec<_> = ranges
        .iter()
        .enumerate()
        .map(|(i, cidr)| checks::cidr(cidr, &format!("spec.podCIDRs[{i}]"), out))
        .collect();
    if ranges.len() < 2 {
        return;
    }
    if let Some(i) = parsed.iter().position(Option::is_none) {
        let why = format!(
            "Internal error: invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[{i}]: <nil> (invalid CIDR address: {})",
            ranges[i]
        );
        out.0.insert(Cause {
            reason: "InternalError",
            message: why,
            field: "spec.podCIDRs".into(),
        });
    }
    let of = |four: bool| parsed.iter().flatten().any(|(ip, _)| ip.is_ipv4() == four);
    let both = parsed.iter().all(Option::is_some) && of(true) && of(false);
    if !both || ranges.len() > 2 {
        let why = "may specify no more than one CIDR for each IP family";
        out.invalid("spec.podCIDRs", &json!(ranges), why);
    }
}

/// What of a node may change. Source: `ValidateNodeUpdate`.
fn changes(node: &Value, old: &Value, out: &mut Causes) {
    let ranges = old.list_at("spec.podCIDRs");
    let why = "node updates may not change podCIDR except from \"\" to valid";
    if !ranges.is_empty() && ranges != node.list_at("spec.podCIDRs") {
        out.forbidden("spec.podCIDRs", why);
    }
    let provider = old.str_at("spec.providerID");
    if !provider.is_empty() && provider != node.str_at("spec.providerID") {
        let why = "node updates may not change providerID except from \"\" to valid";
        out.forbidden("spec.providerID", why);
    }
    if old.str_at("spec.externalID") != node.str_at("spec.externalID") {
        out.forbidden("spec.externalID", "may not be updated");
    }
}

/// `bindings`: what a scheduler posts.
pub static BINDING: Kind = Kind {
    kind: "Binding",
    plural: "bindings",
    verbs: &["create"],
    schema: "io.k8s.api.core.v1.Binding",
    backing: Backing::Computed,
    ..Kind::BASE
};

fn status(node: &Value) -> String {
    let ready = match node.condition("Ready").map(|c| c.str_at("status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let closed = if node.is_true("spec.unschedulable") { ",SchedulingDisabled" } else { "" };
    format!("{ready}{closed}")
}

fn roles(node: &Value) -> String {
    let labels = node.map_at("metadata.labels").into_iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role),
            None if key == "kubernetes.io/role" => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() { "<none>".into() } else { roles.join(",") }
}

fn address(node: &Value, kind: &str) -> String {
    let all = node.list_at("status.addresses");
    let found = all.iter().find(|a| a.str_at("type") == kind);
    found.map_or("<none>", |a| a.str_at("address")).to_owned()
}

fn kernel(node: &Value) -> String {
    let version = match node.str_at("status.nodeInfo.kernelVersion") {
        "" => "<unknown>",
        version => version,
    };
    match node.str_at("status.nodeInfo.architecture") {
        "" => version.to_owned(),
        arch => format!("{version} ({arch})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::CellCx;

    #[test]
    fn cells() {
        let cx = CellCx::at("2026-01-02T03:05:05Z".parse().unwrap());
        let row =
            |o: &Value| json!(NODE.columns.iter().map(|c| (c.cell)(o, &cx)).collect::<Vec<_>>());
        let node = json!({"metadata": {"creationTimestamp": "2026-01-02T03:00:05Z",
                "labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/master": ""}},
            "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "Unknown"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                "nodeInfo": {"kubeletVersion": "v1.36.0", "kernelVersion": "5.14", "architecture": "amd64"}}});
        assert_eq!(
            row(&node),
            json!([
                "NotReady,SchedulingDisabled",
                "master,worker",
                "5m",
                "v1.36.0",
                "10.0.0.1",
                "<none>",
                "<unknown>",
                "5.14 (amd64)",
                "<unknown>"
            ])
        );
        assert_eq!(row(&json!({}))[0], "Unknown");
    }
}
