//! DeploymentConfigs through the wire, rollouts, deployers, hooks and triggers included. Numbers are
//! those of the cases of the reference: `x` has one container and two replicas.

use crate::support::{
    Lab,
    lab::{get, send},
    wait,
};
use kube::{Api, api::DynamicObject};
use pocketshift::{kinds, object::ObjectExt};
use serde_json::{Value, json};

const NS: &str = "dc";
const IMAGE: &str = "registry.access.redhat.com/ubi9/nginx-120";
/// How many controllers' writes one put may meet.
const RACES: usize = 20;
const PHASE: &str = "openshift.io/deployment.phase";
const REASON: &str = "openshift.io/deployment.status-reason";

/// A cluster with a namespace.
struct Scene {
    lab: Lab,
    configs: Api<DynamicObject>,
    rollouts: Api<DynamicObject>,
    pods: Api<DynamicObject>,
}

fn path(resource: &str) -> String {
    match resource.split(['/', '?']).next().unwrap_or_default() {
        "pods" | "replicationcontrollers" | "events" => {
            format!("/api/v1/namespaces/{NS}/{resource}")
        }
        "imagestreams" | "imagestreammappings" | "imagestreamtags" => {
            format!("/apis/image.openshift.io/v1/namespaces/{NS}/{resource}")
        }
        _ => format!("/apis/apps.openshift.io/v1/namespaces/{NS}/{resource}"),
    }
}

impl Scene {
    async fn start() -> Scene {
        let lab = Lab::start().await;
        lab.namespace(NS).await;
        let api = |resource: &str| lab.objects(kinds::by_resource(resource).expect("a kind"), NS);
        let (configs, pods) = (api("deploymentconfigs.apps.openshift.io"), api("pods"));
        Scene { rollouts: api("replicationcontrollers"), configs, pods, lab }
    }

    async fn send(&self, method: &str, resource: &str, body: Value) -> Value {
        let reply = send(&self.lab.client, method, &path(resource), "", Some(&body)).await;
        assert!(reply.code < 300, "{method} {resource}: {}", reply.text());
        reply.json()
    }

    /// Puts what `read` makes of the present state, and reads anew when a controller has written in
    /// between, as clients do. Answers what was put.
    async fn put(&self, resource: &str, read: impl AsyncFn() -> Value) -> Value {
        for _ in 0..RACES {
            let body = read().await;
            let reply = send(&self.lab.client, "PUT", &path(resource), "", Some(&body)).await;
            if reply.code != 409 {
                assert!(reply.code < 300, "PUT {resource}: {}", reply.text());
                return body;
            }
        }
        panic!("PUT {resource}: it changed {RACES} times while it was read and put");
    }

    /// Creates `x` with this in its spec.
    async fn config(&self, spec: Value) -> Value {
        let mut body = json!({
            "apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig",
            "metadata": {"name": "x"},
            "spec": {"replicas": 2, "selector": {"app": "x"}, "template": {
                "metadata": {"labels": {"app": "x"}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [
                    {"name": "web", "image": format!("{IMAGE}:1-86")}]}}},
        });
        for (key, value) in spec.as_object().expect("fields") {
            body["spec"][key] = value.clone();
        }
        self.send("POST", "deploymentconfigs", body).await
    }

    async fn patch(&self, patch: Value) -> Value {
        self.send("PATCH", "deploymentconfigs/x", patch).await
    }

    async fn env(&self, value: &str) {
        let container = json!([{"name": "web", "image": format!("{IMAGE}:1-86"),
            "env": [{"name": "A", "value": value}]}]);
        self.patch(json!({"spec": {"template": {"spec": {"containers": container}}}})).await;
    }

    async fn latest(&self) -> Value {
        let body = json!({"apiVersion": "apps.openshift.io/v1", "kind": "DeploymentRequest",
            "name": "x", "latest": true, "force": true});
        self.send("POST", "deploymentconfigs/x/instantiate", body).await
    }

    /// Waits until a rollout is at a phase.
    async fn phase(&self, name: &str, phase: &str) -> Value {
        let there = |o: &Value| o.annotation(PHASE) == Some(phase);
        wait::object(&self.rollouts, name, phase, there).await
    }

    async fn until(&self, what: &str, done: impl Fn(&Value) -> bool) -> Value {
        wait::object(&self.configs, "x", what, done).await
    }

