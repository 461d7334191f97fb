//! The command line about what happened.

use super::Which;
use clap::Args;

/// Flags of `why`.
#[derive(Clone, Debug, Args)]
pub struct Why {
    /// The object: RESOURCE/NAME, or RESOURCE and NAME
    #[arg(value_name = "RESOURCE/NAME")]
    pub object: String,
    /// Name, when it does not stand behind a slash
    #[arg(hide = true)]
    pub name: Option<String>,
    /// Namespace of the object
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// How many of its latest changes [default: 3]
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Only the change that led to this revision
    #[arg(long, value_name = "N")]
    pub revision: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub at: Which,
}

/// Flags of `trail`.
#[derive(Clone, Debug, Args)]
pub struct Trail {
    /// Only what came after this resourceVersion, since this moment (2031-01-02T03:04:05Z), or since this
    /// checkpoint was kept or the cluster was put back to it
    #[arg(long, value_name = "REVISION|MOMENT|CHECKPOINT")]
    pub since: Option<String>,
    /// With events, leases and what no API shows
    #[arg(long)]
    pub all: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub at: Which,
}
