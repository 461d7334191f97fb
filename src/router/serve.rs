//! The router's listeners on loopback: one for HTTP, one for HTTPS. The first is also a proxy, for
//! clients that cannot resolve the hosts of routes: it takes requests for whole addresses, and
//! `CONNECT` to port 443, which ends right here. HTTP/2 is spoken where the administrator wants it
//! and a route has a certificate of its own: under a certificate of many names clients would use one
//! connection for other routes, too.

use super::{
    Certificates, Reply, Router, RouterRequest,
    answer::ask_pod,
    balance::Busy,
    console::Behind,
    headers,
    line::{Facts, Line},
    options::Algorithm,
    pages,
    road::{Road, Termination},
    servers::Servers,
    table::Table,
    upgrades,
};
use crate::{
    http::{Listening, h2, header_value},
    runtime::{Containers, Fetch, Fetched, Unreached},
    tls,
    world::within,
};
use actix_http::{
    Extensions, HttpMessage, HttpService, Payload, Request, Response, ResponseBuilder, StatusCode,
    body::{BodyStream, BoxBody, SizedStream},
};
use actix_service::{Service, ServiceFactory, ServiceFactoryExt, fn_factory, fn_service};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use jiff::SignedDuration;
use rustls::{ServerConfig, server::Acceptor};
use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    panic::AssertUnwindSafe,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::LazyConfigAcceptor;

/// Seconds running requests get to end at shutdown.
const GRACE: u64 = 3;
/// Most time to send the head of a request. Source: the router's `timeout http-request`.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Most time to the end of a handshake.
const HANDSHAKE: SignedDuration = SignedDuration::from_secs(10);
/// How long a passthrough connection that has switched protocols may be silent. Source: the
/// template's `timeout tunnel`.
const UNWATCHED: SignedDuration = SignedDuration::from_hours(1);
/// Longest body of a request.
const LONGEST: usize = 16 << 20;
/// Most bytes of a `CONNECT` request.
const HEAD: usize = 8 << 10;

/// What every connection needs.
#[derive(Clone)]
struct Door {
    router: Arc<Router>,
    containers: Arc<dyn Containers>,
    certificates: Arc<Certificates>,
    tls: Arc<ServerConfig>,
    /// What answers the console's route.
    console: Behind,
    /// The same with HTTP/2.
    second: Arc<ServerConfig>,
    /// Never says so: connections are cut when the listeners stop.
    stopping: Arc<watch::Sender<bool>>,
}

/// Starts serving on bound sockets, the first for HTTP, the second for HTTPS; the API answers the
/// console's route.
///
/// # Errors
/// One line for people.
pub fn serve(
    router: Arc<Router>,
    containers: Arc<dyn Containers>,
    api: SocketAddr,
    (http, https): (Option<TcpListener>, Option<TcpListener>),
) -> Result<Listening, String> {
    let certificates = Certificates::new(Arc::clone(&router)).map_err(|e| e.to_string())?;
    let certificates = Arc::new(certificates);
    let config = tls::showing(Arc::clone(&certificates) as _).map_err(|e| e.to_string())?;
    let mut second = config.clone();
    second.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (tls, second, stopping) = (Arc::new(config), Arc::new(second), Arc::default());
    let console = Behind::new(api, &router.settings.ca_pem).map_err(|e| e.to_string())?;
    let door = Door { router, containers, certificates, tls, second, stopping, console };
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get().clamp(1, 2));
    let mut server =
        actix_server::Server::build().workers(workers).shutdown_timeout(GRACE).disable_signals();
    let listeners = [("router-http", http, false), ("router-https", https, true)];
    for (name, listener, secure) in listeners {
        let Some(listener) = listener else { continue };
        let door = door.clone();
        let factory = move || connections(door.clone(), secure);
        server =
            server.listen(name, listener, factory).map_err(|e| format!("cannot serve: {e}"))?;
    }
    Ok(Listening::start(server.run()))
}

