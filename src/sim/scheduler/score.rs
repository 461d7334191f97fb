//! Which of the fitting nodes is best: a light version of the scoring plug-ins.

use super::{
    accounts::Account,
    filters::{Wish, liking},
};

/// Ranks a node for a pod; greater is better. Compared in order: soft taints, preferences of the
/// pod, few pods of the same owner, much free cpu and memory, the image already there. The name
/// breaks ties, so that the same cluster always gives the same answer.
pub fn score(wish: &Wish<'_>, node: &Account) -> (i64, i64, i64, i64, std::cmp::Reverse<String>) {
    let same = wish.owner.and_then(|o| node.owners.get(o)).copied().unwrap_or(0);
    (
        -wish.unwelcome(node),
        liking(wish, node),
        -same,
        freedom(wish, node),
        std::cmp::Reverse(node.name.clone()),
    )
}

/// Free share of cpu and memory after the pod is placed, then of pod slots, in thousandths.
fn freedom(wish: &Wish<'_>, node: &Account) -> i64 {
    let share = |resource: &str| {
        let total = node.total.get(resource).copied().unwrap_or(0).max(1);
        let wanted = wish.requests.get(resource).copied().unwrap_or(0);
        let free = node.free.get(resource).copied().unwrap_or(0) - wanted;
        (i128::from(free) * 1000 / i128::from(total)) as i64
    };
    share("cpu") + share("memory") + share("pods")
}
