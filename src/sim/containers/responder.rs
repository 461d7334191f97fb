//! What answers on a simulated port: a small HTTP server whose page says which pod, image and
//! digest it came from.

use super::{
    echoing,
    network::{Answerer, Backend},
    programs::{self, Facts, Request, Words},
};
use crate::{
    controllers::View,
    object::ObjectExt,
    sim::shell::machine::{Fetch, Fetched},
    world::BoxFuture,
};
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Longest head of a request.
const LONGEST_HEAD: usize = 16 << 10;
/// Longest body that is read past.
const LONGEST_BODY: usize = 16 << 20;

impl Backend {
    /// What is known of the program for its lines.
    pub fn facts(&self, view: &View) -> Facts {
        let process = self.place.process(view);
        Facts {
            pod: self.place.pod.name().into(),
            ip: self.place.pod.str_at("status.podIP").into(),
            port: process.serves.first().copied().unwrap_or(self.port),
            boot: process.boot,
        }
    }

    /// The words of the program that answers.
    pub fn words(&self, view: &View) -> Arc<Words> {
        let argv = self.place.argv(view, &self.place.config(view));
        programs::of(&argv).map(|(_, words)| words).unwrap_or_default()
    }

    /// Whether its port speaks TLS. By the habit of images: 443 and 8443 do, others do not.
    pub fn speaks_tls(&self, view: &View) -> bool {
        let config = self.place.config(view);
        let argv = self.place.argv(view, &config);
        let make = || super::env::of(view, &self.place, &config, false, "/").into_iter().collect();
        let told = programs::find(&argv).secure_ports(&programs::Call::new(&argv, &make));
        let told = told.map(|ports| ports.contains(&self.port));
        told.unwrap_or(self.port % 1000 == 443)
    }
}

impl Answerer {
    /// The line a request leaves in the log.
    pub fn line(
        &self,
        client: &str,
        request: &Fetch,
        answer: &Fetched,
        now: Timestamp,
    ) -> Option<String> {
        let agent = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("user-agent"));
        let seen = Request {
            client: client.into(),
            method: request.method.clone(),
            path: request.path.clone(),
            status: answer.status,
            size: answer.body.len(),
            agent: agent.map_or("-".into(), |(_, v)| v.clone()),
        };
        self.words.request(&seen, &self.facts, now)
    }
}

/// Serves one connection: requests in, what `answer` makes of them out, until either side ends.
pub async fn serve(
    mut incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Bytes>,
    answer: impl Fn(Fetch) -> BoxFuture<Option<Fetched>>,
) {
    let mut buffer = BytesMut::new();
    loop {
        let (request, length, close) = loop {
            match read(&buffer) {
                Read::Whole(request, length, close) => break (request, length, close),
                Read::More => {}
                Read::Bad => {
                    // A client that has gone does not need to know.
                    let _ = outgoing.send(Bytes::from_static(BAD)).await;
                    return;
                }
            }
            let Some(chunk) = incoming.recv().await else { return };
            buffer.extend_from_slice(&chunk);
        };
        let _ = buffer.split_to(length);
        let head_only = request.method == "HEAD";
        let Some(answer) = answer(request).await else { return };
        let mut out = format!("HTTP/1.1 {} {}\r\n", answer.status, answer.reason()).into_bytes();
        for (name, value) in &answer.headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if answer.status == 101 {
            out.extend_from_slice(b"\r\n");
            if outgoing.send(out.into()).await.is_ok() {
                echoing::serve(buffer, answer.body, incoming, outgoing).await;
            }
            return;
        }
        out.extend_from_slice(if close { b"Connection: close\r\n\r\n" } else { b"\r\n" });
        if !head_only {
            out.extend_from_slice(&answer.body);
        }
        if outgoing.send(out.into()).await.is_err() || close {
            return;
        }
    }
}

const BAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A request as it goes over a connection that ends with its answer.
pub fn written(request: &Fetch) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    if !request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("host")) {
        out.push_str(&format!("Host: {}\r\n", request.host));
    }
    for (name, value) in &request.headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    if !request.body.is_empty() {
        out.push_str(&format!("Content-Length: {}\r\n", request.body.len()));
    }
    out.push_str("Connection: close\r\n\r\n");
    [out.as_bytes(), &request.body].concat()
}

/// The answer that has come over a connection, if it is whole.
pub fn answered(bytes: &[u8], ended: bool) -> Option<Fetched> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = parsed.parse(bytes) else { return None };
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
        .collect();
    let length = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("content-length"));
    let length: Option<usize> = length.and_then(|(_, l)| l.trim().parse().ok());
    let body = &bytes[head..];
    let body = match length {
        Some(length) if body.len() >= length => &body[..length],
        _ if ended => body,
        _ => return None,
    };
    let status = parsed.code.unwrap_or(200);
    Some(Fetched { status, headers, body: Bytes::copy_from_slice(body), address: None })
}

enum Read {
    /// A request, its length with its body, and whether the connection ends after it.
    Whole(Fetch, usize, bool),
    More,
    Bad,
}

fn read(bytes: &[u8]) -> Read {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() <= LONGEST_HEAD => return Read::More,
        _ => return Read::Bad,
    };
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
        .collect();
    let find = |name: &str| {
        headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    };
    let length = match find("content-length").map(str::parse) {
        None => 0,
        Some(Ok(length)) if length <= LONGEST_BODY => length,
        // Bodies of unknown length are not read.
        Some(_) => return Read::Bad,
    };
    if find("transfer-encoding").is_some() {
        return Read::Bad;
    }
    if bytes.len() < head + length {
        return Read::More;
    }
    let close = match find("connection") {
        Some(text) => text.eq_ignore_ascii_case("close"),
        None => parsed.version == Some(0),
    };
    let fetch = Fetch {
        method: parsed.method.unwrap_or("GET").to_owned(),
        path: parsed.path.unwrap_or("/").to_owned(),
        host: find("host").unwrap_or("").split(':').next().unwrap_or("").to_owned(),
        body: Bytes::copy_from_slice(&bytes[head..head + length]),
        headers,
        ..Fetch::default()
    };
    Read::Whole(fetch, head + length, close)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn talk(chunks: &[&str]) -> String {
        let (to, incoming) = mpsc::channel(16);
        let (outgoing, mut from) = mpsc::channel(16);
        for chunk in chunks {
            to.send(Bytes::copy_from_slice(chunk.as_bytes())).await.unwrap();
        }
        drop(to);
        let answer = |request: Fetch| -> BoxFuture<Option<Fetched>> {
            let body = format!("{} {}", request.path, request.body.len()).into();
            let answer = Fetched { status: 200, body, ..Fetched::default() };
            Box::pin(std::future::ready(Some(answer)))
        };
        serve(incoming, outgoing, answer).await;
        let mut all = Vec::new();
        while let Some(chunk) = from.recv().await {
            all.extend_from_slice(&chunk);
        }
        String::from_utf8(all).unwrap()
    }

    #[tokio::test]
    async fn connections_carry_several_requests() {
        let rows: &[(&[&str], &str)] = &[
            (&["GET /a HTTP/1.1\r\n\r\n"], "HTTP/1.1 200 OK\r\n\r\n/a 0"),
            (&["GET /a HT", "TP/1.1\r\nHost: x\r\n\r", "\n"], "HTTP/1.1 200 OK\r\n\r\n/a 0"),
            (
                &["GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\nConnection: close\r\n\r\n"],
                "HTTP/1.1 200 OK\r\n\r\n/a 0HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
            ),
            (
                &["POST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", "c"],
                "HTTP/1.1 200 OK\r\n\r\n/p 3",
            ),
            (&["\x16\x03\x01"], std::str::from_utf8(BAD).unwrap()),
            (
                &["GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"],
                std::str::from_utf8(BAD).unwrap(),
            ),
        ];
        for (chunks, expected) in rows {
            assert_eq!(talk(chunks).await, *expected, "{chunks:?}");
        }
    }
}
