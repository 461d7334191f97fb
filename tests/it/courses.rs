//! What the real `oc` sends for sequences that courses and guides show: a first application, a
//! starter guide with DeploymentConfigs, builds and their hooks, templates, autoscaling, idling.
//! Recorded and replayed as `oc` is.

use crate::support::{Lab, eventually, lab::get, recorded::Replay, repository};

/// The samples that the recordings name.
const SAMPLES: [&str; 3] = ["httpd:2.4-ubi9", "mysql:8.0-el9", "nodejs:20-ubi9"];

/// Replays folders, each in a project of its own.
async fn replay(folders: &[(&str, usize)]) {
    let lab = Lab::start().await;
    for tag in SAMPLES {
        let at = "/apis/image.openshift.io/v1/namespaces/openshift/imagestreamtags";
        eventually("the samples are imported", || async {
            let reply = get(&lab.client, &format!("{at}/{tag}")).await;
            if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
        })
        .await;
    }
    for (folder, commands) in folders {
        let mut replay = Replay::new(&lab).await;
        replay.file(&repository("tests/golden/oc/updates/01-login.json")).await;
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
