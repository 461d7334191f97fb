//! A control plane started as controller-runtime's envtest starts one: the programs of a folder, the
//! same questions, the same certificates, the same arguments.

use super::{child::program, eventually};
use base64::{Engine, engine::general_purpose::STANDARD};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use serde_json::json;
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
};

/// The folder that `pocketshift envtest` lays out under a home.
pub fn assets(home: &Path) -> PathBuf {
    let out = program(home)
        .args(["envtest", "--dir", &home.join("assets").to_string_lossy()])
        .output()
        .expect("the program runs");
    assert!(out.status.success(), "{out:?}");
    let line = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    let folder =
        line.strip_prefix("export KUBEBUILDER_ASSETS='").and_then(|l| l.strip_suffix('\''));
    PathBuf::from(folder.unwrap_or_else(|| panic!("an export line: {line}")))
}

/// Runs a program of the folder to its end.
pub fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("it runs")
}

/// A port nobody has at the moment.
pub fn port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

/// A certificate authority as envtest makes it: every one has the same name.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name = name("envtest-environment", "envtest");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let cert = params.self_signed(&key).expect("a certificate").pem();
        Authority(Issuer::new(params, key), cert)
    }

    /// A certificate and its key, PEM.
    fn issue(&self, subject: DistinguishedName, names: Vec<SanType>) -> (String, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = names;
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("a certificate").pem();
        (cert, key.serialize_pem())
    }
}

fn name(common: &str, organization: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    if !organization.is_empty() {
        name.push(DnType::OrganizationName, organization);
    }
    name
}

/// A running program. It is killed when the test lets go of it, wherever that happens.
struct Running(Mutex<Child>);

impl Running {
    fn start(command: &mut Command) -> Running {
        Running(Mutex::new(command.stdin(Stdio::null()).spawn().expect("the program starts")))
    }

    /// Waits until a path answers 200; a program that ends instead is not waited for.
    async fn healthy(&self, url: &str, path: &str) {
        eventually("the program's health", || async {
            let ended = self.0.lock().expect("no panic").try_wait().expect("a state");
            assert!(ended.is_none(), "it ended: {ended:?}");
            healthy(url, path).await
        })
        .await;
    }

    /// Stops it as envtest does; answers its exit code.
    fn stop(&mut self) -> Option<i32> {
        let process = self.0.get_mut().expect("no panic");
        let kill = format!("kill -TERM {}", process.id());
        let done = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(done.success(), "the process is gone already");
        process.wait().expect("it ends").code()
    }
}

/// A control plane started as the launchers of Java's tests start one: flags in words of their own, a
/// client certificate that is its own authority, and no serving certificate.
pub struct Java {
    api_server: Running,
    _etcd: Running,
    port: u16,
    certs: PathBuf,
    client: (String, String),
}

