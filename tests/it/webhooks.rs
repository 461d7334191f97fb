//! Webhooks of admission over the wire: whoever a configuration names is asked, believed and
//! reported on as upstream does.

use crate::support::{
    Lab,
    hook::Hook,
    lab::{get, send},
    wait::eventually,
};
use serde_json::{Value, json};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A configuration of one webhook about config maps; `change` has the last word.
fn configuration(kind: &str, hook: &Hook, path: &str, change: Value) -> Value {
    let mut webhook = json!({
        "name": "maps.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": format!("https://127.0.0.1:{}{path}", hook.port),
            "caBundle": hook.bundle},
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"],
            "resources": ["configmaps"]}],
        "objectSelector": {"matchLabels": {"asked": "yes"}},
    });
    for (field, value) in change.as_object().expect("an object") {
        webhook[field] = value.clone();
    }
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": "maps"}, "webhooks": [webhook]})
}

async fn configure(lab: &Lab, configuration: &Value) {
    let plural = format!("{}s", configuration["kind"].as_str().expect("a kind").to_lowercase());
    let path = format!("{CONFIGURATIONS}/{plural}");
    send(&lab.client, "POST", &path, "", Some(configuration)).await.expect(201);
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"asked": "yes"}}, "data": {"key": name}})
}

fn answer(question: &Value, response: Value) -> (u16, Value) {
    let mut whole = json!({"kind": "AdmissionReview", "apiVersion": question["apiVersion"],
        "response": response});
    whole["response"]["uid"] = question["request"]["uid"].clone();
    (200, whole)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_refuses_in_its_own_words() {
    let lab = Lab::start().await;
    let hook = Hook::serve(&["127.0.0.1"], |_, question| {
        let bad = question["request"]["name"] == "bad";
        let status = json!({"message": "that name is bad", "code": 403});
        let warnings = json!(["looked at"]);
        answer(question, json!({"allowed": !bad, "status": status, "warnings": warnings}))
    })
    .await;
    let change = json!({"timeoutSeconds": 7});
    configure(&lab, &configuration("ValidatingWebhookConfiguration", &hook, "/judge/", change))
        .await;

    let good = send(&lab.client, "POST", MAPS, "", Some(&map("good"))).await;
    assert_eq!(good.header("warning"), r#"299 - "looked at""#);
    good.expect(201);
    let bad = send(&lab.client, "POST", MAPS, "", Some(&map("bad"))).await;
    assert_eq!(bad.header("warning"), r#"299 - "looked at""#, "who refuses is heard, too");
    let bad = bad.expect(403);
    let text = r#"admission webhook "maps.example.com" denied the request: that name is bad"#;
    assert_eq!(bad["message"], text);
    assert_eq!(get(&lab.client, &format!("{MAPS}/bad")).await.code, 404);

    let mut unasked = map("bad");
    unasked["metadata"]["labels"] = json!({});
    send(&lab.client, "POST", MAPS, "", Some(&unasked)).await.expect(201);

    let asked = hook.asked();
    assert_eq!(asked.len(), 2);
    let (path, review) = &asked[0];
    let request = &review["request"];
    assert_eq!(path, "/judge?timeout=7s");
    assert_eq!(request["kind"], json!({"group": "", "version": "v1", "kind": "ConfigMap"}));
    assert_eq!(request["requestResource"]["resource"], "configmaps");
    assert_eq!(
        (&request["operation"], &request["namespace"]),
        (&json!("CREATE"), &json!("default"))
    );
    assert_eq!(request["object"]["data"]["key"], "good");
    assert!(request["object"]["metadata"]["uid"].is_string());
    assert_eq!(request["oldObject"], Value::Null);
    assert_eq!(request["options"]["kind"], "CreateOptions");
    assert_eq!(request["dryRun"], false);
    lab.stop().await;
}

/// A patch as a webhook sends it.
fn patch(operations: &Value) -> Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    json!({"allowed": true, "patchType": "JSONPatch",
        "patch": STANDARD.encode(operations.to_string())})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_change_objects_and_are_asked_again_if_they_wish() {
    let lab = Lab::start().await;
    let hook = Hook::serve(&["127.0.0.1"], |path, question| {
        let data = &question["request"]["object"]["data"];
        let step = path.split(['/', '?']).nth(1).unwrap_or_default();
        if data[step].is_string() || step == "bad" && data["key"] != "bad" {
            return answer(question, json!({"allowed": true}));
        }
        let add = json!({"op": "add", "path": format!("/data/{step}"), "value": "done"});
        let bad = json!({"op": "add", "path": "/absent/x", "value": 1});
        answer(question, patch(&json!([if step == "bad" { bad } else { add }])))
    })
    .await;
    let mut whole = configuration("MutatingWebhookConfiguration", &hook, "/one", json!({}));
    let change = |name: &str, path: &str, again: &str| {
        let change = json!({"name": name, "reinvocationPolicy": again});
        configuration("", &hook, path, change)["webhooks"][0].clone()
    };
    whole["webhooks"] = json!([
        change("one.example.com", "/one", "IfNeeded"),
        change("two.example.com", "/two", "Never"),
        change("bad.example.com", "/bad", "Never"),
    ]);
    configure(&lab, &whole).await;
    let made = send(&lab.client, "POST", MAPS, "", Some(&map("m"))).await.expect(201);
    assert_eq!(made["data"], json!({"key": "m", "one": "done", "two": "done"}));
    let asked = hook.asked();
    let paths: Vec<&str> = asked.iter().map(|(path, _)| path.as_str()).collect();
    let query = "?timeout=10s";
    let expected = ["/one", "/two", "/bad", "/one"].map(|p| format!("{p}{query}"));
    assert_eq!(paths, expected, "one saw the object before two changed it");
    let metadata = &asked[0].1["request"]["object"]["metadata"];
    assert!(metadata["uid"].is_null() && metadata["creationTimestamp"].is_null(), "{metadata}");
    assert!(made["metadata"]["uid"].is_string());

    let bad = send(&lab.client, "POST", MAPS, "", Some(&map("bad"))).await.expect(500);
    let text = r#"Internal error occurred: add operation does not apply: doc is missing path: "/absent/x": missing value"#;
    assert_eq!(bad["message"], text);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_fail_are_told_as_upstream_tells_them() {
    let lab = Lab::start().await;
    let hook = Hook::serve(&["hooks.default.svc"], |path, question| match path {
        "/gone?timeout=10s" => (404, json!({})),
        "/other?timeout=10s" => (200, json!({"response": {"uid": "other", "allowed": true}})),
        _ => answer(question, json!({"allowed": true})),
    })
    .await;
    let mut whole = configuration("ValidatingWebhookConfiguration", &hook, "/ok", json!({}));
    configure(&lab, &whole).await;
    let path = format!("{CONFIGURATIONS}/validatingwebhookconfigurations/maps");
    let at = |p: &str| format!("https://127.0.0.1:{}{p}", hook.port);
    let url = at("/ok?timeout=10s");
    let service =
        json!({"name": "hooks", "namespace": "default", "port": hook.port, "path": "/ok"});
    let by_service = |path: &str| {
        let mut service = service.clone();
        service["path"] = json!(path);
        json!({"url": null, "service": service})
    };
    let call = |why: &str| format!("failed to call webhook: {why}");
    let post = |why: &str| {
        call(&format!(
            "Post {:?}: {why}",
            format!("https://hooks.default.svc:{}/ok?timeout=10s", hook.port)
        ))
    };
    // What changes, whether the service is there by then, and what is said.
    let rows: Vec<(Value, bool, Option<String>)> = vec![
        (
            json!({"url": at("/ok")}),
            false,
            Some(call(&format!(
                "Post {url:?}: tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"
            ))),
        ),
        (
            json!({"url": "https://127.0.0.1:1/ok"}),
            false,
            Some(call(
                r#"Post "https://127.0.0.1:1/ok?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused"#,
            )),
        ),
        (by_service("/ok"), false, Some(post(r#"service "hooks" not found"#))),
        (by_service("/ok"), true, None),
        (by_service("/gone"), true, Some(call("the server could not find the requested resource"))),
    ];
    let external = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hooks"},
        "spec": {"type": "ExternalName", "externalName": "localhost"}});
    let services = "/api/v1/namespaces/default/services";
    let mut is_there = false;
    for (change, there, expected) in rows {
        if there && !is_there {
            send(&lab.client, "POST", services, "", Some(&external)).await.expect(201);
            is_there = true;
        }
        let config = &mut whole["webhooks"][0]["clientConfig"];
        for (field, value) in change.as_object().expect("an object") {
            config[field] = value.clone();
        }
        send(&lab.client, "PUT", &path, "", Some(&with_revision(&lab, &path, &whole).await))
            .await
            .expect(200);
        let reply =
            send(&lab.client, "POST", &format!("{MAPS}?dryRun=All"), "", Some(&map("m"))).await;
        match expected {
            None => drop(reply.expect(201)),
            Some(why) => {
                let text = format!(
                    r#"Internal error occurred: failed calling webhook "maps.example.com": {why}"#
                );
                assert_eq!(reply.expect(500)["message"], text);
            }
        }
    }
    whole["webhooks"][0]["clientConfig"] = json!({"service": service, "caBundle": hook.bundle});
    whole["webhooks"][0]["clientConfig"]["service"]["path"] = json!("/other");
    send(&lab.client, "PUT", &path, "", Some(&with_revision(&lab, &path, &whole).await))
        .await
        .expect(200);
    let reply = send(&lab.client, "POST", MAPS, "", Some(&map("m"))).await.expect(500);
    let message = reply["message"].as_str().expect("a text");
    assert!(
        message.contains("received invalid webhook response: expected response.uid="),
        "{message}"
    );
    whole["webhooks"][0]["failurePolicy"] = json!("Ignore");
    send(&lab.client, "PUT", &path, "", Some(&with_revision(&lab, &path, &whole).await))
        .await
        .expect(200);
    send(&lab.client, "POST", MAPS, "", Some(&map("m"))).await.expect(201);
    lab.stop().await;
}

/// An object with the revision that is stored now.
async fn with_revision(lab: &Lab, path: &str, object: &Value) -> Value {
    let mut object = object.clone();
    let stored = get(&lab.client, path).await.expect(200);
    object["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
    object
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_in_the_bundle_is_believed_though_it_signs_nothing() {
    let lab = Lab::start().await;
    let now = "2026-06-01T00:00:00Z".parse().expect("a time");
    let ca = pocketshift::tls::authority(now).expect("an authority");
    let pair = pocketshift::tls::serving(&ca, &["127.0.0.1".into()], now).expect("a certificate");
    let hook = Hook::with(&pair, &pair.cert, |_, question| {
        answer(question, json!({"allowed": true, "status": {}}))
    })
    .await;
    let whole = configuration("ValidatingWebhookConfiguration", &hook, "/", json!({}));
    configure(&lab, &whole).await;
    send(&lab.client, "POST", MAPS, "", Some(&map("m"))).await.expect(201);
    assert_eq!(hook.asked().len(), 1);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_for_another_version_sees_the_object_in_it() {
    let lab = Lab::start().await;
    let hook =
        Hook::serve(&["127.0.0.1"], |_, question| answer(question, json!({"allowed": true}))).await;
    let rules = json!([{"operations": ["CREATE"], "apiGroups": ["autoscaling"],
        "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"]}]);
    let change = json!({"rules": rules, "objectSelector": {}});
    configure(&lab, &configuration("ValidatingWebhookConfiguration", &hook, "/", change)).await;
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"}, "spec": {"maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    let path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    send(&lab.client, "POST", path, "", Some(&scaler)).await.expect(201);
    let asked = hook.asked();
    let request = &asked[0].1["request"];
    assert_eq!(request["object"]["apiVersion"], "autoscaling/v1");
    assert_eq!(
        (&request["kind"]["version"], &request["requestKind"]["version"]),
        (&json!("v1"), &json!("v2"))
    );
    lab.stop().await;
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A definition of two versions, of which `v1` is stored and a webhook converts.
fn definition(hook: &Hook) -> Value {
    let version = |name: &str, field: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema":
            {"type": "object", "properties": {field: {"type": "string"}}}}})
    };
    let client =
        json!({"url": format!("https://127.0.0.1:{}/convert", hook.port), "caBundle": hook.bundle});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [version("v1", "one", true), version("v2", "two", false)],
            "conversion": {"strategy": "Webhook",
                "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": client}}}})
}

