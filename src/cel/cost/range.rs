//! Least and most: of a size, of a cost. Nothing overflows.

use std::ops::{Add, Mul};

/// From here to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Range {
    pub min: u64,
    pub max: u64,
}

impl Range {
    /// Anything.
    pub const UNKNOWN: Range = Range { min: 0, max: u64::MAX };

    /// Exactly this.
    pub const fn fixed(n: u64) -> Range {
        Range { min: n, max: n }
    }

    /// What holds both.
    pub fn union(self, other: Range) -> Range {
        Range { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// Times a factor, rounded up.
    pub fn by(self, factor: f64) -> Range {
        Range { min: scaled(self.min, factor), max: scaled(self.max, factor) }
    }
}

fn scaled(n: u64, factor: f64) -> u64 {
    // More than fits becomes the most there is.
    (n as f64 * factor).ceil() as u64
}

impl Add for Range {
    type Output = Range;
    fn add(self, other: Range) -> Range {
        Range { min: self.min.saturating_add(other.min), max: self.max.saturating_add(other.max) }
    }
}

impl Mul for Range {
    type Output = Range;
    fn mul(self, other: Range) -> Range {
        Range { min: self.min.saturating_mul(other.min), max: self.max.saturating_mul(other.max) }
    }
}
