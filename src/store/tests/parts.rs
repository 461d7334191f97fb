//! A store as a value: put back, copied, and held to limits.

use super::*;
use crate::store::{Limits, Parts, Since};
use tempfile::tempdir;

fn words(store: &Store) -> Vec<(String, String)> {
    all(&store.snapshot()).into_iter().map(|(name, _, said)| (name, said)).collect()
}

#[tokio::test]
async fn what_was_kept_is_put_back_and_history_is_forgotten() {
    let dir = tempdir().unwrap();
    for folder in [None, Some(dir.path())] {
        let own = store(folder);
        commit(&own, vec![put("a", Expect::Absent, "1", &["x"]), create("b")]).await.unwrap();
        let (kept, before) = (own.parts().await.unwrap(), words(&own));
        commit(&own, vec![delete("a", Expect::Present)]).await.unwrap();
        commit(&own, vec![put("b", Expect::Present, "2", &["x"]), create("c")]).await.unwrap();
        let last = own.snapshot().rev;
        let mut signal = own.feed().signal("things");
        signal.mark_unchanged();
        let rev = own.put_back(kept.clone()).await.unwrap();
        assert!(rev > last && own.snapshot().rev == rev, "no revision is given out twice");
        assert!(signal.has_changed().unwrap(), "who waits is woken");
        assert!(matches!(own.feed().since(last, None), Since::TooOld(floor) if floor == rev));
        assert_eq!(words(&own), before);
        // Claims are as they were: `x` is `a`'s.
        let taken = Error::Claimed { step: 0, value: "x".into() };
        let asks = vec![put("d", Expect::Absent, "", &["x"])];
        assert_eq!(commit(&own, asks).await.err(), Some(taken));
        commit(&own, vec![create("d")]).await.unwrap();
        own.put_back(kept).await.unwrap();
        assert_eq!(words(&own), before);
        drop(own);
        if folder.is_some() {
            assert_eq!(words(&store(folder)), before, "it lasts");
        }
    }
}

#[tokio::test]
async fn a_copy_goes_its_own_way() {
    let own = store(None);
    commit(&own, vec![put("a", Expect::Absent, "1", &["x"])]).await.unwrap();
    let copy = Store::begin(own.parts().await.unwrap());
    assert_eq!(all(&copy.snapshot()), all(&own.snapshot()));
    commit(&copy, vec![put("a", Expect::Present, "2", &[])]).await.unwrap();
    commit(&copy, vec![put("b", Expect::Absent, "", &["x"])]).await.unwrap();
    assert_eq!(words(&own), [("a".to_owned(), "1".to_owned())]);
    assert!(commit(&own, vec![put("b", Expect::Absent, "", &["x"])]).await.is_err());
}

#[tokio::test]
async fn a_copy_on_disk_lasts_and_a_file_holds_a_moment() {
    let (dir, other) = (tempdir().unwrap(), tempdir().unwrap());
    let own = store(None);
    commit(&own, vec![put("a", Expect::Absent, "1", &["x"]), create("b")]).await.unwrap();
    commit(&own, vec![put("b", Expect::Present, "2", &[])]).await.unwrap();
    let parts = own.parts().await.unwrap();
    let copy = Store::begin_in(dir.path(), &parts, false, false).unwrap();
    assert_eq!(all(&copy.snapshot()), all(&own.snapshot()));
    commit(&copy, vec![create("c")]).await.unwrap();
    let kept = copy.parts().await.unwrap();
    let file = other.path().join("moment.db");
    kept.write(&file, 7).unwrap();
    commit(&copy, vec![put("c", Expect::Present, "3", &[]), delete("a", Expect::Present)])
        .await
        .unwrap();
    let last = copy.snapshot().rev;
    drop(copy);
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1, "one file holds all of it");
    let again = store(Some(dir.path()));
    assert_eq!(again.snapshot().rev, last);
    let (read, moment) = Parts::read(&file).unwrap();
    assert_eq!((all(&read.state), moment), (all(&kept.state), 7));
    let before = again.snapshot().get_key("things", "n/b").unwrap().rev;
    again.put_back(read).await.unwrap();
    let back = again.snapshot();
    assert_eq!(back.get_key("things", "n/b").unwrap().rev, before, "what is as it was stays");
    let words_of = |state| all(state).into_iter().map(|(n, _, said)| (n, said)).collect::<Vec<_>>();
    assert_eq!(words_of(&back), words_of(&kept.state));
    let taken = Error::Claimed { step: 0, value: "x".into() };
    assert_eq!(commit(&again, vec![put("d", Expect::Absent, "", &["x"])]).await.err(), Some(taken));
    let mut bytes = std::fs::read(&file).unwrap();
    let row = memchr::memmem::find(&bytes, b"\"name\":\"b\"").expect("the row of an object");
    bytes[row + 8] = b'!';
    std::fs::write(&file, bytes).unwrap();
    assert!(Parts::read(&file).is_err(), "what is damaged is not put back");
}

#[tokio::test]
async fn limits_hold_and_what_goes_makes_room() {
    let dir = tempdir().unwrap();
    for folder in [None, Some(dir.path())] {
        let own = store(folder);
        commit(&own, vec![create("a")]).await.unwrap();
        own.limit(Limits { objects: 2, bytes: 0 }).await.unwrap();
        commit(&own, vec![create("b")]).await.unwrap();
        let full = Some(Error::Full("2 objects".into()));
        assert_eq!(commit(&own, vec![create("c")]).await.err(), full);
        assert_eq!(words(&own).len(), 2, "nothing of it is there");
        commit(&own, vec![delete("a", Expect::Present), create("c")]).await.unwrap();
        commit(&own, vec![put("c", Expect::Present, "longer", &[])]).await.unwrap();
        // What changes and goes at once went once.
        let ends = vec![put("c", Expect::Present, "", &[]), delete("c", Expect::Present)];
        commit(&own, ends).await.unwrap();
        commit(&own, vec![create("c")]).await.unwrap();
        assert_eq!(commit(&own, vec![create("d")]).await.err(), full);
        own.limit(Limits { objects: 0, bytes: 300 }).await.unwrap();
        let long = "x".repeat(400);
        let refused = commit(&own, vec![put("c", Expect::Present, &long, &[])]).await.err();
        assert_eq!(refused, Some(Error::Full("300 bytes".into())));
    }
}
