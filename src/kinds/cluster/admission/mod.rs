//! admissionregistration.k8s.io: who else is asked about writes. The objects are stored and checked
//! here; who calls them reads them from the store.
//!
//! The expressions of policies and webhooks are compiled when they are written ([`expressions`]).

pub mod expressions;
mod policies;
mod rights;
mod rules;
#[cfg(test)]
mod tests;
mod typecheck;
mod webhooks;

pub use typecheck::warnings as type_warnings;

use super::{cells, conditions};
use crate::kinds::columns::AGE;
use crate::kinds::{Column, Generation, Hooks, Kind, Sub, workloads::Field};
use crate::object::{ObjectExt, Value, json};

const GROUP: Kind = Kind {
    group: "admissionregistration.k8s.io",
    categories: &["api-extensions"],
    namespaced: false,
    generation: Generation::Spec,
    unconditional_update: false,
    ..Kind::BASE
};

const WEBHOOKS: &[Column] = &[
    Column::int(
        "Webhooks",
        "Webhooks indicates the number of webhooks registered in this configuration",
        |o, _| json!(o.list_at("webhooks").len()),
    ),
    AGE,
];

const PARAM_KIND: Column = Column::text(
    "ParamKind",
    "ParamKind specifies the kind of resources used to parameterize this policy",
    |o, _| {
        json!(match o.at("spec.paramKind") {
            Some(k) => format!("{}/{}", k.str_at("apiVersion"), k.str_at("kind")),
            None => "<unset>".into(),
        })
    },
);

const BINDING: &[Column] = &[
    Column::text(
        "PolicyName",
        "PolicyName indicates the policy definition which the policy binding binded to",
        |o, _| cells::text(o, "spec.policyName"),
    ),
    Column::text(
        "ParamRef",
        "ParamRef indicates the param resource which sets the configuration param",
        |o, _| json!(param(o)),
    ),
    AGE,
];

fn param(o: &Value) -> String {
    let reference = Field::of(o, "spec.paramRef");
    let (name, namespace) = (reference.get("name").text(), reference.get("namespace").text());
    match (name, namespace) {
        ("", _) if reference.get("selector").is_set() => {
            let selector = cells::label_selector(o, "spec.paramRef.selector");
            selector.as_str().unwrap_or_default().into()
        }
        ("", _) => "<unset>".into(),
        (name, "") => format!("*/{name}"),
        (name, namespace) => format!("{namespace}/{name}"),
    }
}

/// `validatingwebhookconfigurations.admissionregistration.k8s.io`.
pub static VALIDATING_WEBHOOK_CONFIGURATION: Kind = Kind {
    kind: "ValidatingWebhookConfiguration",
    plural: "validatingwebhookconfigurations",
    schema: "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
    generation: Generation::SpecAsSent,
    columns: WEBHOOKS,
    hooks: Hooks { validate: Some(webhooks::validate), ..Hooks::NONE },
    ..GROUP
};

/// `mutatingwebhookconfigurations.admissionregistration.k8s.io`.
pub static MUTATING_WEBHOOK_CONFIGURATION: Kind = Kind {
    kind: "MutatingWebhookConfiguration",
    plural: "mutatingwebhookconfigurations",
    schema: "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration",
    generation: Generation::SpecAsSent,
    columns: WEBHOOKS,
    hooks: Hooks { validate: Some(webhooks::validate), ..Hooks::NONE },
    ..GROUP
};

/// `validatingadmissionpolicies.admissionregistration.k8s.io`.
pub static VALIDATING_ADMISSION_POLICY: Kind = Kind {
    since: 30,
    kind: "ValidatingAdmissionPolicy",
    plural: "validatingadmissionpolicies",
    schema: "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
    subresources: &[Sub::STATUS],
    columns: &[
        Column::int(
            "Validations",
            "Validations indicates the number of validation rules defined in this configuration",
            |o, _| json!(o.list_at("spec.validations").len()),
        ),
        PARAM_KIND,
        AGE,
    ],
    hooks: Hooks {
        prepare: Some(|o, old, cx| {
            rights::policy(o, old, cx, |o, _, out| policies::validating(o, out))
        }),
        validate: Some(|o, _, out| policies::validating(o, out)),
        validate_status: Some(|o, _, out| {
            for warning in Field::of(o, "status.typeChecking.expressionWarnings").items() {
                warning.get("warning").needs_text(out);
                warning.get("fieldRef").needs_text(out);
            }
            conditions::validate(&Field::of(o, "status.conditions"), out);
        }),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `validatingadmissionpolicybindings.admissionregistration.k8s.io`.
pub static VALIDATING_ADMISSION_POLICY_BINDING: Kind = Kind {
    since: 30,
    kind: "ValidatingAdmissionPolicyBinding",
    plural: "validatingadmissionpolicybindings",
    schema: "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
    columns: BINDING,
    hooks: Hooks {
        prepare: Some(|o, old, cx| {
            let check = |o: &Value, _: Option<&Value>, out: &mut _| policies::binding(o, out);
            let policies = "validatingadmissionpolicies.admissionregistration.k8s.io";
            rights::binding(o, old, cx, (policies, check))
        }),
        validate: Some(|o, _, out| {
            policies::binding(o, out);
            policies::actions(&Field::of(o, "spec.validationActions"), out);
        }),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `mutatingadmissionpolicies.admissionregistration.k8s.io`.
pub static MUTATING_ADMISSION_POLICY: Kind = Kind {
    since: 36,
    kind: "MutatingAdmissionPolicy",
    plural: "mutatingadmissionpolicies",
    schema: "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy",
    columns: &[
        Column::int(
            "Mutations",
            "Mutation indicates the number of mutations rules defined in this configuration",
            |o, _| json!(o.list_at("spec.mutations").len()),
        ),
        PARAM_KIND,
        AGE,
    ],
    hooks: Hooks {
        prepare: Some(|o, old, cx| {
            rights::policy(o, old, cx, |o, _, out| policies::mutating(o, out))
        }),
        validate: Some(|o, _, out| policies::mutating(o, out)),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `mutatingadmissionpolicybindings.admissionregistration.k8s.io`.
pub static MUTATING_ADMISSION_POLICY_BINDING: Kind = Kind {
    since: 36,
    kind: "MutatingAdmissionPolicyBinding",
    plural: "mutatingadmissionpolicybindings",
    schema: "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding",
    columns: BINDING,
    hooks: Hooks {
        prepare: Some(|o, old, cx| {
            let check = |o: &Value, _: Option<&Value>, out: &mut _| policies::binding(o, out);
            let policies = "mutatingadmissionpolicies.admissionregistration.k8s.io";
            rights::binding(o, old, cx, (policies, check))
        }),
        validate: Some(|o, _, out| policies::binding(o, out)),
        ..Hooks::NONE
    },
    ..GROUP
};
