//! Commands about users, processes, time and the machine.

use super::{human, options, own};
use crate::sim::shell::{
    interpreter,
    machine::Task,
    options::Known,
    process::{Done, Process, Variable},
};
use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

pub async fn nothing(_: &mut Process, _: &[String]) -> Done {
    Ok(0)
}

/// A name in `/etc/passwd` or `/etc/group`.
fn lookup(p: &Process, file: &str, id: u32) -> Option<String> {
    let bytes = p.fs.read(file, &p.who).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().find(|l| l.split(':').nth(2) == Some(&id.to_string()))?;
    line.split(':').next().map(str::to_owned)
}

/// The name of a user.
pub fn user_name(p: &Process, uid: u32) -> Option<String> {
    lookup(p, "/etc/passwd", uid)
}

/// The name of a group.
pub fn group_name(p: &Process, gid: u32) -> Option<String> {
    lookup(p, "/etc/group", gid)
}

pub async fn whoami(p: &mut Process, _: &[String]) -> Done {
    match user_name(p, p.who.uid) {
        Some(name) => {
            p.out(format!("{name}\n")).await?;
            Ok(0)
        }
        None => {
            p.err(format!("whoami: cannot find name for user ID {}", p.who.uid)).await;
            Ok(1)
        }
    }
}

pub async fn id(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("ugGnrZ")).await else { return Ok(1) };
    let (uid, gids) = (p.who.uid, p.who.groups.clone());
    let gid = gids.first().copied().unwrap_or(0);
    let user = user_name(p, uid);
    let group = |g: u32| group_name(p, g);
    let plain = |name: Option<String>, id: u32| match name.filter(|_| o.has('n')) {
        Some(name) => name,
        None => id.to_string(),
    };
    let text = match o.last("ugG") {
        Some('u') => plain(user, uid),
        Some('g') => plain(group(gid), gid),
        Some(_) => gids.iter().map(|g| plain(group(*g), *g)).collect::<Vec<_>>().join(" "),
        None => {
            let named = |id: u32, name: Option<String>| match name {
                Some(name) => format!("{id}({name})"),
                None => id.to_string(),
            };
            let groups: Vec<String> = gids.iter().map(|g| named(*g, group(*g))).collect();
            format!(
                "uid={} gid={} groups={}",
                named(uid, user),
                named(gid, group(gid)),
                groups.join(",")
            )
        }
    };
    p.out(text + "\n").await?;
    Ok(0)
}

pub async fn groups(p: &mut Process, _: &[String]) -> Done {
    let name = |g: &u32| group_name(p, *g).unwrap_or_else(|| g.to_string());
    let names: Vec<String> = p.who.groups.iter().map(name).collect();
    p.out(names.join(" ") + "\n").await?;
    Ok(0)
}

pub async fn hostname(p: &mut Process, argv: &[String]) -> Done {
    let facts = p.machine.facts();
    let short = facts.hostname.split('.').next().unwrap_or("");
    let text = match argv.get(1).map(String::as_str) {
        None | Some("-f" | "--fqdn") => facts.hostname.clone(),
        Some("-s") => short.to_owned(),
        Some("-i" | "-I") => {
            facts.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        Some(_) => {
            p.err("hostname: you must be root to change the host name").await;
            return Ok(1);
        }
    };
    p.out(text + "\n").await?;
    Ok(0)
}

pub async fn uname(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("asnrvmpio")).await else { return Ok(1) };
    let facts = p.machine.facts();
    let host = facts.hostname.split('.').next().unwrap_or("").to_owned();
    let parts = [
        ('s', "Linux".to_owned()),
        ('n', host),
        ('r', facts.kernel.clone()),
        ('v', "#1 SMP PREEMPT_DYNAMIC Thu Apr 30 12:00:00 EDT 2026".into()),
        ('m', "x86_64".into()),
        ('p', "x86_64".into()),
        ('i', "x86_64".into()),
        ('o', "GNU/Linux".into()),
    ];
    let none = o.last("asnrvmpio").is_none();
    let wanted = |c: char| o.has('a') || o.has(c) || (none && c == 's');
    let shown: Vec<&str> =
        parts.iter().filter(|(c, _)| wanted(*c)).map(|(_, text)| text.as_str()).collect();
    p.out(shown.join(" ") + "\n").await?;
    Ok(0)
}

