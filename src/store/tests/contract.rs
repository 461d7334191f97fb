//! What the store promises whatever engine it has, said once; [`super::suite`] runs it over each.

use super::*;
use crate::store::Since;

pub(super) async fn expectations_are_met_or_said(store: &Store) {
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
}

pub(super) async fn a_batch_is_all_or_nothing_and_says_which_step_failed(store: &Store) {
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
    assert_eq!(commit(store, vec![put("c", Expect::Absent, "", &["x"])]).await.err(), Some(taken));
    commit(store, vec![put("c", Expect::Absent, "", &["y"])]).await.unwrap();
}

pub(super) async fn claims_belong_to_one_and_are_given_up_with_it(store: &Store) {
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
}

pub(super) async fn the_feed_has_every_change_once_in_order(store: &Store) {
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
}

pub(super) async fn a_snapshot_stays_what_it_is(store: &Store) {
    commit(store, vec![create("a")]).await.unwrap();
    let then = store.snapshot();
    let version = then.version("things");
    commit(store, vec![put("a", Expect::Present, "new", &[]), create("b")]).await.unwrap();
    assert_eq!(all(&then).len(), 1);
    assert_eq!(all(&then)[0].2, "");
    assert!(version != store.snapshot().version("things"));
    assert_eq!(store.snapshot().by_uid("b").unwrap().key.as_ref(), "n/b");
}

pub(super) async fn batches_of_many_senders_do_not_mix(store: &Store) {
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
}
