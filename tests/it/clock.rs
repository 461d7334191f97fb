//! The clock as an object: what `oc get`, `oc patch` and `oc explain` do with it, who may, and what nobody can.

use crate::support::{
    Lab, Wire,
    lab::{self, get, request, send},
};
use pocketshift::{Cluster, object::ObjectExt};
use serde_json::{Value, json};

const CLOCKS: &str = "/apis/simulation.pocketshift.io/v1/clocks";
const CLOCK: &str = "/apis/simulation.pocketshift.io/v1/clocks/cluster";
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");

/// A cluster that shows its clock.
async fn start(seed: Option<u64>) -> Lab {
    let shown = Cluster::builder();
    Lab::of(seed.map_or(shown.clone(), |seed| shown.seed(seed))).await
}

async fn patch(client: &kube::Client, spec: Value) -> lab::Reply {
    let body = json!({ "spec": spec }).to_string().into_bytes();
    request(client, "PATCH", CLOCK, &[MERGE], body).await
}

fn moment(clock: &Value) -> jiff::Timestamp {
    clock.str_at("status.now").parse().expect("a moment")
}

/// In a cluster that can be replayed, and in one that cannot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_moved_by_patches() {
    for seed in [None, Some(5)] {
        let lab = start(seed).await;
        let admin = &lab.client;
        let running = get(admin, CLOCK).await.expect(200);
        assert_eq!(running["spec"], json!({"rate": 1, "stopped": false}));
        let stopped = patch(admin, json!({"stopped": true})).await.expect(200);
        assert_eq!(stopped["spec"], json!({"rate": 1, "stopped": true}), "its rate stays");
        assert_eq!(stopped["status"]["rate"], 0);
        let job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "c", "image": "busybox", "command": ["true"]}]}}}}}});
        let path = "/apis/batch/v1/namespaces/default/cronjobs";
        send(admin, "POST", path, "", Some(&job)).await.expect(201);
        let later = patch(admin, json!({"step": "15m"})).await.expect(200);
        assert_eq!(moment(&later).duration_since(moment(&stopped)).as_secs(), 900);
        assert_eq!(later["spec"], stopped["spec"], "a step is taken once");
        assert!(!later["metadata"]["managedFields"].to_string().contains("f:step"), "{later}");
        // What was due is done: nothing waits here.
        let tick = get(admin, &format!("{path}/tick")).await.expect(200);
        assert!(tick.at("status.lastSuccessfulTime").is_some(), "{tick}");
        let next = later.str_at("status.next").to_owned();
        let there = patch(admin, json!({"next": true})).await.expect(200);
        assert_eq!(there.str_at("status.now"), next);
        let fast = patch(admin, json!({"stopped": false, "rate": 60.5})).await.expect(200);
        assert_eq!(
            (&fast["status"]["rate"], &fast["spec"]["stopped"]),
            (&json!(60.5), &json!(false))
        );
        lab.stop().await;
    }
}

