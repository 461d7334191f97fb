//! Small commands and shell scripts, as far as pods in courses and tests use them: what they wait
//! for, how they end, which files they make. Not a shell: unknown syntax is run past.

use super::process::Process;
use crate::{catalog::End, sim::shell::quoted};

/// Programs that end well at once.
const QUICK: &[&str] = &[
    "true",
    ":",
    "echo",
    "printf",
    "date",
    "env",
    "hostname",
    "id",
    "uname",
    "whoami",
    "pwd",
    "ls",
    "export",
    "set",
    "cd",
    "mkdir",
    "chmod",
    "chown",
    "cp",
    "mv",
    "ln",
    "sync",
    "seq",
    "expr",
    "cut",
    "tr",
    "sort",
    "head",
    "wc",
    "df",
    "ps",
    "nslookup",
    "wget",
    "curl",
    "kill",
    "umask",
    "dd",
    "base64",
    "sha256sum",
    "find",
    "readlink",
    "stat",
    "tee",
    "sed",
    "awk",
    "printenv",
    "nproc",
    "free",
    "uptime",
    "mktemp",
    "read",
    "local",
    "unset",
    "shift",
    "return",
];

/// What the shell cannot see to the end within is taken to run on.
const FOREVER: f64 = 1e9;

/// Looks a program of the image up.
type Programs<'a> = &'a dyn Fn(&[String]) -> Option<Process>;

/// Statements after which a script is taken to run on: loops in loops are not worked through.
const MOST_STEPS: u32 = 10_000;

/// The rest of a command after which nothing more happens.
#[derive(Default)]
struct Run<'a> {
    at: f64,
    code: i64,
    over: bool,
    trap: bool,
    live: bool,
    files: Vec<(f64, String, bool)>,
    server: Option<Process>,
    other: Option<Programs<'a>>,
    steps: u32,
}

