//! Flags of a server that keeps its clusters in etcd.

use clap::Args;
use std::path::PathBuf;

/// Where clusters are kept that more than one machine serves.
#[derive(Clone, Debug, Default, Args)]
pub struct EtcdFlags {
    /// Keep the clusters in etcd instead of the data folder: etcd://HOST:PORT[,HOST:PORT…]
    #[arg(long, env = "POCKETSHIFT_STORE", value_name = "ADDRESS", conflicts_with = "in_memory")]
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

    /// Name of this replica among those that share the prefix [default: the machine's]
    #[arg(long, env = "POCKETSHIFT_REPLICA", value_name = "NAME", requires = "store")]
    pub replica: Option<String>,

    /// Seconds after which the clusters of a replica that is not heard of belong to others
    #[arg(long, env = "POCKETSHIFT_TAKEOVER", value_name = "SECONDS", requires = "store",
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub takeover: Option<u32>,
}
