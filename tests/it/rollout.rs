//! A Deployment's whole life through the wire: the course's walk, and the promises of both
//! strategies, judged by every pod event on the way.

use crate::support::{
    BOUND, Lab,
    lab::{get, send},
    wait,
};
use futures_util::StreamExt;
use kube::{
    Api,
    api::{DynamicObject, ListParams, WatchEvent, WatchParams},
};
use pocketshift::{kinds, object::ObjectExt};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{sync::watch, task::JoinHandle};

const IMAGE: &str = "registry.access.redhat.com/ubi9/nginx-120";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// A cluster with one Deployment called `web` in a namespace of its own.
struct Scene {
    lab: Arc<Lab>,
    deployments: Api<DynamicObject>,
    replica_sets: Api<DynamicObject>,
    pods: Api<DynamicObject>,
}

impl Scene {
    async fn start(spec: Value) -> Scene {
        let lab = Arc::new(Lab::start().await);
        lab.namespace("roll").await;
        let api =
            |resource: &str| lab.objects(kinds::by_resource(resource).expect("a kind"), "roll");
        let scene = Scene {
            deployments: api("deployments.apps"),
            replica_sets: api("replicasets.apps"),
            pods: api("pods"),
            lab: Arc::clone(&lab),
        };
        let container = json!({"name": "nginx", "image": format!("{IMAGE}:1-86"),
            "readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1}});
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}}});
        for (key, value) in spec.as_object().expect("fields") {
            object["spec"][key] = value.clone();
        }
        let path = "/apis/apps/v1/namespaces/roll/deployments";
        send(&lab.client, "POST", path, "", Some(&object)).await.expect(201);
        scene
    }

    async fn patch(&self, patch: Value) -> Value {
        let path = "/apis/apps/v1/namespaces/roll/deployments/web";
        send(&self.lab.client, "PATCH", path, "", Some(&patch)).await.expect(200)
    }

    async fn image(&self, tag: &str) -> Value {
        let op = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image",
            "value": format!("{IMAGE}:{tag}")}]);
        self.patch(op).await
    }

    async fn until(&self, what: &str, done: impl Fn(&Value) -> bool) -> Value {
        wait::object(&self.deployments, "web", what, |o| observed(o) && done(o)).await
    }

    async fn complete(&self) -> Value {
        self.until("the rollout is complete", complete).await
    }

    /// ReplicaSets by revision: name, size wanted.
    async fn history(&self) -> BTreeMap<String, (String, i64)> {
        let list = self.replica_sets.list(&ListParams::default()).await.expect("a list");
        let row = |o: &DynamicObject| {
            let o = wait::value(o);
            let size = o.i64_at("spec.replicas").unwrap_or(0);
            (o.annotation(REVISION).unwrap_or_default().to_owned(), (o.name().to_owned(), size))
        };
        list.items.iter().map(row).collect()
    }

    async fn revisions(&self) -> Vec<String> {
        self.history().await.into_keys().collect()
    }

    /// Follows all pods until told to stop; answers the state after every event.
    async fn follow_pods(&self) -> (watch::Sender<bool>, JoinHandle<Vec<Pods>>) {
        let (stop, mut stopped) = watch::channel(false);
        let list = self.pods.list(&ListParams::default()).await.expect("a list");
        let from = list.metadata.resource_version.clone().unwrap_or_default();
        let mut now: Pods = list.items.iter().map(pod).collect();
        let api = self.pods.clone();
        let task = tokio::spawn(async move {
            let mut events =
                Box::pin(api.watch(&WatchParams::default(), &from).await.expect("a watch"));
            let mut seen = vec![now.clone()];
            loop {
                let event = tokio::select! {
                    event = events.next() => event.expect("the watch lives").expect("an event"),
                    _ = stopped.changed() => return seen,
                };
                match event {
                    WatchEvent::Added(o) | WatchEvent::Modified(o) => now.extend([pod(&o)]),
                    WatchEvent::Deleted(o) => drop(now.remove(&pod(&o).0)),
                    _ => continue,
                }
                seen.push(now.clone());
            }
        });
        (stop, task)
    }
}

