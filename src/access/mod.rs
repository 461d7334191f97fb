//! Who is asking and may they: credentials, users, groups and RBAC.
//!
//! Everything decides on a snapshot of stored objects; nothing here knows HTTP. What a new cluster
//! starts with is in [`bootstrap`].

mod apr1;
pub mod authn;
pub mod bootstrap;
mod caller;
mod cover;
pub mod escalation;
mod explain;
pub mod impersonation;
pub mod jwt;
pub mod keyfile;
mod keys;
pub mod legacy;
pub mod oauth;
pub mod password;
pub mod rbac;
pub mod rules;
pub mod scopes;
pub mod statics;

pub use authn::Credentials;
pub use caller::Caller;
pub use impersonation::Impersonation;
pub use keys::{Keys, SESSION_KEY_BYTES, secret_text};
pub use rbac::{Attributes, Authorizer, Known};
pub use statics::Tokens;

use crate::error::Error;

/// What deciding about callers needs besides the stored objects. One per server.
pub struct Access {
    /// Decides by RBAC.
    pub authorizer: Authorizer,
    /// Signs and verifies service account tokens.
    pub signer: jwt::Signer,
    /// The server's secrets.
    pub keys: Keys,
    /// Wrong passwords of late.
    pub guesses: oauth::Guesses,
    /// Tokens of people who are no objects.
    pub tokens: Tokens,
    /// Whether callers may stay unknown.
    pub anonymous: bool,
}

/// Whom a server believes, where it is told so from outside.
pub struct Trust {
    /// Keys and names of service account tokens.
    pub issuing: jwt::Issuing,
    /// Tokens of people who are no objects.
    pub tokens: Tokens,
    /// Whether callers may stay unknown.
    pub anonymous: bool,
    /// Whether everybody may do everything.
    pub allow_all: bool,
}

impl Default for Trust {
    fn default() -> Trust {
        Trust {
            issuing: jwt::Issuing::default(),
            tokens: Tokens::default(),
            anonymous: true,
            allow_all: false,
        }
    }
}

impl Access {
    /// With these secrets, believing nobody else.
    #[cfg(test)]
    pub fn new(keys: Keys) -> Result<Access, Error> {
        Access::trusting(keys, Trust::default())
    }

    /// With these secrets, believing what somebody says.
    ///
    /// # Errors
    /// When the signing key is unusable.
    pub fn trusting(keys: Keys, trust: Trust) -> Result<Access, Error> {
        Ok(Access {
            authorizer: Authorizer::allowing(trust.allow_all),
            signer: jwt::Signer::new(&keys, trust.issuing)?,
            keys,
            tokens: trust.tokens,
            anonymous: trust.anonymous,
            guesses: oauth::Guesses::default(),
        })
    }
}
