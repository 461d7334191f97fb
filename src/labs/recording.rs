//! What happened in a project since an exercise began: every version of every object, in order. It
//! is all that a grade is made of, so that a grade can be made again from it.

use crate::{
    kinds,
    object::{ObjectExt, Value, json},
    store::{Entry, Since, Store},
};
use std::{collections::BTreeMap, sync::Arc};

/// Most versions that are kept, and most bytes of them.
const VERSIONS: usize = 50_000;
const BYTES: usize = 64 << 20;
/// What a recording calls itself.
const FORM: &str = "pocketshift.recording/v1";

/// Objects that say nothing a check looks at and change all the time.
const LEFT_OUT: &[&str] =
    &["events", "events.events.k8s.io", "leases.coordination.k8s.io", "endpoints"];

/// A version of an object.
#[derive(Clone)]
pub struct Version {
    /// The object; of a deletion the last that was known.
    pub object: Arc<Value>,
    /// The kind's name.
    pub kind: Arc<str>,
    /// Whether it is gone with this.
    pub deleted: bool,
}

/// Whether it lets somebody in: no check looks at it, and recordings are handed on.
fn is_credential(entry: &Entry) -> bool {
    const KINDS: [&str; 3] = ["service-account-token", "dockercfg", "dockerconfigjson"];
    &*entry.resource == "secrets"
        && entry
            .value()
            .str_at("type")
            .strip_prefix("kubernetes.io/")
            .is_some_and(|t| KINDS.contains(&t))
}

/// What was written down of a lab, to go on from.
#[derive(Clone)]
pub struct Spool {
    entries: Arc<[(Arc<Entry>, bool)]>,
    torn: bool,
}

/// The same of all labs under way, by exercise.
pub type Tapes = BTreeMap<String, Spool>;

/// A project's past, as it is written down.
pub struct Tape {
    project: String,
    /// Resources of no project that are written down, too.
    beside: Vec<String>,
    seen: u64,
    entries: Vec<(Arc<Entry>, bool)>,
    bytes: usize,
    /// Whether something is missing.
    pub torn: bool,
}

impl Tape {
    /// Begins to follow a project, and objects of no project, at a revision.
    pub fn begin(store: &Store, project: &str, beside: Vec<String>, revision: u64) -> Tape {
        let snapshot = store.snapshot();
        let there = |resource: &String| snapshot.list(resource, "").cloned().collect::<Vec<_>>();
        let entries: Vec<_> = beside.iter().flat_map(there).map(|entry| (entry, false)).collect();
        let (seen, bytes, torn) = (revision, 0, false);
        Tape { project: project.into(), beside, seen, entries, bytes, torn }
    }

    /// How many versions there are.
    pub fn length(&self) -> usize {
        self.entries.len()
    }

    /// What was written down up to a revision.
    pub fn until(&self, revision: u64) -> Spool {
        let known = |(entry, _): &&(Arc<Entry>, bool)| entry.rev <= revision;
        let entries = self.entries.iter().filter(known).cloned().collect();
        Spool { entries, torn: self.torn }
    }

    /// Goes on from what was written down before, where the store is now.
    pub fn go_on(&mut self, before: &Spool, store: &Store) {
        self.entries = before.entries.to_vec();
        self.bytes = self.entries.iter().map(|(entry, _)| entry.bytes.len()).sum();
        self.seen = store.snapshot().rev;
        self.torn = before.torn;
    }

    /// Writes down what happened since.
    pub fn catch_up(&mut self, store: &Store) {
        let (changes, reached) = match store.feed().since(self.seen, None) {
            Since::Changes(changes, reached) => (changes, reached),
            Since::TooOld(_) => {
                self.torn = true;
                self.seen = store.snapshot().rev;
                return;
            }
        };
        self.seen = reached;
        for change in changes {
            let entry = change.entry;
            let resource = entry.resource.as_ref();
            let ours = *entry.meta.namespace == *self.project && !LEFT_OUT.contains(&resource)
                || self.beside.iter().any(|known| known == resource);
            if !ours || is_credential(&entry) {
                continue;
            }
            if self.entries.len() >= VERSIONS || self.bytes >= BYTES {
                self.torn = true;
                continue;
            }
            self.bytes += entry.bytes.len();
            self.entries.push((entry, change.deleted));
        }
    }

    /// All of it, to be looked at.
    pub fn recording(&self, exercise: &str, answers: Vec<String>) -> Recording {
        let versions = self.entries.iter().filter_map(|(entry, deleted)| {
            // What was served by a definition of the cluster's own is looked at by nobody.
            let kind = kinds::by_resource(&entry.resource)?.kind.shared();
            Some(Version { object: Arc::new(entry.value()), kind, deleted: *deleted })
        });
        let exercise = exercise.to_owned();
        Recording { exercise, versions: versions.collect(), answers, torn: self.torn }
    }
}

/// What a grade is made of.
#[derive(Clone, Default)]
pub struct Recording {
    /// The text of the exercise.
    pub exercise: String,
    /// Every version, in order.
    pub versions: Vec<Version>,
    /// What commands and routes answered, by the number of their check.
    pub answers: Vec<String>,
    /// Whether something is missing.
    pub torn: bool,
}

impl Recording {
    /// The objects of a kind as they were at last.
    pub fn now(&self, kind: &str) -> Vec<&Value> {
        let mut last: Vec<(&str, Option<&Value>)> = Vec::new();
        for version in self.versions.iter().filter(|v| *v.kind == *kind) {
            let name = version.object.name();
            let object = (!version.deleted).then_some(&*version.object);
            match last.iter_mut().find(|(n, _)| *n == name) {
                Some(known) => known.1 = object,
                None => last.push((name, object)),
            }
        }
        last.into_iter().filter_map(|(_, object)| object).collect()
    }

    /// The versions of an object.
    pub fn of<'a>(&'a self, kind: &'a str, name: &'a str) -> impl Iterator<Item = &'a Version> {
        self.versions.iter().filter(move |v| *v.kind == *kind && v.object.name() == name)
    }

    /// As a file keeps it.
    pub fn write(&self) -> Value {
        let versions = self
            .versions
            .iter()
            .map(|v| json!({"kind": &*v.kind, "deleted": v.deleted, "object": &*v.object}));
        json!({"form": FORM, "exercise": self.exercise, "torn": self.torn, "answers": self.answers,
            "versions": versions.collect::<Vec<_>>()})
    }

    /// Reads what [`Recording::write`] wrote.
    ///
    /// # Errors
    /// One line for people.
    pub fn read(text: &[u8]) -> Result<Recording, String> {
        let value: Value =
            serde_json::from_slice(text).map_err(|e| format!("no recording: {e}"))?;
        if value.str_at("form") != FORM {
            return Err(format!("no recording of this version ({FORM})"));
        }
        let versions = value.list_at("versions").iter().map(|v| Version {
            object: Arc::new(v["object"].clone()),
            kind: v.str_at("kind").into(),
            deleted: v.is_true("deleted"),
        });
        let answers = value.list_at("answers").iter().filter_map(|a| Some(a.as_str()?.to_owned()));
        Ok(Recording {
            exercise: value.str_at("exercise").into(),
            versions: versions.collect(),
            answers: answers.collect(),
            torn: value.is_true("torn"),
        })
    }
}