/// Pods by name: hash of the template, whether ready, whether on the way out.
type Pods = BTreeMap<String, (String, bool, bool)>;

fn pod(object: &DynamicObject) -> (String, (String, bool, bool)) {
    let o = wait::value(object);
    let ready = o
        .list_at("status.conditions")
        .iter()
        .any(|c| c.str_at("type") == "Ready" && c.str_at("status") == "True");
    let leaving = o.at("metadata.deletionTimestamp").is_some();
    let hash = o.label("pod-template-hash").unwrap_or_default().to_owned();
    (o.name().to_owned(), (hash, ready, leaving))
}

fn number(o: &Value, path: &str) -> i64 {
    o.i64_at(path).unwrap_or(0)
}

fn observed(o: &Value) -> bool {
    !o.is_null() && number(o, "status.observedGeneration") == number(o, "metadata.generation")
}

fn complete(o: &Value) -> bool {
    let counts = ["replicas", "updatedReplicas", "availableReplicas"];
    counts.iter().all(|c| number(o, &format!("status.{c}")) == number(o, "spec.replicas"))
}

fn condition<'a>(o: &'a Value, kind: &str) -> &'a Value {
    let found = o.list_at("status.conditions").iter().find(|c| c.str_at("type") == kind);
    found.unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_of_the_course() {
    let s = Scene::start(json!({"replicas": 0, "progressDeadlineSeconds": 1})).await;
    let first = s.complete().await;
    assert_eq!(first.annotation(REVISION), Some("1"));
    assert_eq!(number(&first, "spec.replicas"), 0);

    s.patch(json!({"spec": {"replicas": 10}})).await;
    let full = s.complete().await;
    assert_eq!(condition(&full, "Available").str_at("status"), "True");
    assert_eq!(condition(&full, "Progressing").str_at("reason"), "NewReplicaSetAvailable");

    // While paused nothing is rolled out; on resume all edits together make one new revision.
    s.patch(json!({"spec": {"paused": true}})).await;
    s.until("paused", |o| condition(o, "Progressing").str_at("reason") == "DeploymentPaused").await;
    s.image("1-87").await;
    let env = json!([{"op": "add", "path": "/spec/template/spec/containers/0/env",
        "value": [{"name": "NGINX_LOG_TO_VOLUME", "value": "1"}]}]);
    s.patch(env).await;
    s.until("edits observed", |_| true).await;
    assert_eq!(s.revisions().await, ["1"]);
    s.patch(json!({"spec": {"paused": null}})).await;
    s.complete().await;
    assert_eq!(s.revisions().await, ["1", "2"]);

    // A change cause is copied to the ReplicaSet it is the cause of.
    s.patch(json!({"metadata": {"annotations": {"kubernetes.io/change-cause": "newer"}}})).await;
    s.until("observed", |_| true).await;
    let (name, _) = s.history().await["2"].clone();
    wait::object(&s.replica_sets, &name, "the change cause", |o| {
        o.annotation("kubernetes.io/change-cause") == Some("newer")
    })
    .await;

    // A wrong image: the rollout fails and stays failed, and most of the old pods still serve.
    s.image("no-such-tag").await;
    // On a slow machine the deadline (a second, by times of one-second precision) may pass before
    // the rollout has gone as far as it can; it goes on nevertheless, and the deadline passes again.
    let failed = s
        .until("the deadline passes when nothing can move", |o| {
            condition(o, "Progressing").str_at("reason") == "ProgressDeadlineExceeded"
                && number(o, "status.availableReplicas") == 8
                && number(o, "status.updatedReplicas") == 5
        })
        .await;
    assert_eq!(condition(&failed, "Progressing").str_at("status"), "False");
    assert_eq!(condition(&failed, "Available").str_at("status"), "True");
    let reason = |p: &DynamicObject| {
        let p = wait::value(p);
        let status = p.list_at("status.containerStatuses").first().cloned().unwrap_or_default();
        status.str_at("state.waiting.reason").to_owned()
    };
    let broken = |r: &String| r == "ErrImagePull" || r == "ImagePullBackOff";
    crate::support::eventually("five pods wait for their image", || async {
        let pods = s.pods.list(&ListParams::default()).await.expect("a list").items;
        let reasons: Vec<_> = pods.iter().map(reason).collect();
        if reasons.iter().filter(|r| broken(r)).count() == 5 {
            Ok(())
        } else {
            Err(reasons.join(" "))
        }
    })
    .await;

    undo(&s, "2").await;
    let back = s.complete().await;
    assert_eq!(back.annotation(REVISION), Some("4"));
    assert_eq!(s.revisions().await, ["1", "3", "4"]);
    undo(&s, "1").await;
    s.complete().await;
    let history = s.history().await;
    assert_eq!(history.keys().collect::<Vec<_>>(), ["3", "4", "5"]);
    assert_eq!(history["5"].1, 10);
    let reused = s.replica_sets.get(&history["5"].0).await.expect("a ReplicaSet");
    let reused = wait::value(&reused);
    assert_eq!(reused.annotation("deployment.kubernetes.io/revision-history"), Some("1"));

    let path = "/apis/apps/v1/namespaces/roll/deployments/web";
    send(&s.lab.client, "DELETE", path, "", None).await.expect(200);
    for kind in ["/apis/apps/v1/namespaces/roll/replicasets", "/api/v1/namespaces/roll/pods"] {
        crate::support::eventually("nothing is left", || async {
            let list = get(&s.lab.client, kind).await.expect(200);
            let names: Vec<_> = list.list_at("items").iter().map(|o| o.name().to_owned()).collect();
            if names.is_empty() { Ok(()) } else { Err(format!("{kind}: {names:?}")) }
        })
        .await;
    }
}

