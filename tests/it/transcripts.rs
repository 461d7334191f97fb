//! Transcripts of a real OpenShift (`tests/golden/transcripts/`), replayed request by request. What
//! is not answered as there is listed in `differences.yaml`, each with its reason, and nothing else:
//! a new difference fails, and so does one that is gone and still listed.

use crate::support::{
    Lab, Registry, Wire, lab,
    registry::{DOCKER_LIST, Image},
    repository,
    transcript::{Replay, read},
    yaml,
};
use pocketshift::object::ObjectExt;
use std::{collections::BTreeMap, time::Duration};

const FOLDER: &str = "tests/golden/transcripts";

/// What passes from one command to the next.
const BETWEEN: Duration = Duration::from_millis(50);

/// The images the transcripts are about; answers the digests that are `{d1}`, `{d2}` and `{d3}` in all
/// of them.
fn fill(registry: &Registry) -> [String; 3] {
    let of = |name: &str, tags: &[(&str, &str)]| -> Vec<Image> {
        tags.iter().map(|(tag, version)| Image::new(&format!("{name}:{tag}"), version)).collect()
    };
    let keycloak =
        [("19.0", "19.0"), ("20.0.2", "20.0.2"), ("20.0.3", "20.0.3"), ("latest", "20.0.2")];
    registry.push_below("keycloak", &of("keycloak", &keycloak));
    let many: Vec<String> = (1..8).map(|n| format!("v{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|v| (v.as_str(), v.as_str())).collect();
    registry.push(&of("many", &many));
    registry.push(&of("hello", &[("v1", "hello 1"), ("v2", "hello 2")]));
    let four = ["amd64", "arm64", "ppc64le", "s390x"];
    registry.push_below("ubi9", &[Image::list("nginx-120:1-86", DOCKER_LIST, &four)]);
    ["20.0.2", "20.0.3", "19.0"].map(|version| Image::new("keycloak", version).digest())
}

/// The listed differences of a transcript: step to reason.
fn listed(name: &str) -> BTreeMap<usize, String> {
    let text = std::fs::read_to_string(repository(FOLDER).join("differences.yaml"));
    let list = yaml(&text.expect("the list")).remove(0);
    let rows =
        list.as_array().expect("a list").iter().filter(|row| row.str_at("transcript") == name);
    rows.map(|row| {
        let step = row.i64_at("step").and_then(|n| usize::try_from(n).ok()).expect("a step");
        assert!(!row.str_at("why").is_empty(), "{name}: step {step} has no reason");
        (step, row.str_at("why").to_owned())
    })
    .collect()
}

async fn replay(name: &str) {
    let registry = tokio::task::spawn_blocking(|| {
        let registry = Registry::start();
        let digests = fill(&registry);
        (registry, digests)
    });
    let (registry, digests) = registry.await.expect("a registry");
    // Time passes with the steps and where the transcript says so, however long this machine takes.
    let lab = Lab::of(lab::builder().clock_stopped_at("2030-01-01T00:00:00Z")).await;
    let text = std::fs::read_to_string(repository(FOLDER).join(format!("{name}.txt")));
    let steps = read(&text.expect("a transcript"));
    assert!(!steps.is_empty(), "{name} has no steps");
    let mut listed = listed(name);
    let mut replay = Replay::new(&lab, &registry.address, &digests);
    let (mut problems, mut held) = (Vec::new(), false);
    for (at, step) in (1..).zip(&steps) {
        match step.before.as_str() {
            "" => {}
            "the registry is slow" => held = true,
            "the registry answers" => held = false,
            other => {
                let span = other.strip_suffix(" pass").expect("what happens");
                let admin = Wire::to(&lab).as_admin(&lab);
                let passed = admin.send("POST", &format!("/time?by={span}"), &[], Vec::new()).await;
                passed.expect(200);
            }
        }
        registry.hold(held);
        if !held {
            lab.cluster.time().advance(BETWEEN).await.expect("time passes");
        }
        let found = replay.play(step, held).await;
        match (found.is_empty(), listed.remove(&at)) {
            (true, Some(_)) => {
                problems.push(format!("step {at} is as recorded: take it off the list"))
            }
            (false, None) => {
                let shown: Vec<String> = found.iter().take(6).map(|f| cut(f)).collect();
                problems.push(format!("step {at}: {}\n    {}", step.request, shown.join("\n    ")));
            }
            _ => {}
        }
    }
    problems.extend(listed.keys().map(|at| format!("there is no step {at}")));
    lab.stop().await;
    assert!(problems.is_empty(), "{name}: {} problems\n{}", problems.len(), problems.join("\n"));
}

/// A text of bearable length.
fn cut(text: &str) -> String {
    match text.char_indices().nth(500) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery() {
    replay("01").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images() {
    replay("13").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables() {
    replay("14").await;
}

/// What the real `oc` sends for the commands of a transcript. An answer is given where `oc` printed
/// with it what the transcript shows; elsewhere (the registry was another one) its code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_made_and_changed() {
    replay("03").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_of_every_form() {
    replay("04").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports() {
    replay("05").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_looked_up() {
    replay("07").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_looked_at() {
    replay("06").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_of_every_form() {
    replay("08").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_at_work() {
    replay("09").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollouts() {
    replay("10").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollouts_that_fail() {
    replay("11").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_and_owners() {
    replay("12").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_course() {
    replay("15").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_as_they_are_made() {
    replay("16").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repaired_annotation() {
    replay("17").await;
}

/// Faults of the past, each a request or some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases() {
    replay("cases").await;
}

/// What the differential program found, as a kube-apiserver of 1.36 answers it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corners() {
    replay("corners").await;
}

/// A sample stream's tags are there before the first request, at any pace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_project_openshift_holds_is_there_at_once() {
    use lab::get;
    let lab = Lab::of(lab::builder().pace(100)).await;
    let streams = "/apis/image.openshift.io/v1/namespaces/openshift/imagestreams";
    let streams = get(&lab.client, streams).await.expect(200);
    let images = get(&lab.client, "/apis/image.openshift.io/v1/images").await.expect(200);
    let mut tags = 0;
    for stream in streams.list_at("items") {
        for tag in stream.list_at("spec.tags") {
            let mut all = stream.list_at("status.tags").iter();
            let held = all.find(|t| t.str_at("tag") == tag.str_at("name"));
            let held = held.unwrap_or_else(|| panic!("{}:{} is not there", stream.name(), tag));
            let image = held.list_at("items")[0].str_at("image");
            assert!(images.list_at("items").iter().any(|i| i.name() == image), "{held}");
            tags += 1;
        }
    }
    assert!(tags >= 51, "{tags} tags");
    lab.stop().await;
}
