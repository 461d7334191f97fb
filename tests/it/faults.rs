//! Faults by rule: what the requests meet that a rule means, what others do not, and how the rules
//! come and go.

use crate::support::{
    Child, Lab, Wire,
    child::run,
    eventually,
    lab::{Reply, builder, get, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::time::Instant;
use tempfile::tempdir;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn add(admin: &Wire, name: &str, spec: Value) {
    let rule = json!({"metadata": {"name": name}, "spec": spec}).to_string();
    admin.send("POST", "/faults", &[], rule.into_bytes()).await.expect(201);
}

async fn map(lab: &Lab, name: &str) -> Reply {
    let map = json!({"metadata": {"name": name}});
    send(&lab.client, "POST", MAPS, "", Some(&map)).await
}

/// Sends a request that may find its connection cut.
async fn try_map(lab: &Lab, name: &str) -> Result<u16, String> {
    let body = json!({"metadata": {"name": name}}).to_string();
    let request = http::Request::post(MAPS)
        .header("content-type", "application/json")
        .body(kube::client::Body::from(body.into_bytes()))
        .expect("a request");
    lab.client.send(request).await.map(|r| r.status().as_u16()).map_err(|e| e.to_string())
}

/// Chance is the seed's: who asks the same in the same order meets the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_requests_fail_by_chance_follows_from_the_seed() {
    let met = async |seed: u64| {
        let lab = Lab::of(builder().seed(seed)).await;
        let admin = Wire::to(&lab).as_admin(&lab);
        let matches = json!({"verbs": ["create"], "resources": ["configmaps"]});
        let rule = json!({"match": matches, "probability": 0.5, "effect": {"status": 503}});
        add(&admin, "half", rule).await;
        let mut codes = Vec::new();
        for n in 0..24 {
            codes.push(map(&lab, &format!("m{n}")).await.code);
        }
        lab.stop().await;
        codes
    };
    let first = met(3).await;
    assert!(first.contains(&201) && first.contains(&503), "{first:?}");
    assert_eq!(met(3).await, first);
    assert_ne!(met(4).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_get_what_rules_say() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let makes = json!({"verbs": ["create"], "resources": ["configmaps"]});
    add(
        &admin,
        "busy",
        json!({"match": makes, "times": 1,
        "effect": {"status": 429, "retryAfter": 7}}),
    )
    .await;
    let reply = map(&lab, "a").await;
    assert_eq!((reply.code, reply.header("retry-after")), (429, "7"));
    let status = reply.json();
    assert_eq!(
        (status.str_at("reason"), status.i64_at("details.retryAfterSeconds")),
        ("TooManyRequests", Some(7))
    );
    map(&lab, "a").await.expect(201);

    // The second of those that fit, and one alone; others are left alone.
    add(
        &admin,
        "second",
        json!({"match": {"verbs": ["get"], "names": ["a"]}, "from": 2,
        "times": 1, "effect": {"status": 503}}),
    )
    .await;
    let codes = || async { get(&lab.client, &format!("{MAPS}/a")).await.code };
    get(&lab.client, "/api/v1/namespaces/default").await.expect(200);
    assert_eq!([codes().await, codes().await, codes().await], [200, 503, 200]);

    let rows = [
        (
            409,
            "Conflict",
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again",
        ),
        (500, "InternalError", "Internal error occurred: fault \"rows\""),
        (504, "Timeout", "Timeout: request did not complete within the allowed duration"),
        (403, "Forbidden", "fault \"rows\""),
        (410, "Expired", "The resourceVersion for the provided watch is too old."),
        (
            503,
            "ServiceUnavailable",
            "the server is currently unable to handle the request (fault \"rows\")",
        ),
    ];
    for (code, reason, message) in rows {
        add(&admin, "rows", json!({"match": {"verbs": ["patch"]}, "effect": {"status": code}}))
            .await;
        let body = json!({"data": {"k": "v"}});
        let reply = send(&lab.client, "PATCH", &format!("{MAPS}/a"), "", Some(&body)).await;
        let status = reply.expect(code);
        assert_eq!(status.str_at("reason"), reason, "{status}");
        assert!(status.str_at("message").ends_with(message), "{status}");
    }
    let trail = admin.get("/trail").await.expect(200);
    let refused = |i: &&Value| i["what"] == "refused" && i["code"] == 403;
    assert!(trail.list_at("items").iter().any(|i| refused(&i)), "{trail:#}");

    // How often each has fitted and struck; then they go.
    let rules = admin.get("/faults").await.expect(200);
    let counts: Vec<Value> = rules.list_at("items").iter().map(|r| r["status"].clone()).collect();
    assert_eq!(
        counts,
        [
            json!({"matched": 2, "applied": 1}),
            json!({"matched": 1, "applied": 1}),
            json!({"matched": 3, "applied": 1})
        ]
    );
    admin.send("DELETE", "/faults", &[], Vec::new()).await.expect(200);
    let body = json!({"data": {"k": "v"}});
    send(&lab.client, "PATCH", &format!("{MAPS}/a"), "", Some(&body)).await.expect(200);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_cut_and_answers_lost() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let only = |name: &str| json!({"verbs": ["create"], "names": [name]});
    add(&admin, "cut", json!({"match": only("cut"), "times": 1, "effect": {"cut": true}})).await;
    add(&admin, "lost", json!({"match": only("lost"), "times": 1, "effect": {"lose": true}})).await;
    let cut = try_map(&lab, "cut").await;
    assert!(cut.is_err(), "{cut:?}");
    get(&lab.client, &format!("{MAPS}/cut")).await.expect(404);
    map(&lab, "cut").await.expect(201);
    let lost = try_map(&lab, "lost").await;
    assert!(lost.is_err(), "{lost:?}");
    get(&lab.client, &format!("{MAPS}/lost")).await.expect(200);
    map(&lab, "lost").await.expect(409);

    add(&admin, "late", json!({"match": only("late"), "effect": {"delay": "300ms"}})).await;
    let began = Instant::now();
    map(&lab, "late").await.expect(201);
    assert!(began.elapsed().as_millis() >= 300);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_break_off_and_go_stale() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    map(&lab, "seen").await.expect(201);
    let watch = format!("{MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dseen");
    let seen = || async { get(&lab.client, &watch).await.text() };
    let rule = |effect: Value| json!({"match": {"verbs": ["watch"]}, "effect": effect});
    add(&admin, "w", rule(json!({"watch": "drop"}))).await;
    let began = Instant::now();
    assert_eq!(seen().await, "");
    assert!(began.elapsed().as_millis() < 900, "it ends at once");
    add(&admin, "w", rule(json!({"watch": "gone", "events": 1}))).await;
    let told = seen().await;
    let lines: Vec<Value> =
        told.lines().map(|l| serde_json::from_str(l).expect("an event")).collect();
    assert_eq!((&lines[0]["type"], &lines[1]["type"]), (&json!("ADDED"), &json!("ERROR")));
    assert_eq!(
        (lines[1].i64_at("object.code"), lines[1].str_at("object.reason")),
        (Some(410), "Expired")
    );
    add(&admin, "w", rule(json!({"status": 410}))).await;
    get(&lab.client, &watch).await.expect(410);
    lab.stop().await;
}

/// The cluster's own are spared unless a rule names them; they look again and get there.
#[tokio::test(flavor = "multi_thread")]
async fn controllers_meet_what_is_meant_for_them() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    lab.namespace("own").await;
    let pods = json!({"verbs": ["create"], "resources": ["pods"], "namespaces": ["own"]});
    let mut theirs = pods.clone();
    theirs["from"] = json!("controllers");
    add(&admin, "clients", json!({"match": pods, "effect": {"status": 500}})).await;
    add(&admin, "own", json!({"match": theirs, "times": 2, "effect": {"status": 500}})).await;
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "r"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template":
            {"metadata": {"labels": {"a": "b"}},
             "spec": {"containers": [{"name": "c", "image": "busybox", "command": ["sleep", "1d"]}]}}}});
    let sets = "/apis/apps/v1/namespaces/own/replicasets";
    send(&lab.client, "POST", sets, "", Some(&set)).await.expect(201);
    eventually("the pod is there after all", || async {
        let set = get(&lab.client, &format!("{sets}/r")).await.json();
        if set.i64_at("status.readyReplicas") == Some(1) { Ok(()) } else { Err(set.to_string()) }
    })
    .await;
    let rules = admin.get("/faults").await.expect(200);
    let applied = |i: usize| rules["items"][i]["status"]["applied"].clone();
    assert_eq!((applied(0), applied(1)), (json!(0), json!(2)), "{rules:#}");
    let events = get(&lab.client, "/api/v1/namespaces/own/events").await.text();
    assert!(events.contains("FailedCreate") && events.contains("fault \\\"own\\\""), "{events}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_end_and_wrong_ones_change_nothing() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let post = |rule: Value| {
        let (admin, rule) = (&admin, rule.to_string());
        async move { admin.send("POST", "/faults", &[], rule.into_bytes()).await }
    };
    let good = json!({"metadata": {"name": "good"}, "spec": {"effect": {"status": 500}}});
    let bad = json!({"metadata": {"name": "bad"}, "spec": {"effect": {"status": 42}}});
    let reply = post(json!({"items": [good, bad]})).await.expect(400);
    assert_eq!(
        reply["errors"][0]["message"],
        "fault \"bad\": spec.effect.status: must be from 400 to 599"
    );
    let wrong = [
        (json!({"effect": {}}), "spec.effect: says nothing"),
        (
            json!({"effect": {"cut": true, "status": 500}}),
            "spec.effect: say one of status, cut, lose, watch, silent, unready, crash, pull, disk",
        ),
        (
            json!({"effect": {"cut": true, "retryAfter": 3}}),
            "spec.effect: message and retryAfter go with a status",
        ),
        (json!({"effect": {"delay": "11m"}}), "spec.effect.delay: must be from 0 to 10 minutes"),
        (json!({"effect": {"disk": 101}}), "spec.effect.disk: must be from 1 to 100"),
        (
            json!({"effect": {"cut": true}, "probability": 1.5}),
            "spec.probability: must be from 0 to 1",
        ),
        (json!({"effect": {"cut": true}, "times": 0}), "spec.times: must be at least 1"),
        (json!({"effect": {"cut": true}, "from": 0}), "spec.from: must be at least 1"),
        (
            json!({"effect": {"cut": true}, "until": "noon"}),
            "spec: \"noon\" is no moment such as 2031-01-02T03:04:05Z",
        ),
        (
            json!({"effect": {"cut": true}, "for": "long"}),
            "spec.for: \"long\": must be a duration such as 90s or 15m",
        ),
        (
            json!({"match": {"nodes": ["w1"]}, "effect": {"cut": true}}),
            "spec.match: nodes, containers and images are not for requests",
        ),
        (
            json!({"match": {"verbs": ["get"]}, "effect": {"silent": true}}),
            "spec.match: verbs, groups, resources, users, agents and from are for requests",
        ),
    ];
    for (spec, why) in wrong {
        let reply = post(json!({ "spec": spec })).await.expect(400);
        assert_eq!(reply["errors"][0]["message"], why);
    }
    assert_eq!(admin.get("/faults").await.expect(200)["items"], json!([]));
    let gone = admin.send("DELETE", "/faults/none", &[], Vec::new()).await.expect(404);
    assert_eq!(gone["errors"][0]["message"], "fault \"none\" not found");
    Wire::to(&lab).get("/faults").await.expect(401);

    // By the cluster's clock.
    admin.send("POST", "/time?rate=0", &[], Vec::new()).await.expect(200);
    let spec = json!({"match": {"verbs": ["create"]}, "for": "10m", "effect": {"status": 500}});
    let reply = post(json!({"spec": spec})).await.expect(201);
    assert!(reply["items"][0].name().starts_with("fault-"));
    map(&lab, "m").await.expect(500);
    admin.send("POST", "/time?by=11m", &[], Vec::new()).await.expect(200);
    map(&lab, "m").await.expect(201);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_add_list_and_remove() {
    let home = tempdir().expect("a folder");
    let child = Child::start(home.path(), &[]);
    let folder = home.path().to_string_lossy();
    let client = child.client(home.path()).await;
    let fault = |arguments: &[&str]| {
        run(home.path(), &[&["fault"], arguments, &["--data-dir", &folder]].concat())
    };
    let added = fault(&[
        "add",
        "flaky",
        "--verb",
        "create",
        "--resource",
        "configmaps",
        "--status",
        "503",
        "--times",
        "1",
    ]);
    assert_eq!((added.code, &*added.out), (Some(0), "flaky\n"), "{added:?}");
    let body = json!({"metadata": {"name": "a"}});
    send(&client, "POST", MAPS, "", Some(&body)).await.expect(503);
    send(&client, "POST", MAPS, "", Some(&body)).await.expect(201);
    let listed = fault(&["list"]).out;
    assert!(listed.starts_with("flaky matched 2 applied 1 {"), "{listed}");
    let file = home.path().join("rules.yaml");
    let text = "kind: Fault\nmetadata: {name: one}\nspec: {effect: {delay: 10ms}}\n---\n\
        kind: Fault\nmetadata: {name: two}\nspec: {match: {verbs: [watch]}, effect: {watch: stale}}\n";
    std::fs::write(&file, text).expect("a file");
    let shown = file.to_string_lossy();
    assert_eq!(fault(&["add", "-f", &shown]).out, "one\ntwo\n");
    assert_eq!(fault(&["remove", "one", "two"]).code, Some(0));
    for (words, why) in [
        (["add", "--verb", "create"].as_slice(), "spec.effect: says nothing"),
        (&["add", "--status", "99"], "spec.effect.status: must be from 400 to 599"),
        (
            &["add", "-f", "/none.yaml"],
            "cannot read /none.yaml: No such file or directory (os error 2)",
        ),
        (&["remove", "nothing"], "fault \"nothing\" not found"),
        (&["remove"], "say the names of faults, or --all"),
    ] {
        let ended = fault(words);
        assert_eq!(
            (ended.code, ended.err),
            (Some(1), format!("pocketshift: {why}\n")),
            "{words:?}"
        );
    }
    assert_eq!(fault(&["remove", "--all"]).code, Some(0));
    assert_eq!(fault(&["list"]).out, "");
    child.terminate();
    child.wait();
}

