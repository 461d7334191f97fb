//! One handler for every path, as a list of what stands around it: a guard against panics, counting,
//! who asks, how many may ask at once, and how long it may take.

use super::{
    audited,
    bodies::{self, Bodies},
    console::{self, Desk},
    credentials, documents,
    form::Look,
    health::{Metrics, Readiness},
    limits::{InFlight, Limits, Underway},
    parameters::{self, Query},
    passing::{self, Passing},
    path::{self, Path},
    render, resource, streaming,
    upload::Uploads,
};
use crate::{
    api::Server,
    audit::{Ids, Log, Record},
    controllers::Monitor,
    error::Error,
    kinds::Name,
    pool::Seat,
    world::within,
};
use actix_http::{ConnectionType, Payload};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    http::{Method, StatusCode, header},
    web,
};
use bytes::Bytes;
use futures_util::FutureExt;
use std::{
    cell::OnceCell,
    panic::AssertUnwindSafe,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::runtime::Handle;

/// What the HTTP layer needs.
pub struct Http {
    /// The server behind it.
    pub server: Arc<Server>,
    /// What `/readyz` reports.
    pub readiness: Readiness,
    /// Request counters.
    pub metrics: Metrics,
    /// What the controllers' queues hold.
    pub monitor: Arc<Monitor>,
    /// `https://host:port` as clients see it.
    pub url: String,
    /// Where the processes of sessions run, so that none of them holds up requests.
    pub processes: Handle,
    /// When the last request began, in seconds.
    pub used: AtomicI64,
    /// Its place among others, where threads are shared.
    pub seat: Option<Seat>,
    /// Requests under way.
    pub inflight: InFlight,
    /// Bodies under way.
    pub bodies: Bodies,
    /// Uploads under way.
    pub uploads: Uploads,
    /// Where large ones are written; without it, where the system has its temporary files.
    pub spool: Option<PathBuf>,
    /// Names of requests.
    pub ids: Ids,
    /// Where requests are written down, if they are.
    pub audit: Option<Arc<Log>>,
    /// Who answers beside the API, if anybody does.
    pub desk: Option<Arc<dyn Desk>>,
}

impl Http {
    /// Wraps a server that clients reach at `url`.
    pub fn new(
        server: Arc<Server>,
        readiness: Readiness,
        monitor: Arc<Monitor>,
        url: String,
        processes: Handle,
        limits: Limits,
    ) -> Http {
        let bodies = Bodies::new(Arc::clone(&server.world.wall));
        let uploads = Uploads::new(Arc::clone(&server.world.wall));
        let used = AtomicI64::new(server.world.wall.now().as_second());
        let inflight = InFlight::new(limits);
        let ids = Ids::new(&server.world);
        Http {
            server,
            readiness,
            metrics: Metrics::default(),
            monitor,
            url,
            processes,
            used,
            seat: None,
            inflight,
            bodies,
            uploads,
            spool: None,
            ids,
            audit: None,
            desk: None,
        }
    }
}

/// One request on its way: what is read of it once, and its body until somebody takes it.
pub struct Incoming<'a> {
    /// The HTTP layer.
    pub http: &'a Http,
    /// The request.
    pub request: &'a HttpRequest,
    /// Its path, decoded.
    pub path: &'a str,
    /// Its parameters.
    pub query: &'a Query,
    /// How its answer looks.
    pub look: Look,
    /// Its name.
    pub id: &'a str,
    /// What is written down of it.
    pub record: &'a OnceCell<Arc<Record>>,
    /// What it sends behind its head.
    pub payload: &'a mut Payload,
    /// The body, once it is read.
    pub sent: Bytes,
}

impl Incoming<'_> {
    /// A header; empty when absent.
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// What is left of the connection when it becomes a stream.
    pub fn take_payload(&mut self) -> Payload {
        self.payload.take()
    }
}

/// A body that keeps the place of its request until it ends.
struct Lasting {
    body: BoxBody,
    _place: Underway,
}

impl MessageBody for Lasting {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

/// Answers one request.
pub async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    http: web::Data<Http>,
) -> HttpResponse {
    let mut payload = payload.into_inner();
    let started = http.server.world.wall.now();
    http.used.store(started.as_second(), Ordering::Relaxed);
    let path = parameters::unescape_path(request.path());
    let query = Query::parse(request.query_string());
    let look = Look::of(&request, &query);
    if is_endless(&request) && !streaming::is_asked(request.headers()) {
        // Without a wish to upgrade nothing follows the head that anybody could read.
        payload = Payload::None;
    }
    let (id, record) = (http.name(&request), OnceCell::new());
    let incoming = Incoming {
        http: &http,
        request: &request,
        path: &path,
        query: &query,
        look,
        id: &id,
        record: &record,
        payload: &mut payload,
        sent: Bytes::new(),
    };
    let kinds = http.server.catalogue();
    let parsed = path::parse(&path, &kinds);
    let labels = labels(&request, &query, parsed.as_ref());
    // A request that breaks down takes nothing with it but itself.
    let answered = AssertUnwindSafe(answer(incoming, parsed)).catch_unwind().await;
    let broke_down = answered.is_err();
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!(method = %request.method(), path, "a request broke down");
        let why = "This request caused apiserver to panic. Look in the logs for details.";
        render::error(&Error::Internal(why.into()), look)
    });
    match is_endless(&request) {
        false => http.bodies.drain(&mut payload).await,
        true if response.status() != StatusCode::SWITCHING_PROTOCOLS => {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        true => {}
    }
    http.warn_if_old(&mut response);
    if let Ok(id) = header::HeaderValue::try_from(id) {
        response.headers_mut().insert(audited::ID, id);
    }
    if let Some(record) = record.get() {
        response = audited::finished(record, response, broke_down);
    }
    let took = http.server.world.wall.now().duration_since(started).unsigned_abs();
    let code = response.status().as_u16();
    http.metrics.observe(labels, code, took);
    tracing::debug!(method = %request.method(), path, code, ?took, "request");
    response
}

