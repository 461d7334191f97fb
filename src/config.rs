//! The command line: flags, their environment variables, and the texts of `--help`.

mod audit;
mod clusters;
mod etcd;
mod faults;
mod labs;
mod recording;
mod trail;

pub use audit::{Audit, AuditFormat};
pub use clusters::{ClusterCommand, ClusterSettings, NewCluster, Output};
pub use etcd::{EtcdFlags, ReplicaCommand, ReplicaFlags};
pub use faults::{FaultAdd, FaultCommand};
pub use labs::{ClassArgs, ClassWhat, LabArgs, LabCommand, LabFlags, LabOutput};
pub use recording::{Again, Recorded};
pub use trail::{Trail, Why};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};
use std::{net::IpAddr, path::PathBuf};

/// A mini OpenShift in one binary: `oc` and `kubectl` work against it unmodified.
#[derive(Debug, Parser)]
#[command(
    name = "pocketshift",
    version,
    about = "A mini OpenShift in one binary: use it with the real oc and kubectl",
    long_about = "A mini OpenShift in one binary. It serves the OpenShift and Kubernetes API, runs \
                  their controllers and simulates nodes and pods; everything is kept in one SQLite \
                  database. Use it with the real oc and kubectl, nothing else needs installing.\n\n\
                  `pocketshift` alone means `pocketshift serve`: it starts the server, writes a \
                  kubeconfig and says how to sign in. Ctrl-C stops it; everything is still there at \
                  the next start.",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to do; `serve` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of `serve`, when the command is left out.
    #[command(flatten)]
    pub serve: Serve,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server (the default)
    Serve(Box<Serve>),
    /// Start the server in the background; returns when it is ready
    Start(Box<Start>),
    /// Stop the server in the background
    Stop(Folder),
    /// Tell whether a server runs in the background
    Status(Folder),
    /// Print what the server in the background has said
    Logs {
        #[command(flatten)]
        #[allow(missing_docs)]
        folder: Folder,
        /// Go on until the server ends
        #[arg(short, long)]
        follow: bool,
    },
    /// Print shell variables that send clients of vendors' registries to the running server
    #[command(after_help = "Use it as: eval \"$(pocketshift env)\"")]
    Env(Where),
    /// Publish at the simulated vendors' registries of the running server
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Let nodes of the running server fail and come back
    #[command(subcommand)]
    Node(NodeCommand),
    /// Tell, stop and move the time of the running server's cluster
    #[command(subcommand)]
    Time(TimeCommand),
    /// Create, fork, reset and delete clusters of the running server
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// List, drain and resume the replicas that serve the clusters of one etcd
    #[command(subcommand)]
    Replica(ReplicaCommand),
    /// Exercises: start, grade and finish them
    #[command(subcommand)]
    Lab(LabCommand),
    /// Let requests, nodes, disks, pulls and containers of the running server fail by rule
    #[command(subcommand)]
    Fault(FaultCommand),
    /// Write all that has arrived at a cluster with a seed since it began (requests, moves of its
    /// clock, outages) into a file that `replay` reads
    Record(Recorded),
    /// Let a new cluster do all of a recording again, and stop where something is different
    Replay(Again),
    /// Tell why an object of the running server is as it is: its latest changes, by whom, and what
    /// each followed from
    #[command(after_help = "For example: pocketshift why deployment/web -n shop")]
    Why(Why),
    /// Tell what happened on the running server: changes and refused writes, oldest first
    Trail(Trail),
    /// Lay out etcd, kube-apiserver and kubectl for envtest, and print the line that points test
    /// suites at them
    #[command(after_help = "Use it as: eval \"$(pocketshift envtest)\" && go test ./...")]
    Envtest(Envtest),
    /// Print the path of the admin kubeconfig of the data folder
    Kubeconfig(Folder),
    /// Look for damage in the data folder's database; changes nothing
    Check(Folder),
    /// Delete the data folder's clusters: databases, certificates and kubeconfigs
    Reset(Folder),
}

/// A set of custom resource definitions.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Definitions {
    /// What operators on OpenShift import.
    Openshift,
}

/// What a vendor would do.
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Point a tag at an image: a new version is published, or an old one comes back
    Tag {
        /// Image that is there, HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST
        image: String,
        /// Tag to set
        tag: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Which,
    },
    /// Take a tag away
    Untag {
        /// HOST/REPOSITORY:TAG
        image: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Which,
    },
    /// Let a registry answer nothing but errors
    Outage {
        /// Host of the registry
        host: String,
        /// Let it answer again
        #[arg(long)]
        end: bool,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Which,
    },
}

