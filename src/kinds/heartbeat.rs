//! Heartbeats of nodes: that a node was heard of is written down only where somebody could tell. Else
//! its lease is renewed as time goes by, and what readers see of it follows from the clock, so that a
//! quiet day costs nothing.

use crate::{
    object::{ObjectExt, Value, time},
    store::{Entry, Snapshot},
};
use jiff::Timestamp;
use serde::Deserialize;

/// Leases.
pub const LEASES: &str = "leases.coordination.k8s.io";
/// Where those of nodes are.
pub const NAMESPACE: &str = "kube-node-lease";
/// Rows about nodes: whether their leases are renewed by the clock alone.
pub const ROWS: &str = "heartbeats.internal";
/// The row that is touched when somebody begins to watch nodes or leases.
pub const WATCHED: &str = "watched.internal";
/// Nodes.
pub const NODES: &str = "nodes";
/// Seconds between two renewals.
pub const EVERY: i64 = 10;
/// Seconds a node's status may go unwritten when nothing changes (`nodeStatusReportFrequency`).
pub const REPORT: i64 = 300;

#[derive(Default, Deserialize)]
#[serde(default)]
struct BeatingRow {
    beating: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LeaseLens {
    spec: LeaseTimes,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LeaseTimes {
    renew_time: String,
}

/// Whether a node's lease is renewed by the clock alone.
pub fn is_beating(objects: &Snapshot, node: &str) -> bool {
    objects.get_key(ROWS, node).is_some_and(|row| row.lens::<BeatingRow>().beating)
}

/// When a node was last heard of, by its lease.
pub fn heard(objects: &Snapshot, node: &str, now: Timestamp) -> Option<Timestamp> {
    let lease = objects.get(LEASES, NAMESPACE, node)?;
    let written = time::parse(&lease.lens::<LeaseLens>().spec.renew_time)?;
    if !is_beating(objects, node) {
        return Some(written);
    }
    let beats = now.duration_since(written).as_secs().max(0) / EVERY;
    Some(time::plus_seconds(written, beats * EVERY))
}

/// When a node's status is as of, if the clock alone renews that; by the heartbeat that is stored.
fn reported(beat: &str, now: Timestamp) -> Option<String> {
    let written = time::parse(beat)?;
    let reports = now.duration_since(written).as_secs() / REPORT;
    (reports > 0).then(|| time::seconds(time::plus_seconds(written, reports * REPORT)))
}

/// Brings the heartbeats of a node's conditions up to date, if the clock alone renews them; answers
/// whether they were not.
pub fn beat(node: &mut Value, objects: &Snapshot, now: Timestamp) -> bool {
    if !is_beating(objects, node.name()) {
        return false;
    }
    let mut old = false;
    for condition in node.at_mut("status.conditions").as_array_mut().into_iter().flatten() {
        if let Some(text) = reported(condition.str_at("lastHeartbeatTime"), now) {
            condition.set_at("lastHeartbeatTime", text);
            old = true;
        }
    }
    old
}

/// A node as readers see it, where that is not what is stored.
pub fn shown_node(entry: &Entry, objects: &Snapshot, now: Timestamp) -> Option<Value> {
    if !is_beating(objects, &entry.meta.name) {
        return None;
    }
    let mut node = entry.value();
    beat(&mut node, objects, now).then_some(node)
}

/// A node's lease as readers see it, where that is not what is stored.
pub fn shown(entry: &Entry, objects: &Snapshot, now: Timestamp) -> Option<Value> {
    let of_node = &*entry.meta.namespace == NAMESPACE && is_beating(objects, &entry.meta.name);
    let renewed = of_node.then(|| heard(objects, &entry.meta.name, now)).flatten()?;
    let mut lease = entry.value();
    lease.set_at("spec.renewTime", time::micros(renewed));
    Some(lease)
}
