//! The bytes of an upgraded connection: what arrives, what leaves, and when it is over.

use super::websocket;
use crate::{
    object::time::plus_seconds,
    world::{BoxFuture, Clock},
};
use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{LocalBoxStream, poll_fn},
};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{convert::Infallible, future::Future, sync::Arc};
use tokio::sync::{mpsc, watch};

/// Chunks that wait to be written to a client; whoever has more waits.
const BACKLOG: usize = 4;
/// A connection on which nothing moves for four hours is closed, as the kubelet does.
const IDLE_SECONDS: i64 = 4 * 60 * 60;

/// What a client sends, chunk by chunk; its end is the client's leaving.
pub type Arriving = LocalBoxStream<'static, Bytes>;

/// An upgraded connection.
pub struct Wire {
    /// What the client sends.
    pub arriving: Arriving,
    /// What it gets.
    pub leaving: Leaving,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The way to the client. All clones write to the same connection.
#[derive(Clone)]
pub struct Leaving {
    sender: mpsc::Sender<Bytes>,
    moved: Moved,
}

/// When a byte last moved in either direction.
#[derive(Clone)]
struct Moved(Arc<Mutex<Timestamp>>, Arc<dyn Clock>);

impl Moved {
    fn touch(&self) {
        *self.0.lock() = self.1.now();
    }
}

/// The client is gone.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone;

impl Wire {
    /// A connection on which `arriving` comes in, and the body that goes out.
    pub fn new(
        arriving: Arriving,
        clock: Arc<dyn Clock>,
    ) -> (Wire, impl Stream<Item = Result<Bytes, Infallible>> + 'static) {
        let (sender, mut receiver) = mpsc::channel(BACKLOG);
        let moved = Moved(Arc::new(Mutex::new(clock.now())), Arc::clone(&clock));
        let touched = moved.clone();
        let arriving = arriving.inspect(move |_| touched.touch()).boxed_local();
        let leaving = Leaving { sender, moved };
        let body = poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok);
        (Wire { arriving, leaving, clock }, body)
    }

    /// Ends, saying why, when the connection has to.
    pub fn watched(
        &self,
        mut stopping: watch::Receiver<bool>,
    ) -> impl Future<Output = &'static str> + 'static {
        let leaving = self.leaving.clone();
        async move {
            tokio::select! {
                () = leaving.sender.closed() => "the client is gone",
                _ = stopping.wait_for(|s| *s) => "the server stops",
                () = idle(leaving.moved.clone()) => "nothing moved",
            }
        }
    }

    /// The connection as a WebSocket.
    pub fn websocket(self) -> (websocket::Reader, Sink) {
        let reader = websocket::Reader::new(self.arriving, self.leaving.clone());
        (reader, Sink { leaving: self.leaving, websocket: true })
    }
}

async fn idle(moved: Moved) {
    loop {
        let last = *moved.0.lock();
        let ends = plus_seconds(last, IDLE_SECONDS);
        let timer: BoxFuture<()> = moved.1.sleep_until(ends);
        timer.await;
        if *moved.0.lock() == last {
            return;
        }
    }
}

impl Leaving {
    /// Sends bytes as they are; waits while the client is slow.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn send(&self, bytes: Bytes) -> Result<(), Gone> {
        self.moved.touch();
        self.sender.send(bytes).await.map_err(|_| Gone)
    }
}

/// A byte stream from the client: the connection's own, or the binary messages of a WebSocket.
pub enum Source {
    /// The connection's own bytes.
    Raw(Arriving),
    /// The payload of messages.
    WebSocket(websocket::Reader),
}

impl Source {
    /// The next bytes; `None` when the client has left.
    pub async fn next(&mut self) -> Option<Bytes> {
        match self {
            Source::Raw(arriving) => arriving.next().await,
            Source::WebSocket(reader) => reader.next().await,
        }
    }
}

/// The way back.
#[derive(Clone)]
pub struct Sink {
    leaving: Leaving,
    websocket: bool,
}

impl Sink {
    /// Bytes as they are.
    pub fn raw(leaving: Leaving) -> Sink {
        Sink { leaving, websocket: false }
    }

    /// Sends bytes; in a WebSocket as one binary message.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn send(&self, bytes: Bytes) -> Result<(), Gone> {
        let bytes = if self.websocket { websocket::binary(bytes) } else { bytes };
        self.leaving.send(bytes).await
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn send_text(&self, text: String) -> Result<(), Gone> {
        self.leaving.send(websocket::text(text)).await
    }

    /// Says that the conversation is over.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn close(&self) -> Result<(), Gone> {
        if self.websocket { self.leaving.send(websocket::normal_closure()).await } else { Ok(()) }
    }
}
