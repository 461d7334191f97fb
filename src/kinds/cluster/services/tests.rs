//! Services through their hooks, as the API runs them.

use super::SERVICE;
use crate::{
    error::{Causes, Error},
    kinds::{CellCx, Cx, Families},
    object::{ObjectExt, Value, json},
    store::{Expect, Op, Options, Snapshot, Store},
    world::{Entropy, StepClock, World},
};
use std::sync::Arc;

fn run(o: Value, old: Option<&Value>) -> Result<Value, String> {
    run_among(&Snapshot::default(), o, old)
}

fn run_among(snapshot: &Snapshot, mut o: Value, old: Option<&Value>) -> Result<Value, String> {
    let clock = StepClock::new("2026-01-02T03:04:05Z".parse().unwrap());
    let world = World::new(Arc::new(clock), Entropy::seeded(1));
    let cx = Cx {
        snapshot,
        families: Families::default(),
        world: &world,
        user: "u",
        groups: &[],
        uid: "",
        extra: &[],
        may: Box::new(|_| Ok(())),
    };
    (SERVICE.hooks.default.unwrap())(&mut o);
    (SERVICE.hooks.prepare.unwrap())(&mut o, old, &cx).map_err(|e| e.to_string())?;
    let mut causes = Causes::default();
    (SERVICE.hooks.validate.unwrap())(&o, old, &mut causes);
    if causes.is_empty() {
        return Ok(o);
    }
    Err(Error::Invalid { kind: "Service".into(), name: o.name().into(), causes: causes.into_vec() }
        .to_string())
}

fn service(spec: Value) -> Value {
    json!({"metadata": {"name": "s", "namespace": "n"}, "spec": spec})
}

fn new(spec: Value) -> Value {
    run(service(spec), None).unwrap()
}

fn claims(o: &Value) -> Vec<String> {
    (SERVICE.hooks.claims.unwrap())(o)
}

#[test]
fn a_plain_service_gets_everything() {
    let o = new(json!({"ports": [{"port": 80}], "selector": {"a": "b"}}));
    let ip = o.str_at("spec.clusterIP").to_owned();
    assert!(ip.starts_with("172.30.") && !ip.starts_with("172.30.0."), "{ip}");
    assert_eq!(
        o["spec"],
        json!({"clusterIP": ip, "clusterIPs": [ip], "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None",
            "type": "ClusterIP", "selector": {"a": "b"},
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]})
    );
    assert_eq!(o["status"], json!({"loadBalancer": {}}));
    assert_eq!(claims(&o), [format!("clusterIP/{ip}")]);
}

#[test]
fn headless_and_external_services_get_no_address() {
    let o = new(json!({"clusterIP": "None", "ports": [{"port": 80}], "selector": {"a": "b"}}));
    assert_eq!(o["spec"]["clusterIPs"], json!(["None"]));
    assert_eq!(o["spec"]["ipFamilies"], json!(["IPv4"]));
    assert!(claims(&o).is_empty());
    let o = new(json!({"clusterIP": "None"}));
    assert_eq!(o["spec"]["ipFamilies"], json!(["IPv4", "IPv6"]));
    assert_eq!(o.str_at("spec.ipFamilyPolicy"), "RequireDualStack");
    let o = new(json!({"type": "ExternalName", "externalName": "x.y"}));
    assert_eq!(
        o["spec"],
        json!({"type": "ExternalName", "externalName": "x.y", "sessionAffinity": "None"})
    );
}

