//! Priority: the number behind a pod's priority class.
//!
//! Source: kubernetes `plugin/pkg/admission/priority`.

use super::{
    super::Verb,
    Attributes,
    common::{is, refuse},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value},
    store::Op,
};
use std::sync::Arc;

const CLASSES: &str = "priorityclasses.scheduling.k8s.io";

/// What a class says about a pod.
struct Priority {
    class: String,
    value: i64,
    preemption: String,
}

/// Settles a new pod's priority; an update may not lose it.
pub fn mutate(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if !is(a, "pods") {
        return Ok(());
    }
    match a.verb {
        Verb::Create => settle(pod, a),
        Verb::Update => {
            for path in ["spec.priority", "spec.preemptionPolicy"] {
                let old = a.old.and_then(|o| o.at(path));
                if let Some(old) = old.filter(|_| pod.at(path).is_none()) {
                    pod.set_at(path, old.clone());
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn settle(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    let name = pod.str_at("spec.priorityClassName").to_owned();
    let found = if name.is_empty() { default(a) } else { named(pod, a, &name)? };
    if let Some(given) = pod.i64_at("spec.priority").filter(|p| *p != found.value) {
        return Err(refuse(
            a,
            pod,
            format!(
                "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name",
                found.value
            ),
        ));
    }
    let given = pod.str_at("spec.preemptionPolicy");
    if !given.is_empty() && !found.preemption.is_empty() && given != found.preemption {
        return Err(refuse(
            a,
            pod,
            format!(
                "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name",
                found.preemption
            ),
        ));
    }
    pod.set_at("spec.priority", found.value);
    if !found.class.is_empty() {
        pod.set_at("spec.priorityClassName", found.class);
    }
    if !found.preemption.is_empty() {
        pod.set_at("spec.preemptionPolicy", found.preemption);
    }
    Ok(())
}

fn of(class: &Value) -> Priority {
    Priority {
        class: class.name().to_owned(),
        value: class.i64_at("value").unwrap_or(0),
        preemption: class.str_at("preemptionPolicy").to_owned(),
    }
}

fn named(pod: &Value, a: &Attributes<'_>, name: &str) -> Result<Priority, Error> {
    let why = || refuse(a, pod, format!("no PriorityClass with name {name} was found"));
    a.snapshot.get(CLASSES, "", name).map(|e| of(&e.tree())).ok_or_else(why)
}

fn default(a: &Attributes<'_>) -> Priority {
    let lowest = global_defaults(a).min_by_key(|c| c.i64_at("value").unwrap_or(0));
    lowest.map_or_else(
        || Priority {
            class: String::new(),
            value: 0,
            preemption: "PreemptLowerPriority".to_owned(),
        },
        |class| of(&class),
    )
}

fn global_defaults(a: &Attributes<'_>) -> impl Iterator<Item = Arc<Value>> {
    a.snapshot.list(CLASSES, "").map(|e| e.tree()).filter(|c| c.is_true("globalDefault"))
}

/// Refuses a second default class.
pub fn validate(class: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    let about_classes = a.kind.plural == "priorityclasses" && a.sub.is_empty();
    if about_classes && a.verb != Verb::Delete && class.is_true("globalDefault") {
        let other = global_defaults(a).find(|c| c.name() != class.name());
        if let Some(other) = other {
            let why = format!(
                "PriorityClass {} is already marked as default. Only one default can exist",
                other.name()
            );
            return Err(refuse(a, class, why));
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn class(name: &str, value: i64, default: bool) -> (&'static str, Value) {
        let object = json!({"metadata": {"name": name}, "value": value, "globalDefault": default,
            "preemptionPolicy": "Never"});
        (CLASSES, object)
    }

    fn run(scene: &Scene, spec: Value) -> Result<Value, String> {
        let mut pod = json!({"metadata": {"name": "p"}, "spec": spec});
        let done = mutate(&mut pod, &scene.attributes("pods", Verb::Create, "n", "p"));
        done.map(|()| pod["spec"].take()).map_err(|e| e.to_string())
    }

    #[test]
    fn pods_get_a_number() {
        let none = Scene::new(vec![]);
        assert_eq!(
            run(&none, json!({})),
            Ok(json!({"priority": 0, "preemptionPolicy": "PreemptLowerPriority"}))
        );
        assert_eq!(
            run(&none, json!({"priorityClassName": "x"})),
            Err("pods \"p\" is forbidden: no PriorityClass with name x was found".into())
        );
        assert_eq!(
            run(&none, json!({"priority": 5})),
            Err("pods \"p\" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name".into())
        );
        let some = Scene::new(vec![class("high", 9, false), class("usual", 3, true)]);
        assert_eq!(
            run(&some, json!({"priorityClassName": "high", "priority": 9})),
            Ok(json!({"priority": 9, "priorityClassName": "high", "preemptionPolicy": "Never"}))
        );
        assert_eq!(
            run(&some, json!({})),
            Ok(json!({"priority": 3, "priorityClassName": "usual", "preemptionPolicy": "Never"}))
        );
    }

    #[test]
    fn one_default_class() {
        let scene = Scene::new(vec![class("usual", 3, true)]);
        let check = |name: &str| {
            let a = scene.attributes("priorityclasses", Verb::Create, "", name);
            validate(&class(name, 1, true).1, &a).map(|_| ()).map_err(|e| e.to_string())
        };
        assert_eq!(
            check("other"),
            Err("priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is already marked as default. Only one default can exist".into())
        );
        assert_eq!(check("usual"), Ok(()));
    }
}
