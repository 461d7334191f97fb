//! The heartbeat: one Lease per node, renewed when a quarter of it is over. It is written down while
//! somebody watches leases or could refuse a renewal; else the clock alone renews it
//! ([`heartbeat`]).
//! Source: kubelet's lease controller.

use crate::{
    controllers::{Plan, View, Write},
    faults,
    kinds::heartbeat::{self, EVERY, LEASES, ROWS},
    object::{ObjectExt, Value, json, time},
    store::Entry,
};

/// Where node leases live.
pub const NAMESPACE: &str = heartbeat::NAMESPACE;

const DURATION_SECONDS: i64 = EVERY * 4;

/// Who is asked about writes, if anybody is.
pub const WEBHOOKS: [&str; 2] = [
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
];

/// Creates or renews the node's lease when due, and asks to be woken for the next time.
pub fn renew(view: &View, node: &str, plan: &mut Plan) {
    let now = time::micros(view.now);
    let Some(entry) = view.named(LEASES, NAMESPACE, node) else {
        // Without the node's uid and the namespace upstream waits too.
        if let (Some(owner), true) =
            (view.get("nodes", node), view.get("namespaces", NAMESPACE).is_some())
        {
            plan.write(Write::create(
                LEASES,
                json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": node, "namespace": NAMESPACE, "ownerReferences": [
                        {"apiVersion": "v1", "kind": "Node", "name": node, "uid": owner.meta.uid}
                    ]},
                    "spec": {"holderIdentity": node, "leaseDurationSeconds": DURATION_SECONDS,
                        "renewTime": now},
                }),
            ));
            if is_told(view) {
                plan.look_again(time::plus_seconds(view.now, EVERY));
            } else {
                beats(view, node, true, plan);
            }
        } else {
            plan.look_again(time::plus_seconds(view.now, 1));
        }
        return;
    };
    let told = is_told(view);
    if !told && heartbeat::is_beating(&view.objects, node) {
        return;
    }
    if told {
        stop(view, node, plan);
    }
    let renewed = heartbeat::heard(&view.objects, node, view.now);
    let due = renewed.map_or(view.now, |t| time::plus_seconds(t, EVERY));
    if due <= view.now {
        plan.write(renewal(entry, now));
    }
    if !told {
        beats(view, node, true, plan);
    } else if due > view.now {
        plan.look_again(due);
    } else {
        plan.look_again(time::plus_seconds(view.now, EVERY));
    }
}

/// Writes down when the node was last heard of, if the clock alone has renewed its lease until now.
pub fn stop(view: &View, node: &str, plan: &mut Plan) {
    if !heartbeat::is_beating(&view.objects, node) {
        return;
    }
    let heard = heartbeat::heard(&view.objects, node, view.now);
    if let (Some(entry), Some(heard)) = (view.named(LEASES, NAMESPACE, node), heard) {
        plan.write(renewal(entry, time::micros(heard)));
    }
    beats(view, node, false, plan);
}

fn renewal(entry: &Entry, at: String) -> Write {
    let mut lease = entry.value();
    lease.set_at("spec.renewTime", at);
    Write::update(LEASES, lease)
}

/// Notes whether the clock alone renews the lease.
fn beats(view: &View, node: &str, beating: bool, plan: &mut Plan) {
    let mut body = json!({"metadata": {"name": node}, "beating": beating});
    plan.write(match view.get(ROWS, node) {
        None => Write::create(ROWS, body),
        Some(row) => {
            body["metadata"]["resourceVersion"] = json!(row.rev.to_string());
            Write::update(ROWS, body)
        }
    });
}

/// Whether renewals are written down: somebody would see them, or might refuse them.
pub fn is_told(view: &View) -> bool {
    view.watched || view.objects.count(faults::RESOURCE) > 0 || is_asked(view)
}

/// Whether a webhook is asked about leases.
fn is_asked(view: &View) -> bool {
    let meant = |rule: &Value| {
        let resources = rule.list_at("resources").iter().filter_map(Value::as_str);
        resources.into_iter().any(|r| ["*", "*/*", "leases"].contains(&r))
    };
    WEBHOOKS.iter().flat_map(|resource| view.objects.list(resource, "")).any(|entry| {
        let hooks = entry.lean();
        hooks.list_at("webhooks").iter().any(|hook| hook.list_at("rules").iter().any(meant))
    })
}
