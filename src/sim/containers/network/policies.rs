//! NetworkPolicies: who may talk to whom. A pod that no policy of a direction selects talks to
//! everybody; one that is selected only to whom one of them lets it. Replies always pass.
//! Source: kubernetes `pkg/apis/networking/types.go` and its conformance tests; for addresses of
//! nodes and the router's labels OVN-Kubernetes.

use super::{Protocol, services::protocol_of};
use crate::{
    controllers::View,
    object::{Meta, ObjectExt, Value, json, selector::Labels},
};
use std::net::Ipv4Addr;

const POLICIES: &str = "networkpolicies.networking.k8s.io";

/// One side of a connection.
#[derive(Clone, Copy)]
pub struct PolicyPeer<'a> {
    /// The pod, where there is one; only its network counts, so pods on their node's are none.
    pod: Option<&'a Value>,
    /// The address.
    address: Ipv4Addr,
}

impl<'a> PolicyPeer<'a> {
    /// A pod. The router's counts as a pod though it uses its node's network.
    pub fn pod(pod: &'a Value) -> PolicyPeer<'a> {
        let address = pod.str_at("status.podIP").parse().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let own = !pod.is_true("spec.hostNetwork") || is_router(pod);
        PolicyPeer { pod: own.then_some(pod), address }
    }

    /// Whatever is at an address.
    pub fn at(address: Ipv4Addr) -> PolicyPeer<'a> {
        PolicyPeer { pod: None, address }
    }
}

/// Labels that routers of the default ingress controller have.
const ROUTER: (&str, &str) =
    ("ingresscontroller.operator.openshift.io/deployment-ingresscontroller", "default");

/// The router's pod, as far as the network looks at it.
pub fn router(address: Ipv4Addr) -> Value {
    json!({
        "metadata": {"name": "router-default", "namespace": "openshift-ingress",
            "labels": {ROUTER.0: ROUTER.1}},
        "spec": {"hostNetwork": true},
        "status": {"podIP": address.to_string()},
    })
}

fn is_router(pod: &Value) -> bool {
    pod.namespace() == "openshift-ingress" && pod.label(ROUTER.0) == Some(ROUTER.1)
}

/// The pod that answers at the cluster's name server's address, and its port there.
pub fn name_server(address: Ipv4Addr) -> (Value, u16) {
    let pod = json!({
        "metadata": {"name": "dns-default", "namespace": "openshift-dns",
            "labels": {"dns.operator.openshift.io/daemonset-dns": "default"}},
        "spec": {"containers": [{"ports": [
            {"containerPort": 5353, "name": "dns", "protocol": "UDP"},
            {"containerPort": 5353, "name": "dns-tcp", "protocol": "TCP"}]}]},
        "status": {"podIP": address.to_string()},
    });
    (pod, 5353)
}

/// Which way a policy looks.
#[derive(Clone, Copy)]
enum Direction {
    In,
    Out,
}

impl Direction {
    /// The direction's name among `policyTypes`, its rules and the peers in a rule.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Direction::In => ("Ingress", "spec.ingress", "from"),
            Direction::Out => ("Egress", "spec.egress", "to"),
        }
    }
}

/// Whether a connection comes through.
pub fn pass(
    view: &View,
    from: PolicyPeer<'_>,
    to: PolicyPeer<'_>,
    port: u16,
    protocol: Protocol,
) -> bool {
    let same = from.pod.zip(to.pod).is_some_and(|(a, b)| !a.uid().is_empty() && a.uid() == b.uid());
    let call = PolicyCheck { view, to: to.pod, port, protocol };
    let out = from.pod.filter(|p| !is_router(p));
    // Nodes reach the pods on them, for probes.
    let inward = to.pod.filter(|_| from.pod.is_some() || !is_node(view, from.address));
    same || out.is_none_or(|pod| call.may(Direction::Out, pod, to))
        && inward.is_none_or(|pod| call.may(Direction::In, pod, from))
}

fn is_node(view: &View, address: Ipv4Addr) -> bool {
    let count = crate::sim::nodes::names(&view.settings).len();
    (0..count).any(|i| crate::sim::nodes::ip(&view.settings, i) == address)
}

/// What is decided about.
struct PolicyCheck<'a> {
    view: &'a View,
    /// The pod that is called, whose ports have names.
    to: Option<&'a Value>,
    port: u16,
    protocol: Protocol,
}

