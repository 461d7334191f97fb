//! Requests for resources: path, headers and body to a request of [`crate::api`]. Rights come before
//! the body, and who has none has nothing read or parsed.

use super::{
    audited,
    bodies::{self, BodyPermit},
    body,
    form::{self, Include, Style, Wish},
    links,
    parameters::{self, Query},
    path::ResourcePath,
    render, repeat,
    serve::Incoming,
    streaming::{self, Messages},
    weighty,
};
use crate::{
    api::{Answer, Body, Caller, Options, PatchType, Request, Response, Upload, Verb},
    error::Error,
    object::{json, read},
    runtime::Fetch,
};
use actix_web::{
    HttpResponse,
    http::{Method, header},
};
use bytes::Bytes;
use futures_util::{StreamExt, future::ready};
use std::sync::Arc;

/// Subresources that are streams: they have parameters of their own, no body, and no other form.
const STREAMS: &[&str] = &["attach", "exec", "log", "portforward"];

/// The subresource that passes everything on.
const PROXY: &str = "proxy";

/// The subresource that takes what is to be built from.
const BINARY: &str = "instantiatebinary";

/// Subresources that take their body as it comes, with headers and the rest of the path.
const PASSED: &[&str] = &[PROXY, BINARY, "webhooks"];

/// Headers that mean the connection, not the request, or that a server in a pod must not see.
const KEPT_BACK: &[&str] =
    &["connection", "transfer-encoding", "content-length", "upgrade", "authorization", "host"];

/// A verb as upstream's metrics spell it.
pub fn label(verb: Verb) -> &'static str {
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