/// What serves the connections of a listener.
fn connections(
    door: Door,
    secure: bool,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()> {
    let inside = door.clone();
    let first = HttpService::build()
        .client_request_timeout(HEAD_TIMEOUT)
        .on_connect_ext(|line: &Line, data: &mut Extensions| {
            data.insert(line.facts.clone());
        })
        .h1(fn_service(move |request: Request| {
            let door = inside.clone();
            async move {
                let facts = request.conn_data::<Facts>().cloned();
                Ok::<_, Infallible>(match facts {
                    Some(facts) => door.handle(&facts, request).await,
                    None => Response::internal_server_error(),
                })
            }
        }))
        .map_err(|e| tracing::debug!(?e, "connection of a route's client"));
    let first = Rc::new(first);
    fn_factory(move || {
        let (first, door) = (Rc::clone(&first), door.clone());
        async move {
            let first = Rc::new(first.new_service(()).await.map_err(drop)?);
            Ok(fn_service(move |stream: TcpStream| {
                let (first, door) = (Rc::clone(&first), door.clone());
                async move {
                    let (line, peer) = door.admit(stream, secure).await.map_err(drop)?;
                    match line.facts.second {
                        true => door.second(line, peer).await,
                        false => first.call((line, peer)).await,
                    }
                }
            }))
        }
    })
}

type Admitted = (Line, Option<SocketAddr>);

impl Door {
    /// Sees to the beginning of a connection.
    async fn admit(&self, mut stream: TcpStream, secure: bool) -> io::Result<Admitted> {
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr().ok();
        let clock = &*self.router.world.wall;
        let silent = || io::Error::from(io::ErrorKind::TimedOut);
        if !secure {
            let mut first = [0; CONNECT.len()];
            let seen = within(clock, HANDSHAKE, stream.peek(&mut first)).await;
            let seen = seen.ok_or_else(silent)??;
            if &first[..seen] != CONNECT {
                return Ok((Line::plain(stream), peer));
            }
            within(clock, HANDSHAKE, tunnel(&mut stream)).await.ok_or_else(silent)??;
        }
        let line = within(clock, HANDSHAKE, self.handshake(stream)).await.ok_or_else(silent)??;
        if line.facts.console {
            self.console.carry(line).await?;
            // All has been said.
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok((line, peer))
    }

    /// TLS: with the router, or with a pod of a passthrough route.
    async fn handshake(&self, stream: TcpStream) -> io::Result<Line> {
        let client = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |a| a.ip());
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let name = start.client_hello().server_name().map(str::to_owned);
        let passage = name.as_deref().and_then(|name| self.router.passage(name, client));
        let Some(passage) = passage else {
            let own = name.as_deref().and_then(|name| self.certificates.own(name));
            let second = own.is_some() && self.router.speaks_second();
            let config = if second { &self.second } else { &self.tls };
            let console = name.is_some_and(|name| self.router.is_console(&name));
            let mut line = Line::tls(start.into_stream(Arc::clone(config)).await?, None);
            line.facts.console = console;
            return Ok(line);
        };
        let (pod, _busy) = passage.ok_or(io::ErrorKind::ConnectionRefused)?;
        let config = self.router.of_pod(&self.containers.shows(pod));
        let config = config.ok_or(io::ErrorKind::ConnectionReset)?;
        Ok(Line::tls(start.into_stream(Arc::new(config)).await?, Some(pod)))
    }

    /// Serves a connection over HTTP/2.
    async fn second(&self, line: Line, peer: Option<SocketAddr>) -> Result<(), ()> {
        let (facts, door) = (line.facts.clone(), self.clone());
        let service = fn_service(move |request: Request| {
            let (facts, door) = (facts.clone(), door.clone());
            async move { Ok::<_, Infallible>(door.handle(&facts, request).await) }
        });
        let clock = Arc::clone(&self.router.world.wall);
        let connection = h2::Connection { io: line, subject: None, cutter: <_>::default(), peer };
        let stopping = self.stopping.subscribe();
        let served = h2::serve(connection, Rc::new(service), clock, stopping).await;
        served.map_err(|error| tracing::debug!(%error, "connection of a route's client"))
    }

    async fn handle(&self, facts: &Facts, mut request: Request) -> Response<BoxBody> {
        let head = request.method() == "HEAD";
        let mut payload = request.take_payload();
        let proxied = request.uri().authority().is_some() && !facts.second;
        let mut fetch = fetch(&request, facts.secure);
        if upgrades::wanted(&fetch.headers).is_none() {
            let Some(body) = whole(&mut payload).await else {
                return Response::new(StatusCode::PAYLOAD_TOO_LARGE);
            };
            fetch.body = body;
        }
        // A request that breaks down takes nothing with it but itself.
        let answered = AssertUnwindSafe(self.answer(facts, proxied, fetch)).catch_unwind().await;
        match answered {
            Ok(Reply::Answer(answer)) => respond(answer, head),
            Ok(Reply::Switch(answer, switched, idle)) => {
                let clock = Arc::clone(&self.router.world.wall);
                let protocol = header_value(&switched.protocol);
                let mut response = Response::build(StatusCode::SWITCHING_PROTOCOLS);
                with_headers(&mut response, &answer);
                response.upgrade(protocol);
                let carried = BodyStream::new(switched.carried(payload, clock, idle));
                response.body(carried).map_into_boxed_body()
            }
            Ok(Reply::HangUp) => {
                facts.hang_up();
                Response::new(StatusCode::FORBIDDEN)
            }
            Err(_) => {
                tracing::error!("a request to a route broke down");
                respond(pages::bad_gateway(), head)
            }
        }
    }

    async fn answer(&self, facts: &Facts, proxied: bool, request: Fetch) -> Reply {
        let Some(pod) = facts.pod else {
            let (client, port, second) = (facts.client, facts.port, facts.second);
            let ask = RouterRequest { client, port, proxied, second, request };
            return self.router.answer(&*self.containers, ask).await;
        };
        // The router sees nothing of what is said, and says nothing.
        let protocol = upgrades::wanted(&request.headers).map(str::to_owned);
        let mut request = Fetch { port: pod.1, ..request };
        if protocol.is_some() {
            headers::passed_on(&mut request.headers);
        }
        match ask_pod(&*self.containers, pod, request, protocol.as_deref()).await {
            Ok((answer, Some(switched))) => Reply::Switch(answer, switched, UNWATCHED),
            Ok((answer, None)) => Reply::Answer(answer),
            Err(Unreached::Refused | Unreached::Dropped | Unreached::Closed) => Reply::HangUp,
        }
    }
}

/// A server of a passthrough route, and the connection it is at.
type Passage = ((Ipv4Addr, u16), Busy);

impl Router {
    /// Where the connection of a client leads that names a passthrough route's host; `Some(None)`
    /// when nobody is there.
    fn passage(&self, name: &str, client: IpAddr) -> Option<Option<Passage>> {
        let objects = self.objects();
        let route = Table::of(&objects).named(name).cloned()?;
        let road = route.lens::<Road>();
        if road.termination != Termination::Passthrough {
            return None;
        }
        if !road.options.allows(client) {
            return Some(None);
        }
        let servers = Servers::of(&objects, &route);
        let usual = if servers.services > 1 { Algorithm::RoundRobin } else { Algorithm::Source };
        let rule = road.options.balance.unwrap_or(usual);
        let chance = |n| self.world.entropy.of(&["routes"]).below(n);
        let chosen = self.balance.choose(&road.uid, &servers, rule, client, None, &chance);
        Some(chosen.map(|(server, busy)| ((server.address, server.port), busy)))
    }
}

const CONNECT: &[u8; 8] = b"CONNECT ";

/// Reads a `CONNECT` and agrees to it, whatever its host: the name that the client speaks TLS with
/// decides.
async fn tunnel(stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if bytes.len() == HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.push(stream.read_u8().await?);
    }
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await
}

