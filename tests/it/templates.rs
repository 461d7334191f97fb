//! Templates through the wire. Numbers are those of the cases of the reference.

use crate::support::{
    Lab, eventually,
    lab::{get, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const NS: &str = "tpl";

async fn processed(lab: &Lab, template: &Value) -> Value {
    let path = format!("/apis/template.openshift.io/v1/namespaces/{NS}/processedtemplates");
    send(&lab.client, "POST", &path, "", Some(template)).await.expect(201)
}

/// 49: and what the cluster's own templates make rolls out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_is_processed_and_runs() {
    let lab = Lab::start().await;
    lab.namespace(NS).await;
    let path = "/apis/template.openshift.io/v1/namespaces/openshift/templates/mysql-persistent";
    let mut template = get(&lab.client, path).await.expect(200);
    template["metadata"] = json!({"name": "mysql-persistent"});
    let (one, other) = (processed(&lab, &template).await, processed(&lab, &template).await);
    let secret = |t: &Value| t["objects"][0]["stringData"]["database-password"].clone();
    assert_eq!(secret(&one).as_str().map(str::len), Some(16));
    assert_ne!(secret(&one), secret(&other));
    let stored = format!("/apis/template.openshift.io/v1/namespaces/{NS}/templates");
    assert!(get(&lab.client, &stored).await.expect(200).list_at("items").is_empty());

    for object in one.list_at("objects") {
        let plural = match object.str_at("kind") {
            "DeploymentConfig" => "deploymentconfigs",
            "PersistentVolumeClaim" => "persistentvolumeclaims",
            "Secret" => "secrets",
            _ => "services",
        };
        let base = match object.str_at("apiVersion") {
            "v1" => "/api/v1".to_owned(),
            grouped => format!("/apis/{grouped}"),
        };
        let path = format!("{base}/namespaces/{NS}/{plural}");
        send(&lab.client, "POST", &path, "", Some(object)).await.expect(201);
    }
    let path = format!("/apis/apps.openshift.io/v1/namespaces/{NS}/deploymentconfigs/mysql");
    eventually("the database is available", || async {
        let config = get(&lab.client, &path).await.json();
        let there = config.i64_at("status.availableReplicas") == Some(1);
        if there { Ok(()) } else { Err(config["status"].to_string()) }
    })
    .await;
    lab.stop().await;
}

/// 55 and 56: the template of new projects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_are_made_after_their_template() {
    let lab = Lab::start().await;
    let config = "/apis/config.openshift.io/v1/projects/cluster";
    let named = |name: &str| json!({"spec": {"projectRequestTemplate": {"name": name}}});
    let templates = "/apis/template.openshift.io/v1/namespaces/openshift-config/templates";
    let parameters = json!([{"name": "PROJECT_NAME"}, {"name": "PROJECT_ADMIN_USER"}]);
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"pods": "5"}}});
    let project = json!({"apiVersion": "project.openshift.io/v1", "kind": "Project",
        "metadata": {"name": "${PROJECT_NAME}", "labels": {"from": "template"}}});
    let template = |name: &str, objects: Value| {
        json!({"apiVersion": "template.openshift.io/v1", "kind": "Template",
            "metadata": {"name": name}, "parameters": parameters, "objects": objects})
    };
    let admin = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "admin", "namespace": "${PROJECT_NAME}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User",
            "name": "${PROJECT_ADMIN_USER}"}]});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    for t in [
        template("good", json!([project, admin, quota])),
        template("none", json!([quota])),
        template("wide", json!([project, node])),
    ] {
        send(&lab.client, "POST", templates, "", Some(&t)).await.expect(201);
    }
    let ask = |name: &str| {
        json!({"apiVersion": "project.openshift.io/v1", "kind": "ProjectRequest",
            "metadata": {"name": name}})
    };
    let requests = "/apis/project.openshift.io/v1/projectrequests";
    send(&lab.client, "PATCH", config, "", Some(&named("good"))).await.expect(200);
    let made = send(&lab.client, "POST", requests, "", Some(&ask("one"))).await.expect(201);
    assert_eq!(made.label("from"), Some("template"));
    let quotas = get(&lab.client, "/api/v1/namespaces/one/resourcequotas").await.expect(200);
    assert_eq!(quotas["items"][0]["spec"]["hard"]["pods"], "5");
    for (name, why) in [
        (
            "none",
            "Internal error occurred: the project template (openshift-config/none) is not correctly configured: must contain a project resource",
        ),
        (
            "wide",
            "Internal error occurred: /v1, Kind=Node specified in project template is not namespace scoped",
        ),
    ] {
        send(&lab.client, "PATCH", config, "", Some(&named(name))).await.expect(200);
        let refused = send(&lab.client, "POST", requests, "", Some(&ask(name))).await.expect(500);
        assert_eq!(refused.str_at("message"), why);
        let path = format!("/api/v1/namespaces/{name}");
        eventually("it is taken back", || async {
            let reply = get(&lab.client, &path).await;
            if reply.code == 404 { Ok(()) } else { Err(reply.text()) }
        })
        .await;
    }
    lab.stop().await;
}

