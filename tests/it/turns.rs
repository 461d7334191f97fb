//! Builds in their order: who waits for whom, who is cancelled, what stays when they are over; and
//! what clients send to build from. Numbers are those of the cases of the reference.

use crate::{
    builds::{API, BASE, NS, STREAMS, begun, build, config, log, make, open, start, stream},
    support::{
        Lab, Reply, Wire, eventually,
        lab::{builder, get, request, send},
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::io::Write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One that only those may pull who say who they are.
const PRIVATE: &str = "registry.example.com/acme/web:1.0";

fn from() -> String {
    format!("FROM {BASE}\n")
}

async fn cancel(lab: &Lab, name: &str) {
    let path = format!("{API}/builds/{name}");
    let mark = json!({"status": {"cancelled": true}});
    send(&lab.client, "PATCH", &path, "", Some(&mark)).await.expect(200);
    build(lab, name, &["Cancelled"]).await;
}

async fn pod(lab: &Lab, name: &str) -> u16 {
    get(&lab.client, &format!("/api/v1/namespaces/{NS}/pods/{name}-build")).await.code
}

async fn no_pod(lab: &Lab, name: &str) {
    eventually("the pod is gone", || async {
        let code = pod(lab, name).await;
        if code == 404 { Ok(()) } else { Err(code) }
    })
    .await;
}

/// `<type> <reason>: <message>` of the events about a build.
async fn events(lab: &Lab, name: &str) -> Vec<String> {
    let all = get(&lab.client, &format!("/api/v1/namespaces/{NS}/events")).await.expect(200);
    let of = |e: &&Value| {
        e.str_at("involvedObject.kind") == "Build" && e.str_at("involvedObject.name") == name
    };
    let line =
        |e: &Value| format!("{} {}: {}", e.str_at("type"), e.str_at("reason"), e.str_at("message"));
    all.list_at("items").iter().filter(of).map(line).collect()
}

async fn told(lab: &Lab, name: &str, line: &str) {
    eventually(line, || async {
        let all = events(lab, name).await;
        if all.iter().any(|e| e == line) { Ok(()) } else { Err(format!("{all:?}")) }
    })
    .await;
}

/// 73 to 75 and 97: on a cluster where building takes its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_wait_are_cancelled_and_lose_their_pod() {
    let lab = begun(Lab::of(builder().pace(100)).await).await;
    for name in ["serial", "last"] {
        stream(&lab, name).await;
    }
    make(&lab, &config("serial", &from(), json!({}))).await;
    let policy = json!({"runPolicy": "SerialLatestOnly"});
    make(&lab, &config("last", &from(), policy)).await;
    for name in ["serial", "last"] {
        start(&lab, name).await.expect(201);
        build(&lab, &format!("{name}-1"), &["Running"]).await;
    }
    for name in ["serial", "serial", "last", "last"] {
        start(&lab, name).await.expect(201);
    }
    build(&lab, "last-2", &["Cancelled"]).await;
    told(&lab, "last-2", "Normal BuildCancelled: Build shop/last-2 has been cancelled").await;
    for waits in ["serial-2", "serial-3", "last-3"] {
        build(&lab, waits, &["New"]).await;
        assert_eq!(pod(&lab, waits).await, 404, "{waits}");
    }
    cancel(&lab, "serial-2").await;
    assert_eq!(pod(&lab, "serial-2").await, 404);
    assert_eq!(pod(&lab, "serial-1").await, 200);
    cancel(&lab, "serial-1").await;
    no_pod(&lab, "serial-1").await;
    let refused = log(&lab, "serial-1").await.expect(400);
    assert_eq!(refused["message"], "build serial-1 was cancelled. No logs are available.");
    build(&lab, "serial-3", &["Running", "Complete"]).await;

    let path = format!("/api/v1/namespaces/{NS}/pods/last-1-build");
    let now = json!({"gracePeriodSeconds": 0});
    send(&lab.client, "DELETE", &path, "", Some(&now)).await.expect(200);
    let lost = build(&lab, "last-1", &["Error", "Complete", "Failed"]).await;
    assert_eq!(
        ["phase", "reason", "message"].map(|f| lost["status"][f].clone()),
        [
            json!("Error"),
            json!("BuildPodDeleted"),
            json!("The pod for this build was deleted before the build completed.")
        ]
    );
    let refused = log(&lab, "last-1").await.expect(400);
    assert_eq!(refused["message"], "build last-1 is in an error state. No logs are available.");
    build(&lab, "last-3", &["Running", "Complete"]).await;
    lab.stop().await;
}

/// 72, 84, 85 and 98: a config that is edited builds nothing, the same inputs give the same image on
/// another cluster, and five good builds are kept beside what failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_builds_are_kept() {
    let digest = async |lab: &Lab| {
        stream(lab, "web").await;
        make(lab, &config("web", &from(), json!({}))).await;
        start(lab, "web").await.expect(201);
        let built = build(lab, "web-1", &["Complete"]).await;
        built.str_at("status.output.to.imageDigest").to_owned()
    };
    let (lab, other) = (open().await, open().await);
    let first = digest(&lab).await;
    assert_eq!(first, digest(&other).await);
    other.stop().await;

    let path = format!("{API}/buildconfigs/web");
    let edit = json!({"spec": {"source": {"dockerfile": format!("{}RUN false\n", from())}}});
    send(&lab.client, "PATCH", &path, "", Some(&edit)).await.expect(200);
    let asked = start(&lab, "web").await.expect(201);
    assert_eq!(asked.name(), "web-2");
    assert_eq!(asked["spec"]["triggeredBy"][0]["message"], "Manually triggered");
    build(&lab, "web-2", &["Failed"]).await;
    told(&lab, "web-2", "Normal BuildFailed: Build shop/web-2 failed").await;
    let back = json!({"spec": {"source": {"dockerfile": from()}}});
    send(&lab.client, "PATCH", &path, "", Some(&back)).await.expect(200);
    for number in 3..=8 {
        start(&lab, "web").await.expect(201);
        build(&lab, &format!("web-{number}"), &["Complete"]).await;
    }
    let line = "Normal BuildCompleted: Build shop/web-8 completed successfully";
    told(&lab, "web-8", line).await;
    eventually("five good builds are kept", || async {
        let all = get(&lab.client, &format!("{API}/builds")).await.json();
        let names: Vec<String> = all.list_at("items").iter().map(|b| b.name().to_owned()).collect();
        let wanted = ["web-2", "web-4", "web-5", "web-6", "web-7", "web-8"];
        if names == wanted { Ok(()) } else { Err(format!("{names:?}")) }
    })
    .await;
    lab.stop().await;
}

