//! Paths that are no resources: discovery, health, versions, OpenAPI, metrics, the issuer of service
//! account tokens, and the OAuth server.

use super::{
    bodies,
    form::{Look, Syntax},
    health::{self, Check},
    oauth,
    path::{Path, ResourcePath},
    render,
    serve::Incoming,
};
use crate::{
    api::{Caller, aggregation::Remotes, discovery, openapi},
    error::Error,
    kinds::Catalogue,
    object::{Value, json, write},
};
use actix_web::{
    HttpResponse,
    http::{Method, header},
};
use std::sync::Arc;

/// Nothing is there: a Status below the groups served, plain text elsewhere, as upstream's
/// handlers for the two answer.
pub fn missing(kinds: &Catalogue, path: &str, look: Look) -> HttpResponse {
    let mut parts = path.trim_matches('/').split('/');
    let served = match (parts.next(), parts.next()) {
        (Some("api"), Some(_)) => true,
        // Nobody answers for versions that a custom group, or one with a server of its own, does
        // not have.
        (Some("apis"), Some(group)) => {
            let version = parts.next().filter(|_| group.ends_with(".openshift.io"));
            kinds.all().any(|k| {
                k.group == *group && k.custom.is_none() && version.is_none_or(|v| k.version == *v)
            })
        }
        _ => false,
    };
    if served { render::error(&Error::NoSuchPath, look) } else { not_found() }
}

/// A method that a path of a custom kind does not have.
pub fn misplaced(target: &ResourcePath<'_>, look: Look) -> HttpResponse {
    // Over all namespaces one can only read.
    if target.kind.namespaced && target.namespace.is_empty() {
        return not_found();
    }
    let error = match target.name {
        "" => Error::BadRequest("name must be provided".into()),
        _ => Error::MethodNotAllowed,
    };
    render::error(&error, look)
}

/// No such path, in plain text.
pub fn not_found() -> HttpResponse {
    HttpResponse::NotFound()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body("404 page not found\n")
}

/// Too much is under way.
pub fn too_many() -> HttpResponse {
    HttpResponse::TooManyRequests()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header((header::RETRY_AFTER, "1"))
        .body(format!("{}\n", bodies::busy()))
}

/// Answers a request for a document.
pub async fn respond(
    incoming: &mut Incoming<'_>,
    path: &Path<'_>,
    caller: &Arc<Caller>,
) -> HttpResponse {
    let (http, look) = (incoming.http, incoming.look);
    let method = incoming.request.method().clone();
    if let Err(e) = http.server.authorize_path(caller, method.as_str(), incoming.path) {
        return render::error(&e, look);
    }
    if let Path::Other(rest) = path
        && rest.starts_with(".well-known/oauth-")
    {
        return oauth::answer(&*incoming, rest, &[]).await.unwrap_or_else(not_found);
    }
    let below = matches!(path, Path::Below(..));
    if !below && !matches!(method, Method::GET | Method::HEAD) {
        return render::error(&Error::MethodNotAllowed, look);
    }
    let kinds = http.server.catalogue();
    let snapshot = http.server.store.snapshot();
    let remotes = Remotes::of(&snapshot);
    let aggregated = incoming.header(header::ACCEPT).contains("v=v2;as=APIGroupDiscoveryList");
    match path {
        Path::Root => root(&kinds, &remotes),
        Path::Core if aggregated => {
            aggregated_discovery(&discovery::aggregated(&kinds, true), look)
        }
        Path::Groups if aggregated => aggregated_groups(incoming, &kinds),
        Path::Core => {
            let address = http.url.trim_start_matches("https://");
            look.response(200, &discovery::core_versions(address))
        }
        Path::Groups => {
            let mut document = discovery::group_list(&kinds);
            remotes.add_groups(&mut document, &kinds);
            look.response(200, &document)
        }
        Path::Group(name) => match remotes.group(discovery::group(&kinds, name), name, &kinds) {
            Some(group) => look.response(200, &group),
            None => not_found(),
        },
        Path::Version(group, version) => match discovery::resource_list(&kinds, group, version) {
            Some(list) => look.response(200, &list),
            None => missing(&kinds, incoming.path, look),
        },
        Path::Other("openapi/v3") => index(&kinds, &remotes),
        Path::Other("openapi/v2") => version_two(incoming, &kinds),
        Path::Other(rest) => other(incoming, rest),
        Path::Below(kind, name) => render::error(&Error::not_found(kind.resource(), name), look),
        Path::Resource(_) => missing(&kinds, incoming.path, look),
    }
}

fn aggregated_groups(incoming: &Incoming<'_>, kinds: &Catalogue) -> HttpResponse {
    let snapshot = incoming.http.server.store.snapshot();
    let mut document = discovery::aggregated(kinds, false);
    Remotes::of(&snapshot).add_aggregated(&mut document, kinds, &snapshot);
    aggregated_discovery(&document, incoming.look)
}

/// `/`: all paths there are.
fn root(kinds: &Catalogue, remotes: &Remotes) -> HttpResponse {
    let mut paths = discovery::paths(kinds);
    remotes.add_paths(&mut paths, kinds);
    raw(&json!({"paths": paths}))
}

fn aggregated_discovery(document: &Value, look: Look) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .content_type("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
        .insert_header((header::VARY, "Accept"));
    look.json(&mut response, write::text(document))
}

