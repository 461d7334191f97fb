//! Requests on their way into the audit log: what HTTP knows of them.
//! Source: k8s.io/apiserver `pkg/endpoints/filters/{audit,authn_audit,authorization}.go`.

use super::{
    credentials,
    form::Style,
    render,
    serve::{Http, Incoming},
};
use crate::{
    access::Attributes,
    api::{Answer, Body, Caller, List, Request, Response, Verb},
    audit::{Event, Level, Record, Stage, Target, User},
    error::Error,
    kinds::Served,
    object::{ObjectExt, Value, json},
    world::Clock,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    http::header,
};
use bytes::Bytes;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// The header with a request's name, in both directions.
pub const ID: header::HeaderName = header::HeaderName::from_static("audit-id");

/// The Status a response was made of.
pub struct Told(pub Value);

/// Longest user agent that is written down, and what stands at the end of a longer one.
const AGENT: (usize, &str) = (1024, "...TRUNCATED");

/// Begins the record of a request whose sender is known, if it is to be written down. `acting` is
/// who it is carried out for.
pub fn begin(incoming: &Incoming<'_>, acting: &Caller, lasts: bool) {
    let http = incoming.http;
    if http.audit.is_none() {
        return;
    }
    let own = credentials::own(http, incoming.request);
    let (sender, acted) = match own.as_deref() {
        Some(own) => (own, Some(acting)),
        None => (acting, None),
    };
    let Some(record) = opened(incoming, Some(sender), acted, lasts) else { return };
    let target = target(incoming);
    let attributes = match target.resource_request {
        false => Attributes::path(&target.verb, &target.path),
        true => Attributes {
            verb: &target.verb,
            group: &target.group,
            resource: &target.resource,
            sub: &target.sub,
            namespace: &target.namespace,
            name: &target.name,
            path: "",
        },
    };
    let snapshot = http.server.store.snapshot();
    let decision = http.server.access.authorizer.explain(&snapshot, acting, &attributes);
    let word = if decision.allowed { "allow" } else { "forbid" };
    record.notes.add("authorization.k8s.io/decision", word);
    record.notes.add("authorization.k8s.io/reason", decision.reason);
    // Nobody has begun one for this request before.
    let _ = incoming.record.set(Arc::new(record));
}

/// Writes down a request whose sender was refused.
pub fn refused(incoming: &Incoming<'_>, error: &Error) {
    if incoming.http.audit.is_none() {
        return;
    }
    let own = credentials::own(incoming.http, incoming.request);
    let Some(record) = opened(incoming, own.as_deref(), None, own.is_none()) else { return };
    record.ended(error.code().0, Some(&error.status()));
    // Upstream tells no more of those it does not know.
    record.tell(if own.is_none() { Stage::ResponseStarted } else { Stage::ResponseComplete });
}

fn opened(
    incoming: &Incoming<'_>,
    own: Option<&Caller>,
    acting: Option<&Caller>,
    lasts: bool,
) -> Option<Record> {
    let log = incoming.http.audit.as_ref()?;
    let target = target(incoming);
    let verdict = log.policy.verdict(own.map(|c| (c.name.as_str(), c.groups.as_slice())), &target);
    if verdict.level == Level::None {
        return None;
    }
    let mut agent = incoming.header(header::USER_AGENT).to_owned();
    if agent.len() > AGENT.0 {
        let end = (0..=AGENT.0).rev().find(|i| agent.is_char_boundary(*i)).unwrap_or(0);
        agent.truncate(end);
        agent.push_str(AGENT.1);
    }
    let event = Event::new(
        incoming.id,
        incoming.request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned(),
        &target,
    );
    let event = Event {
        user: own.map(user).unwrap_or_default(),
        impersonated_user: acting.map(user),
        sources: sources(incoming.request),
        user_agent: agent,
        ..event
    };
    Some(Record::begin(log, verdict, event, lasts))
}

fn target(incoming: &Incoming<'_>) -> Target {
    let query = incoming.query;
    let watch = query.flag("watch") == Some(true);
    let selected = query.get("fieldSelector").unwrap_or_default();
    let named = selected.split(',').find_map(|one| {
        let (field, value) = one.split_once('=')?;
        let value = value.trim_start_matches('=');
        (field.trim() == "metadata.name" && !value.contains('/')).then_some(value.trim())
    });
    Target::of(incoming.request.method().as_str(), incoming.path, watch, named)
}

