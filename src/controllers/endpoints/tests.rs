//! Endpoints and slices of a Service (E01).

use super::{slices, subsets};
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json},
};

const SLICES: &str = "endpointslices.discovery.k8s.io";

fn service(kit: &mut Kit) {
    kit.put(
        "services",
        json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "s", "namespace": "n", "labels": {"l": "1"}},
        "spec": {"clusterIP": "10.217.4.9", "selector": {"app": "a"}, "ipFamilies": ["IPv4"],
            "ports": [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}]}}),
    );
}

fn pod(name: &str, ip: &str, ready: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "labels": {"app": "a"}},
        "spec": {"nodeName": "node", "containers": [{"name": "c",
            "ports": [{"name": "web", "containerPort": 8080, "protocol": "TCP"}]}]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [
            {"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
}

fn settle(kit: &mut Kit) -> (Value, Vec<Value>) {
    kit.settle_all(&[&subsets::CONTROLLER, &slices::CONTROLLER]);
    (kit.get("endpoints", "n/s").unwrap(), kit.list(SLICES))
}

#[test]
fn no_pods_make_empty_endpoints_and_one_slice() {
    let mut kit = Kit::default();
    service(&mut kit);
    let (endpoints, slices) = settle(&mut kit);
    assert!(endpoints.at("subsets").is_none());
    assert_eq!(endpoints.label("endpoints.kubernetes.io/managed-by"), Some("endpoint-controller"));
    assert_eq!((slices.len(), slices[0].list_at("endpoints").len()), (1, 0));
    assert_eq!(slices[0].label("l"), Some("1"));
}

#[test]
fn readiness_and_termination_show() {
    let mut kit = Kit::default();
    service(&mut kit);
    kit.put("pods", pod("b", "10.217.0.10", "True"));
    kit.put("pods", pod("a", "10.217.0.9", "True"));
    kit.put("pods", pod("unready", "10.217.0.8", "False"));
    let mut going = pod("going", "10.217.0.7", "True");
    going.set_at("metadata.deletionTimestamp", "2026-01-01T00:00:30Z");
    kit.put("pods", going);
    let (endpoints, slices) = settle(&mut kit);
    let subset = &endpoints.list_at("subsets")[0];
    let ips = |field: &str| -> Vec<&str> {
        subset.list_at(field).iter().map(|a| a.str_at("ip")).collect()
    };
    assert_eq!(ips("addresses"), ["10.217.0.9", "10.217.0.10"], "sorted as addresses");
    assert_eq!(ips("notReadyAddresses"), ["10.217.0.8"]);
    assert_eq!(subset["ports"], json!([{"name": "http", "port": 8080, "protocol": "TCP"}]));
    assert_eq!(slices.len(), 1);
    let of = |name: &str| {
        let all = slices[0].list_at("endpoints").iter();
        all.clone().find(|e| e.str_at("targetRef.name") == name).unwrap()["conditions"].clone()
    };
    assert_eq!(of("going"), json!({"ready": false, "serving": true, "terminating": true}));
    assert_eq!(of("unready"), json!({"ready": false, "serving": false, "terminating": false}));
}

#[test]
fn slices_hold_a_hundred_and_shrink() {
    let mut kit = Kit::default();
    service(&mut kit);
    for i in 0..150 {
        kit.put("pods", pod(&format!("p{i:03}"), &format!("10.217.1.{i}"), "True"));
    }
    let (_, slices) = settle(&mut kit);
    let mut sizes: Vec<usize> = slices.iter().map(|s| s.list_at("endpoints").len()).collect();
    sizes.sort();
    assert_eq!(sizes, [50, 100]);
    for i in 0..150 {
        kit.remove("pods", &format!("n/p{i:03}"));
    }
    let (endpoints, slices) = settle(&mut kit);
    assert!(endpoints.at("subsets").is_none());
    assert_eq!((slices.len(), slices[0].list_at("endpoints").len()), (1, 0));
}

#[test]
fn endpoints_without_a_service_go() {
    let mut kit = Kit::default();
    service(&mut kit);
    settle(&mut kit);
    kit.remove("services", "n/s");
    kit.settle_all(&[&subsets::CONTROLLER]);
    assert!(kit.get("endpoints", "n/s").is_none());
}
