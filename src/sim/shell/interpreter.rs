//! Runs what the parser has read.

use super::{
    ast::{Command, Compound, Item, List, Part, Pipeline, Simple, Word},
    call, expand,
    io::{Input, LARGEST, Output, pipe},
    parser,
    process::{Borrowed, DEEPEST, Done, Process, Stop},
    redirect,
    signals::NAMES,
    test,
};
use futures_util::future::join_all;
use parking_lot::Mutex;
use std::sync::Arc;

/// Most commands in one pipeline.
const LONGEST: usize = 30;

/// Runs statements; answers the code of the last.
pub fn run<'a>(p: &'a mut Process, list: &'a List) -> Borrowed<'a, Done> {
    on_any_stack(async move {
        if p.depth > DEEPEST {
            p.say("maximum nesting level exceeded").await;
            return Err(Stop::Killed);
        }
        p.depth += 1;
        let mut done = Ok(0);
        for item in &list.0 {
            done = self::item(p, item).await;
            match &done {
                Ok(code) => p.status = *code,
                Err(_) => break,
            }
        }
        p.depth -= 1;
        done
    })
}

async fn item(p: &mut Process, item: &Item) -> Done {
    p.step().await?;
    let done = match item.background {
        true => background(p, item).await,
        false => chain(p, item).await,
    };
    if let Ok(code) = done {
        p.status = code;
        heed(p).await?;
    }
    done
}

/// Does what `trap` keeps for the signals that have come. Without a trap they are lost, as they are
/// on the first process of a machine.
async fn heed(p: &mut Process) -> Result<(), Stop> {
    while let Some(signal) = p.signals.as_ref().and_then(|s| s.take()) {
        let name = NAMES.iter().find(|(_, n)| *n == signal).map_or("", |(name, _)| name);
        let Some(trap) = p.traps.get(name).cloned() else { continue };
        let before = p.status;
        match parser::nested(&trap, p.depth as usize + 1) {
            Ok(list) => drop(run(p, &list).await?),
            Err(trouble) => p.say(trouble.text()).await,
        }
        p.status = before;
    }
    Ok(())
}

async fn chain(p: &mut Process, item: &Item) -> Done {
    let outer = p.tolerant;
    p.tolerant = outer || !item.rest.is_empty();
    let mut code = pipeline(p, &item.first).await;
    for (i, (and, next)) in item.rest.iter().enumerate() {
        let Ok(last) = code else { break };
        p.status = last;
        if (last == 0) == *and {
            p.tolerant = outer || i + 1 < item.rest.len();
            code = pipeline(p, next).await;
        }
    }
    p.tolerant = outer;
    code
}

/// `… &`: the statement runs beside what follows.
async fn background(p: &mut Process, item: &Item) -> Done {
    let mut child = p.fork()?;
    child.pid = p.jobs.number();
    child.stdin = Input::empty();
    let pid = child.pid;
    let (item, name) = (Item { background: false, ..item.clone() }, item.first.shown());
    let job = Box::pin(async move {
        let done = chain(&mut child, &item).await;
        done.unwrap_or_else(|stop| stop.code())
    });
    if p.jobs.begin(pid, name, job).is_none() {
        p.say("fork: retry: Resource temporarily unavailable").await;
        return Ok(254);
    }
    p.set("!", pid.to_string());
    if p.flags.interactive {
        p.err(format!("[1] {pid}")).await;
    }
    Ok(0)
}

async fn pipeline(p: &mut Process, pipeline: &Pipeline) -> Done {
    let outer = p.tolerant;
    p.tolerant = outer || pipeline.negated;
    let code = match pipeline.commands.as_slice() {
        [one] => command(p, one).await,
        many => piped(p, many).await,
    };
    p.tolerant = outer;
    let code = code?;
    if pipeline.negated {
        return Ok(i32::from(code == 0));
    }
    if code != 0 && p.flags.errexit && !p.tolerant {
        return Err(Stop::Exit(code));
    }
    Ok(code)
}

/// Commands side by side, each a process of its own.
async fn piped(p: &mut Process, commands: &[Command]) -> Done {
    if commands.len() > LONGEST {
        p.say("fork: retry: Resource temporarily unavailable").await;
        return Ok(254);
    }
    let mut stages = Vec::new();
    let mut stdin = p.stdin.clone();
    for (i, command) in commands.iter().enumerate() {
        let mut child = subshell(p)?;
        child.stdin = std::mem::replace(&mut stdin, Input::empty());
        if i + 1 < commands.len() {
            let (to, from) = pipe();
            child.stdout = to;
            stdin = from;
        }
        stages.push(async move {
            let mut child = child;
            let done = self::command(&mut child, command).await;
            call::ended(&child, done).await
        });
    }
    let codes: Vec<i32> = join_all(stages).await;
    if codes.contains(&Stop::Killed.code()) {
        p.budget.spend(1)?;
    }
    let last = codes.last().copied().unwrap_or(0);
    let failed = codes.iter().rev().find(|c| **c != 0).copied();
    Ok(if p.flags.pipefail { failed.unwrap_or(0) } else { last })
}

