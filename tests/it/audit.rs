//! The audit log over the wire: what stands in it for each level and stage, and what is refused.

use crate::support::{
    Lab,
    child::run,
    eventually,
    hook::Hook,
    lab::{get, open, request, saying, send},
    plane::{Plane, assets},
};
use pocketshift::{cluster::Builder, config::Audit, object::ObjectExt};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tempfile::tempdir;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn audit(folder: &Path, policy: &str) -> Audit {
    let file = folder.join("policy.yaml");
    let text = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\n{policy}");
    fs::write(&file, text).expect("a file");
    Audit {
        audit_log_path: Some(folder.join("logs/audit.log").to_string_lossy().into_owned()),
        audit_policy_file: Some(file),
        ..Audit::default()
    }
}

/// A cluster whose requests are written down there.
fn audited(folder: &Path, policy: &str) -> Builder {
    let Audit { audit_log_path, audit_policy_file, .. } = audit(folder, policy);
    let file = audit_policy_file.expect("a file");
    saying([
        &format!("--audit-log-path={}", audit_log_path.expect("a path")),
        &format!("--audit-policy-file={}", file.display()),
    ])
}

fn events(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("logs/audit.log")).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

/// The events of the request with a name, in order.
fn of(folder: &Path, id: &str) -> Vec<Value> {
    events(folder).into_iter().filter(|e| e["auditID"] == id).collect()
}

