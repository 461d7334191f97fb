//! A pod spec as a whole: the fields that belong to no container, and the order of all checks.

use super::{SpecOwner, containers, resources, scheduling, security, volumes};
use crate::{
    error::Causes,
    kinds::workloads::{checks, field::Field},
    object::{Value, json, name},
};
use std::collections::HashSet;

const DNS_POLICIES: &[&str] = &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const BAD_ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/// A whole `PodSpec`.
pub fn validate_spec(spec: &Field<'_>, place: SpecOwner, out: &mut Causes) {
    if !spec.get("terminationGracePeriodSeconds").is_set() {
        spec.get("terminationGracePeriodSeconds").required(out, "");
    }
    let known = volumes::validate(&spec.get("volumes"), out);
    claims(&spec.get("resourceClaims"), out);
    containers::validate(spec, &known, place, out);
    host_network(spec, place, out);
    spec.get("restartPolicy").one_of(out, &["Always", "OnFailure", "Never"]);
    spec.get("dnsPolicy").one_of(out, DNS_POLICIES);
    checks::labels(&spec.get("nodeSelector"), out);
    security::pod(spec, out);
    scheduling::affinity(&spec.get("affinity"), out);
    dns_config(spec, out);
    for gate in spec.get("readinessGates").items() {
        gate.get("conditionType").qualified_name(out);
    }
    scheduling::gates(&spec.get("schedulingGates"), out);
    scheduling::spread(&spec.get("topologySpreadConstraints"), out);
    security::host_processes(spec, out);
    names(spec, out);
    spec.get("activeDeadlineSeconds").within(out, 1, i64::from(i32::MAX));
    spec.get("hostname").dns_label(out);
    spec.get("subdomain").dns_label(out);
    scheduling::tolerations(&spec.get("tolerations"), out);
    host_aliases(&spec.get("hostAliases"), out);
    spec.get("priorityClassName").dns_subdomain(out);
    spec.get("runtimeClassName").dns_subdomain(out);
    spec.get("preemptionPolicy").one_of_if_set(out, &["PreemptLowerPriority", "Never"]);
    resources::overhead(&spec.get("overhead"), out);
    if spec.get("os").is_set() {
        let (os, name) = (spec.get("os"), spec.get("os.name"));
        let systems = ["linux", "windows"];
        match name.text() {
            "" => name.required(out, ""),
            known if systems.contains(&known) => {}
            other => out.unsupported(os.path, &json!(other), &systems),
        }
    }
}

/// Claims of devices: each by a name of its own, and by another's name or a template's.
fn claims(list: &Field<'_>, out: &mut Causes) {
    const TYPE: &str = "io.k8s.api.core.v1.PodResourceClaim";
    let mut seen = HashSet::new();
    for claim in list.items() {
        let name = claim.get("name");
        match name.text() {
            "" => name.required(out, ""),
            text if seen.insert(text) => name.dns_label(out),
            _ => name.duplicate(out),
        }
        let named = ["resourceClaimName", "resourceClaimTemplateName"].map(|f| claim.get(f));
        match named.iter().filter(|f| f.is_set()).count() {
            0 => claim.invalid_struct(
                TYPE,
                out,
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
            ),
            1 => {}
            _ => claim.invalid_struct(
                TYPE,
                out,
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
            ),
        }
        for field in named.iter().filter(|f| f.is_set()) {
            field.problems(out, name::subdomain_problems(field.text()));
        }
    }
}

fn names(spec: &Field<'_>, out: &mut Causes) {
    let over = spec.get("hostnameOverride");
    if over.is_set() {
        if spec.get("setHostnameAsFQDN").is_true() {
            over.forbidden(out, "may not be specified when setHostnameAsFQDN is true");
        }
        if spec.get("hostNetwork").is_true() {
            over.forbidden(out, "may not be specified when hostNetwork is true");
        }
        if over.text().len() > 64 {
            out.too_long(&over.path, 64);
        }
        over.problems(out, name::subdomain_problems(over.text()));
    }
    spec.get("serviceAccountName").dns_subdomain(out);
    spec.get("nodeName").dns_subdomain(out);
}

fn host_network(spec: &Field<'_>, place: SpecOwner, out: &mut Causes) {
    if !spec.get("hostNetwork").is_true() {
        return;
    }
    let ports = spec.get("containers").items().into_iter().flat_map(|c| c.get("ports").items());
    for port in ports {
        let host = port.get("hostPort").int_or_zero();
        let matters = place == SpecOwner::Pod || host != 0;
        if matters && host != port.get("containerPort").int_or_zero() {
            out.invalid(
                port.get("hostPort").path,
                &json!(host),
                "must match `containerPort` when `hostNetwork` is true",
            );
        }
    }
}

fn dns_config(spec: &Field<'_>, out: &mut Causes) {
    let config = spec.get("dnsConfig");
    let servers = config.get("nameservers");
    if spec.get("dnsPolicy").text() == "None" {
        if !config.is_set() {
            config.required(out, "must provide `dnsConfig` when `dnsPolicy` is None");
            return;
        }
        if servers.list().is_empty() {
            let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            servers.required(out, why);
            return;
        }
    }
    if servers.list().len() > 3 {
        servers.invalid(out, "must not have more than 3 nameservers");
    }
    servers.items().iter().for_each(|s| address(s, out));
    let searches = config.get("searches");
    if searches.list().len() > 32 {
        searches.invalid(out, "must not have more than 32 search paths");
    }
    if searches.texts().join(" ").len() > 2048 {
        let why = "must not have more than 2048 characters (including spaces) in the search list";
        searches.invalid(out, why);
    }
    for search in searches.items().iter().filter(|s| s.text() != ".") {
        let shown = search.text().strip_suffix('.').unwrap_or(search.text());
        for why in name::underscored_problems(shown) {
            out.invalid(&search.path, &json!(shown), why);
        }
    }
    for option in config.get("options").items() {
        if option.get("name").text().is_empty() {
            option.required(out, "must not be empty");
        }
    }
}

fn host_aliases(aliases: &Field<'_>, out: &mut Causes) {
    for alias in aliases.items() {
        address(&alias.get("ip"), out);
        for host in alias.get("hostnames").items() {
            host.problems(out, name::subdomain_problems(host.text()));
        }
    }
}

fn address(field: &Field<'_>, out: &mut Causes) {
    if field.text().parse::<std::net::IpAddr>().is_err() {
        out.invalid(
            &field.path,
            field.value.unwrap_or(&Value::String(String::new().into())),
            BAD_ADDRESS,
        );
    }
}
