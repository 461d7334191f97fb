//! Endpoints and EndpointSlice: the addresses behind a Service.

use super::cells;
use crate::kinds::{Column, Generation, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, Value, json};

/// `endpoints`.
pub static ENDPOINTS: Kind = Kind {
    kind: "Endpoints",
    plural: "endpoints",
    short: &["ep"],
    schema: "io.k8s.api.core.v1.Endpoints",
    create_on_update: true,
    columns: &[
        Column::text("Endpoints", "Addresses and ports that are ready.", |o, _| {
            json!(cells::first_three(&ready_addresses(o), "<none>"))
        }),
        AGE,
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};

/// `endpointslices.discovery.k8s.io`.
pub static ENDPOINT_SLICE: Kind = Kind {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    schema: "io.k8s.api.discovery.v1.EndpointSlice",
    generation: Generation::Spec,
    columns: &[
        Column::text("AddressType", "Type of the addresses.", |o, _| cells::text(o, "addressType")),
        Column::text("Ports", "Ports of every endpoint.", |o, _| {
            let ports: Vec<String> = o.list_at("ports").iter().map(slice_port).collect();
            json!(cells::first_three(&ports, "<unset>"))
        }),
        Column::text("Endpoints", "Addresses of the endpoints.", |o, _| {
            let addresses: Vec<String> = o
                .list_at("endpoints")
                .iter()
                .flat_map(|e| e.list_at("addresses"))
                .filter_map(|a| a.as_str().map(str::to_owned))
                .collect();
            json!(cells::first_three(&addresses, "<unset>"))
        }),
        AGE,
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};

fn ready_addresses(endpoints: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for subset in endpoints.list_at("subsets") {
        let addresses = || subset.list_at("addresses").iter().map(|a| a.str_at("ip"));
        if subset.list_at("ports").is_empty() {
            all.extend(addresses().map(str::to_owned));
        }
        for port in subset.list_at("ports") {
            let port = port.i64_at("port").unwrap_or(0);
            all.extend(addresses().map(|ip| match ip.contains(':') {
                true => format!("[{ip}]:{port}"),
                false => format!("{ip}:{port}"),
            }));
        }
    }
    all
}

fn slice_port(port: &Value) -> String {
    match (port.i64_at("port"), port.at("name").and_then(Value::as_str)) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "*".into(),
    }
}
