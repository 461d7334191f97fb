//! What kind of cluster is started: OpenShift whole, or less of it for those who bring their own
//! parts and certificates.

use crate::{
    access::Trust,
    controllers::{self, Controller},
    sim,
};
use std::{net::Ipv4Addr, sync::LazyLock};

/// What a cluster is, beyond the flags of `serve`.
pub struct Nature {
    /// Whether OpenShift's groups are served and what belongs to them is there; else plain
    /// Kubernetes.
    pub openshift: bool,
    /// Who works in it.
    pub controllers: Vec<&'static Controller>,
    /// Names of the admission plug-ins that are off.
    pub admission_off: Vec<String>,
    /// First address of the service network and the length of its prefix, if somebody chose them.
    pub services: Option<(Ipv4Addr, u8)>,
    /// Whom the server believes.
    pub trust: Trust,
    /// What it shows clients and takes from them, instead of what its own authority makes.
    pub certificates: Option<Certificates>,
}

/// Certificates that somebody brings, PEM.
pub struct Certificates {
    /// What the server shows.
    pub chain: String,
    /// The key of that.
    pub key: String,
    /// What client certificates must be vouched for by.
    pub clients: Option<String>,
}

/// Everybody who works in an OpenShift. What is nearest to its end goes first: then others see more at
/// once, and write less.
static ALL: LazyLock<Vec<&'static Controller>> =
    LazyLock::new(|| [sim::CONTROLLERS, controllers::ALL].concat());

impl Default for Nature {
    /// OpenShift whole.
    fn default() -> Nature {
        Nature {
            openshift: true,
            controllers: ALL.clone(),
            admission_off: Vec::new(),
            services: None,
            trust: Trust::default(),
            certificates: None,
        }
    }
}

impl Nature {
    /// Who works in it, as a list that lasts: one for all clusters of the usual kind.
    pub(super) fn crew(&self) -> &'static [&'static Controller] {
        let same = |(a, b): (&&'static Controller, &&'static Controller)| std::ptr::eq(*a, *b);
        match self.controllers.len() == ALL.len()
            && self.controllers.iter().zip(ALL.iter()).all(same)
        {
            true => &ALL,
            false => self.controllers.clone().leak(),
        }
    }

    /// Whether a controller works in it.
    pub fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|c| c.name == controller)
    }
}
