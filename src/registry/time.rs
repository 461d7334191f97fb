//! The cluster's time at an administrator's word: read, stopped, run at another rate, moved on. It
//! lasts over restarts.

use super::{Registries, ask::RegistryRequest, reply::Reply, until::Awaited};
use crate::{
    catalog::complaint::*,
    journal::Arrival,
    object::{ObjectExt, Value, time::seconds},
    store::Snapshot,
    world::{Clock, FASTEST, Reading, within},
};
use futures_util::future::LocalBoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::fmt;

/// The row that keeps what the clock showed.
const RESOURCE: &str = "clocks.internal";
const NAME: &str = "cluster";

/// Where time is told and moved.
pub(super) const PATH: &str = "/time";

/// How long somebody outside may take for what he has to do, in the machine's time.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What is asked of the clock.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// Run so many times as fast as the machine's.
    Rate(f64),
    /// Move on by so much.
    By(SignedDuration),
    /// Move on to a moment.
    To(Timestamp),
    /// Move on to when something happens next.
    Next,
    /// Move on until something holds.
    Until(Awaited),
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Rate(rate) => write!(f, "rate={rate}"),
            Move::By(by) => write!(f, "by={by}"),
            Move::To(to) => write!(f, "to={to}"),
            Move::Next => write!(f, "next="),
            Move::Until(awaited) => write!(f, "{awaited}"),
        }
    }
}

impl Move {
    fn parse(ask: &RegistryRequest) -> Result<Move, String> {
        Move::read(ask.query.pairs())
    }

    /// What a query asks for.
    ///
    /// # Errors
    /// One line for people.
    pub fn read(query: &[(String, String)]) -> Result<Move, String> {
        if query.iter().any(|(name, _)| name == "for") {
            return Awaited::read(query).map(Move::Until);
        }
        let [(name, value)] = query else {
            return Err("say one of rate, by, to, next".into());
        };
        let bad = |why: &dyn std::fmt::Display| format!("{name}={value:?}: {why}");
        match name.as_str() {
            "rate" => match value.parse::<f64>() {
                Ok(rate) if (0.0..=FASTEST).contains(&rate) => Ok(Move::Rate(rate)),
                _ => Err(bad(&format!("must be a number from 0 to {FASTEST}"))),
            },
            "by" => match value.parse::<SignedDuration>() {
                Ok(by) if by.is_negative() => Err(bad(&"time does not go back")),
                Ok(by) => Ok(Move::By(by)),
                Err(_) => Err(bad(&"must be a duration such as 90s, 15m or 1h30m")),
            },
            "to" => value.parse().map(Move::To).map_err(|_| bad(&"must be a moment (RFC 3339)")),
            "next" => Ok(Move::Next),
            _ => Err("say one of rate, by, to, next".into()),
        }
    }
}

impl Registries {
    /// GET tells the time; POST does with it what the query says, and answers when all work that
    /// was due is done.
    pub(super) async fn time(&self, ask: &RegistryRequest) -> Result<Reply, Reply> {
        self.administrator(ask)?;
        match ask.method.as_str() {
            "GET" => {}
            "POST" => {
                self.move_time(Move::parse(ask).map_err(refused)?).await.map_err(Reply::from)?
            }
            _ => return Err(DistributionError::new(&UNSUPPORTED).into()),
        }
        self.time.settle().await;
        let Reading { now, rate, next } = self.time.reading();
        let next = next.map(|n| n.to_string());
        Ok(Reply::json(200, &json!({"now": now.to_string(), "rate": rate, "next": next})))
    }

    /// Moves the clock when its turn has come; returns when all work that was due is done.
    ///
    /// # Errors
    /// It cannot go there.
    pub async fn move_time(&self, asked: Move) -> Result<(), DistributionError> {
        if self.server.journal.is_none() {
            return self.move_at_once(asked).await;
        }
        let target = match asked {
            Move::By(by) => self.time.now().checked_add(by).ok(),
            Move::To(to) => Some(to).filter(|to| *to >= self.time.now()),
            _ => None,
        };
        let appointments = &self.server.world.appointments;
        let Some(target) = target.filter(|to| appointments.first(*to).is_some()) else {
            return self.move_in_turn(asked).await;
        };
        while let Some(at) = appointments.first(target) {
            if at > self.time.now() {
                self.move_in_turn(Move::To(at)).await?;
            }
            let kept = within(&*self.server.world.wall, PATIENCE, appointments.kept_until(at));
            if kept.await.is_none() {
                return Err(complaint(format!(
                    "what was to happen at {} does not end",
                    seconds(at)
                )));
            }
        }
        // Time goes on by itself: the moment may have passed.
        self.move_in_turn(Move::To(target.max(self.time.now()))).await
    }

