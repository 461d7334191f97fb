//! Which client certificates are taken: those of given authorities, and those that are listed among
//! them themselves. Go takes a certificate that is its own root; launchers of API servers count on it.

use super::{TlsError, failed};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use std::sync::Arc;

/// Asks clients for a certificate that one of a PEM file's vouches for, and takes clients that have
/// none.
///
/// # Errors
/// When the file holds no certificate.
pub(super) fn verifier(pem: &str) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let anchors = CertificateDer::pem_slice_iter(pem.as_bytes());
    let anchors: Vec<CertificateDer<'static>> =
        anchors.collect::<Result<_, _>>().map_err(failed)?;
    let mut roots = RootCertStore::empty();
    for anchor in &anchors {
        roots.add(anchor.clone()).map_err(failed)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let by_authority = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(failed)?;
    Ok(Arc::new(Listed { anchors, by_authority }))
}

#[derive(Debug)]
struct Listed {
    anchors: Vec<CertificateDer<'static>>,
    by_authority: Arc<dyn ClientCertVerifier>,
}

/// Whether a certificate is valid at a time.
fn in_time(certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, parsed)| {
        let validity = parsed.validity();
        (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
    })
}

impl ClientCertVerifier for Listed {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.by_authority.root_hint_subjects()
    }

    fn offer_client_auth(&self) -> bool {
        self.by_authority.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.by_authority.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.anchors.contains(certificate) && in_time(certificate, now) {
            return Ok(ClientCertVerified::assertion());
        }
        self.by_authority.verify_client_cert(certificate, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}
