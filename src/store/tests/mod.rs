//! The store's promises, kept by every engine, and what becomes of them when the disk fails.

mod contract;
mod disk;
mod etcd;
mod kept;
mod model;
mod parts;
mod suite;
mod told;
mod train;

use super::{
    Committed, Entry, Error, Expect, Op, Options, Snapshot, Store,
    engine::{Engine, Loaded, Nowhere, Record},
    open,
    writer::Handle,
};
use crate::object::{Encoded, ObjectExt, Value, encode, json};
use std::{path::Path, sync::Arc};

/// A store on a folder, or in memory.
fn store(dir: Option<&Path>) -> Store {
    let data_dir = dir.map(Path::to_owned);
    Store::open(&Options { data_dir, ..Options::default() }).unwrap()
}

/// A store over any engine that begins empty.
fn over(engine: impl Engine + 'static) -> Store {
    let inner = Handle::start(Box::new(engine), Loaded::default(), 16 << 20, (None, false));
    Store { inner, gate: Default::default() }
}

fn body(name: &str, said: &str) -> Encoded {
    encode(&json!({"metadata": {"namespace": "n", "name": name, "uid": name}, "said": said}))
}

fn put(name: &str, expect: Expect, said: &str, claims: &[&str]) -> Op {
    Op::Put {
        resource: "things".into(),
        key: format!("n/{name}").into(),
        expect,
        body: body(name, said),
        claims: claims.iter().map(|c| (*c).to_owned()).collect(),
    }
}

fn create(name: &str) -> Op {
    put(name, Expect::Absent, "", &[])
}

fn delete(name: &str, expect: Expect) -> Op {
    Op::Delete { resource: "things".into(), key: format!("n/{name}").into(), expect, last: None }
}

fn check(name: &str, expect: Expect) -> Op {
    Op::Check { resource: "things".into(), key: format!("n/{name}").into(), expect }
}

async fn commit(store: &Store, ops: Vec<Op>) -> Result<Committed, Error> {
    store.commit(ops).await
}

/// Everything that is there: name, revision, what it says.
fn all(snapshot: &Snapshot) -> Vec<(String, u64, String)> {
    let one = |e: &Arc<Entry>| {
        let value: Value = e.value();
        assert_eq!(value.str_at("metadata.resourceVersion"), e.rev.to_string());
        (value.name().to_owned(), e.rev, value.str_at("said").to_owned())
    };
    snapshot.list("things", "").map(one).collect()
}
