//! A node's container runtime, as `crictl` sees it: read from the objects.

use super::{Runtime, place::Place, usage};
use crate::{
    object::{ObjectExt, Value, hex, time},
    runtime::{Containers, Ended, LogOptions, LogStream, Target},
    sim::{
        nodes::images::{Inventory, StoredImage, runtime},
        registries,
        shell::{
            self,
            crictl::{
                FsUsage, NodeContainer, NodeImage, NodeImages, NodeRuntime, Sandbox, Streams,
            },
            machine::Task,
        },
    },
    world::BoxFuture,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::Semaphore;

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
    fn pods(&self) -> Vec<Arc<Value>> {
        let view = self.runtime.view();
        let pods = view.pods_on(&self.name).map(|e| Arc::new(e.lean()));
        let begun = |p: &Arc<Value>| !p.str_at("status.startTime").is_empty();
        let mut pods: Vec<Arc<Value>> = pods.filter(begun).collect();
        pods.sort_by(|a, b| b.str_at("status.startTime").cmp(a.str_at("status.startTime")));
        pods
    }

    /// One of its containers.
    fn target(&self, id: &str) -> Option<Target> {
        let found = self.containers().into_iter().find(|c| c.id == id)?;
        Some(Target { namespace: found.namespace, pod: found.pod, container: found.name })
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

/// Most commands that run in containers for those who are on their nodes.
static ENTERED: Semaphore = Semaphore::const_new(64);

/// What CRI-O says of a container it does not have.
fn unknown(id: &str) -> String {
    format!("rpc error: code = NotFound desc = could not find container \"{id}\"")
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
            for place in Place::all(&view.objects, &pod) {
                let Some(run) = place.run() else { continue };
                let image = place.image(&view);
                let id = image.map(|i| i.id.trim_start_matches("sha256:").to_owned());
                found.push(NodeContainer {
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
                    usage: usage::of(&view, &place, self.runtime.known(&run.id).as_ref()),
                    id: run.id,
                });
            }
        }
        found
    }

    fn sandboxes(&self) -> Vec<Sandbox> {
        let made = |pod: &Arc<Value>| Sandbox {
            id: sandbox(pod.uid()),
            name: pod.name().into(),
            namespace: pod.namespace().into(),
            uid: pod.uid().into(),
            ip: pod.str_at("status.podIP").into(),
            created: time::parse(pod.str_at("status.startTime")).unwrap_or_default(),
            ready: !matches!(pod.str_at("status.phase"), "Succeeded" | "Failed"),
            labels: pod
                .map_at("metadata.labels")
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.to_string(), v.as_str().unwrap_or("").to_owned()))
                .collect(),
        };
        self.pods().iter().map(made).collect()
    }

    fn log(&self, id: &str, options: LogOptions) -> Result<LogStream, String> {
        let target = self.target(id).ok_or_else(|| unknown(id))?;
        self.runtime.logs(target, options).map_err(|e| e.to_string())
    }

    fn exec(
        &self,
        id: &str,
        command: Vec<String>,
        streams: Streams,
    ) -> BoxFuture<Result<i32, String>> {
        let (node, id) = (self.clone(), id.to_owned());
        Box::pin(async move {
            // A command in a container may itself be this one: it must not go on for ever.
            let Ok(_place) = ENTERED.try_acquire() else {
                return Err("rpc error: code = ResourceExhausted desc = too many commands".into());
            };
            let target = node.target(&id).ok_or_else(|| unknown(&id))?;
            let runtime = &node.runtime;
            let (view, place, instance) = runtime.enter(&target).await.map_err(|ended| {
                let why = if let Ended::Error(why) = ended { why } else { String::new() };
                format!("rpc error: code = Unknown desc = {why}")
            })?;
            let clock = Arc::clone(&runtime.world.clock);
            let Streams { stdin, stdout, stderr, terminal } = streams;
            let io = Some((stdin, stdout, stderr));
            let mut exec = instance.exec(&view, &place, command.clone(), io, clock);
            exec.pid = 20 + runtime.world.entropy.of(&["processes", &target.pod]).below(60) as u32;
            exec.terminal = terminal;
            let name = command.first().map_or("", String::as_str);
            tokio::select! {
                done = shell::run(exec) => done.map_err(|why| {
                    let (reason, _) = super::command::not_started(name, &why);
                    format!("rpc error: code = Unknown desc = command error: exec failed: {reason}")
                }),
                () = runtime.gone(&instance) => Ok(137),
            }
        })
    }

    fn version(&self) -> String {
        self.runtime.settings.versions.cri_o.clone()
    }
}

impl NodeImages for Node {
    fn list(&self) -> Vec<NodeImage> {
        let view = self.runtime.view();
        let one = |image: &StoredImage| {
            let digests = image.repo_digests();
            let known = digests.iter().find_map(|d| registries::known(&view, d));
            NodeImage {
                id: image.id.clone(),
                tags: image.repo_tags(),
                size: image.size,
                user: known.map(|i| i.config.user.clone()).unwrap_or_default(),
                pinned: false,
                digests,
            }
        };
        Inventory::of(&view, &self.name).images.iter().map(one).collect()
    }

    fn remove(&self, id: &str) -> BoxFuture<Result<(), String>> {
        let (node, id) = (self.clone(), id.to_owned());
        Box::pin(async move {
            let work = |inventory: &mut Inventory| {
                runtime::remove(&node.runtime.view(), &node.name, inventory, &id)
            };
            runtime::change(&node.runtime.store, &node.name, work).await
        })
    }

    fn pull(&self, name: &str) -> BoxFuture<Result<String, String>> {
        let (node, name) = (self.clone(), name.to_owned());
        Box::pin(async move {
            let held =
                runtime::pull(&node.runtime.store, || node.runtime.view(), &node.name, &name)
                    .await?;
            Ok(held.repo_digests().into_iter().next().unwrap_or(held.id))
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
