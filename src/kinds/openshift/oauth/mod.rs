//! oauth.openshift.io: clients that may ask for tokens, and the tokens.
//! Source: oauth-apiserver.

mod validate;

use crate::kinds::cluster::cells;
use crate::kinds::{Backing, Column, Hooks, Kind, NameRule};
use crate::object::{ObjectExt, Value, json, time};

const GROUP: Kind = Kind {
    group: "oauth.openshift.io",
    namespaced: false,
    name_rule: NameRule::PathSegment,
    unconditional_update: false,
    ..Kind::BASE
};

const fn name(
    name: &'static str,
    description: &'static str,
    cell: fn(&Value, &crate::kinds::CellCx) -> Value,
) -> Column {
    Column { format: "name", ..Column::text(name, description, cell) }
}

const USER_NAME: Column =
    name("User Name", "User the token is for.", |o, _| cells::text(o, "userName"));
const CLIENT_NAME: Column =
    name("Client Name", "Client that asked for it.", |o, _| cells::text(o, "clientName"));
const SCOPES: Column =
    Column::text("Scopes", "What it is good for.", |o, _| json!(cells::joined(o, "scopes", ",")));
const CREATED: Column = Column::text("Created", "Time since it was given out.", |o, cx| {
    cells::since(o, "metadata.creationTimestamp", cx)
});
const EXPIRES: Column = Column::text("Expires", "When it ends.", |o, _| json!(expires(o)));
const REDIRECT: Column =
    Column::text("Redirect URI", "Where it was sent.", |o, _| cells::text(o, "redirectURI"));
const TOKEN_COLUMNS: &[Column] = &[USER_NAME, CLIENT_NAME, CREATED, EXPIRES, REDIRECT, SCOPES];

/// `oauthclients.oauth.openshift.io`.
pub static OAUTH_CLIENT: Kind = Kind {
    kind: "OAuthClient",
    plural: "oauthclients",
    schema: "com.github.openshift.api.oauth.v1.OAuthClient",
    columns: &[
        Column::text("Secret", "Secret of the client.", |o, _| cells::text(o, "secret")),
        Column {
            kind: "bool",
            ..Column::text("WWW-Challenge", "Whether it can answer challenges.", |o, _| {
                cells::flag(o, "respondWithChallenges", false)
            })
        },
        Column::text("Token-Max-Age", "How long its tokens live.", |o, _| json!(max_age(o))),
        Column::text("Redirect URIs", "Where tokens may be sent.", |o, _| {
            json!(cells::joined(o, "redirectURIs", ","))
        }),
    ],
    name_rule: NameRule::Subdomain,
    hooks: Hooks { validate: Some(|o, _, out| validate::client(o, out)), ..Hooks::NONE },
    ..GROUP
};

/// `oauthclientauthorizations.oauth.openshift.io`.
pub static OAUTH_CLIENT_AUTHORIZATION: Kind = Kind {
    kind: "OAuthClientAuthorization",
    plural: "oauthclientauthorizations",
    schema: "com.github.openshift.api.oauth.v1.OAuthClientAuthorization",
    columns: &[USER_NAME, CLIENT_NAME, SCOPES],
    create_on_update: true,
    hooks: Hooks { validate: Some(validate::authorization), ..Hooks::NONE },
    ..GROUP
};

/// `oauthaccesstokens.oauth.openshift.io`.
pub static OAUTH_ACCESS_TOKEN: Kind = Kind {
    kind: "OAuthAccessToken",
    plural: "oauthaccesstokens",
    schema: "com.github.openshift.api.oauth.v1.OAuthAccessToken",
    columns: TOKEN_COLUMNS,
    hooks: Hooks { validate: Some(validate::access_token), ..Hooks::NONE },
    ..GROUP
};

/// `oauthauthorizetokens.oauth.openshift.io`.
pub static OAUTH_AUTHORIZE_TOKEN: Kind = Kind {
    kind: "OAuthAuthorizeToken",
    plural: "oauthauthorizetokens",
    schema: "com.github.openshift.api.oauth.v1.OAuthAuthorizeToken",
    columns: TOKEN_COLUMNS,
    hooks: Hooks { validate: Some(validate::authorize_token), ..Hooks::NONE },
    ..GROUP
};

/// `useroauthaccesstokens.oauth.openshift.io`: somebody's own tokens.
pub static USER_OAUTH_ACCESS_TOKEN: Kind = Kind {
    kind: "UserOAuthAccessToken",
    plural: "useroauthaccesstokens",
    verbs: &["delete", "get", "list", "watch"],
    schema: "com.github.openshift.api.oauth.v1.UserOAuthAccessToken",
    columns: &[CLIENT_NAME, CREATED, EXPIRES, REDIRECT, SCOPES],
    backing: Backing::Computed,
    ..GROUP
};

/// Go's print of a time, as upstream's table shows it; `never` without an end.
fn expires(token: &Value) -> String {
    let seconds = token.i64_at("expiresIn").unwrap_or(0);
    match time::parse(token.str_at("metadata.creationTimestamp")) {
        Some(created) if seconds > 0 => {
            time::plus_seconds(created, seconds).strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()
        }
        _ => "never".into(),
    }
}

/// Go's print of a duration in whole seconds.
fn max_age(client: &Value) -> String {
    match client.i64_at("accessTokenMaxAgeSeconds") {
        None => "default".into(),
        Some(0) => "unexpiring".into(),
        Some(n) => match (n / 3600, n / 60 % 60, n % 60) {
            (0, 0, s) => format!("{s}s"),
            (0, m, s) => format!("{m}m{s}s"),
            (h, m, s) => format!("{h}h{m}m{s}s"),
        },
    }
}
