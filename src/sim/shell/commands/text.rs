//! Text in, text out: `cat`, `head`, `sort` and their like.

use super::{inputs, opened, options, own, passing};
use crate::sim::shell::{
    io::{Input, LARGEST},
    options::Known,
    process::{Done, Process, Stop},
};
use base64::{Engine, engine::general_purpose::STANDARD};

pub async fn cat(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("nbAestuvET")).await else { return Ok(1) };
    let files = if o.rest.is_empty() { vec!["-".to_owned()] } else { o.rest.clone() };
    let (mut code, mut number) = (0, 0);
    for file in &files {
        let Some(input) = opened(p, own(argv), file).await else {
            code = 1;
            continue;
        };
        if !o.has('n') {
            while let Some(chunk) = input.chunk().await {
                p.out(chunk).await?;
            }
            continue;
        }
        while let Some(line) = input.line().await? {
            number += 1;
            p.out([format!("{number:6}\t").as_bytes(), &line].concat()).await?;
        }
    }
    Ok(code)
}

/// How many lines or bytes `head` and `tail` mean: `-n 5`, `-5`, `-c 10`.
struct Amount {
    bytes: bool,
    count: i64,
    from_start: bool,
}

async fn amount(
    p: &Process,
    argv: &[String],
    known: &Known,
) -> Option<(Amount, Vec<String>, bool)> {
    let short = |a: &String| {
        a.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut args = argv.to_vec();
    if let Some(i) = args.iter().position(short) {
        let count = args.remove(i)[1..].to_owned();
        args.insert(1, format!("-n{count}"));
    }
    let o = options(p, &args, known).await?;
    let text = o.value('c').or(o.value('n')).unwrap_or("10");
    let Ok(count) = text.trim_start_matches('+').trim_end_matches(['k', 'K']).parse() else {
        let what = if o.has('c') { "bytes" } else { "lines" };
        p.err(format!("{}: invalid number of {what}: '{text}'", own(argv))).await;
        return None;
    };
    let amount = Amount { bytes: o.has('c'), count, from_start: text.starts_with('+') };
    let follow = o.has('f') || o.has('F');
    Some((amount, o.rest, follow))
}

pub async fn head(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "n:c:qv", long: &[("lines", 'n'), ("bytes", 'c')], strict: false };
    let Some((amount, files, _)) = amount(p, argv, &known).await else { return Ok(1) };
    if files.len() <= 1 && amount.count >= 0 {
        return head_stream(p, argv, files.first(), &amount).await;
    }
    let (found, code) = inputs(p, own(argv), &files).await?;
    for (i, (name, bytes)) in found.iter().enumerate() {
        if found.len() > 1 {
            let gap = if i > 0 { "\n" } else { "" };
            p.out(format!("{gap}==> {name} <==\n")).await?;
        }
        let ends = ends(bytes, amount.bytes);
        let wanted = if amount.count < 0 { ends.len() as i64 + amount.count } else { amount.count };
        let end = usize::try_from(wanted).ok().and_then(|n| n.checked_sub(1));
        let end = end.map_or(0, |i| ends.get(i).copied().unwrap_or(bytes.len()));
        p.out(&bytes[..end]).await?;
    }
    Ok(code)
}

/// Reads no more than it needs, so that an endless pipe ends.
async fn head_stream(p: &Process, argv: &[String], file: Option<&String>, amount: &Amount) -> Done {
    let input = match file.filter(|f| *f != "-") {
        None => p.stdin.clone(),
        Some(file) => match crate::sim::shell::redirect::source(p, file) {
            Ok(input) => input,
            Err(why) => {
                p.err(super::wording::said(
                    p,
                    format!("{}: cannot open '{file}' for reading: {why}", own(argv)),
                ))
                .await;
                return Ok(1);
            }
        },
    };
    let mut left = amount.count as usize;
    while left > 0 {
        let next = if amount.bytes { input.chunk().await } else { input.line().await? };
        let Some(mut data) = next else { break };
        if amount.bytes {
            data.truncate(left);
            left -= data.len();
        } else {
            left -= 1;
        }
        p.out(data).await?;
    }
    Ok(0)
}

