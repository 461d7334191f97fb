//! The drop-in for envtest, from exec until it is ready: one, and twenty side by side.

use super::{
    aims::Aims,
    client::{Conn, get},
};
use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// An API server and the store it asks for; killed when dropped.
struct Server {
    processes: [Child; 2],
    port: u16,
    /// When the API server's own process began.
    began: Instant,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn run(program: &Path, arguments: &[String]) -> Child {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

impl Server {
    /// Starts both as launchers do: the API server when its store listens.
    async fn start(assets: &Path, home: &Path, n: usize) -> Server {
        let (port, stored) = (free_port(), free_port());
        let etcd = run(
            &assets.join("etcd"),
            &[
                format!("--listen-client-urls=http://127.0.0.1:{stored}"),
                format!("--advertise-client-urls=http://127.0.0.1:{stored}"),
                format!("--data-dir={}", home.join(format!("etcd-{n}")).display()),
            ],
        );
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, stored)).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let began = Instant::now();
        let server = run(
            &assets.join("kube-apiserver"),
            &[
                "--bind-address=127.0.0.1".into(),
                "--authorization-mode=RBAC".into(),
                format!("--secure-port={port}"),
                format!("--cert-dir={}", home.join(format!("certs-{n}")).display()),
                format!("--etcd-servers=http://127.0.0.1:{stored}"),
                "--disable-admission-plugins=ServiceAccount".into(),
            ],
        );
        Server { processes: [server, etcd], port, began }
    }

    /// Waits until it says that it is ready.
    async fn ready(&self) {
        while self.began.elapsed() < Duration::from_secs(30) {
            // Nobody listens at first.
            if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                let asked = Conn::open(self.port).await.send(&get("/readyz", "")).await;
                if asked.0 == 200 {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("not ready within half a minute");
    }

    fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.processes[0].id()));
        let status = status.expect("the process");
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("its memory");
        let kb = line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok());
        kb.expect("a number") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may be gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// All figures about it.
pub async fn suites(aims: &mut Aims) {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("assets");
    let out = Command::new(env!("CARGO_BIN_EXE_pocketshift"))
        .args(["envtest", "--dir"])
        .arg(&folder)
        .output()
        .expect("the program runs");
    assert!(out.status.success(), "{out:?}");
    let (mut times, mut most) = (Vec::new(), 0.0_f64);
    for n in 0..5 {
        let server = Server::start(&folder, home.path(), n).await;
        server.ready().await;
        times.push(server.began.elapsed().as_secs_f64() * 1e3);
        most = most.max(server.resident_mb());
    }
    times.sort_by(f64::total_cmp);
    aims.at_most("envtest: exec to /readyz (median of 5)", times[2], "ms", 40.0);
    aims.at_most("envtest: resident when ready", most, "MB", 28.0);
    let began = Instant::now();
    let mut all = Vec::new();
    for n in 100..120 {
        all.push(Server::start(&folder, home.path(), n).await);
    }
    for server in &all {
        server.ready().await;
    }
    aims.at_most("envtest: twenty side by side", began.elapsed().as_secs_f64(), "s", 1.0);
}
