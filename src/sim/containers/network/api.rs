//! The cluster's own API, reached from inside: the request goes to our own listener, over TLS, as
//! it does from anywhere else.

use crate::{
    importer::trust,
    runtime::{Fetch, Fetched},
    settings::Settings,
    sim::shell::machine::NetError,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::net::Ipv4Addr;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Longest answer a container reads.
const LONGEST: usize = 16 << 20;

/// Host name of the API's certificate.
const HOST: &str = "kubernetes.default.svc";

/// Passes a request on.
pub async fn call(settings: &Settings, request: Fetch) -> Result<Fetched, NetError> {
    let to = (Ipv4Addr::LOCALHOST, settings.api_port);
    let refused = |_| NetError::Refused(Ipv4Addr::LOCALHOST);
    let stream = TcpStream::connect(to).await.map_err(refused)?;
    let name = ServerName::try_from(HOST).map_err(|_| NetError::Closed)?;
    let tls = TlsConnector::from(trust::only(&settings.ca_pem));
    let stream = tls.connect(name, stream).await.map_err(|_| NetError::Closed)?;
    if !request.secure {
        return Err(NetError::Secure);
    }
    exchange(TokioIo::new(stream), request).await.ok_or(NetError::Closed)
}

async fn exchange(
    stream: TokioIo<tokio_rustls::client::TlsStream<TcpStream>>,
    request: Fetch,
) -> Option<Fetched> {
    let (mut sender, connection) = http1::handshake(stream).await.ok()?;
    // Ends when the sender is dropped or the other side hangs up.
    tokio::spawn(connection);
    let mut out = Request::builder().method(request.method.as_str()).uri(&request.path);
    let own = |n: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(n));
    if !own("host") {
        out = out.header("Host", &request.host);
    }
    for (name, value) in &request.headers {
        out = out.header(name.as_str(), value.as_str());
    }
    let answer = sender.send_request(out.body(Full::new(request.body)).ok()?).await.ok()?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST).collect().await.map_or(Bytes::new(), |b| b.to_bytes());
    let text = |v: &hyper::header::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect();
    Some(Fetched { status: head.status.as_u16(), headers, body, address: None })
}