pub async fn arch(p: &mut Process, _: &[String]) -> Done {
    p.out("x86_64\n").await?;
    Ok(0)
}

pub async fn nproc(p: &mut Process, _: &[String]) -> Done {
    p.out(format!("{}\n", p.machine.facts().processors)).await?;
    Ok(0)
}

pub async fn free(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("hmgkb")).await else { return Ok(1) };
    let total = p.machine.facts().memory;
    let used = total / 5;
    let show = |n: u64| match o.last("hmgb") {
        Some('h') => human(n) + "i",
        Some('m') => (n >> 20).to_string(),
        Some('g') => (n >> 30).to_string(),
        Some('b') => n.to_string(),
        _ => (n >> 10).to_string(),
    };
    let (cache, left) = (total / 4, total - used - total / 4);
    p.out(format!(
        "{:7}{:>13}{:>12}{:>12}{:>12}{:>12}{:>12}\n{:7}{:>13}{:>12}{:>12}{:>12}{:>12}{:>12}\n\
         {:7}{:>13}{:>12}{:>12}\n",
        "",
        "total",
        "used",
        "free",
        "shared",
        "buff/cache",
        "available",
        "Mem:",
        show(total),
        show(used),
        show(left),
        show(0),
        show(cache),
        show(total - used),
        "Swap:",
        show(0),
        show(0),
        show(0),
    ))
    .await?;
    Ok(0)
}

pub async fn uptime(p: &mut Process, _: &[String]) -> Done {
    let (now, up) = (p.clock.now(), p.seconds());
    let (days, hours, minutes) = (up / 86400, up / 3600 % 24, up / 60 % 60);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".into(),
        n => format!("{n} days, "),
    };
    let clock =
        if hours > 0 { format!("{hours:2}:{minutes:02}") } else { format!("{minutes} min") };
    let at = now.strftime("%H:%M:%S");
    p.out(format!(" {at} up {days}{clock},  0 users,  load average: 0.12, 0.09, 0.08\n")).await?;
    Ok(0)
}

pub async fn date(p: &mut Process, argv: &[String]) -> Done {
    let mut now = p.clock.now();
    let mut format = "%a %b %e %H:%M:%S UTC %Y".to_owned();
    let mut args = argv[1..].iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-u" | "--utc" | "--universal" => {}
            "-R" => format = "%a, %d %b %Y %H:%M:%S +0000".into(),
            "-Iseconds" | "--iso-8601=seconds" => format = "%Y-%m-%dT%H:%M:%S+00:00".into(),
            "-I" | "--iso-8601" => format = "%Y-%m-%d".into(),
            "-d" | "--date" => {
                let text = args.next().map_or("", String::as_str);
                match moment(text, now) {
                    Some(at) => now = at,
                    None => {
                        p.err(format!("date: invalid date '{text}'")).await;
                        return Ok(1);
                    }
                }
            }
            other => match other.strip_prefix('+') {
                Some(wanted) => format = wanted.to_owned(),
                None => {
                    p.err(format!("date: invalid date '{other}'")).await;
                    return Ok(1);
                }
            },
        }
    }
    let text = format.replace("%N", "%9f").replace("%3N", "%3f");
    let shown = jiff::fmt::strtime::format(text.as_bytes(), &now.to_zoned(TimeZone::UTC));
    match shown {
        Ok(shown) => p.out(shown + "\n").await?,
        Err(_) => p.out(format + "\n").await?,
    }
    Ok(0)
}

/// `@seconds`, RFC 3339, `now`, or `N units ago`.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(seconds) = text.strip_prefix('@') {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["now" | "today"] => Some(now),
        ["yesterday"] => now.checked_sub(SignedDuration::from_hours(24)).ok(),
        ["tomorrow"] => now.checked_add(SignedDuration::from_hours(24)).ok(),
        [count, unit, rest @ ..] => {
            let seconds = match unit.trim_end_matches('s') {
                "second" | "sec" => 1,
                "minute" | "min" => 60,
                "hour" => 3600,
                "day" => 86400,
                "week" => 604_800,
                _ => return None,
            };
            let count: i64 = count.trim_start_matches('+').parse().ok()?;
            let sign = if rest == ["ago"] { -1 } else { 1 };
            now.checked_add(SignedDuration::from_secs(count.checked_mul(seconds * sign)?)).ok()
        }
        _ => text.parse().ok(),
    }
}

