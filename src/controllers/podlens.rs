//! The one typed view of a Pod that controllers and the simulated cluster share: parsed once per
//! stored revision, holding what they decide by and nothing else.
//!
//! Labels, owners and the mere fact of deletion are in the entry's metadata already.

use crate::store::Entry;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

/// A Pod as controllers see it. Absent fields are empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodLens {
    /// Part of `metadata`.
    pub metadata: PodMeta,
    /// Part of `spec`.
    pub spec: PodSpec,
    /// Part of `status`.
    pub status: PodStatus,
}

/// Part of a Pod's metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodMeta {
    /// When it was created.
    pub creation_timestamp: Option<Timestamp>,
    /// When it should be gone.
    pub deletion_timestamp: Option<Timestamp>,
    /// How long it has from the request to then, in seconds.
    pub deletion_grace_period_seconds: Option<i64>,
    /// Annotations.
    pub annotations: BTreeMap<Box<str>, String>,
    /// Finalizers.
    pub finalizers: Box<[String]>,
}

/// Part of a Pod's spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Node it is bound to.
    pub node_name: String,
    /// Name and subdomain it has in DNS.
    pub hostname: String,
    /// See `hostname`.
    pub subdomain: String,
    /// Whether it uses the node's network.
    pub host_network: bool,
    /// `Always`, `OnFailure` or `Never`.
    pub restart_policy: String,
    /// Who places it.
    pub scheduler_name: String,
    /// Time to run, in seconds.
    pub active_deadline_seconds: Option<i64>,
    /// Who may be evicted for whom.
    pub priority: i32,
    /// Gates that keep it from being scheduled.
    pub scheduling_gates: Box<[serde::de::IgnoredAny]>,
    /// Containers.
    pub containers: Box<[PodContainer]>,
    /// Containers that run before (or, with restartPolicy `Always`, beside) the others.
    pub init_containers: Box<[PodContainer]>,
    /// Containers put in for a look while it runs.
    pub ephemeral_containers: Box<[PodContainer]>,
    /// Resources of the pod as a whole.
    pub resources: PodResources,
    /// Resources it needs besides its containers'.
    pub overhead: BTreeMap<Box<str>, String>,
    /// Whom it wants near.
    pub affinity: PodAffinity,
}

/// Resources a container or pod asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodResources {
    /// Quantities by resource name.
    pub requests: BTreeMap<Box<str>, String>,
}

/// Part of a Pod's affinity.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodAffinity {
    /// Present when it keeps away from other pods.
    pub pod_anti_affinity: Option<serde::de::IgnoredAny>,
}

/// Part of a container of a Pod's spec.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodContainer {
    /// Name.
    pub name: String,
    /// Image as written.
    pub image: String,
    /// `Always` marks an init container as a sidecar.
    pub restart_policy: String,
    /// Ports.
    pub ports: Box<[PodPort]>,
    /// Resources.
    pub resources: PodResources,
}

/// A port of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodPort {
    /// Name, perhaps empty.
    pub name: String,
    /// Number.
    pub container_port: i64,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Port of the node it occupies; 0 for none.
    pub host_port: i64,
    /// Address of the node it occupies; empty for all.
    #[serde(rename = "hostIP")]
    pub host_ip: String,
}

/// Part of a Pod's status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`, or empty.
    pub phase: String,
    /// Why it is in that phase, e.g. `Evicted`.
    pub reason: String,
    /// Address.
    #[serde(rename = "podIP")]
    pub pod_ip: String,
    /// Addresses of all families.
    #[serde(rename = "podIPs")]
    pub pod_ips: Box<[PodIp]>,
    /// Node chosen by preemption.
    pub nominated_node_name: String,
    /// When the kubelet accepted it.
    pub start_time: Option<Timestamp>,
    /// Conditions.
    pub conditions: Box<[PodCondition]>,
    /// State of the containers.
    pub container_statuses: Box<[ContainerStatus]>,
    /// State of the init containers.
    pub init_container_statuses: Box<[ContainerStatus]>,
    /// State of the ephemeral containers.
    pub ephemeral_container_statuses: Box<[ContainerStatus]>,
}

