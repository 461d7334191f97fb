//! What clients send, taken apart without a connection: the door of the fuzz targets to the
//! decoders of exec, attach and port-forward.

use super::{
    channels::read_message,
    spdy::frame::Decoder,
    upgrade::Dialect,
    websocket::{Event, Messages},
};

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

#[cfg(test)]
mod tests {
    use super::*;

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
