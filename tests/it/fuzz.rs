//! The fuzz targets' decoders over their seeds and seeded mutations of these: bounded, and the same at
//! every run.

#[path = "../../fuzz/src/decoders.rs"]
mod decoders;

use crate::support::repository;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::fs;

/// Mutations of all seeds of a decoder together.
const MUTATIONS: usize = 1500;
/// Bytes that mean something to one of the decoders.
const SIGNS: &[u8] = b"{}[]\",:&*!|>-?%~/\\0\n\r\t=()<.\x00\x80\xff";

#[test]
fn decoders_hold_over_seeds_and_mutations() {
    for (name, decode) in decoders::ALL {
        let folder = repository(&format!("fuzz/seeds/{name}"));
        let mut seeds: Vec<Vec<u8>> = fs::read_dir(&folder)
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
            .map(|entry| fs::read(entry.expect("an entry").path()).expect("a seed"))
            .collect();
        seeds.sort();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        let mut random = StdRng::seed_from_u64(7);
        seeds.iter().for_each(|seed| decode(seed));
        for n in 0..MUTATIONS {
            let mut bytes = seeds[n % seeds.len()].clone();
            for _ in 0..random.random_range(1..6) {
                mutate(&mut bytes, &seeds, &mut random);
            }
            decode(&bytes);
        }
    }
}

/// Changes one thing.
fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut StdRng) {
    let at = random.random_range(0..=bytes.len());
    let to = (at + random.random_range(0..32)).min(bytes.len());
    match random.random_range(0..6) {
        0 => drop(bytes.drain(at..to)),
        1 => bytes.insert(at, SIGNS[random.random_range(0..SIGNS.len())]),
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.random();
            }
        }
        3 => {
            let piece: Vec<u8> = bytes[at..to].repeat(random.random_range(1..40));
            bytes.splice(at..at, piece);
        }
        4 => {
            let other = &seeds[random.random_range(0..seeds.len())];
            let from = random.random_range(0..=other.len());
            let piece = other[from..(from + 64).min(other.len())].to_vec();
            bytes.splice(at..to, piece);
        }
        _ => bytes.truncate(at),
    }
}
