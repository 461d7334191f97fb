//! What every engine that keeps anything must hold again when it is opened the next time.

use super::{suite::Premises, *};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// A change of a thing: what it replaced, what it says, what it claims, and what it claimed before.
fn record(rev: u64, name: &str, prev: u64, said: &str, claims: [&[&str]; 2]) -> Record {
    let body = body(name, said);
    let bytes = body.with_revision(rev).into();
    let entry = Entry::new(rev, "things".into(), format!("n/{name}").into(), bytes, body.meta);
    let [old, claims] = claims.map(|all| all.iter().map(|c| (*c).to_owned()).collect());
    Record { entry: Arc::new(entry), prev, deleted: false, claims, old }
}

fn plain(rev: u64, name: &str, prev: u64) -> Record {
    record(rev, name, prev, &format!("{name} at {rev}"), [&[], &[]])
}

fn deletion(rev: u64, name: &str, prev: u64, old: &[&str]) -> Record {
    Record { deleted: true, ..record(rev, name, prev, "", [old, &[]]) }
}

/// Appends every batch and lets the engine go without a farewell; answers what is there then.
fn appended(premises: &impl Premises, batches: &[&[Record]]) -> Loaded {
    let (mut engine, _) = premises.open();
    for batch in batches {
        engine.append(batch).unwrap();
    }
    drop(engine);
    premises.open().1
}

/// Key to revision, bytes.
fn objects(loaded: &Loaded) -> BTreeMap<String, (u64, String)> {
    let text = |e: &Entry| String::from_utf8(e.bytes.to_vec()).unwrap();
    loaded.entries.iter().map(|e| (e.key.to_string(), (e.rev, text(e)))).collect()
}

/// Revision of every change of the window, of what it replaced, and whether it was a deletion.
fn history(loaded: &Loaded) -> Vec<(u64, u64, bool)> {
    let one = |(now, before, deleted): &(Arc<Entry>, Option<Arc<Entry>>, bool)| {
        (now.rev, before.as_ref().map_or(0, |e| e.rev), *deleted)
    };
    loaded.history.iter().map(one).collect()
}

fn holders(loaded: &Loaded) -> BTreeMap<String, String> {
    loaded.claims.iter().map(|(value, (_, key))| (value.clone(), key.to_string())).collect()
}

/// Compacts to the end. What is more than one call may do is done by the next.
fn compacted(premises: &impl Premises, upto: u64) -> Loaded {
    let (mut engine, _) = premises.open();
    let rounds = (0..1000).take_while(|_| engine.compact(upto).unwrap()).count();
    assert!(rounds < 1000, "compaction does not end");
    drop(engine);
    premises.open().1
}

pub(super) fn what_was_appended_is_there_again(premises: &impl Premises) {
    assert_eq!(premises.open().1.latest, 0);
    let first = [plain(1, "a", 0), plain(2, "b", 0)];
    let second = [plain(3, "a", 1), deletion(4, "b", 2, &[]), plain(5, "c", 0)];
    let loaded = appended(premises, &[&first, &[], &second]);
    let said = |record: &Record| String::from_utf8(record.entry.bytes.to_vec()).unwrap();
    let expected = [("n/a", (3, said(&second[0]))), ("n/c", (5, said(&second[2])))];
    assert_eq!(objects(&loaded), expected.map(|(key, e)| (key.to_owned(), e)).into());
    assert_eq!((loaded.latest, loaded.compacted), (5, 0));
    let a = loaded.entries.iter().find(|e| e.rev == 3).unwrap();
    let meta = &a.meta;
    assert_eq!((meta.name.as_ref(), meta.namespace.as_ref()), ("a", "n"), "its metadata is read");
    // What was deleted may come again under its name.
    let loaded = appended(premises, &[&[plain(6, "b", 0)]]);
    assert_eq!(objects(&loaded)["n/b"].0, 6);
}

