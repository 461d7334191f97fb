//! validatingadmissionpolicy-status-controller: says of policies whether their expressions fit the
//! types they are about. Source: kubernetes `pkg/controller/validatingadmissionpolicystatus`.

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    api,
    kinds::type_warnings,
    object::{ObjectExt, json},
};

const POLICIES: &str = "validatingadmissionpolicies.admissionregistration.k8s.io";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "validatingadmissionpolicy-status-controller",
    watches: &[Watch::Itself(POLICIES)],
    reconcile,
    ..Controller::BASE
};

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get(POLICIES, key) else { return plan };
    let mut policy = entry.lean();
    let generation = entry.meta.generation;
    if policy.i64_at("status.observedGeneration").unwrap_or(0) >= generation {
        return plan;
    }
    let found = type_warnings(&policy, &api::catalogue(&view.objects, &view.settings));
    policy.set_at("status.observedGeneration", generation);
    policy.set_at("status.typeChecking", json!({}));
    if !found.is_empty() {
        policy.set_at("status.typeChecking.expressionWarnings", found);
    }
    plan.write(Write::status(POLICIES, policy));
    plan
}
