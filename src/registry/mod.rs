//! The registries on the wire: those of the world outside, from the catalogue, and the cluster's
//! own, all on one loopback port that speaks the OCI distribution protocol over TLS.
//!
//! A vendor's repository answers to whoever dials the vendor's name (through the proxy on the same
//! port, see `entry`) and as `HOST:PORT/vendor/path`. Project names have no dots, so
//! `HOST:PORT/project/stream` is always an image stream.

mod ask;
mod blobs;
mod bucket;
mod builds;
mod certificates;
mod cluster;
mod clusters;
mod credentials;
mod entry;
mod faults;
mod hold;
mod mapping;
mod outage;
mod pages;
mod parts;
mod place;
mod prune;
mod publish;
mod pull;
mod push;
mod recording;
mod reply;
mod repository;
mod rows;
mod serve;
mod shelves;
mod signatures;
mod source;
pub mod stock;
mod time;
mod trail;
mod upkeep;
mod uploads;
mod vendor;

pub use blobs::{BlobPlace, FOLDER, Kept};
pub use bucket::BlobBucket;
pub use certificates::Certificates;
pub use clusters::{Clusters, Order};
pub use serve::{Listening, serve, serve_on, tend};

use crate::{
    api::Server,
    catalog::{Catalog, Outside, complaint::*},
    http::Bodies,
    object::json,
    store::Snapshot,
    world::ClusterTime,
};
use ask::RegistryRequest;
use blobs::Blobs;
use credentials::TokenIssuer;
use outage::Part;
use place::{Endpoint, RepositoryRef};
use reply::Reply;
use shelves::Shelves;
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Weak},
};
use uploads::{Incoming, Uploads};

/// All registries.
pub struct Registries {
    server: Arc<Server>,
    issuer: TokenIssuer,
    blobs: Blobs,
    uploads: Uploads,
    bodies: Bodies,
    /// Where the API server listens: clients behind the proxy may dial it too.
    api: SocketAddr,
    time: Arc<ClusterTime>,
    /// Who runs this cluster and others, if its administrator is theirs too.
    host: Option<Weak<dyn Clusters>>,
}

