//! Opens connections: looks names up, dials, shakes hands. Failures are told in Go's words.

use super::{
    fault::FetchError,
    proxy::{Proxies, Proxy},
    routes::Routes,
    trust,
};
use crate::platform::OwnEnds;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::{
    body::Body,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use url::Url;

/// A connection that takes one request at a time.
pub type Connection = SendRequest<Empty<Bytes>>;

/// Where names are looked up and dialled.
pub struct Dialer {
    /// Hosts that are elsewhere than their name says.
    pub routes: Routes,
    /// What lookups are said to have asked: address and port of the cluster's DNS.
    pub resolver: String,
    /// Who stands between us and the network.
    pub proxies: Proxies,
    /// What is open to hosts that are elsewhere: a registry of this process knows by it that the cluster
    /// itself asks.
    pub own: OwnEnds<()>,
}

/// Bytes both ways.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

impl Dialer {
    /// A dialer of nothing but the network itself; see [`Dialer::resolver`].
    pub fn direct(resolver: String) -> Dialer {
        let (routes, proxies, own) = Default::default();
        Dialer { routes, resolver, proxies, own }
    }

    /// Connects to the host of a URL, by TLS if the URL says so.
    ///
    /// # Errors
    /// Why nobody answers there.
    pub async fn open<B>(
        &self,
        url: &Url,
        tls: &Arc<ClientConfig>,
    ) -> Result<SendRequest<B>, FetchError>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or(443);
        let secure = url.scheme() == "https";
        let mut noted = None;
        let mut wire: Box<dyn Wire> = match self.proxy(url) {
            None => {
                let stream = self.dial(host, port).await?;
                let routed = self.routes.place(host, port).is_some();
                noted = routed.then(|| self.own.note(&stream, ())).flatten();
                Box::new(stream)
            }
            Some(proxy) => {
                let (at, through) = proxy.place()?;
                let wire = self.dial(at, through).await.map_err(by_proxy)?;
                let wire: Box<dyn Wire> = Box::new(wire);
                if secure { proxy.tunnel(wire, host, port).await? } else { wire }
            }
        };
        if secure {
            wire = Box::new(shake_hands(wire, host, tls).await?);
        }
        let (sender, connection) =
            http1::handshake(TokioIo::new(wire)).await.map_err(|e| broken(&e))?;
        // Ends when the sender is dropped or the other side hangs up; who waits for an answer
        // hears of it.
        tokio::spawn(async move {
            let mut connection = connection;
            let _ = (&mut connection).await;
            drop(noted);
        });
        Ok(sender)
    }

    /// The proxy on the way to a URL. What is dialled at another address is not on the network.
    pub fn proxy(&self, url: &Url) -> Option<Proxy> {
        let host = url.host_str().unwrap_or_default();
        let routed = self.routes.place(host, url.port_or_known_default().unwrap_or(443)).is_some();
        self.proxies.find(url).filter(|_| !routed)
    }

    /// Opens a connection to a host.
    ///
    /// # Errors
    /// Why nobody answers there.
    pub async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, FetchError> {
        let mut failure = FetchError::other(format!("dial tcp: lookup {host}: no addresses"));
        for address in self.addresses(host, port).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Requests are small: waiting to send more with them helps nobody.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => failure = refused(address, &error),
            }
        }
        Err(failure)
    }

    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
        if let Some(place) = self.routes.place(host, port) {
            return Ok(vec![place]);
        }
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        match tokio::net::lookup_host((host, port)).await {
            Ok(found) => Ok(found.collect()),
            Err(_) => Err(FetchError::other(format!(
                "dial tcp: lookup {host} on {}: no such host",
                self.resolver
            ))),
        }
    }
}

/// A proxy could not be reached.
fn by_proxy(fault: FetchError) -> FetchError {
    match fault {
        FetchError::Other(text, retry) => {
            FetchError::Other(format!("proxyconnect tcp: {text}"), retry)
        }
        refused => refused,
    }
}

/// Shakes hands by TLS with who should be `host`.
///
/// # Errors
/// Why the other side is not believed.
pub async fn shake_hands(
    stream: Box<dyn Wire>,
    host: &str,
    tls: &Arc<ClientConfig>,
) -> Result<tokio_rustls::client::TlsStream<Box<dyn Wire>>, FetchError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| FetchError::other(format!("tls: {host:?} is no server name")))?;
    let connector = TlsConnector::from(Arc::clone(tls));
    connector.connect(name, stream).await.map_err(|error| {
        let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
        inner.map_or_else(|| of_io(&error), |e| FetchError::other(trust::problem(e, host)))
    })
}

fn refused(address: SocketAddr, error: &io::Error) -> FetchError {
    let FetchError::Other(text, retry) = of_io(error) else { return of_io(error) };
    let text = match error.kind() {
        ErrorKind::TimedOut => "i/o timeout".to_owned(),
        _ => format!("connect: {text}"),
    };
    FetchError::Other(format!("dial tcp {address}: {text}"), retry)
}

/// A failure of the system, as Go prints its number.
fn of_io(error: &io::Error) -> FetchError {
    let text = match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset => "connection reset by peer",
        ErrorKind::BrokenPipe => "broken pipe",
        ErrorKind::HostUnreachable => "no route to host",
        ErrorKind::NetworkUnreachable => "network is unreachable",
        ErrorKind::UnexpectedEof => "EOF",
        ErrorKind::TimedOut => "connection timed out",
        _ => return FetchError::other(error.to_string()),
    };
    let passing = error.kind() == ErrorKind::TimedOut;
    FetchError::Other(text.into(), passing.then(|| Duration::from_secs(1)))
}

/// What broke an exchange on an open connection.
pub fn broken(error: &hyper::Error) -> FetchError {
    use std::error::Error as _;
    if error.is_incomplete_message() {
        return FetchError::other("EOF");
    }
    let io = error.source().and_then(|e| e.downcast_ref::<io::Error>());
    match io {
        Some(io) if io.kind() == ErrorKind::UnexpectedEof => FetchError::other("unexpected EOF"),
        Some(io) => of_io(io),
        None if error.is_parse() => FetchError::other("malformed HTTP response"),
        None => FetchError::other(error.to_string()),
    }
}
