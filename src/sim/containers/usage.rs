//! What a container uses. Nothing is measured, for nothing runs: memory and processor time follow
//! from the program, its limits and requests and what it was asked, files from what was written.

use super::{instance::Instance, place::Place, programs};
use crate::{
    controllers::View,
    object::{ObjectExt, quantity::Quantity},
    sim::shell::{crictl::Usage, fs::Fs},
};
use std::sync::{Arc, atomic::Ordering};

/// Bytes of a program that is no server: a shell and the like.
const SMALL: u64 = 1_400_000;
/// Processor time of one request, in nanoseconds.
const REQUEST: f64 = 1e6;
/// Processor time of a second without requests, in nanoseconds, for each core a program asks for.
const IDLE: f64 = 4e6;

/// What a running container has used up to now.
pub fn of(view: &View, place: &Place, instance: Option<&Arc<Instance>>) -> Usage {
    let Some(started) = place.running() else { return Usage::default() };
    let amount = |path: &str| place.spec.at(path).and_then(Quantity::from_value);
    let bytes = |path: &str| amount(path).and_then(|q| u64::try_from(q.value()).ok());
    let argv = place.argv(view, &place.config(view));
    let memory = programs::of(&argv).map_or(SMALL, |(_, words)| words.resident());
    let limit = bytes("resources.limits.memory");
    let cores = amount("resources.requests.cpu").map_or(0.25, |q| q.milli() as f64 / 1e3);
    let most = amount("resources.limits.cpu").map_or(1.0, |q| q.milli() as f64 / 1e3);
    let up = view.now.duration_since(started).as_secs_f64().max(0.0);
    let boot = place.process(view).boot.min(up) * most.min(1.0) * 1e9;
    let asked = instance.map_or(0, |i| i.asked.load(Ordering::Relaxed));
    let (disk, files) = instance.map_or((0, 0), |i| written(&i.files.fs));
    Usage {
        cpu: (boot + up * IDLE * cores.min(most) + asked as f64 * REQUEST) as u64,
        // At nine tenths of its limit a program begins to reclaim.
        memory: limit.map_or(memory, |limit| memory.min(limit / 10 * 9)),
        limit,
        disk,
        files,
    }
}

/// Bytes and files above the image.
fn written(fs: &Fs) -> (u64, u64) {
    let root = fs.mounts().into_iter().find(|(at, _)| at == "/");
    root.map_or((0, 0), |(_, mount)| {
        let tree = mount.tree.lock();
        let (bytes, _, files) = tree.usage();
        (bytes as u64, files as u64)
    })
}
