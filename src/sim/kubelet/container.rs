//! The life of one container: waiting, running, ended, and back.

use super::{
    backoff, config, faulty, hooks, image, probe,
    record::{Ended, Record, State},
    sync::{Sync, plus},
};
use crate::{
    catalog::{Config, End, reference::Reference},
    controllers::task::Task,
    object::{ObjectExt, Value, hex},
    sim::{
        containers,
        images::process::{self, Image, Process},
        registries,
    },
};
use hooks::Hook;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What a container is for, which decides whether it is started again.
#[derive(Clone, Copy, PartialEq)]
pub enum Role {
    /// One of `containers`.
    App,
    /// Runs to its end before the others start.
    Init,
    /// Starts before the others and stays.
    Sidecar,
    /// Put into a pod that runs; never started again.
    Ephemeral,
}

/// Steps one look may take: with zero delays a container starts, ends, starts again, ends and
/// waits.
const STEPS: usize = 8;

/// Brings a container to where it should be now. `anchor` is when its first start may begin.
pub fn advance(s: &mut Sync<'_>, spec: &Value, r: &mut Record, anchor: Timestamp, role: Role) {
    for _ in 0..STEPS {
        let before = r.state.clone();
        match before.clone() {
            State::Waiting(reason, _) => wait(s, spec, r, anchor, &reason),
            State::Running(since) => run(s, spec, r, since),
            State::Terminated(ended) => again(s, spec, r, &ended, role),
        }
        if r.state == before {
            return;
        }
    }
}

fn wait(s: &mut Sync<'_>, spec: &Value, r: &mut Record, anchor: Timestamp, reason: &str) {
    let last = r.last.as_ref().map(|e| e.finished);
    if reason == "CrashLoopBackOff" {
        let hold = backoff::noted(r);
        let due = last.unwrap_or(anchor).saturating_add(hold).unwrap_or(anchor);
        if changed(spec, r) || s.reached(due) {
            start(s, spec, r, due.min(s.now()));
        }
    } else {
        start(s, spec, r, last.unwrap_or(anchor));
    }
}

/// Starts the container unless image, configuration or time forbid it.
fn start(s: &mut Sync<'_>, spec: &Value, r: &mut Record, anchor: Timestamp) {
    let Some(anchor) = image::ensure_volumes(s, spec, r, anchor) else { return };
    let Some(pulled) = image::ensure(s, spec, r, anchor) else { return };
    if let Err(why) = config::check(s, spec, &pulled.config) {
        present(s, r, pulled.text);
        return fail(s, r, "CreateContainerConfigError", why);
    }
    let argv = containers::line(s.view, s.pod, spec, &pulled.config);
    let image = Image { name: &pulled.digest, config: &pulled.config };
    if let Err(process::NotFound(program)) = process::of_container(&image, spec, &argv) {
        let why = format!(
            "container create failed: executable file `{program}` not found in $PATH: No such \
             file or directory"
        );
        present(s, r, pulled.text);
        return fail(s, r, "CreateContainerError", why);
    }
    let due = pulled.at.saturating_add(s.view.delays.start).unwrap_or(pulled.at);
    if !s.reached(due) {
        return;
    }
    s.tell(&r.name.clone(), false, "Pulled", pulled.text);
    s.tell(&r.name.clone(), false, "Created", "Container created".into());
    s.tell(&r.name.clone(), false, "Started", "Container started".into());
    begin(s, spec, r, pulled.name, pulled.digest);
}

fn begin(s: &mut Sync<'_>, spec: &Value, r: &mut Record, image: String, digest: String) {
    s.attempts.forget(&r.name);
    // Until its hook after the start has ended, what was before is shown.
    let before = Record { shown: None, unhooked: None, ..r.clone() };
    r.shown = hooks::has(spec, "postStart").then(|| Box::new(before));
    if r.has_run() {
        r.restarts += 1;
    }
    if let State::Terminated(ended) = &r.state {
        r.last = Some(ended.clone());
    }
    let id = Sha256::digest(format!("{} {} {}", s.pod.uid(), r.name, r.restarts));
    r.container = format!("cri-o://{}", hex(&id));
    (r.image, r.image_id) = (image, digest);
    // Stored times have whole seconds: work with what the next look will read.
    let second = Timestamp::from_second(s.now().as_second()).unwrap_or(s.now());
    r.state = State::Running(second);
    if !hooks::has(spec, "postStart") {
        begun(spec, r);
    }
}

/// A container that is up, as far as probes do not find out.
fn begun(spec: &Value, r: &mut Record) {
    r.shown = None;
    r.started = !has(spec, "startupProbe");
    r.ready = r.started && !has(spec, "readinessProbe");
}

