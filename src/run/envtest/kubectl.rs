//! `kubectl` in the folder: hands over to the real one.

use crate::platform;
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Becomes the first `kubectl` (or `oc`, which does all it does) on the path that is not this
/// program.
///
/// # Errors
/// What to install when there is none.
pub fn hand_over(words: impl Iterator<Item = String>) -> Result<(), String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = env::current_exe().and_then(std::fs::canonicalize).ok();
    let real = find(env::split_paths(&path), own.as_deref());
    let real = real.ok_or(
        "kubectl: there is no real kubectl (and no oc) on the PATH to hand over to; install one: \
         https://kubernetes.io/docs/tasks/tools",
    )?;
    // Only comes back when it fails.
    let why = platform::become_program(Command::new(&real).args(words));
    Err(format!("kubectl: cannot run {}: {why}", real.display()))
}

fn find(folders: impl Iterator<Item = PathBuf>, own: Option<&Path>) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = folders.collect();
    let names = ["kubectl", "oc"].into_iter();
    let mut found = names.flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    found.find(|path| {
        std::fs::canonicalize(path).is_ok_and(|real| real.is_file() && Some(&*real) != own)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_not_ourselves() {
        let dir = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = dir.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            folder
        };
        let (ours, theirs, last) = (folder("ours"), folder("theirs"), folder("last"));
        let own = dir.path().join("program");
        std::fs::write(&own, "").unwrap();
        platform::link(&own, &ours.join("kubectl")).unwrap();
        let own = std::fs::canonicalize(own).unwrap();
        let find = || find([ours.clone(), theirs.clone(), last.clone()].into_iter(), Some(&own));
        assert_eq!(find(), None);
        std::fs::write(ours.join("oc"), "").unwrap();
        assert_eq!(find(), Some(ours.join("oc")));
        std::fs::write(last.join("kubectl"), "").unwrap();
        assert_eq!(find(), Some(last.join("kubectl")));
        std::fs::write(theirs.join("kubectl"), "").unwrap();
        assert_eq!(find(), Some(theirs.join("kubectl")));
    }
}
