//! Taking bodies in: how many bytes, for how long, and how many at once for one caller and for all.
//! A body counts from before its first byte is read until its request is answered, because what it
//! says becomes larger as a tree.

use crate::{
    error::Error,
    world::{Clock, within},
};
use actix_http::Payload;
use actix_web::http::header;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use jiff::SignedDuration;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// Largest body of an object or patch, in bytes (upstream's limit).
pub const LARGEST: usize = 3 << 20;
/// Largest upload to build from, in bytes, where it is written down with its request: one caller may have
/// one under way.
pub const LARGEST_RECORDED: usize = 20 << 20;
/// Largest form, in bytes.
pub const LARGEST_FORM: usize = 64 << 10;
/// Most bodies and bytes of one caller.
const EACH: Share = Share { bodies: 128, bytes: 24 << 20 };
/// Most bodies and bytes of all.
const ALL: Share = Share { bodies: 1024, bytes: 64 << 20 };
/// How long a body may take until it is whole.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);
/// Bytes of an unwanted body that are read over, and for how long: who is refused and still sends
/// could otherwise miss the answer.
const DRAINED: (usize, SignedDuration) = (256 << 10, SignedDuration::from_secs(2));
/// What a body counts that does not say how long it is, until it is longer.
const UNSAID: usize = 64 << 10;
/// By how much the place of a large one grows at a time.
const STEP: usize = 16 << 20;

/// So many bodies, and so many bytes of them.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub(super) struct Share {
    pub bodies: usize,
    pub bytes: usize,
}

impl Share {
    fn fits(self, bytes: usize, most: Share) -> bool {
        self.bodies < most.bodies && self.bytes + bytes <= most.bytes
    }
}

/// What is being taken in.
pub struct Bodies {
    clock: Arc<dyn Clock>,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: Share,
    each: HashMap<Arc<str>, Share>,
    /// Most of all, and of one caller.
    most: Share,
    most_each: Share,
}

/// A place for a body; its end frees it.
pub struct BodyPermit {
    taken: Arc<Mutex<Taken>>,
    caller: Arc<str>,
    bytes: usize,
}

impl Bodies {
    /// Nothing is taken in yet.
    pub fn new(clock: Arc<dyn Clock>) -> Bodies {
        Bodies::within(clock, EACH, ALL)
    }

    /// The same, with so many of one caller and of all.
    pub(super) fn within(clock: Arc<dyn Clock>, each: Share, all: Share) -> Bodies {
        let taken = Taken { most: all, most_each: each, ..Taken::default() };
        Bodies { clock, taken: Arc::new(Mutex::new(taken)) }
    }

    /// Reads a body of at most `most` bytes that `caller` sends; `length` is what its header says.
    ///
    /// # Errors
    /// 413, 429 when too much is under way, 504 when it does not become whole.
    pub async fn take(
        &self,
        caller: &str,
        most: usize,
        length: Option<&header::HeaderValue>,
        payload: &mut Payload,
    ) -> Result<(Bytes, BodyPermit), Error> {
        let said = length.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if said.is_some_and(|said| said > most) {
            return Err(Error::TooLarge(most as u64));
        }
        let mut place = self.place(caller, said.unwrap_or(UNSAID.min(most)))?;
        let read = read(most, payload, &mut place);
        let read = within(&*self.clock, PATIENCE, read).await;
        let bytes = read.unwrap_or_else(|| Err(late()))?;
        Ok((bytes, place))
    }

    /// A place for a body of so many bytes.
    ///
    /// # Errors
    /// 429.
    pub fn place(&self, caller: &str, bytes: usize) -> Result<BodyPermit, Error> {
        let mut taken = self.taken.lock();
        let own = taken.each.get(caller).copied().unwrap_or_default();
        if !own.fits(bytes, taken.most_each) || !taken.all.fits(bytes, taken.most) {
            return Err(busy());
        }
        let caller: Arc<str> = caller.into();
        taken.all.bodies += 1;
        taken.all.bytes += bytes;
        let own = taken.each.entry(Arc::clone(&caller)).or_default();
        own.bodies += 1;
        own.bytes += bytes;
        Ok(BodyPermit { taken: Arc::clone(&self.taken), caller, bytes })
    }

    /// Reads over what nobody wants, within reason.
    pub async fn drain(&self, payload: &mut Payload) {
        let mut left = DRAINED.0;
        let over = async {
            while let Some(Ok(chunk)) = payload.next().await {
                left = left.saturating_sub(chunk.len());
                if left == 0 {
                    return;
                }
            }
        };
        // However it ends, the answer is sent.
        let _ = within(&*self.clock, DRAINED.1, over).await;
    }
}

