//! What the real `oc` sends for the course's commands, recorded once (`tests/golden/oc/`, a folder a
//! part, one file a command) and replayed in order against a fresh cluster: every answer has the
//! recorded status and media type and contains what `oc` printed or went on with.

use crate::support::{
    Lab,
    lab::{get, request},
    recorded::Replay,
    repository,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use pocketshift::object::ObjectExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updating_applications_as_recorded() {
    let lab = Lab::start().await;
    let mut replay = Replay::new(&lab).await;
    assert_eq!(replay.folder("tests/golden/oc/updates").await, 29);
    lab.stop().await;
}

/// "Reproducible Deployments with OpenShift Image Streams", then "Automatic Image Updates with
/// OpenShift Image Change Triggers".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn image_streams_and_triggers_as_recorded() {
    let lab = Lab::start().await;
    let mut replay = Replay::new(&lab).await;
    replay.file(&repository("tests/golden/oc/updates/01-login.json")).await;
    assert_eq!(replay.folder("tests/golden/oc/streams").await, 24);
    assert_eq!(replay.folder("tests/golden/oc/triggers").await, 36);
    lab.stop().await;
}

/// A token works until it is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_asked_to_sign_in() {
    let lab = Lab::start().await;
    let client = lab.anonymous().await;
    assert_eq!(get(&client, "/api/v1/namespaces/default/pods").await.code, 403);
    let path = "/oauth/authorize?client_id=openshift-challenging-client&response_type=token";
    let challenge = request(&client, "GET", path, &[("x-csrf-token", "1")], vec![]).await;
    assert_eq!(challenge.code, 401);
    assert!(challenge.header("www-authenticate").starts_with("Basic "), "{challenge:?}");
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let with = |auth: String| {
        let client = client.clone();
        async move {
            let headers = [("x-csrf-token", "1"), ("authorization", auth.as_str())];
            request(&client, "GET", path, &headers, vec![]).await
        }
    };
    assert_eq!(with(basic("developer:wrong")).await.code, 401);
    let granted = with(basic("developer:developer")).await;
    assert_eq!(granted.code, 302, "{}", granted.text());
    let (_, token) = granted.header("location").split_once("access_token=").expect("a token");
    let token = token.split('&').next().unwrap_or_default().replace("%7E", "~");
    let me = get(&lab.with_token(&token).await, "/apis/user.openshift.io/v1/users/~").await;
    assert_eq!(me.expect(200).name(), "developer");
    lab.stop().await;
}
