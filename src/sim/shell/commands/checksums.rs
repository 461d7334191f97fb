//! `sha256sum` and its relatives: sums of files, and files held against a list of sums.
//! Source: coreutils `digest.c`, busybox `md5_sha1_sum.c`.

use super::{opened, options, own, passing, wording::is_busybox};
use crate::{
    object::hex,
    sim::shell::{
        io::{Input, LARGEST},
        options::{Known, Options},
        process::{Done, Process, Stop},
    },
};
use md5::{Digest, Md5};
use ring::digest::{self, Algorithm, Context};

/// Commands, what lists with names call their sums, and how they are made (`None`: MD5).
const SUMS: &[(&str, &str, Option<&Algorithm>)] = &[
    ("md5sum", "MD5", None),
    ("sha1sum", "SHA1", Some(&digest::SHA1_FOR_LEGACY_USE_ONLY)),
    ("sha256sum", "SHA256", Some(&digest::SHA256)),
    ("sha384sum", "SHA384", Some(&digest::SHA384)),
    ("sha512sum", "SHA512", Some(&digest::SHA512)),
];

const LONG: &[(&str, char)] = &[
    ("binary", 'b'),
    ("check", 'c'),
    ("ignore-missing", 'i'),
    ("quiet", 'q'),
    ("status", 's'),
    ("strict", 'S'),
    ("tag", 'T'),
    ("text", 't'),
    ("warn", 'w'),
    ("zero", 'z'),
];

/// One of these commands, as it was called.
struct Summing {
    command: String,
    kind: &'static str,
    algorithm: Option<&'static Algorithm>,
    options: Options,
}

/// How far a list of sums was right.
#[derive(Default)]
struct Checklist {
    /// Lines that are none of a list.
    odd: usize,
    lines: usize,
    unread: usize,
    wrong: usize,
    right: usize,
}

pub async fn sums(p: &mut Process, argv: &[String]) -> Done {
    let command = own(argv).to_owned();
    let letters = if is_busybox(p) { "bctws" } else { "bctwz" };
    let Some(options) = options(p, argv, &Known { letters, long: LONG, strict: false }).await
    else {
        return Ok(1);
    };
    let row = SUMS.iter().find(|(name, ..)| *name == command);
    let Some((_, kind, algorithm)) = row.copied() else { return Ok(127) };
    let files = match options.rest.is_empty() {
        true => vec!["-".to_owned()],
        false => options.rest.clone(),
    };
    let summing = Summing { command, kind, algorithm, options };
    let mut code = 0;
    for file in &files {
        code |= match summing.options.has('c') {
            true => summing.check(p, file).await?,
            false => summing.print(p, file).await?,
        };
    }
    Ok(code)
}

impl Summing {
    /// The sum of what is read.
    async fn of(&self, p: &Process, input: &Input) -> Result<String, Stop> {
        let mut md5 = Md5::new();
        let mut other = self.algorithm.map(Context::new);
        while let Some(chunk) = passing(p, input).await? {
            match &mut other {
                Some(context) => context.update(&chunk),
                None => md5.update(&chunk),
            }
        }
        Ok(match other {
            Some(context) => hex(context.finish().as_ref()),
            None => hex(&md5.finalize()),
        })
    }

    async fn print(&self, p: &Process, file: &str) -> Result<i32, Stop> {
        let Some(input) = opened(p, &self.command, file).await else { return Ok(1) };
        let sum = self.of(p, &input).await?;
        let o = &self.options;
        let end = if o.has('z') { '\0' } else { '\n' };
        let line = match (o.has('T'), o.has('b') && !is_busybox(p)) {
            (true, _) => format!("{} ({file}) = {sum}{end}", self.kind),
            (false, true) => format!("{sum} *{file}{end}"),
            (false, false) => format!("{sum}  {file}{end}"),
        };
        p.out(line).await?;
        Ok(0)
    }

