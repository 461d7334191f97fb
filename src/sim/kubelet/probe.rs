//! Startup, readiness and liveness probes, worked out from the moment the container started.
//!
//! An HTTP or TCP probe succeeds on a port some container of the pod serves by then; an exec
//! probe does what its command does. Source: `pkg/kubelet/prober`.

use super::{
    container,
    record::{Named, Record},
    sync::{Sync, plus},
};
use crate::{
    object::{ObjectExt, Value, time},
    sim::images::process::{self, Process},
};
use jiff::{SignedDuration, Timestamp};

/// What the running containers of a pod do, for probes to look at.
pub struct Listening {
    processes: Vec<(String, Timestamp, Process)>,
    address: String,
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
        let running = pairs.filter(|_| probed).filter_map(|(spec, r)| {
            Some((r.name.clone(), r.running()?, container::process(s, spec, r)))
        });
        let address = super::network::pod(s).filter(|_| probed);
        Listening {
            processes: running.collect(),
            address: address.map_or(String::new(), |(ip, _)| ip.as_str().unwrap_or("").into()),
        }
    }

    fn serves(&self, port: i64, at: Timestamp) -> bool {
        self.processes.iter().any(|(_, since, p)| {
            p.serves.iter().any(|s| i64::from(*s) == port) && at >= plus(*since, p.boot)
        })
    }

    /// Moments at which something may change.
    fn turns(&self) -> Vec<Timestamp> {
        let of = |(_, since, p): &(String, Timestamp, Process)| {
            let moments: Vec<Timestamp> = std::iter::once(p.boot)
                .chain(p.files.iter().map(|(at, _, _)| *at))
                .map(|after| plus(*since, after))
                .collect();
            moments
        };
        self.processes.iter().flat_map(of).collect()
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
    let lag = s.view.settings.delays.notice.min(SignedDuration::from_secs(1));
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
    for k in start..=done {
        match attempt(s, spec, r, p, on, at(k)) {
            Ok(()) => (good, bad, found.failed) = (good + 1, 0, None),
            Err(why) => (good, bad, found.failed) = (0, bad + 1, Some((at(k), why))),
        }
        if good >= needs.0 {
            found.verdict = Some(true);
        } else if bad >= needs.1 {
            found.verdict = Some(false);
        }
    }
    if let Some((when, why)) = &found.failed {
        let text = format!("{word} probe failed: {why}");
        s.tell_once(&r.name, true, "Unhealthy", text, *when);
    }
    if found.failed.is_some() || good < needs.0 {
        s.wake(at(done + 1));
    } else if let Some(turn) = on.turns().into_iter().filter(|t| *t > s.now()).min() {
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
    at: Timestamp,
) -> Result<(), String> {
    let host = |own: &str| if own.is_empty() { on.address.clone() } else { own.to_owned() };
    if let Some(http) = probe(p, "httpGet") {
        let (port, host) = (port(spec, http), host(http.str_at("host")));
        let scheme = if http.str_at("scheme") == "HTTPS" { "https" } else { "http" };
        let path = http.str_at("path").trim_start_matches('/');
        let url = format!("{scheme}://{host}:{port}/{path}");
        let refused = format!("Get \"{url}\": dial tcp {host}:{port}: connect: connection refused");
        return if on.serves(port, at) { Ok(()) } else { Err(refused) };
    }
    if let Some(tcp) = probe(p, "tcpSocket") {
        let (port, host) = (port(spec, tcp), host(tcp.str_at("host")));
        let refused = format!("dial tcp {host}:{port}: connect: connection refused");
        return if on.serves(port, at) { Ok(()) } else { Err(refused) };
    }
    if let Some(grpc) = probe(p, "grpc") {
        let (port, limit) = (port(spec, grpc), p.i64_at("timeoutSeconds").unwrap_or(1));
        let refused = format!(
            "timeout: failed to connect service \"{}:{port}\" within {limit}s: context deadline \
             exceeded",
            on.address
        );
        return if on.serves(port, at) { Ok(()) } else { Err(refused) };
    }
    exec(s, r, p, on, at)
}

/// A port by number, or by the name the container's ports give it.
fn port(spec: &Value, action: &Value) -> i64 {
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

fn exec(s: &Sync<'_>, r: &Record, p: &Value, on: &Listening, at: Timestamp) -> Result<(), String> {
    let argv: Vec<String> =
        p.list_at("exec.command").iter().filter_map(Value::as_str).map(Into::into).collect();
    if let Some(problem) = missing_file(r, on, &argv, at) {
        return Err(problem);
    }
    let Some(config) = container::config(s, r) else { return Ok(()) };
    let limit = p.i64_at("timeoutSeconds").unwrap_or(1) as f64;
    match process::exec(&config, &argv) {
        Err(process::NotFound(program)) => Err(format!(
            "executable file `{program}` not found in $PATH: No such file or directory"
        )),
        Ok(done) => match done.ends {
            Some(end) if end.after >= limit => {
                Err(format!("command timed out: {:?} timed out after {limit}s", argv.join(" ")))
            }
            None => {
                Err(format!("command timed out: {:?} timed out after {limit}s", argv.join(" ")))
            }
            Some(end) if end.code == 0 => Ok(()),
            Some(_) => Err(String::new()),
        },
    }
}

/// What a command that looks at a file says when it is not there. Files under `/tmp` are there
/// only if the container's own script made them.
fn missing_file(r: &Record, on: &Listening, argv: &[String], at: Timestamp) -> Option<String> {
    let line = argv.join(" ");
    let words: Vec<&str> = line.split_whitespace().filter(|w| !w.ends_with("sh")).collect();
    let looks = ["cat", "test", "ls", "stat", "["];
    let program = words.iter().find(|w| looks.contains(&w.rsplit('/').next().unwrap_or(w)))?;
    let file = words.iter().find(|w| w.starts_with('/') && w != &program)?;
    let (_, since, process) = on.processes.iter().find(|(name, _, _)| *name == r.name)?;
    let fate = process
        .files
        .iter()
        .rev()
        .find(|(after, name, _)| name == file && plus(*since, *after) <= at);
    let there = fate.map_or(!file.starts_with("/tmp/"), |(_, _, there)| *there);
    let said = match *program {
        "test" | "[" => String::new(),
        name => format!("{}: {file}: No such file or directory", name.rsplit('/').next()?),
    };
    (!there).then_some(said)
}
