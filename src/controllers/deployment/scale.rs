//! Changing the size without changing the template: a single ReplicaSet at once, several in
//! proportion. Source: `pkg/controller/deployment`, `sync`.

use super::DeploymentSync;
use super::numbers::{count, size};
use super::revision::{self, scaled_for_another_size};
use crate::object::{ObjectExt, Value};
use std::cmp::Reverse;

impl DeploymentSync<'_> {
    /// Whether the Deployment's size changed since its ReplicaSets were last scaled.
    pub(super) fn is_scaling_event(&self) -> bool {
        self.all().any(|rs| scaled_for_another_size(rs, &self.numbers))
    }

    /// Scales what there is; for paused Deployments too.
    pub(super) fn scale_only(&mut self) {
        self.sync_revision();
        self.rescale();
        let rolling_back = self.deployment.annotation(revision::ROLLBACK_TO).is_some();
        if self.deployment.is_true("spec.paused") && !rolling_back {
            self.clean_up_history();
        }
        self.write_status();
    }

    fn rescale(&mut self) {
        let wanted = self.numbers.replicas;
        let has_new = self.new.is_some();
        // The new one stands last; without it, the newest old one does.
        let mut sets: Vec<Value> = self.old.drain(..).chain(self.new.take()).collect();
        let single = match sets.iter().filter(|rs| size(rs) > 0).count() {
            0 => sets.len().checked_sub(1),
            1 => sets.iter().position(|rs| size(rs) > 0),
            _ => None,
        };
        if let Some(i) = single {
            if size(&sets[i]) != wanted {
                self.scale(&mut sets[i], wanted);
            }
        } else if has_new && sets.last().is_some_and(|rs| self.saturated(rs)) {
            let old = sets.len() - 1;
            for rs in sets[..old].iter_mut().filter(|rs| size(rs) > 0) {
                self.scale(rs, 0);
            }
        } else if self.deployment.str_at("spec.strategy.type") != "Recreate" {
            self.share_out(&mut sets);
        }
        self.new = if has_new { sets.pop() } else { None };
        self.old = sets;
    }

    /// Whether the new ReplicaSet alone is all the Deployment wants.
    fn saturated(&self, rs: &Value) -> bool {
        let wanted = self.numbers.replicas;
        let desired = rs.annotation(revision::DESIRED).and_then(|d| d.parse().ok());
        size(rs) == wanted && desired == Some(wanted) && count(rs, "availableReplicas") == wanted
    }

    /// Shares the difference among the active ReplicaSets by their size.
    fn share_out(&mut self, sets: &mut [Value]) {
        let allowed = if self.numbers.replicas > 0 { self.numbers.max_pods() } else { 0 };
        let mut order: Vec<usize> = (0..sets.len()).filter(|i| size(&sets[*i]) > 0).collect();
        let to_add = allowed - order.iter().map(|i| size(&sets[*i])).sum::<i64>();
        // Sets are sorted by age: growing favours the newer of two equals, shrinking the older.
        if to_add > 0 {
            order.reverse();
        }
        order.sort_by_key(|i| Reverse(size(&sets[*i])));
        let mut added = 0;
        let mut sizes = Vec::with_capacity(order.len());
        for i in &order {
            let share = self.share(&sets[*i], to_add - added);
            added += share;
            sizes.push(size(&sets[*i]) + share);
        }
        if let Some(largest) = sizes.first_mut() {
            *largest = (*largest + to_add - added).max(0);
        }
        for (i, to) in order.into_iter().zip(sizes) {
            self.scale(&mut sets[i], to);
        }
    }

    /// What a ReplicaSet gains or loses in proportion to its size, of what is `left` at most.
    fn share(&self, rs: &Value, left: i64) -> i64 {
        if left == 0 {
            return 0;
        }
        let share = self.fraction(rs);
        if left > 0 { share.min(left) } else { share.max(left) }
    }

    fn fraction(&self, rs: &Value) -> i64 {
        if self.numbers.replicas == 0 {
            return -size(rs);
        }
        let noted = rs.annotation(revision::MAX).and_then(|m| m.parse().ok()).unwrap_or(0);
        let before = if noted == 0 { count(&self.deployment, "replicas") } else { noted };
        if before == 0 {
            return 0;
        }
        let grown = (size(rs) * self.numbers.max_pods()) as f64 / before as f64;
        grown.round() as i64 - size(rs)
    }
}