/// Where each line (or byte) ends.
fn ends(bytes: &[u8], single: bool) -> Vec<usize> {
    if single {
        return (1..=bytes.len()).collect();
    }
    let mut ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
    if bytes.last().is_some_and(|b| *b != b'\n') {
        ends.push(bytes.len());
    }
    ends
}

pub async fn tail(p: &mut Process, argv: &[String]) -> Done {
    let long = &[("lines", 'n'), ("bytes", 'c'), ("follow", 'f')];
    let known = Known { letters: "n:c:fFqv", long, strict: false };
    let Some((amount, files, follow)) = amount(p, argv, &known).await else { return Ok(1) };
    let files = if files.is_empty() { vec!["-".to_owned()] } else { files };
    let (mut code, mut seen, mut gap) = (0, 0, "");
    for file in &files {
        let Some(input) = opened(p, own(argv), file).await else {
            code = 1;
            continue;
        };
        if files.len() > 1 {
            p.out(format!("{gap}==> {file} <==\n")).await?;
            gap = "\n";
        }
        seen = match amount.from_start {
            true => rest(p, &input, &amount).await?,
            false => last(p, &input, &amount).await?,
        };
    }
    match files.as_slice() {
        [file] if follow && file != "-" && code == 0 => follow_file(p, file, seen).await,
        _ => Ok(code),
    }
}

/// Shows all but the first lines or bytes; answers how many bytes there were.
async fn rest(p: &Process, input: &Input, amount: &Amount) -> Result<usize, Stop> {
    let mut skipped = (amount.count.unsigned_abs() as usize).saturating_sub(1);
    let mut seen = 0;
    while let Some(chunk) = passing(p, input).await? {
        let mut from = 0;
        while skipped > 0 && from < chunk.len() {
            let line = chunk[from..].iter().position(|b| *b == b'\n').map(|at| at + 1);
            let step = if amount.bytes { Some(skipped.min(chunk.len())) } else { line };
            from += step.unwrap_or(chunk.len() - from);
            skipped -= if amount.bytes { from } else { usize::from(line.is_some()) };
        }
        seen += chunk.len();
        p.out(&chunk[from..]).await?;
    }
    Ok(seen)
}

/// Shows the last lines or bytes, and holds no more than those; answers how many bytes there were.
async fn last(p: &Process, input: &Input, amount: &Amount) -> Result<usize, Stop> {
    let (mut kept, mut seen) = (Vec::new(), 0);
    while let Some(chunk) = passing(p, input).await? {
        seen += chunk.len();
        kept.extend(chunk);
        if kept.len() > 2 * LARGEST {
            kept.drain(..start_of_last(&kept, amount));
            if kept.len() > LARGEST {
                return Err(Stop::Memory);
            }
        }
    }
    p.out(&kept[start_of_last(&kept, amount)..]).await?;
    Ok(seen)
}

fn start_of_last(bytes: &[u8], amount: &Amount) -> usize {
    let count = amount.count.unsigned_abs() as usize;
    let Some(before) = count.checked_sub(1).filter(|_| !amount.bytes) else {
        return bytes.len().saturating_sub(count);
    };
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut breaks = body.iter().enumerate().rev().filter(|(_, b)| **b == b'\n');
    breaks.nth(before).map_or(0, |(at, _)| at + 1)
}

/// Shows what is added to a file, looking once a second.
async fn follow_file(p: &mut Process, file: &str, mut seen: usize) -> Done {
    loop {
        p.sleep(jiff::SignedDuration::from_secs(1)).await;
        p.step().await?;
        let bytes = p.fs.read(&p.path(file), &p.who).unwrap_or_default();
        if bytes.len() < seen {
            seen = 0;
        }
        if bytes.len() > seen {
            p.out(&bytes[seen..]).await?;
            seen = bytes.len();
        }
    }
}