/// A document that is indented whoever asks.
fn raw(document: &Value) -> HttpResponse {
    let pretty = Look { syntax: Syntax::Json, pretty: true };
    pretty.response(200, document)
}

fn other(incoming: &Incoming<'_>, rest: &str) -> HttpResponse {
    let http = incoming.http;
    match rest.split('/').next().unwrap_or_default() {
        "healthz" | "livez" | "readyz" => return healthy(incoming, rest),
        _ => {}
    }
    match rest {
        "version" => raw(&health::version(&http.server.settings.versions)),
        ".well-known/openid-configuration" => {
            // Who asks by the service's name can only reach the keys by it.
            let host = incoming.header(header::HOST);
            let url = match host.starts_with("kubernetes.") {
                true => format!("https://{host}"),
                false => http.url.clone(),
            };
            issuer(&http.server.access.signer.discovery(&url))
        }
        "openid/v1/jwks" => HttpResponse::Ok()
            .content_type("application/jwk-set+json")
            .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
            .body(http.server.access.signer.key_set().to_string()),
        "metrics" => {
            let snapshot = http.server.store.snapshot();
            let objects = snapshot.resources().map(|(r, n)| (Arc::clone(r), n));
            HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(
                http.metrics.text(objects, snapshot.rev, &http.monitor.gauges)
                    + &health::storage(http.server.store.requests()),
            )
        }
        _ => version_three(&http.server.catalogue(), rest),
    }
}

fn issuer(document: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(document.to_string())
}

/// How the media types of gnostic's messages begin; they differ in what stands before the version.
const GNOSTIC: &str = "application/com.github.proto-openapi.spec.v2";

/// The list of OpenAPI documents.
fn index(kinds: &Catalogue, remotes: &Remotes) -> HttpResponse {
    let mut document = openapi::v3_index(kinds);
    if !remotes.all.is_empty()
        && let Ok(mut index) = serde_json::from_slice::<Value>(&document)
    {
        remotes.add_documents(&mut index, kinds);
        document = index.to_string().into();
    }
    // JSON all the same.
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(document)
}

/// The document that has everything, in the form that is asked for.
fn version_two(incoming: &Incoming<'_>, kinds: &Catalogue) -> HttpResponse {
    let snapshot = incoming.http.server.store.snapshot();
    let remotes = Remotes::of(&snapshot);
    let whole = || remotes.with_documents(openapi::v2(kinds), kinds, &snapshot);
    match incoming.header(header::ACCEPT) {
        accept if accept.starts_with(GNOSTIC) => HttpResponse::Ok()
            .content_type("application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
            .body(openapi::v2_protobuf(&whole())),
        accept if accept.contains("json") || accept.contains("*/*") || accept.is_empty() => {
            HttpResponse::Ok().content_type("application/json").body(whole())
        }
        _ => render::error(&Error::NotAcceptable("application/json".into()), incoming.look),
    }
}

fn version_three(kinds: &Catalogue, rest: &str) -> HttpResponse {
    let document = rest.strip_prefix("openapi/v3/").and_then(|p| openapi::v3(kinds, p));
    document.map_or_else(not_found, |document| {
        HttpResponse::Ok().content_type("application/json").body(document)
    })
}

/// What holds now, for `/readyz` and its sisters.
fn healthy(incoming: &Incoming<'_>, rest: &str) -> HttpResponse {
    let server = &incoming.http.server;
    let lives = server.store.health();
    let lives = lives.inspect_err(|why| tracing::warn!(%why, "the store is not healthy"));
    let stops = match *server.stopping.borrow() {
        true => Err("process is shutting down".to_owned()),
        false => Ok(()),
    };
    let mut checks = vec![
        Check::new("ping", Ok(())),
        Check::new("log", Ok(())),
        Check::new("etcd", lives.clone()),
    ];
    if rest.starts_with("readyz") {
        checks.push(Check::new("etcd-readiness", lives));
        checks.extend(incoming.http.readiness.checks());
        checks.push(Check::new("shutdown", stops));
    }
    let verbose = incoming.query.get("verbose").is_some();
    health::health(&checks, rest, verbose, &incoming.query.all("exclude")).unwrap_or_else(not_found)
}

/// The OAuth server's pages: who asks is nobody yet, so that what he sends is short.
pub async fn oauth(incoming: Incoming<'_>, rest: &str) -> HttpResponse {
    let peer = incoming.request.peer_addr().map(|a| a.ip().to_string()).unwrap_or_default();
    let (http, look) = (incoming.http, incoming.look);
    let writes = *incoming.request.method() == Method::POST;
    let nobody = Caller::default();
    let Ok(_place) = http.inflight.enter(&nobody, writes) else { return too_many() };
    let body = match writes {
        false => Ok((bytes::Bytes::new(), None)),
        true => {
            let length = incoming.request.headers().get(header::CONTENT_LENGTH);
            let most = bodies::LARGEST_FORM;
            let taken = http.bodies.take(&peer, most, length, incoming.payload).await;
            taken.map(|(bytes, place)| (bytes, Some(place)))
        }
    };
    match body {
        Ok((bytes, _place)) => {
            oauth::answer(&incoming, rest, &bytes).await.unwrap_or_else(not_found)
        }
        Err(e) => render::error(&e, look),
    }
}
