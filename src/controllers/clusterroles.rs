//! clusterrole-aggregation-controller: keeps the rules of aggregated ClusterRoles.
//! Source: k8s.io/kubernetes `pkg/controller/clusterroleaggregation`.

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    access::{bootstrap::aggregate, rbac::CLUSTER_ROLES},
    api::PatchType,
    object::{ObjectExt, Value, json},
    store::Change,
};

/// The controller.
pub static CONTROLLER: Controller = Controller {
    name: "clusterrole-aggregation-controller",
    watches: &[Watch::Map(CLUSTER_ROLES, aggregated)],
    reconcile,
    ..Controller::BASE
};

/// Any role may be gathered by any aggregated one; there are few of those.
fn aggregated(view: &View, _: &Change) -> Vec<String> {
    let roles = view.objects.list(CLUSTER_ROLES, "");
    // A plain text search spares parsing a hundred roles to find six.
    let may_gather = |bytes: &[u8]| bytes.windows(17).any(|w| w == b"\"aggregationRule\"");
    roles.filter(|e| may_gather(&e.bytes)).map(|e| e.key.to_string()).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get(CLUSTER_ROLES, key) else { return plan };
    let role = entry.value();
    if role.at("aggregationRule").is_none_or(Value::is_null) {
        return plan;
    }
    let all: Vec<Value> = view.objects.list(CLUSTER_ROLES, "").map(|e| e.value()).collect();
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
