//! `grep`.

use super::{basic, options, own, regex};
use crate::sim::shell::{
    options::{Known, Options},
    process::{Done, Process, Stop},
};
use regex::Regex;

const KNOWN: Known = Known {
    letters: "EFGPivclLnqosrRhHwxe:m:A:B:C:a",
    long: &[
        ("ignore-case", 'i'),
        ("invert-match", 'v'),
        ("count", 'c'),
        ("line-number", 'n'),
        ("quiet", 'q'),
        ("extended-regexp", 'E'),
        ("fixed-strings", 'F'),
        ("recursive", 'r'),
        ("only-matching", 'o'),
        ("color", 'a'),
        ("after-context", 'A'),
        ("before-context", 'B'),
    ],
    strict: false,
};

pub async fn grep(p: &mut Process, argv: &[String]) -> Done {
    let Some(mut o) = options(p, argv, &KNOWN).await else { return Ok(2) };
    let mut patterns: Vec<String> = o.values('e').map(str::to_owned).collect();
    if patterns.is_empty() {
        if o.rest.is_empty() {
            let usage = "Usage: grep [OPTION]... PATTERNS [FILE]...\n\
                         Try 'grep --help' for more information.";
            p.err(usage).await;
            return Ok(2);
        }
        patterns.push(o.rest.remove(0));
    }
    let Some(matcher) = matcher(&patterns, &o, own(argv)) else {
        p.err("grep: Invalid regular expression").await;
        return Ok(2);
    };
    let files = files(p, &o);
    let named = o.has('H') || (!o.has('h') && (files.len() > 1 || o.has('r') || o.has('R')));
    let (mut any, mut failed) = (false, false);
    for file in &files {
        let input = if file == "-" {
            Ok(p.stdin.clone())
        } else {
            crate::sim::shell::redirect::source(p, file)
        };
        match input {
            Ok(input) => {
                let found = one(p, &o, &matcher, file, named, input).await?;
                any |= found;
                if found && o.has('q') {
                    return Ok(0);
                }
            }
            Err(why) => {
                failed = true;
                if !o.has('s') {
                    p.complain("grep", file, why).await;
                }
            }
        }
    }
    Ok(if any && !failed {
        0
    } else if failed {
        2
    } else {
        1
    })
}

fn matcher(patterns: &[String], o: &Options, name: &str) -> Option<Regex> {
    let fixed = o.has('F') || name == "fgrep";
    let extended = o.has('E') || o.has('P') || name == "egrep";
    let parts = patterns.iter().flat_map(|p| p.split('\n')).map(|pattern| {
        if fixed {
            regex::escape(pattern)
        } else if extended {
            pattern.to_owned()
        } else {
            basic(pattern)
        }
    });
    let joined = parts.map(|part| format!("(?:{part})")).collect::<Vec<_>>().join("|");
    let joined = if o.has('x') {
        format!("^(?:{joined})$")
    } else if o.has('w') {
        format!("\\b(?:{joined})\\b")
    } else {
        joined
    };
    regex(&if o.has('i') { format!("(?i){joined}") } else { joined }).ok()
}

/// The files to look into; folders are walked through with `-r`.
fn files(p: &Process, o: &Options) -> Vec<String> {
    let deep = o.has('r') || o.has('R');
    if o.rest.is_empty() {
        let whole = if deep { "." } else { "-" };
        return if deep { below(p, whole) } else { vec![whole.to_owned()] };
    }
    let each = |file: &String| if deep { below(p, file) } else { vec![file.clone()] };
    o.rest.iter().flat_map(each).collect()
}

fn below(p: &Process, folder: &str) -> Vec<String> {
    let Ok(all) = p.fs.walk(&p.path(folder), &p.who) else { return vec![folder.to_owned()] };
    let files = all.into_iter().filter(|(_, node)| !node.is_directory());
    files.map(|(rest, _)| format!("{}{rest}", folder.trim_end_matches('/'))).collect()
}

/// Looks into one file, line by line as they come.
async fn one(
    p: &Process,
    o: &Options,
    matcher: &Regex,
    file: &str,
    named: bool,
    input: crate::sim::shell::io::Input,
) -> Result<bool, Stop> {
    let context = |c: char| o.value(c).or(o.value('C')).and_then(|n| n.parse().ok()).unwrap_or(0);
    let (before, after): (usize, usize) = (context('B'), context('A'));
    let limit = o.value('m').and_then(|m| m.parse().ok()).unwrap_or(usize::MAX);
    let shown = if file == "-" { "(standard input)" } else { file };
    let (mut count, mut number, mut trail) = (0, 0, 0);
    let mut kept: Vec<(usize, String)> = Vec::new();
    let start = |sign: char, number: usize| {
        let name = if named { format!("{shown}{sign}") } else { String::new() };
        if o.has('n') { format!("{name}{number}{sign}") } else { name }
    };
    while let Some(line) = input.line().await? {
        number += 1;
        p.budget.spend(line.len() / 64 + 1)?;
        let line = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
        let matched = matcher.is_match(&line) != o.has('v');
        if matched {
            count += 1;
            if o.has('q') {
                return Ok(true);
            }
            if !(o.has('c') || o.has('l') || o.has('L')) {
                for (n, old) in kept.drain(..) {
                    p.out(format!("{}{old}\n", start('-', n))).await?;
                }
                if o.has('o') {
                    for part in matcher.find_iter(&line).filter(|m| !m.is_empty()) {
                        p.out(format!("{}{}\n", start(':', number), part.as_str())).await?;
                    }
                } else {
                    p.out(format!("{}{line}\n", start(':', number))).await?;
                }
            }
            trail = after;
            if count >= limit {
                break;
            }
        } else if trail > 0 {
            trail -= 1;
            p.out(format!("{}{line}\n", start('-', number))).await?;
        } else if before > 0 {
            kept.push((number, line));
            if kept.len() > before {
                kept.remove(0);
            }
        }
    }
    if o.has('c') {
        let name = if named { format!("{shown}:") } else { String::new() };
        p.out(format!("{name}{count}\n")).await?;
    } else if (o.has('l') && count > 0) || (o.has('L') && count == 0) {
        p.out(format!("{shown}\n")).await?;
    }
    Ok(count > 0)
}
