//! Words to arguments: braces, tildes, variables, substitutions, splitting, names of files.

use super::{
    arithmetic::{self, Variables},
    ast::{Op, Param, Part, Word},
    fs::absolute,
    interpreter,
    io::LARGEST,
    pattern::{Glob, Pattern},
    process::{Borrowed, DEEPEST, Process, Stop},
};

/// Most arguments a word or list of words may become.
const MOST: usize = 20_000;

/// Pieces of text, and whether each was quoted.
type Field = Vec<(String, bool)>;

/// Fields as they grow.
#[derive(Default)]
struct Fields {
    done: Vec<Field>,
    current: Option<Field>,
    bytes: usize,
}

impl Fields {
    fn push(&mut self, text: &str, quoted: bool) {
        self.bytes += text.len();
        self.current.get_or_insert_default().push((text.to_owned(), quoted));
    }

    fn cut(&mut self) {
        self.done.extend(self.current.take());
    }

    /// Adds text that is split at the characters of `IFS`.
    fn split(&mut self, text: &str, ifs: &str) {
        let blank = |c: char| ifs.contains(c) && c.is_whitespace();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if blank(first) {
                self.cut();
                rest = rest.trim_start_matches(blank);
            } else if ifs.contains(first) {
                self.current.get_or_insert_default();
                self.cut();
                rest = &rest[first.len_utf8()..];
            } else {
                let end = rest.find(|c| ifs.contains(c)).unwrap_or(rest.len());
                self.push(&rest[..end], false);
                rest = &rest[end..];
            }
        }
    }
}

fn whole(field: &Field) -> String {
    field.iter().map(|(text, _)| text.as_str()).collect()
}

fn pattern_of(field: &Field) -> Pattern {
    let mut pattern = Pattern::default();
    for (text, quoted) in field {
        if *quoted { pattern.quoted(text) } else { pattern.bare(text) }
    }
    pattern
}

impl Variables for Process {
    fn value(&self, name: &str) -> String {
        self.var(name).unwrap_or("").to_owned()
    }
    fn assign(&mut self, name: &str, value: i64) {
        self.set(name, value.to_string());
    }
}

/// All arguments a list of words becomes.
///
/// # Errors
/// A failed expansion ends the script.
pub async fn words(p: &mut Process, words: &[Word]) -> Result<Vec<String>, Stop> {
    let mut found = Vec::new();
    let mut bytes = 0;
    for word in words {
        for word in braces(word) {
            for field in fields(p, &word, true).await? {
                let before = found.len();
                names(p, &field, &mut found)?;
                bytes += found[before..].iter().map(String::len).sum::<usize>();
                if found.len() > MOST || bytes > LARGEST {
                    p.say("Argument list too long").await;
                    return Err(Stop::Exit(126));
                }
            }
        }
    }
    Ok(found)
}

/// A word as one text: what is assigned, the name of a file.
///
/// # Errors
/// A failed expansion ends the script.
pub async fn text(p: &mut Process, word: &Word) -> Result<String, Stop> {
    let found = fields(p, word, false).await?;
    Ok(found.iter().map(whole).collect::<Vec<_>>().join(" "))
}

/// A word as a pattern.
///
/// # Errors
/// A failed expansion ends the script.
pub async fn pattern(p: &mut Process, word: &Word) -> Result<Pattern, Stop> {
    let found = fields(p, word, false).await?;
    Ok(found.first().map(pattern_of).unwrap_or_default())
}

/// The fields of one word; without splitting, one field (or none).
async fn fields(p: &mut Process, word: &Word, split: bool) -> Result<Vec<Field>, Stop> {
    let mut out = Fields::default();
    for (i, part) in word.0.iter().enumerate() {
        p.budget.spend(1)?;
        if out.bytes > LARGEST {
            return Err(Stop::Killed);
        }
        match part {
            Part::Bare(text) if i == 0 && text.starts_with('~') => {
                let (home, rest) = tilde(p, text);
                out.push(&home, true);
                out.push(&rest, false);
            }
            Part::Bare(text) => out.push(text, false),
            Part::Quoted(text) => out.push(text, true),
            Part::Param(param, quoted) if matches!(param.name.as_str(), "@" | "*") => {
                list(p, param, *quoted, split, &mut out);
            }
            Part::Param(param, quoted) => {
                if let Some(word) = operand(p, param) {
                    other(p, &word, *quoted, split, &mut out).await?;
                    continue;
                }
                let value = param_value(p, param).await?;
                add(p, &value, *quoted, split, &mut out);
            }
            Part::Command(list, quoted) => {
                let value = interpreter::capture(p, list).await?;
                add(p, &value, *quoted, split, &mut out);
            }
            Part::Arithmetic(text, quoted) => {
                let value = number(p, text).await?.to_string();
                add(p, &value, *quoted, split, &mut out);
            }
        }
    }
    out.cut();
    Ok(out.done)
}