/// What breaks in the world is seen by kubelets, by the cluster's clock, and mends in time.
#[tokio::test(flavor = "multi_thread")]
async fn containers_nodes_pulls_and_disks_break_by_rule() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    lab.namespace("w").await;
    let pods = "/api/v1/namespaces/w/pods";
    let pod = |name: &str, image: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "image": image, "command": ["sleep", "1d"]}]}})
    };
    let until = |name: &'static str, what: &'static str, is: fn(&Value) -> bool| {
        let client = lab.client.clone();
        async move {
            eventually(what, || async {
                let pod = get(&client, &format!("{pods}/{name}")).await.json();
                if is(&pod) { Ok(()) } else { Err(pod.to_string()) }
            })
            .await;
        }
    };
    let of = |pod: &Value, field: &str| pod["status"]["containerStatuses"][0][field].clone();
    send(&lab.client, "POST", pods, "", Some(&pod("p", "busybox"))).await.expect(201);
    until("p", "ready", |p| p["status"]["containerStatuses"][0]["ready"] == true).await;

    let meant = json!({"namespaces": ["w"], "names": ["p*"], "containers": ["c"]});
    add(&admin, "u", json!({"match": meant, "effect": {"unready": true}})).await;
    until("p", "unready", |p| p["status"]["containerStatuses"][0]["ready"] == false).await;
    let shown = get(&lab.client, &format!("{pods}/p")).await.json();
    assert_eq!(shown.condition("Ready").expect("a condition")["status"], "False");
    admin.send("DELETE", "/faults/u", &[], Vec::new()).await.expect(200);
    until("p", "ready again", |p| p["status"]["containerStatuses"][0]["ready"] == true).await;

    add(&admin, "c", json!({"match": meant, "effect": {"crash": 3}})).await;
    until("p", "crashed", |p| {
        let status = &p["status"]["containerStatuses"][0];
        [&status["state"], &status["lastState"]].iter().any(|s| s["terminated"]["exitCode"] == 3)
    })
    .await;
    until("p", "up again", |p| {
        let status = &p["status"]["containerStatuses"][0];
        status["restartCount"].as_u64() >= Some(1) && status["state"]["running"].is_object()
    })
    .await;
    let shown = get(&lab.client, &format!("{pods}/p")).await.json();
    assert_eq!(of(&shown, "lastState")["terminated"]["exitCode"], 3, "{shown}");

    let words = "toomanyrequests: you have pulled enough";
    add(&admin, "i", json!({"match": {"images": ["quay.io/*"]}, "effect": {"pull": words}})).await;
    let other = pod("q", "quay.io/openshift/origin-cli:latest");
    send(&lab.client, "POST", pods, "", Some(&other)).await.expect(201);
    until("q", "not pulled", |p| p.to_string().contains("toomanyrequests: you have pulled enough"))
        .await;

    add(&admin, "n", json!({"match": {"nodes": ["*"]}, "effect": {"disk": 99}})).await;
    eventually("the disks are full", || async {
        let nodes = get(&lab.client, "/api/v1/nodes").await.json();
        let full = |n: &Value| n.condition("DiskPressure").is_some_and(|c| c["status"] == "True");
        if nodes.list_at("items").iter().all(full) { Ok(()) } else { Err(nodes.to_string()) }
    })
    .await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_silent_for_a_while() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    admin.send("POST", "/time?rate=0", &[], Vec::new()).await.expect(200);
    let nodes = get(&lab.client, "/api/v1/nodes").await.expect(200);
    let name = nodes["items"][0].name().to_owned();
    let path = format!("/api/v1/nodes/{name}");
    let ready = || async {
        let node = get(&lab.client, &path).await.expect(200);
        node.condition("Ready").expect("a condition")["status"].clone()
    };
    let step = |by: &'static str| admin.send("POST", by, &[], Vec::new());
    add(
        &admin,
        "n",
        json!({"match": {"nodes": [name]}, "after": "1m", "for": "5m",
        "effect": {"silent": true}}),
    )
    .await;
    step("/time?by=50s").await.expect(200);
    assert_eq!(ready().await, "True");
    step("/time?by=2m").await.expect(200);
    assert_eq!(ready().await, "Unknown");
    step("/time?by=5m").await.expect(200);
    assert_eq!(ready().await, "True");
    lab.stop().await;
}
