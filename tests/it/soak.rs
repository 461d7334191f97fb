//! Clusters created, used and deleted, one after the other, in a server that stays as small as it was.
//! `POCKETSHIFT_SOAK=10000 cargo test soak -- --nocapture` does it as often as that.

use crate::support::{
    Child, WEB,
    lab::{client, get, send},
};
use kube::Client;
use serde_json::{Value, json};
use tempfile::tempdir;

/// How often, unless somebody says otherwise.
const ROUNDS: usize = 300;
/// Rounds between two looks at the memory.
const LOOK: usize = 20;
/// Megabytes that the largest of the last looks may be above the largest of the first, which follow a
/// quarter that warms up.
const ROOM: u64 = 16;

/// A client of the server's registries' port, where clusters are asked for.
async fn desk(kubeconfig: &str) -> Client {
    let mut config: Value = serde_norway::from_str(kubeconfig).expect("YAML");
    let registry = config["extensions"][0]["extension"]["registry"].as_str().expect("an address");
    config["clusters"][0]["cluster"]["server"] = json!(format!("https://{registry}"));
    client(&config.to_string(), None).await
}

fn resident_mb(server: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn created_used_and_deleted_again_and_again() {
    let asked = std::env::var("POCKETSHIFT_SOAK").ok().and_then(|n| n.parse().ok());
    let rounds: usize = asked.unwrap_or(ROUNDS);
    let dir = tempdir().expect("a folder");
    let file = dir.path().join("admin").to_string_lossy().into_owned();
    let server = Child::start(dir.path(), &["--in-memory", "--kubeconfig", &file]);
    let desk = desk(&std::fs::read_to_string(&file).expect("a kubeconfig")).await;
    let mut looks = Vec::new();
    for round in 0..rounds {
        let path = format!("/clusters/soak-{round}");
        let made = send(&desk, "POST", &path, "", None).await.expect(201);
        let (manifests, web) = (format!("{path}/manifests"), json!(WEB));
        send(&desk, "POST", &manifests, "", Some(&web)).await.expect(200);
        send(&desk, "POST", &format!("{path}/settled"), "", None).await.expect(200);
        let own = client(made["kubeconfig"].as_str().expect("a kubeconfig"), None).await;
        let web = get(&own, "/apis/apps/v1/namespaces/default/deployments/web").await.expect(200);
        assert_eq!(web["status"]["readyReplicas"], 3, "round {round}");
        send(&desk, "DELETE", &path, "", None).await.expect(200);
        if round % LOOK == 0 {
            looks.push(resident_mb(&server));
        }
    }
    println!("resident, every {LOOK} rounds: {looks:?} MB");
    let quarter = (looks.len() / 4).max(1);
    let most = |looks: &[u64]| looks.iter().max().copied().unwrap_or_default();
    let (first, last) = (most(&looks[quarter..2 * quarter]), most(&looks[looks.len() - quarter..]));
    assert!(last <= first + ROOM, "it grew from {first} to {last} MB: {looks:?}");
}
