//! Which protocol a session speaks: pure functions from headers to an agreement or a refusal.
//! Source: k8s.io/streaming `pkg/httpstream` (Handshake), golang.org/x/net/websocket.

use super::super::sniff;
use crate::{api::Task, error::Error};
use actix_http::ws;
use actix_web::http::header::HeaderMap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// What both sides have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Messages that begin with the number of a channel, over WebSocket.
    Channels(Dialect),
    /// SPDY, with this version of the remote command protocol.
    Spdy(Version),
    /// SPDY inside the binary messages of a WebSocket.
    Tunnel,
}

/// How channels are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Text messages with base64 in them, instead of binary ones.
    pub base64: bool,
    /// Errors are Status objects, with exit codes.
    pub status: bool,
    /// Channel 255 closes the channel it names.
    pub closes: bool,
}

const BINARY: Dialect = Dialect { base64: false, status: false, closes: false };
const BASE64: Dialect = Dialect { base64: true, ..BINARY };

/// Versions of the remote command protocol over SPDY, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Version {
    V1,
    V2,
    /// Adds the resize stream.
    V3,
    /// Errors are Status objects, with exit codes.
    V4,
}

/// WebSocket subprotocols of exec and attach; a client that knows the first is held to it.
const NEWEST: &str = "v5.channel.k8s.io";
const COMMAND: &[(&str, Dialect)] = &[
    ("", BINARY),
    ("channel.k8s.io", BINARY),
    ("base64.channel.k8s.io", BASE64),
    ("v4.channel.k8s.io", Dialect { status: true, ..BINARY }),
    ("v4.base64.channel.k8s.io", Dialect { status: true, ..BASE64 }),
];
/// WebSocket subprotocols of port-forward, besides the tunnel.
const FORWARD: &[(&str, Dialect)] =
    &[("", BINARY), ("v4.channel.k8s.io", BINARY), ("v4.base64.channel.k8s.io", BASE64)];
/// What a tunnel's subprotocol begins and ends with.
const TUNNEL: (&str, &str) = ("SPDY/3.1+", ".k8s.io");

const COMMAND_VERSIONS: &[(&str, Version)] = &[
    ("v4.channel.k8s.io", Version::V4),
    ("v3.channel.k8s.io", Version::V3),
    ("v2.channel.k8s.io", Version::V2),
    ("channel.k8s.io", Version::V1),
];
const FORWARD_VERSIONS: &[(&str, Version)] = &[("portforward.k8s.io", Version::V1)];

const VERSIONS_HEADER: &str = "X-Stream-Protocol-Version";
const PROTOCOL_HEADER: &str = "Sec-WebSocket-Protocol";

/// The way a session will go.
#[derive(Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What is spoken.
    pub protocol: Protocol,
    /// What the connection is upgraded to.
    pub upgrade: &'static str,
    /// Headers that tell the client.
    pub headers: Agreed,
}

/// Why there will be no session.
#[derive(Debug, PartialEq, Eq)]
pub struct UpgradeRefusal {
    /// HTTP status.
    pub code: u16,
    /// Plain text, perhaps empty.
    pub text: String,
    /// Versions that would do, when that is the problem.
    pub accepted: Vec<&'static str>,
}

impl UpgradeRefusal {
    fn new(code: u16, text: impl Into<String>) -> UpgradeRefusal {
        UpgradeRefusal { code, text: text.into(), accepted: Vec::new() }
    }
}

/// Whether the client wants to switch protocols.
pub fn is_asked(headers: &HeaderMap) -> bool {
    list(headers, "Connection").iter().any(|v| v.eq_ignore_ascii_case("upgrade"))
}

