//! Service account tokens: signed and checked, nothing looked up.
//!
//! Source of the claims: k8s.io/kubernetes `pkg/serviceaccount/claims.go`. Tokens are ES256,
//! and their issuer is the in-cluster name of the API, as on OpenShift, unless somebody brings a key
//! and a name.

use super::{
    keyfile::{SigningKey, VerifyingKey},
    keys::Keys,
};
use crate::{
    error::Error,
    object::{Value, json},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

/// Issuer of every token, and the audience that means this API, unless somebody says otherwise.
pub const ISSUER: &str = "https://kubernetes.default.svc";

/// Verified tokens remembered at most; then all are forgotten.
const REMEMBERED: usize = 4096;

/// Who issues tokens, and whose tokens count.
#[derive(Default)]
pub struct Issuing {
    /// What to sign with instead of the server's own key.
    pub key: Option<SigningKey>,
    /// What else checks tokens.
    pub others: Vec<VerifyingKey>,
    /// Issuers whose tokens count; the first signs. None: [`ISSUER`].
    pub issuers: Vec<String>,
    /// The audiences that mean this API. None: the issuers.
    pub audiences: Vec<String>,
}

/// Signs and verifies tokens.
pub struct Signer {
    key: SigningKey,
    key_id: String,
    known: Vec<VerifyingKey>,
    issuers: Vec<String>,
    audiences: Vec<String>,
    /// Claims of tokens whose signature was checked, by the token's SHA-256: a signature never
    /// becomes wrong, and checking one costs more than the rest of a GET.
    verified: Mutex<HashMap<[u8; 32], Arc<Value>>>,
}

impl Signer {
    /// A signer with the key of `keys`, or another.
    ///
    /// # Errors
    /// When the key is unusable.
    pub fn new(keys: &Keys, issuing: Issuing) -> Result<Signer, Error> {
        let unusable = || Error::Internal("the service account key is unusable".into());
        let own = || SigningKey::from_pkcs8(&keys.service_account_key);
        let key = issuing.key.or_else(own).ok_or_else(unusable)?;
        let public = key.public().ok_or_else(unusable)?;
        let key_id = public.id.clone();
        let mut known = issuing.others;
        known.retain(|other| other.id != key_id);
        known.insert(0, public);
        let or = |given: Vec<String>, other: &[String]| {
            if given.is_empty() { other.to_vec() } else { given }
        };
        let issuers = or(issuing.issuers, &[ISSUER.to_owned()]);
        let audiences = or(issuing.audiences, &issuers);
        Ok(Signer { key, key_id, known, issuers, audiences, verified: Mutex::default() })
    }

    /// Who issues its tokens.
    pub fn issuer(&self) -> &str {
        self.issuers.first().map_or(ISSUER, String::as_str)
    }

    /// Whether tokens of an issuer count.
    pub fn trusts(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|i| i == issuer)
    }

    /// The audiences that mean this API.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn sign(&self, claims: &Value) -> Result<String, Error> {
        let header = json!({"alg": self.key.algorithm(), "kid": self.key_id});
        let text =
            format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.key.sign(text.as_bytes());
        let signature = signature.ok_or_else(|| Error::Internal("cannot sign a token".into()))?;
        Ok(format!("{text}.{}", BASE64.encode(signature)))
    }

    /// The claims of a token that a known key signed; `None` for anything else.
    pub fn verify(&self, token: &str) -> Option<Arc<Value>> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.verified.lock().get(&hash) {
            return Some(Arc::clone(claims));
        }
        let (text, signature) = token.rsplit_once('.')?;
        let (header, body) = text.split_once('.')?;
        let parse = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part).ok()?).ok();
        let header = parse(header)?;
        let signature = BASE64.decode(signature).ok()?;
        let mut fitting = self.known.iter().filter(|k| header["alg"] == k.algorithm);
        fitting.find(|key| key.checks(text.as_bytes(), &signature))?;
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
        let mut algorithms: Vec<&str> = self.known.iter().map(|k| k.algorithm).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        json!({
            "issuer": self.issuer(), "jwks_uri": format!("{url}/openid/v1/jwks"),
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        })
    }

    /// The public keys as a JSON Web Key Set (`/openid/v1/jwks`).
    pub fn key_set(&self) -> Value {
        json!({"keys": self.known.iter().map(VerifyingKey::jwk).collect::<Vec<_>>()})
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
        let signer = || {
            let keys = Keys::generate(&Entropy::seeded(1)).unwrap();
            Signer::new(&keys, Issuing::default()).unwrap()
        };
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
