//! Image garbage collection and disk pressure, as tables and by the clock.

use super::{
    collect::Pass,
    inventory::{Inventory, Loss, RESOURCE, StoredImage},
    runtime,
};
use crate::{
    catalog::{Catalog, reference::Reference},
    object::{ObjectExt, Value, json},
    settings::{Delays, Kubelet, Settings},
    sim::{
        lab::Lab,
        registries::{self, Asker, Refusal},
    },
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::HashSet, sync::Arc};

const NOW: i64 = 1_800_000_000;

/// An image by id, size, and the minutes since it was detected and last used.
type Row = (&'static str, u64, i64, Option<i64>);

fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_second(NOW - minutes * 60).unwrap()
}

fn inventory(rows: &[Row]) -> Inventory {
    let held = |(id, size, detected, used): &Row| StoredImage {
        id: (*id).into(),
        size: *size,
        detected: Some(ago(*detected)),
        used: used.map(ago),
        ..StoredImage::default()
    };
    Inventory {
        images: rows.iter().map(held).collect(),
        began: Some(ago(1000)),
        ..Inventory::default()
    }
}

fn pass(inventory: &mut Inventory, in_use: &[&str], rules: &Kubelet) -> Vec<(String, String)> {
    let in_use: HashSet<String> = in_use.iter().map(|id| (*id).to_owned()).collect();
    let now = Loss { rev: 1, at: ago(0) };
    let pass = Pass { now, in_use: &in_use, rules, capacity: 1000, beside: 0 };
    pass.run(inventory).into_iter().map(|(reason, text)| (reason.into(), text)).collect()
}

fn left(inventory: &Inventory) -> Vec<&str> {
    inventory.images.iter().map(|i| i.id.as_str()).collect()
}

/// N03 and its neighbours: what goes when the disk of 1000 bytes is so full.
#[test]
fn the_longest_unused_go_first_down_to_the_low_threshold() {
    let rows: &[(&str, &[Row], &[&str], &[&str])] = &[
        ("under the threshold", &[("a", 840, 60, Some(60))], &[], &["a"]),
        (
            "at the threshold, the free bytes round down",
            &[("a", 100, 60, Some(60)), ("b", 741, 60, Some(50))],
            &[],
            &["b"],
        ),
        (
            "last used, not first seen, decides",
            &[("a", 300, 90, Some(5)), ("b", 300, 30, Some(20)), ("c", 300, 60, Some(10))],
            &[],
            &["a", "c"],
        ),
        (
            "never used goes before used, then the first seen",
            &[("a", 300, 90, Some(80)), ("b", 50, 10, None), ("c", 550, 20, None)],
            &[],
            &["a", "b"],
        ),
        (
            "in use stays, a minute old stays",
            &[("a", 400, 90, Some(80)), ("b", 300, 1, None), ("c", 200, 60, Some(50))],
            &["a"],
            &["a", "b"],
        ),
        (
            "it stops when enough is free",
            &[("a", 60, 90, Some(90)), ("b", 60, 90, Some(80)), ("c", 780, 90, Some(70))],
            &[],
            &["c"],
        ),
    ];
    for (what, images, in_use, expected) in rows {
        let mut inventory = inventory(images);
        let warnings = pass(&mut inventory, in_use, &Kubelet::default());
        assert_eq!(left(&inventory), *expected, "{what}");
        assert!(warnings.is_empty() || inventory.failed, "{what}: {warnings:?}");
    }
}

#[test]
fn failing_is_told_and_failing_again_twice() {
    let mut held = inventory(&[("a", 900, 60, None), ("b", 30, 60, None)]);
    let text = "Insufficient free disk space on the node's image filesystem (93% of 1000 B used). \
                Failed to free sufficient space by deleting unused images (freed 30 bytes). \
                Investigate disk usage, as it could be used by active images, logs, volumes, or \
                other data.";
    let first = pass(&mut held, &["a"], &Kubelet::default());
    assert_eq!(first, [("FreeDiskSpaceFailed".to_owned(), text.to_owned())]);
    let second = pass(&mut held, &["a"], &Kubelet::default());
    let reasons: Vec<&str> = second.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(reasons, ["FreeDiskSpaceFailed", "ImageGCFailed"]);
    assert_eq!(second[0].1, second[1].1);
    held.images[0].size = 100;
    assert!(pass(&mut held, &["a"], &Kubelet::default()).is_empty() && !held.failed);
}

#[test]
fn old_images_go_whatever_the_disk_says() {
    let rules = Kubelet { maximum_age: SignedDuration::from_mins(30), ..Kubelet::default() };
    let rows: &[Row] = &[
        ("old", 1, 60, Some(31)),
        ("used", 1, 60, Some(31)),
        ("young", 1, 60, Some(29)),
        ("never", 1, 0, None),
    ];
    let mut held = inventory(rows);
    pass(&mut held, &["used"], &rules);
    assert_eq!(left(&held), ["used", "young"], "minimum age is no protection");
    let mut held = Inventory { began: Some(ago(30)), ..inventory(rows) };
    pass(&mut held, &["used"], &rules);
    assert_eq!(held.images.len(), 4, "not before the kubelet is older itself");
}

