//! Reads `openapi/`: wire facts, merge facts and defaults. A fact about a type or field that the
//! catalogue does not have is an error, so the files cannot rot.

use crate::Definitions;
use serde_json::Value;
use std::{collections::BTreeMap, error::Error, fs, path::Path};

/// What the files say about all types.
#[derive(Default)]
pub struct Facts {
    /// Wire facts, by definition name.
    pub wire: BTreeMap<String, Vec<Wire>>,
    /// Merge facts, by definition name and field.
    pub merge: BTreeMap<(String, String), Merge>,
    /// Types server-side apply treats as one value.
    pub atomic: Vec<String>,
    /// Defaults, by definition name and field.
    pub defaults: BTreeMap<(String, String), Value>,
}

/// A line of `openapi/wire`.
#[derive(Clone)]
pub struct Wire {
    /// JSON name, or the Go name of an embedded message.
    pub name: String,
    /// Field number; 0 for none.
    pub number: u32,
    /// `*` optional, `~` zero is left out, `!` zero is written.
    pub presence: char,
    /// Go type where it does not follow from the shape.
    pub go: String,
    /// Fields of an embedded message.
    pub embedded: Option<Vec<Wire>>,
}

/// A line of `openapi/merge.txt`.
#[derive(Clone, Default)]
pub struct Merge {
    pub set: bool,
    pub atomic: bool,
    pub map_keys: Vec<String>,
    pub merge_key: String,
    pub strategies: Vec<String>,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Reads all files below `dir`.
pub fn read(dir: &Path, definitions: &Definitions) -> Outcome<Facts> {
    let mut facts = Facts::default();
    for file in fs::read_dir(dir.join("wire"))? {
        let path = file?.path();
        let text = fs::read_to_string(&path)?;
        wire(&text, &mut facts).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    merge(&fs::read_to_string(dir.join("merge.txt"))?, &mut facts)?;
    defaults(&fs::read_to_string(dir.join("defaults.yaml"))?, &mut facts)?;
    crate::aliases::facts(&mut facts);
    check(&facts, definitions)?;
    Ok(facts)
}

/// Lines that carry something, with comments gone.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#'))
}

fn wire(text: &str, facts: &mut Facts) -> Outcome<()> {
    let (mut package, mut name) = ("", String::new());
    let mut open: Vec<Wire> = Vec::new();
    for line in lines(text) {
        if let Some(p) = line.strip_prefix("package ") {
            package = p;
        } else if !line.starts_with(' ') {
            name = format!("{package}.{line}");
            facts.wire.insert(name.clone(), Vec::new());
        } else {
            let done = if line.trim() == "}" {
                open.pop().ok_or("unmatched }")?
            } else {
                let field = wire_line(line)?;
                if field.embedded.is_some() {
                    open.push(field);
                    continue;
                }
                field
            };
            match open.last_mut().and_then(|o| o.embedded.as_mut()) {
                Some(embedded) => embedded.push(done),
                None => facts.wire.entry(name.clone()).or_default().push(done),
            }
        }
    }
    Ok(())
}

/// `  3~ name v1.GoType` or `  2 Embedded {`.
fn wire_line(line: &str) -> Outcome<Wire> {
    let mut words = line.split_whitespace();
    let (head, name) = (words.next().unwrap_or(""), words.next().ok_or_else(|| line.to_owned())?);
    let rest = words.next().unwrap_or("");
    let digits = head.trim_end_matches(['*', '~', '!']);
    Ok(Wire {
        name: name.into(),
        number: digits.parse()?,
        presence: head[digits.len()..].chars().next().unwrap_or('*'),
        go: rest.trim_matches('{').into(),
        embedded: (rest == "{").then(Vec::new),
    })
}

fn merge(text: &str, facts: &mut Facts) -> Outcome<()> {
    let (mut package, mut name) = ("", String::new());
    for line in lines(text) {
        if let Some(p) = line.strip_prefix("package ") {
            package = p;
        } else if let Some(field) = line.strip_prefix("  ") {
            let (field, words) = field.split_once(": ").ok_or_else(|| line.to_owned())?;
            facts.merge.insert((name.clone(), field.into()), merge_line(words)?);
        } else {
            let (short, atomic) = line.split_once(':').unwrap_or((line, ""));
            name = format!("{package}.{short}");
            if atomic.trim() == "atomic" {
                facts.atomic.push(name.clone());
            }
        }
    }
    Ok(())
}

fn merge_line(words: &str) -> Outcome<Merge> {
    let mut merge = Merge::default();
    let list = |s: &str| s.trim_end_matches(')').split(',').map(str::to_owned).collect();
    for word in words.split(' ') {
        match word.split_once('(') {
            None if word == "set" => merge.set = true,
            None if word == "atomic" => merge.atomic = true,
            Some(("map", keys)) => merge.map_keys = list(keys),
            Some(("patch", strategies)) => merge.strategies = list(strategies),
            Some(("key", key)) => merge.merge_key = key.trim_end_matches(')').into(),
            _ => return Err(format!("unknown word {word}").into()),
        }
    }
    Ok(merge)
}

fn defaults(text: &str, facts: &mut Facts) -> Outcome<()> {
    type File = BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>;
    let file: File = serde_norway::from_str(text)?;
    for (package, types) in file {
        for (name, fields) in types {
            for (field, value) in fields {
                facts.defaults.insert((format!("{package}.{name}"), field), value);
            }
        }
    }
    Ok(())
}

fn check(facts: &Facts, definitions: &Definitions) -> Outcome<()> {
    let known = |name: &str, field: &str| definitions[name]["properties"].get(field).is_some();
    let fields = facts.merge.keys().chain(facts.defaults.keys());
    let strays: Vec<String> = fields
        .filter(|(name, field)| !definitions.contains_key(name) || !known(name, field))
        .map(|(name, field)| format!("{name}.{field}"))
        .chain(facts.atomic.iter().filter(|n| !definitions.contains_key(*n)).cloned())
        .collect();
    if strays.is_empty() { Ok(()) } else { Err(format!("not in the catalogue: {strays:?}").into()) }
}