/// Seconds of `5`, `0.5`, `2m`, `inf`.
fn seconds(text: &str) -> Option<f64> {
    if text.starts_with("inf") {
        return Some(f64::INFINITY);
    }
    let (number, factor) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1.0),
        'm' => (&text[..text.len() - 1], 60.0),
        'h' => (&text[..text.len() - 1], 3600.0),
        'd' => (&text[..text.len() - 1], 86400.0),
        _ => (text, 1.0),
    };
    number.parse::<f64>().ok().filter(|n| *n >= 0.0).map(|n| n * factor)
}

fn span(seconds: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(seconds.min(1e11))
        .unwrap_or(SignedDuration::from_hours(1 << 20))
}

pub async fn sleep(p: &mut Process, argv: &[String]) -> Done {
    let mut total = 0.0;
    for arg in &argv[1..] {
        match seconds(arg) {
            Some(time) => total += time,
            None => {
                p.err(format!(
                    "sleep: invalid time interval '{arg}'\nTry 'sleep --help' for more information."
                ))
                .await;
                return Ok(1);
            }
        }
    }
    if argv.len() < 2 {
        p.err("sleep: missing operand\nTry 'sleep --help' for more information.").await;
        return Ok(1);
    }
    p.sleep(span(total)).await;
    Ok(0)
}

pub async fn timeout(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "s:k:", long: &[("signal", 's')], strict: true };
    let Some(o) = options(p, argv, &known).await else { return Ok(125) };
    let [time, command @ ..] = o.rest.as_slice() else { return Ok(125) };
    let Some(limit) = seconds(time) else {
        p.err(format!("timeout: invalid time interval '{time}'")).await;
        return Ok(125);
    };
    let clock = std::sync::Arc::clone(&p.clock);
    let until = clock.now().saturating_add(span(limit)).unwrap_or(Timestamp::MAX);
    let running = std::pin::pin!(interpreter::external(p, command));
    match select(running, clock.sleep_until(until)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Ok(124),
    }
}

pub async fn env(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "iu:", long: &[("ignore-environment", 'i')], strict: true };
    let Some(o) = options(p, argv, &known).await else { return Ok(125) };
    let mut child = p.clone();
    if o.has('i') {
        child.vars.clear();
    }
    for name in o.values('u') {
        child.vars.remove(name);
    }
    let mut rest = o.rest.as_slice();
    while let Some((name, value)) = rest.first().and_then(|w| w.split_once('=')) {
        let variable = Variable { value: value.into(), exported: true, read_only: false };
        child.vars.insert(name.to_owned(), variable);
        rest = &rest[1..];
    }
    if rest.is_empty() {
        for line in child.environment() {
            p.out(line + "\n").await?;
        }
        return Ok(0);
    }
    if child.which(&rest[0]).is_none() {
        p.err(format!("env: '{}': No such file or directory", rest[0])).await;
        return Ok(127);
    }
    interpreter::external(&mut child, rest).await
}

pub async fn printenv(p: &mut Process, argv: &[String]) -> Done {
    if argv.len() == 1 {
        for line in p.environment() {
            p.out(line + "\n").await?;
        }
        return Ok(0);
    }
    let mut code = 0;
    for name in &argv[1..] {
        match p.vars.get(name).filter(|v| v.exported) {
            Some(v) => p.out(format!("{}\n", v.value)).await?,
            None => code = 1,
        }
    }
    Ok(code)
}

