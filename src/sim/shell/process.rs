//! One process of the simulation: what it sees and what it may use up.

use super::{
    ast::Command,
    fs::{Cred, Errno, Fs, absolute},
    io::{Closed, Input, Output, TooMuch},
    jobs::Jobs,
    machine::Machine,
    signals::Signals,
    tty::Terminal,
};
use crate::world::Clock;
use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

/// Why a command list is left before its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// The shell ends with a code.
    Exit(i32),
    /// A function or sourced file returns.
    Return(i32),
    /// Loops to leave.
    Break(usize),
    /// Loops to leave but for the last, which goes on.
    Continue(usize),
    /// Nobody reads what it writes.
    Pipe,
    /// The file it writes to cannot take more.
    Write(Errno),
    /// It would have to hold more than it may.
    Memory,
    /// It has used up what it may.
    Killed,
    /// Ctrl-C.
    Interrupted,
}

impl From<Closed> for Stop {
    fn from(closed: Closed) -> Stop {
        closed.0.map_or(Stop::Pipe, Stop::Write)
    }
}

impl From<TooMuch> for Stop {
    fn from(_: TooMuch) -> Stop {
        Stop::Memory
    }
}

impl Stop {
    /// The exit code of a process that ends like this.
    pub fn code(&self) -> i32 {
        match self {
            Stop::Exit(code) | Stop::Return(code) => *code,
            Stop::Break(_) | Stop::Continue(_) => 0,
            Stop::Pipe => 141,
            Stop::Write(_) | Stop::Memory => 1,
            Stop::Killed => 137,
            Stop::Interrupted => 130,
        }
    }
}

/// A future that borrows what it works on.
pub type Borrowed<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a command ends.
pub type Done = Result<i32, Stop>;

/// What a command does: its process and its arguments, the name included.
pub type Main = for<'a> fn(&'a mut Process, &'a [String]) -> Borrowed<'a, Done>;

/// Steps a session may take before it is killed, counted again after every line a client sends
/// and every second it sleeps.
pub const FUEL: i64 = 1_000_000;

/// Steps a copy of a process costs, besides those for what it copies.
const FORK: usize = 32;

/// Most processes of a session at a time; one that copies megabytes counts for as many.
const CROWD: usize = 256;

/// Deepest nesting of shells, functions and substitutions.
pub const DEEPEST: u32 = 40;

/// What a session may still use up.
#[derive(Debug)]
pub struct Budget {
    fuel: AtomicI64,
    whole: i64,
    crowd: AtomicUsize,
}

/// The place of a process among those of its session.
#[derive(Debug)]
pub struct Seat {
    budget: Arc<Budget>,
    size: usize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.budget.crowd.fetch_sub(self.size, Ordering::Relaxed);
    }
}

impl Budget {
    /// So many steps.
    pub fn new(steps: i64) -> Arc<Budget> {
        Arc::new(Budget { fuel: AtomicI64::new(steps), whole: steps, crowd: AtomicUsize::new(0) })
    }

    /// Uses steps up.
    ///
    /// # Errors
    /// When there are none left.
    pub fn spend(&self, steps: usize) -> Result<(), Stop> {
        let before = self.fuel.fetch_sub(steps.min(1 << 30) as i64, Ordering::Relaxed);
        if before <= 0 { Err(Stop::Killed) } else { Ok(()) }
    }

    /// Finds a place for a process; `None` when there are too many.
    fn seat(self: &Arc<Budget>, size: usize) -> Option<Arc<Seat>> {
        let more = |now: usize| Some(now + size).filter(|n| *n <= CROWD);
        self.crowd.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Arc::new(Seat { budget: Arc::clone(self), size }))
    }

    /// Begins again.
    pub fn refill(&self) {
        self.fuel.store(self.whole, Ordering::Relaxed);
    }

    fn is_pause(&self) -> bool {
        self.fuel.load(Ordering::Relaxed) % 64 == 0
    }
}

/// A variable.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variable {
    /// Its value.
    pub value: String,
    /// Whether commands see it.
    pub exported: bool,
    /// Whether it may not be changed.
    pub read_only: bool,
}

/// Shell options that change how a script runs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Flags {
    /// `set -e`
    pub errexit: bool,
    /// `set -u`
    pub nounset: bool,
    /// `set -x`
    pub xtrace: bool,
    /// `set -f`
    pub noglob: bool,
    /// `set -o pipefail`
    pub pipefail: bool,
    /// Whether lines come from a terminal.
    pub interactive: bool,
}