/// A copy of the shell for what must not change it.
///
/// # Errors
/// As for [`Process::fork`].
pub fn subshell(p: &Process) -> Result<Process, Stop> {
    let mut child = p.fork()?;
    child.flags.interactive = false;
    child.traps.clear();
    Ok(child)
}

/// Runs statements in a subshell; only running out of fuel ends more than that.
async fn apart(p: &mut Process, mut child: Process, list: &List) -> Done {
    let done = run(&mut child, list).await;
    if let Err(stop @ (Stop::Killed | Stop::Interrupted)) = done {
        return Err(stop);
    }
    let code = call::ended(&child, done).await;
    p.status = code;
    Ok(code)
}

/// What statements write, without the newlines at its end.
///
/// # Errors
/// Running out of fuel.
pub async fn capture(p: &mut Process, list: &List) -> Result<String, Stop> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let mut child = subshell(p)?;
    child.stdout = Output::Kept(Arc::clone(&kept));
    child.depth += 1;
    apart(p, child, list).await?;
    let text = String::from_utf8_lossy(&kept.lock()).replace('\0', "");
    p.budget.spend(text.len() / 64 + 1)?;
    if text.len() > LARGEST {
        return Err(Stop::Killed);
    }
    Ok(text.trim_end_matches('\n').to_owned())
}

/// The only word of a list that has but one.
pub fn only_word(list: &List) -> Option<Word> {
    let [Item { first: Pipeline { commands, .. }, .. }] = list.0.as_slice() else { return None };
    match commands.as_slice() {
        [Command::Simple(simple)] => simple.words.first().cloned(),
        _ => None,
    }
}

/// A future inside a future inside a future takes stack when it is polled: more of it is found
/// when there is little left, whatever thread polls.
fn on_any_stack<'a>(future: impl Future<Output = Done> + Send + 'a) -> Borrowed<'a, Done> {
    const LEAST: usize = 128 << 10;
    const MORE: usize = 1 << 20;
    let mut future = Box::pin(future);
    Box::pin(std::future::poll_fn(move |cx| {
        stacker::maybe_grow(LEAST, MORE, || future.as_mut().poll(cx))
    }))
}

pub fn command<'a>(p: &'a mut Process, command: &'a Command) -> Borrowed<'a, Done> {
    on_any_stack(async move {
        match command {
            Command::Simple(simple) => self::simple(p, simple).await,
            Command::Function(name, body) => {
                p.functions.insert(name.clone(), Arc::clone(body));
                Ok(0)
            }
            Command::Compound(compound, redirects) if redirects.is_empty() => {
                self::compound(p, compound).await
            }
            Command::Compound(compound, redirects) => {
                let before = (p.stdin.clone(), p.stdout.clone(), p.stderr.clone());
                let done = match redirect::apply(p, redirects).await {
                    Ok(()) => self::compound(p, compound).await,
                    Err(failed) => failed.map(|()| 1),
                };
                (p.stdin, p.stdout, p.stderr) = before;
                done
            }
        }
    })
}

async fn compound(p: &mut Process, compound: &Compound) -> Done {
    match compound {
        Compound::Group(list) => run(p, list).await,
        Compound::Subshell(list) => {
            let child = subshell(p)?;
            apart(p, child, list).await
        }
        Compound::If(arms, otherwise) => {
            for (condition, then) in arms {
                if holds(p, condition).await? {
                    return run(p, then).await;
                }
            }
            match otherwise {
                Some(list) => run(p, list).await,
                None => Ok(0),
            }
        }
        Compound::While(until, condition, body) => {
            let mut code = 0;
            while holds(p, condition).await? != *until {
                p.step().await?;
                if let Some(done) = round(run(p, body).await, &mut code)? {
                    return Ok(done);
                }
            }
            Ok(code)
        }
        Compound::For(name, words, body) => each(p, name, words.as_deref(), body).await,
        Compound::Count(parts, body) => count(p, parts, body).await,
        Compound::Case(word, arms) => {
            let text = expand::text(p, word).await?;
            for (patterns, list) in arms {
                for pattern in patterns {
                    p.step().await?;
                    if expand::pattern(p, pattern).await?.matches(&text) {
                        return run(p, list).await;
                    }
                }
            }
            Ok(0)
        }
        Compound::Test(words) => test::double(p, words).await,
        Compound::Arithmetic(text) => Ok(i32::from(expand::number(p, text).await? == 0)),
    }
}

