//! What has come so far, and what came of it, within a budget.

use super::{Arrival, Changed};
use crate::store::Change;
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// Most bytes kept, compressed.
const MOST: usize = 64 << 20;
/// Bytes that are compressed together.
const CHUNK: usize = 256 << 10;

/// An arrival and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// When it came, by the cluster's clock.
    pub at: Timestamp,
    /// What came.
    #[serde(flatten)]
    pub arrival: Arrival,
    /// How it was answered.
    pub code: u16,
    /// What was different when the cluster was quiet again, since the step before.
    pub changes: Vec<Changed>,
}

/// Steps, one a line.
#[derive(Default)]
pub struct Tape {
    steps: usize,
    packed: Vec<u8>,
    lines: Vec<u8>,
    spoiled: Option<String>,
    /// The last step, for who follows.
    last: Option<Taken>,
}

impl Tape {
    /// Adds a step.
    pub fn add(&mut self, at: Timestamp, arrival: Arrival, code: u16, changes: &[Change]) {
        let step = Taken { at, arrival, code, changes: changes.iter().map(Changed::of).collect() };
        if self.spoiled.is_none() {
            // Into memory nothing fails.
            let _ = serde_json::to_writer(&mut self.lines, &step);
            self.lines.push(b'\n');
            if self.lines.len() >= CHUNK {
                self.packed.extend(packed(&self.lines));
                self.lines.clear();
            }
            if self.packed.len() > MOST {
                self.spoil("more has happened than is kept");
            }
        }
        self.steps += 1;
        self.last = Some(step);
    }

    /// Says why it is of no use from here on.
    pub fn spoil(&mut self, why: &str) {
        if self.spoiled.is_none() {
            self.spoiled = Some(format!("{why} at step {}", self.steps));
            (self.packed, self.lines) = (Vec::new(), Vec::new());
        }
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The step that was last.
    pub fn last(&self) -> Option<&Taken> {
        self.last.as_ref()
    }

    /// All steps, compressed, as lines.
    ///
    /// # Errors
    /// Why they are not there.
    pub fn packed(&self) -> Result<Vec<u8>, String> {
        match &self.spoiled {
            Some(why) => Err(format!("there is no recording: {why}")),
            None => Ok([self.packed.as_slice(), &packed(&self.lines)].concat()),
        }
    }
}

/// Bytes, compressed.
pub(super) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Into memory nothing fails.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
