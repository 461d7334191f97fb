//! Headers on their way: what only concerns one connection is dropped, who asked is noted, and the
//! route's own actions are done.

use super::options::Forwarded;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use std::net::IpAddr;

/// Header lines.
pub type Headers = Vec<(String, String)>;

/// Headers that concern one connection, or that the router writes itself.
const HOP: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Leaves out what is not passed on.
pub fn passed_on(headers: &mut Headers) {
    headers.retain(|(name, _)| !HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)));
}

/// One header's value.
pub fn get<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

fn set(headers: &mut Headers, name: &str, value: String) {
    headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value));
}

/// Who asked, as the pod is told.
pub struct Asker<'a> {
    /// Address of the client.
    pub client: IpAddr,
    /// Host of the request.
    pub host: &'a str,
    /// Port it came in at.
    pub port: u16,
    /// Whether with TLS.
    pub secure: bool,
    /// Whether over HTTP/2.
    pub second: bool,
}

/// Notes who asked.
pub fn note(headers: &mut Headers, asker: &Asker<'_>, how: Forwarded) {
    let scheme = if asker.secure { "https" } else { "http" };
    let client = asker.client.to_string();
    let (open, close) = if asker.client.is_ipv6() { ("\"[", "]\"") } else { ("", "") };
    let host = asker.host;
    let forwarded = ["for=", open, &client, close, ";host=", host, ";proto=", scheme].concat();
    let version = asker.second.then(|| ("X-Forwarded-Proto-Version", "h2".to_owned()));
    let lines = [
        ("X-Forwarded-For", client),
        ("X-Forwarded-Host", host.to_owned()),
        ("X-Forwarded-Port", asker.port.to_string()),
        ("X-Forwarded-Proto", scheme.to_owned()),
        ("Forwarded", forwarded),
    ];
    headers.reserve(lines.len() + 1);
    for (name, value) in lines.into_iter().chain(version) {
        match how {
            Forwarded::Append => headers.push((name.into(), value)),
            Forwarded::Replace => set(headers, name, value),
            Forwarded::IfNone if get(headers, name).is_none() => headers.push((name.into(), value)),
            Forwarded::IfNone | Forwarded::Never => {}
        }
    }
}

/// Something a route does to a header.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Action {
    name: String,
    action: What,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct What {
    r#type: String,
    set: Set,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Set {
    value: String,
}

/// Does a route's actions. `request` and `answer` are what values may speak of.
pub fn act(actions: &[Action], headers: &mut Headers, request: &Headers, answer: &Headers) {
    for Action { name, action } in actions {
        match action.r#type.as_str() {
            "Set" => {
                let value = expand(&action.set.value, request, answer);
                set(headers, name, value);
            }
            "Delete" => headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name)),
            _ => {}
        }
    }
}

/// A value with what it speaks of put in: `%%` is a percent sign, `%[req.hdr(Host),lower]` a header.
fn expand(text: &str, request: &Headers, answer: &Headers) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out += before;
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
        } else if let Some((inner, after)) = after.strip_prefix('[').and_then(|a| a.split_once(']'))
        {
            out += &sample(inner, request, answer);
            rest = after;
        } else {
            out.push('%');
            rest = after;
        }
    }
    out + rest
}

fn sample(text: &str, request: &Headers, answer: &Headers) -> String {
    let mut parts = text.split(',');
    let fetched = parts.next().unwrap_or_default();
    let from = |prefix: &str, headers: &Headers| {
        let name = fetched.strip_prefix(prefix)?.strip_suffix(')')?;
        Some(get(headers, name).unwrap_or_default().to_owned())
    };
    let value = from("req.hdr(", request).or_else(|| from("res.hdr(", answer)).unwrap_or_default();
    parts.fold(value, |value, converter| match converter {
        "lower" => value.to_lowercase(),
        "base64" => BASE64_STANDARD.encode(value),
        _ => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rows: &[(&str, &str)]) -> Headers {
        rows.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn values_speak_of_other_headers() {
        let request = lines(&[("Host", "A.B")]);
        let answer = lines(&[("Server", "x")]);
        let rows = [
            ("plain", "plain"),
            ("100%%", "100%"),
            ("%[req.hdr(host),lower]!", "a.b!"),
            ("%[res.hdr(server),base64]", "eA=="),
            ("%[req.hdr(none)]", ""),
            ("50%", "50%"),
        ];
        for (text, expected) in rows {
            assert_eq!(expand(text, &request, &answer), expected, "{text}");
        }
    }

    #[test]
    fn who_asked_is_noted_as_the_route_says() {
        let asker = Asker {
            client: IpAddr::from([127, 0, 0, 1]),
            host: "h",
            port: 80,
            secure: false,
            second: false,
        };
        let count = |how| {
            let mut headers = lines(&[("x-forwarded-for", "1.2.3.4")]);
            note(&mut headers, &asker, how);
            let all = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("X-Forwarded-For"));
            all.map(|(_, v)| v.clone()).collect::<Vec<_>>()
        };
        assert_eq!(count(Forwarded::Append), ["1.2.3.4", "127.0.0.1"]);
        assert_eq!(count(Forwarded::Replace), ["127.0.0.1"]);
        assert_eq!(count(Forwarded::IfNone), ["1.2.3.4"]);
        assert_eq!(count(Forwarded::Never), ["1.2.3.4"]);
    }
}
