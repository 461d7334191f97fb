//! Flags of a server that keeps its clusters in etcd.

use super::Where;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Where clusters are kept that more than one machine serves.
#[derive(Clone, Debug, Default, Args, PartialEq)]
pub struct EtcdFlags {
    /// Keep the clusters in etcd instead of the data folder: etcd://HOST:PORT[,HOST:PORT…]
    #[arg(long, env = "POCKETSHIFT_STORE", value_name = "ADDRESS")]
    pub store: Option<String>,

    /// What all keys in etcd begin with; one per set of clusters [default: /pocketshift]
    #[arg(long, env = "POCKETSHIFT_ETCD_PREFIX", value_name = "PREFIX", requires = "store")]
    pub etcd_prefix: Option<String>,

    /// File of the authority that has signed etcd's certificates; turns TLS on
    #[arg(long, env = "POCKETSHIFT_ETCD_CA", value_name = "FILE", requires = "store")]
    pub etcd_ca: Option<PathBuf>,

    /// File of the certificate to show etcd
    #[arg(long, env = "POCKETSHIFT_ETCD_CERT", value_name = "FILE", requires = "etcd_key")]
    pub etcd_cert: Option<PathBuf>,

    /// File of the key of that certificate
    #[arg(long, env = "POCKETSHIFT_ETCD_KEY", value_name = "FILE", requires = "etcd_cert")]
    pub etcd_key: Option<PathBuf>,
}

/// Flags of a replica.
#[derive(Clone, Debug, Default, Args, PartialEq)]
pub struct ReplicaFlags {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub at: EtcdFlags,

    /// Name of this replica among those that share the prefix [default: the machine's]
    #[arg(long, env = "POCKETSHIFT_REPLICA", value_name = "NAME", requires = "store")]
    pub replica: Option<String>,

    /// Seconds after which the clusters of a replica that is not heard of belong to others
    #[arg(long, env = "POCKETSHIFT_TAKEOVER", value_name = "SECONDS", requires = "store",
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub takeover: Option<u32>,

    /// Seconds of its own history that etcd keeps; one replica sees to it. 0 leaves that to etcd
    #[arg(long, env = "POCKETSHIFT_ETCD_COMPACTION", value_name = "SECONDS", requires = "store")]
    pub etcd_compaction: Option<u32>,

    /// Port (TLS) at which other replicas reach this one; 0 picks a free one [default: 0]
    #[arg(long, env = "POCKETSHIFT_REPLICA_PORT", value_name = "PORT", requires = "store")]
    pub replica_port: Option<u16>,

    /// Host name or address at which clients and other replicas reach this one [default: the address
    /// it listens on]
    #[arg(long, env = "POCKETSHIFT_ADVERTISE_ADDRESS", value_name = "HOST", requires = "store")]
    pub advertise_address: Option<String>,

    /// Port (HTTP) at which this replica tells its metrics [default: none]
    #[arg(long, env = "POCKETSHIFT_METRICS_PORT", value_name = "PORT", requires = "store")]
    pub metrics_port: Option<u16>,

    /// Folder that all replicas share, or s3://BUCKET/PREFIX (with AWS's usual variables), for what is
    /// pushed to registries and larger than 64 KiB [default: the data folder, which the other replicas
    /// do not see]
    #[arg(long, env = "POCKETSHIFT_BLOB_STORE", value_name = "PLACE", requires = "store")]
    pub blob_store: Option<String>,
}

/// What can be done with the replicas that serve the clusters of one etcd.
#[derive(Debug, Subcommand)]
pub enum ReplicaCommand {
    /// List the replicas that live, and how many clusters each has
    List(Where),
    /// Let a replica give its clusters to the others and take none; returns when it has none
    Drain {
        /// Name of the replica
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
    /// Let a replica take clusters again
    Resume {
        /// Name of the replica
        name: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Where,
    },
}
