//! StorageObjectInUseProtection: new claims and volumes carry the finalizer that keeps them while
//! they are in use.
//!
//! Source: kubernetes `plugin/pkg/admission/storage/storageobjectinuseprotection`.

use super::{super::Verb, Attributes, common::is};
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
};

/// Resource and finalizer.
const PROTECTED: [(&str, &str); 3] = [
    ("persistentvolumeclaims", "kubernetes.io/pvc-protection"),
    ("persistentvolumes", "kubernetes.io/pv-protection"),
    ("volumeattributesclasses", "kubernetes.io/vac-protection"),
];

/// Adds the finalizer to a new claim or volume.
pub fn mutate(object: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    let about = |resource: &str| {
        is(a, resource)
            || (a.kind.group == "storage.k8s.io" && a.kind.plural == *resource && a.sub.is_empty())
    };
    let found = PROTECTED.iter().find(|(resource, _)| about(resource));
    let Some((_, finalizer)) = found.filter(|_| a.verb == Verb::Create) else { return Ok(()) };
    let mut all = object.list_at("metadata.finalizers").to_vec();
    if !all.iter().any(|f| f == finalizer) {
        all.push(json!(finalizer));
        object.set_at("metadata.finalizers", all);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admission::testing::Scene;

    #[test]
    fn only_new_storage_is_protected_and_once() {
        let scene = Scene::new(vec![]);
        let rows = [
            ("persistentvolumeclaims", Verb::Create, json!(["kubernetes.io/pvc-protection"])),
            ("persistentvolumes", Verb::Create, json!(["kubernetes.io/pv-protection"])),
            ("volumeattributesclasses", Verb::Create, json!(["kubernetes.io/vac-protection"])),
            ("persistentvolumes", Verb::Update, Value::Null),
            ("configmaps", Verb::Create, Value::Null),
        ];
        for (resource, verb, expected) in rows {
            let a = scene.attributes(resource, verb, "n", "x");
            let mut object = json!({"metadata": {}});
            mutate(&mut object, &a).unwrap();
            mutate(&mut object, &a).unwrap();
            let got = object.at("metadata.finalizers").cloned().unwrap_or_default();
            assert_eq!(got, expected, "{resource}");
        }
    }
}
