//! The rules of the house, read from the sources: who may use whom, that every file says what it
//! is for, and what no file may contain.

use crate::support::repository;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Most lines of a file.
const LONGEST: usize = 600;

/// Who may use whom: what the rows of the table of rooms in `src/lib.rs` name in code in their last column.
/// `object` and `error` are everybody's. A row only ever shrinks: what its module no longer uses fails the test.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let page = fs::read_to_string(repository("src/lib.rs")).expect("a text");
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let rows = rows.filter_map(|row| row.strip_suffix(" |")?.rsplit_once(" | "));
    let rows = rows.map(|(row, known)| {
        let module = name(row.trim_start_matches("mod@")).expect("a module");
        (module, known.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    });
    let table: BTreeMap<_, _> = rows.collect();
    assert!(table.len() > 30, "the table is somewhere else");
    table
}

struct Source {
    path: PathBuf,
    module: String,
    text: String,
}

/// Every file under `src/`.
fn sources() -> Vec<Source> {
    let root = repository("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|e| e.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|x| x == "rs") {
                let path = entry.strip_prefix(&root).expect("a path").to_owned();
                let first = path.iter().next().expect("a name").to_string_lossy();
                let module = first.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&entry).expect("a text");
                found.push(Source { path, module, text });
            }
        }
    }
    assert!(found.len() > 100, "the sources are somewhere else");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    /// The text without what is only built for tests.
    fn code(&self) -> &str {
        if is_test(&self.path) {
            return "";
        }
        self.text.find("#[cfg(test)]\nmod tests {").map_or(&self.text, |at| &self.text[..at])
    }
}

/// Whether a file is only built for tests.
fn is_test(path: &Path) -> bool {
    path.iter().any(|part| {
        let name = part.to_string_lossy();
        let name = name.trim_end_matches(".rs");
        name == "tests"
            || name.ends_with("_tests")
            || name == "testkit"
            || name == "testing"
            || name == "growth"
            || name == "properties"
            || name == "lab"
    })
}

/// The modules of ours a text uses: what follows `crate::`, a list in braces taken apart.
fn used(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            found.extend(first_names(list));
        } else {
            found.extend(name(rest));
        }
    }
    found
}

/// The first path segments of a list in braces, up to its closing brace.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut start, mut found) = (1, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            found.extend(name(list[start..at].trim_start()));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found
}

