//! Startup, readiness and liveness probes, worked out from the moment the container started.
//!
//! An HTTP or TCP probe succeeds on a port some container of the pod serves by then; an exec
//! probe does what its command does. Source: `pkg/kubelet/prober`.

use super::{
    container, hooks,
    record::{Named, Record},
    sync::{Sync, plus},
};
use crate::{
    controllers::{Heard, Question, What},
    object::{ObjectExt, Value, time},
    sim::images::process::{self, Image, Process},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// What the running containers of a pod do, for probes to look at.
pub struct Listening {
    ports: HashMap<i64, Open>,
    /// The next moment at which one of them is up.
    turn: Option<Timestamp>,
    address: String,
    /// Whether only asking tells.
    stir: bool,
}

/// A port some container serves.
struct Open {
    since: Timestamp,
    /// Whether the server on it decides how probes end.
    choosy: bool,
}

impl Listening {
    /// Of all containers that run now.
    pub fn of(s: &Sync<'_>, inits: &[Value], apps: &[Value]) -> Listening {
        let pairs = inits.iter().zip(&s.inits).chain(apps.iter().zip(&s.apps));
        let probed = inits.iter().chain(apps).any(|spec| {
            ["startupProbe", "readinessProbe", "livenessProbe"]
                .iter()
                .any(|p| probe(spec, p).is_some())
        });
        let running = pairs
            .filter(|_| probed)
            .filter_map(|(spec, r)| Some((r.running()?, container::process(s, spec, r))));
        let address = super::network::pod(s).filter(|_| probed);
        let mut on = Listening {
            ports: HashMap::new(),
            turn: None,
            address: address.map_or(String::new(), |(ip, _)| ip.as_str().unwrap_or("").into()),
            stir: false,
        };
        running.for_each(|(since, process)| on.add(s.now(), since, &process));
        on
    }

    fn add(&mut self, now: Timestamp, since: Timestamp, process: &Process) {
        let (up, choosy) = (plus(since, process.boot), process.choosy);
        self.stir |= process.driven || choosy;
        if up > now {
            self.turn = Some(self.turn.map_or(up, |turn| turn.min(up)));
        }
        for port in &process.serves {
            let open = self.ports.entry(i64::from(*port)).or_insert(Open { since: up, choosy });
            open.since = open.since.min(up);
            open.choosy |= choosy;
        }
    }

    fn choosy(&self, port: i64) -> bool {
        self.ports.get(&port).is_some_and(|open| open.choosy)
    }

    /// Whether something happens in a container of which nothing tells beforehand.
    fn moves(&self, s: &Sync<'_>, r: &Record) -> bool {
        s.view.lives.as_ref().is_some_and(|lives| lives.stirs(r.run(s.pod)))
    }

    fn serves(&self, port: i64, at: Timestamp) -> bool {
        self.ports.get(&port).is_some_and(|open| at >= open.since)
    }
}

fn probe<'a>(spec: &'a Value, field: &str) -> Option<&'a Value> {
    spec.at(field).filter(|p| !p.is_null())
}

/// What a probe has found so far.
struct Findings {
    /// Success or failure often enough in a row; `None` while neither.
    verdict: Option<bool>,
    /// The latest attempt and what went wrong with it, if it failed.
    failed: Option<(Timestamp, String)>,
}

/// Probes one running container.
pub fn container(s: &mut Sync<'_>, spec: &Value, r: &mut Record, on: &Listening) {
    let Some(since) = r.running() else { return };
    if hooks::holds(s, spec, r) {
        return;
    }
    if !r.started {
        let Some(p) = probe(spec, "startupProbe") else { return r.started = true };
        match look(s, spec, r, p, on, since, "Startup").verdict {
            Some(true) => {
                r.started = true;
                r.ready = probe(spec, "readinessProbe").is_none();
            }
            Some(false) => {
                let text = format!("Container {} failed startup probe, will be restarted", r.name);
                return container::kill(s, spec, r, since, text);
            }
            None => return,
        }
    }
    if let Some(p) = probe(spec, "livenessProbe")
        && look(s, spec, r, p, on, since, "Liveness").verdict == Some(false)
    {
        let text = format!("Container {} failed liveness probe, will be restarted", r.name);
        return container::kill(s, spec, r, since, text);
    }
    match probe(spec, "readinessProbe") {
        Some(p) => {
            if let Some(v) = look(s, spec, r, p, on, since, "Readiness").verdict {
                r.ready = v;
            }
        }
        None => r.ready = true,
    }
}

