//! Releases of before, as a client meets them.

use crate::support::{
    Lab, Reply,
    lab::{get, saying, send},
};
use pocketshift::object::ObjectExt;
use serde_json::Value;
use std::collections::BTreeMap;

async fn of(release: &str) -> Lab {
    Lab::of(saying([&format!("--openshift-version={release}")])).await
}

/// Versions by group.
async fn groups(lab: &Lab) -> BTreeMap<String, Vec<String>> {
    let list = get(&lab.client, "/apis").await.expect(200);
    let of = |g: &Value| {
        let versions = g.list_at("versions").iter().map(|v| v.str_at("version").to_owned());
        (g.str_at("name").to_owned(), versions.collect())
    };
    list.list_at("groups").iter().map(of).collect()
}

async fn plurals(lab: &Lab, group_version: &str) -> Vec<String> {
    let list = get(&lab.client, &format!("/apis/{group_version}")).await.expect(200);
    list.list_at("resources").iter().map(|r| r.str_at("name").to_owned()).collect()
}

fn warned(reply: &Reply) -> bool {
    reply.headers.contains_key("warning")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_release_serves_what_it_had() {
    let lab = of("4.14").await;
    let version = get(&lab.client, "/version").await.expect(200);
    assert_eq!((version.str_at("minor"), version.str_at("gitVersion")), ("27", "v1.27.6"));
    let found = groups(&lab).await;
    assert_eq!(found["flowcontrol.apiserver.k8s.io"], ["v1beta3"]);
    assert!(!found.contains_key("resource.k8s.io"));
    let admission = plurals(&lab, "admissionregistration.k8s.io/v1").await;
    assert!(!admission.iter().any(|p| p.contains("policies")), "{admission:?}");
    let gone = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
    assert_eq!(get(&lab.client, gone).await.code, 404);
    let older = get(&lab.client, &gone.replace("/v1/", "/v1beta3/")).await;
    assert!(!warned(&older));
    let older = older.expect(200);
    assert_eq!(older["apiVersion"], "flowcontrol.apiserver.k8s.io/v1beta3");
    assert_eq!(older["items"][0]["metadata"]["name"], "catch-all");
    assert!(!warned(&get(&lab.client, "/api/v1/namespaces/default/endpoints").await));
    let configs = "/apis/apps.openshift.io/v1/namespaces/default/deploymentconfigs";
    assert!(warned(&get(&lab.client, configs).await));
    let cluster = "/apis/config.openshift.io/v1/clusterversions/version";
    let cluster = get(&lab.client, cluster).await.expect(200);
    assert_eq!(cluster.str_at("status.desired.version"), "4.14.0");
    assert_eq!(cluster.str_at("spec.channel"), "stable-4.14");
    let nodes = get(&lab.client, "/api/v1/nodes").await.expect(200);
    assert_eq!(nodes["items"][0].str_at("status.nodeInfo.kubeletVersion"), "v1.27.6");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_come_and_go() {
    let lab = of("4.17").await;
    let found = groups(&lab).await;
    assert_eq!(found["flowcontrol.apiserver.k8s.io"], ["v1", "v1beta3"]);
    let older = get(&lab.client, "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas").await;
    let text = "299 - \"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema is deprecated in v1.29+, unavailable in v1.32+\"";
    assert_eq!(older.header("warning"), text);
    let admission = plurals(&lab, "admissionregistration.k8s.io/v1").await;
    assert!(admission.iter().any(|p| p == "validatingadmissionpolicies"));
    assert!(!admission.iter().any(|p| p == "mutatingadmissionpolicies"));
    lab.stop().await;

    let newest = Lab::start().await;
    let found = groups(&newest).await;
    assert_eq!(found["flowcontrol.apiserver.k8s.io"], ["v1"]);
    assert_eq!(found["resource.k8s.io"], ["v1"]);
    assert!(warned(&get(&newest.client, "/api/v1/namespaces/default/endpoints").await));
    newest.stop().await;
}

/// Who starts builds by webhooks had to sign in since 4.16.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_of_old_releases_are_open_to_everybody() {
    let hook = "/apis/build.openshift.io/v1/namespaces/default/buildconfigs/x/webhooks/s/generic";
    for (release, code) in [("4.15", 401), ("4.16", 403), ("4.23", 403)] {
        let lab = of(release).await;
        let reply = send(&lab.anonymous().await, "POST", hook, "", None).await;
        assert_eq!(reply.code, code, "{release}: {}", reply.text());
        lab.stop().await;
    }
}