#[test]
fn protocols_share_a_node_port() {
    let o = new(json!({"type": "NodePort", "ports": [
        {"name": "t", "port": 53, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"}]}));
    let ports: Vec<i64> =
        o.list_at("spec.ports").iter().map(|p| p.i64_at("nodePort").unwrap()).collect();
    assert_eq!(ports[0], ports[1]);
    assert!((30_086..=32_767).contains(&ports[0]));
    assert_eq!(claims(&o).len(), 2);
    assert_eq!(o.str_at("spec.externalTrafficPolicy"), "Cluster");
}

#[test]
fn an_update_keeps_and_a_new_type_drops() {
    let old = new(json!({"type": "NodePort", "ports": [{"port": 80}]}));
    let same = run(service(json!({"type": "NodePort", "ports": [{"port": 80}]})), Some(&old));
    assert_eq!(same.unwrap()["spec"], old["spec"]);
    let mut plain = old.clone();
    plain["spec"]["type"] = json!("ClusterIP");
    let plain = run(plain, Some(&old)).unwrap();
    assert_eq!(plain.list_at("spec.ports")[0].get("nodePort"), None);
    assert_eq!(plain.at("spec.externalTrafficPolicy"), None);
    assert_eq!(claims(&plain).len(), 1);
    let mut away = old.clone();
    away["spec"]["type"] = json!("ExternalName");
    away["spec"]["externalName"] = json!("x.y");
    let away = run(away, Some(&old)).unwrap();
    assert!(claims(&away).is_empty());
    assert_eq!(away.at("spec.clusterIP"), None);
    let back = run(service(json!({"ports": [{"port": 80}]})), Some(&away)).unwrap();
    assert_eq!(claims(&back).len(), 1);
}

#[test]
fn wording() {
    let rows: &[(Value, &str)] = &[
        (json!({}), "spec.ports: Required value"),
        (
            json!({"clusterIP": "1.2.3.4", "ports": [{"port": 80}]}),
            "spec.clusterIPs: Invalid value: [\"1.2.3.4\"]: failed to allocate IP 1.2.3.4: the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 172.30.0.0/16",
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}),
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
        (
            json!({"ports": [{"name": "a", "port": 80}, {"port": 81}]}),
            "spec.ports[1].name: Required value",
        ),
        (
            json!({"ports": [{"port": 0}]}),
            "[spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]",
        ),
        (
            json!({"ports": [{"port": 80, "nodePort": 30000}]}),
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        (
            json!({"type": "X", "ports": [{"port": 80}]}),
            "spec.type: Unsupported value: \"X\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        ),
        (
            json!({"type": "LoadBalancer", "clusterIP": "None", "ports": [{"port": 80}]}),
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services",
        ),
        (
            json!({"ports": [{"port": 80, "targetPort": "UPPER"}]}),
            "[spec.ports[0].targetPort: Invalid value: \"UPPER\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), spec.ports[0].targetPort: Invalid value: \"UPPER\": must contain at least one letter (a-z)]",
        ),
        (json!({"type": "ExternalName"}), "spec.externalName: Required value"),
        (
            json!({"ipFamilyPolicy": "RequireDualStack", "ports": [{"port": 80}]}),
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services",
        ),
    ];
    for (spec, expected) in rows {
        let answer = run(service(spec.clone()), None);
        assert_eq!(answer, Err(format!("Service \"s\" is invalid: {expected}")), "{spec}");
    }
}

#[test]
fn addresses_do_not_change() {
    let old = new(json!({"ports": [{"port": 80}]}));
    let wish = service(json!({"clusterIP": "172.30.0.9", "ports": [{"port": 80}]}));
    let ips = &old["spec"]["clusterIPs"][0];
    assert_ne!(ips, "172.30.0.9");
    let mut wish = wish;
    wish["spec"]["clusterIPs"] = json!(["172.30.0.9"]);
    assert_eq!(
        run(wish, Some(&old)),
        Err("Service \"s\" is invalid: spec.clusterIPs[0]: Invalid value: [\"172.30.0.9\"]: may not change once set".into())
    );
}

#[test]
fn cells() {
    let cx = CellCx::at("2026-01-02T03:05:05Z".parse().unwrap());
    let row =
        |o: &Value| json!(SERVICE.columns.iter().map(|c| (c.cell)(o, &cx)).collect::<Vec<_>>());
    let o = json!({"metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"},
        "spec": {"type": "LoadBalancer", "clusterIPs": ["172.30.1.2"], "selector": {"a": "b"},
            "ports": [{"port": 80, "nodePort": 30001, "protocol": "TCP"}, {"port": 443, "protocol": "TCP"}]}});
    assert_eq!(
        row(&o),
        json!(["LoadBalancer", "172.30.1.2", "<pending>", "80:30001/TCP,443/TCP", "60s", "a=b"])
    );
    let o = json!({"spec": {"type": "ExternalName", "externalName": "x.y"}});
    assert_eq!(row(&o), json!(["ExternalName", "<none>", "x.y", "<none>", "<unknown>", "<none>"]));
}

#[tokio::test]
async fn what_another_service_holds_is_taken() {
    let store = Store::open(&Options::default()).unwrap();
    let mut other = service(
        json!({"type": "NodePort", "clusterIP": "172.30.0.9", "ports": [{"port": 80, "nodePort": 30001}]}),
    );
    other["metadata"]["name"] = json!("other");
    other["metadata"]["uid"] = json!("1");
    let other = run(other, None).unwrap();
    let op = Op::Put {
        resource: "services".into(),
        key: "n/other".into(),
        expect: Expect::Absent,
        body: crate::object::encode(&other),
        claims: claims(&other),
    };
    store.commit(vec![op]).await.unwrap();
    let snapshot = store.snapshot();
    let refused = |spec: Value| run_among(&snapshot, service(spec), None).unwrap_err();
    assert_eq!(
        refused(json!({"clusterIP": "172.30.0.9", "ports": [{"port": 80}]})),
        "Service \"s\" is invalid: spec.clusterIPs: Invalid value: [\"172.30.0.9\"]: failed to allocate IP 172.30.0.9: provided IP is already allocated"
    );
    assert_eq!(
        refused(json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}]})),
        "Service \"s\" is invalid: spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated"
    );
    // Its own values are no obstacle to the service itself.
    assert!(run_among(&snapshot, other.clone(), Some(&other)).is_ok());
}
