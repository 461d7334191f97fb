//! A real etcd on loopback (Debian's etcd-server): one member or several, that can be paused, killed
//! and started again.

use super::tools;
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// An etcd of one or more members. It lives as long as the value.
pub struct Etcd {
    members: Vec<Member>,
    dir: TempDir,
    flags: Vec<String>,
}

struct Member {
    clients: u16,
    peers: u16,
    process: Option<Child>,
}

/// A port nobody listens on.
pub fn free() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Sends a signal to a process.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status();
    assert!(sent.expect("a shell").success(), "no process {process}");
}

impl Etcd {
    /// Starts so many members; `None` (and a word about it) where there is no etcd and none can be
    /// installed.
    pub fn start(members: usize, flags: &[&str]) -> Option<Etcd> {
        if !tools::debian_may("etcd-server etcd-client", "etcd") {
            println!("left out: there is no etcd here (Debian: etcd-server)");
            return None;
        }
        let member = |_| Member { clients: free(), peers: free(), process: None };
        let mut etcd = Etcd {
            members: (0..members).map(member).collect(),
            dir: tempfile::tempdir().expect("a folder"),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        (0..members).for_each(|at| etcd.start_member(at));
        Some(etcd)
    }

    /// Starts a member that does not run.
    pub fn start_member(&mut self, at: usize) {
        let scheme = if self.flags.iter().any(|f| f == "--cert-file") { "https" } else { "http" };
        let url = |scheme: &str, port: u16| format!("{scheme}://127.0.0.1:{port}");
        let named = |(at, m): (usize, &Member)| format!("m{at}={}", url("http", m.peers));
        let all: Vec<String> = self.members.iter().enumerate().map(named).collect();
        let (clients, peers) = (self.members[at].clients, self.members[at].peers);
        let mut process = Command::new("etcd")
            .args(["--name", &format!("m{at}"), "--logger", "zap"])
            .arg("--data-dir")
            .arg(self.folder(at))
            .args(["--listen-client-urls", &url(scheme, clients)])
            .args(["--advertise-client-urls", &url(scheme, clients)])
            .args(["--listen-peer-urls", &url("http", peers)])
            .args(["--initial-advertise-peer-urls", &url("http", peers)])
            .args(["--initial-cluster", &all.join(",")])
            .args(&self.flags)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("etcd starts");
        // What it says is read until it ends, so that it never waits for us.
        let said = BufReader::new(process.stderr.take().expect("its output"));
        std::thread::spawn(move || said.lines().for_each(drop));
        self.members[at].process = Some(process);
    }

    /// The folder of a member.
    pub fn folder(&self, at: usize) -> PathBuf {
        self.dir.path().join(format!("m{at}"))
    }

    /// The ports at which its members serve clients.
    pub fn ports(&self) -> Vec<u16> {
        self.members.iter().map(|member| member.clients).collect()
    }

    /// What `--store` is told.
    pub fn address(&self) -> String {
        let all = self.members.iter().map(|m| format!("127.0.0.1:{}", m.clients));
        format!("etcd://{}", all.collect::<Vec<_>>().join(","))
    }

    /// Sends a signal to a member.
    pub fn signal(&self, at: usize, name: &str) {
        let process = self.members[at].process.as_ref().expect("it runs");
        signal(process.id(), name);
    }

    /// Kills a member.
    pub fn kill(&mut self, at: usize) {
        let mut process = self.members[at].process.take().expect("it runs");
        process.kill().expect("it was running");
        process.wait().expect("it has ended");
    }

    /// Starts its only member afresh from a snapshot.
    pub fn restore(&mut self, file: &std::path::Path) {
        self.kill(0);
        let folder = self.folder(0);
        std::fs::remove_dir_all(&folder).expect("its folder");
        let peers = format!("http://127.0.0.1:{}", self.members[0].peers);
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(["snapshot", "restore"]).arg(file);
        command.args(["--name", "m0", "--initial-cluster", &format!("m0={peers}")]);
        command.args(["--initial-advertise-peer-urls", &peers]).arg("--data-dir").arg(&folder);
        tools::output(&mut command);
        self.start_member(0);
    }

    /// What `etcdctl` says, or why it does not.
    pub fn asked(&self, arguments: &[&str]) -> Result<String, String> {
        let at = format!("http://127.0.0.1:{}", self.members[0].clients);
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(["--endpoints", &at]).args(arguments);
        let out = command.output().map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
    }

    /// `etcdctl` for its first member.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        let at = format!("http://127.0.0.1:{}", self.members[0].clients);
        let mut command = Command::new("etcdctl");
        tools::output(command.env("ETCDCTL_API", "3").args(["--endpoints", &at]).args(arguments))
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for process in self.members.iter_mut().filter_map(|member| member.process.as_mut()) {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
