//! What is pushed to one replica and pulled from another, after the first has died.

use crate::support::{
    Etcd, child,
    etcd::free,
    eventually,
    lab::{self, send},
    replica::{Replica, replica},
    wire::Wire,
};
use pocketshift::catalog::content::sha256;
use serde_json::json;
use std::process::Command;
use tempfile::tempdir;

/// A client of a replica's registries who may do anything.
async fn registries(at: &Replica) -> Wire {
    let text = std::fs::read_to_string(at.kubeconfig()).expect("a file");
    wire(&text, &at.registry).await
}

/// A client of a cluster's registries who may do anything.
async fn wire(kubeconfig: &str, registry: &str) -> Wire {
    let client = lab::client(kubeconfig, None).await;
    let binding = json!({"metadata": {"name": "pusher"}, "subjects":
            [{"kind": "ServiceAccount", "namespace": "default", "name": "builder"}], "roleRef":
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let bound = send(&client, "POST", bindings, "", Some(&binding)).await.code;
    assert!(bound == 201 || bound == 409, "{bound}");
    let review =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let path = "/api/v1/namespaces/default/serviceaccounts/builder/token";
    let made = send(&client, "POST", path, "", Some(&review)).await.expect(201);
    let token = made["status"]["token"].as_str().expect("a token");
    Wire::of(kubeconfig, registry, &format!("Bearer {token}"))
}

async fn push(wire: &Wire, content: &[u8]) -> String {
    let digest = sha256(content);
    let path = format!("/v2/default/app/blobs/uploads/?digest={digest}");
    let made = wire.send("POST", &path, &[], content.to_vec()).await;
    assert_eq!(made.code, 201, "{}", made.text());
    digest
}

/// What another replica answers to whoever pulls, once it has the cluster.
async fn pulled(at: &Replica, digest: &str) -> Vec<u8> {
    let client = at.child.client(at.dir.path()).await;
    eventually("the other to have the cluster", || async {
        match lab::get(&client, "/readyz").await.code {
            200 => Ok(()),
            code => Err(code),
        }
    })
    .await;
    let pulled = registries(at).await.get(&format!("/v2/default/app/blobs/{digest}")).await;
    assert_eq!(pulled.code, 200, "{}", pulled.text());
    pulled.bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_layer_outlives_the_machine_it_was_pushed_to() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let (a, b) = (replica(&etcd, "a", &[], &[]), replica(&etcd, "b", &[], &[]));
    let wire = registries(&a).await;
    let (small, other) = (push(&wire, b"a small layer").await, push(&wire, b"another").await);
    let gone = wire.send("DELETE", &format!("/v2/default/app/blobs/{other}"), &[], vec![]).await;
    assert_eq!(gone.code, 202, "{}", gone.text());
    drop(a.dir);
    a.child.kill();
    assert_eq!(pulled(&b, &small).await, b"a small layer");
    let rows = etcd.ctl(&["get", "--prefix", "/pocketshift/clusters/main/log/"]);
    assert!(rows.contains(&small), "it is a row in etcd");
}

/// A real server of buckets, on a port of its own.
struct Buckets(std::process::Child, u16);

impl Buckets {
    async fn start() -> Buckets {
        let port = free();
        let mut command = Command::new(crate::support::tools::moto());
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let buckets = Buckets(command.spawn().expect("it starts"), port);
        eventually("buckets to be served", || async {
            let made = buckets.ask("PUT", "/layers").await?;
            if made.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(made) }
        })
        .await;
        buckets
    }

    async fn ask(&self, method: &str, path: &str) -> Result<String, String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let failed = |e: std::io::Error| e.to_string();
        let at = ("127.0.0.1", self.1);
        let mut stream = tokio::net::TcpStream::connect(at).await.map_err(failed)?;
        let host = format!("127.0.0.1:{}", self.1);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.map_err(failed)?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await.map_err(failed)?;
        Ok(said)
    }
}

