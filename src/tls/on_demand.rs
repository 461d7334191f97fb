//! Certificates that are made when they are first shown: most clusters of a host never show most of
//! theirs, and a key and its signature take longer than all else of a fork.

use super::{TlsError, failed};
use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

type Make = dyn Fn() -> Result<CertifiedKey, TlsError> + Send + Sync;

/// A certificate that is made once, when somebody is to see it. Where it cannot be made the log says so,
/// and the other side sees none.
pub struct OnDemand {
    make: Box<Make>,
    made: OnceLock<Option<Arc<CertifiedKey>>>,
}

impl OnDemand {
    /// The certificate that this makes.
    pub fn new(make: impl Fn() -> Result<CertifiedKey, TlsError> + Send + Sync + 'static) -> Self {
        OnDemand { make: Box::new(make), made: OnceLock::new() }
    }

    /// The certificate.
    pub fn get(&self) -> Option<Arc<CertifiedKey>> {
        let make = || {
            let made = (self.make)().inspect_err(|why| tracing::error!(%why, "no certificate"));
            made.ok().map(Arc::new)
        };
        self.made.get_or_init(make).clone()
    }
}

impl fmt::Debug for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDemand")
    }
}

impl ResolvesServerCert for OnDemand {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.get()
    }
}

impl ResolvesClientCert for OnDemand {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.get()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Whether an authority can sign: whoever signs on demand finds out early.
///
/// # Errors
/// Why it cannot.
pub fn can_sign(ca: &super::Pair) -> Result<(), TlsError> {
    let key = rcgen::KeyPair::from_pem(&ca.key).map_err(failed)?;
    rcgen::Issuer::from_ca_cert_pem(&ca.cert, key).map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn it_is_made_once_when_it_is_shown() {
        let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let ca = tls::authority(now).unwrap();
        let times = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&times);
        let one = OnDemand::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            tls::certified(&ca.cert, &tls::client(&ca, "somebody", &[], now)?)
        });
        assert_eq!(times.load(Ordering::Relaxed), 0);
        let first = one.get().unwrap();
        assert!(Arc::ptr_eq(&first, &one.get().unwrap()));
        assert_eq!(times.load(Ordering::Relaxed), 1);
        assert!(OnDemand::new(|| Err(failed("broken"))).get().is_none());
    }

    #[test]
    fn who_cannot_sign_is_known_before() {
        let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let ca = tls::authority(now).unwrap();
        assert!(can_sign(&ca).is_ok());
        assert!(can_sign(&tls::Pair { key: ca.cert.clone(), ..ca }).is_err());
    }
}
