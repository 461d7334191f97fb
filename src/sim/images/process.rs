//! What a container's process does, from what is known of its image and from its own command,
//! arguments and environment. Knows nothing of pods or time of day: all moments are seconds since
//! the process started.
//!
//! Three sorts: programs that stay, known by the catalogue and [`programs`]; commands whose end can
//! be told from their words ([`outlook`]); and all others, which are run.

use crate::{
    catalog::{Behaviour, Config, End},
    object::{ObjectExt, Value},
    sim::{
        containers::{
            families,
            programs::{self, Call},
        },
        shell::{self, Outlook, outlook},
    },
};

/// How a process goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Process {
    /// TCP ports it listens on once booted.
    pub serves: Vec<u16>,
    /// UDP ports.
    pub datagrams: Vec<u16>,
    /// Seconds until it serves.
    pub boot: f64,
    /// When and how it ends by itself.
    pub ends: Option<End>,
    /// When (after TERM) and how it ends; without, it must be killed.
    pub on_term: Option<End>,
    /// Whether only running it tells how it goes.
    pub driven: bool,
    /// Whether it is run beside the server's other tasks, for it acts on its node or its input is
    /// open.
    pub live: bool,
    /// Whether it does nothing but what is typed into its open input.
    pub reads: bool,
    /// Whether its answers decide how HTTP probes end.
    pub choosy: bool,
    /// Whether it says something when TERM ends it.
    pub speaks: bool,
    /// Whether it has a trap: how it ends after TERM is only seen by running it.
    pub traps: bool,
}

impl Process {
    /// Whether what TERM does to it is only seen by running it.
    pub fn answers_term(&self) -> bool {
        self.traps || (self.driven && !self.live)
    }
}

/// The program is not in the image.
#[derive(Debug, Clone, PartialEq)]
pub struct NotFound(pub String);

/// An image: where it is from and what is known of it.
pub struct Image<'a> {
    /// `repository@digest`.
    pub name: &'a str,
    /// What the catalogue says.
    pub config: &'a Config,
}

impl Image<'_> {
    /// Whether a file of this name can be run: one of the small commands, or a program.
    fn has(&self, name: &str) -> bool {
        families::can_run(self.name, self.config, name)
    }
}

/// What happens when the container is started with this command line.
///
/// # Errors
/// [`NotFound`] when the runtime cannot find the program.
pub fn of_container(
    image: &Image<'_>,
    container: &Value,
    argv: &[String],
) -> Result<Process, NotFound> {
    let config = image.config;
    let env = Env {
        get: &|name: &str| variable(config, container, name),
        all: &|| variables(config, container),
    };
    let (own, args) = (container.list_at("command"), container.list_at("args"));
    let reads = reads(container, argv);
    if own.is_empty() && args.is_empty() && !reads {
        return Ok(built_in(argv, behave(&config.run, &[], &env), &env));
    }
    let process = match run(image, handed_on(image, argv), &env) {
        Ok(process) => process,
        Err(_) if own.is_empty() && !config.entrypoint.is_empty() => {
            behave(&config.run, &argv[config.entrypoint.len()..], &env)
        }
        Err(missing) if !is_mounted(container, &missing.0) => return Err(missing),
        Err(_) => Process { driven: true, ..Process::default() },
    };
    if reads {
        return Ok(Process { ends: None, driven: false, reads, ..process });
    }
    // What it said before it failed is its last word: it has to be run to be heard.
    let heard = container.str_at("terminationMessagePolicy") == "FallbackToLogsOnError";
    let fails = process.ends.is_some_and(|end| end.code != 0);
    // What is typed decides how a script goes on.
    let live = process.live || (process.driven && container.is_true("stdin"));
    Ok(Process { driven: process.driven || (heard && fails), live, ..process })
}

/// The command an image's entrypoint runs in its own place, when it is given one; else the whole
/// command line.
pub fn handed_on<'a>(image: &Image<'_>, argv: &'a [String]) -> &'a [String] {
    let entrypoint = &image.config.entrypoint;
    let Some(rest) = argv.strip_prefix(entrypoint.as_slice()) else { return argv };
    let command = rest.first().filter(|first| !entrypoint.is_empty() && !first.starts_with('-'));
    let known = |name: &String| !image.config.programs.contains_key(name) && image.has(name);
    if command.is_some_and(known) { rest } else { argv }
}