pub(super) fn a_large_batch_is_one(premises: &impl Premises) {
    // More than a transaction of etcd takes.
    let many: Vec<Record> = (1..=1000).map(|i| plain(i, &format!("a{i}"), 0)).collect();
    let loaded = appended(premises, &[&many]);
    assert_eq!((loaded.entries.len(), loaded.latest), (1000, 1000));
    // The same object several times in one batch: the last one stays.
    let twice = [plain(1001, "a1", 1), plain(1002, "a1", 1001), deletion(1003, "a2", 2, &[])];
    let loaded = appended(premises, &[&twice]);
    assert_eq!(loaded.entries.len(), 999);
    assert_eq!(objects(&loaded)["n/a1"].0, 1002);
    assert_eq!(history(&loaded)[1000..], [(1001, 1, false), (1002, 1001, false), (1003, 2, true)]);
}

pub(super) fn claims_are_kept_and_given_up(premises: &impl Premises) {
    let of = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(v, k)| ((*v).to_owned(), (*k).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let first = [record(1, "a", 0, "", [&[], &["x", "y"]]), record(2, "b", 0, "", [&[], &["z"]])];
    let loaded = appended(premises, &[&first]);
    assert_eq!(holders(&loaded), of(&[("x", "n/a"), ("y", "n/a"), ("z", "n/b")]));
    // One value changes hands within a batch, one is given up, one goes with its object.
    let second =
        [record(3, "a", 1, "", [&["x", "y"], &["y"]]), record(4, "c", 0, "", [&[], &["x"]])];
    let loaded = appended(premises, &[&second, &[deletion(5, "b", 2, &["z"])]]);
    assert_eq!(holders(&loaded), of(&[("x", "n/c"), ("y", "n/a")]));
    // Compaction knows nothing of them.
    assert_eq!(holders(&compacted(premises, 5)), of(&[("x", "n/c"), ("y", "n/a")]));
}

pub(super) fn history_leads_from_one_to_the_next(premises: &impl Premises) {
    let batch = [plain(1, "a", 0), plain(2, "a", 1), deletion(3, "a", 2, &[]), plain(4, "a", 0)];
    let loaded = appended(premises, &[&batch]);
    assert_eq!(history(&loaded), [(1, 0, false), (2, 1, false), (3, 2, true), (4, 0, false)]);
    let (last, before, _) = &loaded.history[1];
    assert_eq!(last.value().str_at("said"), "a at 2");
    assert_eq!(before.as_ref().unwrap().value().str_at("said"), "a at 1");
}

pub(super) fn compaction_forgets_only_what_was_replaced(premises: &impl Premises) {
    let mut batch = vec![plain(1, "still", 0), plain(2, "gone", 0), plain(3, "a", 0)];
    batch.push(deletion(4, "gone", 2, &[]));
    batch.extend((5..1300).map(|rev| plain(rev, "a", if rev == 5 { 3 } else { rev - 1 })));
    let before = appended(premises, &[&batch]);
    let after = compacted(premises, 1200);
    assert_eq!(objects(&after), objects(&before), "what is there now stays");
    assert_eq!((after.latest, after.compacted), (1299, 1200));
    // The first change of the window still knows what it replaced.
    let expected: Vec<_> = (1201..1300).map(|rev| (rev, rev - 1, false)).collect();
    assert_eq!(history(&after), expected);
}

pub(super) fn compaction_ends_where_it_is_told(premises: &impl Premises) {
    assert_eq!(premises.open().0.compact(0), Ok(false), "there is nothing");
    appended(premises, &[&[plain(1, "a", 0), plain(2, "a", 1), plain(3, "a", 2)]]);
    assert_eq!(compacted(premises, 2).compacted, 2);
    // Told less than it has done, it does nothing.
    let again = compacted(premises, 1);
    assert_eq!((again.compacted, history(&again)), (2, vec![(3, 2, false)]));
    let (mut engine, _) = premises.open();
    while engine.compact(3).unwrap() {}
    engine.append(&[plain(4, "a", 3)]).unwrap();
    drop(engine);
    assert_eq!(history(&premises.open().1), [(4, 3, false)]);
}

pub(super) fn a_revision_that_was_forgotten_is_not_given_out_again(premises: &impl Premises) {
    appended(premises, &[&[plain(1, "a", 0), deletion(2, "a", 1, &[])]]);
    let loaded = compacted(premises, 2);
    assert_eq!((loaded.latest, loaded.entries.len(), loaded.history.len()), (2, 0, 0));
    assert_eq!(appended(premises, &[&[plain(3, "a", 0)]]).latest, 3);
}

pub(super) fn keys_and_values_of_every_kind(premises: &impl Premises) {
    let large = "Ü".repeat(1 << 18);
    let names = ["a", "a.b", "a/b", "a%2Fb", "'; DROP TABLE log; --", "ключ", "system:x", "a\u{1}"];
    let values = ["", "\"quoted\" \\ and \u{0} and \u{1F980}", "line\nline", large.as_str()];
    let all: Vec<Record> = (0..names.len())
        .map(|i| record(i as u64 + 1, names[i], 0, values[i % 4], [&[], &[names[i]]]))
        .collect();
    let loaded = appended(premises, &[&all]);
    let expected: BTreeMap<String, (u64, String)> = all
        .iter()
        .map(|r| {
            let text = String::from_utf8(r.entry.bytes.to_vec()).unwrap();
            (r.entry.key.to_string(), (r.entry.rev, text))
        })
        .collect();
    assert!(objects(&loaded) == expected, "not what was written");
    assert_eq!(loaded.claims.len(), names.len());
    // The same key of two resources is two objects.
    let mut other = plain(9, "a", 0);
    let body = body("a", "other");
    let bytes = body.with_revision(9).into();
    other.entry =
        Arc::new(Entry::new(9, "things.example.com".into(), "n/a".into(), bytes, body.meta));
    let loaded = appended(premises, &[&[other]]);
    assert_eq!(loaded.entries.iter().filter(|e| e.key.as_ref() == "n/a").count(), 2);
}

pub(super) fn hardening_changes_nothing_that_is_read(premises: &impl Premises) {
    let (mut engine, _) = premises.open();
    assert!(engine.keeps());
    engine.harden().unwrap();
    engine.append(&[plain(1, "a", 0)]).unwrap();
    engine.harden().unwrap();
    engine.append(&[plain(2, "b", 0)]).unwrap();
    assert_eq!(engine.watch()(), Ok(()));
    drop(engine);
    let loaded = premises.open().1;
    assert_eq!((loaded.entries.len(), loaded.latest), (2, 2));
}

pub(super) fn the_window_is_there_after_a_start(premises: &impl Premises) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let before = premises.store();
    runtime.block_on(async {
        commit(&before, vec![put("a", Expect::Absent, "one", &["x"])]).await.unwrap();
        commit(&before, vec![put("a", Expect::Present, "two", &["x"]), create("b")]).await.unwrap();
        commit(&before, vec![delete("b", Expect::Present)]).await.unwrap();
    });
    let (rev, was) = (before.snapshot().rev, all(&before.snapshot()));
    before.close();
    let after = premises.store();
    assert_eq!((after.snapshot().rev, all(&after.snapshot())), (rev, was));
    let crate::store::Since::Changes(changes, reached) = after.feed().since(1, None) else {
        panic!("the window is gone")
    };
    let seen: Vec<_> = changes.iter().map(|c| (c.rev, c.deleted)).collect();
    assert_eq!((seen, reached), (vec![(2, false), (3, false), (4, true)], 4));
    assert_eq!(all(&after.snapshot().rewound(changes.iter(), 1)), [("a".into(), 1, "one".into())]);
    let taken = Error::Claimed { step: 0, value: "x".into() };
    let other = vec![put("c", Expect::Absent, "", &["x"])];
    assert_eq!(runtime.block_on(commit(&after, other)).err(), Some(taken));
}

