//! `/oauth/token`: a code for a token, once.

use super::{
    CODES, CONFIG, Cx, OAuthRequest, Reply, TOKEN_SECONDS, authorize, new_object, put,
    sign_in::Person,
};
use crate::{
    access::{
        authn::{ACCESS_TOKENS, TOKEN_PREFIX, token_name},
        password, secret_text,
    },
    object::{ObjectExt, Value, json, time},
    store::{self, Expect, Op},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// What a token is for.
pub(super) struct Details {
    pub client: Value,
    pub person: Person,
    pub scopes: Vec<String>,
    pub redirect: String,
    /// Name of the code's object; empty without one.
    pub code: String,
}

/// A stored token.
pub(super) struct Made {
    pub token: String,
    /// Seconds it lives; 0 for ever.
    pub seconds: i64,
    pub scopes: Vec<String>,
}

const INVALID_GRANT: &str = "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.";
const UNAUTHORIZED: &str = "The client is not authorized to request a token using this method.";

pub(super) async fn answer(cx: Cx<'_>, ask: &OAuthRequest) -> Reply {
    if ask.form("grant_type") != "authorization_code" {
        return Reply::error(
            400,
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
        );
    }
    let (id, secret) = match &ask.basic {
        Some((id, secret)) => (id.as_str(), secret.as_str()),
        None => (ask.form("client_id"), ask.form("client_secret")),
    };
    let client = authorize::client(cx, id).filter(|c| has_secret(c, secret));
    let Some(client) = client else {
        return Reply::error(401, "unauthorized_client", UNAUTHORIZED);
    };
    let made =
        exchange(cx, client, ask.form("code"), ask.form("redirect_uri"), ask.form("code_verifier"));
    match made.await {
        Some(made) => {
            let mut body = json!({
                "access_token": made.token, "token_type": "Bearer", "scope": made.scopes.join(" "),
            });
            if made.seconds > 0 {
                body.set_at("expires_in", made.seconds);
            }
            Reply::json(200, &body)
        }
        None => Reply::error(400, "invalid_grant", INVALID_GRANT),
    }
}

/// Whether the client knows its secret; a public client has none.
fn has_secret(client: &Value, given: &str) -> bool {
    let first = client.str_at("secret");
    let mut others = client.list_at("additionalSecrets").iter().filter_map(Value::as_str);
    password::same(first.as_bytes(), given.as_bytes())
        || others.any(|s| password::same(s.as_bytes(), given.as_bytes()))
}

/// Uses up a code. Deleting it and storing the token commit together, so that of two attempts one
/// fails.
pub(super) async fn exchange(
    cx: Cx<'_>,
    client: Value,
    code: &str,
    redirect: &str,
    verifier: &str,
) -> Option<Made> {
    let name = token_name(code)?;
    let entry = cx.store.snapshot().get(CODES, "", &name).cloned()?;
    let kept = entry.value();
    let created = time::parse(kept.str_at("metadata.creationTimestamp"))?;
    let ends = time::plus_seconds(created, kept.i64_at("expiresIn").unwrap_or(0));
    let fits = kept.str_at("clientName") == client.name()
        && kept.str_at("redirectURI") == redirect
        && cx.world.clock.now() < ends
        && verified(&kept, verifier);
    if !fits {
        return None;
    }
    let scopes = kept.list_at("scopes").iter().filter_map(|s| Some(s.as_str()?.to_owned()));
    let person =
        Person { name: kept.str_at("userName").into(), uid: kept.str_at("userUID").into() };
    let details = Details {
        client,
        person,
        scopes: scopes.collect(),
        redirect: redirect.into(),
        code: name.clone(),
    };
    let used = Op::Delete {
        resource: CODES.into(),
        key: name.as_str().into(),
        expect: Expect::Rev(entry.rev),
        last: None,
    };
    create(cx, &details, vec![used]).await.ok()
}

/// PKCE: whether the verifier is the one the challenge was made from.
fn verified(code: &Value, verifier: &str) -> bool {
    let challenge = code.str_at("codeChallenge");
    let made = match code.str_at("codeChallengeMethod") {
        "S256" => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
        _ => verifier.to_owned(),
    };
    challenge.is_empty() || password::same(challenge.as_bytes(), made.as_bytes())
}

/// Stores a new token, together with `also`.
pub(super) async fn create(
    cx: Cx<'_>,
    details: &Details,
    also: Vec<Op>,
) -> Result<Made, store::Error> {
    let token = format!("{TOKEN_PREFIX}{}", secret_text(&cx.world.entropy));
    let seconds = lifetime(cx, &details.client);
    let mut fields = json!({
        "clientName": details.client.name(), "expiresIn": seconds, "scopes": details.scopes,
        "redirectURI": details.redirect, "userName": details.person.name,
        "userUID": details.person.uid,
    });
    if !details.code.is_empty() {
        fields.set_at("authorizeToken", details.code.as_str());
    }
    let name = token_name(&token).unwrap_or_default();
    let object = new_object(cx, "OAuthAccessToken", "oauth.openshift.io", &name, fields);
    let mut ops = also;
    ops.push(put(ACCESS_TOKENS, &object, Expect::Absent));
    cx.store.commit(ops).await?;
    Ok(Made { token, seconds, scopes: details.scopes.clone() })
}

/// Seconds a client's tokens live: the client's word, the cluster's, or a day.
fn lifetime(cx: Cx<'_>, client: &Value) -> i64 {
    let config = cx.store.snapshot().get(CONFIG, "", "cluster").map(|e| e.value());
    let cluster = config.and_then(|c| c.i64_at("spec.tokenConfig.accessTokenMaxAgeSeconds"));
    client
        .i64_at("accessTokenMaxAgeSeconds")
        .or(cluster.filter(|s| *s > 0))
        .unwrap_or(TOKEN_SECONDS)
}
