//! The way to servers outside: nobody is followed elsewhere, and nobody is asked twice because of somebody
//! else's row.

use crate::support::{
    Lab,
    hook::Hook,
    lab::{get, send},
    wait::eventually,
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, mpsc};

const HOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";

/// A server that sends everybody to another of its paths, where it would say yes to everything.
async fn redirecting() -> Hook {
    let port = Arc::new(Mutex::new(0));
    let known = Arc::clone(&port);
    let hook = Hook::serve(&["127.0.0.1", "elsewhere.default.svc"], move |path, _| {
        if path.starts_with("/there") {
            return (200, json!({}));
        }
        let port = known.lock().expect("no panic");
        (307, json!({"location": format!("https://127.0.0.1:{port}/there")}))
    })
    .await;
    *port.lock().expect("no panic") = hook.port;
    hook
}

/// Nobody came to where everybody was sent, though somebody was sent.
fn nobody_followed(hook: &Hook) {
    let asked = hook.asked();
    assert!(!asked.is_empty(), "it was asked");
    let there: Vec<_> = asked.iter().filter(|(path, _)| path.starts_with("/there")).collect();
    assert!(there.is_empty(), "{there:?}");
}

/// A configuration of a webhook that is asked about config maps with a label.
fn webhook(hook: &Hook) -> Value {
    json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "maps"}, "webhooks": [{
            "name": "maps.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": format!("https://127.0.0.1:{}/here", hook.port),
                "caBundle": hook.bundle},
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
                "resources": ["configmaps"]}],
            "objectSelector": {"matchLabels": {"asked": "yes"}}}]})
}

fn map(name: &str, asked: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"asked": asked}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_of_admission_that_point_elsewhere_have_failed() {
    let lab = Lab::start().await;
    let hook = redirecting().await;
    send(&lab.client, "POST", HOOKS, "", Some(&webhook(&hook))).await.expect(201);
    let maps = "/api/v1/namespaces/default/configmaps";
    let failed = send(&lab.client, "POST", maps, "", Some(&map("m", "yes"))).await.expect(500);
    let text = "Internal error occurred: failed calling webhook \"maps.example.com\": failed to call webhook: the server responded with the status code 307 but did not return more information";
    assert_eq!(failed["message"], text);
    nobody_followed(&hook);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_of_conversion_that_point_elsewhere_have_failed() {
    let lab = Lab::start().await;
    let hook = redirecting().await;
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage,
            "schema": {"openAPIV3Schema": {"type": "object"}}})
    };
    let client =
        json!({"url": format!("https://127.0.0.1:{}/here", hook.port), "caBundle": hook.bundle});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [version("v1", true), version("v2", false)],
            "conversion": {"strategy": "Webhook",
                "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": client}}}});
    send(&lab.client, "POST", DEFINITIONS, "", Some(&definition)).await.expect(201);
    eventually("the definition is established", || async {
        let reply = get(&lab.client, "/apis/example.com/v2").await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    let at = |version: &str| format!("/apis/example.com/{version}/namespaces/default/foos");
    let foo = json!({"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "a"}});
    send(&lab.client, "POST", &at("v1"), "", Some(&foo)).await.expect(201);
    let failed = get(&lab.client, &format!("{}/a", at("v2"))).await.expect(500);
    let text = "conversion webhook for example.com/v1, Kind=Foo failed: the server responded with the status code 307 but did not return more information";
    assert_eq!(failed["message"], text);
    nobody_followed(&hook);
    lab.stop().await;
}

/// Who asks a group of another server gets the redirect itself, to follow or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_behind_api_services_that_point_elsewhere_are_not_followed() {
    let lab = Lab::start().await;
    let hook = redirecting().await;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "elsewhere"},
        "spec": {"type": "ExternalName", "externalName": "localhost"}});
    let services = "/api/v1/namespaces/default/services";
    send(&lab.client, "POST", services, "", Some(&service)).await.expect(201);
    let name = "v1.elsewhere.example.com";
    let object = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": name}, "spec": {"group": "elsewhere.example.com", "version": "v1",
            "groupPriorityMinimum": 1000, "versionPriority": 10, "caBundle": hook.bundle,
            "service": {"namespace": "default", "name": "elsewhere", "port": hook.port}}});
    send(&lab.client, "POST", SERVICES, "", Some(&object)).await.expect(201);
    let condition = eventually("it was looked at", || async {
        let object = get(&lab.client, &format!("{SERVICES}/{name}")).await.json();
        let condition = object.condition("Available").cloned().unwrap_or_default();
        let known = ["FailedDiscoveryCheck", "Passed"].contains(&condition.str_at("reason"));
        if known { Ok(condition) } else { Err(object) }
    })
    .await;
    assert_eq!(condition.str_at("reason"), "FailedDiscoveryCheck", "{condition}");
    nobody_followed(&hook);
    lab.stop().await;
}

/// While a webhook thinks, somebody else takes from the quota that the write counts against.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_about_a_quota_is_decided_again_without_asking_twice() {
    let lab = Lab::start().await;
    let (began, thinking) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let hook = Hook::serve(&["127.0.0.1"], move |_, question| {
        began.send(()).expect("somebody waits");
        tokio::task::block_in_place(|| {
            wait.lock().expect("no panic").recv().expect("it may go on")
        });
        let uid = &question["request"]["uid"];
        (
            200,
            json!({"kind": "AdmissionReview", "apiVersion": question["apiVersion"],
            "response": {"uid": uid, "allowed": true}}),
        )
    })
    .await;
    send(&lab.client, "POST", HOOKS, "", Some(&webhook(&hook))).await.expect(201);
    let space = lab.namespace("raced").await;
    let quotas = format!("/api/v1/namespaces/{space}/resourcequotas");
    // Every namespace has two to begin with.
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"count/configmaps": "5"}}});
    send(&lab.client, "POST", &quotas, "", Some(&quota)).await.expect(201);
    let used = async || {
        let object = get(&lab.client, &format!("{quotas}/q")).await.json();
        object["status"]["used"]["count/configmaps"].clone()
    };
    eventually("the quota is counted", || async {
        let count = used().await;
        if count == "2" { Ok(()) } else { Err(count) }
    })
    .await;
    let maps = format!("/api/v1/namespaces/{space}/configmaps");
    let thinking = Arc::new(Mutex::new(thinking));
    // There is room for both; then only for the one nobody was asked about.
    for (first, second, code) in [("a", "b", 201), ("c", "d", 403)] {
        let (client, path) = (lab.client.clone(), maps.clone());
        let slow = tokio::spawn(async move {
            send(&client, "POST", &path, "", Some(&map(first, "yes"))).await
        });
        let thinking = Arc::clone(&thinking);
        let wait = move || thinking.lock().expect("no panic").recv().expect("it is asked");
        tokio::task::spawn_blocking(wait).await.expect("no panic");
        send(&lab.client, "POST", &maps, "", Some(&map(second, "no"))).await.expect(201);
        go.send(()).expect("it waits");
        let reply = slow.await.expect("no panic");
        assert_eq!(reply.code, code, "{}", reply.text());
        let about = hook.asked();
        let about = about.iter().filter(|(_, q)| q["request"]["name"] == first).count();
        assert_eq!(about, 1, "asked about {first}");
    }
    assert_eq!(used().await, "5");
    lab.stop().await;
}
