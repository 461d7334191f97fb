//! Ports that scripts listen on, such as those of `nc -l`. Programs of images need none of this:
//! what they serve follows from their call.

use super::super::responder;
use crate::runtime::{BACKLOG, Connection, Fetch, Fetched};
use bytes::BytesMut;
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::mpsc;

/// Most ports that scripts may listen on.
const MOST: usize = 4096;

/// By uid of the pod and port.
#[derive(Default)]
pub struct Listeners(Mutex<HashMap<(String, u16), mpsc::Sender<Connection>>>);

impl Listeners {
    /// Listens on a port as long as the receiver lives; nothing when somebody does already.
    pub fn bind(&self, pod: &str, port: u16) -> Option<mpsc::Receiver<Connection>> {
        let mut bound = self.0.lock();
        bound.retain(|_, to| !to.is_closed());
        let key = (pod.to_owned(), port);
        if bound.contains_key(&key) || bound.len() >= MOST {
            return None;
        }
        let (to, from) = mpsc::channel(BACKLOG);
        bound.insert(key, to);
        Some(from)
    }

    /// Opens a connection to a port a script listens on.
    pub fn open(&self, pod: &str, port: u16) -> Option<Connection> {
        let bound = self.0.lock();
        let listener = bound.get(&(pod.to_owned(), port))?;
        let (into, incoming) = mpsc::channel(BACKLOG);
        let (outgoing, from) = mpsc::channel(BACKLOG);
        listener.try_send((outgoing, incoming)).ok()?;
        Some((into, from))
    }
}

/// Longest answer that is read from a script.
const LONGEST: usize = 1 << 20;

/// Sends a request over a connection; the answer ends with it, or after its announced length.
pub async fn exchange(connection: Connection, request: &Fetch) -> Option<Fetched> {
    let (to, mut from) = connection;
    to.send(responder::written(request).into()).await.ok()?;
    let mut bytes = BytesMut::new();
    loop {
        if let Some(answer) = responder::answered(&bytes, false) {
            return Some(answer);
        }
        match from.recv().await {
            Some(chunk) if bytes.len() + chunk.len() <= LONGEST => bytes.extend_from_slice(&chunk),
            _ => return responder::answered(&bytes, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_taken_as_long_as_somebody_listens() {
        let listeners = Listeners::default();
        let mut first = listeners.bind("pod", 80).unwrap();
        assert!(listeners.bind("pod", 80).is_none());
        let request = Fetch { method: "GET".into(), path: "/x".into(), ..Fetch::default() };
        let connection = listeners.open("pod", 80).unwrap();
        let answer = tokio::spawn(async move { exchange(connection, &request).await });
        let (to, mut from) = first.recv().await.unwrap();
        assert!(from.recv().await.unwrap().starts_with(b"GET /x HTTP/1.1\r\n"));
        to.send(bytes::Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\nhi")).await.unwrap();
        drop((to, from));
        let answer = answer.await.unwrap().unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"hi"[..]));
        drop(first);
        assert!(listeners.open("pod", 80).is_none());
        assert!(listeners.bind("pod", 80).is_some());
    }
}
