//! What strangers and users may cost: who is refused before his body is read, what a wish to upgrade
//! means, and how answers look.

use crate::support::{
    Lab,
    lab::{get, request, saying, send},
    wire::{Tls, Wire},
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

/// A text of 50 kB that would unfold to 100 million items.
fn bomb() -> Vec<u8> {
    format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(10_000), "*a,".repeat(10_000)).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_write_is_not_read() {
    let lab = Lab::start().await;
    let api = Wire::api(&lab);
    let path = "/api/v1/namespaces/default/configmaps";
    let yaml = [("content-type", "application/yaml")];
    for body in [bomb(), "[".repeat(1_000_000).into_bytes(), b"no: [yaml".to_vec()] {
        let reply = api.send("POST", path, &yaml, body.clone()).await;
        assert_eq!(reply.code, 403, "{}", reply.text());
        assert_eq!(request(&lab.client, "POST", path, &yaml, body).await.code, 400);
    }
    // Nor is it waited for: nothing of this body ever comes.
    let mut silent = api
        .raw(
            format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
                .as_bytes(),
        )
        .await;
    assert!(head(&mut silent).await.starts_with("HTTP/1.1 403 "));
    let form = "POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n";
    assert!(head(&mut api.raw(form.as_bytes()).await).await.starts_with("HTTP/1.1 413 "));
    let wrong = api.with("Bearer abc123");
    for path in ["/version", "/healthz", "/readyz", "/livez", "/api", "/apis/apps/v9", "/none"] {
        assert_eq!(wrong.get(path).await.code, 401, "{path}");
    }
    lab.stop().await;
}

/// What a connection answers up to the end of the head.
async fn head(connection: &mut Tls) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(connection.read_u8().await.expect("an answer"));
    }
    String::from_utf8(bytes).expect("a text")
}

