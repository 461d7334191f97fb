//! `sed`, as far as one-liners go: `s`, `d`, `p`, `q`, `a`, `i`, `c`, `y`, `=`, with line numbers,
//! `$`, patterns and ranges.

use super::{basic, inputs, lines, options, own, regex};
use crate::sim::shell::{
    options::Known,
    process::{Done, Process},
};
use regex::{Captures, Regex};

#[derive(Debug, Clone)]
enum Address {
    Line(usize),
    Last,
    Match(Regex),
}

#[derive(Debug, Clone)]
enum Act {
    Substitute { find: Regex, by: String, all: bool, print: bool, nth: usize },
    Delete,
    Print,
    Quit,
    Number,
    Text(char, String),
    Transliterate(Vec<char>, Vec<char>),
}

struct SedCommand {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    act: Act,
    /// Whether a range has begun.
    inside: bool,
}

pub async fn sed(p: &mut Process, argv: &[String]) -> Done {
    let long = &[("expression", 'e'), ("quiet", 'n'), ("regexp-extended", 'E'), ("in-place", 'i')];
    let known = Known { letters: "ne:Erizs", long, strict: false };
    // `-i.bak` is read as `-i`: no copy is kept.
    let args: Vec<String> = argv
        .iter()
        .map(|a| if a.starts_with("-i") && !a.starts_with("--") { "-i".into() } else { a.clone() })
        .collect();
    let Some(mut o) = options(p, &args, &known).await else { return Ok(1) };
    let mut scripts: Vec<String> = o.values('e').map(str::to_owned).collect();
    if scripts.is_empty() {
        if o.rest.is_empty() {
            p.err("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...").await;
            return Ok(1);
        }
        scripts.push(o.rest.remove(0));
    }
    let extended = o.has('E') || o.has('r');
    let mut steps = match script(&scripts.join("\n"), extended) {
        Ok(steps) => steps,
        Err(why) => {
            p.err(format!("sed: -e expression #1, char {}: {why}", scripts[0].len())).await;
            return Ok(1);
        }
    };
    let (found, code) = inputs(p, own(argv), &o.rest).await?;
    let whole: Vec<u8> = found.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    if o.has('i') {
        for (name, bytes) in &found {
            let out = edit(p, &mut steps, bytes, o.has('n'))?;
            let path = p.path(name);
            if let Err(why) = p.fs.write(&path, out.as_bytes(), false, &p.who, p.clock.now()) {
                p.err(format!("sed: couldn't open temporary file {name}: {why}")).await;
                return Ok(4);
            }
        }
        return Ok(code);
    }
    let out = edit(p, &mut steps, &whole, o.has('n'))?;
    p.out(out).await?;
    Ok(if code == 0 { 0 } else { 2 })
}

fn edit(
    p: &Process,
    steps: &mut [SedCommand],
    bytes: &[u8],
    quiet: bool,
) -> Result<String, crate::sim::shell::process::Stop> {
    let rows: Vec<String> = lines(bytes).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        p.budget.spend(steps.len() + row.len() / 64 + 1)?;
        if out.len() > crate::sim::shell::io::LARGEST {
            return Err(crate::sim::shell::process::Stop::Memory);
        }
        let (mut text, mut after) = (row.clone(), String::new());
        let (mut shown, mut quit) = (!quiet, false);
        for step in steps.iter_mut() {
            if !step.applies(i + 1, i + 1 == rows.len(), &text) {
                continue;
            }
            match &step.act {
                Act::Delete => {
                    shown = false;
                    break;
                }
                Act::Print => out.push_str(&format!("{text}\n")),
                Act::Number => out.push_str(&format!("{}\n", i + 1)),
                Act::Quit => {
                    quit = true;
                    break;
                }
                Act::Text('i', new) => out.push_str(&format!("{new}\n")),
                Act::Text('a', new) => after.push_str(&format!("{new}\n")),
                Act::Text(_, new) => text.clone_from(new),
                Act::Transliterate(from, to) => {
                    let change = |c| from.iter().position(|f| *f == c).map_or(c, |i| to[i]);
                    text = text.chars().map(change).collect();
                }
                Act::Substitute { find, by, all, print, nth } => {
                    let new = substitute(find, &text, by, *all, *nth);
                    if let Some(new) = new {
                        text = new;
                        if *print {
                            out.push_str(&format!("{text}\n"));
                        }
                    }
                }
            }
        }
        if shown {
            out.push_str(&text);
            out.push('\n');
        }
        out.push_str(&after);
        if quit {
            break;
        }
    }
    if !bytes.ends_with(b"\n") && out.ends_with('\n') {
        out.pop();
    }
    Ok(out)
}

fn substitute(find: &Regex, text: &str, by: &str, all: bool, nth: usize) -> Option<String> {
    let (mut out, mut last, mut changed) = (String::new(), 0, false);
    for (i, found) in find.captures_iter(text).enumerate() {
        let Some(whole) = found.get(0) else { continue };
        if i + 1 < nth {
            continue;
        }
        out.push_str(&text[last..whole.start()]);
        out.push_str(&filled(by, &found));
        (last, changed) = (whole.end(), true);
        if !all {
            break;
        }
    }
    out.push_str(&text[last..]);
    changed.then_some(out)
}

