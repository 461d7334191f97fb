//! `crictl`: what a node's container runtime holds and runs. Source: kubernetes-sigs/cri-tools,
//! whose columns, truncation, wording and JSON this follows.

mod containers;
mod images;
mod table;

use super::{
    options::{Known, Options},
    process::{Done, Process},
};
use crate::world::BoxFuture;
use jiff::Timestamp;
use std::sync::Arc;

/// The images of a node.
pub trait NodeImages: Send + Sync {
    /// All of them.
    fn list(&self) -> Vec<NodeImage>;
    /// Removes one by its ID. The error is the runtime's words.
    fn remove(&self, id: &str) -> BoxFuture<Result<(), String>>;
    /// Pulls one; answers its reference by digest. The error is the runtime's words.
    fn pull(&self, name: &str) -> BoxFuture<Result<String, String>>;
    /// How full the file system is that holds them.
    fn usage(&self) -> FsUsage;
}

/// The container runtime of a node.
pub trait NodeRuntime: Send + Sync {
    /// Its images.
    fn images(&self) -> Arc<dyn NodeImages>;
    /// Its containers, the newest first.
    fn containers(&self) -> Vec<NodeContainer>;
    /// Its pods, the newest first.
    fn sandboxes(&self) -> Vec<Sandbox>;
    /// Version of CRI-O.
    fn version(&self) -> String;
}

/// An image on a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeImage {
    /// Digest of its configuration, without the algorithm.
    pub id: String,
    /// `repository:tag`
    pub tags: Vec<String>,
    /// `repository@sha256:…`
    pub digests: Vec<String>,
    /// Bytes.
    pub size: u64,
    /// User it runs as.
    pub user: String,
    /// Whether it is never pruned.
    pub pinned: bool,
}

/// How full a file system is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FsUsage {
    /// Where the images are.
    pub mountpoint: String,
    /// Where the containers' layers are.
    pub containers: String,
    /// Bytes used by images.
    pub bytes: u64,
    /// Files used by images.
    pub inodes: u64,
    /// When this was so.
    pub at: Timestamp,
}

/// A container on a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeContainer {
    /// ID.
    pub id: String,
    /// ID of its pod's sandbox.
    pub sandbox: String,
    /// Pod.
    pub pod: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// UID of the pod.
    pub uid: String,
    /// Name.
    pub name: String,
    /// How often it was started before.
    pub attempt: u32,
    /// ID of its image.
    pub image: String,
    /// Its image as the pod names it.
    pub image_name: String,
    /// Its image by digest.
    pub image_ref: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Its exit code.
    pub code: i64,
    /// Bytes of memory it uses, and files.
    pub memory: u64,
}

/// A pod on a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sandbox {
    /// ID.
    pub id: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// UID.
    pub uid: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it runs.
    pub ready: bool,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Verbs and what they may be called with.
const KNOWN: Known = Known {
    letters: "qvo:aef:rp:n",
    long: &[
        ("quiet", 'q'),
        ("verbose", 'v'),
        ("output", 'o'),
        ("all", 'a'),
        ("filter", 'f'),
        ("prune", 'q'),
        ("digests", 'e'),
        ("no-trunc", 'n'),
        ("pod", 'p'),
        ("pinned", 'r'),
        ("name", 'f'),
        ("image", 'f'),
        ("label", 'f'),
        ("state", 'f'),
        ("namespace", 'f'),
    ],
    strict: false,
};

