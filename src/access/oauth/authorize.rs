//! `/oauth/authorize`: who asks, for which client, and where the answer goes.

use super::{
    CLIENTS, CODE_SECONDS, CODES, Cx, OAuthRequest, REALM, Reply, encoded, escape, new_object,
    pages, put,
    sign_in::{Person, sign_in},
    token,
};
use crate::{
    access::{authn::TOKEN_PREFIX, authn::token_name, scopes, secret_text},
    object::{ObjectExt, Value, json},
    store::Expect,
};

/// A checked request.
struct AuthorizeRequest<'a> {
    client: Value,
    redirect: String,
    scopes: Vec<String>,
    ask: &'a OAuthRequest,
}

pub(super) async fn answer(cx: Cx<'_>, ask: &OAuthRequest) -> Reply {
    let wanted = match check(cx, ask) {
        Ok(wanted) => wanted,
        Err(reply) => return *reply,
    };
    let person = match &ask.basic {
        Some((name, password)) => sign_in(cx, &ask.peer, name, password).await,
        None => pages::session(cx, ask),
    };
    let Some(person) = person else { return challenge(cx, &wanted) };
    match wanted.client.str_at("grantMethod") {
        "auto" => grant(cx, &wanted, &person).await,
        _ => wanted.refuse(
            "access_denied",
            "the client needs the user's approval, which this server cannot ask for; give it grantMethod auto",
        ),
    }
}

/// The client and where to send the answer; errors about these two go to the user, since the
/// address cannot be trusted.
fn check<'a>(cx: Cx<'_>, ask: &'a OAuthRequest) -> Result<AuthorizeRequest<'a>, Box<Reply>> {
    let problem = |error, text| Box::new(Reply::error(400, error, text));
    let client = client(cx, ask.parameter("client_id")).ok_or_else(|| {
        problem(
            "unauthorized_client",
            "The client is not authorized to request a token using this method.",
        )
    })?;
    let asked = ask.parameter("redirect_uri");
    let registered = client.list_at("redirectURIs").iter().filter_map(Value::as_str);
    let registered: Vec<String> = registered.map(|uri| absolute(cx.issuer, uri)).collect();
    let redirect = match (asked, registered.as_slice()) {
        ("", [only]) => only.clone(),
        _ if registered.iter().any(|r| covers(r, asked)) => asked.to_owned(),
        _ => {
            return Err(problem(
                "invalid_request",
                "The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.",
            ));
        }
    };
    let scopes = match ask.parameter("scope") {
        "" => vec![scopes::FULL.to_owned()],
        list => list.split_whitespace().map(Into::into).collect(),
    };
    let wanted = AuthorizeRequest { client, redirect, scopes, ask };
    if !matches!(ask.parameter("response_type"), "code" | "token") {
        return Err(Box::new(wanted.refuse(
            "unsupported_response_type",
            "The authorization server does not support obtaining an authorization code using this method.",
        )));
    }
    let limits = wanted.client.list_at("scopeRestrictions");
    let fine = |s: &String| scopes::is_valid(s) && scopes::permitted(s, limits);
    if !wanted.scopes.iter().all(fine) {
        let why = "The requested scope is invalid, unknown, or malformed.";
        return Err(Box::new(wanted.refuse("invalid_scope", why)));
    }
    if !matches!(ask.parameter("code_challenge_method"), "" | "plain" | "S256") {
        let why = "transform algorithm not supported";
        return Err(Box::new(wanted.refuse("invalid_request", why)));
    }
    Ok(wanted)
}

pub(super) fn client(cx: Cx<'_>, name: &str) -> Option<Value> {
    if name.is_empty() {
        return None;
    }
    cx.store.snapshot().get(CLIENTS, "", name).map(|e| e.value())
}

/// A registered address that begins with a slash is on this server.
fn absolute(issuer: &str, uri: &str) -> String {
    if uri.starts_with('/') { format!("{issuer}{uri}") } else { uri.into() }
}

/// Whether a registered address covers the one asked for: equal, or below it; on a loopback address
/// the port is the client's choice (RFC 8252).
fn covers(registered: &str, asked: &str) -> bool {
    let (Some(r), Some(a)) = (split(registered), split(asked)) else { return false };
    let same_place = if matches!(r.host(), "127.0.0.1" | "[::1]") {
        r.scheme == a.scheme && r.host() == a.host()
    } else {
        (r.scheme, r.authority) == (a.scheme, a.authority)
    };
    let below = a.path.strip_prefix(r.path).is_some_and(|rest| {
        rest.is_empty() || r.path.ends_with('/') || rest.starts_with(['/', '?'])
    });
    same_place && below && !a.path.contains("..") && !asked.contains('#')
}

struct Uri<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
}

impl Uri<'_> {
    fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => self.authority,
        }
    }
}

fn split(uri: &str) -> Option<Uri<'_>> {
    let (scheme, rest) = uri.split_once("://")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    // `http://127.0.0.1@elsewhere` is elsewhere.
    (!authority.contains('@')).then_some(Uri { scheme, authority, path })
}