/// Finds the protocol both sides know.
///
/// # Errors
/// When there is none, or the request is not fit for an upgrade.
pub fn negotiate(
    method: &str,
    headers: &HeaderMap,
    task: &Task,
) -> Result<Agreement, UpgradeRefusal> {
    let asked = text(headers, "Upgrade");
    if headers.contains_key(sniff::MARK) {
        return spdy(headers, task);
    }
    if asked.eq_ignore_ascii_case("websocket") {
        return websocket(method, headers, task);
    }
    let text = format!("unable to upgrade: missing upgrade headers in request: {asked:?}\n");
    Err(UpgradeRefusal::new(400, text))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// The values of a header that is a list.
fn list<'a>(headers: &'a HeaderMap, name: &'a str) -> Vec<&'a str> {
    let values = headers.get_all(name).filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).map(str::trim).filter(|v| !v.is_empty()).collect()
}

/// How the subprotocol begins that carries a token, for browsers, which cannot send headers.
/// Source: k8s.io/apiserver `pkg/authentication/request/websocket/protocol.go`.
const BEARER: &str = "base64url.bearer.authorization.k8s.io.";

/// The subprotocols a client offers, the one that carries a token apart.
fn offered(headers: &HeaderMap) -> Vec<&str> {
    let all = list(headers, PROTOCOL_HEADER).into_iter();
    all.filter(|protocol| !protocol.starts_with(BEARER)).collect()
}

/// The token among the subprotocols of a WebSocket.
///
/// # Errors
/// When there are several, it is none, or nothing is offered beside it.
pub fn bearer(headers: &HeaderMap) -> Result<Option<String>, Error> {
    if !is_websocket(headers) {
        return Ok(None);
    }
    let all = list(headers, PROTOCOL_HEADER).into_iter();
    let tokens: Vec<&str> = all.filter_map(|protocol| protocol.strip_prefix(BEARER)).collect();
    match tokens.as_slice() {
        [] => Ok(None),
        [one] if !offered(headers).is_empty() => {
            let bytes = URL_SAFE_NO_PAD.decode(one).map_err(|_| Error::Unauthorized)?;
            let text = String::from_utf8(bytes).map_err(|_| Error::Unauthorized)?;
            Ok(Some(text).filter(|t| !t.is_empty()))
        }
        _ => Err(Error::Unauthorized),
    }
}

fn spdy(headers: &HeaderMap, task: &Task) -> Result<Agreement, UpgradeRefusal> {
    let asked = list(headers, VERSIONS_HEADER);
    if asked.is_empty() {
        let text = format!(
            "unable to upgrade: header {VERSIONS_HEADER} does not exist in request with {} headers\n",
            headers.len()
        );
        return Err(UpgradeRefusal::new(400, text));
    }
    let (name, version) = version(&asked, task)?;
    Ok(Agreement {
        protocol: Protocol::Spdy(version),
        upgrade: "SPDY/3.1",
        headers: vec![(VERSIONS_HEADER, name.into())],
    })
}

/// The client's best version that is known here.
fn version(asked: &[&str], task: &Task) -> Result<(&'static str, Version), UpgradeRefusal> {
    let known = match task {
        Task::Process { .. } => COMMAND_VERSIONS,
        Task::Forward { .. } => FORWARD_VERSIONS,
    };
    let agreed = asked.iter().find_map(|a| known.iter().find(|(name, _)| name == a));
    agreed.copied().ok_or_else(|| {
        let accepted: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let text = format!(
            "unable to upgrade: unable to negotiate protocol: client supports [{}], server accepts [{}]\n",
            asked.join(" "),
            accepted.join(" ")
        );
        UpgradeRefusal { accepted, ..UpgradeRefusal::new(403, text) }
    })
}

/// Whether the client wants to switch to WebSocket, and to nothing else.
pub fn is_websocket(headers: &HeaderMap) -> bool {
    is_asked(headers)
        && text(headers, "Upgrade").eq_ignore_ascii_case("websocket")
        && !headers.contains_key(sniff::MARK)
}

/// How a stream that only the server writes becomes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Text messages.
    Text,
    /// Binary messages.
    Binary,
    /// Text messages with base64 in them.
    Base64,
}

