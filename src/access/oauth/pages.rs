//! What a person sees in a browser: the sign-in form and the page with a token to copy.

use super::{
    Cx, OAuthRequest, Reply, authorize, encoded,
    sign_in::{Person, sign_in},
    token,
};
use crate::{
    access::{password::same, secret_text},
    object::{ObjectExt, Value, json},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::hmac;

/// Seconds a browser stays signed in.
const SESSION_SECONDS: i64 = 300;
const SESSION: &str = "ssn";
const CSRF: &str = "csrf";
/// The client of people who want a token to copy.
const BROWSER_CLIENT: &str = "openshift-browser-client";

fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:16px sans-serif;margin:4em auto;max-width:40em}}label{{display:block;margin:1em 0}}\
         pre{{background:#eee;padding:1em;overflow:auto}}.error{{color:#a30000}}</style></head>\n\
         <body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn cookie(name: &str, value: &str, seconds: i64) -> (&'static str, String) {
    let rest = format!("Path=/oauth; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    ("Set-Cookie", format!("{name}={value}; {rest}"))
}

/// A hidden field and the cookie it must agree with.
fn csrf(cx: Cx<'_>) -> (String, (&'static str, String)) {
    let value = secret_text(&cx.world.entropy);
    let field = format!("<input type=\"hidden\" name=\"csrf\" value=\"{value}\">");
    (field, cookie(CSRF, &value, 3600))
}

fn csrf_agrees(ask: &OAuthRequest) -> bool {
    let value = ask.form("csrf");
    !value.is_empty() && same(value.as_bytes(), ask.cookie(CSRF).as_bytes())
}

/// The sign-in form.
pub(super) fn login(cx: Cx<'_>, ask: &OAuthRequest, error: &str) -> Reply {
    let (field, set) = csrf(cx);
    let problem =
        if error.is_empty() { String::new() } else { format!("<p class=\"error\">{error}</p>") };
    let then = html(ask.parameter("then"));
    let body = format!(
        "{problem}<form method=\"post\" action=\"/oauth/login\">{field}\
         <input type=\"hidden\" name=\"then\" value=\"{then}\">\
         <label>Username <input name=\"username\" autocomplete=\"username\" autofocus required></label>\
         <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>\
         <button>Log in</button></form>"
    );
    let mut reply = Reply::html(200, page("Log in to your account", &body));
    reply.headers.push(set);
    reply
}

/// The filled-in form.
pub(super) async fn signed_in(cx: Cx<'_>, ask: &OAuthRequest) -> Reply {
    if !csrf_agrees(ask) {
        return login(cx, ask, "Could not check CSRF token. Please try again.");
    }
    let (name, given) = (ask.form("username"), ask.form("password"));
    let Some(person) = sign_in(cx, &ask.peer, name, given).await else {
        return login(cx, ask, "Invalid login or password. Please try again.");
    };
    // Only back to this server: anything else would make it a lure for phishers.
    let then = match ask.form("then") {
        then if then.starts_with("/oauth/") => then,
        _ => "/oauth/token/request",
    };
    let mut reply = Reply::redirect(format!("{}{then}", cx.issuer));
    reply.headers.push(cookie(SESSION, &seal(cx, &person), SESSION_SECONDS));
    reply
}

/// Ends the browser's session.
pub(super) fn logout(cx: Cx<'_>) -> Reply {
    let mut reply = Reply::redirect(format!("{}/oauth/login", cx.issuer));
    reply.headers.push(cookie(SESSION, "", 0));
    reply
}

fn key(cx: Cx<'_>) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &cx.access.keys.session_key)
}

fn seal(cx: Cx<'_>, person: &Person) -> String {
    let ends = cx.world.clock.now().as_second() + SESSION_SECONDS;
    let text = BASE64.encode(json!({"n": person.name, "u": person.uid, "e": ends}).to_string());
    format!("{text}.{}", BASE64.encode(hmac::sign(&key(cx), text.as_bytes())))
}

/// Who the browser's session belongs to.
pub(super) fn session(cx: Cx<'_>, ask: &OAuthRequest) -> Option<Person> {
    let (text, seal) = ask.cookie(SESSION).split_once('.')?;
    hmac::verify(&key(cx), text.as_bytes(), &BASE64.decode(seal).ok()?).ok()?;
    let kept: Value = serde_json::from_slice(&BASE64.decode(text).ok()?).ok()?;
    (cx.world.clock.now().as_second() < kept.i64_at("e")?).then_some(())?;
    Some(Person { name: kept.str_at("n").into(), uid: kept.str_at("u").into() })
}

fn display_uri(cx: Cx<'_>) -> String {
    format!("{}/oauth/token/display", cx.issuer)
}

/// The way to a token for a person: through the authorize endpoint.
pub(super) fn request(cx: Cx<'_>) -> Reply {
    let redirect = display_uri(cx);
    let query = encoded(&[
        ("client_id", BROWSER_CLIENT),
        ("redirect_uri", &redirect),
        ("response_type", "code"),
    ]);
    Reply::redirect(format!("{}/oauth/authorize?{query}", cx.issuer))
}

/// The page before the token: it takes a click, so that a link alone shows nothing.
pub(super) fn display(cx: Cx<'_>, ask: &OAuthRequest) -> Reply {
    if ask.query("code").is_empty() {
        return request(cx);
    }
    let (field, set) = csrf(cx);
    let code = html(ask.query("code"));
    let body = format!(
        "<form method=\"post\" action=\"/oauth/token/display\">{field}\
         <input type=\"hidden\" name=\"code\" value=\"{code}\"><button>Display Token</button></form>"
    );
    let mut reply = Reply::html(200, page("API token", &body));
    reply.headers.push(set);
    reply
}

/// The token.
pub(super) async fn token(cx: Cx<'_>, ask: &OAuthRequest) -> Reply {
    if !csrf_agrees(ask) {
        return Reply::html(
            400,
            page(
                "API token",
                "<p class=\"error\">Could not check CSRF token. Please try again.</p>",
            ),
        );
    }
    let client = authorize::client(cx, BROWSER_CLIENT);
    let made = match client {
        Some(client) => token::exchange(cx, client, ask.form("code"), &display_uri(cx), "").await,
        None => None,
    };
    let again = "<p><a href=\"/oauth/token/request\">Request another token</a></p>";
    let Some(made) = made else {
        let body = format!("<p class=\"error\">The code is used up or too old.</p>{again}");
        return Reply::html(400, page("API token", &body));
    };
    let (token, issuer) = (html(&made.token), html(cx.issuer));
    let body = format!(
        "<h2>Your API token is</h2><pre>{token}</pre><h2>Log in with this token</h2>\
         <pre>oc login --token={token} --server={issuer}</pre>\
         <h3>Use this token directly against the API</h3>\
         <pre>curl -H \"Authorization: Bearer {token}\" \"{issuer}/apis/user.openshift.io/v1/users/~\"</pre>{again}"
    );
    Reply::html(200, page("API token", &body))
}

/// Where clients without a browser send their user by mistake.
pub(super) fn implicit(cx: Cx<'_>) -> Reply {
    let body = format!(
        "<p>This address is for programs that read the token from a redirect. \
         <a href=\"{}/oauth/token/request\">Request a token</a> to copy instead.</p>",
        html(cx.issuer),
    );
    Reply::html(200, page("API token", &body))
}
