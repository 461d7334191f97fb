//! Command lines as words and flags, and kinds by what people call them.

use crate::kinds::{self, Served};

/// The words of a line, as a shell splits it: blanks, quotes and backslashes.
///
/// # Errors
/// When a quote has no end.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' => {
                let text = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => text.extend(rest.next()),
                        Some(inner) => text.push(inner),
                        None => return Err(format!("a {c} has no end")),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(rest.next()),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// A command's words: what it is about, and its flags.
#[derive(Debug, Default)]
pub struct Words {
    /// Words that are no flags.
    pub plain: Vec<String>,
    flags: Vec<(String, String)>,
}

/// Flags without a value.
const SWITCHES: &[&str] = &[
    "alias",
    "all",
    "auto",
    "confirm",
    "d",
    "end",
    "manual",
    "overwrite",
    "remove-all",
    "scheduled",
];

impl Words {
    /// Sorts words.
    ///
    /// # Errors
    /// When a flag has no value.
    pub fn new(words: Vec<String>) -> Result<Words, String> {
        let mut sorted = Words::default();
        let mut rest = words.into_iter();
        while let Some(word) = rest.next() {
            let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            match flag.filter(|f| !f.is_empty() && !f.starts_with(|c: char| c.is_ascii_digit())) {
                None => sorted.plain.push(word),
                Some(flag) => {
                    let (name, value) = match flag.split_once('=') {
                        Some((name, value)) => (name.to_owned(), value.to_owned()),
                        None if SWITCHES.contains(&flag) => (flag.to_owned(), "true".to_owned()),
                        None => {
                            let value =
                                rest.next().ok_or_else(|| format!("{word} needs a value"))?;
                            (flag.to_owned(), value)
                        }
                    };
                    sorted.flags.push((name, value));
                }
            }
        }
        Ok(sorted)
    }

    /// A flag's value; empty when it is not there.
    pub fn flag(&self, name: &str) -> &str {
        let found = self.flags.iter().rfind(|(n, _)| n == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether a switch is on.
    pub fn is(&self, name: &str) -> bool {
        self.flag(name) == "true"
    }

    /// A word by its place.
    ///
    /// # Errors
    /// When there is none.
    pub fn at(&self, place: usize) -> Result<&str, String> {
        self.plain.get(place).map(String::as_str).ok_or_else(|| "a word is missing".to_owned())
    }
}

/// Kinds that share their name with others, and the group meant by it.
const MEANT: &[(&str, &str)] = &[
    ("Event", ""),
    ("Image", "image.openshift.io"),
    ("Build", "build.openshift.io"),
    ("Project", "project.openshift.io"),
    ("Ingress", "networking.k8s.io"),
    ("Node", ""),
];

/// The kind of a name, a plural, a singular or a short name.
///
/// # Errors
/// When there is none.
pub fn kind(word: &str) -> Result<Served, String> {
    let lower = word.to_lowercase();
    let mut found: Vec<Served> = kinds::all()
        .filter(|k| {
            let named = k.kind.to_lowercase() == lower || *k.plural == *lower;
            named || k.short.iter().any(|s| **s == *lower)
        })
        .filter(|k| !matches!(k.backing, kinds::Backing::Converted { .. }))
        .collect();
    let meant = |k: &Served| MEANT.iter().any(|(name, group)| k.kind == *name && k.group == *group);
    found.sort_by_key(|k| !meant(k));
    found.into_iter().next().ok_or_else(|| format!("there is no kind {word:?}"))
}

/// Kind and name of `deployment/web`.
///
/// # Errors
/// When it is none.
pub fn named(word: &str) -> Result<(Served, &str), String> {
    let (kind_name, name) =
        word.split_once('/').ok_or_else(|| format!("{word:?} is not KIND/NAME"))?;
    Ok((kind(kind_name)?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_a_shell_does() {
        let rows: &[(&str, &[&str])] = &[
            ("oc get  pods", &["oc", "get", "pods"]),
            (r#"oc patch -p '{"a": "b c"}' "#, &["oc", "patch", "-p", r#"{"a": "b c"}"#]),
            (r#"a "b \" c" d\ e ''"#, &["a", "b \" c", "d e", ""]),
            ("", &[]),
        ];
        for (line, words) in rows {
            assert_eq!(split(line).unwrap(), *words, "{line}");
        }
        assert!(split("a 'b").is_err());
    }

    #[test]
    fn flags_and_kinds() {
        let words = split("tag --alias a:1 a:2 --reference-policy=local -n x").unwrap();
        let words = Words::new(words).unwrap();
        assert_eq!(words.plain, ["tag", "a:1", "a:2"]);
        assert_eq!(
            (words.is("alias"), words.flag("reference-policy"), words.flag("n")),
            (true, "local", "x")
        );
        assert!(Words::new(vec!["--to".into()]).is_err());
        for (word, name) in [
            ("deploy", "Deployment"),
            ("is", "ImageStream"),
            ("Pod", "Pod"),
            ("istag", "ImageStreamTag"),
        ] {
            assert_eq!(kind(word).unwrap().kind, *name, "{word}");
        }
        assert!(kind("nothing").is_err());
        assert_eq!(named("deployment/web").unwrap().1, "web");
    }
}