/// Calls what `v1` calls `one` `two`, and the other way round; of an object named `bad` it changes
/// the name.
fn convert(_: &str, question: &Value) -> (u16, Value) {
    let request = &question["request"];
    let to = &request["desiredAPIVersion"];
    let made = |object: &Value| {
        let mut made = object.clone();
        let (from, into) = if to == "example.com/v2" { ("one", "two") } else { ("two", "one") };
        if let Some(value) = made.as_object_mut().and_then(|o| o.remove(from)) {
            made[into] = value;
        }
        made["apiVersion"] = to.clone();
        if made["metadata"]["name"] == "bad" {
            made["metadata"]["name"] = json!("worse");
        }
        made
    };
    let objects: Vec<Value> =
        request["objects"].as_array().expect("objects").iter().map(made).collect();
    (
        200,
        json!({"kind": "ConversionReview", "apiVersion": question["apiVersion"], "response": {
        "uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects}}),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_converts_what_is_stored_in_another_version() {
    let lab = Lab::start().await;
    let hook = Hook::serve(&["127.0.0.1"], convert).await;
    send(&lab.client, "POST", DEFINITIONS, "", Some(&definition(&hook))).await.expect(201);
    eventually("the definition is established", || async {
        let reply = get(&lab.client, "/apis/example.com/v1").await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    let at = |version: &str| format!("/apis/example.com/{version}/namespaces/default/foos");
    let foo = |version: &str, name: &str, field: &str| {
        json!({"apiVersion": format!("example.com/{version}"), "kind": "Foo",
            "metadata": {"name": name}, field: name})
    };
    for name in ["a", "b"] {
        send(&lab.client, "POST", &at("v1"), "", Some(&foo("v1", name, "one"))).await.expect(201);
    }
    assert_eq!(hook.asked().len(), 0, "nobody wanted another version");
    let list = get(&lab.client, &at("v2")).await.expect(200);
    let seen: Vec<_> = list["items"].as_array().expect("items").iter().map(|i| &i["two"]).collect();
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(list["items"][0]["apiVersion"], "example.com/v2");
    assert_eq!(hook.asked().len(), 1, "both were asked about at once");
    get(&lab.client, &format!("{}/a", at("v2"))).await.expect(200);
    assert_eq!(hook.asked().len(), 1, "and are remembered");
    assert_eq!(hook.asked()[0].0, "/convert");

    let made = send(&lab.client, "POST", &at("v2"), "", Some(&foo("v2", "c", "two"))).await;
    assert_eq!(made.expect(201)["two"], "c");
    let stored = get(&lab.client, &format!("{}/c", at("v1"))).await.expect(200);
    assert_eq!((&stored["one"], &stored["two"]), (&json!("c"), &Value::Null));
    let change = json!({"metadata": {"labels": {"x": "y"}}, "two": "d"});
    let changed = send(&lab.client, "PATCH", &format!("{}/c", at("v2")), "", Some(&change)).await;
    assert_eq!(changed.expect(200)["two"], "d");
    let stored = get(&lab.client, &format!("{}/c", at("v1"))).await.expect(200);
    assert_eq!((&stored["one"], &stored["metadata"]["labels"]["x"]), (&json!("d"), &json!("y")));

    send(&lab.client, "POST", &at("v1"), "", Some(&foo("v1", "bad", "one"))).await.expect(201);
    let bad = get(&lab.client, &format!("{}/bad", at("v2"))).await.expect(500);
    let text = "conversion webhook for example.com/v1, Kind=Foo returned invalid object: must have the same name: bad != worse";
    assert_eq!(bad["message"], text);
    send(&lab.client, "DELETE", &format!("{}/bad", at("v1")), "", None).await.expect(200);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_decide_who_is_asked() {
    let lab = Lab::start().await;
    let hook = Hook::serve(&["127.0.0.1"], |_, question| {
        answer(question, json!({"allowed": question["request"]["name"] != "bad"}))
    })
    .await;
    let conditions = json!([
        {"name": "not-skipped", "expression": "!('skip' in object.data)"},
        {"name": "by-somebody", "expression": "request.userInfo.username != '' && object.data.key != 'fault' || object.data.nothing == ''"},
        {"name": "may", "expression": "authorizer.group('').resource('configmaps').check('get').allowed()"},
    ]);
    let change = json!({"matchConditions": conditions});
    let strict = configuration("ValidatingWebhookConfiguration", &hook, "/strict", change.clone());
    configure(&lab, &strict).await;
    let mut lax = configuration("MutatingWebhookConfiguration", &hook, "/lax", change);
    lax["webhooks"][0]["failurePolicy"] = json!("Ignore");
    configure(&lab, &lax).await;

    send(&lab.client, "POST", MAPS, "", Some(&map("good"))).await.expect(201);
    assert_eq!(hook.asked().len(), 2, "both webhooks");
    send(&lab.client, "POST", MAPS, "", Some(&map("bad"))).await.expect(400);
    let asked = hook.asked().len();
    let mut skipped = map("bad");
    skipped["data"]["skip"] = json!("");
    send(&lab.client, "POST", MAPS, "", Some(&skipped)).await.expect(201);
    let fault = send(&lab.client, "POST", MAPS, "", Some(&map("fault"))).await.expect(403);
    assert_eq!(hook.asked().len(), asked, "nobody was asked about either");
    let text = fault["message"].as_str().unwrap_or_default();
    let head = r#"configmaps "fault" is forbidden: expression '"#;
    assert!(text.starts_with(head) && text.ends_with("resulted in error: no such key: nothing"));

    let bad = json!({"matchConditions": [{"name": "a", "expression": " 1 "},
        {"name": "b", "expression": "nobody == 1"}]});
    let bad = configuration("ValidatingWebhookConfiguration", &hook, "/x", bad);
    let path = format!("{CONFIGURATIONS}/validatingwebhookconfigurations");
    let refused = send(&lab.client, "POST", &path, "", Some(&bad)).await.expect(422);
    let causes = refused["details"]["causes"].as_array().expect("causes");
    let said = |i: usize, field: &str| causes[i][field].as_str().unwrap_or_default().to_owned();
    assert_eq!(said(0, "field"), "webhooks[0].matchConditions[0].expression");
    assert_eq!(said(0, "message"), r#"Invalid value: "1": must evaluate to bool but got int"#);
    assert!(said(1, "message").contains("compilation failed: ERROR: <input>:1:1: undeclared"));
    lab.stop().await;
}
