//! What to do about the pods of a StatefulSet now: at most one thing at a time, unless the set
//! is `Parallel`. Source: `pkg/controller/statefulset/stateful_set_control.go`.

use super::{Pod, StatefulSetSync, identity, retention};
use crate::{
    controllers::{Plan, Write, children::delete_pod},
    object::ObjectExt,
};
use std::ops::ControlFlow::{self, Break, Continue};

/// Adds the writes.
pub(super) fn run(sync: &StatefulSetSync<'_>, plan: &mut Plan) {
    let mut work = Work {
        sync,
        plan,
        parallel: sync.set.str_at("spec.podManagementPolicy") == "Parallel",
        claims: vec![],
        create: vec![],
        other: vec![],
    };
    let ended = work.all();
    let Work { claims, create, other, .. } = work;
    // The flow only says where the looking ended.
    let _ = ended;
    plan.all(claims, false);
    plan.all(create, true);
    plan.all(other, false);
}

struct Work<'a, 'b> {
    sync: &'a StatefulSetSync<'b>,
    plan: &'a mut Plan,
    parallel: bool,
    claims: Vec<Write>,
    create: Vec<Write>,
    other: Vec<Write>,
}

/// Go on, or stop here until something changes.
type Flow = ControlFlow<()>;

impl Work<'_, '_> {
    fn all(&mut self) -> Flow {
        let sync = self.sync;
        for ordinal in sync.start()..sync.start() + sync.replicas() {
            self.wanted(ordinal)?;
        }
        self.condemned()?;
        if sync.is_rolling() { self.update() } else { Continue(()) }
    }

    /// Stops a set that goes in order.
    fn wait(&self) -> Flow {
        if self.parallel { Continue(()) } else { Break(()) }
    }

    fn wanted(&mut self, ordinal: i64) -> Flow {
        let sync = self.sync;
        let Some(pod) = sync.pods.get(&ordinal) else {
            return match identity::missing_claims(sync, ordinal) {
                None => self.wait(),
                Some(claims) => {
                    self.claims.extend(claims);
                    self.create.push(Write::create("pods", identity::pod(sync, ordinal)));
                    self.wait()
                }
            };
        };
        if pod.lens.is_terminal() {
            if !pod.is_deleting() {
                self.other.push(delete_pod(&pod.entry));
            }
            return self.wait();
        }
        if pod.lens.status.phase == "Pending" {
            self.claims.extend(identity::missing_claims(sync, ordinal).unwrap_or_default());
        }
        if !pod.is_healthy() {
            self.wait()?;
        }
        self.available(pod)?;
        self.other.extend(identity::repair(sync, pod));
        self.other.extend(retention::repair(sync, ordinal));
        Continue(())
    }

    /// Waits until the pod has been ready for long enough.
    fn available(&mut self, pod: &Pod) -> Flow {
        let seconds = self.sync.set.i64_at("spec.minReadySeconds").unwrap_or(0);
        if !pod.is_healthy() || pod.lens.is_available(seconds, self.sync.view.now) {
            return Continue(());
        }
        if let Some(at) = pod.lens.available_at(seconds) {
            self.plan.look_again(at);
        }
        self.wait()
    }

    /// Pods out of range go from the top, one by one.
    fn condemned(&mut self) -> Flow {
        let sync = self.sync;
        let first = self.first_unhealthy();
        for (ordinal, pod) in sync.pods.iter().rev().filter(|(o, _)| !sync.wants(**o)) {
            self.other.extend(retention::repair(sync, *ordinal));
            if pod.is_deleting() {
                self.wait()?;
                continue;
            }
            if !pod.is_healthy() && first != Some(*ordinal) {
                self.wait()?;
            }
            self.other.push(delete_pod(&pod.entry));
            self.wait()?;
        }
        Continue(())
    }

    fn first_unhealthy(&self) -> Option<i64> {
        let sync = self.sync;
        let sick = |o: &i64| sync.pods.get(o).is_none_or(|p| !p.is_healthy());
        let range = sync.start()..sync.start() + sync.replicas();
        let condemned = sync.pods.keys().rev().copied().filter(|o| !sync.wants(*o));
        range.chain(condemned).find(sick)
    }

    /// Replaces the highest pod that is not of the new revision, once those above it are well.
    fn update(&mut self) -> Flow {
        let sync = self.sync;
        let seconds = sync.set.i64_at("spec.minReadySeconds").unwrap_or(0);
        let lowest = sync.start() + sync.partition();
        for ordinal in (lowest..sync.start() + sync.replicas()).rev() {
            let Some(pod) = sync.pods.get(&ordinal) else { return Break(()) };
            if pod.revision() != sync.update && !pod.is_deleting() {
                self.other.push(delete_pod(&pod.entry));
                return Break(());
            }
            if !pod.is_healthy() || !pod.lens.is_available(seconds, sync.view.now) {
                if let Some(at) = pod.lens.available_at(seconds) {
                    self.plan.look_again(at);
                }
                return Break(());
            }
        }
        Continue(())
    }
}
