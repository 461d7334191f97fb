//! What an exercise moves in the world outside its project: another one that uses the same would be
//! disturbed, and what is put back at the end would be wrong for one of them.

use super::{
    commands::image,
    exercise::{Exercise, Step},
    words::{self, Words},
};

/// Something that an exercise moves.
struct Disturbed {
    /// How exercises write it that use it.
    written: String,
    /// The command that moves it.
    line: String,
}

/// Why an exercise cannot begin beside one that is under way; texts are those of their files.
pub(super) fn between(new: (&Exercise, &str), under_way: (&Exercise, &str)) -> Option<String> {
    let (name, other) = (&new.0.name, &under_way.0.name);
    let meets = |by: &Exercise, text: &str| moves(by).into_iter().find(|m| uses(text, &m.written));
    let said = |what: String| format!("{name}: {what}; finish {other} first");
    match meets(under_way.0, new.1) {
        Some(Disturbed { written, line }) => Some(said(format!(
            "it uses {written}, which {other} moves, that is under way (`{line}`)"
        ))),
        None => meets(new.0, under_way.1).map(|Disturbed { written, line }| {
            said(format!("it moves {written} (`{line}`), which {other} uses, that is under way"))
        }),
    }
}

/// What happens outside by the set-up, later, and by whoever does the tasks.
fn moves(exercise: &Exercise) -> Vec<Disturbed> {
    let later = exercise.events.iter().flat_map(|event| &event.steps);
    let steps = exercise.setup.steps.iter().chain(later).chain(&exercise.solution);
    steps.filter_map(moved).collect()
}

fn moved(step: &Step) -> Option<Disturbed> {
    let line = step.line();
    let words = words::split(line).and_then(Words::new).ok()?;
    let plain: Vec<&str> = words.plain.iter().map(String::as_str).collect();
    let written = match plain.as_slice() {
        ["pocketshift", "registry", "outage", host] => (*host).to_owned(),
        ["pocketshift", "node", "fail", name] => (*name).to_owned(),
        ["pocketshift", "registry", what @ ("tag" | "untag"), source, rest @ ..] => {
            let (name, version) = image(source).ok()?;
            let tag =
                if *what == "tag" { rest.first().copied().unwrap_or(version) } else { version };
            // A short name leaves the host out.
            let path = name.split_once('/').map_or(name, |(_, path)| path);
            format!("{path}:{tag}")
        }
        _ => return None,
    };
    Some(Disturbed { written, line: line.to_owned() })
}

/// Whether a text has this as a whole word.
fn uses(text: &str, written: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    text.match_indices(written).any(|(at, _)| {
        let mut rest = text[at + written.len()..].chars();
        match rest.next() {
            // A full stop may end a sentence.
            Some('.') => !rest.next().is_some_and(goes_on),
            next => !next.is_some_and(goes_on),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labs::library;

    fn ours(name: &str) -> (Exercise, &'static str) {
        let text = library::text(name).unwrap();
        (Exercise::parse(text).unwrap(), text)
    }

    #[test]
    fn who_moves_what_another_uses_waits() {
        let why = |new: &str, under_way: &str| {
            let (new, old) = (ours(new), ours(under_way));
            between((&new.0, new.1), (&old.0, old.1))
        };
        assert_eq!(
            why("pull-policies", "pruning").unwrap(),
            "pull-policies: it uses quay.io, which pruning moves, that is under way \
             (`pocketshift registry outage quay.io`); finish pruning first"
        );
        assert!(why("pruning", "pull-policies").unwrap().contains("it moves quay.io"));
        assert!(
            why("scheduled-import", "pull-policies").unwrap().contains("keycloak/keycloak:20.0")
        );
        assert_eq!(why("recreate", "rolling-update"), None);
        assert_eq!(why("recreate", "pruning"), None);
    }

    #[test]
    fn words_are_whole() {
        for (text, there) in [
            ("keycloak/keycloak:20.0", true),
            ("`quay.io/keycloak/keycloak:20.0`", true),
            ("keycloak/keycloak:20.0. Then", true),
            ("keycloak/keycloak:20.0.2", false),
            ("keycloak/keycloak:20.0-1", false),
        ] {
            assert_eq!(uses(text, "keycloak/keycloak:20.0"), there, "{text}");
        }
        assert!(uses("quay.io/acme/report:1.0", "quay.io"));
    }
}
