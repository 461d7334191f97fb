//! Imports scheduled tags again and again.
//! Source: openshift-controller-manager `pkg/image/controller/scheduled_image_controller.go`.
//!
//! One controller keeps the streams in their `Buckets`, an object that no API shows; another
//! carries out the turns it finds there, one after the other. A turn that fails is over, too: the
//! next one comes. Upstream also moves a stream back when its other controller imports it; the
//! write this leads to does so here.

use super::{BASE, IMPORTS, buckets::Buckets, import_of, is_importable};
use crate::{
    controllers::{Controller, Plan, View, Watch, Write, WriteVerb},
    images::{STREAMS, reference::Reference, resolve},
    object::{ObjectExt, Value, json, to_value},
    store::Change,
};

/// The object that holds the buckets, and its one key.
const SCHEDULE: &str = "imageschedules.internal";
const NAME: &str = "cluster";
/// The key of a step; keys of streams have a slash.
const STEP: &str = "step";

/// Keeps the buckets: one key at a time, since all of them write the same object.
pub static SCHEDULED: Controller = Controller {
    name: "scheduled-image-import-controller",
    watches: &[Watch::Itself(STREAMS)],
    reconcile: keep,
    workers: 1,
    ..BASE
};

/// Carries out turns.
pub static CONTROLLER: Controller = Controller {
    name: "scheduled-image-import-turns",
    watches: &[Watch::Map(SCHEDULE, newly_due)],
    reconcile: import,
    workers: 1,
    ..BASE
};

fn keep(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let period = view.settings.image_import_interval;
    if period.is_zero() {
        return plan;
    }
    let stored = view.value(SCHEDULE, NAME);
    let known = stored.as_ref().and_then(read).filter(|b| b.fit(period) && !b.is_empty());
    let mut buckets = known.unwrap_or_else(|| Buckets::new(period, view.now));
    let changed = match key {
        STEP if buckets.next > view.now => false,
        STEP => {
            buckets.advance(period, view.now);
            true
        }
        stream => match view.value(STREAMS, stream).filter(is_scheduled) {
            Some(found) => buckets.put(stream, found.str_at("metadata.resourceVersion")),
            None => buckets.remove(stream),
        },
    };
    if !buckets.is_empty() {
        plan.remind(buckets.next, STEP.into());
    }
    if changed {
        let mut body = to_value(&buckets).unwrap_or_default();
        body.set_at("metadata.name", NAME);
        let verb = if stored.is_some() { WriteVerb::Update } else { WriteVerb::Create };
        plan.write(Write { verb, ..Write::update(SCHEDULE, body) });
    }
    plan
}

fn read(stored: &Value) -> Option<Buckets> {
    crate::object::from_value(stored.clone()).ok()
}

/// The streams of a turn that has just come.
fn newly_due(_: &View, change: &Change) -> Vec<String> {
    let Some(now) = read(&change.entry.lean()) else { return Vec::new() };
    let before = change.before.as_ref().and_then(|e| read(&e.lean()));
    let news = before.is_none_or(|b| b.turn != now.turn);
    if news { now.due } else { Vec::new() }
}