/// What may happen to an engine.
#[derive(Clone, Debug)]
enum Happening {
    /// Of each: which object, whether it is deleted, which claims it has afterwards.
    Append(Vec<(u8, bool, u8)>),
    /// How much of the past goes, in eighths.
    Compact(u8),
    Open,
}

fn happening() -> impl Strategy<Value = Happening> {
    let one = (0..6u8, prop::bool::weighted(0.3), 0..8u8);
    prop_oneof![
        6 => proptest::collection::vec(one, 0..12).prop_map(Happening::Append),
        1 => (0..9u8).prop_map(Happening::Compact),
        2 => Just(Happening::Open),
    ]
}

/// What should be there.
#[derive(Default)]
struct Remembered {
    rev: u64,
    floor: u64,
    /// Key to revision, bytes, claims.
    objects: HashMap<String, (u64, String, Vec<String>)>,
    history: Vec<(u64, u64, bool)>,
}

impl Remembered {
    fn change(&mut self, (which, deleted, claims): (u8, bool, u8)) -> Option<Record> {
        let name = format!("o{which}");
        let key = format!("n/{name}");
        let (prev, old) = match self.objects.get(&key) {
            Some((rev, _, claims)) => (*rev, claims.clone()),
            None if deleted => return None,
            None => (0, vec![]),
        };
        self.rev += 1;
        self.history.push((self.rev, prev, deleted));
        // Every value belongs to one of the objects that may want it, so that none is taken.
        let wanted = (0..3u8).filter(|bit| claims & (1 << bit) != 0);
        let claims: Vec<String> = wanted.map(|bit| format!("{which}-{bit}")).collect();
        let mut made = plain(self.rev, &name, prev);
        (made.deleted, made.old) = (deleted, old);
        if deleted {
            self.objects.remove(&key);
        } else {
            made.claims.clone_from(&claims);
            let text = String::from_utf8(made.entry.bytes.to_vec()).unwrap();
            self.objects.insert(key, (self.rev, text, claims));
        }
        Some(made)
    }

