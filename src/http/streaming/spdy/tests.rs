//! What real clients sent, byte by byte; and what nobody should send.

use super::{super::wire::Wire, *};
use crate::world::SystemClock;
use bytes::{BufMut, Bytes, BytesMut};
use frame::{Decoder, Frame, FrameError, MAX_CONTROL};
use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use std::sync::Arc;

/// `kubectl exec -i POD -- cat` with one line of input.
const EXEC: &[u8] = include_bytes!("../../../../tests/golden/streams/exec-spdy.bin");
/// `kubectl port-forward` and two requests of curl.
const FORWARD: &[u8] = include_bytes!("../../../../tests/golden/streams/forward-spdy.bin");

/// Every frame of some bytes that arrive in pieces, data put together again.
fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = Decoder::new();
    let mut out: Vec<Frame> = Vec::new();
    let mut whole = true;
    for piece in pieces {
        decoder.push(piece);
        while let Some(frame) = decoder.next()? {
            match (frame, out.last_mut()) {
                (
                    Frame::Data { stream, fin, bytes },
                    Some(Frame::Data { stream: before, fin: ended, bytes: all }),
                ) if !whole && *before == stream => {
                    *all = [&all[..], &bytes[..]].concat().into();
                    *ended = fin;
                }
                (frame, _) => out.push(frame),
            }
            whole = !decoder.is_within_data();
        }
        assert!(decoder.held() <= MAX_CONTROL + 8);
    }
    Ok(out)
}

fn open(stream: u32, headers: &[(&str, &str)]) -> Frame {
    let headers = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    Frame::Open { stream, fin: false, headers }
}

fn data(stream: u32, fin: bool, text: &'static str) -> Frame {
    Frame::Data { stream, fin, bytes: Bytes::from_static(text.as_bytes()) }
}

#[test]
fn what_kubectl_exec_sends() {
    let expected = [
        open(1, &[("streamtype", "error")]),
        open(3, &[("streamtype", "stdin")]),
        open(5, &[("streamtype", "stdout")]),
        open(7, &[("streamtype", "stderr")]),
        data(3, false, "some input\n"),
        data(3, true, ""),
    ];
    assert_eq!(frames([EXEC]).unwrap(), expected);
}

