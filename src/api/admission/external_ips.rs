//! ExternalIPRanger: services get addresses from outside only where the cluster's network says so.
//!
//! Source: openshift/kubernetes `openshift-kube-apiserver/admission/network/externalipranger`.

use super::{
    super::Verb,
    Attributes,
    common::{aggregate, is, refuse},
};
use crate::{
    access::Attributes as Ask,
    error::Error,
    object::{ObjectExt, Value},
    store::Op,
};

/// The cluster's network configuration, whose policy names the ranges.
const NETWORKS: &str = "networks.config.openshift.io";

/// Refuses external addresses that no policy allows, unless the caller may set any.
pub fn validate(service: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    let addresses = service.list_at("spec.externalIPs");
    if !is(a, "services") || a.verb == Verb::Delete || addresses.is_empty() {
        return Ok(Vec::new());
    }
    let network = a.snapshot.get(NETWORKS, "", "cluster").map(|e| e.value());
    let ranges = |name: &str| -> Vec<ipnet::IpNet> {
        let path = format!("spec.externalIP.policy.{name}");
        let all = network.as_ref().map_or(&[][..], |n| n.list_at(&path));
        all.iter().filter_map(|c| c.as_str()?.parse().ok()).collect()
    };
    let (allowed, rejected) = (ranges("allowedCIDRs"), ranges("rejectedCIDRs"));
    let mut problems = Vec::new();
    if allowed.is_empty() {
        problems.push("spec.externalIPs: Forbidden: externalIPs have been disabled".to_owned());
    } else {
        for (i, address) in addresses.iter().enumerate() {
            let within = |ranges: &[ipnet::IpNet], ip| ranges.iter().any(|r| r.contains(&ip));
            let why = match address.as_str().unwrap_or_default().parse::<std::net::IpAddr>() {
                Err(_) => "externalIPs must be a valid address",
                Ok(ip) if within(&rejected, ip) || !within(&allowed, ip) => {
                    "externalIP is not allowed"
                }
                Ok(_) => continue,
            };
            problems.push(format!("spec.externalIPs[{i}]: Forbidden: {why}"));
        }
    }
    match aggregate(&problems) {
        Some(why) if !may_override(a) => Err(refuse(a, service, why)),
        _ => Ok(Vec::new()),
    }
}

fn may_override(a: &Attributes<'_>) -> bool {
    let ask = Ask {
        verb: "create",
        group: "network.openshift.io",
        resource: "service",
        sub: "externalips",
        ..Ask::default()
    };
    a.authorizer.authorize(a.snapshot, a.caller, &ask).allowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn run(policy: Option<Value>, ip: &str) -> Result<(), String> {
        let network = json!({"metadata": {"name": "cluster"},
            "spec": {"externalIP": {"policy": policy}}});
        let scene = Scene::new(vec![(NETWORKS, network)]);
        let service = json!({"metadata": {"name": "s"}, "spec": {"externalIPs": [ip]}});
        let a = scene.attributes("services", Verb::Create, "n", "s");
        validate(&service, &a).map(drop).map_err(|e| e.to_string())
    }

    #[test]
    fn addresses_need_a_policy() {
        let refused =
            |why: &str| Err(format!("services \"s\" is forbidden: spec.externalIPs{why}"));
        assert_eq!(run(None, "192.0.2.1"), refused(": Forbidden: externalIPs have been disabled"));
        let policy =
            || Some(json!({"allowedCIDRs": ["192.0.2.0/24"], "rejectedCIDRs": ["192.0.2.8/29"]}));
        assert_eq!(run(policy(), "192.0.2.1"), Ok(()));
        assert_eq!(
            run(policy(), "192.0.2.9"),
            refused("[0]: Forbidden: externalIP is not allowed")
        );
        assert_eq!(
            run(policy(), "198.51.100.1"),
            refused("[0]: Forbidden: externalIP is not allowed")
        );
    }
}