/// Runs `crictl`.
pub async fn run(p: &mut Process, argv: &[String]) -> Done {
    let words = argv.iter().skip(1).skip_while(|a| a.starts_with('-'));
    let mut words = words.cloned().collect::<Vec<_>>();
    if words.is_empty() {
        p.out(USAGE).await?;
        return Ok(0);
    }
    let verb = words.remove(0);
    // The client finds its runtime by this socket; outside the node's own root there is none.
    let socket = p.fs.stat("/run/crio/crio.sock", &p.who).is_ok();
    let Some(runtime) = p.machine.runtime().filter(|_| socket) else {
        let why = "validate service connection: validate CRI v1 runtime API for endpoint \
                   \"unix:///run/crio/crio.sock\": rpc error: code = Unavailable desc = connection \
                   error: desc = \"transport: Error while dialing: dial unix /run/crio/crio.sock: \
                   connect: no such file or directory\"";
        return fatal(p, why).await;
    };
    let options = match KNOWN.read(&words) {
        Ok(options) => options,
        Err(why) => {
            let flag = why.rsplit(['\'', ' ']).find(|w| !w.is_empty()).unwrap_or("");
            let dash = if flag.starts_with('-') { "" } else { "-" };
            p.err(format!("Incorrect Usage: flag provided but not defined: {dash}{flag}\n")).await;
            return fatal(p, format!("flag provided but not defined: {dash}{flag}")).await;
        }
    };
    let call = Call { p, o: options, runtime };
    match verb.as_str() {
        "images" | "image" | "img" => images::list(call).await,
        "imagefsinfo" => images::usage(call).await,
        "inspecti" => images::inspect(call).await,
        "pull" => images::pull(call).await,
        "rmi" => images::remove(call).await,
        "ps" => containers::list(call).await,
        "pods" => containers::pods(call).await,
        "inspect" => containers::inspect(call).await,
        "inspectp" => containers::inspect_pod(call).await,
        "stats" => containers::stats(call).await,
        "version" => containers::version(call).await,
        "info" => containers::info(call).await,
        _ => {
            call.p.err(format!("No help topic for '{verb}'")).await;
            Ok(3)
        }
    }
}

const USAGE: &str = "NAME:
   crictl - client for CRI

USAGE:
   crictl [global options] command [command options]

COMMANDS:
   images, image, img  List images
   imagefsinfo         Return image filesystem info
   info                Display information of the container runtime
   inspect             Display the status of one or more containers
   inspecti            Return the status of one or more images
   inspectp            Display the status of one or more pods
   pods                List pods
   ps                  List containers
   pull                Pull an image from a registry
   rmi                 Remove one or more images
   stats               List container(s) resource usage statistics
   version             Display runtime version information
";

/// One call of a verb.
struct Call<'a> {
    p: &'a mut Process,
    o: Options,
    runtime: Arc<dyn NodeRuntime>,
}

impl Call<'_> {
    /// Writes JSON as it is, or as YAML.
    async fn write(&self, json: &impl serde::Serialize) -> Done {
        let text = match self.o.value('o') {
            // The client turns JSON to YAML by way of a map, which sorts its keys.
            Some("yaml") => {
                let sorted = serde_json::to_value(json).unwrap_or_default();
                serde_norway::to_string(&sorted).unwrap_or_default()
            }
            _ => serde_json::to_string_pretty(json).unwrap_or_default(),
        };
        self.p.out(text + "\n").await?;
        Ok(0)
    }

    /// Whether a table is asked for, which is what most verbs show unasked.
    async fn table(&self, default: bool) -> Result<bool, i32> {
        match self.o.value('o') {
            None => Ok(default),
            Some("table") => Ok(true),
            Some("json" | "yaml") => Ok(false),
            Some(other) => {
                let why = format!("unsupported output format \"{other}\"");
                Err(fatal(self.p, why).await.unwrap_or(1))
            }
        }
    }
}

/// A line of the client's log on standard error.
async fn log(p: &Process, level: &str, text: impl std::fmt::Display) {
    let line = if p.stderr.is_terminal() {
        format!("{}[0000] {text}", level.to_uppercase().chars().take(4).collect::<String>())
    } else {
        let now = p.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ");
        format!("time=\"{now}\" level={level} msg={:?}", text.to_string())
    };
    p.err(line).await;
}

/// Says why and ends with 1.
async fn fatal(p: &Process, why: impl std::fmt::Display) -> Done {
    log(p, "fatal", why).await;
    Ok(1)
}
