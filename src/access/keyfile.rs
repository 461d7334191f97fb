//! Keys that come in PEM files: what service account tokens are signed with, and what checks them.
//! Source: k8s.io/client-go `util/keyutil`, k8s.io/kubernetes `pkg/serviceaccount/jwt.go`.

use crate::object::{Value, json};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use rustls::pki_types::pem::{PemObject, SectionKind};
use sha2::{Digest, Sha256};
use x509_parser::{
    prelude::{FromDer, SubjectPublicKeyInfo},
    public_key::PublicKey,
};

/// DER of object identifiers.
const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// DER of a value: its tag, its length and what it is made of.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = body.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|b| *b == 0).collect();
    let mut out = vec![tag];
    match length.as_slice() {
        [] => out.push(0),
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            out.push(0x80 | long.len() as u8);
            out.extend_from_slice(long);
        }
    }
    out.extend(body);
    out
}

const SEQUENCE: u8 = 0x30;
const BITS: u8 = 0x03;
const BYTES: u8 = 0x04;
const ZERO: &[u8] = &[0x02, 0x01, 0x00];

/// A key that signs.
pub enum SigningKey {
    /// ES256.
    P256(EcdsaKeyPair),
    /// ES384.
    P384(EcdsaKeyPair),
    /// RS256.
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// The key in a PKCS #8 document.
    pub fn from_pkcs8(bytes: &[u8]) -> Option<SigningKey> {
        let rng = SystemRandom::new();
        let curve = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, bytes, &rng).ok();
        curve(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map(SigningKey::P256)
            .or_else(|| curve(&ECDSA_P384_SHA384_FIXED_SIGNING).map(SigningKey::P384))
            .or_else(|| RsaKeyPair::from_pkcs8(bytes).ok().map(SigningKey::Rsa))
    }

    /// The key in a section of a PEM file.
    fn from_section(kind: SectionKind, bytes: &[u8]) -> Option<SigningKey> {
        match kind {
            SectionKind::PrivateKey => SigningKey::from_pkcs8(bytes),
            SectionKind::RsaPrivateKey => RsaKeyPair::from_der(bytes).ok().map(SigningKey::Rsa),
            SectionKind::EcPrivateKey => [P256, P384].iter().find_map(|curve| {
                let algorithm = der(SEQUENCE, &[EC, curve]);
                let key = der(BYTES, &[bytes]);
                SigningKey::from_pkcs8(&der(SEQUENCE, &[ZERO, &algorithm, &key]))
            }),
            _ => None,
        }
    }

    /// The first key of a PEM file.
    pub fn from_pem(pem: &[u8]) -> Option<SigningKey> {
        sections(pem).find_map(|(kind, bytes)| SigningKey::from_section(kind, &bytes))
    }

    /// Name of its signatures.
    pub fn algorithm(&self) -> &'static str {
        match self {
            SigningKey::P256(_) => "ES256",
            SigningKey::P384(_) => "ES384",
            SigningKey::Rsa(_) => "RS256",
        }
    }

    /// Signs a text; `None` when the operating system gives no randomness.
    pub fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let rng = SystemRandom::new();
        match self {
            SigningKey::P256(pair) | SigningKey::P384(pair) => {
                pair.sign(&rng, text).ok().map(|s| s.as_ref().to_vec())
            }
            SigningKey::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &rng, text, &mut signature).ok()?;
                Some(signature)
            }
        }
    }

    /// What checks its signatures.
    pub fn public(&self) -> Option<VerifyingKey> {
        let (algorithm, key) = match self {
            SigningKey::P256(pair) => (der(SEQUENCE, &[EC, P256]), pair.public_key().as_ref()),
            SigningKey::P384(pair) => (der(SEQUENCE, &[EC, P384]), pair.public_key().as_ref()),
            SigningKey::Rsa(pair) => (der(SEQUENCE, &[RSA]), pair.public_key().as_ref()),
        };
        VerifyingKey::from_spki(&der(SEQUENCE, &[&algorithm, &der(BITS, &[&[0], key])]))
    }
}

/// A key that checks signatures.
pub struct VerifyingKey {
    /// Name of its signatures.
    pub algorithm: &'static str,
    /// Its identity, as upstream derives it.
    pub id: String,
    key: UnparsedPublicKey<Vec<u8>>,
    /// What a JSON Web Key says of it.
    parts: Value,
}

