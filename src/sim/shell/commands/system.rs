//! Commands about the machine, its processes and its terminal.

use super::{human, options, users::user_name};
use crate::sim::shell::{
    machine::Task,
    options::Known,
    process::{Done, Process},
};

pub async fn nothing(_: &mut Process, _: &[String]) -> Done {
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
