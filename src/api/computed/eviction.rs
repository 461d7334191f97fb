//! `pods/eviction`: deletes a pod if its disruption budget allows.
//! Source: `pkg/registry/core/pod/storage/eviction.go`.

use crate::{
    api::{
        Answer, Body, Item, Options, Request, Response, Server, Verb,
        write::{ATTEMPTS, Attempt, Draft, lists},
    },
    error::{Cause, Error},
    kinds,
    object::{Map, ObjectExt, Value, json, selector::Labels, time},
    store::{self, Entry, Expect, Snapshot},
};
use futures_util::future::LocalBoxFuture;
use std::sync::Arc;

const BUDGETS: &str = "poddisruptionbudgets.policy";
const SEVERAL: &str = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";

/// Answers a request to create an eviction.
pub fn create(
    server: Arc<Server>,
    request: Request,
) -> LocalBoxFuture<'static, Result<Answer, Error>> {
    Box::pin(evict(server, request))
}

/// What the budgets say about a pod.
#[derive(Debug, PartialEq)]
enum BudgetDecision {
    /// Delete it; no budget counts it.
    Free,
    /// Delete it and take it from this budget.
    Counted(Box<Value>),
}

async fn evict(server: Arc<Server>, request: Request) -> Result<Answer, Error> {
    let Body::Object(eviction, _) = &request.body else {
        return Err(Error::BadRequest("a request body is required".into()));
    };
    if !eviction.name().is_empty() && eviction.name() != request.name {
        return Err(Error::BadRequest("name in URL does not match name in Eviction object".into()));
    }
    let dry_run = request.options.dry_run
        || eviction.list_at("deleteOptions.dryRun").iter().any(|d| d == "All");
    let mut draft = Draft::of(eviction.clone());
    let snapshot = server.store.snapshot();
    Attempt::create(&server, &request, &snapshot).run(lists::PASSING, &mut draft).await?;
    let eviction = &draft.object;
    for _ in 0..ATTEMPTS {
        let snapshot = server.store.snapshot();
        let (entry, pod) = Server::stored(&snapshot, &request)?;
        let verdict = judge(&pod, &budgets(&snapshot, &entry))?;
        if dry_run {
            return Ok(success());
        }
        if let BudgetDecision::Counted(budget) = verdict
            && !take(&server, *budget, &pod).await?
        {
            continue;
        }
        if !ends(&pod) {
            mark(&server, &request, &entry, pod).await?;
        }
        let options = delete_options(&request, eviction);
        let delete = Request { verb: Verb::Delete, sub: "", body: Body::Empty, options, ..request };
        let snapshot = server.store.snapshot();
        server.delete_by(lists::EVICTED, snapshot, delete).await?;
        return Ok(Answer { warnings: draft.warnings(), ..success() });
    }
    Err(Error::stale(request.kind.resource(), &request.name))
}

fn success() -> Answer {
    let status = json!({"apiVersion": "v1", "kind": "Status", "metadata": {},
        "status": "Success", "code": 201});
    Response::One(201, Item::Value(status)).into()
}

fn delete_options(request: &Request, eviction: &Value) -> Options {
    let given = eviction.get("deleteOptions").cloned().unwrap_or_default();
    Options {
        grace_period: given.i64_at("gracePeriodSeconds"),
        propagation: given.str_at("propagationPolicy").into(),
        precondition_uid: given.str_at("preconditions.uid").into(),
        precondition_rv: given.str_at("preconditions.resourceVersion").into(),
        ..request.options.clone()
    }
}

/// The budgets of the namespace that select the pod.
fn budgets(snapshot: &Snapshot, pod: &Entry) -> Vec<Value> {
    let all = snapshot.list(BUDGETS, &pod.meta.namespace).map(|e| e.value());
    let selects = |b: &Value| {
        b.at("spec.selector").is_some_and(|s| Labels::from_object(s).matches_meta(&pod.meta))
    };
    all.filter(selects).collect()
}

/// Pods that run for nobody are deleted without asking.
fn ends(pod: &Value) -> bool {
    matches!(pod.str_at("status.phase"), "Succeeded" | "Failed" | "Pending" | "")
        || pod.is_deleting()
}

fn judge(pod: &Value, budgets: &[Value]) -> Result<BudgetDecision, Error> {
    if ends(pod) {
        return Ok(BudgetDecision::Free);
    }
    let budget = match budgets {
        [] => return Ok(BudgetDecision::Free),
        [one] => one,
        _ => return Err(several()),
    };
    let number = |field: &str| budget.i64_at(&format!("status.{field}")).unwrap_or(0);
    let (current, desired) = (number("currentHealthy"), number("desiredHealthy"));
    let ready = pod.condition("Ready").is_some_and(|c| c.str_at("status") == "True");
    if !ready {
        let always = budget.str_at("spec.unhealthyPodEvictionPolicy") == "AlwaysAllow";
        if always || (current >= desired && desired > 0) {
            return Ok(BudgetDecision::Free);
        }
    }
    let generation = budget.i64_at("metadata.generation").unwrap_or(0);
    if number("observedGeneration") < generation {
        let why = format!(
            "The disruption budget {} is still being processed by the server.",
            budget.name()
        );
        return Err(refused(why, 10));
    }
    if number("disruptionsAllowed") <= 0 {
        let why = format!(
            "The disruption budget {} needs {desired} healthy pods and has {current} currently",
            budget.name()
        );
        return Err(refused(why, 0));
    }
    Ok(BudgetDecision::Counted(Box::new(budget.clone())))
}

