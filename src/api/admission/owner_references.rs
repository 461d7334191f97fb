//! OwnerReferencesPermissionEnforcement: who makes an object hold back another's deletion must have
//! a say in that deletion.
//!
//! Source: kubernetes `plugin/pkg/admission/gc`; OpenShift turns it on.

use super::{super::Verb, Attributes, common::refuse};
use crate::{
    access::Attributes as Ask,
    error::Error,
    kinds,
    object::{ObjectExt, Value},
    store::Op,
};
use std::collections::HashMap;

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";
const OWNERS: &str = "metadata.ownerReferences";

/// Refuses owners that the caller may not set.
pub fn validate(object: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    // The status of a pod is its node's business.
    let exempt = a.kind.group.is_empty() && a.kind.plural == "pods" && a.sub == "status";
    let before = a.old.map_or(&[][..], |o| o.list_at(OWNERS));
    let owners = object.list_at(OWNERS);
    if a.verb == Verb::Delete || exempt || owners == before {
        return Ok(Vec::new());
    }
    if a.old.is_some() {
        may(a, &of_object(a)).map_err(|why| {
            let why =
                format!("cannot set an ownerRef on a resource you can't delete: {why}, <nil>");
            refuse(a, object, why)
        })?;
    }
    let anything = Ask {
        verb: "update",
        group: "*",
        resource: "*",
        sub: "finalizers",
        name: "*",
        ..Ask::default()
    };
    let blocking = new_blocking(owners, before);
    if blocking.is_empty() || may(a, &anything).is_ok() {
        return Ok(Vec::new());
    }
    for owner in blocking {
        hold(object, owner, a)?;
    }
    Ok(Vec::new())
}

fn of_object<'a>(a: &'a Attributes<'_>) -> Ask<'a> {
    Ask {
        verb: "delete",
        group: &a.kind.group,
        resource: &a.kind.plural,
        sub: a.sub,
        namespace: a.namespace,
        name: a.name,
        ..Ask::default()
    }
}

fn may(a: &Attributes<'_>, ask: &Ask<'_>) -> Result<(), String> {
    let decision = a.authorizer.authorize(a.snapshot, a.caller, ask);
    if decision.allowed { Ok(()) } else { Err(decision.reason) }
}

/// The owners that hold back deletion and did not do so before.
fn new_blocking<'a>(owners: &'a [Value], before: &[Value]) -> Vec<&'a Value> {
    let old: HashMap<&str, bool> =
        before.iter().map(|o| (o.str_at("uid"), o.is_true("blockOwnerDeletion"))).collect();
    let blocks = |o: &&Value| o.is_true("blockOwnerDeletion");
    owners.iter().filter(blocks).filter(|o| old.get(o.str_at("uid")) != Some(&true)).collect()
}

/// Who holds back an owner's deletion must be able to set the owner's finalizers.
fn hold(object: &Value, owner: &Value, a: &Attributes<'_>) -> Result<(), Error> {
    let (version, kind) = (owner.str_at("apiVersion"), owner.str_at("kind"));
    let Some(resource) = Resource::of(version, kind, a) else {
        let why = format!(
            "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion {version} Kind {kind}: no matches for kind {kind:?} in version {version:?}"
        );
        return Err(refuse(a, object, why));
    };
    let ask = Ask {
        verb: "update",
        group: &resource.group,
        resource: &resource.plural,
        sub: "finalizers",
        namespace: if resource.namespaced { a.namespace } else { "" },
        name: owner.str_at("name"),
        ..Ask::default()
    };
    may(a, &ask).map_err(|reason| {
        let why = format!("cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: {reason}, <nil>");
        refuse(a, object, why)
    })
}

/// What a kind's objects are called in paths.
struct Resource {
    group: String,
    plural: String,
    namespaced: bool,
}

impl Resource {
    /// Of a built-in kind, or of one that a definition in the cluster adds.
    fn of(version: &str, kind: &str, a: &Attributes<'_>) -> Option<Resource> {
        if let Some(k) = kinds::by_kind(version, kind) {
            let (group, plural) = (k.group.to_string(), k.plural.to_string());
            return Some(Resource { group, plural, namespaced: k.namespaced });
        }
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let definitions = a.snapshot.list(DEFINITIONS, "").map(|e| e.value());
        let is = |d: &Value| d.str_at("spec.group") == group && d.str_at("spec.names.kind") == kind;
        definitions.into_iter().find(is).map(|d| Resource {
            group: group.into(),
            plural: d.str_at("spec.names.plural").into(),
            namespaced: d.str_at("spec.scope") == "Namespaced",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn pod(block: bool) -> Value {
        json!({"metadata": {"name": "p", "namespace": "n", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u",
                "blockOwnerDeletion": block}]}})
    }

    fn rule(resource: &str, verb: &str) -> Scene {
        Scene::new(vec![
            (
                "clusterroles.rbac.authorization.k8s.io",
                json!({"metadata": {"name": "r"}, "rules": [
                    {"apiGroups": ["", "apps"], "resources": [resource], "verbs": [verb]}]}),
            ),
            (
                "clusterrolebindings.rbac.authorization.k8s.io",
                json!({"metadata": {"name": "b"}, "subjects": [{"kind": "User", "name": "alice",
                        "apiGroup": "rbac.authorization.k8s.io"}],
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": "r"}}),
            ),
        ])
    }

    #[test]
    fn holding_back_needs_a_say() {
        let nobody = Scene::new(vec![]);
        let a = nobody.attributes("pods", Verb::Create, "n", "p");
        assert!(validate(&pod(false), &a).is_ok());
        let said = validate(&pod(true), &a).unwrap_err().to_string();
        assert!(said.starts_with(r#"pods "p" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: "#), "{said}");
        assert!(said.ends_with(", <nil>"), "{said}");
        let may = rule("replicasets/finalizers", "update");
        assert!(validate(&pod(true), &may.attributes("pods", Verb::Create, "n", "p")).is_ok());
    }

    #[test]
    fn changing_owners_needs_the_right_to_delete() {
        let mut nobody = Scene::new(vec![]);
        nobody.old = Some(json!({"metadata": {"name": "p"}}));
        let a = nobody.attributes("pods", Verb::Update, "n", "p");
        let said = validate(&pod(false), &a).unwrap_err().to_string();
        assert!(said.contains("cannot set an ownerRef on a resource you can't delete: "), "{said}");
        let mut may = rule("pods", "delete");
        may.old = Some(json!({"metadata": {"name": "p"}}));
        assert!(validate(&pod(false), &may.attributes("pods", Verb::Update, "n", "p")).is_ok());
        nobody.old = Some(pod(true));
        let a = nobody.attributes("pods", Verb::Update, "n", "p");
        assert!(validate(&pod(true), &a).is_ok(), "nothing changes");
    }
}
