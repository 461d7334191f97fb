//! What a pod's processes learn of their machine: names, addresses, neighbours.

use super::{
    Runtime, driver, network,
    node::Node,
    place::Place,
    programs::{self, Call, Facts as Values},
    responder,
};
use crate::{
    controllers::View,
    object::{ObjectExt, quantity::Quantity},
    runtime::Target,
    sim::{
        images::process,
        shell::{
            crictl::NodeRuntime,
            machine::{Facts, Fetch, Fetched, Machine, NetError, Run, Task},
            process::Main,
        },
    },
    world::BoxFuture,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{
    net::Ipv4Addr,
    sync::{Arc, Weak},
};

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
        look(&self.runtime, &self.target)
    }
}

/// The world as a container sees it now; nothing once the server is gone.
fn look(runtime: &Weak<Runtime>, target: &Target) -> Option<(Arc<Runtime>, View, Place)> {
    let runtime = runtime.upgrade()?;
    let view = runtime.view();
    let place = Place::find(&view, target)?;
    Some((runtime, view, place))
}

/// Sends a request from a container.
async fn send(runtime: Weak<Runtime>, target: Target, request: Fetch) -> Result<Fetched, NetError> {
    let (runtime, client, backend) = {
        let (runtime, view, place) = look(&runtime, &target).ok_or(NetError::Unknown)?;
        let found = network::resolve(&view, &place.pod, &request.host);
        let ip = *found.first().ok_or(NetError::Unknown)?;
        let chance = |n: usize| runtime.world.entropy.below(n as u64) as usize;
        let own = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("host"));
        let host = own.map_or(request.host.as_str(), |(_, host)| host);
        match network::dial(&view, &place.pod, ip, request.port, host, &chance) {
            network::Found::Refused => return Err(NetError::Refused(ip)),
            network::Found::Unreachable => return Err(NetError::Unreachable(ip)),
            network::Found::NoRoute => return Ok(responder::no_route()),
            network::Found::Backend(backend) => {
                let client = match ip.is_loopback() {
                    true => "127.0.0.1",
                    false => place.pod.str_at("status.podIP"),
                };
                let client = client.to_owned();
                (runtime, client, backend)
            }
        }
    };
    // A container that ends while it is asked answers nobody.
    runtime.ask(&backend, &client, &request).await.ok_or(NetError::Unknown)
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

    fn resolve(&self, name: &str) -> Vec<Ipv4Addr> {
        self.look().map_or(Vec::new(), |(_, view, place)| network::resolve(&view, &place.pod, name))
    }

    fn fetch(&self, request: Fetch) -> BoxFuture<Result<Fetched, NetError>> {
        Box::pin(send(Weak::clone(&self.runtime), self.target.clone(), request))
    }

    fn listens(&self, address: Ipv4Addr, port: u16) -> bool {
        let Some((_, view, place)) = self.look() else { return false };
        let found = network::dial(&view, &place.pod, address, port, "", &|_| 0);
        matches!(found, network::Found::Backend(_) | network::Found::NoRoute)
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
        let boot = process.boot * f64::from(view.settings.delays.boot_percent) / 100.0;
        let words = programs::of(argv).map(|(_, words)| words).unwrap_or_default();
        let values = Values {
            pod: self.target.pod.clone(),
            ip: place.pod.str_at("status.podIP").into(),
            port: process.serves.first().copied().unwrap_or(0),
            boot,
        };
        let start = self.facts.booted;
        let says = words.start.iter().map(|(part, line)| {
            let at = start.saturating_add(
                jiff::SignedDuration::try_from_secs_f64(part * boot).unwrap_or_default(),
            );
            (part * boot, words.line(line, &values, at.unwrap_or(start)) + "\n")
        });
        let make = || env.clone();
        let own = programs::find(argv).says(&Call::new(argv, &make)).into_iter();
        let mut says: Vec<_> = says.chain(own.map(|(after, line)| (after, line + "\n"))).collect();
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
