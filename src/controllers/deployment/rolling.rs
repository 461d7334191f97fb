//! The step of a rolling update: new pods as far as the surge allows, old ones away as far as
//! enough stay available. Source: `pkg/controller/deployment`, `rolling`.

use super::DeploymentSync;
use super::numbers::{count, size, total_size};
use super::progress;
use crate::object::Value;

impl DeploymentSync<'_> {
    /// One step: up, or else down; then the status.
    pub(super) fn roll(&mut self) {
        self.sync_revision();
        if self.new.is_none() && !self.create_new() {
            return;
        }
        if !self.scale_new() && !self.scale_old_down() && self.stored_as_complete() {
            self.clean_up_history();
        }
        self.write_rollout_status();
    }

    /// Whether the status that was read says that the rollout is done.
    pub(super) fn stored_as_complete(&self) -> bool {
        let status = self.deployment.get("status").unwrap_or(&Value::Null);
        progress::complete(&self.deployment, status, self.numbers.replicas)
    }

    /// Brings the new ReplicaSet towards its size.
    fn scale_new(&mut self) -> bool {
        let Some(mut rs) = self.new.take() else { return false };
        let wanted = self.numbers.replicas;
        let to = match size(&rs) {
            now if now > wanted => wanted,
            now if now < wanted => self.new_size(&rs),
            now => now,
        };
        let scaled = to != size(&rs) && self.creation.is_none() && self.scale(&mut rs, to);
        self.new = Some(rs);
        scaled
    }

    /// Takes pods from the old ReplicaSets, those that serve nobody first.
    fn scale_old_down(&mut self) -> bool {
        if total_size(self.old.iter()) == 0 {
            return false;
        }
        let missing = self.new.as_ref().map_or(0, |rs| size(rs) - available(rs));
        let spare = total_size(self.all()) - self.numbers.min_available() - missing;
        if spare <= 0 {
            return false;
        }
        let unhealthy = self.shrink(spare, |rs| size(rs) - available(rs));
        let serving: i64 = self.all().map(available).sum();
        let healthy = self.shrink(serving - self.numbers.min_available(), size);
        unhealthy || healthy
    }

    /// Takes up to `budget` pods, from each old ReplicaSet at most `part`, the oldest first.
    fn shrink(&mut self, mut budget: i64, part: impl Fn(&Value) -> i64) -> bool {
        let mut old = std::mem::take(&mut self.old);
        let mut changed = false;
        for rs in old.iter_mut().filter(|rs| size(rs) > 0) {
            let away = part(rs).min(budget);
            if away > 0 {
                budget -= away;
                changed |= self.scale(rs, size(rs) - away);
            }
        }
        self.old = old;
        changed
    }
}

/// Pods of a ReplicaSet that serve, now or once it has its size: a status from before it was
/// shrunk still counts pods that are on their way out, and must not let more go.
fn available(rs: &Value) -> i64 {
    count(rs, "availableReplicas").min(size(rs))
}
