//! SQLite: crashes between any two statements, compaction, damage, files that go.

use super::*;
use rusqlite::Connection;
use tempfile::tempdir;

fn database(dir: &Path) -> Connection {
    Connection::open(dir.join(open::DATABASE)).unwrap()
}

fn with_two_objects(dir: &Path) -> u64 {
    let store = store(Some(dir));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        commit(&store, vec![put("a", Expect::Absent, "one", &["x"]), create("b")]).await.unwrap();
        commit(&store, vec![put("a", Expect::Present, "two", &["x"])]).await.unwrap();
    });
    store.close();
    store.snapshot().rev
}

#[test]
fn a_crash_at_any_statement_leaves_the_state_before_or_after() {
    let mut finished = false;
    for statements in 0.. {
        let dir = tempdir().unwrap();
        let rev = with_two_objects(dir.path());
        let (mut engine, loaded) = open::sqlite(&dir.path().join(open::DATABASE), false).unwrap();
        engine.fuse.left = Some(statements);
        let held: std::collections::HashMap<_, _> =
            loaded.entries.iter().map(|e| (e.key.to_string(), e.clone())).collect();
        let entry = |key: &str, rev, said| {
            let body = body(key, said);
            let bytes = body.with_revision(rev).into();
            let key = format!("n/{key}").into();
            Arc::new(Entry::new(rev, "things".into(), key, bytes, body.meta))
        };
        let records = [
            Record {
                entry: entry("a", rev + 1, "three"),
                prev: held["n/a"].rev,
                deleted: false,
                claims: vec!["y".into()],
                old: vec!["x".into()],
            },
            Record {
                entry: entry("b", rev + 2, ""),
                prev: held["n/b"].rev,
                deleted: true,
                claims: vec![],
                old: vec![],
            },
        ];
        let done = engine.append(&records);
        // The process is gone: nothing is finished, nothing tidied up.
        drop(engine);
        let after = store(Some(dir.path()));
        let found = all(&after.snapshot());
        if done.is_err() {
            let before = [("a".into(), rev, "two".into()), ("b".into(), 2, String::new())];
            assert_eq!(found, before, "after {statements} statements");
        } else {
            assert_eq!(found, [("a".into(), rev + 1, "three".into())]);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let held = if done.is_err() { "x" } else { "y" };
        let claimed = runtime.block_on(commit(&after, vec![put("c", Expect::Absent, "", &[held])]));
        assert!(matches!(claimed, Err(Error::Claimed { .. })), "after {statements} statements");
        if done.is_ok() {
            finished = true;
            assert!(statements > 7, "only {statements} statements");
            break;
        }
    }
    assert!(finished);
}

#[test]
fn a_crash_in_the_middle_of_a_compaction_loses_no_object() {
    for statements in 0..8 {
        let dir = tempdir().unwrap();
        with_two_objects(dir.path());
        let before = {
            let (mut engine, loaded) =
                open::sqlite(&dir.path().join(open::DATABASE), false).unwrap();
            engine.fuse.left = Some(statements);
            // Whether it came to its end or not.
            let _ = engine.compact(loaded.latest);
            loaded.entries.iter().map(|e| (e.key.clone(), e.rev)).collect::<Vec<_>>()
        };
        let (_, loaded) = open::sqlite(&dir.path().join(open::DATABASE), false).unwrap();
        let after: Vec<_> = loaded.entries.iter().map(|e| (e.key.clone(), e.rev)).collect();
        assert_eq!(after, before, "after {statements} statements");
    }
}

#[test]
fn a_damaged_row_is_set_aside_and_told() {
    // What is done to the newest row of `a`, and whether the database says what is wrong.
    let rows = [
        ("UPDATE log SET value = '{' WHERE rev = 3", "checksum"),
        ("UPDATE log SET value = replace(value, 'two', 'tvo') WHERE rev = 3", "checksum"),
        ("UPDATE log SET key = 'n/z' WHERE rev = 3", "checksum"),
        ("UPDATE log SET sum = NULL WHERE rev = 3", "checksum"),
        ("UPDATE log SET prev = 2 WHERE rev = 3", "checksum"),
        ("DELETE FROM log WHERE rev = 3", "gone"),
        ("UPDATE current SET rev = 2 WHERE key = 'n/a'", "another object"),
    ];
    for (sql, why) in rows {
        let dir = tempdir().unwrap();
        with_two_objects(dir.path());
        assert_eq!(crate::store::check(dir.path()).unwrap(), []);
        database(dir.path()).execute(sql, []).unwrap();
        let told = crate::store::check(dir.path()).unwrap();
        assert!(told.iter().any(|d| d.why.contains(why)), "{sql}: {told:?}");
        let store = store(Some(dir.path()));
        let found = all(&store.snapshot());
        assert_eq!(found, [("b".into(), 2, String::new())], "{sql}");
        // The name is free again, and no revision is given out twice.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let done = runtime.block_on(commit(&store, vec![create("a")])).unwrap();
        assert!(done[0].as_ref().unwrap().rev > 3, "{sql}");
        drop(store);
        // It is remembered, and the rest is sound.
        let told = crate::store::check(dir.path()).unwrap();
        assert!(told.iter().any(|d| d.why.contains(why)), "{sql}: {told:?}");
        let again = super::store(Some(dir.path()));
        assert_eq!(again.snapshot().count("things"), 2, "{sql}");
    }
}

#[test]
fn damaged_history_is_forgotten_and_watchers_are_told() {
    let dir = tempdir().unwrap();
    with_two_objects(dir.path());
    database(dir.path()).execute("UPDATE log SET value = '[]' WHERE rev = 1", []).unwrap();
    let store = store(Some(dir.path()));
    let said: Vec<String> = all(&store.snapshot()).into_iter().map(|(.., said)| said).collect();
    assert_eq!(said, ["two", ""]);
    assert!(matches!(store.feed().since(1, None), crate::store::Since::TooOld(_)));
}

#[test]
fn databases_from_before_get_their_checksums() {
    let dir = tempdir().unwrap();
    with_two_objects(dir.path());
    let old = database(dir.path());
    old.execute_batch(
        "ALTER TABLE log DROP COLUMN sum; DROP TABLE damaged; PRAGMA user_version = 2;",
    )
    .unwrap();
    drop(old);
    assert!(crate::store::check(dir.path()).is_err(), "nothing to compare with yet");
    let store = store(Some(dir.path()));
    assert_eq!(store.snapshot().count("things"), 2);
    store.close();
    assert_eq!(crate::store::check(dir.path()).unwrap(), []);
}

#[tokio::test]
async fn files_that_go_stop_writes() {
    let dir = tempdir().unwrap();
    let store = store(Some(dir.path()));
    commit(&store, vec![create("a")]).await.unwrap();
    let (path, aside) = (dir.path().join(open::DATABASE), dir.path().join("aside"));
    std::fs::rename(&path, &aside).unwrap();
    assert!(store.health().unwrap_err().contains("was deleted or moved away"));
    let error = commit(&store, vec![create("b")]).await.err().unwrap();
    assert!(error.to_string().contains("was deleted or moved away"), "{error}");
    std::fs::rename(&aside, &path).unwrap();
    commit(&store, vec![create("b")]).await.unwrap();
    assert_eq!(store.health(), Ok(()));
    std::fs::remove_file(dir.path().join("pocketshift.db-wal")).unwrap();
    assert!(commit(&store, vec![create("c")]).await.is_err());
    assert!(store.health().is_err());
}

#[test]
fn a_revision_whose_row_is_gone_is_not_given_out_again() {
    let dir = tempdir().unwrap();
    with_two_objects(dir.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let last = {
        let before = store(Some(dir.path()));
        runtime.block_on(commit(&before, vec![delete("a", Expect::Present)])).unwrap();
        before.close();
        before.snapshot().rev
    };
    let (mut engine, loaded) = open::sqlite(&dir.path().join(open::DATABASE), false).unwrap();
    while engine.compact(loaded.latest).unwrap() {}
    drop(engine);
    let left = "SELECT count(*) FROM log WHERE rev = ?1";
    let left: i64 = database(dir.path()).query_row(left, [last], |r| r.get(0)).unwrap();
    assert_eq!(left, 0, "the newest row, a deletion, is forgotten");
    let after = store(Some(dir.path()));
    assert_eq!(after.snapshot().rev, last);
    let done = runtime.block_on(commit(&after, vec![create("c")])).unwrap();
    assert_eq!(done[0].as_ref().unwrap().rev, last + 1);
}