impl BodyPermit {
    /// Makes room for a body of which so much has arrived.
    pub(super) fn reach(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > self.bytes { self.grow(bytes.saturating_add(STEP)) } else { Ok(()) }
    }

    /// Makes room for a body that turns out longer.
    fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        let more = bytes.saturating_sub(self.bytes);
        let mut taken = self.taken.lock();
        let own = taken.each.get(&self.caller).copied().unwrap_or_default();
        let (each, all) = (taken.most_each.bytes, taken.most.bytes);
        if own.bytes + more > each || taken.all.bytes + more > all {
            return Err(busy());
        }
        taken.all.bytes += more;
        taken.each.entry(Arc::clone(&self.caller)).or_default().bytes += more;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for BodyPermit {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.all.bodies -= 1;
        taken.all.bytes -= self.bytes;
        if let Some(own) = taken.each.get_mut(&self.caller) {
            own.bodies -= 1;
            own.bytes -= self.bytes;
            if own.bodies == 0 {
                taken.each.remove(&self.caller);
            }
        }
    }
}

/// What upstream says when too much is under way.
pub fn busy() -> Error {
    Error::TooManyRequests {
        message: "Too many requests, please try again later.".into(),
        retry_after: 1,
        causes: Vec::new(),
    }
}

/// What upstream says of a request that takes too long.
pub fn late() -> Error {
    let message = "Timeout: request did not complete within the allotted timeout".into();
    Error::Timeout { message, causes: Vec::new() }
}

async fn read(most: usize, payload: &mut Payload, place: &mut BodyPermit) -> Result<Bytes, Error> {
    let mut first: Option<Bytes> = None;
    let mut more = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|e| Error::BadRequest(e.to_string()))?;
        let size = more.len() + first.as_ref().map_or(0, Bytes::len) + chunk.len();
        if size > most {
            return Err(Error::TooLarge(most as u64));
        }
        if size > place.bytes {
            place.grow(most)?;
        }
        match first.take() {
            None if more.is_empty() => first = Some(chunk),
            None => more.extend_from_slice(&chunk),
            Some(head) => {
                more.extend_from_slice(&head);
                more.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| more.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::StepClock;
    use futures_util::stream;

    fn payload(chunks: Vec<&'static [u8]>, ends: bool) -> Payload {
        let chunks = stream::iter(chunks.into_iter().map(|c| Ok(Bytes::from_static(c))));
        let payload = match ends {
            true => chunks.boxed_local(),
            false => chunks.chain(stream::pending()).boxed_local(),
        };
        Payload::Stream { payload }
    }

    fn bodies() -> (Bodies, StepClock) {
        let clock = StepClock::new(jiff::Timestamp::UNIX_EPOCH);
        (Bodies::new(Arc::new(clock.clone())), clock)
    }

    #[tokio::test]
    async fn whole_long_and_late_bodies() {
        let (bodies, clock) = bodies();
        let (bytes, place) =
            bodies.take("a", 10, None, &mut payload(vec![b"ab", b"cd"], true)).await.unwrap();
        assert_eq!(&bytes[..], b"abcd");
        assert_eq!(bodies.taken.lock().all.bodies, 1);
        drop(place);
        let long = bodies.take("a", 3, None, &mut payload(vec![b"ab", b"cd"], true)).await;
        assert_eq!(long.map(drop), Err(Error::TooLarge(3)));
        let said = header::HeaderValue::from_static("4");
        let mut never = payload(vec![], false);
        let long = bodies.take("a", 3, Some(&said), &mut never).await;
        assert_eq!(long.map(drop), Err(Error::TooLarge(3)));
        let mut silent = payload(vec![b"a"], false);
        let (taken, ()) = tokio::join!(bodies.take("a", 3, None, &mut silent), async {
            tokio::task::yield_now().await;
            clock.advance(PATIENCE);
        });
        assert_eq!(taken.map(drop), Err(late()));
        assert_eq!(bodies.taken.lock().all, Share::default());
        assert!(bodies.taken.lock().each.is_empty());
    }

    #[tokio::test]
    async fn one_caller_cannot_take_all() {
        let (bodies, _) = bodies();
        let all = std::iter::from_fn(|| bodies.place("greedy", LARGEST).ok());
        let greedy: Vec<BodyPermit> = all.take(1000).collect();
        assert_eq!(greedy.len(), EACH.bytes / LARGEST);
        let other = bodies.place("other", LARGEST).unwrap();
        let many: Vec<BodyPermit> =
            std::iter::from_fn(|| bodies.place("many", 1).ok()).take(1000).collect();
        assert_eq!(many.len(), EACH.bodies);
        drop((greedy, other, many));
        assert_eq!(bodies.taken.lock().all, Share::default());
    }
}