/// What `argv` does; `None` when there is no such command. `other` knows the programs of the
/// image.
pub(super) fn command(
    argv: &[String],
    other: &dyn Fn(&[String]) -> Option<Process>,
) -> Option<Process> {
    let mut run = Run { other: Some(other), ..Run::default() };
    let name = base(argv.first()?);
    if matches!(name, "sh" | "bash" | "ash" | "dash") {
        match argv.iter().position(|w| w.starts_with('-') && w.ends_with('c')) {
            Some(i) => run.script(argv.get(i + 1).map_or("", String::as_str)),
            // A shell without a terminal reads the end of its input and leaves.
            None => run.code = if argv.len() > 1 { 127 } else { 0 },
        }
    } else if !run.simple(argv) {
        return None;
    }
    Some(run.finish())
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

impl Run<'_> {
    fn finish(self) -> Process {
        let quiet = Process::default();
        let on_term = self.trap.then_some(End { after: 0.0, code: 0 });
        let served = self.server.unwrap_or(quiet);
        Process {
            ends: (self.at < FOREVER).then_some(End { after: self.at, code: self.code }),
            on_term: on_term.or(served.on_term),
            files: self.files,
            live: self.live,
            boot: served.boot,
            serves: served.serves,
            datagrams: served.datagrams,
        }
    }

    /// Statements joined by `;`, newlines, `&&` and `||`.
    fn script(&mut self, text: &str) {
        let mut rest = text.trim();
        let mut skip = false;
        while !rest.is_empty() && !self.over {
            let (statement, operator, after) = split(rest);
            if !skip {
                self.statement(statement);
            }
            skip = match operator {
                "&&" => self.code != 0,
                "||" => self.code == 0,
                _ => false,
            };
            rest = after.trim_start();
        }
    }

    fn statement(&mut self, text: &str) {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return self.last_forever();
        }
        let text = text.trim().trim_start_matches(['(', '{']).trim_end_matches([')', '}']).trim();
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        if let Some(body) = loop_body(text, &["while", "until"]) {
            return self.endless(text, body);
        }
        if let Some(body) = loop_body(text, &["for"]) {
            for _ in 0..rounds(text) {
                if self.over {
                    break;
                }
                self.script(body);
            }
            return;
        }
        let words = quoted(text);
        if !words.is_empty() && !self.simple(&words) {
            self.code = 127;
        }
    }

    fn endless(&mut self, text: &str, body: &str) {
        let condition = text.split_whitespace().nth(1).unwrap_or("").trim_end_matches(';');
        let before = self.at;
        if matches!(condition, "true" | ":" | "1" | "[" | "false" | "sleep") {
            self.script(body);
            if !self.over && !body.contains("break") {
                self.at = before + FOREVER;
                self.over = true;
            }
        }
    }

    /// A command without operators; false when nobody knows it.
    fn simple(&mut self, argv: &[String]) -> bool {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let Some((first, args)) = words.split_first() else { return true };
        self.code = 0;
        match base(first) {
            "exec" => return self.simple(&argv[1..]),
            "chroot" => {
                self.live = true;
                self.last_forever();
            }
            "exit" => {
                self.over = true;
                self.code = args.first().and_then(|a| a.parse().ok()).unwrap_or(0);
            }
            "false" => self.code = 1,
            "sleep" => self.sleep(args),
            "trap" => self.trap = true,
            "wait" => {}
            "tail" if args.iter().any(|a| matches!(*a, "-f" | "-F")) => self.last_forever(),
            "cat" if args == ["-"] => {}
            "touch" => self.files.extend(args.iter().map(|a| (self.at, (*a).into(), true))),
            "rm" => {
                let gone = args.iter().filter(|a| !a.starts_with('-'));
                self.files.extend(gone.map(|a| (self.at, (*a).into(), false)));
            }
            "cat" | "test" | "[" | "stat" | "tail" | "grep" => self.look(args),
            word if word.contains('=') && !word.starts_with('=') => {}
            word if QUICK.contains(&word) => self.redirect(args),
            _ => return self.program(argv),
        }
        true
    }

    fn program(&mut self, argv: &[String]) -> bool {
        let name = base(&argv[0]);
        if matches!(name, "sh" | "bash" | "ash") {
            let script = argv.iter().skip(1).find(|w| !w.starts_with('-'));
            self.script(&script.cloned().unwrap_or_default());
            return true;
        }
        let Some(process) = self.other.and_then(|known| known(argv)) else { return false };
        match process.ends {
            Some(end) => (self.at, self.code) = (self.at + end.after, end.code),
            None => self.last_forever(),
        }
        self.server = Some(process);
        true
    }

    fn last_forever(&mut self) {
        self.at += FOREVER;
        self.over = true;
    }

    fn sleep(&mut self, args: &[&str]) {
        let mut total = 0.0;
        for arg in args {
            let (number, unit) = match arg.strip_suffix(['s', 'm', 'h', 'd']) {
                Some(n) => (n, arg.chars().last().unwrap_or('s')),
                None => (*arg, 's'),
            };
            let factor = match unit {
                'm' => 60.0,
                'h' => 3600.0,
                'd' => 86400.0,
                _ => 1.0,
            };
            match number.parse::<f64>() {
                Ok(n) if n.is_finite() => total += n * factor,
                _ if arg.starts_with("inf") => return self.last_forever(),
                _ => return self.code = 1,
            }
        }
        if total >= FOREVER { self.last_forever() } else { self.at += total }
    }

    /// `echo x > file` makes a file.
    fn redirect(&mut self, args: &[&str]) {
        if let Some(i) = args.iter().position(|a| matches!(*a, ">" | ">>"))
            && let Some(file) = args.get(i + 1)
        {
            self.files.push((self.at, (*file).into(), true));
        }
    }

    /// Whether a file the script itself made is there. Files of the image are taken to exist.
    fn look(&mut self, args: &[&str]) {
        let named = args.iter().find(|a| a.contains('/'));
        let Some(name) = named else { return };
        let fate = self.files.iter().rev().find(|(_, f, _)| f == name);
        self.code = i64::from(fate.is_some_and(|(_, _, there)| !there));
    }
}

