//! A node's container runtime, as `crictl` sees it: read from the objects.

use super::{Ask, Change, Runtime, place::Place};
use crate::{
    object::{ObjectExt, Value, json, time},
    sim::{
        images::{PullError, hex},
        shell::{
            crictl::{FsUsage, NodeContainer, NodeImage, NodeImages, NodeRuntime, Sandbox},
            machine::Task,
        },
    },
    world::BoxFuture,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::oneshot;

/// One node.
#[derive(Clone)]
pub struct Node {
    runtime: Arc<Runtime>,
    name: String,
}

impl Node {
    /// By its name.
    pub fn new(runtime: &Arc<Runtime>, name: &str) -> Node {
        Node { runtime: Arc::clone(runtime), name: name.into() }
    }

    /// Its pods that were started, the newest first.
    fn pods(&self) -> Vec<Value> {
        let view = self.runtime.view();
        let here = |p: &Value| {
            p.str_at("spec.nodeName") == self.name && !p.str_at("status.startTime").is_empty()
        };
        let pods = view.objects.list("pods", "").map(|e| e.value());
        let mut pods: Vec<Value> = pods.filter(here).collect();
        pods.sort_by(|a, b| b.str_at("status.startTime").cmp(a.str_at("status.startTime")));
        pods
    }

    /// The processes of the node.
    pub fn processes(&self) -> Vec<Task> {
        let booted = self.runtime.world.clock.now();
        let containers = self.containers();
        let started = containers.last().map_or(booted, |c| c.created);
        let system = [
            (1, "/usr/lib/systemd/systemd --switched-root --system --deserialize 28"),
            (1821, "/usr/bin/crio"),
            (
                1903,
                "/usr/bin/kubelet --config=/etc/kubernetes/kubelet.conf --container-runtime-endpoint=/var/run/crio/crio.sock",
            ),
        ];
        let task = |(pid, command): (u32, &str)| Task {
            pid,
            parent: u32::from(pid != 1),
            uid: 0,
            command: command.into(),
            started,
        };
        let mut tasks: Vec<Task> = system.into_iter().map(task).collect();
        let running = containers.iter().filter(|c| c.finished.is_none()).enumerate();
        tasks.extend(running.map(|(i, c)| Task {
            pid: 4000 + 20 * i as u32,
            parent: 1,
            uid: 0,
            command: format!(
                "/usr/bin/conmon -b /run/containers/storage/overlay-containers/{}",
                c.id
            ),
            started: c.created,
        }));
        tasks
    }
}

/// ID of a pod's sandbox.
fn sandbox(uid: &str) -> String {
    hex(&Sha256::digest(format!("sandbox {uid}")))
}

impl NodeRuntime for Node {
    fn images(&self) -> Arc<dyn NodeImages> {
        Arc::new(self.clone())
    }

    fn containers(&self) -> Vec<NodeContainer> {
        let view = self.runtime.view();
        let mut found = Vec::new();
        for pod in self.pods() {
            for place in Place::all(&pod) {
                let Some(run) = place.run() else { continue };
                let image = place.image(&view);
                let id = image.map(|i| i.id.trim_start_matches("sha256:").to_owned());
                found.push(NodeContainer {
                    id: run.id,
                    sandbox: sandbox(pod.uid()),
                    pod: pod.name().into(),
                    namespace: pod.namespace().into(),
                    uid: pod.uid().into(),
                    name: place.name().into(),
                    attempt: place.status.i64_at("restartCount").unwrap_or(0) as u32,
                    image: id.unwrap_or_default(),
                    image_name: place.status.str_at("image").into(),
                    image_ref: place.status.str_at("imageID").into(),
                    created: run.started,
                    finished: run.ended.map(|(at, _)| at),
                    code: run.ended.map_or(0, |(_, code)| code),
                    memory: 24 << 20,
                });
            }
        }
        found
    }

    fn sandboxes(&self) -> Vec<Sandbox> {
        let made = |pod: &Value| Sandbox {
            id: sandbox(pod.uid()),
            name: pod.name().into(),
            namespace: pod.namespace().into(),
            uid: pod.uid().into(),
            created: time::parse(pod.str_at("status.startTime")).unwrap_or_default(),
            ready: !matches!(pod.str_at("status.phase"), "Succeeded" | "Failed"),
            labels: pod
                .map_at("metadata.labels")
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").to_owned()))
                .collect(),
        };
        self.pods().iter().map(made).collect()
    }

    fn version(&self) -> String {
        self.runtime.settings.versions.cri_o.clone()
    }
}

impl NodeImages for Node {
    fn list(&self) -> Vec<NodeImage> {
        let view = self.runtime.view();
        let Some(node) = view.value("nodes", &self.name) else { return Vec::new() };
        let one = |image: &Value| {
            let names = || image.list_at("names").iter().filter_map(Value::as_str);
            let digests: Vec<String> =
                names().filter(|n| n.contains('@')).map(str::to_owned).collect();
            let known = digests.iter().find_map(|d| view.settings.catalog.resolve(d).ok());
            let made = || hex(&Sha256::digest(digests.concat()));
            NodeImage {
                id: known.as_ref().map_or_else(made, |i| i.id.trim_start_matches("sha256:").into()),
                tags: names().filter(|n| !n.contains('@')).map(str::to_owned).collect(),
                size: image.i64_at("sizeBytes").unwrap_or(0) as u64,
                user: known.map(|i| i.config.user.clone()).unwrap_or_default(),
                pinned: false,
                digests,
            }
        };
        node.list_at("status.images").iter().map(one).collect()
    }

    fn remove(&self, id: &str) -> BoxFuture<Result<(), String>> {
        let used = self.containers().into_iter().find(|c| c.image == id);
        let image = self.list().into_iter().find(|i| i.id == id);
        let (asks, node) = (self.runtime.asks.clone(), self.name.clone());
        Box::pin(async move {
            if let Some(container) = used {
                let id = container.id;
                return Err(format!(
                    "delete image: image used by {id}: image is in use by a container"
                ));
            }
            let Some(image) = image else { return Ok(()) };
            let (reply, done) = oneshot::channel();
            let ask = Ask::Images { node, change: Change::Remove(image.digests), reply };
            asks.send(ask).await.map_err(|_| "the runtime is shutting down".to_owned())?;
            done.await.unwrap_or_else(|_| Err("the runtime is shutting down".into()))
        })
    }

    fn pull(&self, name: &str) -> BoxFuture<Result<String, String>> {
        let found = self.runtime.settings.catalog.resolve(name);
        let (asks, node) = (self.runtime.asks.clone(), self.name.clone());
        Box::pin(async move {
            let image = found.map_err(|e| match e {
                PullError::Name(why) | PullError::Refused(why) => why,
            })?;
            let (reply, done) = oneshot::channel();
            let entry = json!({"names": [image.digest, image.name], "sizeBytes": image.size});
            let ask = Ask::Images { node, change: Change::Add(entry), reply };
            asks.send(ask).await.map_err(|_| "the runtime is shutting down".to_owned())?;
            done.await.unwrap_or_else(|_| Err("the runtime is shutting down".into()))?;
            Ok(image.digest)
        })
    }

    fn usage(&self) -> FsUsage {
        let images = self.list();
        let bytes = images.iter().map(|i| i.size).sum();
        FsUsage {
            mountpoint: "/var/lib/containers/storage/overlay-images".into(),
            containers: "/var/lib/containers/storage/overlay-containers".into(),
            bytes,
            // About one file for every 32 KiB, as in images of this sort.
            inodes: bytes >> 15,
            at: self.runtime.world.clock.now(),
        }
    }
}
