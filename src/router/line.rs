//! A connection of a client, with TLS or without, that can be closed without a word.

use actix_web::rt::net::TcpStream;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

/// What requests need to know of their connection.
#[derive(Clone)]
pub struct Facts {
    /// Address of the client.
    pub client: IpAddr,
    /// Port it came in at.
    pub port: u16,
    /// The server of a passthrough route this connection leads to.
    pub pod: Option<(Ipv4Addr, u16)>,
    /// Whether there is TLS.
    pub secure: bool,
    /// Whether it leads to the console.
    pub console: bool,
    /// Whether HTTP/2 was agreed on.
    pub second: bool,
    cut: Arc<AtomicBool>,
}

impl Facts {
    /// Nothing is written any more: the client sees the connection end.
    pub fn hang_up(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection.
pub struct Line {
    io: Io,
    /// What is known of it.
    pub facts: Facts,
}

fn facts(stream: &TcpStream, secure: bool) -> Facts {
    let peer = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |a| a.ip());
    Facts {
        client: peer.to_canonical(),
        port: stream.local_addr().map_or(0, |a: SocketAddr| a.port()),
        pod: None,
        secure,
        console: false,
        second: false,
        cut: Arc::default(),
    }
}

impl Line {
    /// One without TLS.
    pub fn plain(stream: TcpStream) -> Line {
        Line { facts: facts(&stream, false), io: Io::Plain(stream) }
    }

    /// One with TLS, that leads to a pod if one is given.
    pub fn tls(stream: TlsStream<TcpStream>, pod: Option<(Ipv4Addr, u16)>) -> Line {
        let second = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let facts = Facts { pod, second, ..facts(stream.get_ref().0, true) };
        Line { facts, io: Io::Tls(Box::new(stream)) }
    }

    fn check(&self) -> io::Result<()> {
        match self.facts.cut.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_read(cx, buffer),
            Io::Tls(io) => Pin::new(io).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_write(cx, bytes),
            Io::Tls(io) => Pin::new(io).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_flush(cx),
            Io::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Io::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