/// One address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodIp {
    /// Text of the address.
    pub ip: String,
}

/// A condition.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodCondition {
    /// `Ready`, `PodScheduled` …
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Machine-readable cause.
    pub reason: String,
    /// When the status last changed.
    pub last_transition_time: Option<Timestamp>,
}

/// State of one container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    /// Name of the container.
    pub name: String,
    /// Whether its probes pass.
    pub ready: bool,
    /// How often it was restarted.
    pub restart_count: i64,
    /// The runtime's name of the image it runs.
    pub image: String,
    /// Reference of the image it runs, by digest.
    #[serde(rename = "imageID")]
    pub image_id: String,
    /// What it is doing.
    pub state: ContainerState,
}

/// What a container is doing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// It waits.
    pub waiting: Option<Waiting>,
    /// It runs.
    pub running: Option<Running>,
    /// It has ended.
    pub terminated: Option<Terminated>,
}

/// Why a container waits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// Machine-readable cause.
    pub reason: String,
}

/// A running container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Running {
    /// Since when it runs.
    pub started_at: Option<Timestamp>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terminated {
    /// Exit code of its process.
    pub exit_code: i64,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl PodLens {
    /// The lens of a stored Pod.
    pub fn of(entry: &Entry) -> Arc<PodLens> {
        entry.lens::<PodLens>()
    }

    /// Whether it has come to its end: phase `Succeeded` or `Failed`.
    pub fn is_terminal(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether it was told to go.
    pub fn is_deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it counts as a replica: neither at its end nor told to go.
    pub fn is_active(&self) -> bool {
        !self.is_terminal() && !self.is_deleting()
    }

    /// A condition by type.
    pub fn condition(&self, kind: &str) -> Option<&PodCondition> {
        self.status.conditions.iter().find(|c| c.kind == kind)
    }

    /// Whether the condition `Ready` is true.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|c| c.status == "True")
    }

    /// Since when it is ready; `None` when it is not (or nobody noted when).
    pub fn ready_since(&self) -> Option<Timestamp> {
        self.condition("Ready").filter(|c| c.status == "True")?.last_transition_time
    }

    /// Whether it has been ready for at least so many seconds.
    /// Source: `pkg/api/v1/pod`, `IsPodAvailable`.
    pub fn is_available(&self, min_ready_seconds: i64, now: Timestamp) -> bool {
        match self.available_at(min_ready_seconds) {
            Some(at) => at <= now,
            None => self.is_ready() && min_ready_seconds == 0,
        }
    }

    /// When a ready pod has been ready for so many seconds.
    pub fn available_at(&self, min_ready_seconds: i64) -> Option<Timestamp> {
        self.ready_since()?.checked_add(SignedDuration::from_secs(min_ready_seconds)).ok()
    }

    /// The highest restart count among its containers, and that among its sidecars.
    pub fn max_restarts(&self) -> (i64, i64) {
        let highest = |s: &[ContainerStatus]| s.iter().map(|c| c.restart_count).max().unwrap_or(0);
        let sidecar = |name: &str| {
            self.spec.init_containers.iter().any(|c| c.name == name && c.restart_policy == "Always")
        };
        let sidecars = self.status.init_container_statuses.iter().filter(|c| sidecar(&c.name));
        (
            highest(&self.status.container_statuses),
            sidecars.map(|c| c.restart_count).max().unwrap_or(0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn readiness_counts_from_the_transition() {
        let pod: PodLens = crate::object::from_value(json!({
            "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z", "name": "ignored"},
            "spec": {"nodeName": "n", "schedulingGates": [{"name": "x"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z"}]}
        }))
        .unwrap();
        let at = |s: &str| s.parse::<Timestamp>().unwrap();
        assert!(pod.is_active() && pod.is_ready());
        assert!(pod.is_available(0, at("2026-01-01T00:00:10Z")));
        assert!(!pod.is_available(30, at("2026-01-01T00:00:39Z")));
        assert!(pod.is_available(30, at("2026-01-01T00:00:40Z")));
        assert_eq!((pod.status.pod_ip.as_str(), pod.spec.scheduling_gates.len()), ("10.0.0.1", 1));
    }
}