    /// Waits until version `n` is complete and its pods are counted.
    async fn complete(&self, n: i64) -> Value {
        self.phase(&format!("x-{n}"), "Complete").await;
        self.until("the rollout is complete", |o| {
            let progress = o.condition("Progressing");
            o.i64_at("status.latestVersion") == Some(n)
                && progress
                    .is_some_and(|c| c.str_at("reason") == "NewReplicationControllerAvailable")
                && o.i64_at("status.updatedReplicas") == o.i64_at("spec.replicas")
                && o.i64_at("status.replicas") == o.i64_at("spec.replicas")
        })
        .await
    }

    async fn log(&self, pod: &str) -> String {
        get(&self.lab.client, &path(&format!("pods/{pod}/log"))).await.text()
    }

    /// `<reason>: <message>` of the events about `x`.
    async fn events(&self) -> Vec<String> {
        let all = get(&self.lab.client, &path("events")).await.expect(200);
        let mine = all
            .list_at("items")
            .iter()
            .filter(|e| e.str_at("involvedObject.kind") == "DeploymentConfig");
        mine.map(|e| format!("{}: {}", e.str_at("reason"), e.str_at("message"))).collect()
    }

    async fn told(&self, text: &str) {
        crate::support::eventually(text, || async {
            let events = self.events().await;
            if events.iter().any(|e| e == text) { Ok(()) } else { Err(format!("{events:#?}")) }
        })
        .await;
    }

    async fn names(&self, resource: &str) -> Vec<String> {
        let all = get(&self.lab.client, &path(resource)).await.expect(200);
        all.list_at("items").iter().map(|o| o.name().to_owned()).collect()
    }

    /// What a push does.
    async fn push(&self, c: char) -> String {
        let digest = format!("sha256:{}", c.to_string().repeat(64));
        let spec = format!("{IMAGE}@{digest}");
        let body = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamMapping",
            "metadata": {"name": "s", "namespace": NS}, "tag": "latest",
            "image": {"metadata": {"name": digest}, "dockerImageReference": spec}});
        self.send("POST", "imagestreammappings", body).await;
        spec
    }
}

fn image_trigger(automatic: bool) -> Value {
    json!([{"type": "ImageChange", "imageChangeParams": {"automatic": automatic,
        "containerNames": ["web"], "from": {"kind": "ImageStreamTag", "name": "s:latest"}}}])
}

fn image_of(object: &Value) -> String {
    let containers = object.list_at("spec.template.spec.containers");
    containers.first().map_or("", |c| c.str_at("image")).to_owned()
}