/// How many attempts back a look goes.
const WINDOW: i64 = 64;

/// Makes the attempts that are due, tells of the last failure, arranges the next look.
fn look(
    s: &mut Sync<'_>,
    spec: &Value,
    r: &Record,
    p: &Value,
    on: &Listening,
    since: Timestamp,
    word: &str,
) -> Findings {
    let number = |field: &str, default: i64| p.i64_at(field).unwrap_or(default).max(0);
    let period = number("periodSeconds", 10).max(1);
    // The first attempt follows the kubelet's notice of the start.
    let lag = s.view.delays.notice.min(SignedDuration::from_secs(1));
    let first = time::plus_seconds(since, number("initialDelaySeconds", 0));
    let first = first.saturating_add(lag).unwrap_or(first);
    if !s.reached(first) {
        return Findings { verdict: None, failed: None };
    }
    let done = s.now().duration_since(first).as_secs() / period;
    let at = |k: i64| time::plus_seconds(first, k * period);
    let needs = (number("successThreshold", 1).max(1), number("failureThreshold", 3).max(1));
    let mut found = Findings { verdict: None, failed: None };
    let (mut good, mut bad) = (0, 0);
    let start = (done - WINDOW - needs.0 - needs.1).max(0);
    let mut open = false;
    for k in start..=done {
        let turn = Turn { word, number: k, at: at(k), last: k == done };
        match attempt(s, spec, r, p, on, &turn) {
            Attempt::Good => (good, bad, found.failed) = (good + 1, 0, None),
            Attempt::Bad(why) => (good, bad, found.failed) = (0, bad + 1, Some((at(k), why))),
            Attempt::Unknown => open = k == done,
        }
        if good >= needs.0 {
            found.verdict = Some(true);
        } else if bad >= needs.1 {
            found.verdict = Some(false);
        }
    }
    if let Some((when, why)) = &found.failed {
        let text = format!("{word} probe failed: {why}");
        s.record_once(&r.name, true, "Unhealthy", text, *when);
    }
    if open {
        // It is asked again when its time is up, at the latest.
        s.wake(plus(at(done), number("timeoutSeconds", 1).max(1) as f64));
    }
    let stirs = on.stir || probe(p, "exec").is_some_and(|_| on.moves(s, r));
    if found.failed.is_some() || good < needs.0 || stirs {
        s.wake(at(done + 1));
    } else if let Some(turn) = on.turn {
        let whole = turn.duration_since(first).as_millis() as f64 / 1000.0 / period as f64;
        s.wake(at((whole.ceil() as i64).max(done + 1)));
    }
    found
}

/// One attempt at a moment.
fn attempt(
    s: &Sync<'_>,
    spec: &Value,
    r: &Record,
    p: &Value,
    on: &Listening,
    turn: &Turn<'_>,
) -> Attempt {
    let at = turn.at;
    let reached = |port, refused| match on.serves(port, at) {
        true => Attempt::Good,
        false => Attempt::Bad(refused),
    };
    let host = |own: &str| if own.is_empty() { on.address.clone() } else { own.to_owned() };
    if let Some(http) = probe(p, "httpGet") {
        let (port, host) = (port(spec, http), host(http.str_at("host")));
        let scheme = if http.str_at("scheme") == "HTTPS" { "https" } else { "http" };
        let path = http.str_at("path").trim_start_matches('/');
        let url = format!("{scheme}://{host}:{port}/{path}");
        let refused = format!("Get \"{url}\": dial tcp {host}:{port}: connect: connection refused");
        return match on.choosy(port) {
            true if on.serves(port, at) => http_asked(s, r, http, port, turn),
            _ => reached(port, refused),
        };
    }
    if let Some(tcp) = probe(p, "tcpSocket") {
        let (port, host) = (port(spec, tcp), host(tcp.str_at("host")));
        let refused = format!("dial tcp {host}:{port}: connect: connection refused");
        return reached(port, refused);
    }
    if let Some(grpc) = probe(p, "grpc") {
        let (port, limit) = (port(spec, grpc), p.i64_at("timeoutSeconds").unwrap_or(1));
        let refused = format!(
            "timeout: failed to connect service \"{}:{port}\" within {limit}s: context deadline \
             exceeded",
            on.address
        );
        return reached(port, refused);
    }
    exec(s, r, p, turn)
}

