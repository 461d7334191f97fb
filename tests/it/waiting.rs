//! Everything that waits obeys the cluster's clock, and what must not does not: each kind of waiting
//! once, over the wire, on a clock that stands and is moved on.

use crate::support::{
    Lab, Wire,
    lab::{client, get, send},
};
use jiff::Timestamp;
use pocketshift::{Cluster, object::ObjectExt};
use serde_json::{Value, json};

const CORE: &str = "/api/v1/namespaces/wait";
const BATCH: &str = "/apis/batch/v1/namespaces/wait";

/// Moves the clock; what it shows then.
async fn time(admin: &Wire, query: &str) -> Timestamp {
    let shown = admin.send("POST", &format!("/time?{query}"), &[], Vec::new()).await.expect(200);
    shown.str_at("now").parse().expect("a moment")
}

async fn look(lab: &Lab, path: &str) -> Value {
    get(&lab.client, path).await.expect(200)
}

async fn create(lab: &Lab, path: &str, object: Value) {
    send(&lab.client, "POST", path, "", Some(&object)).await.expect(201);
}

fn pod(name: &str, script: &str, more: Value) -> Value {
    let mut container = json!({"name": "c", "image": "busybox", "command": ["sh", "-c", script]});
    for (field, value) in more.as_object().into_iter().flatten() {
        container[field] = value.clone();
    }
    json!({"metadata": {"name": name}, "spec": {"containers": [container]}})
}

fn is_ready(pod: &Value) -> bool {
    pod.condition("Ready").is_some_and(|c| c["status"] == "True")
}

