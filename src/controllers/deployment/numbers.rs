//! The arithmetic of rollouts: percentages, limits and sums.
//! Source: `pkg/controller/deployment/util`.

use crate::object::{ObjectExt, Value};

/// What "no limit" is written as.
const UNLIMITED: i64 = i32::MAX as i64;

/// Sizes and limits a Deployment's spec asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    /// Pods wanted.
    pub replicas: i64,
    /// Pods allowed above that.
    pub surge: i64,
    /// Pods that may be missing.
    pub unavailable: i64,
    /// Seconds without progress after which a rollout counts as stuck.
    pub deadline: Option<i64>,
    /// Old ReplicaSets to keep.
    pub history: Option<usize>,
}

impl Numbers {
    /// Of a defaulted Deployment.
    pub fn of(deployment: &Value) -> Numbers {
        let replicas = deployment.i64_at("spec.replicas").unwrap_or(1);
        let limit = |path| deployment.i64_at(path).filter(|l| *l != UNLIMITED);
        let (mut surge, mut unavailable) = (0, 0);
        if deployment.str_at("spec.strategy.type") != "Recreate" {
            let at = |path| deployment.at(path);
            surge = scaled(at("spec.strategy.rollingUpdate.maxSurge"), replicas, true);
            unavailable = scaled(at("spec.strategy.rollingUpdate.maxUnavailable"), replicas, false);
            if surge == 0 && unavailable == 0 {
                // Both may round to nothing, but then no pod could ever be replaced.
                unavailable = 1;
            }
        }
        Numbers {
            replicas,
            surge,
            unavailable: unavailable.min(replicas),
            deadline: limit("spec.progressDeadlineSeconds"),
            history: limit("spec.revisionHistoryLimit").and_then(|l| usize::try_from(l).ok()),
        }
    }

    /// Most pods there may be.
    pub fn max_pods(&self) -> i64 {
        self.replicas + self.surge
    }

    /// Fewest pods that must be available.
    pub fn min_available(&self) -> i64 {
        self.replicas - self.unavailable
    }
}

/// An integer, or a percentage of `total`, rounded up or down.
fn scaled(value: Option<&Value>, total: i64, up: bool) -> i64 {
    match value {
        Some(Value::String(text)) => {
            let percent: i64 = text.strip_suffix('%').and_then(|n| n.parse().ok()).unwrap_or(0);
            let hundredfold = percent * total;
            if up { (hundredfold + 99) / 100 } else { hundredfold / 100 }
        }
        Some(number) => number.as_i64().unwrap_or(0),
        None => 0,
    }
}

/// `spec.replicas` of a ReplicaSet.
pub fn size(rs: &Value) -> i64 {
    rs.i64_at("spec.replicas").unwrap_or(1)
}

/// A counter of a ReplicaSet's status; absent is 0.
pub fn count(rs: &Value, field: &str) -> i64 {
    rs.at("status").and_then(|s| s.get(field)).and_then(Value::as_i64).unwrap_or(0)
}

/// Sum of [`size`].
pub fn total_size<'a>(sets: impl Iterator<Item = &'a Value>) -> i64 {
    sets.map(size).sum()
}

/// Sum of [`count`].
pub fn total<'a>(sets: impl Iterator<Item = &'a Value>, field: &str) -> i64 {
    sets.map(|rs| count(rs, field)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn quarter_rows_of_upstream() {
        // replicas, surge, unavailable, max pods, min available
        let rows = [
            (0, 0, 0, 0, 0),
            (1, 1, 0, 2, 1),
            (2, 1, 0, 3, 2),
            (3, 1, 0, 4, 3),
            (4, 1, 1, 5, 3),
            (5, 2, 1, 7, 4),
            (10, 3, 2, 13, 8),
        ];
        for (replicas, surge, unavailable, max, min) in rows {
            let d = json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}}});
            let n = Numbers::of(&d);
            let got = (n.surge, n.unavailable, n.max_pods(), n.min_available());
            assert_eq!(got, (surge, unavailable, max, min), "{replicas} replicas");
        }
    }

    #[test]
    fn both_zero_means_one_may_be_missing() {
        let d = json!({"spec": {"replicas": 3, "strategy": {"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}}}});
        assert_eq!((Numbers::of(&d).surge, Numbers::of(&d).unavailable), (0, 1));
        let d = json!({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}}});
        assert_eq!((Numbers::of(&d).surge, Numbers::of(&d).unavailable), (0, 0));
    }
}
