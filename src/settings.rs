//! What kind of cluster is simulated: plain data, read once at start and handed to controllers.
//!
//! Nothing here decides anything; each field names the component that reads it.

mod kubelet;
mod versions;

pub use kubelet::{Kubelet, Threshold};
pub use versions::Versions;

use crate::catalog::Catalog;
use jiff::SignedDuration;
use std::{net::Ipv4Addr, sync::Arc};

/// Settings of the simulated cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether OpenShift's groups are served, and what belongs to them is there; else this is plain
    /// Kubernetes.
    pub openshift: bool,
    /// Whether the group of our own is served: the clock as an object.
    pub simulation: bool,
    /// Names of the admission plug-ins that are off.
    pub admission_off: Vec<String>,
    /// How many nodes there are.
    pub nodes: usize,
    /// How long things take.
    pub delays: Delays,
    /// The images the simulated registries hold.
    pub catalog: Arc<Catalog>,
    /// First address of the pod network, a /16 cut into one /23 per node.
    pub pod_network: Ipv4Addr,
    /// First address of the service network.
    pub service_network: Ipv4Addr,
    /// Length of the prefix its addresses share.
    pub service_prefix: u8,
    /// Address of the first node; the others follow.
    pub node_network: Ipv4Addr,
    /// Domain of service names.
    pub cluster_domain: String,
    /// Domain below which routes get their host names.
    pub apps_domain: String,
    /// How often scheduled tags are imported again; zero: never.
    pub image_import_interval: SignedDuration,
    /// How long events are kept.
    pub event_ttl: SignedDuration,
    /// What a node offers.
    pub capacity: Capacity,
    /// How nodes keep images.
    pub kubelet: Kubelet,
    /// Versions the parts of the cluster report.
    pub versions: Versions,
    /// Port at which all registries of the catalogue, and the cluster's own, answer on loopback.
    pub registry_port: u16,
    /// Port at which the API answers on loopback.
    pub api_port: u16,
    /// The cluster's CA certificate, as pods find it in `kube-root-ca.crt`.
    pub ca_pem: String,
    /// Its key, PEM: what approved certificate requests are signed with.
    pub ca_key_pem: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            openshift: true,
            simulation: false,
            admission_off: Vec::new(),
            nodes: 3,
            delays: Delays::default(),
            catalog: Catalog::builtin(),
            pod_network: Ipv4Addr::new(10, 217, 0, 0),
            service_network: Ipv4Addr::new(172, 30, 0, 0),
            service_prefix: 16,
            node_network: Ipv4Addr::new(192, 168, 126, 11),
            cluster_domain: "cluster.local".into(),
            apps_domain: "apps-crc.testing".into(),
            image_import_interval: SignedDuration::from_mins(15),
            event_ttl: SignedDuration::from_hours(3),
            capacity: Capacity::default(),
            kubelet: Kubelet::default(),
            versions: Versions::default(),
            registry_port: 5443,
            api_port: 6443,
            ca_pem: String::new(),
            ca_key_pem: String::new(),
        }
    }
}

/// How long the simulated parts take. Periods that belong to objects (grace periods, back-offs,
/// probe periods) and what commands do (`sleep 30`) are not delays and cannot be shortened.
#[derive(Debug, Clone)]
pub struct Delays {
    /// Sandbox and network of a pod.
    pub sandbox: SignedDuration,
    /// Every pull: finding the manifest. A refused pull takes this long.
    pub manifest: SignedDuration,
    /// Bytes pulled per second; 0 means at once.
    pub bandwidth: u64,
    /// Creating and starting one container.
    pub start: SignedDuration,
    /// Hundredths of an image's own boot time (until its ports are served) that pass.
    pub boot_percent: u32,
    /// Hundredths of the time a process takes to end after TERM that pass.
    pub term_percent: u32,
    /// From the end of a container or a failed pull to the kubelet's next look at it.
    pub notice: SignedDuration,
}

impl Default for Delays {
    /// Values at which a person can watch a rollout.
    fn default() -> Delays {
        Delays {
            sandbox: SignedDuration::from_millis(300),
            manifest: SignedDuration::from_millis(500),
            bandwidth: 250_000_000,
            start: SignedDuration::from_millis(500),
            boot_percent: 100,
            term_percent: 100,
            notice: SignedDuration::from_secs(2),
        }
    }
}

impl Delays {
    /// The usual delays, slower or faster: `percent` of their length.
    pub fn paced(percent: u32) -> Delays {
        let usual = Delays::default();
        let part = |time: SignedDuration| time * i32::try_from(percent).unwrap_or(i32::MAX) / 100;
        Delays {
            sandbox: part(usual.sandbox),
            manifest: part(usual.manifest),
            bandwidth: (usual.bandwidth * 100).checked_div(percent.into()).unwrap_or(0),
            start: part(usual.start),
            boot_percent: percent,
            term_percent: percent,
            notice: part(usual.notice),
        }
    }

    /// Everything at once.
    pub fn zero() -> Delays {
        let none = SignedDuration::ZERO;
        Delays {
            sandbox: none,
            manifest: none,
            bandwidth: 0,
            start: none,
            boot_percent: 0,
            term_percent: 0,
            notice: none,
        }
    }
}

/// What a node offers, as quantities.
#[derive(Debug, Clone)]
pub struct Capacity {
    /// Processors.
    pub cpu: String,
    /// Memory.
    pub memory: String,
    /// Disk for images and containers, one file system.
    pub ephemeral_storage: String,
    /// Most pods at a time.
    pub pods: u32,
    /// Processor time kept for the system, as a quantity.
    pub reserved_cpu: String,
    /// Memory kept for the system.
    pub reserved_memory: String,
}

impl Default for Capacity {
    fn default() -> Capacity {
        Capacity {
            cpu: "16".into(),
            memory: "64Gi".into(),
            ephemeral_storage: "120Gi".into(),
            pods: 500,
            reserved_cpu: "500m".into(),
            reserved_memory: "1Gi".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces() {
        let shown = |d: Delays| format!("{d:?}");
        assert_eq!(shown(Delays::paced(100)), shown(Delays::default()));
        assert_eq!(shown(Delays::paced(0)), shown(Delays::zero()));
        let slow = Delays::paced(300);
        assert_eq!(slow.notice, SignedDuration::from_secs(6));
        assert_eq!(slow.bandwidth, Delays::default().bandwidth / 3);
    }
}
