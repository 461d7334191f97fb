//! Builds through the wire. Numbers are those of the cases of the reference.

use crate::support::{
    Lab, Reply, eventually,
    lab::{get, request, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

/// Where everything is.
pub const NS: &str = "shop";
pub const API: &str = "/apis/build.openshift.io/v1/namespaces/shop";
pub const STREAMS: &str = "/apis/image.openshift.io/v1/namespaces/shop";
/// An image that the catalogue knows.
pub const BASE: &str = "registry.access.redhat.com/ubi9/httpd-24:latest";

/// A cluster where builds can begin.
pub async fn open() -> Lab {
    begun(Lab::start().await).await
}

/// The same with any cluster.
pub async fn begun(lab: Lab) -> Lab {
    lab.namespace(NS).await;
    eventually("the builder account", || async {
        let path = format!("/api/v1/namespaces/{NS}/serviceaccounts/builder");
        let reply = get(&lab.client, &path).await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    lab
}

/// Makes an empty stream.
pub async fn stream(lab: &Lab, name: &str) {
    let body = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
        "metadata": {"name": name}});
    send(&lab.client, "POST", &format!("{STREAMS}/imagestreams"), "", Some(&body))
        .await
        .expect(201);
}

/// A config that builds from a Dockerfile into a stream of its name.
pub fn config(name: &str, dockerfile: &str, more: Value) -> Value {
    let mut spec = json!({"source": {"dockerfile": dockerfile}, "strategy": {"dockerStrategy": {}},
        "output": {"to": {"kind": "ImageStreamTag", "name": format!("{name}:latest")}}});
    for (field, value) in more.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    json!({"apiVersion": "build.openshift.io/v1", "kind": "BuildConfig",
        "metadata": {"name": name}, "spec": spec})
}

/// Makes a config.
pub async fn make(lab: &Lab, config: &Value) {
    let path = format!("{API}/buildconfigs");
    send(&lab.client, "POST", &path, "", Some(config)).await.expect(201);
}

/// Asks for a build.
pub async fn start(lab: &Lab, name: &str) -> Reply {
    let asked = json!({"apiVersion": "build.openshift.io/v1", "kind": "BuildRequest",
        "metadata": {"name": name}});
    let path = format!("{API}/buildconfigs/{name}/instantiate");
    send(&lab.client, "POST", &path, "", Some(&asked)).await
}

/// A build in one of these phases.
pub async fn build(lab: &Lab, name: &str, phases: &[&str]) -> Value {
    let path = format!("{API}/builds/{name}");
    eventually("the build's phase", || async {
        let found = get(&lab.client, &path).await.json();
        let there = phases.contains(&found.str_at("status.phase"));
        if there { Ok(found) } else { Err(found["status"].to_string()) }
    })
    .await
}

/// The log of a build.
pub async fn log(lab: &Lab, name: &str) -> Reply {
    get(&lab.client, &format!("{API}/builds/{name}/log")).await
}

/// 71, 72, 83 and 84: the first build starts by itself, and its image is the tag's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_moves_its_tag() {
    let lab = open().await;
    stream(&lab, "web").await;
    let dockerfile =
        format!("FROM {BASE}\nENV COLOUR=blue\nLABEL a=b\nEXPOSE 9090\nUSER 1234\nRUN echo hi\n");
    let triggers = json!({"triggers": [{"type": "ConfigChange"}]});
    make(&lab, &config("web", &dockerfile, triggers)).await;
    let first = build(&lab, "web-1", &["Complete", "Failed"]).await;
    assert_eq!(first.str_at("status.phase"), "Complete", "{}", log(&lab, "web-1").await.text());
    assert_eq!(first["spec"]["triggeredBy"][0]["message"], "Build configuration change");
    let digest = first.str_at("status.output.to.imageDigest").to_owned();
    let tag = get(&lab.client, &format!("{STREAMS}/imagestreamtags/web:latest")).await.expect(200);
    assert_eq!(tag.str_at("image.metadata.name"), digest);
    let run = &tag["image"]["dockerImageMetadata"]["Config"];
    assert_eq!(run["User"], "1234");
    assert_eq!(run["Labels"]["a"], "b");
    assert!(run["ExposedPorts"].get("9090/tcp").is_some(), "{run}");
    let env = run.list_at("Env");
    assert!(
        env.contains(&json!("COLOUR=blue")) && env.contains(&json!("OPENSHIFT_BUILD_NAME=web-1"))
    );
    let text = log(&lab, "web-1").await.text();
    for line in ["STEP 2/8: ENV COLOUR=blue", "Push successful"] {
        assert!(text.lines().any(|l| l == line), "{text}");
    }
    let phases: Vec<&str> =
        first.list_at("status.conditions").iter().map(|c| c.str_at("type")).collect();
    assert_eq!(phases, ["New", "Pending", "Running", "Complete"]);

    start(&lab, "web").await.expect(201);
    let second = build(&lab, "web-2", &["Complete"]).await;
    assert_ne!(second.str_at("status.output.to.imageDigest"), digest);
    lab.stop().await;
}

/// 78 to 82 and 98: failures on purpose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_fail_as_they_say() {
    let lab = open().await;
    let from = format!("FROM {BASE}\n");
    let rows = [
        ("run", format!("{from}RUN false\n"), json!({}), "DockerBuildFailed"),
        ("text", "WHAT x\n".to_owned(), json!({}), "ManageDockerfileFailed"),
        ("base", "FROM quay.io/nobody/nothing:1\n".to_owned(), json!({}), "PullBuilderImageFailed"),
        ("hook", from.clone(), json!({"postCommit": {"script": "exit 3"}}), "PostCommitHookFailed"),
    ];
    for (name, dockerfile, more, reason) in rows {
        stream(&lab, name).await;
        make(&lab, &config(name, &dockerfile, more)).await;
        start(&lab, name).await.expect(201);
        let failed = build(&lab, &format!("{name}-1"), &["Complete", "Failed"]).await;
        assert_eq!(failed.str_at("status.reason"), reason, "{}", failed["status"]);
        assert!(!failed.str_at("status.logSnippet").is_empty(), "{name}");
        let tag = get(&lab.client, &format!("{STREAMS}/imagestreamtags/{name}:latest")).await;
        assert_eq!(tag.code, 404, "{name}");
    }
    let missing = json!({"strategy": {"dockerStrategy": {
        "from": {"kind": "ImageStreamTag", "name": "none:9"}}}});
    make(&lab, &config("missing", &from, missing)).await;
    let refused = start(&lab, "missing").await.expect(422);
    let why = "Error resolving ImageStreamTag none:9 in namespace shop: ";
    assert!(refused.str_at("message").starts_with(why), "{refused}");
    lab.stop().await;
}

