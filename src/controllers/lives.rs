//! What a kubelet asks of the containers it has started: how far their processes have come. Every
//! answer is given at once, from what has happened by now, and asking twice changes nothing.

use jiff::Timestamp;

/// One run of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run<'a> {
    /// Namespace of its pod.
    pub namespace: &'a str,
    /// Name of its pod.
    pub pod: &'a str,
    /// Name of the container.
    pub container: &'a str,
    /// ID of the run, without the runtime's prefix.
    pub id: &'a str,
}

/// A question to a running container. Questions of one name are asked once: whoever asks again
/// hears how the first is going.
#[derive(Debug, Clone, PartialEq)]
pub struct Question<'a> {
    /// Its name, such as that of a probe and the number of the attempt.
    pub name: &'a str,
    /// What is asked.
    pub what: What<'a>,
    /// When it is asked.
    pub since: Timestamp,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum What<'a> {
    /// What a command run in the container does.
    Command(&'a [String]),
    /// What its server answers: port, path with query, header lines.
    Request(u16, &'a str, &'a [(String, String)]),
    /// What somebody in the network answers, asked from the container's node.
    Visit(&'a Visit),
}

/// A GET request into the network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Visit {
    /// `http` or `https`.
    pub secure: bool,
    /// Address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// Header lines.
    pub headers: Vec<(String, String)>,
}

/// How far a question has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// The run is not there (yet).
    Nothing,
    /// The command goes on; the next moment at which it may do something.
    Busy(Option<Timestamp>),
    /// It has ended: when, with which code (or status), and what it wrote.
    Done(Timestamp, i32, String),
    /// It could not be started, or nobody answers, for this reason.
    Failed(String),
}

/// The processes in containers.
pub trait Lives: Send + Sync {
    /// Asks something in a running container; what is not `new` can only be remembered.
    fn ask(&self, run: Run<'_>, question: &Question<'_>, new: bool) -> Heard;

    /// Whether the answer to a question may change from one moment to the next.
    fn stirs(&self, run: Run<'_>) -> bool;

    /// Sends a signal to the main process, once for every moment.
    fn signal(&self, run: Run<'_>, signal: i32, at: Timestamp);

    /// Has the main process say what it says when this signal ends it.
    fn last_words(&self, run: Run<'_>, signal: i32, at: Timestamp);

    /// How the main process has ended, if it has.
    fn ended(&self, run: Run<'_>) -> Option<(Timestamp, i32)>;

    /// What a run that ends with this code leaves as its message.
    fn message(&self, run: Run<'_>, code: i32) -> String;

    /// Whether a path of a node is of a kind that `hostPath` volumes name.
    ///
    /// # Errors
    /// Why it is not.
    fn host_path(&self, node: &str, path: &str, kind: &str) -> Result<(), String>;

    /// TCP ports a run serves that only running it tells.
    fn ports(&self, id: &str) -> Vec<u16>;
}
