//! One handler for every path: from a request of the web framework to [`crate::api`] and back.

use super::{
    body,
    health::{self, Metrics, Readiness},
    listener::Subject,
    oauth,
    parameters::{self, Query},
    path::{self, Path, Target},
    render::{self, Form, Style},
    streaming,
};
use crate::{
    access::{Credentials, Impersonation},
    api::{
        Answer, Body, Caller, Options, Request, Response, Server, Verb, discovery, openapi,
        table::Include,
    },
    controllers::Monitor,
    error::Error,
    kinds::Name,
    object::Value,
    runtime::Fetch,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::sync::Arc;
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
}

impl Http {
    /// Wraps a server that clients reach at `url`.
    pub fn new(
        server: Arc<Server>,
        readiness: Readiness,
        monitor: Arc<Monitor>,
        url: String,
        processes: Handle,
    ) -> Http {
        Http { server, readiness, metrics: Metrics::default(), monitor, url, processes }
    }
}

/// Answers one request.
pub async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    http: web::Data<Http>,
) -> HttpResponse {
    let started = std::time::Instant::now();
    let path = parameters::unescape_path(request.path());
    let query = Query::parse(request.query_string());
    let Some(parsed) = path::parse(&path) else { return missing(&path) };
    let (response, verb, group, resource) = match parsed {
        Path::Resource(target) => {
            let verb = verb(request.method(), &target, &query);
            let response = match verb {
                Some(verb) => {
                    resource_request(&http, &request, payload, &query, &target, verb).await
                }
                None => render::error(&Error::MethodNotAllowed),
            };
            (
                response,
                verb.map_or("OTHER", label),
                target.kind.group.clone(),
                target.kind.plural.clone(),
            )
        }
        other => {
            let response = non_resource(&http, &request, payload, &query, &other).await;
            (
                response,
                if request.method() == Method::GET { "GET" } else { "OTHER" },
                Name::default(),
                Name::default(),
            )
        }
    };
    let labels = (verb, group, resource);
    http.metrics.observe(labels, response.status().as_u16(), started.elapsed());
    tracing::debug!(
        method = %request.method(), path, code = response.status().as_u16(),
        micros = started.elapsed().as_micros() as u64, "request"
    );
    response
}

/// A verb as upstream's metrics spell it.
fn label(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::List => "LIST",
        Verb::Watch => "WATCH",
        Verb::Create => "POST",
        Verb::Update => "PUT",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
        Verb::DeleteCollection => "DELETECOLLECTION",
    }
}

/// Nothing is there: a Status below the groups served, plain text elsewhere, as upstream's
/// handlers for the two answer.
fn missing(path: &str) -> HttpResponse {
    let mut parts = path.trim_matches('/').split('/');
    let served = match (parts.next(), parts.next()) {
        (Some("api"), Some("v1")) => true,
        (Some("apis"), Some(group)) => discovery::group(group).is_some(),
        _ => false,
    };
    if served { render::error(&Error::NoSuchPath) } else { found(None) }
}

fn verb(method: &Method, target: &Target<'_>, query: &Query) -> Option<Verb> {
    let watching = target.watch || query.flag("watch") == Some(true);
    let named = !target.name.is_empty();
    // Over all namespaces one can only read.
    let everywhere = target.kind.namespaced && target.namespace.is_empty();
    Some(match *method {
        Method::GET if watching && target.sub.is_empty() => Verb::Watch,
        Method::GET if named => Verb::Get,
        Method::HEAD if target.sub == PROXY => Verb::Get,
        Method::GET => Verb::List,
        _ if everywhere => return None,
        Method::POST if named == target.sub.is_empty() => return None,
        Method::POST => Verb::Create,
        Method::PUT if named => Verb::Update,
        Method::PATCH if named => Verb::Patch,
        Method::DELETE if named => Verb::Delete,
        Method::DELETE => Verb::DeleteCollection,
        _ => return None,
    })
}

/// Who sends this request.
fn caller(http: &Http, request: &HttpRequest) -> Result<Arc<Caller>, Error> {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let bearer = text("authorization")
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let subject = request.conn_data::<Subject>();
    let credentials =
        Credentials { bearer, certificate: subject.map(|s| (s.0.as_str(), s.1.as_slice())) };
    let groups = headers.get_all("impersonate-group").filter_map(|v| v.to_str().ok());
    let wanted = Impersonation {
        user: text("impersonate-user").into(),
        uid: text("impersonate-uid").into(),
        groups: groups.map(Into::into).collect(),
        extra: extra(headers),
    };
    http.server.authenticate(&credentials, &wanted)
}

