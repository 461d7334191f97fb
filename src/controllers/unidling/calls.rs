//! Traffic for services that sleep, as the network notices it: each call is noted in an object of
//! its own, which this turns into an event. Source: OVN-Kubernetes
//! `go-controller/pkg/ovn/controller/unidling`.

use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{Value, json},
};

/// Resource of the notes; each has the key of its service.
pub const CALLS: &str = "calls.internal";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "ovnkube-controller",
    component: "controlplane",
    user: "system:serviceaccount:openshift-ovn-kubernetes:ovn-kubernetes-controller",
    manager: "ovnkube",
    watches: &[Watch::Itself(CALLS)],
    reconcile,
    ..Controller::BASE
};

/// A note that a service was called.
pub fn note(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}})
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get(CALLS, key) else { return plan };
    plan.write(Write::delete(CALLS, entry, Value::Null));
    if view.get("services", key).is_some() {
        let (namespace, name) = (&*entry.meta.namespace, &*entry.meta.name);
        // The network knows services by name alone.
        let about = json!({"kind": "Service", "metadata": {"namespace": namespace, "name": name}});
        plan.event(&about, false, super::NEED_PODS, format!("The service {name} needs pods"));
    }
    plan
}
