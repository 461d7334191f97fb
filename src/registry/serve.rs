//! The listener of the registries' port: connections pass the door ([`super::entry`]), then speak
//! HTTP/1.1 over TLS.

use super::{
    Certificates, Registries,
    ask::RegistryRequest,
    blobs::Stored,
    builds, entry,
    reply::{Body, Reply},
    upkeep,
    uploads::Incoming,
};
use crate::{
    catalog::complaint::*,
    http::{self, AtDesk, Desk, Query, header_value},
    pool::Seat,
    tls::{self, TlsError},
    world::of_a_turn,
};
use actix_http::{
    Extensions, HttpMessage, HttpService, Payload, Request, Response, StatusCode,
    body::{BoxBody, SizedStream},
};
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_service};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::HttpResponse;
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, future::LocalBoxFuture, stream};
use std::{
    convert::Infallible, io, net::TcpListener, ops::Range, panic::AssertUnwindSafe, path::PathBuf,
    sync::Arc, time::Duration,
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
    net::TcpStream,
    sync::watch,
};

/// Threads that serve: pulls are few and large.
const WORKERS: usize = 1;
/// Seconds running requests get to end at shutdown.
const GRACE: u64 = 3;
/// Most time to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A running listener; it ends with this.
pub struct Listening {
    registries: Arc<Registries>,
    listening: http::Listening,
}

impl Listening {
    /// The desk at which these registries and the clock are asked beside the API.
    pub fn desk(&self) -> Arc<dyn Desk> {
        Arc::clone(&self.registries) as _
    }

    /// What is served.
    pub fn registries(&self) -> &Arc<Registries> {
        &self.registries
    }

    /// Stops accepting, lets running requests end (for a few seconds), writes down the time, and
    /// returns.
    pub async fn stop(self) {
        self.listening.stop().await;
        self.registries.server.rest().await;
    }
}

/// Does what the cluster's registry does by itself until told to stop: keeps what nodes pull, and makes
/// what builds make.
async fn work(registries: Arc<Registries>) {
    let stopping = registries.server.stopping.clone();
    let keeping = upkeep::run(Arc::clone(&registries), stopping.clone());
    tokio::join!(keeping, builds::run(registries, stopping));
}

/// The same beside the controllers, where what happens is to happen again: nothing of it comes from
/// outside. Waits for the registries and never ends.
pub async fn tend(mut known: watch::Receiver<Option<Arc<Registries>>>) {
    let registries = known.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
    if let Some(registries) = registries {
        work(registries).await;
    }
    std::future::pending().await
}

/// Starts serving on a bound socket.
///
/// # Errors
/// One line for people.
pub fn serve(
    registries: Arc<Registries>,
    listener: TcpListener,
    certificates: Certificates,
) -> Result<Listening, String> {
    let tls = configuration(&registries, certificates)?;
    let served = Arc::clone(&registries);
    let factory = move || {
        if !registries.server.world.repeats {
            // On the only worker's thread, where requests to the API may run.
            actix_web::rt::spawn(work(Arc::clone(&registries)));
        }
        pipeline(&registries, tls.clone())
    };
    let server = actix_server::Server::build()
        .workers(WORKERS)
        .shutdown_timeout(GRACE)
        .disable_signals()
        .listen("registries", listener, factory)
        .map_err(|e| format!("cannot serve: {e}"))?
        .run();
    Ok(Listening { registries: served, listening: http::Listening::start(server) })
}

impl Desk for Registries {
    fn answer(&self, asked: AtDesk) -> LocalBoxFuture<'_, HttpResponse> {
        let head = asked.method == "HEAD";
        let ask = RegistryRequest {
            method: asked.method,
            host: String::new(),
            path: asked.path,
            query: asked.query,
            headers: vec![("authorization".into(), asked.authorization)],
            subject: asked.subject,
        };
        let sent = stream::once(async { Ok(asked.body) }).boxed_local();
        async move {
            let reply = self.answer_one(&ask, sent).await;
            // Registries say 401 to whoever may not; a browser would sign in again.
            let known = self.caller(&ask).is_ok();
            respond(if reply.status == 401 && known { forbidden() } else { reply }, head).into()
        }
        .boxed_local()
    }
}

/// What is said to somebody who is known and may not.
fn forbidden() -> Reply {
    let why = "this takes the rights of a cluster administrator (all verbs on all resources)";
    Reply { status: 403, ..Reply::from(DistributionError::saying(&DENIED, why)) }
}

/// The same on threads shared with others.
///
/// # Errors
/// One line for people.
pub fn serve_on(
    seat: &Seat,
    registries: Arc<Registries>,
    listener: TcpListener,
    certificates: Certificates,
) -> Result<Listening, String> {
    let tls = configuration(&registries, certificates)?;
    let served = Arc::clone(&registries);
    let running = seat.run(move || {
        if !registries.server.world.repeats {
            tokio::task::spawn_local(work(Arc::clone(&registries)));
        }
        let clock = Arc::clone(&registries.server.world.wall);
        Box::pin(http::accept(listener, clock, move || pipeline(&registries, tls)))
    });
    Ok(Listening { registries: served, listening: http::Listening::shared(running) })
}

