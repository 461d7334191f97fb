//! URLs as Go reads them. Source: k8s.io/apiserver `pkg/cel/library/urls.go`, Go's `net/url`.

use super::{Found, Opaque};
use crate::cel::{
    eval::EvalError,
    value::{Key, Map, Value, text},
};
use indexmap::IndexMap;
use std::rc::Rc;

/// A URL in its parts.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Url {
    pub scheme: String,
    pub host: String,
    pub path: String,
    pub query: String,
    whole: String,
}

impl Url {
    /// Reads an absolute URL or path; the text says what is wrong, as Go does.
    fn parse(whole: &str) -> Result<Url, String> {
        let failed = |why: String| format!("parse {whole:?}: {why}");
        if whole.bytes().any(|b| b < b' ' || b == 0x7f) {
            return Err(failed("net/url: invalid control character in URL".into()));
        }
        if whole.is_empty() {
            return Err(failed("empty url".into()));
        }
        let (scheme, rest) = scheme(whole).map_err(failed)?;
        let bare = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (rest, query) = bare.split_once('?').unwrap_or((bare, ""));
        if !rest.starts_with('/') && (scheme.is_empty() || rest.is_empty()) {
            return Err(failed("invalid URI for request".into()));
        }
        let (host, path) = match rest.strip_prefix("//") {
            Some(after) if !scheme.is_empty() || !rest.starts_with("///") => {
                let at = after.find('/').unwrap_or(after.len());
                let authority = &after[..at];
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                check_host(host).map_err(failed)?;
                (host, &after[at..])
            }
            _ if !rest.starts_with('/') => ("", ""),
            _ => ("", rest),
        };
        if let Some(wrong) = bad_escape(path) {
            return Err(failed(format!("invalid URL escape {wrong:?}")));
        }
        Ok(Url {
            scheme: scheme.to_ascii_lowercase(),
            host: host.into(),
            path: path.into(),
            query: query.into(),
            whole: whole.into(),
        })
    }

    fn hostname(&self) -> &str {
        if let Some(rest) = self.host.strip_prefix('[') {
            return rest.split_once(']').map_or(rest, |(host, _)| host);
        }
        self.host.split_once(':').map_or(&self.host, |(host, _)| host)
    }

    fn port(&self) -> &str {
        let after = self.host.rfind(']').map_or(0, |at| at + 1);
        self.host[after..].split_once(':').map_or("", |(_, port)| port)
    }
}

/// The scheme and what follows its colon.
fn scheme(whole: &str) -> Result<(&str, &str), String> {
    for (i, c) in whole.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if i > 0 => {}
            ':' if i == 0 => return Err("missing protocol scheme".into()),
            ':' => return Ok((&whole[..i], &whole[i + 1..])),
            _ => break,
        }
    }
    let first = whole.split(['/', '?', '#']).next().unwrap_or_default();
    if first.contains(':') {
        return Err("first path segment in URL cannot contain colon".into());
    }
    Ok(("", whole))
}

fn check_host(host: &str) -> Result<(), String> {
    let port = |text: &str| match text.strip_prefix(':') {
        _ if text.is_empty() => Ok(()),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
        _ => Err(format!("invalid port {text:?} after host")),
    };
    if let Some(rest) = host.strip_prefix('[') {
        let Some((_, after)) = rest.split_once(']') else {
            return Err("missing ']' in host".into());
        };
        return port(after);
    }
    if let Some(c) = host.chars().find(|c| " \"<>\\^`{|}".contains(*c)) {
        return Err(format!("invalid character {:?} in host name", c.to_string()));
    }
    host.rfind(':').map_or(Ok(()), |at| port(&host[at..]))
}

/// A percent sign that no two hex digits follow.
fn bad_escape(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let hex = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_hexdigit);
    let wrong = (0..bytes.len()).find(|i| bytes[*i] == b'%' && !(hex(i + 1) && hex(i + 2)))?;
    text.get(wrong..(wrong + 3).min(text.len()))
}

/// The path with what must be escaped escaped.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(byte as char),
            _ if b"-_.~!$&'()*+,;=:@/%[]".contains(&byte) => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What is wrong with a text as a URI.
pub(super) fn problems(text: &str) -> Vec<String> {
    Url::parse(text).err().into_iter().collect()
}

/// `url(text)` and `isURL(text)`.
pub(super) fn of_text<'a>(function: &str, args: &[Value<'a>]) -> Found<'a> {
    let [Value::String(text)] = args else { return Ok(None) };
    Ok(Some(match function {
        "url" => {
            let url = Url::parse(text).map_err(|why| {
                EvalError::error(format!("URL parse error during conversion from string: {why}"))
            })?;
            Opaque::Url(Rc::new(url)).into()
        }
        "isURL" => Value::Bool(Url::parse(text).is_ok()),
        _ => return Ok(None),
    }))
}

/// A part of a URL.
pub(super) fn part<'a>(function: &str, url: &Url) -> Option<Value<'a>> {
    Some(match function {
        "getScheme" => text(url.scheme.as_str()),
        "getHost" => text(url.host.as_str()),
        "getHostname" => text(url.hostname()),
        "getPort" => text(url.port()),
        "getEscapedPath" => text(escaped(&url.path)),
        "getQuery" => query(&url.query),
        _ => return None,
    })
}

fn query<'a>(query: &str) -> Value<'a> {
    let mut lists: IndexMap<String, Vec<Value<'a>>> = IndexMap::new();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        lists.entry(key.into_owned()).or_default().push(text(value.into_owned()));
    }
    let entries = lists
        .into_iter()
        .map(|(key, list)| (Key::String(key.as_str().into()), (text(key), Value::list(list))));
    Value::Map(Map::Made(Rc::new(entries.collect())))
}
