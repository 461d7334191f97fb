//! What any engine must keep, said once and run over each.

use super::*;
use tempfile::tempdir;

/// Runs a promise over memory, over SQLite and over etcd.
async fn everywhere(promise: impl AsyncFn(&Store)) {
    promise(&store(None)).await;
    let dir = tempdir().unwrap();
    promise(&store(Some(dir.path()))).await;
    match super::etcd::real(&[]) {
        Some(etcd) => promise(&etcd.store()).await,
        None => eprintln!("left out: etcd"),
    }
}

#[tokio::test]
async fn expectations_are_met_or_said() {
    everywhere(async |store| {
        let rev = commit(store, vec![create("a")]).await.unwrap()[0].as_ref().unwrap().rev;
        let rows = [
            (create("a"), Error::Exists(0)),
            (put("b", Expect::Present, "", &[]), Error::Missing(0)),
            (put("b", Expect::Rev(rev), "", &[]), Error::Missing(0)),
            (put("a", Expect::Rev(rev + 1), "", &[]), Error::Stale(0)),
            (delete("b", Expect::Present), Error::Missing(0)),
            (delete("a", Expect::Rev(rev + 1)), Error::Stale(0)),
            (check("a", Expect::Absent), Error::Exists(0)),
            (check("a", Expect::Rev(rev + 1)), Error::Stale(0)),
            (check("b", Expect::Present), Error::Missing(0)),
        ];
        for (op, error) in rows {
            assert_eq!(commit(store, vec![op]).await.err(), Some(error));
        }
        assert_eq!(all(&store.snapshot()), [("a".into(), rev, String::new())]);
        for op in [
            put("a", Expect::Rev(rev), "1", &[]),
            put("a", Expect::Present, "2", &[]),
            check("a", Expect::Present),
            check("b", Expect::Absent),
            delete("a", Expect::Present),
        ] {
            commit(store, vec![op]).await.unwrap();
        }
        assert_eq!(all(&store.snapshot()), []);
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_says_which_step_failed() {
    everywhere(async |store| {
        commit(store, vec![put("a", Expect::Absent, "old", &["x"])]).await.unwrap();
        let before = store.snapshot().rev;
        let failed = vec![
            put("a", Expect::Present, "new", &["y"]),
            create("b"),
            check("nobody", Expect::Present),
        ];
        assert_eq!(commit(store, failed).await.err(), Some(Error::Missing(2)));
        assert_eq!(all(&store.snapshot()), [("a".into(), before, "old".into())]);
        // The claims are as they were, too.
        let taken = Error::Claimed { step: 0, value: "x".into() };
        assert_eq!(
            commit(store, vec![put("c", Expect::Absent, "", &["x"])]).await.err(),
            Some(taken)
        );
        commit(store, vec![put("c", Expect::Absent, "", &["y"])]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn claims_belong_to_one_and_are_given_up_with_it() {
    everywhere(async |store| {
        commit(store, vec![put("a", Expect::Absent, "", &["x", "y"])]).await.unwrap();
        let taken = |step, value: &str| Some(Error::Claimed { step, value: value.into() });
        let other = || put("b", Expect::Absent, "", &["y"]);
        assert_eq!(commit(store, vec![other()]).await.err(), taken(0, "y"));
        // Its own it may claim again; what it does not name it gives up.
        commit(store, vec![put("a", Expect::Present, "", &["x"])]).await.unwrap();
        commit(store, vec![other()]).await.unwrap();
        // Within one batch a value can change hands.
        let swap = vec![
            delete("b", Expect::Present),
            put("a", Expect::Present, "", &["x", "y"]),
            put("c", Expect::Absent, "", &["z"]),
        ];
        commit(store, swap).await.unwrap();
        assert_eq!(
            commit(store, vec![put("d", Expect::Absent, "", &["z"])]).await.err(),
            taken(0, "z")
        );
    })
    .await;
}

#[tokio::test]
async fn the_feed_has_every_change_once_in_order() {
    everywhere(async |store| {
        let begin = store.feed().latest();
        let mut signal = store.feed().signal("things");
        signal.mark_unchanged();
        for i in 0..5 {
            commit(store, vec![create(&format!("a{i}")), create(&format!("b{i}"))]).await.unwrap();
        }
        commit(store, vec![put("a0", Expect::Present, "1", &[])]).await.unwrap();
        commit(store, vec![delete("a0", Expect::Present)]).await.unwrap();
        assert!(signal.has_changed().unwrap());
        let Since::Changes(changes, reached) = store.feed().since(begin, Some("things")) else {
            panic!("too old")
        };
        assert_eq!(reached, store.snapshot().rev);
        let revisions: Vec<u64> = changes.iter().map(|c| c.rev).collect();
        assert_eq!(revisions, (begin + 1..=begin + 12).collect::<Vec<_>>());
        let last = changes.last().unwrap();
        assert!(last.deleted && last.before.as_ref().unwrap().value().str_at("said") == "1");
        assert_eq!(last.entry.rev, last.rev, "the last state has the deletion's revision");
        assert!(changes[0].before.is_none() && !changes[0].deleted);
        let Since::Changes(others, _) = store.feed().since(begin, Some("others")) else { panic!() };
        assert!(others.is_empty());
        // Undone, they lead back to where it began.
        let then = store.snapshot().rewound(changes.iter(), begin);
        assert_eq!(all(&then), []);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_stays_what_it_is() {
    everywhere(async |store| {
        commit(store, vec![create("a")]).await.unwrap();
        let then = store.snapshot();
        let version = then.version("things");
        commit(store, vec![put("a", Expect::Present, "new", &[]), create("b")]).await.unwrap();
        assert_eq!(all(&then).len(), 1);
        assert_eq!(all(&then)[0].2, "");
        assert!(version != store.snapshot().version("things"));
        assert_eq!(store.snapshot().by_uid("b").unwrap().key.as_ref(), "n/b");
    })
    .await;
}

#[tokio::test]
async fn batches_of_many_senders_do_not_mix() {
    everywhere(async |store| {
        commit(store, vec![put("counter", Expect::Absent, "0", &[])]).await.unwrap();
        let add = |i: usize| async move {
            loop {
                let snapshot = store.snapshot();
                let entry = snapshot.get("things", "n", "counter").unwrap();
                let next = entry.value().str_at("said").parse::<u32>().unwrap() + 1;
                let ops = vec![
                    put("counter", Expect::Rev(entry.rev), &next.to_string(), &[]),
                    create(&format!("one-{i}")),
                ];
                match store.commit(ops).await {
                    Ok(_) => return,
                    Err(Error::Stale(0)) => {}
                    Err(e) => panic!("{e}"),
                }
            }
        };
        futures_util::future::join_all((0..20).map(add)).await;
        let snapshot = store.snapshot();
        assert_eq!(snapshot.count("things"), 21);
        let counter = snapshot.get("things", "n", "counter").unwrap();
        assert_eq!(counter.value().str_at("said"), "20");
    })
    .await;
}

#[tokio::test]
async fn several_views_of_one_entry_are_kept() {
    #[derive(Default, serde::Deserialize)]
    struct Said {
        said: String,
    }
    #[derive(Default, serde::Deserialize)]
    struct Named {
        metadata: serde_json::Map<String, Value>,
    }
    let store = store(None);
    commit(&store, vec![put("a", Expect::Absent, "x", &[])]).await.unwrap();
    let snapshot = store.snapshot();
    let entry = snapshot.get("things", "n", "a").unwrap();
    let (said, named) = (entry.lens::<Said>(), entry.lens::<Named>());
    assert_eq!((said.said.as_str(), &named.metadata["name"]), ("x", &json!("a")));
    assert!(Arc::ptr_eq(&said, &entry.lens::<Said>()));
    assert!(Arc::ptr_eq(&named, &entry.lens::<Named>()));
}

/// An engine that does as it is told.
struct Told {
    fail: Arc<std::sync::atomic::AtomicBool>,
}

impl Engine for Told {
    fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        if records.iter().any(|r| r.entry.key.as_ref() == "n/panic") {
            panic!("a bug in the engine");
        }
        match self.fail.load(std::sync::atomic::Ordering::Relaxed) {
            true => Err(Error::Io("no".into())),
            false => Ok(()),
        }
    }
    fn compact(&mut self, _: u64) -> Result<bool, String> {
        Ok(false)
    }
    fn harden(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test]
async fn what_could_not_be_committed_never_was() {
    let fail = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let store = over(Told { fail: Arc::clone(&fail) });
    let set = |on| fail.store(on, std::sync::atomic::Ordering::Relaxed);
    commit(&store, vec![put("a", Expect::Absent, "old", &["x"])]).await.unwrap();
    let before = store.snapshot();
    set(true);
    let ops = vec![
        put("a", Expect::Present, "new", &["y"]),
        put("b", Expect::Absent, "", &["x"]),
        delete("a", Expect::Present),
    ];
    assert_eq!(commit(&store, ops).await.err(), Some(Error::Io("no".into())));
    assert_eq!(store.health(), Err("no".into()));
    assert_eq!(all(&store.snapshot()), all(&before));
    assert_eq!(store.feed().latest(), before.rev);
    set(false);
    // `a` holds what it held, and only that.
    let taken = Error::Claimed { step: 0, value: "x".into() };
    assert_eq!(commit(&store, vec![put("c", Expect::Absent, "", &["x"])]).await.err(), Some(taken));
    commit(&store, vec![put("c", Expect::Absent, "", &["y"])]).await.unwrap();
    assert_eq!(store.snapshot().rev, before.rev + 1);
    assert_eq!(store.health(), Ok(()));
}

#[tokio::test]
async fn a_writer_that_dies_is_not_healthy() {
    let fail = Arc::default();
    let store = over(Told { fail });
    assert_eq!(store.health(), Ok(()));
    assert!(matches!(commit(&store, vec![create("panic")]).await, Err(Error::Io(_))));
    assert!(matches!(commit(&store, vec![create("a")]).await, Err(Error::Io(_))));
    // The answer is lost a moment before the thread has ended.
    while store.health().is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(store.health().unwrap_err().contains("has died"));
    assert_eq!(all(&store.snapshot()), [], "what is there can still be read");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let store = over(Nowhere);
    store.close();
    assert_eq!(store.health(), Err("the store is closed".into()));
    assert!(matches!(commit(&store, vec![create("a")]).await, Err(Error::Io(_))));
}