/// 79 and 80: sources that cannot be had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_that_are_not_there() {
    let lab = open().await;
    stream(&lab, "git").await;
    let git = json!({"source": {"git": {"uri": "https://git.example.invalid/x.git"}}});
    make(&lab, &config("git", "", git)).await;
    start(&lab, "git").await.expect(201);
    let failed = build(&lab, "git-1", &["Complete", "Failed"]).await;
    assert_eq!(failed.str_at("status.reason"), "FetchSourceFailed", "{}", failed["status"]);
    assert_eq!(failed["status"]["message"], "Failed to fetch the input source.");
    let said = log(&lab, "git-1").await.text();
    let line = "fatal: unable to access 'https://git.example.invalid/x.git/': Could not resolve host: git.example.invalid";
    assert!(said.contains(line), "{said}");

    stream(&lab, "folder").await;
    let binary = json!({"source": {"binary": {}, "contextDir": "./none/"}});
    make(&lab, &config("folder", "", binary)).await;
    let made = get(&lab.client, &format!("{API}/buildconfigs/folder")).await.expect(200);
    assert_eq!(made["spec"]["source"]["contextDir"], "none");
    sent(&lab, "folder", "", packed(&[("some/Dockerfile", &from())])).await.expect(201);
    let failed = build(&lab, "folder-1", &["Complete", "Failed"]).await;
    assert_eq!(failed.str_at("status.reason"), "InvalidContextDirectory", "{}", failed["status"]);
    assert_eq!(failed["status"]["message"], "The supplied context directory does not exist.");
    lab.stop().await;
}

/// A gzipped archive.
fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).expect("a file");
    }
    zipped(&builder.into_inner().expect("an archive"))
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(bytes).expect("zipped");
    zip.finish().expect("zipped")
}

async fn sent(lab: &Lab, name: &str, query: &str, body: Vec<u8>) -> Reply {
    let path = format!("{API}/buildconfigs/{name}/instantiatebinary?name={name}{query}");
    request(&lab.client, "POST", &path, &[], body).await
}

