//! Pull policies, floating tags, credentials and back-off: what a pod gets, what is told of it, and
//! what its node holds afterwards.

use crate::{
    catalog::{
        Catalog,
        held::{Facts, LEARNED, PulledImage, REGISTRIES},
    },
    object::{ObjectExt, Value, json},
    settings::{Delays, Settings},
    sim::{lab::Lab, registries::Answer},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::Arc;

const WEB: &str = "lab.example/web";

/// A catalogue in which `latest` is on the version with this tag, and a registry that wants to
/// know who pulls.
fn catalog(latest: &str) -> Arc<Catalog> {
    let version = |tag: &str| {
        let tags = if tag == latest { format!("['{tag}', latest]") } else { format!("['{tag}']") };
        format!("{{tags: {tags}, size: 250000000}}")
    };
    let text = format!(
        "registries: {{private.example: {{auth: bearer, users: {{bob: secret}}, \
         unknownRepository: 'unauthorized: authentication required'}}}}\n\
         images:\n- repositories: [{WEB}, private.example/app]\n  config: {{cmd: [run], \
         programs: {{run: {{serves: [8080]}}}}}}\n  architectures: [amd64, arm64]\n  versions: [{}, {}]\n",
        version("1"),
        version("2")
    );
    let mut catalog = (*Catalog::builtin()).clone();
    catalog.merge_file(&text).unwrap();
    Arc::new(catalog)
}

fn lab(nodes: usize, delays: Delays) -> Lab {
    let settings = Settings { nodes, delays, catalog: catalog("1"), ..Settings::default() };
    Lab::new(settings)
}

/// The vendor moves `latest`.
fn move_latest(lab: &mut Lab, to: &str) {
    let settings = Settings { catalog: catalog(to), ..(*lab.settings).clone() };
    lab.settings = Arc::new(settings);
}

fn container(image: &str, policy: &str) -> Value {
    json!({"name": "c", "image": image, "imagePullPolicy": policy})
}

fn run_on(lab: &mut Lab, node: &str, name: &str, image: &str, policy: &str) {
    lab.add(name, json!({"nodeName": node, "containers": [container(image, policy)]}));
}

fn status(lab: &Lab, name: &str) -> Value {
    let pod = lab.get("pods", &format!("default/{name}")).unwrap();
    pod.list_at("status.containerStatuses")[0].clone()
}

fn image_id(lab: &Lab, name: &str) -> String {
    status(lab, name).str_at("imageID").to_owned()
}

fn waiting(lab: &Lab, name: &str) -> String {
    status(lab, name).str_at("state.waiting.reason").to_owned()
}

/// What was told of images, in one word each.
fn told(lab: &mut Lab) -> Vec<&'static str> {
    let word = |line: String| match line {
        l if l.contains("Successfully pulled") => Some("pulled"),
        l if l.contains("already present on machine") => Some("present"),
        l if l.starts_with("Pulling ") => Some("pulling"),
        l if l.starts_with("BackOff ") => Some("back-off"),
        l if l.starts_with("ErrImageNeverPull ") => Some("never"),
        l if l.starts_with("Failed ") && l.contains("Failed to pull") => Some("failed"),
        _ => None,
    };
    lab.heard().into_iter().filter_map(word).collect()
}

fn names(lab: &Lab, node: &str) -> Vec<Vec<String>> {
    let node = lab.get("nodes", node).unwrap();
    let of = |image: &Value| {
        image.list_at("names").iter().filter_map(|n| n.as_str().map(Into::into)).collect()
    };
    node.list_at("status.images").iter().map(of).collect()
}