impl Drop for Buckets {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was pushed to a further cluster lies there as long as the cluster is there; others keep theirs.
async fn of_a_deleted_cluster(a: &Replica, buckets: &Buckets, large: &[u8]) {
    let ours = |arguments: &[&str]| {
        let done = a.run(arguments);
        assert_eq!(done.code, Some(0), "{done:?}");
        done.out
    };
    let listed = || async { buckets.ask("GET", "/layers?list-type=2").await.expect("a list") };
    let before = listed().await.matches("<Key>").count();
    ours(&["cluster", "create", "two"]);
    let list = ours(&["cluster", "list"]);
    let line = list.lines().find(|line| line.starts_with("two ")).expect("it is there");
    let registry = line.split_whitespace().last().expect("its registry");
    let wire = wire(&ours(&["cluster", "kubeconfig", "two"]), registry).await;
    for from in [0, 1] {
        push(&wire, &large[from..]).await;
    }
    assert_eq!(listed().await.matches("of/clusters/two/").count(), 2, "they are in the bucket");
    ours(&["cluster", "delete", "two"]);
    let left = listed().await;
    assert!(!left.contains("of/clusters/two/"), "{left}");
    assert_eq!(left.matches("<Key>").count(), before, "{left}");
}

/// Publishes a manifest at a vendor's name that is too large for a row; answers its digest.
async fn large_manifest(wire: &Wire) -> String {
    let config =
        br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let digest = sha256(config);
    let at = "/v2/quay.io/team/app";
    let path = format!("{at}/blobs/uploads/?digest={digest}");
    let made = wire.send("POST", &path, &[], config.to_vec()).await;
    assert_eq!(made.code, 201, "{}", made.text());
    let form = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": form, "layers": [], "config":
        {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len()},
        "annotations": {"notes": "long".repeat(20_000)}})
    .to_string()
    .into_bytes();
    let digest = sha256(&manifest);
    let path = format!("{at}/manifests/v1");
    let made = wire.send("PUT", &path, &[("content-type", form)], manifest).await;
    assert_eq!(made.code, 201, "{}", made.text());
    digest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_layer_lies_in_the_bucket_that_all_share() {
    let Some(etcd) = Etcd::start(1, &[]) else { return };
    let buckets = Buckets::start().await;
    let endpoint = format!("http://127.0.0.1:{}", buckets.1);
    let variables = [
        ("AWS_ENDPOINT_URL", &*endpoint),
        ("AWS_ACCESS_KEY_ID", "one"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let place = ["--blob-store", "s3://layers/of/clusters"];
    let (a, b) = (replica(&etcd, "a", &place, &variables), replica(&etcd, "b", &place, &variables));
    let large: Vec<u8> =
        (0..900_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let wire = registries(&a).await;
    let digest = push(&wire, &large).await;
    let other = push(&wire, &large[1..]).await;
    let gone = wire.send("DELETE", &format!("/v2/default/app/blobs/{other}"), &[], vec![]).await;
    assert_eq!(gone.code, 202, "{}", gone.text());
    let listed = buckets.ask("GET", "/layers?list-type=2").await.expect("a list");
    let name = |digest: &str| format!("of/clusters/main/{}", digest.trim_start_matches("sha256:"));
    assert!(listed.contains(&name(&digest)) && !listed.contains(&name(&other)), "{listed}");
    let vendors = large_manifest(&wire).await;
    of_a_deleted_cluster(&a, &buckets, &large).await;
    drop(a.dir);
    a.child.kill();
    assert!(pulled(&b, &digest).await == large);
    let tagged = registries(&b).await.get("/v2/quay.io/team/app/manifests/v1").await;
    assert_eq!((tagged.code, sha256(&tagged.bytes)), (200, vendors), "{}", tagged.text());
    // A bucket that is not there is told before anything begins.
    let dir = tempdir().expect("a folder");
    let mut command = child::program(dir.path());
    command.args([
        "serve",
        "--store",
        &etcd.address(),
        "--secure-port",
        "0",
        "--registry-port",
        "0",
    ]);
    command.args(["--blob-store", "s3://nowhere", "--data-dir", &dir.path().to_string_lossy()]);
    let ended = command.envs(variables).output().expect("the program runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        !ended.status.success() && said.contains("s3://nowhere/: the bucket answers 404"),
        "{said}"
    );
    assert_eq!(said.trim().lines().count(), 1, "{said}");
}