fn add(p: &Process, value: &str, quoted: bool, split: bool, out: &mut Fields) {
    if quoted || !split {
        return out.push(value, quoted);
    }
    let ifs = p.var("IFS").unwrap_or(" \t\n").to_owned();
    out.split(value, &ifs);
}

/// `$@` and `$*`.
fn list(p: &Process, param: &Param, quoted: bool, split: bool, out: &mut Fields) {
    if param.op == Op::Length {
        return out.push(&p.args.len().to_string(), true);
    }
    let joined = param.name == "*" && quoted || !split;
    if joined {
        let separator = p.var("IFS").map_or(" ".to_owned(), |i| i.chars().take(1).collect());
        return out.push(&p.args.join(&separator), true);
    }
    for (i, arg) in p.args.iter().enumerate() {
        if i > 0 {
            out.cut();
        }
        add(p, arg, quoted, split, out);
    }
}

/// The word of `${NAME:-word}` and `${NAME:+word}` if it takes the variable's place.
fn operand(p: &Process, param: &Param) -> Option<Word> {
    let Op::Else(kind @ ('-' | '+'), colon, word) = &param.op else { return None };
    let value = special(p, &param.name);
    let given = value.is_some_and(|v| !*colon || !v.is_empty());
    (given == (*kind == '+')).then(|| word.clone())
}

/// Adds a word that stands for a variable, keeping its own quotes.
fn other<'a>(
    p: &'a mut Process,
    word: &'a Word,
    quoted: bool,
    split: bool,
    out: &'a mut Fields,
) -> Borrowed<'a, Result<(), Stop>> {
    Box::pin(async move {
        if p.depth > DEEPEST {
            return Err(Stop::Killed);
        }
        p.depth += 1;
        let found = fields(p, word, split && !quoted).await;
        p.depth -= 1;
        for (i, field) in found?.into_iter().enumerate() {
            if i > 0 {
                out.cut();
            }
            for (text, own) in field {
                out.push(&text, own || quoted);
            }
        }
        Ok(())
    })
}

/// The value of a variable or of one of the special parameters.
fn special(p: &Process, name: &str) -> Option<String> {
    Some(match name {
        "?" => p.status.to_string(),
        "$" => p.pid.to_string(),
        "#" => p.args.len().to_string(),
        "!" => p.var("!").unwrap_or("").to_owned(),
        "-" => "hB".into(),
        "0" => p.name.clone(),
        "@" | "*" => p.args.join(" "),
        "RANDOM" => (p.budget_chance() % 32768).to_string(),
        "UID" | "EUID" => p.who.uid.to_string(),
        "HOSTNAME" if !p.vars.contains_key("HOSTNAME") => p.machine.facts().hostname.clone(),
        "SECONDS" => p.seconds().to_string(),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => {
            return p.args.get(name.parse::<usize>().ok()?.checked_sub(1)?).cloned();
        }
        name => return p.var(name).map(str::to_owned),
    })
}

async fn param_value(p: &mut Process, param: &Param) -> Result<String, Stop> {
    let value = special(p, &param.name);
    if value.is_none() && p.flags.nounset && !matches!(param.op, Op::Else(..)) {
        p.say(format!("{}: unbound variable", param.name)).await;
        return Err(Stop::Exit(1));
    }
    let text = value.clone().unwrap_or_default();
    Ok(match &param.op {
        Op::Plain => text,
        Op::Length => text.chars().count().to_string(),
        Op::Else('=', colon, word) => {
            if value.is_some_and(|v| !colon || !v.is_empty()) {
                return Ok(text);
            }
            let new = Box::pin(self::text(p, word)).await?;
            p.set(&param.name, new.clone());
            new
        }
        Op::Else('?', colon, word) => {
            if value.is_some_and(|v| !colon || !v.is_empty()) {
                return Ok(text);
            }
            let why = Box::pin(self::text(p, word)).await?;
            let why = if why.is_empty() { "parameter null or not set" } else { &why };
            p.say(format!("{}: {why}", param.name)).await;
            return Err(Stop::Exit(127));
        }
        Op::Else(..) => text,
        Op::Trim(side, longest, word) => {
            let pattern = Box::pin(self::pattern(p, word)).await?;
            trim(p, &text, &pattern, *side == '#', *longest)?
        }
        Op::Replace(all, pattern, by) => {
            let pattern = Box::pin(self::pattern(p, pattern)).await?;
            let by = Box::pin(self::text(p, by)).await?;
            replace(p, &text, &pattern, &by, *all)?
        }
        Op::Slice(offset, length) => {
            let offset = number(p, offset).await?;
            let length = match length {
                Some(length) => Some(number(p, length).await?),
                None => None,
            };
            slice(&text, offset, length)
        }
        Op::Case("^^") => text.to_uppercase(),
        Op::Case(",,") => text.to_lowercase(),
        Op::Case(kind) => {
            let mut chars = text.chars();
            let first = chars.next().map(String::from).unwrap_or_default();
            let first = if *kind == "^" { first.to_uppercase() } else { first.to_lowercase() };
            first + chars.as_str()
        }
    })
}