pub async fn ps(p: &mut Process, argv: &[String]) -> Done {
    let flags = argv[1..].concat();
    let now = p.clock.now();
    let mut tasks = p.machine.processes();
    let own = |pid, command: String| Task { pid, parent: 0, uid: p.who.uid, command, started: now };
    tasks.push(own(p.pid, p.name.clone()));
    tasks.push(own(p.pid + 1, argv.join(" ")));
    let all = flags.contains(['e', 'A', 'a', 'x']);
    let time = "00:00:00";
    let terminal = if p.terminal.is_some() { "pts/0" } else { "?" };
    let began = |t: &Task| {
        let today = now.duration_since(t.started).as_hours() < 24;
        t.started.strftime(if today { "%H:%M" } else { "%b%d" }).to_string()
    };
    let user = |t: &Task| user_name(p, t.uid).unwrap_or_else(|| t.uid.to_string());
    let program = |t: &Task| {
        let first = t.command.split_whitespace().next().unwrap_or("");
        first.rsplit('/').next().unwrap_or(first).chars().take(15).collect::<String>()
    };
    let line = |t: &Task| {
        if flags.contains('u') {
            let user: String = user(t).chars().take(8).collect();
            format!(
                "{user:<8} {:>7}  0.0  0.0  {:>5} {:>5} {terminal:<8} Ss   {}   0:00 {}\n",
                t.pid,
                4400,
                3200,
                began(t),
                t.command
            )
        } else if flags.contains('f') {
            format!(
                "{:<8} {:>7} {:>7}  0 {} {terminal:<8} {time} {}\n",
                user(t),
                t.pid,
                t.parent,
                began(t),
                t.command
            )
        } else if flags.contains('x') {
            format!("{:>7} {terminal:<8} Ss     0:00 {}\n", t.pid, t.command)
        } else {
            format!("{:>7} {terminal:<8} {time} {}\n", t.pid, program(t))
        }
    };
    let title = if flags.contains('u') {
        "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
    } else if flags.contains('f') {
        "UID          PID    PPID  C STIME TTY          TIME CMD\n"
    } else if flags.contains('x') {
        "    PID TTY      STAT   TIME COMMAND\n"
    } else {
        "    PID TTY          TIME CMD\n"
    };
    let skip = if all { 0 } else { tasks.len() - 2 };
    let text: String = tasks.iter().skip(skip).map(line).collect();
    p.out(format!("{title}{text}")).await?;
    Ok(0)
}

pub async fn which(p: &mut Process, argv: &[String]) -> Done {
    let mut code = 0;
    for name in argv[1..].iter().filter(|a| !a.starts_with('-')) {
        match p.which(name) {
            Some(path) => p.out(format!("{path}\n")).await?,
            None => {
                let path = p.var("PATH").unwrap_or("").to_owned();
                p.err(format!("{}: no {name} in ({path})", own(argv))).await;
                code = 1;
            }
        }
    }
    Ok(code)
}

pub async fn xargs(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "n:I:0rtP:d:L:", long: &[("null", '0')], strict: true };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let (bytes, _) = p.stdin.all(crate::sim::shell::io::LARGEST).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let items: Vec<String> = if o.has('0') {
        text.split('\0').filter(|t| !t.is_empty()).map(str::to_owned).collect()
    } else if o.has('I') || o.has('d') || o.has('L') {
        text.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned).collect()
    } else {
        quoted_words(&text)
    };
    let echo = ["echo".to_owned()];
    let command = if o.rest.is_empty() { &echo[..] } else { &o.rest };
    if items.is_empty() && (o.has('r') || o.has('I')) {
        return Ok(0);
    }
    let mut calls = Vec::new();
    if let Some(mark) = o.value('I') {
        for item in &items {
            calls.push(command.iter().map(|w| w.replace(mark, item)).collect::<Vec<_>>());
        }
    } else {
        let size = o.value('n').or(o.value('L')).and_then(|n| n.parse().ok()).unwrap_or(5000);
        let mut chunks: Vec<&[String]> = items.chunks(std::cmp::max(size, 1)).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        calls.extend(chunks.into_iter().map(|c| [command, c].concat()));
    }
    let mut code = 0;
    for call in calls {
        p.step().await?;
        match interpreter::external(p, &call).await? {
            0 => {}
            127 => return Ok(127),
            255 => return Ok(124),
            _ => code = 123,
        }
    }
    Ok(code)
}

