//! What a node's container runtime offers to streams, as a trait: run a command, attach, read logs,
//! dial a port. The counterpart of the kubelet's streaming runtime; the protocols that carry the
//! bytes to clients and the simulation behind the trait know only this file of one another.

use crate::{error::Error, object::Value, world::BoxFuture};
use bytes::Bytes;
use futures_util::Stream;
use jiff::Timestamp;
use std::{net::Ipv4Addr, pin::Pin};
use tokio::sync::{mpsc, watch};

#[cfg(test)]
pub mod testing;

/// Most chunks that wait in any of the channels below; a writer waits for its reader beyond it.
pub const BACKLOG: usize = 8;

/// One container of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Name of the container: regular, init or ephemeral.
    pub container: String,
}

/// The streams of a process. Every channel is bounded; a failed send means that nobody listens any
/// more.
pub struct Io {
    /// What the client types; ends when it closes its side. `None`: no standard input.
    pub stdin: Option<mpsc::Receiver<Bytes>>,
    /// Standard output; with a terminal everything.
    pub stdout: mpsc::Sender<Bytes>,
    /// Standard error. `None`: not wanted, or a terminal, where it is part of `stdout`.
    pub stderr: Option<mpsc::Sender<Bytes>>,
    /// Columns and rows of the client's terminal; `(0, 0)` until it says.
    pub resize: watch::Receiver<(u16, u16)>,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The process ended with this code (0 also when an attached client left).
    Exit(i32),
    /// It could not be run, or was cut off; a text for people.
    Error(String),
}

/// Which part of a log to show, already validated. Applied in the order since, tail, timestamps,
/// limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogOptions {
    /// Go on with what is written later, until the container ends.
    pub follow: bool,
    /// The log of the instance before the last restart.
    pub previous: bool,
    /// Only lines written at or after this moment.
    pub since: Option<Timestamp>,
    /// Put each line's RFC 3339 time with nanoseconds before it.
    pub timestamps: bool,
    /// Only this many lines from the end (before following).
    pub tail_lines: Option<u64>,
    /// Stop after this many bytes, in the middle of a line if need be.
    pub limit_bytes: Option<u64>,
}

/// A log, both outputs in the order they were written: chunks of whole lines. Dropping it ends following.
pub type LogStream = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// A connection to a port inside a pod: what goes in, and what comes out. Dropping the sender
/// closes the writing half.
pub type Connection = (mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>);

/// An HTTP request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fetch {
    /// Method.
    pub method: String,
    /// `http` or `https`.
    pub secure: bool,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

/// Its answer.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// Status code.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
    /// Address that answered.
    pub address: Option<Ipv4Addr>,
}

fn header<'a>(all: &'a [(String, String)], name: &str) -> Option<&'a str> {
    all.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

impl Fetch {
    /// A header by its name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl Fetched {
    /// A header by its name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The text beside the status code.
    pub fn reason(&self) -> &'static str {
        match self.status {
            101 => "Switching Protocols",
            200 => "OK",
            201 => "Created",
            202 => "Accepted",
            204 => "No Content",
            206 => "Partial Content",
            301 => "Moved Permanently",
            302 => "Found",
            304 => "Not Modified",
            307 => "Temporary Redirect",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            412 => "Precondition Failed",
            429 => "Too Many Requests",
            500 => "Internal Server Error",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            _ => "",
        }
    }
}

/// Why nobody at an address answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    /// Nobody listens, or nobody who speaks the same.
    Refused,
    /// What is sent there is lost on the way.
    Dropped,
    /// The other side hangs up without a word.
    Closed,
}

/// What a server shows to clients that speak TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// It speaks no TLS.
    Plain,
    /// A certificate and its key that were mounted for it, PEM.
    Pair {
        /// The chain.
        cert: String,
        /// The key.
        key: String,
    },
    /// One it has made for itself.
    Unknown,
}

/// What runs in pods. Callers have checked that pod and container exist and run (for logs: have
/// started), but both may end at any moment.
pub trait Containers: Send + Sync {
    /// Whether anybody can be dialled at a node.
    fn answers(&self, node: &str) -> bool;

    /// Ends when nobody can be dialled at a node any more: what was open to it is cut.
    fn lost(&self, node: &str) -> BoxFuture<()>;

    /// A pod as its node knows it, which may know of runs that the status does not show yet.
    fn known(&self, pod: Value) -> Value {
        pod
    }

    /// Runs a command in a running container. Dropping the future kills the process. The future
    /// drops its senders when it ends.
    fn exec(&self, target: Target, command: Vec<String>, tty: bool, io: Io) -> BoxFuture<Ended>;

    /// Joins the container's main process. Dropping the future only leaves it.
    fn attach(&self, target: Target, tty: bool, io: Io) -> BoxFuture<Ended>;

    /// Reads a container's log.
    ///
    /// # Errors
    /// What the client gets as a Status, such as 400 for a previous instance that never was.
    fn logs(&self, target: Target, options: LogOptions) -> Result<LogStream, Error>;

    /// Dials a TCP port in a running pod.
    ///
    /// # Errors
    /// A text for people, such as that nobody listens there.
    fn connect(&self, namespace: &str, pod: &str, port: u16) -> Result<Connection, String>;

    /// Asks an HTTP server in a pod, as a proxy does.
    ///
    /// # Errors
    /// Why it cannot be reached, as Go's HTTP client says it.
    fn fetch(
        &self,
        namespace: &str,
        pod: &str,
        request: Fetch,
    ) -> BoxFuture<Result<Fetched, String>>;

    /// Asks an HTTP server at an address of the cluster's network, as the router does.
    fn forward(&self, to: (Ipv4Addr, u16), request: Fetch)
    -> BoxFuture<Result<Fetched, Unreached>>;

    /// Asks the host of a route, as somebody outside the cluster does.
    fn visit(&self, request: Fetch) -> BoxFuture<Result<Fetched, Unreached>>;

    /// Opens a connection to a server at an address of the cluster's network, inside TLS if that is
    /// what it speaks.
    fn dial(&self, to: (Ipv4Addr, u16), secure: bool) -> BoxFuture<Result<Connection, Unreached>>;

    /// What the server at an address of the cluster's network shows.
    fn shows(&self, to: (Ipv4Addr, u16)) -> Shown;

    /// The certificate a server in a pod shows, PEM; `None` for one of its own making.
    ///
    /// # Errors
    /// Why it cannot be reached by TLS, as Go's HTTP client says it.
    fn certificate(&self, namespace: &str, pod: &str, port: u16) -> Result<Option<String>, String>;

    /// What a node's kubelet reports at `/stats/summary`.
    fn summary(&self, node: &str) -> Value;
}
