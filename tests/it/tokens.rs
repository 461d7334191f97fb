//! Lasting tokens of service accounts: secrets that somebody makes by hand.

use crate::support::{
    Lab, Wire, eventually,
    lab::{get, send},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const SECRETS: &str = "/api/v1/namespaces/it/secrets";
const ACCOUNTS: &str = "/api/v1/namespaces/it/serviceaccounts";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const ACCOUNT: &str = "kubernetes.io/service-account.name";

async fn account(lab: &Lab, name: &str) -> Value {
    let body = json!({"metadata": {"name": name}});
    send(&lab.client, "POST", ACCOUNTS, "", Some(&body)).await.expect(201)
}

async fn secret(lab: &Lab, name: &str, account: &str) {
    let body = json!({"type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "annotations": {ACCOUNT: account}}});
    send(&lab.client, "POST", SECRETS, "", Some(&body)).await.expect(201);
}

/// Waits until a secret has its token; answers the secret and the token.
async fn filled(lab: &Lab, name: &str) -> (Value, String) {
    let secret = eventually("the token", || async {
        let secret = get(&lab.client, &format!("{SECRETS}/{name}")).await.expect(200);
        if secret["data"].get("token").is_some() { Ok(secret) } else { Err(secret.to_string()) }
    })
    .await;
    let token = STANDARD.decode(secret["data"].str_at("token")).expect("base64");
    (secret, String::from_utf8(token).expect("a token"))
}

/// Waits until a secret is gone.
async fn gone(lab: &Lab, name: &str) {
    eventually("the secret goes", || async {
        let reply = get(&lab.client, &format!("{SECRETS}/{name}")).await;
        if reply.code == 404 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
}

/// Who a token says one is; the code when it says nothing.
async fn who(lab: &Lab, token: &str) -> Result<String, u16> {
    let wire = Wire::api(lab).with(format!("Bearer {token}"));
    let headers = [("content-type", "application/json")];
    let reply = wire.send("POST", REVIEWS, &headers, b"{}".to_vec()).await;
    let name = reply.json()["status"]["userInfo"].str_at("username").to_owned();
    if reply.code == 201 { Ok(name) } else { Err(reply.code) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_gets_the_token_it_asks_for() {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    let robot = account(&lab, "robot").await;
    secret(&lab, "robot-token", "robot").await;
    let (whole, token) = filled(&lab, "robot-token").await;
    let ca = STANDARD.encode(&lab.server().settings.ca_pem);
    assert_eq!(
        (&whole["data"]["ca.crt"], &whole["data"]["service-ca.crt"]),
        (&json!(ca), &json!(ca))
    );
    assert_eq!(whole["data"]["namespace"], STANDARD.encode("it"));
    let uid = &whole["metadata"]["annotations"]["kubernetes.io/service-account.uid"];
    assert_eq!(*uid, robot["metadata"]["uid"]);
    let name = Ok("system:serviceaccount:it:robot".to_owned());
    assert_eq!(who(&lab, &token).await, name);
    let review = json!({"spec": {"token": token}});
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let said = send(&lab.client, "POST", path, "", Some(&review)).await.expect(201);
    assert_eq!(said["status"]["authenticated"], true, "{said}");
    let review = json!({"spec": {"token": token, "audiences": ["vault"]}});
    let said = send(&lab.client, "POST", path, "", Some(&review)).await.expect(201);
    assert_eq!(said["status"].get("authenticated"), None, "{said}");

    // Somebody takes the token out: there is a new one, and the old one is worth nothing.
    let without = json!([{"op": "replace", "path": "/data/token", "value": ""}]);
    let at = format!("{SECRETS}/robot-token");
    send(&lab.client, "PATCH", &at, "", Some(&without)).await.expect(200);
    let (_, second) = eventually("another token", || async {
        let (secret, next) = filled(&lab, "robot-token").await;
        if next.is_empty() { Err(secret.to_string()) } else { Ok((secret, next)) }
    })
    .await;
    assert_eq!(who(&lab, &second).await, name);
    send(&lab.client, "DELETE", &at, "", None).await.expect(200);
    assert_eq!(who(&lab, &second).await, Err(401));
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_go_with_their_accounts() {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    secret(&lab, "of-nobody", "nobody").await;
    gone(&lab, "of-nobody").await;
    account(&lab, "robot").await;
    secret(&lab, "one", "robot").await;
    let (_, token) = filled(&lab, "one").await;
    send(&lab.client, "DELETE", &format!("{ACCOUNTS}/robot"), "", None).await.expect(200);
    gone(&lab, "one").await;
    assert_eq!(who(&lab, &token).await, Err(401));
    // Another of the same name does not get what was its namesake's.
    account(&lab, "robot").await;
    assert_eq!(who(&lab, &token).await, Err(401));
    // A secret of another type is nobody's business.
    let body =
        json!({"type": "Opaque", "metadata": {"name": "plain", "annotations": {ACCOUNT: "robot"}}});
    send(&lab.client, "POST", SECRETS, "", Some(&body)).await.expect(201);
    secret(&lab, "two", "robot").await;
    filled(&lab, "two").await;
    let plain = get(&lab.client, &format!("{SECRETS}/plain")).await.expect(200);
    assert_eq!(plain.get("data"), None);
    lab.stop().await;
}
