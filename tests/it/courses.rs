//! What the real `oc` sends for sequences that courses and guides show: a first application, a
//! starter guide with DeploymentConfigs, builds and their hooks, templates, autoscaling, idling.
//! Recorded and replayed as `oc` is.

use crate::support::{Lab, recorded::Replay, repository};

/// Replays folders, each in a project of its own.
async fn replay(folders: &[(&str, usize)]) {
    let lab = Lab::start().await;
    let mut replay = Replay::new(&lab).await;
    replay.file(&repository("tests/golden/oc/updates/01-login.json")).await;
    for (folder, commands) in folders {
        assert_eq!(
            replay.folder(&format!("tests/golden/oc/{folder}")).await,
            *commands,
            "{folder}"
        );
    }
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_as_recorded() {
    replay(&[("course", 11), ("templates", 6), ("autoscale", 5), ("idle", 8)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_starter_guide_as_recorded() {
    replay(&[("starter", 16)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_and_builds_as_recorded() {
    replay(&[("builds", 18)]).await;
}