/// Asks a server whose answers differ.
fn http_asked(s: &Sync<'_>, r: &Record, http: &Value, port: i64, turn: &Turn<'_>) -> Attempt {
    let headers = headers(s, http, "probe");
    let path = format!("/{}", http.str_at("path").trim_start_matches('/'));
    let what = What::Request(u16::try_from(port).unwrap_or(0), &path, &headers);
    let question = Question { name: &turn.name(), what, since: turn.at };
    match turn.ask(s, r, &question) {
        Heard::Done(_, 200..400, _) => Attempt::Good,
        Heard::Done(_, status, _) => {
            Attempt::Bad(format!("HTTP probe failed with statuscode: {status}"))
        }
        Heard::Failed(why) => Attempt::Bad(why),
        Heard::Busy(_) | Heard::Nothing => Attempt::Unknown,
    }
}

/// The header lines of a request the kubelet makes for an `httpGet` action.
pub fn headers(s: &Sync<'_>, http: &Value, purpose: &str) -> Vec<(String, String)> {
    let pair = |h: &Value| (h.str_at("name").to_owned(), h.str_at("value").to_owned());
    let mut headers: Vec<(String, String)> = http.list_at("httpHeaders").iter().map(pair).collect();
    let version = s.view.settings.versions.kubernetes.trim_start_matches('v');
    let minor: Vec<&str> = version.split('.').take(2).collect();
    headers.push(("User-Agent".into(), format!("kube-{purpose}/{}", minor.join("."))));
    headers
}

/// A port by number, or by the name the container's ports give it.
pub fn port(spec: &Value, action: &Value) -> i64 {
    let wanted = action.at("port").cloned().unwrap_or(Value::Null);
    let named = |name: &str| {
        let found = spec.list_at("ports").iter().find(|p| p.name_field() == name);
        found.and_then(|p| p.i64_at("containerPort"))
    };
    match &wanted {
        Value::String(name) => named(name).or_else(|| name.parse().ok()).unwrap_or(0),
        number => number.as_i64().unwrap_or(0),
    }
}

/// Runs the command of a probe, or hears how it went. Commands whose end can be told are not run.
fn exec(s: &Sync<'_>, r: &Record, p: &Value, turn: &Turn<'_>) -> Attempt {
    let argv: Vec<String> =
        p.list_at("exec.command").iter().filter_map(Value::as_str).map(Into::into).collect();
    let limit = p.i64_at("timeoutSeconds").unwrap_or(1).max(1);
    let late = || {
        Attempt::Bad(format!("command timed out: {:?} timed out after {limit}s", argv.join(" ")))
    };
    let Some(config) = container::config(s, r) else { return Attempt::Good };
    let image = Image { name: &r.image_id, config: &config };
    let known = process::exec(&image, &argv);
    match (known, &s.view.lives) {
        (Err(process::NotFound(program)), _) if !program.contains('/') => {
            return Attempt::Bad(format!(
                "executable file `{program}` not found in $PATH: No such file or directory"
            ));
        }
        (Ok(done), lives) if !done.driven || lives.is_none() => {
            return match done.ends {
                Some(end) if end.after >= limit as f64 => late(),
                Some(end) if end.code == 0 => Attempt::Good,
                Some(_) => Attempt::Bad(String::new()),
                None if done.driven => Attempt::Unknown,
                None => late(),
            };
        }
        _ => {}
    }
    let question = Question { name: &turn.name(), what: What::Command(&argv), since: turn.at };
    match turn.ask(s, r, &question) {
        Heard::Done(at, ..) if at > time::plus_seconds(turn.at, limit) => late(),
        Heard::Done(_, 0, _) => Attempt::Good,
        Heard::Done(_, _, said) => Attempt::Bad(said.trim_end().to_owned()),
        Heard::Failed(why) => Attempt::Bad(why),
        Heard::Busy(_) if s.now() >= time::plus_seconds(turn.at, limit) => late(),
        Heard::Busy(_) | Heard::Nothing => Attempt::Unknown,
    }
}

/// One attempt of one probe.
struct Turn<'a> {
    word: &'a str,
    number: i64,
    at: Timestamp,
    /// Whether it is the last that is due: those before can only be remembered.
    last: bool,
}

impl Turn<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.word, self.number)
    }

    fn ask(&self, s: &Sync<'_>, r: &Record, question: &Question<'_>) -> Heard {
        let lives = s.view.lives.as_ref();
        lives.map_or(Heard::Nothing, |lives| lives.ask(r.run(s.pod), question, self.last))
    }
}

/// How an attempt went.
enum Attempt {
    Good,
    /// Why not.
    Bad(String),
    /// Nobody knows (any more).
    Unknown,
}