/// Whose words a shell uses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Dialect {
    /// bash, also as `sh`.
    #[default]
    Bash,
    /// busybox ash.
    Busybox,
    /// Debian's `sh`.
    Dash,
}

/// The shells there are, by the names of their programs: their words, and their prompt as long as
/// no start file sets another.
const SHELLS: &[(&str, Dialect, &str)] = &[
    ("bash", Dialect::Bash, "\\s-5.1\\$ "),
    ("bash-4.4", Dialect::Bash, "\\s-4.4\\$ "),
    ("bash-debian", Dialect::Bash, "\\u@\\h:\\w\\$ "),
    ("ash", Dialect::Busybox, "\\w \\$ "),
    ("dash", Dialect::Dash, "\\$ "),
];

/// A process. It is copied by [`Process::fork`] alone, which pays for it first.
pub struct Process {
    /// The machine it runs on.
    pub machine: Arc<dyn Machine>,
    /// Files.
    pub fs: Fs,
    /// Working directory.
    pub cwd: String,
    /// Who it is.
    pub who: Cred,
    /// Variables.
    pub vars: BTreeMap<String, Variable>,
    /// Arguments, from `$1` on.
    pub args: Vec<String>,
    /// `$0`
    pub name: String,
    /// Functions.
    pub functions: BTreeMap<String, Arc<Command>>,
    /// Standard input.
    pub stdin: Input,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// `$?`
    pub status: i32,
    /// `$$`
    pub pid: u32,
    /// `set` options.
    pub flags: Flags,
    /// What may be used up.
    pub budget: Arc<Budget>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The terminal of the session.
    pub terminal: Option<Arc<Terminal>>,
    /// Levels of nesting.
    pub depth: u32,
    /// Where in a condition `set -e` does not count.
    pub tolerant: bool,
    /// Commands kept by `trap`.
    pub traps: BTreeMap<String, String>,
    /// Whose words its shell uses.
    pub dialect: Dialect,
    /// Prompt of a shell without `PS1`.
    pub prompt: &'static str,
    /// What functions hid with `local`, innermost last.
    pub locals: Vec<BTreeMap<String, Option<Variable>>>,
    /// Line of the script that runs, from 1.
    pub line: u32,
    /// What runs in the background.
    pub jobs: Arc<Jobs>,
    /// Signals to it, if it is the first process.
    pub signals: Option<Arc<Signals>>,
    /// Its place in the session, kept until it ends.
    pub _seat: Option<Arc<Seat>>,
}

impl Process {
    /// A copy of this process, with a place of its own.
    ///
    /// # Errors
    /// No fuel is left, or there are too many processes.
    pub fn fork(&self) -> Result<Process, Stop> {
        let held = |v: &BTreeMap<String, Variable>| -> usize {
            v.iter().map(|(name, v)| name.len() + v.value.len() + 64).sum()
        };
        let args: usize = self.args.iter().map(|a| a.len() + 24).sum();
        let hidden = self.locals.iter().map(BTreeMap::len).sum::<usize>() * 64;
        let bytes = held(&self.vars) + args + hidden + self.functions.len() * 64;
        self.budget.spend(FORK + bytes / 64)?;
        let seat = self.budget.seat(1 + (bytes >> 20)).ok_or(Stop::Killed)?;
        Ok(Process {
            machine: Arc::clone(&self.machine),
            fs: self.fs.clone(),
            cwd: self.cwd.clone(),
            who: self.who.clone(),
            vars: self.vars.clone(),
            args: self.args.clone(),
            name: self.name.clone(),
            functions: self.functions.clone(),
            stdin: self.stdin.clone(),
            stdout: self.stdout.clone(),
            stderr: self.stderr.clone(),
            budget: Arc::clone(&self.budget),
            clock: Arc::clone(&self.clock),
            terminal: self.terminal.clone(),
            traps: self.traps.clone(),
            locals: self.locals.clone(),
            jobs: Arc::clone(&self.jobs),
            signals: None,
            _seat: Some(seat),
            ..*self
        })
    }

