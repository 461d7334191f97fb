//! Uploads to the cluster's registry that break off: they go on where they were, whoever was gone,
//! client or server.

use crate::{
    registry::{basic, token},
    support::{Lab, Wire, eventually, lab::builder},
};
use pocketshift::catalog::content::sha256;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Begins an upload; answers its path.
async fn begin(wire: &Wire) -> String {
    let begun = wire.send("POST", "/v2/demo/app/blobs/uploads/", &[], Vec::new()).await;
    assert_eq!(begun.code, 202, "{}", begun.text());
    let location = begun.header("location").to_owned();
    location.split_once(&wire.address).expect("our own address").1.to_owned()
}

/// A client that may push, of a project that may be there already.
async fn pusher(lab: &Lab) -> Wire {
    lab.namespace("demo").await;
    let token = token(lab, "demo", "pusher", "system:image-builder").await;
    Wire::to(lab).with(basic("any", &token))
}

/// Hangs up in the middle of a chunk, and waits until the server has noticed.
async fn hang_up(wire: &Wire, method: &str, path: &str, part: &[u8], range: &str) {
    let mut tls = wire.begin(method, path, 1 << 20, part).await;
    tls.shutdown().await.expect("sent");
    let at = path.split('?').next().unwrap_or_default();
    eventually("the part that arrived", || async {
        let state = wire.get(at).await;
        let found = format!("{} {}", state.code, state.header("range"));
        if found == format!("204 {range}") { Ok(()) } else { Err(found) }
    })
    .await;
    drop(tls);
}

/// An answer read by hand.
async fn refused(wire: &Wire, method: &str, path: &str, length: u64) -> (String, Value) {
    let mut tls = wire.begin(method, path, length, b"x").await;
    let mut said = Vec::new();
    while !said.ends_with(b"}]}") {
        said.push(tls.read_u8().await.expect("an answer"));
    }
    let said = String::from_utf8(said).expect("a text");
    let (head, body) = said.split_once("\r\n\r\n").expect("a head");
    let line = head.lines().next().expect("a line").to_owned();
    (line, serde_json::from_str(body).expect("JSON"))
}

#[tokio::test]
async fn a_client_that_vanishes_goes_on_after_a_restart() {
    let home = tempfile::tempdir().expect("a folder");
    let kept = || builder().data_dir(home.path());
    let lab = Lab::of(kept()).await;
    let wire = pusher(&lab).await;
    let (at, given_up) = (begin(&wire).await, begin(&wire).await);
    hang_up(&wire, "PATCH", &at, b"hello ", "0-5").await;
    let next = wire.send("PATCH", &at, &[("content-range", "6-7")], b"wo".to_vec()).await;
    assert_eq!((next.code, next.header("range")), (202, "0-7"));
    assert_eq!(wire.send("DELETE", &given_up, &[], Vec::new()).await.code, 204);
    lab.stop().await;

    let lab = Lab::of(kept()).await;
    let wire = Wire::to(&lab).with(&wire.authorization);
    assert_eq!(wire.get(&given_up).await.code, 404);
    assert_eq!(wire.get(&at.replace("demo/app", "demo/web")).await.code, 404);
    let state = wire.get(&at).await;
    assert_eq!((state.code, state.header("range")), (204, "0-7"));
    let early = wire.send("PATCH", &at, &[("content-range", "6-10")], b"world".to_vec()).await;
    assert_eq!(early.code, 416);
    let digest = sha256(b"hello world");
    let done = wire.send("PUT", &format!("{at}?digest={digest}"), &[], b"rld".to_vec()).await;
    assert_eq!(done.code, 201, "{}", done.text());
    let blob = wire.get(&format!("/v2/demo/app/blobs/{digest}")).await;
    assert_eq!((blob.code, blob.text().as_str()), (200, "hello world"));
    assert_eq!(wire.get(&at).await.code, 404);
    let left = std::fs::read_dir(home.path().join("registry/uploads")).expect("a folder");
    assert_eq!(left.count(), 0);
    lab.stop().await;
}

#[tokio::test]
async fn a_client_that_vanishes_goes_on_in_memory() {
    let lab = Lab::start().await;
    let wire = pusher(&lab).await;
    let at = begin(&wire).await;
    hang_up(&wire, "PATCH", &at, b"hello ", "0-5").await;
    let finish = format!("{at}?digest={}", sha256(b"hello world"));
    hang_up(&wire, "PUT", &finish, b"wor", "0-8").await;
    let done = wire.send("PUT", &finish, &[], b"ld".to_vec()).await;
    assert_eq!(done.code, 201, "{}", done.text());
    lab.stop().await;
}

/// What is too large is refused before it is read, and what had arrived stays.
#[tokio::test]
async fn blobs_have_a_limit() {
    let home = tempfile::tempdir().expect("a folder");
    let on_disk = builder().data_dir(home.path());
    for (place, length) in [(on_disk, 9 << 30), (builder(), 300 << 20)] {
        let lab = Lab::of(place).await;
        let wire = pusher(&lab).await;
        let at = begin(&wire).await;
        wire.send("PATCH", &at, &[], b"hello ".to_vec()).await;
        let digest = sha256(b"hello world");
        for (method, path) in [
            ("PATCH", at.clone()),
            ("PUT", format!("{at}?digest={digest}")),
            ("POST", format!("/v2/demo/app/blobs/uploads/?digest={digest}")),
        ] {
            let (line, body) = refused(&wire, method, &path, length).await;
            assert_eq!(line, "HTTP/1.1 413 Payload Too Large", "{method}");
            let expected = json!({"errors": [{"code": "SIZE_INVALID",
                "message": "content is too large", "detail": {}}]});
            assert_eq!(body, expected);
        }
        assert_eq!(wire.get(&at).await.header("range"), "0-5");
        lab.stop().await;
    }
}