/// What a method means on a path; `None` when it means nothing there.
pub fn verb(method: &Method, target: &ResourcePath<'_>, query: &Query) -> Option<Verb> {
    let watching = target.watch || query.flag("watch") == Some(true);
    let named = !target.name.is_empty();
    // Over all namespaces one can only read.
    let everywhere = target.kind.namespaced && target.namespace.is_empty();
    Some(match *method {
        Method::GET if watching && target.sub.is_empty() => Verb::Watch,
        Method::GET if named => Verb::Get,
        Method::HEAD | Method::OPTIONS if target.sub == PROXY => Verb::Get,
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

/// Answers a request for a resource.
pub async fn respond(
    incoming: &mut Incoming<'_>,
    target: &ResourcePath<'_>,
    verb: Verb,
    caller: Arc<Caller>,
) -> HttpResponse {
    let (built, style, place) = match build(incoming, target, verb, caller).await {
        Ok(built) => built,
        Err(e) => return render::error(&e, incoming.look),
    };
    let opened = repeat::opening(incoming, &built);
    let answer = match repeat::carried(incoming, built).await {
        Ok(answer) => answer,
        Err(response) => return response,
    };
    if let (Some(record), Ok(answer)) = (incoming.record.get(), &answer) {
        audited::gets(record, &target.kind, answer, style, &incoming.http.server.world.clock).await;
    }
    // The tree that came of the body is gone by now.
    drop(place);
    let asked = streaming::is_asked(incoming.request.headers());
    let websocket = streaming::is_websocket(incoming.request.headers());
    let clock = &Arc::clone(&incoming.http.server.world.clock);
    match answer {
        Ok(Answer { response: Response::Passed(answer), .. }) if target.sub == PROXY => {
            let prefix = &incoming.request.path()[..behind(incoming.request.path(), target)];
            let answer = links::through(answer, prefix, incoming.header(header::HOST));
            render::answer(&target.kind, Ok(Response::Passed(answer).into()), style, clock)
        }
        Ok(Answer { response: Response::Session(session), .. }) if asked => {
            let payload = incoming.take_payload();
            streaming::respond(incoming.http, session, incoming.request, payload, opened)
        }
        Ok(Answer { response: Response::Watch(events), .. }) if websocket => {
            let events = form::messages(target.kind.clone(), events, style, Arc::clone(clock));
            let events = events.boxed_local();
            messages(incoming, Messages::Watch(events))
        }
        Ok(Answer { response: Response::Log(lines), .. }) if websocket => {
            let whole = lines.take_while(|l| ready(l.is_ok())).filter_map(|l| ready(l.ok()));
            messages(incoming, Messages::Log(whole.boxed_local()))
        }
        // Only who upgrades reaches the node, and hears what it says.
        Err(Error::Backend(..)) if is_session(target.sub) && !asked => {
            render::error(&render::upgrade_required(), incoming.look)
        }
        answer if target.sub == "scale" => {
            let form = crate::api::scale_form(&target.kind);
            let response = render::answer(&form, answer, style, clock);
            render::deprecation(response, &target.kind, style)
        }
        answer => render::answer(&target.kind, answer, style, clock),
    }
}

fn messages(incoming: &mut Incoming<'_>, messages: Messages) -> HttpResponse {
    let payload = incoming.take_payload();
    streaming::respond_messages(incoming.http, messages, incoming.request, payload)
}

fn is_session(sub: &str) -> bool {
    STREAMS.contains(&sub) && sub != "log"
}

/// The request, once its sender may make it and all of it is read.
pub async fn build(
    incoming: &mut Incoming<'_>,
    target: &ResourcePath<'_>,
    verb: Verb,
    caller: Arc<Caller>,
) -> Result<(Request, Style, Option<BodyPermit>), Error> {
    let options = match target.sub {
        PROXY => Ok(Options::default()),
        _ => parameters::options(incoming.query, incoming.header(header::USER_AGENT), verb),
    };
    let mut request = Request {
        caller,
        verb,
        kind: target.kind.clone(),
        sub: target.sub,
        namespace: target.namespace.into(),
        name: target.name.into(),
        options: options.clone().unwrap_or_default(),
        body: Body::Empty,
    };
    admit(incoming, &mut request)?;
    options?;
    if let Some(record) = incoming.record.get() {
        request.options.notes = record.notes.clone();
    }
    let style = style(incoming, target, verb)?;
    if PASSED.contains(&target.sub) || STREAMS.contains(&target.sub) {
        request.options.parameters = incoming.query.pairs().to_vec();
    }
    let place = match verb {
        Verb::Get | Verb::List | Verb::Watch if target.sub != PROXY => None,
        _ if STREAMS.contains(&target.sub) => None,
        _ if target.sub == BINARY => Some(uploaded(incoming, &mut request).await?),
        _ => {
            let (bytes, place) = take(incoming, &request.caller, bodies::LARGEST).await?;
            let sent = !bytes.is_empty();
            incoming.sent = bytes.clone();
            request.body = match target.sub {
                sub if PASSED.contains(&sub) => passed(incoming, target, bytes),
                _ => {
                    let form = incoming.header(header::CONTENT_TYPE).to_owned();
                    let read = move || (parsed(&form, &mut request, &bytes), request);
                    let (body, read) = weighty::done(incoming.sent.len(), read).await;
                    request = read;
                    body?
                }
            };
            if let Some(record) = incoming.record.get() {
                audited::sends(incoming.http, record, &request, sent);
            }
            Some(place)
        }
    };
    Ok((request, style, place))
}

/// Whether the caller may do this, as far as that does not depend on the body.
fn admit(incoming: &Incoming<'_>, request: &mut Request) -> Result<(), Error> {
    let server = &incoming.http.server;
    let Err(refusal) = server.admit(request) else { return Ok(()) };
    // Some reviews may be made by whoever asks about himself, and only the body says so.
    request.body = Body::Object(json!({}), Vec::new());
    let about_oneself = server.admit(request);
    request.body = Body::Empty;
    about_oneself.map_err(|_| refusal)
}

fn style(incoming: &Incoming<'_>, target: &ResourcePath<'_>, verb: Verb) -> Result<Style, Error> {
    let include = match incoming.query.get("includeObject") {
        Some("Object") => Include::Object,
        Some("None") => Include::None,
        _ => Include::Metadata,
    };
    let server = &incoming.http.server;
    let (now, minor) = (server.world.clock.now(), server.settings.versions.minor);
    let plain = Style::plain(incoming.look, now, minor);
    if STREAMS.contains(&target.sub) || target.sub == PROXY {
        return Ok(plain);
    }
    let wish = match verb {
        Verb::Watch => Wish::Watch,
        Verb::List => Wish::List,
        _ => Wish::One,
    };
    Style::chosen(incoming.header(header::ACCEPT), include, (&target.kind, wish), plain)
}

/// Receives what is to be built from.
async fn uploaded(incoming: &mut Incoming<'_>, request: &mut Request) -> Result<BodyPermit, Error> {
    let http = incoming.http;
    let (upload, place) = if http.server.journal.is_some() {
        let (bytes, place) = take(incoming, &request.caller, bodies::LARGEST_RECORDED).await?;
        incoming.sent = bytes.clone();
        (Upload::from(bytes), place)
    } else {
        let length = incoming.request.headers().get(header::CONTENT_LENGTH);
        http.uploads
            .take(&request.caller.name, length, incoming.payload, http.spool.as_deref())
            .await?
    };
    request.body = Body::Upload(upload);
    Ok(place)
}

/// The body, if there can be one.
async fn take(
    incoming: &mut Incoming<'_>,
    caller: &Caller,
    most: usize,
) -> Result<(Bytes, BodyPermit), Error> {
    let length = incoming.request.headers().get(header::CONTENT_LENGTH);
    let bodies = &incoming.http.bodies;
    if incoming.request.headers().contains_key(header::UPGRADE) && length.is_none() {
        let mut none = actix_http::Payload::None;
        return bodies.take(&caller.name, most, None, &mut none).await;
    }
    bodies.take(&caller.name, most, length, incoming.payload).await
}

fn parsed(content_type: &str, request: &mut Request, bytes: &Bytes) -> Result<Body, Error> {
    match request.verb {
        Verb::Patch => {
            let (body, repeated) = body::patch(content_type, bytes)?;
            match body {
                Body::Patch(PatchType::Apply, _) if repeated.is_empty() => {}
                Body::Patch(PatchType::Apply, _) => request.options.lines = read::repeated(bytes),
                _ => request.options.repeated = repeated,
            }
            Ok(body)
        }
        Verb::Create | Verb::Update => {
            let binary = body::media_type(content_type) == "application/vnd.kubernetes.protobuf";
            if binary && request.kind.custom.is_some() {
                return Err(Error::UnsupportedMediaType(body::TEXTS.into()));
            }
            if matches!(body::media_type(content_type), "" | "application/json" | "*/*") {
                request.options.text = bytes.clone();
            }
            let body = body::object(content_type, bytes)
                .map_err(|e| body::unrecognized(&request.kind.kind, e, bytes))?;
            let yaml = body::media_type(content_type) == "application/yaml";
            if matches!(&body, Body::Object(_, repeated) if yaml && !repeated.is_empty()) {
                request.options.lines = read::repeated(bytes);
            }
            Ok(body)
        }
        Verb::Delete | Verb::DeleteCollection => body::object(content_type, bytes),
        Verb::Get | Verb::List | Verb::Watch => Ok(Body::Empty),
    }
}

/// Where the path meant begins, behind `/api/v1[/namespaces/NAMESPACE]/RESOURCE/NAME/proxy`, or as
/// much of a group's path.
fn behind(path: &str, target: &ResourcePath<'_>) -> usize {
    let parts = if target.namespace.is_empty() { 6 } else { 8 };
    let parts = parts + usize::from(!target.kind.group.is_empty());
    path.match_indices('/').nth(parts - 1).map_or(path.len(), |(at, _)| at)
}

/// The headers a proxy passes on.
pub fn passed_headers(incoming: &Incoming<'_>) -> Vec<(String, String)> {
    let texts = incoming.request.headers().iter();
    let texts = texts.filter_map(|(n, v)| Some((n.to_string(), v.to_str().ok()?.to_owned())));
    let kept = |(name, _): &(String, String)| {
        !KEPT_BACK.contains(&name.as_str()) && !name.starts_with("impersonate-")
    };
    texts.filter(kept).collect()
}

/// A request as a proxy passes it on.
fn passed(incoming: &Incoming<'_>, target: &ResourcePath<'_>, body: Bytes) -> Body {
    let raw = incoming.request.path();
    let behind = &raw[behind(raw, target)..];
    let query = incoming.request.query_string();
    let mark = if query.is_empty() { "" } else { "?" };
    Body::Passed(Box::new(Fetch {
        method: incoming.request.method().to_string(),
        path: format!("{behind}{mark}{query}"),
        headers: passed_headers(incoming),
        body,
        ..Fetch::default()
    }))
}
