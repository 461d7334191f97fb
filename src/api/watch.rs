//! Watches: a cursor over the history of changes, read at the client's own pace.

use super::{
    Answer, Event, Item, Options, Request, Response, Server,
    read::{check_fields, check_match, revision, selects, too_old, unexplained},
};
use crate::{
    error::Error,
    kinds::{Served, heartbeat},
    object::{ObjectExt, encode, json},
    store::{Change, Expect, Op, Since},
    world::BoxFuture,
};
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::watch::Receiver;

/// How long a watch lives when the client does not say: between one and two of these.
const DEFAULT_TIMEOUT: i64 = 1800;
/// The row that tells of watches of leases and nodes.
const HEARTBEATS: &str = "heartbeats";
/// Time between bookmarks.
const BOOKMARK_EVERY: SignedDuration = SignedDuration::from_secs(60);

impl Server {
    pub(super) async fn watch(self: &Arc<Self>, request: &Request) -> Result<Answer, Error> {
        let (kind, options) = (&request.kind, &request.options);
        check_fields(kind, options)?;
        check_match(options, true)?;
        let mut options = options.clone();
        if !request.name.is_empty() {
            options.fields.0.push(crate::object::selector::FieldTerm {
                path: "metadata.name".into(),
                value: request.name.clone(),
                negated: false,
            });
        }
        let resource: Arc<str> = kind.stored_as_shared();
        // The signal first, then the state: nothing can fall between.
        let signal = self.signal(&resource).await;
        let asked = revision(&options.resource_version).map_err(unexplained)?;
        let snapshot = self.store.snapshot();
        let initial = match options.send_initial_events {
            Some(wanted) => wanted,
            None => asked == 0,
        };
        let mut queue = VecDeque::new();
        let mut cursor = if asked == 0 { snapshot.rev } else { asked };
        if initial {
            cursor = snapshot.rev;
            let all = || snapshot.list(&resource, &request.namespace);
            self.comparable(kind, &options, all()).await?;
            let selected: Vec<_> = all().filter(|e| selects(kind, &options, e)).collect();
            let items = self.all_shown(kind, &selected).await?;
            queue.extend(items.into_iter().map(Event::Added));
            if options.send_initial_events == Some(true) && options.allow_bookmarks {
                queue.push_back(Event::Bookmark(cursor, true));
            }
        } else if let Since::TooOld(floor) = self.store.feed().since(cursor, Some(&resource)) {
            return Err(too_old(cursor, floor));
        }
        let now = self.world.wall.now();
        let seconds = match options.timeout_seconds {
            Some(s) => i64::try_from(s).unwrap_or(i64::MAX / 4),
            None => DEFAULT_TIMEOUT + self.chance(DEFAULT_TIMEOUT),
        };
        let cursor = Cursor {
            stopping: self.stopping.clone(),
            scope: Scope {
                server: Arc::clone(self),
                kind: kind.clone(),
                namespace: request.namespace.clone(),
                options,
            },
            resource,
            signal,
            cursor,
            queue,
            ends: crate::object::time::plus_seconds(now, seconds),
            bookmark_at: now + BOOKMARK_EVERY,
            timer: None,
            done: false,
        };
        let events = stream::unfold(cursor, |mut cursor| async move {
            let event = cursor.next().await?;
            Some((event, cursor))
        });
        Ok(Response::Watch(Box::pin(events)).into())
    }
}

impl Server {
    /// A number below `bound`, of no concern to anybody else.
    fn chance(&self, bound: i64) -> i64 {
        self.world.entropy.of(&["watches"]).below(bound.unsigned_abs()) as i64
    }

    /// The signal of a resource. Nodes get to know that somebody sees their heartbeats.
    async fn signal(&self, watched: &str) -> Receiver<u64> {
        let signal = self.store.feed().signal(watched);
        if ![heartbeat::LEASES, heartbeat::NODES].contains(&watched) {
            return signal;
        }
        let (resource, key) = (heartbeat::WATCHED, HEARTBEATS);
        let expect = match self.store.snapshot().get_key(resource, key) {
            Some(_) => Expect::Present,
            None => Expect::Absent,
        };
        let body = encode(&json!({"metadata": {"name": key}}));
        let op =
            Op::Put { resource: resource.into(), key: key.into(), expect, body, claims: vec![] };
        // Who came first has told them; and a store that takes no writes has no heartbeats.
        let _ = self.store.commit(vec![op]).await;
        signal
    }
}