/// Rollouts converge while the clock stands: that is work, not time.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_clock_lets_rollouts_converge() {
    let lab = Lab::of(crate::support::lab::builder().pace(100)).await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let stopped = time(&admin, "rate=0").await;
    lab.namespace("wait").await;
    let labels = json!({"app": "web"});
    let web = json!({"metadata": {"name": "web"}, "spec": {"replicas": 3,
        "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [
                {"name": "c", "image": "busybox", "command": ["sleep", "1d"]}]}}}});
    create(&lab, "/apis/apps/v1/namespaces/wait/deployments", web).await;
    assert_eq!(time(&admin, "by=0s").await, stopped, "it stands");
    let web = look(&lab, "/apis/apps/v1/namespaces/wait/deployments/web").await;
    assert_eq!(web.i64_at("status.availableReplicas"), Some(3), "{web}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_and_jobs_wait_by_the_clock() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    time(&admin, "rate=0").await;
    lab.namespace("wait").await;
    let pods = format!("{CORE}/pods");
    create(&lab, &pods, pod("crash", "exit 1", json!({}))).await;
    let probe = json!({"readinessProbe":
        {"exec": {"command": ["true"]}, "initialDelaySeconds": 120}});
    create(&lab, &pods, pod("probed", "sleep 1d", probe)).await;
    create(&lab, &pods, pod("dates", "date +%s; sleep 100; date +%s; sleep 1d", json!({}))).await;
    let labels = json!({"app": "slow"});
    let mut slow = json!({"metadata": {"name": "slow"}, "spec": {"minReadySeconds": 400,
        "selector": {"matchLabels": labels}, "template": pod("", "sleep 1d", json!({}))}});
    slow["spec"]["template"]["metadata"] = json!({"labels": labels});
    create(&lab, "/apis/apps/v1/namespaces/wait/deployments", slow).await;
    let mut job = json!({"metadata": {"name": "done"}, "spec": {"ttlSecondsAfterFinished": 300,
        "template": pod("", "echo done", json!({}))}});
    job["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    create(&lab, &format!("{BATCH}/jobs"), job.clone()).await;
    let mut cron = json!({"metadata": {"name": "tokyo"}, "spec": {"schedule": "30 9 * * *",
        "timeZone": "Asia/Tokyo", "jobTemplate": {"spec": job["spec"].clone()}}});
    cron["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] = Value::Null;
    create(&lab, &format!("{BATCH}/cronjobs"), cron).await;

    let began = time(&admin, "by=1s").await;
    assert!(!is_ready(&look(&lab, &format!("{pods}/probed")).await));
    assert!(look(&lab, &format!("{BATCH}/jobs/done")).await.condition("Complete").is_some());
    time(&admin, "by=117s").await;
    assert!(!is_ready(&look(&lab, &format!("{pods}/probed")).await), "before its first probe");
    time(&admin, "by=22s").await;
    assert!(is_ready(&look(&lab, &format!("{pods}/probed")).await));
    let log = get(&lab.client, &format!("{pods}/dates/log")).await.text();
    let told: Vec<i64> = log.lines().filter_map(|l| l.parse().ok()).collect();
    let [first, second] = told.as_slice() else { panic!("{log}") };
    assert_eq!(second - first, 100, "sleep and date");
    assert!((began.as_second() - first).abs() <= 2, "{first} at {began}");
    time(&admin, "by=140s").await;
    get(&lab.client, &format!("{BATCH}/jobs/done")).await.expect(200);
    time(&admin, "by=25s").await;
    get(&lab.client, &format!("{BATCH}/jobs/done")).await.expect(404);
    let slow = "/apis/apps/v1/namespaces/wait/deployments/slow";
    assert_eq!(look(&lab, slow).await.i64_at("status.availableReplicas"), None);
    time(&admin, "by=300s").await;
    assert_eq!(look(&lab, slow).await.i64_at("status.availableReplicas"), Some(1));
    let crash = look(&lab, &format!("{pods}/crash")).await;
    let restarts = crash["status"]["containerStatuses"][0]["restartCount"].as_i64();
    // After 10, 30, 70, 150 and 310 seconds of back-off.
    assert!((4..=6).contains(&restarts.unwrap_or(0)), "{restarts:?} restarts in ten minutes");
    time(&admin, "by=24h").await;
    let tokyo = look(&lab, &format!("{BATCH}/cronjobs/tokyo")).await;
    let last = tokyo.str_at("status.lastScheduleTime");
    assert!(last.ends_with("T00:30:00Z"), "{last}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_expires_by_the_clock_and_what_must_not_does_not() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    time(&admin, "rate=0").await;
    lab.namespace("wait").await;
    let ask = json!({"spec": {"expirationSeconds": 600}});
    let path = format!("{CORE}/serviceaccounts/default/token");
    let token = send(&lab.client, "POST", &path, "", Some(&ask)).await.expect(201);
    let bearer = Wire::api(&lab).with(format!("Bearer {}", token.str_at("status.token")));
    let own = "/apis/user.openshift.io/v1/users/~";
    let known = |reply: u16| reply != 401;
    assert!(known(bearer.get(own).await.code));
    create(&lab, &format!("{CORE}/pods"), pod("p", "sleep 1d", json!({}))).await;
    time(&admin, "by=10s").await;
    let events = format!("{CORE}/events");
    let told = look(&lab, &events).await.list_at("items").len();
    assert!(told > 0);

    // A watch lives by the machine's clock: it hears of what happens two hours later.
    let watch = Wire::api(&lab).as_admin(&lab);
    let open =
        format!("{CORE}/configmaps?watch=true&timeoutSeconds=4&fieldSelector=metadata.name=late");
    let (heard, ()) = tokio::join!(watch.get(&open), async {
        time(&admin, "by=9m").await;
        assert!(known(bearer.get(own).await.code), "a minute is left");
        time(&admin, "by=2h").await;
        assert!(!known(bearer.get(own).await.code), "it has expired");
        create(&lab, &format!("{CORE}/configmaps"), json!({"metadata": {"name": "late"}})).await;
    });
    assert!(heard.text().contains("\"late\""), "{}", heard.text());
    assert!(!look(&lab, &events).await.list_at("items").is_empty(), "not after two hours");
    time(&admin, "by=2h").await;
    let left = look(&lab, &events).await;
    assert!(left.list_at("items").is_empty(), "{left}");

    lab.stop().await;
}

/// Autoscalers, nodes that fall silent, requests for certificates and images nobody uses: each waits as long
/// as upstream lets it, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_waits_by_the_clock() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    time(&admin, "rate=0").await;
    lab.namespace("wait").await;
    let (pods, web) = (format!("{CORE}/pods"), "/apis/apps/v1/namespaces/wait/deployments");
    let labels = json!({"app": "web"});
    let busy = json!({"load.pocketshift.io/cpu": "0s=900m,120s=10m"});
    let template = json!({"metadata": {"labels": labels, "annotations": busy}, "spec": {"containers": [
        {"name": "c", "image": "busybox", "command": ["sleep", "1d"],
            "resources": {"requests": {"cpu": "500m"}}}]}});
    let object = json!({"metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}});
    create(&lab, web, object).await;
    let target = json!({"type": "Utilization", "averageUtilization": 50});
    let scaler = json!({"metadata": {"name": "web"}, "spec": {"minReplicas": 1, "maxReplicas": 4,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]}});
    let scalers = "/apis/autoscaling/v2/namespaces/wait/horizontalpodautoscalers";
    create(&lab, scalers, scaler).await;
    let mut short = pod("short", "true", json!({"image": "docker.io/library/alpine:latest"}));
    short["spec"]["restartPolicy"] = json!("Never");
    short["spec"]["nodeName"] = json!("worker02");
    create(&lab, &pods, short).await;
    let mut doomed = pod("doomed", "sleep 1d", json!({}));
    doomed["spec"]["nodeName"] = json!("worker01");
    create(&lab, &pods, doomed).await;
    let csrs = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let path = "tests/golden/kinds/certificatesigningrequests.certificates.k8s.io.yaml";
    let text = std::fs::read_to_string(crate::support::repository(path)).expect("a fixture");
    create(&lab, csrs, crate::support::yaml(&text).remove(0)).await;
    let replicas = async || look(&lab, &format!("{web}/web")).await.i64_at("spec.replicas");

    time(&admin, "by=60s").await;
    assert_eq!(replicas().await, Some(4), "the load is there");
    send(&lab.client, "DELETE", &format!("{pods}/short"), "", None).await.expect(200);
    let holds = async |image: &str| {
        look(&lab, "/api/v1/nodes/worker02").await["status"]["images"].to_string().contains(image)
    };
    assert!(holds("alpine").await, "it was pulled");
    admin.send("PUT", "/nodes/worker01/outage", &[], Vec::new()).await.expect(200);
    time(&admin, "by=55s").await;
    let silent = look(&lab, "/api/v1/nodes/worker01").await;
    assert_eq!(silent.condition("Ready").expect("a condition")["status"], "Unknown");
    time(&admin, "by=280s").await;
    let doomed = look(&lab, &format!("{pods}/doomed")).await;
    assert!(!doomed.is_deleting(), "five minutes are tolerated: {doomed}");
    assert_eq!(replicas().await, Some(4), "less is wanted, but not for five minutes yet");
    time(&admin, "by=30s").await;
    assert!(look(&lab, &format!("{pods}/doomed")).await.is_deleting());
    time(&admin, "by=10m").await;
    assert_eq!(replicas().await, Some(1));

    assert!(holds("alpine").await, "there is room for it");
    let full = json!({"metadata": {"name": "full"},
        "spec": {"match": {"nodes": ["worker02"]}, "effect": {"disk": 90}}});
    admin.send("POST", "/faults", &[], full.to_string().into_bytes()).await.expect(201);
    time(&admin, "by=6m").await;
    assert!(!holds("alpine").await, "it is looked at every five minutes");

    // A day is long for who looks every quarter of a minute.
    send(&lab.client, "DELETE", &format!("{scalers}/web"), "", None).await.expect(200);
    time(&admin, "by=23h").await;
    get(&lab.client, &format!("{csrs}/it")).await.expect(200);
    time(&admin, "by=2h").await;
    get(&lab.client, &format!("{csrs}/it")).await.expect(404);
    lab.stop().await;
}

/// With a seed not even the order differs: every change, by whom and because of what.
#[tokio::test(flavor = "multi_thread")]
async fn the_order_is_the_same_at_every_rate() {
    let happened = async |rate: Option<f64>| {
        let began = Cluster::builder().seed(11).clock_stopped_at("2041-05-06T07:08:09Z").start();
        let cluster = began.await.expect("a cluster");
        cluster.apply(ORDERED).await.expect("applied");
        if let Some(rate) = rate {
            cluster.time().set_rate(rate).await.expect("it runs");
            crate::support::eventually("five minutes pass", || async {
                let now = cluster.time().now();
                if now.as_str() >= "2041-05-06T07:13:09" { Ok(()) } else { Err(now) }
            })
            .await;
            cluster.time().stop().await.expect("it stands");
        }
        cluster.time().advance_until("2041-05-06T07:18:09Z").await.expect("ten minutes");
        let told = cluster.trail();
        cluster.stop().await;
        // Moves of the clock are changes of their own, with the fields below them.
        let mut of_clock = false;
        let lines = told.lines().filter(|line| {
            if !line.starts_with(' ') {
                of_clock = line.contains("clock");
            }
            !of_clock
        });
        let unnumbered = |line: &str| match line.split_once(" revision ") {
            Some((at, rest)) => {
                format!("{at}:{}", rest.split_once(':').map_or(rest, |(_, what)| what))
            }
            None => line.to_owned(),
        };
        lines.map(unnumbered).collect::<Vec<String>>()
    };
    let stepped = happened(None).await;
    assert!(stepped.len() > 100, "{stepped:#?}");
    let ran = happened(Some(120.0)).await;
    let differs = stepped.iter().zip(&ran).find(|(a, b)| a != b);
    assert!(differs.is_none() && stepped.len() == ran.len(), "{differs:#?}");
}

const ORDERED: &str = r#"
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick, namespace: default}
spec:
  schedule: "* * * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [
    {name: c, image: busybox, command: [sh, -c, "sleep 7; exit 1"]}]}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: crash, namespace: default}
