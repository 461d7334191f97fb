//! What follows when a program agrees to a WebSocket: its first words, and every message once more.
//! That is what the programs do which agree at all.

use actix_codec::{Decoder, Encoder};
use actix_http::ws::{self, Codec, Frame, Message};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

/// Largest message.
const LARGEST: usize = 1 << 20;
/// Longest head of a frame.
const HEAD: usize = 14;

/// What a program answers to a client's `Sec-WebSocket-Key`.
pub fn accepted(key: &str) -> String {
    String::from_utf8_lossy(&ws::hash_key(key.as_bytes())).into_owned()
}

/// Serves a connection that is a WebSocket, from what has already come of it to its end.
pub async fn serve(
    mut bytes: BytesMut,
    first: Bytes,
    mut incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Bytes>,
) {
    let mut codec = Codec::new().max_size(LARGEST);
    let mut next = (!first.is_empty()).then(|| text(&first)).flatten();
    loop {
        if let Some(message) = next.take() {
            let ends = matches!(message, Message::Close(_));
            let mut out = BytesMut::new();
            let written = codec.encode(message, &mut out).is_ok();
            if !written || outgoing.send(out.freeze()).await.is_err() || ends {
                return;
            }
        }
        match codec.decode(&mut bytes) {
            Ok(Some(frame)) => next = answer(frame),
            Ok(None) if bytes.len() <= LARGEST + HEAD => {
                let Some(chunk) = incoming.recv().await else { return };
                bytes.extend_from_slice(&chunk);
            }
            Ok(None) | Err(_) => return,
        }
    }
}

fn text(bytes: &[u8]) -> Option<Message> {
    std::str::from_utf8(bytes).ok().map(|text| Message::Text(text.into()))
}

fn answer(frame: Frame) -> Option<Message> {
    Some(match frame {
        Frame::Text(bytes) => text(&bytes).unwrap_or(Message::Binary(bytes)),
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Continuation(part) => Message::Continuation(part),
        Frame::Ping(bytes) => Message::Pong(bytes),
        Frame::Pong(_) => return None,
        Frame::Close(reason) => Message::Close(reason),
    })
}
