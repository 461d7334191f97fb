//! The shell's own commands about jobs and signals.

use super::super::process::{Done, Process};
use super::variables::quoted;

pub async fn trap(p: &mut Process, argv: &[String]) -> Done {
    let [_, action, signals @ ..] = argv else {
        let all = p.traps.iter().map(|(s, a)| format!("trap -- {} {s}\n", quoted(a)));
        let text: String = all.collect();
        p.out(text).await?;
        return Ok(0);
    };
    for signal in signals {
        let name = match signal.trim_start_matches("SIG") {
            "0" => "EXIT",
            "15" => "TERM",
            "2" => "INT",
            other => other,
        };
        match action.as_str() {
            "-" => drop(p.traps.remove(name)),
            _ => drop(p.traps.insert(name.to_owned(), action.clone())),
        }
    }
    Ok(0)
}

pub async fn wait(p: &mut Process, argv: &[String]) -> Done {
    match argv.get(1).and_then(|a| a.parse().ok()) {
        Some(pid) => Ok(p.jobs.wait(Some(pid)).await),
        None => Ok(p.jobs.wait(None).await),
    }
}

pub async fn jobs(p: &mut Process, _: &[String]) -> Done {
    let list = p.jobs.list();
    let line = |(i, (_, name)): (usize, (u32, String))| {
        format!("[{}]   Running                 {name} &\n", i + 1)
    };
    let text: String = list.into_iter().enumerate().map(line).collect();
    p.out(text).await?;
    Ok(0)
}

/// Signals by name.
const SIGNALS: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("KILL", 9),
    ("USR1", 10),
    ("USR2", 12),
    ("TERM", 15),
    ("CONT", 18),
    ("STOP", 19),
];

pub async fn kill(p: &mut Process, argv: &[String]) -> Done {
    let mut signal = 15;
    let mut code = 0;
    if argv.len() < 2 {
        p.say("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ...").await;
        return Ok(2);
    }
    let mut args = argv[1..].iter().peekable();
    while let Some(name) = args.next_if(|a| a.starts_with('-')) {
        let name = match name.as_str() {
            "-s" | "-n" => args.next().map_or("", String::as_str),
            "-l" => {
                let names: Vec<&str> = SIGNALS.iter().map(|(n, _)| *n).collect();
                p.out(format!("{}\n", names.join(" "))).await?;
                return Ok(0);
            }
            other => &other[1..],
        };
        let plain = name.trim_start_matches("SIG");
        let known = SIGNALS.iter().find(|(n, _)| *n == plain).map(|(_, n)| *n);
        let Some(number) = known.or(plain.parse().ok()) else {
            p.say(format!("kill: {name}: invalid signal specification")).await;
            return Ok(1);
        };
        signal = number;
    }
    for target in args {
        let job = target.strip_prefix('%').and_then(|n| n.parse::<usize>().ok());
        let pid =
            job.map_or(target.parse().ok(), |n| Some(p.jobs.list().get(n.checked_sub(1)?)?.0));
        let Some(pid) = pid else {
            p.say(format!("kill: {target}: arguments must be process or job IDs")).await;
            code = 1;
            continue;
        };
        let mine = p.jobs.list().iter().any(|(job, _)| *job == pid);
        if mine && signal != 0 {
            p.jobs.kill(pid);
        } else if !mine {
            let owner = p.machine.processes().into_iter().find(|t| t.pid == pid).map(|t| t.uid);
            let why = match owner {
                None => "No such process",
                Some(uid) if p.who.uid != 0 && uid != p.who.uid => "Operation not permitted",
                Some(_) if signal == 0 || p.machine.signal(pid, signal) => continue,
                Some(_) => "Operation not permitted",
            };
            p.say(format!("kill: ({pid}) - {why}")).await;
            code = 1;
        }
    }
    Ok(code)
}
