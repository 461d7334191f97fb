//! Cases of the reference that are of no other file here. Numbers are the reference's.

use crate::support::{
    Lab, Wire, eventually,
    lab::{get, request, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const NS: &str = "cases";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

fn path(group: &str, plural: &str) -> String {
    match group {
        "" => format!("/api/v1/namespaces/{NS}/{plural}"),
        group => format!("/apis/{group}/namespaces/{NS}/{plural}"),
    }
}

async fn bind(lab: &Lab, user: &str, role: &str) {
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": format!("{user}-{role}")}, "subjects": [{"kind": "User", "name": user,
            "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": role,
            "apiGroup": "rbac.authorization.k8s.io"}});
    let at = path("rbac.authorization.k8s.io/v1", "rolebindings");
    send(&lab.client, "POST", &at, "", Some(&binding)).await.expect(201);
}

fn route(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": {"name": name},
        "spec": spec})
}

/// 127, 129 and 130.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_that_are_refused() {
    let lab = Lab::start().await;
    lab.namespace(NS).await;
    let at = path("route.openshift.io/v1", "routes");
    let to = json!({"kind": "Service", "name": "s"});
    let four = ["a", "b", "c", "d"].map(|name| json!({"kind": "Service", "name": name}));
    let rows = [
        (
            json!({"to": to, "path": "/a", "tls": {"termination": "passthrough"}}),
            "spec.path: Invalid value: \"/a\": passthrough termination does not support paths",
        ),
        (
            json!({"to": to, "alternateBackends": four}),
            "cannot specify more than 3 alternate backends",
        ),
        (json!({"to": to, "path": "a"}), "path must begin with /"),
        (
            json!({"to": {"kind": "Service", "name": "s", "weight": 300}}),
            "weight must be an integer between 0 and 256",
        ),
    ];
    for (spec, why) in rows {
        let refused = send(&lab.client, "POST", &at, "", Some(&route("r", spec))).await.expect(422);
        let said = refused.str_at("message");
        assert!(said.contains(why), "{said}");
    }
    // Who may make routes, and not name their hosts.
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "plain-routes"}, "rules": [{"apiGroups": ["route.openshift.io"],
            "resources": ["routes"], "verbs": ["create"]}]});
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    send(&lab.client, "POST", roles, "", Some(&role)).await.expect(201);
    bind(&lab, "bob", "plain-routes").await;
    let bob = lab.acting_as("bob").await;
    let named = route("r", json!({"to": to, "host": "mine.example.com"}));
    let refused = send(&bob, "POST", &at, "", Some(&named)).await.expect(422);
    let why = "spec.host: Forbidden: you do not have permission to set the host field of the route";
    assert!(refused.str_at("message").contains(why), "{refused}");
    send(&bob, "POST", &at, "", Some(&route("r", json!({"to": to})))).await.expect(201);
    lab.stop().await;
}

fn config(replicas: u32) -> Value {
    json!({"apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig",
        "metadata": {"name": "x"}, "spec": {"replicas": replicas, "selector": {"app": "x"},
        "strategy": {"rollingParams": {"timeoutSeconds": 2}},
        "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [
            {"name": "c", "image": "registry.access.redhat.com/ubi9/nginx-120",
                "resources": {"requests": {"cpu": "100m"}}}]}}}})
}

/// 35: the deployer counts, and what is left over is too little.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_that_its_quota_stops_fails() {
    let lab = Lab::start().await;
    lab.namespace(NS).await;
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"pods": "2"}}});
    send(&lab.client, "POST", &path("", "resourcequotas"), "", Some(&quota)).await.expect(201);
    eventually("the quota is counted", || async {
        let found = get(&lab.client, &path("", "resourcequotas/q")).await.json();
        let counted = found.at("status.used.pods").is_some();
        if counted { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    let at = path("apps.openshift.io/v1", "deploymentconfigs");
    send(&lab.client, "POST", &at, "", Some(&config(2))).await.expect(201);
    eventually("the rollout fails", || async {
        let found = get(&lab.client, &path("", "replicationcontrollers/x-1")).await.json();
        let failed = found.annotation("openshift.io/deployment.phase") == Some("Failed");
        if failed { Ok(()) } else { Err(found["metadata"].to_string()) }
    })
    .await;
    let events = get(&lab.client, &path("", "events")).await.json();
    let refused = events.list_at("items").iter().any(|e| {
        e["reason"] == "FailedCreate" && e.str_at("message").contains("exceeded quota: q")
    });
    assert!(refused, "{events}");
    lab.stop().await;
}

/// 37 and 113: its cells, and an autoscaler that sizes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_autoscaler_sizes_a_config() {
    let lab = Lab::start().await;
    lab.namespace(NS).await;
    let at = path("apps.openshift.io/v1", "deploymentconfigs");
    send(&lab.client, "POST", &at, "", Some(&config(5))).await.expect(201);
    eventually("the rollout is complete", || async {
        let table = send(&lab.client, "GET", &at, TABLE, None).await.json();
        let cells = table["rows"][0]["cells"].as_array().cloned().unwrap_or_default();
        let done = cells
            .get(..5)
            .is_some_and(|c| c == [json!("x"), json!(1), json!("5"), json!(5), json!("config")]);
        if done { Ok(()) } else { Err(format!("{cells:?}")) }
    })
    .await;
    let autoscaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x"}, "spec": {"maxReplicas": 3, "scaleTargetRef": {
            "apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig", "name": "x"}}});
    let autoscalers = path("autoscaling/v2", "horizontalpodautoscalers");
    send(&lab.client, "POST", &autoscalers, "", Some(&autoscaler)).await.expect(201);
    // It looks for the first time after a quarter of a minute.
    let admin = Wire::to(&lab).as_admin(&lab);
    admin.send("POST", "/time?by=20s", &[], Vec::new()).await.expect(200);
    eventually("the config has its new size", || async {
        let found = get(&lab.client, &format!("{at}/x")).await.json();
        let sized = found.i64_at("spec.replicas") == Some(3);
        if sized { Ok(()) } else { Err(found["spec"]["replicas"].to_string()) }
    })
    .await;
    lab.stop().await;
}

