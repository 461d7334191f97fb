//! Who is asking: turns what came with a request into a [`Caller`].
//!
//! Looks only at a snapshot and the time; knows no headers. Sources: k8s.io/apiserver
//! `pkg/authentication`, openshift/oauth-apiserver `pkg/tokenvalidation`.

use super::{Access, Caller, jwt, legacy, password, scopes};
use crate::{
    error::Error,
    object::{ObjectExt, Value, time},
    store::Snapshot,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Name of a caller nobody knows.
pub const ANONYMOUS: &str = "system:anonymous";
/// Group of every caller who is known.
pub const AUTHENTICATED: &str = "system:authenticated";
/// Group of callers who are not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// Group of users signed in through the OAuth server.
pub const OAUTH: &str = "system:authenticated:oauth";
/// The user behind the name `kubeadmin`, who has no User object.
pub const KUBE_ADMIN: &str = "kube:admin";
/// Group of `kube:admin`.
pub const CLUSTER_ADMINS: &str = "system:cluster-admins";
/// Prefix of OAuth tokens and of the names of their objects.
pub const TOKEN_PREFIX: &str = "sha256~";
/// Resource of OAuth access tokens.
pub const ACCESS_TOKENS: &str = "oauthaccesstokens.oauth.openshift.io";
/// Resource of User objects.
pub const USERS: &str = "users.user.openshift.io";
/// Resource of Group objects.
pub const GROUPS: &str = "groups.user.openshift.io";
/// Where the hash of kubeadmin's password is kept: namespace and name of a Secret, key
/// `kubeadmin`. Deleting the Secret ends that user.
pub const KUBE_ADMIN_SECRET: (&str, &str) = ("kube-system", "kubeadmin");

/// What came with a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The token of an `Authorization: Bearer` header.
    pub bearer: Option<&'a str>,
    /// Common name and organisations of a client certificate that the TLS layer verified.
    pub certificate: Option<(&'a str, &'a [String])>,
}

/// The part of an OAuthAccessToken that decides.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AccessToken {
    metadata: Created,
    user_name: String,
    #[serde(rename = "userUID")]
    user_uid: String,
    scopes: Option<Vec<String>>,
    expires_in: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Created {
    creation_timestamp: String,
}

/// The part of the Secret with kubeadmin's password hash; looked at by every request of his.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct KubeAdmin {
    data: KubeAdminData,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct KubeAdminData {
    kubeadmin: String,
}

/// The members of a Group object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Members {
    users: Option<Vec<String>>,
}

/// The name of the object that stands for an OAuth token (or code); `None` if it is no such token.
pub fn token_name(token: &str) -> Option<String> {
    let secret = token.strip_prefix(TOKEN_PREFIX).filter(|s| !s.is_empty())?;
    Some(format!("{TOKEN_PREFIX}{}", BASE64.encode(Sha256::digest(secret))))
}

/// The caller nobody knows.
pub fn anonymous() -> Caller {
    Caller { name: ANONYMOUS.into(), groups: vec![UNAUTHENTICATED.into()], ..Caller::default() }
}

/// Names of the Group objects that list a user, sorted.
pub fn groups_of(snapshot: &Snapshot, user: &str) -> Vec<String> {
    let lists = |m: &Members| m.users.iter().flatten().any(|u| u == user);
    let groups = snapshot.list(GROUPS, "").filter(|e| lists(&e.lens::<Members>()));
    groups.map(|e| e.meta.name.to_string()).collect()
}

/// The uid of `kube:admin`: changes with its password, so that old tokens end with it.
pub fn kube_admin_uid(snapshot: &Snapshot) -> Option<String> {
    let secret = snapshot.get("secrets", KUBE_ADMIN_SECRET.0, KUBE_ADMIN_SECRET.1)?;
    let hash = &secret.lens::<KubeAdmin>().data.kubeadmin;
    if hash.is_empty() {
        return None;
    }
    Some(BASE64.encode(Sha256::digest(format!("{}{hash}", secret.meta.uid))))
}

impl Access {
    /// Who is asking. Nobody in particular when nothing was shown.
    ///
    /// # Errors
    /// 401 when something was shown and is not (or no longer) good.
    pub fn authenticate(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        credentials: &Credentials<'_>,
    ) -> Result<Caller, Error> {
        if let Some((name, organisations)) = credentials.certificate
            && !name.is_empty()
        {
            let mut groups = organisations.to_vec();
            groups.push(AUTHENTICATED.into());
            return Ok(Caller { name: name.into(), groups, ..Caller::default() });
        }
        match credentials.bearer {
            None if !self.anonymous => Err(Error::Unauthorized),
            None => Ok(anonymous()),
            Some(token) => self.by_token(snapshot, now, token).ok_or(Error::Unauthorized),
        }
    }

