//! The server's own secrets: made once, kept by whoever keeps the data folder, handed in as bytes.

use crate::{error::Error, world::Entropy};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};

/// Length of the secret of browser sessions.
pub const SESSION_KEY_BYTES: usize = 32;

/// What the server signs with, and the token of the admin kubeconfig.
#[derive(Clone)]
pub struct Keys {
    /// PKCS #8 of the P-256 key that signs service account tokens.
    pub service_account_key: Vec<u8>,
    /// Secret of the browser sessions of the OAuth server.
    pub session_key: Vec<u8>,
    /// Bearer token of `system:admin`; empty when there is none.
    pub admin_token: String,
}

impl Keys {
    /// Whether the signing key is one.
    pub fn signs(&self) -> bool {
        let (algorithm, rng) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        EcdsaKeyPair::from_pkcs8(algorithm, &self.service_account_key, &rng).is_ok()
    }

    /// New secrets.
    ///
    /// The signing key comes from the operating system and not from `entropy`: the cryptographic
    /// library takes no other source, and a replayed run need not have the same key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate(entropy: &Entropy) -> Result<Keys, Error> {
        let rng = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
            .map_err(|_| Error::Internal("cannot make a signing key".into()))?;
        let mut session_key = vec![0; SESSION_KEY_BYTES];
        entropy.fill(&mut session_key);
        Ok(Keys {
            service_account_key: pair.as_ref().to_vec(),
            session_key,
            admin_token: secret_text(entropy),
        })
    }
}

/// 256 random bits as text that can stand in a URL.
pub fn secret_text(entropy: &Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