fn user(caller: &Caller) -> User {
    User {
        username: caller.name.clone(),
        uid: caller.uid.clone(),
        groups: caller.groups.clone(),
        extra: caller.extra.iter().cloned().collect(),
    }
}

/// Where a request comes from: the proxies' word first, the connection's last.
fn sources(request: &HttpRequest) -> Vec<String> {
    let text = |name: &str| {
        request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    };
    let address = |text: &str| text.trim().parse::<std::net::IpAddr>().ok().map(|a| a.to_string());
    let mut all: Vec<String> = text("x-forwarded-for").split(',').filter_map(address).collect();
    if let Some(real) = address(&text("x-real-ip")).filter(|real| !all.contains(real)) {
        all.push(real);
    }
    if let Some(peer) = request.peer_addr().map(|a| a.ip().to_canonical().to_string())
        && all.last() != Some(&peer)
    {
        all.push(peer);
    }
    all
}

/// Notes what a request sends, once it is read.
pub fn sends(http: &Http, record: &Record, request: &Request, sent: bool) {
    let kind = &request.kind;
    match &request.body {
        Body::Object(_, _) if is_delete(request) && !sent => {}
        Body::Object(options, _) if is_delete(request) => {
            let mut options = options.clone();
            options.set_at("apiVersion", "meta.k8s.io/__internal");
            options.set_at("kind", "DeleteOptions");
            record.sends(&options);
        }
        Body::Object(object, _) if record.level() >= Level::Request => {
            let mut object = object.clone();
            if object.is_object() {
                object.set_at("apiVersion", kind.api_version());
                object.set_at("kind", &*kind.kind);
                http.server.fill(kind, &mut object);
            }
            record.brings(&object);
        }
        Body::Object(object, _) => record.brings(object),
        Body::Patch(_, patch) => record.sends(patch),
        _ => {}
    }
    if !kind.deprecated.is_empty() {
        record.notes.add("k8s.io/deprecated", "true");
    }
}

fn is_delete(request: &Request) -> bool {
    matches!(request.verb, Verb::Delete | Verb::DeleteCollection)
}

/// Notes what a request gets, as JSON in whatever form was asked for.
pub async fn gets(
    record: &Record,
    kind: &Served,
    answer: &Answer,
    style: Style,
    clock: &Arc<dyn Clock>,
) {
    if record.level() < Level::RequestResponse {
        return;
    }
    let copy = match &answer.response {
        Response::One(code, item) => Response::One(*code, item.clone()),
        Response::List(list) => Response::List(List {
            rev: list.rev,
            continue_token: list.continue_token.clone(),
            remaining: list.remaining,
            items: list.items.clone(),
        }),
        _ => return,
    };
    let shown = render::answer(kind, Ok(copy.into()), style.in_json(), clock);
    let bytes = actix_web::body::to_bytes(shown.into_body()).await.unwrap_or_default();
    record.gets(&serde_json::from_slice(&bytes).unwrap_or(json!(null)));
}

/// Ends the record of a request with its response, or lets it end with the response's last byte.
pub fn finished(record: &Arc<Record>, response: HttpResponse, broke_down: bool) -> HttpResponse {
    let code = response.status().as_u16();
    record.ended(code, response.extensions().get::<Told>().map(|told| &told.0));
    if broke_down {
        record.tell(Stage::Panic);
        return response;
    }
    if !record.lasts {
        record.tell(Stage::ResponseComplete);
        return response;
    }
    record.tell(Stage::ResponseStarted);
    let record = Arc::clone(record);
    response.map_body(|_, inner| BoxBody::new(Followed { inner, record }))
}

/// A body whose end is told.
struct Followed {
    inner: BoxBody,
    record: Arc<Record>,
}

impl MessageBody for Followed {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.inner).poll_next(cx)
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.record.tell(Stage::ResponseComplete);
    }
}

impl Http {
    /// Names a request.
    pub fn name(&self, request: &HttpRequest) -> String {
        let given = request.headers().get(ID).and_then(|v| v.to_str().ok()).unwrap_or_default();
        self.ids.of(given)
    }
}