#[test]
fn a_threshold_of_a_hundred_turns_it_off() {
    let rules = Kubelet { gc_high: 100, ..Kubelet::default() };
    let mut held = inventory(&[("a", 1000, 60, None)]);
    assert!(pass(&mut held, &[], &rules).is_empty());
    assert_eq!(held.images.len(), 1);
}

/// One node whose disk is so many percent full with all these images, of about so many megabytes.
fn lab(sizes: &[(&str, u64)], percent: u64, kubelet: Kubelet) -> Lab {
    let mut catalog = (*Catalog::builtin()).clone();
    let mut text = String::from("images:\n");
    for (name, megabytes) in sizes {
        text += &format!(
            "- {{repositories: [lab.example/{name}], config: {{cmd: [run], programs: {{run: {{}}}}}}, \
             versions: [{{tags: ['1'], size: {megabytes}000000}}]}}\n"
        );
    }
    catalog.merge_file(&text).unwrap();
    let mut settings = Settings { nodes: 1, delays: Delays::zero(), ..Settings::default() };
    settings.catalog = Arc::new(catalog);
    settings.kubelet = kubelet;
    let mut lab = Lab::new(settings);
    let view = lab.view();
    let asker = Asker { id: "crc", since: view.now };
    let size = |(name, _): &(&str, u64)| {
        let names = Reference::candidates(&format!("lab.example/{name}:1")).unwrap();
        registries::ask(&view, asker, &names, |_| Vec::new()).unwrap().size
    };
    let total: u64 = sizes.iter().map(size).sum();
    let mut settings = (*lab.settings).clone();
    settings.capacity.ephemeral_storage = (total * 100 / percent + 1).to_string();
    lab.settings = Arc::new(settings);
    lab
}

fn run(lab: &mut Lab, name: &str) {
    let image = format!("lab.example/{name}:1");
    lab.add(name, json!({"containers": [{"name": "c", "image": image}]}));
}

fn tags(lab: &Lab) -> Vec<String> {
    let node = lab.get("nodes", "crc").unwrap();
    let images = node.list_at("status.images").iter();
    images.filter_map(|i| i.list_at("names").last()?.as_str().map(Into::into)).collect()
}

fn remove(lab: &mut Lab, name: &str) {
    lab.delete_pod(name, 0);
}

/// No eviction, so that only the five minutes count.
fn patient() -> Kubelet {
    Kubelet { eviction_hard: std::collections::BTreeMap::new(), ..Kubelet::default() }
}

#[test]
fn every_five_minutes_the_disk_is_looked_at() {
    let mut lab = lab(&[("a", 300), ("b", 400), ("c", 100)], 90, patient());
    for name in ["a", "b"] {
        run(&mut lab, name);
    }
    remove(&mut lab, "a");
    lab.pass(300.0);
    assert_eq!(tags(&lab), ["lab.example/b:1", "lab.example/a:1"], "noticed, not too full");
    run(&mut lab, "c");
    lab.pass(299.0);
    assert_eq!(tags(&lab).len(), 3, "90% full, but not looked at yet");
    lab.pass(1.0);
    assert_eq!(tags(&lab), ["lab.example/b:1", "lab.example/c:1"]);
    assert!(!lab.heard().iter().any(|t| t.contains("FreeDiskSpaceFailed")));
    let pods = [lab.get("pods", "default/b"), lab.get("pods", "default/c")];
    let running = |p: &Option<Value>| p.as_ref().unwrap().str_at("status.phase") == "Running";
    assert!(pods.iter().all(running));
}

#[test]
fn an_exited_container_keeps_its_image_until_its_pod_is_removed() {
    let mut lab = lab(&[("a", 500), ("b", 400)], 95, patient());
    lab.add(
        "a",
        json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "lab.example/a:1",
            "command": ["run"]}], "activeDeadlineSeconds": 5}),
    );
    run(&mut lab, "b");
    lab.pass(900.0);
    assert_eq!(lab.get("pods", "default/a").unwrap().str_at("status.phase"), "Failed");
    assert_eq!(tags(&lab).len(), 2);
    let told = lab.heard();
    assert!(told.iter().any(|t| t.starts_with("ImageGCFailed Insufficient free disk space")));
    remove(&mut lab, "a");
    lab.pass(300.0);
    assert_eq!(tags(&lab), ["lab.example/b:1"]);
}

fn pressure(lab: &Lab) -> (String, String) {
    let node = lab.get("nodes", "crc").unwrap();
    let c = node.condition("DiskPressure").unwrap();
    (c.str_at("status").into(), c.str_at("reason").into())
}

