//! The built program as a process of its own, for what only a process can show: its command line,
//! its signals, its death.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child as Process, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
};

/// A running server. It is killed when the test lets go of it.
pub struct Child {
    process: Process,
    lines: Receiver<String>,
    /// What it says besides is read until it ends, so that it never waits for us.
    errors: Option<JoinHandle<String>>,
    /// What it printed until it was ready.
    pub greeting: String,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// The program with an environment that holds nothing of ours.
pub fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pocketshift"));
    command.env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(home: &Path, arguments: &[&str]) -> Ended {
    let out = program(home).args(arguments).output().expect("the program runs");
    Ended {
        code: out.status.code(),
        out: String::from_utf8_lossy(&out.stdout).into_owned(),
        err: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

impl Child {
    /// Starts a server on a data folder and a free port, and waits until it says that it is ready.
    pub fn start(dir: &Path, arguments: &[&str]) -> Child {
        let mut command = program(dir);
        command.args(["--data-dir", &dir.to_string_lossy(), "--secure-port", "0"]);
        command.args(["--registry-port", "0", "--instant"]);
        Child::spawn(command.args(arguments))
    }

    /// Starts a prepared command and waits until it says that it is ready.
    pub fn spawn(command: &mut Command) -> Child {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program starts");
        let out = process.stdout.take().expect("its output");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut err = process.stderr.take().expect("its errors");
        let errors = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = err.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        let mut child = Child { process, lines, errors: Some(errors), greeting: String::new() };
        child.await_greeting();
        child
    }

    fn await_greeting(&mut self) {
        while !self.greeting.contains("-u kubeadmin") {
            match self.lines.recv_timeout(super::BOUND) {
                Ok(line) => self.greeting += &format!("{line}\n"),
                Err(why) => {
                    let _ = self.process.kill();
                    let said = self.errors.take().and_then(|errors| errors.join().ok());
                    let said = said.unwrap_or_default();
                    panic!("not ready ({why}); it said: {}{said}", self.greeting);
                }
            }
        }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The address it printed.
    pub fn url(&self) -> String {
        let at = self.greeting.find("https://").expect("an address");
        self.greeting[at..].split_whitespace().next().unwrap_or_default().into()
    }

    /// A client with the kubeconfig of its data folder.
    pub async fn client(&self, dir: &Path) -> kube::Client {
        let text = std::fs::read_to_string(dir.join("kubeconfig")).expect("a kubeconfig");
        super::lab::client(&text, None).await
    }

    /// Ends it between two instructions, as a power cut of the process would.
    pub fn kill(mut self) {
        self.process.kill().expect("it was running");
        self.process.wait().expect("it has ended");
    }

    /// Sends SIGTERM, without waiting for what comes of it.
    pub fn terminate(&self) {
        let done = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.process.id())])
            .status()
            .expect("a shell");
        assert!(done.success(), "the process is gone already");
    }

    /// Waits for its end; answers how it ended and what else it printed.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        loop {
            match self.lines.recv_timeout(super::BOUND) {
                Ok(line) => rest += &format!("{line}\n"),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still running; it said: {rest}"),
            }
        }
        (self.process.wait().expect("it has ended"), rest)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