async fn each(p: &mut Process, name: &str, words: Option<&[Word]>, body: &List) -> Done {
    let values = match words {
        Some(words) => expand::words(p, words).await?,
        None => p.args.clone(),
    };
    let mut code = 0;
    for value in values {
        p.step().await?;
        p.set(name, value);
        if let Some(done) = round(run(p, body).await, &mut code)? {
            return Ok(done);
        }
    }
    Ok(code)
}

async fn count(p: &mut Process, parts: &[String; 3], body: &List) -> Done {
    expand::number(p, &parts[0]).await?;
    let mut code = 0;
    while parts[1].is_empty() || expand::number(p, &parts[1]).await? != 0 {
        p.step().await?;
        if let Some(done) = round(run(p, body).await, &mut code)? {
            return Ok(done);
        }
        expand::number(p, &parts[2]).await?;
    }
    Ok(code)
}

/// Whether a condition holds; its failure does not end the script.
async fn holds(p: &mut Process, condition: &List) -> Result<bool, Stop> {
    let outer = std::mem::replace(&mut p.tolerant, true);
    let done = run(p, condition).await;
    p.tolerant = outer;
    Ok(done? == 0)
}

/// What one round of a loop means for the loop: `Some` when it is left.
fn round(done: Done, code: &mut i32) -> Result<Option<i32>, Stop> {
    match done {
        Ok(last) => *code = last,
        Err(Stop::Break(levels)) if levels <= 1 => return Ok(Some(0)),
        Err(Stop::Break(levels)) => return Err(Stop::Break(levels - 1)),
        Err(Stop::Continue(levels)) if levels <= 1 => *code = 0,
        Err(Stop::Continue(levels)) => return Err(Stop::Continue(levels - 1)),
        Err(other) => return Err(other),
    }
    Ok(None)
}

async fn simple(p: &mut Process, simple: &Simple) -> Done {
    p.line = simple.line;
    let argv = expand::words(p, &simple.words).await?;
    let mut assigns = Vec::new();
    for (name, add, word) in &simple.assigns {
        let new = expand::text(p, word).await?;
        let old = if *add { p.var(name).unwrap_or("") } else { "" };
        assigns.push((name, format!("{old}{new}")));
    }
    if p.flags.xtrace {
        let assigns = assigns.iter().map(|(n, v)| format!("{n}={v}"));
        let line: Vec<String> = assigns.chain(argv.iter().cloned()).collect();
        p.err(format!("+ {}", line.join(" "))).await;
    }
    let before = (p.stdin.clone(), p.stdout.clone(), p.stderr.clone());
    if let Err(failed) = redirect::apply(p, &simple.redirects).await {
        (p.stdin, p.stdout, p.stderr) = before;
        return failed.map(|()| 1);
    }
    let done = if argv.is_empty() {
        let code = if simple.has_substitution() { p.status } else { 0 };
        assign(p, assigns).await.map(|ok| if ok { code } else { 1 })
    } else if argv.len() == 1 && argv[0] == "exec" {
        // `exec > file` keeps its redirections.
        return Ok(0);
    } else {
        with_variables(p, assigns, &argv).await
    };
    (p.stdin, p.stdout, p.stderr) = before;
    done
}

async fn assign(p: &mut Process, assigns: Vec<(&String, String)>) -> Result<bool, Stop> {
    for (name, value) in assigns {
        if p.vars.get(name).is_some_and(|v| v.read_only) {
            p.say(format!("{name}: readonly variable")).await;
            return Ok(false);
        }
        p.budget.spend(value.len() / 64 + 1)?;
        p.set(name, value);
    }
    Ok(true)
}

/// Runs a command with variables that are set for it alone.
async fn with_variables(p: &mut Process, assigns: Vec<(&String, String)>, argv: &[String]) -> Done {
    let mut hidden = Vec::new();
    for (name, value) in assigns {
        hidden.push((name.clone(), p.vars.get(name).cloned()));
        p.set(name, value);
        if let Some(v) = p.vars.get_mut(name) {
            v.exported = true;
        }
    }
    let done = call::call(p, argv).await;
    for (name, old) in hidden {
        match old {
            Some(old) => drop(p.vars.insert(name, old)),
            None => drop(p.vars.remove(&name)),
        }
    }
    done
}

impl Simple {
    fn has_substitution(&self) -> bool {
        let inside = |w: &Word| w.0.iter().any(|p| matches!(p, Part::Command(..)));
        self.assigns.iter().any(|(_, _, w)| inside(w)) || self.words.iter().any(inside)
    }
}

impl Pipeline {
    /// The command, as `jobs` shows it.
    fn shown(&self) -> String {
        let words = |c: &Command| match c {
            Command::Simple(s) => {
                let words = s.words.iter().map(|w| w.literal().unwrap_or_else(|| "…".into()));
                words.collect::<Vec<_>>().join(" ")
            }
            _ => "( … )".into(),
        };
        self.commands.iter().map(words).collect::<Vec<_>>().join(" | ")
    }
}
