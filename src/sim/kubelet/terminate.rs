//! Stopping containers: on deletion, at a deadline, and sidecars after everything else.

use super::{
    container,
    hooks::{self, Hook},
    record::{Ended, Record, State},
    sync::{Sync, plus},
};
use crate::object::{ObjectExt, Value, time};
use jiff::{SignedDuration, Timestamp};

/// Moves a deleted pod towards its end; true when every container has stopped.
///
/// A graceful deletion raises the generation; a kubelet that has not observed it yet has not
/// begun to stop the containers.
pub fn step(s: &mut Sync<'_>) -> bool {
    let grace = s.pod.i64_at("metadata.deletionGracePeriodSeconds").unwrap_or(0);
    let limit = time::parse(s.pod.str_at("metadata.deletionTimestamp")).unwrap_or(s.now());
    let asked = limit.saturating_sub(SignedDuration::from_secs(grace)).unwrap_or(limit);
    let observed = s.pod.i64_at("status.observedGeneration");
    if observed != s.pod.i64_at("metadata.generation") {
        announce(s);
    }
    // Whoever is to stop is not waited for any more: what runs is shown.
    for r in s.inits.iter_mut().chain(&mut s.apps).chain(&mut s.extras) {
        r.shown = None;
    }
    let mut last = asked;
    for i in 0..s.apps.len() {
        let spec = s.pod.list_at("spec.containers")[i].clone();
        let mut record = s.apps[i].clone();
        last = last.max(stop(s, &spec, &mut record, asked, limit));
        s.apps[i] = record;
    }
    for i in 0..s.extras.len() {
        let spec = s.pod.list_at("spec.ephemeralContainers")[i].clone();
        let mut record = s.extras[i].clone();
        last = last.max(stop(s, &spec, &mut record, asked, limit));
        s.extras[i] = record;
    }
    // Sidecars follow one by one, the last first, when all else has ended.
    for i in (0..s.inits.len()).rev() {
        let spec = s.pod.list_at("spec.initContainers")[i].clone();
        let mut record = s.inits[i].clone();
        let from = if spec.str_at("restartPolicy") == "Always" { last } else { asked };
        if from > s.now() {
            s.wake(from);
            continue;
        }
        last = last.max(stop(s, &spec, &mut record, from, limit));
        s.inits[i] = record;
    }
    s.inits.iter().chain(&s.apps).chain(&s.extras).all(|r| r.running().is_none())
}

fn announce(s: &mut Sync<'_>) {
    let running: Vec<String> = s
        .apps
        .iter()
        .chain(&s.inits)
        .chain(&s.extras)
        .filter(|r| r.running().is_some())
        .map(|r| r.name.clone())
        .collect();
    for name in running {
        s.tell(&name, false, "Killing", format!("Stopping container {name}"));
    }
}

/// Stops one container if its time has come; answers when it stops (or stopped).
fn stop(
    s: &mut Sync<'_>,
    spec: &Value,
    r: &mut Record,
    asked: Timestamp,
    limit: Timestamp,
) -> Timestamp {
    let Some(since) = r.running() else {
        return r.ended().map_or(asked, |e| e.finished);
    };
    let (at, code) = end(s, spec, r, since, asked, limit);
    if s.reached(at) {
        if code != 137 {
            container::say_last(s, r, &container::process(s, spec, r), at);
        }
        container::finish(s, r, since, code);
    }
    at
}

/// When and how a container ends that was asked to stop: by itself, after TERM, or by KILL.
fn end(
    s: &mut Sync<'_>,
    spec: &Value,
    r: &Record,
    since: Timestamp,
    asked: Timestamp,
    limit: Timestamp,
) -> (Timestamp, i64) {
    let process = container::process(s, spec, r);
    let percent = f64::from(s.view.delays.term_percent) / 100.0;
    let hooked = limit > asked && hooks::has(spec, "preStop");
    let term = match hooked.then(|| hooks::perform(s, spec, r, "preStop", asked)) {
        None => asked,
        Some(Hook::Done(at)) => at.max(asked),
        Some(Hook::Failed(at, _)) => {
            let text = "PreStopHook failed";
            s.record_once(&r.name, true, "FailedPreStopHook", text.into(), asked);
            at.max(asked)
        }
        Some(Hook::Open) if s.now() < limit => return (limit, 137),
        Some(Hook::Open) => limit,
    };
    // The moment of TERM is known to the second: what follows counts from the end of it. The
    // runtime gets two seconds to end it, however short the grace (upstream's minimum).
    let (heard, limit) = match percent > 0.0 {
        true => (plus(term, 1.0), limit.max(plus(term, 3.0))),
        false => (term, limit),
    };
    if process.answers_term() && s.reached(term) {
        // It hears TERM and does what it likes; its runtime notes the end.
        if let Some(lives) = &s.view.lives {
            lives.signal(r.run(s.pod), 15, term);
        }
    }
    let (mut at, mut code) = match process.on_term {
        Some(end) => (plus(heard, end.after * percent), end.code),
        None => (limit, 137),
    };
    if at > limit {
        (at, code) = (limit, 137);
    }
    if let Some(own) = process.ends.filter(|_| !process.driven) {
        let by_itself = plus(since, own.after);
        if by_itself < at {
            (at, code) = (by_itself, own.code);
        }
    }
    (at, code)
}

/// Stops everything at once.
pub fn stop_now(s: &mut Sync<'_>) {
    announce(s);
    let now = s.now();
    for r in s.apps.iter_mut().chain(&mut s.inits).chain(&mut s.extras) {
        if let Some(since) = r.running() {
            r.state = State::Terminated(Ended::new(137, since, now, &r.container));
            (r.ready, r.started) = (false, false);
        }
    }
}

/// Stops sidecars after the other containers have ended for good.
pub fn stop_sidecars(s: &mut Sync<'_>) {
    for i in (0..s.inits.len()).rev() {
        let mut record = s.inits[i].clone();
        if let Some(since) = record.running() {
            let spec = s.pod.list_at("spec.initContainers")[i].clone();
            let text = format!("Stopping container {}", record.name);
            container::kill(s, &spec, &mut record, since, text);
            s.inits[i] = record;
        }
    }
}