/// WebSocket subprotocols of a log.
const LOG: &[(&str, Framing)] = &[
    ("", Framing::Binary),
    ("binary.k8s.io", Framing::Binary),
    ("base64.binary.k8s.io", Framing::Base64),
];

/// The subprotocol of a log: the client's first that is known here.
///
/// # Errors
/// When there is none, or the request is not fit for an upgrade.
pub fn log(method: &str, headers: &HeaderMap) -> Result<(Agreed, Framing), UpgradeRefusal> {
    let accept = accept(method, headers)?;
    let asked = offered(headers);
    let asked: &[&str] = if asked.is_empty() { &[""] } else { &asked };
    let agreed = asked.iter().find_map(|a| LOG.iter().find(|(name, _)| name == a));
    let (name, framing) = agreed.ok_or_else(|| UpgradeRefusal::new(403, ""))?;
    Ok((agreed_headers(accept, (*name).into()), *framing))
}

/// The subprotocol of a watch: the only one the client names, whatever it is. Upstream's library
/// insists on an origin here.
///
/// # Errors
/// When the request is not fit for an upgrade.
pub fn watch(method: &str, headers: &HeaderMap) -> Result<(Agreed, Framing), UpgradeRefusal> {
    let accept = accept(method, headers)?;
    if text(headers, "Origin").is_empty() {
        return Err(UpgradeRefusal::new(403, ""));
    }
    match offered(headers).as_slice() {
        [] => Ok((agreed_headers(accept, String::new()), Framing::Text)),
        [one] => Ok((agreed_headers(accept, (*one).into()), Framing::Text)),
        _ => Err(UpgradeRefusal::new(400, "bad protocol")),
    }
}

