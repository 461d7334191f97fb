//! What registries answer to nodes.

use super::*;
use crate::{
    catalog::{
        held::{Facts, LEARNED, PulledImage},
        reference::Reference,
    },
    importer::FetchError,
    object::json,
    sim::{lab::Lab, registries::pulls::key},
};
use jiff::Timestamp;

fn asked(lab: &Lab, text: &str, keys: &[(&str, &str)]) -> Result<Offer, Refusal> {
    let key = |(user, password): &(&str, &str)| Key {
        user: (*user).into(),
        password: (*password).into(),
        secret: Some("n/s u".into()),
        account: None,
    };
    let keys: Vec<Key> = keys.iter().map(key).collect();
    let asker = Asker { id: "uid", since: lab.now };
    ask(&lab.view(), asker, &Reference::candidates(text).unwrap(), |_| keys.clone())
}

#[test]
fn refusals_have_the_runtimes_words() {
    let lab = Lab::instant();
    let nginx = "registry.access.redhat.com/ubi9/nginx-120";
    let missing = format!("reading manifest 1-bad in {nginx}: manifest unknown");
    let token = "unable to retrieve auth token: invalid username/password: authentication required";
    let private = "reading manifest 1 in basic.example.com/a: authentication required";
    let rows = [
        (format!("{nginx}:1-bad"), missing.as_str()),
        ("registry.example.com/a:1".into(), token),
        ("basic.example.com/a:1".into(), private),
    ];
    for (name, why) in rows {
        let words = format!(
            "unable to pull image or OCI artifact: pull image err: initializing source \
             docker://{name}: {why}; artifact err: get manifest: build image source: {why}"
        );
        assert_eq!(asked(&lab, &name, &[]).unwrap_err(), Refusal::Refused(words));
    }
}

#[test]
fn an_index_leads_to_the_nodes_architecture() {
    let lab = Lab::instant();
    let offer = asked(&lab, "registry.access.redhat.com/ubi9/nginx-120:1-86", &[]).unwrap();
    assert_eq!(offer.digests.len(), 2, "manifest and index");
    assert!(!offer.digests.contains(&offer.id));
    for digest in &offer.digests {
        let name = format!("registry.access.redhat.com/ubi9/nginx-120@{digest}");
        let known = known(&lab.view(), &name).unwrap();
        assert_eq!((&known.id, &known.digests), (&offer.id, &offer.digests));
        assert_eq!(asked(&lab, &name, &[]).unwrap().id, offer.id);
    }
}

#[test]
fn a_key_is_noted_whether_or_not_it_was_needed() {
    let lab = Lab::instant();
    let by = |o: Offer| o.by.map(|k| k.user);
    assert_eq!(by(asked(&lab, "quay.io/podman/hello", &[("bob", "x")]).unwrap()).unwrap(), "bob");
    assert_eq!(by(asked(&lab, "quay.io/podman/hello", &[]).unwrap()), None);
}

#[test]
fn the_networks_faults_have_the_runtimes_words() {
    let name = &Reference::candidates("lab.test:5000/team/app:1").unwrap()[0];
    let (ping, manifest) =
        ("https://lab.test:5000/v2/", "https://lab.test:5000/v2/team/app/manifests/1");
    let other = |url: &str, why: &str| FetchError::other(why).within(url);
    let said = |status, code: &str, message: &str| {
        let body = json!({"errors": [{"code": code, "message": message}]}).to_string();
        FetchError::of_answer(status, "", body.as_bytes(), None)
    };
    let refused = "dial tcp 127.0.0.1:5000: connect: connection refused";
    let rows = [
        (
            other(ping, "dial tcp: lookup lab.test on 172.30.0.10:53: no such host"),
            "pinging container registry lab.test:5000: Get \"https://lab.test:5000/v2/\": dial tcp: \
             lookup lab.test: no such host"
                .to_owned(),
        ),
        (
            other(ping, refused),
            format!("pinging container registry lab.test:5000: Get \"{ping}\": {refused}"),
        ),
        (other(manifest, "EOF"), format!("Get \"{manifest}\": EOF")),
        (
            other(manifest, "unauthorized: who are you"),
            "unable to retrieve auth token: invalid username/password: unauthorized: who are you"
                .into(),
        ),
        (
            said(404, "MANIFEST_UNKNOWN", "manifest unknown"),
            "reading manifest 1 in lab.test:5000/team/app: manifest unknown".into(),
        ),
        (
            said(401, "UNAUTHORIZED", "authentication required"),
            "reading manifest 1 in lab.test:5000/team/app: authentication required".into(),
        ),
        (
            said(403, "DENIED", "not you"),
            "reading manifest 1 in lab.test:5000/team/app: denied: not you".into(),
        ),
    ];
    for (fault, why) in rows {
        let doing = "reading manifest 1 in lab.test:5000/team/app";
        let (words, away) = match words::of_network(name, doing, &fault) {
            Refusal::Unavailable(words) => (words, true),
            Refusal::Refused(words) => (words, false),
            Refusal::Open(_) => panic!("{fault}"),
        };
        assert_eq!(away, why.contains("connection refused"), "{why}");
        let frame = "unable to pull image or OCI artifact: pull image err: initializing source \
                     docker://lab.test:5000/team/app:1: ";
        let again = format!("; artifact err: get manifest: build image source: {why}");
        assert_eq!(words, format!("{frame}{why}{again}"));
    }
}

#[test]
fn answers_count_for_the_attempt_they_were_asked_for() {
    let mut lab = Lab::instant();
    let image = "lab.test:5000/team/app:1";
    let name = Reference::candidates(image).unwrap().remove(0);
    let pod = json!({"metadata": {"name": "p", "namespace": "n", "uid": "uid"}});
    let asker = Asker { id: "uid", since: lab.now };
    let open = || Refusal::Open(name.clone());
    assert_eq!(asked(&lab, image, &[]).unwrap_err(), open());
    let write = question(&lab.view(), Some(&pod), asker, &name).unwrap();
    lab.put(PULLS, write.body.clone());
    assert!(question(&lab.view(), Some(&pod), asker, &name).is_none(), "asked already");

    let digest = format!("sha256:{}", "a".repeat(64));
    let facts = Facts { config: "sha256:c".into(), size: 7, ..Facts::default() };
    let learned = PulledImage { digests: vec![digest.clone()], facts };
    let mut row = serde_json::to_value(&learned).unwrap();
    row["metadata"] = json!({"name": digest});
    lab.put(LEARNED, row);
    let told = |answer| Pull {
        pod: "n/p".into(),
        asker: "uid".into(),
        image: image.into(),
        asked: lab.now,
        answer: Some(answer),
    };
    let by = Key {
        user: "bob".into(),
        password: "x".into(),
        secret: Some("n/s u".into()),
        account: None,
    };
    let good = told(Answer::Image { digest: digest.clone(), took: 12, by: Some(by.hash()) });
    let bad = told(Answer::Refused("no".into()));
    let at = key("uid", image);
    lab.put(PULLS, good.object(&at));
    let offer = asked(&lab, image, &[("bob", "x")]).unwrap();
    assert_eq!((offer.name.as_str(), offer.size, offer.by), (image, 7, Some(by)));
    assert_eq!(offer.digests, [digest]);
    lab.put(PULLS, bad.object(&at));
    assert_eq!(asked(&lab, image, &[]).unwrap_err(), Refusal::Refused("no".into()));
    lab.now = Timestamp::from_second(lab.now.as_second() + 10).unwrap();
    assert_eq!(asked(&lab, image, &[]).unwrap_err(), open(), "another attempt asks again");
}
