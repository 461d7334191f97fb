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

/// The cluster role scope restriction.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterRoleScopeRestriction {
    /// Names of the roles; "*" for all.
    pub role_names: Vec<String>,
    /// Namespaces concerned.
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
    /// OAuth client the token was issued to.
    pub client_name: Option<String>,
    /// Seconds from creation until it expires.
    pub expires_in: Option<i64>,
    /// What the token may be used for.
    pub scopes: Option<Vec<String>>,
    /// Where the answer was sent.
    #[schema(rename = "redirectURI")]
    pub redirect_uri: Option<String>,
    /// User the token acts as.
    pub user_name: Option<String>,
    /// Identifier of that user.
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
    /// OAuth client the token was issued to.
    pub client_name: Option<String>,
    /// Seconds from creation until it expires.
    pub expires_in: Option<i64>,
    /// What the token may be used for.
    pub scopes: Option<Vec<String>>,
    /// Where the answer was sent.
    #[schema(rename = "redirectURI")]
    pub redirect_uri: Option<String>,
    /// State handed over by the client.
    pub state: Option<String>,
    /// User the token acts as.
    pub user_name: Option<String>,
    /// Identifier of that user.
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
    /// Secret that proves the caller.
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
    /// Life of the client's tokens in seconds.
    pub access_token_max_age_seconds: Option<i32>,
    /// Seconds without use after which the client's tokens end.
    pub access_token_inactivity_timeout_seconds: Option<i32>,
}

/// What a user has allowed a client.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthClientAuthorization {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// OAuth client the token was issued to.
    pub client_name: Option<String>,
    /// User the token acts as.
    pub user_name: Option<String>,
    /// Identifier of that user.
    #[schema(rename = "userUID")]
    pub user_uid: Option<String>,
    /// What the token may be used for.
    pub scopes: Option<Vec<String>>,
}

/// The o auth redirect reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuthRedirectReference {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Whether the tag is only a reference that is never imported.
    pub reference: Option<RedirectReference>,
}

/// The redirect reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RedirectReference {
    /// API group.
    pub group: String,
    /// Kind of the object referred to.
    pub kind: String,
    /// Name of the thing.
    pub name: String,
}

/// The scope restriction.
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
    /// OAuth client the token was issued to.
    pub client_name: Option<String>,
    /// Seconds from creation until it expires.
    pub expires_in: Option<i64>,
    /// What the token may be used for.
    pub scopes: Option<Vec<String>>,
    /// Where the answer was sent.
    #[schema(rename = "redirectURI")]
    pub redirect_uri: Option<String>,
    /// User the token acts as.
    pub user_name: Option<String>,
    /// Identifier of that user.
    #[schema(rename = "userUID")]
    pub user_uid: Option<String>,
    /// Authorization token this was exchanged for.
    pub authorize_token: Option<String>,
    /// Token that renews this one.
    pub refresh_token: Option<String>,
    /// Seconds without use after which it ends; 0 for never.
    pub inactivity_timeout_seconds: Option<i32>,
}
