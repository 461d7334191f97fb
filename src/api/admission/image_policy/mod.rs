//! image.openshift.io/ImagePolicy: short image names become what an image stream of the namespace
//! means by them, if the stream or the object asks for that. Nothing is ever refused.
//!
//! Source: openshift/apiserver-library-go `pkg/admission/imagepolicy` in its default configuration,
//! openshift/kubernetes `openshift-kube-apiserver/admission/namespaceconditions`.

mod lookup;
#[cfg(test)]
mod tests;

use super::{
    super::Verb,
    Attributes,
    common::{namespace, refuse},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value},
};
use lookup::Lookup;

/// On an object or its pod template: `*` lets every name be looked up.
const RESOLVE_NAMES: &str = "alpha.image.policy.openshift.io/resolve-names";
const RUN_LEVEL: &str = "openshift.io/run-level";
/// Namespaces of run levels 0 and 1 that do not say so.
const LOW_LEVEL: &[&str] =
    &["default", "kube-system", "kube-public", "openshift-node", "openshift-infra", "openshift"];

/// A kind with images, as group, plural name and the place of its pod (template).
type Covered = (&'static str, &'static str, &'static str);

static COVERED: &[Covered] = &[
    ("", "pods", ""),
    ("", "replicationcontrollers", "/spec/template"),
    ("apps", "daemonsets", "/spec/template"),
    ("apps", "deployments", "/spec/template"),
    ("apps", "replicasets", "/spec/template"),
    ("apps", "statefulsets", "/spec/template"),
    ("batch", "cronjobs", "/spec/jobTemplate/spec/template"),
    ("batch", "jobs", "/spec/template"),
];

/// Looks up the images of a new object, and those an update changes.
pub fn mutate(object: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    let Some((.., pod)) = covered(a) else { return Ok(()) };
    if is_controlled(object) || is_low_level(a) {
        return Ok(());
    }
    // Upstream finds no pod spec in what its types allow to be absent.
    if a.kind.plural == "replicationcontrollers" && object.at("spec.template").is_none() {
        const WHY: &str = "unable to apply image policy against objects of type *core.ReplicationController: No list of images available for this object";
        return Err(refuse(a, object, WHY));
    }
    let all_names = resolves_all(object, pod);
    let asked_before = a.old.is_some_and(|old| resolves_all(old, pod));
    let old = a.old.filter(|_| all_names == asked_before);
    let lookup = Lookup { snapshot: a.snapshot, namespace: a.namespace, all_names };
    for list in LISTS {
        let containers = object.pointer_mut(&format!("{pod}/spec/{list}"));
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            let image = container.str_at("image");
            if old.and_then(|old| image_before(old, pod, container.str_at("name"))) == Some(image) {
                continue;
            }
            if let Some(found) = lookup.find(image) {
                container.set_at("image", found);
            }
        }
    }
    Ok(())
}

/// The container lists that are looked at, in the order in which a name is looked for.
const LISTS: [&str; 2] = ["initContainers", "containers"];

fn covered(a: &Attributes<'_>) -> Option<&'static Covered> {
    // The pods of a Job cannot be changed.
    let writes = match a.verb {
        Verb::Create => true,
        Verb::Update => a.kind.plural != "jobs",
        _ => false,
    };
    let found = COVERED.iter().find(|(g, p, _)| *g == a.kind.group && *p == a.kind.plural);
    found.filter(|_| writes && a.sub.is_empty())
}

fn is_controlled(object: &Value) -> bool {
    object.list_at("metadata.ownerReferences").iter().any(|o| o.is_true("controller"))
}

fn is_low_level(a: &Attributes<'_>) -> bool {
    let low = |level: &str| ["0", "1"].contains(&level);
    LOW_LEVEL.contains(&a.namespace)
        || namespace(a).is_some_and(|n| n.label(RUN_LEVEL).is_some_and(low))
}

/// Whether the object, or the pod template at `pod`, asks for all its names to be looked up.
fn resolves_all(object: &Value, pod: &str) -> bool {
    let template = object.pointer(pod).unwrap_or(&Value::Null);
    [template, object].iter().any(|o| o.annotation(RESOLVE_NAMES) == Some("*"))
}

/// The image of the container of this name.
fn image_before<'a>(object: &'a Value, pod: &str, name: &str) -> Option<&'a str> {
    let lists = LISTS.iter().filter_map(|l| object.pointer(&format!("{pod}/spec/{l}")));
    let mut containers = lists.filter_map(Value::as_array).flatten();
    containers.find(|c| c.str_at("name") == name).map(|c| c.str_at("image"))
}
