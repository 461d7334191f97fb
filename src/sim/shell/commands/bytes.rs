//! Bytes as numbers: `hexdump`, `od`, `xxd`.

use super::{inputs, options, own};
use crate::sim::shell::{
    options::Known,
    process::{Done, Process},
};

/// Bytes in a row.
const ROW: usize = 16;

/// Characters of a row, dots for what cannot be shown.
fn shown(row: &[u8]) -> String {
    row.iter().map(|b| if (32..127).contains(b) { *b as char } else { '.' }).collect()
}

/// Rows with their places; rows like the one before are one star.
fn rows(bytes: &[u8], all: bool, line: impl Fn(usize, &[u8]) -> String) -> String {
    let mut out = String::new();
    let (mut last, mut starred): (Option<&[u8]>, bool) = (None, false);
    for (n, row) in bytes.chunks(ROW).enumerate() {
        if !all && last == Some(row) && row.len() == ROW {
            if !std::mem::replace(&mut starred, true) {
                out.push_str("*\n");
            }
            continue;
        }
        (last, starred) = (Some(row), false);
        out.push_str(&line(n * ROW, row));
        out.push('\n');
    }
    out
}

pub async fn hexdump(p: &mut Process, argv: &[String]) -> Done {
    let known = Known::letters("bcCdoxvn:s:e:f:");
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let (found, code) = inputs(p, own(argv), &o.rest).await?;
    let mut bytes: Vec<u8> = found.into_iter().flat_map(|(_, b)| b).collect();
    let number = |letter| o.value(letter).and_then(|v| v.parse::<usize>().ok());
    bytes.drain(..number('s').unwrap_or(0).min(bytes.len()));
    bytes.truncate(number('n').unwrap_or(usize::MAX));
    let canonical = own(argv) == "hd" || o.has('C');
    let line = |at: usize, row: &[u8]| match canonical {
        true => {
            let hex = |half: &[u8]| half.iter().map(|b| format!("{b:02x} ")).collect::<String>();
            let (first, second) = row.split_at(row.len().min(8));
            format!("{at:08x}  {:<24} {:<24} |{}|", hex(first), hex(second), shown(row))
        }
        false => {
            let words: String = row
                .chunks(2)
                .map(|pair| {
                    let high = pair.get(1).copied().unwrap_or(0);
                    match o.last("oxd") {
                        Some('o') => format!(" {:06o}", u16::from_le_bytes([pair[0], high])),
                        Some('d') => format!("   {:05}", u16::from_le_bytes([pair[0], high])),
                        _ => format!(" {:04x}", u16::from_le_bytes([pair[0], high])),
                    }
                })
                .collect();
            format!("{at:07x}{words:<40}")
        }
    };
    let mut text = rows(&bytes, o.has('v'), line);
    if !bytes.is_empty() {
        let end = bytes.len();
        text.push_str(&if canonical { format!("{end:08x}\n") } else { format!("{end:07x}\n") });
    }
    p.out(text).await?;
    Ok(code)
}

pub async fn od(p: &mut Process, argv: &[String]) -> Done {
    let known = Known::letters("A:t:j:N:w:vcbxodasn");
    let Some(o) = options(p, argv, &known).await else { return Ok(1) };
    let (found, code) = inputs(p, own(argv), &o.rest).await?;
    let mut bytes: Vec<u8> = found.into_iter().flat_map(|(_, b)| b).collect();
    let number = |letter| o.value(letter).and_then(|v| v.parse::<usize>().ok());
    bytes.drain(..number('j').unwrap_or(0).min(bytes.len()));
    bytes.truncate(number('N').unwrap_or(usize::MAX));
    let kind = match (o.value('t'), o.last("cbxda")) {
        (Some(kind), _) => kind.to_owned(),
        (None, Some('c')) => "c".into(),
        (None, Some('b')) => "o1".into(),
        (None, Some('x')) => "x2".into(),
        (None, Some('d')) => "u2".into(),
        _ => "o2".into(),
    };
    let place = |at: usize| match o.value('A') {
        Some("n") => String::new(),
        Some("x") => format!("{at:06x}"),
        Some("d") => format!("{at:07}"),
        _ => format!("{at:07o}"),
    };
    let line = |at: usize, row: &[u8]| place(at) + &words(&kind, row);
    let mut text = rows(&bytes, o.has('v'), line);
    if o.value('A') != Some("n") {
        text.push_str(&format!("{}\n", place(bytes.len())));
    }
    p.out(text).await?;
    Ok(code)
}

/// A row as `od -t` shows it.
fn words(kind: &str, row: &[u8]) -> String {
    let letter = kind.chars().next().unwrap_or('o');
    if letter == 'c' || letter == 'a' {
        let one = |b: &u8| match b {
            b'\n' => "  \\n".to_owned(),
            b'\t' => "  \\t".to_owned(),
            b'\r' => "  \\r".to_owned(),
            0 => "  \\0".to_owned(),
            32..=126 => format!("   {}", *b as char),
            other => format!(" {other:03o}"),
        };
        return row.iter().map(one).collect();
    }
    let size = kind[1..].parse::<usize>().unwrap_or(4).clamp(1, 8);
    row.chunks(size)
        .map(|part| {
            let n = part.iter().rev().fold(0u64, |n, b| (n << 8) | u64::from(*b));
            match letter {
                'x' => format!(" {n:0width$x}", width = size * 2),
                'u' | 'd' => {
                    format!(" {n:>width$}", width = [3, 5, 5, 10, 10, 20, 20, 20][size - 1])
                }
                _ => format!(" {n:0width$o}", width = (size * 8).div_ceil(3)),
            }
        })
        .collect()
}

pub async fn xxd(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("pl:s:c:u")).await else { return Ok(1) };
    let (found, code) = inputs(p, own(argv), &o.rest).await?;
    let mut bytes: Vec<u8> = found.into_iter().flat_map(|(_, b)| b).collect();
    let number = |letter| o.value(letter).and_then(|v| v.parse::<usize>().ok());
    bytes.drain(..number('s').unwrap_or(0).min(bytes.len()));
    bytes.truncate(number('l').unwrap_or(usize::MAX));
    let text: String = if o.has('p') {
        let line = |row: &[u8]| row.iter().map(|b| format!("{b:02x}")).collect::<String>() + "\n";
        bytes.chunks(30).map(line).collect()
    } else {
        rows(&bytes, true, |at, row| {
            let pair = |pair: &[u8]| pair.iter().map(|b| format!("{b:02x}")).collect::<String>();
            let words: Vec<String> = row.chunks(2).map(pair).collect();
            format!("{at:08x}: {:<39}  {}", words.join(" "), shown(row))
        })
    };
    p.out(text).await?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_like_the_one_before_are_a_star() {
        let text = rows(&[0; 64], false, |at, _| at.to_string());
        assert_eq!(text, "0\n*\n");
        assert_eq!(rows(b"ab", false, |at, row| format!("{at} {}", row.len())), "0 2\n");
    }

    #[test]
    fn words_have_their_widths() {
        assert_eq!(words("x1", b"\x01\xff"), " 01 ff");
        assert_eq!(words("o2", b"ab"), " 061141");
        assert_eq!(words("c", b"a\n"), "   a  \\n");
        assert_eq!(words("u1", b"\x07"), "   7");
    }
}
