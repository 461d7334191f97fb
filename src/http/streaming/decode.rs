//! What clients send, taken apart without a connection: the door of the fuzz targets to the
//! decoders of exec, attach and port-forward.

use super::{
    super::sniff,
    channels::read_message,
    spdy::frame::Decoder,
    upgrade::{self, Dialect},
    websocket::{Event, Messages},
};
use crate::{
    api::{Streams, Task},
    runtime::Target,
};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Frames, or messages that have a channel.
    pub parts: usize,
    /// Most bytes that waited for the rest of a frame or message.
    pub held: usize,
    /// Whether the client broke the protocol.
    pub broken: bool,
}

/// Takes SPDY/3.1 frames apart that arrive in pieces, until the first that breaks the protocol.
pub fn decode_spdy<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::new();
    let mut seen = Decoded { parts: 0, held: 0, broken: false };
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(_)) => seen.parts += 1,
                Ok(None) => break,
                Err(_) => return Decoded { broken: true, ..seen },
            }
        }
        seen.held = seen.held.max(decoder.held());
    }
    seen
}

/// Takes WebSocket messages apart that arrive in pieces, until the first that breaks the protocol;
/// their channels are binary, or (`base64`) text.
pub fn decode_channels<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, base64: bool) -> Decoded {
    let mut decoder = Messages::new();
    let dialect = Dialect { base64, status: true, closes: true };
    let mut seen = Decoded { parts: 0, held: 0, broken: false };
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(Event::Message(message))) => {
                    seen.parts += usize::from(read_message(dialect, message).is_some());
                }
                Ok(Some(Event::Ping(_) | Event::Close)) => {}
                Ok(None) => break,
                Err(_) => return Decoded { broken: true, ..seen },
            }
        }
        seen.held = seen.held.max(decoder.held());
    }
    seen
}

/// Most headers that are looked at.
const HEADERS: usize = 64;

/// Reads the head of a request that wants to upgrade as the listener does, and negotiates for
/// everything that can be upgraded; how many of these would be.
pub fn decode_upgrade(text: &str) -> usize {
    let seen = sniff::rewritten(text.as_bytes(), &[]);
    let mut lines = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut lines);
    if request.parse(&seen).is_err() {
        return 0;
    }
    let mut headers = HeaderMap::new();
    for header in request.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(header.value)) {
            headers.append(name, value);
        }
    }
    let method = request.method.unwrap_or_default();
    let (namespace, pod) = (String::from("n"), String::from("p"));
    let container = String::from("c");
    let target = Target { namespace: namespace.clone(), pod: pod.clone(), container };
    let process = Task::Process { target, command: None, streams: Streams::default() };
    let forward = Task::Forward { namespace, pod, ports: vec![80] };
    let sessions =
        [process, forward].map(|task| upgrade::negotiate(method, &headers, &task).is_ok());
    let messages =
        [upgrade::watch(method, &headers).is_ok(), upgrade::log(method, &headers).is_ok()];
    sessions.into_iter().chain(messages).filter(|agreed| *agreed).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upgrades_are_agreed_on() {
        let seed = include_str!("../../../fuzz/seeds/upgrade/websocket");
        // Exec, and the older form of port-forward.
        assert_eq!(decode_upgrade(seed), 2);
        assert_eq!(decode_upgrade(include_str!("../../../fuzz/seeds/upgrade/spdy")), 2);
        assert_eq!(decode_upgrade("GET / HTTP/1.1\r\n\r\n"), 0);
    }

    #[test]
    fn what_clients_sent_is_taken_apart() {
        let exec = include_bytes!("../../../tests/golden/streams/exec-spdy.bin");
        assert_eq!(decode_spdy([&exec[..]]), Decoded { parts: 6, held: 0, broken: false });
        let exec = include_bytes!("../../../tests/golden/streams/exec-websocket.bin");
        let whole = Decoded { parts: 2, held: 0, broken: false };
        assert_eq!(decode_channels([&exec[..]], false), whole);
        assert!(decode_spdy([&b"\x80\x09\0\x01\0\0\0\0"[..]]).broken);
    }
}
