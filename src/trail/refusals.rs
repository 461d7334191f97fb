//! The writes that were refused of late, for whoever looks for what went wrong.

use crate::{
    object::{Value, json, time},
    store::Author,
};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};

/// Most refusals that are kept.
const MOST: usize = 1000;
/// Longest reason that is kept.
const LONGEST: usize = 400;

/// A write that was refused.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Refused {
    /// The last revision before it.
    pub rev: u64,
    /// Who wanted to write.
    pub author: Arc<Author>,
    pub resource: String,
    pub namespace: String,
    pub name: String,
    pub code: u16,
    pub why: String,
}

impl Refused {
    /// As a document.
    pub fn told(&self) -> Value {
        let Author { at, user, agent, verb, sub, cause, .. } = &*self.author;
        json!({
            "revision": self.rev, "time": time::seconds(*at), "what": "refused",
            "resource": self.resource, "namespace": self.namespace, "name": self.name,
            "user": user, "agent": agent, "verb": verb, "sub": sub, "cause": cause,
            "code": self.code, "why": self.why,
        })
    }
}

/// What was refused, oldest first.
#[derive(Default)]
pub struct Refusals(Mutex<VecDeque<Refused>>);

impl Refusals {
    /// Keeps one; the oldest makes room.
    pub fn add(&self, mut refused: Refused) {
        let end = (0..=LONGEST).rev().find(|i| refused.why.is_char_boundary(*i)).unwrap_or(0);
        refused.why.truncate(end);
        let mut kept = self.0.lock();
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back(refused);
    }

    /// Those after a revision.
    pub fn after(&self, rev: u64) -> Vec<Refused> {
        self.0.lock().iter().filter(|r| r.rev >= rev).cloned().collect()
    }
}