spec: {containers: [{name: c, image: busybox, command: [sh, -c, "sleep 3; exit 2"]}]}
"#;

/// The clock runs until something holds, and says so when it does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_runs_until_something_holds() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let began = time(&admin, "rate=0").await;
    lab.namespace("wait").await;
    let probe = json!({"readinessProbe":
        {"exec": {"command": ["true"]}, "initialDelaySeconds": 120}});
    create(&lab, &format!("{CORE}/pods"), pod("probed", "sleep 1d", probe)).await;
    let until = |what: &str| format!("for={what}&resource=pod&name=probed&namespace=wait");
    let held = time(&admin, &until("condition=Ready")).await;
    let took = held.duration_since(began).as_secs();
    assert!((118..=131).contains(&took), "{took}");
    let query = format!("{}&limit=1h", until("condition=Ready=False"));
    let reply = admin.send("POST", &format!("/time?{query}"), &[], Vec::new()).await;
    let said = reply.expect(400)["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(said.starts_with("pods \"probed\": condition Ready is True at "), "{said}");
    let rows = [
        ("for=condition=Ready&resource=rocket&name=x", "doesn't have a resource type \"rocket\""),
        ("for=condition=Ready&resource=pod&name=x&limit=1m", "pods \"x\" not found"),
        ("for=soon&resource=pod&name=x", "must be condition=TYPE[=STATUS] or delete"),
    ];
    for (query, why) in rows {
        let reply = admin.send("POST", &format!("/time?{query}"), &[], Vec::new()).await;
        let said = reply.expect(400)["errors"][0]["message"].to_string();
        assert!(said.replace('\\', "").contains(why), "{query}: {said}");
    }
    lab.stop().await;
}