impl Java {
    /// Starts etcd and the API server; returns when the latter is ready.
    pub async fn start(assets: &Path, folder: &Path) -> Java {
        let (at, peer, port) = (port(), port(), port());
        let data = folder.join("data");
        let certs = folder.join("certs");
        fs::create_dir_all(&certs).expect("a folder");
        let words = |text: &str| -> Vec<String> { text.split(' ').map(Into::into).collect() };
        let mut command = Command::new(assets.join("etcd"));
        command.args(words(&format!(
            "-data-dir {0} -wal-dir {0} --listen-client-urls http://0.0.0.0:{at} \
             --advertise-client-urls http://0.0.0.0:{at} --initial-cluster default=http://localhost:{peer} \
             --initial-advertise-peer-urls http://localhost:{peer} --listen-peer-urls http://localhost:{peer}",
            data.display()
        )));
        let etcd = Running::start(&mut command);
        etcd.healthy(&format!("http://127.0.0.1:{at}"), "/health").await;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("kubeapitest", "system:masters");
        let key = KeyPair::generate().expect("a key");
        let cert = params.self_signed(&key).expect("a certificate").pem();
        let file = |name: &str, text: &str| -> String {
            fs::write(certs.join(name), text).expect("a file");
            certs.join(name).display().to_string()
        };
        let clients = file("client.crt", &cert);
        let keys = fs::read_to_string(super::repository("src/access/keyfile_test.pem"));
        let keys = keys.expect("the file of keys");
        let (from, to) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
        let rsa =
            &keys[keys.find(from).expect("a key")..keys.find(to).expect("its end") + to.len()];
        let rsa = file("sa.key", rsa);
        let mut command = Command::new(assets.join("kube-apiserver"));
        command.args(words(&format!(
            "--cert-dir {} --secure-port {port} --etcd-servers http://0.0.0.0:{at} \
             --authorization-mode RBAC --service-account-issuer https://localhost \
             --service-account-signing-key-file {rsa} --service-account-signing-key-file {rsa} \
             --service-account-key-file {rsa} --service-account-issuer {clients} \
             --disable-admission-plugins ServiceAccount --client-ca-file {clients} \
             --service-cluster-ip-range 10.0.0.0/24 --allow-privileged",
            certs.display()
        )));
        let api_server = Running::start(&mut command);
        api_server.healthy(&format!("https://127.0.0.1:{port}"), "/readyz").await;
        Java { api_server, _etcd: etcd, port, certs, client: (cert, key.serialize_pem()) }
    }

    /// A client with the certificate, which trusts what the server put into its folder.
    pub async fn client(&self) -> Client {
        let trusted = fs::read(self.certs.join("apiserver.crt")).expect("the server's certificate");
        let user = json!({
            "client-certificate-data": STANDARD.encode(&self.client.0),
            "client-key-data": STANDARD.encode(&self.client.1),
        });
        client(&format!("https://127.0.0.1:{}", self.port), &trusted, user).await
    }

    /// Stops the API server; answers its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.api_server.stop()
    }
}

