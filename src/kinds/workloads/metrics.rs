//! metrics.k8s.io: what pods and nodes use. Source: k8s.io/metrics.

use crate::{
    kinds::{Backing, Column, Kind},
    object::{ObjectExt, Value, json, quantity::Quantity},
};

const COMPUTED: Kind = Kind {
    group: "metrics.k8s.io",
    version: "v1beta1",
    verbs: &["get", "list"],
    backing: Backing::Computed,
    columns: &[
        Column::text("CPU", "Processor time used.", |o, _| json!(sum(o, "cpu"))),
        Column::text("Memory", "Memory used.", |o, _| json!(sum(o, "memory"))),
        Column::text("Window", "What the sample is over.", |o, _| json!(o.str_at("window"))),
    ],
    ..Kind::BASE
};

/// `pods.metrics.k8s.io`.
pub static POD_METRICS: Kind = Kind {
    kind: "PodMetrics",
    plural: "pods",
    schema: "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics",
    ..COMPUTED
};

/// `nodes.metrics.k8s.io`.
pub static NODE_METRICS: Kind = Kind {
    kind: "NodeMetrics",
    plural: "nodes",
    namespaced: false,
    schema: "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics",
    ..COMPUTED
};

fn sum(o: &Value, resource: &str) -> String {
    let of = |usage: &Value| usage.get(resource).and_then(Quantity::from_value);
    if let Some(own) = o.at("usage") {
        return own.str_at(resource).to_owned();
    }
    let all = o.list_at("containers").iter().filter_map(|c| c.at("usage").and_then(of));
    match resource {
        "cpu" => format!("{}m", all.map(Quantity::milli).sum::<i64>()),
        _ => format!("{}Ki", all.map(Quantity::value).sum::<i64>() >> 10),
    }
}
