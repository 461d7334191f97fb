//! Where a pod may run: affinity, tolerations, spreading, scheduling gates.

use crate::{
    error::Causes,
    kinds::workloads::{checks, field::Field},
    object::{json, name},
};
use std::collections::{HashMap, HashSet};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Node, pod and anti-affinity.
pub fn affinity(affinity: &Field<'_>, out: &mut Causes) {
    let node = affinity.get("nodeAffinity");
    if node.get(REQUIRED).is_set() {
        node_selector(&node.get(REQUIRED), out);
    }
    for term in node.get(PREFERRED).items() {
        weight(&term, out);
        node_term(&term.get("preference"), false, out);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pods = affinity.get(kind);
        pods.get(REQUIRED).items().iter().for_each(|term| pod_term(term, out));
        for term in pods.get(PREFERRED).items() {
            weight(&term, out);
            pod_term(&term.get("podAffinityTerm"), out);
        }
    }
}

fn weight(term: &Field<'_>, out: &mut Causes) {
    let weight = term.get("weight");
    if !(1..=100).contains(&weight.int_or_zero()) {
        out.invalid(&weight.path, &json!(weight.int_or_zero()), "must be in the range 1-100");
    }
}

/// A selector of nodes: at least one term, each with valid requirements.
pub fn node_selector(selector: &Field<'_>, out: &mut Causes) {
    let terms = selector.get("nodeSelectorTerms");
    if terms.list().is_empty() {
        terms.required(out, "must have at least one node selector term");
    }
    terms.items().iter().for_each(|term| node_term(term, true, out));
}

fn node_term(term: &Field<'_>, strict: bool, out: &mut Causes) {
    for requirement in term.get("matchExpressions").items() {
        let (operator, values) = (requirement.get("operator"), requirement.get("values"));
        match (operator.text(), values.list().len()) {
            ("In" | "NotIn", 0) => {
                values.required(out, "must be specified when `operator` is 'In' or 'NotIn'");
            }
            ("Exists" | "DoesNotExist", 1..) => values.forbidden(
                out,
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ),
            ("Gt" | "Lt", n) if n != 1 => values
                .required(out, "must be specified single value when `operator` is 'Lt' or 'Gt'"),
            ("In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt", _) => {}
            (other, _) => {
                out.invalid(&operator.path, &json!(other), "not a valid selector operator");
            }
        }
        requirement.get("key").qualified_name(out);
        if strict {
            for value in values.items() {
                value.problems(out, name::label_value_problems(value.text()));
            }
        }
    }
    term.get("matchFields").items().iter().for_each(|field| field_term(field, out));
}

fn field_term(requirement: &Field<'_>, out: &mut Causes) {
    let (operator, values) = (requirement.get("operator"), requirement.get("values"));
    if !matches!(operator.text(), "In" | "NotIn") {
        out.invalid(&operator.path, &json!(operator.text()), "not a valid selector operator");
    } else if values.list().len() != 1 {
        values.required(
            out,
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        );
    }
    let key = requirement.get("key");
    if key.text() != "metadata.name" {
        out.invalid(&key.path, &json!(key.text()), "not a valid field selector key");
        return;
    }
    for value in values.items() {
        value.problems(out, name::subdomain_problems(value.text()));
    }
}

fn pod_term(term: &Field<'_>, out: &mut Causes) {
    checks::label_selector(&term.get("labelSelector"), out);
    checks::label_selector(&term.get("namespaceSelector"), out);
    for namespace in term.get("namespaces").texts() {
        for why in name::label_problems(namespace) {
            out.invalid(term.get("namespace").path, &json!(namespace), why);
        }
    }
    let topology = term.get("topologyKey");
    if topology.text().is_empty() {
        topology.required(out, "can not be empty");
    }
    topology.qualified_name(out);
}

const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// A list of tolerations.
pub fn tolerations(list: &Field<'_>, out: &mut Causes) {
    for toleration in list.items() {
        let field = |name: &str| toleration.get(name);
        let (key, operator, value) = (field("key"), field("operator"), field("value"));
        if !key.text().is_empty() {
            key.qualified_name(out);
        } else if operator.text() != "Exists" {
            out.invalid(&operator.path, &json!(operator.text()), "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
        }
        let effect = field("effect");
        if field("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
            out.invalid(
                &effect.path,
                &json!(effect.text()),
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
            );
        }
        let shown = json!(value.text());
        match operator.text() {
            "Equal" | "" => {
                let problems = name::label_value_problems(value.text());
                if !problems.is_empty() {
                    out.invalid(&operator.path, &shown, problems.join(";"));
                }
            }
            "Exists" if value.text().is_empty() => {}
            "Exists" => out.invalid(
                &operator.path,
                &shown,
                "value must be empty when `operator` is 'Exists'",
            ),
            "Lt" | "Gt" => operator.unsupported(out, &["Equal", "Exists", "Lt", "Gt"]),
            _ => operator.unsupported(out, &["Equal", "Exists"]),
        }
        if !effect.text().is_empty() {
            effect.one_of(out, EFFECTS);
        }
    }
}

/// Topology spread constraints.
pub fn spread(list: &Field<'_>, out: &mut Causes) {
    let mut seen = HashSet::new();
    let constraints = list.items();
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for constraint in &constraints {
        let field = |name| constraint.get(name).text();
        *counts.entry((field("topologyKey"), field("whenUnsatisfiable"))).or_default() += 1;
    }
    for constraint in &constraints {
        let field = |name: &str| constraint.get(name);
        let skew = field("maxSkew");
        if skew.int_or_zero() <= 0 {
            out.invalid(&skew.path, &json!(skew.int_or_zero()), "must be greater than zero");
        }
        if field("topologyKey").text().is_empty() {
            field("topologyKey").required(out, "can not be empty");
        }
        let action = field("whenUnsatisfiable");
        if !matches!(action.text(), "DoNotSchedule" | "ScheduleAnyway") {
            action.unsupported(out, &["DoNotSchedule", "ScheduleAnyway"]);
        }
        let pair = format!("{{{}, {}}}", field("topologyKey").text(), action.text());
        let same = counts.get(&(field("topologyKey").text(), action.text()));
        if seen.insert(pair.clone()) && same.is_some_and(|n| *n > 1) {
            out.duplicate(field("{topologyKey, whenUnsatisfiable}").path, &json!(pair));
        }
        let domains = field("minDomains");
        if domains.int().is_some_and(|n| n <= 0) {
            domains.invalid(out, "must be greater than zero");
        }
        if domains.is_set() && action.text() != "DoNotSchedule" {
            let why = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not";
            domains.invalid(out, format!("{why} {}", action.text()));
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            field(policy).one_of_if_set(out, &["Honor", "Ignore"]);
        }
        checks::label_selector(&field("labelSelector"), out);
    }
}

/// Scheduling gates.
pub fn gates(list: &Field<'_>, out: &mut Causes) {
    let mut seen = HashSet::new();
    for gate in list.items() {
        let named = Field::placed(gate.get("name").value, gate.path.clone());
        named.qualified_name(out);
        if !seen.insert(named.text()) {
            named.duplicate(out);
        }
    }
}
