//! networking.k8s.io: Ingress, IngressClass, NetworkPolicy, ServiceCIDR, IPAddress.

mod addresses;
mod ingress;
mod policy;

use crate::kinds::cluster::cells;
use crate::kinds::columns::{AGE, NAME};
use crate::kinds::{Column, Generation, Hooks, Kind, NameRule, Sub};
use crate::object::{ObjectExt, Value, json};

const GROUP: Kind = Kind { group: "networking.k8s.io", ..Kind::BASE };

/// `ingresses.networking.k8s.io`.
pub static INGRESS: Kind = Kind {
    kind: "Ingress",
    plural: "ingresses",
    short: &["ing"],
    schema: "io.k8s.api.networking.v1.Ingress",
    subresources: &[Sub::STATUS],
    generation: Generation::Spec,
    columns: &[
        Column::text("Class", "Name of the IngressClass.", |o, _| {
            cells::text_or(o, "spec.ingressClassName", "<none>")
        }),
        Column::text("Hosts", "Hosts the rules are for.", |o, _| json!(hosts(o))),
        Column::text("Address", "Where the load balancer can be reached.", |o, _| {
            json!(cells::balancer_addresses(o).join(","))
        }),
        Column::text("Ports", "Ports of the load balancer.", |o, _| {
            json!(if o.list_at("spec.tls").is_empty() { "80" } else { "80, 443" })
        }),
        AGE,
    ],
    hooks: Hooks {
        prepare: Some(ingress::prepare),
        validate: Some(ingress::validate),
        warn: Some(super::warnings::ingress),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `ingressclasses.networking.k8s.io`.
pub static INGRESS_CLASS: Kind = Kind {
    kind: "IngressClass",
    plural: "ingressclasses",
    namespaced: false,
    schema: "io.k8s.api.networking.v1.IngressClass",
    generation: Generation::Spec,
    columns: &[
        Column {
            cell: |o, _| {
                let key = "ingressclass.kubernetes.io/is-default-class";
                let default = o.annotation(key) == Some("true");
                json!(format!("{}{}", o.name(), if default { " (default)" } else { "" }))
            },
            ..NAME
        },
        Column::text("Controller", "Who implements the class.", |o, _| {
            cells::text(o, "spec.controller")
        }),
        Column::text("Parameters", "Further settings.", |o, _| json!(parameters(o))),
        AGE,
    ],
    hooks: Hooks {
        default: Some(ingress::default_class),
        validate: Some(ingress::validate_class),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `networkpolicies.networking.k8s.io`.
pub static NETWORK_POLICY: Kind = Kind {
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    short: &["netpol"],
    schema: "io.k8s.api.networking.v1.NetworkPolicy",
    generation: Generation::SpecAsSent,
    columns: &[
        Column::text("Pod-Selector", "Pods the policy is for.", |o, _| {
            cells::label_selector(o, "spec.podSelector")
        }),
        AGE,
    ],
    hooks: Hooks {
        default: Some(policy::default),
        validate: Some(|o, _, out| policy::validate(o, out)),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `servicecidrs.networking.k8s.io`.
pub static SERVICE_CIDR: Kind = Kind {
    since: 33,
    kind: "ServiceCIDR",
    plural: "servicecidrs",
    namespaced: false,
    schema: "io.k8s.api.networking.v1.ServiceCIDR",
    subresources: &[Sub::STATUS],
    columns: &[
        Column::text("CIDRs", "Ranges of service addresses.", |o, _| {
            json!(cells::joined(o, "spec.cidrs", ","))
        }),
        AGE,
    ],
    hooks: Hooks { validate: Some(addresses::range), ..Hooks::NONE },
    ..GROUP
};

/// `ipaddresses.networking.k8s.io`.
pub static IP_ADDRESS: Kind = Kind {
    since: 33,
    kind: "IPAddress",
    plural: "ipaddresses",
    short: &["ip"],
    namespaced: false,
    schema: "io.k8s.api.networking.v1.IPAddress",
    name_rule: NameRule::Address,
    columns: &[Column::text("ParentRef", "Who uses the address.", |o, _| json!(parent(o))), AGE],
    hooks: Hooks { validate: Some(addresses::address), ..Hooks::NONE },
    ..GROUP
};

fn hosts(ingress: &Value) -> String {
    const SHOWN: usize = 3;
    let rules = ingress.list_at("spec.rules");
    let named = rules.iter().take(SHOWN).map(|r| r.str_at("host")).filter(|h| !h.is_empty());
    let shown: Vec<&str> = named.collect();
    match (shown.is_empty(), rules.len() > SHOWN) {
        (true, _) => "*".into(),
        (false, true) => format!("{} + {} more...", shown.join(","), rules.len() - SHOWN),
        (false, false) => shown.join(","),
    }
}

fn parameters(class: &Value) -> String {
    let Some(p) = class.at("spec.parameters") else { return "<none>".into() };
    let group = match p.at("apiGroup").and_then(Value::as_str) {
        Some(group) => format!(".{group}"),
        None => String::new(),
    };
    format!("{}{group}/{}", p.str_at("kind"), p.str_at("name"))
}

fn parent(address: &Value) -> String {
    let Some(p) = address.at("spec.parentRef") else { return "<none>".into() };
    let group = match p.str_at("group") {
        "" => String::new(),
        group => format!(".{group}"),
    };
    let namespace = match p.str_at("namespace") {
        "" => String::new(),
        namespace => format!("/{namespace}"),
    };
    format!("{}{group}{namespace}/{}", p.str_at("resource"), p.str_at("name")).to_lowercase()
}
