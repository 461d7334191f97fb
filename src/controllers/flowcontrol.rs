//! Says of every FlowSchema whether its priority level is there.
//! Source: apiserver `pkg/util/flowcontrol/apf_controller.go`.

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    object::{ObjectExt, Value, json, time},
    store::Change,
};

const SCHEMAS: &str = "flowschemas.flowcontrol.apiserver.k8s.io";
const LEVELS: &str = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "api-priority-and-fairness-config-consumer-v1",
    user: "system:apiserver",
    manager: "api-priority-and-fairness-config-consumer-v1",
    watches: &[Watch::Itself(SCHEMAS), Watch::Map(LEVELS, schemas)],
    reconcile,
    ..Controller::BASE
};

/// Which schemas a level is for is in the schemas alone; there are few.
fn schemas(view: &View, _: &Change) -> Vec<String> {
    view.objects.list(SCHEMAS, "").map(|e| e.key.to_string()).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(mut schema) = view.value(SCHEMAS, key) else { return plan };
    let level = schema.str_at("spec.priorityLevelConfiguration.name");
    let (status, reason, ending) = match view.get(LEVELS, level) {
        Some(_) => ("False", "Found", "and it exists"),
        None => ("True", "NotFound", "but there is no such object"),
    };
    let message = format!(
        "This FlowSchema references the PriorityLevelConfiguration object named {level:?} {ending}"
    );
    let conditions = schema.list_at("status.conditions");
    let old = conditions.iter().find(|c| c.str_at("type") == "Dangling");
    let same = old.is_some_and(|c| c.str_at("status") == status && c.str_at("message") == message);
    if same || schema.is_deleting() {
        return plan;
    }
    let mut all: Vec<Value> =
        conditions.iter().filter(|c| c.str_at("type") != "Dangling").cloned().collect();
    all.push(json!({"type": "Dangling", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": time::seconds(view.now)}));
    schema.set_at("status.conditions", all);
    plan.write(Write::status(SCHEMAS, schema));
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testkit::Kit;

    #[test]
    fn a_schema_hangs_until_its_level_is_there() {
        let mut kit = Kit::default();
        kit.put(
            SCHEMAS,
            json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema",
                "metadata": {"name": "s"},
                "spec": {"priorityLevelConfiguration": {"name": "l"}}}),
        );
        kit.settle(&CONTROLLER, "s");
        let dangling =
            |kit: &Kit| kit.get(SCHEMAS, "s").unwrap()["status"]["conditions"][0].clone();
        assert_eq!(dangling(&kit)["status"], "True");
        assert_eq!(
            dangling(&kit)["message"],
            r#"This FlowSchema references the PriorityLevelConfiguration object named "l" but there is no such object"#
        );
        kit.put(LEVELS, json!({"metadata": {"name": "l"}}));
        kit.settle(&CONTROLLER, "s");
        assert_eq!(dangling(&kit)["status"], "False");
        assert_eq!(
            dangling(&kit)["message"],
            r#"This FlowSchema references the PriorityLevelConfiguration object named "l" and it exists"#
        );
    }
}
