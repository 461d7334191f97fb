//! Certificates: the cluster's CA, the serving certificate and the admin's client certificate.

mod clients;
mod on_demand;

pub use on_demand::{OnDemand, can_sign};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, ServerConfig,
    client::{WantsClientCert, verify_server_cert_signed_by_trust_anchor, verify_server_name},
    pki_types::{
        CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer,
        ServerName, UnixTime, pem::PemObject,
    },
    server::{ParsedCertificate, ResolvesServerCert, WantsServerCert},
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{net::IpAddr, sync::Arc};
use x509_parser::{
    certification_request::X509CertificationRequest,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
    x509::AttributeTypeAndValue,
};

/// A certificate and its key, PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Certificate.
    pub cert: String,
    /// Private key (PKCS#8).
    pub key: String,
}

/// What can go wrong, for people.
#[derive(Debug, thiserror::Error)]
#[error("certificates: {0}")]
pub struct TlsError(String);

fn failed(e: impl std::fmt::Display) -> TlsError {
    TlsError(e.to_string())
}

/// Days before now a certificate is valid from, and after now it is valid to: clocks differ, and a
/// laptop's cluster should outlive a course.
const YEARS: i64 = 10;

fn parameters(common_name: &str, orgs: &[&str], now: jiff::Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    for org in orgs {
        name.push(DnType::OrganizationName, *org);
    }
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let year = i32::from(date.year());
    params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    params.not_after = rcgen::date_time_ymd(year + YEARS as i32, 1, 1);
    params
}

/// Makes a certificate authority.
///
/// # Errors
/// Never in practice; see [`TlsError`].
pub fn authority(now: jiff::Timestamp) -> Result<Pair, TlsError> {
    let mut params = parameters("pocketshift-ca", &[], now);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let key = KeyPair::generate().map_err(failed)?;
    let cert = params.self_signed(&key).map_err(failed)?;
    Ok(Pair { cert: cert.pem(), key: key.serialize_pem() })
}

/// Makes a serving certificate for host names and addresses.
///
/// # Errors
/// See [`TlsError`].
pub fn serving(ca: &Pair, hosts: &[String], now: jiff::Timestamp) -> Result<Pair, TlsError> {
    let mut params = parameters("pocketshift", &[], now);
    for host in hosts {
        params.subject_alt_names.push(match host.parse::<IpAddr>() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(host.as_str().try_into().map_err(failed)?),
        });
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    issue(ca, params)
}

/// Makes a client certificate: the common name is the user, organisations are groups.
///
/// # Errors
/// See [`TlsError`].
pub fn client(
    ca: &Pair,
    user: &str,
    groups: &[&str],
    now: jiff::Timestamp,
) -> Result<Pair, TlsError> {
    let mut params = parameters(user, groups, now);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    issue(ca, params)
}

fn issue(ca: &Pair, mut params: CertificateParams) -> Result<Pair, TlsError> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.use_authority_key_identifier_extension = true;
    let issuer_key = KeyPair::from_pem(&ca.key).map_err(failed)?;
    let issuer = Issuer::from_ca_cert_pem(&ca.cert, issuer_key).map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let cert = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(Pair { cert: cert.pem(), key: key.serialize_pem() })
}

/// Handshakes a thread carries on at a time: one that stays silent costs a few kilobytes for three
/// seconds, and must not keep others from beginning theirs.
const HANDSHAKES: usize = 16 << 10;

/// Lets listeners that are started from here on carry on many handshakes at a time.
pub fn let_many_begin() {
    actix_tls::accept::max_concurrent_tls_connect(HANDSHAKES);
}

/// The TLS configuration: our certificate, and client certificates of our CA if the client has any.
///
/// # Errors
/// See [`TlsError`].
pub fn config(ca_pem: &str, serving: &Pair) -> Result<ServerConfig, TlsError> {
    serve(&format!("{}{ca_pem}", serving.cert), &serving.key, ca_pem)
}

/// The TLS configuration with a chain and its key, and client certificates that `clients_pem`
/// vouches for, if the client has any.
///
/// # Errors
/// See [`TlsError`].
pub fn serve(chain_pem: &str, key_pem: &str, clients_pem: &str) -> Result<ServerConfig, TlsError> {
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(failed)?;
    asking(clients_pem)?.with_single_cert(certificates(chain_pem)?, key).map_err(failed)
}

/// Makes a serving certificate that nobody has signed but itself, as servers do that were given none.
///
/// # Errors
/// See [`TlsError`].
pub fn self_signed(host: &str, now: jiff::Timestamp) -> Result<Pair, TlsError> {
    let mut params = parameters(host, &[], now);
    params.subject_alt_names.push(SanType::DnsName(host.try_into().map_err(failed)?));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(failed)?;
    let cert = params.self_signed(&key).map_err(failed)?;
    Ok(Pair { cert: cert.pem(), key: key.serialize_pem() })
}

