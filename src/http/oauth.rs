//! The OAuth server on the wire: its requests and replies as the values it knows.

use super::{parameters, serve::Incoming, values};
use crate::access::oauth::{self, Cx, OAuthRequest};
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Answers a request to an OAuth path (`rest`, without the first slash); `None` when nothing is
/// there.
pub async fn answer(incoming: &Incoming<'_>, rest: &str, body: &[u8]) -> Option<HttpResponse> {
    let (http, request, query) = (incoming.http, incoming.request, incoming.query);
    let text = |name: &str| incoming.header(name).to_owned();
    let is_form = text("content-type").starts_with("application/x-www-form-urlencoded");
    let ask = OAuthRequest {
        method: request.method().to_string(),
        path: rest.into(),
        query: query.pairs().to_vec(),
        form: match std::str::from_utf8(body) {
            Ok(body) if is_form => parameters::form(body),
            _ => Vec::new(),
        },
        csrf: text("x-csrf-token"),
        basic: basic(&text("authorization")),
        cookie: cookies(request.headers()),
        peer: request.peer_addr().map(|a| a.ip().to_string()).unwrap_or_default(),
    };
    let server = &http.server;
    let issuer = reached_at(incoming);
    let cx =
        Cx { store: &server.store, world: &server.world, access: &server.access, issuer: &issuer };
    let reply = oauth::answer(cx, &ask).await?;
    let code = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let empty = reply.body.is_empty();
    let mut response = HttpResponse::build(code).body(reply.body);
    for (name, value) in reply.headers {
        values::append(response.headers_mut(), name, &value);
    }
    // What a client shows of a failed sign-in must not be mistaken for a page.
    if empty {
        let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
    }
    Some(response)
}

/// The address a client has reached the server at: by the name it called, whichever of the server's
/// names that was. Nobody else's page can make a browser call it by a name of theirs, as TLS would
/// not let it.
fn reached_at(incoming: &Incoming<'_>) -> String {
    let own = incoming.header(header::HOST);
    let named = incoming.request.uri().authority().map_or(own, |a| a.as_str());
    match is_host(named) {
        true => format!("https://{named}"),
        false => incoming.http.url.clone(),
    }
}

/// Whether a text is `HOST` or `HOST:PORT` and nothing else.
fn is_host(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
    (1..=260).contains(&text.len()) && text.bytes().all(fits)
}

/// All cookies as one header: browsers send them apart over HTTP/2 (RFC 9113, 8.2.3).
fn cookies(headers: &header::HeaderMap) -> String {
    let all = headers.get_all(header::COOKIE).filter_map(|v| v.to_str().ok());
    all.collect::<Vec<_>>().join("; ")
}

/// Name and password of a Basic `Authorization` header.
pub fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, value) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(())?;
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.into(), password.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_that_come_apart() {
        let mut headers = header::HeaderMap::new();
        assert_eq!(cookies(&headers), "");
        for one in ["csrf=a", "ssn=b; c=d"] {
            headers.append(header::COOKIE, header::HeaderValue::from_static(one));
        }
        assert_eq!(cookies(&headers), "csrf=a; ssn=b; c=d");
    }

    #[test]
    fn hosts() {
        for host in ["127.0.0.1:6443", "[::1]:6443", "console.apps.localhost:8443", "api"] {
            assert!(is_host(host), "{host}");
        }
        for other in ["", "a b", "a/b", "a@b", "a\"b", "a#b"] {
            assert!(!is_host(other), "{other}");
        }
    }

    #[test]
    fn basic_headers() {
        let encoded = STANDARD.encode("developer:a:b");
        let pair = Some(("developer".to_owned(), "a:b".to_owned()));
        assert_eq!(basic(&format!("Basic {encoded}")), pair);
        assert_eq!(basic(&format!("basic {encoded}")), pair);
        for bad in ["", "Basic", "Bearer x", "Basic !!", "Basic YQ=="] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }
}
