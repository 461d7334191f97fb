//! Which images are rewritten, and to what.

use super::mutate;
use crate::{
    api::{Verb, admission::testing::Scene},
    images::{IMAGES, STREAMS},
    object::{ObjectExt, Value, json},
};

const REGISTRY: &str = "image-registry.openshift-image-registry.svc:5000";
const NAMES: &str = "alpha.image.policy.openshift.io/resolve-names";

fn digest(c: char) -> String {
    format!("sha256:{}", c.to_string().repeat(64))
}

fn image(c: char) -> (&'static str, Value) {
    (IMAGES, json!({"metadata": {"name": digest(c)}}))
}

/// A stream whose tag `20.0` is the image `a`, and `latest` the image `b`.
fn stream(namespace: &str, name: &str, lookup: bool) -> (&'static str, Value) {
    let tag = |name: &str, reference: String, image: String| json!({"tag": name, "items": [{"dockerImageReference": reference, "image": image}]});
    let source = |c| format!("quay.io/keycloak/keycloak@{}", digest(c));
    let object = json!({"metadata": {"namespace": namespace, "name": name},
        "spec": {"lookupPolicy": {"local": lookup}, "tags": [
            {"name": "20.0", "referencePolicy": {"type": "Source"}},
            {"name": "loc", "referencePolicy": {"type": "Local"}}]},
        "status": {"dockerImageRepository": format!("{REGISTRY}/{namespace}/{name}"), "tags": [
            tag("20.0", source('a'), digest('a')), tag("loc", source('a'), digest('a')),
            tag("latest", source('b'), digest('b')),
            tag("lost", source('c'), digest('c')),
            tag("ref", "quay.io/keycloak/keycloak:19.0".into(), String::new()),
            {"tag": "broken", "items": null}]}});
    (STREAMS, object)
}

fn scene() -> Scene {
    let namespace = |name: &str, level: &str| {
        let labels = json!({"openshift.io/run-level": level});
        ("namespaces", json!({"metadata": {"name": name, "labels": labels}}))
    };
    let mut objects =
        vec![image('a'), image('b'), stream("n", "off", false), stream("m", "keycloak", true)];
    for namespace in ["n", "default", "openshift", "openshift-etcd", "low", "high"] {
        objects.push(stream(namespace, "keycloak", true));
    }
    objects.extend([namespace("low", "1"), namespace("high", "2"), stream("n", "my.app", true)]);
    Scene::new(objects)
}

fn pod(image: &str) -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

/// What becomes of an image in a new pod.
fn of_pod(scene: &Scene, namespace: &str, mut pod: Value) -> String {
    mutate(&mut pod, &scene.attributes("pods", Verb::Create, namespace, "p")).unwrap();
    pod["spec"]["containers"][0].str_at("image").to_owned()
}

#[test]
fn names_and_what_they_mean() {
    let scene = scene();
    let (a, b) = (digest('a'), digest('b'));
    let source = |d: &str| format!("quay.io/keycloak/keycloak@{d}");
    let own = |tag: &str| format!("{REGISTRY}/n/keycloak:{tag}");
    let rows = [
        ("keycloak:20.0", source(&a)),
        ("keycloak", source(&b)),
        ("keycloak:loc", format!("{REGISTRY}/n/keycloak@{a}")),
        // Tags without an image are asked of the internal registry, whatever the reason.
        ("keycloak:99", own("99")),
        ("keycloak:ref", own("ref")),
        ("keycloak:broken", own("broken")),
        ("keycloak:lost", own("lost")),
        // Left alone.
        ("off:20.0", "off:20.0".into()),
        ("off:99", "off:99".into()),
        ("none:1", "none:1".into()),
        ("n/keycloak:20.0", "n/keycloak:20.0".into()),
        ("docker.io/keycloak:20.0", "docker.io/keycloak:20.0".into()),
        ("my.app:20.0", "my.app:20.0".into()),
        (&format!("keycloak@{a}"), format!("keycloak@{a}")),
        (" ", " ".into()),
        ("Keycloak:20.0", "Keycloak:20.0".into()),
        // The internal registry's own names: only what is missing there changes.
        (&own("20.0"), own("20.0")),
        (&format!("{REGISTRY}/n/keycloak"), format!("{REGISTRY}/n/keycloak")),
        (&format!("{REGISTRY}/m/keycloak:99"), format!("{REGISTRY}/m/keycloak:99")),
    ];
    for (name, expected) in rows {
        assert_eq!(of_pod(&scene, "n", pod(name)), expected, "{name}");
    }
}

#[test]
fn an_object_may_ask_for_all_names() {
    let scene = scene();
    let source = format!("quay.io/keycloak/keycloak@{}", digest('a'));
    let own = format!("{REGISTRY}/n/off:99");
    let rows = [
        ("*", "docker.io/foo/keycloak:20.0", source.as_str()),
        ("*", "off:20.0", &source),
        ("*", "quay.io/off:99", &own),
        ("*", "quay.io/a/b/keycloak:20.0", "quay.io/a/b/keycloak:20.0"),
        ("*", "my.app:20.0", "my.app:20.0"),
        ("true", "off:20.0", "off:20.0"),
    ];
    for (value, name, expected) in rows {
        let mut pod = pod(name);
        pod.set_annotation(NAMES, value);
        assert_eq!(of_pod(&scene, "n", pod), expected, "{value} {name}");
    }
}