impl VerifyingKey {
    /// The key in a SubjectPublicKeyInfo.
    pub fn from_spki(bytes: &[u8]) -> Option<VerifyingKey> {
        let (_, info) = SubjectPublicKeyInfo::from_der(bytes).ok()?;
        let text = |bytes: &[u8]| BASE64.encode(bytes);
        let (algorithm, verification, parts): (_, &'static dyn VerificationAlgorithm, _) =
            match info.parsed().ok()? {
                PublicKey::RSA(key) => {
                    let start = key.modulus.iter().position(|b| *b != 0)?;
                    let (n, e) = (text(&key.modulus[start..]), text(key.exponent));
                    let parts = json!({"kty": "RSA", "n": n, "e": e});
                    ("RS256", &RSA_PKCS1_2048_8192_SHA256, parts)
                }
                PublicKey::EC(point) => {
                    // An uncompressed point: 4, then x and y.
                    let (x, y) = point.data().get(1..)?.split_at_checked(point.data().len() / 2)?;
                    let (name, curve, verification): (_, _, &dyn VerificationAlgorithm) =
                        match x.len() {
                            32 => ("ES256", "P-256", &ECDSA_P256_SHA256_FIXED),
                            48 => ("ES384", "P-384", &ECDSA_P384_SHA384_FIXED),
                            _ => return None,
                        };
                    let parts = json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)});
                    (name, verification, parts)
                }
                _ => return None,
            };
        let key = UnparsedPublicKey::new(verification, info.subject_public_key.data.to_vec());
        Some(VerifyingKey { algorithm, id: text(&Sha256::digest(bytes)), key, parts })
    }

    /// Every key of a PEM file: public ones, those of certificates, and the public halves of private
    /// ones.
    pub fn all_from_pem(pem: &[u8]) -> Vec<VerifyingKey> {
        let found = sections(pem).filter_map(|(kind, bytes)| match kind {
            SectionKind::PublicKey => VerifyingKey::from_spki(&bytes),
            SectionKind::Certificate => {
                let (_, certificate) = x509_parser::parse_x509_certificate(&bytes).ok()?;
                VerifyingKey::from_spki(certificate.public_key().raw)
            }
            private => SigningKey::from_section(private, &bytes)?.public(),
        });
        found.collect()
    }

    /// Whether it made the signature of a text.
    pub fn checks(&self, text: &[u8], signature: &[u8]) -> bool {
        self.key.verify(text, signature).is_ok()
    }

    /// The JSON Web Key.
    pub fn jwk(&self) -> Value {
        let mut jwk = json!({"use": "sig", "kid": self.id, "alg": self.algorithm});
        if let (Some(jwk), Value::Object(parts)) = (jwk.as_object_mut(), &self.parts) {
            jwk.extend(parts.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        jwk
    }
}

/// The sections of a PEM file, up to the first that is damaged.
fn sections(pem: &[u8]) -> impl Iterator<Item = (SectionKind, Vec<u8>)> + '_ {
    <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).map_while(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One key in the three forms a file may hold it in; made for this test with `openssl`.
    const PEM: &str = include_str!("keyfile_test.pem");

    #[test]
    fn keys_in_every_form_check_what_they_sign() {
        let mut seen = Vec::new();
        for (kind, bytes) in sections(PEM.as_bytes()) {
            let Some(key) = SigningKey::from_section(kind, &bytes) else { continue };
            let signature = key.sign(b"text").unwrap();
            let public = key.public().unwrap();
            assert!(public.checks(b"text", &signature) && !public.checks(b"test", &signature));
            assert_eq!(public.algorithm, key.algorithm());
            seen.push((kind, key.algorithm(), public.id));
        }
        let kinds: Vec<_> = seen.iter().map(|(kind, algorithm, _)| (*kind, *algorithm)).collect();
        let expected = [
            (SectionKind::EcPrivateKey, "ES256"),
            (SectionKind::PrivateKey, "ES256"),
            (SectionKind::EcPrivateKey, "ES384"),
            (SectionKind::RsaPrivateKey, "RS256"),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(seen[0].2, seen[1].2, "the same key");
        let public = VerifyingKey::all_from_pem(PEM.as_bytes());
        assert_eq!(public.len(), 6, "with a public key and a certificate");
        assert_eq!(public[4].id, seen[3].2, "the public half of the RSA key");
        assert_eq!(public[5].id, seen[0].2, "the certificate of the first key");
        assert_eq!(public[4].jwk()["e"], "AQAB");
    }
}
