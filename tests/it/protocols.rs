//! What else than HTTP/1.1 passes the router: WebSockets, and HTTP/2 where the administrator wants it;
//! and what a browser makes of a route.

use crate::{
    routes::{Shop, to, with},
    support::{
        clients::blocking,
        eventually,
        lab::send,
        tools::{self, output},
    },
};
use actix_codec::{Decoder, Encoder};
use actix_http::ws::{Codec, Frame, Message};
use bytes::{Bytes, BytesMut};
use http_0_2::Request;
use pocketshift::tls::{self, Pair};
use serde_json::{Value, json};
use std::process::Command;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// A client's end of a WebSocket.
struct Socket<S> {
    stream: S,
    codec: Codec,
    bytes: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Asks for one; the head of the answer.
    async fn open(mut stream: S, host: &str) -> (Socket<S>, String) {
        let head = format!(
            "GET /chat HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut bytes = BytesMut::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(stream.read_buf(&mut bytes).await.expect("read") > 0, "{bytes:?}");
        };
        let head = String::from_utf8(bytes.split_to(end).to_vec()).expect("a text");
        (Socket { stream, codec: Codec::new().max_size(1 << 20).client_mode(), bytes }, head)
    }

    /// The next frame; nothing when the connection ends.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.bytes).expect("a frame") {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.bytes).await.ok()? == 0 {
                return None;
            }
        }
    }

    async fn say(&mut self, message: Message) {
        let mut out = BytesMut::new();
        self.codec.encode(message, &mut out).expect("a frame");
        self.stream.write_all(&out).await.expect("sent");
    }

    /// What the pod says first, what comes back, and the end of it.
    async fn talk(&mut self) {
        let Some(Frame::Text(first)) = self.next().await else { panic!("no first word") };
        assert!(first.starts_with(b"Request served by web-"), "{first:?}");
        self.say(Message::Text("once more".into())).await;
        assert_eq!(self.next().await, Some(Frame::Text(Bytes::from_static(b"once more"))));
        // More than any buffer on the way holds, and nobody reads meanwhile.
        let large = Bytes::from(vec![7; 600 << 10]);
        self.say(Message::Binary(large.clone())).await;
        assert_eq!(self.next().await, Some(Frame::Binary(large)));
        self.say(Message::Ping(Bytes::from_static(b"?"))).await;
        assert_eq!(self.next().await, Some(Frame::Pong(Bytes::from_static(b"?"))));
        self.say(Message::Close(None)).await;
        assert!(matches!(self.next().await, Some(Frame::Close(_))));
        assert_eq!(self.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockets_pass_the_router() {
    let shop = Shop::open().await;
    shop.app("web", 1).await;
    let plain = shop.route("plain", json!({}), to("web")).await;
    let edge = with(to("web"), json!({"tls": {"termination": "edge"}}));
    let edge = shop.route("edge", json!({}), edge).await;
    let http = async || {
        let at = shop.lab.cluster.routes().0.expect("a port");
        TcpStream::connect(at).await.expect("a connection")
    };
    let (mut socket, head) = Socket::open(http().await, &plain).await;
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    let small = head.to_lowercase();
    for line in
        ["upgrade: websocket", "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=", "set-cookie: "]
    {
        assert!(small.contains(&format!("\r\n{line}")), "{head}");
    }
    socket.talk().await;
    let stream = shop.secured(&edge, &["http/1.1"]).await.expect("TLS");
    let (mut socket, head) = Socket::open(stream, &edge).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket.talk().await;

    // Who says nothing for too long is hung up on.
    let short = json!({"haproxy.router.openshift.io/timeout-tunnel": "50ms"});
    let short = shop.route("short", short, to("web")).await;
    let (mut socket, head) = Socket::open(http().await, &short).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(matches!(socket.next().await, Some(Frame::Text(_))));
    assert_eq!(socket.next().await, None);
    // Nobody is there to agree.
    let none = shop.route("none", json!({}), to("nobody")).await;
    let (_, head) = Socket::open(http().await, &none).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    shop.lab.stop().await;
}

/// What was agreed on with the server of a name, by a client that would rather speak HTTP/2.
async fn agreed(shop: &Shop, host: &str) -> Option<String> {
    let stream = shop.secured(host, &["h2", "http/1.1"]).await.expect("TLS");
    stream.get_ref().1.alpn_protocol().map(|p| String::from_utf8_lossy(p).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_version_is_for_routes_with_a_certificate() {
    let shop = Shop::open().await;
    shop.app("web", 1).await;
    let settings = &shop.lab.server().settings;
    let ca = Pair { cert: settings.ca_pem.clone(), key: settings.ca_key_pem.clone() };
    let now = shop.lab.server().world.clock.now();
    let own = tls::serving(&ca, &["own.example.com".into()], now).expect("a certificate");
    let edge = |more: Value| {
        let mut tls = json!({"termination": "edge"});
        json_patch::merge(&mut tls, &more);
        with(to("web"), json!({"tls": tls}))
    };
    let common = shop.route("common", json!({}), edge(json!({}))).await;
    let own = edge(json!({"certificate": own.cert, "key": own.key}));
    let own = with(own, json!({"host": "own.example.com"}));
    let own = shop.route("own", json!({}), own).await;
    assert_eq!(agreed(&shop, &own).await, None);

    let wish = json!({"metadata": {"annotations":
        {"ingress.operator.openshift.io/default-enable-http2": "true"}}});
    let path = "/apis/config.openshift.io/v1/ingresses/cluster";
    send(&shop.lab.client, "PATCH", path, "", Some(&wish)).await.expect(200);
    eventually("HTTP/2 is offered", || async {
        let agreed = agreed(&shop, &own).await;
        if agreed.as_deref() == Some("h2") { Ok(()) } else { Err(format!("{agreed:?}")) }
    })
    .await;
    assert_eq!(agreed(&shop, &common).await, None);

    let stream = shop.secured(&own, &["h2"]).await.expect("TLS");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut client = client.ready().await.expect("a connection");
    for path in ["/one", "/two?a=b"] {
        let request = Request::get(format!("https://{own}{path}")).body(()).expect("a request");
        let (answer, _) = client.send_request(request, true).expect("sent");
        let (head, mut body) = answer.await.expect("an answer").into_parts();
        assert_eq!(head.status, 200);
        let mut text = Vec::new();
        while let Some(chunk) = body.data().await {
            text.extend_from_slice(&chunk.expect("a chunk"));
        }
        let text = String::from_utf8(text).expect("a text").to_lowercase();
        for line in [format!("\nget {path} http/1.1\n"), "\nx-forwarded-proto-version: h2\n".into()]
        {
            assert!(text.contains(&line), "{text}");
        }
    }
    shop.lab.stop().await;
}

/// Names below `localhost` are this machine for browsers; nothing has to be set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_the_page_of_a_route() {
    let shop = Shop::open().await;
    shop.app("web", 1).await;
    let plain = shop.route("plain", json!({}), to("web")).await;
    let redirect = json!({"tls": {"termination": "edge",
        "insecureEdgeTerminationPolicy": "Redirect"}});
    let redirected = shop.route("secure", json!({}), with(to("web"), redirect)).await;
    let port = shop.lab.cluster.routes().0.expect("a port").port();
    let urls = [plain, redirected, "nobody.apps.localhost".into()];
    let urls = urls.map(|host| format!("http://{host}:{port}/"));
    let said = blocking(move || {
        tools::debian(&["chromium"]);
        output(Command::new("node").arg(tools::console().join("page.mjs")).args(urls))
    });
    let said = said.await;
    let lines: Vec<&str> = said.lines().collect();
    let [first, second, socket, nobody] = lines.as_slice() else { panic!("{said}") };
    assert!(first.starts_with("200 Request served by web-"), "{said}");
    assert!(second.starts_with("200 https: Request served by web-"), "{said}");
    assert!(socket.starts_with("Request served by web-"), "{said}");
    assert!(socket.ends_with(", once more"), "{said}");
    assert_eq!(*nobody, "503 Application is not available");
    shop.lab.stop().await;
}
