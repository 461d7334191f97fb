//! Dockerfiles, as far as they decide what the image is: instructions with their arguments and
//! variables put in. Source: the Dockerfile reference; buildah for what is said of a bad one.

/// Most bytes that are read.
pub const LARGEST: usize = 256 << 10;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its name, in capitals.
    pub name: String,
    /// What stands behind it, on one line.
    pub rest: String,
}

impl Instruction {
    /// As a log shows it.
    pub fn shown(&self) -> String {
        format!("{} {}", self.name, self.rest)
    }

    /// The words: of a JSON list, or one string for the shell.
    pub fn command(&self) -> Vec<String> {
        match serde_json::from_str::<Vec<String>>(&self.rest) {
            Ok(words) => words,
            Err(_) => vec!["/bin/sh".into(), "-c".into(), self.rest.clone()],
        }
    }
}

const KNOWN: &[&str] = &[
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Reads a Dockerfile.
///
/// # Errors
/// What is wrong with it, for people.
pub fn read(text: &str) -> Result<Vec<Instruction>, String> {
    if text.len() > LARGEST {
        return Err("the Dockerfile is too large".into());
    }
    let mut steps: Vec<Instruction> = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(part) = line.strip_suffix('\\') {
            open += part.trim_end();
            open.push(' ');
            continue;
        }
        let whole = std::mem::take(&mut open) + line;
        let (name, rest) = whole.split_once(char::is_whitespace).unwrap_or((&whole, ""));
        let name = name.to_uppercase();
        if !KNOWN.contains(&name.as_str()) {
            return Err(format!("Unknown instruction: {name:?}"));
        }
        if rest.trim().is_empty() {
            return Err(format!("{name} requires at least one argument"));
        }
        steps.push(Instruction { name, rest: rest.trim().into() });
    }
    match steps.iter().find(|s| s.name != "ARG") {
        None => Err("file with no instructions".into()),
        Some(first) if first.name != "FROM" => {
            Err("no build stage in current context: the first instruction must be FROM".into())
        }
        Some(_) => Ok(steps),
    }
}

/// The names and values of `ENV` and `LABEL`: `A=1 B="two words"`, or the old `A all the rest`.
pub fn pairs(rest: &str) -> Vec<(String, String)> {
    let words = words(rest);
    if words.first().is_none_or(|w| !w.contains('=')) {
        let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        return vec![(name.to_owned(), value.trim().to_owned())];
    }
    let split = |w: &String| w.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
    words.iter().filter_map(split).collect()
}

/// Words apart by blanks, quotes taken off.
pub fn words(text: &str) -> Vec<String> {
    let (mut all, mut word, mut quote, mut inside) = (Vec::new(), String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some('\''), c) => word.push(c),
            (_, '\\') => word.extend(chars.next()),
            (Some(_), c) => word.push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                inside = true;
            }
            (None, c) if c.is_whitespace() => {
                if inside || !word.is_empty() {
                    all.push(std::mem::take(&mut word));
                }
                inside = false;
            }
            (None, c) => word.push(c),
        }
    }
    if inside || !word.is_empty() {
        all.push(word);
    }
    all
}

/// Puts the values of variables in: `$A`, `${A}`, `${A:-default}`, `${A:+other}`.
pub fn expanded(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out += before;
        if let Some((inner, behind)) = after.strip_prefix('{').and_then(|a| a.split_once('}')) {
            let end = inner.find(':').unwrap_or(inner.len());
            let found = value(&inner[..end]).filter(|v| !v.is_empty());
            out += &match inner[end..].get(..2) {
                Some(":-") => found.unwrap_or_else(|| inner[end + 2..].to_owned()),
                Some(":+") => found.map(|_| inner[end + 2..].to_owned()).unwrap_or_default(),
                _ => found.unwrap_or_default(),
            };
            rest = behind;
            continue;
        }
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let (name, behind) = after.split_at(end.unwrap_or(after.len()));
        match name {
            "" => out.push('$'),
            name => out += &value(name).unwrap_or_default(),
        }
        rest = behind;
    }
    out + rest
}

/// The exit code of a shell line as far as its words tell: `false` fails, `exit N` ends with N.
pub fn code(script: &str) -> i64 {
    for part in script.split([';', '\n']) {
        for command in part.split("&&") {
            let words = words(command);
            match (words.first().map(String::as_str), words.get(1)) {
                (Some("false" | "/bin/false" | "/usr/bin/false"), _) if !command.contains("||") => {
                    return 1;
                }
                (Some("exit"), code) => {
                    return code.and_then(|c| c.parse().ok()).unwrap_or(0);
                }
                _ => {}
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_read_over_lines() {
        let steps =
            read("# a\nARG V=1\nFROM a:$V\nrun one \\\n  two\n\nCMD [\"x\", \"y\"]\n").unwrap();
        let shown: Vec<String> = steps.iter().map(Instruction::shown).collect();
        assert_eq!(shown, ["ARG V=1", "FROM a:$V", "RUN one two", "CMD [\"x\", \"y\"]"]);
        assert_eq!(steps[3].command(), ["x", "y"]);
        assert_eq!(steps[2].command(), ["/bin/sh", "-c", "one two"]);
    }

    #[test]
    fn what_is_none_is_refused() {
        let rows = [
            ("", "file with no instructions"),
            ("RUN x", "no build stage"),
            ("FROM a\nWHAT b", "Unknown instruction: \"WHAT\""),
            ("FROM", "FROM requires at least one argument"),
        ];
        for (text, why) in rows {
            assert!(read(text).unwrap_err().starts_with(why), "{text}");
        }
    }

    #[test]
    fn values_are_put_in() {
        let value = |name: &str| (name == "A").then(|| "1".to_owned());
        for (text, expected) in [
            ("$A", "1"),
            ("${A}x", "1x"),
            ("${B:-2}", "2"),
            ("${A:+3}${B:+4}", "3"),
            ("$B|", "|"),
            ("a$", "a$"),
        ] {
            assert_eq!(expanded(text, &value), expected, "{text}");
        }
    }

    #[test]
    fn pairs_have_two_forms() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(pairs("A=1 B=\"two words\""), [pair("A", "1"), pair("B", "two words")]);
        assert_eq!(pairs("A all the rest"), [pair("A", "all the rest")]);
    }

    #[test]
    fn failures_on_purpose() {
        for (script, expected) in [
            ("false", 1),
            ("echo a && exit 3", 3),
            ("exit", 0),
            ("false || true", 0),
            ("echo exit 1", 0),
        ] {
            assert_eq!(code(script), expected, "{script}");
        }
    }
}
