//! The commands a shell does itself.

mod signals;
mod variables;

use super::{
    call, commands, escapes, interpreter, invoke, parser,
    process::{Dialect, Done, Main, Process, Stop},
    test,
};

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
const TABLE: &[(&str, Main)] = &[
    (".", run!(source)),
    (":", run!(nothing)),
    ("[", run!(test::single)),
    ("alias", run!(nothing)),
    ("break", run!(leave)),
    ("builtin", run!(builtin)),
    ("cd", run!(cd)),
    ("command", run!(command)),
    ("continue", run!(leave)),
    ("declare", run!(variables::declare)),
    ("echo", run!(echo)),
    ("eval", run!(eval)),
    ("exec", run!(exec)),
    ("exit", run!(exit)),
    ("export", run!(variables::export)),
    ("false", run!(failure)),
    ("hash", run!(nothing)),
    ("history", run!(nothing)),
    ("jobs", run!(signals::jobs)),
    ("kill", run!(signals::kill)),
    ("let", run!(variables::calculate)),
    ("local", run!(variables::declare)),
    ("logout", run!(exit)),
    ("printf", run!(commands::printf::run)),
    ("pwd", run!(pwd)),
    ("read", run!(variables::read)),
    ("readonly", run!(variables::readonly)),
    ("return", run!(give_back)),
    ("set", run!(variables::set)),
    ("shift", run!(variables::shift)),
    ("shopt", run!(nothing)),
    ("source", run!(source)),
    ("test", run!(test::single)),
    ("trap", run!(signals::trap)),
    ("true", run!(nothing)),
    ("type", run!(kind)),
    ("typeset", run!(variables::declare)),
    ("ulimit", run!(ulimit)),
    ("umask", run!(umask)),
    ("unalias", run!(nothing)),
    ("unset", run!(variables::unset)),
    ("wait", run!(signals::wait)),
];

/// Looks a command up.
pub fn find(name: &str) -> Option<Main> {
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
    let done = call::external(p, &argv[1..]).await?;
    Err(Stop::Exit(done))
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
            None => call::external(p, rest).await,
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
    invoke::run(p, argv).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TABLE.is_sorted_by_key(|(name, _)| name));
    }
}
