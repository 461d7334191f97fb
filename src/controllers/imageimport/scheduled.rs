//! Imports scheduled tags again and again.
//! Source: openshift-controller-manager `pkg/image/controller/scheduled_image_controller.go`.
//!
//! A stream's turn comes a period after it was last written, a little earlier by a part of the
//! period that its name decides, so that many streams do not come at once; then every period. A
//! turn is a key of its own, with the revision of the stream it was set for: a stream that is
//! written meanwhile has a new turn, and the old one finds nothing to do.

use super::{BASE, IMPORTS, import_of, is_importable};
use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    images::{STREAMS, reference::Reference, resolve},
    object::{ObjectExt, Value, json, name, time},
};
use jiff::Timestamp;

/// Turns are spread over one part of this many of the period.
const PARTS: i64 = 4;
/// Stands between a stream's key and its revision in the key of a turn.
const MARK: char = '@';

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "scheduled-image-import-controller",
    watches: &[Watch::Itself(STREAMS)],
    reconcile,
    ..BASE
};

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let (key, revision) = key.split_once(MARK).unwrap_or((key, ""));
    let period = view.settings.image_import_interval.as_secs();
    let stream = view.value(STREAMS, key).filter(|s| period > 0 && is_scheduled(s));
    let Some(stream) = stream else { return plan };
    let current = stream.str_at("metadata.resourceVersion");
    if revision.is_empty() {
        plan.remind(first_turn(view.now, key, period), format!("{key}{MARK}{current}"));
    } else if revision == current {
        if let Some(import) = import_of(&asking_anew(stream)) {
            plan.write(Write::create(IMPORTS, import));
            // A failed turn is over, too: the next one comes.
            plan.then = Some(Box::new(|_| Plan::none()));
        }
        plan.look_again(time::plus_seconds(view.now, period));
    }
    plan
}

fn first_turn(now: Timestamp, key: &str, period: i64) -> Timestamp {
    let part = (period / PARTS).max(1);
    let early = i64::from(name::fnv1a(&[key.as_bytes()])) % part;
    time::plus_seconds(now, period - early)
}

/// Whether a tag wants to be imported again. One that names a digest does until it has been.
fn wants_turns(stream: &Value, tag: &Value) -> bool {
    if !is_importable(tag) || !tag.is_true("importPolicy.scheduled") {
        return false;
    }
    match Reference::parse(tag.str_at("from.name")) {
        Err(_) => tag.str_at("from.name").is_empty(),
        Ok(from) => from.id.is_empty() || !is_imported(stream, tag),
    }
}

fn is_imported(stream: &Value, tag: &Value) -> bool {
    let newest = resolve::latest(stream, tag.str_at("name"));
    let generation = tag.i64_at("generation");
    generation.is_some() && newest.and_then(|i| i.i64_at("generation")) == generation
}

fn is_scheduled(stream: &Value) -> bool {
    stream.list_at("spec.tags").iter().any(|t| wants_turns(stream, t))
}

/// The stream as if its scheduled tags had just been written.
fn asking_anew(stream: Value) -> Value {
    let next = stream.i64_at("metadata.generation").unwrap_or(0) + 1;
    let mut anew = stream.clone();
    let tags = anew.at_mut("spec.tags").as_array_mut();
    for tag in tags.into_iter().flatten().filter(|t| wants_turns(&stream, t)) {
        tag["generation"] = json!(next);
    }
    anew
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::{imageimport::CHECKED, testkit::Kit};

    fn stream(name: &str, policy: Value) -> Value {
        json!({"metadata": {"namespace": "n", "name": name, "annotations": {CHECKED: "x"},
                "generation": 3},
            "spec": {"tags": [
                {"name": "1", "generation": 2, "importPolicy": policy,
                    "from": {"kind": "DockerImage", "name": "quay.io/x/y:1"}},
                {"name": "2", "generation": 2,
                    "from": {"kind": "DockerImage", "name": "quay.io/x/y:2"}}]},
            "status": {"tags": [{"tag": "1", "items": [{"generation": 2}]},
                {"tag": "2", "items": [{"generation": 2}]}]}})
    }

    /// The key of the turn that a look at the stream set, and when it comes.
    fn turn(kit: &Kit, key: &str) -> Option<(Timestamp, String)> {
        reconcile(&kit.view(), key).reminders.first().cloned()
    }

    #[test]
    fn a_turn_comes_within_a_period_and_then_every_period() {
        let mut kit = Kit::default();
        kit.put(STREAMS, stream("s", json!({"scheduled": true})));
        let (at, key) = turn(&kit, "n/s").unwrap();
        let wait = at.duration_since(kit.now).as_secs();
        assert!((675..=900).contains(&wait), "{wait}");
        kit.advance(wait);
        for _ in 0..2 {
            let plan = reconcile(&kit.view(), &key);
            let body = &plan.steps[0].writes[0].body;
            assert_eq!(body["spec"]["images"].as_array().unwrap().len(), 1);
            assert_eq!(body.str_at("spec.images[0].to.name"), "");
            assert_eq!(body["spec"]["images"][0]["to"]["name"], "1");
            assert_eq!(plan.again, Some(time::plus_seconds(kit.now, 900)));
            kit.advance(900);
        }
    }

    #[test]
    fn a_written_stream_has_a_new_turn() {
        let mut kit = Kit::default();
        kit.put(STREAMS, stream("s", json!({"scheduled": true})));
        let (_, old) = turn(&kit, "n/s").unwrap();
        kit.edit(STREAMS, "n/s", |s| s.set_annotation("a", "b"));
        let plan = reconcile(&kit.view(), &old);
        assert!(plan.steps.is_empty() && plan.again.is_none());
        assert_ne!(turn(&kit, "n/s").unwrap().1, old);
        kit.remove(STREAMS, "n/s");
        assert!(turn(&kit, "n/s").is_none());
    }

    #[test]
    fn who_gets_turns() {
        let id = format!("quay.io/x/y@sha256:{}", "a".repeat(64));
        let scheduled = || stream("s", json!({"scheduled": true}));
        let with = |change: &dyn Fn(&mut Value)| {
            let mut s = scheduled();
            change(&mut s);
            s
        };
        let rows = [
            (scheduled(), true),
            (stream("s", json!({})), false),
            (with(&|s| s["spec"]["tags"][0]["reference"] = json!(true)), false),
            (with(&|s| s["spec"]["tags"][0]["from"]["kind"] = json!("ImageStreamTag")), false),
            (with(&|s| s["spec"]["tags"][0]["from"]["name"] = json!("B::")), false),
            (with(&|s| s["spec"]["tags"][0]["from"]["name"] = json!(id)), false),
            (
                with(&|s| {
                    s["spec"]["tags"][0]["from"]["name"] = json!(id);
                    s["spec"]["tags"][0]["generation"] = json!(3);
                }),
                true,
            ),
        ];
        for (stream, expected) in rows {
            assert_eq!(is_scheduled(&stream), expected, "{stream}");
        }
    }

    #[test]
    fn streams_are_spread() {
        let turns: std::collections::BTreeSet<Timestamp> =
            (0..50).map(|i| first_turn(Timestamp::UNIX_EPOCH, &format!("n/s{i}"), 900)).collect();
        assert!(turns.len() > 30, "{}", turns.len());
    }
}
