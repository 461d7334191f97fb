//! Engines that fail, die and are closed, and views of entries.

use super::*;

#[tokio::test]
async fn several_views_of_one_entry_are_kept() {
    #[derive(Default, serde::Deserialize)]
    struct Said {
        said: String,
    }
    #[derive(Default, serde::Deserialize)]
    struct Named {
        metadata: crate::object::Map,
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
