//! Patience: what sums up many objects that change together is looked at at once when nobody else
//! has work, and otherwise as often as a tenth of the time allows. So it follows a rollout without
//! counting a thousand pods at each of their changes.

use super::super::{Controller, queue::Queue};
use jiff::{SignedDuration, Timestamp};

/// What a look is followed by, in looks: the others' share of the time.
const OTHERS: i32 = 9;
/// The longest rest: who sums up for long is up to date after this time all the same.
const LONGEST: SignedDuration = SignedDuration::from_millis(500);

/// When a controller's turn comes again. For those that work on a key at a time.
#[derive(Default)]
pub struct Turn {
    began: Timestamp,
    next: Timestamp,
}

impl Turn {
    /// A look begins.
    pub fn begin(&mut self, now: Timestamp) {
        self.began = now;
    }

    /// It has ended, and what it led to is written.
    pub fn end(&mut self, now: Timestamp) {
        let rest = now.duration_since(self.began).saturating_mul(OTHERS).min(LONGEST);
        self.next = now.saturating_add(rest).unwrap_or(now);
    }

    /// When the next one may begin though others have work.
    pub fn next(&self) -> Timestamp {
        self.next
    }
}

/// Whether nobody but the patient has work.
pub fn is_quiet<'a>(lanes: impl Iterator<Item = (&'a Queue, &'a Controller)>) -> bool {
    let mut others = lanes.filter(|(_, controller)| !controller.patient);
    others.all(|(queue, _)| queue.depth() == 0 && queue.working() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_followed_by_a_rest_of_its_kind() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let mut turn = Turn::default();
        assert!(turn.next() <= at(0), "the first look is at once");
        for (began, ended, next) in [(1000, 1004, 1040), (2000, 2000, 2000), (3000, 4000, 4500)] {
            turn.begin(at(began));
            turn.end(at(ended));
            assert_eq!(turn.next(), at(next));
        }
    }

    #[test]
    fn it_is_quiet_when_only_the_patient_have_work() {
        let (mut busy, idle) = (Queue::default(), Queue::default());
        busy.add(&"k".into(), 0);
        let plain = Controller::BASE;
        let patient = Controller { patient: true, ..Controller::BASE };
        assert!(is_quiet([(&busy, &patient), (&idle, &plain)].into_iter()));
        assert!(!is_quiet([(&busy, &plain), (&idle, &patient)].into_iter()));
        busy.take();
        assert!(!is_quiet([(&busy, &plain)].into_iter()), "what is in work counts");
    }
}
