//! What servers say and answer, from `programs.yaml`.

use crate::object::quantity::Quantity;
use jiff::Timestamp;
use serde::Deserialize;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

const DATA: &str = include_str!("../programs.yaml");

/// The words of one program.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// Lines as it starts, each with the part of its boot time after which it comes.
    pub start: Vec<(f64, String)>,
    /// Lines after TERM.
    pub stop: Vec<String>,
    /// Whether both go to standard error.
    pub errors: bool,
    /// How it writes times.
    time: String,
    /// The line of one request.
    pub access: String,
    /// `Server` header.
    pub server: String,
    /// First line of its page.
    pub greeting: String,
    /// Whether it speaks no HTTP.
    pub quiet: bool,
    /// Memory it takes, as a quantity.
    memory: String,
}

static PROGRAMS: LazyLock<BTreeMap<String, Arc<Words>>> = LazyLock::new(|| {
    // The file is part of the program; a test reads it.
    crate::object::read::yaml_as(DATA).unwrap_or_default()
});

/// The words of the program a command line runs: the first of its words that is known.
pub fn of(argv: &[String]) -> Option<(&'static str, Arc<Words>)> {
    argv.iter().find_map(|word| {
        let base = word.rsplit('/').next().unwrap_or(word);
        PROGRAMS.get_key_value(base).map(|(name, words)| (name.as_str(), Arc::clone(words)))
    })
}

/// Values for the placeholders of a line.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Pod.
    pub pod: String,
    /// Its address.
    pub ip: String,
    /// Port the program serves first.
    pub port: u16,
    /// Seconds until it served.
    pub boot: f64,
}

/// A request as it is logged.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Who asked.
    pub client: String,
    /// Method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Answer's status.
    pub status: u16,
    /// Answer's size.
    pub size: usize,
    /// `User-Agent`.
    pub agent: String,
}

/// Bytes of a server of which nothing else is known.
const RESIDENT: i64 = 12_000_000;

impl Words {
    /// Bytes of memory it takes.
    pub fn resident(&self) -> u64 {
        let known = Quantity::parse(&self.memory).map_or(RESIDENT, Quantity::value);
        u64::try_from(known).unwrap_or_default()
    }

    /// A line with everything filled in.
    pub fn line(&self, template: &str, facts: &Facts, at: Timestamp) -> String {
        filled(template, |name, out| self.fill(name, facts, at, out))
    }

    /// Writes what stands for a name, if anything does.
    fn fill(&self, name: &str, facts: &Facts, at: Timestamp, out: &mut String) -> bool {
        let shown = |format: &str| at.strftime(format).to_string();
        match name {
            "time" => *out += &shown(self.time()),
            "clf" => {
                const CLF: &str = "%d/%b/%Y:%H:%M:%S +0000";
                *out += &once_a_second(CLF, at, || shown(CLF));
            }
            "klog" => *out += &shown("%m%d %H:%M:%S.%6f"),
            "now" => *out += &shown("%Y-%m-%d %H:%M:%S.%9f +0000 UTC"),
            "seconds" => *out += &at.as_second().to_string(),
            "boot" => *out += &format!("{:.3}", facts.boot),
            "port" => *out += &facts.port.to_string(),
            "pod" => *out += &facts.pod,
            "ip" => *out += &facts.ip,
            _ => return false,
        }
        true
    }

    fn time(&self) -> &str {
        match self.time.as_str() {
            "nginx" => "%Y/%m/%d %H:%M:%S",
            "httpd" => "%a %b %d %H:%M:%S.%6f %Y",
            "pg" => "%Y-%m-%d %H:%M:%S.%3f UTC",
            "log4j" => "%Y-%m-%d %H:%M:%S,%3f",
            "redis" => "%d %b %Y %H:%M:%S.%3f",
            "go" => "%Y/%m/%d %H:%M:%S",
            _ => "%Y-%m-%dT%H:%M:%S.%6fZ",
        }
    }

    /// The line of a request, if the program writes any.
    pub fn request(&self, request: &Request, facts: &Facts, at: Timestamp) -> Option<String> {
        if self.access.is_empty() {
            return None;
        }
        // What is filled in is not looked at again: what clients send brings no placeholders.
        Some(filled(&self.access, |name, out| {
            match name {
                "client" => *out += &request.client,
                "status" => *out += &request.status.to_string(),
                "size" => *out += &request.size.to_string(),
                "method" => clean(&request.method, out),
                "agent" => clean(&request.agent, out),
                "path" => clean(&request.path, out),
                _ => return self.fill(name, facts, at, out),
            }
            true
        }))
    }
}

/// Most characters of what a client sends that are logged of each.
const LOGGED: usize = 512;

/// Writes what a client sent, such that it cannot be taken for anything else.
fn clean(text: &str, out: &mut String) {
    let plain = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\'' | b'\\');
    if text.len() <= LOGGED && text.bytes().all(plain) {
        return *out += text;
    }
    out.extend(text.chars().take(LOGGED).flat_map(char::escape_debug));
}

/// A template with what stands in braces filled in, where there is something for it: `value` writes
/// it.
fn filled(template: &str, value: impl Fn(&str, &mut String) -> bool) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out += before;
        match after.split_once('}') {
            Some((name, behind)) if value(name, &mut out) => rest = behind,
            _ => {
                out.push('{');
                rest = after;
            }
        }
    }
    out + rest
}

/// What `make` shows of a moment, which is the same for all of a second. A thread that answers many
/// requests makes it once.
pub fn once_a_second(form: &'static str, at: Timestamp, make: impl FnOnce() -> String) -> String {
    type Shown = (&'static str, i64, String);
    thread_local! {
        static LAST: RefCell<Vec<Shown>> = const { RefCell::new(Vec::new()) };
    }
    let second = at.as_second();
    LAST.with_borrow_mut(|last| match last.iter_mut().find(|(known, ..)| *known == form) {
        Some((_, known, text)) => {
            if *known != second {
                (*known, *text) = (second, make());
            }
            text.clone()
        }
        None => {
            let text = make();
            last.push((form, second, text.clone()));
            text
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn command_lines_name_programs() {
        crate::object::read::yaml_as::<BTreeMap<String, Words>>(DATA).unwrap();
        let rows = [
            ("container-entrypoint nginx -g", Some("nginx")),
            ("/usr/bin/run-httpd", Some("run-httpd")),
            ("/agnhost netexec --http-port=1", Some("netexec")),
            ("sleep 5", None),
        ];
        for (line, name) in rows {
            assert_eq!(of(&argv(line)).map(|(n, _)| n), name, "{line}");
        }
    }

    #[test]
    fn requests_are_logged_as_they_were() {
        let (_, words) = of(&argv("nginx")).unwrap();
        let request = Request {
            client: "10.217.2.4".into(),
            method: "GET".into(),
            path: "/{status}\n".into(),
            status: 200,
            size: 12,
            agent: "curl/7".into(),
        };
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(
            words.request(&request, &Facts::default(), at).unwrap(),
            "10.217.2.4 - - [02/Jan/2026:03:04:05 +0000] \"GET /{status}\\n HTTP/1.1\" 200 12 \
             \"-\" \"curl/7\" \"-\""
        );
    }
}
