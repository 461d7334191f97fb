//! Forgets events some time after they were last written, as upstream's storage does.
//! Source: kube-apiserver `--event-ttl`.

use super::{Controller, Plan, View, Watch, Write};
use crate::object::{ObjectExt, Value, json, pick, time};
use jiff::Timestamp;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "event-ttl-controller",
    watches: &[Watch::Itself("events")],
    reconcile,
    ..Controller::BASE
};

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get("events", key) else { return plan };
    let written = last_written(&pick(&entry.bytes, &MOMENTS));
    let ends = written.and_then(|t| t.checked_add(view.settings.event_ttl).ok());
    match ends {
        Some(at) if at > view.now => plan.look_again(at),
        _ => {
            let only_this = json!({"preconditions": {"uid": &*entry.meta.uid}});
            plan.write(Write::delete("events", entry, only_this))
        }
    };
    plan
}

/// Where an event says when it was written, sorted.
const MOMENTS: [&str; 4] =
    ["eventTime", "lastTimestamp", "metadata.creationTimestamp", "series.lastObservedTime"];

fn last_written(event: &Value) -> Option<Timestamp> {
    MOMENTS.iter().filter_map(|p| time::parse(event.str_at(p))).max()
}
