//! Measuring one place: every step at two lengths, in time of the processor.

use super::{
    SHORT, TIMES, WORST,
    objects::{Composition, grown},
    places::FieldPath,
    steps::{Bench, STEPS},
};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Less than this at the greater length says nothing.
const FLOOR: Duration = Duration::from_millis(4);
/// How often a step that seems slow is measured again.
const AGAIN: usize = 6;

/// One way to make a place long.
pub struct Case<'p> {
    place: &'p FieldPath,
    flavor: Composition,
    /// Whether the lists on the way grow too, all alike.
    square: bool,
}

impl<'p> Case<'p> {
    /// Every way.
    pub fn all(place: &'p FieldPath) -> impl Iterator<Item = Case<'p>> {
        let nested = place.nesting() > 1;
        let deep = [Composition::Distinct, Composition::Same, Composition::Bare];
        let deep = deep.into_iter().map(move |flavor| Case { place, flavor, square: false });
        let square = Case { place, flavor: Composition::Distinct, square: true };
        deep.chain(nested.then_some(square))
    }

    /// The steps that grow too fast.
    pub fn run(&self, bench: &Bench) -> Vec<String> {
        let lengths = |items: usize| -> Vec<usize> {
            let nesting = self.place.nesting();
            if self.square {
                let side = (items as f64).powf(1.0 / nesting as f64).round().max(1.0);
                vec![side as usize; nesting]
            } else {
                let mut lengths = vec![1; nesting];
                lengths[nesting - 1] = items;
                lengths
            }
        };
        let of = |items| {
            bench.prepare(&self.place.kind, &grown(self.place, &lengths(items), self.flavor))
        };
        let (short, long) = (of(SHORT), of(SHORT * TIMES));
        let times: usize = lengths(SHORT * TIMES).iter().product::<usize>();
        let items: usize = lengths(SHORT).iter().product();
        let allowed = WORST * (times as f64 / items as f64 / TIMES as f64);
        let mut slow = Vec::new();
        for (name, step) in STEPS {
            let time = |object| spent(|| step(bench, &self.place.kind, object));
            let (mut more, mut less) = (time(&long), Duration::ZERO);
            let mut tries = 0;
            while more > FLOOR && tries < AGAIN {
                let once = time(&short);
                less = if tries == 0 { once } else { less.max(once) };
                if more.as_secs_f64() <= allowed * less.as_secs_f64() {
                    break;
                }
                more = more.min(time(&long));
                tries += 1;
            }
            if tries == AGAIN {
                slow.push(format!(
                    "{} ({:?}{}), {name}: {less:?} for {items}, {more:?} for {times}",
                    self.place.text(),
                    self.flavor,
                    if self.square { ", square" } else { "" },
                ));
            }
        }
        slow
    }
}

fn spent(work: impl FnOnce()) -> Duration {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let before = now();
    work();
    now().saturating_sub(before)
}
