//! Port-forward.

use super::*;
use jiff::SignedDuration;
use upgrade::{Dialect, Version};

const SPDY: Protocol = Protocol::Spdy(Version::V1);
const CHANNELS: Dialect = Dialect { base64: false, status: false, closes: false };

/// `kubectl port-forward POD :80` and two requests of curl.
const FORWARD: &[u8] = include_bytes!("../../../../tests/golden/streams/forward-spdy.bin");
const TUNNEL: &[u8] = include_bytes!("../../../../tests/golden/streams/forward-websocket.bin");

/// What a session has sent when the client has read `enough`.
async fn until(
    session: Session,
    protocol: Protocol,
    bytes: &[u8],
    enough: impl Fn(&[u8]) -> bool,
) -> Vec<u8> {
    let (wire, body) = Wire::new(saying(bytes), clock());
    let mut body = Box::pin(body);
    let mut all = Vec::new();
    let reading = async {
        while !enough(&all) {
            all.extend_from_slice(&body.next().await.unwrap().unwrap());
        }
    };
    tokio::select! {
        () = reading => {}
        () = work(session, protocol, wire) => panic!("the session ended: {all:?}"),
    }
    all
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

/// SYN_STREAMs and data of a client.
fn spdy_client(frames: &[(u32, &[(&str, &str)], &[u8])]) -> Vec<u8> {
    let mut deflater = spdy::headers::Deflater::new();
    let mut out = Vec::new();
    for (stream, headers, data) in frames {
        if !headers.is_empty() {
            let mut body = [stream.to_be_bytes().as_slice(), &[0; 6]].concat();
            body.extend(deflater.deflate(&spdy::headers::block(headers)));
            out.extend_from_slice(b"\x80\x03\0\x01\0\0");
            out.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
            out.extend(body);
        }
        if !data.is_empty() {
            out.extend_from_slice(&spdy::frame::data(*stream, false, data));
        }
    }
    out
}

/// What was sent up to the end of the first request of curl: once it has its answer, the client
/// resets the stream, and in a recording it does not wait for answers.
fn first_request(bytes: &[u8]) -> &[u8] {
    let end = b"\r\n\r\n";
    let at = bytes.windows(end.len()).position(|w| w == end).unwrap();
    &bytes[..at + end.len()]
}

#[actix_web::test]
async fn kubectl_over_spdy() {
    let enough = |b: &[u8]| has(b, "hello from p");
    let said = until(forward(&[]), SPDY, first_request(FORWARD), enough).await;
    assert!(streams(&said)[&3].0.starts_with("HTTP/1.1 200 OK"), "{said:?}");
}

#[actix_web::test]
async fn the_clients_leaving_ends_it() {
    for (protocol, bytes) in [(SPDY, FORWARD), (Protocol::Tunnel, TUNNEL)] {
        let arriving = stream::iter([Bytes::from_static(bytes)]).boxed_local();
        let (wire, body) = Wire::new(arriving, clock());
        let (said, ()) = tokio::join!(read(body), work(forward(&[]), protocol, wire));
        assert!(!said.is_empty());
    }
}

#[actix_web::test]
async fn kubectl_through_a_tunnel() {
    let mut decoder = websocket::Messages::new();
    decoder.push(TUNNEL);
    let mut inner = Vec::new();
    while let Some(websocket::Event::Message(bytes)) = decoder.next().unwrap() {
        inner.extend_from_slice(&bytes);
    }
    // Cut where the client did not: the messages carry one stream of bytes.
    let request = first_request(&inner);
    let bytes = request.chunks(50).flat_map(|part| message(false, part)).collect::<Vec<u8>>();
    let enough = |b: &[u8]| has(b, "hello from p");
    until(forward(&[]), Protocol::Tunnel, &bytes, enough).await;
}

#[actix_web::test]
async fn many_connections_at_once_and_ports_nobody_listens_on() {
    let echo = |id: &'static str, kind: &'static str| {
        [("port", "7"), ("requestID", id), ("streamType", kind)]
    };
    let refused = |kind: &'static str| [("port", "81"), ("requestid", "x"), ("streamtype", kind)];
    // Two pairs interleaved, the second with data before errors, and one that is refused.
    let bytes = spdy_client(&[
        (1, &echo("a", "error"), b""),
        (3, &echo("b", "data"), b"early"),
        (5, &echo("a", "data"), b"first"),
        (7, &echo("b", "error"), b""),
        (3, &[], b"second"),
        (9, &refused("error"), b""),
        (11, &refused("data"), b""),
    ]);
    let enough = |b: &[u8]| has(b, "refused") && has(b, "first") && has(b, "second");
    let said = streams(&until(forward(&[]), SPDY, &bytes, enough).await);
    assert_eq!(said[&5].0, "first");
    assert!(said[&3].0.ends_with("second"));
    let why = "error forwarding port 81 to pod p, uid : connection refused";
    assert_eq!(said[&9].0, why);
}

#[actix_web::test]
async fn clients_that_name_no_request() {
    let pair = |kind: &'static str| [("port", "7"), ("streamtype", kind)];
    let bytes =
        spdy_client(&[(1, &pair("error"), b""), (3, &pair("data"), b"hi"), (3, &[], b"ho")]);
    until(forward(&[]), SPDY, &bytes, |b| has(b, "ho")).await;
}

#[actix_web::test]
async fn wrong_streams_are_reset_and_half_pairs_given_up() {
    let rows: &[&[(&str, &str)]] = &[
        &[("streamtype", "data")],
        &[("port", "x"), ("streamtype", "data")],
        &[("port", "0"), ("streamtype", "data")],
        &[("port", "70000"), ("streamtype", "data")],
        &[("port", "7")],
        &[("port", "7"), ("streamtype", "other")],
    ];
    for headers in rows {
        let bytes = spdy_client(&[(1, headers, b"")]);
        let said = until(forward(&[]), SPDY, &bytes, |b| b.len() >= 16).await;
        assert_eq!(streams(&said)[&1].0, "(reset)", "{headers:?}");
    }

    let clock = clock();
    let bytes = spdy_client(&[(1, &[("port", "7"), ("streamtype", "error")], b"")]);
    let (wire, body) = Wire::new(saying(&bytes), Arc::clone(&clock) as Arc<_>);
    let mut work = std::pin::pin!(work(forward(&[]), SPDY, wire));
    assert!(futures_util::poll!(&mut work).is_pending());
    clock.advance(SignedDuration::from_secs(30));
    assert!(futures_util::poll!(&mut work).is_pending());
    let said: Vec<Bytes> = body.take(2).map(Result::unwrap).collect().await;
    assert_eq!(streams(&said.concat())[&1].0, "(request=1) timed out waiting for streams");
}

#[actix_web::test]
async fn script_clients_use_two_channels_for_each_port() {
    let bytes =
        [message(false, b"\0ping"), message(false, b"\x01ignored"), message(false, b"\x09x")];
    let enough = |b: &[u8]| has(b, "refused") && has(b, "ping");
    let protocol = Protocol::Channels(CHANNELS);
    let said = messages(&until(forward(&[7, 81]), protocol, &bytes.concat(), enough).await);
    let mut said: Vec<&str> = said.iter().map(String::as_str).collect();
    said.sort_unstable();
    let why = "3:error forwarding port 81 to pod p, uid : connection refused";
    assert_eq!(said, ["0:\u{7}\0", "0:ping", "1:\u{7}\0", "2:Q\0", "3:Q\0", why]);
}
