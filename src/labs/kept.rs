//! What is started, as an object of the cluster: a server that is started again goes on with it, and so
//! does a copy of the cluster, or the cluster itself when it is put back. A copy, and who is put back in
//! memory, take the recording along; it is read again from the store's history else, as far as that
//! still reaches.

use super::{Labs, exercise::Exercise, recording::Tapes, running::Running, world::Before};
use crate::{
    object::{ObjectExt, Value, encode, json, name, to_value},
    store::{Entry, Error, Expect, Op, Snapshot},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// The resource of these objects; it is not served.
const RESOURCE: &str = "labs.internal";
/// The same of a class's students.
const STUDENTS: &str = "students.internal";

/// All that a lab goes on from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Underway {
    /// The exercise's text.
    pub text: String,
    pub user: String,
    pub started: Timestamp,
    /// The store's revision when it began.
    pub revision: u64,
    /// Hints given.
    pub hints: usize,
    /// Numbers of the events that have happened.
    pub happened: Vec<usize>,
    pub before: Before,
}

impl Underway {
    fn of(row: &Entry) -> Result<Underway, String> {
        let kept = row.value()["lab"].clone();
        crate::object::from_value(kept).map_err(|e| format!("{}: {e}", row.meta.name))
    }
}

/// Whether any lab is started.
pub(super) fn any(objects: &Snapshot) -> bool {
    objects.count(RESOURCE) > 0
}

impl Labs {
    /// Whether there is something to go on with.
    pub fn interrupted(&self) -> bool {
        any(&self.server.store.snapshot())
    }

    /// What is recorded of all labs under way, up to a revision.
    pub fn tapes(&self, revision: u64) -> Tapes {
        let store = &self.server.store;
        let all = self.running.lock();
        all.iter().map(|(name, lab)| (name.clone(), lab.spool(store, revision))).collect()
    }

    /// Knows of no lab any more; what the objects say is another matter.
    pub fn let_go(&self) {
        let all = std::mem::take(&mut *self.running.lock());
        all.values().for_each(|lab| lab.end_tasks());
    }

    /// Goes on with what the objects say is under way, by what was recorded of it before; where that
    /// is not known, by the store's history.
    pub async fn resume(self: Arc<Self>, tapes: Tapes) {
        let snapshot = self.server.store.snapshot();
        for entry in snapshot.list(RESOURCE, "") {
            let read = Underway::of(entry);
            match read.and_then(|kept| Ok((Exercise::parse(&kept.text)?, kept))) {
                Ok((exercise, kept)) => {
                    let running = self.running(exercise, kept);
                    if let Some(spool) = tapes.get(&running.exercise.name) {
                        running.wind(spool, &self.server.store);
                    }
                    self.schedule(&running);
                    self.running.lock().insert(running.exercise.name.clone(), running);
                }
                Err(why) => tracing::warn!(lab = &*entry.meta.name, why, "a lab cannot go on"),
            }
        }
    }

    /// What is written down of a lab.
    pub(super) fn kept(&self, named: &str) -> Result<Option<Underway>, String> {
        let snapshot = self.server.store.snapshot();
        snapshot.get_key(RESOURCE, &name::key("", named)).map(|row| Underway::of(row)).transpose()
    }

    /// Writes down what a lab goes on from.
    pub(super) async fn keep(&self, running: &Running) {
        let content = json!({"lab": to_value(running.kept()).unwrap_or_default()});
        self.write_row(RESOURCE, &running.exercise.name, content).await;
    }

    /// Forgets a lab.
    pub(super) async fn drop_kept(&self, named: &str) {
        self.drop_row(RESOURCE, named).await;
    }

    /// The students of a class and their passwords.
    pub(super) fn passwords(&self) -> BTreeMap<String, String> {
        let snapshot = self.server.store.snapshot();
        let all = snapshot.list(STUDENTS, "");
        let row = |e: &Arc<Entry>| (e.meta.name.to_string(), e.value().str_at("password").into());
        all.map(row).collect()
    }

    /// Writes down who has joined a class.
    pub(super) async fn keep_student(&self, named: &str, password: &str) {
        self.write_row(STUDENTS, named, json!({"password": password})).await;
    }

    /// Forgets who has left it.
    pub(super) async fn drop_student(&self, named: &str) {
        self.drop_row(STUDENTS, named).await;
    }

    async fn write_row(&self, resource: &str, named: &str, mut content: Value) {
        let key = name::key("", named);
        let known = self.server.store.snapshot().get_key(resource, &key).is_some();
        content["metadata"] = json!({"name": named, "uid": self.server.world.entropy.uuid()});
        let put = Op::Put {
            resource: resource.into(),
            key: key.into(),
            expect: if known { Expect::Present } else { Expect::Absent },
            body: encode(&content),
            claims: Vec::new(),
        };
        log(named, self.server.store.commit(vec![put]).await.map(drop));
    }

    async fn drop_row(&self, resource: &str, named: &str) {
        let key = name::key("", named);
        if self.server.store.snapshot().get_key(resource, &key).is_none() {
            return;
        }
        let (resource, key, expect) = (resource.into(), key.into(), Expect::Present);
        let delete = Op::Delete { resource, key, expect, last: None };
        log(named, self.server.store.commit(vec![delete]).await.map(drop));
    }
}

/// A lab goes on without it, as long as the server does.
fn log(row: &str, written: Result<(), Error>) {
    if let Err(error) = written {
        tracing::warn!(row, %error, "a row of the labs");
    }
}
