//! What holds for any history of writes to a stream.

use super::{Outside, WritePath, history, resolve, stream};
use crate::object::{ObjectExt, Value, json};
use proptest::prelude::*;

const TAGS: [&str; 4] = ["a", "b", "c", "d"];

fn outside() -> Outside<'static> {
    Outside {
        now: "2026-01-01T00:00:00Z".into(),
        registry: "r.svc:5000".into(),
        public: String::new(),
        allowed: crate::images::allowed::Allowed::default(),
        stream: Box::new(|_, _| None),
        may_pull: Box::new(|_, _| Ok(())),
        limits: Vec::new(),
    }
}

/// One write: a pushed image, an alias, a reference, or a removed spec tag.
#[derive(Clone, Debug)]
enum StreamWrite {
    Push(usize, u8),
    Alias(usize, usize),
    Reference(usize, u8),
    Forget(usize),
}

fn step() -> impl Strategy<Value = StreamWrite> {
    prop_oneof![
        (0..4usize, 0..4u8).prop_map(|(t, i)| StreamWrite::Push(t, i)),
        (0..4usize, 0..4usize).prop_map(|(t, f)| StreamWrite::Alias(t, f)),
        (0..4usize, 0..4u8).prop_map(|(t, i)| StreamWrite::Reference(t, i)),
        (0..4usize).prop_map(StreamWrite::Forget),
    ]
}

fn spec_tag(name: &str, from: Value, reference: bool) -> Value {
    json!({"name": name, "from": from, "reference": reference, "generation": 0,
        "importPolicy": {"importMode": "Legacy"}, "referencePolicy": {"type": "Source"}})
}

fn set(stream: &mut Value, tag: Value) {
    let mut tags = stream.list_at("spec.tags").to_vec();
    tags.retain(|t| t.str_at("name") != tag.str_at("name"));
    tags.push(tag);
    stream.set_at("spec.tags", tags);
}

fn write(old: &Value, step: &StreamWrite) -> Value {
    let mut new = old.clone();
    match step {
        StreamWrite::Push(tag, image) => {
            let item = history::item("t", &format!("q.io/x:{image}"), &format!("i{image}"), 1);
            history::add(&mut new, TAGS[*tag], &item);
        }
        StreamWrite::Alias(tag, from) => {
            let from = json!({"kind": "ImageStreamTag", "name": TAGS[*from]});
            set(&mut new, spec_tag(TAGS[*tag], from, false));
        }
        StreamWrite::Reference(tag, image) => {
            let from = json!({"kind": "DockerImage", "name": format!("q.io/r:{image}")});
            set(&mut new, spec_tag(TAGS[*tag], from, true));
        }
        StreamWrite::Forget(tag) => {
            let mut tags = new.list_at("spec.tags").to_vec();
            tags.retain(|t| t.str_at("name") != TAGS[*tag]);
            new.set_at("spec.tags", tags);
        }
    }
    let problems = stream::update(&mut new, old, WritePath::Internal, &outside());
    assert!(problems.is_empty(), "{problems:?}");
    new
}

fn start() -> Value {
    let mut new = json!({"metadata": {"namespace": "n", "name": "s"}, "spec": {}});
    stream::create(&mut new, WritePath::Spec, &outside());
    new
}

/// Times of the items of a tag but the newest, which never change.
fn settled(stream: &Value, tag: &str) -> Vec<Value> {
    let items = resolve::status_tag(stream, tag).map_or(&[][..], |t| t.list_at("items"));
    items.iter().skip(1).cloned().collect()
}

proptest! {
    #[test]
    fn history_never_loses_or_reorders(steps in proptest::collection::vec(step(), 1..25)) {
        let mut now = start();
        for step in steps {
            let next = write(&now, &step);
            for tag in TAGS {
                let (before, after) = (settled(&now, tag), settled(&next, tag));
                prop_assert!(after.ends_with(&before), "{tag}: {before:?} {after:?}");
            }
            let generation = |s: &Value| s.i64_at("metadata.generation");
            prop_assert!(generation(&next) >= generation(&now));
            now = next;
        }
    }

    #[test]
    fn a_write_is_settled_by_itself(steps in proptest::collection::vec(step(), 1..25)) {
        let now = steps.iter().fold(start(), |now, step| write(&now, step));
        let mut again = now.clone();
        let problems = stream::update(&mut again, &now, WritePath::Internal, &outside());
        prop_assert!(problems.is_empty());
        prop_assert_eq!(again, now);
    }

    #[test]
    fn neighbours_in_a_history_differ(steps in proptest::collection::vec(step(), 1..25)) {
        let now = steps.iter().fold(start(), |now, step| write(&now, step));
        for tag in now.list_at("status.tags") {
            for pair in tag.list_at("items").windows(2) {
                prop_assert_ne!(pair[0].at("dockerImageReference"), pair[1].at("dockerImageReference"));
            }
        }
    }

    #[test]
    fn spec_writes_end_whatever_follows_whom(
        froms in proptest::collection::vec(0..4usize, 4),
        pushed in 0..4usize,
    ) {
        let mut new = start();
        for (tag, from) in TAGS.iter().zip(&froms) {
            let from = json!({"kind": "ImageStreamTag", "name": TAGS[*from]});
            set(&mut new, spec_tag(tag, from, false));
        }
        let item = history::item("t", "q.io/x", "i", 1);
        history::add(&mut new, TAGS[pushed], &item);
        let problems = stream::update(&mut new, &start(), WritePath::Internal, &outside());
        prop_assert!(problems.is_empty());
        // Direct followers have the image, however the others are tied together.
        for (tag, _) in TAGS.iter().zip(&froms).filter(|(_, f)| **f == pushed) {
            prop_assert_eq!(resolve::latest(&new, tag).map(|i| i.str_at("image")), Some("i"));
        }
    }
}
