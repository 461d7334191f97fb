//! Node objects: names, labels, addresses, capacity, conditions.

use crate::{
    controllers::View,
    object::hex,
    object::{ObjectExt, Value, json, quantity::Quantity, time},
    settings::Settings,
};
use sha2::{Digest, Sha256};
use std::net::Ipv4Addr;

/// Names of the simulated nodes: one control plane node and workers, or, alone, one node that is
/// both.
pub fn names(settings: &Settings) -> Vec<String> {
    if settings.nodes == 1 {
        return vec!["crc".into()];
    }
    let workers = (1..settings.nodes).map(|i| format!("worker{i:02}"));
    std::iter::once("master01".to_owned()).take(settings.nodes).chain(workers).collect()
}

/// Address of a node on the machine network.
pub fn ip(settings: &Settings, index: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(settings.node_network).wrapping_add(index as u32))
}

/// First address of the /23 from which a node's pods get theirs.
pub fn pod_subnet(settings: &Settings, index: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(settings.pod_network).wrapping_add((index as u32) << 9))
}

/// A Node as its kubelet registers it; the status follows in a write of its own.
pub fn node(view: &View, name: &str, index: usize) -> Value {
    let master = index == 0;
    // Pods go to workers; a control plane node takes them when there is no other.
    let worker = !master || view.settings.nodes == 1;
    let mut labels = json!({
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux", "node.openshift.io/os_id": "rhel",
        "topology.kubernetes.io/region": "lab",
        "topology.kubernetes.io/zone": format!("lab-{}", (b'a' + (index % 3) as u8) as char),
    });
    if master {
        labels["node-role.kubernetes.io/control-plane"] = json!("");
        labels["node-role.kubernetes.io/master"] = json!("");
    }
    if worker {
        labels["node-role.kubernetes.io/worker"] = json!("");
    }
    let subnet = format!("{{\"default\":[\"{}/23\"]}}", pod_subnet(&view.settings, index));
    let mut spec = json!({"providerID": format!("pocketshift:///{name}")});
    if !worker {
        spec["taints"] = json!([{"effect": "NoSchedule", "key": "node-role.kubernetes.io/master"}]);
    }
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {
            "k8s.ovn.org/node-subnets": subnet,
            "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        }},
        "spec": spec,
    })
}

/// A node's status, without images and conditions.
pub fn status(view: &View, name: &str, index: usize) -> Value {
    let s = &view.settings;
    let resources = |cpu: Quantity, memory: Quantity| {
        json!({
            "cpu": cpu.to_string(), "memory": memory.to_string(),
            "ephemeral-storage": s.capacity.ephemeral_storage,
            "hugepages-1Gi": "0", "hugepages-2Mi": "0", "pods": s.capacity.pods.to_string(),
        })
    };
    let parse = |text: &str| Quantity::parse(text).unwrap_or(Quantity::ZERO);
    let (cpu, memory) = (parse(&s.capacity.cpu), parse(&s.capacity.memory));
    let reserved = (parse(&s.capacity.reserved_cpu), parse(&s.capacity.reserved_memory));
    json!({
        "addresses": [
            {"address": ip(s, index).to_string(), "type": "InternalIP"},
            {"address": name, "type": "Hostname"},
        ],
        "allocatable": resources(cpu - reserved.0, memory - reserved.1),
        "capacity": resources(cpu, memory),
        "conditions": [],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "images": [],
        "nodeInfo": {
            "architecture": "amd64", "operatingSystem": "linux",
            "bootID": id("boot", name), "machineID": id("machine", name).replace('-', ""),
            "systemUUID": id("system", name),
            "containerRuntimeVersion": format!("cri-o://{}", s.versions.cri_o),
            "kernelVersion": s.versions.kernel, "kubeProxyVersion": "",
            "kubeletVersion": s.versions.kubernetes, "osImage": s.versions.os_image,
        },
        "runtimeHandlers": [{"name": "", "features":
            {"recursiveReadOnlyMounts": true, "userNamespaces": true}}],
    })
}

/// A condition's type, status, reason and message, and the event that tells of it.
type Condition = [&'static str; 5];

const READY: Condition =
    ["Ready", "True", "KubeletReady", "kubelet is posting ready status", "NodeReady"];
const MEMORY: Condition = [
    "MemoryPressure",
    "False",
    "KubeletHasSufficientMemory",
    "kubelet has sufficient memory available",
    "NodeHasSufficientMemory",
];
const PROCESSES: Condition = [
    "PIDPressure",
    "False",
    "KubeletHasSufficientPID",
    "kubelet has sufficient PID available",
    "NodeHasSufficientPID",
];
const DISK_FREE: Condition = [
    "DiskPressure",
    "False",
    "KubeletHasNoDiskPressure",
    "kubelet has no disk pressure",
    "NodeHasNoDiskPressure",
];
const DISK_FULL: Condition = [
    "DiskPressure",
    "True",
    "KubeletHasDiskPressure",
    "kubelet has disk pressure",
    "NodeHasDiskPressure",
];

/// A node's conditions, with or without pressure on its disk. Transition times of `before` are
/// kept.
pub fn conditions(view: &View, before: &Value, pressed: bool) -> Value {
    let now = time::seconds(view.now);
    let one = |[kind, status, reason, message, _]: Condition| {
        let same = condition(before, kind).filter(|c| c.str_at("status") == status);
        let since = same.map_or(now.clone(), |c| c.str_at("lastTransitionTime").to_owned());
        json!({
            "lastHeartbeatTime": now, "lastTransitionTime": since,
            "message": message, "reason": reason, "status": status, "type": kind,
        })
    };
    let disk = if pressed { DISK_FULL } else { DISK_FREE };
    [MEMORY, disk, PROCESSES, READY].into_iter().map(one).collect()
}

/// Reasons of the events about conditions that are not as they were.
pub fn turned(before: &Value, now: &Value) -> Vec<&'static str> {
    let new = |[kind, status, .., event]: Condition| {
        let is = |list: &Value| condition(list, kind).is_some_and(|c| c.str_at("status") == status);
        (is(now) && !is(before)).then_some(event)
    };
    [MEMORY, DISK_FREE, DISK_FULL, PROCESSES, READY].into_iter().filter_map(new).collect()
}

fn condition<'a>(list: &'a Value, kind: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|c| c.str_at("type") == kind)
}

/// An identifier that is the same for the same node on every run.
fn id(what: &str, name: &str) -> String {
    let h = hex(&Sha256::digest(format!("{what} {name}")));
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_networks_follow_the_number_of_nodes() {
        let with = |nodes| names(&Settings { nodes, ..Settings::default() });
        assert_eq!(with(0), Vec::<String>::new());
        assert_eq!(with(1), ["crc"]);
        assert_eq!(with(3), ["master01", "worker01", "worker02"]);
        let s = Settings::default();
        assert_eq!(pod_subnet(&s, 1).to_string(), "10.217.2.0");
        assert_eq!(ip(&s, 2).to_string(), "192.168.126.13");
    }
}
