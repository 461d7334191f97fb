//! What happened, as the administrator is told it: by whom, because of what, and what was refused.

use crate::support::{
    Child, Lab, Wire,
    child::run,
    eventually,
    lab::{get, send},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use tempfile::tempdir;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

fn web(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image, "command": ["sleep", "1d"]}]}}}})
}

async fn ready(lab: &Lab) {
    eventually("the deployment is whole", || async {
        let web = get(&lab.client, &format!("{DEPLOYMENTS}/web")).await.json();
        let done = web.i64_at("status.observedGeneration") == web.i64_at("metadata.generation")
            && web.i64_at("status.readyReplicas") == Some(1)
            && web.i64_at("status.replicas") == Some(1);
        if done { Ok(()) } else { Err(web.to_string()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_leads_back_to_whoever_asked_for_it() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    lab.namespace("shop").await;
    send(&lab.client, "POST", DEPLOYMENTS, "", Some(&web("busybox"))).await.expect(201);
    ready(&lab).await;
    let pods = get(&lab.client, "/api/v1/namespaces/shop/pods").await.expect(200);
    let pod = pods["items"][0].name().to_owned();
    let path = format!("/why?resource=po&namespace=shop&name={pod}&limit=100");
    let why = admin.get(&path).await.expect(200);
    let created = why["changes"].as_array().and_then(|all| all.last()).expect("a change");
    let links: Vec<(&str, &str, &str)> = created
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| (c.str_at("resource"), c.str_at("what"), c.str_at("user")))
        .collect();
    let controller = |name| format!("system:serviceaccount:kube-system:{name}");
    assert_eq!(links[0], ("pods", "created", &*controller("replicaset-controller")), "{created:#}");
    assert_eq!(links[1].0, "replicasets.apps", "{created:#}");
    assert_eq!(links.last().expect("a root"), &("deployments.apps", "created", "system:admin"));

    let before = get(&lab.client, &format!("{DEPLOYMENTS}/web")).await.json();
    let rev = before.str_at("metadata.resourceVersion").to_owned();
    let patch = json!({"spec": {"template": {"spec": {"containers":
        [{"name": "c", "image": "busybox:latest", "command": ["sleep", "1d"]}]}}}});
    send(&lab.client, "PATCH", &format!("{DEPLOYMENTS}/web"), "", Some(&patch)).await.expect(200);
    ready(&lab).await;
    let trail = admin.get(&format!("/trail?since={rev}")).await.expect(200);
    let items = trail.list_at("items");
    let own = items.iter().find(|i| i["resource"] == "deployments.apps" && i["verb"] == "patch");
    let own = own.unwrap_or_else(|| panic!("{trail:#}"));
    assert_eq!(own.str_at("user"), "system:admin");
    let field = json!({"field": "spec.template.spec.containers[c].image", "before": "busybox",
        "after": "busybox:latest"});
    assert!(own.list_at("fields").contains(&field), "{own:#}");
    let noise =
        |i: &&Value| i["resource"] == "events" || i.str_at("resource").contains(".internal");
    assert_eq!(items.iter().find(noise), None);
    let all = admin.get(&format!("/trail?all&since={rev}")).await.expect(200);
    assert!(all.list_at("items").iter().any(|i| i["resource"] == "events"));

    // A secret's values are nobody's who reads of its changes.
    let secrets = "/api/v1/namespaces/shop/secrets";
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}});
    send(&lab.client, "POST", secrets, "", Some(&secret)).await.expect(201);
    let secret = json!({"stringData": {"password": "hunter3"}});
    send(&lab.client, "PATCH", &format!("{secrets}/s"), "", Some(&secret)).await.expect(200);
    let why = admin.get("/why?resource=secret&namespace=shop&name=s").await.expect(200);
    assert_eq!(why["changes"][0][0]["fields"][0], json!({"field": "data.password"}), "{why:#}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_told_and_wrong_questions_are() {
    let lab = Lab::start().await;
    let admin = Wire::to(&lab).as_admin(&lab);
    let rev = admin.get("/trail").await.expect(200)["revision"].clone();
    let bad = json!({"metadata": {"name": "Not A Name"}});
    let maps = "/api/v1/namespaces/default/configmaps";
    send(&lab.client, "POST", maps, "", Some(&bad)).await.expect(422);
    let trail = admin.get(&format!("/trail?since={rev}")).await.expect(200);
    let refused = trail.list_at("items").iter().find(|i| i["what"] == "refused");
    let refused = refused.unwrap_or_else(|| panic!("{trail:#}"));
    assert_eq!((refused["code"].as_i64(), refused.str_at("resource")), (Some(422), "configmaps"));
    assert!(refused.str_at("why").contains("is invalid: metadata.name"), "{refused}");

    let rows = [
        ("/trail?since=yesterday", "since=\"yesterday\": must be a revision or a moment"),
        ("/why?resource=foo&name=x", "the server doesn't have a resource type \"foo\""),
        ("/why?resource=cm&name=x&limit=few", "limit=\"few\": must be a number"),
        (
            "/why?resource=cm&name=none&namespace=default",
            "configmaps \"none\": nothing is known of it any more",
        ),
    ];
    for (path, message) in rows {
        let reply = admin.get(path).await.expect(400);
        assert_eq!(reply["errors"][0]["message"], message, "{path}");
    }
    for path in ["/trail", "/why?resource=cm&name=x"] {
        Wire::to(&lab).get(path).await.expect(401);
        admin.send("POST", path, &[], Vec::new()).await.expect(405);
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_tell_it_to_people() {
    let home = tempdir().expect("a folder");
    let child = Child::start(home.path(), &[]);
    let folder = home.path().to_string_lossy();
    let client = child.client(home.path()).await;
    let maps = "/api/v1/namespaces/default/configmaps";
    let map = json!({"metadata": {"name": "m"}, "data": {"k": "old"}});
    send(&client, "POST", maps, "", Some(&map)).await.expect(201);
    let map = json!({"data": {"k": "new"}});
    send(&client, "PATCH", &format!("{maps}/m"), "", Some(&map)).await.expect(200);
    let said = |arguments: &[&str]| {
        let ended = run(home.path(), &[arguments, &["--data-dir", &folder]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out
    };
    for words in [["why", "cm/m"].as_slice(), &["why", "configmap", "m", "-n", "default"]] {
        let why = said(words);
        let lines: Vec<&str> = why.lines().collect();
        assert!(lines[0].contains(": configmaps default/m changed by system:admin with "), "{why}");
        assert_eq!(lines[1], "    data.k: old -> new");
        assert!(lines[2].contains("configmaps default/m created by system:admin"), "{why}");
    }
    assert!(said(&["trail"]).contains("configmaps default/m changed by system:admin"));
    let document: Value = serde_json::from_str(&said(&["trail", "--json"])).expect("JSON");
    assert!(document["revision"].is_u64());
    let ended = run(home.path(), &["why", "cm", "--data-dir", &folder]);
    assert_eq!((ended.code, &*ended.err), (Some(1), "pocketshift: \"cm\": say RESOURCE/NAME\n"));
    child.terminate();
    child.wait();
}
