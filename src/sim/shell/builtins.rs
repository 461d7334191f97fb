//! The commands a shell does itself.

use super::{
    commands, escapes, expand, interpreter, parser,
    process::{Borrowed, Dialect, Done, Process, Stop, Variable},
    shell, test,
};

/// A command: its process and its arguments, the name included.
pub type Run = for<'a> fn(&'a mut Process, &'a [String]) -> Borrowed<'a, Done>;

/// Makes a table entry of an async function.
macro_rules! run {
    ($function:path) => {
        |p, argv| Box::pin($function(p, argv))
    };
}
pub(super) use run;

/// Names under which a shell runs.
pub const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "rbash"];

/// The commands, by name.
const TABLE: &[(&str, Run)] = &[
    (".", run!(source)),
    (":", run!(nothing)),
    ("[", run!(test::single)),
    ("alias", run!(nothing)),
    ("break", run!(leave)),
    ("builtin", run!(builtin)),
    ("cd", run!(cd)),
    ("command", run!(command)),
    ("continue", run!(leave)),
    ("declare", run!(declare)),
    ("echo", run!(echo)),
    ("eval", run!(eval)),
    ("exec", run!(exec)),
    ("exit", run!(exit)),
    ("export", run!(export)),
    ("false", run!(failure)),
    ("hash", run!(nothing)),
    ("history", run!(nothing)),
    ("jobs", run!(jobs)),
    ("kill", run!(kill)),
    ("let", run!(calculate)),
    ("local", run!(declare)),
    ("logout", run!(exit)),
    ("printf", run!(commands::printf::run)),
    ("pwd", run!(pwd)),
    ("read", run!(read)),
    ("readonly", run!(readonly)),
    ("return", run!(give_back)),
    ("set", run!(set)),
    ("shift", run!(shift)),
    ("shopt", run!(nothing)),
    ("source", run!(source)),
    ("test", run!(test::single)),
    ("trap", run!(trap)),
    ("true", run!(nothing)),
    ("type", run!(kind)),
    ("typeset", run!(declare)),
    ("ulimit", run!(ulimit)),
    ("umask", run!(umask)),
    ("unalias", run!(nothing)),
    ("unset", run!(unset)),
    ("wait", run!(wait)),
];

/// Looks a command up.
pub fn find(name: &str) -> Option<Run> {
    let at = TABLE.binary_search_by(|(n, _)| (*n).cmp(name)).ok()?;
    Some(TABLE[at].1)
}

async fn nothing(_: &mut Process, _: &[String]) -> Done {
    Ok(0)
}

async fn failure(_: &mut Process, _: &[String]) -> Done {
    Ok(1)
}

async fn echo(p: &mut Process, argv: &[String]) -> Done {
    let always = p.dialect == Dialect::Dash;
    let (mut newline, mut escaped, mut at) = (true, always, 1);
    while let Some(flags) = argv.get(at).and_then(|a| a.strip_prefix('-')) {
        let known = !flags.is_empty() && flags.chars().all(|c| "neE".contains(c));
        if !known || (always && flags != "n") {
            break;
        }
        newline &= !flags.contains('n');
        escaped = flags.rfind(['e', 'E']).map_or(escaped, |i| flags[i..].starts_with('e'));
        at += 1;
    }
    let mut text = argv[at..].join(" ");
    if escaped {
        let (decoded, stopped) = escapes::decode(&text);
        text = decoded;
        newline &= !stopped;
    }
    if newline {
        text.push('\n');
    }
    p.out(text).await?;
    Ok(0)
}

async fn cd(p: &mut Process, argv: &[String]) -> Done {
    let home = p.var("HOME").unwrap_or("/").to_owned();
    let mut to = argv.iter().skip(1).find(|a| !matches!(a.as_str(), "-P" | "-L" | "--"));
    let back = p.var("OLDPWD").unwrap_or(&home).to_owned();
    let show = to.is_some_and(|t| t == "-");
    if show {
        to = Some(&back);
    }
    let to = to.unwrap_or(&home);
    let path = p.path(to);
    let there = p.fs.stat(&path, &p.who);
    let why = match there {
        Err(why) => Some(why.to_string()),
        Ok(node) if !node.is_directory() => Some("Not a directory".into()),
        Ok(_) if !p.fs.may(&path, &p.who, 1) => Some("Permission denied".into()),
        Ok(_) => None,
    };
    if let Some(why) = why {
        let words = match p.dialect {
            Dialect::Bash => format!("cd: {to}: {why}"),
            Dialect::Dash => format!("cd: can't cd to {to}"),
            Dialect::Busybox => format!("cd: can't cd to {to}: {why}"),
        };
        p.say(words).await;
        return Ok(1);
    }
    let new = super::fs::absolute(&p.cwd, to);
    let old = std::mem::replace(&mut p.cwd, new);
    p.set("OLDPWD", old);
    let new = p.cwd.clone();
    p.set("PWD", new.clone());
    if show {
        p.out(format!("{new}\n")).await?;
    }
    Ok(0)
}

