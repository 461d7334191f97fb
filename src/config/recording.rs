//! The command line about recordings.

use super::Which;
use clap::Args;
use std::path::PathBuf;

/// What is recorded, and where to.
#[derive(Clone, Debug, Args)]
pub struct Recorded {
    /// File to write
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub at: Which,
}

/// What is done again.
#[derive(Clone, Debug, Args)]
pub struct Again {
    /// File that `pocketshift record` has written
    #[arg(value_name = "FILE")]
    pub recording: PathBuf,
    /// Stop after this step and leave the cluster running
    #[arg(long, value_name = "STEP")]
    pub until: Option<usize>,
    /// With `--until`: write the cluster's kubeconfig into this file
    #[arg(long, value_name = "FILE", requires = "until")]
    pub kubeconfig: Option<PathBuf>,
    /// The images the recorded cluster had besides the built-in ones
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
}