/// Whether a program is a file of a volume, which only running it finds.
fn is_mounted(container: &Value, program: &str) -> bool {
    let mounts = container.list_at("volumeMounts").iter().map(|m| m.str_at("mountPath"));
    let below = |at: &str| {
        let at = at.trim_end_matches('/');
        program.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    program.contains('/')
        && (!program.starts_with('/') || mounts.filter(|m| !m.is_empty()).any(below))
}

/// Whether the process waits for what somebody types: a shell or `cat` with nothing else to do and
/// its input kept open.
fn reads(container: &Value, argv: &[String]) -> bool {
    let shell = |word: &String| {
        let name = word.rsplit('/').next().unwrap_or(word);
        matches!(name, "sh" | "bash" | "ash" | "dash" | "cat")
    };
    let Some(at) = argv.iter().position(shell) else { return false };
    // An entrypoint may stand before it.
    let flags_only = argv[at + 1..].iter().all(|a| a.starts_with('-') && !a.ends_with('c'));
    container.is_true("stdin") && flags_only && at <= 1
}

/// What a command does inside a running container, for exec probes and hooks.
///
/// # Errors
/// [`NotFound`] when the image has no such program.
pub fn exec(image: &Image<'_>, argv: &[String]) -> Result<Process, NotFound> {
    run(image, argv, &Env { get: &|_| None, all: &Vec::new })
}

/// What a program of the image does when it is run by hand, with these variables. Shells and small
/// commands are none of the image's own.
///
/// # Errors
/// [`NotFound`] when the image has no such program.
pub fn program_of(
    image: &Image<'_>,
    argv: &[String],
    variables: &[(String, String)],
) -> Result<Process, NotFound> {
    let own = argv.first().cloned().unwrap_or_default();
    let get = |name: &str| {
        let found = variables.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.clone())
    };
    let env = Env { get: &get, all: &|| variables.to_vec() };
    program(image.config, argv, &env).ok_or(NotFound(own))
}

/// The variables a process sees.
struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    all: &'a (dyn Fn() -> Vec<(String, String)> + Sync),
}

/// What is known of a call, as the built-in program it runs (if it is one) sees it.
fn built_in(argv: &[String], known: Process, env: &Env<'_>) -> Process {
    match programs::built_in(argv) {
        Some(program) => {
            let facts = program.facts(&Call::new(argv, env.all), known);
            // What works and ends is run.
            let driven = facts.driven || program.main().is_some();
            let speaks = program.last_words(15).is_some();
            Process { choosy: program.is_choosy(), driven, speaks, ..facts }
        }
        None => known,
    }
}

fn run(image: &Image<'_>, argv: &[String], env: &Env<'_>) -> Result<Process, NotFound> {
    let config = image.config;
    let Some(first) = argv.first() else { return Ok(behave(&config.run, &[], env)) };
    if let Some(process) = program(config, argv, env) {
        return Ok(process);
    }
    if !config.shell || !image.has(first) {
        return Err(NotFound(first.clone()));
    }
    let own = |name: &str| program(config, &[name.to_owned()], env).is_some();
    Ok(match outlook(argv, &own) {
        Outlook::Ends(after, code) => {
            let ends = Some(End { after, code: i64::from(code) });
            Process { ends, ..Process::default() }
        }
        Outlook::Stays(traps) => Process { traps, ..Process::default() },
        Outlook::Becomes(after, argv) => becomes(config, after, &argv, env),
        Outlook::Unknown if shell::calls(argv, "chroot") => {
            Process { live: true, driven: true, ..Process::default() }
        }
        Outlook::Unknown => Process { driven: true, ..Process::default() },
    })
}

/// A program of the image that a script comes to after so many seconds.
fn becomes(config: &Config, after: f64, argv: &[String], env: &Env<'_>) -> Process {
    match program(config, argv, env) {
        Some(process) if process.ends.is_none() => {
            Process { boot: process.boot + after, ..process }
        }
        // What follows its end is only seen by running it.
        _ => Process { driven: true, ..Process::default() },
    }
}

/// Arguments given to the image's entrypoint: a word it understands, or flags for its own server.
fn wrapped(config: &Config, args: &[String], env: &Env<'_>) -> Process {
    let word = args.first().filter(|a| !a.starts_with('-'));
    let known = word.and_then(|_| program(config, args, env));
    let process = known.unwrap_or_else(|| behave(&config.run, args, env));
    built_in(&[config.entrypoint.as_slice(), args].concat(), process, env)
}

