//! Names for requests, which every answer carries. They are none of the cluster's chances: who is
//! asked a thousand times must not give other names to the next object.

use crate::world::World;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest name a client may give its request.
const LONGEST: usize = 256;

/// Gives out names.
pub struct Ids {
    base: u64,
    next: AtomicU64,
}

impl Ids {
    /// From a place of chance on.
    pub fn new(world: &World) -> Ids {
        Ids { base: world.entropy.below(u64::MAX), next: AtomicU64::new(0) }
    }

    /// The name a client gave its request, or a new one.
    pub fn of(&self, given: &str) -> String {
        if !given.is_empty() && given.len() <= LONGEST {
            return given.to_owned();
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let half = |salt: u64| mixed(self.base.wrapping_add(n.wrapping_mul(2)).wrapping_add(salt));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&half(0).to_le_bytes());
        bytes[8..].copy_from_slice(&half(1).to_le_bytes());
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

/// One step of SplitMix64: numbers in a row become numbers that look like chance.
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_given_once() {
        let ids = Ids { base: 7, next: AtomicU64::new(0) };
        let all: HashSet<String> = (0..1000).map(|_| ids.of("")).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'4'));
        assert_eq!(ids.of("mine"), "mine");
        assert_ne!(ids.of(&"x".repeat(300)), "x".repeat(300));
    }
}
