//! What happened: the changes that are still in the window of the store, by whom each was made and
//! because of which other, and what was refused. All of it is in memory and bounded.

mod fields;
mod refusals;

pub use refusals::{Refusals, Refused};

use crate::{
    object::{Value, json, time},
    store::{Change, Entry, Feed, Since},
};
use jiff::Timestamp;
use std::sync::Arc;

/// Longest chain of causes that is told.
const LONGEST: usize = 32;

/// Resources that only tell of others, or beat time: left out unless asked for.
const NOISE: &[&str] = &["events", "events.events.k8s.io", "leases.coordination.k8s.io"];
/// Ending of resources that no API shows.
const INTERNAL: &str = ".internal";

/// Whether a change is of what nobody asks for.
pub fn is_noise(change: &Change) -> bool {
    let resource = &*change.entry.resource;
    NOISE.contains(&resource) || resource.ends_with(INTERNAL)
}

/// When a change was asked for, if it is known.
pub fn moment(change: &Change) -> Option<Timestamp> {
    change.entry.author.as_ref().map(|a| a.at)
}

/// The changes after a revision that are still known, oldest first. `None`: some are not any more.
pub fn after(feed: &Feed, rev: u64) -> Option<Vec<Change>> {
    match feed.since(rev, None) {
        Since::Changes(changes, _) => Some(changes),
        Since::TooOld(_) => None,
    }
}

/// The changes of one object that are still known, the newest first.
pub fn of(feed: &Feed, resource: &str, key: &str) -> Vec<Change> {
    let Since::Changes(changes, _) = feed.since(feed.floor(), Some(resource)) else {
        return Vec::new();
    };
    let own = changes.into_iter().filter(|c| *c.entry.key == *key);
    let mut own: Vec<Change> = own.collect();
    own.reverse();
    own
}

/// How a change followed from the one that is told behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    /// It is the last that is known, or somebody's own will.
    Root,
    /// Its controller acted because of the other.
    Cause,
    /// Its controller acted when the time had come, on what the other left.
    Time,
}

/// A change and what led to it, each with its link to the next.
pub fn chain(feed: &Feed, change: Change) -> Vec<(Change, Link)> {
    let mut chain = vec![(change, Link::Root)];
    while let Some((last, link)) = chain.last_mut() {
        let author = last.entry.author.as_ref().filter(|a| !a.client);
        let earlier = last.before.as_ref().map_or(0, |b| b.rev);
        let (rev, how) = match author.map(|a| a.cause) {
            None => break,
            Some(0) => (earlier, Link::Time),
            Some(cause) => (cause, Link::Cause),
        };
        // What follows is always newer than what it follows from.
        let Some(before) = rev.checked_sub(1).filter(|_| rev < last.rev) else { break };
        let Since::Changes(found, _) = feed.between(before, rev, None) else { break };
        let Some(found) = found.into_iter().next() else { break };
        *link = how;
        chain.push((found, Link::Root));
        if chain.len() == LONGEST {
            break;
        }
    }
    chain
}

/// A change as a document.
pub fn told(change: &Change) -> Value {
    let mut told = who(&change.entry);
    let what = match (&change.before, change.deleted) {
        (_, true) => "deleted",
        (None, false) => "created",
        (Some(_), false) => "changed",
    };
    told["what"] = json!(what);
    if let (Some(before), false) = (&change.before, change.deleted) {
        let hidden = fields::are_secret(&change.entry.resource);
        told["fields"] = json!(fields::between(&before.value(), &change.entry.value(), hidden));
    }
    told
}

/// An object's revision and who wrote it, as a document.
pub fn who(entry: &Arc<Entry>) -> Value {
    let mut told = json!({
        "revision": entry.rev, "resource": &*entry.resource,
        "namespace": &*entry.meta.namespace, "name": &*entry.meta.name,
    });
    if let Some(author) = &entry.author {
        told["time"] = json!(time::seconds(author.at));
        told["user"] = json!(author.user);
        told["agent"] = json!(author.agent);
        told["verb"] = json!(author.verb);
        told["sub"] = json!(author.sub);
        told["cause"] = json!(author.cause);
    }
    told
}