fn has(spec: &Value, field: &str) -> bool {
    spec.at(field).is_some_and(|v| !v.is_null())
}

/// Tells that the image is there, before a start that fails.
fn present(s: &mut Sync<'_>, r: &Record, text: String) {
    s.record_once(&r.name, false, "Pulled", text, lately(s));
}

/// Since when a repeated failure is still the same to tell.
fn lately(s: &Sync<'_>) -> Timestamp {
    plus(s.start, s.now().duration_since(s.start).as_secs_f64() - 60.0)
}

/// A start that failed and is tried again whenever the pod is looked at, at least every ten
/// seconds.
fn fail(s: &mut Sync<'_>, r: &mut Record, reason: &str, why: String) {
    hold(r, reason, why.clone());
    let retry = plus(s.now(), 10.0);
    s.record_once(&r.name, true, "Failed", format!("Error: {why}"), lately(s));
    s.wake(retry);
}

/// Makes a container wait for a reason; how it ended before is kept.
pub fn hold(r: &mut Record, reason: &str, message: String) {
    if let State::Terminated(ended) = &r.state {
        r.last = Some(ended.clone());
    }
    (r.started, r.ready) = (false, false);
    r.state = State::Waiting(reason.into(), message);
}

/// Whether the spec now names another image than the container runs (or ran last).
fn changed(spec: &Value, r: &Record) -> bool {
    let names = || Reference::candidates(spec.str_at("image")).unwrap_or_default();
    r.has_run() && !names().iter().any(|n| n.full() == r.image)
}

/// Whether a change of the spec is acted upon, which takes the node a moment.
fn noticed(s: &mut Sync<'_>, r: &Record) -> bool {
    let delay = s.view.delays.notice;
    if delay.is_zero() {
        return true;
    }
    let seen = s.attempts.seen_change(&r.name, s.now());
    s.reached(seen.saturating_add(delay).unwrap_or(seen))
}

fn run(s: &mut Sync<'_>, spec: &Value, r: &mut Record, since: Timestamp) {
    if !changed(spec, r) {
        s.attempts.forget_change(&r.name);
    } else if noticed(s, r) {
        let text = format!("Container {} definition changed, will be restarted", r.name);
        return kill(s, spec, r, since, text);
    }
    if s.resize.restarts(s.pod, spec, r) {
        let text = format!("Container {} resize requires restart", r.name);
        return kill(s, spec, r, since, text);
    }
    if r.shown.is_some() && hooks::has(spec, "postStart") {
        match hooks::perform(s, spec, r, "postStart", since) {
            Hook::Open => {}
            Hook::Done(_) => begun(spec, r),
            Hook::Failed(_, why) => {
                s.tell(&r.name.clone(), true, "FailedPostStartHook", "PostStartHook failed".into());
                kill(s, spec, r, since, "FailedPostStartHook".into());
                r.unhooked = Some(why);
                return;
            }
        }
    }
    if let Some(task) = Task::of(s.view, s.pod).filter(|t| t.container == r.name) {
        if let Some(exit) = task.exit {
            finish(s, r, since, exit.code);
        }
        return;
    }
    // How a driven one ends is noted by its runtime.
    let process = process(s, spec, r);
    if let Some(end) = process.ends.filter(|_| !process.driven)
        && s.reached(plus(since, end.after))
    {
        finish(s, r, since, end.code);
    }
}

/// What is known of the image a container runs.
pub fn config(s: &Sync<'_>, r: &Record) -> Option<Arc<Config>> {
    registries::known(s.view, &r.image_id).map(|image| image.config)
}

/// What the container's process does.
pub fn process(s: &Sync<'_>, spec: &Value, r: &Record) -> Process {
    let Some(config) = config(s, r) else { return Process::default() };
    let root_only = config.run.root && own_command(spec);
    let argv = containers::line(s.view, s.pod, spec, &config);
    let image = Image { name: &r.image_id, config: &config };
    let mut process = process::of_container(&image, spec, &argv).unwrap_or_default();
    if let (true, Some(lives)) = (process.driven, &s.view.lives) {
        process.serves = lives.ports(r.id());
    }
    if root_only && config::user(s.pod, spec).is_some_and(|uid| uid != 0) {
        process.ends = Some(End { after: 0.1, code: 1 });
    }
    let percent = f64::from(s.view.delays.boot_percent) / 100.0;
    process.boot *= percent;
    process
}

fn own_command(spec: &Value) -> bool {
    spec.list_at("command").is_empty() && spec.list_at("args").is_empty()
}

