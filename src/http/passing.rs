//! Requests below groups and versions that other servers serve: whether the caller may, and the
//! answer as it comes. Source: kube-aggregator `pkg/apiserver/handler_proxy.go`.

use super::{
    bodies, parameters::Query, path::Path, render, resource, serve::Incoming, sniff, streaming,
};
use crate::{
    access::Attributes,
    api::{
        Answered, Caller,
        aggregation::{Remote, Remotes},
    },
    kinds::Catalogue,
    runtime::Fetch,
};
use actix_web::{
    HttpResponse,
    http::{Method, header},
};
use bytes::Bytes;
use std::sync::Arc;

/// Headers of answers that mean the connection.
const OF_CONNECTION: [&str; 4] = ["connection", "keep-alive", "transfer-encoding", "upgrade"];

/// A request that is somebody else's to answer.
pub struct Passing<'p> {
    remotes: Arc<Remotes>,
    kinds: Arc<Catalogue>,
    group: &'p str,
    version: &'p str,
    /// What stands behind them; `None` for their OpenAPI document.
    rest: Option<Vec<&'p str>>,
}

/// Whether a path that is none of our own resources is another server's.
pub fn find<'p>(
    incoming: &Incoming<'_>,
    path: &'p str,
    parsed: Option<&Path<'_>>,
) -> Option<Passing<'p>> {
    if !matches!(parsed, None | Some(Path::Version(..) | Path::Other(_))) {
        return None;
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version, rest) = match parts.as_slice() {
        ["apis", group, version, rest @ ..] => (*group, *version, Some(rest.to_vec())),
        ["openapi", "v3", "apis", group, version] => (*group, *version, None),
        _ => return None,
    };
    let server = &incoming.http.server;
    let (remotes, kinds) = (Remotes::of(&server.store.snapshot()), server.catalogue());
    remotes.at(group, version, &kinds)?;
    Some(Passing { remotes, kinds, group, version, rest })
}

impl Passing<'_> {
    fn remote(&self) -> Option<&Remote> {
        self.remotes.at(self.group, self.version, &self.kinds)
    }

    /// Whether the answer has no end of its own.
    pub fn lasts(&self, query: &Query) -> bool {
        query.flag("watch") == Some(true)
            || self.rest.as_ref().is_some_and(|r| r.first() == Some(&"watch"))
    }

    /// What the caller wants, as rights know it.
    fn attributes<'a>(&'a self, method: &Method, query: &Query, path: &'a str) -> Attributes<'a> {
        let rest = self.rest.as_deref().unwrap_or_default();
        let (namespace, rest) = match rest {
            ["watch", "namespaces", namespace, rest @ ..]
            | ["namespaces", namespace, rest @ ..]
                if !rest.is_empty() =>
            {
                (*namespace, rest)
            }
            ["watch", rest @ ..] => ("", rest),
            rest => ("", rest),
        };
        let name = rest.get(1).copied().unwrap_or_default();
        let verb = match *method {
            Method::GET | Method::HEAD if self.lasts(query) => "watch",
            Method::GET | Method::HEAD if name.is_empty() => "list",
            Method::GET | Method::HEAD => "get",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if name.is_empty() => "deletecollection",
            Method::DELETE => "delete",
            _ => "",
        };
        let Some(resource) = rest.first() else {
            let verb = if *method == Method::HEAD { "head" } else { "get" };
            return Attributes::path(verb, path);
        };
        Attributes {
            verb,
            group: self.group,
            resource,
            sub: rest.get(2).copied().unwrap_or_default(),
            namespace,
            name,
            path: "",
        }
    }

    /// Answers with what the other server answers.
    pub async fn respond(&self, incoming: &mut Incoming<'_>, caller: &Caller) -> HttpResponse {
        let (http, look) = (incoming.http, incoming.look);
        let wanted = self.attributes(incoming.request.method(), incoming.query, incoming.path);
        let snapshot = http.server.store.snapshot();
        if let Err(e) = http.server.access.authorizer.check(&snapshot, caller, &wanted) {
            return render::error(&e, look);
        }
        let Some(remote) = self.remote().filter(|r| r.available) else {
            return unavailable("service unavailable");
        };
        if incoming.request.headers().contains_key(header::UPGRADE) {
            return switched(remote, incoming, caller).await;
        }
        let length = incoming.request.headers().get(header::CONTENT_LENGTH);
        let body = http.bodies.take(&caller.name, bodies::LARGEST, length, incoming.payload).await;
        let (body, _place) = match body {
            Ok(taken) => taken,
            Err(e) => return render::error(&e, look),
        };
        match http.server.pass(remote, caller, asked(incoming, body)).await {
            Ok(answered) => handed_back(answered),
            Err(unreached) => unavailable(&unreached.text()),
        }
    }
}

/// The request as it is passed on.
fn asked(incoming: &Incoming<'_>, body: Bytes) -> Fetch {
    let query = incoming.request.query_string();
    let mark = if query.is_empty() { "" } else { "?" };
    Fetch {
        method: incoming.request.method().to_string(),
        path: format!("{}{mark}{query}", incoming.request.path()),
        headers: resource::passed_headers(incoming),
        body,
        ..Fetch::default()
    }
}

/// Asks to switch protocols, and carries what comes of it to and fro.
async fn switched(remote: &Remote, incoming: &mut Incoming<'_>, caller: &Caller) -> HttpResponse {
    let asked_for = match incoming.header(sniff::MARK) {
        "" => incoming.header(header::UPGRADE).to_owned(),
        other => other.to_owned(),
    };
    let mut fetch = asked(incoming, Bytes::new());
    fetch.headers.retain(|(name, _)| name != sniff::MARK);
    fetch.headers.push(("Connection".into(), "Upgrade".into()));
    fetch.headers.push(("Upgrade".into(), asked_for));
    match incoming.http.server.pass(remote, caller, fetch).await {
        Ok(mut answered) => match answered.switched.take() {
            Some(connection) => {
                let payload = incoming.take_payload();
                streaming::tunnel(incoming.http, connection, &answered.headers, payload)
            }
            None => handed_back(answered),
        },
        Err(unreached) => unavailable(&unreached.text()),
    }
}

/// An answer as it came.
fn handed_back(answered: Answered) -> HttpResponse {
    let mut response = super::form::builder(answered.status);
    for (name, value) in answered.headers {
        match name.as_str() {
            "content-length" => {
                if let Ok(length) = value.parse() {
                    response.no_chunking(length);
                }
            }
            name if OF_CONNECTION.contains(&name) => {}
            _ => drop(response.append_header((name, value))),
        }
    }
    response.streaming(answered.body)
}

/// What Go's handler writes when nobody answers.
fn unavailable(why: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(format!("{why}\n"))
}
