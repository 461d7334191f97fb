//! The cookie by which a client comes back to the pod it was at.

use super::{
    headers::{self, Headers},
    road::{Insecure, Road, Termination},
    servers::Server,
};
use crate::object::hex;
use md5::{Digest, Md5};

/// Name of the cookie of a route that names none.
pub fn usual(namespace: &str, name: &str) -> String {
    hex(&Md5::digest(format!("{namespace}:{name}")))
}

/// Takes the cookie out of a request's headers: it is between client and router.
pub fn take(headers: &mut Headers, name: &str) -> Option<String> {
    let mut found = None;
    for (header, value) in headers.iter_mut().filter(|(n, _)| n.eq_ignore_ascii_case("cookie")) {
        debug_assert!(header.eq_ignore_ascii_case("cookie"));
        let mut rest = Vec::new();
        for pair in value.split(';').map(str::trim) {
            match pair.split_once('=') {
                Some((known, id)) if known == name => found = Some(id.to_owned()),
                _ => rest.push(pair),
            }
        }
        *value = rest.join("; ");
    }
    headers.retain(|(n, v)| !(n.eq_ignore_ascii_case("cookie") && v.is_empty()));
    found
}

/// Gives a client the cookie of the pod it is at.
pub fn give(answer: &mut Headers, road: &Road, server: &Server) {
    let mut value = format!("{}={}; path=/; HttpOnly", road.cookie, server.id);
    let tls = matches!(road.termination, Termination::Edge | Termination::Reencrypt);
    let secure = tls && road.insecure != Insecure::Allow;
    if secure {
        value += "; Secure";
    }
    match &road.options.same_site {
        Some(own) => value += &format!("; SameSite={own}"),
        None if secure => value += "; SameSite=None",
        None => {}
    }
    answer.push(("set-cookie".into(), value));
    if headers::get(answer, "cache-control").is_none() {
        answer.push(("cache-control".into(), "private".into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_do_not_see_the_routers_cookie() {
        let rows = [
            ("a=1; c=x; b=2", Some("x"), Some("a=1; b=2")),
            ("c=x", Some("x"), None),
            ("a=1", None, Some("a=1")),
        ];
        for (line, expected, left) in rows {
            let mut headers: Headers = vec![("Cookie".into(), line.into())];
            assert_eq!(take(&mut headers, "c").as_deref(), expected, "{line}");
            assert_eq!(headers::get(&headers, "cookie"), left, "{line}");
        }
    }
}
