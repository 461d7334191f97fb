//! `awk`: a small one, with what POSIX gives it but for pipes and `system`.

mod ast;
mod functions;
mod lexer;
mod parser;
mod run;
mod state;
mod value;

use super::{opened, options};
use crate::sim::shell::{
    io::{Input, LARGEST},
    options::Known,
    process::{Done, Process, Stop},
};
use ast::{Program, When};
use run::{Leave, Machine};
use value::Value;

const AWK: Known = Known {
    letters: "F:v:f:",
    long: &[("field-separator", 'F'), ("assign", 'v'), ("file", 'f')],
    strict: true,
};

pub async fn awk(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &AWK).await else { return Ok(2) };
    let mut rest = o.rest.as_slice();
    let text = match o.value('f') {
        Some(file) => match opened(p, "awk", file).await {
            Some(input) => String::from_utf8_lossy(&input.all(LARGEST).await?).into_owned(),
            None => return Ok(2),
        },
        None => match rest.split_first() {
            Some((text, files)) => {
                rest = files;
                text.clone()
            }
            None => {
                p.err("Usage: awk [OPTIONS] [AWK_PROGRAM] [FILE]...").await;
                return Ok(1);
            }
        },
    };
    let program = match parser::parse(&text) {
        Ok(program) => program,
        Err(why) => {
            p.err(format!("awk: cmd. line:1: {why}")).await;
            return Ok(1);
        }
    };
    let process = p.fork()?;
    let mut machine = Machine::new(&process, &program);
    for (name, value) in o.values('v').filter_map(|v| v.split_once('=')) {
        machine.state.set(name, Value::outside(&lexer::unescaped(value)));
    }
    if let Some(separator) = o.value('F') {
        let separator = if separator == "t" { "\t".into() } else { lexer::unescaped(separator) };
        machine.state.set("FS", Value::Text(separator));
    }
    environment(&process, &mut machine, argv, rest);
    let mut code = 0;
    let ended = match through(&process, &program, &mut machine, rest, &mut code).await {
        Ok(()) => Ok(()),
        Err(Leave::Exit(given)) => {
            code = given;
            Ok(())
        }
        Err(other) => Err(other),
    };
    // `exit` in the main part still runs what comes at the end.
    let ended = ended.and_then(|()| match machine.edge(&When::End) {
        Err(Leave::Exit(given)) => {
            code = given;
            Ok(())
        }
        other => other,
    });
    flush(&process, &mut machine).await?;
    machine.close().await?;
    match ended {
        Ok(()) => Ok(code),
        Err(Leave::Stop(stop)) => Err(stop),
        Err(Leave::Wrong(why)) => {
            p.err(format!("awk: cmd. line:1: {why}")).await;
            Ok(2)
        }
        Err(_) => Ok(code),
    }
}

fn environment(p: &Process, machine: &mut Machine<'_>, argv: &[String], files: &[String]) {
    for line in p.environment() {
        if let Some((name, value)) = line.split_once('=') {
            machine.state.array("ENVIRON").insert(name.into(), Value::outside(value));
        }
    }
    let arguments = std::iter::once(&argv[0]).chain(files);
    let array = machine.state.array("ARGV");
    for (i, text) in arguments.enumerate() {
        array.insert(i.to_string(), Value::outside(text));
    }
    machine.state.set("ARGC", Value::Number((files.len() + 1) as f64));
}

/// Runs everything but what comes at the end.
async fn through(
    p: &Process,
    program: &Program,
    machine: &mut Machine<'_>,
    files: &[String],
    code: &mut i32,
) -> Result<(), Leave> {
    machine.edge(&When::Begin)?;
    flush(p, machine).await?;
    if program.rules.iter().all(|r| r.when == When::Begin) {
        return Ok(());
    }
    let dash = ["-".to_owned()];
    let assigns = |f: &String| {
        f.split_once('=').is_some_and(|(n, _)| {
            !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let files = if files.iter().all(assigns) { [files, &dash].concat() } else { files.to_vec() };
    for file in &files {
        if let Some((name, value)) = file.split_once('=').filter(|_| assigns(file)) {
            machine.state.set(name, Value::outside(&lexer::unescaped(value)));
            continue;
        }
        let Some(input) = opened(p, "awk", file).await else {
            *code = 2;
            continue;
        };
        machine.state.set("FILENAME", Value::Text(if file == "-" { "" } else { file }.into()));
        machine.state.set("FNR", Value::Number(0.0));
        records(p, machine, &input, uses_getline(program)).await?;
    }
    Ok(())
}

/// Whether a program reads lines by itself; then all of them must be there.
fn uses_getline(program: &Program) -> bool {
    format!("{program:?}").contains("Getline(")
}

async fn records(
    p: &Process,
    machine: &mut Machine<'_>,
    input: &Input,
    whole: bool,
) -> Result<(), Leave> {
    let separator = machine.state.text("RS");
    if separator != "\n" || whole {
        let bytes = input.all(LARGEST).await.map_err(Stop::from)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        machine.ahead = cut(&text, &separator).into_iter().collect();
    }
    loop {
        let record = match machine.ahead.pop_front() {
            Some(record) => record,
            None => match input.line().await.map_err(Stop::from)? {
                Some(line) => {
                    let line = line.strip_suffix(b"\n").unwrap_or(&line);
                    String::from_utf8_lossy(line).into_owned()
                }
                None => return Ok(()),
            },
        };
        p.step().await?;
        match machine.record(&record) {
            Ok(()) | Err(Leave::Next) => {}
            Err(other) => {
                flush(p, machine).await?;
                return Err(other);
            }
        }
        flush(p, machine).await?;
    }
}

/// A text cut into records.
fn cut(text: &str, separator: &str) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let parts: Vec<&str> = match separator {
        "" => text.split("\n\n").map(|r| r.trim_matches('\n')).collect(),
        "\n" => text.split('\n').collect(),
        other => text.split(other).collect(),
    };
    if text.is_empty() { Vec::new() } else { parts.into_iter().map(str::to_owned).collect() }
}

/// Shows what was written.
async fn flush(p: &Process, machine: &mut Machine<'_>) -> Result<(), Stop> {
    if machine.out.is_empty() {
        return Ok(());
    }
    p.out(std::mem::take(&mut machine.out)).await
}
