//! Who answers for a service.

use super::{ServiceReference, place};
use crate::{
    object::{ObjectExt, Value, encode, json, name::key},
    store::{self, Expect, Op, Store},
};
use place::{Backend, Pod};

async fn stored(objects: &[(&str, Value)]) -> Store {
    let store = Store::open(&store::Options::default()).unwrap();
    let put = |(resource, object): &(&str, Value)| Op::Put {
        resource: (*resource).into(),
        key: key(object.namespace(), object.name()).into(),
        expect: Expect::Absent,
        body: encode(object),
        claims: vec![],
    };
    store.commit(objects.iter().map(put).collect()).await.unwrap();
    store
}

fn service(spec: &Value) -> (&'static str, Value) {
    ("services", json!({"metadata": {"name": "s", "namespace": "n", "uid": "1"}, "spec": spec}))
}

fn slice(endpoints: &Value) -> (&'static str, Value) {
    let labels = json!({"kubernetes.io/service-name": "s"});
    let object = json!({
        "metadata": {"name": "s-1", "namespace": "n", "uid": "2", "labels": labels},
        "ports": [{"name": "web", "port": 9443}], "endpoints": endpoints,
    });
    ("endpointslices.discovery.k8s.io", object)
}

#[tokio::test]
async fn services_lead_to_pods_and_addresses() {
    let cluster = json!({"type": "ClusterIP", "ports": [{"name": "web", "port": 443}]});
    let pod = json!({"metadata": {"name": "p", "namespace": "n", "uid": "3"},
        "spec": {"nodeName": "node"}});
    let of_pod = json!({"addresses": ["10.0.0.9"], "targetRef": {"kind": "Pod", "name": "p"}});
    let pod_place = Backend::Pod(Pod {
        namespace: "n".into(),
        name: "p".into(),
        node: "node".into(),
        address: "10.0.0.9".into(),
        port: 9443,
    });
    let none = || Err(r#"no endpoints available for service "s""#.to_owned());
    let external = json!({"type": "ExternalName", "externalName": "localhost"});
    let other_port = json!({"type": "ClusterIP", "ports": [{"name": "web", "port": 8443}]});
    let not_ready = json!([{"addresses": ["10.0.0.9"], "conditions": {"ready": false}}]);
    let rows = [
        (vec![], Err(r#"service "s" not found"#.to_owned())),
        (vec![service(&cluster)], none()),
        (vec![service(&cluster), slice(&not_ready)], none()),
        (
            vec![service(&other_port)],
            Err(r#"no service port 443 found for service "s""#.to_owned()),
        ),
        (vec![service(&external)], Ok(Backend::Address("localhost".into(), 443))),
        (
            vec![service(&cluster), slice(&json!([{"addresses": ["192.0.2.1"]}]))],
            Ok(Backend::Address("192.0.2.1".into(), 9443)),
        ),
        (vec![service(&cluster), slice(&json!([of_pod])), ("pods", pod)], Ok(pod_place)),
    ];
    let reference =
        ServiceReference { namespace: "n".into(), name: "s".into(), path: None, port: None };
    for (objects, expected) in rows {
        let store = stored(&objects).await;
        assert_eq!(place::resolve(&store.snapshot(), &reference), expected);
    }
}