/// Policy, whether the node holds `latest`, whether the vendor has moved it: which version runs,
/// and what is told.
#[test]
fn the_table_of_policies() {
    let rows: &[(&str, bool, bool, &str, &[&str])] = &[
        ("IfNotPresent", false, false, "1", &["pulling", "pulled"]),
        ("IfNotPresent", true, false, "1", &["present"]),
        ("IfNotPresent", false, true, "2", &["pulling", "pulled"]),
        ("IfNotPresent", true, true, "1", &["present"]),
        ("Always", false, false, "1", &["pulling", "pulled"]),
        ("Always", true, false, "1", &["pulling", "pulled"]),
        ("Always", true, true, "2", &["pulling", "pulled"]),
        ("Never", false, false, "", &["never"]),
        ("Never", true, false, "1", &["present"]),
        ("Never", true, true, "1", &["present"]),
    ];
    for (policy, held, moved, version, words) in rows {
        let what = format!("{policy}, held {held}, moved {moved}");
        let mut lab = lab(1, Delays::zero());
        if *held {
            run_on(&mut lab, "crc", "before", &format!("{WEB}:latest"), "IfNotPresent");
        }
        if *moved {
            move_latest(&mut lab, "2");
        }
        lab.heard();
        run_on(&mut lab, "crc", "p", &format!("{WEB}:latest"), policy);
        assert_eq!(told(&mut lab), *words, "{what}");
        let id = image_id(&lab, "p");
        if version.is_empty() {
            assert_eq!((waiting(&lab, "p").as_str(), id.as_str()), ("ErrImageNeverPull", ""));
            continue;
        }
        run_on(&mut lab, "crc", "judge", &format!("{WEB}:{version}"), "Always");
        assert_eq!(id, image_id(&lab, "judge"), "{what}");
        assert_eq!(status(&lab, "p").str_at("image"), format!("{WEB}:latest"));
    }
}

#[test]
fn asking_again_costs_only_the_manifest() {
    let mut lab = lab(1, Delays::default());
    let took = |lab: &mut Lab| -> u32 {
        let told = lab.heard();
        let line = told.iter().find(|t| t.contains("Successfully pulled")).unwrap();
        assert!(line.ends_with(" bytes.") && line.contains(" including waiting). Image size: "));
        let word = line.split(" in ").nth(1).unwrap().split(' ').next().unwrap();
        match word.strip_suffix("ms") {
            Some(millis) => millis.parse().unwrap(),
            None => (word.trim_end_matches('s').parse::<f64>().unwrap() * 1000.0) as u32,
        }
    };
    for (name, least, most) in [("a", 1200, 1800), ("b", 400, 600)] {
        run_on(&mut lab, "crc", name, &format!("{WEB}:1"), "Always");
        lab.pass(10.0);
        let millis = took(&mut lab);
        assert!((least..=most).contains(&millis), "{name} took {millis} ms");
    }
}

/// The story of the floating tag: the same name on two nodes, and two images.
#[test]
fn a_moved_tag_is_noticed_by_the_node_that_has_to_pull() {
    let mut lab = lab(3, Delays::zero());
    let latest = format!("{WEB}:latest");
    run_on(&mut lab, "worker01", "web-1", &latest, "IfNotPresent");
    let first = image_id(&lab, "web-1");
    move_latest(&mut lab, "2");
    run_on(&mut lab, "worker01", "web-2", &latest, "IfNotPresent");
    run_on(&mut lab, "worker02", "web-3", &latest, "IfNotPresent");
    assert_eq!(image_id(&lab, "web-2"), first, "the node has the tag");
    let second = image_id(&lab, "web-3");
    assert_ne!(second, first, "this one had to ask");
    // A pod that says the digest gets the same everywhere.
    run_on(&mut lab, "worker02", "web-4", &first, "IfNotPresent");
    assert_eq!(image_id(&lab, "web-4"), first);
    let tagged = |lab: &Lab, node: &str| -> Vec<bool> {
        names(lab, node).iter().map(|n| n.contains(&latest)).collect()
    };
    assert_eq!(tagged(&lab, "worker01"), [true]);
    assert_eq!(tagged(&lab, "worker02").iter().filter(|t| **t).count(), 1);
    assert_eq!(names(&lab, "worker02").len(), 2);
}