/// What can be done with a cluster's time. Controllers, pods, imports, tokens and events follow it;
/// time-outs of requests and certificates follow the machine's. Every move ends when all work that
/// was due is done.
#[derive(Debug, Subcommand)]
pub enum TimeCommand {
    /// Tell the time, how fast it runs, and when something happens next
    Show(Which),
    /// Let it stand still
    Stop(Which),
    /// Let it run as the machine's
    Run(Which),
    /// Let it run so many times as fast as the machine's
    Rate {
        /// From 0 to 1000
        times: f64,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Which,
    },
    /// Move it on
    Step {
        /// How far: 90s, 15m, 1h30m
        by: String,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Which,
    },
    /// Move it on to when something happens next
    Next(Which),
    /// Move it on to a moment, or until something holds of an object
    #[command(
        after_help = "For example: pocketshift time until 2031-01-02T03:04:05Z\n             pocketshift time until --for condition=Available deployment/web -n shop"
    )]
    Until {
        /// The moment (2031-01-02T03:04:05Z), or the object (TYPE/NAME)
        what: String,
        /// What must hold: condition=TYPE[=STATUS], or delete
        #[arg(long = "for", value_name = "CONDITION")]
        condition: Option<String>,
        /// Namespace of the object [default: default]
        #[arg(short, long, requires = "condition")]
        namespace: Option<String>,
        /// How far the clock goes at most [default: 24h]
        #[arg(long, value_name = "DURATION", requires = "condition")]
        limit: Option<String>,
        #[command(flatten)]
        #[allow(missing_docs)]
        at: Which,
    },
}

/// What can happen to a machine.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Let a node fall silent: NotReady within 50 seconds, and its pods move when they no longer
    /// tolerate that (after 5 minutes, unless they say otherwise)
    Fail(NodeArgs),
    /// Let it come back
    Recover(NodeArgs),
}

/// Which node is meant.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// Name of the node
    pub name: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub at: Which,
}

/// Flags of `start`.
#[derive(Clone, Debug, Args)]
pub struct Start {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub serve: Serve,
    /// Write the admin kubeconfig into the user's own, too, and make it the current context
    #[arg(long)]
    pub set_context: bool,
}

/// Flags of `envtest`.
#[derive(Clone, Debug, Args)]
pub struct Envtest {
    /// Folder for the three programs [default: `pocketshift/envtest` in the platform's cache folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Shell that evaluates the line
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    pub shell: Shell,
}

impl Envtest {
    /// The folder meant.
    ///
    /// # Errors
    /// A text for people when the platform has no such folder.
    pub fn folder(&self) -> Result<PathBuf, String> {
        use etcetera::BaseStrategy;
        match &self.dir {
            Some(dir) => Ok(dir.clone()),
            None => etcetera::choose_base_strategy()
                .map(|s| s.cache_dir().join("pocketshift").join("envtest"))
                .map_err(|_| "there is no home folder to put programs in; say --dir DIR".into()),
        }
    }
}

/// How a shell sets a variable.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
#[allow(missing_docs)]
pub enum Shell {
    Sh,
    Fish,
    Powershell,
}

/// Which running server is meant.
#[derive(Clone, Debug, Default, Args)]
pub struct Where {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub folder: Folder,
    /// Admin kubeconfig of the server [default: `kubeconfig` in the data folder]
    #[arg(long = "kubeconfig", env = "POCKETSHIFT_KUBECONFIG", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

impl Where {
    /// The admin kubeconfig meant.
    ///
    /// # Errors
    /// One line for people.
    pub fn kubeconfig(&self) -> Result<PathBuf, String> {
        match &self.file {
            Some(file) => Ok(file.clone()),
            None => Ok(self.folder.path()?.join(KUBECONFIG)),
        }
    }
}

/// Which cluster of a running server is meant.
#[derive(Clone, Debug, Default, Args)]
pub struct Which {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub at: Where,
    /// Name of the cluster [default: the server's first]
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
}

/// Name of the kubeconfig in the data folder.
pub const KUBECONFIG: &str = "kubeconfig";

/// Where a cluster is kept.
#[derive(Clone, Debug, Default, Args, PartialEq)]
pub struct Folder {
    /// Folder for the database, certificates and kubeconfig [default: the platform's data folder]
    #[arg(long, env = "POCKETSHIFT_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Flags of `serve`.
#[derive(Clone, Debug, Args, PartialEq)]
pub struct Serve {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub folder: Folder,

    /// Address to listen on
    #[arg(long, env = "POCKETSHIFT_BIND_ADDRESS", default_value = "127.0.0.1")]
    pub bind_address: IpAddr,

