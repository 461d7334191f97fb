//! When the kubelet's HTTP probes reach a container, for the lines they leave in its log: the same
//! moments the simulated kubelet counts with.

use super::{place::Place, programs::Request};
use crate::{
    controllers::View,
    object::{ObjectExt, Value, time},
};
use jiff::{SignedDuration, Timestamp};

/// Most hits that are worked out at a time: older ones have left the log anyway.
const MOST: i64 = 4000;

/// One probe: its first moment, its period in seconds and its path.
struct Schedule<'a> {
    first: Timestamp,
    period: i64,
    path: &'a str,
}

fn schedules<'a>(view: &View, place: &'a Place, started: Timestamp) -> Vec<Schedule<'a>> {
    let process = place.process(view);
    let boot = SignedDuration::try_from_secs_f64(process.boot.clamp(0.0, 1e9)).unwrap_or_default();
    let served = started.saturating_add(boot).unwrap_or(started);
    let lag = view.delays.notice.min(SignedDuration::from_secs(1));
    let one = |field: &str, from: Timestamp| -> Option<Schedule<'a>> {
        let probe = place.spec.at(field).filter(|p| !p.is_null())?;
        let http = probe.at("httpGet")?;
        let port = port(&place.spec, http)?;
        if !process.serves.contains(&port) {
            return None;
        }
        let delay = probe.i64_at("initialDelaySeconds").unwrap_or(0).max(0);
        let period = probe.i64_at("periodSeconds").unwrap_or(10).max(1);
        let first = time::plus_seconds(started, delay);
        let first = first.saturating_add(lag).unwrap_or(first);
        // What came before it served was refused and left no line.
        let missed = from.max(served).duration_since(first).as_secs_f64();
        let rounds = (missed / period as f64).ceil().max(0.0) as i64;
        let path = http.str_at("path");
        Some(Schedule { first: time::plus_seconds(first, rounds * period), period, path })
    };
    // The startup probe ends with its first success; the others begin then.
    let startup = one("startupProbe", started);
    let from = startup.as_ref().map_or(started, |s| s.first);
    let once = startup.map(|s| Schedule { period: i64::MAX / 4, ..s });
    let others = ["readinessProbe", "livenessProbe"].into_iter().filter_map(|f| one(f, from));
    once.into_iter().chain(others).collect()
}

fn port(spec: &Value, action: &Value) -> Option<u16> {
    let number = match action.at("port")? {
        Value::String(name) => {
            let mut named = spec.list_at("ports").iter().filter(|p| p.str_at("name") == name);
            named.next().and_then(|p| p.i64_at("containerPort")).or(name.parse().ok())?
        }
        number => number.as_i64()?,
    };
    u16::try_from(number).ok()
}

/// The hits after one moment and up to another, in order.
pub fn between(
    view: &View,
    place: &Place,
    started: Timestamp,
    after: Timestamp,
    until: Timestamp,
) -> Vec<(Timestamp, Request)> {
    let client = place.pod.str_at("status.hostIP");
    let version = view.settings.versions.kubernetes.trim_start_matches('v');
    let minor: Vec<&str> = version.split('.').take(2).collect();
    let mut found = Vec::new();
    for s in schedules(view, place, started) {
        let last = until.duration_since(s.first).as_secs();
        if until < s.first {
            continue;
        }
        let last = last / s.period;
        let seen = if after <= started && after < s.first {
            0
        } else {
            after.duration_since(s.first).as_secs().max(-1) / s.period + i64::from(after >= s.first)
        };
        for k in seen.max(last - MOST)..=last {
            let request = Request {
                client: client.to_owned(),
                method: "GET".into(),
                path: if s.path.starts_with('/') { s.path.into() } else { format!("/{}", s.path) },
                status: 200,
                size: 120,
                agent: format!("kube-probe/{}", minor.join(".")),
            };
            found.push((time::plus_seconds(s.first, k * s.period), request));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found
}

/// The next hit after now.
pub fn next(view: &View, place: &Place, started: Timestamp) -> Option<Timestamp> {
    let next = |s: Schedule<'_>| {
        if view.now < s.first {
            return s.first;
        }
        let done = view.now.duration_since(s.first).as_secs() / s.period;
        time::plus_seconds(s.first, (done + 1).saturating_mul(s.period))
    };
    schedules(view, place, started).into_iter().map(next).min()
}
