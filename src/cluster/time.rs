//! The clock of a cluster in a program.

use super::{Cluster, Error};
use crate::api::clock::Move;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A cluster's clock. Every move returns when all work that was due is done.
///
/// ```
/// # fn main() -> Result<(), pocketshift::cluster::Error> {
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use std::time::Duration;
/// let cluster =
///     pocketshift::Cluster::builder().clock_stopped_at("2030-01-01T00:00:00Z").start().await?;
/// cluster.time().advance(Duration::from_secs(15 * 60)).await?;
/// assert_eq!(cluster.time().now(), "2030-01-01T00:15:00Z");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Time<'a> {
    pub(super) cluster: &'a Cluster,
}

impl Time<'_> {
    /// What it shows (RFC 3339).
    pub fn now(&self) -> String {
        self.cluster.inside.time.reading().now.to_string()
    }

    /// Seconds that pass in one of the machine's; 0 when it stands still.
    pub fn rate(&self) -> f64 {
        self.cluster.inside.time.reading().rate
    }

    /// When something happens next, if anything is waited for.
    pub fn next(&self) -> Option<String> {
        self.cluster.inside.time.reading().next.map(|at| at.to_string())
    }

    /// Lets it stand still.
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub async fn stop(&self) -> Result<(), Error> {
        self.set_rate(0.0).await
    }

    /// Lets it run as the machine's.
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub async fn run(&self) -> Result<(), Error> {
        self.set_rate(1.0).await
    }

    /// Lets it run so many times as fast, from 0 to 1000.
    ///
    /// # Errors
    /// [`Error::Unclear`] for another number.
    pub async fn set_rate(&self, times: f64) -> Result<(), Error> {
        self.moved(Move::Rate(times)).await
    }

    /// Moves it on.
    ///
    /// # Errors
    /// [`Error::Unclear`] when that is too far.
    pub async fn advance(&self, by: Duration) -> Result<(), Error> {
        let by = SignedDuration::try_from(by);
        let by = by.map_err(|_| Error::Unclear("that is too far".into()))?;
        self.moved(Move::By(by)).await
    }

    /// Moves it on to a moment.
    ///
    /// # Errors
    /// [`Error::Unclear`] for what is no moment, or has passed.
    pub async fn advance_until(&self, moment: &str) -> Result<(), Error> {
        let to = moment.parse::<Timestamp>();
        let to = to.map_err(|_| Error::Unclear(format!("{moment:?} is no moment")))?;
        self.moved(Move::To(to)).await
    }

    /// Moves it on to when something happens next.
    ///
    /// # Errors
    /// [`Error::Cluster`].
    pub async fn advance_to_next(&self) -> Result<(), Error> {
        self.moved(Move::Next).await
    }

    async fn moved(&self, asked: Move) -> Result<(), Error> {
        self.cluster.inside.server.move_time(asked).await.map_err(Error::Unclear)
    }
}
