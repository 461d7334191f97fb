//! What the tests with real clients share: a cluster whose kubeconfig lies in a folder, scripts that
//! say `ok`, and `kubectl`.

use super::{
    Lab,
    tools::{self, output},
};
use serde_json::Value;
use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};
use tempfile::{TempDir, tempdir};

/// A cluster and a folder with its kubeconfig.
pub struct Place {
    /// The cluster.
    pub lab: Lab,
    /// The folder.
    pub folder: TempDir,
}

impl Place {
    /// Starts the cheapest cluster.
    pub async fn start() -> Place {
        let place = Place { lab: Lab::start().await, folder: tempdir().expect("a folder") };
        std::fs::write(place.kubeconfig(), place.lab.cluster.kubeconfig()).expect("a file");
        place
    }
    /// Where the administrator's kubeconfig lies.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }
    /// Writes a file; answers its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    }
    /// Runs a script that says `ok` at its end.
    pub async fn script(&self, program: PathBuf, script: PathBuf) {
        let config = self.kubeconfig();
        let said = blocking(move || output(Command::new(program).arg(script).arg(config))).await;
        assert_eq!(said.trim(), "ok");
    }
}

/// Runs what waits for a process without holding up the server in this one.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// One `kubectl` with a home of its own.
pub struct Kubectl {
    /// Its home.
    pub home: PathBuf,
    program: PathBuf,
    environment: Vec<(&'static str, &'static str)>,
}

impl Kubectl {
    /// The one at home in this folder, where its kubeconfig lies.
    pub fn new(home: PathBuf) -> Kubectl {
        Kubectl { program: tools::kubectl(), home, environment: Vec::new() }
    }
    /// The same with one more environment variable.
    pub fn with(mut self, name: &'static str, value: &'static str) -> Kubectl {
        self.environment.push((name, value));
        self
    }
    /// It with these arguments, to be run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("HOME", &self.home).env("KUBECONFIG", self.home.join("kubeconfig"));
        command.envs(self.environment.iter().copied()).args(arguments);
        command
    }
    /// Runs arguments without blanks in them; answers the output.
    pub fn run(&self, arguments: &str) -> String {
        output(&mut self.split(arguments))
    }
    /// What it says when it fails.
    pub fn fails(&self, arguments: &str) -> String {
        let out = self.split(arguments).output().expect("kubectl runs");
        assert_eq!(out.status.code(), Some(1), "kubectl {arguments}");
        String::from_utf8_lossy(&out.stderr).into_owned()
    }
    /// Runs it with `-o json`.
    pub fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{arguments} -o json"))).expect("JSON")
    }
    /// Runs it with an input, however it ends.
    pub fn pipe(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl runs");
        let mut stdin = child.stdin.take().expect("its input");
        let input = input.to_vec();
        // What does not read its input to the end closes it.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let out = child.wait_with_output().expect("it ends");
        writer.join().expect("the writer ends");
        out
    }
    fn split(&self, arguments: &str) -> Command {
        self.command(&arguments.split_whitespace().collect::<Vec<_>>())
    }
}