/// 73 to 77, 85 and 86.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_wait_for_their_turn_and_their_stream() {
    let lab = open().await;
    let from = format!("FROM {BASE}\n");
    make(&lab, &config("late", &from, json!({}))).await;
    for _ in 0..2 {
        start(&lab, "late").await.expect(201);
    }
    eventually("the build waits for its stream", || async {
        let found = get(&lab.client, &format!("{API}/builds/late-1")).await.json();
        let waits = found.str_at("status.reason") == "InvalidOutputReference";
        if waits { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await;
    let mut second = build(&lab, "late-2", &["New"]).await;
    second["status"]["cancelled"] = json!(true);
    let path = format!("{API}/builds/late-2");
    send(&lab.client, "PUT", &path, "", Some(&second)).await.expect(200);
    build(&lab, "late-2", &["Cancelled"]).await;
    let refused = log(&lab, "late-2").await.expect(400);
    assert_eq!(refused["message"], "build late-2 was cancelled. No logs are available.");
    stream(&lab, "late").await;
    build(&lab, "late-1", &["Complete"]).await;

    let pause = json!({"metadata": {"annotations": {"openshift.io/build-config.paused": "true"}}});
    let path = format!("{API}/buildconfigs/late");
    send(&lab.client, "PATCH", &path, "", Some(&pause)).await.expect(200);
    let refused = start(&lab, "late").await.expect(400);
    let why = "can't instantiate from BuildConfig shop/late: BuildConfig is paused";
    assert_eq!(refused["message"], why);
    lab.stop().await;
}

/// 87 to 94: what starts builds, and what comes with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_hooks_and_files_start_builds() {
    let lab = open().await;
    for name in ["base", "web"] {
        stream(&lab, name).await;
    }
    let from = json!({"kind": "ImageStreamTag", "name": "base:latest"});
    let more = json!({"strategy": {"dockerStrategy": {"from": from}}, "triggers": [
        {"type": "ImageChange", "imageChange": {}},
        {"type": "Generic", "generic": {"secret": "s3cret"}},
        {"type": "GitHub", "github": {"secret": "s3cret"}}]});
    make(&lab, &config("web", "FROM x\n", more)).await;
    make(&lab, &config("base", &format!("FROM {BASE}\n"), json!({}))).await;
    start(&lab, "base").await.expect(201);
    let built = build(&lab, "web-1", &["Complete", "Failed"]).await;
    assert_eq!(built["spec"]["triggeredBy"][0]["message"], "Image change");
    assert_eq!(built.str_at("status.phase"), "Complete");

    let hook = |rest: &str| format!("{API}/buildconfigs/web/webhooks/{rest}");
    let post = async |rest: &str, headers: &[(&str, &str)], body: &str| {
        request(&lab.client, "POST", &hook(rest), headers, body.into()).await
    };
    assert_eq!(post("s3cret/generic", &[], "").await.expect(200)["metadata"]["name"], "web-2");
    let refused = post("wrong/generic", &[], "").await.expect(401);
    let why = "the webhook \"generic\" for \"web\" did not accept your secret";
    assert_eq!(refused["message"], why);
    let json_type = ("content-type", "application/json");
    let github = |event| [json_type, ("x-github-event", event)];
    assert_eq!(post("s3cret/github", &github("ping"), "{}").await.code, 200);
    let other = "{\"ref\": \"refs/heads/main\"}";
    assert!(post("s3cret/github", &github("push"), other).await.text().is_empty());
    let plain = [("content-type", "text/plain"), ("x-github-event", "push")];
    assert_eq!(post("s3cret/github", &plain, "{}").await.code, 400);
    // Who may call hooks need not be allowed any build.
    let binding = json!({"metadata": {"name": "hooks", "namespace": "shop"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "system:webhook"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
            "name": "system:unauthenticated"}]});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings";
    send(&lab.client, "POST", bindings, "", Some(&binding)).await.expect(201);
    let nobody = lab.anonymous().await;
    let started = request(&nobody, "POST", &hook("s3cret/generic"), &[], Vec::new()).await;
    assert_eq!(started.expect(200)["metadata"]["name"], "web-3");
    let master = "{\"ref\": \"refs/heads/master\"}".into();
    let headers = github("push");
    let started = request(&nobody, "POST", &hook("s3cret/github"), &headers, master).await;
    assert_eq!(started.expect(200)["spec"]["triggeredBy"][0]["message"], "GitHub WebHook");
    request(&nobody, "POST", &hook("wrong/generic"), &[], Vec::new()).await.expect(401);

    let path = format!("{API}/buildconfigs/base/instantiatebinary?asFile=Dockerfile");
    let body = format!("FROM {BASE}\nENV BY=hand\n").into_bytes();
    let sent = request(&lab.client, "POST", &path, &[], body).await.expect(201);
    assert_eq!(sent["spec"]["source"]["binary"]["asFile"], "Dockerfile");
    let done = build(&lab, "base-2", &["Complete", "Failed"]).await;
    let text = log(&lab, "base-2").await.text();
    assert_eq!(done.str_at("status.phase"), "Complete", "{text}");
    assert!(text.contains("Receiving source from STDIN as file Dockerfile\n"), "{text}");
    assert!(text.contains("ENV BY=hand"), "{text}");
    let clone = json!({"apiVersion": "build.openshift.io/v1", "kind": "BuildRequest",
        "metadata": {"name": "base-2"}});
    let path = format!("{API}/builds/base-2/clone");
    send(&lab.client, "POST", &path, "", Some(&clone)).await.expect(422);
    lab.stop().await;
}

