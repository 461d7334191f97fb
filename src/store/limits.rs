//! What a store may hold at most.

use super::{Error, Snapshot, engine::Record, writer::Writer};
use std::collections::HashMap;

/// Limits; 0 stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Objects.
    pub objects: usize,
    /// Bytes of all objects.
    pub bytes: usize,
}

/// How much there is.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    objects: usize,
    bytes: usize,
}

impl Size {
    fn of(state: &Snapshot) -> Size {
        let entries = state.tables.values().flat_map(|table| table.values());
        entries.fold(Size::default(), |size, entry| Size {
            objects: size.objects + 1,
            bytes: size.bytes + entry.bytes.len(),
        })
    }
}

impl Writer {
    /// Holds to limits from here on. What is there already stays, whatever they say.
    pub(super) fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        self.measure();
    }

    /// Counts what is there, if that matters.
    pub(super) fn measure(&mut self) {
        if self.limits != Limits::default() {
            self.size = Size::of(&self.state);
        }
    }

    /// Whether records that were applied to `before` leave all within its limits; what is too much
    /// may still become less.
    pub(super) fn fits(&mut self, records: &[Record], before: &Snapshot) -> Result<(), Error> {
        if self.limits == Limits::default() {
            return Ok(());
        }
        let mut size = self.size;
        // An object may change more than once: what it was last is what a change takes the place of.
        let mut last: HashMap<(&str, &str), Option<usize>> = HashMap::new();
        for record in records {
            let entry = &record.entry;
            let new = (!record.deleted).then(|| entry.bytes.len());
            let old = last.insert((&entry.resource, &entry.key), new).unwrap_or_else(|| {
                before.get_key(&entry.resource, &entry.key).map(|old| old.bytes.len())
            });
            size.bytes = size.bytes - old.unwrap_or(0) + new.unwrap_or(0);
            size.objects = size.objects - usize::from(old.is_some()) + usize::from(new.is_some());
        }
        let over = |now: usize, then: usize, limit: usize| limit > 0 && then > limit && then > now;
        if over(self.size.objects, size.objects, self.limits.objects) {
            return Err(Error::Full(format!("{} objects", self.limits.objects)));
        }
        if over(self.size.bytes, size.bytes, self.limits.bytes) {
            return Err(Error::Full(format!("{} bytes", self.limits.bytes)));
        }
        self.size = size;
        Ok(())
    }
}
