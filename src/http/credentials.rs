//! Who sends a request: its headers and the connection's certificate.

use super::{Http, listener::Subject, parameters, streaming};
use crate::{
    access::{Credentials, Impersonation},
    api::Caller,
    error::Error,
};
use actix_web::{HttpMessage, HttpRequest, http::header::HeaderMap};
use std::{collections::BTreeMap, sync::Arc};

/// Who sends this request.
///
/// # Errors
/// 401 for bad credentials, 403 for an impersonation that is not allowed.
pub fn caller(http: &Http, request: &HttpRequest) -> Result<Arc<Caller>, Error> {
    authenticated(http, request, &wanted(request))
}

/// Who sends it in his own name, if he acts for somebody else and is known.
pub fn own(http: &Http, request: &HttpRequest) -> Option<Arc<Caller>> {
    if wanted(request).is_empty() {
        return None;
    }
    authenticated(http, request, &Impersonation::default()).ok()
}

fn authenticated(
    http: &Http,
    request: &HttpRequest,
    wanted: &Impersonation,
) -> Result<Arc<Caller>, Error> {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // Browsers send no header with a WebSocket, but choose its subprotocols.
    let offered = streaming::bearer(headers)?;
    let bearer = token(text("authorization")).or(offered.as_deref());
    // HTTP/1 keeps it with the connection, HTTP/2 hands it on with every request.
    let own = request.extensions().get::<Subject>().cloned();
    let subject = own.as_ref().or_else(|| request.conn_data::<Subject>());
    let credentials =
        Credentials { bearer, certificate: subject.map(|s| (s.0.as_str(), s.1.as_slice())) };
    http.server.authenticate(&credentials, wanted)
}

/// The bearer token of an `Authorization` header: its second word. Without one the sender is nobody
/// in particular, not somebody refused.
/// Source: apiserver `pkg/authentication/request/bearertoken`.
fn token(header: &str) -> Option<&str> {
    let mut words = header.trim().split(' ');
    let bearer = words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    words.next().filter(|token| bearer && !token.is_empty())
}

/// Whom the sender wants to act for.
fn wanted(request: &HttpRequest) -> Impersonation {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let groups = headers.get_all("impersonate-group").filter_map(|v| v.to_str().ok());
    Impersonation {
        user: text("impersonate-user").into(),
        uid: text("impersonate-uid").into(),
        groups: groups.map(Into::into).collect(),
        extra: extra(headers),
    }
}

/// The `Impersonate-Extra-` headers.
fn extra(headers: &HeaderMap) -> Vec<(String, Vec<String>)> {
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let Some(key) = name.as_str().strip_prefix("impersonate-extra-") else { continue };
        let Ok(value) = value.to_str() else { continue };
        extra.entry(parameters::unescape_path(key)).or_default().push(value.into());
    }
    extra.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_headers() {
        let rows = [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            (" Bearer abc ", Some("abc")),
            ("Bearer abc def", Some("abc")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Bearer  abc", None),
            ("Basic abc", None),
            ("", None),
        ];
        for (header, wanted) in rows {
            assert_eq!(token(header), wanted, "{header:?}");
        }
    }
}
