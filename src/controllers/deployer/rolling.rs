//! Rolling updates: up and down in turns, within the limits.
//! Source: oc `pkg/cli/deployer/strategy/rolling`.

use super::{
    program::{DeployerStep, Flow, Program},
    steps::available,
};
use crate::{
    kinds::rollouts::{self, DESIRED},
    object::{ObjectExt, Value, json, time},
};
use jiff::SignedDuration;
use std::sync::Arc;

const SOURCE: &str = "kubectl.kubernetes.io/update-source-id";
const ORIGINAL: &str = "kubectl.kubernetes.io/original-replicas";

/// Whether the strategy is one of rolling updates.
pub fn is_strategy(p: &Program<'_>) -> bool {
    p.config.str_at("spec.strategy.type") == "Rolling"
}

/// Whether a rolling update is under way.
pub fn is_rolling(p: &Program<'_>) -> bool {
    use DeployerStep::{RollCheck, RollDown, RollEnd, RollUp};
    matches!(p.state.step, RollUp | RollDown | RollCheck | RollEnd)
}

/// What an update goes by.
struct Numbers {
    desired: i64,
    surge: i64,
    keep: i64,
    old: i64,
    new: i64,
}

fn numbers(p: &Program<'_>, from: &Value) -> Numbers {
    let size = |r: &Value| r.i64_at("spec.replicas").unwrap_or(0);
    let desired = p.desired().unwrap_or(0);
    let (surge, missing) = rollouts::fenceposts(&p.config, desired);
    let keep = if desired == 0 { 0 } else { (desired - missing).max(0) };
    Numbers { desired, surge, keep, old: size(from), new: size(&p.rollout) }
}

/// The rollout that is replaced, or the end.
fn old(p: &Program<'_>) -> Result<Arc<Value>, Flow> {
    let gone = || Flow::Fail(format!("replicationcontrollers {:?} not found", p.state.from));
    p.other(&p.state.from).ok_or_else(gone)
}

fn in_turn(result: Result<Flow, Flow>) -> Flow {
    result.unwrap_or_else(|flow| flow)
}

/// Says what will happen.
pub fn start(p: &mut Program<'_>) -> Flow {
    in_turn(old(p).map(|from| {
        let n = numbers(p, &from);
        let (to, name) = (p.rollout.name().to_owned(), from.name().to_owned());
        let source = format!("{name}:{}", from.uid());
        p.change(&to, json!({"metadata": {"annotations": {SOURCE: source}}}));
        if from.annotation(ORIGINAL).is_none() {
            let size = n.old.to_string();
            p.change(&name, json!({"metadata": {"annotations": {ORIGINAL: size}}}));
        }
        p.say(format!(
            "--> Scaling up {to} from {} to {}, scaling down {name} from {} to 0 (keep {} pods \
             available, don't exceed {} pods)",
            n.new,
            n.desired,
            n.old,
            n.keep,
            n.desired + n.surge
        ));
        p.state.deadline = Some(time::plus_seconds(p.view.now, p.timeout()));
        p.pass_to(DeployerStep::RollUp)
    }))
}

/// As far up as the surge allows.
pub fn up(p: &mut Program<'_>) -> Flow {
    in_turn(old(p).map(|from| {
        let n = numbers(p, &from);
        let room = if n.old == 0 { n.desired - n.new } else { n.desired + n.surge - n.old - n.new };
        let next = p.pass_to(DeployerStep::RollDown);
        if n.new != n.desired && room > 0 {
            let (to, size) = (p.rollout.name().to_owned(), (n.new + room).min(n.desired));
            p.say(format!("    Scaling {to} up to {size}"));
            scaled(p, &to, size);
        }
        next
    }))
}

/// As far down as those that must be available allow, a moment after the way up.
pub fn down(p: &mut Program<'_>) -> Flow {
    let seconds = p.config.i64_at("spec.strategy.rollingParams.updatePeriodSeconds").unwrap_or(1);
    let pace = i32::try_from(p.view.delays.boot_percent).unwrap_or(i32::MAX);
    let period = SignedDuration::from_secs(seconds) * pace / 100;
    if let Some(at) = p.state.scaled.and_then(|at| at.checked_add(period).ok())
        && !p.reached(at)
    {
        return Flow::Wait;
    }
    in_turn(old(p).map(|from| {
        let n = numbers(p, &from);
        let next = p.pass_to(DeployerStep::RollCheck);
        let there = available(p, &p.rollout);
        let room = n.old + n.new - n.keep - (n.new - there);
        if n.old != 0 && room > 0 {
            let complete = n.new == n.desired && there == n.desired;
            let size = if complete { 0 } else { (n.old - room).max(0) };
            let name = from.name().to_owned();
            p.say(format!("    Scaling {name} down to {size}"));
            scaled(p, &name, size);
        }
        next
    }))
}

fn scaled(p: &mut Program<'_>, name: &str, size: i64) {
    p.state.moved = true;
    p.state.scaled = Some(p.view.now);
    p.scale(name, size);
}

/// Done, another turn, or too late.
pub fn check(p: &mut Program<'_>) -> Flow {
    in_turn(old(p).map(|from| {
        let n = numbers(p, &from);
        if n.new == n.desired && n.old == 0 {
            return p.pass_to(DeployerStep::RollEnd);
        }
        if std::mem::take(&mut p.state.moved) {
            p.state.deadline = Some(time::plus_seconds(p.view.now, p.timeout()));
            return p.pass_to(DeployerStep::RollUp);
        }
        let deadline = p.state.deadline.unwrap_or(p.view.now);
        if p.reached(deadline) {
            return Flow::Fail("timed out waiting for any update progress to be made".into());
        }
        p.state.step = DeployerStep::RollUp;
        Flow::Wait
    }))
}

/// Takes away what was only noted for the update.
pub fn end(p: &mut Program<'_>) -> Flow {
    let to = p.rollout.name().to_owned();
    p.change(&to, json!({"metadata": {"annotations": {SOURCE: null, DESIRED: null}}}));
    p.pass_to(DeployerStep::Post)
}