/// A certificate with its chain and its key, from elsewhere.
///
/// # Errors
/// When they cannot be read, or do not belong together.
pub fn from_pem(chain: &str, key: &str) -> Result<CertifiedKey, TlsError> {
    let provider = rustls::crypto::ring::default_provider();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(failed)?;
    let found = CertifiedKey::from_der(certificates(chain)?, key, &provider).map_err(failed)?;
    found.keys_match().map_err(failed)?;
    Ok(found)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    all.map_err(failed).and_then(|all| {
        if all.is_empty() { Err(failed("there is no certificate")) } else { Ok(all) }
    })
}

/// Whether a server's chain of certificates leads to one of those in `authorities`, and is for a
/// name if one is given.
pub fn is_trusted(
    chain: &str,
    authorities: &str,
    name: Option<&str>,
    now: jiff::Timestamp,
) -> bool {
    let mut roots = RootCertStore::empty();
    let (Ok(chain), Ok(known)) = (certificates(chain), certificates(authorities)) else {
        return false;
    };
    roots.add_parsable_certificates(known);
    let Ok(own) = ParsedCertificate::try_from(&chain[0]) else { return false };
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let signed =
        verify_server_cert_signed_by_trust_anchor(&own, &roots, &chain[1..], time, algorithms.all);
    let fits = |name: &str| {
        let name = ServerName::try_from(name.to_owned());
        name.is_ok_and(|name| verify_server_name(&own, &name).is_ok())
    };
    signed.is_ok() && name.is_none_or(fits)
}

/// The TLS configuration of a server with many names that asks nobody for a certificate.
///
/// # Errors
/// See [`TlsError`].
pub fn showing(names: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
    Ok(builder.with_no_client_auth().with_cert_resolver(names))
}

/// The TLS configuration of a server with one certificate that asks nobody for theirs.
///
/// # Errors
/// See [`TlsError`].
pub fn single(certified: CertifiedKey) -> Result<ServerConfig, TlsError> {
    showing(Arc::new(SingleCertAndKey::from(certified)))
}

/// The configuration of a client that trusts our CA alone and shows nothing.
///
/// # Errors
/// See [`TlsError`].
pub fn trusting(ca_pem: &str) -> Result<ClientConfig, TlsError> {
    Ok(knowing(ca_pem)?.with_no_client_auth())
}

fn knowing(ca_pem: &str) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(failed)?;
    roots.add(ca).map_err(failed)?;
    Ok(ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots))
}

/// The configuration of a client that trusts our CA alone and shows a certificate.
///
/// # Errors
/// See [`TlsError`].
pub fn client_config(ca_pem: &str, pair: &Pair) -> Result<ClientConfig, TlsError> {
    let own = CertificateDer::from_pem_slice(pair.cert.as_bytes()).map_err(failed)?;
    let key = PrivatePkcs8KeyDer::from_pem_slice(pair.key.as_bytes()).map_err(failed)?;
    let config = knowing(ca_pem)?.with_client_auth_cert(vec![own], PrivateKeyDer::Pkcs8(key));
    config.map_err(failed)
}

/// A configuration that asks clients for a certificate that `pem` vouches for, and takes those who
/// have none.
fn asking(pem: &str) -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_client_cert_verifier(clients::verifier(pem)?))
}

/// A certificate as the TLS layer hands it out, with the CA behind it.
///
/// # Errors
/// See [`TlsError`].
pub fn certified(ca_pem: &str, pair: &Pair) -> Result<CertifiedKey, TlsError> {
    let cert = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(failed);
    let key = PrivatePkcs8KeyDer::from_pem_slice(pair.key.as_bytes()).map_err(failed)?;
    let chain = vec![cert(&pair.cert)?, cert(ca_pem)?];
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, PrivateKeyDer::Pkcs8(key), &provider).map_err(failed)
}

/// The TLS configuration of a server with many names, and client certificates of our CA if the
/// client has any.
///
/// # Errors
/// See [`TlsError`].
pub fn resolving(
    ca_pem: &str,
    names: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, TlsError> {
    Ok(asking(ca_pem)?.with_cert_resolver(names))
}

/// Common name and organisations of a verified client certificate.
pub fn subject(der: &CertificateDer<'_>) -> Option<(String, Vec<String>)> {
    let (_, cert) = x509_parser::parse_x509_certificate(der).ok()?;
    let name = cert.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    let orgs = cert.subject().iter_organization();
    Some((name, orgs.filter_map(|o| o.as_str().ok()).map(Into::into).collect()))
}

/// What somebody asks to be certified.
pub struct Requested {
    /// Common name of the subject; may be empty.
    pub common_name: String,
    /// Organisations of the subject.
    pub organizations: Vec<String>,
    /// Host names, addresses, mail addresses and URIs, how many of each.
    pub alternatives: Alternatives,
}

/// How many names of each kind a request has besides its subject.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Alternatives {
    pub dns: usize,
    pub ip: usize,
    pub email: usize,
    pub uri: usize,
}

