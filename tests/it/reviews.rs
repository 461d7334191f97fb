//! What webhooks may answer and are asked about, one configuration of many webhooks at a time: each
//! concerns the objects whose label has its name.

use crate::support::{
    Lab,
    hook::Hook,
    lab::{get, request, send},
    wait::eventually,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::net::TcpListener;

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A webhook for everything in the core group that has its name as a label.
fn webhook(hook: &Hook, name: &str, change: &Value) -> Value {
    let mut webhook = json!({
        "name": format!("{name}.example.com"), "sideEffects": "NoneOnDryRun",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": format!("https://127.0.0.1:{}/{name}", hook.port),
            "caBundle": hook.bundle},
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"],
            "resources": ["*"]}],
        "objectSelector": {"matchLabels": {"for": name}},
    });
    for (field, value) in change.as_object().into_iter().flatten() {
        webhook[field] = value.clone();
    }
    webhook
}

async fn configure(lab: &Lab, kind: &str, webhooks: Vec<Value>) {
    let configuration = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": "all"}, "webhooks": webhooks});
    let path = format!("{CONFIGURATIONS}/{}s", kind.to_lowercase());
    send(&lab.client, "POST", &path, "", Some(&configuration)).await.expect(201);
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"for": name}}, "data": {"key": name}})
}

fn patch(operations: &Value) -> Value {
    json!({"allowed": true, "patchType": "JSONPatch",
        "patch": STANDARD.encode(operations.to_string())})
}

/// What the webhook of a name answers.
fn response(name: &str) -> Value {
    match name {
        "deny" => json!({"allowed": false, "status": {"message": "m"}}),
        "reason" => json!({"allowed": false, "status": {"code": 403, "reason": "r"}}),
        "silent" => json!({"allowed": false}),
        "odd-code" => json!({"allowed": false, "status": {"code": 200, "message": "m"}}),
        "untyped" => json!({"allowed": true, "patch": "W10="}),
        "patching" => patch(&json!([{"op": "add", "path": "/data/more", "value": "x"}])),
        // As who marshals a whole object does.
        "pruned" => patch(&json!([{"op": "add", "path": "/spec/nothing", "value": 1},
            {"op": "add", "path": "/spec/size", "value": 2},
            {"op": "add", "path": "/status", "value": {"conditions": null}}])),
        _ => json!({"allowed": true}),
    }
}