/// As `oc wait` would, but the clock runs meanwhile, no further than it must.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_runs_until_something_holds() {
    let lab = start(None).await;
    let stopped = patch(&lab.client, json!({"stopped": true})).await.expect(200);
    let pod = json!({"metadata": {"name": "slow"}, "spec": {"containers": [{"name": "c",
        "image": "busybox", "command": ["sleep", "1d"],
        "readinessProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 120}}]}});
    send(&lab.client, "POST", "/api/v1/namespaces/default/pods", "", Some(&pod)).await.expect(201);
    let wait = json!({"for": "condition=Ready", "resource": "pod", "name": "slow"});
    let ready = patch(&lab.client, json!({"wait": wait})).await.expect(200);
    let took = moment(&ready).duration_since(moment(&stopped)).as_secs();
    assert!((118..=131).contains(&took), "{took}");
    assert_eq!(ready["spec"], stopped["spec"], "it is waited for once");
    let wait = json!({"for": "delete", "resource": "pod", "name": "slow", "limit": "1h"});
    let given_up = patch(&lab.client, json!({"wait": wait})).await.expect(400);
    assert!(
        given_up.str_at("message").starts_with("pods \"slow\" is still there at "),
        "{given_up}"
    );
    let after = get(&lab.client, CLOCK).await.expect(200);
    assert_eq!(after["spec"], stopped["spec"]);
    lab.stop().await;
}

/// A move by the other door is seen by whoever watches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_hears_of_every_move() {
    let lab = start(None).await;
    let before = get(&lab.client, CLOCK).await.expect(200);
    let door = Wire::to(&lab).as_admin(&lab);
    for query in ["rate=0", "by=1h", "rate=60"] {
        door.send("POST", &format!("/time?{query}"), &[], Vec::new()).await.expect(200);
    }
    let from = before.str_at("metadata.resourceVersion");
    let path = format!("{CLOCKS}?watch=true&timeoutSeconds=1&resourceVersion={from}");
    let watch = Wire::api(&lab).as_admin(&lab);
    let seen = watch.get(&path).await.text();
    let events: Vec<Value> =
        seen.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    let rates: Vec<&Value> = events.iter().map(|e| &e["object"]["status"]["rate"]).collect();
    assert_eq!(rates, [0, 0, 60], "{seen}");
    let moved = moment(&events[1]["object"]).duration_since(moment(&events[0]["object"]));
    assert_eq!(moved.as_secs(), 3600);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_it_and_its_administrator_moves_it() {
    let lab = start(None).await;
    let user = lab.signed_in("developer").await;
    assert_eq!(get(&user, CLOCK).await.expect(200).name(), "cluster");
    let refused = patch(&user, json!({"step": "1m"})).await.expect(403);
    let expected = "clocks.simulation.pocketshift.io \"cluster\" is forbidden: User \"developer\" \
                    cannot patch resource \"clocks\" in API group \"simulation.pocketshift.io\" at \
                    the cluster scope";
    assert_eq!(refused["message"], expected);
    assert_eq!(get(&lab.anonymous().await, CLOCK).await.code, 403);
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = request(&user, "GET", CLOCKS, &table, vec![]).await.expect(200);
    let columns = table.list_at("columnDefinitions").iter().map(|c| c.str_at("name"));
    assert_eq!(columns.collect::<Vec<_>>(), ["Name", "Now", "Rate", "Next"]);
    assert_eq!(table["rows"][0]["cells"][2], "1", "{table}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_values_are_told_where_and_change_nothing() {
    let lab = start(None).await;
    let before = patch(&lab.client, json!({"stopped": true})).await.expect(200);
    let rows = [
        (
            json!({"rate": 1001}),
            "spec.rate",
            "Invalid value: 1001: must be a number from 0 to 1000",
        ),
        (json!({"step": "-5m"}), "spec.step", "Invalid value: \"-5m\": time does not go back"),
        (
            json!({"step": "soon"}),
            "spec.step",
            "Invalid value: \"soon\": must be a duration such as 90s, 15m or 1h30m",
        ),
        (
            json!({"until": "tomorrow"}),
            "spec.until",
            "Invalid value: \"tomorrow\": must be a moment (RFC 3339)",
        ),
        (
            json!({"wait": {"for": "delete"}}),
            "spec.wait",
            "Invalid value: {\"for\":\"delete\"}: say of which object: TYPE/NAME",
        ),
        (
            json!({"wait": {"for": "delete", "resource": "rocket", "name": "x"}}),
            "spec.wait",
            "Invalid value: {\"for\":\"delete\",\"name\":\"x\",\"resource\":\"rocket\"}: the server \
             doesn't have a resource type \"rocket\"",
        ),
        (
            json!({"step": "1s", "next": true}),
            "spec",
            "Forbidden: say one of step, until, next, wait",
        ),
    ];
    for (spec, field, message) in rows {
        let refused = patch(&lab.client, spec).await.expect(422);
        assert_eq!(refused["details"]["causes"][0]["field"], field, "{refused}");
        assert_eq!(refused["details"]["causes"][0]["message"], message);
        assert_eq!(refused["details"]["name"], "cluster");
    }
    let past = patch(&lab.client, json!({"until": "2001-01-01T00:00:00Z"})).await.expect(422);
    assert!(past.str_at("message").ends_with("already"), "{past}");
    patch(&lab.client, json!({"rate": "fast"})).await.expect(422);
    let dry = format!("{CLOCK}?dryRun=All");
    let body = json!({"spec": {"step": "1h"}}).to_string().into_bytes();
    request(&lab.client, "PATCH", &dry, &[MERGE], body).await.expect(200);
    let second = json!({"apiVersion": "simulation.pocketshift.io/v1", "kind": "Clock",
        "metadata": {"name": "second"}});
    let second = send(&lab.client, "POST", CLOCKS, "", Some(&second)).await.expect(422);
    assert_eq!(second["details"]["causes"][0]["field"], "metadata.name");
    let after = get(&lab.client, CLOCK).await.expect(200);
    assert_eq!(
        (&after["status"]["now"], &after["spec"]),
        (&before["status"]["now"], &before["spec"])
    );
    lab.stop().await;
}

/// Who compares what is served with OpenShift sees nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_there_unless_somebody_wants_a_plain_api() {
    for (plain, code) in [(false, 200), (true, 404)] {
        let lab = Lab::of(if plain { lab::builder() } else { Cluster::builder() }).await;
        let groups = get(&lab.client, "/apis").await.expect(200);
        let all = groups.list_at("groups").iter().map(|g| g.str_at("name"));
        assert_eq!(all.filter(|g| *g == "simulation.pocketshift.io").count(), usize::from(!plain));
        assert_eq!(get(&lab.client, CLOCK).await.code, code);
        let openapi = get(&lab.client, "/openapi/v3").await.expect(200);
        assert_eq!(openapi["paths"].to_string().contains("pocketshift"), !plain);
        let document = get(&lab.client, "/openapi/v3/apis/simulation.pocketshift.io/v1").await;
        assert_eq!(document.code, code);
        if !plain {
            let schemas = &document.json()["components"]["schemas"];
            let step = &schemas["io.pocketshift.simulation.v1.ClockSpec"]["properties"]["step"];
            assert!(step.str_at("description").starts_with("How far it moves on"), "{step}");
        }
        for path in [
            "/apis/apiregistration.k8s.io/v1/apiservices",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "/openapi/v2",
        ] {
            let list = get(&lab.client, path).await;
            assert_eq!(list.text().contains("simulation.pocketshift.io"), !plain, "{path}");
        }
        lab.stop().await;
    }
}