/// The body of a request; nothing when it is too long or breaks off.
async fn whole(payload: &mut Payload) -> Option<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.ok().filter(|c| body.len() + c.len() <= LONGEST)?;
        body.extend_from_slice(&chunk);
    }
    Some(body.freeze())
}

/// A request without its body.
fn fetch(request: &Request, secure: bool) -> Fetch {
    let text = |v: &actix_http::header::HeaderValue| {
        v.to_str().map_or_else(|_| String::from_utf8_lossy(v.as_bytes()).into(), str::to_owned)
    };
    let headers: Vec<(String, String)> =
        request.headers().iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect();
    let uri = request.uri();
    let own = headers.iter().find(|(n, _)| n == "host").map(|(_, v)| v.clone());
    let whole = uri.authority().map(|a| a.as_str().to_owned());
    Fetch {
        method: request.method().to_string(),
        secure,
        host: whole.or(own).unwrap_or_default(),
        port: 0,
        path: uri.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
        headers,
        body: Bytes::new(),
    }
}

/// Headers that say how a body is sent, which is decided anew.
const FRAMING: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

fn with_headers(response: &mut ResponseBuilder, answer: &Fetched) {
    for (name, text) in &answer.headers {
        if !FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing)) {
            response.append_header((name.as_str(), header_value(text)));
        }
    }
}

fn respond(answer: Fetched, head: bool) -> Response<BoxBody> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = Response::build(status);
    // Only the router's own pages still have this header.
    let closes = answer.header("connection").is_some();
    with_headers(&mut response, &answer);
    let mut response = match head {
        true => {
            let nothing = stream::empty::<io::Result<Bytes>>();
            let length = answer.header("content-length").and_then(|l| l.parse().ok());
            let length = length.unwrap_or(answer.body.len() as u64);
            response.body(SizedStream::new(length, nothing)).map_into_boxed_body()
        }
        false => response.body(answer.body).map_into_boxed_body(),
    };
    if closes {
        // As haproxy's error files do.
        response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    }
    response
}
