//! Nothing a request goes through may cost more than its size: every list and map of every kind's
//! type is made long, and each step of a write is measured at two lengths.
//!
//! The places come from the type tables, so a new kind is covered by being declared.

mod measure;
mod objects;
mod places;
mod steps;

use measure::Case;
use std::sync::Mutex;

/// Items at the shorter of the two lengths; the longer has four times as many.
const SHORT: usize = 128;
const TIMES: usize = 4;
/// What four times the items may cost more.
const WORST: f64 = 6.0;

#[test]
fn four_times_the_items_cost_no_more_than_six_times_the_work() {
    let cases = Mutex::new(places::all());
    let slow = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let bench = steps::Bench::new();
                loop {
                    let next = cases.lock().unwrap().pop();
                    let Some(place) = next else { return };
                    let found = Case::all(&place).flat_map(|case| case.run(&bench));
                    let found: Vec<String> = found.collect();
                    slow.lock().unwrap().extend(found);
                }
            });
        }
    });
    let slow = slow.into_inner().unwrap();
    assert!(slow.is_empty(), "{} steps grow too fast:\n{}", slow.len(), slow.join("\n"));
}