    /// Holds the files of a list against it.
    async fn check(&self, p: &Process, list: &str) -> Result<i32, Stop> {
        let Some(input) = opened(p, &self.command, list).await else { return Ok(1) };
        let text = input.all(LARGEST).await?;
        p.budget.spend(text.len() / 256 + 1)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut found = Checklist::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match self.understand(line) {
                Some((sum, file)) => {
                    found.lines += 1;
                    self.hold(p, file, sum, &mut found).await?;
                }
                None => found.odd += 1,
            }
        }
        self.sum_up(p, list, &found).await
    }

    /// Sum and file of a line: `SUM  FILE`, `SUM *FILE` or `NAME (FILE) = SUM`.
    fn understand<'a>(&self, line: &'a str) -> Option<(&'a str, &'a str)> {
        let tagged = line.strip_prefix(self.kind).and_then(|rest| rest.strip_prefix(" ("));
        let (sum, file) = match tagged {
            Some(rest) => rest.rsplit_once(") = ").map(|(file, sum)| (sum, file))?,
            None => {
                let (sum, file) = line.split_once(' ')?;
                (sum, file.strip_prefix([' ', '*']).unwrap_or(file))
            }
        };
        let length = 2 * self.algorithm.map_or(16, Algorithm::output_len);
        let good = sum.len() == length && sum.bytes().all(|b| b.is_ascii_hexdigit());
        (good && !file.is_empty()).then_some((sum, file))
    }

    async fn hold(
        &self,
        p: &Process,
        file: &str,
        sum: &str,
        found: &mut Checklist,
    ) -> Result<(), Stop> {
        let o = &self.options;
        let quiet = o.has('s');
        if o.has('i') && p.fs.stat(&p.path(file), &p.who).is_err() {
            return Ok(());
        }
        let Some(input) = opened(p, &self.command, file).await else {
            found.unread += 1;
            if !quiet && !is_busybox(p) {
                p.out(format!("{file}: FAILED open or read\n")).await?;
            } else if !quiet {
                p.out(format!("{file}: FAILED\n")).await?;
            }
            return Ok(());
        };
        let right = self.of(p, &input).await?.eq_ignore_ascii_case(sum);
        match right {
            true => found.right += 1,
            false => found.wrong += 1,
        }
        let word = if right { "OK" } else { "FAILED" };
        if !(quiet || right && o.has('q')) {
            p.out(format!("{file}: {word}\n")).await?;
        }
        Ok(())
    }

    async fn sum_up(&self, p: &Process, list: &str, found: &Checklist) -> Result<i32, Stop> {
        let (name, o) = (&self.command, &self.options);
        let (quiet, failed) = (o.has('s'), found.unread + found.wrong > 0);
        if found.lines == 0 {
            let words = match is_busybox(p) {
                true => format!("no checksum lines found in '{list}'"),
                false => {
                    format!("{list}: no properly formatted {} checksum lines found", self.kind)
                }
            };
            p.err(format!("{name}: {words}")).await;
            return Ok(1);
        }
        if is_busybox(p) {
            if failed && !quiet {
                let wrong = found.wrong + found.unread;
                let words = format!("{wrong} of {} computed checksums did NOT match", found.lines);
                p.err(format!("{name}: WARNING: {words}")).await;
            }
            return Ok(i32::from(failed));
        }
        let several = |n: usize, one: &str, more: &str| match n {
            1 => format!("{name}: WARNING: 1 {one}"),
            n => format!("{name}: WARNING: {n} {more}"),
        };
        let rows = [
            (found.odd, "line is improperly formatted", "lines are improperly formatted"),
            (found.unread, "listed file could not be read", "listed files could not be read"),
            (found.wrong, "computed checksum did NOT match", "computed checksums did NOT match"),
        ];
        for (n, one, more) in rows.into_iter().filter(|(n, ..)| *n > 0 && !quiet) {
            p.err(several(n, one, more)).await;
        }
        if o.has('i') && found.right == 0 && !failed {
            p.err(format!("{name}: {list}: no file was verified")).await;
            return Ok(1);
        }
        Ok(i32::from(failed || (o.has('S') && found.odd > 0)))
    }
}
