//! What every node has and what is taken of it. A node's books are kept between looks and counted
//! anew when a pod of the node, or the node itself, has changed.

use crate::{
    controllers::{View, podlens::PodLens},
    object::{ObjectExt, Value, links, quantity::Quantity},
    sim::nodes::{self, NodeLens},
    store::Entry,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::Ipv4Addr,
    sync::Arc,
};

/// Amounts by resource name: thousandths for `cpu`, units for all else.
pub type Amounts = BTreeMap<Box<str>, i64>;

/// One node's books.
#[derive(Clone)]
pub struct Account {
    /// Name.
    pub name: String,
    /// The Node.
    pub entry: Arc<Entry>,
    /// Its lens.
    pub lens: Arc<NodeLens>,
    /// What pods may use.
    pub free: Amounts,
    /// What pods may use when there are none.
    pub total: Amounts,
    /// Host ports in use: (protocol, address, port).
    pub ports: HashSet<(String, String, i64)>,
    /// Pods per controller.
    pub owners: HashMap<String, i64>,
    /// Pods on the node that still run: those placed in this look, and all after
    /// [`Accounts::fill`].
    pub pods: Vec<Arc<Entry>>,
    /// Keys of pods with anti-affinity.
    picky: Vec<Arc<str>>,
    addresses: HashSet<Ipv4Addr>,
    subnet: Option<Ipv4Addr>,
    last: u32,
}

/// All nodes' books.
pub struct Accounts {
    /// In order of names.
    pub nodes: Vec<Arc<Account>>,
    /// Whether the pods of the nodes are listed.
    filled: bool,
    /// Placed pods with anti-affinity, and the index of their node.
    pub picky: Vec<(usize, Value)>,
    /// Pods that wait for room being made on the node with this index.
    pub nominated: Vec<(usize, Arc<Entry>)>,
}

/// The nodes' books as they were counted last, each with the state of its pods then.
struct Books(Vec<(u64, Arc<Account>)>);

impl Books {
    /// Counts what has changed.
    fn next(before: Option<&Books>, view: &View) -> Books {
        let known = nodes::names(&view.settings);
        let one = |entry: &Arc<Entry>| {
            let turned = view.objects.turned(&links::node(&entry.meta.name));
            let mut kept = before.iter().flat_map(|b| &b.0);
            let kept = kept.find(|(of, kept)| *of == turned && kept.entry.rev == entry.rev);
            if let Some((_, kept)) = kept.filter(|(_, k)| k.entry.meta.uid == entry.meta.uid) {
                return (turned, Arc::clone(kept));
            }
            let index = known.iter().position(|n| **n == *entry.meta.name);
            let subnet = index.map(|i| nodes::pod_subnet(&view.settings, i));
            (turned, Arc::new(Account::count(view, entry, subnet)))
        };
        Books(view.objects.list("nodes", "").map(one).collect())
    }
}

/// The pods of a node that still run.
fn running<'a>(view: &'a View, node: &str) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
    view.objects.linked_to(&links::node(node), "pods").filter(|e| !PodLens::of(e).is_terminal())
}

impl Accounts {
    /// Counts everything.
    pub fn count(view: &View) -> Accounts {
        let books = view.objects.advanced(|before| Books::next(before, view));
        let nodes: Vec<_> = books.0.iter().map(|(_, account)| Arc::clone(account)).collect();
        let picky = nodes.iter().enumerate().flat_map(|(i, node)| {
            let pods = node.picky.iter().filter_map(|key| view.value("pods", key));
            pods.map(move |pod| (i, pod))
        });
        let picky = picky.collect();
        let mut accounts = Accounts { nodes, filled: false, picky, nominated: Vec::new() };
        for entry in view.objects.linked_to(links::NOMINATED, "pods") {
            let node = &PodLens::of(entry).status.nominated_node_name;
            let index = accounts.nodes.iter().position(|n| n.name == *node);
            accounts.nominated.extend(index.map(|i| (i, Arc::clone(entry))));
        }
        accounts
    }

    /// A node's books, to be written in.
    pub fn account(&mut self, node: usize) -> &mut Account {
        Arc::make_mut(&mut self.nodes[node])
    }

    /// Lists the pods of all nodes, for whom the numbers are not enough.
    pub fn fill(&mut self, view: &View) {
        if std::mem::replace(&mut self.filled, true) {
            return;
        }
        for node in &mut self.nodes {
            let node = Arc::make_mut(node);
            let all: Vec<_> = running(view, &node.name).cloned().collect();
            node.pods.splice(0..0, all);
        }
    }

    /// Enters a pod into the books of a node.
    pub fn take(&mut self, node: usize, entry: &Arc<Entry>, pod: &PodLens) {
        let account = self.account(node);
        account.take(entry, pod);
        account.pods.push(Arc::clone(entry));
        if pod.spec.affinity.pod_anti_affinity.is_some() {
            self.picky.push((node, entry.lean()));
        }
    }

    /// Takes a pod out of the books of its node again.
    pub fn give_back(&mut self, node: usize, entry: &Arc<Entry>) {
        self.account(node).give_back(entry);
        self.picky.retain(|(_, pod)| pod.uid() != &*entry.meta.uid);
    }

    /// Keeps room on a node for a pod until it is placed.
    pub fn nominate(&mut self, node: usize, entry: &Arc<Entry>) {
        self.placed(entry);
        self.nominated.push((node, Arc::clone(entry)));
    }