#[test]
fn what_kubectl_port_forward_sends() {
    let seen = frames([FORWARD]).unwrap();
    let Frame::Open { stream: 1, fin: false, headers } = &seen[0] else { panic!("{seen:?}") };
    let mut headers = headers.clone();
    headers.sort();
    let expected = [("port", "80"), ("requestid", "0"), ("streamtype", "error")];
    assert_eq!(headers, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    assert_eq!(seen[1], data(1, true, ""));
    assert!(seen.iter().any(|f| matches!(f, Frame::Data { stream: 3, bytes, .. }
        if bytes.starts_with(b"GET / HTTP/1.1"))));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(sizes in prop::collection::vec(1..40_usize, 1..100)) {
        for whole in [EXEC, FORWARD] {
            let mut rest = whole;
            let mut pieces = Vec::new();
            for size in &sizes {
                let (piece, more) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            pieces.push(rest);
            prop_assert_eq!(frames(pieces).unwrap(), frames([whole]).unwrap());
        }
    }

    #[test]
    fn nonsense_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let _ = frames(bytes.chunks(100));
    }

    #[test]
    fn damage_does_no_harm(at in 0..FORWARD.len(), byte: u8) {
        let mut bytes = FORWARD.to_vec();
        bytes[at] = byte;
        let _ = frames(bytes.chunks(50));
    }
}

/// A control frame with this body.
fn control(kind: u16, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_u16(0x8003);
    out.put_u16(kind);
    out.put_u8(flags);
    out.put_uint(body.len() as u64, 3);
    out.put_slice(body);
    out.to_vec()
}

fn syn(stream: u32, deflater: &mut headers::Deflater, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut body = [stream.to_be_bytes().as_slice(), &[0; 6]].concat();
    body.extend(deflater.deflate(&headers::block(headers)));
    control(1, 0, &body)
}

#[test]
fn limits() {
    let bomb = "a".repeat(100 << 10);
    let mut deflater = headers::Deflater::new();
    let large = syn(1, &mut deflater, &[("x", &bomb)]);
    assert!(large.len() < 10_000, "it is packed well");
    let many: Vec<(&str, &str)> = (0..101).map(|_| ("a", "b")).collect();
    let rows: &[(Vec<u8>, FrameError)] = &[
        (large, FrameError::TooLarge),
        (syn(1, &mut headers::Deflater::new(), &many), FrameError::TooLarge),
        (control(4, 0, &vec![0; MAX_CONTROL + 1]), FrameError::TooLarge),
        (control(3, 0, &[0; 8]), FrameError::Malformed("stream 0")),
        (control(1, 0, &[0, 0, 0, 1]), FrameError::Malformed("too short")),
        (vec![0; 8], FrameError::Malformed("data on stream 0")),
        (b"\x80\x02\0\x01\0\0\0\0".to_vec(), FrameError::Malformed("not version 3")),
        (syn(0, &mut headers::Deflater::new(), &[]), FrameError::Malformed("stream 0")),
    ];
    for (bytes, fault) in rows {
        assert_eq!(frames([&bytes[..]]).as_ref(), Err(fault), "{bytes:?}");
    }
}

/// A connection on which these bytes arrive, and what it sends.
fn connection(
    bytes: Vec<u8>,
) -> (Connection, impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>>) {
    let arriving = stream::iter([Bytes::from(bytes)]).chain(stream::pending()).boxed_local();
    let (wire, body) = Wire::new(arriving, Arc::new(SystemClock));
    let (source, sink) = wire.raw();
    (Connection::new(source, sink), body)
}

#[actix_web::test]
async fn pings_come_back_and_wrong_streams_are_reset() {
    let mut deflater = headers::Deflater::new();
    let bytes = [
        control(6, 0, &7_u32.to_be_bytes()),
        control(6, 0, &8_u32.to_be_bytes()),
        syn(2, &mut deflater, &[]),
        syn(5, &mut deflater, &[("streamType", "error")]),
        syn(3, &mut deflater, &[]),
        control(3, 0, &[0, 0, 0, 5, 0, 0, 0, 5]),
    ];
    let (mut connection, body) = connection(bytes.concat());
    let Some(Event::Opened(opened)) = connection.next().await else { panic!("not opened") };
    assert_eq!((opened.stream, opened.header("streamtype")), (5, "error"));
    let writer = connection.accept(&opened).await.unwrap();
    let mut body = std::pin::pin!(body);
    assert_eq!(body.next().await.unwrap().unwrap(), frame::ping(7));
    assert_eq!(body.next().await.unwrap().unwrap(), frame::reset(2, frame::Reset::Protocol));
    assert_eq!(body.next().await.unwrap().unwrap()[..4], *b"\x80\x03\0\x02");
    let Some(Event::Reset(5)) = connection.next().await else { panic!("not reset") };
    assert_eq!(body.next().await.unwrap().unwrap(), frame::reset(3, frame::Reset::Protocol));
    writer.send(Bytes::from_static(b"late")).await.unwrap_err();
}

#[actix_web::test]
async fn windows_count_once_the_client_shows_that_it_counts() {
    let mut deflater = headers::Deflater::new();
    let settings = control(4, 0, &[0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 10]);
    let more = control(9, 0, &[0, 0, 0, 1, 0, 0, 0, 5]);
    let fin = control(6, 0, &1_u32.to_be_bytes());
    let bytes = [settings, syn(1, &mut deflater, &[]), more, fin].concat();
    let (mut connection, body) = connection(bytes);
    let Some(Event::Opened(opened)) = connection.next().await else { panic!("not opened") };
    let writer = connection.accept(&opened).await.unwrap();
    let mut body = std::pin::pin!(body);
    body.next().await;
    let send = writer.send(Bytes::from_static(b"0123456789abcdefghij"));
    let mut send = std::pin::pin!(send);
    assert!(futures_util::poll!(&mut send).is_pending());
    assert_eq!(body.next().await.unwrap().unwrap(), frame::data(1, false, b"0123456789"));
    assert!(futures_util::poll!(std::pin::pin!(connection.next())).is_pending());
    assert!(futures_util::poll!(&mut send).is_pending());
    let mut next = async || body.next().await.unwrap().unwrap();
    assert_eq!(next().await, frame::ping(1));
    assert_eq!(next().await, frame::data(1, false, b"abcde"));
}

#[actix_web::test]
async fn what_is_taken_may_be_sent_again() {
    let mut deflater = headers::Deflater::new();
    let mut bytes = syn(1, &mut deflater, &[]);
    bytes.extend_from_slice(&frame::data(1, false, &[7; 40 << 10]));
    let (mut connection, body) = connection(bytes);
    let Some(Event::Opened(opened)) = connection.next().await else { panic!("not opened") };
    let _writer = connection.accept(&opened).await.unwrap();
    let Some(Event::Data(1, taken, false)) = connection.next().await else { panic!("no data") };
    assert_eq!(taken.len(), 40 << 10);
    let sent: Vec<Bytes> = body.take(3).map(Result::unwrap).collect().await;
    assert_eq!(sent[1..], [frame::window(0, 40 << 10), frame::window(1, 40 << 10)]);
}
