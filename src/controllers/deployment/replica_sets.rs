//! Making, scaling and ordering the ReplicaSets of a Deployment.

use super::super::{
    EventRecord, Outcome, Plan, Write, WriteVerb, children::controller_ref, namespace_terminating,
};
use super::{
    DeploymentSync, REPLICA_SETS, hash,
    numbers::{size, total_size},
    progress, revision,
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
};
use jiff::Timestamp;
use std::cmp::Ordering;

/// Longest object name.
const NAME_LENGTH: usize = 253;

/// Older first; then by name.
pub fn by_creation(a: &Value, b: &Value) -> Ordering {
    let created = |v: &Value| v.str_at("metadata.creationTimestamp").to_owned();
    created(a).cmp(&created(b)).then_with(|| a.name().cmp(b.name()))
}

/// The revision of a ReplicaSet; 0 when it has none, `None` when it is no number.
pub fn revision_of(rs: &Value) -> Option<i64> {
    rs.annotation(revision::REVISION).filter(|r| !r.is_empty()).map_or(Some(0), |r| r.parse().ok())
}

/// The highest revision.
pub fn max_revision(sets: &[Value]) -> i64 {
    sets.iter().filter_map(revision_of).max().unwrap_or(0).max(0)
}

impl DeploymentSync<'_> {
    /// Plans the ReplicaSet of the present template. Answers false when the plan must end here.
    pub(super) fn create_new(&mut self) -> bool {
        let collisions = self.deployment.i64_at("status.collisionCount");
        let template = self.deployment.at("spec.template").cloned().unwrap_or_default();
        let hash = hash::of(&template, collisions);
        let name = set_name(self.deployment.name(), &hash);
        if self.view.named(REPLICA_SETS, self.deployment.namespace(), &name).is_some() {
            // Equal templates would have been found: the name belongs to something else.
            self.deployment.set_at("status.collisionCount", collisions.unwrap_or(0) + 1);
            self.put_deployment_status();
            return false;
        }
        let mut rs = self.replica_set(template, &hash, name);
        rs.set_at("spec.replicas", self.new_size(&rs));
        revision::annotate(&self.deployment, &mut rs, max_revision(&self.old) + 1);
        revision::annotate_size(&mut rs, &self.numbers);
        let number = rs.annotation(revision::REVISION).unwrap_or("").to_owned();
        revision::set_annotation(&mut self.deployment, revision::REVISION, &number);
        progress::created(&mut self.deployment, &self.numbers, rs.name(), self.view.now);
        self.put_deployment_status();
        self.new = Some(rs.clone());
        self.creation = Some(rs);
        true
    }

    fn replica_set(&self, mut template: Value, hash: &str, name: String) -> Value {
        let d = &self.deployment;
        let mut labelled = json!({"metadata": template["metadata"]});
        labelled.set_label(hash::LABEL, hash);
        let labels = labelled.at("metadata.labels").cloned().unwrap_or_default();
        template.set_at("metadata.labels", labels.clone());
        let mut selector = d.at("spec.selector").cloned().unwrap_or_default();
        selector["matchLabels"][hash::LABEL] = json!(hash);
        let mut rs = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": name, "namespace": d.namespace(), "labels": labels,
                "ownerReferences": [controller_ref(d)]},
            "spec": {"replicas": 0, "selector": selector, "template": template},
        });
        if let Some(seconds) = d.i64_at("spec.minReadySeconds").filter(|s| *s > 0) {
            rs.set_at("spec.minReadySeconds", seconds);
        }
        rs
    }

    /// The size the new ReplicaSet may have now.
    pub(super) fn new_size(&self, rs: &Value) -> i64 {
        let (n, now) = (&self.numbers, size(rs));
        if self.deployment.str_at("spec.strategy.type") == "Recreate" {
            return n.replicas;
        }
        let all = total_size(self.old.iter()) + now;
        if all >= n.max_pods() { now } else { now + (n.max_pods() - all).min(n.replicas - now) }
    }

    /// Plans to scale a ReplicaSet; `rs` follows. Answers whether its size changes.
    pub(super) fn scale(&mut self, rs: &mut Value, to: i64) -> bool {
        let from = size(rs);
        let noted = revision::annotate_size(rs, &self.numbers);
        if from == to && !noted {
            return false;
        }
        rs.set_at("spec.replicas", to);
        self.put_replica_set(rs.clone());
        if from != to {
            let event = scaled_event(rs.name(), from, to);
            self.plan.event(&self.deployment, false, "ScalingReplicaSet", event);
        }
        from != to
    }

    /// Plans to write a ReplicaSet. Several changes of one become one write.
    pub(super) fn put_replica_set(&mut self, rs: Value) {
        let mut writes = self.plan.steps.iter_mut().flat_map(|s| &mut s.writes);
        let same = |w: &&mut Write| {
            w.resource == REPLICA_SETS && w.verb == WriteVerb::Update && w.name == rs.name()
        };
        match writes.find(same) {
            Some(write) => write.body = rs,
            None => drop(self.plan.write(Write::update(REPLICA_SETS, rs))),
        }
    }
}

fn scaled_event(name: &str, from: i64, to: i64) -> String {
    let direction = if to > from { "up" } else { "down" };
    format!("Scaled {direction} replica set {name} from {from} to {to}")
}

fn set_name(deployment: &str, hash: &str) -> String {
    let room = NAME_LENGTH.saturating_sub(hash.len() + 1).min(deployment.len());
    format!("{}-{hash}", &deployment[..room])
}

/// Creates the ReplicaSet, then carries out the rest, or tells what went wrong.
pub fn creation_plan(deployment: Value, rs: Value, rest: Plan, now: Timestamp) -> Plan {
    let mut plan = Plan::none();
    plan.write(Write::create(REPLICA_SETS, rs.clone()));
    plan.then = Some(Box::new(move |outcome: &Outcome| match outcome.error() {
        None => created(&deployment, &rs, rest),
        Some(error) => refused(deployment, &rs, error, now),
    }));
    plan
}

/// The event first: it holds even if the rest meets a conflict.
fn created(deployment: &Value, rs: &Value, rest: Plan) -> Plan {
    let mut plan = Plan::none();
    if size(rs) > 0 {
        let event = scaled_event(rs.name(), 0, size(rs));
        plan.event(deployment, false, "ScalingReplicaSet", event);
    }
    plan.then = Some(Box::new(move |_| rest));
    plan
}

fn refused(deployment: Value, rs: &Value, error: &Error, now: Timestamp) -> Plan {
    let mut plan = Plan::none();
    if namespace_terminating(error) {
        return plan;
    }
    plan.retry = true;
    if matches!(error, Error::AlreadyExists { .. }) {
        // Somebody was faster; the next look sees what is there.
        return plan;
    }
    let message = format!("Failed to create new replica set {:?}: {error}", rs.name());
    let event = EventRecord {
        regarding: super::super::reference(&deployment),
        warning: true,
        reason: "ReplicaSetCreateError",
        message: message.clone(),
        ..EventRecord::default()
    };
    plan.events.push(event);
    plan.then = progress::creation_failed(deployment, message, now).map(|write| {
        let after: Box<dyn FnOnce(&Outcome) -> Plan + Send> = Box::new(move |_| {
            let mut plan = Plan::none();
            plan.write(write);
            plan
        });
        after
    });
    plan
}
