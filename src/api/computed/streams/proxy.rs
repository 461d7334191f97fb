//! `pods/proxy`, `services/proxy` and `nodes/proxy`: what stands behind an object, asked through the
//! API server. Source: `ResourceLocation` of pods, services and nodes in `pkg/registry/core`, and
//! k8s.io/apimachinery `pkg/util/proxy` (the redirect, the words of what cannot be reached).

use super::{super::Handled, dial, kubelet};
use crate::{
    api::{Answer, Body, Request, Response, Server},
    error::Error,
    object::{ObjectExt, Value, json},
    runtime::{Fetch, Fetched},
};
use std::sync::Arc;

/// Answers requests through a proxy.
pub fn proxy(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(async move { pass(&server, request).await })
}

/// `[scheme:]name[:port]`
#[derive(Debug, PartialEq)]
struct Id<'a> {
    secure: bool,
    name: &'a str,
    port: &'a str,
}

/// Source: `SplitSchemeNamePort`.
fn split(text: &str) -> Option<Id<'_>> {
    let parts: Vec<&str> = text.split(':').collect();
    let (scheme, name, port) = match parts.as_slice() {
        [name] => ("", *name, ""),
        [name, port] => ("", *name, *port),
        [scheme, name, port] => (*scheme, *name, *port),
        _ => return None,
    };
    let valid = matches!(scheme, "" | "http" | "https") && !name.is_empty();
    valid.then_some(Id { secure: scheme == "https", name, port })
}

async fn pass(server: &Arc<Server>, mut request: Request) -> Result<Answer, Error> {
    let Body::Passed(mut fetch) = std::mem::take(&mut request.body) else {
        return Err(Error::NoSuchPath);
    };
    let what = request.kind.plural.trim_end_matches('s');
    let options = format!("{}ProxyOptions", request.kind.kind);
    let options = json!({"kind": options, "apiVersion": "v1", "path": fetch.path});
    super::asked(server, &request, options).await?;
    let text = request.name.clone();
    let id = split(&text)
        .ok_or_else(|| Error::BadRequest(format!("invalid {what} request {text:?}")))?;
    let (namespace, pod, port) = match what {
        "service" => behind(server, &request, &id, &text)?,
        "pod" => (request.namespace.clone(), id.name.to_owned(), of_pod(server, &request, &id)?),
        _ => {
            request.name = id.name.into();
            Server::stored(&server.store.snapshot(), &request)?;
            return match id.port {
                "" | "10250" => match redirect(&request, &text, &fetch) {
                    Some(answer) => Ok(answer),
                    None => {
                        let containers = super::containers(server, &request)?;
                        dial::kubelet(&server.store.snapshot(), &*containers, id.name)
                            .map_err(|why| unreachable(&why))?;
                        kubelet::answer(server, &request, &fetch).await
                    }
                },
                port => Err(unreachable(&format!(
                    "dial tcp {}:{port}: connect: connection refused",
                    id.name
                ))),
            };
        }
    };
    if let Some(answer) = redirect(&request, &text, &fetch) {
        return Ok(answer);
    }
    (fetch.port, fetch.secure) = (port, id.secure);
    let containers = super::containers(server, &request)?;
    let dialled = dial::pod(&server.store.snapshot(), &*containers, (&namespace, &pod), port);
    let answer = match dialled {
        Ok(()) => containers.fetch(&namespace, &pod, *fetch).await,
        Err(why) => Err(why),
    };
    answer.map(|a| Response::Passed(a).into()).map_err(|why| unreachable(&why))
}

fn unreachable(why: &str) -> Error {
    Error::Unavailable(format!("error trying to reach service: {why}"))
}

