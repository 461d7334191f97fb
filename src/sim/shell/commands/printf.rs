//! `printf`.

use crate::sim::shell::{
    escapes,
    process::{Done, Process},
};

/// Writes arguments by a format, again while arguments are left.
pub async fn run(p: &mut Process, argv: &[String]) -> Done {
    let mut args = argv[1..].iter().skip_while(|a| *a == "--").cloned().collect::<Vec<_>>();
    if args.is_empty() {
        p.say("printf: usage: printf [-v var] format [arguments]").await;
        return Ok(2);
    }
    let variable = (args[0] == "-v" && args.len() > 2).then(|| args.drain(..2).nth(1)).flatten();
    let (text, problem) = format(&args[0], &args[1..]);
    match variable {
        Some(name) => p.set(&name, text),
        None => p.out(text).await?,
    }
    if let Some(problem) = problem {
        p.say(format!("printf: {problem}")).await;
        return Ok(1);
    }
    Ok(0)
}

/// Rounds over a format at most: an endless text has an end.
const ROUNDS: usize = 10_000;

fn format(format: &str, args: &[String]) -> (String, Option<String>) {
    let (mut out, mut problem, mut used) = (String::new(), None, 0);
    for _ in 0..ROUNDS {
        let before = used;
        if !round(format, args, &mut used, &mut out, &mut problem) {
            break;
        }
        if used >= args.len() || used == before {
            break;
        }
    }
    (out, problem)
}

/// One pass over the format; false when `\c` stopped it.
fn round(
    format: &str,
    args: &[String],
    used: &mut usize,
    out: &mut String,
    problem: &mut Option<String>,
) -> bool {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (text, stopped) = escapes::decode(&rest[..at]);
        out.push_str(&text);
        if stopped {
            return false;
        }
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let Some(kind) = rest[end..].chars().next() else {
            out.push('%');
            out.push_str(rest);
            return true;
        };
        let mut star = || {
            *used += 1;
            args.get(*used - 1).cloned().unwrap_or_default()
        };
        let spec = if rest[..end].contains('*') {
            rest[..end].replacen('*', &star(), 1)
        } else {
            rest[..end].into()
        };
        let arg = star();
        rest = &rest[end + 1..];
        if !conversion(&spec, kind, &arg, out, problem) {
            return false;
        }
    }
    let (text, stopped) = escapes::decode(rest);
    out.push_str(&text);
    !stopped
}

fn conversion(
    spec: &str,
    kind: char,
    arg: &str,
    out: &mut String,
    problem: &mut Option<String>,
) -> bool {
    let flags: String = spec.chars().take_while(|c| "-+ 0#".contains(*c)).collect();
    let (width, precision) =
        spec[flags.len()..].split_once('.').unwrap_or((&spec[flags.len()..], ""));
    let width: usize = width.parse().unwrap_or(0).min(4096);
    let digits: Option<usize> = precision.parse().ok().map(|n: usize| n.min(4096));
    let mut goes_on = true;
    let text = match kind {
        's' => arg.chars().take(digits.unwrap_or(usize::MAX)).collect(),
        'c' => arg.chars().take(1).collect(),
        'q' => format!("{arg:?}"),
        'b' => {
            let (text, stopped) = escapes::decode(arg);
            goes_on = !stopped;
            text
        }
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            let number = integer(arg).unwrap_or_else(|| {
                *problem = Some(format!("{arg}: invalid number"));
                0
            });
            match kind {
                'x' => format!("{number:x}"),
                'X' => format!("{number:X}"),
                'o' => format!("{number:o}"),
                _ if flags.contains('+') => format!("{number:+}"),
                _ => number.to_string(),
            }
        }
        'f' | 'F' | 'e' | 'g' => {
            let number: f64 = if arg.is_empty() { 0.0 } else { arg.parse().unwrap_or(0.0) };
            match kind {
                'g' => number.to_string(),
                'e' => format!("{number:.*e}", digits.unwrap_or(6)),
                _ => format!("{number:.*}", digits.unwrap_or(6)),
            }
        }
        other => {
            *problem = Some(format!("`{other}': invalid format character"));
            return false;
        }
    };
    let missing = width.saturating_sub(text.chars().count());
    let numeric = !matches!(kind, 's' | 'c' | 'b' | 'q');
    if flags.contains('-') {
        out.push_str(&text);
        out.push_str(&" ".repeat(missing));
    } else if flags.contains('0') && numeric {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.as_str()),
        };
        out.push_str(&format!("{sign}{}{digits}", "0".repeat(missing)));
    } else {
        out.push_str(&" ".repeat(missing));
        out.push_str(&text);
    }
    goes_on
}

fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0);
    }
    // 'x is the number of a character.
    if let Some(c) = text.strip_prefix(['\'', '"']) {
        return c.chars().next().map(|c| i64::from(u32::from(c)));
    }
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn formats() {
        let rows: &[(&str, &[&str], &str)] = &[
            ("hi\\n", &[], "hi\n"),
            ("%s-%s\\n", &["a", "b", "c"], "a-b\nc-\n"),
            ("%5d|%-5s|%05d", &["42", "ab", "-7"], "   42|ab   |-0007"),
            ("%.2f %x %%", &["3.14159", "255"], "3.14 ff %"),
            ("%b", &["a\\tb"], "a\tb"),
            ("%*d", &["4", "7"], "   7"),
            ("%c", &["xyz"], "x"),
            ("%d", &["x"], "0"),
        ];
        for (format, args, expected) in rows {
            let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
            assert_eq!(super::format(format, &args).0, *expected, "{format}");
        }
    }
}