/// Asks for name and password: by a header for clients that understand it, else by a form.
fn challenge(cx: Cx<'_>, wanted: &AuthorizeRequest<'_>) -> Reply {
    if !wanted.client.is_true("respondWithChallenges") {
        let then = format!("/oauth/authorize?{}", wanted.repeated());
        return Reply::redirect(format!("{}/oauth/login?then={}", cx.issuer, escape(&then)));
    }
    // Without a header that no form can send, a foreign page could make a browser ask its user.
    let header = if wanted.ask.csrf.is_empty() {
        let text = "A non-empty X-CSRF-Token header is required to receive basic-auth challenges";
        ("Warning", format!("199 Origin \"{text}\""))
    } else {
        ("WWW-Authenticate", format!("Basic realm=\"{REALM}\""))
    };
    Reply { status: 401, headers: vec![header], body: String::new() }
}

async fn grant(cx: Cx<'_>, wanted: &AuthorizeRequest<'_>, person: &Person) -> Reply {
    if wanted.ask.parameter("response_type") == "token" {
        let details = token::Details {
            client: wanted.client.clone(),
            person: person.clone(),
            scopes: wanted.scopes.clone(),
            redirect: wanted.redirect.clone(),
            code: String::new(),
        };
        let Ok(made) = token::create(cx, &details, Vec::new()).await else {
            return wanted.refuse("server_error", "the token could not be stored");
        };
        let seconds = made.seconds.to_string();
        let pairs = [
            ("access_token", made.token.as_str()),
            ("expires_in", if made.seconds > 0 { &seconds } else { "" }),
            ("scope", &wanted.scopes.join(" ")),
            ("state", wanted.ask.parameter("state")),
            ("token_type", "Bearer"),
        ];
        return Reply::redirect(format!("{}#{}", wanted.redirect, encoded(&pairs)));
    }
    match code(cx, wanted, person).await {
        Some(code) => {
            wanted.back(&[("code", &code), ("scope", ""), ("state", wanted.ask.parameter("state"))])
        }
        None => wanted.refuse("server_error", "the code could not be stored"),
    }
}

/// Makes and stores a code.
async fn code(cx: Cx<'_>, wanted: &AuthorizeRequest<'_>, person: &Person) -> Option<String> {
    let code = format!("{TOKEN_PREFIX}{}", secret_text(&cx.world.entropy));
    let ask = wanted.ask;
    let challenge = ask.parameter("code_challenge");
    let method = match ask.parameter("code_challenge_method") {
        "" if !challenge.is_empty() => "plain",
        method => method,
    };
    let mut fields = json!({
        "clientName": wanted.client.name(), "expiresIn": CODE_SECONDS, "scopes": wanted.scopes,
        "redirectURI": wanted.redirect, "userName": person.name, "userUID": person.uid,
    });
    for (field, value) in [
        ("state", ask.parameter("state")),
        ("codeChallenge", challenge),
        ("codeChallengeMethod", if challenge.is_empty() { "" } else { method }),
    ] {
        if !value.is_empty() {
            fields.set_at(field, value);
        }
    }
    let name = token_name(&code)?;
    let object = new_object(cx, "OAuthAuthorizeToken", "oauth.openshift.io", &name, fields);
    cx.store.commit(vec![put(CODES, &object, Expect::Absent)]).await.ok()?;
    Some(code)
}

impl AuthorizeRequest<'_> {
    /// Sends the user back to the client with these parameters.
    fn back(&self, pairs: &[(&str, &str)]) -> Reply {
        let join = if self.redirect.contains('?') { '&' } else { '?' };
        Reply::redirect(format!("{}{join}{}", self.redirect, encoded(pairs)))
    }

    fn refuse(&self, error: &str, description: &str) -> Reply {
        let state = self.ask.parameter("state");
        self.back(&[("error", error), ("error_description", description), ("state", state)])
    }

    /// The request's own query, to come back to after signing in.
    fn repeated(&self) -> String {
        let query = &self.ask.query;
        let pairs: Vec<(&str, &str)> =
            query.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        encoded(&pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_answer_may_go() {
        let rows = [
            ("https://a:1/cb", "https://a:1/cb", true),
            ("https://a:1/cb", "https://a:1/cb/x", true),
            ("https://a:1/cb", "https://a:1/cbx", false),
            ("https://a:1/cb", "https://a:2/cb", false),
            ("https://a:1/cb", "http://a:1/cb", false),
            ("https://a/cb", "https://a.evil/cb", false),
            ("https://a/cb", "https://a/cb/../x", false),
            ("http://127.0.0.1/callback", "http://127.0.0.1:3456/callback", true),
            ("http://[::1]/callback", "http://[::1]:3456/callback", true),
            ("http://127.0.0.1/callback", "http://127.0.0.1:x@evil/callback", false),
            ("http://127.0.0.1/callback", "http://127.0.0.1.evil:1/callback", false),
            ("https://a/cb", "", false),
        ];
        for (registered, asked, ok) in rows {
            assert_eq!(covers(registered, asked), ok, "{registered} {asked}");
        }
    }
}
