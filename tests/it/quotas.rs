//! Quotas over several projects, through the wire. Numbers are those of the cases of the reference.

use crate::support::{
    Lab, eventually,
    lab::{get, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const QUOTAS: &str = "/apis/quota.openshift.io/v1/clusterresourcequotas";

fn quota(selector: Value) -> Value {
    json!({"apiVersion": "quota.openshift.io/v1", "kind": "ClusterResourceQuota",
        "metadata": {"name": "team"},
        "spec": {"selector": selector, "quota": {"hard": {"pods": "3"}}}})
}

async fn project(lab: &Lab, name: &str) {
    lab.namespace(name).await;
    let label = json!({"metadata": {"labels": {"team": "x"}}});
    send(&lab.client, "PATCH", &format!("/api/v1/namespaces/{name}"), "", Some(&label)).await;
}

async fn pod(lab: &Lab, project: &str, name: &str) -> (u16, String) {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "containers": [{"name": "c", "image": "registry.access.redhat.com/ubi9/httpd-24"}]}});
    let path = format!("/api/v1/namespaces/{project}/pods");
    let reply = send(&lab.client, "POST", &path, "", Some(&pod)).await;
    (reply.code, reply.json().str_at("message").to_owned())
}

/// The quota's status, once the whole is this much.
async fn used(lab: &Lab, pods: &str) -> Value {
    eventually("the quota is counted", || async {
        let found = get(&lab.client, &format!("{QUOTAS}/team")).await.json();
        let same = found.str_at("status.total.used.pods") == pods;
        if same { Ok(found["status"].clone()) } else { Err(found["status"].to_string()) }
    })
    .await
}

/// 99, 100 and 102.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_share_a_quota() {
    let lab = Lab::start().await;
    project(&lab, "one").await;
    project(&lab, "two").await;
    lab.namespace("other").await;
    let made = quota(json!({"labels": {"matchLabels": {"team": "x"}}}));
    send(&lab.client, "POST", QUOTAS, "", Some(&made)).await.expect(201);
    used(&lab, "0").await;
    for (project, name) in [("one", "a"), ("two", "b"), ("two", "c")] {
        assert_eq!(pod(&lab, project, name).await.0, 201);
    }
    let full = "pods \"d\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3";
    for project in ["one", "two"] {
        assert_eq!(pod(&lab, project, "d").await, (403, full.to_owned()));
    }
    assert_eq!(pod(&lab, "other", "d").await.0, 201);
    let status = used(&lab, "3").await;
    let part = |name: &str, used: &str| {
        json!({"namespace": name,
            "status": {"hard": {"pods": "3"}, "used": {"pods": used}}})
    };
    assert_eq!(status["namespaces"], json!([part("one", "1"), part("two", "2")]));

    let label = json!({"metadata": {"labels": {"team": null}}});
    send(&lab.client, "PATCH", "/api/v1/namespaces/two", "", Some(&label)).await.expect(200);
    let status = used(&lab, "1").await;
    assert_eq!(status["namespaces"], json!([part("one", "1")]));
    assert_eq!(pod(&lab, "two", "d").await.0, 201);
    lab.stop().await;
}

/// 101 and 103.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_see_the_quotas_of_their_project() {
    let lab = Lab::start().await;
    let refused = send(&lab.client, "POST", QUOTAS, "", Some(&quota(json!({})))).await.expect(422);
    let why = refused.str_at("message");
    let selector = "spec.selector: Required value: must restrict the selected projects";
    assert!(why.contains(selector), "{why}");

    let alice = lab.acting_as("alice").await;
    lab.namespace("hers").await;
    let requester = json!({"metadata": {"annotations": {"openshift.io/requester": "alice"}}});
    let path = "/api/v1/namespaces/hers";
    send(&lab.client, "PATCH", path, "", Some(&requester)).await.expect(200);
    let admin = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "admin"}, "subjects": [{"kind": "User", "name": "alice",
            "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": "admin",
            "apiGroup": "rbac.authorization.k8s.io"}});
    let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/hers/rolebindings";
    send(&lab.client, "POST", path, "", Some(&admin)).await.expect(201);
    let made = quota(json!({"annotations": {"openshift.io/requester": "alice"}}));
    send(&lab.client, "POST", QUOTAS, "", Some(&made)).await.expect(201);
    used(&lab, "0").await;

    let applied = "/apis/quota.openshift.io/v1/namespaces/hers/appliedclusterresourcequotas";
    let list = get(&alice, applied).await.expect(200);
    assert_eq!(list["kind"], "AppliedClusterResourceQuotaList");
    let one = get(&alice, &format!("{applied}/team")).await.expect(200);
    assert_eq!(one["kind"], "AppliedClusterResourceQuota");
    assert_eq!(one["status"], list["items"][0]["status"]);
    assert_eq!(one["status"]["namespaces"][0]["namespace"], "hers");
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let table = send(&alice, "GET", applied, table, None).await.expect(200);
    let cells = &table["rows"][0]["cells"];
    assert_eq!(*cells, json!(["team", "<none>", "openshift.io/requester=alice"]));
    let missing = get(&alice, &format!("{applied}/none")).await.expect(404);
    let name = "appliedclusterresourcequota.quota.openshift.io \"none\" not found";
    assert_eq!(missing["message"], name);
    assert_eq!(get(&lab.client, &format!("{applied}?watch=true")).await.code, 405);
    assert_eq!(get(&alice, QUOTAS).await.code, 403);
    lab.stop().await;
}