/// The first statement, the operator after it, and what follows. Quotes and loops stay together.
fn split(text: &str) -> (&str, &str, &str) {
    let (mut quote, mut depth, mut start_of_word) = (None, 0, true);
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        // Inside a character of several bytes nothing begins.
        let Some(rest) = text.get(i..) else {
            i += 1;
            continue;
        };
        let c = bytes[i];
        if let Some(q) = quote {
            if c == q {
                quote = None;
            }
        } else if c == b'\'' || c == b'"' {
            quote = Some(c);
        } else {
            if start_of_word {
                let word = rest.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or("");
                match word {
                    "while" | "until" | "for" | "if" | "case" => depth += 1,
                    "done" | "fi" | "esac" => depth -= 1,
                    _ => {}
                }
            }
            if depth == 0 {
                for operator in ["&&", "||", ";", "\n", "&", "|"] {
                    if let Some(after) = rest.strip_prefix(operator) {
                        return (&text[..i], operator, after);
                    }
                }
            }
        }
        start_of_word = c.is_ascii_whitespace() || c == b';' || c == b'(';
        i += 1;
    }
    (text, "", "")
}

/// What stands between `do` and `done`.
fn loop_body<'a>(text: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let first = text.split_whitespace().next()?;
    if !keywords.contains(&first) {
        return None;
    }
    let from = text.find("do ").or_else(|| text.find("do\n"))? + 3;
    let to = text.rfind("done")?;
    text.get(from..to)
}

/// How often a `for` loop runs.
fn rounds(text: &str) -> usize {
    let list = text.split(" in ").nth(1).unwrap_or("");
    let list = list.split([';', '\n']).next().unwrap_or("").trim();
    if let Some(range) = list.strip_prefix("$(seq ").or(list.strip_prefix("`seq ")) {
        let last = range.trim_end_matches([')', '`']).split_whitespace().last();
        return last.and_then(|n| n.parse().ok()).unwrap_or(1).min(1000);
    }
    if let Some((_, last)) = list.trim_matches(['{', '}']).split_once("..") {
        return last.parse().unwrap_or(1).min(1000);
    }
    list.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Process {
        let argv = ["sh".to_owned(), "-c".to_owned(), script.to_owned()];
        command(&argv, &|_| None).unwrap()
    }

    #[test]
    fn scripts_end_as_their_statements_say() {
        let rows = [
            ("for i in 1 2 3; do echo $i; sleep 2; done", Some((6.0, 0))),
            ("for i in $(seq 1 5); do sleep 1; done; exit 4", Some((5.0, 4))),
            ("echo 'a; exit 3'; sleep 1", Some((1.0, 0))),
            ("until false; do sleep 1; done", None),
            ("while :; do date; sleep 1; done", None),
            ("sleep 3 && exit 2 || exit 5", Some((3.0, 2))),
            ("exec tail -f /dev/null", None),
            ("X=1; sleep 0.5", Some((0.5, 0))),
            ("echo 'grüße € …'; sleep 1", Some((1.0, 0))),
            ("for i in $(seq 999); do for j in $(seq 999); do echo; done; done", None),
        ];
        for (script, expected) in rows {
            let ends = run(script).ends.map(|e| (e.after, e.code));
            assert_eq!(ends, expected, "{script}");
        }
        assert!(run("trap 'exit 0' TERM; sleep 99").on_term.is_some());
    }

    #[test]
    fn files_come_and_go() {
        let process = run("touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600");
        let expected =
            vec![(0.0, "/tmp/healthy".to_owned(), true), (30.0, "/tmp/healthy".to_owned(), false)];
        assert_eq!(process.files, expected);
        assert_eq!(process.ends.map(|e| e.after), Some(630.0));
    }
}