fn several() -> Error {
    Error::Raw(Box::new(json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": SEVERAL, "code": 500})))
}

fn refused(message: String, retry_after: u32) -> Error {
    Error::TooManyRequests {
        message: "Cannot evict pod as it would violate the pod's disruption budget.".into(),
        retry_after,
        causes: vec![Cause { reason: "DisruptionBudget", message, field: String::new() }],
    }
}

/// Takes one disruption from a budget. Answers false if somebody else was faster.
async fn take(server: &Arc<Server>, mut budget: Value, pod: &Value) -> Result<bool, Error> {
    let Some(kind) = kinds::by_resource(BUDGETS) else { return Err(Error::NoSuchPath) };
    let revision = budget.str_at("metadata.resourceVersion").parse().unwrap_or(0);
    let allowed = budget.i64_at("status.disruptionsAllowed").unwrap_or(0);
    budget.set_at("status.disruptionsAllowed", allowed - 1);
    let mut disrupted: Map = budget.map_at("status.disruptedPods").cloned().unwrap_or_default();
    disrupted.insert(pod.name().into(), json!(time::seconds(server.world.clock.now())));
    budget.set_at("status.disruptedPods", Value::Object(disrupted));
    let name = budget.name().to_owned();
    let result = server.put(&kind, budget, Expect::Rev(revision), Vec::new()).await;
    written(result, &kind, &name)
}

/// Says on the pod why it goes.
async fn mark(
    server: &Arc<Server>,
    request: &Request,
    entry: &Entry,
    mut pod: Value,
) -> Result<(), Error> {
    let mut list = pod.list_at("status.conditions").to_vec();
    list.retain(|c| c.str_at("type") != "DisruptionTarget");
    list.push(json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastProbeTime": null,
        "lastTransitionTime": time::seconds(server.world.clock.now()),
    }));
    pod.set_at("status.conditions", list);
    let result = server.put(&request.kind, pod, Expect::Rev(entry.rev), Vec::new()).await;
    // A pod that changed meanwhile goes without the note: the budget is taken already.
    written(result, &request.kind, &request.name).map(|_| ())
}

fn written(
    result: Result<Arc<Entry>, store::Error>,
    kind: &kinds::Served,
    name: &str,
) -> Result<bool, Error> {
    match result {
        Ok(_) => Ok(true),
        Err(store::Error::Stale(_)) => Ok(false),
        Err(error) => Err(Server::with_resource(kind, name, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(phase: &str, ready: &str) -> Value {
        json!({"metadata": {"name": "p"},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}})
    }

    fn budget(allowed: i64, current: i64, observed: i64) -> Value {
        json!({"metadata": {"name": "b", "generation": 1}, "status": {"observedGeneration": observed,
            "disruptionsAllowed": allowed, "currentHealthy": current, "desiredHealthy": 2}})
    }

    #[test]
    fn budgets_decide_over_running_pods_only() {
        let good = budget(1, 3, 1);
        let rows = [
            (pod("Pending", "False"), vec![good.clone(), good.clone()], Ok(true)),
            (pod("Running", "True"), vec![], Ok(true)),
            (pod("Running", "True"), vec![good.clone()], Ok(false)),
            (
                pod("Running", "True"),
                vec![good.clone(), good.clone()],
                Err((500, SEVERAL.to_owned(), 0)),
            ),
            (
                pod("Running", "True"),
                vec![budget(0, 2, 1)],
                Err((
                    429,
                    "The disruption budget b needs 2 healthy pods and has 2 currently".into(),
                    0,
                )),
            ),
            (
                pod("Running", "True"),
                vec![budget(1, 3, 0)],
                Err((
                    429,
                    "The disruption budget b is still being processed by the server.".into(),
                    10,
                )),
            ),
            (pod("Running", "False"), vec![budget(0, 2, 1)], Ok(true)),
            (
                pod("Running", "False"),
                vec![budget(0, 1, 1)],
                Err((
                    429,
                    "The disruption budget b needs 2 healthy pods and has 1 currently".into(),
                    0,
                )),
            ),
        ];
        for (i, (pod, budgets, expected)) in rows.into_iter().enumerate() {
            let got = judge(&pod, &budgets).map(|v| v == BudgetDecision::Free).map_err(|e| {
                let status = e.status();
                let cause = status.list_at("details.causes").first().cloned();
                let text = cause.as_ref().unwrap_or(&status).str_at("message").to_owned();
                let retry = status.i64_at("details.retryAfterSeconds").unwrap_or(0);
                (status["code"].as_i64().unwrap(), text, retry)
            });
            assert_eq!(got, expected, "row {i}");
        }
    }
}
