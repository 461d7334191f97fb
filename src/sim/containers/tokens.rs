//! The tokens of service accounts that pods mount: one for each audience, given anew in time.

use super::{DeferredWrite, Runtime, place::Place};
use crate::object::{ObjectExt, Value};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::oneshot;

impl Runtime {
    /// The token a volume source wants, if there is one already.
    pub fn token(&self, uid: &str, wanted: &Value) -> Option<String> {
        let key = (uid.to_owned(), wanted.str_at("audience").to_owned());
        self.state.lock().tokens.get(&key).map(|(_, token)| token.clone())
    }

    /// Sees to it that a pod that mounts tokens has them, and that they are fresh: they are given
    /// anew after four fifths of their time.
    pub async fn need_token(&self, place: &Place) {
        let volumes = place.pod.list_at("spec.volumes").iter();
        let sources = volumes.flat_map(|v| v.list_at("projected.sources"));
        for wanted in sources.filter_map(|s| s.at("serviceAccountToken")) {
            let audience = wanted.str_at("audience").to_owned();
            let seconds = wanted.i64_at("expirationSeconds").unwrap_or(3607);
            let (key, now) = ((place.pod.uid().to_owned(), audience), self.world.clock.now());
            let fresh = |(given, _): &(Timestamp, String)| {
                now.duration_since(*given).as_secs() < seconds / 5 * 4
            };
            if self.state.lock().tokens.get(&key).is_some_and(fresh) {
                continue;
            }
            let (reply, token) = oneshot::channel();
            let (pod, audience) = (Arc::clone(&place.pod), key.1.clone());
            let asked =
                self.writes.send(DeferredWrite::Token { pod, audience, seconds, reply }).await;
            if let (Ok(()), Ok(token)) = (asked, token.await) {
                self.state.lock().tokens.insert(key, (now, token));
            }
        }
    }
}