/// The tag goes to the new image; the old one keeps a digest, as `<none>` in `crictl images`.
#[test]
fn an_image_that_lost_its_tag_is_known_by_its_digest() {
    let mut lab = lab(1, Delays::zero());
    let latest = format!("{WEB}:latest");
    run_on(&mut lab, "crc", "a", &latest, "Always");
    let both = names(&lab, "crc")[0].clone();
    assert_eq!(both.len(), 3, "digests of manifest and index, then the tag: {both:?}");
    assert!(both[0] < both[1] && both[..2].iter().all(|n| n.contains("@sha256:")));
    assert_eq!(image_id(&lab, "a"), both[0]);
    move_latest(&mut lab, "2");
    run_on(&mut lab, "crc", "b", &latest, "Always");
    let mut counts: Vec<usize> = names(&lab, "crc").iter().map(Vec::len).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 3]);
    // The old pod's word does not bring the tag back.
    lab.pass(600.0);
    run_on(&mut lab, "crc", "c", &latest, "IfNotPresent");
    assert_eq!(image_id(&lab, "c"), image_id(&lab, "b"));
    // And back again it moves.
    move_latest(&mut lab, "1");
    lab.pass(1.0);
    run_on(&mut lab, "crc", "d", &latest, "Always");
    assert_eq!(image_id(&lab, "d"), image_id(&lab, "a"));
    lab.pass(1.0);
    run_on(&mut lab, "crc", "e", &latest, "IfNotPresent");
    assert_eq!(image_id(&lab, "e"), image_id(&lab, "a"));
}

fn secret(lab: &mut Lab, name: &str, user: &str, password: &str) {
    let auth = STANDARD.encode(format!("{user}:{password}"));
    let file = json!({"auths": {"private.example": {"auth": auth}}}).to_string();
    lab.put(
        "secrets",
        json!({"metadata": {"name": name, "namespace": "default"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(file)}}),
    );
}

/// Who may use a private image: those who have pulled it, or could.
#[test]
fn the_table_of_credentials() {
    const APP: &str = "private.example/app:1";
    let mut lab = lab(1, Delays::zero());
    secret(&mut lab, "good", "bob", "secret");
    secret(&mut lab, "twin", "bob", "secret");
    secret(&mut lab, "wrong", "bob", "guess");
    let rows: &[(&str, &str, &str, &[&str])] = &[
        ("", "IfNotPresent", "ImagePullBackOff", &["pulling", "failed", "back-off"]),
        ("wrong", "IfNotPresent", "ImagePullBackOff", &["pulling", "failed", "back-off"]),
        ("good", "IfNotPresent", "", &["pulling", "pulled"]),
        ("", "IfNotPresent", "ImagePullBackOff", &["pulling", "failed", "back-off"]),
        ("", "Never", "ErrImageNeverPull", &["never"]),
        ("good", "IfNotPresent", "", &["present"]),
        ("good", "Never", "", &["present"]),
        ("twin", "IfNotPresent", "", &["present"]),
        ("wrong", "IfNotPresent", "ImagePullBackOff", &["pulling", "failed", "back-off"]),
    ];
    for (at, (secret, policy, reason, words)) in rows.iter().enumerate() {
        let name = format!("p{at}");
        lab.heard();
        let secrets = if secret.is_empty() { json!([]) } else { json!([{"name": secret}]) };
        lab.add(
            &name,
            json!({"imagePullSecrets": secrets, "containers": [container(APP, policy)]}),
        );
        assert_eq!(waiting(&lab, &name), *reason, "{at}: {secret} {policy}");
        assert_eq!(told(&mut lab), *words, "{at}: {secret} {policy}");
    }
    // With wrong credentials or none, it is the token service that refuses.
    for name in ["p0", "p1"] {
        let said = status(&lab, name).str_at("state.waiting.message").to_owned();
        let why =
            "unable to retrieve auth token: invalid username/password: authentication required";
        assert!(said.ends_with(why), "{said}");
    }
}

