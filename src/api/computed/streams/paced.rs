//! A log that is followed, at a bearable pace: the first line comes at once, the next ones together
//! a few milliseconds later. Otherwise every line would wake every follower, and a busy log with
//! many of them would do little else.

use crate::{
    runtime::LogStream,
    world::{BoxFuture, Clock},
};
use bytes::Bytes;
use futures_util::Stream;
use jiff::SignedDuration;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Time between two looks at a log that grows.
const PAUSE: SignedDuration = SignedDuration::from_millis(10);

/// A log at a pace.
pub struct Paced {
    log: LogStream,
    clock: Arc<dyn Clock>,
    /// Nothing is read before it ends.
    pause: Option<BoxFuture<()>>,
    /// Whether all there was had been read.
    caught_up: bool,
}

impl Paced {
    /// Paces a log.
    pub fn new(log: LogStream, clock: Arc<dyn Clock>) -> Paced {
        Paced { log, clock, pause: None, caught_up: false }
    }
}

impl Stream for Paced {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let chunk = self.log.as_mut().poll_next(cx);
        if chunk.is_pending() {
            self.caught_up = true;
        } else if std::mem::take(&mut self.caught_up) {
            let until = self.clock.now() + PAUSE;
            self.pause = Some(self.clock.sleep_until(until));
        }
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::StepClock;
    use futures_util::{FutureExt, StreamExt};

    #[tokio::test]
    async fn what_is_written_during_a_pause_comes_after_it() {
        let clock = StepClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let (lines, mut written) = tokio::sync::mpsc::channel::<Bytes>(10);
        let log = futures_util::stream::poll_fn(move |cx| written.poll_recv(cx));
        let mut paced = Paced::new(Box::pin(log), Arc::new(clock.clone()));
        let write =
            |text: &'static str| lines.try_send(Bytes::from_static(text.as_bytes())).unwrap();
        // What is there is read at once.
        write("1");
        write("2");
        assert_eq!(paced.next().now_or_never(), Some(Some("1".into())));
        assert_eq!(paced.next().now_or_never(), Some(Some("2".into())));
        assert_eq!(paced.next().now_or_never(), None);
        write("3");
        write("4");
        assert_eq!(paced.next().now_or_never(), Some(Some("3".into())));
        assert_eq!(paced.next().now_or_never(), None);
        clock.advance(PAUSE);
        assert_eq!(paced.next().now_or_never(), Some(Some("4".into())));
        drop(lines);
        assert_eq!(paced.next().now_or_never(), Some(None));
    }
}
