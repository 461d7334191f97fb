//! What is started, as an object of the cluster: a server that is started again goes on with it. The
//! recording is read again from the store's history, as far as that still reaches.

use super::{Labs, exercise::Exercise, running::Running, world::Before};
use crate::{
    object::{ObjectExt, Value, encode, json, name},
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

/// Whether any lab is started.
pub(super) fn any(objects: &Snapshot) -> bool {
    objects.count(RESOURCE) > 0
}

impl Labs {
    /// Whether there is something to go on with.
    pub fn interrupted(&self) -> bool {
        any(&self.server.store.snapshot())
    }

    /// Goes on with what was started before the server began.
    pub async fn resume(self: Arc<Self>) {
        let snapshot = self.server.store.snapshot();
        for entry in snapshot.list(RESOURCE, "") {
            let kept = entry.value()["lab"].clone();
            let read = serde_json::from_value::<Underway>(kept).map_err(|e| e.to_string());
            let read = read.and_then(|kept| Ok((Exercise::parse(&kept.text)?, kept)));
            match read {
                Ok((exercise, kept)) => {
                    let running = self.running(exercise, kept);
                    self.schedule(&running);
                    self.running.lock().insert(running.exercise.name.clone(), running);
                }
                Err(why) => tracing::warn!(lab = &*entry.meta.name, why, "a lab cannot go on"),
            }
        }
    }

    /// Writes down what a lab goes on from.
    pub(super) async fn keep(&self, running: &Running) {
        let content = json!({"lab": running.kept()});
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