/// 1, 4 to 9, 29, 31 to 34.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_from_its_first_rollout_to_its_end() {
    let scene = Scene::start().await;
    scene.config(json!({})).await;
    scene.complete(1).await;
    assert_eq!(scene.log("x-1-deploy").await, "--> Scaling x-1 to 2\n--> Success\n");
    let rollout = scene.phase("x-1", "Complete").await;
    let notes =
        [REASON, "openshift.io/deployment.replicas", "kubectl.kubernetes.io/desired-replicas"];
    let noted: Vec<_> = notes.iter().map(|n| rollout.annotation(n)).collect();
    assert_eq!(noted, [Some("config change"), Some("2"), None]);
    let pods = get(&scene.lab.client, &path("pods?labelSelector=deployment=x-1")).await.expect(200);
    let labels =
        |p: &Value| (p.label("app") == Some("x"), p.label("deploymentconfig") == Some("x"));
    assert!(pods.list_at("items").iter().all(|p| labels(p) == (true, true)), "{pods}");
    assert_eq!(pods.list_at("items").len(), 2);

    scene.env("1").await;
    scene.complete(2).await;
    let log = scene.log("x-2-deploy").await;
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(
        lines,
        [
            "--> Scaling up x-2 from 0 to 2, scaling down x-1 from 2 to 0 (keep 2 pods available, don't exceed 3 pods)",
            "    Scaling x-2 up to 1",
            "    Scaling x-1 down to 1",
            "    Scaling x-2 up to 2",
            "    Scaling x-1 down to 0",
            "--> Success",
        ]
    );

    let larger = async || {
        let scale = get(&scene.lab.client, &path("deploymentconfigs/x/scale")).await;
        assert_eq!(
            scale.header("warning"),
            "299 - \"apps.openshift.io/v1 DeploymentConfig is deprecated in v4.14+, unavailable in v4.10000+\""
        );
        let mut scale = scale.expect(200);
        let kind = (scale.str_at("apiVersion"), scale.str_at("kind"));
        assert_eq!(kind, ("extensions/v1beta1", "Scale"));
        assert_eq!(scale["status"]["selector"], json!({"app": "x", "deploymentconfig": "x"}));
        assert_eq!(scale.str_at("status.targetSelector"), "app=x,deploymentconfig=x");
        scale["spec"]["replicas"] = json!(3);
        scale
    };
    scene.put("deploymentconfigs/x/scale", larger).await;
    scene
        .told("ReplicationControllerScaled: Scaled replication controller \"x-2\" from 2 to 3")
        .await;
    assert_eq!(scene.complete(2).await.i64_at("status.updatedReplicas"), Some(3));

    let answer = scene.latest().await;
    assert_eq!(answer["status"]["details"]["causes"], json!([{"type": "Manual"}]));
    scene.complete(3).await;
    assert_eq!(scene.phase("x-3", "Complete").await.annotation(REASON), Some("manual change"));
    let body =
        json!({"kind": "DeploymentRequest", "apiVersion": "apps.openshift.io/v1", "name": "x"});
    let same = scene.send("POST", "deploymentconfigs/x/instantiate", body).await;
    assert_eq!(
        (same["code"].as_i64(), same.str_at("message")),
        (Some(204), "deployment config \"x\" cannot be instantiated")
    );
    let log = |query: &str| path(&format!("deploymentconfigs/x/log{query}"));
    assert_eq!(get(&scene.lab.client, &log("")).await.code, 200);
    let refused = get(&scene.lab.client, &log("?version=9")).await.expect(400);
    assert_eq!(refused.str_at("message"), "invalid version for deploymentConfig \"x\": 9");

    send(&scene.lab.client, "DELETE", &path("deploymentconfigs/x"), "", None).await.expect(200);
    for resource in ["replicationcontrollers", "pods"] {
        crate::support::eventually("everything is gone", || async {
            let names = scene.names(resource).await;
            if names.is_empty() { Ok(()) } else { Err(format!("{names:?}")) }
        })
        .await;
    }
    scene.lab.stop().await;
}

/// 2, 3, 11, 24, 30: what does not roll out, or is not kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manual_paused_and_test_configs() {
    let scene = Scene::start().await;
    scene.config(json!({"triggers": [], "revisionHistoryLimit": 1})).await;
    let seen = |o: &Value| o.i64_at("status.observedGeneration") == o.i64_at("metadata.generation");
    let manual = scene.until("it was seen", seen).await;
    assert_eq!(manual.i64_at("status.latestVersion"), Some(0));
    assert!(scene.names("replicationcontrollers").await.is_empty());
    scene.patch(json!({"spec": {"paused": true}})).await;
    let body = json!({"kind": "DeploymentRequest", "apiVersion": "apps.openshift.io/v1", "name": "x",
        "latest": true, "force": true});
    let at = path("deploymentconfigs/x/instantiate");
    let refused = send(&scene.lab.client, "POST", &at, "", Some(&body)).await.expect(422);
    assert_eq!(
        refused.str_at("message"),
        "DeploymentRequest.apps.openshift.io \"x\" is invalid: spec.paused: Invalid value: true: deployment config \"x\" is paused - unpause to request a new deployment"
    );
    scene.patch(json!({"spec": {"paused": false, "test": true}})).await;
    scene.latest().await;
    scene.phase("x-1", "Complete").await;
    let size = |o: &Value| o.i64_at("spec.replicas") == Some(0);
    wait::object(&scene.rollouts, "x-1", "it has no pods", size).await;
    scene.patch(json!({"spec": {"test": false, "replicas": 0}})).await;
    for version in 2..=5 {
        scene.latest().await;
        scene.complete(version).await;
    }
    crate::support::eventually("only two are kept", || async {
        let names = scene.names("replicationcontrollers").await;
        if names == ["x-4", "x-5"] { Ok(()) } else { Err(format!("{names:?}")) }
    })
    .await;
    scene.lab.stop().await;
}