/// 135 and 136.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_name_who_may() {
    let lab = Lab::start().await;
    lab.namespace(NS).await;
    bind(&lab, "zoe", "view").await;
    bind(&lab, "adam", "view").await;
    let review = json!({"apiVersion": "authorization.openshift.io/v1",
        "kind": "LocalResourceAccessReview", "verb": "get", "resource": "pods"});
    let at = path("authorization.openshift.io/v1", "localresourceaccessreviews");
    let answer = send(&lab.client, "POST", &at, "", Some(&review)).await.expect(201);
    assert_eq!(answer["namespace"], NS);
    let users: Vec<&str> = answer.list_at("users").iter().filter_map(Value::as_str).collect();
    let mut sorted = users.clone();
    sorted.sort_unstable();
    assert_eq!(users, sorted);
    assert!(users.contains(&"adam") && users.contains(&"zoe"), "{users:?}");
    assert!(answer.list_at("groups").iter().any(|g| g == "system:masters"), "{answer}");

    let template = json!({"metadata": {}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let review = json!({"apiVersion": "security.openshift.io/v1", "kind": "PodSecurityPolicyReview",
        "spec": {"template": template, "serviceAccountNames": ["default"]}});
    let at = path("security.openshift.io/v1", "podsecuritypolicyreviews");
    let answer = send(&lab.client, "POST", &at, "", Some(&review)).await.expect(201);
    assert_eq!(answer["kind"], "PodSecurityPolicyReview");
    // What everybody who has signed in may use is not what a service account by itself may.
    assert_eq!(answer["status"]["allowedServiceAccounts"], Value::Null);
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "anyuid"}, "subjects": [{"kind": "ServiceAccount", "name": "default",
            "namespace": NS}],
        "roleRef": {"kind": "ClusterRole", "name": "system:openshift:scc:anyuid",
            "apiGroup": "rbac.authorization.k8s.io"}});
    let bindings = path("rbac.authorization.k8s.io/v1", "rolebindings");
    send(&lab.client, "POST", &bindings, "", Some(&binding)).await.expect(201);
    let answer = send(&lab.client, "POST", &at, "", Some(&review)).await.expect(201);
    let allowed = &answer["status"]["allowedServiceAccounts"][0];
    assert_eq!(allowed["name"], "default", "{answer}");
    assert_eq!(allowed["allowedBy"]["name"], "anyuid", "{answer}");
    lab.stop().await;
}

/// What curl, wget and browsers are sent is indented, and so is what asks for it; else an answer is a
/// whole line. Of every form that an answer has: an object, an error, a list, discovery, a review.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_sent_json_that_they_can_read() {
    let lab = Lab::start().await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let paths = ["/api/v1/namespaces/default", "/api/v1/namespaces/no-such", "/api/v1", "/apis"];
    let lines = async |agent: &str, path: &str| {
        let headers = [("accept", "application/json"), ("user-agent", agent)];
        let text = request(&lab.client, "GET", path, &headers, Vec::new()).await.text();
        let lines = text.lines().count();
        assert!(lines > 1 || text.ends_with('\n'), "{path}: {text}");
        lines
    };
    for path in paths.into_iter().chain(["/version", deployments]) {
        for agent in ["curl/8", "Wget/1", "Mozilla/5.0"] {
            assert!(lines(agent, path).await > 5, "{agent} {path}");
        }
        assert!(lines("my-client", &format!("{path}?pretty=true")).await > 5, "{path}");
        if path != "/version" {
            assert_eq!(lines("curl/8", &format!("{path}?pretty=false")).await, 1, "{path}");
            assert_eq!(lines("my-client", path).await, 1, "{path}");
        }
    }
    let review = r#"{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1",
        "spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}"#;
    let at = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let headers = [("content-type", "application/json"), ("user-agent", "curl/8")];
    let answer = request(&lab.client, "POST", at, &headers, review.into()).await.text();
    assert!(answer.contains("\n    \"allowed\": true"), "{answer}");
    lab.stop().await;
}
