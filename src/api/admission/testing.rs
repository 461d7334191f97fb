//! A cluster of a few objects for the tests of the plug-ins.

use super::Attributes;
use crate::{
    access::Authorizer,
    api::{Caller, Verb},
    kinds::{self, Served},
    object::{ObjectExt, name},
    object::{Value, encode},
    store::{Expect, Op, Options, Snapshot, Store},
    world::World,
};
use std::sync::Arc;

/// Objects and somebody who asks.
pub struct Scene {
    pub snapshot: Arc<Snapshot>,
    pub caller: Caller,
    pub old: Option<Value>,
    authorizer: Authorizer,
    world: World,
    kinds: Vec<Served>,
}

impl Scene {
    /// A store with these objects (`plural.group` and object).
    pub fn new(objects: Vec<(&str, Value)>) -> Scene {
        let store = Store::open(&Options::default()).unwrap();
        let ops = objects.into_iter().enumerate().map(|(i, (resource, mut object))| {
            object.set_at("metadata.uid", format!("u{i}"));
            Op::Put {
                resource: resource.into(),
                key: name::key(object.namespace(), object.name()).into(),
                expect: Expect::Absent,
                body: encode(&object),
                claims: Vec::new(),
            }
        });
        let ops: Vec<Op> = ops.collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if !ops.is_empty() {
            runtime.block_on(store.commit(ops)).unwrap();
        }
        Scene {
            snapshot: store.snapshot(),
            caller: Caller { name: "alice".into(), ..Caller::default() },
            old: None,
            authorizer: Authorizer::default(),
            world: World::real(),
            kinds: kinds::all().collect(),
        }
    }

    /// The kind of a plural; several groups may have it, the core's comes first.
    fn kind(&self, plural: &str) -> &Served {
        let mut found: Vec<_> = self.kinds.iter().filter(|k| k.plural == plural).collect();
        found.sort_by_key(|k| !k.group.is_empty());
        found.first().expect("a kind of that plural")
    }

    /// A request of the caller.
    pub fn attributes<'a>(
        &'a self,
        resource: &'a str,
        verb: Verb,
        namespace: &'a str,
        name: &'a str,
    ) -> Attributes<'a> {
        Attributes {
            kind: self.kind(resource),
            sub: "",
            verb,
            namespace,
            name,
            old: self.old.as_ref(),
            caller: &self.caller,
            snapshot: &self.snapshot,
            authorizer: &self.authorizer,
            world: &self.world,
            off: &[],
            dry_run: false,
        }
    }
}
