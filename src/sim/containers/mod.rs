//! What runs in simulated containers when somebody looks: commands, logs, connections.
//!
//! Nothing runs while nobody looks. A container's files and main process are made from the
//! objects when they are first asked for (`instance`); the main process is then brought forward
//! in virtual time (`virtual_run`), so that its log is the same whenever and however often it is
//! read. Commands run in the shell of [`crate::sim::shell`]. What they bring about is written
//! through the API (`asks`), like everything else.

mod cgroup;
mod command;
mod connection;
mod downward;
mod driver;
mod echoing;
mod env;
pub mod families;
mod following;
mod instance;
mod kept;
mod kubelet;
mod live;
mod lives;
mod log;
mod machine;
mod network;
mod node;
mod place;
mod played;
mod probes;
pub mod programs;
mod projected;
mod responder;
mod served;
#[cfg(test)]
mod tests;
mod tokens;
mod usage;
mod virtual_run;
mod volumes;
mod writes;

pub use command::line;
#[cfg(test)]
pub use command::words;
pub use driver::tend;
pub use kept::Kept;
pub use writes::{DeferredWrite, End, is_done, serve};
#[cfg(test)]
pub use writes::{note, note_unshown};

use crate::{
    catalog::{
        Config,
        held::{MACHINES, is_down},
    },
    controllers::View,
    error::Error,
    faults,
    object::{ObjectExt, Value},
    router::Router,
    runtime::{Connection, Containers, Ended, Io, LogOptions, LogStream, Shown, Target, Unreached},
    settings::Settings,
    sim::shell::{
        self, Terminal,
        fs::{Layer, Node, Quota, Tree},
        io::{Input, Output},
        machine::{Fetch, Fetched},
    },
    sim::unshown,
    store::{Entry, Store},
    world::{BoxFuture, World},
};
use instance::Instance;
use jiff::Timestamp;
use parking_lot::Mutex;
use place::{Place, Run};
use std::{
    collections::{HashMap, HashSet},
    net::Ipv4Addr,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::mpsc;

/// Bytes all containers and nodes together may write.
const DISK: usize = 512 << 20;

/// So few instances are never looked through for those that are gone.
const FEW: usize = 32;

/// Writes that wait to be taken to the API.
const WRITES: usize = 256;

/// The container runtimes of all nodes.
pub struct Runtime {
    store: Store,
    world: World,
    settings: Arc<Settings>,
    writes: mpsc::Sender<DeferredWrite>,
    quota: Quota,
    state: Mutex<State>,
    /// Where main processes are run.
    tasks: OnceLock<tokio::runtime::Handle>,
    /// Questions asked so far.
    serial: AtomicU64,
    affinity: network::Affinity,
    listeners: network::Listeners,
    answerers: network::Answerers,
    sample: served::LoadSample,
    /// Where the hosts of routes lead.
    pub router: Arc<Router>,
    me: Weak<Runtime>,
}

#[derive(Default)]
struct State {
    /// How many instances are worth a look for those that are gone.
    enough: usize,
    /// By ID of the container.
    instances: HashMap<String, Arc<Instance>>,
    /// By pod uid and volume, or by persistent volume.
    volumes: HashMap<String, volumes::Shared>,
    nodes: HashMap<String, volumes::Shared>,
    /// By pod uid and audience: when it was given, and the token.
    tokens: HashMap<(String, String), (Timestamp, String)>,
}

/// Whether the parts of volumes a container mounts can be told.
///
/// # Errors
/// Why not.
pub fn sub_paths(view: &View, pod: &Arc<Value>, spec: &Value) -> Result<(), String> {
    let mounts = spec.list_at("volumeMounts").iter();
    let mut parts = mounts
        .filter(|m| ["subPath", "subPathExpr"].iter().any(|field| !m.str_at(field).is_empty()));
    let place = Place::new(pod, spec);
    parts.try_for_each(|mount| volumes::place_of(view, &place, mount).map(drop))
}

/// The host name of a container.
fn hostname(place: &Place) -> String {
    if place.on_host_network() {
        return place.pod.str_at("spec.nodeName").to_owned();
    }
    match place.pod.str_at("spec.hostname") {
        "" => place.pod.name().to_owned(),
        own => own.to_owned(),
    }
}

impl Runtime {
    /// The runtime, and what it asks to have written: see [`serve`].
    pub fn new(
        store: Store,
        world: World,
        settings: Arc<Settings>,
    ) -> (Arc<Runtime>, mpsc::Receiver<DeferredWrite>) {
        let (writes, asked) = mpsc::channel(WRITES);
        let router = Router::new(store.clone(), world.clone(), Arc::clone(&settings));
        let runtime = Arc::new_cyclic(|me| Runtime {
            router: Arc::new(router),
            store,
            world,
            settings,
            writes,
            quota: Quota::new(DISK),
            state: Mutex::default(),
            tasks: OnceLock::new(),
            serial: AtomicU64::new(0),
            affinity: network::Affinity::default(),
            listeners: network::Listeners::default(),
            answerers: network::Answerers::default(),
            sample: served::LoadSample::default(),
            me: me.clone(),
        });
        (runtime, asked)
    }

    fn view(&self) -> View {
        let lives = self.me.upgrade().map(|me| me as _);
        View::new(self.store.snapshot(), &*self.world.clock, &self.settings, lives)
    }

    /// A tree over a layer; all share one disk.
    fn tree(&self, lower: Arc<Layer>) -> volumes::Shared {
        Arc::new(Mutex::new(Tree::new(lower, self.quota.clone())))
    }

    /// A volume that lives as long as what its key names.
    fn volume(&self, key: &str, group: Option<u32>) -> volumes::Shared {
        let mut state = self.state.lock();
        let made = state.volumes.entry(key.to_owned()).or_insert_with(|| {
            let mut root = Node { mode: 0o777, ..Node::directory() };
            if let Some(gid) = group {
                projected::give(&mut root, gid, 0o660);
            }
            self.tree(Arc::new(Layer::from([(String::new(), root)])))
        });
        Arc::clone(made)
    }

    /// The files of a node.
    fn node_tree(&self, name: &str) -> volumes::Shared {
        let mut state = self.state.lock();
        let made = state.nodes.entry(name.to_owned()).or_insert_with(|| {
            let tree = self.tree(families::layer(families::NODE, "/", &Config::default()));
            let files = [
                ("/etc/hostname", format!("{name}\n")),
                ("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n".to_owned()),
                ("/etc/resolv.conf", network::of_node(&self.view())),
            ];
            for (path, text) in files {
                // A fresh tree has room.
                let _ = tree.lock().put(path, Node::file(text));
            }
            tree
        });
        Arc::clone(made)
    }

    /// A run that somebody has looked at.
    fn known(&self, run: &str) -> Option<Arc<Instance>> {
        self.state.lock().instances.get(run).map(Arc::clone)
    }

    /// A run of a container: what is known of it, or made from the objects.
    fn instance(&self, view: &View, place: &Place, run: &Run) -> Option<Arc<Instance>> {
        if let Some(known) = self.known(&run.id) {
            return Some(known);
        }
        let me = self.me.upgrade()?;
        self.sweep(view);
        let made = Instance::new(&me, view, place, run);
        let mut state = self.state.lock();
        Some(Arc::clone(state.instances.entry(run.id.clone()).or_insert(made)))
    }

    /// Forgets what belongs to containers and pods that are gone, when as many came as were left
    /// the last time: each costs a look at its pod.
    fn sweep(&self, view: &View) {
        let mut state = self.state.lock();
        if state.instances.len() < state.enough {
            return;
        }
        let pod_there = |uid: &str| view.objects.by_uid(uid).is_some();
        let pods: HashSet<&str> = state.instances.values().map(|i| i.uid.as_str()).collect();
        let runs = |pod: &Entry| -> Vec<String> {
            let places = Place::all(&view.objects, &Arc::new(pod.value()));
            let runs = places.iter().flat_map(|p| p.run().into_iter().chain(p.previous()));
            runs.map(|run| run.id).collect()
        };
        let there = pods.into_iter().filter_map(|uid| view.objects.by_uid(uid));
        let known: HashSet<String> = there.flat_map(|entry| runs(entry)).collect();
        state.instances.retain(|id, _| known.contains(id));
        state.enough = (2 * state.instances.len()).max(FEW);
        state.volumes.retain(|key, _| match key.split_once('/') {
            Some((uid, _)) => pod_there(uid),
            None => view.get("persistentvolumes", key).is_some(),
        });
        state.tokens.retain(|(uid, _), _| pod_there(uid));
    }

    /// Ends when a container's run has ended.
    fn gone(&self, instance: &Arc<Instance>) -> impl Future<Output = ()> + Send + use<> {
        let (store, instance, me) = (self.store.clone(), Arc::clone(instance), self.me.clone());
        async move {
            let mut changed = store.feed().signal("pods");
            loop {
                changed.mark_unchanged();
                let target = &instance.target;
                let snapshot = store.snapshot();
                let entry = snapshot.get("pods", &target.namespace, &target.pod);
                let pod = entry.map(|e| unshown::known(&snapshot, &Arc::new(e.value())));
                let runs = pod.is_some_and(|pod| instance.is_current(&pod));
                drop(snapshot);
                let runs = runs && me.upgrade().is_some_and(|me| me.knows(&instance));
                if !runs || changed.changed().await.is_err() {
                    return;
                }
            }
        }
    }

    /// What is known of a container for those who ask it at a port.
    fn answerer(&self, place: &Place, port: u16) -> network::Answerer {
        let backend = network::Backend { place: place.clone(), port };
        network::Answerer::of(&self.view(), backend)
    }

    /// Asks the program behind a port, which logs it; nothing when the container has ended.
    async fn ask(
        self: &Arc<Runtime>,
        answerer: &network::Answerer,
        client: &str,
        request: &Fetch,
    ) -> Option<Fetched> {
        let view = self.view();
        let instance = self.answering(&view, answerer)?;
        let backend = &answerer.backend;
        let make = || instance.variables(&view, &backend.place);
        let scene = programs::Scene {
            view: &view,
            answerer,
            client,
            call: programs::Call::new(instance.argv(), &make),
            runtime: self,
            instance: &instance,
        };
        let program = programs::find(instance.argv());
        let answer = program.request(&scene, request).await;
        let silent = program.logs_requests();
        let line = (!silent).then(|| answerer.line(client, request, &answer, view.now));
        if let Some(line) = line.flatten() {
            instance.log.write(view.now, log::Source::Out, (line + "\n").as_bytes());
        }
        Some(answer)
    }

    /// Sends a datagram to the program behind a port; its answer, if it has one.
    async fn tell(
        self: &Arc<Runtime>,
        answerer: &network::Answerer,
        client: &str,
        data: &[u8],
    ) -> Option<bytes::Bytes> {
        let view = self.view();
        let instance = self.answering(&view, answerer)?;
        let make = || instance.variables(&view, &answerer.backend.place);
        let scene = programs::Scene {
            view: &view,
            answerer,
            client,
            call: programs::Call::new(instance.argv(), &make),
            runtime: self,
            instance: &instance,
        };
        programs::find(instance.argv()).datagram(&scene, data).await
    }

    /// The container behind a port, brought forward to now, which has one more question to answer.
    fn answering(
        self: &Arc<Runtime>,
        view: &View,
        answerer: &network::Answerer,
    ) -> Option<Arc<Instance>> {
        let (place, run) = (&answerer.backend.place, answerer.run.as_ref()?);
        let instance = self.instance(view, place, run)?;
        instance.keep_up(view, place, run);
        instance.asked.fetch_add(1, Ordering::Relaxed);
        self.serves(place, view.now);
        Some(instance)
    }

    /// The container of a session, brought forward to now.
    async fn enter(&self, target: &Target) -> Result<(View, Place, Arc<Instance>), Ended> {
        let missing = || Ended::Error("container is not created or running".into());
        let place = Place::find(&self.view(), target).ok_or_else(missing)?;
        self.need_token(&place).await;
        let view = self.view();
        let place = Place::find(&view, target).ok_or_else(missing)?;
        place.running().ok_or_else(missing)?;
        let run = place.run().ok_or_else(missing)?;
        let instance = self.instance(&view, &place, &run).ok_or_else(missing)?;
        instance.files.refresh(self, &view, &place);
        instance.advance(&view, &place, &run);
        Ok((view, place, instance))
    }
}

impl Containers for Runtime {
    fn answers(&self, node: &str) -> bool {
        let objects = self.store.snapshot();
        let silent = faults::silent(&objects, self.world.clock.now(), node);
        !silent && !is_down(&objects, MACHINES, node)
    }

    fn lost(&self, node: &str) -> BoxFuture<()> {
        Box::pin(self.until_down(node))
    }

    fn known(&self, pod: Value) -> Value {
        Arc::unwrap_or_clone(unshown::known(&self.store.snapshot(), &Arc::new(pod)))
    }

    fn exec(&self, target: Target, command: Vec<String>, tty: bool, io: Io) -> BoxFuture<Ended> {
        let me = self.me.upgrade();
        Box::pin(async move {
            let Some(me) = me else { return Ended::Error("the node is shutting down".into()) };
            let (view, place, instance) = match me.enter(&target).await {
                Ok(found) => found,
                Err(ended) => return ended,
            };
            let clock = Arc::clone(&me.world.clock);
            let mut exec = instance.exec(&view, &place, command.clone(), None, clock);
            exec.pid = 20 + me.world.entropy.of(&["processes", &target.pod]).below(60) as u32;
            if tty {
                exec.env.push(("TERM".into(), "xterm".into()));
            }
            let Io { stdin, stdout, stderr, resize } = io;
            let errors = stderr.clone().unwrap_or_else(|| stdout.clone());
            let pump = if tty {
                let terminal = Terminal::new(stdout, resize);
                exec.stdin = Input::terminal(Arc::clone(&terminal));
                exec.stdout = Output::Terminal(Arc::clone(&terminal));
                exec.stderr = Output::Terminal(Arc::clone(&terminal));
                exec.terminal = Some(Arc::clone(&terminal));
                Some((terminal, stdin))
            } else {
                exec.stdin = stdin.map_or_else(Input::empty, Input::channel);
                exec.stdout = Output::Channel(stdout);
                exec.stderr = stderr.map_or(Output::Null, Output::Channel);
                None
            };
            let typing = async {
                match pump {
                    Some((terminal, Some(stdin))) => terminal.pump(stdin).await,
                    Some((terminal, None)) => terminal.close(),
                    None => {}
                }
                std::future::pending::<()>().await;
            };
            let done = tokio::select! {
                done = shell::run(exec) => done,
                () = typing => Ok(0),
                () = me.gone(&instance) => Ok(137),
            };
            match done {
                Ok(code) => Ended::Exit(code),
                Err(why) => command::refused(&command, why, errors).await,
            }
        })
    }

    fn attach(&self, target: Target, _tty: bool, io: Io) -> BoxFuture<Ended> {
        let me = self.me.upgrade();
        Box::pin(async move {
            let Some(me) = me else { return Ended::Error("the node is shutting down".into()) };
            let (view, place, instance) = match me.enter(&target).await {
                Ok(found) => found,
                Err(ended) => return ended,
            };
            if !live::is_run(&view, &place) {
                return me.watch(&target, io).await;
            }
            let live = live::Live::of(&me, &view, &place, &instance);
            live.join(io, place.spec.is_true("stdinOnce")).await
        })
    }

    fn logs(&self, target: Target, options: LogOptions) -> Result<LogStream, Error> {
        let view = self.view();
        // A kubelet finds logs by the status that it has written.
        let place = Place::shown(&view, &target)
            .ok_or_else(|| Error::not_found("pods", target.pod.as_str()))?;
        let run = if options.previous { place.previous() } else { place.run() };
        let Some(run) = run else {
            let (name, pod) = (place.name(), place.pod.name());
            let words =
                if options.previous { "previous terminated container" } else { "container" };
            return Err(Error::BadRequest(format!(
                "{words} \"{name}\" in pod \"{pod}\" not found"
            )));
        };
        let shutting_down = || Error::BadRequest("the node is shutting down".into());
        let instance = self.instance(&view, &place, &run).ok_or_else(shutting_down)?;
        let me = self.me.upgrade().ok_or_else(shutting_down)?;
        instance.advance(&view, &place, &run);
        Ok(Box::pin(me.stream(place, run, instance, options)))
    }

    fn connect(&self, namespace: &str, pod: &str, port: u16) -> Result<Connection, String> {
        let view = self.view();
        let refused = || {
            format!(
                "failed to connect to localhost:{port} inside namespace \"{namespace}\": dial \
                 tcp4 127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6 [::1]:{port}: \
                 connect: connection refused"
            )
        };
        let entry = view.named("pods", namespace, pod).ok_or_else(refused)?;
        let pod = Arc::new(entry.value());
        let backend = match network::listener(&view, &pod, port, network::Protocol::Tcp) {
            network::Found::Backend(backend) => backend,
            _ => return self.listeners.open(pod.uid(), port).ok_or_else(refused),
        };
        let me = self.me.upgrade().ok_or_else(refused)?;
        Ok(me.opened(*backend, "127.0.0.1".into()))
    }

    fn fetch(
        &self,
        namespace: &str,
        pod: &str,
        request: Fetch,
    ) -> BoxFuture<Result<Fetched, String>> {
        let backend = self.proxied(namespace, pod, &request);
        let me = self.me.upgrade();
        // The API server asks from the first node.
        let client = super::nodes::ip(&self.settings, 0).to_string();
        Box::pin(async move {
            let backend = backend?;
            let me = me.ok_or("the node is shutting down")?;
            // A container that ends while it is asked closes the connection.
            let answerer = network::Answerer::of(&me.view(), *backend);
            me.ask(&answerer, &client, &request).await.ok_or_else(|| "EOF".into())
        })
    }

    fn forward(
        &self,
        to: (Ipv4Addr, u16),
        request: Fetch,
    ) -> BoxFuture<Result<Fetched, Unreached>> {
        let me = self.me.upgrade();
        Box::pin(async move { me.ok_or(Unreached::Closed)?.send(to, request).await })
    }

    fn visit(&self, request: Fetch) -> BoxFuture<Result<Fetched, Unreached>> {
        let me = self.me.upgrade();
        Box::pin(async move { network::visit(&me.ok_or(Unreached::Refused)?, request).await })
    }

    fn dial(&self, to: (Ipv4Addr, u16), secure: bool) -> BoxFuture<Result<Connection, Unreached>> {
        let me = self.me.upgrade();
        Box::pin(async move { me.ok_or(Unreached::Closed)?.dialled(to, secure).await })
    }

    fn shows(&self, to: (Ipv4Addr, u16)) -> Shown {
        self.shown(to)
    }

    fn certificate(&self, namespace: &str, pod: &str, port: u16) -> Result<Option<String>, String> {
        let asked = Fetch { secure: true, port, ..Fetch::default() };
        let place = self.proxied(namespace, pod, &asked)?.place;
        let view = self.view();
        Ok(network::certificate::of(&view, &place, &place.argv(&view, &place.config(&view))))
    }

    fn summary(&self, node: &str) -> Value {
        self.me.upgrade().map_or(Value::Null, |me| kubelet::summary(&me, node))
    }
}

impl Runtime {
    /// Who answers what a proxy sends to a pod.
    fn proxied(
        &self,
        namespace: &str,
        pod: &str,
        request: &Fetch,
    ) -> Result<Box<network::Backend>, String> {
        let view = self.view();
        let pod = view.named("pods", namespace, pod).map(|e| e.value());
        let pod = Arc::new(pod.unwrap_or_default());
        let (ip, port) = (pod.str_at("status.podIP"), request.port);
        let network::Found::Backend(backend) =
            network::listener(&view, &pod, port, network::Protocol::Tcp)
        else {
            return Err(format!("dial tcp {ip}:{port}: connect: connection refused"));
        };
        if request.secure && !backend.speaks_tls(&view) {
            return Err("http: server gave HTTP response to HTTPS client".into());
        }
        if backend.words(&view).quiet {
            return Err("EOF".into());
        }
        Ok(backend)
    }
}
