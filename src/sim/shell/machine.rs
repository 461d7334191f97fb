//! What a simulated process can learn of its machine and of the network: the one door between the
//! shell and the simulated cluster.

use super::dns::{Kind, Reply};
pub use crate::runtime::{Connection, Fetch, Fetched};
use crate::world::BoxFuture;
use bytes::Bytes;
use std::{net::Ipv4Addr, sync::Arc};
use tokio::sync::mpsc;

/// A machine: a pod's sandbox or a node.
pub trait Machine: Send + Sync {
    /// Facts that do not change while it runs.
    fn facts(&self) -> &Facts;
    /// The processes `ps` shows besides the caller's own.
    fn processes(&self) -> Vec<Task>;
    /// Asks a name server.
    ///
    /// # Errors
    /// There is none at the address.
    fn ask(&self, server: Ipv4Addr, name: &str, kind: Kind) -> Result<Reply, NetError>;
    /// Sends an HTTP request into the simulated network.
    fn fetch(&self, to: Ipv4Addr, request: Fetch) -> BoxFuture<Result<Fetched, NetError>>;
    /// Opens a connection.
    ///
    /// # Errors
    /// Nobody accepts it.
    fn open(&self, to: Ipv4Addr, port: u16) -> Result<Connection, NetError>;
    /// Listens on a port as long as the receiver lives; nothing when somebody does already.
    fn listen(&self, port: u16) -> Option<mpsc::Receiver<Connection>>;
    /// Sends a datagram; what comes back, if anything does.
    fn datagram(
        &self,
        to: Ipv4Addr,
        port: u16,
        data: Bytes,
    ) -> BoxFuture<Result<Option<Bytes>, NetError>>;
    /// What a program of the image does that works and ends, like a command of the shell.
    fn command(&self, argv: &[String]) -> Option<super::process::Main>;
    /// A program of the image that is no command of the shell: a server, a database's client.
    fn program(&self, argv: &[String], env: &[String]) -> Option<Run>;
    /// Notes that the first process serves these ports from a moment on.
    fn serves(&self, since: jiff::Timestamp, ports: &[u16]);
    /// The container runtime of the node, for `crictl`.
    fn runtime(&self) -> Option<Arc<dyn super::crictl::NodeRuntime>>;
    /// Sends a signal to one of [`Machine::processes`]; false when there is none with this number.
    fn signal(&self, pid: u32, signal: i32) -> bool;
}

/// What does not change while a machine runs.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Host name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// Addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// Processors.
    pub processors: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// When it started.
    pub booted: jiff::Timestamp,
    /// Whether its processes may change the network and the kernel's settings.
    pub privileged: bool,
    /// Whether its processes can never gain rights.
    pub no_new_privileges: bool,
}

/// A process as `ps` shows it.
#[derive(Debug, Clone)]
pub struct Task {
    /// Number.
    pub pid: u32,
    /// Parent.
    pub parent: u32,
    /// User.
    pub uid: u32,
    /// Command line.
    pub command: String,
    /// When it started.
    pub started: jiff::Timestamp,
}

/// How a program of an image goes when it is run by hand.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// What it writes, and after how many seconds.
    pub says: Vec<(f64, String)>,
    /// Whether it writes to standard error.
    pub errors: bool,
    /// After how many seconds and with which code it ends; runs on when absent.
    pub ends: Option<(f64, i32)>,
    /// The same after TERM; heeds none when absent.
    pub on_term: Option<(f64, i32)>,
    /// TCP ports it listens on.
    pub serves: Vec<u16>,
    /// After so many seconds.
    pub boot: f64,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum NetError {
    /// The name is not known.
    Unknown,
    /// Nobody listens.
    Refused(Ipv4Addr),
    /// Nobody is there.
    Unreachable(Ipv4Addr),
    /// What is sent there is dropped on the way: nobody ever answers.
    Dropped(Ipv4Addr),
    /// The other side hangs up without a word.
    Closed,
    /// The other side speaks TLS.
    Secure,
    /// The other side speaks no TLS.
    Plain,
}
