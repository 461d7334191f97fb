//! `sh` and `bash`: a script, a file, or lines from somebody who types.

use super::{
    ast::List,
    call,
    fs::Errno,
    interpreter,
    parser::{self, Trouble},
    process::{DEEPEST, Done, Process, Stop},
    tty::{Line, Terminal},
};
use futures_util::future::{Either, select};
use std::sync::Arc;

/// What a shell was called with.
struct Call<'a> {
    script: Option<&'a String>,
    interactive: bool,
    login: bool,
    rest: &'a [String],
}

fn understand(argv: &[String]) -> Result<Call<'_>, String> {
    let mut call = Call { script: None, interactive: false, login: false, rest: &[] };
    let mut at = 1;
    let mut command = false;
    while let Some(flags) = argv.get(at).filter(|a| a.starts_with('-') && a.len() > 1) {
        at += 1;
        match flags.as_str() {
            "--" => break,
            "--login" => call.login = true,
            "--norc" | "--noprofile" | "--posix" => {}
            long if long.starts_with("--") => return Err(format!("{long}: invalid option")),
            letters => {
                command |= letters.contains('c');
                call.interactive |= letters.contains('i');
                call.login |= letters.contains('l');
                if letters.contains('o') {
                    at += 1;
                }
            }
        }
    }
    if command {
        let text = argv.get(at).ok_or("-c: option requires an argument")?;
        call.script = Some(text);
        at += 1;
    }
    call.rest = argv.get(at..).unwrap_or_default();
    Ok(call)
}

/// Runs a shell as a process of its own.
pub async fn run(p: &mut Process, argv: &[String]) -> Done {
    if p.depth > DEEPEST {
        p.err(format!("{}: fork: retry: Resource temporarily unavailable", argv[0])).await;
        return Ok(254);
    }
    let mut child = p.fork()?;
    if p.depth == 0 {
        // Nothing stands between the session and its first shell: they are one process.
        child.signals = p.signals.clone();
    } else {
        child.pid = p.jobs.number();
    }
    child.depth += 1;
    child.name = argv[0].clone();
    child.args = Vec::new();
    child.flags = Default::default();
    child.vars.retain(|_, v| v.exported);
    child.functions.clear();
    child.traps.clear();
    child.status = 0;
    child.tolerant = false;
    let call = match understand(argv) {
        Ok(call) => call,
        Err(why) => {
            p.err(format!("{}: {why}", argv[0])).await;
            return Ok(2);
        }
    };
    set_options(&mut child, argv);
    if let Some(script) = call.script {
        if let Some((name, args)) = call.rest.split_first() {
            (child.name, child.args) = (name.clone(), args.to_vec());
        }
        return call::source(&mut child, script).await;
    }
    if let Some((file, args)) = call.rest.split_first() {
        return file_script(&mut child, file, args).await;
    }
    let terminal = child.stdin.as_terminal().await;
    match terminal {
        Some(terminal) => typed(&mut child, terminal).await,
        None => piped(&mut child, call.interactive).await,
    }
}

fn set_options(p: &mut Process, argv: &[String]) {
    for flags in argv[1..].iter().take_while(|a| a.starts_with('-') && !a.starts_with("--")) {
        p.flags.errexit |= flags.contains('e');
        p.flags.nounset |= flags.contains('u');
        p.flags.xtrace |= flags.contains('x');
    }
}

async fn file_script(p: &mut Process, file: &str, args: &[String]) -> Done {
    let read = p.fs.read(&p.path(file), &p.who);
    let text = match read {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(why) => {
            p.err(format!("{}: {file}: {why}", p.name)).await;
            return Ok(if why == Errno::Missing { 127 } else { 126 });
        }
    };
    (p.name, p.args) = (file.to_owned(), args.to_vec());
    call::source(p, &text).await
}

/// Reads statements from a pipe, one by one: what they read themselves comes from there too.
async fn piped(p: &mut Process, interactive: bool) -> Done {
    let mut text = String::new();
    p.line = 0;
    let done = loop {
        let line = match p.stdin.line().await {
            Ok(line) => line,
            Err(much) => break Err(much.into()),
        };
        let ended = line.is_none();
        p.budget.refill();
        text.push_str(&String::from_utf8_lossy(&line.unwrap_or_default()));
        match parser::parse(&text) {
            Err(Trouble::Incomplete) if !ended && text.len() < 1 << 18 => continue,
            Err(trouble) if !text.trim().is_empty() => {
                p.say(trouble.text()).await;
                p.status = 2;
                if !interactive {
                    break Ok(2);
                }
            }
            Err(_) => {}
            Ok(list) => match interpreter::run(p, &list).await {
                Ok(code) => p.status = code,
                stop => break stop,
            },
        }
        text.clear();
        if ended {
            break Ok(p.status);
        }
    };
    call::finish(p, done).await
}