impl Registries {
    /// The registries of a cluster whose API listens at `api`. What is pushed lies where `place` says.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn new(
        server: Arc<Server>,
        api: SocketAddr,
        time: Arc<ClusterTime>,
        place: BlobPlace,
        host: Option<Weak<dyn Clusters>>,
    ) -> io::Result<Arc<Registries>> {
        let issuer = TokenIssuer::new(&server.world);
        let blobs = Blobs::at(place).beside(&server.store);
        let uploads = Uploads::open(&blobs, server.world.wall.now())?;
        let bodies = Bodies::new(Arc::clone(&server.world.wall));
        Ok(Arc::new(Registries { server, issuer, blobs, uploads, bodies, api, time, host }))
    }

    /// The bytes of what was pushed.
    pub fn kept(&self) -> Kept {
        self.blobs.kept()
    }

    /// Puts them back.
    ///
    /// # Errors
    /// The disk fails, or there is no room.
    pub fn put_back(&self, kept: &Kept) -> io::Result<()> {
        self.blobs.put_back(kept)
    }

    fn outside<'a>(&'a self, objects: &'a Snapshot) -> Outside<'a> {
        Outside { catalog: self.catalog(), objects }
    }

    fn catalog(&self) -> &Catalog {
        &self.server.settings.catalog
    }

    fn now(&self) -> i64 {
        self.server.world.clock.now().as_second()
    }

    /// Answers a request.
    async fn answer_one(&self, ask: &RegistryRequest, body: Incoming) -> Reply {
        let dialled = self.catalog().host(ask.name()).map(str::to_owned);
        let answered = match (Endpoint::parse(&ask.path), dialled) {
            (Some(endpoint), Some(host)) => self.at_vendor(ask, &host, endpoint, body).await,
            (Some(endpoint), None) => {
                let answered = self.cluster_registry(ask, endpoint, body).await;
                answered.map(signatures::announced).map_err(signatures::announced)
            }
            (None, None) => self.other_endpoints(ask, body).await,
            (None, Some(_)) => Ok(Reply::no_path()),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }

    /// What is no part of the protocol.
    async fn other_endpoints(&self, ask: &RegistryRequest, body: Incoming) -> Result<Reply, Reply> {
        if let Some(image) = signatures::parse(&ask.path) {
            return self.signatures(ask, image, body).await;
        }
        if let Some(part) = Part::parse(&ask.path) {
            return self.outage(ask, part).await;
        }
        if ask.path == faults::PATH || ask.path.starts_with("/faults/") {
            return self.faults(ask, body).await;
        }
        if ask.path == publish::PATH {
            return self.publish_all(ask, body).await;
        }
        if let Some(wanted) = Shelves::parse(&ask.path) {
            return self.shelves(ask, wanted);
        }
        if ask.path == time::PATH {
            return self.time(ask).await;
        }
        match ask.path.as_str() {
            trail::TRAIL => return self.trail(ask),
            trail::WHY => return self.why(ask),
            recording::PATH => return self.recording(ask),
            _ => {}
        }
        if let Some(rest) = clusters::rest(&ask.path) {
            return self.clusters(ask, rest, body).await;
        }
        match ask.path.strip_prefix("/admin/blobs/") {
            Some(digest) => self.prune_blob(ask, digest).await,
            None if ask.reads() && ["/", "/healthz"].contains(&ask.path.as_str()) => {
                Ok(Reply::empty(200))
            }
            None => Ok(Reply::no_path()),
        }
    }

    /// A client that dialled a vendor's name.
    async fn at_vendor(
        &self,
        ask: &RegistryRequest,
        host: &str,
        endpoint: Endpoint<'_>,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        let snapshot = self.server.store.snapshot();
        if self.outside(&snapshot).is_down(host) {
            return Err(DistributionError::new(&UNAVAILABLE).into());
        }
        match endpoint {
            Endpoint::Token => Ok(self.issue_token(ask, host)),
            Endpoint::Base => self.admit(ask, host).map(|()| base()),
            Endpoint::Catalog => {
                self.admit(ask, host)?;
                let paths = self.outside(&snapshot).paths(host);
                Ok(pages::answer(ask, "repositories", None, paths.into_iter())?)
            }
            other => self.repository(ask, Some(host), other, body).await,
        }
    }

    /// A client that dialled this server.
    async fn cluster_registry(
        &self,
        ask: &RegistryRequest,
        endpoint: Endpoint<'_>,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        match endpoint {
            Endpoint::Token => match self.vendor_of_scope(ask) {
                Some(host) => Ok(self.sell_at_home(ask, &host)),
                None => self.cluster_token(ask),
            },
            Endpoint::Base => self.caller(ask).map(|_| base()),
            Endpoint::Catalog => self.cluster_catalog(ask),
            other => self.repository(ask, None, other, body).await,
        }
    }

    async fn repository(
        &self,
        ask: &RegistryRequest,
        dialled: Option<&str>,
        endpoint: Endpoint<'_>,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        match RepositoryRef::find(self.catalog(), dialled, endpoint.name())? {
            RepositoryRef::Vendor { host, repository } => {
                let vendor = vendor::Vendor { host: &host, repository: &repository };
                self.vendor(ask, vendor, endpoint, body).await
            }
            RepositoryRef::Cluster { project, stream } => {
                self.cluster(ask, &project, &stream, endpoint, body).await
            }
        }
    }

    fn admit(&self, ask: &RegistryRequest, host: &str) -> Result<(), Reply> {
        let registry =
            self.catalog().registry(host).ok_or(DistributionError::new(&NAME_UNKNOWN))?;
        let admitted = self.issuer.admit(registry, host, ask, self.now());
        admitted.or_else(|challenge| self.administrator(ask).map_err(|_| challenge))
    }

    fn issue_token(&self, ask: &RegistryRequest, host: &str) -> Reply {
        match self.catalog().registry(host) {
            Some(registry) => self.issuer.issue_token(registry, host, ask, self.now()),
            None => DistributionError::new(&NAME_UNKNOWN).into(),
        }
    }

    /// The same where cluster tokens are handed out too: who shows one of those gets it back, and
    /// may do at the vendor's what that allows.
    fn sell_at_home(&self, ask: &RegistryRequest, host: &str) -> Reply {
        match self.cluster_token(ask) {
            Ok(own) if !ask.header("authorization").is_empty() => own,
            _ => self.issue_token(ask, host),
        }
    }

    /// The vendor whose repository a token request names.
    fn vendor_of_scope(&self, ask: &RegistryRequest) -> Option<String> {
        let scopes = ask.query.all("scope");
        let names = scopes.iter().filter_map(|s| s.strip_prefix("repository:")?.rsplit_once(':'));
        names.filter_map(|(name, _)| RepositoryRef::find(self.catalog(), None, name).ok()).find_map(
            |place| match place {
                RepositoryRef::Vendor { host, .. } => Some(host),
                RepositoryRef::Cluster { .. } => None,
            },
        )
    }
}

/// What `/v2/` answers to those who may enter.
fn base() -> Reply {
    Reply::json(200, &json!({}))
}
