//! Certificates that are made when they are first shown: most clusters of a host never show most of
//! theirs, and a key and its signature take longer than all else of a fork.

use super::{TlsError, failed};
use parking_lot::Mutex;
use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{collections::BTreeSet, fmt, sync::Arc};

type Names = dyn Fn() -> BTreeSet<String> + Send + Sync;
type Make = dyn Fn(&BTreeSet<String>) -> Result<CertifiedKey, TlsError> + Send + Sync;

/// A certificate that is made when somebody is to see it, and anew when a name comes that it is not for.
/// Where it cannot be made the log says so, and the other side sees none.
pub struct OnDemand {
    names: Box<Names>,
    make: Box<Make>,
    made: Mutex<Option<(BTreeSet<String>, Arc<CertifiedKey>)>>,
}

impl OnDemand {
    /// The certificate that this makes.
    pub fn new(make: impl Fn() -> Result<CertifiedKey, TlsError> + Send + Sync + 'static) -> Self {
        OnDemand::of(BTreeSet::new, move |_| make())
    }

    /// The certificate that this makes for names that may become more.
    pub fn of(
        names: impl Fn() -> BTreeSet<String> + Send + Sync + 'static,
        make: impl Fn(&BTreeSet<String>) -> Result<CertifiedKey, TlsError> + Send + Sync + 'static,
    ) -> Self {
        OnDemand { names: Box::new(names), make: Box::new(make), made: Mutex::default() }
    }

    /// The certificate.
    pub fn get(&self) -> Option<Arc<CertifiedKey>> {
        let wanted = (self.names)();
        let mut made = self.made.lock();
        if let Some((names, key)) = made.as_ref()
            && wanted.is_subset(names)
        {
            return Some(Arc::clone(key));
        }
        let key = (self.make)(&wanted).inspect_err(|why| tracing::error!(%why, "no certificate"));
        let key = Arc::new(key.ok()?);
        *made = Some((wanted, Arc::clone(&key)));
        Some(key)
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
    fn it_is_made_anew_when_a_name_comes_that_it_is_not_for() {
        let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let ca = tls::authority(now).unwrap();
        let names = Arc::new(Mutex::new(BTreeSet::from(["a".to_owned()])));
        let told = Arc::clone(&names);
        let one = OnDemand::of(
            move || told.lock().clone(),
            move |names| {
                let names: Vec<String> = names.iter().cloned().collect();
                tls::certified(&ca.cert, &tls::serving(&ca, &names, now)?)
            },
        );
        let first = one.get().unwrap();
        assert!(Arc::ptr_eq(&first, &one.get().unwrap()));
        names.lock().insert("b".to_owned());
        let second = one.get().unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        names.lock().remove("a");
        assert!(Arc::ptr_eq(&second, &one.get().unwrap()), "it is for less, too");
    }

    #[test]
    fn who_cannot_sign_is_known_before() {
        let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let ca = tls::authority(now).unwrap();
        assert!(can_sign(&ca).is_ok());
        assert!(can_sign(&tls::Pair { key: ca.cert.clone(), ..ca }).is_err());
    }
}
