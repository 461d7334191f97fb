//! clusterrole-aggregation-controller: keeps the rules of aggregated ClusterRoles.
//! Source: k8s.io/kubernetes `pkg/controller/clusterroleaggregation`.

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    access::{bootstrap::aggregate, rbac::CLUSTER_ROLES},
    api::PatchType,
    object::{ObjectExt, Value, json, selector::Labels},
    store::{Change, Entry},
};
use memchr::memmem;
use std::sync::Arc;

/// The controller.
pub static CONTROLLER: Controller = Controller {
    name: "clusterrole-aggregation-controller",
    watches: &[Watch::Map(CLUSTER_ROLES, aggregated)],
    reconcile,
    ..Controller::BASE
};

/// Any role may be gathered by any aggregated one; there are few of those.
fn aggregated(view: &View, _: &Change) -> Vec<String> {
    let gathering = view.objects.derived(CLUSTER_ROLES, |objects| {
        // A plain text search spares parsing hundreds of roles to find six.
        let may_gather = |e: &&Arc<Entry>| memmem::find(&e.bytes, b"\"aggregationRule\"").is_some();
        let roles = objects.list(CLUSTER_ROLES, "").filter(may_gather);
        Gathering(roles.map(|e| e.key.to_string()).collect())
    });
    gathering.0.clone()
}

/// Keys of the roles that may gather others.
struct Gathering(Vec<String>);

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get(CLUSTER_ROLES, key) else { return plan };
    let role = entry.lean();
    if role.at("aggregationRule").is_none_or(Value::is_null) {
        return plan;
    }
    let selectors = role.list_at("aggregationRule.clusterRoleSelectors").iter();
    let selectors: Vec<Labels> = selectors.map(Labels::from_object).collect();
    let chosen = |e: &&Arc<Entry>| selectors.iter().any(|s| s.matches_meta(&e.meta));
    let roles = view.objects.list(CLUSTER_ROLES, "").filter(chosen);
    let all: Vec<Value> = roles.map(|e| e.lean()).collect();
    let Some(rules) = aggregate::rules(&role, all.iter()) else { return plan };
    if role.list_at("rules") != rules {
        let patch = json!({
            "metadata": {"resourceVersion": role.str_at("metadata.resourceVersion")},
            "rules": rules,
        });
        plan.write(Write::patch(CLUSTER_ROLES, entry, PatchType::Merge, patch));
    }
    plan
}