    /// A pod that needs no room kept any more.
    pub fn placed(&mut self, entry: &Entry) {
        self.nominated.retain(|(_, e)| e.meta.uid != entry.meta.uid);
    }
}

impl Account {
    fn open(entry: &Arc<Entry>, subnet: Option<Ipv4Addr>) -> Account {
        let lens = entry.lens::<NodeLens>();
        let total: Amounts = lens
            .status
            .allocatable
            .iter()
            .filter_map(|(k, v)| Some((k.as_str().into(), amount(k, v)?)))
            .collect();
        Account {
            name: entry.meta.name.to_string(),
            entry: entry.clone(),
            free: total.clone(),
            total,
            ports: HashSet::new(),
            owners: HashMap::new(),
            pods: Vec::new(),
            picky: Vec::new(),
            addresses: HashSet::new(),
            subnet,
            last: 1,
            lens,
        }
    }

    /// The books of a node with the pods that are on it.
    fn count(view: &View, entry: &Arc<Entry>, subnet: Option<Ipv4Addr>) -> Account {
        let mut account = Account::open(entry, subnet);
        for entry in running(view, &entry.meta.name) {
            let pod = PodLens::of(entry);
            account.take(entry, &pod);
            if pod.spec.affinity.pod_anti_affinity.is_some() {
                account.picky.push(Arc::clone(&entry.key));
            }
        }
        account
    }

    fn take(&mut self, entry: &Entry, pod: &PodLens) {
        self.book(pod, -1);
        self.ports.extend(host_ports(pod));
        if let Some(owner) = entry.meta.controller() {
            *self.owners.entry(owner.uid.clone()).or_default() += 1;
        }
        self.addresses.extend(address(pod));
    }

    fn give_back(&mut self, entry: &Entry) {
        let pod = PodLens::of(entry);
        self.book(&pod, 1);
        for port in host_ports(&pod) {
            self.ports.remove(&port);
        }
        let owner = entry.meta.controller().and_then(|o| self.owners.get_mut(&o.uid));
        if let Some(count) = owner {
            *count -= 1;
        }
        self.pods.retain(|e| e.meta.uid != entry.meta.uid);
    }

    fn book(&mut self, pod: &PodLens, sign: i64) {
        for (resource, amount) in requests(pod) {
            *self.free.entry(resource).or_default() += sign * amount;
        }
        *self.free.entry("pods".into()).or_default() += sign;
    }

    /// An address no pod of this node has, taken in turn.
    pub fn new_address(&mut self) -> Option<Ipv4Addr> {
        let base = u32::from(self.subnet?);
        // .0 is the network, .1 its gateway, .2 the node's own port.
        let usable = 3..511;
        for _ in usable.clone() {
            self.last = if self.last + 1 < usable.end { self.last + 1 } else { usable.start };
            let candidate = Ipv4Addr::from(base + self.last.max(usable.start));
            if self.addresses.insert(candidate) {
                return Some(candidate);
            }
        }
        None
    }
}

/// The address a pod has, or was promised when it was bound.
pub fn address(pod: &PodLens) -> Option<Ipv4Addr> {
    if let Ok(ip) = pod.status.pod_ip.parse() {
        return Some(ip);
    }
    let promise = pod.metadata.annotations.get(super::bind::NETWORK_ANNOTATION)?;
    super::bind::promised(promise)
}

/// A quantity in the unit of `Amounts`.
pub fn amount(resource: &str, text: &str) -> Option<i64> {
    let quantity = Quantity::parse(text)?;
    Some(if resource == "cpu" { quantity.milli() } else { quantity.value() })
}

/// What a pod asks for: the sum of its containers and sidecars, or what its init containers need
/// at their time, whichever is more, plus overhead.
pub fn requests(pod: &PodLens) -> Amounts {
    let mut sum = Amounts::new();
    for container in &pod.spec.containers {
        add(&mut sum, &container.resources.requests);
    }
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for container in &pod.spec.init_containers {
        let mut now = sidecars.clone();
        add(&mut now, &container.resources.requests);
        if container.restart_policy == "Always" {
            add(&mut sum, &container.resources.requests);
            sidecars = now.clone();
        }
        raise(&mut peak, &now);
    }
    raise(&mut sum, &peak);
    // Requests of the pod as a whole replace those of its containers.
    for (resource, text) in &pod.spec.resources.requests {
        sum.insert(resource.clone(), amount(resource, text).unwrap_or(0));
    }
    add(&mut sum, &pod.spec.overhead);
    sum
}

fn add(sum: &mut Amounts, requests: &BTreeMap<Box<str>, String>) {
    for (resource, text) in requests {
        *sum.entry(resource.clone()).or_default() += amount(resource, text).unwrap_or(0);
    }
}

fn raise(sum: &mut Amounts, other: &Amounts) {
    for (resource, amount) in other {
        let entry = sum.entry(resource.clone()).or_default();
        *entry = (*entry).max(*amount);
    }
}

/// Host ports a pod occupies.
pub fn host_ports(pod: &PodLens) -> Vec<(String, String, i64)> {
    let ports = pod.spec.containers.iter().flat_map(|c| &c.ports).filter(|p| p.host_port > 0);
    let protocol = |p: &str| if p.is_empty() { "TCP".to_owned() } else { p.to_owned() };
    ports.map(|p| (protocol(&p.protocol), p.host_ip.clone(), p.host_port)).collect()
}
