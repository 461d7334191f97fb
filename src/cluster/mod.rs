//! Clusters in a program of one's own: what a test suite written in Rust uses.
//!
//! ```
//! # fn main() -> Result<(), pocketshift::cluster::Error> {
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let cluster = pocketshift::Cluster::start().await?;
//! cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: demo}}").await?;
//! cluster.settled().await;
//! let web = r#"
//! apiVersion: apps/v1
//! kind: Deployment
//! metadata: {name: web, namespace: demo}
//! spec:
//!   replicas: 3
//!   selector: {matchLabels: {app: web}}
//!   template:
//!     metadata: {labels: {app: web}}
//!     spec: {containers: [{name: c, image: "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}
//! "#;
//! cluster.apply(web).await?;
//! cluster.settled().await;
//! let web = cluster.get("apps/v1", "Deployment", "demo", "web").await?;
//! assert_eq!(web["status"]["readyReplicas"], 3);
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! A [`Cluster`] listens on a port of loopback; its [kubeconfig](Cluster::kubeconfig) opens it to every
//! client there is. All clusters of a program share a few threads and everything that none of them has
//! changed, so a test can have one of its own. It ends when it is dropped. Who starts clusters by the hundred
//! does so faster with another allocator than the system's; `pocketshift` itself runs on mimalloc.

mod builder;
#[cfg(feature = "kube")]
mod client;
mod faults;
mod time;
mod words;

pub use builder::Builder;
pub use time::Time;

use crate::{
    api::Server,
    catalog::complaint::DistributionError,
    run::{
        self, Host,
        host::{Facts, Inside, Spec, Template},
    },
};
use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Why something was not done; the words are for people.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A cluster cannot be had, or not be put back.
    #[error("{0}")]
    Cluster(String),
    /// The cluster refuses a request: its Status.
    #[error("{}", .0["message"].as_str().unwrap_or_default())]
    Refused(serde_json::Value),
    /// What was said is not understood: a manifest, a moment.
    #[error("{0}")]
    Unclear(String),
}

impl From<DistributionError> for Error {
    fn from(complaint: DistributionError) -> Error {
        Error::Cluster(complaint.message)
    }
}

/// The clusters of this program.
static HOST: LazyLock<Arc<Host>> = LazyLock::new(|| Host::new(&words::usual()));
/// How many there were.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A running cluster, in memory unless it was given a folder ([`Builder::data_dir`]). It ends when this is
/// dropped; what is in its folder stays.
pub struct Cluster {
    name: String,
    facts: Facts,
    inside: Inside,
}

/// A cluster as it was at one moment.
#[derive(Clone)]
pub struct Checkpoint(Template);

impl Cluster {
    /// Starts one: three nodes, everything simulated at once, the machine's time.
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub async fn start() -> Result<Cluster, Error> {
        Cluster::builder().start().await
    }

    /// Says what it shall be like first.
    pub fn builder() -> Builder {
        Builder::default()
    }

    async fn create(spec: Spec, like: Option<Template>) -> Result<Cluster, Error> {
        let name = new_name();
        let own = name.clone();
        let made = HOST.on_thread(move |host| {
            Box::pin(async move {
                match like {
                    Some(template) => host.create_as(&own, &spec, &template).await,
                    None => host.create(&own, &spec).await,
                }
            })
        });
        let facts = made.await??;
        Cluster::found(name, facts)
    }

    fn found(name: String, facts: Facts) -> Result<Cluster, Error> {
        let inside = HOST.inside(&name)?;
        Ok(Cluster { name, facts, inside })
    }