/// 12, 13, 14, 17 to 20: rollouts that fail, are cancelled or taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_and_ways_back() {
    let scene = Scene::start().await;
    scene.config(json!({"strategy": {"rollingParams": {"timeoutSeconds": 2}}})).await;
    scene.complete(1).await;
    let image = |tag: &str| {
        json!({"spec": {"template": {"spec": {"containers": [
            {"name": "web", "image": format!("{IMAGE}:{tag}")}]}}}})
    };
    scene.patch(image("no-such-tag")).await;
    scene.phase("x-2", "Running").await;
    scene.patch(image("1-87")).await;
    scene.told("DeploymentCancelled: Cancelled deployment \"x-2\" superceded by version 3").await;
    scene.complete(3).await;
    let cancelled = scene.phase("x-2", "Failed").await;
    assert_eq!(cancelled.annotation(REASON), Some("newer deployment was found running"));

    scene.patch(image("no-such-tag")).await;
    scene.phase("x-4", "Failed").await;
    let log = scene.log("x-4-deploy").await;
    assert!(
        log.ends_with("error: timed out waiting for any update progress to be made\n"),
        "{log}"
    );
    let failed = scene
        .until("the old one is back", |o| {
            let progress = o.condition("Progressing");
            progress.is_some_and(|c| c.str_at("reason") == "ProgressDeadlineExceeded")
                && o.i64_at("status.availableReplicas") == Some(2)
        })
        .await;
    assert_eq!(failed.i64_at("status.latestVersion"), Some(4));
    wait::object(&scene.rollouts, "x-3", "it has its size", |o| {
        o.i64_at("spec.replicas") == Some(2)
    })
    .await;

    // 19: one back from a failed version is what worked, two are what failed.
    let rollback = |revision: i64| {
        json!({"kind": "DeploymentConfigRollback", "apiVersion": "apps.openshift.io/v1", "name": "x",
            "spec": {"from": {}, "revision": revision, "includeTriggers": false,
                "includeTemplate": true, "includeReplicationMeta": false, "includeStrategy": false}})
    };
    let old = async || scene.send("POST", "deploymentconfigs/x/rollback", rollback(0)).await;
    let old = scene.put("deploymentconfigs/x", old).await;
    assert_eq!(image_of(&old), format!("{IMAGE}:1-87"));
    assert_eq!(old.i64_at("status.latestVersion"), Some(5));
    scene.complete(5).await;
    let failed = scene.send("POST", "deploymentconfigs/x/rollback", rollback(0)).await;
    assert_eq!(image_of(&failed), format!("{IMAGE}:no-such-tag"));
    let at = path("deploymentconfigs/x/rollback");
    let refused = send(&scene.lab.client, "POST", &at, "", Some(&rollback(5))).await.expect(422);
    assert!(refused.str_at("message").ends_with("version 5 is already the latest"), "{refused}");

    // 20, 14, 17: on a rollout that cannot go on.
    scene.patch(json!({"spec": {"strategy": {"rollingParams": {"timeoutSeconds": 600}}}})).await;
    scene.patch(image("no-such-tag")).await;
    scene.phase("x-6", "Running").await;
    send(&scene.lab.client, "DELETE", &path("pods/x-6-deploy"), "", None).await.expect(200);
    assert_eq!(
        scene.phase("x-6", "Failed").await.annotation(REASON),
        Some("deployer pod no longer exists")
    );
    scene.told("Failed: Deployer pod \"x-6-deploy\" has gone missing").await;
    let annotate = |pairs: Value| json!({"metadata": {"annotations": pairs}});
    let retry = annotate(json!({PHASE: "New", REASON: null}));
    scene.send("PATCH", "replicationcontrollers/x-6", retry).await;
    scene.phase("x-6", "Running").await;
    let cancel = annotate(json!({"openshift.io/deployment.cancelled": "true",
        REASON: "cancelled by the user"}));
    scene.send("PATCH", "replicationcontrollers/x-6", cancel).await;
    scene.phase("x-6", "Failed").await;
    scene.told("RolloutCancelled: Rollout for \"dc/x-6\" cancelled").await;
    scene
        .until("it says so", |o| {
            o.condition("Progressing").is_some_and(|c| c.str_at("reason") == "RolloutCancelled")
        })
        .await;
    scene.lab.stop().await;
}