/// Reads from a terminal, with prompts.
async fn typed(p: &mut Process, terminal: Arc<Terminal>) -> Done {
    p.flags.interactive = true;
    let level = terminal.enter();
    let _left = Leave(&terminal);
    let done = loop {
        p.budget.refill();
        let list = match ask(p, &terminal).await {
            Asked::List(list) => list,
            Asked::Nothing => continue,
            Asked::End => {
                p.err("exit").await;
                break Ok(p.status);
            }
        };
        match foreground(p, &list, &terminal, level).await {
            Ok(code) => p.status = code,
            Err(Stop::Interrupted) => {
                p.err("").await;
                p.status = 130;
            }
            // What went wrong in one line does not end the shell.
            Err(Stop::Exit(code)) => break Err(Stop::Exit(code)),
            Err(Stop::Killed) => {
                p.err("Killed").await;
                p.status = 137;
            }
            Err(Stop::Pipe) => break Err(Stop::Pipe),
            Err(other) => p.status = other.code(),
        }
    };
    p.flags.interactive = false;
    call::finish(p, done).await
}

struct Leave<'a>(&'a Terminal);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

enum Asked {
    List(List),
    Nothing,
    End,
}

/// Asks for a statement, over several lines if it needs them.
async fn ask(p: &mut Process, terminal: &Terminal) -> Asked {
    let mut text = String::new();
    loop {
        let prompt = if text.is_empty() { prompt(p) } else { p.var("PS2").unwrap_or("> ").into() };
        match terminal.line(&prompt).await {
            Line::Text(line) => text.push_str(&String::from_utf8_lossy(&line)),
            Line::Interrupted => {
                p.status = 130;
                return Asked::Nothing;
            }
            Line::End if text.is_empty() => return Asked::End,
            Line::End => {
                p.say("syntax error: unexpected end of file").await;
                return Asked::Nothing;
            }
        }
        if text.trim().is_empty() {
            return Asked::Nothing;
        }
        match parser::parse(&text) {
            Ok(list) => return Asked::List(list),
            Err(Trouble::Incomplete) if text.len() < 1 << 18 => {}
            Err(trouble) => {
                p.say(trouble.text()).await;
                p.status = 2;
                return Asked::Nothing;
            }
        }
    }
}

/// Runs a statement until it ends or Ctrl-C reaches this shell.
async fn foreground(p: &mut Process, list: &List, terminal: &Arc<Terminal>, level: usize) -> Done {
    let mut interrupts = terminal.interrupts();
    let interrupted = async {
        loop {
            // The terminal lives as long as we do.
            let _ = interrupts.changed().await;
            if terminal.innermost() == level {
                return;
            }
        }
    };
    let running = interpreter::run(p, list);
    match select(running, std::pin::pin!(interrupted)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Err(Stop::Interrupted),
    }
}

/// The prompt: `PS1`, or what shells without a start file show.
fn prompt(p: &Process) -> String {
    let name = p.name.trim_start_matches('-');
    let short = name.rsplit('/').next().unwrap_or(name);
    let own = p.var("PS1").map(str::to_owned);
    let shown = own.unwrap_or_else(|| p.prompt.to_owned());
    let sign = if p.who.uid == 0 { "#" } else { "$" };
    let home = p.var("HOME").unwrap_or("/");
    let place = match p.cwd.strip_prefix(home) {
        Some(rest) if home != "/" && (rest.is_empty() || rest.starts_with('/')) => {
            format!("~{rest}")
        }
        _ => p.cwd.clone(),
    };
    let last = place.rsplit('/').next().filter(|l| !l.is_empty()).unwrap_or("/");
    let host = p.machine.facts().hostname.split('.').next().unwrap_or("").to_owned();
    let user = super::commands::users::user_name(p, p.who.uid);
    let user = user.unwrap_or_else(|| "I have no name!".into());
    [
        ("\\s", short),
        ("\\$", sign),
        ("\\w", &place),
        ("\\W", last),
        ("\\u", &user),
        ("\\h", &host),
        ("\\n", "\n"),
        ("\\[", ""),
        ("\\]", ""),
        ("\\e", "\u{1b}"),
    ]
    .into_iter()
    .fold(shown, |text, (escape, value)| text.replace(escape, value))
}
