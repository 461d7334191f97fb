//! Deletes Jobs some time after they finished.
//! Source: `pkg/controller/ttlafterfinished`.

use super::verdict;
use crate::{
    controllers::{Controller, Plan, View, Watch, Write, resources::delete_options},
    object::{ObjectExt, Value, time},
};
use jiff::Timestamp;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "ttl-after-finished-controller",
    watches: &[Watch::Itself("jobs.batch")],
    reconcile,
    ..Controller::BASE
};

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get("jobs.batch", key).filter(|e| !e.meta.deleting) else {
        return plan;
    };
    match expiry(&entry.tree()) {
        Some(at) if at <= view.now => {
            let options = delete_options("Foreground", entry, false);
            plan.write(Write::delete("jobs.batch", entry, options));
        }
        Some(at) => {
            plan.look_again(at);
        }
        None => {}
    }
    plan
}

/// When a finished Job is to go.
fn expiry(job: &Value) -> Option<Timestamp> {
    let seconds = job.i64_at("spec.ttlSecondsAfterFinished")?;
    let end = ["Complete", "Failed"].iter().find(|c| verdict::holds(job, c))?;
    let at = time::parse(job.condition(end)?.str_at("lastTransitionTime"))?;
    Some(time::plus_seconds(at, seconds))
}