impl Http {
    /// Says so where somebody else may have written what this process has not heard of.
    fn warn_if_old(&self, response: &mut HttpResponse) {
        const OLD: &str = "299 - \"the storage is not reached: this may not be the newest\"";
        if !self.server.store.is_current() {
            let warning = header::HeaderValue::from_static(OLD);
            response.headers_mut().append(header::WARNING, warning);
        }
    }
}

/// Whether what follows the head has no end of its own: the client asks for another protocol.
fn is_endless(request: &HttpRequest) -> bool {
    let has = |name| request.headers().contains_key(name);
    has(header::UPGRADE) && !has(header::CONTENT_LENGTH) && !has(header::TRANSFER_ENCODING)
}

/// Verb, group and resource as upstream's metrics spell them.
fn labels(
    request: &HttpRequest,
    query: &Query,
    parsed: Option<&Path<'_>>,
) -> (&'static str, Name, Name) {
    match parsed {
        Some(Path::Resource(target)) => {
            let verb = resource::verb(request.method(), target, query);
            let kind = &target.kind;
            (verb.map_or("OTHER", resource::label), kind.group.clone(), kind.plural.clone())
        }
        _ if request.method() == Method::GET => ("GET", Name::default(), Name::default()),
        _ => ("OTHER", Name::default(), Name::default()),
    }
}

/// Who asks, what for, and within which limits.
async fn answer(mut incoming: Incoming<'_>, parsed: Option<Path<'_>>) -> HttpResponse {
    let (http, look) = (incoming.http, incoming.look);
    // The OAuth server's pages have credentials of their own.
    if let Some(Path::Other(rest)) = &parsed
        && (*rest == "oauth" || rest.starts_with("oauth/"))
    {
        return documents::oauth(incoming, rest).await;
    }
    // Whoever wants to sign in is given the console's files; its desk asks who he is.
    if let Some(Path::Other(rest)) = &parsed
        && http.server.settings.openshift
        && rest.split('/').next() == Some(crate::console::ROOT)
    {
        return console::answer(incoming, rest).await;
    }
    let caller = match credentials::caller(http, incoming.request) {
        Ok(caller) => caller,
        Err(e) => {
            audited::refused(&incoming, &e);
            return render::error(&e, look);
        }
    };
    let verb = match &parsed {
        Some(Path::Resource(target)) => {
            resource::verb(incoming.request.method(), target, incoming.query)
        }
        _ => None,
    };
    let path = incoming.path;
    let passing = passing::find(&incoming, path, parsed.as_ref());
    let (lasts, writes) = match (&parsed, verb) {
        _ if passing.as_ref().is_some_and(|p| p.lasts(incoming.query)) => (true, false),
        (Some(Path::Resource(target)), Some(verb)) => {
            let moves = crate::api::clock::turns(&target.kind, verb);
            (super::limits::is_long(verb, target.sub) || moves, super::limits::is_write(verb))
        }
        _ => (false, !matches!(*incoming.request.method(), Method::GET | Method::HEAD)),
    };
    audited::begin(&incoming, &caller, lasts);
    if lasts {
        let Ok(place) = http.inflight.stay() else { return documents::too_many() };
        let response = respond(&mut incoming, parsed, passing, verb, caller).await;
        return response.map_body(|_, body| Lasting { body, _place: place }.boxed());
    }
    let _place = match http.inflight.enter(&caller, writes) {
        Ok(place) => place,
        Err(_) => return documents::too_many(),
    };
    let deadline = match http.inflight.deadline(incoming.query) {
        Ok(deadline) => deadline,
        Err(e) => return render::error(&e, look),
    };
    let response = respond(&mut incoming, parsed, passing, verb, caller);
    let response = within(&*http.server.world.wall, deadline, response).await;
    response.unwrap_or_else(|| render::error(&bodies::late(), look))
}

async fn respond(
    incoming: &mut Incoming<'_>,
    parsed: Option<Path<'_>>,
    passing: Option<Passing<'_>>,
    verb: Option<crate::api::Verb>,
    caller: Arc<crate::api::Caller>,
) -> HttpResponse {
    if let Some(passing) = passing {
        return passing.respond(incoming, &caller).await;
    }
    match (parsed, verb) {
        (None, _) => {
            documents::missing(&incoming.http.server.catalogue(), incoming.path, incoming.look)
        }
        (Some(Path::Resource(target)), Some(verb)) => {
            resource::respond(incoming, &target, verb, caller).await
        }
        (Some(Path::Resource(target)), None) if target.kind.custom.is_some() => {
            documents::misplaced(&target, incoming.look)
        }
        (Some(Path::Resource(_)), None) => render::error(&Error::MethodNotAllowed, incoming.look),
        (Some(other), _) => documents::respond(incoming, &other, &caller).await,
    }
}
