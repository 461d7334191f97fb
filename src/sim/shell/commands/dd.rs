//! `dd`: blocks from one place to another. Source of its words: coreutils; busybox.

use super::{opened, passing, wording::is_busybox};
use crate::sim::shell::{
    io::LARGEST,
    process::{Done, Process},
};
use std::collections::BTreeMap;

/// Operands that are understood.
const OPERANDS: &[&str] = &[
    "bs", "cbs", "conv", "count", "ibs", "if", "iflag", "obs", "of", "oflag", "seek", "skip",
    "status",
];

/// Letters after a number, and what they multiply it by.
const UNITS: &[(&str, u64)] = &[
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("c", 1),
    ("w", 2),
    ("b", 512),
    ("k", 1 << 10),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
];

/// `2x512`, `4k`, `1M`.
fn size(text: &str) -> Option<u64> {
    text.split('x').try_fold(1u64, |all, part| {
        let unit = UNITS.iter().find(|(unit, _)| part.ends_with(unit));
        let (digits, factor) = unit.map_or((part, 1), |(u, f)| (&part[..part.len() - u.len()], *f));
        all.checked_mul(digits.parse::<u64>().ok()?.checked_mul(factor)?)
    })
}

/// What is asked for.
struct Call {
    texts: BTreeMap<String, String>,
    block: u64,
    out_block: u64,
    count: Option<u64>,
    skip: u64,
    seek: u64,
}

impl Call {
    /// # Errors
    /// What is wrong with the operands.
    fn read(argv: &[String]) -> Result<Call, String> {
        let mut texts = BTreeMap::new();
        for word in &argv[1..] {
            match word.split_once('=').filter(|(name, _)| OPERANDS.contains(name)) {
                Some((name, value)) => drop(texts.insert(name.to_owned(), value.to_owned())),
                None => return Err(format!("unrecognized operand '{word}'")),
            }
        }
        let number = |name: &str| match texts.get(name) {
            Some(text) => size(text).map(Some).ok_or(format!("invalid number: '{text}'")),
            None => Ok(None),
        };
        let both = number("bs")?;
        let block = both.or(number("ibs")?).unwrap_or(512);
        let out_block = both.or(number("obs")?).unwrap_or(512);
        if block == 0 || out_block == 0 {
            return Err("invalid number: '0'".into());
        }
        let (count, skip) = (number("count")?, number("skip")?.unwrap_or(0));
        let seek = number("seek")?.unwrap_or(0);
        Ok(Call { block, out_block, count, skip, seek, texts })
    }

    fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    fn converts(&self, how: &str) -> bool {
        self.text("conv").split(',').any(|c| c == how)
    }
}

pub async fn dd(p: &mut Process, argv: &[String]) -> Done {
    let call = match Call::read(argv) {
        Ok(call) => call,
        Err(why) => {
            p.err(format!("dd: {why}")).await;
            return Ok(1);
        }
    };
    let from = if call.text("if").is_empty() { "-" } else { call.text("if") };
    let Some(input) = opened(p, "dd: failed to open", from).await else { return Ok(1) };
    let (mut skip, most) = (
        call.skip.saturating_mul(call.block),
        call.count.map_or(u64::MAX, |count| count.saturating_mul(call.block)),
    );
    let (mut bytes, mut whole) = (Vec::new(), 0u64);
    let sink = call.text("of") == "/dev/null";
    while whole < most {
        let Some(mut chunk) = passing(p, &input).await? else { break };
        let passed = skip.min(chunk.len() as u64);
        chunk.drain(..passed as usize);
        skip -= passed;
        chunk.truncate(usize::try_from(most - whole).unwrap_or(usize::MAX));
        whole += chunk.len() as u64;
        if !sink {
            bytes.extend_from_slice(&chunk);
        }
        if bytes.len() > LARGEST {
            p.err("dd: error writing: No space left on device").await;
            return Ok(1);
        }
    }
    if call.converts("ucase") {
        bytes.make_ascii_uppercase();
    } else if call.converts("lcase") {
        bytes.make_ascii_lowercase();
    }
    if !sink && !written(p, &call, bytes).await? {
        return Ok(1);
    }
    if call.text("status") != "none" {
        p.err(report(&call, whole, is_busybox(p))).await;
    }
    Ok(0)
}

