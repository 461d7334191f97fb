//! The shell's own commands about jobs and signals.

use super::super::{
    process::{Done, Process},
    signals::NAMES,
};
use super::variables::quoted;
use futures_util::future::{Either, select};

pub async fn trap(p: &mut Process, argv: &[String]) -> Done {
    let [_, action, signals @ ..] = argv else {
        let all = p.traps.iter().map(|(s, a)| format!("trap -- {} {s}\n", quoted(a)));
        let text: String = all.collect();
        p.out(text).await?;
        return Ok(0);
    };
    for signal in signals {
        let bare = signal.to_uppercase();
        let bare = bare.trim_start_matches("SIG");
        let numbered = NAMES.iter().find(|(_, n)| n.to_string() == bare).map(|(name, _)| *name);
        let name = if bare == "0" { "EXIT" } else { numbered.unwrap_or(bare) };
        match action.as_str() {
            "-" => drop(p.traps.remove(name)),
            _ => drop(p.traps.insert(name.to_owned(), action.clone())),
        }
    }
    Ok(0)
}

pub async fn wait(p: &mut Process, argv: &[String]) -> Done {
    let over = std::pin::pin!(p.jobs.wait(argv.get(1).and_then(|a| a.parse().ok())));
    let Some(signals) = p.signals.clone() else { return Ok(over.await) };
    let heard = async {
        loop {
            let signal = signals.wait().await;
            let name = NAMES.iter().find(|(_, n)| *n == signal).map_or("", |(name, _)| name);
            if p.traps.contains_key(name) {
                return 128 + signal;
            }
            signals.take();
        }
    };
    // A signal with a trap ends the waiting; the trap follows.
    match select(over, std::pin::pin!(heard)).await {
        Either::Left((code, _)) | Either::Right((code, _)) => Ok(code),
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
                let names: Vec<&str> = NAMES.iter().map(|(n, _)| *n).collect();
                p.out(format!("{}\n", names.join(" "))).await?;
                return Ok(0);
            }
            other => &other[1..],
        };
        let plain = name.trim_start_matches("SIG");
        let known = NAMES.iter().find(|(n, _)| *n == plain).map(|(_, n)| *n);
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