async fn hook() -> Hook {
    Hook::serve(&["127.0.0.1"], |path, question| {
        let name = path.split(['/', '?']).nth(1).unwrap_or_default();
        let mut whole = json!({"kind": "AdmissionReview", "apiVersion": question["apiVersion"],
            "response": response(name)});
        whole["response"]["uid"] = question["request"]["uid"].clone();
        (200, whole)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_and_what_clients_hear_of_them() {
    let lab = Lab::start().await;
    let hook = hook().await;
    // Nobody takes what waits at this port.
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/slow", deaf.local_addr().expect("an address"));
    let slow = json!({"clientConfig": {"url": url}, "timeoutSeconds": 1});
    let patient = json!({"clientConfig": {"url": url}, "timeoutSeconds": 1,
        "failurePolicy": "Ignore"});
    let names = ["deny", "reason", "silent", "odd-code", "patching", "fine"];
    let mut webhooks: Vec<Value> = names.iter().map(|n| webhook(&hook, n, &json!({}))).collect();
    webhooks.push(webhook(&hook, "slow", &slow));
    webhooks.push(webhook(&hook, "patient", &patient));
    configure(&lab, "ValidatingWebhookConfiguration", webhooks).await;

    let invalid = "Internal error occurred: failed calling webhook \"NAME\": received invalid webhook response: ";
    let denied = "admission webhook \"NAME\" denied the request";
    let rows = [
        ("deny", 400, format!("{denied}: m")),
        ("reason", 403, format!("{denied}: r")),
        ("silent", 400, format!("{denied} without explanation")),
        ("odd-code", 400, format!("{denied}: m")),
        ("patching", 500, format!("{invalid}validating webhook may not return response.patch")),
        (
            "slow",
            500,
            format!(
                "Internal error occurred: failed calling webhook \"NAME\": failed to call webhook: Post \"{url}?timeout=1s\": context deadline exceeded"
            ),
        ),
        ("patient", 201, String::new()),
        ("fine", 201, String::new()),
    ];
    for (name, code, text) in rows {
        let reply = send(&lab.client, "POST", MAPS, "", Some(&map(name))).await;
        assert_eq!(reply.code, code, "{name}: {}", reply.text());
        if code != 201 {
            let expected = text.replace("NAME", &format!("{name}.example.com"));
            assert_eq!(reply.json().str_at("message"), expected);
        }
    }
    let mut other = map("fine");
    other["metadata"]["name"] = json!("other");
    let path = format!("{MAPS}?dryRun=All");
    send(&lab.client, "POST", &path, "", Some(&other)).await.expect(201);
    let (_, last) = hook.asked().pop().expect("it was asked");
    assert_eq!(last["request"]["dryRun"], true, "who promises to do nothing is asked");
    drop(deaf);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_about() {
    let lab = Lab::start().await;
    let hook = hook().await;
    let rules = |operations: &[&str], group: &str, version: &str, resources: &[&str]| {
        json!([{"operations": operations, "apiGroups": [group], "apiVersions": [version],
            "resources": resources}])
    };
    let nobody = json!({"matchExpressions": [{"key": "none", "operator": "Exists"}]});
    let exact = json!({"matchPolicy": "Exact", "objectSelector": {},
        "rules": rules(&["CREATE"], "autoscaling", "v1", &["horizontalpodautoscalers"])});
    let all = json!({"objectSelector": {}, "rules": rules(&["DELETE"], "*", "*", &["*/*"])});
    let nodes = json!({"objectSelector": {}, "namespaceSelector": nobody,
        "rules": rules(&["UPDATE"], "", "v1", &["nodes"])});
    let main = json!({"objectSelector": {}, "rules": rules(&["UPDATE"], "", "v1", &["pods"])});
    let below = json!({"objectSelector": {},
        "rules": rules(&["UPDATE", "CONNECT"], "", "v1", &["pods/*"])});
    let webhooks = [
        ("exact", exact),
        ("all", all),
        ("nodes", nodes),
        ("main", main),
        ("below", below),
        ("old", json!({})),
    ];
    let webhooks = webhooks.iter().map(|(name, change)| webhook(&hook, name, change)).collect();
    configure(&lab, "ValidatingWebhookConfiguration", webhooks).await;
    let asked = |name: &'static str| {
        let of = |(path, _): &(String, Value)| path.starts_with(&format!("/{name}?"));
        hook.asked().into_iter().filter(of).map(|(_, q)| q["request"].clone()).collect::<Vec<_>>()
    };

    // Another version is converted for who does not insist on his own.
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"}, "spec": {"maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    let path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    send(&lab.client, "POST", path, "", Some(&scaler)).await.expect(201);
    assert_eq!(asked("exact").len(), 0);

    // Labels that an object had, or has. A patch is an update to who is asked, whatever it is.
    send(&lab.client, "POST", MAPS, "", Some(&map("old"))).await.expect(201);
    let bare = json!({"metadata": {"labels": null}});
    send(&lab.client, "PATCH", &format!("{MAPS}/old"), "", Some(&bare)).await.expect(200);
    let changed = asked("old").pop().expect("the old labels matter");
    assert_eq!(
        (changed.str_at("operation"), changed.str_at("options.kind")),
        ("UPDATE", "UpdateOptions")
    );
    send(&lab.client, "PATCH", &format!("{MAPS}/old"), "", Some(&json!({"data": {"a": "b"}})))
        .await
        .expect(200);
    assert_eq!(asked("old").len(), 2);
    let apply = format!("{MAPS}/applied?fieldManager=m");
    let mut applied = map("applied");
    applied["metadata"]["labels"]["for"] = json!("old");
    let headers = [("content-type", "application/apply-patch+yaml")];
    let body = || applied.to_string().into_bytes();
    request(&lab.client, "PATCH", &apply, &headers, body()).await.expect(201);
    let made = asked("old").pop().expect("it is created");
    assert_eq!(
        (made.str_at("operation"), made.str_at("options.kind")),
        ("CREATE", "CreateOptions")
    );

    // Namespaces are nothing to what has none.
    let node = get(&lab.client, "/api/v1/nodes").await.expect(200)["items"][0].name().to_owned();
    let label = json!({"metadata": {"labels": {"seen": "yes"}}});
    send(&lab.client, "PATCH", &format!("/api/v1/nodes/{node}"), "", Some(&label))
        .await
        .expect(200);
    let found =
        asked("nodes").into_iter().any(|r| r.str_at("object.metadata.labels.seen") == "yes");
    assert!(found, "{:?}", asked("nodes"));

    // Who is asked about all deletions is not asked about his own.
    let path = format!("{CONFIGURATIONS}/mutatingwebhookconfigurations");
    let none = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration", "metadata": {"name": "none"}, "webhooks": []});
    send(&lab.client, "POST", &path, "", Some(&none)).await.expect(201);
    send(&lab.client, "DELETE", &format!("{path}/none"), "", None).await.expect(200);
    let own = |r: &Value| r.str_at("resource.group") == "admissionregistration.k8s.io";
    assert!(!asked("all").iter().any(own));
    send(&lab.client, "DELETE", &format!("{MAPS}/applied"), "", None).await.expect(200);
    let gone = asked("all").into_iter().find(|r| r.str_at("name") == "applied");
    let gone = gone.expect("it was asked about the deletion");
    assert_eq!((&gone["object"], gone.str_at("oldObject.data.key")), (&Value::Null, "applied"));

    subresources(&lab, &asked).await;
    lab.stop().await;
}

/// Statuses and connections are others than their pods.
async fn subresources(lab: &Lab, asked: &impl Fn(&'static str) -> Vec<Value>) {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "stdin": true,
            "image": "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}});
    let pods = lab.namespace("pods").await;
    let path = format!("/api/v1/namespaces/{pods}/pods");
    send(&lab.client, "POST", &path, "", Some(&pod)).await.expect(201);
    eventually("the pod runs", || async {
        let pod = get(&lab.client, &format!("{path}/p")).await.json();
        if pod.str_at("status.phase") == "Running" { Ok(()) } else { Err(pod) }
    })
    .await;
    let of = |name: &'static str, sub: &str| {
        let all = asked(name).into_iter();
        all.filter(|r| r.str_at("subResource") == sub).collect::<Vec<_>>()
    };
    assert!(of("main", "status").is_empty());
    assert!(!of("below", "status").is_empty(), "its kubelet wrote its status");
    let attach = format!("{path}/p/attach?container=c&stdin=true");
    get(&lab.client, &attach).await;
    let request = of("below", "attach").pop().expect("it was asked about the connection");
    assert_eq!(request.str_at("operation"), "CONNECT");
    assert_eq!(request.str_at("object.kind"), "PodAttachOptions");
    assert_eq!(request.str_at("object.container"), "c");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_webhooks_make_is_held_to_the_schema() {
    let lab = Lab::start().await;
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object",
        "properties": {"size": {"type": "integer"}, "color": {"type": "string",
            "default": "red"}}},
        "status": {"type": "object", "required": ["conditions"], "properties": {
            "conditions": {"type": "array", "items": {"type": "string"}}}}}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}]}});
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    send(&lab.client, "POST", path, "", Some(&definition)).await.expect(201);
    let foos = "/apis/example.com/v1/namespaces/default/foos";
    eventually("the definition is served", || async {
        let reply = get(&lab.client, foos).await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    let hook = hook().await;
    let foos_alone = json!({"objectSelector": {}, "rules": [{"operations": ["CREATE", "UPDATE"],
        "apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["foos"]}]});
    let gone = json!({"rules": [{"operations": ["DELETE"], "apiGroups": [""],
        "apiVersions": ["v1"], "resources": ["configmaps"]}]});
    let webhooks = vec![
        webhook(&hook, "pruned", &foos_alone),
        webhook(&hook, "patching", &gone),
        webhook(&hook, "untyped", &json!({})),
    ];
    configure(&lab, "MutatingWebhookConfiguration", webhooks).await;
    let foo = json!({"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "f"},
        "spec": {}});
    let made = send(&lab.client, "POST", foos, "", Some(&foo)).await.expect(201);
    assert_eq!(made["spec"], json!({"size": 2, "color": "red"}));
    assert_eq!(made.get("status"), None, "a status is not theirs");
    let other = json!({"spec": {"color": "blue"}});
    let changed = send(&lab.client, "PATCH", &format!("{foos}/f"), "", Some(&other)).await;
    assert_eq!(changed.expect(200).get("status"), None);

    send(&lab.client, "POST", MAPS, "", Some(&map("patching"))).await.expect(201);
    let refused = send(&lab.client, "DELETE", &format!("{MAPS}/patching"), "", None).await;
    let text = "Internal error occurred: admission webhook \"patching.example.com\" attempted to modify the object, which is not supported for this operation";
    assert_eq!(refused.expect(500)["message"], text);
    let refused = send(&lab.client, "POST", MAPS, "", Some(&map("untyped"))).await.expect(500);
    let text = "Internal error occurred: failed calling webhook \"untyped.example.com\": received invalid webhook response: webhook returned response.patch but not response.patchType";
    assert_eq!(refused["message"], text);
    lab.stop().await;
}
