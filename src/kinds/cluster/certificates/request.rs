//! What stands inside a signing request: a PKCS#10 request, and later certificates, both as PEM.

use crate::{error::Causes, kinds::workloads::Field};
use base64::Engine;
use rustls::pki_types::{
    CertificateDer, CertificateSigningRequestDer,
    pem::{PemObject, SectionKind},
};
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer};

/// The bytes of a base64 field.
fn bytes(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default()
}

/// A field that must hold a request signed with its own key.
pub fn check(field: &Field<'_>, out: &mut Causes) {
    if let Err(why) = parse(&bytes(field.text())) {
        field.invalid(out, why);
    }
}

fn parse(pem: &[u8]) -> Result<(), String> {
    const KIND: &str = "PEM block type must be CERTIFICATE REQUEST";
    let der = CertificateSigningRequestDer::from_pem_slice(pem).map_err(|_| KIND.to_owned())?;
    let (_, request) = X509CertificationRequest::from_der(&der)
        .map_err(|_| "asn1: structure error: malformed certificate request".to_owned())?;
    request.verify_signature().map_err(|_| "x509: signature verification failed".to_owned())
}

/// Why a base64 field is no list of certificates; the empty one is fine.
pub fn certificate_problem(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let pem = bytes(text);
    let mut blocks = 0;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&pem) {
        let Ok((kind, der)) = section else {
            return Some("x509: malformed certificate".into());
        };
        if kind != SectionKind::Certificate {
            let found = format!("{kind:?}");
            return Some(format!("only CERTIFICATE PEM blocks are allowed, found {found:?}"));
        }
        let der = CertificateDer::from(der);
        if x509_parser::parse_x509_certificate(&der).is_err() {
            return Some("x509: malformed certificate".into());
        }
        blocks += 1;
    }
    (blocks == 0).then(|| "must contain at least one CERTIFICATE PEM block".into())
}
