//! The client against a little server that says what a test wants to be said.

use super::*;
use crate::{
    images::reference::Reference,
    object::json,
    world::{StepClock, SystemClock},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// What a request (its head) is answered; nothing: the connection is closed.
type Script = fn(&str, SocketAddr) -> String;

/// Heads of the requests so far.
type Log = Arc<Mutex<Vec<String>>>;

fn says(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// Serves by the script, many connections, many requests each.
async fn serve(script: Script) -> (SocketAddr, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Log::default();
    let noted = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let noted = Arc::clone(&noted);
            tokio::spawn(async move {
                while let Some(head) = head(&mut stream).await {
                    noted.lock().unwrap().push(head.clone());
                    let answer = script(&head, address);
                    if answer.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, log)
}

async fn head(stream: &mut tokio::net::TcpStream) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        // A handshake is no head: what speaks TLS gets an answer in the clear.
        if text.first() == Some(&0x16) {
            return Some("TLS".into());
        }
        text.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(text).ok()
}

fn importer() -> Importer {
    Importer::new(Arc::new(SystemClock), Routes::default(), "10.0.0.10:53".into(), None)
}

fn at(address: SocketAddr, rest: &str) -> Reference {
    Reference::parse(&format!("{address}/{rest}")).unwrap()
}

fn login(host: &str) -> Keyring {
    let config = json!({host: {"username": "u", "password": "p"}}).to_string();
    let secret = json!({"type": "kubernetes.io/dockercfg",
        "data": {".dockercfg": STANDARD.encode(config)}});
    Keyring::of_secrets([&secret])
}

fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn what_keeps_a_registry_from_answering_is_told_as_go_would() {
    let http: Script = |_, _| says("400 Bad Request", "", "");
    let hangs_up: Script = |head, _| match path(head) {
        "/v2/" => says("200 OK", "", ""),
        _ => String::new(),
    };
    let no_registry: Script = |_, _| says("404 Not Found", "", "");
    let for_ever: Script = |head, _| match path(head) {
        "/v2/" => says("200 OK", "", ""),
        _ => says("302 Found", &format!("location: {}\r\n", path(head)), ""),
    };
    let too_long: Script = |head, _| match path(head) {
        "/v2/" => says("200 OK", "", ""),
        _ => says("200 OK", "", &"x".repeat((4 << 20) + 1)),
    };
    let rows: [(Script, bool, &str); 5] = [
        (http, false, r#"Get "https://ADDR/v2/": http: server gave HTTP response to HTTPS client"#),
        (hangs_up, true, r#"Get "http://ADDR/v2/a/b/manifests/1": EOF"#),
        (
            no_registry,
            true,
            r#"endpoint "http://ADDR" does not support v2 API (got 404 Not Found)"#,
        ),
        (for_ever, true, r#"Get "http://ADDR/v2/a/b/manifests/1": stopped after 10 redirects"#),
        (
            too_long,
            true,
            r#"Get "http://ADDR/v2/a/b/manifests/1": the answer is longer than 4194304 bytes"#,
        ),
    ];
    for (script, insecure, expected) in rows {
        let (address, _) = serve(script).await;
        let importer = importer();
        let mut session = importer.session(Keyring::default(), Vec::new());
        let fault = session.manifest(&at(address, "a/b:1"), insecure).await.unwrap_err();
        assert_eq!(fault.to_string(), expected.replace("ADDR", &address.to_string()));
    }
}

#[tokio::test]
async fn who_cannot_be_dialled() {
    let importer = importer();
    let mut session = importer.session(Keyring::default(), Vec::new());
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let rows = [
        (at(gone, "a/b:1"), true,
            format!("Get \"http://{gone}/v2/\": dial tcp {gone}: connect: connection refused")),
        (Reference::parse("registry.invalid/a/b:1").unwrap(), false,
            "Get \"https://registry.invalid/v2/\": dial tcp: lookup registry.invalid on 10.0.0.10:53: no such host".into()),
    ];
    for (image, insecure, expected) in rows {
        let fault = session.manifest(&image, insecure).await.unwrap_err();
        assert_eq!(fault.to_string(), expected);
    }
}

#[tokio::test]
async fn a_registry_is_met_once_and_its_failure_remembered() {
    let (address, log) = serve(|_, _| says("500 Internal Server Error", "", "")).await;
    let importer = importer();
    let mut session = importer.session(Keyring::default(), Vec::new());
    for tag in ["1", "2", "3"] {
        assert!(session.manifest(&at(address, &format!("a/b:{tag}")), true).await.is_err());
    }
    let words = log.lock().unwrap().iter().filter(|h| path(h) == "/v2/").count();
    assert_eq!(words, 1);
}

#[tokio::test]
async fn tokens_are_fetched_once_and_shown() {
    let script: Script = |head, address| match path(head) {
        "/v2/" => says(
            "401 Unauthorized",
            &format!("www-authenticate: Bearer realm=\"http://{address}/token\",service=\"s\"\r\n"),
            "",
        ),
        p if p.starts_with("/token") && head.contains("authorization: Basic dTpw") => {
            says("200 OK", "", r#"{"token":"secret"}"#)
        }
        p if p.starts_with("/token") => {
            says("401 Unauthorized", "", r#"{"details":"incorrect username or password"}"#)
        }
        p if head.contains("authorization: Bearer secret") => {
            let of = "application/vnd.oci.image.manifest.v1+json; charset=utf-8";
            says("200 OK", &format!("content-type: {of}\r\n"), p)
        }
        _ => says("401 Unauthorized", "", r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#),
    };
    let (address, log) = serve(script).await;
    let importer = importer();
    let mut session = importer.session(login(&address.to_string()), Vec::new());
    for tag in ["1", "2"] {
        let manifest = session.manifest(&at(address, &format!("a/b:{tag}")), true).await.unwrap();
        assert_eq!(manifest.media_type, "application/vnd.oci.image.manifest.v1+json");
        assert_eq!(manifest.bytes, format!("/v2/a/b/manifests/{tag}"));
    }
    let asked: Vec<String> = log
        .lock()
        .unwrap()
        .iter()
        .map(|h| path(h).to_owned())
        .filter(|p| p.contains("token"))
        .collect();
    assert_eq!(asked, ["/token?account=u&scope=repository%3Aa%2Fb%3Apull&service=s"]);

    let mut nobody = importer.session(Keyring::default(), Vec::new());
    let fault = nobody.manifest(&at(address, "a/b:1"), true).await.unwrap_err();
    let expected = format!(
        "Get \"http://{address}/v2/a/b/manifests/1\": unauthorized: incorrect username or password"
    );
    assert_eq!(fault.to_string(), expected);
}

#[tokio::test]
async fn passwords_are_for_who_asks_and_stay_with_their_host() {
    let script: Script = |head, address| {
        let basic = head.contains("authorization: Basic dTpw");
        match path(head) {
            "/v2/" => says("401 Unauthorized", "www-authenticate: Basic realm=\"r\"\r\n", ""),
            "/v2/a/b/blobs/sha256:x" if basic => {
                // Another port of the same machine is another host.
                says(
                    "307 Temporary Redirect",
                    &format!("location: http://localhost:{}/blob\r\n", address.port()),
                    "",
                )
            }
            "/blob" => says("200 OK", "", if basic { "leaked" } else { "kept" }),
            _ => says("401 Unauthorized", "", ""),
        }
    };
    let (address, log) = serve(script).await;
    let importer = importer();
    let mut session = importer.session(login(&address.to_string()), Vec::new());
    let fault = session.blob(&at(address, "a/b"), true, "sha256:x").await.unwrap_err().to_string();
    assert!(fault.starts_with("content integrity error: the blob retrieved with digest sha256:x"));
    let last = log.lock().unwrap().last().cloned().unwrap();
    assert_eq!(path(&last), "/blob");
    assert!(!last.contains("authorization"), "{last}");

    let mut nobody = importer.session(Keyring::default(), Vec::new());
    let fault = nobody.tags(&at(address, "a/b"), true).await.unwrap_err();
    let expected = format!("Get \"http://{address}/v2/a/b/tags/list\": no basic auth credentials");
    assert_eq!(fault.to_string(), expected);
}

#[tokio::test]
async fn pages_of_tags_are_one_list() {
    let script: Script = |head, _| match path(head) {
        "/v2/" => says("200 OK", "", ""),
        "/v2/a/b/tags/list" => says(
            "200 OK",
            "link: </v2/a/b/tags/list?last=2&n=2>; rel=\"next\"\r\n",
            r#"{"name":"a/b","tags":["1","2"]}"#,
        ),
        "/v2/a/b/tags/list?last=2&n=2" => says("200 OK", "", r#"{"tags":["3"]}"#),
        _ => says("200 OK", "", r#"{"tags":null}"#),
    };
    let (address, log) = serve(script).await;
    let importer = importer();
    let mut session = importer.session(Keyring::default(), Vec::new());
    assert_eq!(session.tags(&at(address, "a/b"), true).await.unwrap(), ["1", "2", "3"]);
    assert!(session.tags(&at(address, "none"), true).await.unwrap().is_empty());
    // Two dials for the failed handshakes of two repositories; the rest goes over one connection.
    assert_eq!(log.lock().unwrap().iter().filter(|h| *h == "TLS").count(), 2);
}

#[tokio::test]
async fn what_may_pass_is_tried_twice_again_on_the_clock() {
    let script: Script = |head, _| match path(head) {
        "/v2/" => says("200 OK", "", ""),
        _ => says("503 Service Unavailable", "", ""),
    };
    let (address, log) = serve(script).await;
    let clock = StepClock::new(jiff::Timestamp::UNIX_EPOCH);
    let importer = Importer::new(Arc::new(clock.clone()), Routes::default(), String::new(), None);
    let mut session = importer.session(Keyring::default(), Vec::new());
    let image = at(address, "a/b:1");
    let tries = || log.lock().unwrap().iter().filter(|h| path(h).contains("manifests")).count();
    let work = session.manifest(&image, true);
    tokio::pin!(work);
    for expected in [1, 2, 3] {
        // Until it waits for the clock there is always something to do.
        while tries() < expected {
            tokio::select! {
                biased;
                _ = &mut work => panic!("done before its time"),
                () = tokio::task::yield_now() => {}
            }
        }
        for _ in 0..50 {
            tokio::select! {
                biased;
                r = &mut work => { assert_eq!(expected, 3); let fault = r.unwrap_err();
                    assert_eq!(fault.to_string(), "received unexpected HTTP status: 503 Service Unavailable"); return; }
                () = tokio::task::yield_now() => {}
            }
        }
        clock.advance(SignedDuration::from_secs(5));
    }
    panic!("still trying");
}

#[tokio::test]
async fn a_route_leads_to_another_address() {
    let script: Script = |head, _| {
        says("200 OK", "content-type: application/vnd.oci.image.manifest.v1+json\r\n", head)
    };
    let (address, _) = serve(script).await;
    let mut routes = Routes::default();
    routes.add("vendor.example", address);
    let importer = Importer::new(Arc::new(SystemClock), routes, String::new(), None);
    let mut session = importer.session(Keyring::default(), Vec::new());
    let image = Reference::parse("vendor.example/a/b:1").unwrap();
    let manifest = session.manifest(&image, true).await.unwrap();
    let head = String::from_utf8(manifest.bytes.to_vec()).unwrap();
    assert!(head.contains("host: vendor.example\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_stands_before_the_network() {
    let script: Script = |head, _| match path(head) {
        "closed.example:443" => says("403 Forbidden", "", ""),
        // The tunnel leads to somebody who speaks no TLS.
        "vendor.example:443" => "HTTP/1.1 200 OK\r\n\r\n".into(),
        "http://vendor.example/v2/" => says("200 OK", "", ""),
        _ => says("200 OK", "content-type: application/vnd.oci.image.manifest.v1+json\r\n", "{}"),
    };
    let (address, log) = serve(script).await;
    let proxies = || {
        let to = format!("http://u:p@{address}");
        Proxies::of(hyper_util::client::proxy::matcher::Matcher::builder().all(to))
    };
    let through = importer().through(proxies());
    let mut session = through.session(Keyring::default(), Vec::new());
    let image = Reference::parse("vendor.example/a/b:1").unwrap();
    session.manifest(&image, true).await.unwrap();
    let seen = log.lock().unwrap().clone();
    let lines: Vec<&str> = seen.iter().filter_map(|h| h.lines().next()).collect();
    assert_eq!(
        lines,
        [
            "CONNECT vendor.example:443 HTTP/1.1",
            "TLS",
            "GET http://vendor.example/v2/ HTTP/1.1",
            "GET http://vendor.example/v2/a/b/manifests/1 HTTP/1.1",
        ]
    );
    let known = |h: &&String| h.contains("proxy-authorization: Basic dTpw\r\n");
    assert_eq!(seen.iter().filter(known).count(), 3, "{seen:?}");
    let closed = Reference::parse("closed.example/a/b:1").unwrap();
    let fault = session.manifest(&closed, false).await.unwrap_err();
    assert_eq!(fault.to_string(), "Get \"https://closed.example/v2/\": Forbidden");
    // What is found by a route, and what is here, is not on the network.
    let mut routes = Routes::default();
    routes.add("own.example", address);
    let own = Importer::new(Arc::new(SystemClock), routes, String::new(), None).through(proxies());
    let mut session = own.session(Keyring::default(), Vec::new());
    for image in ["own.example/a/b:1".to_owned(), format!("{address}/a/b:1")] {
        session.manifest(&Reference::parse(&image).unwrap(), true).await.unwrap();
    }
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let to = format!("http://{gone}");
    let proxies = Proxies::of(hyper_util::client::proxy::matcher::Matcher::builder().all(to));
    let through = importer().through(proxies);
    let mut session = through.session(Keyring::default(), Vec::new());
    let fault = session.manifest(&image, false).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!(
            "Get \"https://vendor.example/v2/\": proxyconnect tcp: dial tcp {gone}: connect: connection refused"
        )
    );
}

#[tokio::test]
async fn a_manifest_of_schema_1_is_named_by_what_is_signed() {
    let script: Script = |head, _| {
        let signed = "{\"schemaVersion\": 1\n}";
        let encode = |t: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(t);
        let tail = encode("\n}");
        let header =
            encode(&format!(r#"{{"formatLength": {}, "formatTail": "{tail}"}}"#, signed.len() - 2));
        let body =
            format!("{{\"schemaVersion\": 1,\n\"signatures\": [{{\"protected\": \"{header}\"}}]}}");
        match path(head) {
            "/v2/a/b/blobs/sha256:layer" if head.starts_with("HEAD") => {
                "HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n".into()
            }
            "/v2/" => says("200 OK", "", ""),
            _ => says(
                "200 OK",
                "content-type: application/vnd.docker.distribution.manifest.v1+prettyjws\r\n",
                &body,
            ),
        }
    };
    let (address, _) = serve(script).await;
    let importer = importer();
    let mut session = importer.session(Keyring::default(), Vec::new());
    let found = session.manifest(&at(address, "a/b:1"), true).await.unwrap();
    let digest = crate::images::image::digest("{\"schemaVersion\": 1\n}");
    assert_eq!(found.digest(), digest);
    assert!(!found.is_image() && !found.is_list());
    let by_digest = session.manifest(&at(address, &format!("a/b@{digest}")), true).await;
    assert_eq!(by_digest.unwrap().digest(), digest);
    let wrong = at(address, &format!("a/b@sha256:{}", "a".repeat(64)));
    let fault = session.manifest(&wrong, true).await.unwrap_err().to_string();
    assert!(fault.starts_with("content integrity error: "), "{fault}");
    assert_eq!(session.size(&at(address, "a/b"), true, "sha256:layer").await.unwrap(), 77);
}
