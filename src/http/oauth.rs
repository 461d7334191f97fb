//! The OAuth server on the wire: its requests and replies as the values it knows.

use super::{
    Http,
    parameters::{self, Query},
};
use crate::access::oauth::{self, Ask, Cx};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Answers a request to an OAuth path (`rest`, without the first slash); `None` when nothing is
/// there.
pub async fn answer(
    http: &Http,
    request: &HttpRequest,
    rest: &str,
    query: &Query,
    body: &[u8],
) -> Option<HttpResponse> {
    let text = |name: &str| {
        let value = request.headers().get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let is_form = text("content-type").starts_with("application/x-www-form-urlencoded");
    let ask = Ask {
        method: request.method().to_string(),
        path: rest.into(),
        query: query.pairs().to_vec(),
        form: match std::str::from_utf8(body) {
            Ok(body) if is_form => parameters::form(body),
            _ => Vec::new(),
        },
        csrf: text("x-csrf-token"),
        basic: basic(&text("authorization")),
        cookie: text("cookie"),
    };
    let server = &http.server;
    let cx = Cx {
        store: &server.store,
        world: &server.world,
        access: &server.access,
        issuer: &http.url,
    };
    let reply = oauth::answer(cx, &ask).await?;
    let code = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(code);
    for (name, value) in reply.headers {
        response.append_header((name, value));
    }
    // What a client shows of a failed sign-in must not be mistaken for a page.
    if reply.body.is_empty() {
        response.insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"));
    }
    Some(response.body(reply.body))
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
