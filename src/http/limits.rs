//! How many requests may be under way, and for how long, as upstream has it: reads and writes are
//! counted apart, what lasts by its nature is not counted, and the cluster's masters always pass.
//! Source: k8s.io/apiserver `pkg/server/filters` (maxinflight, timeout, longrunning),
//! `pkg/endpoints/filters/request_deadline.go`.

use super::{bodies, parameters::Query};
use crate::{
    api::{Caller, Verb},
    error::Error,
    object::duration,
};
use jiff::SignedDuration;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The limits themselves; 0 stands for none.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Reads under way.
    pub reads: usize,
    /// Writes under way.
    pub writes: usize,
    /// Requests that last: watches, logs that are followed, sessions.
    pub lasting: usize,
    /// How long a request may take.
    pub deadline: SignedDuration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { reads: 400, writes: 200, lasting: 0, deadline: SignedDuration::from_secs(60) }
    }
}

/// What is under way.
pub struct InFlight {
    limits: Limits,
    reads: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
    lasting: Arc<AtomicUsize>,
}

/// One request under way; its end frees the place.
pub struct Underway(Option<Arc<AtomicUsize>>);

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Group whose members are always let in.
const MASTERS: &str = "system:masters";

impl InFlight {
    /// Nothing is under way.
    pub fn new(limits: Limits) -> InFlight {
        let (reads, writes, lasting) = Default::default();
        InFlight { limits, reads, writes, lasting }
    }

    /// A place for a request that does not last.
    ///
    /// # Errors
    /// 429 when there is none.
    pub fn enter(&self, caller: &Caller, writes: bool) -> Result<Underway, Error> {
        let (count, most) = match writes {
            true => (&self.writes, self.limits.writes),
            false => (&self.reads, self.limits.reads),
        };
        let before = count.fetch_add(1, Ordering::Relaxed);
        let place = Underway(Some(Arc::clone(count)));
        let full = most > 0 && before >= most;
        if full && !caller.groups.iter().any(|g| g == MASTERS) {
            return Err(bodies::busy());
        }
        Ok(place)
    }

    /// A place for a request that lasts, whoever asks: here the limit is the cluster's.
    ///
    /// # Errors
    /// 429 when there is none.
    pub fn stay(&self) -> Result<Underway, Error> {
        let before = self.lasting.fetch_add(1, Ordering::Relaxed);
        let place = Underway(Some(Arc::clone(&self.lasting)));
        match self.limits.lasting {
            most if most > 0 && before >= most => Err(bodies::busy()),
            _ => Ok(place),
        }
    }

    /// How long a request may take that says so itself.
    ///
    /// # Errors
    /// 400 when what it says is no duration.
    pub fn deadline(&self, query: &Query) -> Result<SignedDuration, Error> {
        let most = self.limits.deadline;
        let Some(asked) = query.get("timeout").filter(|t| !t.is_empty()) else { return Ok(most) };
        match duration::parse_go(asked).map(SignedDuration::from_nanos) {
            Ok(asked) if asked.is_positive() && asked < most => Ok(asked),
            Ok(_) => Ok(most),
            Err(why) => Err(Error::BadRequest(format!(
                "invalid timeout specified in the request URL - {why}"
            ))),
        }
    }
}

/// Whether a request lasts by its nature.
pub fn is_long(verb: Verb, sub: &str) -> bool {
    const LONG: [&str; 6] = ["attach", "exec", "instantiatebinary", "log", "portforward", "proxy"];
    verb == Verb::Watch || LONG.contains(&sub)
}

/// Whether a verb changes something.
pub fn is_write(verb: Verb) -> bool {
    !matches!(verb, Verb::Get | Verb::List | Verb::Watch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_apart() {
        let inflight = InFlight::new(Limits { reads: 2, writes: 1, ..Limits::default() });
        let caller = Caller { name: "u".into(), ..Caller::default() };
        let write = inflight.enter(&caller, true).unwrap();
        let reads =
            [inflight.enter(&caller, false).unwrap(), inflight.enter(&caller, false).unwrap()];
        for writes in [true, false] {
            assert_eq!(inflight.enter(&caller, writes).map(drop), Err(bodies::busy()));
            assert!(inflight.enter(&Caller::component("system:admin"), writes).is_ok());
        }
        drop((write, reads));
        assert!(inflight.enter(&caller, true).is_ok());
        assert_eq!(inflight.writes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn deadlines() {
        let inflight = InFlight::new(Limits::default());
        let of = |q: &str| inflight.deadline(&Query::parse(q)).map(|d| d.as_secs());
        assert_eq!(of(""), Ok(60));
        assert_eq!(of("timeout=10s"), Ok(10));
        assert_eq!(of("timeout=0s"), Ok(60));
        assert_eq!(of("timeout=1h"), Ok(60));
        let why = "invalid timeout specified in the request URL - time: invalid duration \"x\"";
        assert_eq!(of("timeout=x"), Err(Error::BadRequest(why.into())));
    }
}
