//! The table of services. Source: kubernetes `pkg/printers/internalversion`.

use super::super::cells;
use crate::kinds::{Column, columns::AGE};
use crate::object::{ObjectExt, Value, json};

pub(super) const COLUMNS: &[Column] = &[
    Column::text("Type", "How the service is exposed.", |o, _| cells::text(o, "spec.type")),
    Column::text("Cluster-IP", "Address inside the cluster.", |o, _| {
        let first = o.list_at("spec.clusterIPs").first().and_then(Value::as_str);
        json!(first.unwrap_or("<none>"))
    }),
    Column::text("External-IP", "Address outside the cluster.", |o, _| json!(external(o))),
    Column::text("Port(s)", "Ports, with node port and protocol.", |o, _| json!(ports(o))),
    AGE,
    Column::text("Selector", "Labels of the pods behind it.", |o, _| {
        cells::labels(o, "spec.selector")
    })
    .wide(),
];

fn external(service: &Value) -> String {
    let given = cells::joined(service, "spec.externalIPs", ",");
    match service.str_at("spec.type") {
        "ClusterIP" | "NodePort" if given.is_empty() => "<none>".into(),
        "ClusterIP" | "NodePort" => given,
        "LoadBalancer" => {
            let mut all = cells::balancer_addresses(service);
            all.extend(service.list_at("spec.externalIPs").iter().filter_map(Value::as_str));
            if all.is_empty() { "<pending>".into() } else { all.join(",") }
        }
        "ExternalName" => service.str_at("spec.externalName").to_owned(),
        _ => "<unknown>".into(),
    }
}

fn ports(service: &Value) -> String {
    let one = |p: &Value| {
        let (port, protocol) = (p.i64_at("port").unwrap_or(0), p.str_at("protocol"));
        match p.i64_at("nodePort") {
            Some(node) if node > 0 => format!("{port}:{node}/{protocol}"),
            _ => format!("{port}/{protocol}"),
        }
    };
    let all: Vec<String> = service.list_at("spec.ports").iter().map(one).collect();
    if all.is_empty() { "<none>".into() } else { all.join(",") }
}
