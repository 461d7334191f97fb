//! What the programs of images do: a built-in one for those whose answers or ends need code, and the
//! words of `programs.yaml` and the catalogue for all others.
//!
//! A program that stays costs nothing while nobody asks it: its ports, its first lines and its end
//! follow from its call ([`Program::facts`], [`Program::says`]); memory and files are made with the
//! first request. One that works and ends is a command like those of the shell
//! ([`Program::main`]).

mod call;
mod pause;
mod scene;
mod serve_hostname;
mod words;

pub use call::Call;
pub use scene::Scene;
pub use words::{Facts, Request, Words, of};

use crate::{
    runtime::{Fetch, Fetched},
    sim::{
        images::process::Process,
        shell::process::{Borrowed, Main},
    },
};
use bytes::Bytes;

/// A program of an image. Every part has a default: that of a program which is known by its words
/// alone.
pub trait Program: Send + Sync {
    /// How it goes when called like this, by what the catalogue says of it.
    fn facts(&self, _call: &Call<'_>, known: Process) -> Process {
        known
    }

    /// Lines it writes, each with the seconds after its start, besides those of its words.
    fn says(&self, _call: &Call<'_>) -> Vec<(f64, String)> {
        Vec::new()
    }

    /// What it does from its start to its end, when it does not just stay.
    fn main(&self) -> Option<Main> {
        None
    }

    /// Answers a request.
    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Borrowed<'a, Fetched> {
        Box::pin(async move { scene.page(request) })
    }

    /// Answers a datagram, if it does.
    fn datagram<'a>(
        &'a self,
        _scene: &'a Scene<'a>,
        _data: &'a [u8],
    ) -> Borrowed<'a, Option<Bytes>> {
        Box::pin(std::future::ready(None))
    }

    /// Whether a port speaks TLS, if that is not by the habit of images.
    fn is_secure(&self, _argv: &[String], _port: u16) -> Option<bool> {
        None
    }

    /// Whether an HTTP probe has to ask it: the others answer every request with 200.
    fn is_choosy(&self) -> bool {
        false
    }

    /// What it writes, to its log and as its termination message, when a signal ends it.
    fn last_words(&self, _signal: i32) -> Option<String> {
        None
    }
}

/// A program nothing more is known of.
struct Plain;

impl Program for Plain {}

/// The built-in programs: the name of the file, the word after it (empty for any), the program.
const TABLE: &[(&str, &str, &dyn Program)] = &[
    ("agnhost", "pause", &pause::Pause),
    ("agnhost", "serve-hostname", &serve_hostname::ServeHostname),
];

/// Other names of files, with those they stand for.
const ALIASES: &[(&str, &str)] = &[("agnhost-2", "agnhost")];

/// The built-in program a command line runs.
pub fn built_in(argv: &[String]) -> Option<&'static dyn Program> {
    let own = argv.first()?;
    let base = own.rsplit('/').next().unwrap_or(own);
    let name = ALIASES.iter().find(|(alias, _)| *alias == base).map_or(base, |(_, name)| *name);
    let word = argv.get(1).map_or("", String::as_str);
    let fits =
        |(file, first, _): &&(&str, &str, _)| *file == name && (first.is_empty() || *first == word);
    TABLE.iter().find(fits).map(|(.., program)| *program)
}

/// The program a command line runs.
pub fn find(argv: &[String]) -> &'static dyn Program {
    built_in(argv).unwrap_or(&Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_words_name_programs() {
        let rows = [
            ("/agnhost pause", true),
            ("/agnhost-2 serve-hostname --port 80", true),
            ("/agnhost nothing", false),
            ("serve-hostname", false),
        ];
        for (line, known) in rows {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(built_in(&argv).is_some(), known, "{line}");
        }
    }
}
