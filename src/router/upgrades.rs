//! Connections that become another protocol's: what a client and a pod then say to each other passes
//! the router as it is. WebSocket is the only such protocol that the web framework hands on.

use super::headers::{self, Headers};
use crate::{
    runtime::{Connection, Fetch, Fetched},
    world::Clock,
};
use actix_http::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use jiff::SignedDuration;
use std::{convert::Infallible, sync::Arc};

/// Longest head of an answer, and longest body of one that does not switch.
const LONGEST_HEAD: usize = 64 << 10;
const LONGEST_BODY: usize = 16 << 20;

/// A connection to a pod that has agreed to switch.
pub struct Switched {
    /// To what.
    pub protocol: String,
    /// What has come after its answer.
    rest: Bytes,
    connection: Connection,
}

/// What a request wants to switch to, if it does.
pub fn wanted(request: &Headers) -> Option<&str> {
    let named = request.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
    let mut options = named.flat_map(|(_, list)| list.split(','));
    let asked = options.any(|option| option.trim().eq_ignore_ascii_case("upgrade"));
    let protocol = headers::get(request, "upgrade").filter(|_| asked)?;
    protocol.eq_ignore_ascii_case("websocket").then_some(protocol)
}

/// Asks a pod to switch; what it answers, and the connection if it agrees. Nothing when it hangs up.
pub async fn ask(
    connection: Connection,
    request: &Fetch,
    protocol: &str,
) -> Option<(Fetched, Option<Switched>)> {
    let (to, mut from) = connection;
    to.send(written(request, protocol).into()).await.ok()?;
    let mut bytes = BytesMut::new();
    let (mut answer, head) = loop {
        match read(&bytes)? {
            Some(whole) => break whole,
            None => bytes.extend_from_slice(&from.recv().await?),
        }
    };
    let mut rest = bytes.split_off(head);
    if answer.status == 101 {
        let protocol = answer.header("upgrade").unwrap_or(protocol).to_owned();
        let switched = Switched { protocol, rest: rest.freeze(), connection: (to, from) };
        return Some((answer, Some(switched)));
    }
    let length = answer.header("content-length").and_then(|l| l.parse::<usize>().ok());
    let length = length.unwrap_or(LONGEST_BODY).min(LONGEST_BODY);
    while rest.len() < length {
        let Some(chunk) = from.recv().await else { break };
        rest.extend_from_slice(&chunk);
    }
    rest.truncate(length);
    answer.body = rest.freeze();
    Some((answer, None))
}

fn written(request: &Fetch, protocol: &str) -> String {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    for (name, value) in &request.headers {
        out += &format!("{name}: {value}\r\n");
    }
    out + &format!("Connection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n")
}

/// The head of an answer and its length; `Some(None)` while there is more to come, nothing when it is
/// none.
fn read(bytes: &[u8]) -> Option<Option<(Fetched, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) if bytes.len() <= LONGEST_HEAD => return Some(None),
        _ => return None,
    };
    let text = |h: &httparse::Header<'_>| {
        (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned())
    };
    let headers = parsed.headers.iter().map(text).collect();
    let answer = Fetched { status: parsed.code?, headers, ..Fetched::default() };
    Some(Some((answer, head)))
}

/// What is to be done next.
enum TunnelStep {
    /// A client has said something, or left.
    Client(Option<Bytes>),
    /// The pod takes more.
    Room,
    /// The pod has said something, or left.
    Pod(Option<Bytes>),
    /// Nobody has said anything for too long.
    Silence,
}

impl Switched {
    /// What the client gets; what it sends meanwhile goes to the pod. Ends when either side leaves, or
    /// nobody has said anything for so long.
    pub fn carried(
        self,
        client: Payload,
        clock: Arc<dyn Clock>,
        idle: SignedDuration,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let (to, from) = self.connection;
        let begun = (client, to, from, None::<Bytes>);
        let carried = stream::unfold(begun, move |(mut client, to, mut from, mut waits)| {
            let clock = Arc::clone(&clock);
            async move {
                loop {
                    let until = clock.now().checked_add(idle).unwrap_or_default();
                    let step = tokio::select! {
                        said = from.recv() => TunnelStep::Pod(said),
                        said = client.next(), if waits.is_none() => {
                            TunnelStep::Client(said.and_then(Result::ok))
                        }
                        room = to.reserve(), if waits.is_some() => match (room, waits.take()) {
                            (Ok(room), Some(chunk)) => {
                                room.send(chunk);
                                TunnelStep::Room
                            }
                            _ => TunnelStep::Pod(None),
                        },
                        () = clock.sleep_until(until) => TunnelStep::Silence,
                    };
                    match step {
                        TunnelStep::Pod(Some(said)) => {
                            return Some((Ok(said), (client, to, from, waits)));
                        }
                        TunnelStep::Client(said @ Some(_)) => waits = said,
                        TunnelStep::Room => {}
                        TunnelStep::Pod(None) | TunnelStep::Client(None) | TunnelStep::Silence => {
                            return None;
                        }
                    }
                }
            }
        });
        let first = Some(self.rest).filter(|rest| !rest.is_empty()).map(Ok);
        stream::iter(first).chain(carried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn lines(rows: &[(&str, &str)]) -> Headers {
        rows.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn who_wants_to_switch_says_so_twice() {
        let rows: &[(&[(&str, &str)], bool)] = &[
            (&[("Connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")], true),
            (&[("Connection", "Upgrade")], false),
            (&[("Upgrade", "websocket")], false),
            (&[("Connection", "Upgrade"), ("Upgrade", "h2c")], false),
        ];
        for (headers, expected) in rows {
            assert_eq!(wanted(&lines(headers)).is_some(), *expected, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn what_a_pod_says() {
        let rows = [
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nhi", Some((101, "hi"))),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno more", Some((404, "no"))),
            ("HTTP/1.1 200 OK\r\n\r\nto the end", Some((200, "to the end"))),
            ("HTTP/1.1 200", None),
            ("what?\r\n\r\n", None),
        ];
        for (text, expected) in rows {
            let (to, mut asked) = mpsc::channel(8);
            let (says, from) = mpsc::channel(8);
            for chunk in text.as_bytes().chunks(9) {
                says.send(Bytes::copy_from_slice(chunk)).await.unwrap();
            }
            drop(says);
            let request = Fetch { method: "GET".into(), path: "/x".into(), ..Fetch::default() };
            let found = ask((to, from), &request, "websocket").await;
            assert!(asked.recv().await.unwrap().starts_with(b"GET /x HTTP/1.1\r\n"));
            let mut said = Vec::new();
            let status = found.map(|(answer, switched)| {
                said.extend_from_slice(&answer.body);
                if let Some(switched) = switched {
                    said.extend_from_slice(&switched.rest);
                    let (_, mut more) = switched.connection;
                    while let Ok(chunk) = more.try_recv() {
                        said.extend_from_slice(&chunk);
                    }
                }
                answer.status
            });
            let said = String::from_utf8(said).unwrap();
            assert_eq!(status.map(|s| (s, said.as_str())), expected, "{text}");
        }
    }
}
