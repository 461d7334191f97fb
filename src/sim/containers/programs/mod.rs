//! What the programs of images do: a built-in one for those whose answers or ends need code, and the
//! words of `programs.yaml` and the catalogue for all others.
//!
//! A program that stays costs nothing while nobody asks it: its ports, its first lines and its end
//! follow from its call ([`Program::facts`], [`Program::says`]); memory and files are made with the
//! first request. One that works and ends is a command like those of the shell
//! ([`Program::main`]).

mod agnhost;
mod call;
mod echo;
mod python;
mod scene;
mod webroot;
mod website;
mod words;

pub use call::{Call, flag};
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

    /// The ports that speak TLS, if that is not by the habit of images.
    fn secure_ports(&self, _call: &Call<'_>) -> Option<Vec<u16>> {
        None
    }

    /// Whether it writes the lines of requests by itself.
    fn logs_requests(&self) -> bool {
        false
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
    ("agnhost", "crd-conversion-webhook", &agnhost::CONVERSION),
    ("agnhost", "dns-server-list", &agnhost::Servers),
    ("agnhost", "dns-suffix", &agnhost::Suffixes),
    ("agnhost", "entrypoint-tester", &agnhost::EntrypointTester),
    ("agnhost", "etc-hosts", &agnhost::EtcHosts),
    ("agnhost", "grpc-health-checking", &agnhost::Grpc),
    ("agnhost", "guestbook", &agnhost::Guestbook),
    ("agnhost", "inclusterclient", &agnhost::InCluster),
    ("agnhost", "liveness", &agnhost::Liveness),
    ("agnhost", "logs-generator", &agnhost::Logs),
    ("agnhost", "mounttest", &agnhost::Mounttest),
    ("agnhost", "netexec", &agnhost::Netexec),
    ("agnhost", "nettest", &agnhost::Nettest),
    ("agnhost", "pause", &agnhost::Pause),
    ("agnhost", "porter", &agnhost::Porter),
    ("agnhost", "serve-hostname", &agnhost::ServeHostname),
    ("agnhost", "test-service-account-issuer-discovery", &agnhost::Issuer),
    ("agnhost", "test-webserver", &agnhost::Files),
    ("agnhost", "webhook", &agnhost::WEBHOOK),
    ("echo-server", "", &echo::EchoServer),
    ("http-echo", "", &echo::HttpEcho),
    ("httpd", "", &website::HTTPD),
    ("nginx", "", &website::NGINX),
    ("nnp", "", &agnhost::Nnp),
    ("python", "-m", &python::Module),
    ("whoami", "", &echo::Whoami),
];

/// Other names of files, with those they stand for.
const ALIASES: &[(&str, &str)] = &[
    ("agnhost-2", "agnhost"),
    ("httpd-foreground", "httpd"),
    ("python3", "python"),
    ("run-httpd", "httpd"),
];

/// Entrypoints that hand over to the command behind them.
const WRAPPERS: &[&str] = &["container-entrypoint", "docker-entrypoint.sh", "tini"];

/// The built-in program a command line runs.
pub fn built_in(argv: &[String]) -> Option<&'static dyn Program> {
    let base = |word: &'_ String| word.rsplit('/').next().unwrap_or(word).to_owned();
    let wraps = |word: &&String| WRAPPERS.contains(&base(word).as_str()) || *word == "--";
    let wrapped = argv.iter().take_while(wraps).count();
    let argv = &argv[wrapped..];
    let base = base(argv.first()?);
    let name = ALIASES.iter().find(|(alias, _)| *alias == base).map_or(&*base, |(_, name)| *name);
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
            ("container-entrypoint nginx -g", true),
            ("/docker-entrypoint.sh nginx", true),
            ("python3 -m http.server 80", true),
            ("python3 app.py", false),
        ];
        for (line, known) in rows {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(built_in(&argv).is_some(), known, "{line}");
        }
    }
}
