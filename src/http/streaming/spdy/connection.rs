//! A connection with its streams: answers what the protocol answers by itself and tells the rest.
//!
//! The Go clients never count windows: they send without waiting for updates and never send any.
//! So the windows of what is sent here count only once the client has shown that it knows of them;
//! what arrives is slowed by not reading on, and updates are sent for those that wait for them.

use super::{
    super::wire::{Gone, Sink, Source},
    frame::{self, Decoder, Frame, Reset},
    headers::Deflater,
};
use bytes::Bytes;
use std::{cell::Cell, collections::HashMap, rc::Rc};
use tokio::sync::Notify;

/// Most streams open at a time: two for each of 500 forwarded connections.
const MAX_STREAMS: usize = 1000;
/// The window both sides start with.
const WINDOW: u32 = 64 << 10;

/// A connection.
pub struct Connection {
    source: Source,
    sink: Sink,
    decoder: Decoder,
    deflater: Deflater,
    lines: HashMap<u32, Rc<Line>>,
    flow: Rc<Flow>,
    /// The number of the last stream that was opened.
    last: u32,
    /// Bytes handed on and not yet allowed again, on the connection.
    taken: u32,
}

/// What a client does that somebody has to decide about.
pub enum Event {
    /// It opens a stream; to be accepted or refused.
    Opened(Opened),
    /// It sends bytes on a stream, perhaps the last ones.
    Data(u32, Bytes, bool),
    /// It ends a stream at once.
    Reset(u32),
}

/// A new stream.
pub struct Opened {
    /// Its number.
    pub stream: u32,
    headers: Vec<(String, String)>,
    fin: bool,
}

impl Opened {
    /// A header, empty when absent. `name` is in lower case.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }
}

/// The state of a stream that both sides look at.
struct Line {
    stream: u32,
    /// Bytes that may be sent.
    credit: Cell<i64>,
    /// Bytes handed on and not yet allowed again.
    taken: Cell<u32>,
    /// Whether this side will send no more.
    ended: Cell<bool>,
    /// Whether the client will send no more.
    left: Cell<bool>,
}

/// The windows of what is sent.
struct Flow {
    /// Whether the client counts.
    counts: Cell<bool>,
    initial: Cell<i64>,
    credit: Cell<i64>,
    more: Notify,
}

impl Flow {
    /// Waits until some of `wanted` bytes may be sent, and takes them from the windows.
    async fn reserve(&self, line: &Line, wanted: usize) -> usize {
        loop {
            let more = self.more.notified();
            let room = line.credit.get().min(self.credit.get());
            let granted = match usize::try_from(room) {
                // Of a stream that has ended nothing is sent; its writer need not wait to learn it.
                _ if !self.counts.get() || line.ended.get() => wanted,
                Ok(room) => room.min(wanted),
                Err(_) => 0,
            };
            if granted > 0 {
                let taken = i64::try_from(granted).unwrap_or(i64::MAX);
                line.credit.set(line.credit.get().saturating_sub(taken));
                self.credit.set(self.credit.get().saturating_sub(taken));
                return granted;
            }
            more.await;
        }
    }
}

impl Connection {
    /// A new connection.
    pub fn new(source: Source, sink: Sink) -> Connection {
        let flow = Flow {
            counts: Cell::new(false),
            initial: Cell::new(WINDOW.into()),
            credit: Cell::new(WINDOW.into()),
            more: Notify::new(),
        };
        Connection {
            source,
            sink,
            decoder: Decoder::new(),
            deflater: Deflater::new(),
            lines: HashMap::new(),
            flow: Rc::new(flow),
            last: 0,
            taken: 0,
        }
    }

