//! One container of one pod, as the objects know it.

use super::command;
use crate::{
    catalog::Config,
    controllers::View,
    object::{ObjectExt, Value, time},
    runtime::Target,
    sim::{
        images::process::{self, Image, Process},
        registries::{self, Offer},
        unshown,
    },
    store::Snapshot,
};
use jiff::Timestamp;
use std::{collections::HashMap, sync::Arc};

/// A container's pod, spec and status.
#[derive(Debug, Clone)]
pub struct Place {
    /// The pod, which all its containers share.
    pub pod: Arc<Value>,
    /// The container in its spec.
    pub spec: Value,
    /// The container in its status.
    pub status: Value,
}

/// One run of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// ID of the container.
    pub id: String,
    /// When it started.
    pub started: Timestamp,
    /// When it ended, and its exit code.
    pub ended: Option<(Timestamp, i64)>,
}

/// Lists of containers in a pod's spec, and of their states in its status.
const LISTS: [(&str, &str); 3] = [
    ("spec.containers", "status.containerStatuses"),
    ("spec.initContainers", "status.initContainerStatuses"),
    ("spec.ephemeralContainers", "status.ephemeralContainerStatuses"),
];

impl Place {
    /// A container that has no status yet.
    pub fn new(pod: &Arc<Value>, spec: &Value) -> Place {
        Place { pod: Arc::clone(pod), spec: spec.clone(), status: Value::Null }
    }

    /// Looks a container up.
    pub fn find(view: &View, target: &Target) -> Option<Place> {
        let entry = view.named("pods", &target.namespace, &target.pod)?;
        Place::of(&unshown::known(&view.objects, &entry.look()), &target.container)
    }

    /// The same as its pod's status shows it.
    pub fn shown(view: &View, target: &Target) -> Option<Place> {
        let entry = view.named("pods", &target.namespace, &target.pod)?;
        Place::of(&entry.look(), &target.container)
    }

