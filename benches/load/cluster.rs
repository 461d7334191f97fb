//! A server of our own: the built binary on a free port, in a folder of its own.

use super::client::Conn;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running server; killed when dropped.
pub struct Cluster {
    child: Child,
    /// Its port.
    pub port: u16,
    /// A bearer token of an administrator.
    pub token: String,
    folder: Option<tempfile::TempDir>,
    /// Milliseconds until it was ready.
    pub ready: f64,
}

impl Cluster {
    /// Starts a server and waits until it says that it is ready.
    pub async fn start(flags: &[&str]) -> Cluster {
        Cluster::start_in(tempfile::tempdir().expect("a folder"), flags).await
    }

    /// Ends it, and starts another in its folder.
    pub async fn again(mut self, flags: &[&str]) -> Cluster {
        let folder = self.folder.take().expect("its folder");
        drop(self);
        Cluster::start_in(folder, flags).await
    }

    async fn start_in(folder: tempfile::TempDir, flags: &[&str]) -> Cluster {
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_pocketshift"))
            .args(["--secure-port", "0", "--registry-port", "0", "--data-dir"])
            .arg(folder.path().join("data"))
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let (mut port, mut password) = (None, None);
        let mut line = String::new();
        while password.is_none() {
            line.clear();
            assert!(out.read_line(&mut line).expect("its words") > 0, "it ended at once");
            let after = |mark: &str| line.split(mark).nth(1).map(str::trim);
            let first = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
            port = port.or_else(|| after("https://127.0.0.1:").and_then(|t| first(t).parse().ok()));
            password = after("oc login -u kubeadmin -p ").map(first);
        }
        let ready = began.elapsed().as_secs_f64() * 1e3;
        let (port, password) = (port.expect("a port"), password.expect("a password"));
        std::thread::spawn(move || out.lines().for_each(drop));
        let mut cluster =
            Cluster { child, port, token: String::new(), folder: Some(folder), ready };
        cluster.token = cluster.sign_in(&password).await;
        cluster
    }

    /// A token of `kubeadmin`, by the implicit OAuth flow.
    async fn sign_in(&self, password: &str) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let basic = STANDARD.encode(format!("kubeadmin:{password}"));
        let request = format!(
            "GET /oauth/authorize?client_id=openshift-challenging-client&response_type=token HTTP/1.1\r\nHost: localhost\r\nX-CSRF-Token: 1\r\nAuthorization: Basic {basic}\r\n\r\n"
        );
        let head = Conn::open(self.port).await.send_for_head(request.as_bytes()).await;
        head.split("access_token=")
            .nth(1)
            .and_then(|rest| rest.split(['&', '\r']).next())
            .map(|token| token.replace("%7E", "~"))
            .unwrap_or_else(|| panic!("no token in {head:?}"))
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> std::path::PathBuf {
        self.folder.as_ref().expect("its folder").path().join("data/kubeconfig")
    }

    /// Seconds its threads have been on a core, by their names.
    pub fn cpu(&self) -> HashMap<String, f64> {
        let mut sums = HashMap::new();
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        for task in tasks.expect("the process").flatten() {
            // A thread may end meanwhile.
            let read = |file: &str| std::fs::read_to_string(task.path().join(file)).ok();
            let (Some(name), Some(text)) = (read("comm"), read("schedstat")) else { continue };
            let nanos: f64 = text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0);
            *sums.entry(name.trim().to_owned()).or_insert(0.0) += nanos / 1e9;
        }
        sums
    }

    /// Seconds of all its threads, and those of its controllers.
    pub fn work(&self) -> (f64, f64) {
        let cpu = self.cpu();
        (cpu.values().sum(), cpu.get("controllers").copied().unwrap_or(0.0))
    }

    /// Waits until it does nothing any more, a minute at most; answers the seconds.
    pub async fn quiet(&self) -> f64 {
        let began = Instant::now();
        let mut last = self.work().0;
        while began.elapsed().as_secs() < 60 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = self.work().0;
            if now - last < 0.003 {
                break;
            }
            last = now;
        }
        began.elapsed().as_secs_f64()
    }

    /// Resident memory in MB.
    pub fn resident_mb(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process");
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("its memory");
        let kb: f64 =
            line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
        kb / 1024.0
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