/// 93: a folder, and what is sent in place of one. Nothing of a refused upload stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_are_sent_whole_or_not_at_all() {
    let lab = open().await;
    stream(&lab, "b").await;
    make(&lab, &config("b", "", json!({"source": {"binary": {}}}))).await;
    // An upload that breaks off, and one that nobody would take: no build comes of either.
    let api = Wire::api(&lab).as_admin(&lab);
    let path = format!("{API}/buildconfigs/b/instantiatebinary?name=b");
    api.begin("POST", &path, 1 << 20, b"half").await.shutdown().await.expect("sent");
    let mut refused = api.begin("POST", &path, 10 << 30, b"").await;
    let mut head = vec![0; 12];
    refused.read_exact(&mut head).await.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&head), "HTTP/1.1 413");
    sent(&lab, "b", "", packed(&[("Dockerfile", &from()), ("a/b", "1")])).await.expect(201);
    let built = build(&lab, "b-1", &["Complete", "Failed"]).await;
    let said = log(&lab, "b-1").await.text();
    assert_eq!(built.str_at("status.phase"), "Complete", "{said}");
    assert!(said.contains("\nReceiving source from STDIN as archive ...\n"), "{said}");

    let whole = packed(&[("Dockerfile", &from()), ("a/b", "1")]);
    let bad = [
        (b"what?".to_vec(), "no archive"),
        (whole[..whole.len() / 2].to_vec(), "half of one"),
        (Vec::new(), "nothing"),
        // A quarter of a gigabyte and more, of nothing.
        (zipped(&vec![0; (256 << 20) + (2 << 20)]), "too much"),
    ];
    for (number, (body, what)) in (2..).zip(bad) {
        let reply = sent(&lab, "b", "", body).await;
        let failed = build(&lab, &format!("b-{number}"), &["Complete", "Failed"]).await;
        let why = failed.str_at("status.reason");
        assert_eq!(why, "FetchSourceFailed", "{what}: {} {}", reply.code, failed["status"]);
        let said = log(&lab, &format!("b-{number}")).await.text();
        let line = "error: unable to extract binary build input, must be a zip, tar, or gzipped tar, or specified as a file: ";
        assert!(said.contains(line), "{what}: {said}");
    }
    let tag = get(&lab.client, &format!("{STREAMS}/imagestreamtags/b:latest")).await.expect(200);
    let digest = built.str_at("status.output.to.imageDigest");
    assert_eq!(tag.str_at("image.metadata.name"), digest);
    lab.stop().await;
}

/// 83 and 87: a deployment follows what is built, and a config what it is built on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_built_rolls_out() {
    let lab = open().await;
    for name in ["web", "base"] {
        stream(&lab, name).await;
    }
    let trigger = json!([{"from": {"kind": "ImageStreamTag", "name": "web:latest"},
        "fieldPath": "spec.template.spec.containers[?(@.name==\"c\")].image"}]);
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {
        "name": "web", "annotations": {"image.openshift.io/triggers": trigger.to_string()}},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": " "}]}}}});
    let deployments = format!("/apis/apps/v1/namespaces/{NS}/deployments");
    send(&lab.client, "POST", &deployments, "", Some(&deployment)).await.expect(201);
    make(&lab, &config("web", &from(), json!({"triggers": [{"type": "ConfigChange"}]}))).await;
    let built = build(&lab, "web-1", &["Complete"]).await;
    let digest = built.str_at("status.output.to.imageDigest").to_owned();
    eventually("the deployment runs what was built", || async {
        let found = get(&lab.client, &format!("{deployments}/web")).await.json();
        let image = found["spec"]["template"]["spec"]["containers"][0]["image"].to_string();
        let ready = found.i64_at("status.readyReplicas") == Some(1);
        if ready && image.contains(&digest) { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await;

    let tag = json!({"kind": "ImageStreamTag", "name": "base:latest"});
    let follows = json!({"strategy": {"dockerStrategy": {"from": tag}},
        "triggers": [{"type": "ImageChange", "imageChange": {}}]});
    stream(&lab, "child").await;
    make(&lab, &config("child", "FROM x\n", follows)).await;
    let move_to = async |c: char| {
        let digest = format!("sha256:{}", c.to_string().repeat(64));
        let spec = format!("{BASE}@{digest}").replace(":latest@", "@");
        let body = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamMapping",
            "metadata": {"name": "base", "namespace": NS}, "tag": "latest",
            "image": {"metadata": {"name": digest}, "dockerImageReference": spec}});
        let path = format!("{STREAMS}/imagestreammappings");
        let reply = send(&lab.client, "POST", &path, "", Some(&body)).await;
        assert!(reply.code < 300, "{}", reply.text());
    };
    move_to('a').await;
    let first = build(&lab, "child-1", &["Complete", "Failed"]).await;
    assert_eq!(first["spec"]["triggeredBy"][0]["message"], "Image change");
    // The same image again moves nothing; another one is the second build.
    move_to('a').await;
    move_to('b').await;
    let second = build(&lab, "child-2", &["Complete", "Failed"]).await;
    let from = &second["spec"]["triggeredBy"][0]["imageChangeBuild"]["imageID"];
    assert!(from.as_str().is_some_and(|id| id.ends_with(&"b".repeat(64))), "{from}");
    lab.stop().await;
}