const INSTANCES: &str = "/apis/template.openshift.io/v1/namespaces/tpl/templateinstances";

fn instance(name: &str, objects: &Value, secret: Value) -> Value {
    json!({"apiVersion": "template.openshift.io/v1", "kind": "TemplateInstance",
        "metadata": {"name": name}, "spec": {"secret": secret, "template": {
            "metadata": {"name": "t"}, "objects": objects,
            "parameters": [{"name": "WORD", "generate": "expression", "from": "[a-z]{9}"}]}}})
}

/// The instance once it has a condition.
async fn settled(lab: &Lab, name: &str, condition: &str) -> Value {
    eventually("the instance is settled", || async {
        let found = get(&lab.client, &format!("{INSTANCES}/{name}")).await.json();
        let said = found.condition(condition).is_some_and(|c| c["status"] == "True");
        if said { Ok(found) } else { Err(found["status"].to_string()) }
    })
    .await
}

/// 50, 51 and 53.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_are_made_and_taken_away() {
    let lab = Lab::start().await;
    lab.namespace(NS).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "values"},
        "stringData": {"WORD": "given"}});
    let core = |plural: &str| format!("/api/v1/namespaces/{NS}/{plural}");
    send(&lab.client, "POST", &core("secrets"), "", Some(&secret)).await.expect(201);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"},
        "data": {"word": "${WORD}"}});
    let good = instance("good", &json!([map]), json!({"name": "values"}));
    let made = send(&lab.client, "POST", INSTANCES, "", Some(&good)).await.expect(201);
    assert_eq!(made["spec"]["requester"]["username"], "system:admin");
    let good = settled(&lab, "good", "Ready").await;
    assert_eq!(good.condition("Ready").expect("a condition")["reason"], "Created");
    let found = get(&lab.client, &core("configmaps/made")).await.expect(200);
    assert_eq!(found["data"]["word"], "given");
    assert_eq!(found.label("template.openshift.io/template-instance-owner"), Some(good.uid()));
    assert_eq!(good["status"]["objects"][0]["ref"]["uid"], found.uid());

    // A caller who may make instances, and nothing of what they are made of.
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "makers"}, "rules": [{"apiGroups": ["template.openshift.io"],
            "resources": ["templateinstances", "templateconfigs"], "verbs": ["create", "get"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "makers"}, "subjects": [{"kind": "User", "name": "bob",
            "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "Role", "name": "makers", "apiGroup": "rbac.authorization.k8s.io"}});
    let rbac =
        |plural: &str| format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{NS}/{plural}");
    send(&lab.client, "POST", &rbac("roles"), "", Some(&role)).await.expect(201);
    send(&lab.client, "POST", &rbac("rolebindings"), "", Some(&binding)).await.expect(201);
    let bob = lab.acting_as("bob").await;
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}});
    let bad = instance("bad", &json!([other]), Value::Null);
    send(&bob, "POST", INSTANCES, "", Some(&bad)).await.expect(201);
    let bad = settled(&lab, "bad", "InstantiateFailure").await;
    let why = bad.condition("InstantiateFailure").expect("a condition").str_at("message");
    let expected = "unable to authorize user to create /v1, Resource=configmaps, Name=other: \
                    configmaps \"other\" is forbidden: ";
    assert!(why.starts_with(expected), "{why}");
    assert_eq!(get(&lab.client, &core("configmaps/other")).await.code, 404);
    let mut named = instance("named", &json!([]), Value::Null);
    named["spec"]["requester"] = json!({"username": "alice"});
    let refused = send(&bob, "POST", INSTANCES, "", Some(&named)).await.expect(422);
    let why = refused.str_at("message");
    assert!(why.ends_with("Forbidden: you do not have permission to set username"), "{why}");

    let path = format!("{INSTANCES}/good");
    send(&lab.client, "DELETE", &path, "", None).await;
    eventually("everything is gone", || async {
        let codes = [
            get(&lab.client, &path).await.code,
            get(&lab.client, &core("configmaps/made")).await.code,
        ];
        if codes == [404, 404] { Ok(()) } else { Err(format!("{codes:?}")) }
    })
    .await;
    lab.stop().await;
}