pub async fn wc(p: &mut Process, argv: &[String]) -> Done {
    let long = &[("lines", 'l'), ("words", 'w'), ("bytes", 'c'), ("chars", 'm')];
    let known = Known { letters: "lwcmL", long, strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let all = o.last("lwcm").is_none();
    let wanted = [all || o.has('l'), all || o.has('w'), o.has('m'), all || o.has('c')];
    let (mut rows, mut code) = (Vec::new(), 0);
    let files = if o.rest.is_empty() { vec!["-".to_owned()] } else { o.rest.clone() };
    for file in files {
        let Some(input) = opened(p, own(argv), &file).await else {
            code = 1;
            continue;
        };
        let counts = count(p, &input).await?.into_iter().zip(wanted);
        let shown = counts.filter(|(_, wanted)| *wanted).map(|(n, _)| n).collect::<Vec<_>>();
        rows.push((shown, file));
    }
    if rows.len() > 1 {
        let sum = |i: usize| rows.iter().map(|(c, _)| c[i]).sum();
        let total = (0..rows[0].0.len()).map(sum).collect();
        rows.push((total, "total".into()));
    }
    let largest = rows.iter().flat_map(|(c, _)| c).max().copied().unwrap_or(0);
    let single = rows.len() == 1 && rows[0].0.len() == 1;
    let piped = o.rest.is_empty() && !single;
    let width = if single {
        1
    } else if piped {
        7
    } else {
        largest.to_string().len()
    };
    for (counts, name) in rows {
        let numbers: Vec<String> = counts.iter().map(|n| format!("{n:width$}")).collect();
        let name = if o.rest.is_empty() { String::new() } else { format!(" {name}") };
        p.out(format!("{}{name}\n", numbers.join(" "))).await?;
    }
    Ok(code)
}

/// Lines, words, characters and bytes.
async fn count(p: &Process, input: &Input) -> Result<[usize; 4], Stop> {
    let (mut counts, mut blank) = ([0; 4], true);
    while let Some(chunk) = passing(p, input).await? {
        for byte in &chunk {
            let begins = blank && !byte.is_ascii_whitespace();
            blank = byte.is_ascii_whitespace();
            counts[0] += usize::from(*byte == b'\n');
            counts[1] += usize::from(begins);
            // The bytes that continue a character do not count as one.
            counts[2] += usize::from(byte & 0xc0 != 0x80);
        }
        counts[3] += chunk.len();
    }
    Ok(counts)
}

pub async fn tee(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("ai")).await else { return Ok(1) };
    let (mut sinks, mut code) = (Vec::new(), 0);
    for file in &o.rest {
        match crate::sim::shell::redirect::sink(p, file, o.has('a')) {
            Ok(sink) => sinks.push(sink),
            Err(why) => code = p.complain("tee", file, why).await,
        }
    }
    while let Some(chunk) = p.stdin.chunk().await {
        for sink in &sinks {
            sink.write(&chunk).await?;
        }
        p.out(chunk).await?;
    }
    Ok(code)
}

pub async fn seq(p: &mut Process, argv: &[String]) -> Done {
    let mut separator = "\n".to_owned();
    let mut numbers = Vec::new();
    let mut args = argv[1..].iter();
    while let Some(arg) = args.next() {
        match (arg.as_str(), arg.parse::<f64>()) {
            ("-s", _) => separator = args.next().cloned().unwrap_or_default(),
            ("-w", _) => {}
            (_, Ok(n)) if n.is_finite() => numbers.push(n),
            _ => {
                p.err(format!("seq: invalid floating point argument: '{arg}'")).await;
                return Ok(1);
            }
        }
    }
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1.0, 1.0, *last),
        [first, last] => (*first, 1.0, *last),
        [first, step, last] => (*first, *step, *last),
        _ => {
            p.err("seq: missing operand\nTry 'seq --help' for more information.").await;
            return Ok(1);
        }
    };
    if step == 0.0 {
        p.err("seq: invalid Zero increment value: '0'").await;
        return Ok(1);
    }
    let whole = [first, step, last].iter().all(|n| n.fract() == 0.0);
    let mut any = false;
    for i in 0u64.. {
        let n = first + step * i as f64;
        if (step > 0.0 && n > last) || (step < 0.0 && n < last) {
            break;
        }
        p.step().await?;
        let text = if whole { format!("{n:.0}") } else { format!("{n:.1}") };
        let before = if any { separator.as_str() } else { "" };
        p.out(format!("{before}{text}")).await?;
        any = true;
    }
    if any {
        p.out("\n").await?;
    }
    Ok(0)
}

