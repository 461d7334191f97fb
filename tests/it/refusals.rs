//! Requests that are wrong in one way each, and what a real kube-apiserver 1.36 answers to them:
//! the code and the whole message.

use crate::support::{
    Lab,
    lab::{request, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Objects of the cluster wrong in one way: path, body and message.
#[rustfmt::skip]
const CLUSTER: &[(&str, &str, &str)] = &[
    ("/api/v1/nodes", r#"{"metadata":{"name":"n"},"spec":{"taints":[{"key":"k","effect":"X"}]}}"#, "Node \"n\" is invalid: metadata.taints[0].effect: Unsupported value: \"X\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\""),
    ("/api/v1/persistentvolumes", r#"{"metadata":{"name":"v"},"spec":{"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/x"}}}"#, "PersistentVolume \"v\" is invalid: [spec.capacity: Required value, spec.capacity: Unsupported value: null: supported values: \"storage\"]"),
    ("/api/v1/persistentvolumes", r#"{"metadata":{"name":"v"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{},"nodeAffinity":{}}}"#, "PersistentVolume \"v\" is invalid: [spec.nodeAffinity.required: Required value: must specify required node constraints, spec.hostPath.path: Required value]"),
    ("/apis/networking.k8s.io/v1/ingressclasses", r#"{"metadata":{"name":"i"},"spec":{"controller":"a.b/c","parameters":{"kind":"K","name":"n","scope":"Namespace"}}}"#, "IngressClass.networking.k8s.io \"i\" is invalid: spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"),
    ("/apis/storage.k8s.io/v1/storageclasses", r#"{"metadata":{"name":"s"},"provisioner":"p","allowedTopologies":[{"matchLabelExpressions":[{"key":"k"}]}]}"#, "StorageClass.storage.k8s.io \"s\" is invalid: allowedTopologies[0].matchLabelExpressions[0].values: Required value"),
    ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", r#"{"metadata":{"name":"b"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[{"kind":"X","name":"u"}]}"#, "ClusterRoleBinding.rbac.authorization.k8s.io \"b\" is invalid: subjects[0].kind: Unsupported value: \"X\": supported values: \"ServiceAccount\", \"User\", \"Group\""),
    ("/apis/apps/v1/namespaces/it/replicasets", r#"{"metadata":{"name":"r"},"spec":{"selector":{"matchLabels":{"a":"b c"}},"template":{"metadata":{"labels":{"a":"b c"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}"#, "ReplicaSet.apps \"r\" is invalid: [spec.selector.matchLabels: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'), spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b c\"}}: invalid label selector]"),
    ("/apis/discovery.k8s.io/v1/namespaces/it/endpointslices", r#"{"metadata":{"name":"e"},"addressType":"IPv4","endpoints":[{"addresses":["1.2.3.4"],"hostname":"a.b"}]}"#, "EndpointSlice.discovery.k8s.io \"e\" is invalid: endpoints[0].hostname: Invalid value: \"a.b\": must not contain dots"),
];

/// Method, path below the namespace's API, media type, body, code and message.
type Row = (&'static str, &'static str, &'static str, &'static str, u16, &'static str);

const UNRECOGNIZED: &str = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: ";
const NO_NAME: &str =
    "the name of the object (c based on URL) was undeterminable: name must be provided";
const UNPROCESSABLE: &str = "the server rejected our request due to an error in our request";
const NOT_ALLOWED: &str = "the server does not allow this method on the requested resource";

/// Rows whose message begins with [`UNRECOGNIZED`].
const BODIES: &[(&str, &str)] = &[
    ("", "unexpected end of JSON input (<empty>)"),
    ("{nope", "invalid character 'n' looking for beginning of object key string ({nope)"),
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("POST", "configmaps?fieldManager=a%01b", "", "{}", 422, "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid value: \"a\\u0001b\": invalid character U+0001 (at position 1)"),
    ("PUT", "configmaps/c?dryRun=x", "", "{}", 422, "UpdateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"x\"]: supported values: \"All\""),
    ("DELETE", "configmaps/c", "", r#"{"dryRun":["x"]}"#, 422, "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"x\"]: supported values: \"All\""),
    ("POST", "configmaps", "", r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}"#, 400, r#"Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion"#),
    ("POST", "configmaps", "", r#"{"metadata":{"name":"x","resourceVersion":"5"}}"#, 500, "resourceVersion should not be set on objects to be created"),
    ("POST", "configmaps", "", "null", 422, "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"),
    ("POST", "configmaps", "", r#"{"metadata":{"name":"x","finalizers":["bad"]}}"#, 422, "ConfigMap \"x\" is invalid: metadata.finalizers[0]: Invalid value: \"bad\": name is neither a standard finalizer name nor is it fully qualified"),
    ("POST", "configmaps", "", r#"{"metadata":{"name":"x","ownerReferences":[{"kind":"A","name":"a","uid":"1"}]}}"#, 422, "ConfigMap \"x\" is invalid: metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty"),
    ("PUT", "configmaps/c", "", r#"{"data":{"a":"b"}}"#, 400, NO_NAME),
    ("PUT", "configmaps/c", "", r#"{"metadata":{"name":"c","resourceVersion":"abc"}}"#, 500, "strconv.ParseUint: parsing \"abc\": invalid syntax"),
    ("PATCH", "configmaps/c", STRATEGIC, r#"{"$patch":"replace"}"#, 400, NO_NAME),
    ("PATCH", "configmaps/c", STRATEGIC, "[]", 400, "json: cannot unmarshal array into Go value of type map[string]interface {}"),
    ("PATCH", "configmaps/c", MERGE, r#"{"metadata":{"uid":"z"}}"#, 422, "ConfigMap \"c\" is invalid: metadata.uid: Invalid value: \"z\": field is immutable"),
    ("PATCH", "configmaps/c", MERGE, "null", 400, "Invalid JSON Patch"),
    ("PATCH", "configmaps/c", JSON, r#"[{"op":"add","path":"","value":{}}]"#, 422, UNPROCESSABLE),
    ("PATCH", "configmaps/c", JSON, r#"[{"op":"fly","path":"/x"}]"#, 422, UNPROCESSABLE),
    ("PATCH", "configmaps/c", APPLY, r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#, 422, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"),
    ("PATCH", "configmaps/c?fieldManager=q", APPLY, r#"{}"#, 400, "invalid object type: /, Kind="),
    ("PATCH", "configmaps/c?fieldManager=q", APPLY, r#"null"#, 400, "invalid object type: /, Kind="),
    ("PATCH", "configmaps/c?fieldManager=q", APPLY, r#"{"apiVersion":"v1","kind":"Secret","x":1}"#, 400, "invalid object type: /v1, Kind=Secret"),
    ("PATCH", "configmaps/c?fieldManager=q", APPLY, r#"{"apiVersion":"a/b/c","kind":"ConfigMap"}"#, 400, "invalid object type: /, Kind=ConfigMap"),
    ("PATCH", "configmaps/c?fieldManager=q", APPLY, r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"managedFields":[]},"x":1}"#, 400, "metadata.managedFields must be nil"),
    ("PATCH", "configmaps/c?fieldManager=q", APPLY, r#"[]"#, 400, "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"),
    ("PATCH", "configmaps/c", "application/json", "{}", 415, "415: Unsupported Media Type"),
    ("GET", "configmaps?labelSelector=a,", "", "", 400, "found '', expected: identifier after ','"),
    ("GET", "configmaps?fieldSelector=data.a%3D1", "", "", 400, r#""data.a" is not a known field selector: only "metadata.name", "metadata.namespace""#),
    ("GET", "pods?fieldSelector=spec.x%3D1", "", "", 400, "field label not supported: spec.x"),
    ("GET", "configmaps?resourceVersion=abc", "", "", 400, "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax"),
    ("GET", "configmaps/c?resourceVersion=abc", "", "", 500, "resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax"),
    ("GET", "configmaps?continue=abc", "", "", 400, "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value"),
    ("GET", "configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", "", "", 422, "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: \"Exact\": supported values: \"NotOlderThan\"]"),
    ("POST", "resourcequotas", "", r#"{"metadata":{"name":"q"},"spec":{"hard":{"services":"1"},"scopes":["NotTerminating"]}}"#, 422, "ResourceQuota \"q\" is invalid: spec.scopes: Invalid value: [\"NotTerminating\"]: unsupported scope applied to resource"),
    ("POST", "services", "", r#"{"metadata":{"name":"s","labels":{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},"spec":{"ports":[{"port":80}]}}"#, 422, "Service \"s\" is invalid: metadata.labels: Invalid value: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": must be no more than 63 bytes"),
    ("HEAD", "configmaps/c", "", "", 405, ""),
    ("GET", "pods/p/status/x", "", "", 404, "the server could not find the requested resource"),
];

const SCALE: &str = "/apis/apps/v1/namespaces/it/deployments/d/scale";

/// Creates the Deployment of [`SCALE`].
async fn scalable(lab: &Lab, replicas: u64) {
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"replicas": replicas,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let path = SCALE.trim_end_matches("/d/scale");
    send(&lab.client, "POST", path, "", Some(&deployment)).await.expect(201);
}

/// A laboratory with a project, and a config map in it.
async fn with_a_map() -> (Lab, String) {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    let maps = "/api/v1/namespaces/it/configmaps".to_owned();
    let c = json!({"metadata": {"name": "c"}});
    send(&lab.client, "POST", &maps, "", Some(&c)).await.expect(201);
    (lab, maps)
}

async fn answer(lab: &Lab, row: (&str, &str, &str, &str)) -> (u16, String) {
    let (method, path, kind, body) = row;
    let headers: &[(&str, &str)] = if kind.is_empty() { &[] } else { &[("content-type", kind)] };
    let reply = request(&lab.client, method, path, headers, body.as_bytes().to_vec()).await;
    let message = reply.json().str_at("message").to_owned();
    (reply.code, message)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_in_upstreams_words() {
    let (lab, maps) = with_a_map().await;
    let base = maps.trim_end_matches("/configmaps");
    for (method, path, kind, body, code, message) in ROWS {
        let got = answer(&lab, (method, &format!("{base}/{path}"), kind, body)).await;
        assert_eq!(got, (*code, (*message).to_owned()), "{method} {path} {body}");
    }
    for (body, message) in BODIES {
        let got = answer(&lab, ("POST", &format!("{base}/configmaps"), "", body)).await;
        assert_eq!(got, (400, format!("{UNRECOGNIZED}{message}")), "{body}");
    }
    for (path, body, message) in CLUSTER {
        let got = answer(&lab, ("POST", path, "", body)).await;
        assert_eq!(got, (422, (*message).to_owned()), "{path} {body}");
    }
    for method in ["POST", "DELETE"] {
        let got = answer(&lab, (method, "/api/v1/configmaps", "", "{}")).await;
        assert_eq!(got, (405, NOT_ALLOWED.to_owned()), "over all namespaces one only reads");
    }
    let kept = crate::support::lab::get(&lab.client, &format!("{base}/configmaps/c")).await;
    assert_eq!(kept.expect(200).str_at("metadata.name"), "c", "nothing above was carried out");
    lab.stop().await;
}

/// A scale is read as what it is, and an apply of one owns the count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scales() {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    scalable(&lab, 0).await;
    let rows = [
        (
            "PATCH",
            STRATEGIC,
            r#"{"spec":{"replicas":"a"}}"#,
            422,
            " \"\" is invalid: patch: Invalid value: \"map[spec:map[replicas:a]]\": unrecognized type: int32",
        ),
        (
            "PUT",
            "",
            r#"{"spec":{"replicas":"x"}}"#,
            400,
            "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32",
        ),
        (
            "PUT",
            "",
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"d"}}"#,
            400,
            "Pod in version \"v1\" cannot be handled as a Scale: converting (v1.Pod) to (autoscaling.Scale): unknown conversion",
        ),
        (
            "PUT",
            "",
            r#"{"metadata":{"name":"z"},"spec":{"replicas":2}}"#,
            400,
            "the name of the object (z) does not match the name on the URL (d)",
        ),
        ("PATCH", JSON, r#"[{"op":"replace","path":"/spec/replicas","value":3}]"#, 200, ""),
    ];
    for (method, kind, body, code, message) in rows {
        let got = answer(&lab, (method, SCALE, kind, body)).await;
        assert_eq!(got, (code, message.to_owned()), "{body}");
    }
    let apply = r#"{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"d"},"spec":{"replicas":6}}"#;
    let (code, message) =
        answer(&lab, ("PATCH", &format!("{SCALE}?fieldManager=q"), APPLY, apply)).await;
    assert_eq!(code, 409, "{message}");
    assert!(
        message.contains("with subresource \"scale\"") && message.ends_with(": .spec.replicas"),
        "{message}"
    );
    let forced = format!("{SCALE}?fieldManager=q&force=true");
    for (body, code, message) in [
        ("{}", 400, "invalid object type: /, Kind="),
        (
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"}}"#,
            400,
            "invalid object type: apps/v1, Kind=Deployment",
        ),
        (
            r#"{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"d"},"spec":{"x":1}}"#,
            500,
            "failed to create typed patch object (/d; autoscaling/v1, Kind=Scale): .spec.x: field not declared in schema",
        ),
    ] {
        let got = answer(&lab, ("PATCH", &forced, APPLY, body)).await;
        assert_eq!(got, (code, message.to_owned()), "{body}");
    }
    assert_eq!(answer(&lab, ("PATCH", &forced, APPLY, apply)).await.0, 200);
    let scale: Value = crate::support::lab::get(&lab.client, SCALE).await.expect(200);
    assert_eq!(scale.i64_at("spec.replicas"), Some(6));
    lab.stop().await;
}

/// What is said of a patch that says it is of another type: form, body, code, the end of the message.
const OTHER_TYPES: &[(&str, &str, u16, &str)] = &[
    (STRATEGIC, r#"{"kind":"Foo","apiVersion":"x/v9"}"#, 200, ""),
    (STRATEGIC, r#"{"kind":null}"#, 200, ""),
    (
        STRATEGIC,
        r#"{"kind":5}"#,
        422,
        r#" "" is invalid: patch: Invalid value: "map[kind:5]": cannot convert int64 to string"#,
    ),
    (MERGE, r#"{"kind":null,"apiVersion":""}"#, 200, ""),
    (
        MERGE,
        r#"{"kind":"Foo"}"#,
        422,
        r#"}": no kind "Foo" is registered for version "v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30""#,
    ),
    (
        MERGE,
        r#"{"apiVersion":"v9"}"#,
        422,
        r#"}": no kind "ConfigMap" is registered for version "v9" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30""#,
    ),
    (
        MERGE,
        r#"{"kind":"Secret"}"#,
        422,
        r#"}": converting (v1.Secret) to (core.ConfigMap): unknown conversion"#,
    ),
    (
        MERGE,
        r#"{"kind":5}"#,
        422,
        r#"}": couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string"#,
    ),
    (
        JSON,
        r#"[{"op":"replace","path":"/kind","value":"Foo"}]"#,
        422,
        r#"}": no kind "Foo" is registered for version "v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30""#,
    ),
];

/// A strategic merge patch changes no type; what comes of the other forms has to be of the type.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_that_say_another_type() {
    let (lab, maps) = with_a_map().await;
    for (form, body, code, end) in OTHER_TYPES {
        let (got, message) = answer(&lab, ("PATCH", &format!("{maps}/c"), form, body)).await;
        assert_eq!(got, *code, "{form} {body}: {message}");
        assert!(message.ends_with(end), "{form} {body}: {message}");
    }
    let kept = crate::support::lab::get(&lab.client, &format!("{maps}/c")).await.expect(200);
    assert_eq!((&kept["kind"], &kept["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    // Clients scale by patches that name the kind they scale.
    scalable(&lab, 1).await;
    let scale = r#"{"kind":"Deployment","spec":{"replicas":3}}"#;
    assert_eq!(answer(&lab, ("PATCH", SCALE, STRATEGIC, scale)).await, (200, String::new()));
    let (code, message) = answer(&lab, ("PATCH", SCALE, MERGE, scale)).await;
    assert_eq!(code, 422, "{message}");
    let scale: Value = crate::support::lab::get(&lab.client, SCALE).await.expect(200);
    assert_eq!((&scale["kind"], scale.i64_at("spec.replicas")), (&json!("Scale"), Some(3)));
    lab.stop().await;
}
