//! Types of `user.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "user.openshift.io",
        package: "user",
        version: "v1",
        kinds: &["User", "Identity", "Group", "UserIdentityMapping"],
        schemas: collect(&[
            push::<User>,
            push::<Identity>,
            push::<Group>,
            push::<UserIdentityMapping>,
        ]),
    }
}

/// A set of users.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Group {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Names of the members.
    pub users: Vec<String>,
}

/// A sign-in at an identity provider, tied to a user.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Identity {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Identity provider that knows the identity.
    pub provider_name: String,
    /// Name of the identity within its provider.
    pub provider_user_name: String,
    /// The user who signs in with the identity.
    pub user: k8s::ObjectReference,
    /// Further facts from the provider.
    pub extra: Option<BTreeMap<String, String>>,
}

/// A person who can sign in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct User {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Full name of the person.
    pub full_name: Option<String>,
    /// Identities that sign in as this user.
    pub identities: Option<Vec<String>>,
    /// Takes no effect; members are listed in groups.
    pub groups: Vec<String>,
}

/// Ties an identity to a user.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UserIdentityMapping {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// The identity, named provider:name.
    pub identity: Option<k8s::ObjectReference>,
    /// The user who signs in with that identity.
    pub user: Option<k8s::ObjectReference>,
}
