//! Runs a command by its name: a function, one of the shell's own, a file.

use super::{
    ast::Command,
    builtins, commands,
    fs::{Content, Errno},
    interpreter::{command, run, subshell},
    parser,
    process::{DEEPEST, Dialect, Done, Process, Stop},
};
use futures_util::future::{Either, select};

/// The code of a subshell that has ended.
pub async fn ended(child: &Process, done: Done) -> i32 {
    if let Err(Stop::Write(why)) = &done {
        child.say(format!("write error: {why}")).await;
    }
    done.unwrap_or_else(|stop| stop.code())
}

/// Runs a command by its arguments: a function, one of the shell's own, or a file.
pub async fn call(p: &mut Process, argv: &[String]) -> Done {
    let Some(name) = argv.first() else { return Ok(0) };
    if let Some(body) = p.functions.get(name).cloned() {
        return function(p, &body, argv).await;
    }
    if let Some(builtin) = builtins::find(name) {
        let done = builtin(p, argv).await;
        return told(p, name, done).await;
    }
    external(p, argv).await
}

/// A command of the shell that cannot write says so.
async fn told(p: &Process, name: &str, done: Done) -> Done {
    match done {
        Err(Stop::Write(why)) => {
            p.say(format!("{name}: write error: {why}")).await;
            Ok(1)
        }
        Err(Stop::Memory) => {
            p.say(format!("{name}: memory exhausted")).await;
            Ok(1)
        }
        other => other,
    }
}

async fn function(p: &mut Process, body: &Command, argv: &[String]) -> Done {
    if p.depth > DEEPEST {
        p.say(format!("{}: maximum function nesting level exceeded", argv[0])).await;
        return Err(Stop::Killed);
    }
    let outer = std::mem::replace(&mut p.args, argv[1..].to_vec());
    p.locals.push(Default::default());
    p.depth += 1;
    let done = command(p, body).await;
    p.depth -= 1;
    for (name, old) in p.locals.pop().into_iter().flatten() {
        match old {
            Some(old) => drop(p.vars.insert(name, old)),
            None => drop(p.vars.remove(&name)),
        }
    }
    p.args = outer;
    match done {
        Err(Stop::Return(code)) => Ok(code),
        other => other,
    }
}

/// Runs a file.
pub async fn external(p: &mut Process, argv: &[String]) -> Done {
    let name = &argv[0];
    let Some(path) = p.which(name) else {
        let why = match p.dialect {
            _ if name.contains('/') => Errno::Missing.to_string(),
            Dialect::Bash => "command not found".to_owned(),
            _ => "not found".to_owned(),
        };
        p.say(format!("{name}: {why}")).await;
        return Ok(127);
    };
    match execute(p, &path, argv).await {
        Ok(done) => done,
        Err(why) => {
            p.say(format!("{name}: {why}")).await;
            Ok(126)
        }
    }
}

/// Runs the file at a path.
///
/// # Errors
/// It cannot be executed.
pub async fn execute(p: &mut Process, path: &str, argv: &[String]) -> Result<Done, Errno> {
    let node = p.fs.stat(path, &p.who)?;
    if node.is_directory() {
        return Err(Errno::IsDirectory);
    }
    if !p.fs.may(path, &p.who, 1) {
        return Err(Errno::Denied);
    }
    Ok(match node.content {
        Content::Program(program) => match commands::find(&program) {
            Some(command) => {
                let before = (p.dialect, p.prompt);
                p.becomes(&program);
                let done = command(p, argv).await;
                (p.dialect, p.prompt) = before;
                written(p, argv, done).await
            }
            None => image_program(p, argv).await,
        },
        Content::File(bytes) => script(p, path, argv, &String::from_utf8_lossy(&bytes)).await,
        _ => return Err(Errno::Denied),
    })
}

/// Commands that end with another code than 1 when there is trouble.
const TROUBLE: &[(&str, i32)] =
    &[("egrep", 2), ("fgrep", 2), ("grep", 2), ("sed", 4), ("sort", 2), ("tar", 2)];

/// What a process could not write or hold, it says; a broken pipe ends it quietly.
async fn written(p: &Process, argv: &[String], done: Done) -> Done {
    match done {
        Err(Stop::Write(why)) => {
            p.err(format!("{}: write error: {why}", argv[0])).await;
            Ok(1)
        }
        Err(stop @ Stop::Memory) => {
            p.err(format!("{}: memory exhausted", argv[0])).await;
            let known = TROUBLE.iter().find(|(name, _)| argv[0].rsplit('/').next() == Some(*name));
            Ok(known.map_or(stop.code(), |(_, code)| *code))
        }
        Err(Stop::Pipe) => Ok(Stop::Pipe.code()),
        // A command is a process: what ends it does not end its shell.
        Err(Stop::Exit(code) | Stop::Return(code)) => Ok(code),
        other => other,
    }
}

