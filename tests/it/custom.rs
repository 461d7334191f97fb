//! Custom resources over the wire. What a real kube-apiserver 1.36 answered to the same requests is
//! in `tests/golden/custom`: to definitions wrong in one way each, and to a walk over the objects of
//! one definition.

use crate::support::{
    Lab, Wire,
    lab::{Reply, get, request, send},
    repository,
    wait::eventually,
    yaml,
};
use pocketshift::{
    kinds::{GroupVersionResource, Served, ServedKind},
    object::ObjectExt,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const FOOS: &str = "/apis/example.com/v1/namespaces/default/foos";

fn golden(name: &str) -> String {
    let path = repository("tests/golden/custom").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn rows(name: &str) -> Vec<Value> {
    serde_json::from_str(&golden(name)).expect("rows")
}

/// Creates the definition of foos and waits until it is established.
async fn define(lab: &Lab) {
    let definition = yaml(&golden("foos.yaml")).remove(0);
    send(&lab.client, "POST", DEFINITIONS, "", Some(&definition)).await.expect(201);
    eventually("the definition is established", || async {
        let reply = get(&lab.client, "/apis/example.com/v1").await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
}

/// What the reply says, without what differs from one server to the next.
fn said(reply: &Reply) -> Value {
    let Ok(mut object) = serde_json::from_slice::<Value>(&reply.bytes) else {
        return json!({"text": reply.text()});
    };
    if object.str_at("status") == "Failure" {
        let causes = object.list_at("details.causes").iter();
        let causes = causes.filter(|c| !c.str_at("reason").is_empty());
        let causes: Vec<String> = causes
            .map(|c| format!("{} {}", c.str_at("reason"), c.str_at("field")).trim().to_owned())
            .collect();
        let mut said = json!({"message": object["message"]});
        if !causes.is_empty() {
            said["causes"] = json!(causes);
        }
        return said;
    }
    let bare = |object: &mut Value| {
        for field in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
            object.remove_at(&format!("metadata.{field}"));
        }
    };
    if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(bare);
    }
    if object.get("metadata").is_some() {
        bare(&mut object);
    }
    if object.get("details").is_some() {
        object.remove_at("details.uid");
    }
    json!({"answer": object})
}

fn warnings(reply: &Reply) -> Vec<String> {
    let all = reply.headers.get_all("warning").iter();
    all.filter_map(|w| w.to_str().ok()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_answered_as_upstream_answers_them() {
    let lab = Lab::start().await;
    define(&lab).await;
    let mut wrong = Vec::new();
    for row in rows("objects.json") {
        let (method, path) = row.str_at("request").split_once(' ').expect("method and path");
        let kind = match row.str_at("type") {
            "" => "application/json",
            kind => kind,
        };
        let body = row.str_at("body").as_bytes().to_vec();
        let headers = [("accept", "application/json"), ("content-type", kind)];
        let reply = request(&lab.client, method, path, &headers, body).await;
        let mut expected = row.clone();
        let map = expected.as_object_mut().expect("a row");
        map.retain(|k, _| !["request", "body", "type", "code", "warnings"].contains(&k.as_str()));
        let heard: Vec<&str> = row.list_at("warnings").iter().filter_map(Value::as_str).collect();
        let got = said(&reply);
        if u64::from(reply.code) != row["code"].as_u64().unwrap_or(0)
            || got != expected
            || warnings(&reply) != heard
        {
            wrong.push(format!(
                "{method} {path} {}\n  expected {} {expected} {heard:?}\n  got      {} {got} {:?}",
                row.str_at("body"),
                row["code"],
                reply.code,
                warnings(&reply)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_are_refused_as_upstream_refuses_them() {
    let lab = Lab::start().await;
    let good = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "bars.test.com"},
        "spec": {"group": "test.com", "scope": "Namespaced",
            "names": {"plural": "bars", "kind": "Bar"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"a": {"type": "string"}}}}}}}]},
    });
    let mut wrong = Vec::new();
    for row in rows("definitions.json") {
        let mut object = good.clone();
        for (path, value) in row["change"].as_object().into_iter().flatten() {
            let (parent, last) = path.rsplit_once('/').expect("a path of two names");
            let parent = object.pointer_mut(&format!("/{parent}")).expect("a place");
            match value {
                Value::Null => drop(parent.as_object_mut().expect("an object").remove(last)),
                value => parent[last] = value.clone(),
            }
        }
        let path = format!("{DEFINITIONS}?dryRun=All");
        let reply = send(&lab.client, "POST", &path, "", Some(&object)).await;
        let got = if reply.code == 201 { Value::Null } else { reply.json()["message"].clone() };
        let expected = row.get("message").cloned().unwrap_or_default();
        let heard: Vec<&str> = row.list_at("warnings").iter().filter_map(Value::as_str).collect();
        if got != expected || warnings(&reply) != heard {
            wrong.push(format!(
                "{}\n  expected {expected} {heard:?}\n  got      {got} {:?}",
                row["change"],
                warnings(&reply)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    lab.stop().await;
}

/// A custom object.
fn foo(name: &str, rest: &Value) -> Value {
    let mut object = json!({"apiVersion": "example.com/v1", "kind": "Foo",
        "metadata": {"name": name}, "spec": {}});
    for (field, value) in rest.as_object().into_iter().flatten() {
        object.set_at(field, value.clone());
    }
    object
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_goes_after_its_objects() {
    let lab = Lab::start().await;
    define(&lab).await;
    let held = foo("held", &json!({"metadata.finalizers": ["example.com/held"]}));
    send(&lab.client, "POST", FOOS, "", Some(&held)).await.expect(201);
    let definition = format!("{DEFINITIONS}/foos.example.com");
    let marked = send(&lab.client, "DELETE", &definition, "", None).await.expect(200);
    assert_eq!(marked.str_at("kind"), "CustomResourceDefinition");
    let finalizers = marked.list_at("metadata.finalizers");
    assert_eq!(finalizers, [json!("customresourcecleanup.apiextensions.k8s.io")]);
    assert_eq!(marked.condition("Terminating").expect("said").str_at("status"), "True");
    eventually("its objects are told to go", || async {
        let object = get(&lab.client, &format!("{FOOS}/held")).await.json();
        if object.is_deleting() { Ok(()) } else { Err(object) }
    })
    .await;
    let late = send(&lab.client, "POST", FOOS, "", Some(&foo("late", &json!({})))).await;
    assert_eq!(
        late.expect(403)["message"],
        "foos.example.com \"late\" is forbidden: create not allowed while custom resource definition is terminating"
    );
    let list = get(&lab.client, "/apis/example.com/v1").await.expect(200);
    let verbs = json!(["delete", "deletecollection", "get", "list", "watch"]);
    assert_eq!(list["resources"][0]["verbs"], verbs);
    let free = json!({"metadata": {"finalizers": []}});
    send(&lab.client, "PATCH", &format!("{FOOS}/held"), "", Some(&free)).await.expect(200);
    eventually("both go", || async {
        let reply = get(&lab.client, &definition).await;
        if reply.code == 404 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    assert_eq!(get(&lab.client, FOOS).await.text(), "404 page not found\n");
    assert_eq!(get(&lab.client, "/apis/example.com").await.code, 404);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_and_namespaces_take_custom_objects_with_them() {
    let lab = Lab::start().await;
    define(&lab).await;
    let space = lab.namespace("crs").await;
    let foos = format!("/apis/example.com/v1/namespaces/{space}/foos");
    let owner = send(&lab.client, "POST", &foos, "", Some(&foo("owner", &json!({})))).await;
    let owner = owner.expect(201);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned",
        "ownerReferences": [{"apiVersion": "example.com/v1", "kind": "Foo", "name": "owner",
            "uid": owner.uid()}]}});
    let maps = format!("/api/v1/namespaces/{space}/configmaps");
    send(&lab.client, "POST", &maps, "", Some(&map)).await.expect(201);
    send(&lab.client, "DELETE", &format!("{foos}/owner"), "", None).await.expect(200);
    eventually("what it owned goes", || async {
        let reply = get(&lab.client, &format!("{maps}/owned")).await;
        if reply.code == 404 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    send(&lab.client, "POST", &foos, "", Some(&foo("left", &json!({})))).await.expect(201);
    send(&lab.client, "DELETE", &format!("/api/v1/namespaces/{space}"), "", None).await;
    eventually("the namespace empties", || async {
        let reply = get(&lab.client, &format!("/api/v1/namespaces/{space}")).await;
        if reply.code == 404 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    assert_eq!(get(&lab.client, &format!("{foos}/left")).await.code, 404);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_and_later_defaults() {
    let lab = Lab::start().await;
    define(&lab).await;
    let spec = json!({"spec.mode": "a", "spec.raw": {"k": 1}, "spec.when": "2020-01-01"});
    send(&lab.client, "POST", FOOS, "", Some(&foo("one", &spec))).await.expect(201);
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let table = send(&lab.client, "GET", FOOS, accept, None).await.expect(200);
    let columns = table.list_at("columnDefinitions").iter().map(ObjectExt::name);
    let names: Vec<&str> =
        table.list_at("columnDefinitions").iter().map(|c| c.str_at("name")).collect();
    assert_eq!(columns.count(), 4);
    assert_eq!(names, ["Name", "Mode", "Raw", "When"]);
    let cells = json!(["one", "a", "{\"k\":1}", "<invalid>"]);
    assert_eq!(table["rows"][0]["cells"], cells);
    // Fields to select by stand beside a schema that all versions share.
    let later = |field: &str, value: Value| -> Value {
        let at = |i: usize| {
            format!(
                "/spec/versions/{i}/schema/openAPIV3Schema/properties/spec/properties/{field}/default"
            )
        };
        (0..2).map(|i| json!({"op": "add", "path": at(i), "value": value})).collect()
    };
    let definition = format!("{DEFINITIONS}/foos.example.com");
    let mode = later("mode", json!("b"));
    send(&lab.client, "PATCH", &definition, "", Some(&mode)).await.expect(200);
    let bare = json!([{"op": "remove", "path": "/spec/mode"}]);
    send(&lab.client, "PATCH", &format!("{FOOS}/one"), "", Some(&bare)).await.expect(200);
    let other = foo("two", &json!({}));
    let two = send(&lab.client, "POST", FOOS, "", Some(&other)).await.expect(201);
    let port = later("port", json!(80));
    send(&lab.client, "PATCH", &definition, "", Some(&port)).await.expect(200);
    let before = get(&lab.client, &format!("{FOOS}/two")).await.expect(200);
    assert_eq!((&before["spec"]["mode"], &before["spec"]["port"]), (&json!("b"), &json!(80)));
    assert_eq!(before["metadata"], two["metadata"], "nothing was written");
    lab.stop().await;
}

/// The events of a watch that lasts a second, from a revision on: their types and objects.
async fn events(lab: &Lab, path: &str, from: &str) -> Vec<(String, Value)> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{joint}watch=true&timeoutSeconds=1&resourceVersion={from}");
    let reply = get(&lab.client, &path).await;
    let lines = reply.text();
    let events = lines.lines().map(|l| serde_json::from_str::<Value>(l).expect("an event"));
    events.map(|e| (e.str_at("type").to_owned(), e["object"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_see_every_step() {
    let lab = Lab::start().await;
    let before = get(&lab.client, DEFINITIONS).await.expect(200);
    define(&lab).await;
    // Names first, then the rest: three revisions that clients wait for.
    let path = format!("{DEFINITIONS}?fieldSelector=metadata.name%3Dfoos.example.com");
    let seen = events(&lab, &path, before.str_at("metadata.resourceVersion")).await;
    let steps: Vec<_> = seen
        .iter()
        .map(|(kind, object)| {
            let status =
                |c: &str| object.condition(c).map_or("", |c| c.str_at("status")).to_owned();
            (kind.as_str(), status("NamesAccepted"), status("Established"))
        })
        .collect();
    let step = |kind, names: &str, established: &str| (kind, names.into(), established.into());
    assert_eq!(
        steps,
        [
            step("ADDED", "", ""),
            step("MODIFIED", "True", "False"),
            step("MODIFIED", "True", "True")
        ]
    );

    // What leaves a selection is gone to who selects, and what comes into it is new.
    let made = foo("one", &json!({"spec.mode": "a"}));
    let made = send(&lab.client, "POST", FOOS, "", Some(&made)).await.expect(201);
    for mode in ["b", "a"] {
        let patch = json!({"spec": {"mode": mode}});
        send(&lab.client, "PATCH", &format!("{FOOS}/one"), "", Some(&patch)).await.expect(200);
    }
    let path = format!("{FOOS}?fieldSelector=spec.mode%3Da");
    let seen = events(&lab, &path, made.str_at("metadata.resourceVersion")).await;
    let kinds: Vec<&str> = seen.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["DELETED", "ADDED"]);
    lab.stop().await;
}

/// What is not served, and forms that objects do not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there() {
    let lab = Lab::start().await;
    // Names that another kind has are not accepted; its objects are nowhere.
    let mut taken = yaml(&golden("foos.yaml")).remove(0);
    taken.set_at("metadata.name", "deployments.apps");
    let refused = send(&lab.client, "POST", DEFINITIONS, "", Some(&taken)).await.expect(422);
    assert!(refused.str_at("message").contains("must be spec.names.plural"), "{refused}");
    define(&lab).await;
    let mut rival = yaml(&golden("foos.yaml")).remove(0);
    rival.set_at("metadata.name", "bars.example.com");
    rival.set_at("spec.names", json!({"plural": "bars", "kind": "Foo", "shortNames": ["fo"]}));
    send(&lab.client, "POST", DEFINITIONS, "", Some(&rival)).await.expect(201);
    eventually("its names are refused", || async {
        let object = get(&lab.client, &format!("{DEFINITIONS}/bars.example.com")).await.json();
        let accepted = object.condition("NamesAccepted").cloned().unwrap_or_default();
        if accepted.str_at("status") == "False" { Ok(()) } else { Err(object["status"].clone()) }
    })
    .await;
    let bars = "/apis/example.com/v1/namespaces/default/bars";
    let nowhere = get(&lab.client, bars).await;
    assert_eq!((nowhere.code, nowhere.text().as_str()), (404, "404 page not found\n"));
    let list = get(&lab.client, "/apis/example.com/v1").await.expect(200);
    assert!(list.list_at("resources").iter().all(|r| r["name"] != "bars"), "{list}");

    // Custom objects have no form in protobuf.
    let headers = [("content-type", "application/vnd.kubernetes.protobuf")];
    let reply = request(&lab.client, "POST", FOOS, &headers, b"k8s\0".to_vec()).await;
    assert_eq!(reply.expect(415).str_at("reason"), "UnsupportedMediaType");
    // What `explain` reads has the fields there are, and no others.
    let document = get(&lab.client, "/openapi/v3/apis/example.com/v1").await.expect(200);
    let spec = &document["components"]["schemas"]["com.example.v1.Foo"]["properties"]["spec"];
    assert!(spec["properties"].get("replicas").is_some(), "{document}");
    assert!(spec["properties"].get("zz").is_none());
    lab.stop().await;
}

/// Served from the acceptance of its names on; discovery waits until it is established. A fault
/// holds back the write between the two.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_is_served_before_it_is_established() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let spec = json!({"match": {"from": "controllers", "names": ["foos.example.com"],
        "resources": ["customresourcedefinitions/status"]}, "from": 2, "effect": {"status": 503}});
    let rule = json!({"metadata": {"name": "halfway"}, "spec": spec}).to_string();
    admin.send("POST", "/faults", &[], rule.into_bytes()).await.expect(201);
    let definition = yaml(&golden("foos.yaml")).remove(0);
    send(&lab.client, "POST", DEFINITIONS, "", Some(&definition)).await.expect(201);
    let path = format!("{DEFINITIONS}/foos.example.com");
    let condition = async |kind: &str| {
        let object = get(&lab.client, &path).await.json();
        object.condition(kind).map_or("", |c| c.str_at("status")).to_owned()
    };
    eventually("its names are accepted", || async {
        let accepted = condition("NamesAccepted").await;
        if accepted == "True" { Ok(()) } else { Err(accepted) }
    })
    .await;

    let list = get(&lab.client, FOOS).await.expect(200);
    assert_eq!(list["kind"], "FooList");
    send(&lab.client, "POST", FOOS, "", Some(&foo("early", &json!({})))).await.expect(201);
    let discovered = get(&lab.client, "/apis/example.com/v1").await;
    assert_eq!((discovered.code, discovered.text().as_str()), (404, "404 page not found\n"));
    assert_eq!(condition("Established").await, "False");

    admin.send("DELETE", "/faults/halfway", &[], Vec::new()).await.expect(200);
    eventually("it is discovered", || async {
        let code = get(&lab.client, "/apis/example.com/v1").await.code;
        if code == 200 { Ok(()) } else { Err(code) }
    })
    .await;
    lab.stop().await;
}

/// Custom objects are counted by the quota of their namespace as everything else is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_counts_custom_objects() {
    let lab = Lab::start().await;
    define(&lab).await;
    let space = lab.namespace("counted").await;
    let quotas = format!("/api/v1/namespaces/{space}/resourcequotas");
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"count/foos.example.com": "2"}}});
    send(&lab.client, "POST", &quotas, "", Some(&quota)).await.expect(201);
    let used = async |count: &str| {
        eventually("the quota is counted", || async {
            let object = get(&lab.client, &format!("{quotas}/q")).await.json();
            let used = object["status"]["used"]["count/foos.example.com"].clone();
            if used == count { Ok(()) } else { Err(object) }
        })
        .await;
    };
    used("0").await;
    let foos = format!("/apis/example.com/v1/namespaces/{space}/foos");
    for name in ["a", "b"] {
        send(&lab.client, "POST", &foos, "", Some(&foo(name, &json!({})))).await.expect(201);
    }
    let full = send(&lab.client, "POST", &foos, "", Some(&foo("c", &json!({})))).await.expect(403);
    let text = "foos.example.com \"c\" is forbidden: exceeded quota: q, requested: count/foos.example.com=1, used: count/foos.example.com=2, limited: count/foos.example.com=2";
    assert_eq!(full["message"], text);
    send(&lab.client, "POST", FOOS, "", Some(&foo("c", &json!({})))).await.expect(201);
    send(&lab.client, "DELETE", &format!("{foos}/a"), "", None).await.expect(200);
    used("1").await;
    send(&lab.client, "POST", &foos, "", Some(&foo("c", &json!({})))).await.expect(201);
    used("2").await;
    lab.stop().await;
}

/// Definitions and their objects come and go; what was made for them goes with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_definitions_add_goes_with_them() {
    const ROUNDS: usize = 12;
    let lab = Lab::start().await;
    let server = lab.server();
    let resources = || -> BTreeSet<String> {
        let snapshot = server.store.snapshot();
        snapshot.resources().filter(|(_, n)| *n > 0).map(|(name, _)| name.to_string()).collect()
    };
    let (kinds, before) = (server.catalogue().all().count(), resources());
    let document = get(&lab.client, "/openapi/v2").await.bytes.len();
    let mut made: Vec<Weak<ServedKind>> = Vec::new();
    for round in 0..ROUNDS {
        let text = golden("foos.yaml").replace("foo", &format!("foo{round}"));
        let definition = yaml(&text).remove(0);
        let path = format!("{DEFINITIONS}/{}", definition.name());
        let plural = definition.str_at("spec.names.plural").to_owned();
        let kind = definition.str_at("spec.names.kind");
        send(&lab.client, "POST", DEFINITIONS, "", Some(&definition)).await.expect(201);
        let objects = format!("/apis/example.com/v1/namespaces/default/{plural}");
        let object = json!({"apiVersion": "example.com/v1", "kind": kind,
            "metadata": {"name": "o"}, "spec": {}});
        eventually("its objects can be made", || async {
            let reply = send(&lab.client, "POST", &objects, "", Some(&object)).await;
            if reply.code == 201 { Ok(()) } else { Err(reply.text()) }
        })
        .await;
        eventually("it is described", || async {
            let reply = get(&lab.client, "/openapi/v2").await;
            if reply.text().contains(&plural) { Ok(()) } else { Err(reply.code) }
        })
        .await;
        let named = GroupVersionResource { group: "example.com", version: "v1", resource: &plural };
        match server.catalogue().by_path(named) {
            Some(Served::Made(kind)) => made.push(Arc::downgrade(&kind)),
            other => panic!("{other:?}"),
        }
        send(&lab.client, "DELETE", &path, "", None).await.expect(200);
        eventually("it is gone", || async {
            let reply = get(&lab.client, &path).await;
            if reply.code == 404 { Ok(()) } else { Err(reply.text()) }
        })
        .await;
    }
    // What the youngest changes replaced stays at hand for controllers; these are older then.
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}});
    let maps = "/api/v1/namespaces/default/configmaps";
    send(&lab.client, "POST", maps, "", Some(&map)).await.expect(201);
    for n in 0..600 {
        let patch = json!({"data": {"n": n.to_string()}});
        send(&lab.client, "PATCH", &format!("{maps}/m"), "", Some(&patch)).await.expect(200);
    }
    eventually("nobody holds a kind that is no more", || async {
        assert_eq!(server.catalogue().all().count(), kinds);
        let held = made.iter().filter(|kind| kind.strong_count() > 0).count();
        if held == 0 { Ok(()) } else { Err(held) }
    })
    .await;
    eventually("nothing is left of their objects and descriptions", || async {
        let left: Vec<_> = resources().difference(&before).cloned().collect();
        let now = get(&lab.client, "/openapi/v2").await.bytes.len();
        let left: Vec<_> = left.iter().filter(|name| name.contains("example.com")).collect();
        if left.is_empty() && now == document { Ok(()) } else { Err(format!("{left:?} {now}")) }
    })
    .await;
    lab.stop().await;
}

