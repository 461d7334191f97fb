//! Bodies encoded by hand, as client-go encodes them, and bodies that are nothing at all.

use super::*;
use crate::object::json;
use proptest::prelude::*;

fn varint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(u8::try_from(n & 0x7f).unwrap() | 0x80);
        n >>= 7;
    }
    out.push(u8::try_from(n).unwrap());
    out
}
fn int(number: u64, n: u64) -> Vec<u8> {
    [varint(number << 3), varint(n)].concat()
}
fn len(number: u64, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}
fn msg(number: u64, parts: &[Vec<u8>]) -> Vec<u8> {
    len(number, parts.concat())
}
fn body(api_version: &str, kind: &str, object: &[Vec<u8>]) -> Vec<u8> {
    let meta = msg(1, &[len(1, api_version), len(2, kind)]);
    [MAGIC.to_vec(), meta, msg(2, object), len(3, ""), len(4, "")].concat()
}
/// ObjectMeta as Go writes it: every scalar that is not a pointer, and an empty creationTimestamp.
fn metadata(name: &str) -> Vec<u8> {
    msg(
        1,
        &[
            len(1, name),
            len(2, ""),
            len(3, ""),
            len(4, ""),
            len(5, ""),
            len(6, ""),
            int(7, 0),
            len(8, ""),
        ],
    )
}
fn entry(number: u64, key: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    msg(number, &[len(1, key), len(2, value)])
}

#[test]
fn a_deployment() {
    let port = msg(6, &[len(1, ""), int(2, 0), int(3, 8080), len(4, ""), len(5, "")]);
    let env = msg(7, &[len(1, "A"), len(2, "")]);
    let limits = entry(1, "cpu", len(1, "1000m"));
    let container = msg(
        2,
        &[
            len(1, "web"),
            len(2, "img"),
            len(5, ""),
            port,
            env,
            msg(8, &[limits]),
            len(13, ""),
            len(14, ""),
            int(16, 0),
        ],
    );
    let volume = msg(1, &[len(1, "v"), msg(2, &[msg(2, &[len(1, "")])])]);
    let pod_spec = msg(2, &[volume, container, len(3, ""), int(11, 0)]);
    let template = msg(3, &[metadata(""), pod_spec]);
    let selector = msg(2, &[entry(1, "app", "web")]);
    let strategy = msg(4, &[len(1, "")]);
    let spec = msg(2, &[int(1, 0), selector, template, strategy, int(5, 0), int(7, 0)]);
    let status = msg(3, &[int(1, 0), int(2, 0)]);
    let got = decode(&body("apps/v1", "Deployment", &[metadata("web"), spec, status])).unwrap();
    assert_eq!(
        got,
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {
                "replicas": 0, "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {
                    "volumes": [{"name": "v", "emptyDir": {}}],
                    "containers": [{
                        "name": "web", "image": "img", "ports": [{"containerPort": 8080}],
                        "env": [{"name": "A"}], "resources": {"limits": {"cpu": "1"}},
                    }],
                }},
            },
        })
    );
}

#[test]
fn secrets_services_and_times() {
    let secret = body("v1", "Secret", &[metadata("s"), entry(2, "k", b"\x00\x01"), len(3, "")]);
    assert_eq!(
        decode(&secret).unwrap(),
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "AAE="},
        })
    );
    let port = |target: Vec<u8>| {
        msg(1, &[len(1, ""), len(2, "TCP"), int(3, 80), len(4, target), int(5, 0)])
    };
    let unset = [int(1, 0), int(2, 0), len(3, "")].concat();
    let named = [int(1, 1), int(2, 0), len(3, "http")].concat();
    let service = body("v1", "Service", &[metadata("s"), msg(2, &[port(unset), port(named)])]);
    assert_eq!(
        decode(&service).unwrap()["spec"]["ports"],
        json!([
            {"protocol": "TCP", "port": 80}, {"protocol": "TCP", "port": 80, "targetPort": "http"},
        ])
    );
    let lease = body(
        "coordination.k8s.io/v1",
        "Lease",
        &[metadata("l"), msg(2, &[len(4, [int(1, 1_767_323_045), int(2, 5000)].concat())])],
    );
    assert_eq!(
        decode(&lease).unwrap()["spec"],
        json!({"renewTime": "2026-01-02T03:04:05.000005Z"})
    );
}

