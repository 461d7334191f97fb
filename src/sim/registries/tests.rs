//! What registries answer to nodes.

use super::*;
use crate::{catalog::reference::Reference, sim::lab::Lab};

fn asked(lab: &Lab, text: &str, keys: &[(&str, &str)]) -> Result<Offer, Refusal> {
    let key = |(user, password): &(&str, &str)| Key {
        user: (*user).into(),
        password: (*password).into(),
        secret: Some("n/s u".into()),
    };
    let keys: Vec<Key> = keys.iter().map(key).collect();
    ask(&lab.view(), &Reference::candidates(text).unwrap(), |_| keys.clone())
}

#[test]
fn refusals_have_the_runtimes_words() {
    let lab = Lab::instant();
    let nginx = "registry.access.redhat.com/ubi9/nginx-120";
    let missing = format!("reading manifest 1-bad in {nginx}: manifest unknown");
    let nowhere = "pinging container registry nowhere.example: Get \
                   \"https://nowhere.example/v2/\": dial tcp: lookup nowhere.example: no such host";
    let token = "unable to retrieve auth token: invalid username/password: authentication required";
    let private = "reading manifest 1 in basic.example.com/a: authentication required";
    let rows = [
        (format!("{nginx}:1-bad"), missing.as_str()),
        ("nowhere.example/a:1".into(), nowhere),
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
    let down = asked(&lab, "localhost:5000/a", &[]).unwrap_err();
    assert!(matches!(down, Refusal::Unavailable(why) if why.contains("connection refused")));
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
