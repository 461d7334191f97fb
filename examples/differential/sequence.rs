//! Random lives of one object: created, updated, patched in all four forms, applied by several
//! managers, read and deleted, with both servers' answers compared after every step.

use crate::{
    Flags, NAMESPACE, Outcome,
    answer::Side,
    chance,
    compare::{self, Depth},
    corpus::{Corpus, Subject},
    mutate::{self, below},
};
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::error::Error;

/// One request of a sequence.
struct Step {
    method: &'static str,
    path: String,
    content: &'static str,
    body: Value,
}

/// Plays one sequence on both sides; it ends at the first difference.
pub async fn play(
    number: u64,
    flags: &Flags,
    corpus: &Corpus,
    left: &Side,
    right: &Side,
    loud: bool,
) -> Result<Outcome, Box<dyn Error>> {
    let mut chance = chance(flags, 1, number);
    let subject = corpus.pick(&mut chance);
    let name = match subject.resource.as_str() {
        // These are called as the address they stand for.
        "ipaddresses.networking.k8s.io" => format!("10.{}.{}.9", number / 250 % 250, number % 250),
        _ => format!("s{number}"),
    };
    let mut differences = vec![];
    for step in steps(subject, &name, corpus, &mut chance) {
        let (ours, theirs) = tokio::try_join!(
            left.send(step.method, &step.path, step.content, &step.body),
            right.send(step.method, &step.path, step.content, &step.body),
        )?;
        if loud {
            println!("{} {} {}\n{:#}", step.method, step.path, step.content, step.body);
            println!("--- left {}\n--- right {}", ours.shown(), theirs.shown());
        }
        differences = compare::answers(&ours, &theirs, Depth::WithoutStatus, &flags.ignore);
        if !differences.is_empty() {
            let form = step.content.trim_start_matches("application/");
            differences.iter_mut().for_each(|d| *d = format!("{} {form}: {d}", step.method));
            break;
        }
    }
    let path = format!("{}/{name}?gracePeriodSeconds=0", subject.path(NAMESPACE));
    for side in [left, right] {
        side.send("DELETE", &path, "application/json", &Value::Null).await?;
    }
    Ok(Outcome { case: format!("s{number}"), resource: subject.resource.clone(), differences })
}

fn steps(subject: &Subject, name: &str, corpus: &Corpus, chance: &mut StdRng) -> Vec<Step> {
    let mut object = subject.object.clone();
    object["metadata"]["name"] = json!(name);
    let (all, one) = (subject.path(NAMESPACE), format!("{}/{name}", subject.path(NAMESPACE)));
    let manager = |n: usize| ["alice", "bob", "carol"][n];
    let query = format!("?fieldManager={}", manager(below(chance, 3)));
    let mut steps = vec![Step {
        method: "POST",
        path: format!("{all}{query}"),
        content: "application/json",
        body: object.clone(),
    }];
    for _ in 0..2 + below(chance, 5) {
        let mut changed = object.clone();
        mutate::object(&mut changed, subject, corpus, chance);
        changed["metadata"]["name"] = json!(name);
        let query = format!("?fieldManager={}", manager(below(chance, 3)));
        let step = match below(chance, 6) {
            0 => ("PUT", query, "application/json", changed.clone()),
            1 => ("PATCH", query, "application/merge-patch+json", difference(&object, &changed)),
            2 => (
                "PATCH",
                query,
                "application/strategic-merge-patch+json",
                difference(&object, &changed),
            ),
            3 => ("PATCH", query, "application/json-patch+json", operations(&object, &changed)),
            4 => ("GET", String::new(), "application/json", Value::Null),
            _ => {
                let force = if below(chance, 2) == 0 { "&force=true" } else { "" };
                (
                    "PATCH",
                    format!("{query}{force}"),
                    "application/apply-patch+yaml",
                    changed.clone(),
                )
            }
        };
        let (method, query, content, body) = step;
        steps.push(Step { method, path: format!("{one}{query}"), content, body });
        object = changed;
    }
    steps
}

/// A merge patch from one object to another.
fn difference(from: &Value, to: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (from, to) else { return to.clone() };
    let gone = old.keys().filter(|k| !new.contains_key(*k)).map(|k| (k.clone(), Value::Null));
    let changed = new
        .iter()
        .filter(|(k, v)| old.get(*k) != Some(v))
        .map(|(k, v)| (k.clone(), old.get(k).map_or_else(|| v.clone(), |was| difference(was, v))));
    Value::Object(gone.chain(changed).collect())
}

/// A JSON patch that replaces what differs at the top of `metadata` and `spec`.
fn operations(from: &Value, to: &Value) -> Value {
    let mut operations = vec![];
    for (key, value) in to.as_object().into_iter().flatten() {
        if from.get(key) != Some(value) {
            operations.push(json!({"op": "add", "path": format!("/{key}"), "value": value}));
        }
    }
    for key in from.as_object().into_iter().flatten().map(|(k, _)| k) {
        if to.get(key).is_none() {
            operations.push(json!({"op": "remove", "path": format!("/{key}")}));
        }
    }
    Value::Array(operations)
}
