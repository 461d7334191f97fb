//! What was written in containers, in volumes and on nodes, as a value: a copy of a cluster begins with
//! it, and a cluster is put back to it.

use super::{Runtime, place::Place};
use crate::{runtime::Target, sim::shell::fs::Changes};
use jiff::Timestamp;
use std::sync::Arc;

/// Looks that a main process gets to come as far as it was.
const LOOKS: usize = 64;

/// The files of a cluster at one moment. Processes are not part of it: those of sessions stay where
/// they are, main processes are brought forward anew.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    moment: Timestamp,
    runs: Vec<Run>,
    volumes: Vec<(String, Changes)>,
    nodes: Vec<(String, Changes)>,
}

/// The trees of one run of a container, in the order of its mounts.
#[derive(Clone, Debug)]
struct Run {
    target: Target,
    id: String,
    trees: Vec<Changes>,
}

impl Runtime {
    /// What has been written.
    pub fn keep(&self) -> Kept {
        let state = self.state.lock();
        let changes = |(name, tree): (&String, &super::volumes::Shared)| {
            (name.clone(), tree.lock().changes())
        };
        let run = |instance: &Arc<super::Instance>| Run {
            target: instance.target.clone(),
            id: instance.run.clone(),
            trees: instance
                .files
                .fs
                .mounts()
                .iter()
                .map(|(_, m)| m.tree.lock().changes())
                .collect(),
        };
        Kept {
            moment: self.world.clock.now(),
            runs: state.instances.values().map(run).collect(),
            volumes: state.volumes.iter().map(changes).collect(),
            nodes: state.nodes.iter().map(changes).collect(),
        }
    }

    /// Puts it back, in a runtime that knows nothing yet. Main processes first come as far as they
    /// were: what they write on the way is what was kept, or has gone since.
    pub fn put_back(self: &Arc<Runtime>, kept: &Kept) {
        let mut view = self.view();
        view.now = kept.moment;
        for (name, changes) in &kept.nodes {
            self.node_tree(name).lock().put_back(changes);
        }
        for (key, changes) in &kept.volumes {
            self.volume(key, None).lock().put_back(changes);
        }
        let mut runs = Vec::new();
        for run in &kept.runs {
            let Some(place) = Place::find(&view, &run.target) else { continue };
            let Some(found) = place.run().filter(|found| found.id == run.id) else { continue };
            let Some(instance) = self.instance(&view, &place, &found) else { continue };
            for _ in 0..LOOKS {
                if instance.advance(&view, &place, &found) {
                    break;
                }
            }
            runs.push((instance, run));
        }
        for (instance, run) in runs {
            for ((_, mount), changes) in instance.files.fs.mounts().iter().zip(&run.trees) {
                mount.tree.lock().put_back(changes);
            }
        }
    }
}