fn slice(text: &str, offset: i64, length: Option<i64>) -> String {
    let chars: Vec<char> = text.chars().collect();
    let count = chars.len() as i64;
    let from = if offset < 0 { count.saturating_add(offset) } else { offset }.clamp(0, count);
    let to = match length {
        None => count,
        Some(n) if n < 0 => count.saturating_add(n),
        Some(n) => from.saturating_add(n),
    };
    chars[from as usize..to.clamp(from, count) as usize].iter().collect()
}

fn trim(
    p: &Process,
    text: &str,
    pattern: &Pattern,
    front: bool,
    longest: bool,
) -> Result<String, Stop> {
    let chars: Vec<char> = text.chars().collect();
    let mut cuts: Vec<usize> = (0..=chars.len()).collect();
    // From the shortest match to the longest, or back.
    if front == longest {
        cuts.reverse();
    }
    for cut in cuts {
        let part = if front { &chars[..cut] } else { &chars[cut..] };
        p.budget.spend(part.len() / 16 + 1)?;
        if pattern.fits(part) {
            let kept = if front { &chars[cut..] } else { &chars[..cut] };
            return Ok(kept.iter().collect());
        }
    }
    Ok(text.to_owned())
}

fn replace(
    p: &Process,
    text: &str,
    pattern: &Pattern,
    by: &str,
    all: bool,
) -> Result<String, Stop> {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::new(), 0);
    while at < chars.len() {
        p.budget.spend((chars.len() - at) / 4 + 1)?;
        let found = (at + 1..=chars.len()).rev().find(|end| pattern.fits(&chars[at..*end]));
        match found {
            Some(end) => {
                out.push_str(by);
                at = end;
                if !all {
                    break;
                }
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
        if out.len() > LARGEST {
            return Err(Stop::Killed);
        }
    }
    out.extend(&chars[at..]);
    Ok(out)
}

/// The value of an arithmetic expression.
///
/// # Errors
/// Ends the script when it is none.
pub async fn number(p: &mut Process, expression: &str) -> Result<i64, Stop> {
    p.budget.spend(expression.len() / 8 + 1)?;
    // Variables and substitutions inside are expanded first, as in double quotes.
    let quoted = expression.replace('\\', "\\\\").replace('"', "");
    let plain = if expression.contains(['$', '`']) {
        match super::parser::nested(&format!("\"{quoted}\""), p.depth as usize + 1) {
            Ok(list) => {
                let word = interpreter::only_word(&list).unwrap_or_default();
                Box::pin(text(p, &word)).await?
            }
            Err(_) => expression.to_owned(),
        }
    } else {
        expression.to_owned()
    };
    match arithmetic::evaluate(&plain, p) {
        Ok(value) => Ok(value),
        Err(why) => {
            p.say(format!("{}: {why}", plain.trim())).await;
            Err(Stop::Exit(1))
        }
    }
}

fn tilde(p: &Process, text: &str) -> (String, String) {
    let end = text.find('/').unwrap_or(text.len());
    let home = match &text[1..end] {
        "" => p.var("HOME").unwrap_or("/").to_owned(),
        "+" => p.cwd.clone(),
        "root" => "/root".to_owned(),
        _ => text[..end].to_owned(),
    };
    (home, text[end..].to_owned())
}

/// `a{b,c}` and `{1..5}`.
fn braces(word: &Word) -> Vec<Word> {
    let mut done = Vec::new();
    let mut todo = vec![word.clone()];
    while let Some(word) = todo.pop() {
        if done.len() + todo.len() > MOST {
            break;
        }
        let found = word.0.iter().enumerate().find_map(|(i, part)| match part {
            Part::Bare(text) => Some((i, choices(text)?)),
            _ => None,
        });
        let Some((i, texts)) = found else {
            done.push(word);
            continue;
        };
        for text in texts.into_iter().rev() {
            let mut one = word.clone();
            one.0[i] = Part::Bare(text);
            todo.push(one);
        }
    }
    done
}

/// The texts a brace expression stands for; `None` when there is none.
fn choices(text: &str) -> Option<Vec<String>> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|i| i + from) {
        let (mut depth, mut commas, mut close) = (0, vec![open], None);
        for (i, c) in text[open..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => commas.push(open + i),
                _ => {}
            }
            if depth == 0 {
                close = Some(open + i);
                break;
            }
        }
        let close = close?;
        let (before, after) = (&text[..open], &text[close + 1..]);
        let inner = if commas.len() > 1 {
            commas.push(close);
            let part = |w: &[usize]| text[w[0] + 1..w[1]].to_owned();
            Some(commas.windows(2).map(part).collect())
        } else {
            range(&text[open + 1..close])
        };
        if let Some(inner) = inner {
            let join = |t: String| format!("{before}{t}{after}");
            return Some(inner.into_iter().map(join).collect());
        }
        from = open + 1;
    }
    None
}