/// Notes the end of a container, with the message it left.
pub fn finish(s: &Sync<'_>, r: &mut Record, since: Timestamp, code: i64) {
    let mut ended = Ended::new(code, since, s.now(), &r.container);
    if let Some(lives) = &s.view.lives {
        ended.message = lives.message(r.run(s.pod), code as i32);
    }
    r.state = State::Terminated(ended);
    r.shown = None;
    (r.started, r.ready) = (false, containers::is_done(s.pod, &r.name, code));
}

/// Lets a program that TERM ends say what it says then.
pub fn say_last(s: &Sync<'_>, r: &Record, process: &Process, at: Timestamp) {
    if let (Some(lives), true) = (&s.view.lives, process.speaks) {
        lives.last_words(r.run(s.pod), 15, at);
    }
}

/// Ends a running container that will be started again.
pub fn kill(s: &mut Sync<'_>, spec: &Value, r: &mut Record, since: Timestamp, text: String) {
    s.tell(&r.name.clone(), false, "Killing", text);
    let process = process(s, spec, r);
    if hooks::has(spec, "preStop") {
        // It is done, but not waited for.
        hooks::perform(s, spec, r, "preStop", s.now());
    }
    let mut code = process.on_term.map_or(137, |end| end.code);
    say_last(s, r, &process, s.now());
    if let Some(lives) = s.view.lives.as_ref().filter(|_| process.answers_term()) {
        lives.signal(r.run(s.pod), 15, s.now());
        code = lives.ended(r.run(s.pod)).map_or(137, |(_, code)| code.into());
    }
    finish(s, r, since, code);
}

fn again(s: &mut Sync<'_>, spec: &Value, r: &mut Record, ended: &Ended, role: Role) {
    if !restarts(s.pod, spec, role, ended.code) {
        return;
    }
    let wait = if changed(spec, r) || s.resize.restarts(s.pod, spec, r) {
        jiff::SignedDuration::ZERO
    } else {
        backoff::after_crash(ended, r.last.as_ref())
    };
    if wait.is_zero() {
        if let Some(why) = r.unhooked.take() {
            hold(r, "PostStartHookError", why);
        }
        return start(s, spec, r, ended.finished);
    }
    let notice = ended.finished.saturating_add(s.view.delays.notice);
    if s.reached(notice.unwrap_or(ended.finished)) {
        let (pod, name) = (s.shown(), r.name.clone());
        let message =
            format!("back-off {} restarting failed container={name} pod={pod}", backoff::go(wait));
        hold(r, "CrashLoopBackOff", message);
        let text = format!("Back-off restarting failed container {name} in pod {pod}");
        s.tell(&name, true, "BackOff", text);
    }
}

/// Whether a container that ended with `code` is started again.
pub fn restarts(pod: &Value, spec: &Value, role: Role, code: i64) -> bool {
    let own = spec.str_at("restartPolicy");
    let policy = if own.is_empty() { pod.str_at("spec.restartPolicy") } else { own };
    let by_rule = spec.list_at("restartPolicyRules").iter().any(|rule| {
        let listed = rule.list_at("exitCodes.values").iter().any(|v| v.as_i64() == Some(code));
        rule.str_at("action") == "Restart" && listed == (rule.str_at("exitCodes.operator") == "In")
    });
    match role {
        Role::Sidecar => true,
        Role::Ephemeral => false,
        Role::Init => code != 0 && (policy != "Never" || by_rule),
        Role::App => by_rule || policy == "Always" || (policy == "OnFailure" && code != 0),
    }
}

/// Whether all app containers have ended for good.
pub fn are_over(s: &Sync<'_>) -> bool {
    let over = |(r, spec): (&Record, &Value)| {
        r.ended().is_some_and(|e| !restarts(s.pod, spec, Role::App, e.code))
    };
    s.apps.iter().zip(s.pod.list_at("spec.containers")).all(over)
}

/// Probes every running container once all are where they should be.
pub fn probe_all(s: &mut Sync<'_>) {
    let specs = |path| s.pod.list_at(path).to_vec();
    let (inits, apps) = (specs("spec.initContainers"), specs("spec.containers"));
    let listening = probe::Listening::of(s, &inits, &apps);
    for (i, spec) in inits.iter().enumerate() {
        if spec.str_at("restartPolicy") == "Always" {
            let mut record = s.inits[i].clone();
            faulty::container(s, spec, &mut record, &listening);
            s.inits[i] = record;
        }
    }
    for (i, spec) in apps.iter().enumerate() {
        let mut record = s.apps[i].clone();
        faulty::container(s, spec, &mut record, &listening);
        s.apps[i] = record;
    }
}