/// A program the catalogue knows.
fn program(config: &Config, argv: &[String], env: &Env<'_>) -> Option<Process> {
    let first = argv.first()?;
    let name = first.rsplit('/').next().unwrap_or(first);
    let own = config.entrypoint.first().is_some_and(|e| e == first);
    if own && argv.len() > 1 {
        return Some(wrapped(config, &argv[1..], env));
    }
    if let Some(known) = config.programs.get(name) {
        // `agnhost netexec`: a program of the image whose word decides.
        let word = argv.get(1).and_then(|w| config.programs.get(w.as_str()));
        return Some(built_in(argv, behave(word.unwrap_or(known), argv, env), env));
    }
    let default = own || config.cmd.first().is_some_and(|c| c == first);
    // A shell as default command is only its default without arguments.
    (default && (argv.len() == 1 || !config.shell || argv == config.cmd))
        .then(|| behave(&config.run, argv, env))
}

fn behave(known: &Behaviour, argv: &[String], env: &Env<'_>) -> Process {
    let given = |set: &Vec<String>| set.iter().all(|name| (env.get)(name).is_some());
    if !known.requires.is_empty() && !known.requires.iter().any(given) {
        return Process { ends: Some(End { after: 0.1, code: 1 }), ..Process::default() };
    }
    let mut serves = known.serves.clone();
    let port = flag(argv, &known.port_flag).or_else(|| (env.get)(&known.port_env));
    if let (Some(port), Some(first)) = (port.and_then(|p| p.parse().ok()), serves.first_mut()) {
        *first = port;
    }
    let (boot, ends, on_term) = (known.boot, known.ends, known.on_term);
    Process { serves, boot, ends, on_term, ..Process::default() }
}

/// The value of `--flag value` or `--flag=value`.
fn flag(argv: &[String], name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    argv.iter().enumerate().find_map(|(i, word)| match word.strip_prefix(name)? {
        "" => argv.get(i + 1).cloned(),
        rest => rest.strip_prefix('=').map(Into::into),
    })
}

/// A variable the process sees. Values that come from elsewhere count as given.
fn variable(config: &Config, container: &Value, name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let own = container.list_at("env").iter().find(|e| e.str_at("name") == name);
    if let Some(entry) = own {
        return Some(entry.str_at("value").to_owned());
    }
    if !container.list_at("envFrom").is_empty() {
        // Which names a config map brings is checked at start; here it may bring any.
        return Some(String::new());
    }
    let image = config.env.iter().filter_map(|e| e.split_once('='));
    image.clone().find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
}