/// 95 and 96, and a Dockerfile of two stages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_a_build() {
    let lab = open().await;
    stream(&lab, "b").await;
    let mut binary = config("b", "", json!({"source": {"binary": {}}}));
    binary["spec"]["strategy"] = json!({"dockerStrategy": {}});
    make(&lab, &binary).await;
    let path = format!("{API}/buildconfigs/b/instantiatebinary?name=b&asFile=Dockerfile");
    let body = format!("FROM {BASE} AS first\nENV A=1\nFROM first\nENV B=2\n").into_bytes();
    let sent = request(&lab.client, "POST", &path, &[("accept", "application/json")], body).await;
    assert_eq!(sent.code, 201, "{}", sent.text());
    build(&lab, "b-1", &["Complete"]).await;
    let path = format!("{API}/builds/b-1");
    let built = get(&lab.client, &path).await.expect(200);
    let stages = built.list_at("status.stages").iter().map(|s| s.str_at("name"));
    let stages: Vec<&str> = stages.collect();
    assert_eq!(stages, ["FetchInputs", "PullImages", "Build", "PushImage"]);
    let lines = log(&lab, "b-1").await.text();
    assert!(lines.contains("[2/2] STEP 1/4: FROM first"), "{lines}");
    let again = json!({"apiVersion": "build.openshift.io/v1", "kind": "BuildRequest",
        "metadata": {"name": "b-1"}});
    let path = format!("{API}/builds/b-1/clone");
    let refused = send(&lab.client, "POST", &path, "", Some(&again)).await;
    assert_eq!(refused.code, 422, "{}", refused.text());

    let rbac = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let role = format!("{rbac}/system:build-strategy-docker-binding");
    send(&lab.client, "DELETE", &role, "", None).await.expect(200);
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "edit"}, "subjects": [{"kind": "User", "name": "bob",
            "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": "edit",
            "apiGroup": "rbac.authorization.k8s.io"}});
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{NS}/rolebindings");
    send(&lab.client, "POST", &bindings, "", Some(&binding)).await.expect(201);
    let bob = lab.acting_as("bob").await;
    let path = format!("{API}/buildconfigs");
    let mine = config("mine", &format!("FROM {BASE}\n"), json!({}));
    let refused = send(&bob, "POST", &path, "", Some(&mine)).await.expect(403);
    let why = refused.str_at("message");
    assert!(why.ends_with("build strategy Docker is not allowed"), "{why}");
    lab.stop().await;
}
