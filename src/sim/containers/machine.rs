//! What a pod's processes learn of their machine: names, addresses, neighbours.

use super::{
    Runtime, driver,
    network::Port,
    node::Node,
    place::Place,
    programs::{self, Call, Facts as Values},
};
use crate::{
    controllers::View,
    object::{ObjectExt, quantity::Quantity},
    runtime::Target,
    sim::{
        images::process,
        shell::{
            crictl::NodeRuntime,
            dns::{Kind, Reply},
            machine::{Connection, Facts, Fetch, Fetched, Machine, NetError, Run, Task},
            process::Main,
        },
    },
    world::BoxFuture,
};
use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{
    net::Ipv4Addr,
    sync::{Arc, Weak},
};
use tokio::sync::mpsc;

/// The machine of one container.
pub struct PodMachine {
    runtime: Weak<Runtime>,
    target: Target,
    node: String,
    facts: Facts,
    uid: u32,
    command: String,
    host_pid: bool,
    /// Ports of the server the main process has come to, and since when.
    serving: Mutex<Option<(Timestamp, Vec<u16>)>>,
}

impl PodMachine {
    /// For a container that started.
    pub fn new(
        runtime: &Arc<Runtime>,
        view: &View,
        place: &Place,
        target: &Target,
        argv: &[String],
        started: Timestamp,
    ) -> PodMachine {
        let capacity = &view.settings.capacity;
        let amount = |text: &str| Quantity::parse(text).map_or(0, Quantity::value);
        PodMachine {
            runtime: Arc::downgrade(runtime),
            target: target.clone(),
            node: place.pod.str_at("spec.nodeName").into(),
            facts: Facts {
                hostname: super::hostname(place),
                kernel: view.settings.versions.kernel.clone(),
                addresses: place.pod.str_at("status.podIP").parse().into_iter().collect(),
                processors: amount(&capacity.cpu) as u32,
                memory: amount(&capacity.memory) as u64,
                booted: started,
                privileged: place.spec.is_true("securityContext.privileged"),
                no_new_privileges: place
                    .spec
                    .at("securityContext.allowPrivilegeEscalation")
                    .is_some_and(|v| v == false),
            },
            uid: place.uid(&place.config(view)),
            command: argv.join(" "),
            host_pid: place.pod.is_true("spec.hostPID"),
            serving: Mutex::default(),
        }
    }

    /// Ports served by what the main process has come to.
    pub fn ports(&self) -> Vec<u16> {
        let now = self.runtime.upgrade().map(|runtime| runtime.world.clock.now());
        let serving = self.serving.lock();
        let known = serving.as_ref().filter(|(since, _)| now.is_some_and(|now| *since <= now));
        known.map_or(Vec::new(), |(_, ports)| ports.clone())
    }

    /// The world as it is now; nothing once the server is gone.
    fn look(&self) -> Option<(Arc<Runtime>, View, Place)> {
        let runtime = self.runtime.upgrade()?;
        let view = runtime.view();
        let place = Place::find(&view, &self.target)?;
        Some((runtime, view, place))
    }

    /// Its place in the network.
    fn port(&self) -> Port {
        Port { runtime: Weak::clone(&self.runtime), target: self.target.clone() }
    }
}

impl Machine for PodMachine {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn processes(&self) -> Vec<Task> {
        let main = Task {
            pid: 1,
            parent: 0,
            uid: self.uid,
            command: self.command.clone(),
            started: self.facts.booted,
        };
        let node = self.runtime.upgrade().filter(|_| self.host_pid);
        node.map_or(vec![main], |runtime| Node::new(&runtime, &self.node).processes())
    }

    fn ask(&self, server: Ipv4Addr, name: &str, kind: Kind) -> Result<Reply, NetError> {
        self.port().ask(server, name, kind)
    }

    fn fetch(&self, to: Ipv4Addr, request: Fetch) -> BoxFuture<Result<Fetched, NetError>> {
        Box::pin(self.port().fetch(to, request))
    }

    fn open(&self, to: Ipv4Addr, port: u16) -> Result<Connection, NetError> {
        self.port().open(to, port)
    }

    fn listen(&self, port: u16) -> Option<mpsc::Receiver<Connection>> {
        self.port().listen(port)
    }

    fn datagram(
        &self,
        to: Ipv4Addr,
        port: u16,
        data: Bytes,
    ) -> BoxFuture<Result<Option<Bytes>, NetError>> {
        Box::pin(self.port().datagram(to, port, data))
    }

    fn command(&self, argv: &[String]) -> Option<Main> {
        programs::built_in(argv)?.main()
    }

    fn program(&self, argv: &[String], env: &[String]) -> Option<Run> {
        let (_, view, place) = self.look()?;
        let config = place.config(&view);
        let env = env.iter().filter_map(|e| e.split_once('='));
        let env: Vec<_> = env.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let process = process::program_of(&place.known_image(&config), argv, &env).ok()?;
        let boot = process.boot * f64::from(view.delays.boot_percent) / 100.0;
        let words = programs::of(argv).map(|(_, words)| words).unwrap_or_default();
        let values = Values {
            pod: self.target.pod.clone(),
            ip: place.pod.str_at("status.podIP").into(),
            port: process.serves.first().copied().unwrap_or(0),
            boot,
        };
        let start = self.facts.booted;
        let line = |after: f64, line: &str| {
            let time = jiff::SignedDuration::try_from_secs_f64(after).unwrap_or_default();
            let at = start.saturating_add(time).unwrap_or(start);
            (after, words.line(line, &values, at) + "\n")
        };
        let says = words.start.iter().map(|(part, text)| line(part * boot, text));
        let make = || env.clone();
        let own = programs::find(argv).says(&Call::new(argv, &make)).into_iter();
        let mut says: Vec<_> = says.chain(own.map(|(after, text)| line(after, &text))).collect();
        says.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ends = process.ends.map(|end| (end.after, end.code as i32));
        let on_term = process.on_term.map(|end| (end.after, end.code as i32));
        Some(Run { says, errors: words.errors, ends, on_term, serves: process.serves, boot })
    }

    fn serves(&self, since: Timestamp, ports: &[u16]) {
        *self.serving.lock() = Some((since, ports.to_vec()));
    }

    fn runtime(&self) -> Option<Arc<dyn NodeRuntime>> {
        let runtime = self.runtime.upgrade()?;
        Some(Arc::new(Node::new(&runtime, &self.node)))
    }

    fn signal(&self, pid: u32, signal: i32) -> bool {
        let Some((runtime, view, place)) = self.look().filter(|_| pid == 1 && !self.host_pid)
        else {
            return false;
        };
        // The kernel keeps signals without a handler (and KILL) from a container's first process.
        let handled = matches!(signal, 1..=3 | 15);
        let Some(instance) = place.run().and_then(|run| runtime.instance(&view, &place, &run))
        else {
            return true;
        };
        let process = place.process(&view);
        if process.answers_term() {
            instance.signals.send(signal);
            driver::drive(&runtime, &instance);
        } else if let Some(end) = process.on_term.filter(|_| handled) {
            instance.exit(&runtime, end.code as i32);
        }
        true
    }
}
