//! APIService: which group and version is served, and by whom.
//!
//! The server's own versions are listed as local and available; requests for others are passed on
//! to the services before them.

use crate::error::Causes;
use crate::kinds::{Column, Hooks, Kind, NameRule, Sub, columns::AGE, workloads::Field};
use crate::object::{ObjectExt, Value, json, name};
use std::collections::BTreeSet;

/// `apiservices.apiregistration.k8s.io`.
pub static API_SERVICE: Kind = Kind {
    group: "apiregistration.k8s.io",
    kind: "APIService",
    plural: "apiservices",
    categories: &["api-extensions"],
    namespaced: false,
    name_rule: NameRule::PathSegment,
    schema: "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
    subresources: &[Sub::STATUS],
    unconditional_update: false,
    columns: &[
        Column::text(
            "Service",
            "The reference to the service that hosts this API endpoint.",
            |o, _| match o.at("spec.service") {
                Some(s) => json!(format!("{}/{}", s.str_at("namespace"), s.str_at("name"))),
                None => json!("Local"),
            },
        ),
        Column::text("Available", "Whether this service is available.", |o, _| json!(available(o))),
        AGE,
    ],
    hooks: Hooks {
        prepare: Some(|o, old, cx| {
            // A local version is available by being served; others when somebody has looked.
            if old.is_none() && o.at("spec.service").is_none() {
                o.set_at(
                    "status",
                    json!({"conditions": [{
                        "type": "Available",
                        "status": "True",
                        "lastTransitionTime": crate::object::time::seconds(cx.world.clock.now()),
                        "reason": "Local",
                        "message": "Local APIServices are always available"
                    }]}),
                );
            }
            Ok(())
        }),
        validate: Some(|o, _, out| validate(o, out)),
        validate_status: Some(|o, _, out| {
            for status in Field::of(o, "status.conditions").items().iter().map(|c| c.get("status"))
            {
                if !["True", "False", "Unknown"].contains(&status.text()) {
                    status.unsupported(out, &["True", "False", "Unknown"]);
                }
            }
        }),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// How much a group and a version count among others, as upstream's aggregator has it; groups that
/// OpenShift adds share a number, and what it serves as custom resources another.
const PRIORITIES: [(&str, i64); 18] = [
    ("", 18_000),
    ("events.k8s.io", 17_750),
    ("authentication.k8s.io", 17_700),
    ("authorization.k8s.io", 17_600),
    ("autoscaling", 17_500),
    ("batch", 17_400),
    ("certificates.k8s.io", 17_300),
    ("networking.k8s.io", 17_200),
    ("policy", 17_100),
    ("rbac.authorization.k8s.io", 17_000),
    ("storage.k8s.io", 16_800),
    ("apiextensions.k8s.io", 16_700),
    ("admissionregistration.k8s.io", 16_700),
    ("scheduling.k8s.io", 16_600),
    ("coordination.k8s.io", 16_500),
    ("node.k8s.io", 16_300),
    ("discovery.k8s.io", 16_200),
    ("flowcontrol.apiserver.k8s.io", 16_100),
];

/// One local APIService per group and version that `served` names.
pub fn local(served: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<Value> {
    let known: BTreeSet<_> =
        served.filter(|(group, _)| *group != "apiregistration.k8s.io").collect();
    let of = |(group, version): (&str, &str)| {
        let listed = PRIORITIES.iter().find(|(g, _)| *g == group).map(|(_, n)| *n);
        let (minimum, priority) = match (group, version) {
            ("", _) => (18_000, 1),
            ("apps", _) => (17_800, 15),
            ("autoscaling", "v2") => (17_500, 30),
            ("flowcontrol.apiserver.k8s.io", _) => (16_100, 21),
            ("resource.k8s.io", _) => (16_200, 21),
            _ if group.ends_with("config.openshift.io") => (1000, 100),
            _ => (listed.unwrap_or(9900), 15),
        };
        json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": format!("{version}.{group}"),
                "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"}},
            "spec": {"group": group, "version": version, "groupPriorityMinimum": minimum,
                "versionPriority": priority},
        })
    };
    known.into_iter().map(of).collect()
}

/// The APIService of a version of custom resources.
pub fn of_definition(group: &str, version: &str) -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": format!("{version}.{group}"),
            "labels": {"kube-aggregator.kubernetes.io/automanaged": "true"}},
        "spec": {"group": group, "version": version, "groupPriorityMinimum": 1000,
            "versionPriority": 100},
    })
}

fn available(o: &Value) -> String {
    let conditions = o.list_at("status.conditions");
    match conditions.iter().find(|c| c.str_at("type") == "Available") {
        None => "Unknown".into(),
        Some(c) if c.str_at("status") == "True" || c.str_at("reason").is_empty() => {
            c.str_at("status").into()
        }
        Some(c) => format!("{} ({})", c.str_at("status"), c.str_at("reason")),
    }
}

fn validate(o: &Value, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    let (group, version) = (spec.get("group"), spec.get("version"));
    let wanted = format!("{}.{}", version.text(), group.text());
    let named = !o.name().is_empty() && name::path_segment_problems(o.name()).is_empty();
    if named && o.name() != wanted {
        let why = format!("must be `spec.version+\".\"+spec.group`: {wanted:?}");
        out.invalid("metadata.name", &json!(o.name()), why);
    }
    if group.text().is_empty() && version.text() != "v1" {
        group.required(out, "only v1 may have an empty group and it better be legacy kube");
    }
    group.dns_subdomain(out);
    for why in name::dns1035_problems(version.text()) {
        out.invalid(&version.path, &json!(version.text()), why);
    }
    for (field, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
        let field = spec.get(field);
        let n = field.int_or_zero();
        if n <= 0 || n > most {
            let why = format!("must be positive and less than {most}");
            out.invalid(&field.path, &json!(n), why);
        }
    }
    let service = spec.get("service");
    let (bundle, skip) = (spec.get("caBundle"), spec.get("insecureSkipTLSVerify"));
    if !service.is_set() {
        if !bundle.text().is_empty() {
            let bytes = json!(format!("{} bytes", bundle.text().len() / 4 * 3));
            out.invalid(&bundle.path, &bytes, "local APIServices may not have a caBundle");
        }
        if skip.is_true() {
            skip.invalid(out, "local APIServices may not have insecureSkipTLSVerify");
        }
        return;
    }
    service.get("namespace").needs_text(out);
    service.get("name").needs_text(out);
    let port = service.get("port");
    if port.int().is_some_and(|n| !(1..=65535).contains(&n)) {
        port.invalid(out, "port is not valid: must be between 1 and 65535, inclusive");
    }
    if skip.is_true() && !bundle.text().is_empty() {
        skip.invalid(out, "may not be true if caBundle is present");
    }
}
