//! Faults of the simulated world: which nodes fall silent, whose disks fill, which pulls fail, which
//! containers crash or are not ready, and when. All of it follows from the rules and the time, so
//! that kubelets, which remember nothing, see the same whenever they look.

use super::{RESOURCE, Rule, Rules, matches::among};
use crate::store::Snapshot;
use jiff::Timestamp;
use std::sync::Arc;

/// A container of a pod.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Spot<'a> {
    pub node: &'a str,
    pub namespace: &'a str,
    pub pod: &'a str,
    pub container: &'a str,
}

impl Spot<'_> {
    fn is_meant(&self, rule: &Rule) -> bool {
        let m = &rule.spec.matches;
        among(&m.nodes, self.node)
            && among(&m.namespaces, self.namespace)
            && among(&m.names, self.pod)
            && among(&m.containers, self.container)
    }
}

/// The rules about the world, if there are any.
fn rules(objects: &Snapshot) -> impl Iterator<Item = Arc<Rule>> {
    let rules = (objects.count(RESOURCE) > 0).then(|| Rules::of(objects));
    let count = rules.as_ref().map_or(0, |r| r.0.len());
    (0..count)
        .filter_map(move |i| rules.as_ref().map(|r| Arc::clone(&r.0[i])))
        .filter(|rule| rule.spec.effect.is_of_the_world())
}

fn holding(objects: &Snapshot, now: Timestamp) -> impl Iterator<Item = Arc<Rule>> {
    rules(objects).filter(move |rule| rule.spec.holds(now))
}

/// Whether nobody hears of a node.
pub fn silent(objects: &Snapshot, now: Timestamp, node: &str) -> bool {
    holding(objects, now).any(|r| r.spec.effect.silent && among(&r.spec.matches.nodes, node))
}

/// How much of a node's disk others use, in percent.
pub fn disk(objects: &Snapshot, now: Timestamp, node: &str) -> u64 {
    let meant = holding(objects, now).filter(|r| among(&r.spec.matches.nodes, node));
    meant.filter_map(|r| r.spec.effect.disk).max().unwrap_or_default().into()
}

/// What a registry says in place of an image.
pub fn pull(objects: &Snapshot, now: Timestamp, image: &str) -> Option<String> {
    let mut meant = holding(objects, now).filter(|r| among(&r.spec.matches.images, image));
    meant.find_map(|r| Some(r.spec.effect.pull.clone()).filter(|said| !said.is_empty()))
}

/// Whether a container is not ready, whatever its probes find.
pub fn unready(objects: &Snapshot, now: Timestamp, spot: Spot<'_>) -> bool {
    holding(objects, now).any(|r| r.spec.effect.unready && spot.is_meant(&r))
}

/// When a container that has run since a moment crashes, and with which code. One that began after
/// the moment is spared, unless the rule is for every run.
pub fn crash(objects: &Snapshot, spot: Spot<'_>, since: Timestamp) -> Option<(Timestamp, i64)> {
    let of = |rule: Arc<Rule>| {
        let spec = &rule.spec;
        let code = spec.effect.crash?;
        let late = spec.effect.late().ok()?;
        let begins = spec.starts?;
        let at = match spec.effect.repeat {
            true => begins.max(since.checked_add(late).ok()?),
            false => begins.checked_add(late).ok()?,
        };
        // Statuses tell seconds: whoever begins again in the same one must not crash twice.
        let at = Timestamp::from_second(at.as_second() + i64::from(at.subsec_nanosecond() > 0));
        let at = at.ok()?;
        let open = spec.until.is_none_or(|end| at < end);
        (open && since < at && spot.is_meant(&rule)).then_some((at, i64::from(code)))
    };
    rules(objects).filter_map(of).min()
}

/// When a rule about the world begins or ends next.
pub fn next(objects: &Snapshot, now: Timestamp) -> Option<Timestamp> {
    let turns = rules(objects).flat_map(|rule| [rule.spec.starts, rule.spec.until]);
    turns.flatten().filter(|turn| *turn > now).min()
}
