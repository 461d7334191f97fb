//! The step of a Deployment that stops everything old before it starts anything new.
//! Source: `pkg/controller/deployment`, `recreate`.

use super::super::podlens::PodLens;
use super::DeploymentSync;
use super::numbers::{count, size};
use crate::object::ObjectExt;

impl DeploymentSync<'_> {
    /// One step: down, wait, up; then the status.
    pub(super) fn recreate(&mut self) {
        self.sync_revision();
        if !self.scale_old_to_zero() && !self.old_pods_exist() {
            if self.new.is_none() && !self.create_new() {
                return;
            }
            self.scale_new_to_full();
            if self.stored_as_complete() {
                self.clean_up_history();
            }
        }
        self.write_rollout_status();
    }

    /// Sets every old ReplicaSet to 0; answers whether one was not.
    pub(super) fn scale_old_to_zero(&mut self) -> bool {
        let mut old = std::mem::take(&mut self.old);
        let mut changed = false;
        for rs in old.iter_mut().filter(|rs| size(rs) > 0) {
            changed |= self.scale(rs, 0);
        }
        self.old = old;
        changed
    }

    fn scale_new_to_full(&mut self) {
        let Some(mut rs) = self.new.take() else { return };
        if self.creation.is_none() && size(&rs) != self.numbers.replicas {
            self.scale(&mut rs, self.numbers.replicas);
        }
        self.new = Some(rs);
    }

    /// Whether a pod of an old ReplicaSet has not come to its end; one that terminates has not.
    fn old_pods_exist(&self) -> bool {
        let lives =
            |uid: &str| self.view.controlled_by(uid, "pods").any(|p| !PodLens::of(p).is_terminal());
        self.old.iter().any(|rs| count(rs, "replicas") > 0 || lives(rs.uid()))
    }
}