fn quoted_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.push(c),
            None if c == '\'' || c == '"' => (quote, any) = (Some(c), true),
            None if c.is_whitespace() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            None => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Another root: `chroot /host` is how an administrator reaches a node's own files and programs.
pub async fn chroot(p: &mut Process, argv: &[String]) -> Done {
    let Some(root) = argv.get(1) else {
        p.err("chroot: missing operand\nTry 'chroot --help' for more information.").await;
        return Ok(125);
    };
    if p.who.uid != 0 {
        p.err(format!("chroot: cannot change root directory to '{root}': Operation not permitted"))
            .await;
        return Ok(125);
    }
    let mut child = p.clone();
    child.fs = match p.fs.rooted(&p.path(root), &p.who) {
        Ok(fs) => fs,
        Err(why) => {
            p.err(format!("chroot: cannot change root directory to '{root}': {why}")).await;
            return Ok(125);
        }
    };
    child.cwd = "/".into();
    child.set("PWD", "/");
    let shell = vec![p.var("SHELL").unwrap_or("/bin/sh").to_owned(), "-i".to_owned()];
    let command = if argv.len() > 2 { &argv[2..] } else { &shell };
    if child.which(&command[0]).is_none() {
        p.err(format!("chroot: failed to run command '{}': No such file or directory", command[0]))
            .await;
        return Ok(127);
    }
    interpreter::external(&mut child, command).await
}

pub async fn clear(p: &mut Process, _: &[String]) -> Done {
    p.out("\u{1b}[H\u{1b}[2J\u{1b}[3J").await?;
    Ok(0)
}

pub async fn tty(p: &mut Process, _: &[String]) -> Done {
    let known = p.terminal.is_some();
    p.out(if known { "/dev/pts/0\n" } else { "not a tty\n" }).await?;
    Ok(i32::from(!known))
}

pub async fn stty(p: &mut Process, argv: &[String]) -> Done {
    let Some(terminal) = p.terminal.clone() else {
        p.err("stty: 'standard input': Inappropriate ioctl for device").await;
        return Ok(1);
    };
    let (columns, rows) = terminal.size();
    match argv.get(1).map(String::as_str) {
        Some("size") => p.out(format!("{rows} {columns}\n")).await?,
        Some(_) => {}
        None => p.out("speed 38400 baud; line = 0;\n").await?,
    }
    Ok(0)
}

/// Units of a node and whether they run; nothing can be changed.
pub async fn systemctl(p: &mut Process, argv: &[String]) -> Done {
    let words: Vec<&String> = argv[1..].iter().filter(|a| !a.starts_with('-')).collect();
    let (verb, unit) = match words.as_slice() {
        [verb, unit, ..] => (verb.as_str(), unit.trim_end_matches(".service").to_owned()),
        _ => {
            p.err("systemctl: a verb and a unit are needed").await;
            return Ok(1);
        }
    };
    let title = match unit.as_str() {
        "kubelet" => "Kubernetes Kubelet",
        "crio" => "Container Runtime Interface for OCI (CRI-O)",
        _ => {
            p.err(format!("Unit {unit}.service could not be found.")).await;
            return Ok(4);
        }
    };
    match verb {
        "is-active" => p.out("active\n").await?,
        "is-enabled" => p.out("enabled\n").await?,
        "status" => {
            let booted = p.machine.facts().booted;
            let since = booted.strftime("%a %Y-%m-%d %H:%M:%S UTC");
            p.out(format!(
                "● {unit}.service - {title}\n     Loaded: loaded (/etc/systemd/system/{unit}.service; enabled; preset: disabled)\n     Active: active (running) since {since}\n"
            ))
            .await?;
        }
        _ => {
            p.err(format!("Failed to {verb} {unit}.service: Access denied")).await;
            return Ok(4);
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_and_moments_are_read() {
        assert_eq!(seconds("1.5"), Some(1.5));
        assert_eq!(seconds("2m"), Some(120.0));
        assert_eq!(seconds("-1"), None);
        assert_eq!(seconds("x"), None);
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(moment("@5", now).unwrap().as_second(), 5);
        assert_eq!(moment("2 hours ago", now).unwrap().as_second(), 1_000_000 - 7200);
        assert_eq!(moment("nonsense", now), None);
    }
}