impl PolicyCheck<'_> {
    /// Whether the policies of a pod let it talk with the other side.
    fn may(&self, direction: Direction, pod: &Value, other: PolicyPeer<'_>) -> bool {
        let (kind, rules, peers) = direction.names();
        let all = self.view.objects.list(POLICIES, pod.namespace());
        let mut selected = false;
        for policy in all.map(|e| e.lean()).filter(|p| is_about(p, kind, pod)) {
            selected = true;
            let lets = |rule: &Value| {
                self.has_port(rule.list_at("ports"))
                    && self.has_peer(pod.namespace(), rule.list_at(peers), other)
            };
            if policy.list_at(rules).iter().any(lets) {
                return true;
            }
        }
        !selected
    }

    /// Whether the port is among a rule's; none means every port.
    fn has_port(&self, ports: &[Value]) -> bool {
        let is = |wanted: &Value| {
            let number = i64::from(self.port);
            protocol_of(wanted) == self.protocol.name()
                && match wanted.get("port") {
                    None | Some(Value::Null) => true,
                    Some(Value::String(name)) => self.is_called(name),
                    Some(first) => {
                        let first = first.as_i64().unwrap_or(0);
                        (first..=wanted.i64_at("endPort").unwrap_or(first)).contains(&number)
                    }
                }
        };
        ports.is_empty() || ports.iter().any(is)
    }

    /// Whether the port of the pod that is called has this name.
    fn is_called(&self, name: &str) -> bool {
        let containers = self.to.into_iter().flat_map(|p| p.list_at("spec.containers"));
        containers.flat_map(|c| c.list_at("ports")).any(|p| {
            p.str_at("name") == name
                && p.i64_at("containerPort") == Some(i64::from(self.port))
                && protocol_of(p) == self.protocol.name()
        })
    }

    /// Whether the other side is among a rule's peers; none means everybody.
    fn has_peer(&self, namespace: &str, peers: &[Value], other: PolicyPeer<'_>) -> bool {
        let is = |peer: &Value| match peer.at("ipBlock") {
            Some(block) => in_block(block, other.address),
            None => other.pod.is_some_and(|pod| self.fits(namespace, peer, pod)),
        };
        peers.is_empty() || peers.iter().any(is)
    }

    fn fits(&self, namespace: &str, peer: &Value, pod: &Value) -> bool {
        let of = |field: &str| peer.at(field).filter(|s| !s.is_null()).map(Labels::from_object);
        let here = match of("namespaceSelector") {
            None => pod.namespace() == namespace,
            Some(labels) => {
                let found = self.view.get("namespaces", pod.namespace());
                found.is_some_and(|e| labels.matches_meta(&e.meta))
            }
        };
        here && of("podSelector").is_none_or(|labels| labels.matches_meta(&Meta::of(pod)))
    }
}

/// Whether a policy selects a pod for a direction. Who writes none means Ingress, and Egress where
/// there are rules for it.
fn is_about(policy: &Value, kind: &str, pod: &Value) -> bool {
    let types = policy.list_at("spec.policyTypes");
    let means = match types.is_empty() {
        true => kind == "Ingress" || !policy.list_at("spec.egress").is_empty(),
        false => types.iter().any(|t| t == kind),
    };
    let selector = policy.at("spec.podSelector").map(Labels::from_object).unwrap_or_default();
    means && selector.matches_object(pod)
}

