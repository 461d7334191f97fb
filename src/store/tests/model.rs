//! Random batches against a model: the store, the model, and the store opened again agree, whatever
//! engine it has.

use super::{suite::Premises, *};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One object of the model.
#[derive(Clone, Debug, PartialEq)]
struct Object {
    rev: u64,
    said: String,
    claims: Vec<String>,
}

#[derive(Clone, Debug)]
enum StoreWrite {
    Put { name: u8, expect: u8, said: u8, claims: Vec<u8> },
    Delete { name: u8, expect: u8 },
    Check { name: u8, expect: u8 },
}

#[derive(Clone, Default)]
struct Model {
    rev: u64,
    objects: BTreeMap<String, Object>,
}

impl Model {
    /// What a step expects: of every five one the right revision, one a wrong one.
    fn expect(&self, name: &str, expect: u8) -> Expect {
        let rev = self.objects.get(name).map_or(7, |o| o.rev);
        match expect % 5 {
            0 => Expect::Absent,
            1 | 2 => Expect::Present,
            3 => Expect::Rev(rev),
            _ => Expect::Rev(rev + 1),
        }
    }

    fn met(&self, step: usize, name: &str, expect: Expect) -> Result<(), Error> {
        match (expect, self.objects.get(name)) {
            (Expect::Absent, Some(_)) => Err(Error::Exists(step)),
            (Expect::Present | Expect::Rev(_), None) => Err(Error::Missing(step)),
            (Expect::Rev(rev), Some(o)) if o.rev != rev => Err(Error::Stale(step)),
            _ => Ok(()),
        }
    }

    /// Carries a step out; answers what the store is asked for.
    fn step(&mut self, i: usize, step: &StoreWrite) -> (Op, Result<(), Error>) {
        let (StoreWrite::Put { name, expect, .. }
        | StoreWrite::Delete { name, expect }
        | StoreWrite::Check { name, expect }) = step;
        let name = format!("o{}", name % 4);
        let expect = self.expect(&name, *expect);
        let met = self.met(i, &name, expect);
        match step {
            StoreWrite::Put { said, claims, .. } => {
                let said = said.to_string();
                let mut claims: Vec<String> =
                    claims.iter().map(|c| format!("c{}", c % 3)).collect();
                claims.dedup();
                let given: Vec<&str> = claims.iter().map(String::as_str).collect();
                let op = put(&name, expect, &said, &given);
                let taken = |value: &&String| {
                    self.objects.iter().any(|(n, o)| *n != name && o.claims.contains(value))
                };
                let taken = claims.iter().find(taken).cloned();
                let done = met.and_then(|()| match taken {
                    Some(value) => Err(Error::Claimed { step: i, value }),
                    None => {
                        self.rev += 1;
                        let object = Object { rev: self.rev, said, claims };
                        self.objects.insert(name, object);
                        Ok(())
                    }
                });
                (op, done)
            }
            StoreWrite::Delete { .. } => {
                // Nothing cannot be deleted, whatever was expected.
                let met = met.and_then(|()| match self.objects.contains_key(&name) {
                    true => Ok(()),
                    false => Err(Error::Missing(i)),
                });
                if met.is_ok() {
                    self.rev += 1;
                    self.objects.remove(&name);
                }
                (delete(&name, expect), met)
            }
            StoreWrite::Check { .. } => (check(&name, expect), met),
        }
    }

    fn all(&self) -> Vec<(String, u64, String)> {
        self.objects.iter().map(|(n, o)| (n.clone(), o.rev, o.said.clone())).collect()
    }
}

fn step() -> impl Strategy<Value = StoreWrite> {
    let put = (any::<u8>(), any::<u8>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..3));
    prop_oneof![
        4 => put.prop_map(|(name, expect, said, claims)| StoreWrite::Put { name, expect, said, claims }),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(name, expect)| StoreWrite::Delete { name, expect }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(name, expect)| StoreWrite::Check { name, expect }),
    ]
}

async fn follow(store: &Store, model: &mut Model, batches: &[Vec<StoreWrite>]) {
    for batch in batches {
        let mut next = model.clone();
        let mut ops = Vec::new();
        let mut outcome = Ok(());
        for (i, step) in batch.iter().enumerate() {
            let (op, done) = next.step(i, step);
            ops.push(op);
            if done.is_err() {
                outcome = done;
                break;
            }
        }
        let found = store.commit(ops).await.map(drop);
        assert_eq!(found, outcome, "{batch:?}");
        if outcome.is_ok() {
            *model = next;
        }
        assert_eq!(all(&store.snapshot()), model.all(), "{batch:?}");
        assert_eq!(store.snapshot().rev, model.rev);
    }
}

/// Random batches, then the store opened again, then more of them.
pub(super) fn agrees<G: Premises>() {
    let config =
        ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(G::LIVES) };
    let batches =
        |most| proptest::collection::vec(proptest::collection::vec(step(), 1..5), 1..most);
    proptest!(config, |(batches in batches(12), more in batches(6))| {
        let Some(premises) = G::fresh() else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::default();
            let keeps = {
                let store = premises.store();
                follow(&store, &mut model, &batches).await;
                store.close();
                premises.open().0.keeps()
            };
            if keeps {
                // What comes back is what was there, and it goes on where it left off.
                let store = premises.store();
                assert_eq!(all(&store.snapshot()), model.all());
                follow(&store, &mut model, &more).await;
            }
        });
    });
}
