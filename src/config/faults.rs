//! The command line about faults.

use super::Which;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What can be done about faults. A rule says which requests fail, how, and how often; it is kept
/// with the cluster, and what it has counted until the server stops.
#[derive(Debug, Subcommand)]
pub enum FaultCommand {
    /// Add a rule, or replace the one of its name; its name is printed
    #[command(
        after_help = "For example: pocketshift fault add --verb create --resource configmaps --status 503 --times 1"
    )]
    Add(Box<FaultAdd>),
    /// List the rules, how many requests each has matched, and to how many it was applied
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Which,
    },
    /// Take rules away
    Remove {
        /// Their names
        names: Vec<String>,
        /// All of them
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Which,
    },
}

/// A rule. Flags about requests may be repeated or given lists; what is not said, matches all.
#[derive(Clone, Debug, Args)]
pub struct FaultAdd {
    /// Name of the rule [default: a new one]
    pub name: Option<String>,
    /// File with rules (YAML, kind: Fault) in place of the flags; `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Verbs: get, list, watch, create, update, patch, delete, deletecollection
    #[arg(long, value_delimiter = ',')]
    pub verb: Vec<String>,
    /// API groups; "" is the core group
    #[arg(long, value_delimiter = ',')]
    pub group: Vec<String>,
    /// Plurals, subresources as in pods/status
    #[arg(long, value_delimiter = ',')]
    pub resource: Vec<String>,
    /// Namespaces
    #[arg(short, long, value_delimiter = ',')]
    pub namespace: Vec<String>,
    /// Names of objects
    #[arg(long = "name", value_delimiter = ',', value_name = "NAME")]
    pub object_name: Vec<String>,
    /// Users
    #[arg(long)]
    pub user: Vec<String>,
    /// Beginnings of user agents
    #[arg(long)]
    pub agent: Vec<String>,
    /// Nodes that fall silent, or whose disks fill
    #[arg(long, value_delimiter = ',')]
    pub node: Vec<String>,
    /// Containers (of the pods named by --name and --namespace) that crash or are not ready
    #[arg(long, value_delimiter = ',')]
    pub container: Vec<String>,
    /// Images, as in quay.io/team/*, that registries do not give
    #[arg(long, value_delimiter = ',')]
    pub image: Vec<String>,
    /// Whose requests: clients, controllers (the cluster's own), all [default: clients]
    #[arg(long, value_name = "WHOSE")]
    pub from: Option<String>,
    /// The first matching request that fails, from 1
    #[arg(long, value_name = "N")]
    pub nth: Option<u64>,
    /// How many fail [default: all]
    #[arg(long, value_name = "N")]
    pub times: Option<u64>,
    /// How likely one fails, from 0 to 1
    #[arg(long, value_name = "P")]
    pub probability: Option<f64>,
    /// How long the rule holds, by the cluster's clock: 90s, 15m
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "until")]
    pub lasts: Option<String>,
    /// How long after it is added the rule begins to hold, by the cluster's clock
    #[arg(long, value_name = "DURATION")]
    pub after: Option<String>,
    /// Until when it holds, by the cluster's clock: 2031-01-02T03:04:05Z
    #[arg(long, value_name = "MOMENT")]
    pub until: Option<String>,
    /// Answer with this code, from 400 to 599, in place of carrying out the request
    #[arg(long, value_name = "CODE")]
    pub status: Option<u16>,
    /// Text of that answer [default: upstream's]
    #[arg(long)]
    pub message: Option<String>,
    /// Seconds after which to try again, told with that answer
    #[arg(long, value_name = "SECONDS")]
    pub retry_after: Option<u32>,
    /// Be so late, by the machine's clock: 500ms, 30s
    #[arg(long, value_name = "DURATION")]
    pub delay: Option<String>,
    /// Cut the connection in place of carrying out the request
    #[arg(long)]
    pub cut: bool,
    /// Carry out the request and cut the connection in place of an answer
    #[arg(long)]
    pub lose: bool,
    /// Let watches end (drop), tell nothing more (stale), or end with 410 (gone)
    #[arg(long, value_name = "drop|stale|gone")]
    pub watch: Option<String>,
    /// Let nobody hear of the nodes
    #[arg(long)]
    pub silent: bool,
    /// Let containers be not ready, whatever their probes find
    #[arg(long)]
    pub unready: bool,
    /// Let containers end with this exit code, --delay after the rule begins to hold
    #[arg(long, value_name = "CODE")]
    pub crash: Option<u8>,
    /// With --crash: let every run end so, --delay after it began
    #[arg(long)]
    pub repeat: bool,
    /// Let registries say this in place of images
    #[arg(long, value_name = "TEXT")]
    pub pull: Option<String>,
    /// Let others use so much of the nodes' disks, from 1 to 100
    #[arg(long, value_name = "PERCENT")]
    pub disk: Option<u8>,
    /// With --watch: after so many events [default: 0]
    #[arg(long, value_name = "N")]
    pub events: Option<u32>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub at: Which,
}
