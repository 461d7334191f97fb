//! Which parts of a cluster there are beside the API: none, unless the variables say otherwise.

use super::{Given, PROGRAM};
use crate::{
    api::admission,
    config::Serve,
    controllers::{self, Controller},
    run::Nature,
    sim,
};
use ipnet::Ipv4Net;
use std::{env, net::Ipv4Addr};

/// Variable that adds controllers: `all`, or names of some.
const CONTROLLERS: &str = "POCKETSHIFT_ENVTEST_CONTROLLERS";
/// Variable that adds OpenShift's groups and what works for them.
const OPENSHIFT: &str = "POCKETSHIFT_ENVTEST_OPENSHIFT";

/// What upstream runs inside its API server.
const ALWAYS: &[&str] = &[
    "api-priority-and-fairness-config-consumer-v1",
    "autoregister",
    "customresourcedefinition-controller",
    "event-ttl-controller",
];

/// What only works for OpenShift's kinds and policies.
const FOR_OPENSHIFT: &[&str] = &[
    "build-controller",
    "buildconfig-controller",
    "builder",
    "cluster-quota-reconciliation-controller",
    "default-rolebindings-controller",
    "deployer",
    "deployer-controller",
    "deploymentconfig-controller",
    "image-import-controller",
    "image-trigger-controller",
    "ingress-to-route-controller",
    "machine-config-controller",
    "namespace-security-allocation-controller",
    "ovnkube-controller",
    "pod-security-admission-label-synchronization-controller",
    "router",
    "scheduled-image-import-controller",
    "scheduled-image-import-turns",
    "service-ca-injection-controller",
    "service-serving-cert-controller",
    "serviceaccount-pull-secrets-controller",
    "template-instance-controller",
    "template-instance-finalizer-controller",
    "unidling-controller",
];

/// Plug-ins that upstream does not switch on by itself, and OpenShift's.
const PLUGINS_OFF: &[&str] =
    &["DenyServiceExternalIPs", "OwnerReferencesPermissionEnforcement", "PodTolerationRestriction"];

/// Simulated nodes where there are any.
const NODES: usize = 1;

/// The service network when nobody says another.
const SERVICES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 24);

/// What the cluster consists of. Sets how many nodes there are.
pub fn nature(given: &Given, flags: &mut Serve) -> Result<Nature, String> {
    let asked = env::var(OPENSHIFT).unwrap_or_default();
    let openshift = !matches!(asked.as_str(), "" | "0" | "false" | "no" | "off");
    let controllers = chosen(&env::var(CONTROLLERS).unwrap_or_default(), openshift)?;
    let simulated = |c: &&Controller| sim::CONTROLLERS.iter().any(|s| s.name == c.name);
    if controllers.iter().copied().any(|c| simulated(&c)) {
        flags.nodes = NODES;
    }
    Ok(Nature {
        openshift,
        controllers,
        admission_off: plugins_off(given, openshift),
        services: Some(services(given)),
        ..Nature::default()
    })
}

/// The controllers of a list of names, and those that are always there.
fn chosen(list: &str, openshift: bool) -> Result<Vec<&'static Controller>, String> {
    let every = [sim::CONTROLLERS, controllers::ALL].concat();
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
    let is = |controller: &Controller, name: &str| {
        controller.name == name || controller.name.strip_suffix("-controller") == Some(name)
    };
    if let Some(strange) = names.iter().find(|n| **n != "all" && !every.iter().any(|c| is(c, n))) {
        let known: Vec<&str> = every.iter().map(|c| c.name).collect();
        let known = known.join(", ");
        return Err(format!("{CONTROLLERS}: {strange:?} is none of all, {known}"));
    }
    let wanted = |c: &&'static Controller| {
        let for_openshift = FOR_OPENSHIFT.contains(&c.name);
        ALWAYS.contains(&c.name)
            || (for_openshift && openshift)
            || names.iter().any(|n| is(c, n) || (*n == "all" && !for_openshift))
    };
    Ok(every.into_iter().filter(wanted).collect())
}

