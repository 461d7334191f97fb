//! The administrator's kubeconfig, whose certificate is made when somebody wants to see it: most clusters
//! of a host are asked by their host alone.

use super::text;
use crate::tls::{self, Pair};
use jiff::Timestamp;
use std::{
    fmt,
    ops::Deref,
    sync::{Arc, LazyLock},
};

type Make = Box<dyn FnOnce() -> String + Send>;

/// An administrator's kubeconfig. Where no certificate can be made the log says so, and it is empty.
#[derive(Clone)]
pub struct AdminKubeconfig(Arc<LazyLock<String, Make>>);

impl AdminKubeconfig {
    /// One for `url`, for a server whose registries answer at `registry`, signed by `ca`.
    pub fn new(url: &str, registry: &str, ca: &Pair, now: Timestamp) -> AdminKubeconfig {
        let (url, registry, ca) = (url.to_owned(), registry.to_owned(), ca.clone());
        let make = move || {
            let admin = tls::client(&ca, "system:admin", &["system:masters"], now);
            let admin = admin.inspect_err(|why| tracing::error!(%why, "no kubeconfig"));
            admin.map(|admin| text(&url, &registry, &ca.cert, &admin)).unwrap_or_default()
        };
        AdminKubeconfig(Arc::new(LazyLock::new(Box::new(make))))
    }
}

impl Deref for AdminKubeconfig {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for AdminKubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKubeconfig")
    }
}