/// The image's variables and the container's own plain ones.
fn variables(config: &Config, container: &Value) -> Vec<(String, String)> {
    let image = config.env.iter().filter_map(|e| e.split_once('='));
    let own = container.list_at("env").iter();
    let own = own.map(|e| (e.str_at("name"), e.str_at("value")));
    image.chain(own).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Catalog, Outside, reference::Reference},
        object::json,
        sim::containers,
        store::Snapshot,
    };

    fn process(image: &str, container: Value) -> Result<Process, NotFound> {
        let (catalog, objects) = (Catalog::builtin(), Snapshot::default());
        let outside = Outside { catalog: &catalog, objects: &objects };
        let names = Reference::candidates(image).unwrap();
        let (name, found) = names.iter().find_map(|r| Some((r, outside.find(r)?))).unwrap();
        let argv = containers::words(&found.config, &container);
        let image = Image { name: &name.repository(), config: &found.config };
        of_container(&image, &container, &argv)
    }

    fn ends(image: &str, container: Value) -> Option<(f64, i64)> {
        process(image, container).unwrap().ends.map(|e| (e.after, e.code))
    }

    #[test]
    fn commands_decide_how_containers_end() {
        let rows = [
            (json!({}), Some((0.0, 0)), false),
            (json!({"command": ["sleep", "30"]}), Some((30.0, 0)), false),
            (json!({"command": ["/bin/sleep", "infinity"]}), None, false),
            (json!({"command": ["false"]}), Some((0.0, 1)), false),
            (json!({"args": ["echo", "hi"]}), Some((0.0, 0)), false),
            (json!({"command": ["sh", "-c", "sleep 2; exit 3"]}), Some((2.0, 3)), false),
            (json!({"command": ["sh", "-c"], "args": ["false || exit 7"]}), Some((0.0, 7)), false),
            (json!({"command": ["sh", "-c", "while true;do sleep 5;done"]}), None, false),
            (json!({"command": ["sh", "-c", "echo a && nope; echo b"]}), None, true),
            (json!({"command": ["sh", "-c", "nope"]}), None, true),
            (json!({"command": ["cat", "/no/such/file"]}), None, true),
            (json!({"command": ["wget", "-O", "/tmp/x", "http://web/"]}), None, true),
            (json!({"command": ["chroot", "/host", "crictl", "images"]}), None, true),
            (json!({"command": ["sh", "-c", "exit 4"], "stdin": true}), Some((0.0, 4)), false),
            (
                json!({"command": ["sh", "-c", "echo no; exit 4"],
                "terminationMessagePolicy": "FallbackToLogsOnError"}),
                Some((0.0, 4)),
                true,
            ),
            (
                json!({"command": ["/scripts/run.sh"],
                "volumeMounts": [{"name": "s", "mountPath": "/scripts"}]}),
                None,
                true,
            ),
        ];
        for (container, expected, driven) in rows {
            let found = process("busybox", container.clone()).unwrap();
            let ends = found.ends.map(|e| (e.after, e.code));
            assert_eq!((ends, found.driven), (expected, driven), "{container}");
        }
        let missing = process("busybox", json!({"command": ["/no/such"]}));
        assert_eq!(missing, Err(NotFound("/no/such".into())));
    }

    #[test]
    fn entrypoints_hand_on_what_they_are_given() {
        let nginx = "ubi9/nginx-120";
        let rows = [
            (json!({"args": ["echo", "good", "morning"]}), Some((0.0, 0)), vec![]),
            (json!({"args": ["sh", "-c", "sleep 4; exit 2"]}), Some((4.0, 2)), vec![]),
            (json!({"args": ["sh", "-c", "echo on; exec nginx"]}), None, vec![8080, 8443]),
        ];
        for (container, expected, ports) in rows {
            let found = process(nginx, container.clone()).unwrap();
            let ends = found.ends.map(|e| (e.after, e.code));
            assert_eq!((ends, found.serves), (expected, ports), "{container}");
        }
    }

    #[test]
    fn servers_serve_what_they_are_told() {
        let agnhost = "registry.k8s.io/e2e-test-images/agnhost:2.43";
        let rows = [
            (agnhost, json!({"args": ["netexec", "--http-port=9000"]}), vec![9000]),
            (agnhost, json!({"args": ["serve-hostname"]}), vec![9376]),
            (agnhost, json!({"command": ["/agnhost", "netexec"]}), vec![8080]),
            (agnhost, json!({}), vec![]),
            ("ubi9/nginx-120", json!({}), vec![8080, 8443]),
            ("ubi9/nginx-120", json!({"command": ["sleep", "9"]}), vec![]),
            ("quay.io/keycloak/keycloak:20.0", json!({"args": ["start-dev"]}), vec![8080, 8443]),
            (
                "quay.io/keycloak/keycloak:20.0",
                json!({"args": ["start-dev", "--http-port", "9"]}),
                vec![9, 8443],
            ),
        ];
        for (image, container, ports) in rows {
            assert_eq!(process(image, container.clone()).unwrap().serves, ports, "{container}");
        }
    }

    #[test]
    fn shells_wait_for_input_that_is_kept_open() {
        for shell in [json!({"command": ["/bin/sh"]}), json!({"args": ["bash"]})] {
            let mut open = shell.clone();
            open["stdin"] = json!(true);
            assert_eq!(ends("ubi9/nginx-120", shell.clone()), Some((0.0, 0)), "{shell}");
            assert_eq!(ends("ubi9/nginx-120", open), None, "{shell}");
        }
    }

    #[test]
    fn databases_need_their_password() {
        let env = json!({"env": [{"name": "POSTGRES_PASSWORD", "value": "x"}]});
        assert_eq!(ends("docker.io/postgres", json!({})), Some((0.1, 1)));
        assert_eq!(ends("docker.io/postgres", env), None);
    }
}
