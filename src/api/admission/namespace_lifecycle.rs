//! NamespaceLifecycle: nothing is created in absent or terminating namespaces, and some namespaces
//! stay.
//!
//! Source: apiserver `pkg/admission/plugin/namespace/lifecycle`; the list is OpenShift's.

use super::{
    super::Verb,
    Attributes,
    common::{is, refuse},
};
use crate::{
    error::{Cause, Error},
    object::Value,
    store::Op,
};

/// Namespaces that may not be deleted.
const IMMORTAL: [&str; 7] = [
    "default",
    "kube-system",
    "kube-public",
    "openshift-config",
    "openshift-config-managed",
    "openshift-cluster-version",
    "openshift-machine-api",
];

/// Refuses creations where they cannot be.
pub fn mutate(object: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    let review = a.kind.group == "authorization.k8s.io";
    if a.namespace.is_empty() || is_namespace(a) || a.verb == Verb::Delete || review {
        return Ok(());
    }
    let Some(namespace) = a.snapshot.get("namespaces", "", a.namespace) else {
        return Err(Error::not_found("namespaces", a.namespace));
    };
    // The phase says the same, but every write comes by here and the metadata is at hand.
    if a.verb != Verb::Create || !namespace.meta.deleting {
        return Ok(());
    }
    let why = format!(
        "unable to create new content in namespace {} because it is being terminated",
        a.namespace
    );
    Err(match refuse(a, object, why) {
        Error::Forbidden { resource, name, why, .. } => {
            let message = format!("namespace {} is being terminated", a.namespace);
            let field = "metadata.namespace".to_owned();
            let cause = Cause { reason: "NamespaceTerminating", message, field };
            Error::Forbidden { resource, name, why, causes: vec![cause] }
        }
        other => other,
    })
}

/// Refuses to delete the namespaces that must stay.
pub fn validate(_object: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    if a.verb == Verb::Delete && is(a, "namespaces") && IMMORTAL.contains(&a.name) {
        return Err(Error::forbidden("namespaces", a.name, "this namespace may not be deleted"));
    }
    Ok(Vec::new())
}

/// Whether the namespace of the request exists and is not going away.
pub fn is_active(a: &Attributes<'_>) -> bool {
    a.snapshot.get("namespaces", "", a.namespace).is_some_and(|n| !n.meta.deleting)
}

fn is_namespace(a: &Attributes<'_>) -> bool {
    a.kind.group.is_empty() && a.kind.plural == "namespaces"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn scene() -> Scene {
        Scene::new(vec![
            ("namespaces", json!({"metadata": {"name": "live"}, "status": {"phase": "Active"}})),
            (
                "namespaces",
                json!({"metadata": {"name": "dying", "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
            ),
        ])
    }

    #[test]
    fn content_needs_a_living_namespace() {
        let scene = scene();
        let run = |ns: &str, verb: Verb| {
            let mut pod = json!({"metadata": {"name": "p", "namespace": ns}});
            mutate(&mut pod, &scene.attributes("pods", verb, ns, "p"))
        };
        assert_eq!(run("live", Verb::Create), Ok(()));
        assert_eq!(
            run("none", Verb::Create).unwrap_err().to_string(),
            "namespaces \"none\" not found"
        );
        let error = run("dying", Verb::Create).unwrap_err();
        assert_eq!(
            error.to_string(),
            "pods \"p\" is forbidden: unable to create new content in namespace dying because it is being terminated"
        );
        assert_eq!(
            error.status()["details"]["causes"],
            json!([{"reason": "NamespaceTerminating", "field": "metadata.namespace",
                "message": "namespace dying is being terminated"}])
        );
        assert_eq!(run("dying", Verb::Update), Ok(()));
        assert_eq!(run("dying", Verb::Delete), Ok(()));
    }

    #[test]
    fn some_namespaces_stay() {
        let scene = scene();
        for (name, stays) in [("default", true), ("openshift-config", true), ("live", false)] {
            let result =
                validate(&json!({}), &scene.attributes("namespaces", Verb::Delete, "", name));
            assert_eq!(result.is_err(), stays, "{name}");
        }
        let error =
            validate(&json!({}), &scene.attributes("namespaces", Verb::Delete, "", "default"));
        assert_eq!(
            error.unwrap_err().to_string(),
            "namespaces \"default\" is forbidden: this namespace may not be deleted"
        );
    }
}
