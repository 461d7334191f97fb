//! Messages of a WebSocket. The frames are the web framework's work; this puts fragments together,
//! answers pings, and keeps every message within bounds.

use super::wire::{Arriving, Gone, Leaving};
use actix_codec::{Decoder, Encoder};
use actix_http::ws::{CloseCode, Codec, Frame, Item, Message};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

/// Largest message: clients send pieces of 32 KiB, scripts sometimes a whole file.
const MAX_MESSAGE: usize = 4 << 20;
/// Longest head of a frame.
const MAX_HEAD: usize = 14;

/// Reads the messages of a client.
pub struct Reader {
    arriving: Arriving,
    leaving: Leaving,
    decoder: Messages,
}

impl Reader {
    /// Reads from `arriving`; answers to pings go to `leaving`.
    pub fn new(arriving: Arriving, leaving: Leaving) -> Reader {
        Reader { arriving, leaving, decoder: Messages::new() }
    }

    /// The payload of the next message, text or binary; `None` when the client has closed, left,
    /// or broken the protocol.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.decoder.next() {
                Ok(Some(Event::Message(bytes))) => return Some(bytes),
                Ok(Some(Event::Ping(bytes))) => {
                    self.leaving.send(encoded(Message::Pong(bytes))).await.ok()?;
                }
                Ok(Some(Event::Close)) => {
                    self.close().await.ok()?;
                    return None;
                }
                Ok(None) => self.decoder.push(&self.arriving.next().await?),
                Err(error) => {
                    tracing::debug!(error, "websocket");
                    return None;
                }
            }
        }
    }

    async fn close(&self) -> Result<(), Gone> {
        self.leaving.send(normal_closure()).await
    }
}

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole message.
    Message(Bytes),
    /// To be answered.
    Ping(Bytes),
    /// The end.
    Close,
}

/// From bytes to whole messages.
pub struct Messages {
    codec: Codec,
    buffer: BytesMut,
    /// The fragments of a message so far.
    parts: BytesMut,
}

impl Messages {
    /// For a new connection.
    pub fn new() -> Messages {
        let codec = Codec::new().max_size(MAX_MESSAGE);
        Messages { codec, buffer: BytesMut::new(), parts: BytesMut::new() }
    }

    /// Takes what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes wait for the rest of their message.
    #[cfg(feature = "internals")]
    pub fn held(&self) -> usize {
        self.buffer.len() + self.parts.len()
    }

    /// The next event; `None` until more has arrived.
    ///
    /// # Errors
    /// When the client breaks the protocol or a limit.
    pub fn next(&mut self) -> Result<Option<Event>, String> {
        loop {
            let frame = self.codec.decode(&mut self.buffer).map_err(|e| e.to_string())?;
            let part = match frame {
                // The codec waits for the whole frame before it looks at its size.
                None if self.buffer.len() > MAX_MESSAGE + MAX_HEAD => {
                    return Err("a frame is too large".into());
                }
                None => return Ok(None),
                Some(Frame::Text(bytes) | Frame::Binary(bytes)) => {
                    return Ok(Some(Event::Message(bytes)));
                }
                Some(Frame::Ping(bytes)) => return Ok(Some(Event::Ping(bytes))),
                Some(Frame::Pong(_)) => continue,
                Some(Frame::Close(_)) => return Ok(Some(Event::Close)),
                Some(Frame::Continuation(item)) => item,
            };
            let (bytes, last) = match part {
                Item::FirstText(b) | Item::FirstBinary(b) | Item::Continue(b) => (b, false),
                Item::Last(b) => (b, true),
            };
            if self.parts.len() + bytes.len() > MAX_MESSAGE {
                return Err("a message is too large".into());
            }
            self.parts.extend_from_slice(&bytes);
            if last {
                return Ok(Some(Event::Message(self.parts.split().freeze())));
            }
        }
    }
}

fn encoded(message: Message) -> Bytes {
    let mut out = BytesMut::new();
    // Only the order of fragments can be wrong, and none are sent.
    let _ = Codec::new().encode(message, &mut out);
    out.freeze()
}

/// The frame of a binary message.
pub fn binary(bytes: Bytes) -> Bytes {
    encoded(Message::Binary(bytes))
}

/// The frame of a text message.
pub fn text(text: String) -> Bytes {
    encoded(Message::Text(text.into()))
}

/// The frame that says that all went well and nothing follows.
pub fn normal_closure() -> Bytes {
    encoded(Message::Close(Some(CloseCode::Normal.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What `kubectl exec` sends: one message and the end of its input.
    const EXEC: &[u8] = include_bytes!("../../../tests/golden/streams/exec-websocket.bin");

    /// Every message of bytes that arrive in pieces, until the first that breaks the protocol.
    fn messages<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Bytes> {
        let mut decoder = Messages::new();
        let mut out = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            loop {
                match decoder.next() {
                    Ok(Some(Event::Message(bytes))) => out.push(bytes),
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return out,
                }
            }
            assert!(decoder.buffer.len() <= MAX_MESSAGE + MAX_HEAD);
        }
        out
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(size in 1..30_usize) {
            let expected: [&[u8]; 2] = [b"\0some input\n", &[255, 0]];
            prop_assert_eq!(messages(EXEC.chunks(size)), expected);
        }

        #[test]
        fn nonsense_and_damage_do_no_harm(
            noise in prop::collection::vec(any::<u8>(), 0..2000),
            at in 0..EXEC.len(),
            byte: u8,
        ) {
            messages(noise.chunks(100));
            let mut bytes = [EXEC, EXEC].concat();
            bytes[at] = byte;
            messages(bytes.chunks(7));
        }
    }

    #[test]
    fn memory_is_bounded() {
        // A frame that says it is huge, and a message that never ends.
        let head = b"\x82\xff\0\0\0\xff\0\0\0\0\0\0\0\0".as_slice();
        let endless = [b"\x02\x81\0\0\0\0x".as_slice(), &b"\0\x81\0\0\0\0x".repeat(1000)].concat();
        for (first, more) in [(head, vec![0; 64 << 10]), (&endless[..7], endless[7..].to_vec())] {
            let mut decoder = Messages::new();
            decoder.push(first);
            let broken = (0..10_000).any(|_| {
                decoder.push(&more);
                assert!(decoder.held() <= 2 * MAX_MESSAGE);
                decoder.next().is_err()
            });
            assert!(broken);
        }
    }
}