/// Bases that not everybody may pull: with the build's own secret, or one of its account's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_bases_want_a_secret() {
    let lab = open().await;
    let auths = json!({"auths": {"registry.example.com": {
        "auth": BASE64_STANDARD.encode("student:redhat123")}}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": auths.to_string()}});
    let core = |plural: &str| format!("/api/v1/namespaces/{NS}/{plural}");
    send(&lab.client, "POST", &core("secrets"), "", Some(&secret)).await.expect(201);
    let private = format!("FROM {PRIVATE}\n");
    let own = json!({"strategy": {"dockerStrategy": {"pullSecret": {"name": "pull"}}}});
    for (name, more) in [("bare", json!({})), ("own", own)] {
        stream(&lab, name).await;
        make(&lab, &config(name, &private, more)).await;
        start(&lab, name).await.expect(201);
    }
    let failed = build(&lab, "bare-1", &["Complete", "Failed"]).await;
    assert_eq!(failed.str_at("status.reason"), "PullBuilderImageFailed", "{}", failed["status"]);
    let said = log(&lab, "bare-1").await.text();
    assert!(said.contains("unauthorized: authentication required"), "{said}");
    let built = build(&lab, "own-1", &["Complete", "Failed"]).await;
    assert_eq!(built.str_at("status.phase"), "Complete", "{}", log(&lab, "own-1").await.text());

    // What `oc secrets link builder pull` does.
    let account = core("serviceaccounts/builder");
    let mut builder = get(&lab.client, &account).await.expect(200);
    let known = builder["secrets"].as_array_mut().expect("secrets");
    known.push(json!({"name": "pull"}));
    let link = json!({"secrets": known});
    send(&lab.client, "PATCH", &account, "", Some(&link)).await.expect(200);
    start(&lab, "bare").await.expect(201);
    build(&lab, "bare-2", &["Complete"]).await;
    lab.stop().await;
}

/// What is asked for in a way that no build can come of, in upstream's words; and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_no_build_comes_of() {
    let lab = open().await;
    stream(&lab, "b").await;
    let options = json!({"triggers": [{"type": "Generic", "generic": {"secret": "s"}}]});
    make(&lab, &config("b", &from(), options)).await;
    let ask = async |more: Value| {
        let mut asked = json!({"apiVersion": "build.openshift.io/v1", "kind": "BuildRequest",
            "metadata": {"name": "b"}});
        json_patch::merge(&mut asked, &more);
        let path = format!("{API}/buildconfigs/b/instantiate");
        let reply = send(&lab.client, "POST", &path, "", Some(&asked)).await;
        (reply.code, reply.json().str_at("message").to_owned())
    };
    let rows = [
        (
            json!({"lastVersion": 7}),
            "the LastVersion(0) on build config shop/b does not match the build request LastVersion(7)",
        ),
        (
            json!({"sourceStrategyOptions": {"incremental": true}}),
            "Cannot specify Source build specific options on shop/b, not a Source build.",
        ),
    ];
    for (more, why) in rows {
        assert_eq!(ask(more).await, (400, why.to_owned()));
    }
    let hook = |rest: &str| format!("{API}/buildconfigs/b/webhooks/{rest}");
    let json_type = ("content-type", "application/json");
    let rows: &[(&str, &[(&str, &str)], &str, u16, &str)] = &[
        (
            "wrong/generic",
            &[],
            "",
            401,
            "the webhook \"generic\" for \"b\" did not accept your secret",
        ),
        (
            "s/github",
            &[json_type],
            "{}",
            401,
            "the webhook \"github\" for \"b\" did not accept your secret",
        ),
        ("s/odd", &[], "", 404, "buildconfighook.build.openshift.io \"odd\" not found"),
    ];
    for (rest, headers, body, code, why) in rows {
        let reply = request(&lab.client, "POST", &hook(rest), headers, (*body).into()).await;
        assert_eq!((reply.code, reply.json().str_at("message")), (*code, *why), "{rest}");
    }
    let builds = get(&lab.client, &format!("{API}/builds")).await.expect(200);
    assert!(builds.list_at("items").is_empty(), "{builds}");
    let found = get(&lab.client, &format!("{API}/buildconfigs/b")).await.expect(200);
    assert_eq!(found.i64_at("status.lastVersion"), Some(0));
    lab.stop().await;
}