/// The plug-ins that are off: by default, by the flags, and all of OpenShift's where it is not.
fn plugins_off(given: &Given, openshift: bool) -> Vec<String> {
    let lists = ["enable-admission-plugins", "admission-control"];
    let on: Vec<&str> = lists.iter().flat_map(|list| given.all(list)).collect();
    let off = given.all("disable-admission-plugins");
    let known: Vec<&str> = admission::names().collect();
    for strange in on.iter().filter(|name| !known.contains(name)) {
        eprintln!("{PROGRAM}: the admission plug-in {strange} is not known here and has no effect");
    }
    let by_default = |name: &&str| {
        let theirs = name.contains(".openshift.io/");
        (theirs && !openshift) || (PLUGINS_OFF.contains(name) && !on.contains(name))
    };
    let default = known.iter().copied().filter(|name| by_default(name));
    default.chain(off).map(Into::into).collect()
}

fn services(given: &Given) -> (Ipv4Addr, u8) {
    let network = match given.all("service-cluster-ip-range").first() {
        None => SERVICES,
        Some(text) => text.parse().unwrap_or_else(|_| {
            eprintln!(
                "{PROGRAM}: --service-cluster-ip-range: {text} is not IPv4; it is {SERVICES}"
            );
            SERVICES
        }),
    };
    (network.network(), network.prefix_len())
}

#[cfg(test)]
mod tests {
    use super::super::super::flags::API_SERVER;
    use super::*;

    fn given(line: &str) -> Given {
        API_SERVER.parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn controllers_are_added_by_name() {
        let names = |list: &str, openshift| {
            chosen(list, openshift).map(|all| all.iter().map(|c| c.name).collect::<Vec<_>>())
        };
        let of = |list: &str| names(list, false).unwrap();
        let mut alone = of("");
        alone.sort_unstable();
        assert_eq!(alone, ALWAYS);
        assert!(of("deployment, kubelet").contains(&"deployment-controller"));
        assert!(of("deployment, kubelet").contains(&"kubelet"));
        assert!(!of("all").contains(&"router") && of("all").contains(&"namespace-controller"));
        assert!(names("", true).unwrap().contains(&"router"));
        assert!(names("nonsense", false).unwrap_err().contains("namespace-controller"));
        let every = [sim::CONTROLLERS, controllers::ALL].concat();
        for name in ALWAYS.iter().chain(FOR_OPENSHIFT) {
            assert!(every.iter().any(|c| c.name == *name), "{name}");
        }
    }

    #[test]
    fn plugins_are_switched() {
        let off = |line: &str| plugins_off(&given(line), false);
        let has = |list: &[String], name: &str| list.iter().any(|n| n == name);
        let plain = off("--disable-admission-plugins=ServiceAccount");
        assert!(has(&plain, "ServiceAccount") && has(&plain, "PodTolerationRestriction"));
        assert!(has(&plain, "security.openshift.io/SecurityContextConstraint"));
        assert!(!has(&plain, "ResourceQuota") && !has(&plain, "LimitRanger"));
        let more = off("--enable-admission-plugins PodTolerationRestriction");
        assert!(!has(&more, "PodTolerationRestriction") && !has(&more, "ServiceAccount"));
        let known: Vec<&str> = admission::names().collect();
        assert!(PLUGINS_OFF.iter().all(|name| known.contains(name)));
    }

    #[test]
    fn the_service_network() {
        let network = |line: &str| services(&given(line));
        assert_eq!(network(""), (Ipv4Addr::new(10, 0, 0, 0), 24));
        let two = "--service-cluster-ip-range=10.96.0.0/12,fd00::/108";
        assert_eq!(network(two), (Ipv4Addr::new(10, 96, 0, 0), 12));
    }
}