async fn pwd(p: &mut Process, _: &[String]) -> Done {
    p.out(format!("{}\n", p.cwd)).await?;
    Ok(0)
}

async fn exit(p: &mut Process, argv: &[String]) -> Done {
    if p.flags.interactive {
        p.err("exit").await;
    }
    Err(Stop::Exit(code(p, argv).await))
}

async fn give_back(p: &mut Process, argv: &[String]) -> Done {
    Err(Stop::Return(code(p, argv).await))
}

async fn code(p: &Process, argv: &[String]) -> i32 {
    let Some(text) = argv.get(1) else { return p.status };
    match text.parse::<i64>() {
        Ok(code) => (code & 255) as i32,
        Err(_) => {
            p.say(format!("{}: {text}: numeric argument required", argv[0])).await;
            2
        }
    }
}

async fn leave(_: &mut Process, argv: &[String]) -> Done {
    let levels = argv.get(1).and_then(|a| a.parse().ok()).unwrap_or(1);
    Err(if argv[0] == "break" { Stop::Break(levels) } else { Stop::Continue(levels) })
}

async fn shift(p: &mut Process, argv: &[String]) -> Done {
    let by = argv.get(1).and_then(|a| a.parse().ok()).unwrap_or(1);
    if by > p.args.len() {
        return Ok(1);
    }
    p.args.drain(..by);
    Ok(0)
}

async fn eval(p: &mut Process, argv: &[String]) -> Done {
    let text = argv[1..].join(" ");
    match parser::nested(&text, p.depth as usize + 1) {
        Ok(list) => interpreter::run(p, &list).await,
        Err(trouble) => {
            p.say(format!("eval: {}", trouble.text())).await;
            Ok(2)
        }
    }
}

async fn source(p: &mut Process, argv: &[String]) -> Done {
    let Some(file) = argv.get(1) else {
        p.say(format!("{}: filename argument required", argv[0])).await;
        return Ok(2);
    };
    let text = match p.fs.read(&p.path(file), &p.who) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(why) => {
            p.say(format!("{file}: {why}")).await;
            return Ok(1);
        }
    };
    match parser::nested(&text, p.depth as usize + 1) {
        Ok(list) => match interpreter::run(p, &list).await {
            Err(Stop::Return(code)) => Ok(code),
            other => other,
        },
        Err(trouble) => {
            p.say(format!("{file}: {}", trouble.text())).await;
            Ok(2)
        }
    }
}

async fn exec(p: &mut Process, argv: &[String]) -> Done {
    // The command takes the shell's place: its own traps and prompts are gone.
    p.traps.clear();
    let done = interpreter::external(p, &argv[1..]).await?;
    Err(Stop::Exit(done))
}

async fn export(p: &mut Process, argv: &[String]) -> Done {
    let names: Vec<&String> = argv[1..].iter().filter(|a| !a.starts_with('-')).collect();
    if names.is_empty() {
        let mut text = String::new();
        for (name, v) in p.vars.iter().filter(|(_, v)| v.exported) {
            text.push_str(&format!("declare -x {name}=\"{}\"\n", v.value));
        }
        p.out(text).await?;
        return Ok(0);
    }
    mark(p, &argv[0], &names, |v| v.exported = true).await
}

async fn readonly(p: &mut Process, argv: &[String]) -> Done {
    let names: Vec<&String> = argv[1..].iter().filter(|a| !a.starts_with('-')).collect();
    mark(p, &argv[0], &names, |v| v.read_only = true).await
}