fn configuration(
    registries: &Registries,
    certificates: Certificates,
) -> Result<rustls::ServerConfig, String> {
    tls::let_many_begin();
    let ca = &registries.server.settings.ca_pem;
    tls::resolving(ca, Arc::new(certificates)).map_err(|e: TlsError| e.to_string())
}

/// What becomes of a connection: the door, TLS, HTTP/1.1.
fn pipeline(
    registries: &Arc<Registries>,
    tls: rustls::ServerConfig,
) -> impl ServiceFactory<TcpStream, Config = (), InitError = ()> + use<> {
    let (door, inside, own) = (registries.clone(), registries.clone(), registries.clone());
    let http = HttpService::build()
        .client_request_timeout(HEAD_TIMEOUT)
        .on_connect_ext(move |stream: &TlsStream<TcpStream>, data: &mut Extensions| {
            connected(&own, stream, data);
        })
        .h1(fn_service(move |request: Request| {
            let registries = Arc::clone(&inside);
            async move { Ok::<_, Infallible>(handle(&registries, request).await) }
        }))
        .rustls_0_23(tls);
    fn_service(move |stream: TcpStream| {
        let registries = Arc::clone(&door);
        async move { entry::admit(&registries, stream).await.map_err(drop) }
    })
    .and_then(http.map_err(|e| tracing::debug!(?e, "connection of a registry client")))
}

async fn handle(registries: &Registries, mut request: Request) -> Response<BoxBody> {
    let head = request.method() == "HEAD";
    let own = request.conn_data::<OfCluster>().is_some();
    let ask = ask(&request);
    let body = payload(request.take_payload());
    // A request that breaks down takes nothing with it but itself.
    let answered = AssertUnwindSafe(registries.answer_one(&ask, body)).catch_unwind();
    let answered = match own {
        true => of_a_turn(answered).await,
        false => answered.await,
    };
    let reply = answered.unwrap_or_else(|_| {
        tracing::error!(method = ask.method, path = ask.path, "a request broke down");
        DistributionError::new(&UNKNOWN).into()
    });
    tracing::debug!(
        method = ask.method,
        host = ask.host,
        path = ask.path,
        code = reply.status,
        "registry request"
    );
    respond(reply, head)
}

fn ask(request: &Request) -> RegistryRequest {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in request.headers() {
        let Ok(value) = value.to_str() else { continue };
        match headers.iter_mut().find(|(known, _)| known == name.as_str()) {
            Some((_, all)) => *all += &format!(",{value}"),
            None => headers.push((name.as_str().into(), value.into())),
        }
    }
    let uri = request.uri();
    let mut ask = RegistryRequest {
        method: request.method().to_string(),
        host: String::new(),
        path: uri.path().into(),
        query: Query::parse(uri.query().unwrap_or_default()),
        headers,
        subject: request.conn_data::<Subject>().map(|s| s.0.clone()),
    };
    ask.host = ask.header("host").to_lowercase();
    ask
}

/// Whom the connection's verified client certificate names.
struct Subject((String, Vec<String>));

/// The connection is the cluster's own: it has its turn already.
struct OfCluster;

fn connected(registries: &Registries, stream: &TlsStream<TcpStream>, data: &mut Extensions) {
    let (socket, session) = stream.get_ref();
    if socket.peer_addr().is_ok_and(|peer| registries.server.importer.is_own(peer)) {
        data.insert(OfCluster);
    }
    let chain = session.peer_certificates();
    if let Some(subject) = chain.and_then(|chain| tls::subject(chain.first()?)) {
        data.insert(Subject(subject));
    }
}

fn payload(payload: Payload) -> Incoming {
    payload.map_err(io::Error::other).boxed_local()
}

fn respond(reply: Reply, head: bool) -> Response<BoxBody> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::build(status);
    response.insert_header(("docker-distribution-api-version", "registry/2.0"));
    for (name, text) in reply.headers {
        response.insert_header((name, header_value(&text)));
    }
    let body = match reply.body {
        Body::Bytes(bytes) => return response.body(bytes).map_into_boxed_body(),
        Body::Part(_, range) if head => {
            let nothing = stream::empty::<io::Result<Bytes>>();
            BoxBody::new(SizedStream::new(range.end - range.start, nothing))
        }
        Body::Part(Stored::Made(blob), range) => {
            let size = range.end - range.start;
            let pieces = stream::iter(blob.read(range).map(io::Result::Ok));
            BoxBody::new(SizedStream::new(size, pieces))
        }
        Body::Part(Stored::File(path, _), range) => {
            let size = range.end - range.start;
            BoxBody::new(SizedStream::new(size, Box::pin(file(path, range))))
        }
    };
    response.body(body).map_into_boxed_body()
}

/// Bytes read from a file at a time.
const PIECE: u64 = 256 << 10;

/// A part of a file, piece by piece.
fn file(path: PathBuf, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((None, range), move |(file, range)| {
        let path = path.clone();
        async move {
            if range.is_empty() {
                return Ok(None);
            }
            let mut file = match file {
                Some(file) => file,
                None => {
                    let mut file = File::open(path).await?;
                    file.seek(io::SeekFrom::Start(range.start)).await?;
                    file
                }
            };
            let size = PIECE.min(range.end - range.start);
            let mut piece = BytesMut::zeroed(size as usize);
            file.read_exact(&mut piece).await?;
            Ok(Some((piece.freeze(), (Some(file), range.start + size..range.end))))
        }
    })
}