#[test]
fn pointers_keep_their_zeros() {
    let surge = len(2, [int(1, 0), int(2, 0), len(3, "")].concat());
    let spec = msg(2, &[msg(4, &[len(1, "RollingUpdate"), msg(2, &[surge])])]);
    let got = decode(&body("apps/v1", "Deployment", &[metadata("d"), spec])).unwrap();
    assert_eq!(
        got["spec"]["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0}})
    );
    let got = decode(&body("batch/v1", "Job", &[metadata("j"), msg(2, &[int(3, 0)])])).unwrap();
    assert_eq!(got["spec"], json!({"activeDeadlineSeconds": 0}));
}

#[test]
fn options_reviews_and_probes() {
    let options = body("policy/v1", "DeleteOptions", &[int(1, 0), len(4, "Background")]);
    assert_eq!(
        decode(&options).unwrap(),
        json!({
            "apiVersion": "policy/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
            "propagationPolicy": "Background",
        })
    );
    let extra = entry(5, "scopes", [len(1, "a"), len(1, "b")].concat());
    let review = body(
        "authorization.k8s.io/v1",
        "SubjectAccessReview",
        &[metadata(""), msg(2, &[len(3, "u"), extra])],
    );
    assert_eq!(
        decode(&review).unwrap()["spec"],
        json!({"user": "u", "extra": {"scopes": ["a", "b"]}})
    );
    let http =
        msg(2, &[len(1, "/"), len(2, [int(1, 0), int(2, 80), len(3, "")].concat()), len(4, "")]);
    let probe = msg(10, &[msg(1, &[http]), int(2, 5), int(3, 0)]);
    let pod = body("v1", "Pod", &[metadata("p"), msg(2, &[msg(2, &[len(1, "c"), probe])])]);
    assert_eq!(
        decode(&pod).unwrap()["spec"]["containers"][0]["livenessProbe"],
        json!({"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 5})
    );
}

#[test]
fn what_is_not_a_message_is_refused() {
    let cases: &[(&[u8], &str)] = &[
        (
            b"{}",
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
        ),
        (b"k8s\0", "no kind \"\" is registered for version \"\""),
        (b"k8s\0\x0a\xff", "unexpected EOF"),
        (b"k8s\0\x0b", "proto: illegal wireType 3"),
    ];
    for (bytes, message) in cases {
        assert_eq!(&decode(bytes).unwrap_err(), message);
    }
    let mut deep = Vec::new();
    for _ in 0..500 {
        deep = msg(8, &[deep]);
    }
    let props = [b"k8s\0".to_vec(), msg(1, &[len(1, "v1"), len(2, "Pod")]), len(2, deep)].concat();
    assert!(decode(&props).is_ok(), "unknown numbers are skipped");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (version, kind) in [("apps/v1", "Deployment"), ("v1", "Secret"), ("v1", "Node")] {
            let _ = decode(&body(version, kind, std::slice::from_ref(&noise)));
        }
        let _ = decode(&[MAGIC, &noise].concat());
    }
}

/// A value without what reads as if it were not there.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.iter().map(|(k, v)| (k.clone(), bare(v)));
            fields.filter(|(_, v)| !is_zero(v)).collect::<Map>().into()
        }
        Value::Array(list) => list.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// The fixtures of all kinds.
fn fixtures() -> Vec<(String, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/kinds");
    let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let first = text.split("\n---\n").next().unwrap();
        (path.display().to_string(), serde_norway::from_str(first).unwrap())
    };
    files.map(read).collect()
}

#[test]
fn every_kind_comes_back_as_it_was_written() {
    let mut seen = 0;
    for (file, mut object) in fixtures() {
        let (version, kind) = (object["apiVersion"].clone(), object["kind"].clone());
        let names = (version.as_str().unwrap(), kind.as_str().unwrap());
        let Some(of) = find_kind(names.0, names.1) else { continue };
        if of.fields.iter().all(|f| f.proto == 0) {
            continue;
        }
        crate::schema::decode(of, &mut object).unwrap();
        let text = object.to_string();
        let mut json = serde_json::Deserializer::from_str(&text);
        let from_text =
            encode::encode(of, names, &mut json).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(encode::encode(of, names, &object).unwrap(), from_text, "{file}");
        let back = decode(&from_text).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(bare(&back), bare(&object), "{file}");
        seen += 1;
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn what_is_written_is_what_go_writes() {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "m", "creationTimestamp": null, "labels": {"a": "b"}},
        "data": {"k": "v", "long": "x".repeat(300)}});
    let of = find_kind("v1", "ConfigMap").unwrap();
    let data = [entry(2, "k", "v"), entry(2, "long", "x".repeat(300))].concat();
    let meta = msg(1, &[len(1, "m"), entry(11, "a", "b")]);
    let expected = body("v1", "ConfigMap", &[meta, data]);
    assert_eq!(encode::encode(of, ("v1", "ConfigMap"), &map).unwrap(), expected);
}

#[test]
fn schemas_of_definitions_hold_one_or_the_other() {
    let schema = json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "a": {"type": "array", "items": {"type": "string"}, "default": ["x"]},
            "b": {"additionalProperties": {"type": "integer"}, "maximum": 1.5},
            "c": {"items": [{"type": "string"}], "additionalItems": true, "enum": [1, "x", null]},
            "d": {"dependencies": {"x": ["y"], "z": {"type": "object"}}},
        },
    });
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "d"},
        "spec": {"group": "g", "versions": [
            {"name": "v1", "schema": {"openAPIV3Schema": schema}}]}});
    let names = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let of = find_kind(names.0, names.1).unwrap();
    let back = decode(&encode::encode(of, names, &definition).unwrap()).unwrap();
    let found = &back["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!(found, &schema);
}

#[test]
fn verbs_have_a_message_of_their_own() {
    let list = json!({"groupVersion": "v1", "resources": [
        {"name": "pods", "verbs": ["get", "list"]}]});
    let of = crate::schema::find("io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList").unwrap();
    let verbs = msg(4, &[len(1, "get"), len(1, "list")]);
    let resource = msg(2, &[len(1, "pods"), verbs]);
    let expected = body("v1", "APIResourceList", &[len(1, "v1"), resource]);
    assert_eq!(encode::encode(of, ("v1", "APIResourceList"), &list).unwrap(), expected);
}