/// What `rollout undo` does: the template of an old ReplicaSet becomes the Deployment's.
async fn undo(s: &Scene, revision: &str) {
    let (name, _) = s.history().await[revision].clone();
    let old = wait::value(&s.replica_sets.get(&name).await.expect("a ReplicaSet"));
    let mut template = old["spec"]["template"].clone();
    template["metadata"]["labels"].as_object_mut().expect("labels").remove("pod-template-hash");
    s.patch(json!([{"op": "replace", "path": "/spec/template", "value": template}])).await;
}

/// Rolls to another image and back, and answers every state of the pods on the way.
async fn roll(s: &Scene) -> Vec<Pods> {
    s.complete().await;
    let (stop, states) = s.follow_pods().await;
    for tag in ["1-87", "1-88"] {
        s.image(tag).await;
        let done = tokio::time::timeout(BOUND, s.complete()).await.expect("the rollout ends");
        assert_eq!(condition(&done, "Progressing").str_at("reason"), "NewReplicaSetAvailable");
    }
    stop.send_replace(true);
    states.await.expect("the states")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recreate_never_overlaps() {
    let s = Scene::start(json!({"replicas": 5, "strategy": {"type": "Recreate"}})).await;
    let states = roll(&s).await;
    assert!(states.len() > 30, "hardly anything was seen");
    for state in states {
        let hashes: std::collections::BTreeSet<_> = state.values().map(|p| &p.0).collect();
        assert!(hashes.len() <= 1, "two templates at once: {state:?}");
    }
}

/// Never more pods than replicas and surge, never fewer ready ones than the limit allows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_keeps_its_limits() {
    for (surge, unavailable, most, least) in [
        (json!("25%"), json!("25%"), 13, 8),
        (json!(1), json!(0), 11, 10),
        (json!(0), json!("35%"), 10, 7),
    ] {
        let strategy = json!({"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
        let s = Scene::start(json!({"replicas": 10, "strategy": strategy})).await;
        let states = roll(&s).await;
        assert!(states.len() > 60, "hardly anything was seen");
        for state in states {
            // Pods on the way out count for neither side.
            let staying = state.values().filter(|p| !p.2);
            let ready = staying.clone().filter(|p| p.1).count();
            assert!(staying.count() <= most, "surge {surge}: {state:?}");
            assert!(ready >= least, "unavailable {unavailable}: {ready} of {least}: {state:?}");
        }
    }
}