    /// A container of a pod.
    pub fn of(pod: &Arc<Value>, name: &str) -> Option<Place> {
        let called = |list: &'static str| {
            pod.list_at(list).iter().find(|c| c.str_at("name") == name).cloned()
        };
        LISTS.iter().find_map(|(specs, statuses)| {
            let (spec, status) = (called(specs)?, called(statuses)?);
            Some(Place { spec, status, pod: Arc::clone(pod) })
        })
    }

    /// All containers of a pod that were ever started.
    pub fn all(objects: &Snapshot, pod: &Arc<Value>) -> Vec<Place> {
        let pod = unshown::known(objects, pod);
        let of = |(specs, statuses): &(&str, &str)| {
            let named = |spec: &'_ Value| (spec.str_at("name").to_owned(), spec.clone());
            let mut specs: HashMap<_, _> = pod.list_at(specs).iter().map(named).collect();
            let place = |status: &Value| {
                let spec = specs.remove(status.str_at("name"))?;
                Some(Place { pod: Arc::clone(&pod), spec, status: status.clone() })
            };
            pod.list_at(statuses).iter().filter_map(place).collect::<Vec<_>>()
        };
        LISTS.iter().flat_map(of).collect()
    }

    /// The run its log is about: the one that goes on, or the last that ended.
    pub fn run(&self) -> Option<Run> {
        if let Some(started) = self.running() {
            let id = bare(self.status.str_at("containerID"));
            return Some(Run { id, started, ended: None });
        }
        self.ended("state.terminated").or_else(|| self.previous())
    }

    /// The run before.
    pub fn previous(&self) -> Option<Run> {
        self.ended("lastState.terminated")
    }

    fn ended(&self, path: &str) -> Option<Run> {
        let ended = self.status.at(path)?;
        let finished = time::parse(ended.str_at("finishedAt"))?;
        let id = bare(ended.str_at("containerID"));
        let started = time::parse(ended.str_at("startedAt")).unwrap_or(finished);
        let code = ended.i64_at("exitCode").unwrap_or(0);
        (!id.is_empty()).then_some(Run { id, started, ended: Some((finished, code)) })
    }

    /// When it started, if it runs.
    pub fn running(&self) -> Option<Timestamp> {
        time::parse(self.status.str_at("state.running.startedAt"))
    }

    /// When it was asked to stop, if its pod is being deleted.
    pub fn asked_to_stop(&self) -> Option<Timestamp> {
        let limit = time::parse(self.pod.str_at("metadata.deletionTimestamp"))?;
        let grace = self.pod.i64_at("metadata.deletionGracePeriodSeconds").unwrap_or(0);
        Some(time::plus_seconds(limit, -grace))
    }

    /// Name of the container.
    pub fn name(&self) -> &str {
        self.spec.str_at("name")
    }

    /// Its image, as far as the registries know it.
    pub fn image(&self, view: &View) -> Option<Offer> {
        let names = ["imageID", "image"].map(|f| self.status.str_at(f));
        names.into_iter().find_map(|name| registries::known(view, name))
    }

    /// What is known of its image.
    pub fn config(&self, view: &View) -> Arc<Config> {
        self.image(view).map(|i| i.config).unwrap_or_default()
    }

    /// What its main process does.
    pub fn process(&self, view: &View) -> Process {
        let config = self.config(view);
        let image = self.known_image(&config);
        let argv = self.argv(view, &config);
        let mut process = process::of_container(&image, &self.spec, &argv).unwrap_or_default();
        process.boot *= f64::from(view.delays.boot_percent) / 100.0;
        if let (true, Some(lives)) = (process.driven, &view.lives) {
            process.serves = self.run().map_or(Vec::new(), |run| lives.ports(&run.id));
        }
        process
    }

    /// Its image, for what its programs do.
    pub fn known_image<'a>(&'a self, config: &'a Config) -> Image<'a> {
        Image { name: self.status.str_at("imageID"), config }
    }

    /// The command line of its main process.
    pub fn argv(&self, view: &View, config: &Config) -> Vec<String> {
        command::line(view, &self.pod, &self.spec, config)
    }

    /// The user it runs as.
    pub fn uid(&self, config: &Config) -> u32 {
        let own = self.spec.i64_at("securityContext.runAsUser");
        let asked = own.or(self.pod.i64_at("spec.securityContext.runAsUser"));
        let user = config.user.split(':').next().unwrap_or("");
        let image = match user {
            "" | "root" => 0,
            // A name without a number: those images keep to the first free one.
            name => name.parse().unwrap_or(1001),
        };
        asked.map_or(image, |uid| u32::try_from(uid).unwrap_or(image))
    }

    /// The groups it runs with.
    pub fn groups(&self) -> Vec<u32> {
        let security = |path: &str| self.pod.at(&format!("spec.securityContext.{path}"));
        let own = self.spec.at("securityContext.runAsGroup").or(security("runAsGroup"));
        let more = security("supplementalGroups").and_then(Value::as_array);
        let first = own.and_then(Value::as_i64).unwrap_or(0);
        let rest = security("fsGroup").into_iter().chain(more.into_iter().flatten());
        let rest = rest.filter_map(Value::as_i64);
        let mut all: Vec<u32> =
            std::iter::once(first).chain(rest).filter_map(|g| u32::try_from(g).ok()).collect();
        all.dedup();
        all
    }

    /// The group its pod's volumes belong to.
    pub fn volume_group(&self) -> Option<u32> {
        let group = self.pod.i64_at("spec.securityContext.fsGroup");
        group.and_then(|gid| u32::try_from(gid).ok())
    }

    /// Whether it shares its node's network and host name.
    pub fn on_host_network(&self) -> bool {
        self.pod.is_true("spec.hostNetwork")
    }
}

/// An ID without `cri-o://`.
fn bare(id: &str) -> String {
    id.split("://").last().unwrap_or(id).to_owned()
}