async fn named(lab: &Lab, id: &str, method: &str, path: &str, body: Value) -> u16 {
    let headers = [
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("audit-id", id),
        ("user-agent", "tester/1"),
        ("x-forwarded-for", "192.0.2.7"),
    ];
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let reply = request(&lab.client, method, path, &headers, bytes).await;
    assert_eq!(reply.header("audit-id"), id);
    reply.code
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_written_down_as_the_policy_says() {
    let home = tempdir().expect("a folder");
    let policy = "omitManagedFields: true\nrules:\n\
        - {level: None, nonResourceURLs: ['/version']}\n\
        - {level: RequestResponse, users: ['system:admin'], resources: [{group: '', resources: [configmaps]}]}\n\
        - {level: Request, resources: [{group: apps}], omitStages: [RequestReceived]}\n\
        - {level: Metadata, resources: [{group: '', resources: [secrets, serviceaccounts/token, pods/log]}]}\n";
    let lab = Lab::of(audited(home.path(), policy)).await;
    let map = json!({"metadata": {"name": "a"}, "data": {"k": "x<y&z"}});
    assert_eq!(named(&lab, "made", "POST", MAPS, map.clone()).await, 201);
    assert_eq!(named(&lab, "again", "POST", MAPS, map).await, 409);
    named(&lab, "quiet", "GET", "/version", Value::Null).await;
    named(&lab, "nodes", "GET", "/api/v1/nodes", Value::Null).await;
    assert!(of(home.path(), "quiet").is_empty() && of(home.path(), "nodes").is_empty());

    let made = of(home.path(), "made");
    let [received, complete] = made.as_slice() else { panic!("{made:#?}") };
    assert_eq!(
        (received["stage"].as_str(), complete["stage"].as_str()),
        (Some("RequestReceived"), Some("ResponseComplete"))
    );
    assert_eq!(received["requestReceivedTimestamp"], received["stageTimestamp"]);
    assert!(received.get("responseStatus").is_none() && received.get("annotations").is_none());
    assert_eq!(
        received["objectRef"],
        json!({"resource": "configmaps", "namespace": "default", "apiVersion": "v1"})
    );
    assert_eq!(complete["objectRef"]["name"], "a");
    assert_eq!((complete.str_at("verb"), complete.str_at("requestURI")), ("create", MAPS));
    assert_eq!(
        complete["user"],
        json!({"username": "system:admin",
        "groups": ["system:masters", "system:authenticated"]})
    );
    assert_eq!(complete["sourceIPs"], json!(["192.0.2.7", "127.0.0.1"]));
    assert_eq!(complete["userAgent"], "tester/1");
    assert_eq!(complete["responseStatus"], json!({"metadata": {}, "code": 201}));
    assert_eq!(
        complete["requestObject"],
        json!({"kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {"name": "a"}, "data": {"k": "x<y&z"}})
    );
    assert!(complete["responseObject"].uid().len() == 36);
    assert!(complete.at("responseObject.metadata.managedFields").is_none());
    assert_eq!(
        complete["annotations"],
        json!({"authorization.k8s.io/decision": "allow",
        "authorization.k8s.io/reason": ""})
    );
    let log = fs::read_to_string(home.path().join("logs/audit.log")).expect("a log");
    assert!(log.contains(r#""k":"x\u003cy\u0026z""#) && !log.contains('<'));
    assert!(log.starts_with(r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":""#));

    let again = &of(home.path(), "again")[1];
    assert_eq!(
        again["responseStatus"],
        json!({"metadata": {}, "status": "Failure",
        "message": "configmaps \"a\" already exists", "reason": "AlreadyExists",
        "details": {"name": "a", "kind": "configmaps"}, "code": 409})
    );
    assert_eq!(again.str_at("responseObject.kind"), "Status");

    // A body counts with its defaults; what is only of metadata has none, not even a Status' object.
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels":
        {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers":
        [{"name": "c", "image": "busybox"}]}}}});
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    assert_eq!(named(&lab, "deployed", "POST", deployments, deployment).await, 201);
    let deployed = of(home.path(), "deployed");
    let [deployed] = deployed.as_slice() else { panic!("{deployed:#?}") };
    assert_eq!(deployed.i64_at("requestObject.spec.replicas"), Some(1));
    assert!(deployed.get("responseObject").is_none());
    named(&lab, "gone", "DELETE", "/api/v1/namespaces/default/secrets/none", Value::Null).await;
    let gone = &of(home.path(), "gone")[1];
    assert_eq!(gone.str_at("responseStatus.reason"), "NotFound");
    assert!(gone.get("responseObject").is_none());
    named(
        &lab,
        "token",
        "POST",
        "/api/v1/namespaces/default/serviceaccounts/default/token",
        json!({"spec": {}}),
    )
    .await;
    let note = "authentication.kubernetes.io/issued-credential-id";
    let token = of(home.path(), "token");
    assert!(token[1]["annotations"][note].as_str().is_some_and(|n| n.starts_with("JTI=")));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_why_he_may() {
    let home = tempdir().expect("a folder");
    let policy = "omitStages: [RequestReceived]\nrules: [{level: Metadata}]\n";
    let lab = Lab::of(audited(home.path(), policy)).await;
    let bob = lab.acting_as("bob").await;
    let send_as = |id: &'static str, path: &'static str| {
        let bob = bob.clone();
        async move { request(&bob, "GET", path, &[("audit-id", id)], Vec::new()).await.code }
    };
    assert_eq!(send_as("no", "/api/v1/secrets").await, 403);
    let binding = json!({"metadata": {"name": "looks"}, "roleRef":
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}]});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    send(&lab.client, "POST", bindings, "", Some(&binding)).await.expect(201);
    assert_eq!(send_as("yes", MAPS).await, 200);
    let no = &of(home.path(), "no")[0];
    assert_eq!(no.str_at("user.username"), "system:admin");
    assert_eq!(
        no["impersonatedUser"],
        json!({"username": "bob", "groups": ["system:authenticated"]})
    );
    assert_eq!(no["annotations"]["authorization.k8s.io/decision"], "forbid");
    assert_eq!(
        no.str_at("responseStatus.message"),
        "secrets is forbidden: User \"bob\" cannot list resource \"secrets\" in API group \"\" at the cluster scope"
    );
    let yes = &of(home.path(), "yes")[0];
    assert_eq!(
        yes["annotations"]["authorization.k8s.io/reason"],
        "RBAC: allowed by RoleBinding \"looks/default\" of ClusterRole \"view\" to User \"bob\""
    );

    let stranger = lab.with_token("wrong").await;
    request(&stranger, "GET", MAPS, &[("audit-id", "who")], Vec::new()).await;
    let who = of(home.path(), "who");
    assert_eq!((who.len(), who[0].str_at("stage")), (1, "ResponseStarted"));
    assert_eq!((&who[0]["user"], who[0].i64_at("responseStatus.code")), (&json!({}), Some(401)));
    assert_eq!(who[0].str_at("responseStatus.message"), "Unauthorized");

    // What is not served is about a resource all the same.
    request(&lab.client, "GET", "/apis/none/v1/foos/x", &[("audit-id", "foo")], Vec::new()).await;
    let foo = &of(home.path(), "foo")[0];
    assert_eq!(
        foo["objectRef"],
        json!({"resource": "foos", "name": "x", "apiGroup": "none", "apiVersion": "v1"})
    );
    assert_eq!(foo["responseStatus"], json!({"metadata": {}, "code": 404}));

    // A watch is told of when it begins and when it ends.
    let path = format!("{MAPS}?watch=1&timeoutSeconds=1");
    let watch = open(&lab.client, "GET", &path, &[("audit-id", "watch")], Vec::new()).await;
    let begun = of(home.path(), "watch");
    assert_eq!(begun[0].str_at("stage"), "ResponseStarted");
    drop(watch);
    eventually("the end of the watch is told", || async {
        let told = of(home.path(), "watch");
        let end = told.last().expect("an event").str_at("stage") == "ResponseComplete";
        if end { Ok(()) } else { Err(format!("{told:#?}")) }
    })
    .await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_and_webhooks_leave_notes() {
    let home = tempdir().expect("a folder");
    let policy = "omitStages: [RequestReceived]\nrules:\n\
        - {level: Request, resources: [{group: '', resources: [configmaps]}]}\n";
    let lab = Lab::of(audited(home.path(), policy)).await;
    let hook = Hook::serve(&["127.0.0.1"], |_, review| {
        let patch = "W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEiLCJ2YWx1ZSI6eyJhIjoiYiJ9fV0=";
        let response = json!({"uid": review["request"]["uid"], "allowed": true,
            "patchType": "JSONPatch", "patch": patch, "auditAnnotations": {"seen": "yes"}});
        (
            200,
            json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "response": response}),
        )
    })
    .await;
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["configmaps"]}]);
    let webhook = |name: &str, port: u16, bundle: &str| {
        json!({"name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": "Ignore", "rules": rules,
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/"), "caBundle": bundle}})
    };
    let group = "/apis/admissionregistration.k8s.io/v1";
    let changing = json!({"metadata": {"name": "m"}, "webhooks":
        [webhook("adds.example.com", hook.port, &hook.bundle), webhook("off.example.com", 9, "")]});
    let judging =
        json!({"metadata": {"name": "v"}, "webhooks": [webhook("offv.example.com", 9, "")]});
    let policy = json!({"metadata": {"name": "p.example.com"}, "spec": {
        "matchConstraints": {"resourceRules": rules},
        "validations": [{"expression": "true"},
            {"expression": "object.metadata.name != 'bad'", "message": "no bad"}],
        "auditAnnotations": [{"key": "name", "valueExpression": "'it is ' + object.metadata.name"}]}});
    let binding = json!({"metadata": {"name": "b"},
        "spec": {"policyName": "p.example.com", "validationActions": ["Audit"]}});
    for (plural, object) in [
        ("mutatingwebhookconfigurations", &changing),
        ("validatingwebhookconfigurations", &judging),
        ("validatingadmissionpolicies", &policy),
        ("validatingadmissionpolicybindings", &binding),
    ] {
        let path = format!("{group}/{plural}");
        send(&lab.client, "POST", &path, "", Some(object)).await.expect(201);
    }
    assert_eq!(named(&lab, "bad", "POST", MAPS, json!({"metadata": {"name": "bad"}})).await, 201);
    let bad = &of(home.path(), "bad")[0];
    let patch = r#"[{"op":"add","path":"/data","value":{"a":"b"}}]"#;
    let rows = [
        ("adds.example.com/seen", "yes".to_owned()),
        (
            "mutation.webhook.admission.k8s.io/round_0_index_0",
            r#"{"configuration":"m","webhook":"adds.example.com","mutated":true}"#.into(),
        ),
        (
            "patch.webhook.admission.k8s.io/round_0_index_0",
            format!(
                r#"{{"configuration":"m","webhook":"adds.example.com","patch":{patch},"patchType":"JSONPatch"}}"#
            ),
        ),
        (
            "mutation.webhook.admission.k8s.io/round_0_index_1",
            r#"{"configuration":"m","webhook":"off.example.com","mutated":false}"#.into(),
        ),
        ("failed-open.mutation.webhook.admission.k8s.io/round_0_index_1", "off.example.com".into()),
        (
            "failed-open.validating.webhook.admission.k8s.io/round_0_index_0",
            "offv.example.com".into(),
        ),
        ("p.example.com/name", "it is bad".into()),
    ];
    for (key, value) in rows {
        assert_eq!(bad["annotations"][key], value, "{bad:#}");
    }
    let failure = &bad["annotations"]["validation.policy.admission.k8s.io/validation_failure"];
    let failure: Value = serde_json::from_str(failure.as_str().expect("a text")).expect("JSON");
    assert_eq!(
        failure,
        json!([{"message": "no bad", "policy": "p.example.com", "binding": "b",
        "expressionIndex": 1, "validationActions": ["Audit"]}])
    );
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flags_of_kube_apiserver_take_effect() {
    let home = tempdir().expect("a folder");
    let flags = audit(home.path(), "rules: [{level: Metadata}]\n");
    let policy = flags.audit_policy_file.expect("a file");
    let plane = Plane::start(
        &assets(home.path()),
        home.path(),
        &[
            &format!("--audit-log-path={}", flags.audit_log_path.expect("a path")),
            &format!("--audit-policy-file={}", policy.display()),
            "--audit-log-format=legacy",
        ],
    )
    .await;
    let admin = plane.user("admin", "system:masters").await;
    get(&admin, "/api/v1/namespaces/default").await.expect(200);
    let log = fs::read_to_string(home.path().join("logs/audit.log")).expect("a log");
    let line = log.lines().find(|l| {
        l.contains("uri=\"/api/v1/namespaces/default\"") && l.contains("ResponseComplete")
    });
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(r#" AUDIT: id=""#), "{line}");
    assert!(line.contains(r#" ip="127.0.0.1" method="get" user="admin" groups="\"system:masters\",\"system:authenticated\"" as="<self>" asgroups="<lookup>""#), "{line}");
    assert!(
        line.ends_with(r#"namespace="default" uri="/api/v1/namespaces/default" response="200""#),
        "{line}"
    );
}

#[test]
fn wrong_policies_stop_the_start() {
    let home = tempdir().expect("a folder");
    let file = home.path().join("p.yaml");
    let shown = file.to_string_lossy().into_owned();
    let started = |text: &str| {
        fs::write(&file, text).expect("a file");
        let ended = run(
            home.path(),
            &[
                "serve",
                "--in-memory",
                "--secure-port",
                "0",
                "--registry-port",
                "0",
                "--audit-log-path",
                "-",
                "--audit-policy-file",
                &shown,
            ],
        );
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended.err
    };
    let rows = [
        ("apiVersion: v1\nkind: Policy\n", "unknown group version field v1, Kind=Policy in policy"),
        ("apiVersion: audit.k8s.io/v1\nkind: Policy\n", "loaded illegal policy with 0 rules"),
        (
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Some}]\n",
            "rules[0].level: Unsupported value: \"Some\": supported values: \"None\", \"Metadata\", \"Request\", \"RequestResponse\"",
        ),
    ];
    for (text, why) in rows {
        let said = format!("pocketshift: --audit-policy-file: {why}: from file {shown}\n");
        assert_eq!(started(text), said);
    }
}