    /// What the client does next; `None` when it has left or cannot be understood any more.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.decoder.next() {
                Ok(Some(frame)) => {
                    if let Some(event) = self.handle(frame).await.ok()? {
                        return Some(event);
                    }
                }
                Ok(None) => {
                    let bytes = self.source.next().await?;
                    self.decoder.push(&bytes);
                }
                Err(fault) => {
                    tracing::debug!(%fault, "SPDY");
                    return None;
                }
            }
        }
    }

    async fn handle(&mut self, frame: Frame) -> Result<Option<Event>, Gone> {
        Ok(match frame {
            Frame::Open { stream, fin, headers } => {
                // Clients open odd streams, each with a higher number than the last.
                if stream.is_multiple_of(2) || stream <= self.last {
                    self.sink.send(frame::reset(stream, Reset::Protocol)).await?;
                    return Ok(None);
                }
                self.last = stream;
                self.lines.retain(|_, line| !(line.ended.get() && line.left.get()));
                if self.lines.len() >= MAX_STREAMS {
                    self.sink.send(frame::reset(stream, Reset::Refused)).await?;
                    return Ok(None);
                }
                Some(Event::Opened(Opened { stream, headers, fin }))
            }
            Frame::Data { stream, fin, bytes } => {
                let Some(line) = self.lines.get(&stream).map(Rc::clone) else {
                    self.allow(bytes.len(), None).await?;
                    return Ok(None);
                };
                line.left.set(line.left.get() || fin);
                self.allow(bytes.len(), Some(&line)).await?;
                Some(Event::Data(stream, bytes, fin))
            }
            Frame::Reset { stream } => self.lines.remove(&stream).map(|line| {
                line.ended.set(true);
                line.left.set(true);
                self.flow.more.notify_waiters();
                Event::Reset(stream)
            }),
            Frame::Ping(id) => {
                if !id.is_multiple_of(2) {
                    self.sink.send(frame::ping(id)).await?;
                }
                None
            }
            Frame::Window { stream, more } => {
                self.flow.counts.set(true);
                let line = self.lines.get(&stream).map(|l| &l.credit);
                if let Some(credit) = line.or((stream == 0).then_some(&self.flow.credit)) {
                    credit.set(credit.get().saturating_add(more.into()));
                }
                self.flow.more.notify_waiters();
                None
            }
            Frame::InitialWindow(size) => {
                let change = i64::from(size) - self.flow.initial.replace(size.into());
                for line in self.lines.values() {
                    line.credit.set(line.credit.get().saturating_add(change));
                }
                self.flow.counts.set(true);
                self.flow.more.notify_waiters();
                None
            }
            Frame::GoAway => return Err(Gone),
            Frame::Other => None,
        })
    }

    /// Allows the client to send again what has been taken, in steps of half a window.
    async fn allow(&mut self, taken: usize, line: Option<&Line>) -> Result<(), Gone> {
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        self.taken = self.taken.saturating_add(taken);
        if self.taken >= WINDOW / 2 {
            let more = std::mem::take(&mut self.taken);
            self.sink.send(frame::window(0, more)).await?;
        }
        let Some(line) = line.filter(|l| !l.left.get()) else { return Ok(()) };
        line.taken.set(line.taken.get().saturating_add(taken));
        if line.taken.get() >= WINDOW / 2 {
            let more = line.taken.take();
            self.sink.send(frame::window(line.stream, more)).await?;
        }
        Ok(())
    }

    /// Accepts a stream.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn accept(&mut self, opened: &Opened) -> Result<Writer, Gone> {
        let line = Rc::new(Line {
            stream: opened.stream,
            credit: Cell::new(self.flow.initial.get()),
            taken: Cell::new(0),
            ended: Cell::new(false),
            left: Cell::new(opened.fin),
        });
        self.lines.insert(opened.stream, Rc::clone(&line));
        self.sink.send(frame::reply(opened.stream, &mut self.deflater)).await?;
        Ok(Writer { line, flow: Rc::clone(&self.flow), sink: self.sink.clone() })
    }

    /// Refuses a stream.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn refuse(&mut self, opened: &Opened) -> Result<(), Gone> {
        self.sink.send(frame::reset(opened.stream, Reset::Cancel)).await
    }

    /// What says that the connection is over; to be sent when nothing else will be.
    pub fn farewell(&self) -> Farewell {
        Farewell { sink: self.sink.clone(), last: self.last }
    }
}

/// The end of a connection.
pub struct Farewell {
    sink: Sink,
    last: u32,
}

impl Farewell {
    /// Sends it.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn send(self) -> Result<(), Gone> {
        self.sink.send(frame::go_away(self.last)).await?;
        self.sink.close().await
    }
}

/// Sends on one stream.
#[derive(Clone)]
pub struct Writer {
    line: Rc<Line>,
    flow: Rc<Flow>,
    sink: Sink,
}

impl Writer {
    /// Number of the stream.
    pub fn stream(&self) -> u32 {
        self.line.stream
    }

    /// Sends bytes; waits while the client is slow.
    ///
    /// # Errors
    /// When the client is gone, or wants no more of this stream.
    pub async fn send(&self, mut bytes: Bytes) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let wanted = bytes.len().min(frame::MAX_DATA);
            let granted = self.flow.reserve(&self.line, wanted).await;
            if self.line.ended.get() {
                return Err(Gone);
            }
            let part = bytes.split_to(granted);
            self.sink.send(frame::data(self.line.stream, false, &part)).await?;
        }
        Ok(())
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn finish(&self) -> Result<(), Gone> {
        if self.line.ended.replace(true) {
            return Ok(());
        }
        self.sink.send(frame::data(self.line.stream, true, &[])).await
    }

    /// Ends the stream at once, in both directions.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn reset(&self) -> Result<(), Gone> {
        self.line.left.set(true);
        if self.line.ended.replace(true) {
            return Ok(());
        }
        self.sink.send(frame::reset(self.line.stream, Reset::Cancel)).await
    }
}