    /// Port to listen on (TLS); 0 picks a free one
    #[arg(long, env = "POCKETSHIFT_SECURE_PORT", default_value_t = 6443)]
    pub secure_port: u16,

    /// Port of the registries (TLS, and a proxy to them); 0 picks a free one
    #[arg(long, env = "POCKETSHIFT_REGISTRY_PORT", default_value_t = 5443)]
    pub registry_port: u16,

    /// Port (TLS) at which every cluster of the server is reached by a name below `localhost`, besides a port
    /// of its own (`pocketshift cluster kubeconfig NAME --by-name`); 0 picks a free one [default: none]
    #[arg(long, env = "POCKETSHIFT_CLUSTERS_PORT", value_name = "PORT")]
    pub clusters_port: Option<u16>,

    /// Port at which routes answer without TLS, which is also a proxy for their hosts; 0 picks a free
    /// one, `auto` is 8080 if it is free, `off` is none
    #[arg(
        long,
        env = "POCKETSHIFT_ROUTER_HTTP_PORT",
        default_value = "auto",
        value_name = "PORT|auto|off"
    )]
    pub router_http_port: RouterPort,

    /// Port at which routes answer with TLS; 0 picks a free one, `auto` is 8443 if it is free, `off`
    /// is none
    #[arg(
        long,
        env = "POCKETSHIFT_ROUTER_HTTPS_PORT",
        default_value = "auto",
        value_name = "PORT|auto|off"
    )]
    pub router_https_port: RouterPort,

    /// Domain below which routes get their hosts; browsers and curl find names below `localhost`
    /// without being told where they are
    #[arg(
        long,
        env = "POCKETSHIFT_APPS_DOMAIN",
        default_value = "apps-crc.testing",
        value_name = "DOMAIN"
    )]
    pub apps_domain: String,

    /// Release whose groups, versions and deprecations are served, 4.14 to 4.23 [default: that of the
    /// data folder's cluster, the newest for a new one]
    #[arg(long, env = "POCKETSHIFT_OPENSHIFT_VERSION", value_name = "4.N")]
    pub openshift_version: Option<String>,

    /// Keep everything in memory: nothing is written to disk except where --kubeconfig says
    #[arg(long, env = "POCKETSHIFT_IN_MEMORY", value_parser = BoolishValueParser::new(), conflicts_with = "store")]
    pub in_memory: bool,

    /// Also write the admin kubeconfig into this file, beside what it holds [default: only `kubeconfig` in the data folder]
    #[arg(long, env = "POCKETSHIFT_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Number of simulated nodes
    #[arg(long, env = "POCKETSHIFT_NODES", default_value_t = 3)]
    pub nodes: usize,

    /// Sets of custom resource definitions to start with: `openshift` has those that operators
    /// import (monitoring, operators, machines, console …)
    #[arg(long, env = "POCKETSHIFT_CRDS", value_enum, value_delimiter = ',', value_name = "SET")]
    pub crds: Vec<Definitions>,

    /// Manifest file, or folder of manifests (.yaml, .yml, .json), applied before the server is ready
    #[arg(long, env = "POCKETSHIFT_SEED", value_name = "FILE|DIR")]
    pub seed: Option<PathBuf>,

    /// File with more container images the simulated nodes can pull, and versions of known ones
    #[arg(long, env = "POCKETSHIFT_CATALOG", value_name = "FILE")]
    pub catalog: Option<PathBuf>,

    /// Disk of every node, for images and containers
    #[arg(long, env = "POCKETSHIFT_NODE_DISK", default_value = "120Gi", value_name = "SIZE")]
    pub node_disk: String,

    /// KubeletConfiguration (or KubeletConfig) file: thresholds of image garbage collection and
    /// eviction
    #[arg(long, env = "POCKETSHIFT_KUBELET_CONFIG", value_name = "FILE")]
    pub kubelet_config: Option<PathBuf>,

    /// Seconds between two imports of a scheduled image stream tag; 0 turns them off
    #[arg(
        long,
        env = "POCKETSHIFT_IMAGE_IMPORT_INTERVAL",
        default_value_t = 900,
        value_name = "SECONDS"
    )]
    pub image_import_interval: u32,

    /// Serve nothing but what OpenShift serves: without the clock as an object
    /// (clocks.simulation.pocketshift.io)
    #[arg(long, env = "POCKETSHIFT_PLAIN_API", value_parser = BoolishValueParser::new())]
    pub plain_api: bool,

    /// No waiting in the simulation: pods are pulled, started and ready at once
    #[arg(long, env = "POCKETSHIFT_INSTANT", value_parser = BoolishValueParser::new())]
    pub instant: bool,

    /// How long the simulation takes, in hundredths of its usual time: 300 for an audience, 20 for
    /// the impatient
    #[arg(long, env = "POCKETSHIFT_PACE", value_name = "PERCENT", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(0..=10_000), conflicts_with = "instant")]
    pub pace: u32,

    /// Most requests that only read and are under way at a time; more get 429. 0 means no limit
    #[arg(
        long,
        env = "POCKETSHIFT_MAX_REQUESTS_INFLIGHT",
        default_value_t = 400,
        value_name = "N"
    )]
    pub max_requests_inflight: usize,

    /// Most requests that write and are under way at a time; more get 429. 0 means no limit
    #[arg(
        long,
        env = "POCKETSHIFT_MAX_MUTATING_REQUESTS_INFLIGHT",
        default_value_t = 200,
        value_name = "N"
    )]
    pub max_mutating_requests_inflight: usize,

    /// Seconds a request may take, watches and other streams apart; then it gets 504
    #[arg(long, env = "POCKETSHIFT_REQUEST_TIMEOUT", default_value_t = 60, value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub request_timeout: u32,

    /// Sync to disk: `full` survives a power cut, `normal` only a crash of the program
    #[arg(long, env = "POCKETSHIFT_SYNC", value_enum, default_value_t = Durability::Full)]
    pub sync: Durability,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub etcd: ReplicaFlags,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub audit: Audit,

    /// Seed of the random source: the same inputs get the same names, uids and addresses again
    /// [default: from the system]
    #[arg(long, env = "POCKETSHIFT_RANDOM_SEED", value_name = "NUMBER")]
    pub random_seed: Option<u64>,

    /// How much to log: error, warn, info, debug, trace, or a filter such as `info,pocketshift::api=debug`
    #[arg(long, env = "POCKETSHIFT_LOG_LEVEL", default_value = "warn", value_name = "LEVEL")]
    pub log_level: String,

    /// Form of the log
    #[arg(long, env = "POCKETSHIFT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl Default for Serve {
    /// What no flags at all mean, environment left aside.
    fn default() -> Serve {
        Serve {
            folder: Folder::default(),
            bind_address: IpAddr::from([127, 0, 0, 1]),
            secure_port: 6443,
            registry_port: 5443,
            clusters_port: None,
            router_http_port: RouterPort::Off,
            router_https_port: RouterPort::Off,
            apps_domain: "apps-crc.testing".into(),
            openshift_version: None,
            in_memory: false,
            kubeconfig: None,
            nodes: 3,
            crds: Vec::new(),
            seed: None,
            catalog: None,
            node_disk: "120Gi".into(),
            kubelet_config: None,
            image_import_interval: 900,
            plain_api: false,
            instant: false,
            pace: 100,
            max_requests_inflight: 400,
            max_mutating_requests_inflight: 200,
            request_timeout: 60,
            sync: Durability::Full,
            etcd: ReplicaFlags::default(),
            audit: Audit::default(),
            random_seed: None,
            log_level: "warn".into(),
            log_format: LogFormat::Text,
        }
    }
}

