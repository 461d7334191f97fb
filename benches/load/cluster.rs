//! A server of our own: the built binary on a free port, in a folder of its own.

use serde_json::Value;
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
        let kubeconfig = folder.path().join("kc");
        let mut child = Command::new(env!("CARGO_BIN_EXE_pocketshift"))
            .args(["--secure-port", "0", "--data-dir"])
            .arg(folder.path().join("data"))
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a first line");
        let port = line
            .split("https://127.0.0.1:")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .and_then(|p| p.parse().ok())
            .unwrap_or_else(|| panic!("no address in {line:?}"));
        std::thread::spawn(move || out.lines().for_each(drop));
        let mut cluster = Cluster { child, port, token: String::new(), _folder: folder };
        cluster.token = cluster.sign_in(&kubeconfig).await;
        cluster
    }

    /// A service account token with every right, asked for with the admin's certificate.
    async fn sign_in(&self, kubeconfig: &std::path::Path) -> String {
        let config = kube::config::Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let config = kube::Config::from_custom_kubeconfig(config, &Default::default())
            .await
            .expect("a config");
        let client = kube::Client::try_from(config).expect("a client");
        let send = |path: &str, body: Value| {
            let request = kube::core::http::Request::post(path)
                .header("content-type", "application/json")
                .body(body.to_string().into_bytes())
                .expect("a request");
            let client = client.clone();
            async move { client.request::<Value>(request).await.expect("an answer") }
        };
        send("/api/v1/namespaces/default/serviceaccounts", serde_json::json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bench"}}))
        .await;
        send("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", serde_json::json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "bench"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "bench", "namespace": "default"}]}))
        .await;
        let token = send("/api/v1/namespaces/default/serviceaccounts/bench/token",
            serde_json::json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {}}))
        .await;
        token["status"]["token"].as_str().expect("a token").to_owned()
    }

    /// Resident memory in MB.
    pub fn resident_mb(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process");
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("its memory");
        let kb: f64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
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