/// The cluster's pull secret is every node's; what it pulled is everybody's.
#[test]
fn the_nodes_own_key_opens_for_all() {
    let mut lab = lab(1, Delays::zero());
    secret(&mut lab, "good", "bob", "secret");
    let mut own = lab.get("secrets", "default/good").unwrap();
    own["metadata"] = json!({"name": "pull-secret", "namespace": "openshift-config"});
    lab.put("secrets", own);
    for (name, words) in [("a", &["pulling", "pulled"][..]), ("b", &["present"][..])] {
        lab.heard();
        run_on(&mut lab, "crc", name, "private.example/app:1", "IfNotPresent");
        assert_eq!(told(&mut lab), words);
    }
}

#[test]
fn a_back_off_is_sat_out_even_if_the_image_turns_up() {
    let mut lab = lab(1, Delays::zero());
    let outage = |lab: &mut Lab, down: bool| {
        lab.put(REGISTRIES, json!({"metadata": {"name": "lab.example"}, "down": down}));
    };
    outage(&mut lab, true);
    run_on(&mut lab, "crc", "p", &format!("{WEB}:1"), "IfNotPresent");
    assert_eq!(waiting(&lab, "p"), "ImagePullBackOff");
    outage(&mut lab, false);
    lab.put("secrets", json!({"metadata": {"name": "news", "namespace": "default"}}));
    lab.pass(9.0);
    assert_eq!(waiting(&lab, "p"), "ImagePullBackOff");
    lab.pass(1.0);
    assert_eq!(waiting(&lab, "p"), "");
}

#[test]
fn a_back_off_goes_on_without_its_events() {
    let mut lab = lab(1, Delays::zero());
    run_on(&mut lab, "crc", "p", &format!("{WEB}:none"), "IfNotPresent");
    assert_eq!(told(&mut lab), ["pulling", "failed", "back-off"]);
    lab.pass(10.0);
    assert_eq!(told(&mut lab), ["pulling", "failed", "back-off"]);
    lab.clear("events");
    lab.put("secrets", json!({"metadata": {"name": "news", "namespace": "default"}}));
    lab.pass(19.0);
    assert!(told(&mut lab).is_empty(), "twenty seconds between the second and the third");
    lab.pass(1.0);
    assert_eq!(told(&mut lab), ["pulling", "failed", "back-off"]);
    let row = |lab: &Lab| lab.get(super::attempts::RESOURCE, "default/p");
    assert!(row(&lab).is_some());
    lab.delete_pod("p", 0);
    lab.reconcile(&super::KUBELET, "default/p");
    assert!(row(&lab).is_none(), "nothing is left of it");
}

#[test]
fn another_image_is_tried_at_once() {
    let mut lab = lab(1, Delays::zero());
    run_on(&mut lab, "crc", "p", &format!("{WEB}:none"), "IfNotPresent");
    lab.pass(12.0);
    assert_eq!(waiting(&lab, "p"), "ImagePullBackOff");
    lab.heard();
    let change = |lab: &mut Lab, tag: &str| {
        let mut pod = lab.get("pods", "default/p").unwrap();
        pod["spec"]["containers"][0]["image"] = json!(format!("{WEB}:{tag}"));
        lab.put("pods", pod);
        lab.settle();
    };
    change(&mut lab, "no-better");
    assert_eq!(told(&mut lab), ["pulling", "failed", "back-off"]);
    assert_eq!(status(&lab, "p").str_at("image"), format!("{WEB}:no-better"));
    lab.pass(9.0);
    assert!(told(&mut lab).is_empty(), "a series of its own: ten seconds from now");
    lab.pass(1.0);
    assert_eq!(told(&mut lab), ["pulling", "failed", "back-off"]);
    change(&mut lab, "2");
    assert_eq!(told(&mut lab), ["pulling", "pulled"]);
}

#[test]
fn a_registry_nobody_runs_is_unavailable() {
    let mut lab = lab(1, Delays::zero());
    run_on(&mut lab, "crc", "p", "localhost:5000/a:1", "IfNotPresent");
    assert_eq!(lab.answer(&Answer::Unavailable("connection refused".into())), 1);
    let status = status(&lab, "p");
    let message = status.str_at("state.waiting.message");
    let start = "Back-off pulling image \"localhost:5000/a:1\": RegistryUnavailable: image pull \
                 failed for localhost:5000/a:1 because the registry is unavailable: \
                 connection refused";
    assert!(message.starts_with(start), "{message}");
    let told = lab.heard();
    assert!(told.iter().any(|t| t.ends_with("Error: RegistryUnavailable")), "{told:#?}");
}

