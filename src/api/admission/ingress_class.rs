//! DefaultIngressClass: ingresses that name no class get the cluster's default.
//!
//! Source: kubernetes `plugin/pkg/admission/network/defaultingressclass`.

use super::{super::Verb, Attributes};
use crate::{
    error::Error,
    object::{ObjectExt, Value},
};

const CLASSES: &str = "ingressclasses.networking.k8s.io";
const MARK: &str = "ingressclass.kubernetes.io/is-default-class";
/// How ingresses named their class before there was a field.
const OLD_CLASS: &str = "kubernetes.io/ingress.class";

/// Names the default class in a new ingress; of several the newest wins, then the first by name.
pub fn mutate(ingress: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    let about = a.kind.plural == "ingresses" && a.kind.group == "networking.k8s.io";
    if !about || !a.sub.is_empty() || a.verb != Verb::Create {
        return Ok(());
    }
    if ingress.at("spec.ingressClassName").is_some() || ingress.annotation(OLD_CLASS).is_some() {
        return Ok(());
    }
    let classes = a.snapshot.list(CLASSES, "").map(|e| e.value());
    let defaults = classes.filter(|c| c.annotation(MARK) == Some("true"));
    let created = |c: &Value| c.str_at("metadata.creationTimestamp").to_owned();
    let best =
        defaults.min_by(|x, y| created(y).cmp(&created(x)).then_with(|| x.name().cmp(y.name())));
    if let Some(best) = best {
        ingress.set_at("spec.ingressClassName", best.name());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    #[test]
    fn who_names_no_class_gets_the_default() {
        let class = |name: &str, default: &str| {
            (CLASSES, json!({"metadata": {"name": name, "annotations": {MARK: default}}}))
        };
        let scene = Scene::new(vec![class("a", "false"), class("b", "true")]);
        let rows = [
            (json!({"spec": {}}), "b"),
            (json!({"spec": {"ingressClassName": "x"}}), "x"),
            (json!({"metadata": {"annotations": {OLD_CLASS: "x"}}, "spec": {}}), ""),
        ];
        for (mut ingress, expected) in rows {
            mutate(&mut ingress, &scene.attributes("ingresses", Verb::Create, "n", "i")).unwrap();
            assert_eq!(ingress.str_at("spec.ingressClassName"), expected);
        }
        let mut old = json!({"spec": {}});
        mutate(&mut old, &scene.attributes("ingresses", Verb::Update, "n", "i")).unwrap();
        assert_eq!(old, json!({"spec": {}}));
    }
}
