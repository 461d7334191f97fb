//! A token bucket on the cluster's clock.

use crate::world::Clock;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// How fast something may happen.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Time until the next token.
    pub every: SignedDuration,
    /// Tokens a rested bucket holds.
    pub burst: u32,
}

/// A bucket of tokens; without a rate it never runs dry.
pub struct Limiter {
    clock: Arc<dyn Clock>,
    rate: Option<Rate>,
    /// The moment at which the bucket would be full again.
    full: Timestamp,
}

impl Limiter {
    /// A full bucket.
    pub fn new(clock: Arc<dyn Clock>, rate: Option<Rate>) -> Limiter {
        let full = clock.now();
        Limiter { clock, rate, full }
    }

    /// Takes a token, waiting for it if need be.
    pub async fn take(&mut self) {
        let Some(rate) = self.rate else { return };
        let now = self.clock.now();
        let after = |time: Timestamp, by: SignedDuration| time.saturating_add(by).unwrap_or(time);
        self.full = after(self.full.max(now), rate.every);
        let reserve = i32::try_from(rate.burst).unwrap_or(i32::MAX);
        self.clock.sleep_until(after(self.full, -rate.every.saturating_mul(reserve))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::StepClock;
    use futures_util::{FutureExt as _, pin_mut};

    #[test]
    fn tokens_come_back_with_time() {
        let clock = StepClock::new(Timestamp::UNIX_EPOCH);
        let rate = Rate { every: SignedDuration::from_millis(500), burst: 3 };
        let mut limiter = Limiter::new(Arc::new(clock.clone()), Some(rate));
        for _ in 0..3 {
            assert!(limiter.take().now_or_never().is_some());
        }
        {
            let fourth = limiter.take();
            pin_mut!(fourth);
            assert!(fourth.as_mut().now_or_never().is_none());
            clock.advance(SignedDuration::from_millis(500));
            assert!(fourth.as_mut().now_or_never().is_some());
        }
        clock.advance(SignedDuration::from_secs(60));
        let ready = (0..5).filter(|_| limiter.take().now_or_never().is_some()).count();
        assert_eq!(ready, 3);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let clock = Arc::new(StepClock::new(Timestamp::UNIX_EPOCH));
        let mut limiter = Limiter::new(clock, None);
        assert!((0..100).all(|_| limiter.take().now_or_never().is_some()));
    }
}
