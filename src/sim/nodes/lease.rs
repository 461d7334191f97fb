//! The heartbeat: one Lease per node, renewed when a quarter of it is over.
//! Source: kubelet's lease controller.

use crate::{
    controllers::{Plan, View, Write},
    object::{ObjectExt, json, time},
};

/// Where node leases live.
pub const NAMESPACE: &str = "kube-node-lease";
const DURATION_SECONDS: i64 = 40;

/// Creates or renews the node's lease when due, and asks to be woken for the next time.
pub fn renew(view: &View, node: &str, plan: &mut Plan) {
    let period = DURATION_SECONDS / 4;
    plan.look_again(time::plus_seconds(view.now, period));
    let now = time::micros(view.now);
    let Some(entry) = view.named("leases.coordination.k8s.io", NAMESPACE, node) else {
        // Without the node's uid and the namespace upstream waits too.
        if let (Some(owner), true) =
            (view.get("nodes", node), view.get("namespaces", NAMESPACE).is_some())
        {
            plan.write(Write::create(
                "leases.coordination.k8s.io",
                json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": node, "namespace": NAMESPACE, "ownerReferences": [
                        {"apiVersion": "v1", "kind": "Node", "name": node, "uid": owner.meta.uid}
                    ]},
                    "spec": {"holderIdentity": node, "leaseDurationSeconds": DURATION_SECONDS,
                        "renewTime": now},
                }),
            ));
        } else {
            plan.look_again(time::plus_seconds(view.now, 1));
        }
        return;
    };
    let mut lease = entry.lean();
    let renewed = time::parse(lease.str_at("spec.renewTime"));
    let due = renewed.map_or(view.now, |t| time::plus_seconds(t, period));
    if due <= view.now {
        lease.set_at("spec.renewTime", now);
        plan.write(Write::update("leases.coordination.k8s.io", lease));
    } else {
        plan.look_again(due);
    }
}