fn range(text: &str) -> Option<Vec<String>> {
    let mut parts = text.split("..");
    let (from, to) = (parts.next()?, parts.next()?);
    let step: usize = parts.next().map_or(Some(1), |s| s.parse().ok())?.max(1);
    if let (Ok(a), Ok(b)) = (from.parse::<i64>(), to.parse::<i64>()) {
        if a.abs_diff(b) > MOST as u64 {
            return None;
        }
        let padded = from.len() > 1 && from.starts_with('0');
        let width = if padded { from.len() } else { 0 };
        let show = |n: i64| format!("{n:0width$}");
        return Some(match a <= b {
            true => (a..=b).step_by(step).map(show).collect(),
            false => (b..=a).rev().step_by(step).map(show).collect(),
        });
    }
    let one = |s: &str| s.chars().next().filter(|c| s.len() == 1 && c.is_ascii_alphabetic());
    let (a, b) = (one(from)?, one(to)?);
    Some(if a <= b {
        (a..=b).step_by(step).map(String::from).collect()
    } else {
        (b..=a).rev().step_by(step).map(String::from).collect()
    })
}

/// The files a field names; the field itself when it is no pattern or none match.
fn names(p: &Process, field: &Field, into: &mut Vec<String>) -> Result<(), Stop> {
    let pattern = pattern_of(field);
    if p.flags.noglob || !pattern.is_special() || field.iter().all(|(_, quoted)| *quoted) {
        into.push(whole(field));
        return Ok(());
    }
    let parts = pattern.parts();
    let rooted = parts.first().is_some_and(|f| f.0.is_empty());
    let mut found = vec![if rooted { "/".to_owned() } else { String::new() }];
    for part in parts.iter().filter(|part| !part.0.is_empty()) {
        let mut next = Vec::new();
        for base in &found {
            next.extend(matching(p, base, part)?);
            p.budget.spend(next.len() / 4 + 1)?;
            if next.len() > MOST {
                return Err(Stop::Killed);
            }
        }
        found = next;
    }
    if found.is_empty() {
        into.push(whole(field));
    } else {
        into.extend(found);
    }
    Ok(())
}

fn matching(p: &Process, base: &str, part: &Pattern) -> Result<Vec<String>, Stop> {
    let join = |name: &str| match base {
        "" => name.to_owned(),
        base if base.ends_with('/') => format!("{base}{name}"),
        base => format!("{base}/{name}"),
    };
    if !part.is_special() {
        let path = join(&part.text());
        let there = p.fs.lstat(&p.path(&path), &p.who).is_ok();
        return Ok(if there { vec![path] } else { Vec::new() });
    }
    let folder = absolute(&p.cwd, base);
    let hidden = part.0.first() == Some(&Glob::One('.'));
    let list = p.fs.list(&folder, &p.who).unwrap_or_default();
    p.budget.spend(list.len() / 8 + 1)?;
    let shown = list.iter().map(|(name, _)| name).filter(|n| hidden || !n.starts_with('.'));
    Ok(shown.filter(|name| part.matches(name)).map(|name| join(name)).collect())
}