fn in_block(block: &Value, address: Ipv4Addr) -> bool {
    let holds =
        |cidr: &str| cidr.parse::<ipnet::Ipv4Net>().is_ok_and(|network| network.contains(&address));
    holds(block.str_at("cidr"))
        && !block.list_at("except").iter().filter_map(Value::as_str).any(holds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testkit::Kit;

    fn pod(name: &str, namespace: &str, app: &str, last: u8) -> Value {
        json!({"metadata": {"name": name, "namespace": namespace, "uid": name,
            "labels": {"app": app}}, "spec": {"containers": [{"ports": [
                {"name": "web", "containerPort": 8080}]}]},
            "status": {"podIP": format!("10.217.0.{last}")}})
    }

    struct Lab {
        kit: Kit,
        web: Value,
        near: Value,
        far: Value,
    }

    /// A server, a client beside it and one in another namespace, under policies.
    fn lab(policies: &[Value]) -> Lab {
        let mut kit = Kit::default();
        for (name, labels) in [
            ("a", json!({"team": "x"})),
            ("b", json!({"team": "y"})),
            ("openshift-ingress", json!({"network.openshift.io/policy-group": "ingress"})),
            ("openshift-dns", json!({})),
        ] {
            kit.put("namespaces", json!({"metadata": {"name": name, "labels": labels}}));
        }
        for (i, spec) in policies.iter().enumerate() {
            kit.put(
                POLICIES,
                json!({"metadata": {"name": format!("p{i}"), "namespace": "a"},
                "spec": spec}),
            );
        }
        Lab {
            kit,
            web: pod("web", "a", "web", 1),
            near: pod("near", "a", "client", 2),
            far: pod("far", "b", "client", 3),
        }
    }

    impl Lab {
        fn passes(&self, from: PolicyPeer<'_>, port: u16) -> bool {
            pass(&self.kit.view(), from, PolicyPeer::pod(&self.web), port, Protocol::Tcp)
        }

        /// Who reaches the server: a neighbour, a stranger, the router, a node, the world.
        fn who(&self) -> String {
            let router = router(Ipv4Addr::new(192, 168, 126, 11));
            [
                ('n', PolicyPeer::pod(&self.near)),
                ('s', PolicyPeer::pod(&self.far)),
                ('r', PolicyPeer::pod(&router)),
                ('k', PolicyPeer::at(Ipv4Addr::new(192, 168, 126, 11))),
                ('w', PolicyPeer::at(Ipv4Addr::new(198, 51, 100, 7))),
            ]
            .into_iter()
            .filter(|(_, side)| self.passes(*side, 8080))
            .map(|(letter, _)| letter)
            .collect()
        }
    }

    /// 133 of the cases of the reference.
    #[test]
    fn what_comes_in() {
        let rule = |from: Value| json!({"podSelector": {}, "ingress": [{"from": from}]});
        let team_y = json!({"matchLabels": {"team": "y"}});
        let rows: &[(&[Value], &str)] = &[
            (&[], "nsrkw"),
            (&[json!({"podSelector": {}})], "k"),
            // Only the neighbour is held: it may not go out.
            (&[json!({"podSelector": {}, "policyTypes": ["Egress"]})], "srkw"),
            (&[json!({"podSelector": {"matchLabels": {"app": "other"}}})], "nsrkw"),
            (&[json!({"podSelector": {}, "ingress": [{}]})], "nsrkw"),
            (&[rule(json!([{"podSelector": {}}]))], "nk"),
            (&[rule(json!([{"namespaceSelector": {}}]))], "nsrk"),
            (&[rule(json!([{"namespaceSelector": team_y}]))], "sk"),
            (&[rule(json!([{"podSelector": {}}, {"namespaceSelector": team_y}]))], "nsk"),
            (
                &[rule(json!([{"namespaceSelector": team_y,
                    "podSelector": {"matchLabels": {"app": "web"}}}]))],
                "k",
            ),
            (
                &[rule(json!([{"namespaceSelector": {"matchLabels":
                    {"network.openshift.io/policy-group": "ingress"}}}]))],
                "rk",
            ),
            (&[rule(json!([{"ipBlock": {"cidr": "198.51.100.0/24"}}]))], "kw"),
            (
                &[rule(json!([{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.217.0.2/32"]}}]))],
                "srkw",
            ),
            // A second policy only adds.
            (&[json!({"podSelector": {}}), rule(json!([{"podSelector": {}}]))], "nk"),
        ];
        for (policies, expected) in rows {
            assert_eq!(lab(policies).who(), *expected, "{policies:?}");
        }
    }

    #[test]
    fn ports_are_numbers_ranges_and_names() {
        let rows = [
            (json!([]), true),
            (json!([{"port": 8080}]), true),
            (json!([{"port": 80}]), false),
            (json!([{"port": 8080, "protocol": "UDP"}]), false),
            (json!([{"protocol": "TCP"}]), true),
            (json!([{"port": 8000, "endPort": 8100}]), true),
            (json!([{"port": 8081, "endPort": 8100}]), false),
            (json!([{"port": "web"}]), true),
            (json!([{"port": "db"}]), false),
            (json!([{"port": 80}, {"port": "web"}]), true),
        ];
        for (ports, expected) in rows {
            let lab = lab(&[json!({"podSelector": {}, "ingress": [{"ports": ports}]})]);
            assert_eq!(lab.passes(PolicyPeer::pod(&lab.near), 8080), expected, "{ports}");
        }
    }

    #[test]
    fn what_goes_out() {
        let out = |to: Value| json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": to});
        let dns = json!([{"ports": [{"port": 5353, "protocol": "UDP"}]}]);
        let far = json!([{"to": [{"namespaceSelector": {"matchLabels": {"team": "y"}}}]}]);
        let rows = [
            (json!([]), [false, false, false]),
            (json!([{}]), [true, true, true]),
            (far, [true, false, false]),
            (json!([{"to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}]), [false, true, false]),
            (dns, [false, false, true]),
        ];
        for (to, expected) in rows {
            let lab = lab(&[out(to.clone())]);
            let view = lab.kit.view();
            let (server, port) = name_server(Ipv4Addr::new(172, 30, 0, 10));
            let from = PolicyPeer::pod(&lab.near);
            let world = PolicyPeer::at(Ipv4Addr::new(198, 51, 100, 7));
            let found = [
                pass(&view, from, PolicyPeer::pod(&lab.far), 8080, Protocol::Tcp),
                pass(&view, from, world, 443, Protocol::Tcp),
                pass(&view, from, PolicyPeer::pod(&server), port, Protocol::Udp),
            ];
            assert_eq!(found, expected, "{to}");
            // A pod always reaches itself.
            assert!(pass(&view, from, from, 8080, Protocol::Tcp));
        }
    }
}