pub async fn yes(p: &mut Process, argv: &[String]) -> Done {
    let word = if argv.len() > 1 { argv[1..].join(" ") } else { "y".into() };
    let many = format!("{word}\n").repeat(64);
    loop {
        p.step().await?;
        p.out(&many).await?;
    }
}

pub async fn base64(p: &mut Process, argv: &[String]) -> Done {
    let long = &[("decode", 'd'), ("wrap", 'w')];
    let known = Known { letters: "dDw:i", long, strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let (found, code) = inputs(p, "base64", &o.rest).await?;
    let data: Vec<u8> = found.into_iter().flat_map(|(_, bytes)| bytes).collect();
    if o.has('d') || o.has('D') {
        let plain: Vec<u8> = data.into_iter().filter(|b| !b.is_ascii_whitespace()).collect();
        return match STANDARD.decode(plain) {
            Ok(bytes) => {
                p.out(bytes).await?;
                Ok(code)
            }
            Err(_) => {
                p.err("base64: invalid input").await;
                Ok(1)
            }
        };
    }
    let text = STANDARD.encode(data);
    let width = o.value('w').and_then(|w| w.parse().ok()).unwrap_or(76);
    if width == 0 {
        p.out(text).await?;
        return Ok(code);
    }
    for line in text.as_bytes().chunks(width) {
        p.out([line, b"\n"].concat()).await?;
    }
    Ok(code)
}

pub async fn basename(p: &mut Process, argv: &[String]) -> Done {
    let (name, long) = (own(argv), &[("multiple", 'a'), ("suffix", 's'), ("zero", 'z')]);
    let known = match name {
        "dirname" => Known { letters: "z", long: &[("zero", 'z')], strict: true },
        _ => Known { letters: "as:z", long, strict: true },
    };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let (paths, suffix) = match (o.value('s'), o.rest.as_slice()) {
        (None, [path, suffix]) if name != "dirname" && !o.has('a') => (vec![path], suffix.as_str()),
        (suffix, paths) => (paths.iter().collect(), suffix.unwrap_or("")),
    };
    if paths.is_empty() {
        p.err(format!("{name}: missing operand\nTry '{name} --help' for more information.")).await;
        return Ok(1);
    }
    for path in paths {
        let end = if o.has('z') { '\0' } else { '\n' };
        p.out(format!("{}{end}", part(name, path, suffix))).await?;
    }
    Ok(0)
}

/// The folder of a path, or its last part without a suffix.
fn part<'a>(name: &str, path: &'a str, suffix: &str) -> &'a str {
    let plain = path.trim_end_matches('/');
    match name {
        _ if plain.is_empty() && !path.is_empty() => "/",
        "dirname" => crate::sim::shell::fs::split(plain).0,
        _ => {
            let last = plain.rsplit('/').next().unwrap_or(plain);
            last.strip_suffix(suffix).filter(|l| !l.is_empty()).unwrap_or(last)
        }
    }
}

/// Integers and comparisons, what scripts use it for.
pub async fn expr(p: &mut Process, argv: &[String]) -> Done {
    let text = argv[1..].join(" ");
    let simple = text.replace('\\', "");
    let known = |c: char| c.is_ascii_digit() || " +-*/%<>=!()&|".contains(c);
    if text.is_empty() || !simple.chars().all(known) {
        p.err("expr: syntax error").await;
        return Ok(2);
    }
    let equal = simple.replace(" = ", " == ");
    match crate::sim::shell::arithmetic::evaluate(&equal, p) {
        Ok(value) => {
            p.out(format!("{value}\n")).await?;
            Ok(i32::from(value == 0))
        }
        Err(why) => {
            let why = if why.contains("division") { "division by zero" } else { "syntax error" };
            p.err(format!("expr: {why}")).await;
            Ok(2)
        }
    }
}