/// Whole numbers are whole, however they are sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fractions_that_are_none() {
    let lab = Lab::start().await;
    define(&lab).await;
    let text = r#"{"apiVersion":"example.com/v1","kind":"Foo","metadata":{"name":"n"},
        "spec":{"raw":{"a":1e3,"b":[0.5,-3.0],"c":7}}}"#;
    let headers = [("content-type", "application/json")];
    let made = request(&lab.client, "POST", FOOS, &headers, text.into()).await;
    assert_eq!(made.code, 201, "{}", made.text());
    let shown = get(&lab.client, &format!("{FOOS}/n")).await.text();
    for reply in [made.text(), shown] {
        assert!(reply.contains(r#""raw":{"a":1000,"b":[0.5,-3],"c":7}"#), "{reply}");
    }
    // Sent as a fraction it is a change all the same, as upstream counts.
    let headers = [("content-type", "application/merge-patch+json")];
    let patch = r#"{"spec":{"raw":{"a":1000.0}}}"#;
    let path = format!("{FOOS}/n");
    let same = request(&lab.client, "PATCH", &path, &headers, patch.into()).await.expect(200);
    assert_eq!(same["metadata"]["generation"], 2, "{same}");
    assert_eq!(same["spec"]["raw"]["a"], 1000);
    // Who reads a count wants a whole number, and says so in Go's words.
    let patch = r#"{"spec":{"replicas":2.0}}"#;
    let refused = request(&lab.client, "PATCH", &path, &headers, patch.into()).await.expect(422);
    let why = "2 is of the type float64, expected int64";
    assert!(refused.str_at("message").contains(why), "{refused}");
    // YAML has no such fractions.
    let headers = [("content-type", "application/yaml")];
    let text =
        "apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: two}\nspec: {replicas: 2.0}\n";
    let made = request(&lab.client, "POST", FOOS, &headers, text.into()).await.expect(201);
    assert_eq!(made["spec"]["replicas"], 2);
    lab.stop().await;
}
