//! DefaultStorageClass: claims that name no class get the cluster's default.
//!
//! Source: kubernetes `plugin/pkg/admission/storage/storageclass/setdefault`.

use super::{super::Verb, Attributes, common::is};
use crate::{
    error::Error,
    object::{ObjectExt, Value},
};

const CLASSES: &str = "storageclasses.storage.k8s.io";
const MARKS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];
/// How claims named their class before there was a field.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Names the default class in a new claim; of several the newest wins, then the first by name.
pub fn mutate(claim: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if !is(a, "persistentvolumeclaims") || a.verb != Verb::Create {
        return Ok(());
    }
    let named = claim.at("spec.storageClassName").is_some_and(|v| !v.is_null());
    if named || claim.annotation(OLD_CLASS).is_some() {
        return Ok(());
    }
    let classes = a.snapshot.list(CLASSES, "").map(|e| e.value());
    let defaults = classes.filter(|c| MARKS.iter().any(|m| c.annotation(m) == Some("true")));
    let created = |c: &Value| c.str_at("metadata.creationTimestamp").to_owned();
    let best =
        defaults.min_by(|x, y| created(y).cmp(&created(x)).then_with(|| x.name().cmp(y.name())));
    if let Some(best) = best {
        claim.set_at("spec.storageClassName", best.name());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn class(name: &str, default: &str, created: &str) -> (&'static str, Value) {
        let metadata = json!({"name": name, "creationTimestamp": created,
            "annotations": {MARKS[0]: default}});
        (CLASSES, json!({"metadata": metadata}))
    }

    #[test]
    fn the_newest_default_wins() {
        let scene = Scene::new(vec![
            class("b", "true", "2026-01-02T00:00:00Z"),
            class("a", "true", "2026-01-02T00:00:00Z"),
            class("old", "true", "2026-01-01T00:00:00Z"),
            class("new", "false", "2026-01-03T00:00:00Z"),
        ]);
        let rows = [
            (json!({"spec": {}}), "a"),
            (json!({"spec": {"storageClassName": ""}}), ""),
            (json!({"spec": {"storageClassName": "x"}}), "x"),
            (json!({"metadata": {"annotations": {OLD_CLASS: "x"}}, "spec": {}}), ""),
        ];
        for (mut claim, expected) in rows {
            let a = scene.attributes("persistentvolumeclaims", Verb::Create, "n", "c");
            mutate(&mut claim, &a).unwrap();
            assert_eq!(claim.str_at("spec.storageClassName"), expected);
        }
    }
}
