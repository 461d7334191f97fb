//! The drop-in for envtest, used as the launchers use it: the folder, its three programs, what they
//! answer, and what is there when a suite begins.

use crate::support::{
    eventually,
    lab::{get, open, send},
    plane::{Java, Plane, assets, run},
    repository, tools,
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::{process::Command, time::Instant};
use tempfile::tempdir;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// The definition of a kind in a group.
fn definition(plural: &str, kind: &str, group: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {
                "openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}],
        },
    })
}

#[test]
fn the_programs_answer_what_launchers_ask() {
    let home = tempdir().expect("a folder");
    let assets = assets(home.path());
    let said = |part: &str, flag: &str| {
        let out = run(&assets.join(part), &[flag]);
        assert!(out.status.success(), "{part} {flag}: {out:?}");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    assert!(said("etcd", "--version").starts_with("etcd Version: 3.6."));
    assert!(said("kube-apiserver", "--version").starts_with("Kubernetes v1.36."));
    let flags = said("kube-apiserver", "--help");
    assert!(flags.contains("\n      --secure-port ") && !flags.contains("insecure-port"));
    assert!(said("etcd", "--help").contains("--unsafe-no-fsync"));
    let refused = run(&assets.join("kube-apiserver"), &["--from-tomorrow=1"]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        why.contains("--from-tomorrow is not known") && why.contains("--etcd-servers"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_suite_finds_at_its_start() {
    let home = tempdir().expect("a folder");
    let plane = Plane::start(&assets(home.path()), home.path(), &[]).await;
    let admin = plane.user("admin", "system:masters").await;
    let names = |list: Value| -> Vec<String> {
        list.list_at("items").iter().map(|o| o.name().to_owned()).collect()
    };
    let namespaces = names(get(&admin, "/api/v1/namespaces").await.expect(200));
    assert_eq!(namespaces, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    let service = get(&admin, "/api/v1/namespaces/default/services/kubernetes").await.expect(200);
    assert_eq!(service.str_at("spec.clusterIP"), "10.0.0.1");
    let groups = get(&admin, "/apis").await.text();
    assert!(groups.contains("apiextensions.k8s.io") && !groups.contains("openshift"), "{groups}");
    get(&admin, "/apis/route.openshift.io/v1").await.expect(404);

    // No controller: nothing is made for a namespace, and it stays.
    let body = json!({"metadata": {"name": "suite"}});
    send(&admin, "POST", "/api/v1/namespaces", "", Some(&body)).await.expect(201);
    send(&admin, "DELETE", "/api/v1/namespaces/suite", "", None).await.expect(200);
    let left = get(&admin, "/api/v1/namespaces/suite").await.expect(200);
    assert_eq!(left.str_at("status.phase"), "Terminating");
    assert!(left.map_at("metadata.annotations").is_none(), "{left}");
    let accounts = get(&admin, "/api/v1/namespaces/default/serviceaccounts").await.expect(200);
    assert!(accounts.list_at("items").is_empty());

    // A pod without its account, as the plug-in is off; an address in the range.
    let pod = json!({"metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let pods = "/api/v1/namespaces/default/pods";
    let pod = send(&admin, "POST", pods, "", Some(&pod)).await.expect(201);
    assert!(pod.at("spec.serviceAccountName").is_none(), "{pod}");
    let service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    let services = "/api/v1/namespaces/default/services";
    let service = send(&admin, "POST", services, "", Some(&service)).await.expect(201);
    assert!(service.str_at("spec.clusterIP").starts_with("10.0.0."), "{service}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_who_their_certificates_and_tokens_say() {
    let home = tempdir().expect("a folder");
    let tokens = home.path().join("tokens.csv");
    std::fs::write(&tokens, "secret,jane,u1,\"dev,ops\"\n").expect("a file");
    let flag = format!("--token-auth-file={}", tokens.display());
    let plane = Plane::start(&assets(home.path()), home.path(), &[&flag]).await;
    let admin = plane.user("admin", "system:masters").await;
    let review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    for (client, name, group) in
        [(plane.user("joe", "qa").await, "joe", "qa"), (plane.token("secret").await, "jane", "ops")]
    {
        get(&client, "/api/v1/namespaces/default/secrets").await.expect(403);
        let who = send(&client, "POST", review, "", Some(&json!({}))).await.expect(201);
        assert_eq!(who.str_at("status.userInfo.username"), name);
        assert!(who.list_at("status.userInfo.groups").contains(&json!(group)), "{who}");
    }
    get(&plane.token("wrong").await, "/api").await.expect(401);

    // A service account made by hand gets a token of the issuer and key that were given.
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let body = json!({"metadata": {"name": "robot"}});
    send(&admin, "POST", accounts, "", Some(&body)).await.expect(201);
    let path = format!("{accounts}/robot/token");
    let asked = json!({"spec": {"expirationSeconds": 600}});
    let token = send(&admin, "POST", &path, "", Some(&asked)).await.expect(201);
    assert_eq!(token.list_at("spec.audiences"), [json!(plane.url())]);
    let robot = plane.token(token.str_at("status.token")).await;
    let who = send(&robot, "POST", review, "", Some(&json!({}))).await.expect(201);
    assert_eq!(who.str_at("status.userInfo.username"), "system:serviceaccount:default:robot");
    let issuer = get(&admin, "/.well-known/openid-configuration").await.expect(200);
    assert_eq!(issuer.str_at("issuer"), plane.url());
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_served_at_once_and_outlive_a_restart() {
    let home = tempdir().expect("a folder");
    let mut plane = Plane::start(&assets(home.path()), home.path(), &[]).await;
    let admin = plane.user("admin", "system:masters").await;
    // One of a group that this program would serve itself, were it OpenShift.
    for (plural, kind, group) in
        [("foos", "Foo", "example.com"), ("routes", "Route", "route.openshift.io")]
    {
        let definition = definition(plural, kind, group);
        send(&admin, "POST", DEFINITIONS, "", Some(&definition)).await.expect(201);
        eventually("the plural is listed", || async {
            let found = get(&admin, &format!("/apis/{group}/v1")).await.text();
            if found.contains(plural) { Ok(()) } else { Err(found) }
        })
        .await;
        let body = json!({"apiVersion": format!("{group}/v1"), "kind": kind,
            "metadata": {"name": "one"}, "spec": {"size": 3, "gone": true}});
        let path = format!("/apis/{group}/v1/namespaces/default/{plural}");
        let made = send(&admin, "POST", &path, "", Some(&body)).await.expect(201);
        assert_eq!(made["spec"], json!({"size": 3}));
    }
    assert_eq!(plane.stop_api_server(), Some(0));
    plane.start_api_server().await;
    let path = "/apis/route.openshift.io/v1/namespaces/default/routes/one";
    assert_eq!(get(&admin, path).await.expect(200)["spec"], json!({"size": 3}));

    // Watches do not hold up the end.
    let watch = "/api/v1/namespaces?watch=true";
    let open = open(&admin, "GET", watch, &[("accept", "application/json")], Vec::new()).await;
    let began = Instant::now();
    assert_eq!(plane.stop_api_server(), Some(0));
    assert!(began.elapsed().as_secs() < 2, "it took {:?}", began.elapsed());
    drop(open);
    assert_eq!(plane.stop_etcd(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_add_controllers_and_openshift() {
    let home = tempdir().expect("a folder");
    let assets = assets(home.path());
    let folder = |name: &str| home.path().join(name);
    let only = [("POCKETSHIFT_ENVTEST_CONTROLLERS", "namespace")];
    let plane = Plane::with(&assets, &folder("one"), &[], &only).await;
    let admin = plane.user("admin", "system:masters").await;
    gone_after_deletion(&admin).await;

    let more = [("POCKETSHIFT_ENVTEST_CONTROLLERS", "all"), ("POCKETSHIFT_ENVTEST_OPENSHIFT", "1")];
    let plane = Plane::with(&assets, &folder("two"), &[], &more).await;
    let admin = plane.user("admin", "system:masters").await;
    let project = json!({"metadata": {"name": "suite"}});
    let requests = "/apis/project.openshift.io/v1/projectrequests";
    send(&admin, "POST", requests, "", Some(&project)).await.expect(201);
    let deployment = json!({"metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
            {"name": "c", "image": "registry.access.redhat.com/ubi9/httpd-24:latest"}]}}}});
    let path = "/apis/apps/v1/namespaces/suite/deployments";
    send(&admin, "POST", path, "", Some(&deployment)).await.expect(201);
    eventually("the deployment is available", || async {
        let found = get(&admin, &format!("{path}/d")).await.json();
        let ready = found.i64_at("status.availableReplicas") == Some(1);
        if ready { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    gone_after_deletion(&admin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_launchers_of_java() {
    let home = tempdir().expect("a folder");
    let mut plane = Java::start(&assets(home.path()), home.path()).await;
    let admin = plane.client().await;
    get(&admin, "/api/v1/namespaces/default").await.expect(200);
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let body = json!({"metadata": {"name": "robot"}});
    send(&admin, "POST", accounts, "", Some(&body)).await.expect(201);
    let path = format!("{accounts}/robot/token");
    let token = send(&admin, "POST", &path, "", Some(&json!({"spec": {}}))).await.expect(201);
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let review = json!({"spec": {"token": token.str_at("status.token")}});
    let review = send(&admin, "POST", reviews, "", Some(&review)).await.expect(201);
    assert_eq!(review.at("status.authenticated"), Some(&json!(true)), "{review}");
    assert_eq!(plane.stop(), Some(0));
}

/// The suite of `tests/envtest-java`, on fabric8's launcher: it looks for the programs in a folder
/// named by their version.
#[test]
fn a_suite_on_kube_api_test_passes() {
    if !tools::works("mvn", &["--version"]) {
        println!("left out: there is no mvn");
        return;
    }
    let home = tempdir().expect("a folder");
    let versions = home.path().join("k8s");
    std::fs::create_dir(&versions).expect("a folder");
    // As setup-envtest and the launcher itself name it.
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let named = versions.join(format!("1.36.2-{}-{machine}", std::env::consts::OS));
    std::os::unix::fs::symlink(assets(home.path()), named).expect("a link");
    let build = tools::place("envtest-java");
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "test"]).arg(format!("-DbuildDirectory={}", build.display()));
    maven.current_dir(repository("tests/envtest-java")).env("KUBE_API_TEST_DIR", home.path());
    tools::output(&mut maven);
}

/// A namespace that is deleted goes.
async fn gone_after_deletion(admin: &kube::Client) {
    let body = json!({"metadata": {"name": "passing"}});
    send(admin, "POST", "/api/v1/namespaces", "", Some(&body)).await.expect(201);
    send(admin, "DELETE", "/api/v1/namespaces/passing", "", None).await.expect(200);
    eventually("the namespace is gone", || async {
        let reply = get(admin, "/api/v1/namespaces/passing").await;
        if reply.code == 404 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
}

/// The operator of `tests/envtest`, whose suite is like any other's and knows nothing of this
/// server: only where the programs are.
#[test]
fn an_operators_own_suite_passes() {
    let go = Command::new("go").arg("version").output();
    if !go.is_ok_and(|out| out.status.success()) {
        println!("left out: there is no go");
        return;
    }
    let home = tempdir().expect("a folder");
    let out = Command::new("go")
        .args(["test", "-count=1", "-v", "./..."])
        .current_dir(repository("tests/envtest"))
        .env("GOFLAGS", "-p=2")
        .env("KUBEBUILDER_ASSETS", assets(home.path()))
        .output()
        .expect("go runs");
    let said = String::from_utf8_lossy(&out.stdout);
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}\n{err}");
    for test in ["TestReconciler", "TestRefusals", "TestProtobuf"] {
        assert!(said.contains(&format!("--- PASS: {test}")), "{said}");
    }
}
