//! The words busybox has where GNU's programs have others.

use crate::sim::shell::{fs::Content, process::Process};

/// How a message begins, how busybox begins it, and whether the name after it keeps its quotes.
const WORDS: &[(&str, &str, bool)] = &[
    ("chgrp: cannot access ", "chgrp: ", false),
    ("chmod: cannot access ", "chmod: ", false),
    ("chown: cannot access ", "chown: ", false),
    ("cp: cannot create regular file ", "cp: can't create ", true),
    ("cp: cannot stat ", "cp: can't stat ", true),
    ("du: cannot access ", "du: ", false),
    ("find: cannot delete ", "find: ", false),
    ("head: cannot open ", "head: ", false),
    ("install: cannot stat ", "install: can't stat ", true),
    ("ls: cannot access ", "ls: ", false),
    ("ls: cannot open directory ", "ls: can't open ", true),
    ("mkdir: cannot create directory ", "mkdir: can't create directory ", true),
    ("mv: cannot move ", "mv: can't rename ", true),
    ("mv: cannot stat ", "mv: can't rename ", true),
    ("rm: cannot remove ", "rm: can't remove ", true),
    ("stat: cannot statx ", "stat: can't stat ", true),
    ("tail: cannot open ", "tail: can't open ", true),
    ("touch: cannot touch ", "touch: ", false),
];

/// Commands of busybox that say `can't open 'FILE'`.
const OPENERS: &[&str] = &["cat", "md5sum", "sha1sum", "sha256sum", "sha512sum", "tac"];

/// Where an image that is made of busybox has it.
const BUSYBOX: &str = "/usr/bin/busybox";

/// Whether the commands of a process are busybox'.
pub fn is_busybox(p: &Process) -> bool {
    let node = p.fs.stat(BUSYBOX, &p.who);
    node.is_ok_and(|n| matches!(n.content, Content::Program(_) | Content::File(_)))
}

/// A message of GNU's, as the process' own commands write it.
pub fn said(p: &Process, text: String) -> String {
    let row = WORDS.iter().find(|(gnu, ..)| text.starts_with(gnu));
    match row {
        Some((gnu, busybox, quoted)) if is_busybox(p) => {
            let rest = text[gnu.len()..].replace(" for reading:", ":");
            let rest = if *quoted { rest } else { rest.replacen('\'', "", 2) };
            format!("{busybox}{rest}")
        }
        _ => text,
    }
}

/// What a command says of a file it cannot open.
pub fn unopened(p: &Process, command: &str, file: &str, why: impl std::fmt::Display) -> String {
    match command {
        "tail" => said(p, format!("tail: cannot open '{file}' for reading: {why}")),
        _ if OPENERS.contains(&command) && is_busybox(p) => {
            format!("{command}: can't open '{file}': {why}")
        }
        _ => format!("{command}: {file}: {why}"),
    }
}
