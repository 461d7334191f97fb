//! Tokens of service accounts that last as long as the secrets that hold them.
//! Source: k8s.io/kubernetes `pkg/serviceaccount/legacy.go`.

use super::{Caller, authn::service_account_caller};
use crate::{
    object::{Value, json},
    store::Snapshot,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Type of the secrets that hold such tokens.
pub const SECRET_TYPE: &str = "kubernetes.io/service-account-token";
/// Who issues them.
pub(super) const ISSUER: &str = "kubernetes/serviceaccount";
/// On such a secret: its account, and that account's uid.
pub const ACCOUNT: &str = "kubernetes.io/service-account.name";
/// See [`ACCOUNT`].
pub const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
/// What the claims of such a token begin with.
const PREFIX: &str = "kubernetes.io/serviceaccount/";

/// The claims of a token that lasts as long as its secret, for an account (namespace, name, uid).
pub fn claims((namespace, name, uid): (&str, &str, &str), secret: &str) -> Value {
    let mut all = json!({"iss": ISSUER,
        "sub": format!("system:serviceaccount:{namespace}:{name}")});
    for (key, value) in [
        ("namespace", namespace),
        ("secret.name", secret),
        ("service-account.name", name),
        ("service-account.uid", uid),
    ] {
        all[format!("{PREFIX}{key}")] = json!(value);
    }
    all
}

/// The account of such a token, if it is there and its secret still holds the token.
pub(super) fn account(snapshot: &Snapshot, claims: &Value, token: &str) -> Option<Caller> {
    let said = |key: &str| claims.get(format!("{PREFIX}{key}")).and_then(Value::as_str);
    let (namespace, name) = (said("namespace")?, said("service-account.name")?);
    let secret = snapshot.get("secrets", namespace, said("secret.name")?)?;
    let held = secret.value();
    let held = STANDARD.decode(held.get("data")?.get("token")?.as_str()?).ok()?;
    (!secret.meta.deleting && held == token.as_bytes()).then_some(())?;
    let account = snapshot.get("serviceaccounts", namespace, name)?;
    (*account.meta.uid == *said("service-account.uid")?).then_some(())?;
    Some(Caller { uid: account.meta.uid.to_string(), ..service_account_caller(namespace, name) })
}