/// Assigns `NAME=value` arguments and changes what is known of the variables.
async fn mark(
    p: &mut Process,
    command: &str,
    words: &[&String],
    change: impl Fn(&mut Variable),
) -> Done {
    let mut code = 0;
    for word in words {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v)));
        if !is_name(name) {
            p.say(format!("{command}: `{word}': not a valid identifier")).await;
            code = 1;
            continue;
        }
        if value.is_some() && p.vars.get(name).is_some_and(|v| v.read_only) {
            p.say(format!("{name}: readonly variable")).await;
            code = 1;
            continue;
        }
        let variable = p.vars.entry(name.to_owned()).or_default();
        if let Some(value) = value {
            variable.value = value.to_owned();
        }
        change(variable);
    }
    Ok(code)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

async fn declare(p: &mut Process, argv: &[String]) -> Done {
    let exported = argv[1..].iter().any(|a| a.starts_with('-') && a.contains('x'));
    let words: Vec<&String> = argv[1..].iter().filter(|a| !a.starts_with('-')).collect();
    let local = argv[0] == "local" || !p.locals.is_empty();
    for word in words.iter().filter(|_| local) {
        let name = word.split('=').next().unwrap_or(word).to_owned();
        let old = p.vars.get(&name).cloned();
        let bare = !word.contains('=');
        let Some(frame) = p.locals.last_mut() else {
            p.say("local: can only be used in a function").await;
            return Ok(1);
        };
        frame.entry(name.clone()).or_insert(old);
        if bare {
            p.vars.remove(&name);
        }
    }
    mark(p, &argv[0], &words, |v| v.exported |= exported).await
}

async fn unset(p: &mut Process, argv: &[String]) -> Done {
    for name in argv[1..].iter().filter(|a| !a.starts_with('-')) {
        if p.vars.get(name).is_some_and(|v| v.read_only) {
            p.say(format!("unset: {name}: cannot unset: readonly variable")).await;
            return Ok(1);
        }
        if p.vars.remove(name).is_none() {
            p.functions.remove(name);
        }
    }
    Ok(0)
}

async fn set(p: &mut Process, argv: &[String]) -> Done {
    if argv.len() == 1 {
        let all = p.vars.iter().map(|(n, v)| format!("{n}={}\n", quoted(&v.value)));
        let text: String = all.collect();
        p.out(text).await?;
        return Ok(0);
    }
    let mut rest = argv[1..].iter();
    while let Some(arg) = rest.next() {
        let on = arg.starts_with('-');
        if arg == "--" {
            p.args = rest.cloned().collect();
            return Ok(0);
        }
        if !(on || arg.starts_with('+')) || arg.len() < 2 {
            p.args = std::iter::once(arg).chain(rest).cloned().collect();
            return Ok(0);
        }
        for letter in arg[1..].chars() {
            match letter {
                'e' => p.flags.errexit = on,
                'u' => p.flags.nounset = on,
                'x' => p.flags.xtrace = on,
                'f' => p.flags.noglob = on,
                'o' => match rest.next().map(String::as_str) {
                    Some("pipefail") => p.flags.pipefail = on,
                    Some("errexit") => p.flags.errexit = on,
                    Some("nounset") => p.flags.nounset = on,
                    Some("xtrace") => p.flags.xtrace = on,
                    _ => {}
                },
                _ => {}
            }
        }
    }
    Ok(0)
}

