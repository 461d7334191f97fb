//! A cluster's clock at an administrator's word: stopped, run at another rate, moved on. What it shows lasts
//! over restarts.

mod object;
mod until;

pub use object::{clocks, turns};

use super::Server;
use crate::{
    journal::{Arrival, Journal},
    kinds::clock::Awaited,
    object::{ObjectExt, Value, encode, json, name, time::seconds},
    store::{Expect, Op, Snapshot},
    world::{Clock, ClusterTime, FASTEST, Reading, within},
};
use futures_util::future::LocalBoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::{fmt, sync::Arc};

/// The row that keeps what the clock showed.
const RESOURCE: &str = "clocks.internal";
const NAME: &str = "cluster";

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
        let bad = |why: &dyn fmt::Display| format!("{name}={value:?}: {why}");
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

impl Server {
    /// The clock that can be moved.
    ///
    /// # Errors
    /// There is none.
    fn hands(&self) -> Result<&Arc<ClusterTime>, String> {
        self.time.as_ref().ok_or_else(|| "the clock is the machine's".into())
    }

    /// Moves the clock when its turn has come; returns when all work that was due is done.
    ///
    /// # Errors
    /// It cannot go there.
    pub async fn move_time(self: &Arc<Self>, asked: Move) -> Result<(), String> {
        let Some(journal) = &self.journal else {
            return self.move_at_once(asked).await;
        };
        let (time, appointments) = (self.hands()?, &self.world.appointments);
        let target = match asked {
            Move::By(by) => time.now().checked_add(by).ok(),
            Move::To(to) => Some(to).filter(|to| *to >= time.now()),
            _ => None,
        };
        let Some(target) = target.filter(|to| appointments.first(*to).is_some()) else {
            return self.move_in_turn(journal, asked).await;
        };
        while let Some(at) = appointments.first(target) {
            if at > time.now() {
                self.move_in_turn(journal, Move::To(at)).await?;
            }
            let kept = within(&*self.world.wall, PATIENCE, appointments.kept_until(at)).await;
            kept.ok_or_else(|| format!("what was to happen at {} does not end", seconds(at)))?;
        }
        // Time goes on by itself: the moment may have passed.
        self.move_in_turn(journal, Move::To(target.max(time.now()))).await
    }

    async fn move_in_turn(self: &Arc<Self>, journal: &Journal, asked: Move) -> Result<(), String> {
        let arrival = Arrival::Clock { order: asked.to_string() };
        let me = Arc::downgrade(self);
        let work = move || -> LocalBoxFuture<'static, _> {
            Box::pin(async move {
                let moved = match me.upgrade() {
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
    pub async fn move_at_once(&self, asked: Move) -> Result<(), String> {
        let time = self.hands()?;
        let now = time.now();
        let moved = match asked {
            Move::Rate(rate) if !(0.0..=FASTEST).contains(&rate) => {
                return Err(format!("the rate must be from 0 to {FASTEST}"));
            }
            Move::Rate(rate) => {
                time.set_rate(rate);
                Ok(())
            }
            Move::By(by) => {
                let to = now.checked_add(by).map_err(|_| "that is too far")?;
                time.advance(to).await;
                Ok(())
            }
            Move::To(to) if to < now => return Err(format!("it is {} already", seconds(now))),
            Move::To(to) => {
                time.advance(to).await;
                Ok(())
            }
            Move::Next => {
                time.advance_to_next().await;
                Ok(())
            }
            Move::Until(awaited) => awaited.run(self, time).await,
        };
        self.keep_time().await?;
        moved
    }

    /// Writes down what the clock of a cluster shows that will rest, if it was ever touched.
    pub async fn rest(&self) {
        if is_moved(&self.store.snapshot()) {
            // What cannot be written now was written when the clock was last touched.
            let _ = self.keep_time().await;
        }
    }

    /// Writes down what the clock shows: from here on it is the cluster's own.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn keep_time(&self) -> Result<(), String> {
        let reading = self.hands()?.reading();
        let Reading { now, rate, .. } = reading;
        let wall = self.world.wall.now();
        let uid = self.world.entropy.of(&[RESOURCE, NAME]).uuid();
        let content = json!({"metadata": {"name": NAME, "uid": uid}, "shown": now.to_string(),
            "wall": wall.to_string(), "rate": rate});
        let known = self.store.snapshot().get_key(RESOURCE, NAME).is_some();
        let put = Op::Put {
            resource: RESOURCE.into(),
            key: name::key("", NAME).into(),
            expect: if known { Expect::Present } else { Expect::Absent },
            body: encode(&content),
            claims: vec![],
        };
        self.store.commit(vec![put]).await.map_err(|error| {
            tracing::error!(%error, "what the clock shows");
            "what the clock shows cannot be written down".to_owned()
        })?;
        object::show(self, &reading).await;
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_read() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let read = |query: &[(&str, &str)]| {
            Move::read(&query.iter().copied().map(pair).collect::<Vec<_>>())
        };
        let moment = "2031-01-02T03:04:05Z".parse().unwrap();
        let rows: [(&[(&str, &str)], Result<Move, &str>); 12] = [
            (&[("rate", "0")], Ok(Move::Rate(0.0))),
            (&[("rate", "60")], Ok(Move::Rate(60.0))),
            (&[("by", "1h30m")], Ok(Move::By(SignedDuration::from_mins(90)))),
            (&[("to", "2031-01-02T03:04:05Z")], Ok(Move::To(moment))),
            (&[("next", "")], Ok(Move::Next)),
            (&[("rate", "1001")], Err(r#"rate="1001": must be a number from 0 to 1000"#)),
            (&[("rate", "NaN")], Err(r#"rate="NaN": must be a number from 0 to 1000"#)),
            (&[("by", "-5m")], Err(r#"by="-5m": time does not go back"#)),
            (&[("by", "soon")], Err(r#"by="soon": must be a duration such as 90s, 15m or 1h30m"#)),
            (&[("to", "tomorrow")], Err(r#"to="tomorrow": must be a moment (RFC 3339)"#)),
            (&[], Err("say one of rate, by, to, next")),
            (&[("rate", "1"), ("by", "5m")], Err("say one of rate, by, to, next")),
        ];
        for (query, expected) in rows {
            assert_eq!(read(query), expected.map_err(str::to_owned), "{query:?}");
        }
    }
}