#[test]
fn a_full_disk_takes_no_image() {
    let mut lab = lab(1, Delays::zero());
    let mut settings = (*lab.settings).clone();
    settings.capacity.ephemeral_storage = "200M".into();
    lab.settings = Arc::new(settings);
    run_on(&mut lab, "crc", "p", &format!("{WEB}:1"), "IfNotPresent");
    let status = status(&lab, "p");
    let message = status.str_at("state.waiting.message");
    assert!(message.ends_with(": no space left on device"), "{message}");
}

#[test]
fn a_container_that_cannot_be_made_has_its_image_all_the_same() {
    let mut lab = lab(1, Delays::zero());
    let mut c = container(&format!("{WEB}:1"), "IfNotPresent");
    c["env"] = json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]);
    lab.add("p", json!({"containers": [c]}));
    assert_eq!(waiting(&lab, "p"), "CreateContainerConfigError");
    assert_eq!(names(&lab, "crc").len(), 1);
}

/// An image from the network: a container that serves a port and has a label.
fn learned(lab: &mut Lab, digest: &str, port: u16) -> Answer {
    let run = json!({"Entrypoint": ["/serve"], "ExposedPorts": {format!("{port}/tcp"): {}}});
    let run = serde_json::from_value(run).unwrap();
    let config = digest.replace("sha256:", "sha256:c");
    let facts = Facts { config, size: 1000, run, ..Facts::default() };
    let image = PulledImage { digests: vec![digest.into()], facts };
    let mut row = serde_json::to_value(&image).unwrap();
    row["metadata"] = json!({"name": digest});
    lab.put(LEARNED, row);
    Answer::Image { digest: digest.into(), took: 0, by: None }
}

#[test]
fn the_network_is_asked_as_the_policy_says() {
    let image = "lab.test:5000/team/app:1";
    let digest = |c: &str| format!("sha256:{}", c.repeat(64));
    let mut lab = lab(1, Delays::zero());
    let one = learned(&mut lab, &digest("1"), 8080);
    run_on(&mut lab, "crc", "a", image, "IfNotPresent");
    assert_eq!((told(&mut lab), waiting(&lab, "a")), (vec!["pulling"], "ContainerCreating".into()));
    assert_eq!(lab.answer(&one), 1);
    assert_eq!(told(&mut lab), ["pulled"]);
    let id = status(&lab, "a").str_at("imageID").to_owned();
    assert_eq!(id, format!("lab.test:5000/team/app@{}", digest("1")));
    assert_eq!(names(&lab, "crc"), [[id.as_str(), image]]);
    // Who does not have to ask does not.
    run_on(&mut lab, "crc", "b", image, "IfNotPresent");
    assert_eq!((told(&mut lab), lab.answer(&one)), (vec!["present"], 0));
    let two = learned(&mut lab, &digest("2"), 9090);
    run_on(&mut lab, "crc", "c", image, "Always");
    assert_eq!(lab.answer(&two), 1);
    assert_eq!(told(&mut lab), ["pulling", "pulled"]);
    assert_eq!(status(&lab, "a").str_at("imageID"), id, "what runs, runs on");
    assert!(status(&lab, "c").str_at("imageID").ends_with(&digest("2")));
    // A refusal is told, and the next attempt asks again.
    run_on(&mut lab, "crc", "d", "lab.test:5000/team/app:3", "IfNotPresent");
    assert_eq!(lab.answer(&Answer::Refused("manifest unknown".into())), 1);
    assert_eq!(
        (told(&mut lab), waiting(&lab, "d")),
        (vec!["pulling", "failed", "back-off"], "ImagePullBackOff".into())
    );
    lab.pass(10.0);
    assert_eq!(lab.answer(&two), 1);
    assert_eq!(told(&mut lab), ["pulling", "pulled"]);
}
