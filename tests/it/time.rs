//! A cluster's time at an administrator's word: stopped, moved on, and what follows it.

use crate::support::{
    Child, Lab, Wire,
    child::run,
    eventually,
    lab::{get, send},
};
use pocketshift::{
    object::ObjectExt,
    store::{Change, Since},
};
use serde_json::{Value, json};
use tempfile::tempdir;

/// Does something with the clock; what it shows then.
async fn time(admin: &Wire, query: &str) -> Value {
    admin.send("POST", &format!("/time?{query}"), &[], Vec::new()).await.expect(200)
}

async fn list(lab: &Lab, path: &str) -> Vec<Value> {
    let list = get(&lab.client, path).await.expect(200);
    list["items"].as_array().expect("a list").clone()
}

/// When a move ends, everything that was due has happened: nothing below waits or asks twice.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_is_done_when_a_move_ends() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    lab.namespace("later").await;
    let stopped = time(&admin, "rate=0").await;
    assert_eq!(stopped["rate"], 0.0);

    let template = json!({"spec": {"restartPolicy": "Never", "containers": [
        {"name": "c", "image": "busybox", "command": ["sh", "-c", "sleep 20; echo done"]}]}});
    let job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
        "spec": {"schedule": "* * * * *", "successfulJobsHistoryLimit": 10,
            "jobTemplate": {"spec": {"template": template}}}});
    send(&lab.client, "POST", "/apis/batch/v1/namespaces/later/cronjobs", "", Some(&job))
        .await
        .expect(201);
    let labels = json!({"app": "stuck"});
    let stuck = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "stuck"},
        "spec": {"selector": {"matchLabels": labels}, "progressDeadlineSeconds": 240,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                {"name": "c", "image": "quay.io/nobody/nothing:1"}]}}}});
    send(&lab.client, "POST", "/apis/apps/v1/namespaces/later/deployments", "", Some(&stuck))
        .await
        .expect(201);
    let jobs = "/apis/batch/v1/namespaces/later/jobs";

    time(&admin, "by=30s").await;
    let before = list(&lab, jobs).await.len();
    assert!(before <= 1, "{before} jobs in half a minute");
    time(&admin, "by=5m").await;
    let done = list(&lab, jobs).await;
    assert_eq!(done.len(), before + 5);
    let complete = |j: &&Value| j.condition("Complete").is_some();
    assert!(done.iter().filter(complete).count() >= 5, "{done:#?}");
    let pods = list(&lab, "/api/v1/namespaces/later/pods?labelSelector=job-name").await;
    for pod in pods.iter().filter(|p| p.str_at("status.phase") == "Succeeded") {
        let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        let moment = |field| ended.str_at(field).parse::<jiff::Timestamp>().expect("a moment");
        assert_eq!(moment("finishedAt").duration_since(moment("startedAt")).as_secs(), 20);
    }
    let path = "/apis/apps/v1/namespaces/later/deployments/stuck";
    let stuck = get(&lab.client, path).await.expect(200);
    let progress = stuck.condition("Progressing").expect("a condition");
    assert_eq!(progress["reason"], "ProgressDeadlineExceeded", "{progress}");

    let now = time(&admin, "rate=0").await;
    let next = time(&admin, "next").await;
    assert_eq!(next["now"], now["next"], "the clock stands where somebody waited for it");
    lab.stop().await;
}