/// Reads a PEM certificate request; `None` when it is none.
pub fn requested(pem: &[u8]) -> Option<Requested> {
    let der = CertificateSigningRequestDer::from_pem_slice(pem).ok()?;
    let (_, request) = X509CertificationRequest::from_der(&der).ok()?;
    let subject = &request.certification_request_info.subject;
    let text = |a: &AttributeTypeAndValue<'_>| a.as_str().ok().map(str::to_owned);
    let mut alternatives = Alternatives::default();
    for extension in request.requested_extensions().into_iter().flatten() {
        let ParsedExtension::SubjectAlternativeName(names) = extension else { continue };
        for name in &names.general_names {
            match name {
                GeneralName::DNSName(_) => alternatives.dns += 1,
                GeneralName::IPAddress(_) => alternatives.ip += 1,
                GeneralName::RFC822Name(_) => alternatives.email += 1,
                GeneralName::URI(_) => alternatives.uri += 1,
                _ => {}
            }
        }
    }
    Some(Requested {
        common_name: subject.iter_common_name().next().and_then(text).unwrap_or_default(),
        organizations: subject.iter_organization().filter_map(text).collect(),
        alternatives,
    })
}

/// Signs a PEM certificate request: its subject, names and key, with these usages (as Kubernetes
/// calls them) and times. Answers the certificate as PEM.
///
/// # Errors
/// When the request or a usage is not understood.
pub fn sign(
    ca: &Pair,
    request: &str,
    usages: &[&str],
    (from, to): (jiff::Timestamp, jiff::Timestamp),
) -> Result<String, TlsError> {
    let mut request = CertificateSigningRequestParams::from_pem(request).map_err(failed)?;
    let (key_usages, extended) = usages_of(usages)?;
    let params = &mut request.params;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = key_usages;
    params.extended_key_usages = extended;
    params.use_authority_key_identifier_extension = true;
    // The type of moments is not named: only rcgen's own function makes one.
    let moment = |at: jiff::Timestamp| {
        let seconds = u64::try_from(at.as_second()).unwrap_or_default();
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
    };
    params.not_before = moment(from);
    params.not_after = moment(to);
    let issuer_key = KeyPair::from_pem(&ca.key).map_err(failed)?;
    let issuer = Issuer::from_ca_cert_pem(&ca.cert, issuer_key).map_err(failed)?;
    Ok(request.signed_by(&issuer).map_err(failed)?.pem())
}

type Usages = (Vec<KeyUsagePurpose>, Vec<ExtendedKeyUsagePurpose>);

fn usages_of(names: &[&str]) -> Result<Usages, TlsError> {
    use ExtendedKeyUsagePurpose as Extended;
    use KeyUsagePurpose as Key;
    let (mut keys, mut extended) = (Vec::new(), Vec::new());
    for name in names {
        match *name {
            "signing" | "digital signature" => keys.push(Key::DigitalSignature),
            "content commitment" => keys.push(Key::ContentCommitment),
            "key encipherment" => keys.push(Key::KeyEncipherment),
            "key agreement" => keys.push(Key::KeyAgreement),
            "data encipherment" => keys.push(Key::DataEncipherment),
            "cert sign" => keys.push(Key::KeyCertSign),
            "crl sign" => keys.push(Key::CrlSign),
            "encipher only" => keys.push(Key::EncipherOnly),
            "decipher only" => keys.push(Key::DecipherOnly),
            "any" => extended.push(Extended::Any),
            "server auth" => extended.push(Extended::ServerAuth),
            "client auth" => extended.push(Extended::ClientAuth),
            "code signing" => extended.push(Extended::CodeSigning),
            "email protection" | "s/mime" => extended.push(Extended::EmailProtection),
            "timestamping" => extended.push(Extended::TimeStamping),
            "ocsp signing" => extended.push(Extended::OcspSigning),
            other => return Err(TlsError(format!("unrecognized usage {other:?}"))),
        }
    }
    keys.sort_unstable_by_key(|k| format!("{k:?}"));
    keys.dedup();
    extended.dedup();
    Ok((keys, extended))
}

/// When a PEM certificate ends.
pub fn not_after(pem: &[u8]) -> Option<jiff::Timestamp> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    let (_, cert) = x509_parser::parse_x509_certificate(&der).ok()?;
    jiff::Timestamp::from_second(cert.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_serves_and_signs_in() {
        let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let ca = authority(now).unwrap();
        let pair = serving(&ca, &["localhost".into(), "127.0.0.1".into()], now).unwrap();
        assert!(config(&ca.cert, &pair).is_ok());
        let admin = client(&ca, "system:admin", &["system:masters"], now).unwrap();
        let der = CertificateDer::from_pem_slice(admin.cert.as_bytes()).unwrap();
        assert_eq!(subject(&der), Some(("system:admin".into(), vec!["system:masters".into()])));
    }
}
