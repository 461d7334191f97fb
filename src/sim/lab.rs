//! Test bench: the simulated controllers on a store, with the API's part of the work done by the
//! simplest means, one step of time at a time.

use crate::{
    controllers::{Controller, Plan, View, Write, WriteVerb},
    object::{ObjectExt, Value, encode, json, name, time},
    settings::{Delays, Settings},
    sim::{
        self,
        containers::{DeferredWrite, Runtime as Containers, note, note_unshown},
    },
    store::{Entry, Expect, Op, Options, Store},
    world::{Clock, Entropy, StepClock, World},
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A cluster in a box.
pub struct Lab {
    store: Store,
    runtime: tokio::runtime::Runtime,
    clock: StepClock,
    containers: Arc<Containers>,
    deferred: mpsc::Receiver<DeferredWrite>,
    /// The present moment.
    pub now: Timestamp,
    /// The settings.
    pub settings: Arc<Settings>,
    /// Every event: reason and text, with the field path in front of it.
    pub told: Vec<String>,
    /// Status writes and deletions done for pods.
    pub writes: usize,
    serial: u64,
    /// Whether pods that are deleted stay until somebody removes them for good.
    pub keeps_deleted_pods: bool,
    /// Whether somebody watches leases.
    pub watched: bool,
}

impl Lab {
    /// Ready nodes, zero delays.
    pub fn instant() -> Lab {
        Lab::new(Settings { delays: Delays::zero(), ..Settings::default() })
    }

    /// With other settings.
    pub fn new(settings: Settings) -> Lab {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options::default();
        let store = Store::open(&options).unwrap();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let (told, settings) = (Vec::new(), Arc::new(settings));
        let clock = StepClock::new(now);
        let world = World::new(Arc::new(clock.clone()), Entropy::seeded(1));
        let (containers, deferred) = Containers::new(store.clone(), world, Arc::clone(&settings));
        let (writes, serial, keeps_deleted_pods, watched) = (0, 0, false, true);
        let mut lab = Lab {
            store,
            runtime,
            clock,
            containers,
            deferred,
            now,
            settings,
            told,
            writes,
            serial,
            keeps_deleted_pods,
            watched,
        };
        lab.put("namespaces", json!({"metadata": {"name": "kube-node-lease"}}));
        for node in sim::nodes::names(&lab.settings) {
            lab.reconcile(&sim::nodes::KUBELET_NODE, &node);
            lab.reconcile(&sim::nodes::images::KUBELET_IMAGES, &node);
            lab.reconcile(&sim::nodes::KUBELET_NODE, &node);
        }
        lab
    }

    /// All objects now.
    pub fn view(&self) -> View {
        self.clock.advance(self.now.duration_since(self.clock.now()));
        View {
            objects: self.store.snapshot(),
            now: self.now,
            settings: self.settings.clone(),
            delays: self.settings.delays.clone(),
            lives: Some(Arc::clone(&self.containers) as _),
            watched: self.watched,
            since: Timestamp::MIN,
        }
    }

    /// Stores an object, completing its metadata.
    pub fn put(&mut self, resource: &str, mut object: Value) {
        self.serial += 1;
        if object.uid().is_empty() {
            object.set_at("metadata.uid", format!("uid-{}", self.serial));
            object.set_at("metadata.creationTimestamp", time::seconds(self.now));
        }
        let key = name::key(object.namespace(), object.name());
        let expect = match self.store.snapshot().get_key(resource, &key) {
            Some(_) => Expect::Present,
            None => Expect::Absent,
        };
        let op = Op::Put {
            resource: resource.into(),
            key: key.into(),
            expect,
            body: encode(&object),
            claims: vec![],
        };
        self.runtime.block_on(self.store.commit(vec![op])).unwrap();
    }

    /// Takes everything of a resource away.
    pub fn clear(&mut self, resource: &str) {
        let gone = |entry: &Arc<Entry>| Op::Delete {
            resource: resource.into(),
            key: entry.key.clone(),
            expect: Expect::Present,
            last: None,
        };
        let ops = self.store.snapshot().list(resource, "").map(gone).collect();
        self.runtime.block_on(self.store.commit(ops)).unwrap();
    }

    /// An object.
    pub fn get(&self, resource: &str, key: &str) -> Option<Value> {
        self.store.snapshot().get_key(resource, key).map(|e| e.lean())
    }

    /// The pod `default/p`.
    pub fn pod(&self) -> Value {
        self.get("pods", "default/p").unwrap()
    }

    /// Stores the pod `default/p` with this spec, as the API would, and lets it be placed.
    pub fn create(&mut self, spec: Value) {
        self.add("p", spec);
    }

    /// The same with another name.
    pub fn add(&mut self, name: &str, mut spec: Value) {
        for field in ["containers", "initContainers"] {
            for c in spec.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
                if c.get("imagePullPolicy").is_none() {
                    c["imagePullPolicy"] = json!("IfNotPresent");
                }
            }
        }
        if spec.get("restartPolicy").is_none() {
            spec["restartPolicy"] = json!("Always");
        }
        self.put(
            "pods",
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name, "namespace": "default", "generation": 1},
                "spec": spec, "status": {"phase": "Pending", "qosClass": "BestEffort"},
            }),
        );
        self.settle();
    }

    /// What a graceful DELETE does to the object.
    pub fn delete(&mut self, grace: i64) {
        self.delete_pod("p", grace);
    }

    /// The same with another name.
    pub fn delete_pod(&mut self, name: &str, grace: i64) {
        let mut pod = self.get("pods", &name::key("default", name)).unwrap();
        let generation = pod.i64_at("metadata.generation").unwrap_or(1);
        let at = time::plus_seconds(self.now, grace);
        pod.set_at("metadata.deletionTimestamp", time::seconds(at));
        pod.set_at("metadata.deletionGracePeriodSeconds", grace);
        pod.set_at("metadata.generation", generation + 1);
        self.put("pods", pod);
        self.settle();
    }

    /// Lets scheduler and kubelet look until they have nothing to write.
    pub fn settle(&mut self) {
        for _ in 0..20 {
            let before = self.store.snapshot().rev;
            for node in sim::nodes::names(&self.settings) {
                self.reconcile(&sim::nodes::images::KUBELET_IMAGES, &node);
                self.reconcile(&sim::nodes::KUBELET_NODE, &node);
            }
            self.reconcile(&sim::scheduler::SCHEDULER, "all");
            let keys: Vec<String> =
                self.store.snapshot().list("pods", "").map(|e| e.key.to_string()).collect();
            for key in keys {
                self.reconcile(&sim::kubelet::KUBELET, &key);
            }
            self.run();
            if self.store.snapshot().rev == before {
                return;
            }
        }
        panic!("never settles: {:#}", self.pod());
    }

    /// Brings the containers forward and notes those that have ended.
    fn run(&mut self) {
        let view = self.view();
        let mut over = self.containers.step();
        while let Ok(ask) = self.deferred.try_recv() {
            if let DeferredWrite::Ended { target, run, end } = ask {
                over.push((target, run, end));
            }
        }
        for (target, run, end) in over {
            if let Some(op) = note_unshown(&view.objects, &target, &run, &end) {
                self.runtime.block_on(self.store.commit(vec![op])).unwrap();
                return;
            }
            let Some(pod) = view.named("pods", &target.namespace, &target.pod) else { continue };
            let mut pod = pod.lean();
            if note(&mut pod, &target.container, &run, &end) {
                self.writes += 1;
                self.put("pods", pod);
                // Another container of the pod is noted in the next round.
                return;
            }
        }
    }

    /// Says the same to everybody who waits for the network's answer, then lets them look; answers
    /// how many those were.
    pub fn answer(&mut self, said: &sim::registries::Answer) -> usize {
        let snapshot = self.store.snapshot();
        let rows = snapshot.list(sim::registries::PULLS, "");
        let pulls = rows.map(|e| (e.key.to_string(), (*e.lens::<sim::registries::Pull>()).clone()));
        let open: Vec<_> = pulls.filter(|(_, pull)| pull.answer.is_none()).collect();
        for (key, mut pull) in open.clone() {
            pull.answer = Some(said.clone());
            self.put(sim::registries::PULLS, pull.object(&key));
        }
        self.settle();
        open.len()
    }

    /// Lets time pass as the kubelet asks to be woken, up to `seconds`.
    pub fn pass(&mut self, seconds: f64) {
        let end = sim_plus(self.now, seconds);
        loop {
            let view = self.view();
            let pods = view.objects.list("pods", "").map(|e| e.key.to_string());
            let pods = pods.map(|key| (sim::kubelet::KUBELET.reconcile)(&view, &key).again);
            let nodes = sim::nodes::names(&view.settings);
            let look =
                |node: String| (sim::nodes::images::KUBELET_IMAGES.reconcile)(&view, &node).again;
            let next = pods
                .chain(nodes.into_iter().map(look))
                .flatten()
                .chain(self.containers.next_step());
            let next = next.filter(|t| *t > self.now).min();
            match next {
                Some(at) if at <= end => self.now = at,
                _ => break,
            }
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// One look.
    pub fn reconcile(&mut self, controller: &Controller, key: &str) {
        let plan: Plan = (controller.reconcile)(&self.view(), key);
        for write in plan.steps.into_iter().flat_map(|s| s.writes) {
            self.write(write);
        }
        for event in plan.events {
            let field = event.regarding.str_at("fieldPath").to_owned();
            let line = format!("{} {field} {}", event.reason, event.message);
            self.told.push(line.replace("  ", " "));
            self.serial += 1;
            let stored = json!({
                "apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "default", "name":
                    format!("{}.{:06}", event.regarding.str_at("name"), self.serial)},
                "involvedObject": event.regarding, "reason": event.reason,
                "message": event.message, "lastTimestamp": time::seconds(self.now),
            });
            self.put("events", stored);
        }
    }

    fn write(&mut self, write: Write) {
        if write.resource == "pods" {
            self.writes += 1;
        }
        match (write.verb, write.sub) {
            (WriteVerb::Delete, _) => {
                let key = name::key(&write.namespace, &write.name);
                if self.keeps_deleted_pods && write.resource == "pods" {
                    let mut pod = self.get("pods", &key).unwrap();
                    pod.set_at("metadata.deletionTimestamp", time::seconds(self.now));
                    return self.put("pods", pod);
                }
                let (resource, key) = (write.resource.shared(), key.into());
                let op = Op::Delete { resource, key, expect: Expect::Present, last: None };
                self.runtime.block_on(self.store.commit(vec![op])).unwrap();
            }
            (_, "binding") => {
                let key = name::key(&write.namespace, &write.name);
                let mut pod = self.get("pods", &key).unwrap();
                pod.set_at("spec.nodeName", write.body.str_at("target.name"));
                if let Some(annotations) = write.body.at("metadata.annotations") {
                    pod.set_at("metadata.annotations", annotations.clone());
                }
                pod.set_at(
                    "status.conditions",
                    json!([{"type": "PodScheduled",
                    "status": "True", "lastTransitionTime": time::seconds(self.now)}]),
                );
                self.put("pods", pod);
            }
            (_, "status") => {
                let key = name::key(&write.namespace, &write.name);
                let mut object = self.get(&write.resource, &key).unwrap();
                object["status"] = write.body["status"].clone();
                self.put(&write.resource, object);
            }
            _ => self.put(&write.resource, write.body),
        }
    }

    /// Takes what was told so far.
    pub fn heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

fn sim_plus(time: Timestamp, seconds: f64) -> Timestamp {
    time + SignedDuration::from_secs_f64(seconds)
}
