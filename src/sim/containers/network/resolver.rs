//! `/etc/hosts` and `/etc/resolv.conf` of a pod, as its kubelet writes them. Source: kubelet
//! `pkg/kubelet/network/dns` and `pkg/kubelet/kubelet_pods.go`.

use super::names;
use crate::{
    controllers::View,
    object::{ObjectExt, Value},
    sim::containers::place::Place,
};

/// Most domains that are searched, and most name servers that are asked.
/// Source: `MaxDNSSearchPaths`, `MaxDNSNameservers`.
const MOST_SEARCHED: usize = 32;
const MOST_SERVERS: usize = 3;

/// What a pod's resolver reads.
#[derive(Debug, Default)]
struct Resolver {
    servers: Vec<String>,
    search: Vec<String>,
    options: Vec<String>,
}

fn texts(list: &[Value]) -> Vec<String> {
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Resolver {
    /// What the pod's policy begins with.
    fn of_policy(view: &View, pod: &Value) -> Resolver {
        let domain = &view.settings.cluster_domain;
        let on_host = pod.is_true("spec.hostNetwork");
        match pod.str_at("spec.dnsPolicy") {
            "None" => Resolver::default(),
            "Default" => Resolver::of_node(view),
            "ClusterFirst" | "" if on_host => Resolver::of_node(view),
            _ => Resolver {
                servers: vec![names::cluster(view).to_string()],
                search: vec![
                    format!("{}.svc.{domain}", pod.namespace()),
                    format!("svc.{domain}"),
                    domain.clone(),
                ],
                options: vec!["ndots:5".into()],
            },
        }
    }

    fn of_node(view: &View) -> Resolver {
        let servers = vec![names::outside(view).to_string()];
        Resolver { servers, ..Resolver::default() }
    }

    /// Adds what the pod says itself; an option of the same name is replaced.
    fn add(&mut self, own: &Value) {
        let add = |all: &mut Vec<String>, more: Vec<String>, most: usize| {
            for item in more {
                if !all.contains(&item) {
                    all.push(item);
                }
            }
            all.truncate(most);
        };
        add(&mut self.servers, texts(own.list_at("nameservers")), MOST_SERVERS);
        add(&mut self.search, texts(own.list_at("searches")), MOST_SEARCHED);
        for option in own.list_at("options") {
            let name = option.str_at("name");
            let text = match option.str_at("value") {
                "" => name.to_owned(),
                value => format!("{name}:{value}"),
            };
            self.options.retain(|o| o.split(':').next() != Some(name));
            self.options.push(text);
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if !self.search.is_empty() {
            text.push_str(&format!("search {}\n", self.search.join(" ")));
        }
        for server in &self.servers {
            text.push_str(&format!("nameserver {server}\n"));
        }
        if !self.options.is_empty() {
            text.push_str(&format!("options {}\n", self.options.join(" ")));
        }
        text
    }
}

/// `/etc/resolv.conf` of a pod.
pub fn resolv_conf(view: &View, pod: &Value) -> String {
    let mut resolver = Resolver::of_policy(view, pod);
    if let Some(own) = pod.at("spec.dnsConfig") {
        resolver.add(own);
    }
    resolver.text()
}

/// `/etc/resolv.conf` of a node.
pub fn of_node(view: &View) -> String {
    Resolver::of_node(view).text()
}

/// `/etc/hosts` of a container.
pub fn hosts(view: &View, place: &Place) -> String {
    let pod = &place.pod;
    let on_host = place.on_host_network();
    let mut text = match on_host {
        false => String::from("# Kubernetes-managed hosts file.\n"),
        true => String::from("# Kubernetes-managed hosts file (host network).\n"),
    };
    text.push_str(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n\
         fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n",
    );
    let host = super::super::hostname(place);
    let ip = pod.str_at("status.podIP");
    match pod.str_at("spec.subdomain") {
        _ if on_host => {}
        "" => text.push_str(&format!("{ip}\t{host}\n")),
        subdomain => {
            let domain = &view.settings.cluster_domain;
            let full = format!("{host}.{subdomain}.{}.svc.{domain}", pod.namespace());
            text.push_str(&format!("{ip}\t{full}\t{host}\n"));
        }
    }
    let aliases = pod.list_at("spec.hostAliases");
    if !aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in aliases {
        let names = texts(alias.list_at("hostnames")).join("\t");
        text.push_str(&format!("{}\t{names}\n", alias.str_at("ip")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{object::json, settings::Settings, store::Snapshot};
    use std::sync::Arc;

    fn view() -> View {
        View {
            objects: Arc::new(Snapshot::default()),
            now: jiff::Timestamp::UNIX_EPOCH,
            settings: Arc::new(Settings::default()),
            delays: crate::settings::Delays::default(),
            lives: None,
            watched: true,
            since: jiff::Timestamp::MIN,
        }
    }

    #[test]
    fn the_policy_and_the_pod_decide_who_is_asked() {
        let own = json!({"nameservers": ["1.1.1.1"], "searches": ["a.example"],
            "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]});
        let rows = [
            (
                json!({}),
                "search x.svc.cluster.local svc.cluster.local cluster.local\n\
                 nameserver 172.30.0.10\noptions ndots:5\n",
            ),
            (json!({"dnsPolicy": "Default"}), "nameserver 192.168.126.1\n"),
            (
                json!({"dnsPolicy": "ClusterFirst", "hostNetwork": true}),
                "nameserver 192.168.126.1\n",
            ),
            (
                json!({"dnsPolicy": "None", "dnsConfig": own}),
                "search a.example\nnameserver 1.1.1.1\noptions ndots:2 edns0\n",
            ),
            (
                json!({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": true,
                    "dnsConfig": own}),
                "search x.svc.cluster.local svc.cluster.local cluster.local a.example\n\
                 nameserver 172.30.0.10\nnameserver 1.1.1.1\noptions ndots:2 edns0\n",
            ),
        ];
        for (spec, text) in rows {
            let pod = json!({"metadata": {"namespace": "x"}, "spec": spec});
            assert_eq!(resolv_conf(&view(), &pod), text, "{pod}");
        }
    }

    #[test]
    fn a_pod_with_a_subdomain_knows_its_full_name() {
        let place = |spec| Place {
            pod: Arc::new(json!({"metadata": {"namespace": "x", "name": "web-0"}, "spec": spec,
                "status": {"podIP": "10.217.2.9"}})),
            spec: json!({}),
            status: json!({}),
        };
        let rows = [
            (json!({}), "ip6-allrouters\n10.217.2.9\tweb-0\n"),
            (
                json!({"hostname": "a", "subdomain": "b"}),
                "\n10.217.2.9\ta.b.x.svc.cluster.local\ta\n",
            ),
            (
                json!({"hostNetwork": true, "hostAliases": [
                    {"ip": "1.2.3.4", "hostnames": ["foo", "bar"]}]}),
                "\n\n# Entries added by HostAliases.\n1.2.3.4\tfoo\tbar\n",
            ),
        ];
        for (spec, end) in rows {
            let text = hosts(&view(), &place(spec));
            assert!(text.ends_with(end), "{text}");
        }
    }
}
