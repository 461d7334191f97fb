//! The console: its files and their policy, what its desk refuses, and every view in a headless
//! Chromium, driven by playwright and looked at by axe.

use crate::support::{
    Lab,
    clients::blocking,
    lab::{get, send},
    tools::{self, output},
};
use serde_json::json;
use std::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_come_with_a_policy_and_the_desk_asks_who_it_is() {
    let lab = Lab::start().await;
    let anybody = lab.anonymous().await;
    let page = get(&anybody, "/console").await;
    assert_eq!((page.code, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(page.text().contains("/console/main.js"));
    let script = get(&anybody, "/console/main.js").await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert!(!script.header("etag").is_empty());
    for missing in ["/console/nothing.js", "/console/../main.js", "/console/desk"] {
        assert_eq!(get(&anybody, missing).await.code, 404, "{missing}");
    }
    assert_eq!(send(&anybody, "POST", "/console", "", None).await.code, 404);

    let account = lab.namespace("somebody").await;
    let token = format!("/api/v1/namespaces/{account}/serviceaccounts/default/token");
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"});
    let token = send(&lab.client, "POST", &token, "", Some(&asked)).await.expect(201);
    let somebody = lab.with_token(token["status"]["token"].as_str().unwrap_or_default()).await;
    for path in ["time", "registries", "registries/quay.io/outage"] {
        let path = format!("/console/desk/{path}");
        assert_eq!(get(&anybody, &path).await.code, 401, "{path}");
        assert_eq!(get(&somebody, &path).await.code, 403, "{path}");
    }
    let hosts = get(&lab.client, "/console/desk/registries").await.expect(200);
    let quay =
        hosts["items"].as_array().and_then(|all| all.iter().find(|r| r["host"] == "quay.io"));
    let quay = quay.expect("quay.io");
    assert_eq!(quay["down"], false);
    let tags = "/console/desk/registries/quay.io/tags?repository=keycloak/keycloak";
    let tags = get(&lab.client, tags).await.expect(200);
    assert!(tags["tags"]["20.0.2"].as_str().is_some_and(|d| d.starts_with("sha256:")), "{tags}");
    let none = "/console/desk/registries/quay.io/tags?repository=nobody/nothing";
    assert_eq!(get(&lab.client, none).await.code, 404);

    let public = "/api/v1/namespaces/openshift-config-managed/configmaps/console-public";
    let public = get(&somebody, public).await.expect(200);
    assert_eq!(public["data"]["consoleURL"], format!("{}/console", lab.cluster.url()));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_in_a_browser() {
    let lab = Lab::start().await;
    let (url, password) =
        (lab.cluster.url().to_owned(), lab.cluster.kubeadmin_password().to_owned());
    let said = blocking(move || {
        tools::debian(&["chromium"]);
        let walk = tools::console().join("walk.mjs");
        output(Command::new("node").arg(walk).args([url, password]))
    });
    assert_eq!(said.await.trim(), "ok");
    lab.stop().await;
}
