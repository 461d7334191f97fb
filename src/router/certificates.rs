//! What the router shows to clients that speak TLS: a route's own certificate, or that of all names
//! below the domain of applications; and what the pods behind passthrough routes show.

use super::{Router, road::Road, table::Table};
use crate::{
    runtime::Shown,
    tls::{self, Pair, TlsError},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::sync::Arc;

/// The certificates of all routes.
pub struct Certificates {
    router: Arc<Router>,
    default: Arc<CertifiedKey>,
}

/// A route's own certificate, if it has one that can be used.
struct Own(Option<Arc<CertifiedKey>>);

impl Certificates {
    /// The certificates of a router's routes; all others are shown one signed by the cluster.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(router: Arc<Router>) -> Result<Certificates, TlsError> {
        let settings = &router.settings;
        let ca = Pair { cert: settings.ca_pem.clone(), key: settings.ca_key_pem.clone() };
        let domain = &settings.apps_domain;
        let names = [format!("*.{domain}"), domain.clone()];
        let pair = tls::serving(&ca, &names, router.world.wall.now())?;
        let default = Arc::new(tls::certified(&ca.cert, &pair)?);
        Ok(Certificates { router, default })
    }

    /// The certificate of a name's route, if it has one of its own.
    pub fn own(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let objects = self.router.objects();
        let route = Table::of(&objects).named(name).cloned()?;
        let road = route.lens::<Road>();
        let (own, named) = (&road.tls, &road.tls.external_certificate.name);
        let usable = |certificate: &str, key: &str| {
            let chain = format!("{certificate}\n{}", own.ca_certificate);
            Own(tls::from_pem(&chain, key).ok().map(Arc::new))
        };
        if named.is_empty() {
            return route.kept(|_: &Own| true, || usable(&own.certificate, &own.key)).0.clone();
        }
        let secret = objects.get("secrets", &road.namespace, named)?;
        let read = || {
            let data = secret.value();
            let text = |key: &str| {
                let text = data["data"][key].as_str().and_then(|text| STANDARD.decode(text).ok());
                String::from_utf8(text.unwrap_or_default()).unwrap_or_default()
            };
            usable(&text("tls.crt"), &text("tls.key"))
        };
        secret.kept(|_: &Own| true, read).0.clone()
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let own = hello.server_name().and_then(|name| self.own(name));
        Some(own.unwrap_or_else(|| Arc::clone(&self.default)))
    }
}

impl Router {
    /// How a pod speaks TLS; nothing when it does not.
    pub(super) fn of_pod(&self, shown: &Shown) -> Option<ServerConfig> {
        let made;
        let (cert, key) = match shown {
            Shown::Plain => return None,
            Shown::Pair { cert, key } => (cert, key),
            Shown::Unknown => {
                made = tls::self_signed("localhost", self.world.wall.now()).ok()?;
                (&made.cert, &made.key)
            }
        };
        tls::single(tls::from_pem(cert, key).ok()?).ok()
    }
}
