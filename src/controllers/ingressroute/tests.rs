//! What routes come of ingresses. Number 128 of the cases of the reference.

use super::{CONTROLLER, INGRESSES, ROUTES};
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json},
};

fn ingress(paths: Value, tls: Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "n", "name": "web", "labels": {"app": "web"},
            "annotations": {"haproxy.router.openshift.io/timeout": "5s"}},
        "spec": {"tls": tls, "rules": [{"host": "h.example.com", "http": {"paths": paths}}]}})
}

fn path(kind: &str, text: &str) -> Value {
    json!({"pathType": kind, "path": text,
        "backend": {"service": {"name": "web", "port": {"number": 80}}}})
}

fn scene(object: Value) -> Kit {
    let mut kit = Kit::default();
    kit.put(
        "services",
        json!({"metadata": {"namespace": "n", "name": "web"},
        "spec": {"ports": [{"name": "http", "port": 80}]}}),
    );
    kit.put(
        "secrets",
        json!({"metadata": {"namespace": "n", "name": "cert"},
        "type": "kubernetes.io/tls", "data": {"tls.crt": "Yw==", "tls.key": "aw=="}}),
    );
    kit.put(INGRESSES, object);
    kit.settle(&CONTROLLER, "n/web");
    kit
}

#[test]
fn a_path_becomes_a_route_with_the_certificate() {
    let tls = json!([{"hosts": ["h.example.com"], "secretName": "cert"}]);
    let mut kit = scene(ingress(json!([path("Prefix", "/a")]), tls));
    let routes = kit.list(ROUTES);
    let [route] = routes.as_slice() else { panic!("{routes:?}") };
    assert!(route.name().starts_with("web-"));
    let owner = &route.list_at("metadata.ownerReferences")[0];
    assert_eq!((owner.str_at("kind"), owner.is_true("controller")), ("Ingress", true));
    assert_eq!((route.label("app"), route.str_at("spec.port.targetPort")), (Some("web"), "http"));
    assert_eq!(
        route["spec"]["tls"],
        json!({"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect",
            "certificate": "c", "key": "k"})
    );
    // Edits are taken back.
    let key = format!("n/{}", route.name());
    kit.edit(ROUTES, &key, |r| r.set_at("spec.to.weight", 1));
    kit.settle(&CONTROLLER, "n/web");
    assert_eq!(kit.get(ROUTES, &key).unwrap().i64_at("spec.to.weight"), Some(100));
    kit.edit(INGRESSES, "n/web", |i| i.set_at("spec.rules", json!([])));
    kit.settle(&CONTROLLER, "n/web");
    assert!(kit.list(ROUTES).is_empty());
}

#[test]
fn what_routes_cannot_do_is_told() {
    let kit = scene(ingress(json!([path("Exact", "/a")]), json!([])));
    assert!(kit.list(ROUTES).is_empty());
    assert_eq!(
        kit.events,
        [
            "IncompleteIngressToRouteRules: Incomplete ingress to route rules detected: Unsupported exact path type in rule at index 0, path index 0"
        ]
    );
}

#[test]
fn other_classes_are_left_alone() {
    let mut object = ingress(json!([path("Prefix", "/")]), json!([]));
    object["spec"]["ingressClassName"] = json!("nginx");
    let kit = scene(object);
    assert!(kit.list(ROUTES).is_empty());
}