/// A value as `set` prints it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c);
    if value.chars().all(plain) {
        value.into()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

async fn read(p: &mut Process, argv: &[String]) -> Done {
    let known = super::options::Known::letters("rsp:t:n:d:a:u:");
    let options = match known.read(&argv[1..]) {
        Ok(options) => options,
        Err(why) => {
            p.say(format!("read: {why}")).await;
            return Ok(2);
        }
    };
    if let Some(prompt) = options.value('p').filter(|_| p.terminal.is_some()) {
        // A prompt nobody sees does no harm.
        let _ = p.stderr.write(prompt.as_bytes()).await;
    }
    let line = match options.value('t').and_then(|t| t.parse::<f64>().ok()) {
        None => p.stdin.line().await,
        Some(seconds) => {
            let time = jiff::SignedDuration::try_from_secs_f64(seconds.clamp(0.0, 1e9));
            let limit = std::pin::pin!(p.sleep(time.unwrap_or_default()));
            let line = std::pin::pin!(p.stdin.line());
            match futures_util::future::select(line, limit).await {
                futures_util::future::Either::Left((line, _)) => line,
                futures_util::future::Either::Right(_) => return Ok(142),
            }
        }
    };
    p.budget.spend(1)?;
    let whole = line.as_ref().is_some_and(|l| l.ends_with(b"\n"));
    let text = String::from_utf8_lossy(&line.unwrap_or_default()).trim_end_matches('\n').to_owned();
    let text = if options.has('r') { text } else { text.replace('\\', "") };
    let ifs = p.var("IFS").unwrap_or(" \t\n").to_owned();
    let names = if options.rest.is_empty() { vec!["REPLY".to_owned()] } else { options.rest };
    let blank = |c: char| ifs.contains(c);
    let mut rest = text.trim_start_matches(|c| blank(c) && char::is_whitespace(c));
    let last = names.len() - 1;
    for (i, name) in names.into_iter().enumerate() {
        let end = if i == last { rest.len() } else { rest.find(blank).unwrap_or(rest.len()) };
        let value = &rest[..end];
        p.set(&name, value.trim_end_matches(|c| blank(c) && char::is_whitespace(c)));
        rest = rest[end..].strip_prefix(blank).unwrap_or(&rest[end..]);
        rest = rest.trim_start_matches(|c| blank(c) && char::is_whitespace(c));
    }
    Ok(i32::from(!whole))
}

async fn trap(p: &mut Process, argv: &[String]) -> Done {
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

async fn wait(p: &mut Process, argv: &[String]) -> Done {
    match argv.get(1).and_then(|a| a.parse().ok()) {
        Some(pid) => Ok(p.jobs.wait(Some(pid)).await),
        None => Ok(p.jobs.wait(None).await),
    }
}

async fn jobs(p: &mut Process, _: &[String]) -> Done {
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

async fn kill(p: &mut Process, argv: &[String]) -> Done {
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

async fn calculate(p: &mut Process, argv: &[String]) -> Done {
    let mut value = 0;
    for expression in &argv[1..] {
        value = expand::number(p, expression).await?;
    }
    Ok(i32::from(value == 0))
}

async fn umask(p: &mut Process, argv: &[String]) -> Done {
    if argv.len() == 1 {
        p.out("0022\n").await?;
    }
    Ok(0)
}

async fn ulimit(p: &mut Process, argv: &[String]) -> Done {
    let shown = if argv.iter().any(|a| a == "-n") { "1048576\n" } else { "unlimited\n" };
    p.out(shown).await?;
    Ok(0)
}

async fn builtin(p: &mut Process, argv: &[String]) -> Done {
    let Some(name) = argv.get(1) else { return Ok(0) };
    match find(name) {
        Some(run) => run(p, &argv[1..]).await,
        None => {
            p.say(format!("builtin: {name}: not a shell builtin")).await;
            Ok(1)
        }
    }
}

/// `command NAME …` runs it past functions; `command -v NAME` says what it is.
async fn command(p: &mut Process, argv: &[String]) -> Done {
    let flags: Vec<&String> = argv[1..].iter().take_while(|a| a.starts_with('-')).collect();
    let rest = &argv[1 + flags.len()..];
    if !flags.iter().any(|f| f.contains(['v', 'V'])) {
        let Some(name) = rest.first() else { return Ok(0) };
        return match find(name) {
            Some(run) => run(p, rest).await,
            None => interpreter::external(p, rest).await,
        };
    }
    let mut code = 1;
    for name in rest {
        let own = p.functions.contains_key(name) || find(name).is_some();
        if let Some(shown) = if own { Some(name.clone()) } else { p.which(name) } {
            p.out(format!("{shown}\n")).await?;
            code = 0;
        }
    }
    Ok(code)
}

async fn kind(p: &mut Process, argv: &[String]) -> Done {
    let mut code = 0;
    for name in argv[1..].iter().filter(|a| !a.starts_with('-')) {
        let text = if p.functions.contains_key(name) {
            format!("{name} is a function\n")
        } else if find(name).is_some() {
            format!("{name} is a shell builtin\n")
        } else if let Some(path) = p.which(name) {
            format!("{name} is {path}\n")
        } else {
            p.say(format!("type: {name}: not found")).await;
            code = 1;
            continue;
        };
        p.out(text).await?;
    }
    Ok(code)
}

/// A shell as a command of its own.
pub async fn shell(p: &mut Process, argv: &[String]) -> Done {
    shell::run(p, argv).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.is_sorted_by_key(|(name, _)| name));
    }
}
