//! What is read of policies and bindings, once per revision.

use super::super::webhooks::Scope;
use crate::{
    kinds::expressions::Expressions,
    object::{ObjectExt, Value, selector::Labels},
    store::Snapshot,
};
use std::{collections::HashMap, sync::Arc};

/// The resources of policies that change objects (or only refuse them), and of their bindings.
const fn resources(change: bool) -> [&'static str; 2] {
    if change {
        [
            "mutatingadmissionpolicies.admissionregistration.k8s.io",
            "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        ]
    } else {
        [
            "validatingadmissionpolicies.admissionregistration.k8s.io",
            "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        ]
    }
}

/// A policy.
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The requests it is about.
    pub scope: Scope,
    /// Whether what goes wrong refuses the request.
    pub fails: bool,
    /// `apiVersion` and `kind` of its parameters.
    pub params: Option<(String, String)>,
    /// Whether it is asked again when others changed the object after it.
    pub reinvoked: bool,
    /// The keys of what it notes, in the order of those expressions.
    pub keys: Vec<String>,
    /// Its expressions, compiled.
    pub expressions: Expressions,
}

/// What brings a policy into force.
pub struct Binding {
    /// Its name.
    pub name: String,
    /// The policy's.
    pub policy: String,
    /// The requests it is about, if not all of the policy's.
    pub scope: Option<Scope>,
    /// The parameters.
    pub params: Option<Params>,
    /// What becomes of a request the policy is against.
    pub actions: Vec<String>,
}

/// Which objects are a policy's parameters.
#[derive(Default)]
pub struct Params {
    /// A name, or empty.
    pub name: String,
    /// Their namespace, or empty: the request's.
    pub namespace: String,
    /// Their labels, if they are chosen by these.
    pub selector: Option<Labels>,
    /// Whether a request is refused if there are none.
    pub needed: bool,
}

/// The policies of a state, by name: those that change objects, or those that refuse them.
pub struct Policies<const CHANGE: bool>(pub HashMap<String, Policy>);

/// Their bindings.
pub struct Bindings<const CHANGE: bool>(pub Vec<Binding>);

impl<const CHANGE: bool> Policies<CHANGE> {
    /// Those of a state.
    pub fn of(snapshot: &Snapshot) -> Arc<Policies<CHANGE>> {
        let [policies, _] = resources(CHANGE);
        snapshot.derived(policies, |s| {
            let all = s.list(policies, "").map(|e| Policy::read(&e.value()));
            Policies(all.map(|p| (p.name.clone(), p)).collect())
        })
    }
}

impl<const CHANGE: bool> Bindings<CHANGE> {
    /// Those of a state; `None` when there are none.
    pub fn of(snapshot: &Snapshot) -> Option<Arc<Bindings<CHANGE>>> {
        let [_, bindings] = resources(CHANGE);
        if snapshot.count(bindings) == 0 {
            return None;
        }
        Some(snapshot.derived(bindings, |s| {
            Bindings(s.list(bindings, "").map(|e| Binding::read(&e.value())).collect())
        }))
    }
}

fn scope(of: &Value) -> Scope {
    Scope::read(of, "resourceRules", "excludeResourceRules")
}

impl Policy {
    fn read(policy: &Value) -> Policy {
        let kind = policy.at("spec.paramKind").filter(|k| k.is_object());
        let constraints = policy.at("spec.matchConstraints").unwrap_or(&Value::Null);
        Policy {
            name: policy.name().to_owned(),
            scope: scope(constraints),
            fails: policy.str_at("spec.failurePolicy") != "Ignore",
            params: kind.map(|k| (k.str_at("apiVersion").into(), k.str_at("kind").into())),
            reinvoked: policy.str_at("spec.reinvocationPolicy") == "IfNeeded",
            keys: {
                let notes = policy.list_at("spec.auditAnnotations").iter();
                notes.map(|note| note.str_at("key").to_owned()).collect()
            },
            expressions: Expressions::read(policy),
        }
    }
}

impl Binding {
    fn read(binding: &Value) -> Binding {
        let resources = binding.at("spec.matchResources").filter(|r| r.is_object());
        let params = binding.at("spec.paramRef").filter(|p| p.is_object());
        let actions = binding.list_at("spec.validationActions").iter();
        Binding {
            name: binding.name().to_owned(),
            policy: binding.str_at("spec.policyName").to_owned(),
            scope: resources.map(|r| Scope { open: true, ..scope(r) }),
            params: params.map(|p| Params {
                name: p.str_at("name").to_owned(),
                namespace: p.str_at("namespace").to_owned(),
                selector: p.get("selector").filter(|s| s.is_object()).map(Labels::from_object),
                needed: p.str_at("parameterNotFoundAction") != "Allow",
            }),
            actions: actions.filter_map(|a| a.as_str().map(str::to_owned)).collect(),
        }
    }
}
