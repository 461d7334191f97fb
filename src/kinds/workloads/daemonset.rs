//! `apps/v1` DaemonSet: one pod on every node that fits.

use super::{
    cells::{CONTAINERS, IMAGES, count, label_map, label_selector},
    checks,
    field::{Field, not_supported},
    template,
};
use crate::{
    error::{Causes, Error},
    kinds::{Column, Cx, Generation, Hooks, Kind, Sub, columns},
    object::{ObjectExt, Value, json, selector::Labels},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "apps",
    kind: "DaemonSet",
    plural: "daemonsets",
    short: &["ds"],
    categories: &["all"],
    subresources: &[Sub::STATUS],
    columns: COLUMNS,
    schema: "io.k8s.api.apps.v1.DaemonSet",
    generation: Generation::Spec,
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(validate_status),
        warn: Some(|new, old| template::template_warnings(new, old, "spec.template")),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

const COLUMNS: &[Column] = &[
    Column::int(
        "Desired",
        "The total number of nodes that should be running the daemon pod (including nodes correctly running the daemon pod). More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
        |o, _| count(o, "status.desiredNumberScheduled"),
    ),
    Column::int(
        "Current",
        "The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod. More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
        |o, _| count(o, "status.currentNumberScheduled"),
    ),
    Column::int(
        "Ready",
        "numberReady is the number of nodes that should be running the daemon pod and have one or more of the daemon pod running with a Ready Condition.",
        |o, _| count(o, "status.numberReady"),
    ),
    Column::int(
        "Up-to-date",
        "The total number of nodes that are running updated daemon pod",
        |o, _| count(o, "status.updatedNumberScheduled"),
    ),
    Column::int(
        "Available",
        "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available (ready for at least spec.minReadySeconds)",
        |o, _| count(o, "status.numberAvailable"),
    ),
    Column::text(
        "Node Selector",
        "NodeSelector is a selector which must be true for the pod to fit on a node. Selector which must match a node's labels for the pod to be scheduled on that node. More info: https://kubernetes.io/docs/concepts/configuration/assign-pod-node/",
        |o, _| label_map(o.at("spec.template.spec.nodeSelector")),
    ),
    columns::AGE,
    CONTAINERS.wide(),
    IMAGES.wide(),
    Column::text(
        "Selector",
        "A label query over pods that are managed by the daemon set. Must match in order to be controlled. It must match the pod template's labels. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        |o, _| label_selector(o.at("spec.selector")),
    )
    .wide(),
];

/// Counts the changes of the template. Kept in an annotation since the field left the API.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn default(o: &mut Value) {
    template::default_template(o.at_mut("spec.template"));
    // The field behind it is a number, which is there before anybody counts.
    if o.annotation(TEMPLATE_GENERATION).is_none() {
        o.set_annotation(TEMPLATE_GENERATION, "0");
    }
    // Numbers that are there for any strategy, once there is something to hold them.
    let least = match o.str_at("spec.updateStrategy.type") {
        "RollingUpdate" => 1,
        _ if o.at("spec.updateStrategy.rollingUpdate").is_some_and(Value::is_object) => 0,
        _ => return,
    };
    for (limit, count) in [("maxUnavailable", least), ("maxSurge", 0)] {
        let path = format!("spec.updateStrategy.rollingUpdate.{limit}");
        if o.at(&path).is_none_or(Value::is_null) {
            o.set_at(&path, count);
        }
    }
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    let count = |o: &Value| o.annotation(TEMPLATE_GENERATION).and_then(|a| a.parse::<i64>().ok());
    let generation = match old {
        None => count(o).unwrap_or(0).max(1),
        Some(old) => {
            let changed = old.at("spec.template") != o.at("spec.template");
            count(old).unwrap_or(0) + i64::from(changed)
        }
    };
    o.set_annotation(TEMPLATE_GENERATION, generation.to_string());
    if old.is_none() {
        o.set_at(
            "status",
            json!({"currentNumberScheduled": 0, "numberMisscheduled": 0,
                "desiredNumberScheduled": 0, "numberReady": 0}),
        );
    }
    Ok(())
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    let (selector, template) = (spec.get("selector"), spec.get("template"));
    if let Some(old) = old {
        selector.immutable(&Field::of(old, "spec.selector"), out);
    }
    checks::label_selector(&selector, out);
    let matches = |s: &Value| Labels::from_object(s).matches_object(&new["spec"]["template"]);
    if checks::evaluable(&selector) && !selector.value.is_some_and(matches) {
        let labels = template.get("metadata.labels");
        labels.invalid(out, "`selector` does not match template `labels`");
    }
    if selector.is_set() && checks::terms(&selector) == 0 {
        selector.invalid(out, "empty selector is invalid for daemonset");
    }
    template::validate_template(&template, out);
    template::runs_forever(&template, "DaemonSet", out);
    spec.get("minReadySeconds").nonnegative(out);
    strategy(&spec.get("updateStrategy"), out);
    spec.get("revisionHistoryLimit").nonnegative(out);
}

fn strategy(strategy: &Field<'_>, out: &mut Causes) {
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "OnDelete" => {}
        "RollingUpdate" if !rolling.is_set() => rolling.required(out, ""),
        "RollingUpdate" => rolling_update(&rolling, out),
        other => {
            let inside = |name: &str| rolling.get(name).value.unwrap_or(&Value::Null);
            let (unavailable, surge) = (inside("maxUnavailable"), inside("maxSurge"));
            let rolling = match rolling.is_set() {
                true => format!("{{\"MaxUnavailable\":{unavailable},\"MaxSurge\":{surge}}}"),
                false => "null".into(),
            };
            let shown = format!("{{\"Type\":{},\"RollingUpdate\":{rolling}}}", json!(other));
            not_supported(out, &strategy.path, &shown, &["RollingUpdate", "OnDelete"]);
        }
    }
}

fn rolling_update(rolling: &Field<'_>, out: &mut Causes) {
    let limits = [rolling.get("maxUnavailable"), rolling.get("maxSurge")];
    limits.iter().for_each(|limit| checks::int_or_percent(limit, out));
    limits.iter().for_each(|limit| checks::at_most_all(limit, out));
    let [unavailable, surge] = &limits;
    match (checks::amount(unavailable) != 0, checks::amount(surge) != 0) {
        (true, true) => surge.invalid(out, "may not be set when maxUnavailable is non-zero"),
        (false, false) => unavailable.required(out, "cannot be 0 when maxSurge is 0"),
        _ => {}
    }
}

fn validate_status(new: &Value, old: &Value, out: &mut Causes) {
    let counters = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    let status = Field::of(new, "status");
    counters.iter().for_each(|c| status.get(c).nonnegative(out));
    checks::collisions(new, old, out);
}
