//! Chance: one generator, and streams of their own for what is to be the same again.

use parking_lot::Mutex;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, ops::Deref};

/// Most purposes whose turns are counted; beyond, all begin anew.
const PURPOSES: usize = 1 << 18;

/// Where chance comes from.
#[derive(Debug)]
pub struct Entropy {
    generator: Mutex<StdRng>,
    again: Option<Again>,
}

/// What makes chance come out the same again.
#[derive(Debug)]
struct Again {
    seed: u64,
    /// How often each purpose was asked for.
    turns: Mutex<HashMap<String, u64>>,
}

/// Chance for one purpose.
pub enum Stream<'a> {
    /// What everybody draws from.
    Shared(&'a Entropy),
    /// A generator of its own.
    Own(Box<Entropy>),
}

impl Deref for Stream<'_> {
    type Target = Entropy;

    fn deref(&self) -> &Entropy {
        match self {
            Stream::Shared(entropy) => entropy,
            Stream::Own(entropy) => entropy,
        }
    }
}

impl Entropy {
    /// The same seed gives the same sequence, and every purpose the same stream.
    pub fn seeded(seed: u64) -> Entropy {
        let again = Some(Again { seed, turns: Mutex::default() });
        Entropy { generator: Mutex::new(StdRng::seed_from_u64(seed)), again }
    }

    /// Begins anew: what is drawn from here on is what was drawn from the beginning on.
    pub fn restart(&self) {
        let Some(again) = &self.again else { return };
        *self.generator.lock() = StdRng::seed_from_u64(again.seed);
        again.turns.lock().clear();
    }

    /// Seeded by the operating system.
    pub fn from_os() -> Entropy {
        Entropy { generator: Mutex::new(StdRng::from_os_rng()), again: None }
    }

    /// Chance for a purpose, named by some words. With a seed it depends on these and on how often
    /// they were said before, but on nothing that others draw meanwhile.
    pub fn of(&self, purpose: &[&str]) -> Stream<'_> {
        let Some(again) = &self.again else { return Stream::Shared(self) };
        let purpose = purpose.join("\n");
        let mut hash = Sha256::new();
        hash.update(again.seed.to_le_bytes());
        hash.update(&purpose);
        let mut turns = again.turns.lock();
        if turns.len() >= PURPOSES {
            turns.clear();
        }
        let turn = turns.entry(purpose).or_default();
        hash.update(turn.to_le_bytes());
        *turn += 1;
        let generator = Mutex::new(StdRng::from_seed(hash.finalize().into()));
        Stream::Own(Box::new(Entropy { generator, again: None }))
    }

    /// A number below `bound` (which must not be 0).
    pub fn below(&self, bound: u64) -> u64 {
        self.generator.lock().next_u64() % bound
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.generator.lock().fill_bytes(bytes);
    }

    /// A version 4 UUID in text form.
    pub fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// `length` characters of the alphabet upstream uses for generated names.
    pub fn suffix(&self, length: usize) -> String {
        let alphabet = crate::object::name::SAFE_ALPHABET;
        (0..length).map(|_| alphabet[self.below(alphabet.len() as u64) as usize] as char).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_has_a_stream_of_its_own() {
        let (a, b) = (Entropy::seeded(7), Entropy::seeded(7));
        // What others draw makes no difference.
        b.uuid();
        b.of(&["pods", "n", "q"]).uuid();
        let first = a.of(&["pods", "n", "p"]).uuid();
        assert_eq!(first, b.of(&["pods", "n", "p"]).uuid());
        let second = a.of(&["pods", "n", "p"]).uuid();
        assert_ne!(first, second, "a name that comes again is another object");
        assert_eq!(second, b.of(&["pods", "n", "p"]).uuid());
        assert_ne!(a.of(&["pods", "m", "p"]).uuid(), first);
        b.restart();
        assert_eq!(first, b.of(&["pods", "n", "p"]).uuid());
        assert_ne!(Entropy::seeded(8).of(&["pods", "n", "p"]).uuid(), first);
    }
}
