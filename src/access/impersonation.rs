//! Acting as somebody else: `--as`, `--as-group`.
//! Source: k8s.io/apiserver `pkg/endpoints/filters/impersonation`.

use super::{
    Caller,
    authn::{ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, service_account_caller},
    rbac::{Attributes, Authorizer},
    scopes,
};
use crate::{error::Error, store::Snapshot};

/// What the `Impersonate-*` headers ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Impersonation {
    /// `Impersonate-User`.
    pub user: String,
    /// `Impersonate-Uid`.
    pub uid: String,
    /// Every `Impersonate-Group`.
    pub groups: Vec<String>,
    /// Every `Impersonate-Extra-<key>`: lower-case key (percent-decoded) and values.
    pub extra: Vec<(String, Vec<String>)>,
}

impl Impersonation {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Impersonation::default()
    }
}

/// The caller to go on with.
///
/// # Errors
/// 403 when `caller` may not impersonate one of the parts; 400 without a user name.
pub fn impersonate(
    authorizer: &Authorizer,
    snapshot: &Snapshot,
    caller: &Caller,
    wanted: &Impersonation,
) -> Result<Caller, Error> {
    if wanted.user.is_empty() {
        return Err(Error::BadRequest(format!(
            "requested {wanted:?} without impersonating a user name"
        )));
    }
    let may = |group: &str, resource: &str, sub: &str, namespace: &str, name: &str| {
        let attributes =
            Attributes { verb: "impersonate", group, resource, sub, namespace, name, path: "" };
        authorizer.check(snapshot, caller, &attributes)
    };
    let account = wanted
        .user
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'))
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
    let mut target = match account {
        Some((namespace, name)) => {
            may("", "serviceaccounts", "", namespace, name)?;
            service_account_caller(namespace, name)
        }
        None => {
            may("", "users", "", "", &wanted.user)?;
            Caller { name: wanted.user.clone(), ..Caller::default() }
        }
    };
    for group in &wanted.groups {
        may("", "groups", "", "", group)?;
    }
    if !wanted.groups.is_empty() {
        target.groups.clone_from(&wanted.groups);
    }
    for (key, values) in &wanted.extra {
        for value in values {
            may("authentication.k8s.io", "userextras", key, "", value)?;
        }
    }
    if !wanted.uid.is_empty() {
        may("authentication.k8s.io", "uids", "", "", &wanted.uid)?;
        target.uid.clone_from(&wanted.uid);
    }
    add_virtual_group(&mut target);
    let scopes = wanted.extra.iter().find(|(key, _)| key == scopes::EXTRA);
    target.scopes = scopes.map(|(_, values)| values.clone()).unwrap_or_default();
    target.extra.clone_from(&wanted.extra);
    Ok(target)
}

fn add_virtual_group(target: &mut Caller) {
    let group = if target.name == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
    let has_one = target.groups.iter().any(|g| g == AUTHENTICATED || g == UNAUTHENTICATED);
    if !has_one {
        target.groups.push(group.into());
    }
}
