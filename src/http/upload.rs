//! Taking in what is sent to build from, which may be large: in pieces, hashed on the way, into a file that
//! has no name and goes with whoever reads it. Who breaks off leaves nothing behind.

use super::bodies::{Bodies, BodyPermit, Share, late};
use crate::{
    api::Upload,
    error::Error,
    world::{Clock, within},
};
use actix_http::Payload;
use actix_web::http::header::HeaderValue;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use jiff::SignedDuration;
use ring::digest::{Context, SHA256};
use std::{io, path::Path, sync::Arc};
use tokio::{fs::File, io::AsyncWriteExt};

/// Largest upload, in bytes.
const LARGEST: usize = 1 << 30;
/// Most uploads and bytes of one caller.
const EACH: Share = Share { bodies: 4, bytes: 2 << 30 };
/// Most uploads and bytes of all.
const ALL: Share = Share { bodies: 32, bytes: 8 << 30 };
/// What is kept in memory, and written nowhere.
const SMALL: usize = 64 << 10;
/// How long an upload may stand still, and the slowest that is waited for, in bytes a second.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);
const SLOWEST: u64 = 64 << 10;

/// What is being uploaded.
pub struct Uploads {
    clock: Arc<dyn Clock>,
    places: Bodies,
}

impl Uploads {
    /// Nothing is taken in yet.
    pub fn new(clock: Arc<dyn Clock>) -> Uploads {
        let places = Bodies::within(Arc::clone(&clock), EACH, ALL);
        Uploads { clock, places }
    }

    /// Receives what `caller` sends; `length` is what its header says. What is large is written in a folder,
    /// or where the system has its temporary files.
    ///
    /// # Errors
    /// 413, 429 when too much is under way, 503 when there is no room for it, 504 when it comes too
    /// slowly.
    pub async fn take(
        &self,
        caller: &str,
        length: Option<&HeaderValue>,
        payload: &mut Payload,
        folder: Option<&Path>,
    ) -> Result<(Upload, BodyPermit), Error> {
        let said = length.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if said.is_some_and(|said| said > LARGEST) {
            return Err(Error::TooLarge(LARGEST as u64));
        }
        let mut place = self.places.place(caller, said.unwrap_or(SMALL))?;
        let began = self.clock.now();
        let (mut received, mut head, mut spool) = (0, BytesMut::new(), None);
        loop {
            // What has arrived buys time for more.
            let bought = i64::try_from(received as u64 / SLOWEST).unwrap_or(i64::MAX);
            let whole = PATIENCE.saturating_add(SignedDuration::from_secs(bought));
            let left = whole.saturating_sub(self.clock.now().duration_since(began));
            let next = within(&*self.clock, left, payload.next()).await.ok_or_else(late)?;
            let Some(chunk) = next else { break };
            let chunk = chunk.map_err(|e| Error::BadRequest(e.to_string()))?;
            received += chunk.len();
            if received > LARGEST {
                return Err(Error::TooLarge(LARGEST as u64));
            }
            place.reach(received)?;
            if spool.is_none() && received <= SMALL {
                head.extend_from_slice(&chunk);
                continue;
            }
            if spool.is_none() {
                let mut begun = Spool::begin(folder).map_err(no_room)?;
                begun.write(std::mem::take(&mut head).freeze()).await.map_err(no_room)?;
                spool = Some(begun);
            }
            if let Some(spool) = &mut spool {
                spool.write(chunk).await.map_err(no_room)?;
            }
        }
        let upload = match spool {
            None => Upload::from(head.freeze()),
            Some(spool) => spool.finish().await.map_err(no_room)?,
        };
        Ok((upload, place))
    }
}

/// A file that is being received.
struct Spool {
    file: File,
    hash: Context,
}

impl Spool {
    fn begin(folder: Option<&Path>) -> io::Result<Spool> {
        let file = folder.map_or_else(tempfile::tempfile, tempfile::tempfile_in)?;
        Ok(Spool { file: File::from_std(file), hash: Context::new(&SHA256) })
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        self.hash.update(&chunk);
        self.file.write_all(&chunk).await
    }

    async fn finish(mut self) -> io::Result<Upload> {
        self.file.flush().await?;
        Ok(Upload::received(self.file.into_std().await, self.hash))
    }
}

/// What a client hears of a disk that takes no more.
fn no_room(error: io::Error) -> Error {
    tracing::error!(%error, "an upload cannot be kept");
    Error::StorageAway(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: there is no room for what is uploaded".into()
        }
        _ => format!("what is uploaded cannot be kept: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::StepClock;
    use futures_util::stream;

    fn payload(pieces: usize, ends: bool) -> Payload {
        let piece = Bytes::from_static(&[7; 32 << 10]);
        let pieces = stream::iter((0..pieces).map(move |_| Ok(piece.clone())));
        let payload = match ends {
            true => pieces.boxed_local(),
            false => pieces.chain(stream::pending()).boxed_local(),
        };
        Payload::Stream { payload }
    }

    fn uploads() -> (Uploads, StepClock) {
        let clock = StepClock::new(jiff::Timestamp::UNIX_EPOCH);
        (Uploads::new(Arc::new(clock.clone())), clock)
    }

    impl Uploads {
        async fn takes(&self, who: &str, of: Payload) -> Result<(Upload, BodyPermit), Error> {
            self.take(who, None, &mut { of }, None).await
        }
    }

    #[tokio::test]
    async fn small_ones_stay_in_memory_and_large_ones_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (uploads, _) = uploads();
        let at = Some(folder.path());
        let (small, _place) = uploads.take("a", None, &mut payload(2, true), at).await.unwrap();
        assert!(small.is_small());
        let (large, place) = uploads.take("a", None, &mut payload(3, true), at).await.unwrap();
        assert!(!large.is_small());
        let whole = Upload::from(Bytes::from(vec![7; 96 << 10]));
        assert_eq!(large.digest(), whole.digest());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
        drop((large, place));
    }

    #[tokio::test]
    async fn too_large_too_slow_and_too_many() {
        let (uploads, clock) = uploads();
        let long = HeaderValue::from_static("1073741825");
        let refused = uploads.take("a", Some(&long), &mut payload(0, false), None).await;
        assert_eq!(refused.map(drop), Err(Error::TooLarge(1 << 30)));
        // 128 KiB have bought two seconds.
        let (taken, ()) = tokio::join!(uploads.takes("a", payload(4, false)), async {
            clock.advance(SignedDuration::from_secs(22));
            tokio::task::yield_now().await;
            clock.advance(SignedDuration::from_secs(22));
        });
        assert_eq!(taken.map(drop), Err(late()));
        let half = HeaderValue::from_static("1073741824");
        let mut kept = Vec::new();
        for _ in 0..2 {
            let one = uploads.take("a", Some(&half), &mut payload(1, true), None).await;
            kept.push(one.unwrap());
        }
        let busy = uploads.takes("a", payload(1, true)).await;
        assert_eq!(busy.map(drop), Err(super::super::bodies::busy()));
        assert!(uploads.takes("b", payload(1, true)).await.is_ok());
    }

    #[tokio::test]
    async fn a_disk_without_room_is_told() {
        let full = no_room(io::ErrorKind::StorageFull.into());
        assert!(full.to_string().contains("the disk is full"), "{full}");
        let (uploads, _) = uploads();
        let nowhere = Some(Path::new("/nowhere/at/all"));
        let refused = uploads.take("a", None, &mut payload(3, true), nowhere).await.map(drop);
        assert!(matches!(refused, Err(Error::StorageAway(_))), "{refused:?}");
    }
}