/// The payload of the next message of a WebSocket; `None` when it closes.
async fn message(connection: &mut Tls) -> Option<Vec<u8>> {
    let first = connection.read_u8().await.expect("a frame");
    let length = match connection.read_u8().await.expect("a length") {
        126 => connection.read_u16().await.expect("a length").into(),
        127 => connection.read_u64().await.expect("a length"),
        short => u64::from(short),
    };
    let mut bytes = vec![0; usize::try_from(length).expect("a size")];
    connection.read_exact(&mut bytes).await.expect("a message");
    (first & 0x0f != 8).then_some(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_to_upgrade_is_heard_where_it_means_something() {
    let lab = Lab::start().await;
    let api = Wire::api(&lab).as_admin(&lab);
    let ask = |path: &str, more: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        )
    };
    for (path, code) in [("/api/v1/pods", 200), ("/oauth/authorize", 400), ("/version", 200)] {
        let answer = head(&mut api.raw(ask(path, "").as_bytes()).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
    }
    let path = "/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name=seen";
    let refused = head(&mut api.raw(ask(path, "").as_bytes()).await).await;
    assert!(refused.starts_with("HTTP/1.1 403 "), "without an origin: {refused}");
    let mut watch = api.raw(ask(path, "Origin: http://a\r\n").as_bytes()).await;
    let answer = head(&mut watch).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    let made = json!({"metadata": {"name": "seen"}});
    let path = "/api/v1/namespaces/default/configmaps";
    send(&lab.client, "POST", path, "", Some(&made)).await.expect(201);
    let event = message(&mut watch).await.expect("an event");
    let event: serde_json::Value = serde_json::from_slice(&event).expect("JSON");
    assert_eq!(
        (&event["type"], &event["object"]["metadata"]["name"]),
        (&json!("ADDED"), &json!("seen"))
    );
    logs(&lab, &api, ask).await;
    lab.stop().await;
}

async fn logs(lab: &Lab, api: &Wire, ask: impl Fn(&str, &str) -> String) {
    let image = "registry.access.redhat.com/ubi9/ubi";
    let pod = json!({"metadata": {"name": "says"}, "spec": {"restartPolicy": "Never",
        "containers": [{"name": "c", "image": image, "command": ["echo", "hello"]}]}});
    let pods = "/api/v1/namespaces/default/pods";
    send(&lab.client, "POST", pods, "", Some(&pod)).await.expect(201);
    let path = format!("{pods}/says/log");
    crate::support::eventually("the log", || async {
        let reply = get(&lab.client, &path).await;
        if reply.text() == "hello\n" { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    for (protocol, said) in
        [("", "hello\n"), ("binary.k8s.io", "hello\n"), ("base64.binary.k8s.io", "aGVsbG8K")]
    {
        let more = match protocol {
            "" => String::new(),
            name => format!("Sec-WebSocket-Protocol: {name}\r\n"),
        };
        let mut log = api.raw(ask(&path, &more).as_bytes()).await;
        let answer = head(&mut log).await;
        assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains(protocol), "{answer}");
        assert_eq!(message(&mut log).await.as_deref(), Some(&b""[..]));
        assert_eq!(message(&mut log).await.as_deref(), Some(said.as_bytes()));
        assert_eq!(message(&mut log).await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_look_as_upstreams() {
    let lab = Lab::start().await;
    let path = "/api/v1/namespaces/default/services/kubernetes";
    let plain = get(&lab.client, path).await.text();
    assert!(plain.starts_with(r#"{"kind":"Service","apiVersion":"v1","metadata":{"#), "{plain}");
    assert!(plain.ends_with("}\n") && plain.lines().count() == 1, "{plain}");
    let agent = |agent: &'static str, path: &'static str| {
        let client = lab.client.clone();
        async move { request(&client, "GET", path, &[("user-agent", agent)], vec![]).await.text() }
    };
    for path in ["/api/v1", "/apis", "/api/v1/namespaces/none", "/api/v1/namespaces"] {
        let people = agent("curl/8", path).await;
        assert!(people.lines().count() > 5 && !people.ends_with('\n'), "{path}: {people}");
        assert_eq!(agent("program/1", path).await.lines().count(), 1, "{path}");
    }
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}});
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    send(&lab.client, "POST", reviews, table, Some(&review)).await.expect(406);
    let missing = get(&lab.client, "/apis/apps/v9").await;
    assert_eq!(missing.expect(404)["reason"], "NotFound");
    let issuer = get(&lab.client, "/.well-known/openid-configuration").await.expect(200);
    assert_eq!(issuer["issuer"], "https://kubernetes.default.svc");
    let keys = get(&lab.client, "/openid/v1/jwks").await;
    assert_eq!(keys.header("content-type"), "application/jwk-set+json");
    assert_eq!(keys.expect(200)["keys"][0]["kty"], "EC");
    lab.stop().await;
}

/// Problems are told in the order in which they stand in the body, and also of patches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_twice_is_told_in_order() {
    let lab = Lab::start().await;
    let maps = "/api/v1/namespaces/default/configmaps";
    let strict = |path: &str, form: &'static str, body: &'static str| {
        let (client, path) = (lab.client.clone(), format!("{path}fieldValidation=Strict"));
        let method = if path.contains("/m?") { "PATCH" } else { "POST" };
        async move {
            let reply =
                request(&client, method, &path, &[("content-type", form)], body.into()).await;
            (reply.code, reply.json()["message"].as_str().unwrap_or_default().to_owned())
        }
    };
    let body = r#"{"metadata":{"name":"m"},"z":1,"data":{"k":"1","k":"2"},"a":1}"#;
    let (code, why) = strict(&format!("{maps}?"), "application/json", body).await;
    assert_eq!(code, 400);
    let told =
        r#"strict decoding error: unknown field "z", duplicate field "data.k", unknown field "a""#;
    assert!(why.ends_with(told), "{why}");
    let yaml = "metadata: {name: m}\ndata:\n  k: '1'\n  k: '2'\n";
    assert_eq!(strict(&format!("{maps}?"), "application/yaml", yaml).await.0, 400);
    send(&lab.client, "POST", maps, "", Some(&json!({"metadata": {"name": "m"}})))
        .await
        .expect(201);
    let merge = r#"{"data":{"k":"1","k":"2"}}"#;
    let (code, why) = strict(&format!("{maps}/m?"), "application/merge-patch+json", merge).await;
    assert!(code == 422 && why.contains(r#"duplicate field "data.k""#), "{code} {why}");
    let apply = "apiVersion: v1\nkind: ConfigMap\ndata:\n  k: '1'\n  k: '2'\n";
    let path = format!("{maps}/m?fieldManager=f&");
    let (code, why) = strict(&path, "application/apply-patch+yaml", apply).await;
    assert_eq!(code, 400);
    let told = "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 5: key \"k\" already set in map";
    assert_eq!(why, told);
    lab.stop().await;
}

/// A cluster that is dropped without being stopped leaves nobody listening.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_clusters_close_their_doors() {
    let lab = Lab::of(saying(["--max-mutating-requests-inflight=1"])).await;
    let (api, registry) = (Wire::api(&lab), Wire::to(&lab));
    assert_eq!(api.get("/healthz").await.text(), "ok");
    assert_eq!(registry.get("/healthz").await.code, 200);
    drop(lab);
    for address in [api.address, registry.address] {
        crate::support::eventually("a closed door", || async {
            match tokio::net::TcpStream::connect(&address).await {
                Ok(_) => Err(format!("{address} still answers")),
                Err(_) => Ok(()),
            }
        })
        .await;
    }
}

/// Whoever connects while a large object is looked at is answered by the same workers, and does not wait
/// until they are through with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_keeps_nobody_waiting() {
    let lab = Lab::start().await;
    let api = Wire::api(&lab).as_admin(&lab);
    let containers: Vec<_> =
        (0..3_000).map(|i| json!({"name": format!("c{i}"), "image": "ubi"})).collect();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "large"},
        "spec": {"containers": containers}});
    let path = "/api/v1/namespaces/default/pods?dryRun=All";
    let (began, json) = (Instant::now(), [("content-type", "application/json")]);
    let large = api.send("POST", path, &json, pod.to_string().into_bytes());
    let (mut longest, mut answers) = (Duration::ZERO, 0);
    let others = async {
        loop {
            let asked = Instant::now();
            assert_eq!(api.get("/version").await.code, 200);
            longest = longest.max(asked.elapsed());
            answers += 1;
        }
    };
    let reply = tokio::select! {
        reply = large => reply,
        () = others => unreachable!("it ends with the other"),
    };
    let whole = began.elapsed();
    assert_eq!(reply.code, 201, "{}", reply.text());
    assert!(answers >= 3 && longest * 3 < whole, "{answers} answers, {longest:?} of {whole:?}");
    lab.stop().await;
}
