//! What a node's services have written to its journal. Nothing is kept: every line follows from what
//! the objects say that the node has done, so it is the same whenever it is read.
//! Wording: kubelet `pkg/kubelet` and CRI-O `server`, as they log at OpenShift's level.

use crate::{
    object::{ObjectExt, Value, time},
    settings::Versions,
    store::Snapshot,
};
use jiff::Timestamp;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalLine {
    /// When.
    pub at: Timestamp,
    /// The unit, without `.service`.
    pub unit: &'static str,
    /// The program, as the line names it.
    pub program: &'static str,
    /// Its process.
    pub pid: u32,
    /// What it says.
    pub text: String,
}

/// The units that write to the journal.
pub const UNITS: [&str; 3] = ["crio", "init.scope", "kubelet"];

/// Processes of the node's services.
const CRIO: u32 = 1984;
const KUBELET: u32 = 2371;

/// The journal of a node since it started, oldest first.
pub fn of(snapshot: &Snapshot, node: &Value, versions: &Versions) -> Vec<JournalLine> {
    let mut journal = Journal::default();
    journal.started(node, versions);
    let pods = snapshot.list("pods", "").map(|e| e.value());
    for pod in pods.filter(|p| p.str_at("spec.nodeName") == node.name()) {
        journal.pod(&pod);
    }
    let events = snapshot.list("events", "").map(|e| e.value());
    for event in events.filter(|e| e.str_at("source.host") == node.name()) {
        journal.event(&event);
    }
    journal.0.sort_by_key(|line| line.at);
    journal.0
}

#[derive(Default)]
struct Journal(Vec<JournalLine>);

impl Journal {
    fn systemd(&mut self, at: Timestamp, text: String) {
        let line = JournalLine { at, unit: "init.scope", program: "systemd", pid: 1, text };
        self.0.push(line);
    }

    fn crio(&mut self, at: Timestamp, level: &str, message: &str) {
        let text = format!("time=\"{at:.9}\" level={level} msg={message:?}");
        self.0.push(JournalLine { at, unit: "crio", program: "crio", pid: CRIO, text });
    }

    /// A line of the kubelet's: severity, where it comes from, what it says.
    fn kubelet(&mut self, at: Timestamp, severity: char, from: &str, text: &str) {
        let stamp = at.strftime("%m%d %H:%M:%S%.6f");
        let text = format!("{severity}{stamp} {KUBELET:>7} {from}] {text}");
        let (unit, program) = ("kubelet", "kubenswrapper");
        self.0.push(JournalLine { at, unit, program, pid: KUBELET, text });
    }

    fn started(&mut self, node: &Value, versions: &Versions) {
        let Some(at) = time::parse(node.str_at("metadata.creationTimestamp")) else { return };
        self.systemd(at, "Starting Container Runtime Interface for OCI (CRI-O)...".into());
        let version = format!("Starting CRI-O, version: {}", versions.cri_o);
        self.crio(at, "info", &version);
        self.systemd(at, "Started Container Runtime Interface for OCI (CRI-O).".into());
        self.systemd(at, "Starting Kubernetes Kubelet...".into());
        let version = format!("\"Kubelet version\" kubeletVersion=\"{}\"", versions.kubernetes);
        self.kubelet(at, 'I', "server.go:529", &version);
        self.systemd(at, "Started Kubernetes Kubelet.".into());
        let name = node.name();
        let text = format!("\"Attempting to register node\" node=\"{name}\"");
        self.kubelet(at, 'I', "kubelet_node_status.go:75", &text);
        let text = format!("\"Successfully registered node\" node=\"{name}\"");
        self.kubelet(at, 'I', "kubelet_node_status.go:78", &text);
        if let Some(ready) = node.condition("Ready")
            && let Some(at) = time::parse(ready.str_at("lastTransitionTime"))
        {
            let (status, reason) = (ready.str_at("status"), ready.str_at("reason"));
            let event = if status == "True" { "NodeReady" } else { "NodeNotReady" };
            let text = format!(
                "\"Recording event message for node\" node=\"{name}\" event=\"{event}\" reason=\"{reason}\""
            );
            self.kubelet(at, 'I', "kubelet_node_status.go:736", &text);
        }
    }

    fn pod(&mut self, pod: &Value) {
        let name = format!("{}/{}", pod.namespace(), pod.name());
        let scheduled = pod.condition("PodScheduled");
        let added = scheduled.and_then(|c| time::parse(c.str_at("lastTransitionTime")));
        if let Some(at) = added.or_else(|| time::parse(pod.str_at("status.startTime"))) {
            let text = format!("\"SyncLoop ADD\" source=\"api\" pods=[\"{name}\"]");
            self.kubelet(at, 'I', "kubelet.go:2537", &text);
        }
        let lists = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
        for status in lists.iter().flat_map(|l| pod.list_at(&format!("status.{l}"))) {
            self.container(pod, &name, status);
        }
        if let Some(at) = time::parse(pod.str_at("metadata.deletionTimestamp")) {
            let grace = pod.i64_at("metadata.deletionGracePeriodSeconds").unwrap_or(0);
            let text = format!("\"SyncLoop DELETE\" source=\"api\" pods=[\"{name}\"]");
            self.kubelet(time::plus_seconds(at, -grace), 'I', "kubelet.go:2553", &text);
        }
    }

