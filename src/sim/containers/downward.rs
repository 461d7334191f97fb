//! What a pod may learn of itself: the downward API. Source: `pkg/fieldpath`,
//! `pkg/api/v1/resource`.

use crate::{
    controllers::View,
    object::{Map, ObjectExt, Text, Value, quantity::Quantity},
};

/// A field by its path.
pub fn field(pod: &Value, path: &str) -> String {
    if let Some((list, key)) = path.strip_suffix("']").and_then(|p| p.split_once("['")) {
        let map = pod.map_at(list);
        return map.and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or("").to_owned();
    }
    match path {
        "metadata.labels" | "metadata.annotations" => {
            pod.map_at(path).map(listed).unwrap_or_default()
        }
        "spec.serviceAccountName" => pod.str_at("spec.serviceAccountName").to_owned(),
        "status.hostIPs" | "status.podIPs" => {
            let ips = pod.list_at(path).iter().map(|ip| ip.str_at("ip"));
            ips.collect::<Vec<_>>().join(",")
        }
        other => pod.str_at(other).to_owned(),
    }
}

/// `key="value"` lines.
fn listed(map: &Map) -> String {
    let line = |(k, v): (&Text, &Value)| format!("{k}={:?}", v.as_str().unwrap_or(""));
    map.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A request or limit of a container, in units of the divisor, rounded up; the node's own
/// capacity stands in for a missing limit.
pub fn resource(view: &View, pod: &Value, container: &str, wanted: &Value) -> String {
    let own = wanted.str_at("containerName");
    let container = if own.is_empty() { container } else { own };
    let lists = ["spec.containers", "spec.initContainers"];
    let mut specs = lists.iter().flat_map(|l| pod.list_at(l));
    let spec = specs.find(|c| c.str_at("name") == container);
    let (kind, name) = wanted.str_at("resource").split_once('.').unwrap_or(("limits", ""));
    let given = |kind: &str| spec.and_then(|s| s.at("resources")?.get(kind)?.get(name)?.as_str());
    let node = view.value("nodes", pod.str_at("spec.nodeName"));
    let capacity = node.as_ref().and_then(|n| n.at("status.allocatable")?.get(name)?.as_str());
    let text = match kind {
        "requests" => given("requests").unwrap_or("0"),
        _ => given("limits").or(capacity).unwrap_or("0"),
    };
    let milli = |text: &str| Quantity::parse(text).map_or(0, Quantity::milli);
    let unit = match milli(wanted.at("divisor").and_then(Value::as_str).unwrap_or("1")) {
        0 => 1000,
        unit => unit,
    };
    (milli(text).saturating_add(unit - 1) / unit).to_string()
}
