//! Types of `oauth.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "oauth.openshift.io",
        package: "oauth",
        version: "v1",
        kinds: &[
            "OAuthAccessToken",
            "OAuthAuthorizeToken",
            "OAuthClient",
            "OAuthClientAuthorization",
            "UserOAuthAccessToken",
        ],
        schemas: collect(&[
            push::<OAuthAccessToken>,
            push::<OAuthAuthorizeToken>,
            push::<OAuthClient>,
            push::<OAuthClientAuthorization>,
            push::<UserOAuthAccessToken>,
            push::<OAuthRedirectReference>,
        ]),
    }
}

/// Scopes of cluster roles that may be asked for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterRoleScopeRestriction {
    /// Names of the roles; "*" for all.
    pub role_names: Vec<String>,
    /// Namespaces that scopes may name; * for all.
    pub namespaces: Vec<String>,
    /// Whether roles that allow escalation may be asked for.
    pub allow_escalation: bool,
}

/// A token that lets a client act as a user.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthAccessToken {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// OAuth client that the token was given to.
    pub client_name: Option<String>,
    /// Seconds from creation until the token ends.
    pub expires_in: Option<i64>,
    /// Scopes that limit what the token may be used for.
    pub scopes: Option<Vec<String>>,
    /// Address that the token was handed over at.
    #[schema(rename = "redirectURI")]
    pub redirect_uri: Option<String>,
    /// User whom the token speaks for.
    pub user_name: Option<String>,
    /// UID of that user; the token ends with it.
    #[schema(rename = "userUID")]
    pub user_uid: Option<String>,
    /// Authorization token this was exchanged for.
    pub authorize_token: Option<String>,
    /// Token that renews this one.
    pub refresh_token: Option<String>,
    /// Seconds without use after which it ends; 0 for never.
    pub inactivity_timeout_seconds: Option<i32>,
}

/// A token to be exchanged for an access token.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthAuthorizeToken {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// OAuth client that the code was given to.
    pub client_name: Option<String>,
    /// Seconds from creation until the code can no longer be changed for a token.
    pub expires_in: Option<i64>,
    /// Scopes that the token will have.
    pub scopes: Option<Vec<String>>,
    /// Address that the code was handed over at; the change must name it again.
    #[schema(rename = "redirectURI")]
    pub redirect_uri: Option<String>,
    /// What the client sent along, given back unchanged.
    pub state: Option<String>,
    /// User whom the token will speak for.
    pub user_name: Option<String>,
    /// UID of that user; the code ends with it.
    #[schema(rename = "userUID")]
    pub user_uid: Option<String>,
    /// Proof key of the client.
    pub code_challenge: Option<String>,
    /// How the proof key was made.
    pub code_challenge_method: Option<String>,
}

/// A program that may ask for tokens.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthClient {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What the client proves itself with when it changes a code for a token.
    pub secret: Option<String>,
    /// Further secrets that prove the client.
    pub additional_secrets: Option<Vec<String>>,
    /// Whether the client is asked to sign in by a challenge instead of a page.
    pub respond_with_challenges: Option<bool>,
    /// Where answers may be sent.
    #[schema(rename = "redirectURIs")]
    pub redirect_ur_is: Option<Vec<String>>,
    /// How grants are treated: auto or prompt.
    pub grant_method: Option<String>,
    /// Scopes the client may ask for; a scope must fit one of them.
    pub scope_restrictions: Option<Vec<ScopeRestriction>>,
    /// Seconds that tokens of the client live; 0 for ever.
    pub access_token_max_age_seconds: Option<i32>,
    /// Seconds without use after which tokens of the client end.
    pub access_token_inactivity_timeout_seconds: Option<i32>,
}

/// What a user has allowed a client.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthClientAuthorization {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// OAuth client that the user said yes to.
    pub client_name: Option<String>,
    /// User who said yes.
    pub user_name: Option<String>,
    /// UID of that user; the consent ends with it.
    #[schema(rename = "userUID")]
    pub user_uid: Option<String>,
    /// Scopes that the user said yes to.
    pub scopes: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthRedirectReference {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// The object whose host may be redirected to.
    pub reference: Option<RedirectReference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RedirectReference {
    /// API group of the object; only that of routes is known.
    pub group: String,
    /// Kind of the object; only Route is known.
    pub kind: String,
    /// Name of the object whose host may be redirected to.
    pub name: String,
}

/// Scopes that may be asked for: those of the list, or those of the cluster role.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ScopeRestriction {
    /// Scopes allowed by their exact text.
    pub literals: Option<Vec<String>>,
    /// Scopes of cluster roles that are allowed.
    pub cluster_role: Option<ClusterRoleScopeRestriction>,
}

/// A user's own view of an access token.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UserOAuthAccessToken {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// OAuth client that the caller's token was given to.
    pub client_name: Option<String>,
    /// Seconds from creation until the caller's token ends.
    pub expires_in: Option<i64>,
    /// Scopes that limit what the caller's token may be used for.
    pub scopes: Option<Vec<String>>,
    /// Address that the caller's token was handed over at.
    #[schema(rename = "redirectURI")]
    pub redirect_uri: Option<String>,
    /// The caller.
    pub user_name: Option<String>,
    /// UID of the caller.
    #[schema(rename = "userUID")]
    pub user_uid: Option<String>,
    /// Authorization token this was exchanged for.
    pub authorize_token: Option<String>,
    /// Token that renews this one.
    pub refresh_token: Option<String>,
    /// Seconds without use after which it ends; 0 for never.
    pub inactivity_timeout_seconds: Option<i32>,
}
