//! Brings pods to the current template, few at a time.
//! Source: `pkg/controller/daemon/update.go`.

use super::{DaemonSetSync, Pod, pods::Change};
use crate::controllers::{Write, children::delete_pod};

impl DaemonSetSync<'_> {
    /// The next pods to replace.
    pub(super) fn update(&self) -> Change {
        let (unavailable, surge) = self.limits(self.desired());
        if surge > 0 { self.beside(surge) } else { self.in_place(unavailable) }
    }

    /// Old pods that do not serve go at once; those that do, as far as the limit allows.
    fn in_place(&self, limit: i64) -> Change {
        let mut down = 0;
        let (mut free, mut costly) = (Vec::new(), Vec::new());
        for (node, fit) in &self.nodes {
            let pods = self.pods.get(&*node.meta.name).map_or(&[][..], Vec::as_slice);
            let Some(pod) = pods.iter().find(|p| !p.entry.meta.deleting) else {
                down += i64::from(fit.should_run);
                continue;
            };
            let available = self.is_available(pod);
            match (self.is_current(pod), available) {
                (true, available) => down += i64::from(!available),
                (false, false) => {
                    down += 1;
                    free.push(pod);
                }
                (false, true) => costly.push(pod),
            }
        }
        let room = (limit - down).max(0) as usize;
        let all = free.into_iter().chain(costly.into_iter().take(room));
        Change { delete: all.map(|p| delete_pod(&p.entry)).collect(), ..Change::default() }
    }

    /// New pods beside the old, which go when the new serve or when they do not serve themselves.
    fn beside(&self, limit: i64) -> Change {
        let mut change = Change::default();
        let (mut surging, mut wanting) = (0, Vec::new());
        for (node, fit) in self.nodes.iter().filter(|(_, f)| f.should_run || f.may_stay) {
            let pods = self.pods.get(&*node.meta.name).map_or(&[][..], Vec::as_slice);
            let live: Vec<&Pod> = pods.iter().filter(|p| !p.entry.meta.deleting).collect();
            let (new, old): (Vec<&Pod>, Vec<&Pod>) =
                live.into_iter().partition(|p| self.is_current(p));
            match (old.first(), new.first()) {
                (Some(old), None) if !old.lens.is_ready() => {
                    change.delete.push(delete_pod(&old.entry));
                }
                (Some(_), None) if fit.should_run => wanting.push(&node.meta.name),
                (Some(old), Some(new)) if self.is_available(new) || !old.lens.is_ready() => {
                    change.delete.push(delete_pod(&old.entry));
                }
                (Some(_), Some(_)) => surging += 1,
                _ => {}
            }
        }
        let room = (limit - surging).max(0) as usize;
        let create = wanting.into_iter().take(room).map(|n| Write::create("pods", self.pod(n)));
        change.create.extend(create);
        change
    }
}
