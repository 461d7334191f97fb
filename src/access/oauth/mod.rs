//! The OAuth server: from a user name and password to a token, for `oc login`, browsers and other
//! clients. Knows requests and replies as values, not HTTP.
//!
//! Codes and tokens are ordinary objects named after their SHA-256, so that reading the database
//! tells nobody a token, and deleting the object ends it. Sources: RFC 6749, RFC 7636,
//! openshift/oauth-server.

mod authorize;
mod guesses;
mod pages;
mod sign_in;
mod token;

pub use guesses::Guesses;

use crate::{
    access::Access,
    object::{Map, ObjectExt, Value, encode, json, time},
    store::{Expect, Op, Store},
    world::World,
};

/// Seconds an access token lives when neither client nor cluster says otherwise.
const TOKEN_SECONDS: i64 = 86_400;
/// Seconds a code lives.
const CODE_SECONDS: i64 = 300;
/// Resource of OAuthAuthorizeTokens.
const CODES: &str = "oauthauthorizetokens.oauth.openshift.io";
/// Resource of OAuthClients.
const CLIENTS: &str = "oauthclients.oauth.openshift.io";
/// Resource of the cluster's OAuth configuration.
const CONFIG: &str = "oauths.config.openshift.io";
/// Realm of password challenges.
const REALM: &str = "openshift";

/// What the OAuth server needs.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// Objects.
    pub store: &'a Store,
    /// Time and chance.
    pub world: &'a World,
    /// Secrets.
    pub access: &'a Access,
    /// Address clients reach the server at, without a slash at the end.
    pub issuer: &'a str,
}

/// A request to one of the OAuth paths.
#[derive(Clone, Debug, Default)]
pub struct OAuthRequest {
    /// HTTP method.
    pub method: String,
    /// Path without the first slash.
    pub path: String,
    /// Decoded query parameters.
    pub query: Vec<(String, String)>,
    /// Decoded form fields of the body.
    pub form: Vec<(String, String)>,
    /// Header `X-CSRF-Token`.
    pub csrf: String,
    /// User name and password of a Basic `Authorization` header.
    pub basic: Option<(String, String)>,
    /// Header `Cookie`.
    pub cookie: String,
    /// Address it comes from.
    pub peer: String,
}

/// A reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers, `Content-Type` included.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: String,
}

impl OAuthRequest {
    fn query(&self, name: &str) -> &str {
        find(&self.query, name)
    }
    fn form(&self, name: &str) -> &str {
        find(&self.form, name)
    }
    fn cookie(&self, name: &str) -> &str {
        let mut cookies = self.cookie.split(';').filter_map(|c| c.trim().split_once('='));
        cookies.find(|(n, _)| *n == name).map_or("", |(_, value)| value)
    }
    /// A parameter by whichever way the method carries them.
    fn parameter(&self, name: &str) -> &str {
        match self.form(name) {
            "" => self.query(name),
            value => value,
        }
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
}

impl Reply {
    fn json(status: u16, body: &Value) -> Reply {
        Reply {
            status,
            headers: vec![
                ("Content-Type", "application/json".into()),
                ("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate".into()),
                ("Pragma", "no-cache".into()),
            ],
            body: body.to_string(),
        }
    }
    fn html(status: u16, body: String) -> Reply {
        Reply {
            status,
            headers: vec![
                ("Content-Type", "text/html; charset=utf-8".into()),
                ("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate".into()),
                ("X-Frame-Options", "DENY".into()),
                (
                    "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'".into(),
                ),
            ],
            body,
        }
    }
    fn redirect(to: String) -> Reply {
        Reply { status: 302, headers: vec![("Location", to)], body: String::new() }
    }
    fn error(status: u16, error: &str, description: &str) -> Reply {
        Reply::json(status, &json!({"error": error, "error_description": description}))
    }
}

/// Answers a request; `None` when nothing is at its path.
pub async fn answer(cx: Cx<'_>, ask: &OAuthRequest) -> Option<Reply> {
    let reply = match (ask.path.as_str(), ask.method.as_str()) {
        (".well-known/oauth-authorization-server", _) => Reply::json(200, &metadata(cx.issuer)),
        ("oauth/authorize", _) => authorize::answer(cx, ask).await,
        ("oauth/token", "POST") => token::answer(cx, ask).await,
        ("oauth/token", _) => Reply::error(405, "invalid_request", "use POST"),
        ("oauth/token/request", _) => pages::request(cx),
        ("oauth/token/display", "POST") => pages::token(cx, ask).await,
        ("oauth/token/display", _) => pages::display(cx, ask),
        ("oauth/token/implicit", _) => pages::implicit(cx),
        ("oauth/login", "POST") => pages::signed_in(cx, ask).await,
        ("oauth/login", _) => pages::login(cx, ask, ""),
        ("oauth/logout", _) => pages::logout(cx),
        _ => return None,
    };
    Some(reply)
}

/// RFC 8414 metadata.
pub fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "scopes_supported": crate::access::scopes::USER_SCOPES,
        "response_types_supported": ["code", "token"],
        "grant_types_supported": ["authorization_code", "implicit"],
        "code_challenge_methods_supported": ["plain", "S256"],
    })
}

/// A new object with the metadata the server gives every object.
fn new_object(cx: Cx<'_>, kind: &str, group: &str, name: &str, fields: Value) -> Value {
    let mut object = Value::Object(match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    });
    object.set_at("apiVersion", format!("{group}/v1"));
    object.set_at("kind", kind);
    object.set_at(
        "metadata",
        json!({
            "name": name, "uid": cx.world.entropy.uuid(),
            "creationTimestamp": time::seconds(cx.world.clock.now()),
        }),
    );
    object
}

fn put(resource: &str, object: &Value, expect: Expect) -> Op {
    Op::Put {
        resource: resource.into(),
        key: object.name().into(),
        expect,
        body: encode(object),
        claims: Vec::new(),
    }
}

/// Percent-encodes a query value.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `a=b&c=d`, without the empty values.
fn encoded(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests;