/// A client of a server with a certificate that one of `authority` vouches for.
async fn client(server: &str, authority: &[u8], user: serde_json::Value) -> Client {
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server,
            "certificate-authority-data": STANDARD.encode(authority)}}],
        "users": [{"name": "u", "user": user}],
    });
    super::lab::client(&text.to_string(), None).await
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(process) = self.0.get_mut() {
            // It may have ended before.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A running control plane.
pub struct Plane {
    assets: PathBuf,
    // The API server goes before etcd.
    api_server: Running,
    etcd: Running,
    port: u16,
    arguments: Vec<String>,
    serving: Authority,
    clients: Authority,
}

impl Plane {
    /// Starts etcd, then the API server with more arguments, each until it is healthy.
    pub async fn start(assets: &Path, folder: &Path, more: &[&str]) -> Plane {
        Plane::with(assets, folder, more, &[]).await
    }

    /// The same with variables in the API server's environment.
    pub async fn with(
        assets: &Path,
        folder: &Path,
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> Plane {
        for part in ["etcd", "kube-apiserver"] {
            assert!(run(&assets.join(part), &["--help"]).status.success(), "{part} --help");
        }
        let (client, peer, port) = (port(), port(), port());
        let data = folder.join("etcd");
        fs::create_dir_all(&data).expect("a folder");
        let mut command = Command::new(assets.join("etcd"));
        command
            .arg(format!("--advertise-client-urls=http://127.0.0.1:{client}"))
            .arg(format!("--data-dir={}", data.display()))
            .arg(format!("--listen-client-urls=http://127.0.0.1:{client}"))
            .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer}"))
            .arg("--unsafe-no-fsync=true");
        let etcd = Running::start(&mut command);
        etcd.healthy(&format!("http://127.0.0.1:{client}"), "/health").await;

        let (serving, clients) = (Authority::new(), Authority::new());
        let certs = folder.join("certs");
        fs::create_dir_all(&certs).expect("a folder");
        let put = |name: &str, text: &str| fs::write(certs.join(name), text).expect("a file");
        let own = vec![
            SanType::DnsName("localhost".try_into().expect("a name")),
            SanType::IpAddress(IpAddr::from([127, 0, 0, 1])),
        ];
        let (cert, key) = serving.issue(name("localhost", ""), own);
        put("apiserver.crt", &cert);
        put("apiserver.key", &key);
        put("client-cert-auth-ca.crt", &clients.1);
        let (cert, key) = Authority::new().issue(name("sa-signer", ""), Vec::new());
        put("sa-signer.crt", &cert);
        put("sa-signer.key", &key);
        let at = certs.display();
        let mut arguments: Vec<String> = vec![
            "--allow-privileged=true".into(),
            "--authorization-mode=RBAC".into(),
            "--bind-address=127.0.0.1".into(),
            format!("--cert-dir={at}"),
            format!("--client-ca-file={at}/client-cert-auth-ca.crt"),
            "--disable-admission-plugins=ServiceAccount".into(),
            format!("--etcd-servers=http://127.0.0.1:{client}"),
            format!("--secure-port={port}"),
            format!("--service-account-issuer=https://127.0.0.1:{port}/"),
            format!("--service-account-key-file={at}/sa-signer.crt"),
            format!("--service-account-signing-key-file={at}/sa-signer.key"),
            "--service-cluster-ip-range=10.0.0.0/24".into(),
        ];
        arguments.extend(more.iter().map(|a| (*a).to_owned()));
        let api_server = api_server(assets, &arguments, variables, port).await;
        Plane { assets: assets.to_owned(), etcd, api_server, port, arguments, serving, clients }
    }

    /// Where the API is.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}/", self.port)
    }

    /// A client of a user with certificates of the plane's own authority.
    pub async fn user(&self, user: &str, group: &str) -> Client {
        let (cert, key) = self.clients.issue(name(user, group), Vec::new());
        let info = json!({
            "client-certificate-data": STANDARD.encode(cert),
            "client-key-data": STANDARD.encode(key),
        });
        self.client(info).await
    }

    /// A client with a token.
    pub async fn token(&self, token: &str) -> Client {
        self.client(json!({"token": token})).await
    }

    async fn client(&self, user: serde_json::Value) -> Client {
        client(&self.url(), self.serving.1.as_bytes(), user).await
    }

    /// Stops the API server; answers its exit code.
    pub fn stop_api_server(&mut self) -> Option<i32> {
        self.api_server.stop()
    }

    /// Starts the API server again, on the same etcd.
    pub async fn start_api_server(&mut self) {
        self.api_server = api_server(&self.assets, &self.arguments, &[], self.port).await;
    }

    /// Stops etcd; answers its exit code.
    pub fn stop_etcd(&mut self) -> Option<i32> {
        self.etcd.stop()
    }
}

/// Starts the API server; returns when it is healthy for whoever asks, without any certificate.
async fn api_server(
    assets: &Path,
    arguments: &[String],
    variables: &[(&str, &str)],
    port: u16,
) -> Running {
    let mut command = Command::new(assets.join("kube-apiserver"));
    let running = Running::start(command.args(arguments).envs(variables.iter().copied()));
    running.healthy(&format!("https://127.0.0.1:{port}"), "/healthz").await;
    running
}

/// Whether a path answers 200 to somebody who neither shows nor checks a certificate.
async fn healthy(url: &str, path: &str) -> Result<(), String> {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url, "insecure-skip-tls-verify": true}}],
        "users": [{"name": "u", "user": {}}],
    });
    let config = Kubeconfig::from_yaml(&config.to_string()).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await;
    let client = Client::try_from(config.expect("a configuration")).expect("a client");
    let request = http::Request::get(path).body(kube::client::Body::empty()).expect("a request");
    let response = client.send(request).await.map_err(|e| e.to_string())?;
    if response.status() == 200 { Ok(()) } else { Err(response.status().to_string()) }
}
