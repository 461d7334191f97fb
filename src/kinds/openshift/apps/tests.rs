//! Defaults and validation of DeploymentConfigs. Numbers are those of the cases of the reference.

use super::{DEPLOYMENT_CONFIG, defaults, validate};
use crate::{
    error::Causes,
    kinds::CellCx,
    object::{ObjectExt, Value, json},
};

/// A config with one container and this in its spec.
fn config(spec: Value) -> Value {
    let mut o = json!({"metadata": {"name": "x", "namespace": "n"}, "spec": {"template": {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "web", "image": "i"}]}}}});
    crate::object::merge(&mut o["spec"], &spec);
    // A list that is empty on purpose survives; a merge removes what is null.
    if spec.get("template").is_some_and(Value::is_null) {
        o.remove_at("spec.template");
    }
    crate::schema::fill_defaults(crate::schema::find(DEPLOYMENT_CONFIG.schema).unwrap(), &mut o);
    defaults::fill(&mut o);
    o
}

fn problems(spec: Value) -> Vec<String> {
    let mut causes = Causes::default();
    validate::check(&config(spec), None, &mut causes);
    causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

#[test]
fn what_is_left_out_is_filled_in() {
    let rolling = |more: Value| {
        let mut all =
            json!({"updatePeriodSeconds": 1, "intervalSeconds": 1, "timeoutSeconds": 600});
        crate::object::merge(&mut all, &more);
        all
    };
    let params = |given: Value| config(json!({"strategy": {"rollingParams": given}}));
    let rows = [
        // 1, 2, 3
        (config(json!({})), "spec.triggers", json!([{"type": "ConfigChange"}])),
        (config(json!({"triggers": []})), "spec.triggers", json!([])),
        (config(json!({})), "spec.replicas", json!(0)),
        (config(json!({})), "spec.selector", json!({"app": "x"})),
        (config(json!({})), "spec.strategy.type", json!("Rolling")),
        (config(json!({})), "spec.strategy.activeDeadlineSeconds", json!(21600)),
        (
            config(json!({})),
            "spec.strategy.rollingParams",
            rolling(json!({"maxUnavailable": "25%", "maxSurge": "25%"})),
        ),
        (
            params(json!({"maxSurge": 0})),
            "spec.strategy.rollingParams",
            rolling(json!({"maxUnavailable": "25%", "maxSurge": 0})),
        ),
        (
            params(json!({"maxUnavailable": 2})),
            "spec.strategy.rollingParams",
            rolling(json!({"maxUnavailable": 2, "maxSurge": 0})),
        ),
        (
            config(json!({"strategy": {"type": "Recreate"}})),
            "spec.strategy.recreateParams",
            json!({"timeoutSeconds": 600}),
        ),
        (
            config(json!({"triggers": [{"type": "ImageChange", "imageChangeParams": {
                "containerNames": ["web"], "from": {"kind": "ImageStream", "name": "s"}}}]})),
            "spec.triggers",
            json!([{"type": "ImageChange", "imageChangeParams": {"containerNames": ["web"],
                "from": {"kind": "ImageStreamTag", "name": "s:latest", "namespace": "n"}}}]),
        ),
        (
            config(json!({"strategy": {"type": "Recreate", "recreateParams": {"mid": {
                "failurePolicy": "Abort", "execNewPod": {"command": ["x"]}}}}})),
            "spec.strategy.recreateParams.mid.execNewPod.containerName",
            json!("web"),
        ),
    ];
    for (object, path, expected) in rows {
        assert_eq!(object.at(path), Some(&expected), "{path} of {object}");
    }
}

#[test]
fn wording() {
    let strategy = |s: Value| json!({"strategy": s});
    let rolling = |p: Value| json!({"strategy": {"rollingParams": p}});
    let hook = |h: Value| rolling(json!({"pre": h}));
    let trigger = |p: Value| json!({"triggers": [{"type": "ImageChange", "imageChangeParams": p}]});
    let rows: &[(Value, &[&str])] = &[
        (json!({}), &[]),
        (
            json!({"replicas": -1}),
            &["spec.replicas: Invalid value: -1: replicas cannot be negative"],
        ),
        // 25
        (
            json!({"minReadySeconds": 600}),
            &[
                "spec.minReadySeconds: Invalid value: 600: must be less than the deployment timeout (600s)",
            ],
        ),
        (
            json!({"minReadySeconds": 5, "strategy": {"activeDeadlineSeconds": 4,
                "rollingParams": {"timeoutSeconds": 3}}}),
            &[
                "spec.minReadySeconds: Invalid value: 5: must be less than the deployment timeout (3s)",
                "spec.minReadySeconds: Invalid value: 5: must be less than activeDeadlineSeconds (4s - used by the deployer pod)",
            ],
        ),
        (
            strategy(json!({"type": "Odd"})),
            &[
                "spec.strategy.type: Invalid value: \"Odd\": unsupported strategy type, use \"Custom\" instead and specify your own strategy",
            ],
        ),
        (
            rolling(json!({"maxSurge": 0, "maxUnavailable": "0%", "intervalSeconds": 0})),
            &[
                "spec.strategy.rollingParams.intervalSeconds: Invalid value: 0: must be >0",
                "spec.strategy.rollingParams.maxUnavailable: Invalid value: \"0%\": cannot be 0 when maxSurge is 0 as well",
            ],
        ),
        (
            rolling(json!({"maxSurge": "x", "maxUnavailable": "101%"})),
            &[
                "spec.strategy.rollingParams.maxSurge: Invalid value: \"x\": value should be int(5) or percentage(5%)",
                "spec.strategy.rollingParams.maxUnavailable: Invalid value: \"101%\": should not be more than 100%",
            ],
        ),
        // 36
        (
            hook(json!({"failurePolicy": "Abort", "execNewPod": {"command": ["x"]},
                "tagImages": [{"to": {"kind": "ImageStreamTag", "name": "s:t"}}]})),
            &[
                "spec.strategy.rollingParams.pre: Invalid value: \"<hook>\": only one of 'execNewPod' or 'tagImages' may be specified",
            ],
        ),
        (
            hook(json!({})),
            &[
                "spec.strategy.rollingParams.pre.failurePolicy: Required value",
                "spec.strategy.rollingParams.pre: Invalid value: \"<empty>\": One of execNewPod or tagImages must be specified",
            ],
        ),
        (
            hook(
                json!({"failurePolicy": "Abort", "tagImages": [{"containerName": "c", "to": {}}]}),
            ),
            &[
                "spec.strategy.rollingParams.pre.tagImages[0].containerName: Invalid value: \"c\": no container \"c\" found",
                "spec.strategy.rollingParams.pre.tagImages[0].to.kind: Invalid value: \"\": Must be 'ImageStreamTag'",
                "spec.strategy.rollingParams.pre.tagImages[0].to.name: Required value: a destination tag name is required",
            ],
        ),
        (
            json!({"triggers": [{"type": "ImageChange"}, {}]}),
            &[
                "spec.triggers[0].imageChangeParams: Required value",
                "spec.triggers[1].type: Required value",
            ],
        ),
        (
            trigger(json!({"from": {"kind": "DockerImage", "name": "s"}})),
            &[
                "spec.triggers[0].imageChangeParams.from.kind: Invalid value: \"DockerImage\": kind must be an ImageStreamTag",
                "spec.triggers[0].imageChangeParams.from.name: Invalid value: \"s\": must be in the form of <name>:<tag>",
                "spec.triggers[0].imageChangeParams.containerNames: Required value",
            ],
        ),
        (
            json!({"selector": {"app": "y"}}),
            &[
                "spec.template.metadata.labels: Invalid value: {\"app\":\"x\"}: `selector` does not match template `labels`",
            ],
        ),
    ];
    for (spec, expected) in rows {
        assert_eq!(problems(spec.clone()), *expected, "{spec}");
    }
}

#[test]
fn images_may_be_missing_where_a_trigger_supplies_them() {
    let mut spec = json!({"template": {"spec": {"containers": [{"name": "web", "image": ""}]}}});
    assert_eq!(problems(spec.clone()), ["spec.template.spec.containers[0].image: Required value"]);
    spec["triggers"] = json!([{"type": "ImageChange", "imageChangeParams": {
        "containerNames": ["web"], "from": {"kind": "ImageStreamTag", "name": "s:t"}}}]);
    assert!(problems(spec).is_empty());
}

#[test]
fn cells() {
    let cx = CellCx::at("2026-01-02T03:05:05Z".parse().unwrap());
    let row = |o: &Value| {
        json!(DEPLOYMENT_CONFIG.columns.iter().map(|c| (c.cell)(o, &cx)).collect::<Vec<_>>())
    };
    let image = |automatic: bool| {
        json!({"type": "ImageChange",
            "imageChangeParams": {"automatic": automatic, "from": {"name": "s:latest"}}})
    };
    // 37, 24
    let full = json!({"spec": {"replicas": 2, "triggers": [image(true), {"type": "ConfigChange"}]},
        "status": {"latestVersion": 2, "updatedReplicas": 2}});
    assert_eq!(row(&full), json!([2, "2", 2, "config,image(s:latest)"]));
    let test = json!({"spec": {"replicas": 2, "test": true, "triggers": [image(false)]}});
    assert_eq!(row(&test), json!([0, "2 (during test)", 0, ""]));
}