/// The replacement with `&`, `\1` and `\n` filled in.
fn filled(by: &str, found: &Captures<'_>) -> String {
    let (mut out, mut chars) = (String::new(), by.chars());
    let group = |i: usize| found.get(i).map_or("", |m| m.as_str());
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str(group(0)),
            '\\' => match chars.next() {
                Some(d) if d.is_ascii_digit() => {
                    out.push_str(group(d.to_digit(10).unwrap_or(0) as usize));
                }
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(c) => out.push(c),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

impl SedCommand {
    fn applies(&mut self, line: usize, last: bool, text: &str) -> bool {
        let at = |address: &Address| match address {
            Address::Line(n) => line == *n,
            Address::Last => last,
            Address::Match(regex) => regex.is_match(text),
        };
        let hit = match (&self.from, &self.to) {
            (None, _) => true,
            (Some(from), None) => at(from),
            (Some(from), Some(to)) => {
                let begins = !self.inside && at(from);
                let was = self.inside || begins;
                self.inside = match to {
                    // A line that has passed ends the range at once.
                    Address::Line(n) => was && line < *n,
                    to => was && (begins || !at(to)),
                };
                was
            }
        };
        hit != self.negated
    }
}

fn script(text: &str, extended: bool) -> Result<Vec<SedCommand>, String> {
    let mut chars: std::iter::Peekable<std::str::Chars<'_>> = text.chars().peekable();
    let mut steps = Vec::new();
    loop {
        while chars.next_if(|c| c.is_whitespace() || *c == ';').is_some() {}
        if chars.peek().is_none() {
            return Ok(steps);
        }
        let from = address(&mut chars, extended)?;
        let to =
            if chars.next_if_eq(&',').is_some() { address(&mut chars, extended)? } else { None };
        while chars.next_if_eq(&' ').is_some() {}
        let negated = chars.next_if_eq(&'!').is_some();
        let act = act(&mut chars, extended)?;
        steps.push(SedCommand { from, to, negated, act, inside: false });
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn compiled(text: &str, extended: bool) -> Result<Regex, String> {
    let text = if extended { text.to_owned() } else { basic(text) };
    regex(&text).map_err(|_| "Invalid preceding regular expression".into())
}

fn address(chars: &mut Chars<'_>, extended: bool) -> Result<Option<Address>, String> {
    match chars.peek() {
        Some('$') => {
            chars.next();
            Ok(Some(Address::Last))
        }
        Some(c) if c.is_ascii_digit() => {
            let mut digits = String::new();
            while let Some(d) = chars.next_if(char::is_ascii_digit) {
                digits.push(d);
            }
            Ok(Some(Address::Line(digits.parse().unwrap_or(usize::MAX))))
        }
        Some('/') => {
            chars.next();
            let text = until(chars, '/').ok_or("unterminated address regex")?;
            Ok(Some(Address::Match(compiled(&text, extended)?)))
        }
        _ => Ok(None),
    }
}

/// Text up to a separator; `\` before it makes it part of the text.
fn until(chars: &mut Chars<'_>, end: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '\\' => match chars.next()? {
                c if c == end => text.push(c),
                c => {
                    text.push('\\');
                    text.push(c);
                }
            },
            c if c == end => return Some(text),
            c => text.push(c),
        }
    }
}

fn act(chars: &mut Chars<'_>, extended: bool) -> Result<Act, String> {
    let Some(c) = chars.next() else { return Err("missing command".into()) };
    match c {
        'd' => Ok(Act::Delete),
        'p' => Ok(Act::Print),
        'q' => Ok(Act::Quit),
        '=' => Ok(Act::Number),
        'a' | 'i' | 'c' => {
            let text: String = std::iter::from_fn(|| chars.next_if(|c| *c != '\n')).collect();
            let text = text.strip_prefix('\\').unwrap_or(&text).trim_start();
            Ok(Act::Text(c, text.to_owned()))
        }
        's' => {
            let end = chars.next().ok_or("unterminated `s' command")?;
            let find = until(chars, end).ok_or("unterminated `s' command")?;
            let by = until(chars, end).ok_or("unterminated `s' command")?;
            let flags: String =
                std::iter::from_fn(|| chars.next_if(|c| c.is_ascii_alphanumeric())).collect();
            let find = if flags.contains(['i', 'I']) {
                let text = if extended { find } else { basic(&find) };
                regex(&format!("(?i){text}")).map_err(|e| e.to_string())?
            } else {
                compiled(&find, extended)?
            };
            let digits: String = flags.chars().filter(char::is_ascii_digit).collect();
            Ok(Act::Substitute {
                find,
                by,
                all: flags.contains('g'),
                print: flags.contains('p'),
                nth: digits.parse().unwrap_or(1),
            })
        }
        'y' => {
            let end = chars.next().ok_or("unterminated `y' command")?;
            let from = until(chars, end).ok_or("unterminated `y' command")?;
            let to = until(chars, end).ok_or("unterminated `y' command")?;
            let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
            if from.len() != to.len() {
                return Err("strings for `y' command are different lengths".into());
            }
            Ok(Act::Transliterate(from, to))
        }
        c => Err(format!("unknown command: `{c}'")),
    }
}