#[test]
fn where_nothing_is_looked_up() {
    let scene = scene();
    let rewritten = |namespace: &str| of_pod(&scene, namespace, pod("keycloak:20.0")).contains('@');
    let rows = [
        ("n", true),
        ("openshift-etcd", true),
        ("high", true),
        ("low", false),
        ("default", false),
        ("openshift", false),
    ];
    for (namespace, expected) in rows {
        assert_eq!(rewritten(namespace), expected, "{namespace}");
    }
    for (controller, expected) in [(true, false), (false, true)] {
        let mut pod = pod("keycloak:20.0");
        pod.set_at("metadata.ownerReferences", json!([{"controller": controller}]));
        assert_eq!(of_pod(&scene, "n", pod).contains('@'), expected, "controller: {controller}");
    }
}

#[test]
fn every_kind_and_both_lists_but_not_the_ephemeral() {
    let scene = scene();
    let containers =
        || json!([{"name": "a", "image": "keycloak:20.0"}, {"name": "b", "image": "x"}]);
    let rows = [
        ("pods", "spec"),
        ("replicationcontrollers", "spec.template.spec"),
        ("deployments", "spec.template.spec"),
        ("daemonsets", "spec.template.spec"),
        ("statefulsets", "spec.template.spec"),
        ("replicasets", "spec.template.spec"),
        ("jobs", "spec.template.spec"),
        ("cronjobs", "spec.jobTemplate.spec.template.spec"),
    ];
    for (resource, path) in rows {
        let mut object = json!({"metadata": {"name": "o"}});
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            object.set_at(&format!("{path}.{list}"), containers());
        }
        mutate(&mut object, &scene.attributes(resource, Verb::Create, "n", "o")).unwrap();
        let images = |list: &str| -> Vec<bool> {
            let found = object.list_at(&format!("{path}.{list}")).iter();
            found.map(|c| c.str_at("image").contains('@')).collect()
        };
        assert_eq!(images("initContainers"), [true, false], "{resource}");
        assert_eq!(images("containers"), [true, false], "{resource}");
        assert_eq!(images("ephemeralContainers"), [false, false], "{resource}");
    }
    let mut other =
        json!({"metadata": {"name": "o"}, "template": {"spec": {"containers": containers()}}});
    let before = other.clone();
    mutate(&mut other, &scene.attributes("podtemplates", Verb::Create, "n", "o")).unwrap();
    assert_eq!(other, before, "no rule covers pod templates");
}

fn deployment(containers: Value) -> Value {
    json!({"metadata": {"name": "d"}, "spec": {"template": {"metadata": {},
        "spec": {"containers": containers}}}})
}

fn replacing(old: Value) -> Scene {
    let mut scene = scene();
    scene.old = Some(old);
    scene
}

#[test]
fn an_update_looks_up_what_it_changes() {
    let c = |name: &str, image: &str| json!({"name": name, "image": image});
    let source = format!("quay.io/keycloak/keycloak@{}", digest('a'));
    let rows = [
        ("unchanged", json!([c("a", "keycloak:20.0")]), "keycloak:20.0"),
        ("changed", json!([c("a", "keycloak:99")]), &*source),
        ("renamed", json!([c("b", "keycloak:20.0")]), &source),
        ("moved", json!([c("x", "y"), c("a", "keycloak:20.0")]), "keycloak:20.0"),
    ];
    let new = || deployment(json!([c("a", "keycloak:20.0")]));
    let update = |scene: &Scene, mut new: Value, resource: &str| {
        mutate(&mut new, &scene.attributes(resource, Verb::Update, "n", "d")).unwrap();
        new["spec"]["template"]["spec"]["containers"][0].str_at("image").to_owned()
    };
    for (what, old, expected) in rows {
        let scene = replacing(deployment(old));
        assert_eq!(update(&scene, new(), "deployments"), expected, "{what}");
        assert_eq!(update(&scene, new(), "jobs"), "keycloak:20.0", "{what}: Jobs are not touched");
    }
    // An init container of the name comes first.
    let mut old = deployment(json!([c("a", "keycloak:20.0")]));
    old.set_at("spec.template.spec.initContainers", json!([c("a", "other")]));
    let changed = replacing(old);
    assert_eq!(update(&changed, new(), "deployments"), source);
    // Asking, or asking no more, lets all be looked up.
    let mut asking = new();
    asking.set_at("spec.template.metadata.annotations", json!({NAMES: "*"}));
    for (old, new) in [(new(), asking.clone()), (asking, new())] {
        let scene = replacing(old);
        assert_eq!(update(&scene, new, "deployments"), source);
    }
}

#[test]
fn a_replication_controller_needs_a_template() {
    let scene = scene();
    let mut object = json!({"metadata": {"name": "r"}, "spec": {}});
    let done =
        mutate(&mut object, &scene.attributes("replicationcontrollers", Verb::Create, "n", "r"));
    assert_eq!(
        done.unwrap_err().to_string(),
        "replicationcontrollers \"r\" is forbidden: unable to apply image policy against objects of type *core.ReplicationController: No list of images available for this object"
    );
}

#[test]
fn subresources_are_left_alone() {
    let scene = scene();
    let mut object = deployment(json!([{"name": "a", "image": "keycloak:20.0"}]));
    let before = object.clone();
    let mut attributes = scene.attributes("deployments", Verb::Update, "n", "d");
    attributes.sub = "status";
    mutate(&mut object, &attributes).unwrap();
    assert_eq!(object, before);
}