/// A path without a slash at its end leads to the one with it, so that relative links work.
fn redirect(request: &Request, id: &str, fetch: &Fetch) -> Option<Answer> {
    let (path, query) = fetch.path.split_once('?').unwrap_or((&fetch.path, ""));
    if !path.is_empty() || !matches!(fetch.method.as_str(), "GET" | "HEAD") {
        return None;
    }
    let place = match request.namespace.as_str() {
        "" => String::new(),
        namespace => format!("/namespaces/{namespace}"),
    };
    let mark = if query.is_empty() { "" } else { "?" };
    let to = format!("/api/v1{place}/{}/{id}/proxy/{mark}{query}", request.kind.plural);
    let headers = vec![("Location".to_owned(), to)];
    Some(Response::Passed(Fetched { status: 301, headers, ..Fetched::default() }).into())
}

fn number(text: &str, secure: bool) -> Option<u16> {
    match text {
        "" => Some(if secure { 443 } else { 80 }),
        digits => digits.parse().ok(),
    }
}

/// The port of a pod: the one asked for, or the first one it declares.
fn of_pod(server: &Server, request: &Request, id: &Id<'_>) -> Result<u16, Error> {
    let snapshot = server.store.snapshot();
    let pod = snapshot.get("pods", &request.namespace, id.name).map(|e| e.value());
    let pod = pod.ok_or_else(|| Error::not_found("pods", id.name))?;
    let declared = || {
        let ports = pod.list_at("spec.containers").iter().find_map(|c| c.list_at("ports").first());
        ports.and_then(|p| p.i64_at("containerPort")).map(|p| p.to_string())
    };
    let asked = if id.port.is_empty() { declared().unwrap_or_default() } else { id.port.into() };
    if pod.str_at("status.podIP").is_empty() {
        return Err(Error::BadRequest("address not allowed".into()));
    }
    number(&asked, id.secure)
        .ok_or_else(|| unreachable(&format!("dial tcp: lookup tcp/{asked}: unknown port")))
}

/// A pod behind a service, and its port.
fn behind(
    server: &Server,
    request: &Request,
    id: &Id<'_>,
    whole: &str,
) -> Result<(String, String, u16), Error> {
    let snapshot = server.store.snapshot();
    let namespace = &request.namespace;
    let find = |resource: &str| {
        let entry = snapshot.get(resource, namespace, id.name);
        entry.map(|e| e.value()).ok_or_else(|| Error::not_found(resource, id.name))
    };
    let mut port = id.port.to_owned();
    if let Ok(number) = id.port.parse::<i64>() {
        let service = find("services")?;
        let ports = service.list_at("spec.ports");
        let Some(known) = ports.iter().find(|p| p.i64_at("port") == Some(number)) else {
            let text = format!("no service port {number} found for service {:?}", id.name);
            return Err(Error::Unavailable(text));
        };
        port = known.str_at("name").to_owned();
    }
    let none = |of: &str| Error::Unavailable(format!("no endpoints available for service {of:?}"));
    let endpoints = find("endpoints")?;
    let subsets = endpoints.list_at("subsets");
    if subsets.is_empty() {
        return Err(none(id.name));
    }
    let fits = |subset: &Value| {
        let known = subset.list_at("ports").iter().find(|p| p.str_at("name") == port)?;
        let number = u16::try_from(known.i64_at("port")?).ok()?;
        let pods: Vec<&str> = subset
            .list_at("addresses")
            .iter()
            .filter(|a| a.str_at("targetRef.kind") == "Pod")
            .map(|a| a.str_at("targetRef.name"))
            .collect();
        let chance = server.world.entropy.of(&["proxies"]).below(pods.len().max(1) as u64) as usize;
        Some((namespace.clone(), (*pods.get(chance)?).to_owned(), number))
    };
    subsets.iter().find_map(fits).ok_or_else(|| none(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_a_scheme_and_a_port() {
        let id = |secure, name, port| Some(Id { secure, name, port });
        let rows = [
            ("web", id(false, "web", "")),
            ("web:80", id(false, "web", "80")),
            ("https:web:", id(true, "web", "")),
            ("http:web:www", id(false, "web", "www")),
            ("ftp:web:80", None),
            (":80", None),
            ("a:b:c:d", None),
        ];
        for (text, expected) in rows {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