/// Puts the bytes where they belong.
async fn written(
    p: &mut Process,
    call: &Call,
    bytes: Vec<u8>,
) -> Result<bool, crate::sim::shell::process::Stop> {
    let to = call.text("of");
    if to.is_empty() {
        p.out(bytes).await?;
        return Ok(true);
    }
    let (path, now) = (p.path(to), p.clock.now());
    let at = usize::try_from(call.seek.saturating_mul(call.out_block)).unwrap_or(usize::MAX);
    let keeps = call.converts("notrunc");
    let done = if at == 0 && !keeps {
        p.fs.write(&path, &bytes, false, &p.who, now)
    } else if at.saturating_add(bytes.len()) > LARGEST {
        Err(crate::sim::shell::fs::Errno::NoSpace)
    } else {
        let mut file = p.fs.read(&path, &p.who).map_or(Vec::new(), |old| old.to_vec());
        let end = at + bytes.len();
        file.resize(if keeps { end.max(file.len()) } else { end }, 0);
        file[at..end].copy_from_slice(&bytes);
        p.fs.write(&path, &file, false, &p.who, now)
    };
    if let Err(why) = done {
        let text = match is_busybox(p) {
            true => format!("dd: can't open '{to}': {why}"),
            false => format!("dd: failed to open '{to}': {why}"),
        };
        p.err(text).await;
        return Ok(false);
    }
    Ok(true)
}

/// Bytes a disk that does not exist moves in a second, and the seconds before the first.
const SPEED: f64 = 1e9;
const START: f64 = 4e-5;

/// What it says at its end.
fn report(call: &Call, bytes: u64, busybox: bool) -> String {
    let records =
        |block: u64| format!("{}+{}", bytes / block, u64::from(!bytes.is_multiple_of(block)));
    let seconds = START + bytes as f64 / SPEED;
    let rate = bytes as f64 / seconds;
    let copied = match busybox {
        true => format!(
            "{bytes} bytes ({}) copied, {seconds:.6} seconds, {}/s",
            human(bytes as f64, 1024.0, &["B", "KB", "MB", "GB"], ""),
            human(rate, 1024.0, &["B", "KB", "MB", "GB"], "")
        ),
        false => {
            let si = human(bytes as f64, 1000.0, &["B", "kB", "MB", "GB"], " ");
            let iec = human(bytes as f64, 1024.0, &["B", "KiB", "MiB", "GiB"], " ");
            let both = match bytes {
                0..1000 => String::new(),
                1000..1024 => format!(" ({si})"),
                _ => format!(" ({si}, {iec})"),
            };
            let speed = human(rate, 1000.0, &["B", "kB", "MB", "GB"], " ");
            format!("{bytes} bytes{both} copied, {} s, {speed}/s", short(seconds))
        }
    };
    format!("{} records in\n{} records out\n{copied}", records(call.block), records(call.out_block))
}

/// Six digits that count, as `%g` has them.
fn short(seconds: f64) -> String {
    let before = seconds.max(1e-9).log10().floor() as i32;
    let digits = usize::try_from(5 - before).unwrap_or(0);
    let text = format!("{seconds:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn human(amount: f64, step: f64, units: &[&str], space: &str) -> String {
    let (mut amount, mut unit) = (amount, 0);
    while amount >= step && unit + 1 < units.len() {
        (amount, unit) = (amount / step, unit + 1);
    }
    let text = match unit {
        0 => format!("{amount:.0}"),
        _ if amount < 9.95 || space.is_empty() => format!("{amount:.1}"),
        _ => format!("{amount:.0}"),
    };
    format!("{text}{space}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_and_factors() {
        let rows = [
            ("512", Some(512)),
            ("4k", Some(4096)),
            ("1M", Some(1 << 20)),
            ("1kB", Some(1000)),
            ("2x512", Some(1024)),
            ("2b", Some(1024)),
            ("", None),
            ("z", None),
            ("99999999999999999999", None),
            ("9999999999999G", None),
        ];
        for (text, bytes) in rows {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn reports_are_those_of_coreutils_and_busybox() {
        let call = |words: &[&str]| {
            let argv: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            Call::read(&argv).unwrap()
        };
        let four = call(&["dd", "bs=1024"]);
        assert_eq!(
            report(&four, 4096, false),
            "4+0 records in\n4+0 records out\n4096 bytes (4.1 kB, 4.0 KiB) copied, 4.4096e-05 s, 93 MB/s"
                .replace("4.4096e-05", "0.000044096")
        );
        assert_eq!(
            report(&four, 4096, true),
            "4+0 records in\n4+0 records out\n4096 bytes (4.0KB) copied, 0.000044 seconds, 88.6MB/s"
        );
        let partial = report(&call(&["dd"]), 700, false);
        assert!(
            partial.starts_with("1+1 records in\n1+1 records out\n700 bytes copied"),
            "{partial}"
        );
    }
}
