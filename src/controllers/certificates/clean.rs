//! Forgets signing requests that are settled, or that nobody cared about for a day.

use super::REQUESTS;
use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{ObjectExt, Value, json, time},
    tls,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;

const SETTLED: i64 = 3600;
const PENDING: i64 = 24 * 3600;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "certificate-cleaner-controller",
    user: "system:serviceaccount:kube-system:certificate-controller",
    watches: &[Watch::Itself(REQUESTS)],
    reconcile,
    ..Controller::BASE
};

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get(REQUESTS, key) else { return plan };
    match ends(&entry.lean()) {
        Some(at) if at > view.now => plan.look_again(at),
        Some(_) => {
            let only_this = json!({"preconditions": {"uid": &*entry.meta.uid}});
            plan.write(Write::delete(REQUESTS, entry, only_this))
        }
        None => &mut plan,
    };
    plan
}

/// When a request is forgotten.
fn ends(request: &Value) -> Option<Timestamp> {
    let certificate = STANDARD.decode(request.str_at("status.certificate")).unwrap_or_default();
    let issued = !certificate.is_empty();
    let after = |text: &str, seconds: i64| Some(time::plus_seconds(time::parse(text)?, seconds));
    let conditions = request.list_at("status.conditions");
    if conditions.is_empty() {
        return after(request.str_at("metadata.creationTimestamp"), PENDING);
    }
    let mut ends: Vec<Timestamp> = Vec::new();
    for condition in conditions {
        let told = condition.str_at("lastUpdateTime");
        match condition.str_at("type") {
            "Approved" if issued => {
                ends.extend(after(told, SETTLED));
                ends.extend(tls::not_after(&certificate));
            }
            "Approved" => ends.extend(after(told, PENDING)),
            "Denied" | "Failed" => ends.extend(after(told, SETTLED)),
            _ => {}
        }
    }
    ends.into_iter().min()
}