    fn is(&self, loaded: &Loaded) {
        assert_eq!((loaded.latest, loaded.compacted), (self.rev, self.floor));
        let expected =
            self.objects.iter().map(|(key, (rev, text, _))| (key.clone(), (*rev, text.clone())));
        assert_eq!(objects(loaded), expected.collect());
        let claims = self.objects.iter().flat_map(|(key, (.., claims))| {
            claims.iter().map(|value| (value.clone(), key.clone()))
        });
        assert_eq!(holders(loaded), claims.collect());
        let window: Vec<_> =
            self.history.iter().filter(|(rev, ..)| *rev > self.floor).copied().collect();
        assert_eq!(history(loaded), window);
    }
}

fn live(premises: &impl Premises, turns: Vec<Happening>) {
    let (mut engine, _) = premises.open();
    let mut memory = Remembered::default();
    for turn in turns.into_iter().chain([Happening::Open]) {
        match turn {
            Happening::Append(changes) => {
                let batch: Vec<Record> =
                    changes.into_iter().filter_map(|change| memory.change(change)).collect();
                engine.append(&batch).unwrap();
            }
            Happening::Compact(eighths) => {
                let upto = memory.rev * u64::from(eighths) / 8;
                while engine.compact(upto).unwrap() {}
                memory.floor = memory.floor.max(upto);
            }
            Happening::Open => {
                drop(engine);
                let (again, loaded) = premises.open();
                memory.is(&loaded);
                engine = again;
            }
        }
    }
}

/// Random appends, compactions and starts: after each start there is what there should be.
pub(super) fn lives<G: Premises>() {
    let config =
        ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(G::LIVES) };
    proptest!(config, |(turns in proptest::collection::vec(happening(), 1..25))| {
        if let Some(premises) = G::fresh() {
            live(&premises, turns);
        }
    });
}
