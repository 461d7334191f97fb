//! Hooks of a container's life: done in the container, or sent into the network, and waited for.
//! Source: `pkg/kubelet/lifecycle`.

use super::{
    container, probe,
    record::Record,
    sync::{Sync, plus},
};
use crate::{
    controllers::{Heard, Question, Visit, What},
    object::{ObjectExt, Value, time},
    sim::images::process::{self, Image},
};
use jiff::Timestamp;

/// How far a hook has come.
#[derive(Debug, PartialEq)]
pub enum Hook {
    /// It goes on.
    Open,
    /// It has ended well.
    Done(Timestamp),
    /// It has failed, for this reason.
    Failed(Timestamp, String),
}

/// Whether a container of this spec has a hook.
pub fn has(spec: &Value, name: &str) -> bool {
    spec.at("lifecycle").and_then(|l| l.get(name)).is_some_and(|hook| !hook.is_null())
}

/// Whether the hook after the start keeps a container from being started.
pub fn holds(s: &mut Sync<'_>, spec: &Value, r: &Record) -> bool {
    let Some(since) = r.running().filter(|_| r.shown.is_some() && has(spec, "postStart")) else {
        return false;
    };
    perform(s, spec, r, "postStart", since) == Hook::Open
}

/// Does a hook that is due since a moment, or hears how it is going.
pub fn perform(s: &mut Sync<'_>, spec: &Value, r: &Record, name: &str, since: Timestamp) -> Hook {
    let Some(hook) = spec.at("lifecycle").and_then(|l| l.get(name)) else {
        return Hook::Done(since);
    };
    if let Some(seconds) = hook.i64_at("sleep.seconds") {
        let over = time::plus_seconds(since, seconds);
        return if s.reached(over) { Hook::Done(over) } else { Hook::Open };
    }
    let command: Vec<String> =
        hook.list_at("exec.command").iter().filter_map(Value::as_str).map(Into::into).collect();
    let get = hook.at("httpGet").filter(|get| !get.is_null());
    match (get, s.view.lives.is_some()) {
        (Some(get), true) => {
            let request = request(s, spec, get);
            let done = ask(s, r, &Question { name, what: What::Visit(&request), since });
            let what = format!("HTTP lifecycle hook ({})", get.str_at("path"));
            explained(s, r, done, &what)
        }
        (None, _) if !command.is_empty() => {
            let question = Question { name, what: What::Command(&command), since };
            let done = exec(s, r, &question, &command);
            explained(s, r, done, &format!("Exec lifecycle hook ([{}])", command.join(" ")))
        }
        _ => Hook::Done(since),
    }
}

/// A hook that failed, in the kubelet's words.
fn explained(s: &Sync<'_>, r: &Record, done: Hook, what: &str) -> Hook {
    let Hook::Failed(at, why) = done else { return done };
    let (name, pod) = (&r.name, s.shown());
    let text = format!("{what} for Container {name:?} in Pod {pod:?} failed - error: {why}");
    Hook::Failed(at, text)
}

/// What an `httpGet` hook asks, and whom.
fn request(s: &Sync<'_>, spec: &Value, get: &Value) -> Visit {
    let host = match get.str_at("host") {
        "" => s.pod.str_at("status.podIP"),
        host => host,
    };
    Visit {
        secure: get.str_at("scheme") == "HTTPS",
        host: host.to_owned(),
        port: u16::try_from(probe::port(spec, get)).unwrap_or(0),
        path: format!("/{}", get.str_at("path").trim_start_matches('/')),
        headers: probe::headers(s, get, "lifecycle"),
    }
}

/// Does a command; one whose end can be told changes nothing, and is not run.
fn exec(s: &mut Sync<'_>, r: &Record, question: &Question<'_>, command: &[String]) -> Hook {
    let since = question.since;
    let Some(config) = container::config(s, r) else { return Hook::Done(since) };
    let image = Image { name: &r.image_id, config: &config };
    let known = process::exec(&image, command);
    let missing = known.is_err() && command.first().is_some_and(|c| !c.contains('/'));
    match known {
        Err(_) if missing => {
            let program = command.first().map_or("", String::as_str);
            let why = format!("exec: \"{program}\": executable file not found in $PATH");
            Hook::Failed(since, said(command, 127, &why))
        }
        Ok(done) if !done.driven => match done.ends {
            Some(end) => match (s.reached(plus(since, end.after)), end.code) {
                (false, _) => Hook::Open,
                (true, 0) => Hook::Done(plus(since, end.after)),
                (true, code) => Hook::Failed(plus(since, end.after), said(command, code, "")),
            },
            None => Hook::Open,
        },
        _ if s.view.lives.is_none() => Hook::Done(since),
        _ => ask(s, r, question),
    }
}

/// What is said of a command that failed, and what it wrote.
fn said(command: &[String], code: i64, wrote: &str) -> String {
    let command = command.join(" ");
    format!("command '{command}' exited with {code}: {wrote}, message: {wrote:?}")
}

fn ask(s: &mut Sync<'_>, r: &Record, question: &Question<'_>) -> Hook {
    let lives = s.view.lives.as_ref();
    let heard = lives.map_or(Heard::Nothing, |lives| lives.ask(r.run(s.pod), question, true));
    let soon = plus(s.now(), 1.0);
    match heard {
        // A request has been answered whatever its status.
        Heard::Done(at, code, wrote) => match question.what {
            What::Command(argv) if code != 0 => Hook::Failed(at, said(argv, code.into(), &wrote)),
            _ => Hook::Done(at),
        },
        Heard::Failed(why) => Hook::Failed(s.now(), why),
        Heard::Busy(next) => {
            s.wake(next.unwrap_or(soon).max(s.now()));
            Hook::Open
        }
        // A run that has just begun is not known before it is written down.
        Heard::Nothing => {
            s.wake(soon);
            Hook::Open
        }
    }
}
