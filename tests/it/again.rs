//! The same seed and the same inputs give the same names, uids and addresses, whatever else runs.

use crate::support::{
    Lab, eventually,
    lab::{builder, get, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a cluster of a seed makes of some inputs: resource, name, uid and address of each object.
async fn made(seed: u64) -> BTreeSet<(String, String, String, String)> {
    let lab = Lab::of(builder().seed(seed)).await;
    lab.namespace("shop").await;
    let labels = json!({"app": "web"});
    let container = json!({"name": "c", "image": "busybox", "command": ["sleep", "1d"]});
    let web = json!({"metadata": {"name": "web"}, "spec": {"replicas": 3,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}});
    let service = json!({"metadata": {"name": "web"},
        "spec": {"type": "NodePort", "selector": labels, "ports": [{"port": 80}]}});
    let map = json!({"metadata": {"generateName": "map-"}});
    let core = "/api/v1/namespaces/shop";
    let apps = "/apis/apps/v1/namespaces/shop";
    for (path, object) in [
        (format!("{apps}/deployments"), web),
        (format!("{core}/services"), service),
        (format!("{core}/configmaps"), map.clone()),
        (format!("{core}/configmaps"), map),
    ] {
        send(&lab.client, "POST", &path, "", Some(&object)).await.expect(201);
    }
    eventually("the deployment is whole", || async {
        let web = get(&lab.client, &format!("{apps}/deployments/web")).await.json();
        if web.i64_at("status.readyReplicas") == Some(3) { Ok(()) } else { Err(web.to_string()) }
    })
    .await;
    let mut all = BTreeSet::new();
    for path in [
        format!("{apps}/deployments"),
        format!("{apps}/replicasets"),
        format!("{core}/pods"),
        format!("{core}/services"),
        format!("{core}/configmaps"),
        format!("{core}/serviceaccounts"),
    ] {
        let list = get(&lab.client, &path).await.expect(200);
        let of = |o: &Value| {
            let port = o.at("spec.ports").map_or(String::new(), ToString::to_string);
            let address = format!("{}{port}", o.str_at("spec.clusterIP"));
            (path.clone(), o.name().to_owned(), o.uid().to_owned(), address)
        };
        all.extend(list.list_at("items").iter().map(of));
    }
    lab.stop().await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_makes_the_same_again() {
    let first = made(7).await;
    assert!(first.len() >= 11, "{first:#?}");
    assert_eq!(first, made(7).await);
    let uids = |all: &BTreeSet<(String, String, String, String)>| -> BTreeSet<String> {
        all.iter().map(|(.., uid, _)| uid.clone()).collect()
    };
    assert!(uids(&first).is_disjoint(&uids(&made(8).await)));
}
