//! Service account tokens: signed and checked, nothing looked up.
//!
//! Source of the claims: k8s.io/kubernetes `pkg/serviceaccount/claims.go`. Tokens are ES256; the
//! issuer is the in-cluster name of the API, as on OpenShift.

use super::keys::Keys;
use crate::{
    error::Error,
    object::{Value, json},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use parking_lot::Mutex;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        UnparsedPublicKey,
    },
};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

/// Issuer of every token, and the audience that means this API.
pub const ISSUER: &str = "https://kubernetes.default.svc";

/// DER of a P-256 SubjectPublicKeyInfo up to the point.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Verified tokens remembered at most; then all are forgotten.
const REMEMBERED: usize = 4096;

/// Signs and verifies tokens.
pub struct Signer {
    pair: EcdsaKeyPair,
    key_id: String,
    /// Claims of tokens whose signature was checked, by the token's SHA-256: a signature never
    /// becomes wrong, and checking one costs more than the rest of a GET.
    verified: Mutex<HashMap<[u8; 32], Arc<Value>>>,
}

impl Signer {
    /// A signer with the key of `keys`.
    ///
    /// # Errors
    /// When the bytes are no P-256 key.
    pub fn new(keys: &Keys) -> Result<Signer, Error> {
        let rng = SystemRandom::new();
        let bytes = &keys.service_account_key;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &rng)
            .map_err(|e| Error::Internal(format!("the service account key is unusable: {e}")))?;
        let mut hash = Sha256::new_with_prefix(SPKI_PREFIX);
        hash.update(pair.public_key().as_ref());
        Ok(Signer { key_id: BASE64.encode(hash.finalize()), pair, verified: Mutex::default() })
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn sign(&self, claims: &Value) -> Result<String, Error> {
        let header = json!({"alg": "ES256", "kid": self.key_id});
        let text =
            format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.map_err(|_| Error::Internal("cannot sign a token".into()))?;
        Ok(format!("{text}.{}", BASE64.encode(signature)))
    }

    /// The claims of a token this key signed; `None` for anything else.
    pub fn verify(&self, token: &str) -> Option<Arc<Value>> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.verified.lock().get(&hash) {
            return Some(Arc::clone(claims));
        }
        let (text, signature) = token.rsplit_once('.')?;
        let (header, body) = text.split_once('.')?;
        let parse = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part).ok()?).ok();
        (parse(header)?["alg"] == "ES256").then_some(())?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref());
        key.verify(text.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
        let claims = Arc::new(parse(body)?);
        let mut verified = self.verified.lock();
        if verified.len() >= REMEMBERED {
            verified.clear();
        }
        verified.insert(hash, Arc::clone(&claims));
        Some(claims)
    }

    /// What clients need to verify tokens elsewhere (`/.well-known/openid-configuration`), of a
    /// server that answers at `url`.
    pub fn discovery(&self, url: &str) -> Value {
        json!({
            "issuer": ISSUER, "jwks_uri": format!("{url}/openid/v1/jwks"),
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// The public key as a JSON Web Key Set (`/openid/v1/jwks`).
    pub fn key_set(&self) -> Value {
        // An uncompressed point: 4, then x and y.
        let point = self.pair.public_key().as_ref();
        json!({"keys": [{
            "use": "sig", "kty": "EC", "kid": self.key_id, "crv": "P-256", "alg": "ES256",
            "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..65]),
        }]})
    }
}

/// Whether a token is in the form of a service account token (rather than an OAuth token).
pub fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Entropy;

    #[test]
    fn only_own_unchanged_tokens_verify() {
        let signer = || Signer::new(&Keys::generate(&Entropy::seeded(1)).unwrap()).unwrap();
        let (ours, other) = (signer(), signer());
        let token = ours.sign(&json!({"sub": "a"})).unwrap();
        assert_eq!(ours.verify(&token).unwrap()["sub"], "a");
        assert_eq!(ours.verify(&token).unwrap()["sub"], "a", "remembered");
        assert!(other.verify(&token).is_none());
        let forged =
            token.replacen(&BASE64.encode(r#"{"sub":"a"}"#), &BASE64.encode(r#"{"sub":"b"}"#), 1);
        assert_ne!(forged, token);
        assert!(ours.verify(&forged).is_none());
        for junk in ["", "a.b.c", "..", "sha256~abc"] {
            assert!(ours.verify(junk).is_none(), "{junk}");
        }
    }
}
