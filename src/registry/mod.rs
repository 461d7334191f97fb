//! The registries on the wire: those of the world outside, from the catalogue, and the cluster's
//! own, all on one loopback port that speaks the OCI distribution protocol over TLS.
//!
//! A vendor's repository answers to whoever dials the vendor's name (through the proxy on the same
//! port, see [`entry`]) and as `HOST:PORT/vendor/path`. Project names have no dots, so
//! `HOST:PORT/project/stream` is always an image stream.

mod ask;
mod certificates;
mod cluster;
mod credentials;
mod entry;
mod pages;
mod place;
mod reply;
mod serve;
mod vendor;

pub use certificates::Certificates;
pub use serve::{Listening, serve};

use crate::{
    api::Server,
    catalog::{Catalog, complaint::*},
};
use ask::Ask;
use credentials::Mint;
use place::{Endpoint, Place};
use reply::Reply;
use serde_json::json;
use std::{net::SocketAddr, sync::Arc};

/// All registries.
pub struct Registries {
    server: Arc<Server>,
    mint: Mint,
    /// Where the API server listens: clients behind the proxy may dial it too.
    api: SocketAddr,
}

impl Registries {
    /// The registries of a cluster whose API listens at `api`.
    pub fn new(server: Arc<Server>, api: SocketAddr) -> Registries {
        let mint = Mint::new(&server.world);
        Registries { server, mint, api }
    }

    fn catalog(&self) -> &Catalog {
        &self.server.settings.catalog
    }

    fn now(&self) -> i64 {
        self.server.world.clock.now().as_second()
    }

    /// Answers a request.
    async fn answer(&self, ask: &Ask) -> Reply {
        let Some(endpoint) = Endpoint::parse(&ask.path) else {
            return Reply::empty(404);
        };
        let dialled = self.catalog().host(ask.name()).map(str::to_owned);
        let answered = match dialled {
            Some(host) => self.at_vendor(ask, &host, endpoint),
            None => self.at_home(ask, endpoint),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }

    /// A client that dialled a vendor's name.
    fn at_vendor(&self, ask: &Ask, host: &str, endpoint: Endpoint<'_>) -> Result<Reply, Reply> {
        match endpoint {
            Endpoint::Token => Ok(self.sell(ask, host)),
            Endpoint::Base => self.admit(ask, host).map(|()| base()),
            Endpoint::Catalog => {
                self.admit(ask, host)?;
                Ok(pages::answer(ask, "repositories", None, self.catalog().paths(host))?)
            }
            other => self.repository(ask, Some(host), other),
        }
    }

    /// A client that dialled this server.
    fn at_home(&self, ask: &Ask, endpoint: Endpoint<'_>) -> Result<Reply, Reply> {
        match endpoint {
            Endpoint::Token => match self.vendor_of_scope(ask) {
                Some(host) => Ok(self.sell(ask, &host)),
                None => self.cluster_token(ask),
            },
            Endpoint::Base => self.caller(ask).map(|_| base()),
            Endpoint::Catalog => self.cluster_catalog(ask),
            other => self.repository(ask, None, other),
        }
    }

    fn repository(
        &self,
        ask: &Ask,
        dialled: Option<&str>,
        endpoint: Endpoint<'_>,
    ) -> Result<Reply, Reply> {
        let name = match &endpoint {
            Endpoint::Tags(name)
            | Endpoint::Manifest(name, _)
            | Endpoint::Blob(name, _)
            | Endpoint::Uploads(name)
            | Endpoint::Upload(name, _) => *name,
            Endpoint::Base | Endpoint::Catalog | Endpoint::Token => "",
        };
        match Place::find(self.catalog(), dialled, name)? {
            Place::Vendor { host, repository } => {
                self.admit(ask, &host)?;
                let catalog = self.catalog();
                let repository = vendor::Repository { catalog, host: &host, name: &repository };
                Ok(match endpoint {
                    _ if !ask.reads() => Err(Complaint::new(&UNSUPPORTED)),
                    Endpoint::Tags(shown) => repository.tags(ask, shown),
                    Endpoint::Manifest(_, reference) => repository.manifest(ask, reference),
                    Endpoint::Blob(_, digest) => repository.blob(ask, digest),
                    _ => Err(Complaint::new(&UNSUPPORTED)),
                }?)
            }
            Place::Cluster { project, stream } => {
                self.cluster_repository(ask, &project, &stream, endpoint)
            }
        }
    }

    fn admit(&self, ask: &Ask, host: &str) -> Result<(), Reply> {
        let registry = self.catalog().registry(host).ok_or(Complaint::new(&NAME_UNKNOWN))?;
        self.mint.admit(registry, host, ask, self.now())
    }

    fn sell(&self, ask: &Ask, host: &str) -> Reply {
        match self.catalog().registry(host) {
            Some(registry) => self.mint.sell(registry, host, ask, self.now()),
            None => Complaint::new(&NAME_UNKNOWN).into(),
        }
    }

    /// The vendor whose repository a token request names.
    fn vendor_of_scope(&self, ask: &Ask) -> Option<String> {
        let scopes = ask.query.all("scope");
        let names = scopes.iter().filter_map(|s| s.strip_prefix("repository:")?.rsplit_once(':'));
        names.filter_map(|(name, _)| Place::find(self.catalog(), None, name).ok()).find_map(
            |place| match place {
                Place::Vendor { host, .. } => Some(host),
                Place::Cluster { .. } => None,
            },
        )
    }
}

/// What `/v2/` answers to those who may enter.
fn base() -> Reply {
    Reply::json(200, &json!({}))
}