    /// Where it listens: `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.facts.url
    }

    /// Where its registries listen: `127.0.0.1:PORT`.
    pub fn registry(&self) -> &str {
        &self.facts.registry
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &str {
        &self.facts.kubeconfig
    }

    /// Password of the user `kubeadmin`. That of `developer` is `developer`.
    pub fn kubeadmin_password(&self) -> &str {
        &self.facts.kubeadmin_password
    }

    /// Where its routes answer, without TLS and with it, where somebody asked for that
    /// ([`Builder::routes_ports`]).
    pub fn routes(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        (self.facts.routes.http, self.facts.routes.https)
    }

    /// What it is made of.
    #[cfg(feature = "internals")]
    pub fn inside(&self) -> &Inside {
        &self.inside
    }

    /// Applies manifests, YAML or JSON, as their administrator: what is there is changed.
    ///
    /// # Errors
    /// [`Error::Unclear`] for what is no manifest, [`Error::Refused`] for what the cluster refuses; then
    /// nothing was applied (but what stands before an object that is wrong and of a kind the same text
    /// defines).
    pub async fn apply(&self, manifests: &str) -> Result<(), Error> {
        let (server, text) = (Arc::clone(&self.inside.server), manifests.to_owned());
        self.at_server(server, move |server| {
            Box::pin(async move { run::manifests::apply(&server, &text).await })
        })
        .await
    }

    /// An object, by apiVersion, kind, namespace (empty for those that have none) and name.
    ///
    /// # Errors
    /// [`Error::Refused`], for instance when there is none.
    pub async fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<serde_json::Value, Error> {
        let server = Arc::clone(&self.inside.server);
        let words = [api_version, kind, namespace, name].map(str::to_owned);
        self.at_server(server, move |server| {
            Box::pin(async move {
                let [version, kind, namespace, name] = &words;
                let found = run::manifests::get(&server, version, kind, namespace, name).await;
                found.map(serde_json::Value::from)
            })
        })
        .await
    }

    /// Every stored object: its resource and key, and its bytes.
    pub fn objects(&self) -> Vec<(String, String)> {
        let snapshot = self.inside.server.store.snapshot();
        let mut resources: Vec<_> =
            snapshot.resources().map(|(name, _)| Arc::clone(name)).collect();
        resources.sort_unstable();
        let entries = resources.iter().flat_map(|resource| snapshot.list(resource, ""));
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        entries.map(|e| (format!("{}/{}", e.resource, e.key), shown(&e.bytes))).collect()
    }

    async fn at_server<T: Send + 'static>(
        &self,
        server: Arc<Server>,
        work: impl FnOnce(
            Arc<Server>,
        ) -> futures_util::future::LocalBoxFuture<
            'static,
            Result<T, run::manifests::Refusal>,
        > + Send
        + 'static,
    ) -> Result<T, Error> {
        let done = HOST.on_thread(move |_| work(server)).await?;
        done.map_err(|refusal| match refusal {
            run::manifests::Refusal::Unclear(why) => Error::Unclear(why),
            run::manifests::Refusal::Refused(error) => Error::Refused(error.status().into()),
        })
    }

    /// Waits until the cluster has done all there is to do now: controllers, kubelets, imports. What
    /// waits for its time still waits. A cluster that never rests is waited for at most ten seconds.
    pub async fn settled(&self) {
        self.inside.settled().await;
    }

    /// Its clock.
    pub fn time(&self) -> Time<'_> {
        Time { cluster: self }
    }

    /// A cluster that begins as this one is now and goes its own way. It has secrets of its own, and
    /// nobody is signed in there.
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub async fn fork(&self) -> Result<Cluster, Error> {
        let name = new_name();
        let (from, own) = (self.name.clone(), name.clone());
        let made =
            HOST.on_thread(move |host| Box::pin(async move { host.fork(&from, &own).await }));
        let facts = made.await??;
        Cluster::found(name, facts)
    }

    /// What it is now, to be put back to that.
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub async fn checkpoint(&self) -> Result<Checkpoint, Error> {
        let name = self.name.clone();
        let kept = HOST.on_thread(move |host| Box::pin(async move { host.keep(&name).await }));
        Ok(Checkpoint(kept.await??))
    }

    /// Puts it back to what it was when it started. Whoever watches hears 410 and lists again.
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub async fn reset(&self) -> Result<(), Error> {
        let name = self.name.clone();
        let done =
            HOST.on_thread(move |host| Box::pin(async move { host.reset(&name, None).await }));
        Ok(done.await??)
    }

    /// Puts it back to a checkpoint of its own.
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub async fn reset_to(&self, to: &Checkpoint) -> Result<(), Error> {
        let (name, to) = (self.name.clone(), to.0.clone());
        let done =
            HOST.on_thread(move |host| Box::pin(async move { host.put_back(&name, &to).await }));
        Ok(done.await??)
    }

    /// Ends it, and returns when nothing of it is left but its folder, if it has one. Dropping it ends it, too, a moment later.
    pub async fn stop(self) {
        let name = self.name.clone();
        let gone = HOST.on_thread(move |host| Box::pin(async move { host.end(&name).await }));
        // It is there: only this could have ended it.
        let _ = gone.await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        HOST.discard(&self.name);
    }
}

fn new_name() -> String {
    format!("cluster-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