fn name(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn arrows_point_one_way() {
    let table = table();
    let mut wrong = Vec::new();
    let mut needed: BTreeSet<(String, String)> = BTreeSet::new();
    for source in sources() {
        if ["lib", "main"].contains(&source.module.as_str()) {
            continue;
        }
        let allowed = table.get(&source.module);
        let allowed = allowed.unwrap_or_else(|| panic!("no row for module {}", source.module));
        for module in used(source.code()) {
            let free = ["object", "error", source.module.as_str()].contains(&module.as_str());
            if free {
                continue;
            }
            if allowed.contains(&module) {
                needed.insert((source.module.clone(), module));
            } else {
                wrong.push(format!("{} uses {module}", source.path.display()));
            }
        }
    }
    for (module, allowed) in &table {
        for other in allowed {
            if !needed.contains(&(module.clone(), other.clone())) {
                wrong.push(format!("{module} no longer uses {other}: take it out of the table"));
            }
        }
    }
    assert!(wrong.is_empty(), "not as the table says:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|s| !s.text.starts_with("//!"))
        .map(|s| s.path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no //! at the top of {silent:?}");
}

#[test]
fn no_file_is_too_long() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", source.path.display());
    }
}

/// A list under `tests/golden/house` that only shrinks: `name number` a line, as what is found.
fn only_shrinks(list: &str, found: &BTreeMap<String, usize>) {
    let path = repository("tests/golden/house").join(list);
    let text = fs::read_to_string(&path).expect("a list");
    let known: BTreeMap<&str, usize> = text
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, number)| (name, number.parse().expect("a number")))
        .collect();
    let mut wrong = Vec::new();
    for (name, number) in found {
        let most = known.get(name.as_str()).copied().unwrap_or_default();
        if *number > most {
            wrong.push(format!("{name}: {number}, where {list} allows {most}"));
        }
    }
    for (name, most) in known {
        let number = found.get(name).copied().unwrap_or_default();
        if number < most {
            wrong.push(format!("{name}: {number} are left, say so in {list}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The name of the type that a line defines.
fn defined_type(line: &str) -> Option<String> {
    let rest = line.trim_start();
    let rest = rest.strip_prefix("pub").map_or(rest, |rest| match rest.split_once(") ") {
        Some((_, rest)) if line.contains("pub(") => rest,
        _ => rest.trim_start(),
    });
    let keyword = ["struct ", "enum ", "trait "].into_iter().find(|k| rest.starts_with(k))?;
    let rest = &rest[keyword.len()..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

#[test]
fn a_word_means_one_thing() {
    /// Types of one name in so many files are told apart by their modules still.
    const FEW: usize = 2;
    let mut files: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for source in sources() {
        for name in source.code().lines().filter_map(defined_type) {
            files.entry(name).or_default().insert(source.path.clone());
        }
    }
    let counts = files.into_iter().map(|(name, files)| (name, files.len()));
    only_shrinks("shared-names.txt", &counts.filter(|(_, n)| *n > FEW).collect());
}

/// Functions and how many lines they have, from their first line to the brace that closes them.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let rest = line.trim_start();
        let Some((before, after)) = rest.split_once("fn ") else { continue };
        let words = ["pub", "async", "const", "(crate)", "(super)", "(in"];
        if !before.split_whitespace().all(|w| words.iter().any(|k| w.starts_with(k))) {
            continue;
        }
        let head = lines[at..].iter().find(|l| l.ends_with(['{', ';', '}']));
        if head.is_none_or(|l| !l.ends_with('{')) {
            continue;
        }
        let indent = &line[..line.len() - rest.len()];
        let close = format!("{indent}}}");
        let Some(length) = lines[at..].iter().position(|l| *l == close) else { continue };
        let end = after.find(['(', '<']).unwrap_or(after.len());
        found.push((after[..end].to_owned(), length + 1));
    }
    found
}

#[test]
fn functions_are_short() {
    /// Most lines of a function.
    const MOST: usize = 60;
    let mut long = BTreeMap::new();
    for source in sources() {
        for (name, lines) in functions(source.code()) {
            if lines > MOST {
                long.insert(format!("{} {name}", source.path.display()), lines);
            }
        }
    }
    only_shrinks("long-functions.txt", &long);
}

#[test]
fn nothing_gives_up_or_sleeps() {
    const NEVER: &[&str] = &[
        ".unwrap()",
        ".expect(\"",
        "panic!(",
        "todo!(",
        "unimplemented!(",
        "dbg!(",
        "::sleep(",
        "::timeout(",
        "::interval(",
        "Instant::now(",
    ];
    /// The clock itself, and a method that happens to be called `expect`.
    const ALLOWED: &[(&str, &str)] = &[
        ("world.rs", "tokio::time::sleep("),
        ("run/cluster.rs", "readiness.expect("),
        // How long a start takes is told to a person, who has a clock of his own.
        ("run/cluster.rs", "Instant::now("),
        ("run/mod.rs", "Instant::now("),
    ];
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in source.code().lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            if ALLOWED.iter().any(|(file, part)| source.path.ends_with(file) && line.contains(part))
            {
                continue;
            }
            if let Some(word) = NEVER.iter().find(|w| line.contains(**w)) {
                wrong.push(format!("{}:{}: {word}", source.path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn types_and_functions_are_found() {
    let names = ["pub struct A;", "    pub(super) enum B {", "trait C<T> {", "use struct_of::D;"];
    let found: Vec<_> = names.into_iter().filter_map(defined_type).collect();
    assert_eq!(found, ["A", "B", "C"]);
    let text = "impl X {\n    pub(crate) async fn a<T>(\n    ) {\n    }\n}\nfn b() {\n}";
    assert_eq!(functions(text), [("a".to_owned(), 3), ("b".to_owned(), 2)]);
}

#[test]
fn lists_in_braces_are_taken_apart() {
    let text = "use crate::{a::{b, c}, d, e::f};\nuse crate::g;\ncrate::h_i::J";
    assert_eq!(used(text).into_iter().collect::<Vec<_>>(), ["a", "d", "e", "g", "h_i"]);
}
