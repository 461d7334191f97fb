//! Amounts of resources by name, and what a pod as a whole asks for.
//!
//! Source: k8s.io/component-helpers `resource`.

use crate::object::{ObjectExt, Value, quantity::Quantity};
use std::collections::BTreeMap;

/// Amounts by resource name.
pub type Amounts = BTreeMap<String, Quantity>;

/// Which side of `resources`.
#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    /// What is set aside.
    Requests,
    /// What may be used.
    Limits,
}

impl Side {
    /// The field's name.
    pub fn field(self) -> &'static str {
        match self {
            Side::Requests => "requests",
            Side::Limits => "limits",
        }
    }
}

/// Reads a map of quantities; what does not parse is left out.
pub fn amounts(map: Option<&Value>) -> Amounts {
    let map = map.and_then(Value::as_object).into_iter().flatten();
    map.filter_map(|(k, v)| Some((k.to_string(), Quantity::from_value(v)?))).collect()
}

/// One side of a container's resources.
pub fn of_container(container: &Value, side: Side) -> Amounts {
    amounts(container.get("resources").and_then(|r| r.get(side.field())))
}

/// Adds amounts to others.
pub fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = to.entry(name.clone()).or_insert(Quantity::ZERO);
        *sum = *sum + *amount;
    }
}

fn raise(to: &mut Amounts, at_least: &Amounts) {
    for (name, amount) in at_least {
        let high = to.entry(name.clone()).or_insert(*amount);
        *high = (*high).max(*amount);
    }
}

/// What a pod needs at the busiest moment of its life: all containers and sidecars together, or
/// an init container with the sidecars started before it. Amounts set for the pod as a whole
/// win.
pub fn of_pod(pod: &Value, side: Side) -> Amounts {
    let mut total = Amounts::new();
    for container in pod.list_at("spec.containers") {
        add(&mut total, &of_container(container, side));
    }
    let mut sidecars = Amounts::new();
    let mut starting = Amounts::new();
    for container in pod.list_at("spec.initContainers") {
        let own = of_container(container, side);
        if container.str_at("restartPolicy") == "Always" {
            add(&mut total, &own);
            add(&mut sidecars, &own);
        } else {
            let beside = |(name, amount): (&String, &Quantity)| {
                let held = sidecars.get(name).copied().unwrap_or(Quantity::ZERO);
                (name.clone(), held + *amount)
            };
            raise(&mut starting, &own.iter().map(beside).collect());
        }
    }
    // What sidecars hold only grows: the last moment of the start is their highest.
    raise(&mut starting, &sidecars);
    raise(&mut total, &starting);
    for (name, amount) in amounts(pod.at("spec.resources").and_then(|r| r.get(side.field()))) {
        if matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-") {
            total.insert(name, amount);
        }
    }
    total
}

/// As [`of_pod`], with what the runtime class takes for itself.
pub fn with_overhead(pod: &Value, side: Side) -> Amounts {
    let mut total = of_pod(pod, side);
    for (name, amount) in amounts(pod.at("spec.overhead")) {
        if side == Side::Requests || total.contains_key(&name) {
            let sum = total.entry(name).or_insert(Quantity::ZERO);
            *sum = *sum + amount;
        }
    }
    total
}

/// Whether no container asks for or limits cpu or memory (QoS class BestEffort).
pub fn is_best_effort(pod: &Value) -> bool {
    let lists = ["spec.containers", "spec.initContainers"];
    lists.iter().flat_map(|l| pod.list_at(l)).all(|c| {
        [Side::Requests, Side::Limits].iter().all(|side| {
            let amounts = of_container(c, *side);
            ["cpu", "memory"].iter().all(|r| amounts.get(*r).is_none_or(|q| q.is_zero()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn the_busiest_moment_counts() {
        let cpu = |n: &str| json!({"resources": {"requests": {"cpu": n}}});
        let sidecar = |n: &str| {
            let mut c = cpu(n);
            c["restartPolicy"] = json!("Always");
            c
        };
        let rows = [
            (json!([cpu("1"), cpu("2")]), json!([]), "3"),
            (json!([cpu("1")]), json!([cpu("5"), cpu("2")]), "5"),
            (json!([cpu("1")]), json!([sidecar("2"), cpu("3")]), "5"),
            (json!([cpu("4")]), json!([cpu("3"), sidecar("2")]), "6"),
            (json!([{}]), json!([]), "0"),
        ];
        for (containers, init, expected) in rows {
            let pod = json!({"spec": {"containers": containers, "initContainers": init}});
            let total = of_pod(&pod, Side::Requests);
            let cpu = total.get("cpu").copied().unwrap_or(Quantity::ZERO);
            assert_eq!(cpu.to_string(), expected, "{pod}");
        }
        let pod = json!({"spec": {"containers": [cpu("1")], "overhead": {"cpu": "250m"}}});
        assert_eq!(with_overhead(&pod, Side::Requests)["cpu"].to_string(), "1250m");
        assert!(with_overhead(&pod, Side::Limits).is_empty());
    }
}
