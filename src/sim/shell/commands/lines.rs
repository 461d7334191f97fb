//! Text line by line or character by character: `sort`, `uniq`, `cut`, `tr`, `rev`.

use super::{inputs, lines, options, own};
use crate::sim::shell::{
    options::Known,
    process::{Done, Process},
};
use std::collections::HashSet;

pub async fn sort(p: &mut Process, argv: &[String]) -> Done {
    let long = &[("reverse", 'r'), ("numeric-sort", 'n'), ("unique", 'u'), ("key", 'k')];
    let known = Known { letters: "rnufhVbk:t:", long, strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(2) };
    let (found, code) = inputs(p, own(argv), &o.rest).await?;
    let mut rows: Vec<String> = found
        .iter()
        .flat_map(|(_, bytes)| lines(bytes).map(|l| String::from_utf8_lossy(l).into_owned()))
        .collect();
    p.budget.spend(rows.len() / 4 + 1)?;
    let spec = o.value('k').unwrap_or("").to_owned();
    let field = spec.split([',', '.']).next().unwrap_or("");
    let field: usize = field.trim_end_matches(char::is_alphabetic).parse().unwrap_or(0);
    let numeric = o.has('n') || o.has('h') || spec.contains('n');
    let separator = o.value('t').and_then(|t| t.chars().next());
    let key = |line: &str| -> String {
        let whole = line.to_owned();
        let found = match (field, separator) {
            (0, _) => return if o.has('f') { whole.to_uppercase() } else { whole },
            (n, Some(c)) => line.split(c).nth(n - 1).unwrap_or("").to_owned(),
            (n, None) => line.split_whitespace().nth(n - 1).unwrap_or("").to_owned(),
        };
        if o.has('f') { found.to_uppercase() } else { found }
    };
    let value = |text: &str| {
        let text = text.trim_start();
        let end = text.find(|c: char| !(c.is_ascii_digit() || "-.".contains(c)));
        let number: f64 = text[..end.unwrap_or(text.len())].parse().unwrap_or(0.0);
        match (o.has('h'), end.and_then(|e| text[e..].chars().next())) {
            (true, Some('K')) => number * 1024.0,
            (true, Some('M')) => number * 1_048_576.0,
            (true, Some('G')) => number * 1_073_741_824.0,
            _ => number,
        }
    };
    let compare = |a: &String, b: &String| {
        let (x, y) = (key(a), key(b));
        let order = if numeric { value(&x).total_cmp(&value(&y)) } else { x.cmp(&y) };
        let order = if o.has('r') || spec.contains('r') { order.reverse() } else { order };
        // A stable last resort, as without `-s`.
        if o.has('u') { order } else { order.then_with(|| a.cmp(b)) }
    };
    rows.sort_by(compare);
    if o.has('u') {
        rows.dedup_by(|a, b| compare(a, b).is_eq());
    }
    for row in rows {
        p.out(row + "\n").await?;
    }
    Ok(code)
}

pub async fn uniq(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("cdui")).await else { return Ok(1) };
    let (found, code) = inputs(p, own(argv), &o.rest[..o.rest.len().min(1)]).await?;
    let mut groups: Vec<(usize, Vec<u8>)> = Vec::new();
    for line in found.iter().flat_map(|(_, bytes)| lines(bytes)) {
        match groups.last_mut() {
            Some((count, last)) if last == line => *count += 1,
            _ => groups.push((1, line.to_vec())),
        }
    }
    for (count, line) in groups {
        if (o.has('d') && count < 2) || (o.has('u') && count > 1) {
            continue;
        }
        let before = if o.has('c') { format!("{count:7} ") } else { String::new() };
        p.out([before.as_bytes(), &line, b"\n"].concat()).await?;
    }
    Ok(code)
}

/// Numbers of a list such as `1,3-5,7-`.
fn chosen(list: &str, number: usize) -> bool {
    list.split(',').any(|part| match part.split_once('-') {
        None => part.parse() == Ok(number),
        Some((from, to)) => {
            from.parse().unwrap_or(1) <= number && number <= to.parse().unwrap_or(usize::MAX)
        }
    })
}

