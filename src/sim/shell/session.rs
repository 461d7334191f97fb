//! One command run in a machine, from its start to its exit code.

use super::{
    call,
    fs::{Cred, Errno, Fs},
    io::{Input, Output},
    jobs::Jobs,
    machine::Machine,
    process::{Budget, FUEL, Process, Stop, Variable},
    signals::Signals,
    tty::Terminal,
};
use crate::world::Clock;
use std::sync::Arc;

/// What is run, and as whom.
pub struct Exec {
    /// The machine.
    pub machine: Arc<dyn Machine>,
    /// Its files.
    pub fs: Fs,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// User and groups.
    pub who: Cred,
    /// Working directory.
    pub cwd: String,
    /// Variables.
    pub env: Vec<(String, String)>,
    /// Command and arguments.
    pub argv: Vec<String>,
    /// Number of the process.
    pub pid: u32,
    /// Standard input.
    pub stdin: Input,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// The terminal, if it has one.
    pub terminal: Option<Arc<Terminal>>,
    /// Signals to it.
    pub signals: Arc<Signals>,
}

/// Why a command did not start.
#[derive(Debug, Clone, PartialEq)]
pub enum NotStarted {
    /// It is not in `PATH`.
    NotFound,
    /// Its file cannot be run.
    Refused(Errno),
}

/// Runs a command to its end.
///
/// # Errors
/// It could not be started.
pub async fn run(exec: Exec) -> Result<i32, NotStarted> {
    let jobs = Arc::new(Jobs::new(exec.pid + 1));
    let variable = |value| Variable { value, exported: true, read_only: false };
    let mut process = Process {
        machine: exec.machine,
        fs: exec.fs,
        cwd: exec.cwd,
        who: exec.who,
        vars: exec.env.into_iter().map(|(name, value)| (name, variable(value))).collect(),
        args: Vec::new(),
        name: exec.argv.first().cloned().unwrap_or_default(),
        functions: Default::default(),
        stdin: exec.stdin,
        stdout: exec.stdout,
        stderr: exec.stderr,
        status: 0,
        pid: exec.pid,
        flags: Default::default(),
        budget: Budget::new(FUEL),
        clock: exec.clock,
        terminal: exec.terminal,
        depth: 0,
        tolerant: false,
        traps: Default::default(),
        dialect: Default::default(),
        prompt: "\\s-5.1\\$ ",
        locals: Vec::new(),
        line: 1,
        jobs: Arc::clone(&jobs),
        signals: Some(exec.signals),
        _seat: None,
    };
    let path = process.which(&process.name).ok_or(NotStarted::NotFound)?;
    let running = call::execute(&mut process, &path, &exec.argv);
    match jobs.beside(running).await {
        Ok(done) => Ok(done.unwrap_or_else(|stop: Stop| stop.code())),
        Err(why) => Err(NotStarted::Refused(why)),
    }
}
