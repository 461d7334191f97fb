//! PersistentVolumeClaimResize: a claim grows only when it is bound and its class lets it.
//!
//! Source: kubernetes `plugin/pkg/admission/storage/persistentvolume/resize`.

use super::{
    super::Verb,
    Attributes,
    common::{is, refuse},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, quantity::Quantity},
    store::Op,
};

const CLASSES: &str = "storageclasses.storage.k8s.io";
/// How claims named their class before there was a field.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Refuses growth where it cannot be.
pub fn validate(claim: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    if !is(a, "persistentvolumeclaims") || a.verb != Verb::Update {
        return Ok(Vec::new());
    }
    let Some(old) = a.old else { return Ok(Vec::new()) };
    let size = |c: &Value| {
        let request = c.at("spec.resources.requests.storage");
        request.and_then(Quantity::from_value).unwrap_or(Quantity::ZERO)
    };
    if size(claim) <= size(old) {
        return Ok(Vec::new());
    }
    if old.str_at("status.phase") != "Bound" {
        return Err(refuse(a, claim, "Only bound persistent volume claims can be expanded"));
    }
    if !may_grow(claim, old, a) {
        let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
        return Err(refuse(a, claim, why));
    }
    Ok(Vec::new())
}

fn may_grow(claim: &Value, old: &Value, a: &Attributes<'_>) -> bool {
    fn class(c: &Value) -> &str {
        c.annotation(OLD_CLASS).unwrap_or_else(|| c.str_at("spec.storageClassName"))
    }
    let name = class(claim);
    let found = a.snapshot.get(CLASSES, "", name).map(|e| e.value());
    name == class(old) && found.is_some_and(|c| c.is_true("allowVolumeExpansion"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn claim(size: &str, class: &str, phase: &str) -> Value {
        json!({"metadata": {"name": "c"}, "status": {"phase": phase},
            "spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}}})
    }

    #[test]
    fn only_bound_claims_of_growing_classes_grow() {
        let class = |name: &str, grows: bool| {
            (CLASSES, json!({"metadata": {"name": name}, "allowVolumeExpansion": grows}))
        };
        let mut scene = Scene::new(vec![class("grows", true), class("stays", false)]);
        let rows = [
            ("1Gi", "stays", "Bound", None),
            ("2Gi", "grows", "Bound", None),
            ("2Gi", "grows", "Pending", Some("Only bound persistent volume claims")),
            ("2Gi", "stays", "Bound", Some("only dynamically provisioned pvc")),
            ("2Gi", "none", "Bound", Some("only dynamically provisioned pvc")),
        ];
        for (size, class, phase, why) in rows {
            scene.old = Some(claim("1Gi", class, phase));
            let a = scene.attributes("persistentvolumeclaims", Verb::Update, "n", "c");
            let said =
                validate(&claim(size, class, phase), &a).map(drop).map_err(|e| e.to_string());
            match why {
                None => assert_eq!(said, Ok(())),
                Some(why) => assert!(said.clone().is_err_and(|e| e.contains(why)), "{said:?}"),
            }
        }
    }
}
