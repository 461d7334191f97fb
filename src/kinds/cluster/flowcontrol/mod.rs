//! flowcontrol.apiserver.k8s.io: which requests belong together, and how many of them may run at once.
//!
//! The objects are stored, checked and linked as upstream does. What limits the requests of this
//! server is its own in-flight limit: priority and fairness are described here, not enforced.

mod levels;
pub mod older;
mod schemas;

use super::cells;
use crate::error::Causes;
use crate::kinds::columns::AGE;
use crate::kinds::{Column, Generation, Hooks, Kind, Sub, workloads::Field};
use crate::object::{ObjectExt, Value, json};
use std::collections::HashSet;

const GROUP: Kind = Kind {
    group: "flowcontrol.apiserver.k8s.io",
    since: 29,
    namespaced: false,
    subresources: &[Sub::STATUS],
    generation: Generation::Spec,
    ..Kind::BASE
};

/// `flowschemas.flowcontrol.apiserver.k8s.io`.
pub static FLOW_SCHEMA: Kind = Kind {
    kind: "FlowSchema",
    plural: "flowschemas",
    schema: "io.k8s.api.flowcontrol.v1.FlowSchema",
    columns: &[
        Column::text(
            "PriorityLevel",
            "`name` is the name of the priority level configuration being referenced Required.",
            |o, _| cells::text(o, "spec.priorityLevelConfiguration.name"),
        ),
        Column::text(
            "MatchingPrecedence",
            "`matchingPrecedence` is used to choose among the FlowSchemas that match a given request. The chosen FlowSchema is among those with the numerically lowest (which we take to be logically highest) MatchingPrecedence.  Each MatchingPrecedence value must be ranged in [1,10000]. Note that if the precedence is not specified, it will be set to 1000 as default.",
            |o, _| json!(o.i64_at("spec.matchingPrecedence").unwrap_or(0)),
        ),
        Column::text(
            "DistinguisherMethod",
            "`distinguisherMethod` defines how to compute the flow distinguisher for requests that match this schema. `nil` specifies that the distinguisher is disabled and thus will always be the empty string.",
            |o, _| cells::text_or(o, "spec.distinguisherMethod.type", "<none>"),
        ),
        AGE,
        Column::text(
            "MissingPL",
            "references a broken or non-existent PriorityLevelConfiguration",
            |o, _| {
                let conditions = o.list_at("status.conditions");
                let dangling = conditions.iter().find(|c| c.str_at("type") == "Dangling");
                json!(dangling.map_or("?", |c| c.str_at("status")))
            },
        ),
    ],
    hooks: Hooks {
        validate: Some(|o, _, out| schemas::validate(o, out)),
        validate_status: Some(|o, _, out| conditions(o, out)),
        ..Hooks::NONE
    },
    ..GROUP
};

/// `prioritylevelconfigurations.flowcontrol.apiserver.k8s.io`.
pub static PRIORITY_LEVEL_CONFIGURATION: Kind = Kind {
    kind: "PriorityLevelConfiguration",
    plural: "prioritylevelconfigurations",
    schema: "io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration",
    columns: &[
        Column::text(
            "Type",
            "`type` indicates whether this priority level is subject to limitation on request execution.  A value of `\"Exempt\"` means that requests of this priority level are not subject to a limit (and thus are never queued) and do not detract from the capacity made available to other priority levels.  A value of `\"Limited\"` means that (a) requests of this priority level _are_ subject to limits and (b) some of the server's limited capacity is made available exclusively to this priority level. Required.",
            |o, _| cells::text(o, "spec.type"),
        ),
        Column::text(
            "NominalConcurrencyShares",
            "`nominalConcurrencyShares` (NCS) contributes to the computation of the NominalConcurrencyLimit (NominalCL) of this level.",
            |o, _| number(o, "spec.limited.nominalConcurrencyShares"),
        ),
        Column::text(
            "Queues",
            "`queues` is the number of queues for this priority level.",
            |o, _| number(o, "spec.limited.limitResponse.queuing.queues"),
        ),
        Column::text(
            "HandSize",
            "`handSize` is a small positive number that configures the shuffle sharding of requests into queues.",
            |o, _| number(o, "spec.limited.limitResponse.queuing.handSize"),
        ),
        Column::text(
            "QueueLengthLimit",
            "`queueLengthLimit` is the maximum number of requests allowed to be waiting in a given queue of this priority level at a time.",
            |o, _| number(o, "spec.limited.limitResponse.queuing.queueLengthLimit"),
        ),
        AGE,
    ],
    hooks: Hooks {
        validate: Some(|o, _, out| levels::validate(o, out)),
        validate_status: Some(|o, _, out| conditions(o, out)),
        ..Hooks::NONE
    },
    ..GROUP
};

fn number(o: &Value, path: &str) -> Value {
    o.i64_at(path).map_or(json!("<none>"), |n| json!(n))
}

/// The conditions of either kind: each has a type, and no type comes twice.
fn conditions(o: &Value, out: &mut Causes) {
    let mut seen = HashSet::new();
    for condition in Field::of(o, "status.conditions").items() {
        let kind = condition.get("type");
        if !seen.insert(kind.text()) {
            out.duplicate(&kind.path, &json!(kind.text()));
        }
        kind.needs_text(out);
    }
}

#[cfg(test)]
mod tests;