    /// Takes on the ways of a shell, if the program is one.
    pub fn becomes(&mut self, program: &str) {
        if let Some((_, dialect, prompt)) = SHELLS.iter().find(|(name, ..)| *name == program) {
            (self.dialect, self.prompt) = (*dialect, prompt);
        }
    }

    /// The value of a variable, if it has one.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|v| v.value.as_str())
    }

    /// Sets a variable, exported if it was.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.vars.entry(name.to_owned()).or_default().value = value.into();
    }

    /// The variables commands see, as `NAME=value`.
    pub fn environment(&self) -> Vec<String> {
        let exported = self.vars.iter().filter(|(_, v)| v.exported);
        exported.map(|(name, v)| format!("{name}={}", v.value)).collect()
    }

    /// A path as this process means it. A slash at the end is kept: it asks for a directory.
    pub fn path(&self, path: &str) -> String {
        let plain = absolute(&self.cwd, path);
        // Links are followed before `..` is: leave those paths to the file system.
        let plain = match path.contains("..") {
            true if path.starts_with('/') => path.to_owned(),
            true => format!("{}/{path}", self.cwd),
            false => plain,
        };
        if path.ends_with('/') && !plain.ends_with('/') { plain + "/" } else { plain }
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// Nobody reads.
    pub async fn out(&self, data: impl AsRef<[u8]>) -> Result<(), Stop> {
        self.budget.spend(data.as_ref().len() / 256 + 1)?;
        Ok(self.stdout.write(data.as_ref()).await?)
    }

    /// Writes a line to standard error. That nobody reads it does not matter.
    pub async fn err(&self, text: impl Display) {
        let _ = self.stderr.write(format!("{text}\n").as_bytes()).await;
    }

    /// Says what went wrong with a file, as `command: path: reason`; answers the code 1.
    pub async fn complain(&self, command: &str, path: &str, why: Errno) -> i32 {
        self.err(format!("{command}: {path}: {why}")).await;
        1
    }

    /// What stands before a message of the shell itself.
    pub fn prefix(&self) -> String {
        let base = self.name.trim_start_matches('-');
        let short = base.rsplit('/').next().unwrap_or(base);
        match self.dialect {
            _ if self.flags.interactive => format!("{short}: "),
            Dialect::Bash => format!("{base}: line {}: ", self.line),
            Dialect::Dash => format!("{base}: {}: ", self.line),
            Dialect::Busybox => format!("{base}: "),
        }
    }

    /// Writes a message of the shell itself.
    pub async fn say(&self, text: impl Display) {
        self.err(format!("{}{text}", self.prefix())).await;
    }

    /// Takes a step; from time to time lets others go first.
    ///
    /// # Errors
    /// No fuel is left.
    pub async fn step(&self) -> Result<(), Stop> {
        self.budget.spend(1)?;
        if self.budget.is_pause() {
            yield_once().await;
        }
        Ok(())
    }

    /// Waits.
    pub async fn sleep(&self, time: jiff::SignedDuration) {
        let until = self.clock.now().saturating_add(time);
        self.clock.sleep_until(until.unwrap_or(jiff::Timestamp::MAX)).await;
        if time.as_millis() > 0 {
            self.budget.refill();
        }
    }

    /// A number that looks like chance, the same for the same run.
    pub fn budget_chance(&self) -> u64 {
        let fuel = self.budget.fuel.load(Ordering::Relaxed) as u64;
        let mixed = (fuel ^ u64::from(self.pid)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }

    /// Seconds since the machine started.
    pub fn seconds(&self) -> i64 {
        self.clock.now().duration_since(self.machine.facts().booted).as_secs()
    }

    /// Where a command's file is: found in `PATH`, or itself when it has a slash.
    pub fn which(&self, command: &str) -> Option<String> {
        if command.contains('/') {
            let path = self.path(command);
            return self.fs.stat(&path, &self.who).ok().map(|_| path);
        }
        let path = self.var("PATH").unwrap_or("/usr/sbin:/usr/bin:/sbin:/bin");
        path.split(':').map(|folder| absolute(folder, command)).find(|file| {
            let node = self.fs.stat(file, &self.who);
            node.is_ok_and(|n| !n.is_directory() && n.mode & 0o111 != 0)
        })
    }
}

/// Lets other futures go first, whatever polls this one.
async fn yield_once() {
    let mut first = true;
    std::future::poll_fn(|cx| {
        if std::mem::take(&mut first) {
            cx.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(())
    })
    .await;
}