pub async fn cut(p: &mut Process, argv: &[String]) -> Done {
    let long = &[("delimiter", 'd'), ("fields", 'f'), ("characters", 'c'), ("bytes", 'b')];
    let known = Known { letters: "d:f:c:b:s", long, strict: false };
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let characters = o.value('c').or(o.value('b'));
    let Some(list) = o.value('f').or(characters) else {
        p.err("cut: you must specify a list of bytes, characters, or fields").await;
        return Ok(1);
    };
    let separator = o.value('d').unwrap_or("\t");
    let (found, code) = inputs(p, own(argv), &o.rest).await?;
    for line in found.iter().flat_map(|(_, bytes)| lines(bytes)) {
        let line = String::from_utf8_lossy(line);
        let kept = |i: &usize| chosen(list, i + 1);
        let text: String = if characters.is_some() {
            line.chars().enumerate().filter(|(i, _)| kept(i)).map(|(_, c)| c).collect()
        } else if !line.contains(separator) || separator.is_empty() {
            if o.has('s') {
                continue;
            }
            line.into_owned()
        } else {
            let parts = line.split(separator).enumerate().filter(|(i, _)| kept(i));
            parts.map(|(_, part)| part).collect::<Vec<_>>().join(separator)
        };
        p.out(text + "\n").await?;
    }
    Ok(code)
}

/// The characters a set such as `a-z[:digit:]\n` stands for.
fn set(text: &str) -> Vec<char> {
    let decoded: Vec<char> = crate::sim::shell::escapes::decode(text).0.chars().collect();
    let (mut out, mut i) = (Vec::new(), 0);
    while i < decoded.len() {
        let class = (decoded[i] == '[' && decoded.get(i + 1) == Some(&':'))
            .then(|| crate::sim::shell::pattern::class(&decoded[i..]))
            .flatten();
        if let Some((ranges, length)) = class {
            ranges.iter().for_each(|(a, b)| out.extend(*a..=*b));
            i += length + usize::from(decoded.get(i + length) == Some(&']'));
        } else if decoded.get(i + 1) == Some(&'-') && i + 2 < decoded.len() {
            let last = decoded[i + 2];
            out.extend((decoded[i]..=last).take(0x11_0000));
            i += 3;
        } else {
            out.push(decoded[i]);
            i += 1;
        }
    }
    out
}

pub async fn tr(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("dscC")).await else { return Ok(1) };
    let Some(first) = o.rest.first().map(|t| set(t)) else {
        p.err("tr: missing operand\nTry 'tr --help' for more information.").await;
        return Ok(1);
    };
    let second = o.rest.get(1).map(|t| set(t)).unwrap_or_default();
    let known: HashSet<char> = first.iter().copied().collect();
    let inside = |c: char| known.contains(&c) != (o.has('c') || o.has('C'));
    let change = |c: char| -> Option<char> {
        if !inside(c) {
            return Some(c);
        }
        if o.has('d') {
            return None;
        }
        let at = first.iter().position(|f| *f == c).unwrap_or(usize::MAX);
        second.get(at).or(second.last()).copied().or(Some(c))
    };
    let squeezed: HashSet<char> =
        if second.is_empty() { known.clone() } else { second.iter().copied().collect() };
    let mut last = None;
    while let Some(chunk) = p.stdin.chunk().await {
        let text = String::from_utf8_lossy(&chunk);
        let mut out = String::with_capacity(text.len());
        for c in text.chars().filter_map(change) {
            if o.has('s') && last == Some(c) && squeezed.contains(&c) {
                continue;
            }
            last = Some(c);
            out.push(c);
        }
        p.out(out).await?;
    }
    Ok(0)
}

pub async fn rev(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("brs:")).await else { return Ok(1) };
    let (found, code) = inputs(p, own(argv), &o.rest).await?;
    for (_, bytes) in found {
        let rows: Vec<String> =
            lines(&bytes).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
        let turned: Vec<String> = match own(argv) {
            "tac" => rows.into_iter().rev().collect(),
            _ => rows.iter().map(|r| r.chars().rev().collect()).collect(),
        };
        for row in turned {
            p.out(row + "\n").await?;
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_choose_numbers() {
        let of = |list: &str| (1..=6).filter(|n| chosen(list, *n)).collect::<Vec<_>>();
        assert_eq!(of("1,3-4"), [1, 3, 4]);
        assert_eq!(of("5-"), [5, 6]);
        assert_eq!(of("-2"), [1, 2]);
    }

    #[test]
    fn sets_have_ranges_classes_and_escapes() {
        let text = |s: &str| set(s).into_iter().collect::<String>();
        assert_eq!(text("a-c\\n"), "abc\n");
        assert_eq!(text("[:digit:]"), "0123456789");
        assert_eq!(text("-a"), "-a");
    }
}