impl Serve {
    /// A cluster in memory that lasts as long as the program, on whatever ports are free.
    pub fn passing() -> Serve {
        Serve { in_memory: true, secure_port: 0, registry_port: 0, ..Serve::default() }
    }
}

/// Where routes answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouterPort {
    /// Nowhere.
    Off,
    /// At the usual port if nobody else is there.
    Auto,
    /// At this port; 0 picks a free one.
    At(u16),
}

impl std::str::FromStr for RouterPort {
    type Err = String;

    fn from_str(text: &str) -> Result<RouterPort, String> {
        match text {
            "off" => Ok(RouterPort::Off),
            "auto" => Ok(RouterPort::Auto),
            number => number.parse().map(RouterPort::At).map_err(|e| e.to_string()),
        }
    }
}

/// How hard a commit is synced.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
#[allow(missing_docs)]
pub enum Durability {
    Full,
    Normal,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
#[allow(missing_docs)]
pub enum LogFormat {
    Text,
    Json,
}

impl Folder {
    /// The folder meant: the flag's, or the platform's data folder for pocketshift.
    ///
    /// # Errors
    /// A text for people when the platform has no such folder.
    pub fn path(&self) -> Result<PathBuf, String> {
        use etcetera::BaseStrategy;
        match &self.data_dir {
            Some(dir) => Ok(dir.clone()),
            None => etcetera::choose_base_strategy()
                .map(|s| s.data_dir().join("pocketshift"))
                .map_err(|_| "there is no home folder to keep data in; say --data-dir DIR".into()),
        }
    }
}
