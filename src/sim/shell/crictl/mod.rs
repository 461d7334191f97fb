//! `crictl`: what a node's container runtime holds and runs. Source: kubernetes-sigs/cri-tools,
//! whose columns, truncation, wording and JSON this follows.

mod containers;
mod flags;
mod images;
mod inside;
mod message;
mod pods;
mod stats;
mod table;
mod template;

use super::{
    io::{Input, Output},
    options::Options,
    process::{Done, Process},
    tty::Terminal,
};
use crate::{
    runtime::{LogOptions, LogStream},
    world::BoxFuture,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

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
    /// What a container has written. The error is the runtime's words.
    ///
    /// # Errors
    /// There is no such log.
    fn log(&self, id: &str, options: LogOptions) -> Result<LogStream, String>;
    /// Runs a command in a container; answers its exit code. The error is the runtime's words.
    fn exec(
        &self,
        id: &str,
        command: Vec<String>,
        streams: Streams,
    ) -> BoxFuture<Result<i32, String>>;
    /// Version of CRI-O.
    fn version(&self) -> String;
}

/// Where a command reads and writes.
pub struct Streams {
    /// What it reads.
    pub stdin: Input,
    /// What it writes.
    pub stdout: Output,
    /// What it complains about.
    pub stderr: Output,
    /// The terminal, if it wants one.
    pub terminal: Option<Arc<Terminal>>,
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
    /// What it uses now; nothing once it has ended.
    pub usage: Usage,
}

/// What a container uses.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// Processor time since it started, in nanoseconds.
    pub cpu: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of memory it may use, if that is limited.
    pub limit: Option<u64>,
    /// Bytes it has written into its own layer.
    pub disk: u64,
    /// Files it has written there.
    pub files: u64,
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
    /// Its address.
    pub ip: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it runs.
    pub ready: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

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
    let options = match flags::of(&verb).read(&words) {
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
        "pods" => pods::list(call).await,
        "exec" => inside::exec(call).await,
        "logs" => inside::logs(call).await,
        "inspect" => containers::inspect(call).await,
        "inspectp" => pods::inspect(call).await,
        "stats" => stats::list(call).await,
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
   exec                Run a command in a running container
   images, image, img  List images
   imagefsinfo         Return image filesystem info
   info                Display information of the container runtime
   inspect             Display the status of one or more containers
   inspecti            Return the status of one or more images
   inspectp            Display the status of one or more pods
   logs                Fetch the logs of a container
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
                let sorted = crate::object::to_value(json).unwrap_or_default();
                serde_norway::to_string(&sorted).unwrap_or_default()
            }
            Some("go-template") => {
                let value = crate::object::to_value(json).unwrap_or_default();
                match template::render(self.o.value('X').unwrap_or(""), &value) {
                    Ok(text) => text,
                    Err(why) => return fatal(self.p, why).await,
                }
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
            Some("go-template") if self.o.value('X').is_some_and(|t| !t.is_empty()) => Ok(false),
            Some("go-template") => {
                Err(fatal(self.p, "template string is empty").await.unwrap_or(1))
            }
            Some(other) => {
                let why = format!("unsupported output format \"{other}\"");
                Err(fatal(self.p, why).await.unwrap_or(1))
            }
        }
    }
}

/// The last values of a sorted list that `--latest` and `--last` leave.
fn latest<T>(found: &mut Vec<T>, o: &Options) {
    let last = o.value('n').and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    if let Some(most) = o.has('l').then_some(1).or(last) {
        found.truncate(most);
    }
}

/// Whether labels have every `key=value` that is asked for.
fn labelled(labels: &BTreeMap<String, String>, o: &Options) -> bool {
    let mut pairs = o.values('L').map(|l| l.split_once('=').unwrap_or((l, "")));
    pairs.all(|(key, value)| labels.get(key).is_some_and(|v| v == value))
}

/// The pattern of an option, which matches everything when it is not given.
fn pattern(o: &Options, letter: char) -> Result<regex::Regex, String> {
    let text = o.value(letter).unwrap_or("");
    super::commands::regex(text).map_err(|e| format!("invalid regular expression {text:?}: {e}"))
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
