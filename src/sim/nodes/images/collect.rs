//! Garbage collection: every five minutes the disk is looked at, and if it is too full unused
//! images go, those unused for longest first.
//! Source: kubelet `images/image_gc_manager.go`, `StartGarbageCollection`.

use super::inventory::{Inventory, Loss, StoredImage};
use crate::settings::Kubelet;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;

/// Seconds between passes.
pub const PERIOD: i64 = 300;

/// What a collection works with.
pub struct Pass<'a> {
    /// The moment, and what was seen then.
    pub now: Loss,
    /// IDs of the images in use.
    pub in_use: &'a HashSet<String>,
    /// Thresholds and ages.
    pub rules: &'a Kubelet,
    /// Bytes of the image file system.
    pub capacity: u64,
    /// Bytes of it that others use.
    pub beside: u64,
}

/// Warnings about the node: reason and text.
pub type Warnings = Vec<(&'static str, String)>;

impl Pass<'_> {
    /// A regular pass.
    pub fn run(&self, inventory: &mut Inventory) -> Warnings {
        let mut warnings = Warnings::new();
        inventory.passed = Some(self.now.at);
        let candidates = self.candidates(inventory);
        if !self.rules.collects() {
            return warnings;
        }
        let rest = self.free_old(inventory, candidates);
        let failed = self.free_to_threshold(inventory, &rest).err();
        if let Some((reason, text)) = &failed {
            warnings.push((reason, text.clone()));
            if inventory.failed {
                warnings.push(("ImageGCFailed", text.clone()));
            }
        }
        inventory.failed = failed.is_some();
        warnings
    }

    /// Removes every image that may go, whatever the thresholds say.
    pub fn free_all(&self, inventory: &mut Inventory) {
        let candidates = self.candidates(inventory);
        self.free(inventory, &candidates, u64::MAX);
    }

    /// Notes what is there and in use; answers the IDs of the rest, the longest unused first.
    fn candidates(&self, inventory: &mut Inventory) -> Vec<String> {
        for image in &mut inventory.images {
            image.detected.get_or_insert(self.now.at);
            if self.in_use.contains(&image.id) {
                image.used = Some(self.now.at);
            }
        }
        let mut unused: Vec<&StoredImage> =
            inventory.images.iter().filter(|i| !self.in_use.contains(&i.id)).collect();
        unused.sort_by_key(|i| (i.used, i.detected));
        unused.into_iter().map(|i| i.id.clone()).collect()
    }

    /// Removes what was unused for too long; answers the others.
    fn free_old(&self, inventory: &mut Inventory, candidates: Vec<String>) -> Vec<String> {
        let limit = self.rules.maximum_age;
        let age = |since: Timestamp| self.now.at.duration_since(since);
        if limit.is_zero() || inventory.began.is_none_or(|began| age(began) <= limit) {
            return candidates;
        }
        let (old, rest) = candidates.into_iter().partition::<Vec<_>, _>(|id| {
            let used = inventory.images.iter().find(|i| i.id == *id).and_then(|i| i.used);
            used.is_none_or(|used| age(used) > limit)
        });
        for id in old {
            inventory.remove(&id, self.now);
        }
        rest
    }

    fn free_to_threshold(
        &self,
        inventory: &mut Inventory,
        candidates: &[String],
    ) -> Result<(), (&'static str, String)> {
        let Pass { rules, capacity, .. } = *self;
        if capacity == 0 {
            let text = "invalid capacity 0 on image filesystem";
            return Err(("InvalidDiskCapacity", text.into()));
        }
        let available = capacity.saturating_sub(inventory.bytes() + self.beside);
        let usage = 100 - percent(available, capacity);
        if usage < rules.gc_high {
            return Ok(());
        }
        let keep_free = u128::from(capacity) * (100 - rules.gc_low) as u128 / 100;
        let wanted = (keep_free as u64).saturating_sub(available);
        let freed = self.free(inventory, candidates, wanted);
        if freed >= wanted {
            return Ok(());
        }
        let text = format!(
            "Insufficient free disk space on the node's image filesystem ({usage}% of {} used). \
             Failed to free sufficient space by deleting unused images (freed {freed} bytes). \
             Investigate disk usage, as it could be used by active images, logs, volumes, or \
             other data.",
            size(capacity)
        );
        Err(("FreeDiskSpaceFailed", text))
    }

    /// Removes candidates that are old enough until so many bytes are free.
    fn free(&self, inventory: &mut Inventory, candidates: &[String], wanted: u64) -> u64 {
        let mut freed = 0;
        for id in candidates {
            let Some(image) = inventory.images.iter().find(|i| i.id == *id) else { continue };
            let age =
                image.detected.map_or(SignedDuration::ZERO, |d| self.now.at.duration_since(d));
            if age < self.rules.minimum_age {
                continue;
            }
            freed += inventory.remove(id, self.now).map_or(0, |image| image.size);
            if freed >= wanted {
                break;
            }
        }
        freed
    }
}

fn percent(part: u64, whole: u64) -> i64 {
    i64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(100)
}

/// A size as the kubelet writes it in messages.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let step = (1..units.len()).take_while(|s| bytes >= 1 << (10 * (s + 1))).count();
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    format!("{:.1} {}", bytes as f64 / (1u64 << (10 * (step + 1))) as f64, units[step])
}
