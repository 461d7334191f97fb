//! The exercises that come with the program, and a teacher's own in a folder.

use super::exercise::{Exercise, LARGEST};
use std::path::Path;

macro_rules! exercises {
    ($($name:literal)*) => {
        /// Names of the exercises that come with the program, in the order of the course.
        pub const NAMES: &[&str] = &[$($name),*];
        const TEXTS: &[&str] = &[$(include_str!(concat!("exercises/", $name, ".yaml"))),*];
    };
}

exercises! {
    "tags-and-digests"
    "pull-policies"
    "pruning"
    "rolling-update"
    "recreate"
    "pause-and-resume"
    "rollout-undo"
    "history-and-cause"
    "image-streams"
    "scheduled-import"
    "pull-through"
    "short-names"
    "triggers"
    "alias-up-and-back"
}

/// The texts of all exercises.
pub fn all() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().copied()
}

/// The text of an exercise.
pub fn text(name: &str) -> Option<&'static str> {
    NAMES.iter().position(|n| *n == name).and_then(|at| TEXTS.get(at).copied())
}

/// The exercises of a folder, with their texts, in the order of their files' names.
///
/// # Errors
/// One line for people that names the file.
pub fn read_folder(folder: &Path) -> Result<Vec<(Exercise, String)>, String> {
    let failed = |e: std::io::Error| format!("cannot read {}: {e}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(failed)?.filter_map(Result::ok);
    let mut files: Vec<_> = entries
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|x| x == "yaml" || x == "yml"))
        .collect();
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

/// The exercise of a file, with its text.
///
/// # Errors
/// One line for people that names the file.
pub fn read(path: &Path) -> Result<(Exercise, String), String> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|e| format!("cannot read {shown}: {e}"))?.len();
    if size > LARGEST as u64 {
        return Err(format!("{shown}: an exercise has at most {LARGEST} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let exercise = Exercise::parse(&text).map_err(|e| format!("{shown}: {e}"))?;
    Ok((exercise, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_whole() {
        for (name, text) in NAMES.iter().zip(all()) {
            let exercise = Exercise::parse(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(exercise.name, *name);
        }
    }
}