    /// Whose token this is, for this API as audience.
    pub fn by_token(&self, snapshot: &Snapshot, now: Timestamp, token: &str) -> Option<Caller> {
        if !self.keys.admin_token.is_empty()
            && password::same(token.as_bytes(), self.keys.admin_token.as_bytes())
        {
            let groups = vec![super::rbac::MASTERS.into(), AUTHENTICATED.into()];
            return Some(Caller { name: "system:admin".into(), groups, ..Caller::default() });
        }
        if let Some(caller) = self.tokens.caller(token) {
            return Some(caller);
        }
        if jwt::is_jwt(token) {
            return self.by_service_account_token(snapshot, now, token, &[]).map(|(c, _)| c);
        }
        by_oauth_token(snapshot, now, token)
    }

    /// Whose service account token this is, and for which of the audiences asked for (none asked:
    /// this API).
    pub fn by_service_account_token(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        token: &str,
        audiences: &[String],
    ) -> Option<(Caller, Vec<String>)> {
        let claims = self.signer.verify(token)?;
        let asked = match audiences {
            [] => self.signer.audiences(),
            some => some,
        };
        if claims.str_at("iss") == legacy::ISSUER {
            // It names no audience and means this API.
            let own = self.signer.audiences();
            let for_whom: Vec<String> = asked.iter().filter(|a| own.contains(a)).cloned().collect();
            let caller = legacy::account(snapshot, &claims, token)?;
            return (!for_whom.is_empty()).then_some((caller, for_whom));
        }
        let second = now.as_second();
        let in_time = claims.i64_at("exp").is_some_and(|t| second < t)
            && claims.i64_at("nbf").is_none_or(|t| t <= second);
        if !in_time || !self.signer.trusts(claims.str_at("iss")) {
            return None;
        }
        let given = claims.list_at("aud");
        let for_whom: Vec<String> =
            asked.iter().filter(|a| given.iter().any(|g| g == a.as_str())).cloned().collect();
        if for_whom.is_empty() {
            return None;
        }
        Some((service_account(snapshot, &claims)?, for_whom))
    }
}

fn by_oauth_token(snapshot: &Snapshot, now: Timestamp, token: &str) -> Option<Caller> {
    let entry = snapshot.get(ACCESS_TOKENS, "", &token_name(token)?)?;
    let token = entry.lens::<AccessToken>();
    let created = time::parse(&token.metadata.creation_timestamp)?;
    let expired = token.expires_in > 0 && time::plus_seconds(created, token.expires_in) <= now;
    if entry.meta.deleting || expired {
        return None;
    }
    let mut groups = if token.user_name == KUBE_ADMIN {
        (kube_admin_uid(snapshot)? == token.user_uid).then_some(())?;
        vec![CLUSTER_ADMINS.into()]
    } else {
        let user = snapshot.get(USERS, "", &token.user_name)?;
        (*user.meta.uid == *token.user_uid).then_some(())?;
        let mut groups = groups_of(snapshot, &token.user_name);
        groups.push(OAUTH.into());
        groups
    };
    groups.push(AUTHENTICATED.into());
    let scopes = token.scopes.clone().unwrap_or_default();
    Some(Caller {
        name: token.user_name.clone(),
        uid: token.user_uid.clone(),
        groups,
        extra: vec![(scopes::EXTRA.into(), scopes.clone())],
        scopes,
    })
}

/// The account of verified claims, if it and what the token is bound to still exist.
fn service_account(snapshot: &Snapshot, claims: &Value) -> Option<Caller> {
    let private = claims.get("kubernetes.io")?;
    let (namespace, name) = (private.str_at("namespace"), private.str_at("serviceaccount.name"));
    let account = snapshot.get("serviceaccounts", namespace, name)?;
    (*account.meta.uid == *private.str_at("serviceaccount.uid")).then_some(())?;
    let mut caller =
        Caller { uid: account.meta.uid.to_string(), ..service_account_caller(namespace, name) };
    let id = format!("JTI={}", claims.str_at("jti"));
    let mut extra = vec![("authentication.kubernetes.io/credential-id".to_owned(), vec![id])];
    for (kind, resource) in [("pod", "pods"), ("node", "nodes"), ("secret", "secrets")] {
        let Some(bound) = private.get(kind) else { continue };
        let (bound_name, uid) = (bound.str_at("name"), bound.str_at("uid"));
        let home = if kind == "node" { "" } else { namespace };
        // A pod's token also names its node, which may go without ending the token.
        if kind != "node" || private.get("pod").is_none() {
            (*snapshot.get(resource, home, bound_name)?.meta.uid == *uid).then_some(())?;
        }
        if kind != "secret" {
            let key = |what: &str| format!("authentication.kubernetes.io/{kind}-{what}");
            extra.push((key("name"), vec![bound_name.into()]));
            extra.push((key("uid"), vec![uid.into()]));
        }
    }
    extra.sort();
    caller.extra = extra;
    Some(caller)
}

/// The caller a service account is, without a uid.
pub fn service_account_caller(namespace: &str, name: &str) -> Caller {
    Caller {
        name: format!("system:serviceaccount:{namespace}:{name}"),
        groups: vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
            AUTHENTICATED.into(),
        ],
        ..Caller::default()
    }
}

#[cfg(test)]
#[path = "authn_tests.rs"]
mod tests;