/// What happens within twenty minutes of which some pass at a rate: jobs with their times, and events.
/// It is another year there: certificates are the machine's business, so that clients are known still.
async fn happened(rate: Option<f64>) -> Vec<String> {
    let began = Cluster::builder().clock_stopped_at("2041-05-06T07:08:09Z").start();
    let cluster = began.await.expect("a cluster");
    let client = client(cluster.kubeconfig(), None).await;
    let create = async |path: &str, object: Value| {
        send(&client, "POST", path, "", Some(&object)).await.expect(201);
    };
    let mut template = pod("", "sleep 7; exit 1", json!({}));
    template["spec"]["restartPolicy"] = json!("Never");
    let cron = json!({"metadata": {"name": "tick"}, "spec": {"schedule": "*/3 * * * *",
        "failedJobsHistoryLimit": 50,
        "jobTemplate": {"spec": {"backoffLimit": 2, "template": template}}}});
    create("/apis/batch/v1/namespaces/default/cronjobs", cron).await;
    create("/api/v1/namespaces/default/pods", pod("crash", "sleep 3; exit 2", json!({}))).await;
    cluster.settled().await;
    if let Some(rate) = rate {
        cluster.time().set_rate(rate).await.expect("it runs");
        crate::support::eventually("ten minutes pass", || async {
            let now = cluster.time().now();
            if now.as_str() >= "2041-05-06T07:18:09" { Ok(()) } else { Err(now) }
        })
        .await;
        cluster.time().stop().await.expect("it stands");
    }
    cluster.time().advance_until("2041-05-06T07:28:09Z").await.expect("twenty minutes");
    let mut all = Vec::new();
    let jobs = get(&client, "/apis/batch/v1/namespaces/default/jobs").await.expect(200);
    for job in jobs.list_at("items") {
        let conditions = job.list_at("status.conditions").iter();
        let turned: Vec<&str> = conditions.map(|c| c.str_at("lastTransitionTime")).collect();
        all.push(format!("{} {} {turned:?}", job.name(), job.str_at("status.startTime")));
    }
    let events = get(&client, "/api/v1/namespaces/default/events").await.expect(200);
    for event in events.list_at("items") {
        let (kind, reason) = (event.str_at("involvedObject.kind"), event.str_at("reason"));
        let (first, last) = (event.str_at("firstTimestamp"), event.str_at("lastTimestamp"));
        all.push(format!("{kind} {reason} {first} {last} {}", event["count"]));
    }
    cluster.stop().await;
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_the_same_at_every_rate() {
    let stepped = happened(None).await;
    assert!(stepped.len() > 30, "{stepped:#?}");
    for rate in [120.0, 1000.0] {
        let ran = happened(Some(rate)).await;
        let only = |a: &[String], b: &[String]| -> Vec<String> {
            a.iter().filter(|line| !b.contains(line)).cloned().collect()
        };
        let differs = (only(&stepped, &ran), only(&ran, &stepped));
        assert!(differs.0.is_empty() && differs.1.is_empty(), "at {rate}: {differs:#?}");
    }
}
