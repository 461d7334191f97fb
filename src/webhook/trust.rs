//! Whom a webhook's certificate must come from, as Go's crypto/x509 judges it: a certificate that
//! stands in the bundle itself is believed, authority or not. Launchers of test control planes
//! hand out exactly such bundles.

use crate::importer::trust::{SystemRoots, config, problem, provider};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use std::{collections::HashMap, sync::Arc};

/// Bundles that are kept ready, as upstream's client manager.
const KEPT: usize = 200;

/// What is ready of a bundle.
#[derive(Clone)]
pub struct Trusted {
    /// For handshakes.
    pub config: Arc<ClientConfig>,
    verifier: Option<Arc<Anchored>>,
    /// What tells this bundle from others, for connections that are kept.
    pub id: usize,
}

/// The bundles seen so far.
#[derive(Default)]
pub struct Trust {
    system: SystemRoots,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    next: usize,
    bundles: HashMap<String, Trusted>,
}

impl Trust {
    /// What a bundle (PEM in base64; the system's authorities when empty) makes of handshakes.
    ///
    /// # Errors
    /// There is no certificate in it.
    pub fn config(&self, bundle: &str) -> Result<Trusted, String> {
        if let Some(known) = self.known.lock().bundles.get(bundle) {
            return Ok(known.clone());
        }
        let (config, verifier) = match bundle {
            "" => (self.system.verifying([]), verifier(self.system.get().clone(), Vec::new()).ok()),
            bundle => believing(bundle)
                .map_err(|why| format!("unable to load root certificates: {why}"))?,
        };
        let mut known = self.known.lock();
        if known.bundles.len() >= KEPT {
            known.bundles.clear();
        }
        known.next += 1;
        let trusted = Trusted { config, verifier, id: known.next };
        known.bundles.insert(bundle.to_owned(), trusted.clone());
        Ok(trusted)
    }
}

impl Trusted {
    /// Whether a certificate that a simulated program shows would be believed.
    ///
    /// # Errors
    /// Why not, as a handshake would say it.
    pub fn believes(&self, pem: Option<&str>, name: &str, now: Timestamp) -> Result<(), String> {
        let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let shown = CertificateDer::pem_slice_iter(pem.unwrap_or_default().as_bytes());
        let shown: Vec<_> = shown.filter_map(Result::ok).collect();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let verdict = match (&self.verifier, shown.split_first(), ServerName::try_from(name)) {
            (Some(verifier), Some((first, chain)), Ok(server)) => {
                verifier.verify_server_cert(first, chain, &server, &[], now).map(drop)
            }
            _ => Err(unknown()),
        };
        verdict.map_err(|error| problem(&error, name))
    }
}

/// Only the certificates in a bundle are believed.
fn believing(bundle: &str) -> Result<(Arc<ClientConfig>, Option<Arc<Anchored>>), String> {
    const UNUSABLE: &str = "unable to parse bytes as PEM block";
    let pem = STANDARD.decode(bundle).map_err(|_| UNUSABLE.to_owned())?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = found.map_err(|_| UNUSABLE.to_owned())?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    if roots.is_empty() {
        return Err(UNUSABLE.into());
    }
    let verifier = verifier(roots, certificates)?;
    let believed = Arc::clone(&verifier);
    let config = config(|b| b.dangerous().with_custom_certificate_verifier(believed));
    Ok((config, Some(verifier)))
}

fn verifier(
    roots: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
) -> Result<Arc<Anchored>, String> {
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let inner = inner.map_err(|e| e.to_string())?;
    Ok(Arc::new(Anchored { inner, certificates }))
}

/// Believes whom the bundle leads to, and whoever stands in it.
#[derive(Debug)]
struct Anchored {
    inner: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Anchored {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.certificates.iter().any(|c| c.as_ref() == certificate.as_ref()) {
            return self.inner.verify_server_cert(certificate, chain, name, ocsp, now);
        }
        let bad = || Error::InvalidCertificate(CertificateError::BadEncoding);
        let (_, read) = x509_parser::parse_x509_certificate(certificate).map_err(|_| bad())?;
        let (validity, seconds) =
            (read.validity(), i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        if seconds > validity.not_after.timestamp() {
            return Err(Error::InvalidCertificate(CertificateError::Expired));
        }
        if seconds < validity.not_before.timestamp() {
            return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
