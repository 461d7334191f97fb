//! What the real `oc` sends for sequences that courses and guides show: a first application, a
//! starter guide with DeploymentConfigs, builds and their hooks, templates, autoscaling, idling. Then
//! what `oc` makes of cases of the reference that it decides itself, by what it is answered.
//! Recorded and replayed as `oc` is. Numbers are those of the cases of the reference.

use crate::support::{Lab, eventually, lab::get, recorded::Replay, repository};

/// The samples that the recordings name.
const SAMPLES: [&str; 3] = ["httpd:2.4-ubi9", "mysql:8.0-el9", "nodejs:20-ubi9"];

/// Replays folders, each against a cluster of its own.
async fn replay(folders: &[(&str, usize)]) {
    for (folder, commands) in folders {
        let lab = Lab::start().await;
        for tag in SAMPLES {
            let at = "/apis/image.openshift.io/v1/namespaces/openshift/imagestreamtags";
            eventually("the samples are imported", || async {
                let reply = get(&lab.client, &format!("{at}/{tag}")).await;
                if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
            })
            .await;
        }
        let mut replay = Replay::new(&lab).await;
        replay.file(&repository("tests/golden/oc/updates/01-login.json")).await;
        let played = replay.folder(&format!("tests/golden/oc/{folder}")).await;
        assert_eq!(played, *commands, "{folder}");
        lab.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_as_recorded() {
    replay(&[("course", 11), ("templates", 6), ("autoscale", 5), ("admin", 5), ("idle", 8)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_starter_guide_as_recorded() {
    replay(&[("starter", 16)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_and_builds_as_recorded() {
    replay(&[("builds", 18)]).await;
}

/// 58 to 70: images that are known and not, with and without ports, names, parameters, searches,
/// builds, and everything twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_applications_as_recorded() {
    replay(&[("newapp", 16)]).await;
}

/// 10, 15 to 17, 132 and 134: rollouts that go on and are over, a service that sleeps already, a file
/// that is there already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_the_client_as_recorded() {
    replay(&[("rollouts", 17)]).await;
}
