//! Whom the importer believes: the system's authorities and the cluster's own, or anybody.
//! What a refused certificate is called is Go's crypto/x509.

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::sync::{Arc, OnceLock};

/// The system's authorities, read when first needed.
#[derive(Debug, Default)]
pub struct SystemRoots(OnceLock<RootCertStore>);

impl SystemRoots {
    /// The authorities.
    pub fn get(&self) -> &RootCertStore {
        self.0.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            // A system without certificates trusts nobody: connections say so.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        })
    }

    /// Certificates must lead to the system's authorities or to one of `pems`.
    pub fn verifying<'a>(&self, pems: impl IntoIterator<Item = &'a str>) -> Arc<ClientConfig> {
        let mut roots = self.get().clone();
        pems.into_iter().for_each(|pem| add(&mut roots, pem));
        config(|builder| builder.with_root_certificates(roots))
    }
}

/// Certificates must lead to one of the authorities in `pem`.
pub fn only(pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    add(&mut roots, pem);
    config(|builder| builder.with_root_certificates(roots))
}

fn add(roots: &mut RootCertStore, pem: &str) {
    let found = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok);
    roots.add_parsable_certificates(found);
}

/// Certificates are not looked at.
pub fn blind() -> Arc<ClientConfig> {
    let verifier = Arc::new(Blind(provider()));
    config(|builder| builder.dangerous().with_custom_certificate_verifier(verifier))
}

/// Who has yet to say whom he believes.
pub type Builder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;
/// Who has said it.
pub type Verified = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

/// What handshakes need of a client that believes whom `verifier` says.
pub fn config(verifier: impl FnOnce(Builder) -> Verified) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider());
    // The provider is ring's whole set, which has what the default versions need.
    let builder = match builder.with_safe_default_protocol_versions() {
        Ok(builder) => builder,
        Err(_) => unreachable!("ring supports TLS 1.2 and 1.3"),
    };
    Arc::new(verifier(builder).with_no_client_auth())
}

/// The cryptography of all connections.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Accepts every certificate, but only from who holds its key.
#[derive(Debug)]
struct Blind(Arc<CryptoProvider>);

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What went wrong in a handshake with `host`.
pub fn problem(error: &Error, host: &str) -> String {
    let certificate = match error {
        Error::InvalidCertificate(certificate) => certificate,
        // Who answers in the clear on such a port speaks HTTP.
        Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            return "http: server gave HTTP response to HTTPS client".into();
        }
        Error::AlertReceived(alert) => return format!("remote error: tls: {}", alert_text(alert)),
        other => return format!("tls: {other}"),
    };
    format!("tls: failed to verify certificate: x509: {}", x509(certificate, host))
}

fn x509(error: &CertificateError, host: &str) -> String {
    match error {
        CertificateError::NotValidForNameContext { presented, .. } => wrong_name(presented, host),
        CertificateError::NotValidForName => wrong_name(&[], host),
        CertificateError::ExpiredContext { time, not_after } => expired("after", *time, *not_after),
        CertificateError::NotValidYetContext { time, not_before } => {
            expired("before", *time, *not_before)
        }
        CertificateError::Expired | CertificateError::NotValidYet => {
            "certificate has expired or is not yet valid".into()
        }
        // A certificate that signed itself, or was signed by somebody unknown.
        _ => "certificate signed by unknown authority".into(),
    }
}

fn expired(word: &str, now: UnixTime, bound: UnixTime) -> String {
    let shown = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        crate::object::time::seconds(time)
    };
    format!(
        "certificate has expired or is not yet valid: current time {} is {word} {}",
        shown(now),
        shown(bound)
    )
}

/// `presented` as rustls prints them: `DnsName("a.example")`, `IpAddress(127.0.0.1)`.
fn wrong_name(presented: &[String], host: &str) -> String {
    let inner = |p: &String| {
        let (kind, rest) = p.split_once('(')?;
        Some((kind.to_owned(), rest.trim_end_matches(')').trim_matches('"').to_owned()))
    };
    let names: Vec<(String, String)> = presented.iter().filter_map(inner).collect();
    let is_ip = host.parse::<std::net::IpAddr>().is_ok();
    let wanted = if is_ip { "IpAddress" } else { "DnsName" };
    let fitting: Vec<&str> =
        names.iter().filter(|(k, _)| k == wanted).map(|(_, name)| name.as_str()).collect();
    match (fitting.as_slice(), is_ip) {
        ([], true) => {
            format!("cannot validate certificate for {host} because it doesn't contain any IP SANs")
        }
        ([], false) => {
            format!("certificate is not valid for any names, but wanted to match {host}")
        }
        (names, _) => format!("certificate is valid for {}, not {host}", names.join(", ")),
    }
}

fn alert_text(alert: &rustls::AlertDescription) -> String {
    use rustls::AlertDescription as A;
    let known = match alert {
        A::HandshakeFailure => "handshake failure",
        A::ProtocolVersion => "protocol version not supported",
        A::UnrecognisedName => "unrecognized name",
        A::CertificateRequired => "certificate required",
        A::BadCertificate => "bad certificate",
        A::InternalError => "internal error",
        A::AccessDenied => "access denied",
        other => return format!("{other:?}"),
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_refused_in_gos_words() {
        let name = |n: &str| ServerName::try_from(n.to_owned()).unwrap();
        let wrong = |host: &str, presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: name(host),
            presented: presented.iter().map(|p| (*p).to_owned()).collect(),
        };
        let at = |s| UnixTime::since_unix_epoch(std::time::Duration::from_secs(s));
        let rows = [
            (CertificateError::UnknownIssuer, "certificate signed by unknown authority"),
            (
                wrong("h.io", &[r#"DnsName("a.io")"#, r#"DnsName("b.io")"#]),
                "certificate is valid for a.io, b.io, not h.io",
            ),
            (
                wrong("h.io", &[]),
                "certificate is not valid for any names, but wanted to match h.io",
            ),
            (
                CertificateError::ExpiredContext { time: at(86_400), not_after: at(0) },
                "certificate has expired or is not yet valid: current time 1970-01-02T00:00:00Z is after 1970-01-01T00:00:00Z",
            ),
        ];
        for (error, expected) in rows {
            assert_eq!(x509(&error, "h.io"), expected);
        }
        let ip = wrong_name(&[r#"DnsName("a.io")"#.into()], "127.0.0.1");
        assert_eq!(
            ip,
            "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"
        );
    }
}