/// 21 to 23: Recreate, and hooks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_and_recreation() {
    let scene = Scene::start().await;
    let hook = |policy: &str, command: &str| {
        json!({"failurePolicy": policy,
            "execNewPod": {"containerName": "web", "command": ["sh", "-c", command]}})
    };
    let strategy =
        |params: Value| json!({"strategy": {"type": "Recreate", "recreateParams": params}});
    scene.config(strategy(json!({"pre": hook("Abort", "echo ready")}))).await;
    scene.complete(1).await;
    assert_eq!(
        scene.log("x-1-deploy").await,
        "--> pre: Running hook pod ...\nready\n--> pre: Success\n--> Scaling x-1 to 2\n--> Success\n"
    );
    scene.told("Started: Running pre-hook (\"sh -c echo ready\") for rc dc/x-1").await;
    scene.told("Completed: The pre-hook for rc dc/x-1 completed successfully").await;

    let tag = json!({"failurePolicy": "Abort", "tagImages": [
        {"containerName": "web", "to": {"kind": "ImageStreamTag", "name": "s:live"}}]});
    let replaced = json!({"pre": hook("Ignore", "exit 1"), "post": tag});
    scene.patch(json!({"spec": strategy(replaced)})).await;
    scene.latest().await;
    scene.complete(2).await;
    let log = scene.log("x-2-deploy").await;
    let lines: Vec<&str> = log.lines().collect();
    let tagged = format!("--> post: Tagged \"{IMAGE}:1-86\" into /s:live");
    assert_eq!(
        lines,
        [
            "--> pre: Running hook pod ...",
            "--> pre: Failed",
            "--> Scaling x-1 down to zero",
            "--> Scaling x-2 to 1 before performing acceptance check",
            "--> Scaling x-2 to 2",
            tagged.as_str(),
            "--> Success",
        ]
    );
    let stream = get(&scene.lab.client, &path("imagestreams/s")).await.expect(200);
    assert_eq!(stream["spec"]["tags"][0]["from"]["name"], json!(format!("{IMAGE}:1-86")));

    scene.patch(json!({"spec": strategy(json!({"pre": hook("Abort", "exit 1")}))})).await;
    scene.latest().await;
    scene.phase("x-3", "Failed").await;
    let log = scene.log("x-3-deploy").await;
    assert!(
        log.ends_with(
            "error: pre hook failed: the pre hook failed: , aborting rollout of dc/x-3\n"
        ),
        "{log}"
    );
    let kept = |o: &Value| o.i64_at("status.availableReplicas") == Some(2);
    wait::object(&scene.rollouts, "x-2", "its pods are untouched", kept).await;
    assert!(
        wait::object(&scene.pods, "x-3-hook-pre", "it stays", Value::is_object).await.is_object()
    );
    scene.lab.stop().await;
}

/// 18 and 26 to 28: images that follow tags.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_follow_their_tags() {
    let scene = Scene::start().await;
    let stream = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
        "metadata": {"name": "s"}});
    scene.send("POST", "imagestreams", stream).await;
    // Nothing has to run for a trigger to fire.
    scene.config(json!({"replicas": 0, "triggers": image_trigger(true)})).await;
    let waits = |o: &Value| o.i64_at("status.observedGeneration") == Some(1);
    assert_eq!(scene.until("it waits", waits).await.i64_at("status.latestVersion"), Some(0));
    let first = scene.push('a').await;
    assert_eq!(image_of(&scene.complete(1).await), first);
    assert_eq!(scene.phase("x-1", "Complete").await.annotation(REASON), Some("config change"));
    let second = scene.push('b').await;
    let done = scene.complete(2).await;
    assert_eq!(image_of(&done), second);
    assert_eq!(
        done["status"]["details"]["causes"],
        json!([{"type": "ImageChange",
            "imageTrigger": {"from": {"kind": "DockerImage", "name": second}}}])
    );
    scene.patch(json!({"spec": {"triggers": image_trigger(false)}})).await;
    let third = scene.push('c').await;
    assert_eq!(image_of(&scene.complete(2).await), second);
    assert_eq!(image_of(&scene.latest().await), third);
    scene.complete(3).await;

    // 18: what is rolled back follows its tag no more, and rolls out as a new version.
    scene.patch(json!({"spec": {"triggers": image_trigger(true)}})).await;
    let back = json!({"kind": "DeploymentConfigRollback", "apiVersion": "apps.openshift.io/v1",
        "name": "x", "spec": {"from": {}, "revision": 1, "includeTemplate": true}});
    let old = async || scene.send("POST", "deploymentconfigs/x/rollback", back.clone()).await;
    let old = scene.put("deploymentconfigs/x", old).await;
    assert_eq!(image_of(&old), first);
    let params = &old["spec"]["triggers"][0]["imageChangeParams"];
    assert!(!params.is_true("automatic"), "{params}");
    assert_eq!(image_of(&scene.complete(4).await), first);
    scene.lab.stop().await;
}