/// A program of the image.
async fn image_program(p: &mut Process, argv: &[String]) -> Done {
    if let Some(main) = p.machine.command(argv) {
        let done = main(p, argv).await;
        return written(p, argv, done).await;
    }
    let Some(run) = p.machine.program(argv, &p.environment()) else {
        p.say(format!("{}: cannot execute binary file: Exec format error", argv[0])).await;
        return Ok(126);
    };
    let began = p.clock.now();
    let signals = p.signals.clone();
    if signals.is_some() && !run.serves.is_empty() {
        let time = jiff::SignedDuration::try_from_secs_f64(run.boot.clamp(0.0, 1e9));
        let since = began.saturating_add(time.unwrap_or_default()).unwrap_or(began);
        p.machine.serves(since, &run.serves);
    }
    for (after, text) in run.says {
        until(p, began, after).await;
        let output = if run.errors { &p.stderr } else { &p.stdout };
        output.write(text.as_bytes()).await?;
    }
    let own = async {
        match run.ends {
            Some((after, code)) => {
                until(p, began, after).await;
                code
            }
            None => std::future::pending().await,
        }
    };
    let asked = async {
        let (Some(signals), Some((after, code))) = (signals, run.on_term) else {
            return std::future::pending().await;
        };
        while signals.wait().await != 15 {
            signals.take();
        }
        until(p, p.clock.now(), after).await;
        code
    };
    match select(std::pin::pin!(own), std::pin::pin!(asked)).await {
        Either::Left((code, _)) | Either::Right((code, _)) => Ok(code),
    }
}

/// Waits until so many seconds after a moment.
async fn until(p: &Process, began: jiff::Timestamp, seconds: f64) {
    let time = jiff::SignedDuration::try_from_secs_f64(seconds.clamp(0.0, 1e9));
    let at = began.saturating_add(time.unwrap_or_default()).unwrap_or(began);
    p.clock.sleep_until(at).await;
}

/// A text file that is executed: a script.
async fn script(p: &mut Process, path: &str, argv: &[String], text: &str) -> Done {
    let first = text.lines().next().unwrap_or("");
    let mut interpreter = first.strip_prefix("#!").unwrap_or("/bin/sh").split_whitespace();
    let program = interpreter.next().unwrap_or("/bin/sh");
    let program = if program.ends_with("/env") { interpreter.next() } else { Some(program) };
    let program = program.unwrap_or("/bin/sh").to_owned();
    let short = program.rsplit('/').next().unwrap_or(&program).to_owned();
    if !builtins::SHELLS.contains(&short.as_str()) {
        let argv: Vec<String> =
            [program].into_iter().chain([path.to_owned()]).chain(argv[1..].to_vec()).collect();
        return Box::pin(external(p, &argv)).await;
    }
    let mut child = subshell(p)?;
    child.vars.retain(|_, v| v.exported);
    child.functions.clear();
    (child.name, child.args) = (path.to_owned(), argv[1..].to_vec());
    child.flags = Default::default();
    source(&mut child, text).await
}

/// Runs the text of a script to its end, with its exit trap.
pub async fn source(p: &mut Process, text: &str) -> Done {
    let list = match parser::parse(text) {
        Ok(list) => list,
        Err(trouble) => {
            p.say(trouble.text()).await;
            return Ok(2);
        }
    };
    let done = run(p, &list).await;
    finish(p, done).await
}

/// Runs the exit trap of a shell that ends.
pub async fn finish(p: &mut Process, done: Done) -> Done {
    let code = match done {
        Err(stop @ (Stop::Killed | Stop::Interrupted | Stop::Pipe | Stop::Memory)) => {
            return Err(stop);
        }
        other => ended(p, other).await,
    };
    let Some(trap) = p.traps.remove("EXIT") else { return Ok(code) };
    p.status = code;
    match parser::parse(&trap) {
        Ok(list) => match run(p, &list).await {
            Err(Stop::Exit(other)) => Ok(other),
            Err(stop @ Stop::Killed) => Err(stop),
            _ => Ok(code),
        },
        Err(_) => Ok(code),
    }
}