fn import(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let stream = view.value(STREAMS, key).filter(is_scheduled);
    if let Some(import) = stream.and_then(|s| import_of(&asking_anew(s))) {
        plan.write(Write::create(IMPORTS, import));
        plan.then = Some(Box::new(|_| Plan::none()));
    }
    plan
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
    use crate::{
        controllers::{imageimport::CHECKED, testkit::Kit},
        error::Error,
    };

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

    fn scheduled(name: &str) -> Value {
        stream(name, json!({"scheduled": true}))
    }

    /// Waits for the next step, if there is one; answers the tags asked for in its turns.
    fn step(kit: &mut Kit) -> Option<Vec<String>> {
        let turn = |kit: &Kit| kit.get(SCHEDULE, NAME).and_then(|s| read(&s));
        let before = turn(kit).filter(|b| !b.is_empty())?;
        let wait = before.next.duration_since(kit.now);
        kit.advance(wait.as_secs());
        kit.look(&SCHEDULED, STEP);
        let now = turn(kit)?;
        let due = if now.turn > before.turn { now.due } else { Vec::new() };
        let tags = due.iter().flat_map(|key| {
            let plan = import(&kit.view(), key);
            let body = plan.steps[0].writes[0].body.clone();
            let tags = body["spec"]["images"].as_array().cloned().unwrap_or_default();
            tags.into_iter().map(move |i| format!("{key}:{}", i.str_at("to.name")))
        });
        Some(tags.collect())
    }

    /// The turns of the next steps.
    fn steps<const N: usize>(kit: &mut Kit) -> [String; N] {
        std::array::from_fn(|_| step(kit).map_or("-".into(), |t| t.join(" ")))
    }

    #[test]
    fn scheduled_tags_have_turns() {
        let mut kit = Kit::default();
        kit.put(STREAMS, scheduled("s"));
        kit.put(STREAMS, stream("t", json!({})));
        kit.look(&SCHEDULED, "n/s");
        kit.look(&SCHEDULED, "n/t");
        let began = kit.now;
        assert_eq!(steps(&mut kit), ["", "", "", "", "n/s:1", "", "", "", "n/s:1"]);
        assert_eq!(kit.now.duration_since(began).as_secs(), 1125 + 900);
        // What has not changed is not put anywhere else.
        assert!(!kit.look(&SCHEDULED, "n/s"));
    }

    #[test]
    fn written_and_deleted_streams() {
        let mut kit = Kit::default();
        kit.put(STREAMS, scheduled("s"));
        kit.look(&SCHEDULED, "n/s");
        assert_eq!(steps(&mut kit), ["", "", "", ""]);
        kit.edit(STREAMS, "n/s", |s| s.set_annotation("a", "b"));
        kit.look(&SCHEDULED, "n/s");
        assert_eq!(steps(&mut kit), ["", "", "", "", "n/s:1"]);
        kit.edit(STREAMS, "n/s", |s| s["spec"]["tags"][0]["importPolicy"] = json!({}));
        kit.look(&SCHEDULED, "n/s");
        assert_eq!(step(&mut kit), None, "nobody waits, nothing ticks");
        kit.put(STREAMS, scheduled("r"));
        kit.look(&SCHEDULED, "n/r");
        kit.remove(STREAMS, "n/r");
        kit.look(&SCHEDULED, "n/r");
        assert_eq!(step(&mut kit), None);
    }

    #[test]
    fn a_turn_is_told_of_once() {
        let mut kit = Kit::default();
        let told = |kit: &Kit, before: Option<Value>| {
            let entry = |v: &Value| {
                let bytes = serde_json::to_vec(v).unwrap();
                let (resource, key) = (SCHEDULE.into(), NAME.into());
                std::sync::Arc::new(crate::store::Entry::new(
                    1,
                    resource,
                    key,
                    bytes.into(),
                    crate::object::Meta::default(),
                ))
            };
            let now = kit.get(SCHEDULE, NAME).unwrap();
            let change = Change {
                rev: 1,
                entry: entry(&now),
                before: before.as_ref().map(entry),
                deleted: false,
            };
            newly_due(&kit.view(), &change)
        };
        kit.put(STREAMS, scheduled("s"));
        kit.look(&SCHEDULED, "n/s");
        assert!(told(&kit, None).is_empty());
        steps::<4>(&mut kit);
        let before = kit.get(SCHEDULE, NAME);
        steps::<1>(&mut kit);
        assert_eq!(told(&kit, before), ["n/s"]);
        let before = kit.get(SCHEDULE, NAME);
        steps::<1>(&mut kit);
        assert!(told(&kit, before).is_empty());
    }

    #[test]
    fn a_turn_that_fails_is_over() {
        let mut kit = Kit::default();
        kit.put(STREAMS, scheduled("s"));
        kit.refuse(|_, _| Some(Error::Internal("down".into())));
        assert!(!kit.look(&CONTROLLER, "n/s"));
        assert!(!import(&kit.view(), "n/s").retry);
        assert!(import(&kit.view(), "n/gone").steps.is_empty());
    }

    #[test]
    fn who_gets_turns() {
        let id = format!("quay.io/x/y@sha256:{}", "a".repeat(64));
        let with = |change: &dyn Fn(&mut Value)| {
            let mut s = scheduled("s");
            change(&mut s);
            s
        };
        let rows = [
            (scheduled("s"), true),
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
}