/// The `Impersonate-Extra-` headers.
fn extra(headers: &header::HeaderMap) -> Vec<(String, Vec<String>)> {
    let mut extra: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for (name, value) in headers {
        let Some(key) = name.as_str().strip_prefix("impersonate-extra-") else { continue };
        let Ok(value) = value.to_str() else { continue };
        extra.entry(parameters::unescape_path(key)).or_default().push(value.into());
    }
    extra.into_iter().collect()
}

/// Subresources that are streams: they have parameters of their own, no body, and no other form.
const STREAMS: &[&str] = &["attach", "exec", "log", "portforward"];

/// The subresource that passes everything on.
const PROXY: &str = "proxy";

/// Headers that mean the connection, not the request, or that a server in a pod must not see.
const KEPT_BACK: &[&str] =
    &["connection", "transfer-encoding", "content-length", "upgrade", "authorization", "host"];

/// A request as a proxy passes it on.
fn passed(request: &HttpRequest, target: &Target<'_>, body: Bytes) -> Body {
    // `/api/v1[/namespaces/NAMESPACE]/RESOURCE/NAME/proxy` and then the path meant.
    let parts = if target.namespace.is_empty() { 6 } else { 8 };
    let raw = request.path();
    let behind = raw.match_indices('/').nth(parts - 1).map_or("", |(at, _)| &raw[at..]);
    let query = request.query_string();
    let mark = if query.is_empty() { "" } else { "?" };
    let texts = request.headers().iter();
    let texts = texts.filter_map(|(n, v)| Some((n.to_string(), v.to_str().ok()?.to_owned())));
    let kept = |(name, _): &(String, String)| {
        !KEPT_BACK.contains(&name.as_str()) && !name.starts_with("impersonate-")
    };
    Body::Passed(Box::new(Fetch {
        method: request.method().to_string(),
        path: format!("{behind}{mark}{query}"),
        headers: texts.filter(kept).collect(),
        body,
        ..Fetch::default()
    }))
}

async fn resource_request(
    http: &Http,
    request: &HttpRequest,
    payload: web::Payload,
    query: &Query,
    target: &Target<'_>,
    verb: Verb,
) -> HttpResponse {
    let header = |name: header::HeaderName| {
        request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    };
    let include = match query.get("includeObject") {
        Some("Object") => Include::Object,
        Some("None") => Include::None,
        _ => Include::Metadata,
    };
    let mut payload = Some(payload);
    let built = async {
        let caller = caller(http, request)?;
        let streams = STREAMS.contains(&target.sub);
        let form = match streams || target.sub == PROXY {
            true => Form::Json,
            false => render::negotiate(header(header::ACCEPT), include)?,
        };
        let mut options = match target.sub {
            PROXY => Options::default(),
            _ => parameters::options(query, header(header::USER_AGENT), verb)?,
        };
        let bytes = match payload.take_if(|_| !streams) {
            Some(payload) => read(payload).await?,
            None => Bytes::new(),
        };
        let content_type = header(header::CONTENT_TYPE);
        let body = match verb {
            _ if target.sub == PROXY => {
                options.parameters = query.pairs().to_vec();
                passed(request, target, bytes)
            }
            _ if streams => {
                options.parameters = query.pairs().to_vec();
                Body::Empty
            }
            Verb::Patch => body::patch(content_type, &bytes)?,
            Verb::Create | Verb::Update => body::object(content_type, &bytes)
                .map_err(|e| body::unrecognized(&target.kind.kind, e, &bytes))?,
            Verb::Delete | Verb::DeleteCollection => body::object(content_type, &bytes)?,
            Verb::Get | Verb::List | Verb::Watch => Body::Empty,
        };
        let built = Request {
            caller,
            verb,
            kind: target.kind.clone(),
            sub: target.sub,
            namespace: target.namespace.into(),
            name: target.name.into(),
            options,
            body,
        };
        Ok((built, form))
    };
    let (built, form) = match built.await {
        Ok(pair) => pair,
        Err(e) => return render::error(&e),
    };
    let pretty = query.flag("pretty") == Some(true);
    let answer = http.server.call(built).await;
    let answer = match (answer, payload) {
        (Ok(Answer { response: Response::Session(session), .. }), Some(payload))
            if streaming::is_asked(request.headers()) =>
        {
            return streaming::respond(http, session, request, payload);
        }
        // Only who upgrades reaches the node, and hears what it says.
        (Err(Error::Backend(..)), Some(_))
            if target.sub != "log" && !streaming::is_asked(request.headers()) =>
        {
            return render::error(&render::upgrade_required());
        }
        (answer, _) => answer,
    };
    let style = Style { form, pretty, now: http.server.world.clock.now() };
    render::answer(&target.kind, answer, style)
}

