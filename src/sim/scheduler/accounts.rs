//! What every node has and what is taken of it, counted in one pass over the pods.

use crate::{
    controllers::{View, podlens::PodLens},
    object::{Value, quantity::Quantity},
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
    /// Pods on the node that still run.
    pub pods: Vec<Arc<Entry>>,
    addresses: HashSet<Ipv4Addr>,
    subnet: Option<Ipv4Addr>,
    last: u32,
}

/// All nodes' books.
pub struct Accounts {
    /// In order of names.
    pub nodes: Vec<Account>,
    /// Placed pods with anti-affinity, and the index of their node.
    pub picky: Vec<(usize, Value)>,
}

impl Accounts {
    /// Counts everything.
    pub fn count(view: &View) -> Accounts {
        let known = nodes::names(&view.settings);
        let open = |entry: &Arc<Entry>| {
            let index = known.iter().position(|n| **n == *entry.meta.name);
            Account::open(entry, index.map(|i| nodes::pod_subnet(&view.settings, i)))
        };
        let nodes = view.objects.list("nodes", "").map(open).collect();
        let mut accounts = Accounts { nodes, picky: Vec::new() };
        let index: HashMap<String, usize> =
            accounts.nodes.iter().enumerate().map(|(i, n)| (n.name.clone(), i)).collect();
        for entry in view.objects.list("pods", "") {
            let pod = PodLens::of(entry);
            if let Some(i) = index.get(pod.spec.node_name.as_str())
                && !pod.is_terminal()
            {
                accounts.take(*i, entry, &pod);
            }
        }
        accounts
    }

    /// Enters a pod into the books of a node.
    pub fn take(&mut self, node: usize, entry: &Arc<Entry>, pod: &PodLens) {
        self.nodes[node].take(entry, pod);
        if pod.spec.affinity.pod_anti_affinity.is_some() {
            self.picky.push((node, entry.value()));
        }
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
            addresses: HashSet::new(),
            subnet,
            last: 1,
            lens,
        }
    }

    fn take(&mut self, entry: &Arc<Entry>, pod: &PodLens) {
        for (resource, amount) in requests(pod) {
            *self.free.entry(resource).or_default() -= amount;
        }
        *self.free.entry("pods".into()).or_default() -= 1;
        self.ports.extend(host_ports(pod));
        if let Some(owner) = entry.meta.controller() {
            *self.owners.entry(owner.uid.clone()).or_default() += 1;
        }
        self.addresses.extend(address(pod));
        self.pods.push(entry.clone());
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
