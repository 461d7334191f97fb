//! Whole sessions over both protocols, fed with what real clients sent and read as clients read.

mod forwards;
mod processes;

use super::*;
use crate::{
    api::Streams,
    runtime::{Target, testing::Double},
    world::StepClock,
};
use actix_codec::Decoder as _;
use actix_http::ws;
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, Stream, stream};
use spdy::frame::{Decoder, Frame};
use std::{collections::BTreeMap, convert::Infallible};
use tokio::runtime::Handle;

fn clock() -> Arc<StepClock> {
    Arc::new(StepClock::new("2026-01-01T00:00:00Z".parse().unwrap()))
}

fn process(command: &[&str], streams: Streams) -> Session {
    let target = Target { namespace: "n".into(), pod: "p".into(), container: "c".into() };
    let command = (!command.is_empty()).then(|| command.iter().map(|c| (*c).to_owned()).collect());
    let task = Task::Process { target, command, streams };
    Session { task, containers: Arc::new(Double), node: String::new() }
}

fn forward(ports: &[u16]) -> Session {
    let task = Task::Forward { namespace: "n".into(), pod: "p".into(), ports: ports.to_vec() };
    Session { task, containers: Arc::new(Double), node: String::new() }
}

/// The host of a session that needs no time.
fn host(session: Session) -> Host {
    host_at(session, clock())
}

fn host_at(session: Session, clock: Arc<dyn crate::world::Clock>) -> Host {
    Host { session, processes: Handle::current(), clock, opened: None }
}

/// stdin, stdout and stderr.
const ALL: Streams = Streams { stdin: true, stdout: true, stderr: true, tty: false };
/// stdout and stderr.
const OUT: Streams = Streams { stdin: false, ..ALL };

/// A client that sends these bytes and then waits.
fn saying(bytes: &[u8]) -> wire::Arriving {
    stream::iter([Bytes::copy_from_slice(bytes)]).chain(stream::pending()).boxed_local()
}

/// Everything a session sends to a client that says `bytes`, until the session ends.
async fn answer(session: Session, protocol: Protocol, bytes: &[u8]) -> Vec<u8> {
    let (wire, body) = Wire::new(saying(bytes), clock());
    let (answer, ()) = tokio::join!(read(body), work(host(session), protocol, wire));
    answer
}

async fn read(body: impl Stream<Item = Result<Bytes, Infallible>>) -> Vec<u8> {
    body.map(Result::unwrap).fold(Vec::new(), async |all, b| [all, b.to_vec()].concat()).await
}

/// The messages of a server, as text with their channel before them.
fn messages(bytes: &[u8]) -> Vec<String> {
    let mut codec = ws::Codec::new().max_size(1 << 20).client_mode();
    let mut buffer = BytesMut::from(bytes);
    let mut out = Vec::new();
    while let Some(frame) = codec.decode(&mut buffer).unwrap() {
        out.push(match frame {
            ws::Frame::Binary(b) => format!("{}:{}", b[0], String::from_utf8_lossy(&b[1..])),
            ws::Frame::Text(b) => format!("text {}", String::from_utf8_lossy(&b)),
            ws::Frame::Pong(b) => format!("pong {}", String::from_utf8_lossy(&b)),
            ws::Frame::Close(why) => format!("close {}", u16::from(why.unwrap().code)),
            other => panic!("{other:?}"),
        });
    }
    assert!(buffer.is_empty());
    out
}

/// A client's message, masked as it must be.
fn message(text: bool, bytes: &[u8]) -> Vec<u8> {
    use actix_codec::Encoder;
    let mut out = BytesMut::new();
    let bytes = Bytes::copy_from_slice(bytes);
    let message = match text {
        true => ws::Message::Text(String::from_utf8(bytes.to_vec()).unwrap().into()),
        false => ws::Message::Binary(bytes),
    };
    ws::Codec::new().client_mode().encode(message, &mut out).unwrap();
    out.to_vec()
}

/// What a server sends on each SPDY stream, and which of them it ended.
fn streams(bytes: &[u8]) -> BTreeMap<u32, (String, bool)> {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    let mut out: BTreeMap<u32, (String, bool)> = BTreeMap::new();
    while let Some(frame) = decoder.next().unwrap() {
        match frame {
            Frame::Data { stream, fin, bytes } => {
                let (text, ended) = out.entry(stream).or_default();
                assert!(!*ended, "data after the end of {stream}");
                text.push_str(&String::from_utf8_lossy(&bytes));
                *ended = fin;
            }
            Frame::Reset { stream } => out.entry(stream).or_default().0 += "(reset)",
            _ => {}
        }
    }
    assert_eq!(decoder.held(), 0);
    out
}