#[test]
fn unused_images_go_before_pods_and_the_condition_stays_a_while() {
    let mut lab = lab(&[("a", 300), ("b", 400), ("c", 200)], 90, Kubelet::default());
    run(&mut lab, "a");
    lab.pass(430.0);
    remove(&mut lab, "a");
    run(&mut lab, "b");
    assert_eq!(pressure(&lab).0, "False");
    lab.heard();
    run(&mut lab, "c");
    assert_eq!(pressure(&lab), ("True".into(), "KubeletHasDiskPressure".into()));
    let told = lab.heard();
    let has = |text: &str| told.iter().any(|t| t.ends_with(text));
    assert!(has("EvictionThresholdMet Attempting to reclaim ephemeral-storage"), "{told:#?}");
    assert!(has("NodeHasDiskPressure Node crc status is now: NodeHasDiskPressure"));
    assert_eq!(tags(&lab), ["lab.example/b:1", "lab.example/c:1"], "a was unused");
    for name in ["b", "c"] {
        let pod = lab.get("pods", &format!("default/{name}")).unwrap();
        assert_eq!(pod.str_at("status.phase"), "Running");
    }
    // A pod that comes now is not taken.
    run(&mut lab, "a");
    let pod = lab.get("pods", "default/a").unwrap();
    assert_eq!(pod.str_at("status.reason"), "Evicted");
    let text = "Pod was rejected: The node had condition: [DiskPressure]. ";
    assert_eq!(pod.str_at("status.message"), text);
    lab.pass(299.0);
    assert_eq!(pressure(&lab).0, "True");
    lab.pass(2.0);
    assert_eq!(pressure(&lab), ("False".into(), "KubeletHasNoDiskPressure".into()));
}

#[test]
fn pods_go_one_by_one_when_images_are_not_enough() {
    let mut lab = lab(&[("a", 300), ("b", 300), ("c", 300)], 90, Kubelet::default());
    for name in ["a", "b"] {
        let image = format!("lab.example/{name}:1");
        let priority = if name == "a" { 1000 } else { 0 };
        lab.add(name, json!({"priority": priority, "containers": [{"name": "c", "image": image}]}));
    }
    lab.pass(430.0);
    let image = "lab.example/c:1";
    lab.add("c", json!({"priority": 1000, "containers": [{"name": "c", "image": image}]}));
    let pod = lab.get("pods", "default/b").unwrap();
    assert_eq!(pod.str_at("status.phase"), "Failed");
    assert_eq!(pod.str_at("status.reason"), "Evicted");
    let message = pod.str_at("status.message");
    let start = "The node was low on resource: ephemeral-storage. Threshold quantity: ";
    let end = ". Container c was using 24Ki, request is 0, has larger consumption of \
               ephemeral-storage. ";
    assert!(message.starts_with(start) && message.ends_with(end), "{message}");
    let target = pod.condition("DisruptionTarget").unwrap();
    assert_eq!(target.str_at("reason"), "TerminationByKubelet");
    assert_eq!(target.str_at("message"), pod.str_at("status.message"));
    let told = lab.heard();
    assert!(told.iter().any(|t| t.starts_with("Evicted The node was low on resource")));
    lab.pass(400.0);
    let left: Vec<bool> = ["a", "c"]
        .map(|name| {
            let pod = lab.get("pods", &format!("default/{name}")).unwrap();
            pod.str_at("status.phase") == "Running"
        })
        .into();
    assert_eq!(left, [true, true], "one was enough");
    assert_eq!(pressure(&lab).0, "False");
    assert!(!tags(&lab).contains(&"lab.example/b:1".to_owned()));
}

#[test]
fn a_shell_pulls_untags_and_removes() {
    let mut lab = lab(&[("a", 100), ("b", 100)], 50, Kubelet::default());
    run(&mut lab, "a");
    let view = lab.view();
    let mut held = (*Inventory::of(&view, "crc")).clone();
    let now = Loss { rev: view.objects.rev, at: view.now };
    let asker = Asker { id: "crc", since: view.now };
    let offer = |name: &str| runtime::offer(&view, asker, name).unwrap();
    let b = held.add(&offer("lab.example/b:1").unwrap(), now).clone();
    assert!(b.grants.is_none(), "the kubelet did not pull it: everybody may use it");
    let Err(Refusal::Refused(why)) = offer("lab.example/b:2") else { panic!() };
    assert!(why.contains("unknown"), "{why}");
    let a = held.find("lab.example/a:1").unwrap().clone();
    let refused = runtime::remove(&view, "crc", &mut held, "lab.example/a:1").unwrap_err();
    assert!(refused.ends_with(": image is in use by a container"), "{refused}");
    let digest = a.repo_digests()[0].clone();
    held.add(&offer(&digest).unwrap(), now);
    runtime::remove(&view, "crc", &mut held, "lab.example/a:1").unwrap();
    assert!(held.find("lab.example/a:1").is_none() && held.find(&digest).is_some(), "untagged");
    runtime::remove(&view, "crc", &mut held, &b.id[..12]).unwrap();
    runtime::remove(&view, "crc", &mut held, "lab.example/b:1").unwrap();
    assert_eq!(held.images.len(), 1);
    // The running pod's word does not bring the name back.
    lab.put(RESOURCE, held.object("crc", None));
    lab.pass(30.0);
    assert_eq!(tags(&lab), [digest]);
}
