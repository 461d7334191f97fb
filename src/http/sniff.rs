//! What stands between TLS and HTTP/1.1 so that a client can switch to SPDY.
//!
//! The web framework hands a request the bytes that come after its head only if it asks to
//! upgrade to `websocket`. A sniffer reads the first head of a connection and writes a request for
//! SPDY/3.1 as one for websocket, with [`MARK`] beside it; everything else passes through untouched.
//! One head is enough: clients that upgrade open a connection for it.

use bytes::{Buf, Bytes, BytesMut};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Names the protocol a rewritten request asked for.
pub const MARK: &str = "x-upgrade-asked";

/// Most bytes of a head that is looked at; a longer one passes through as it is, to be refused by
/// HTTP's own limit.
const MAX_HEAD: usize = 64 << 10;
const END: &[u8] = b"\r\n\r\n";

/// Cuts a connection: nothing more is written to it, nor read from it.
#[derive(Clone, Default)]
pub struct Cutter(Arc<AtomicBool>);

impl Cutter {
    /// Cuts it.
    pub fn cut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }
}

/// A connection whose first request head is looked at.
pub struct Sniffer<T> {
    inner: T,
    cutter: Cutter,
    state: State,
}

enum State {
    /// The bytes of an unfinished head.
    Gathering(BytesMut),
    /// Bytes to be read before the connection's own.
    Passing(Bytes),
}

impl<T> Sniffer<T> {
    /// Looks at the first head.
    pub fn new(inner: T) -> Sniffer<T> {
        let state = State::Gathering(BytesMut::new());
        Sniffer { inner, cutter: Cutter::default(), state }
    }
    /// Looks at nothing.
    pub fn open(inner: T) -> Sniffer<T> {
        Sniffer { inner, cutter: Cutter::default(), state: State::Passing(Bytes::new()) }
    }
    /// What cuts it.
    pub fn cutter(&self) -> Cutter {
        self.cutter.clone()
    }
    /// The connection itself.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }
}

impl<T: AsyncRead + Unpin> Sniffer<T> {
    /// Reads on until the head is complete, too long, or cut off.
    fn gather(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let State::Gathering(head) = &mut self.state {
            let mut space = [0; 4096];
            let mut read = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut read))?;
            let seen = head.len().saturating_sub(END.len());
            head.extend_from_slice(read.filled());
            let end = head[seen..].windows(END.len()).position(|w| w == END);
            if end.is_some() || read.filled().is_empty() || head.len() > MAX_HEAD {
                let rest = head.split_off(end.map_or(0, |at| seen + at + END.len()));
                self.state = State::Passing(rewritten(head, &rest).freeze());
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The head as HTTP shall see it, and what came after it.
pub fn rewritten(head: &[u8], rest: &[u8]) -> BytesMut {
    let mut out = BytesMut::with_capacity(head.len() + rest.len() + 64);
    match std::str::from_utf8(head).ok().filter(|text| asks_for_spdy(text)) {
        None => out.extend_from_slice(head),
        Some(text) => {
            for line in text.split_inclusive("\r\n") {
                match header(line) {
                    Some(("upgrade", value)) => {
                        let lines = format!("Upgrade: websocket\r\n{MARK}: {value}\r\n");
                        out.extend_from_slice(lines.as_bytes());
                    }
                    // Clients say that an upgrade without a body has one of length 0.
                    Some(("content-length", "0")) => {}
                    _ => out.extend_from_slice(line.as_bytes()),
                }
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

fn asks_for_spdy(head: &str) -> bool {
    head.split("\r\n")
        .filter_map(header)
        .any(|(name, value)| name == "upgrade" && value.to_ascii_lowercase().contains("spdy/3.1"))
}

/// Name and value of a header line whose name matters here.
fn header(line: &str) -> Option<(&'static str, &str)> {
    let (name, value) = line.split_once(':')?;
    let known = ["upgrade", "content-length"];
    let name = known.into_iter().find(|k| name.eq_ignore_ascii_case(k))?;
    Some((name, value.trim()))
}

impl<T: AsyncRead + Unpin> AsyncRead for Sniffer<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cutter.check()?;
        ready!(self.gather(cx))?;
        match &mut self.state {
            State::Passing(first) if !first.is_empty() => {
                let n = first.len().min(buf.remaining());
                buf.put_slice(&first[..n]);
                first.advance(n);
                Poll::Ready(Ok(()))
            }
            _ => Pin::new(&mut self.inner).poll_read(cx, buf),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Sniffer<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cutter.check()?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cutter.check()?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.cutter.check()?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn through(pieces: &[&str]) -> String {
        let mut stream = tokio_test(pieces);
        let mut out = String::new();
        stream.read_to_string(&mut out).await.unwrap();
        out
    }

    /// A connection on which these pieces arrive one by one.
    fn tokio_test(pieces: &[&str]) -> Sniffer<impl AsyncRead + Unpin> {
        let (mut far, near) = tokio::io::duplex(1 << 20);
        let pieces: Vec<String> = pieces.iter().map(|p| (*p).to_owned()).collect();
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            for piece in pieces {
                far.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        Sniffer::new(near)
    }

    #[tokio::test]
    async fn a_request_for_spdy_becomes_one_for_websocket() {
        let asked = "POST /x HTTP/1.1\r\nHost: a\r\nUPGRADE: SPDY/3.1\r\nContent-Length: 0\r\nConnection: Upgrade\r\n\r\n\u{1}\u{2}";
        let seen = "POST /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nx-upgrade-asked: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n\u{1}\u{2}";
        assert_eq!(through(&[asked]).await, seen);
        let (a, b) = asked.split_at(asked.len() - 4);
        assert_eq!(through(&[&a[..20], &a[20..], b]).await, seen);
    }

    #[tokio::test]
    async fn everything_else_passes() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEAD));
        for text in ["", "GET / HT", "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\nrest", &long] {
            assert_eq!(through(&[text]).await, text);
        }
    }
}