/// What a watch is of.
struct Scope {
    server: Arc<Server>,
    kind: Served,
    namespace: String,
    options: Options,
}

/// The state of one watch.
struct Cursor {
    stopping: Receiver<bool>,
    scope: Scope,
    resource: Arc<str>,
    signal: Receiver<u64>,
    /// Every change up to this revision is delivered or queued.
    cursor: u64,
    queue: VecDeque<Event>,
    ends: Timestamp,
    bookmark_at: Timestamp,
    timer: Option<BoxFuture<()>>,
    done: bool,
}

impl Cursor {
    /// The next event; `None` ends the watch.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.done || *self.stopping.borrow() {
                return None;
            }
            self.signal.mark_unchanged();
            match self.scope.server.store.feed().since(self.cursor, Some(&self.resource)) {
                Since::TooOld(floor) => {
                    self.done = true;
                    return Some(Event::Error(too_old(self.cursor, floor).status()));
                }
                Since::Changes(changes, reached) => {
                    self.cursor = reached;
                    for change in &changes {
                        match self.scope.translate(change).await {
                            Ok(event) => self.queue.extend(event),
                            Err(error) => {
                                self.done = true;
                                self.queue.push_back(Event::Error(error.status()));
                                break;
                            }
                        }
                    }
                }
            }
            if self.queue.is_empty() {
                self.wait().await?;
            }
        }
    }

    /// Waits for a change, the time of a bookmark, or the end.
    async fn wait(&mut self) -> Option<()> {
        let until = if self.scope.options.allow_bookmarks {
            self.ends.min(self.bookmark_at)
        } else {
            self.ends
        };
        let clock = &self.scope.server.world.wall;
        let timer = self.timer.get_or_insert_with(|| clock.sleep_until(until));
        tokio::select! {
            changed = self.signal.changed() => changed.ok()?,
            _ = self.stopping.wait_for(|s| *s) => return None,
            () = timer => {
                self.timer = None;
                let now = clock.now();
                if now >= self.ends {
                    return None;
                }
                if self.scope.options.allow_bookmarks && now >= self.bookmark_at {
                    self.bookmark_at = now + BOOKMARK_EVERY;
                    self.queue.push_back(Event::Bookmark(self.cursor, false));
                }
            }
        }
        Some(())
    }
}

impl Scope {
    /// What a change means to this watch: entering the selection is an addition, leaving it a
    /// deletion that carries the previous content under the new revision.
    ///
    /// # Errors
    /// An object cannot be converted.
    async fn translate(&self, change: &Change) -> Result<Option<Event>, Error> {
        let (entry, kind) = (&change.entry, &self.kind);
        if !self.namespace.is_empty() && entry.meta.namespace.as_ref() != self.namespace {
            return Ok(None);
        }
        let before = change.before.as_ref();
        self.server.comparable(kind, &self.options, before.into_iter().chain([entry])).await?;
        let was = before.is_some_and(|b| selects(kind, &self.options, b));
        let is = !change.deleted && selects(kind, &self.options, entry);
        Ok(Some(match (was, is, before) {
            (false, false, _) | (true, false, None) => return Ok(None),
            (false, true, _) => Event::Added(self.server.shown(kind, entry).await?),
            (true, true, _) => Event::Modified(self.server.shown(kind, entry).await?),
            (true, false, _) if change.deleted => {
                Event::Deleted(self.server.shown(kind, entry).await?)
            }
            (true, false, Some(before)) => {
                let last = self.server.value_shown(kind, before).await?;
                let mut last = Arc::unwrap_or_clone(last);
                last.set_at("metadata.resourceVersion", change.rev.to_string());
                Event::Deleted(Item::Value(last))
            }
        }))
    }
}
