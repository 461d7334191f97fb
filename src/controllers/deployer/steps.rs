//! The steps of a deployer, but for those of rolling updates.
//! Source: oc `pkg/cli/deployer/deployer.go` and `strategy/recreate`.

use super::{
    hooks,
    program::{DeployerStep, Flow, Program},
    rolling,
};
use crate::{
    controllers::podlens::PodLens,
    kinds::rollouts::{ROLLOUTS, phase, version},
    object::{ObjectExt, Value, selector::Labels},
};
use std::sync::Arc;

/// Takes one step.
///
/// # Errors
/// Never the next step.
pub fn take(p: &mut Program<'_>) -> Result<Flow, Flow> {
    Ok(match p.state.step {
        DeployerStep::Start => start(p),
        DeployerStep::Pre => {
            let rolls = rolling::is_strategy(p) && !p.state.from.is_empty();
            let next = if rolls { DeployerStep::RollStart } else { DeployerStep::Down };
            hooks::step(p, "pre", next)
        }
        DeployerStep::Down => down(p),
        DeployerStep::DownPods => down_pods(p),
        DeployerStep::Mid => hooks::step(p, "mid", DeployerStep::One),
        DeployerStep::One => one(p),
        DeployerStep::AcceptOne => accept(p, DeployerStep::All),
        DeployerStep::All => all(p),
        DeployerStep::Accept => accept(p, DeployerStep::Post),
        DeployerStep::RollStart => rolling::start(p),
        DeployerStep::RollUp => rolling::up(p),
        DeployerStep::RollDown => rolling::down(p),
        DeployerStep::RollCheck => rolling::check(p),
        DeployerStep::RollEnd => rolling::end(p),
        DeployerStep::Post => hooks::step(p, "post", DeployerStep::End),
        DeployerStep::End => Flow::Done,
    })
}

fn start(p: &mut Program<'_>) -> Flow {
    let to = p.rollout.name().to_owned();
    if p.desired().is_none() {
        return Flow::Fail(format!("deployment {to} has already run to completion"));
    }
    let own = p.view.named(ROLLOUTS, p.rollout.namespace(), &to);
    let config = own.and_then(|rollout| rollout.meta.controller());
    let others = config.into_iter().flat_map(|config| p.view.controlled_by(&config.uid, ROLLOUTS));
    let others = others.map(|e| e.look()).filter(|r| r.name() != to);
    let mut others: Vec<Arc<Value>> = others.collect();
    others.sort_by_key(|r| std::cmp::Reverse(version(r)));
    let from = others.iter().find(|r| phase(r) == "Complete").cloned();
    if let Some(from) = &from {
        if version(&p.rollout) < version(from) {
            return Flow::Fail(format!("deployment {to} is older than {}", from.name()));
        }
        p.state.from = from.name().into();
    }
    for stray in &others {
        let old = stray.name() == p.state.from;
        if !old && stray.i64_at("spec.replicas").unwrap_or(0) > 0 {
            p.order(stray.name(), 0);
            p.say(format!("--> Scaled older deployment {} down", stray.name()));
        }
    }
    p.pass_to(DeployerStep::Pre)
}

fn down(p: &mut Program<'_>) -> Flow {
    let from = p.state.from.clone();
    if let Some(old) = p.other(&from) {
        p.say(format!("--> Scaling {from} down to zero"));
        let number = |path: &str| old.i64_at(path).unwrap_or(0);
        let next = p.pass_to(DeployerStep::DownPods);
        if number("spec.replicas") != 0 || number("status.replicas") != 0 {
            p.scale(&from, 0);
        }
        return next;
    }
    p.pass_to(DeployerStep::Mid)
}

/// Waits until no pod of the old rollout is left.
fn down_pods(p: &mut Program<'_>) -> Flow {
    let Some(old) = p.other(&p.state.from.clone()) else { return p.pass_to(DeployerStep::Mid) };
    if members(p, &old).iter().any(|pod| !pod.is_terminal()) {
        if !p.passed(p.timeout()) {
            return Flow::Wait;
        }
        p.say("--> Failed to wait for old pods to be terminated: context deadline exceeded");
        p.say("New pods may be scaled up before old pods get terminated!");
    }
    p.pass_to(DeployerStep::Mid)
}

/// One pod before all others, where there was something to lose.
fn one(p: &mut Program<'_>) -> Flow {
    let to = p.rollout.name().to_owned();
    if p.state.from.is_empty() || p.desired().unwrap_or(0) == 0 {
        return p.pass_to(DeployerStep::All);
    }
    p.say(format!("--> Scaling {to} to 1 before performing acceptance check"));
    let next = p.pass_to(DeployerStep::AcceptOne);
    p.scale(&to, 1);
    next
}

fn all(p: &mut Program<'_>) -> Flow {
    let (to, desired) = (p.rollout.name().to_owned(), p.desired().unwrap_or(0));
    let accepted = !p.state.from.is_empty() || desired == 0;
    let next = p.pass_to(if accepted { DeployerStep::Post } else { DeployerStep::Accept });
    if desired > 0 && p.rollout.i64_at("spec.replicas") != Some(desired) {
        p.say(format!("--> Scaling {to} to {desired}"));
        p.scale(&to, desired);
    }
    next
}

/// Waits until all pods are available.
fn accept(p: &mut Program<'_>, next: DeployerStep) -> Flow {
    let number = |path: &str| p.rollout.i64_at(path).unwrap_or(0);
    if number("status.availableReplicas") == number("spec.replicas") {
        return p.pass_to(next);
    }
    let seconds = p.timeout();
    if !p.passed(seconds) {
        return Flow::Wait;
    }
    let (namespace, to) = (p.rollout.namespace(), p.rollout.name());
    Flow::Fail(format!(
        "update acceptor rejected {to}: pods for rc '{namespace}/{to}' took longer than {seconds} \
         seconds to become available"
    ))
}

/// The pods of a rollout; those that nobody has adopted yet will be seen when somebody has.
fn members(p: &Program<'_>, rollout: &Value) -> Vec<Arc<PodLens>> {
    let selector = rollout.at("spec.selector").map(Labels::from_map).unwrap_or_default();
    let own = p.view.controlled_by(rollout.uid(), "pods");
    own.filter(|pod| selector.matches_meta(&pod.meta)).map(|pod| PodLens::of(pod)).collect()
}

/// How many pods of a rollout are available.
pub fn available(p: &Program<'_>, rollout: &Value) -> i64 {
    let ready = p.config.i64_at("spec.minReadySeconds").unwrap_or(0);
    let pods = members(p, rollout);
    let counts =
        pods.iter().filter(|pod| !pod.is_deleting() && pod.is_available(ready, p.view.now));
    i64::try_from(counts.count()).unwrap_or(i64::MAX)
}
