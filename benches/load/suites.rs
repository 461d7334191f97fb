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

/// A running API server; killed when dropped.
struct Server(Child, u16);

impl Server {
    fn start(program: &Path, folder: &Path, n: usize) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let child = Command::new(program)
            .args(["--bind-address=127.0.0.1", "--authorization-mode=RBAC"])
            .arg(format!("--secure-port={port}"))
            .arg(format!("--cert-dir={}", folder.join(format!("certs-{n}")).display()))
            .arg(format!("--etcd-servers=http://127.0.0.1:{n}"))
            .args(["--disable-admission-plugins=ServiceAccount"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        Server(child, port)
    }

    /// Waits until it says that it is ready.
    async fn ready(&self) {
        loop {
            // Nobody listens at first.
            if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.1)).is_ok() {
                let asked = Conn::open(self.1).await.send(&get("/readyz", "")).await;
                if asked.0 == 200 {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.expect("the process");
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("its memory");
        let kb = line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok());
        kb.expect("a number") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
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
    let program = folder.join("kube-apiserver");
    let (mut times, mut most) = (Vec::new(), 0.0_f64);
    for n in 0..5 {
        let began = Instant::now();
        let server = Server::start(&program, home.path(), n);
        server.ready().await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        most = most.max(server.resident_mb());
    }
    times.sort_by(f64::total_cmp);
    aims.at_most("envtest: exec to /readyz (median of 5)", times[2], "ms", 40.0);
    aims.at_most("envtest: resident when ready", most, "MB", 28.0);
    let began = Instant::now();
    let all: Vec<Server> = (0..20).map(|n| Server::start(&program, home.path(), 100 + n)).collect();
    for server in &all {
        server.ready().await;
    }
    aims.at_most("envtest: twenty side by side", began.elapsed().as_secs_f64(), "s", 1.0);
}
