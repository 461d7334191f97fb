//! What objects refer to besides their owners, as terms an index can be asked for: where a pod
//! runs, what it mounts, the address it has, whom an event is about.
//!
//! A term is the resource referred to and its key, as in `nodes/worker01` or `secrets/default/s`.

use super::{ObjectExt, Value};

/// Term of pods that have no node yet.
pub const UNPLACED: &str = "nodes/";

/// Term of pods without a node of which nobody has said, as they are now, that there is none.
pub const UNJUDGED: &str = "queue/unjudged";
/// Term of pods without a node for which one is being cleared.
pub const NOMINATED: &str = "queue/nominated";

/// Term of pods that run on a node.
pub fn node(name: &str) -> String {
    format!("nodes/{name}")
}

/// Term of pods that have an address of their own.
pub fn address(ip: &str) -> String {
    format!("addresses/{ip}")
}

/// Term of pods that read an object of their namespace: a ConfigMap, a Secret or a claim.
pub fn reads(resource: &str, namespace: &str, name: &str) -> String {
    format!("{resource}/{namespace}/{name}")
}

/// What workloads adopt when nobody controls it.
pub const ADOPTABLE: [&str; 4] =
    ["pods", "replicasets.apps", "replicationcontrollers", "controllerrevisions.apps"];

/// Term of the objects of a namespace that nobody controls and a workload may adopt.
pub fn orphans(namespace: &str) -> String {
    format!("orphans/{namespace}")
}

/// Term of those that have a label, too.
pub fn labelled_orphans(namespace: &str, label: &str, value: &str) -> String {
    format!("orphans/{namespace}/{label}={value}")
}

/// Term of events about the object with this uid.
pub fn involved(uid: &str) -> String {
    format!("involved/{uid}")
}

/// The resources whose objects have terms, and where those are read from.
pub const REFERRING: [(&[u8], &[&str]); 2] = [
    (
        b"pods",
        &[
            "kind",
            "spec.containers.env",
            "spec.containers.envFrom",
            "spec.ephemeralContainers.env",
            "spec.ephemeralContainers.envFrom",
            "spec.hostNetwork",
            "spec.initContainers.env",
            "spec.initContainers.envFrom",
            "spec.nodeName",
            "spec.volumes",
            "status.conditions",
            "status.nominatedNodeName",
            "status.podIP",
        ],
    ),
    (b"events", &["involvedObject.uid", "kind"]),
];

/// The terms of an object, sorted.
pub fn of(object: &Value) -> Box<[Box<str>]> {
    let mut terms = match object.str_at("kind") {
        "Pod" => of_pod(object),
        "Event" => vec![involved(object.str_at("involvedObject.uid"))],
        _ => Vec::new(),
    };
    terms.sort_unstable();
    terms.dedup();
    terms.into_iter().map(Into::into).collect()
}

const CLAIMS: &str = "persistentvolumeclaims";

/// Where a volume source (or a part of a projected one) names an object, and of which resource.
const VOLUMES: [(&str, &str, &str); 3] = [
    ("configMap", "name", "configmaps"),
    ("secret", "secretName", "secrets"),
    ("persistentVolumeClaim", "claimName", CLAIMS),
];
/// The same in a container's environment.
const VARIABLES: [(&str, &str, &str); 2] = [
    ("valueFrom.configMapKeyRef", "name", "configmaps"),
    ("valueFrom.secretKeyRef", "name", "secrets"),
];
const SETS: [(&str, &str, &str); 2] =
    [("configMapRef", "name", "configmaps"), ("secretRef", "name", "secrets")];
const PROJECTED: [(&str, &str, &str); 2] =
    [("configMap", "name", "configmaps"), ("secret", "name", "secrets")];

fn of_pod(pod: &Value) -> Vec<String> {
    let mut terms = vec![node(pod.str_at("spec.nodeName"))];
    if pod.str_at("spec.nodeName").is_empty() {
        terms.extend((!is_judged(pod)).then(|| UNJUDGED.to_owned()));
        let nominated = !pod.str_at("status.nominatedNodeName").is_empty();
        terms.extend(nominated.then(|| NOMINATED.to_owned()));
    }
    let ip = pod.str_at("status.podIP");
    if !ip.is_empty() && !pod.is_true("spec.hostNetwork") {
        terms.push(address(ip));
    }
    let ephemeral = |v: &&Value| v.at("ephemeral").is_some_and(|source| !source.is_null());
    for volume in pod.list_at("spec.volumes").iter().filter(ephemeral) {
        let claim = format!("{}-{}", pod.name(), volume.str_at("name"));
        terms.push(reads(CLAIMS, pod.namespace(), &claim));
    }
    let mut add = |item: &Value, places: &[(&str, &str, &str)]| {
        for (field, name, resource) in places {
            let named = item.at(field).map_or("", |source| source.str_at(name));
            if !named.is_empty() {
                terms.push(reads(resource, pod.namespace(), named));
            }
        }
    };
    for volume in pod.list_at("spec.volumes") {
        add(volume, &VOLUMES);
        volume.list_at("projected.sources").iter().for_each(|s| add(s, &PROJECTED));
    }
    for list in ["spec.initContainers", "spec.containers", "spec.ephemeralContainers"] {
        for container in pod.list_at(list) {
            container.list_at("env").iter().for_each(|e| add(e, &VARIABLES));
            container.list_at("envFrom").iter().for_each(|e| add(e, &SETS));
        }
    }
    terms
}

fn is_judged(pod: &Value) -> bool {
    pod.condition("PodScheduled").is_some_and(|c| {
        c.str_at("reason") == "Unschedulable"
            && c.i64_at("observedGeneration") == pod.i64_at("metadata.generation")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Meta, json};

    #[test]
    fn a_pod_refers_to_its_node_and_what_it_reads() {
        let pod = json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "n"},
            "status": {"podIP": "10.0.0.1"},
            "spec": {"nodeName": "w", "volumes": [
                {"name": "a", "configMap": {"name": "c"}}, {"name": "b", "secret": {"secretName": "s"}},
                {"name": "d", "projected": {"sources": [{"secret": {"name": "t"}},
                    {"configMap": {"name": "c"}}]}}],
                "containers": [{"envFrom": [{"configMapRef": {"name": "e"}}],
                    "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "k", "key": "x"}}}]}]}});
        let read = Meta::read(b"pods", pod.to_string().as_bytes()).unwrap();
        assert_eq!(read.links, of(&pod), "from its text alike");
        let terms: Vec<String> = of(&pod).iter().map(ToString::to_string).collect();
        let expected = [
            "addresses/10.0.0.1",
            "configmaps/n/c",
            "configmaps/n/e",
            "nodes/w",
            "secrets/n/k",
            "secrets/n/s",
            "secrets/n/t",
        ];
        assert_eq!(terms, expected);
        let waits = json!({"kind": "Pod", "metadata": {"name": "p"}});
        assert_eq!(of(&waits).as_ref(), [UNPLACED.into(), UNJUDGED.into()]);
    }
}