/// What nobody looks at is not written: a lease is renewed by the clock, and read as if it were.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_day_is_quiet() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    time(&admin, "rate=0").await;
    let lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker01";
    let renewed = |lease: &Value| -> jiff::Timestamp {
        lease.str_at("spec.renewTime").parse().expect("a moment")
    };
    let revision = || lab.server().store.snapshot().rev;
    time(&admin, "by=10m").await;
    let before = revision();
    let now = time(&admin, "by=24h").await;
    // Nodes note what images they hold when they have looked, and what no API shows; events of the start go.
    let Since::Changes(changes, _) = lab.server().store.feed().since(before, None) else {
        panic!("more was written than is kept");
    };
    let gone = |c: &Change| c.deleted && c.entry.resource.as_ref() == "events";
    let seen = changes.iter().filter(|c| !c.entry.resource.ends_with(".internal") && !gone(c));
    let seen: Vec<String> = seen.map(|c| format!("{} {}", c.entry.resource, c.entry.key)).collect();
    assert!(seen.len() < 5, "in a day in which nothing happens: {seen:?}");
    let shown = get(&lab.client, lease).await.expect(200);
    let silence = now.str_at("now").parse::<jiff::Timestamp>().unwrap();
    let silence = silence.duration_since(renewed(&shown)).as_secs();
    assert!((0..10).contains(&silence), "{shown}");
    let listed = list(&lab, "/apis/coordination.k8s.io/v1/leases").await;
    let listed = listed.iter().find(|l| l.name() == "worker01").expect("a lease");
    assert_eq!(renewed(listed), renewed(&shown));
    let node = get(&lab.client, "/api/v1/nodes/worker01").await.expect(200);
    let ready = node.condition("Ready").expect("a condition");
    assert_eq!(ready["status"], "True");
    let beat: jiff::Timestamp = ready.str_at("lastHeartbeatTime").parse().expect("a moment");
    let at = now.str_at("now").parse::<jiff::Timestamp>().expect("a moment");
    assert!(at.duration_since(beat).as_secs() < 301, "{ready}");

    // Silence is noticed 50 s after the last renewal, as if it had been written.
    admin.send("PUT", "/nodes/worker01/outage", &[], Vec::new()).await.expect(200);
    time(&admin, &format!("by={}s", 49 - silence)).await;
    let ready = |node: Value| node.condition("Ready").expect("a condition")["status"].clone();
    assert_eq!(ready(get(&lab.client, "/api/v1/nodes/worker01").await.expect(200)), "True");
    time(&admin, "by=1s").await;
    assert_eq!(ready(get(&lab.client, "/api/v1/nodes/worker01").await.expect(200)), "Unknown");
    let stopped = get(&lab.client, lease).await.expect(200);
    assert_eq!(renewed(&stopped), renewed(&shown));
    lab.stop().await;
}

/// Who watches leases sees every renewal.
#[tokio::test(flavor = "multi_thread")]
async fn watched_leases_are_written() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    time(&admin, "rate=0").await;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    let watch = Wire::api(&lab).as_admin(&lab);
    let path = format!("{leases}?watch=true&timeoutSeconds=5&fieldSelector=metadata.name=worker01");
    let (seen, _) = tokio::join!(watch.get(&path), async {
        // The watch is open when its note is there.
        eventually("the watch is open", || async {
            let at = lab.server().store.snapshot();
            at.get_key("watched.internal", "heartbeats").map(|_| ()).ok_or_else(String::new)
        })
        .await;
        time(&admin, "by=1m").await
    });
    let text = seen.text();
    let renewals = text.lines().filter(|l| l.contains("\"MODIFIED\"")).count();
    assert!((6..=8).contains(&renewals), "{renewals}: {text}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_moves_change_nothing() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let before = time(&admin, "rate=0").await;
    let rows = [
        ("by=-5m", "by=\"-5m\": time does not go back"),
        ("rate=5000", "rate=\"5000\": must be a number from 0 to 1000"),
        ("to=yesterday", "to=\"yesterday\": must be a moment (RFC 3339)"),
        ("speed=1", "say one of rate, by, to, next"),
    ];
    for (query, message) in rows {
        let reply = admin.send("POST", &format!("/time?{query}"), &[], Vec::new()).await;
        assert_eq!(reply.expect(400)["errors"][0]["message"], message, "{query}");
    }
    let past = admin.send("POST", "/time?to=2001-01-01T00:00:00Z", &[], Vec::new()).await;
    past.expect(400);
    Wire::to(&lab).get("/time").await.expect(401);
    assert_eq!(admin.get("/time").await.expect(200)["now"], before["now"]);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_lasts_over_restarts() {
    let home = tempdir().expect("a folder");
    let folder = home.path().to_string_lossy();
    let clock = |arguments: &[&str]| {
        let ended = run(home.path(), &[&["time"], arguments, &["--data-dir", &folder]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out
    };
    let child = Child::start(home.path(), &[]);
    let moment = |shown: &str| -> jiff::Timestamp {
        shown.split(' ').next().and_then(|m| m.parse().ok()).expect("a moment")
    };
    let stopped = clock(&["stop"]);
    assert!(stopped.contains("(stands still; next "), "{stopped}");
    let moved = clock(&["step", "1h"]);
    assert_eq!(moment(&moved).duration_since(moment(&stopped)).as_secs(), 3600);
    child.kill();
    let child = Child::start(home.path(), &[]);
    assert_eq!(moment(&clock(&["show"])), moment(&moved), "after a crash");
    assert!(clock(&["rate", "60"]).contains("runs 60 times as fast"));
    child.terminate();
    let (status, _) = child.wait();
    assert!(status.success());
    let child = Child::start(home.path(), &[]);
    let shown = clock(&["run"]);
    assert!(moment(&shown) > moment(&moved) && shown.contains("(runs"), "{shown}");
    child.kill();
}
