//! Who is asking and may they: credentials, users, groups and RBAC.
//!
//! Everything decides on a snapshot of stored objects; nothing here knows HTTP. What a new cluster
//! starts with is in [`bootstrap`].

mod apr1;
pub mod authn;
pub mod bootstrap;
mod cover;
pub mod escalation;
pub mod impersonation;
pub mod jwt;
mod keys;
pub mod oauth;
pub mod password;
pub mod rbac;
pub mod rules;
pub mod scopes;

pub use authn::Credentials;
pub use impersonation::Impersonation;
pub use keys::{Keys, SESSION_KEY_BYTES, secret_text};
pub use rbac::{Attributes, Authorizer, Decision};

use crate::error::Error;

/// What deciding about callers needs besides the stored objects. One per server.
pub struct Access {
    /// Decides by RBAC.
    pub authorizer: Authorizer,
    /// Signs and verifies service account tokens.
    pub signer: jwt::Signer,
    /// The server's secrets.
    pub keys: Keys,
}

impl Access {
    /// With these secrets.
    ///
    /// # Errors
    /// When the signing key is unusable.
    pub fn new(keys: Keys) -> Result<Access, Error> {
        Ok(Access { authorizer: Authorizer::default(), signer: jwt::Signer::new(&keys)?, keys })
    }
}