/// Reads a body within its limit.
async fn read(mut payload: web::Payload) -> Result<Bytes, Error> {
    let mut first: Option<Bytes> = None;
    let mut more = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|e| Error::BadRequest(e.to_string()))?;
        if more.len() + first.as_ref().map_or(0, Bytes::len) + chunk.len() > body::MAX_BODY {
            return Err(Error::TooLarge(body::MAX_BODY as u64));
        }
        match first.take() {
            None if more.is_empty() => first = Some(chunk),
            None => more.extend_from_slice(&chunk),
            Some(head) => {
                more.extend_from_slice(&head);
                more.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| more.freeze()))
}

async fn non_resource(
    http: &Http,
    request: &HttpRequest,
    payload: web::Payload,
    query: &Query,
    path: &Path<'_>,
) -> HttpResponse {
    if let Path::Other(rest) = path
        && let Some(response) = open_to_all(http, request, payload, query, rest).await
    {
        return response;
    }
    let allowed = caller(http, request).and_then(|caller| {
        http.server.authorize_path(&caller, request.method().as_str(), request.path())
    });
    if let Err(e) = allowed {
        return render::error(&e);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return render::error(&Error::MethodNotAllowed);
    }
    let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok());
    let aggregated = accept.unwrap_or_default().contains("v=v2;as=APIGroupDiscoveryList");
    match path {
        Path::Root => render::document(&serde_json::json!({"paths": discovery::paths()})),
        Path::Core if aggregated => aggregated_discovery(true),
        Path::Groups if aggregated => aggregated_discovery(false),
        Path::Core => {
            let address = http.url.trim_start_matches("https://");
            render::document(&discovery::core_versions(address))
        }
        Path::Groups => render::document(&discovery::group_list()),
        Path::Group(name) => found(discovery::group(name)),
        Path::Version(group, version) => found(discovery::resource_list(group, version)),
        Path::Other(rest) => other_document(http, accept.unwrap_or_default(), rest),
        Path::Resource(_) => missing(request.path()),
    }
}

fn found(document: Option<Value>) -> HttpResponse {
    match document {
        Some(v) => render::document(&v),
        None => HttpResponse::NotFound()
            .content_type("text/plain; charset=utf-8")
            .body("404 page not found\n"),
    }
}

fn aggregated_discovery(core: bool) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
        .insert_header((header::VARY, "Accept"))
        .body(discovery::aggregated(core).to_string())
}

/// The paths anybody may read: health, version and the OAuth server.
async fn open_to_all(
    http: &Http,
    request: &HttpRequest,
    payload: web::Payload,
    query: &Query,
    rest: &str,
) -> Option<HttpResponse> {
    let first = rest.split('/').next().unwrap_or_default();
    match first {
        "healthz" | "livez" | "readyz" => {
            let verbose = query.get("verbose").is_some();
            Some(health::health(&http.readiness, rest, verbose, &query.all("exclude")))
        }
        "version" if rest == "version" => Some(render::document(&health::version())),
        "oauth" | ".well-known" => {
            let body = read(payload).await.unwrap_or_default();
            oauth::answer(http, request, rest, query, &body).await
        }
        _ => None,
    }
}

fn other_document(http: &Http, accept: &str, rest: &str) -> HttpResponse {
    let json = |bytes: Vec<u8>| HttpResponse::Ok().content_type("application/json").body(bytes);
    match rest {
        "metrics" => {
            let snapshot = http.server.store.snapshot();
            let objects = snapshot.resources().map(|(r, n)| (Arc::clone(r), n));
            HttpResponse::Ok()
                .content_type("text/plain; version=0.0.4; charset=utf-8")
                .body(http.metrics.text(objects, snapshot.rev, &http.monitor.gauges))
        }
        "openapi/v2" if accept.contains("json") || accept.contains("*/*") || accept.is_empty() => {
            json(openapi::v2())
        }
        "openapi/v2" => render::error(&Error::NotAcceptable("application/json".into())),
        "openapi/v3" => json(openapi::v3_index()),
        _ => match rest.strip_prefix("openapi/v3/").and_then(openapi::v3) {
            Some(bytes) => json(bytes),
            None => found(None),
        },
    }
}
