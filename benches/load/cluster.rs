//! A server of our own: the built binary on a free port, in a folder of its own.

use super::client::Conn;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// A running server; killed when dropped.
pub struct Cluster {
    child: Child,
    /// Its port.
    pub port: u16,
    /// A bearer token of an administrator.
    pub token: String,
    _folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts a server and waits until it says that it is ready.
    pub async fn start(flags: &[&str]) -> Cluster {
        let folder = tempfile::tempdir().expect("a folder");
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
        let (port, password) = (port.expect("a port"), password.expect("a password"));
        std::thread::spawn(move || out.lines().for_each(drop));
        let mut cluster = Cluster { child, port, token: String::new(), _folder: folder };
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
