//! Resizing a pod in place: what its containers are to have is noted, then given to them while they
//! run, or by a restart where they ask for one. Each step is a look of its own, so that whoever
//! watches sees it. Source: `pkg/kubelet/allocation`, `kuberuntime_manager.go`.

use super::{
    admit,
    record::{Named, Record},
    sync::Sync,
};
use crate::{
    object::{ObjectExt, Value, json},
    sim::scheduler::amount,
};

/// Condition of a pod whose node cannot give it what it is to have.
pub const PENDING: &str = "PodResizePending";
/// Condition of a pod that is given what it is to have.
pub const IN_PROGRESS: &str = "PodResizeInProgress";

/// How far the resources of a pod's containers are from what they are to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Resize {
    /// They are that.
    #[default]
    Settled,
    /// The node cannot give it now; why.
    Deferred(String),
    /// The node has set it aside.
    Started,
    /// It is given.
    Going,
}

/// What a look finds; tells of what has changed.
pub fn look(s: &mut Sync<'_>) -> Resize {
    let generation = s.pod.i64_at("metadata.generation").unwrap_or(1);
    let noted = |kind: &str| {
        let found = s.pod.condition(kind)?;
        Some((found.i64_at("observedGeneration").unwrap_or(1), found.str_at("message").to_owned()))
    };
    let (going, pending) = (noted(IN_PROGRESS), noted(PENDING));
    if !differs(s) {
        if let Some((of, _)) = going {
            let text = format!("Pod resize completed: {}", summary(s.pod, of, ""));
            s.tell("", false, "ResizeCompleted", text);
        }
        return Resize::Settled;
    }
    if going.as_ref().is_some_and(|(of, _)| *of == generation) {
        return Resize::Going;
    }
    match admit::deferred(s) {
        Some(why) => {
            if pending != Some((generation, why.clone())) {
                let summary = summary(s.pod, generation, &why);
                s.tell("", true, "ResizeDeferred", format!("Pod resize Deferred: {summary}"));
            }
            Resize::Deferred(why)
        }
        None => {
            let text = format!("Pod resize started: {}", summary(s.pod, generation, ""));
            s.tell("", false, "ResizeStarted", text);
            Resize::Started
        }
    }
}

impl Resize {
    /// Whether a container has to be restarted to get what it is to have.
    pub fn restarts(&self, pod: &Value, spec: &Value, r: &Record) -> bool {
        let Some(status) = stored(pod, &r.name).filter(|_| *self == Resize::Going) else {
            return false;
        };
        let asks = |policy: &Value| {
            policy.str_at("restartPolicy") == "RestartContainer"
                && other(spec, status, policy.str_at("resourceName"))
        };
        status.str_at("containerID") == r.container && spec.list_at("resizePolicy").iter().any(asks)
    }

    /// Entries of containers as they are until they have what they are to have.
    pub fn hold(&self, pod: &Value, entries: &mut Value) {
        for entry in entries.as_array_mut().into_iter().flatten() {
            let Some(status) = stored(pod, entry.name_field()) else { continue };
            let fields: &[&str] = match self {
                Resize::Deferred(_) => &["resources", "allocatedResources"],
                Resize::Started => &["resources"],
                Resize::Settled | Resize::Going => &[],
            };
            for field in fields {
                if let Some(had) = status.get(field) {
                    entry[*field] = had.clone();
                }
            }
        }
    }
}

/// A container's entry in the status as it is stored.
fn stored<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    let lists = ["status.containerStatuses", "status.initContainerStatuses"];
    lists.iter().flat_map(|list| pod.list_at(list)).find(|status| status.name_field() == name)
}

/// Whether a container that runs, and may be resized, has something else than it is to have.
fn differs(s: &Sync<'_>) -> bool {
    let sidecars = s.pod.list_at("spec.initContainers").iter();
    let sidecars = sidecars.filter(|spec| spec.str_at("restartPolicy") == "Always");
    s.pod.list_at("spec.containers").iter().chain(sidecars).any(|spec| {
        stored(s.pod, spec.name_field()).is_some_and(|status| {
            status.at("state.running").is_some()
                && ["cpu", "memory"].iter().any(|resource| other(spec, status, resource))
        })
    })
}

/// Whether a container has another amount of something than it is to have.
fn other(spec: &Value, status: &Value, resource: &str) -> bool {
    let Some(had) = status.get("resources") else { return false };
    ["requests", "limits"].iter().any(|part| {
        let of = |resources: Option<&Value>| {
            let text = resources?.get(part)?.get(resource)?.as_str()?;
            amount(resource, text)
        };
        of(Some(had)) != of(spec.get("resources"))
    })
}

/// What the containers are to have, as events show it.
fn summary(pod: &Value, generation: i64, error: &str) -> String {
    let list = |path: &str, name: &str| {
        let all = pod.list_at(path).iter().map(|c| {
            let resources = c.get("resources").cloned().unwrap_or_else(|| json!({}));
            format!("{{\"name\":{},\"resources\":{resources}}}", json!(c.name_field()))
        });
        let all: Vec<String> = all.collect();
        if all.is_empty() { String::new() } else { format!("\"{name}\":[{}],", all.join(",")) }
    };
    let inits = list("spec.initContainers", "initContainers");
    let error =
        if error.is_empty() { String::new() } else { format!(",\"error\":{}", json!(error)) };
    let containers = list("spec.containers", "containers");
    format!("{{{inits}{containers}\"generation\":{generation}{error}}}")
}