    fn container(&mut self, pod: &Value, name: &str, status: &Value) {
        let container = status.str_at("name");
        for state in ["lastState.terminated", "state.running", "state.terminated"] {
            let Some(run) = status.at(state) else { continue };
            let id = match run.str_at("containerID") {
                "" => status.str_at("containerID"),
                own => own,
            };
            let id = id.rsplit('/').next().unwrap_or_default();
            if let Some(at) = time::parse(run.str_at("startedAt")) {
                let text = format!("Started container {id}: {name}/{container}");
                self.crio(at, "info", &text);
                self.pleg(at, pod, name, "ContainerStarted", id);
            }
            if let Some(at) = time::parse(run.str_at("finishedAt")) {
                let text = format!("Stopped container {id}: {name}/{container}");
                self.crio(at, "info", &text);
                let code = run.i64_at("exitCode").unwrap_or(0);
                let text = format!(
                    "\"Generic (PLEG): container finished\" podID=\"{}\" containerID=\"{id}\" exitCode={code}",
                    pod.uid()
                );
                self.kubelet(at, 'I', "generic.go:360", &text);
                self.pleg(at, pod, name, "ContainerDied", id);
            }
        }
        let (reason, message) =
            (status.str_at("state.waiting.reason"), status.str_at("state.waiting.message"));
        let since = time::parse(status.str_at("lastState.terminated.finishedAt"));
        if let Some(at) = since.filter(|_| reason == "CrashLoopBackOff") {
            let why = format!(
                "failed to \"StartContainer\" for \"{container}\" with {reason}: {message:?}"
            );
            let text = format!(
                "\"Error syncing pod, skipping\" err={why:?} pod=\"{name}\" podUID=\"{}\"",
                pod.uid()
            );
            self.kubelet(at, 'E', "pod_workers.go:1324", &text);
        }
    }

    fn pleg(&mut self, at: Timestamp, pod: &Value, name: &str, kind: &str, id: &str) {
        let uid = pod.uid();
        let text = format!(
            "\"SyncLoop (PLEG): event for pod\" pod=\"{name}\" event={{\"ID\":\"{uid}\",\"Type\":\"{kind}\",\"Data\":\"{id}\"}}"
        );
        self.kubelet(at, 'I', "kubelet.go:2569", &text);
    }

    /// What a kubelet has told of a pod that leaves a line of its own.
    fn event(&mut self, event: &Value) {
        let at = |field: &str| time::parse(event.str_at(field));
        let Some(when) = at("lastTimestamp").or_else(|| at("eventTime")) else { return };
        let about = |field: &str| event.str_at(&format!("involvedObject.{field}"));
        let pod = format!("{}/{}", about("namespace"), about("name"));
        let uid = about("uid");
        let container = about("fieldPath").split(['{', '}']).nth(1).unwrap_or_default();
        let (reason, message) = (event.str_at("reason"), event.str_at("message"));
        match reason {
            "Pulling" => {
                let image = message.split('"').nth(1).unwrap_or(message);
                self.crio(when, "info", &format!("Pulling image: {image}"));
            }
            "Pulled" if message.starts_with("Successfully") => {
                let image = message.split('"').nth(1).unwrap_or(message);
                self.crio(when, "info", &format!("Pulled image: {image}"));
            }
            "Unhealthy" => {
                let (kind, output) = message.split_once(" probe failed: ").unwrap_or(("", message));
                let text = format!(
                    "\"Probe failed\" probeType=\"{kind}\" pod=\"{pod}\" podUID=\"{uid}\" containerName=\"{container}\" probeResult=\"failure\" output={output:?}"
                );
                self.kubelet(when, 'I', "prober.go:120", &text);
            }
            "Killing" => {
                let text = format!(
                    "\"Killing container with a grace period\" pod=\"{pod}\" podUID=\"{uid}\" containerName=\"{container}\""
                );
                self.kubelet(when, 'I', "kuberuntime_container.go:864", &text);
            }
            "Failed" | "FailedMount" | "FailedCreatePodSandBox" | "FailedPostStartHook" => {
                let text = format!(
                    "\"Error syncing pod, skipping\" err={message:?} pod=\"{pod}\" podUID=\"{uid}\""
                );
                self.kubelet(when, 'E', "pod_workers.go:1324", &text);
            }
            _ => {}
        }
    }
}
