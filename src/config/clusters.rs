//! The command line about clusters.

use super::{EtcdFlags, Where};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What can be done with the clusters of a running server. The one that it started with is `main`.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Create a cluster with an address, registries, certificates and a clock of its own. It is kept in
    /// the server's data folder, if that has one
    Create {
        /// Its name: lower case letters, digits and -
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        settings: ClusterSettings,
        #[command(flatten)]
        #[allow(missing_docs)]
        output: NewCluster,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
    /// Create a cluster that begins as another is now: objects, addresses, registries, clock.
    /// Whoever is signed in there is not here
    Fork {
        /// The other cluster
        from: String,
        /// Name of the new one
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        output: NewCluster,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
    /// List all clusters
    List(Where),
    /// Apply manifests (YAML or JSON) in a cluster, as its administrator: all of them, or none
    Apply {
        /// Name of the cluster
        name: String,
        /// File with the manifests
        manifests: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
    /// Wait until a cluster has done all there is to do now
    Settled {
        /// Name of the cluster
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
    /// Keep what a cluster is now, to put it back to that; as long as the cluster if that is on disk, else
    /// as long as the server
    Checkpoint {
        /// Name of the cluster
        name: String,
        /// Name of the checkpoint
        checkpoint: String,
        /// Forget the checkpoint instead
        #[arg(long)]
        delete: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
    /// Put a cluster back to what it was when it was created, or to a checkpoint. Its address and
    /// certificates stay; watches end, so that whoever watches lists again
    Reset {
        /// Name of the cluster
        name: String,
        /// Checkpoint to put it back to
        #[arg(long, value_name = "CHECKPOINT")]
        to: Option<String>,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
    /// Print the administrator's kubeconfig of a cluster
    Kubeconfig {
        /// Name of the cluster
        name: String,
        /// With a bearer token instead of a client certificate, for clients that cannot read its key
        #[arg(long)]
        token: bool,
        /// With the one port of all clusters (`serve --clusters-port`) and the cluster's name there
        #[arg(long, conflicts_with = "token")]
        by_name: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
    /// Write the first cluster of an etcd into a new data folder, while nobody serves it; `serve
    /// --data-dir` goes on with it. Watches begin anew there
    Export {
        /// The folder
        dir: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: EtcdFlags,
    },
    /// Take the first cluster of a data folder into an etcd that has none, while nobody serves it
    Import {
        /// The folder
        dir: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: EtcdFlags,
    },
    /// End a cluster; nothing of it is left
    Delete {
        /// Name of the cluster
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
}

/// What is told of a new cluster.
#[derive(Clone, Debug, Default, Args)]
pub struct NewCluster {
    /// Write its administrator's kubeconfig into this file, beside what it holds
    #[arg(long, value_name = "FILE")]
    pub write_kubeconfig: Option<PathBuf>,
    /// Print its address, kubeconfig and password as JSON
    #[arg(short, long, value_enum)]
    pub output: Option<Output>,
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
#[allow(missing_docs)]
pub enum Output {
    Json,
}

/// In what a cluster differs from the server's first.
#[derive(Clone, Debug, Default, Args)]
pub struct ClusterSettings {
    /// Number of simulated nodes
    #[arg(long)]
    pub nodes: Option<usize>,
    /// No waiting in the simulation: pods are pulled, started and ready at once
    #[arg(long)]
    pub instant: bool,
    /// Serve nothing but what OpenShift serves: without the clock as an object
    #[arg(long)]
    pub plain_api: bool,
    /// How long the simulation takes, in hundredths of its usual time
    #[arg(long, value_name = "PERCENT", conflicts_with = "instant")]
    pub pace: Option<u32>,
    /// Domain below which routes get their hosts
    #[arg(long, value_name = "DOMAIN")]
    pub apps_domain: Option<String>,
    /// Disk of every node, for images and containers
    #[arg(long, value_name = "SIZE")]
    pub node_disk: Option<String>,
    /// Seconds between two imports of a scheduled image stream tag; 0 turns them off
    #[arg(long, value_name = "SECONDS")]
    pub image_import_interval: Option<u32>,
    /// Seed of the random source (names, uids, addresses) [default: from the system]
    #[arg(long, value_name = "NUMBER")]
    pub seed_random: Option<u64>,
    /// What its clock shows: 2031-01-02T03:04:05Z. It stands still until it is moved
    #[arg(long, value_name = "MOMENT")]
    pub time: Option<String>,
    /// Keep it in memory, though the server has a data folder
    #[arg(long)]
    pub in_memory: bool,
    /// How long it may be without a request before it ends: 30m, 12h
    #[arg(long, value_name = "DURATION")]
    pub ttl: Option<String>,
    /// Most objects it may hold
    #[arg(long, value_name = "N")]
    pub max_objects: Option<usize>,
    /// Most bytes all its objects may take
    #[arg(long, value_name = "N")]
    pub max_bytes: Option<usize>,
    /// Most watches and sessions (exec, attach, followed logs) at a time
    #[arg(long, value_name = "N")]
    pub max_streams: Option<usize>,
}
