use super::*;

#[test]
fn the_earliest_timer_of_a_key_counts_once() {
    let at = |s| Timestamp::from_second(s).unwrap();
    let key: Arc<str> = "a/b".into();
    let mut timers = Timers::default();
    timers.add(at(10), 0, &key);
    timers.add(at(20), 0, &key);
    timers.add(at(5), 0, &key);
    timers.add(at(7), 1, &key);
    assert_eq!(timers.next(), Some(at(5)));
    assert_eq!(timers.due(at(4)), None);
    assert_eq!(timers.due(at(30)), Some((0, Arc::clone(&key))));
    assert_eq!(timers.due(at(30)), Some((1, key)));
    assert_eq!(timers.due(at(30)), None, "the replaced timer does not fire");
}

#[test]
fn owners_of_another_kind_are_not_queued() {
    let pod = crate::object::json!({"metadata": {"name": "p", "namespace": "n", "ownerReferences": [
        {"kind": "Job", "name": "other", "uid": "1"},
        {"kind": "ReplicaSet", "name": "web", "uid": "2", "controller": true}]}});
    let meta = Meta::of(&pod);
    assert_eq!(owner_key(&meta, "ReplicaSet").as_deref(), Some("n/web"));
    assert_eq!(owner_key(&meta, "Job"), None);
}
