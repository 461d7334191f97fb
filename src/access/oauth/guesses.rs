//! Whoever gives wrong passwords waits longer and longer, by the name he tries and by where he comes
//! from. A right password waits as well, so that waiting tells nothing, but never long.

use crate::world::Clock;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Wrong passwords that cost nothing: fingers slip.
const FREE: u32 = 5;
/// The first wait, which doubles, and the longest.
const FIRST: SignedDuration = SignedDuration::from_millis(100);
const LONGEST: SignedDuration = SignedDuration::from_secs(5);
/// After so long without a wrong password all is forgotten.
const MEMORY: SignedDuration = SignedDuration::from_mins(10);
/// Most names and places that are remembered, and most who wait at a time.
const MOST: usize = 10_000;
const MOST_WAITING: usize = 64;

/// What is remembered of wrong passwords.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    wrong: HashMap<String, (u32, Timestamp)>,
    waiting: usize,
}

/// Gives a place among those who wait back.
struct WaitingTurn<'a>(&'a Guesses);

impl Drop for WaitingTurn<'_> {
    fn drop(&mut self) {
        self.0.0.lock().waiting -= 1;
    }
}

/// Under what wrong passwords for this name from this place are remembered.
fn keys(name: &str, peer: &str) -> [String; 2] {
    [format!("name {name}"), format!("peer {peer}")]
}

impl Guesses {
    /// Waits as long as whoever tries this name from this place has to. `false`: too many wait
    /// already, and the password is not looked at.
    pub async fn wait(&self, clock: &dyn Clock, name: &str, peer: &str) -> bool {
        let Some(wait) = self.delay(clock.now(), name, peer) else { return true };
        {
            let mut known = self.0.lock();
            if known.waiting >= MOST_WAITING {
                return false;
            }
            known.waiting += 1;
        }
        let _place = WaitingTurn(self);
        clock.sleep_until(clock.now().checked_add(wait).unwrap_or(Timestamp::MAX)).await;
        true
    }

    fn delay(&self, now: Timestamp, name: &str, peer: &str) -> Option<SignedDuration> {
        let mut known = self.0.lock();
        let fresh = |last: Timestamp| now.duration_since(last) < MEMORY;
        let counts = keys(name, peer).map(|key| match known.wrong.get(&key) {
            Some((count, last)) if fresh(*last) => *count,
            _ => {
                known.wrong.remove(&key);
                0
            }
        });
        let over = counts.into_iter().max().unwrap_or(0).checked_sub(FREE)?;
        Some(FIRST.saturating_mul(1 << over.min(10)).min(LONGEST))
    }

    /// Remembers a wrong password.
    pub fn wrong(&self, now: Timestamp, name: &str, peer: &str) {
        let mut known = self.0.lock();
        if known.wrong.len() >= MOST {
            known.wrong.retain(|_, (_, last)| now.duration_since(*last) < MEMORY);
        }
        for key in keys(name, peer) {
            if known.wrong.len() < MOST || known.wrong.contains_key(&key) {
                let entry = known.wrong.entry(key).or_insert((0, now));
                *entry = (entry.0.saturating_add(1), now);
            }
        }
    }

    /// Forgets a name's wrong passwords once somebody knew the right one; the place's stay.
    pub fn right(&self, name: &str) {
        self.0.lock().wrong.remove(&keys(name, "")[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_name_and_by_place_and_end() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let guesses = Guesses::default();
        for _ in 0..5 {
            assert!(guesses.delay(at(0), "bob", "1.2.3.4").is_none());
            guesses.wrong(at(0), "bob", "1.2.3.4");
        }
        let wait = |name, peer, second| guesses.delay(at(second), name, peer);
        assert_eq!(wait("bob", "5.6.7.8", 0), Some(FIRST), "the name");
        assert_eq!(wait("eve", "1.2.3.4", 0), Some(FIRST), "the place");
        assert_eq!(wait("eve", "5.6.7.8", 0), None, "nobody else");
        for _ in 0..40 {
            guesses.wrong(at(1), "bob", "1.2.3.4");
        }
        assert_eq!(wait("bob", "5.6.7.8", 1), Some(LONGEST));
        guesses.right("bob");
        assert_eq!(wait("bob", "5.6.7.8", 1), None);
        assert_eq!(wait("bob", "1.2.3.4", 1), Some(LONGEST));
        assert_eq!(wait("bob", "1.2.3.4", 700), None, "forgotten");
    }
}