    async fn move_in_turn(&self, asked: Move) -> Result<(), DistributionError> {
        let Some(journal) = self.server.journal.clone() else { return Ok(()) };
        let arrival = Arrival::Clock { order: asked.to_string() };
        let me = self.me.upgrade();
        let work = move || -> LocalBoxFuture<'static, _> {
            Box::pin(async move {
                let moved = match me {
                    Some(me) => me.move_at_once(asked).await,
                    None => Ok(()),
                };
                (if moved.is_ok() { 200 } else { 400 }, moved)
            })
        };
        journal.enter(arrival, work).await.unwrap_or(Ok(()))
    }

    /// The same, whoever's turn it is.
    ///
    /// # Errors
    /// It cannot go there.
    pub async fn move_at_once(&self, asked: Move) -> Result<(), DistributionError> {
        let now = self.time.now();
        match asked {
            Move::Rate(rate) if !(0.0..=FASTEST).contains(&rate) => {
                return Err(complaint(format!("the rate must be from 0 to {FASTEST}")));
            }
            Move::Rate(rate) => self.time.set_rate(rate),
            Move::By(by) => {
                let to = now.checked_add(by).map_err(|_| complaint("that is too far".into()))?;
                self.time.advance(to).await;
            }
            Move::To(to) if to < now => {
                return Err(complaint(format!("it is {} already", seconds(now))));
            }
            Move::To(to) => self.time.advance(to).await,
            Move::Next => self.time.advance_to_next().await,
            Move::Until(awaited) => {
                let held = self.run_until(&awaited).await;
                self.keep_time().await?;
                return held;
            }
        }
        self.keep_time().await
    }

    /// Writes down what the clock of a cluster shows that will rest, if it was ever touched.
    pub async fn rest(&self) {
        if is_moved(&self.server.store.snapshot()) {
            // What cannot be written now was written when the clock was last touched.
            let _ = self.keep_time().await;
        }
    }

    /// Writes down what the clock shows: from here on it is the cluster's own.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn keep_time(&self) -> Result<(), DistributionError> {
        let Reading { now, rate, .. } = self.time.reading();
        let wall = self.server.world.wall.now();
        let content = json!({"shown": now.to_string(), "wall": wall.to_string(), "rate": rate});
        self.note(RESOURCE, NAME, content).await
    }
}

/// What the clock shows now and how fast it runs, by what was written down. While the program was
/// not there, time passed as the machine's, unless it stood still.
pub fn kept_time(snapshot: &Snapshot, wall: Timestamp) -> (Timestamp, f64) {
    let Some(row) = snapshot.get_key(RESOURCE, NAME) else { return (wall, 1.0) };
    let row = row.lean();
    let moment = |field| row.str_at(field).parse::<Timestamp>().unwrap_or(wall);
    let rate = row.at("rate").and_then(Value::as_f64).unwrap_or(1.0);
    let passed = wall.duration_since(moment("wall")).max(SignedDuration::ZERO);
    let passed = if rate == 0.0 { SignedDuration::ZERO } else { passed };
    (moment("shown").saturating_add(passed).unwrap_or(Timestamp::MAX), rate)
}

/// Whether anybody ever touched a cluster's clock.
pub fn is_moved(snapshot: &Snapshot) -> bool {
    snapshot.get_key(RESOURCE, NAME).is_some()
}

/// What the clock showed and how fast it ran when that was written down, if it was ever touched.
pub fn shown_time(snapshot: &Snapshot) -> Option<(Timestamp, f64)> {
    let row = snapshot.get_key(RESOURCE, NAME)?.value();
    Some((row.str_at("shown").parse().ok()?, row.at("rate").and_then(Value::as_f64)?))
}

pub(super) fn complaint(why: String) -> DistributionError {
    DistributionError::saying(&MOMENT_INVALID, why)
}

fn refused(why: String) -> Reply {
    complaint(why).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Query;

    #[test]
    fn moves_are_read() {
        let ask = |query: &str| {
            Move::parse(&RegistryRequest {
                query: Query::parse(query),
                ..RegistryRequest::default()
            })
        };
        let moment = "2031-01-02T03:04:05Z".parse().unwrap();
        let rows = [
            ("rate=0", Ok(Move::Rate(0.0))),
            ("rate=60", Ok(Move::Rate(60.0))),
            ("by=1h30m", Ok(Move::By(SignedDuration::from_mins(90)))),
            ("to=2031-01-02T03:04:05Z", Ok(Move::To(moment))),
            ("next=", Ok(Move::Next)),
            ("rate=1001", Err(r#"rate="1001": must be a number from 0 to 1000"#)),
            ("rate=NaN", Err(r#"rate="NaN": must be a number from 0 to 1000"#)),
            ("by=-5m", Err(r#"by="-5m": time does not go back"#)),
            ("by=soon", Err(r#"by="soon": must be a duration such as 90s, 15m or 1h30m"#)),
            ("to=tomorrow", Err(r#"to="tomorrow": must be a moment (RFC 3339)"#)),
            ("", Err("say one of rate, by, to, next")),
            ("rate=1&by=5m", Err("say one of rate, by, to, next")),
        ];
        for (query, expected) in rows {
            assert_eq!(ask(query), expected.map_err(str::to_owned), "{query}");
        }
    }
}