/// Headers that tell the client what was agreed.
pub type Agreed = Vec<(&'static str, String)>;

fn agreed_headers(accept: String, protocol: String) -> Agreed {
    let mut headers = vec![("Sec-WebSocket-Accept", accept)];
    if !protocol.is_empty() {
        headers.push((PROTOCOL_HEADER, protocol));
    }
    headers
}

/// What proves to the client that its WebSocket handshake was read.
fn accept(method: &str, headers: &HeaderMap) -> Result<String, UpgradeRefusal> {
    let key = text(headers, "Sec-WebSocket-Key");
    if method != "GET" {
        return Err(UpgradeRefusal::new(405, "bad method"));
    }
    if text(headers, "Sec-WebSocket-Version") != "13" {
        return Err(UpgradeRefusal::new(400, "missing or bad WebSocket Version"));
    }
    if key.is_empty() {
        return Err(UpgradeRefusal::new(400, "mismatch challenge/response"));
    }
    Ok(String::from_utf8_lossy(&ws::hash_key(key.as_bytes())).into_owned())
}

fn websocket(method: &str, headers: &HeaderMap, task: &Task) -> Result<Agreement, UpgradeRefusal> {
    let accept = accept(method, headers)?;
    let (name, protocol) = subprotocol(&offered(headers), task)?;
    Ok(Agreement { protocol, upgrade: "websocket", headers: agreed_headers(accept, name) })
}

/// The client's best subprotocol that is known here; none is one, too.
fn subprotocol(asked: &[&str], task: &Task) -> Result<(String, Protocol), UpgradeRefusal> {
    let known = match task {
        Task::Process { .. } if asked.contains(&NEWEST) => {
            let newest = Dialect { status: true, closes: true, ..BINARY };
            return Ok((NEWEST.into(), Protocol::Channels(newest)));
        }
        Task::Process { .. } => COMMAND,
        Task::Forward { ports, .. } => {
            if let Some(tunnel) = tunnel(asked, task) {
                return tunnel;
            }
            if ports.is_empty() {
                return Err(UpgradeRefusal::new(400, "query parameter \"port\" is required"));
            }
            FORWARD
        }
    };
    let asked = if asked.is_empty() { &[""] } else { asked };
    let agreed = asked.iter().find_map(|a| known.iter().find(|(name, _)| name == a));
    match agreed {
        Some((name, dialect)) => Ok(((*name).into(), Protocol::Channels(*dialect))),
        None => Err(UpgradeRefusal::new(403, "")),
    }
}

/// The version of SPDY to tunnel, if the client wants a tunnel.
fn tunnel(asked: &[&str], task: &Task) -> Option<Result<(String, Protocol), UpgradeRefusal>> {
    let (prefix, suffix) = TUNNEL;
    let inner = |a: &str| a.starts_with(prefix) && a.ends_with(suffix);
    let tunnels: Vec<&str> =
        asked.iter().filter(|a| inner(a)).map(|a| &a[prefix.len()..]).collect();
    if tunnels.is_empty() {
        return None;
    }
    Some(version(&tunnels, task).map(|(name, _)| (format!("{prefix}{name}"), Protocol::Tunnel)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn process() -> Task {
        let target = crate::runtime::Target {
            namespace: "n".into(),
            pod: "p".into(),
            container: "c".into(),
        };
        Task::Process { target, command: None, streams: Default::default() }
    }

    fn forward(ports: &[u16]) -> Task {
        Task::Forward { namespace: "n".into(), pod: "p".into(), ports: ports.to_vec() }
    }

    fn websocket(protocols: &str, task: &Task) -> Result<(String, Protocol), u16> {
        let mut pairs = vec![
            ("Connection", "keep-alive, Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        if !protocols.is_empty() {
            pairs.push((PROTOCOL_HEADER, protocols));
        }
        let headers = headers(&pairs);
        assert!(is_asked(&headers));
        let agreed = negotiate("GET", &headers, task).map_err(|r| r.code)?;
        assert_eq!(agreed.upgrade, "websocket");
        // The example of RFC 6455.
        assert_eq!(agreed.headers[0].1, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let name = agreed.headers.get(1).map(|(_, v)| v.clone()).unwrap_or_default();
        Ok((name, agreed.protocol))
    }

    #[test]
    fn websocket_subprotocols() {
        let v4 = Dialect { base64: false, status: true, closes: false };
        let rows = [
            ("v5.channel.k8s.io", Ok(Dialect { closes: true, ..v4 })),
            ("v4.channel.k8s.io, v5.channel.k8s.io", Ok(Dialect { closes: true, ..v4 })),
            ("v4.channel.k8s.io", Ok(v4)),
            ("v4.base64.channel.k8s.io", Ok(Dialect { base64: true, ..v4 })),
            ("v3.channel.k8s.io,v2.channel.k8s.io,channel.k8s.io", Ok(BINARY)),
            ("base64.channel.k8s.io", Ok(BASE64)),
            ("", Ok(BINARY)),
            ("v9.channel.k8s.io", Err(403)),
        ];
        for (asked, expected) in rows {
            let agreed = websocket(asked, &process());
            let protocol = agreed.clone().map(|(_, p)| p);
            assert_eq!(protocol, expected.map(Protocol::Channels), "{asked}");
            if let Ok((name, _)) = agreed {
                assert!(asked.contains(&name) && name.is_empty() == asked.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn streams_to_the_client_alone() {
        let asked = |protocols: &str, origin: &str| {
            let mut pairs = vec![
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ];
            let more = [(PROTOCOL_HEADER, protocols), ("Origin", origin)];
            pairs.extend(more.into_iter().filter(|(_, v)| !v.is_empty()));
            let headers = headers(&pairs);
            assert!(is_websocket(&headers));
            headers
        };
        let of =
            |r: Result<(Agreed, Framing), UpgradeRefusal>| r.map(|(_, f)| f).map_err(|r| r.code);
        for (protocols, expected) in [
            ("", Ok(Framing::Binary)),
            ("x, binary.k8s.io", Ok(Framing::Binary)),
            ("base64.binary.k8s.io", Ok(Framing::Base64)),
            ("channel.k8s.io", Err(403)),
        ] {
            assert_eq!(of(log("GET", &asked(protocols, ""))), expected, "{protocols}");
        }
        assert_eq!(of(watch("GET", &asked("", "http://a"))), Ok(Framing::Text));
        assert_eq!(of(watch("GET", &asked("x", "http://a"))), Ok(Framing::Text));
        assert_eq!(of(watch("GET", &asked("x, y", "http://a"))), Err(400));
        assert_eq!(of(watch("GET", &asked("", ""))), Err(403));
    }

    #[test]
    fn a_token_among_the_subprotocols() {
        let of = |protocols: &str| {
            let all =
                [("Connection", "Upgrade"), ("Upgrade", "websocket"), (PROTOCOL_HEADER, protocols)];
            bearer(&headers(&all))
        };
        let token = format!("{BEARER}dG9rfmVu");
        assert_eq!(of(&format!("{token}, v5.channel.k8s.io")), Ok(Some("tok~en".into())));
        assert_eq!(of("v5.channel.k8s.io"), Ok(None));
        for bad in [&token, &format!("{token}, {token}, x"), &format!("{BEARER}!, x")] {
            assert_eq!(of(bad), Err(Error::Unauthorized), "{bad}");
        }
        let plain = headers(&[(PROTOCOL_HEADER, &format!("{token}, x"))]);
        assert_eq!(bearer(&plain), Ok(None), "no WebSocket");
        assert_eq!(offered(&plain), ["x"]);
    }

    #[test]
    fn websocket_port_forwards() {
        let tunnel = "SPDY/3.1+portforward.k8s.io";
        assert_eq!(websocket(tunnel, &forward(&[])), Ok((tunnel.into(), Protocol::Tunnel)));
        assert_eq!(websocket("SPDY/3.1+other.k8s.io", &forward(&[])), Err(403));
        let old = "v4.channel.k8s.io";
        assert_eq!(websocket(old, &forward(&[80])), Ok((old.into(), Protocol::Channels(BINARY))));
        assert_eq!(websocket(old, &forward(&[])), Err(400));
    }

    #[test]
    fn requests_that_cannot_be_upgraded() {
        let rows = [
            ("GET", &[("Upgrade", "websocket")][..], 400, "missing or bad WebSocket Version"),
            ("POST", &[("Upgrade", "websocket")][..], 405, "bad method"),
            ("GET", &[("Upgrade", "h2c")][..], 400, "unable to upgrade: missing upgrade headers"),
            ("POST", &[(sniff::MARK, "SPDY/3.1")][..], 400, "unable to upgrade: header X-Stream"),
        ];
        for (method, pairs, code, text) in rows {
            let refused = negotiate(method, &headers(pairs), &process()).unwrap_err();
            assert_eq!(refused.code, code, "{method} {pairs:?}");
            assert!(refused.text.starts_with(text), "{}", refused.text);
        }
        assert!(!is_asked(&headers(&[("Connection", "keep-alive")])));
    }

    #[test]
    fn spdy_versions() {
        let ask = |versions: &[&str], task: &Task| {
            let mut pairs = vec![(sniff::MARK, "SPDY/3.1")];
            pairs.extend(versions.iter().map(|v| (VERSIONS_HEADER, *v)));
            negotiate("POST", &headers(&pairs), task)
        };
        let all = ["v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"];
        let agreed = ask(&all, &process()).unwrap();
        assert_eq!(agreed.protocol, Protocol::Spdy(Version::V4));
        assert_eq!(agreed.headers, [(VERSIONS_HEADER, "v4.channel.k8s.io".to_owned())]);
        let refused = ask(&["v9.channel.k8s.io"], &process()).unwrap_err();
        assert_eq!(refused.code, 403);
        assert_eq!(
            refused.text,
            "unable to upgrade: unable to negotiate protocol: client supports [v9.channel.k8s.io], server accepts [v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]\n"
        );
        assert_eq!(refused.accepted.len(), 4);
        let agreed = ask(&["portforward.k8s.io"], &forward(&[])).unwrap();
        assert_eq!(agreed.upgrade, "SPDY/3.1");
    }
}
