//! What a container's process does, from what is known of its image and from the container's own
//! command, arguments and environment. Knows nothing of pods or time of day: all moments are
//! seconds since the process started.

use super::script;
use crate::{
    catalog::{Behaviour, Config, End},
    object::{ObjectExt, Value},
    sim::containers::programs::{self, Call},
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
    /// Files it makes (true) and removes (false), by moment.
    pub files: Vec<(f64, String, bool)>,
    /// Whether how it ends is only seen by running it: what it does happens to its node.
    pub live: bool,
}

/// The program is not in the image.
#[derive(Debug, Clone, PartialEq)]
pub struct NotFound(pub String);

/// What happens when the container is started.
///
/// # Errors
/// [`NotFound`] when the runtime cannot find the program.
pub fn of_container(config: &Config, container: &Value) -> Result<Process, NotFound> {
    let words = |path| -> Vec<String> {
        let expand = |v: &Value| expand(v.as_str().unwrap_or(""), container);
        container.list_at(path).iter().map(expand).collect()
    };
    let (command, args) = (words("command"), words("args"));
    let env = Env {
        get: &|name: &str| variable(config, container, name),
        all: &|| variables(config, container),
    };
    if command.is_empty() && args.is_empty() {
        let argv = [config.entrypoint.clone(), config.cmd.clone()].concat();
        return Ok(built_in(&argv, behave(&config.run, &[], &env), &env));
    }
    let behind_entrypoint = command.is_empty() && !config.entrypoint.is_empty();
    let argv = [command, args].concat();
    let process =
        if behind_entrypoint { wrapped(config, &argv, &env) } else { run(config, &argv, &env)? };
    Ok(if reads(container, &argv) { Process { ends: None, ..process } } else { process })
}

/// Whether the process waits for what somebody types: a shell or `cat` with nothing else to do and
/// its input kept open.
fn reads(container: &Value, argv: &[String]) -> bool {
    let Some((first, rest)) = argv.split_first() else { return false };
    let name = first.rsplit('/').next().unwrap_or(first);
    let flags_only = rest.iter().all(|a| a.starts_with('-') && !a.ends_with('c'));
    container.at("stdin").is_some_and(|v| v == true)
        && flags_only
        && matches!(name, "sh" | "bash" | "ash" | "dash" | "cat")
}

/// What a command does inside a running container, for exec probes and hooks.
///
/// # Errors
/// [`NotFound`] when the image has no such program.
pub fn exec(config: &Config, argv: &[String]) -> Result<Process, NotFound> {
    run(config, argv, &Env { get: &|_| None, all: &Vec::new })
}

/// What a program of the image does when it is run by hand, with these variables. Shells and small
/// commands are none of the image's own.
///
/// # Errors
/// [`NotFound`] when the image has no such program.
pub fn program_of(
    config: &Config,
    argv: &[String],
    variables: &[(String, String)],
) -> Result<Process, NotFound> {
    let own = argv.first().cloned().unwrap_or_default();
    let get = |name: &str| {
        let found = variables.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.clone())
    };
    program(config, argv, &Env { get: &get, all: &|| variables.to_vec() }).ok_or(NotFound(own))
}

/// The variables a process sees.
struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    all: &'a (dyn Fn() -> Vec<(String, String)> + Sync),
}

/// What is known of a call, as the built-in program it runs (if it is one) sees it.
fn built_in(argv: &[String], known: Process, env: &Env<'_>) -> Process {
    match programs::built_in(argv) {
        Some(program) => program.facts(&Call::new(argv, env.all), known),
        None => known,
    }
}

/// Arguments given to the image's entrypoint: a program it hands over to, a word it understands,
/// or flags for its own server.
fn wrapped(config: &Config, args: &[String], env: &Env<'_>) -> Process {
    let known = args.first().is_some_and(|a| !a.starts_with('-'));
    let process = match run(config, args, env) {
        Ok(process) if known => process,
        _ => behave(&config.run, args, env),
    };
    built_in(&[config.entrypoint.as_slice(), args].concat(), process, env)
}

fn run(config: &Config, argv: &[String], env: &Env<'_>) -> Result<Process, NotFound> {
    let Some(first) = argv.first() else { return Ok(behave(&config.run, &[], env)) };
    let small = || {
        let known = |words: &[String]| program(config, words, env);
        config.shell.then(|| script::command(argv, &known)).flatten()
    };
    program(config, argv, env).or_else(small).ok_or_else(|| NotFound(first.clone()))
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
    image.chain(own).map(|(n, v)| (n.to_owned(), expand(v, container))).collect()
}

/// Replaces `$(NAME)` by the container's own plain variables.
fn expand(word: &str, container: &Value) -> String {
    container.list_at("env").iter().fold(word.to_owned(), |text, e| {
        text.replace(&format!("$({})", e.str_at("name")), e.str_at("value"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Catalog, Outside, reference::Reference},
        object::json,
        store::Snapshot,
    };

    fn process(image: &str, container: Value) -> Result<Process, NotFound> {
        let (catalog, objects) = (Catalog::builtin(), Snapshot::default());
        let outside = Outside { catalog: &catalog, objects: &objects };
        let names = Reference::candidates(image).unwrap();
        let found = names.iter().find_map(|r| outside.find(r)).unwrap();
        of_container(&found.config, &container)
    }

    fn ends(image: &str, container: Value) -> Option<(f64, i64)> {
        process(image, container).unwrap().ends.map(|e| (e.after, e.code))
    }

    #[test]
    fn commands_decide_how_containers_end() {
        let rows = [
            (json!({}), Some((0.0, 0))),
            (json!({"command": ["sleep", "30"]}), Some((30.0, 0))),
            (json!({"command": ["/bin/sleep", "infinity"]}), None),
            (json!({"command": ["false"]}), Some((0.0, 1))),
            (json!({"args": ["echo", "hi"]}), Some((0.0, 0))),
            (json!({"command": ["sh", "-c", "sleep 2; exit 3"]}), Some((2.0, 3))),
            (json!({"command": ["sh", "-c"], "args": ["false || exit 7"]}), Some((0.0, 7))),
            (json!({"command": ["sh", "-c", "true && sleep 1m && date"]}), Some((60.0, 0))),
            (json!({"command": ["sh", "-c", "while true; do sleep 5; done"]}), None),
            (json!({"command": ["sh", "-c", "echo a && nope; echo b"]}), Some((0.0, 0))),
            (json!({"command": ["sh", "-c", "nope"]}), Some((0.0, 127))),
            (json!({"command": ["chroot", "/host", "crictl", "images"]}), None),
            (json!({"command": ["sh", "-c", "exec chroot /host true"]}), None),
            (json!({"command": ["sh", "-c", "exit 4"], "stdin": true}), Some((0.0, 4))),
            (
                json!({"command": ["sh", "-c", "exit $(CODE)"],
                "env": [{"name": "CODE", "value": "9"}]}),
                Some((0.0, 9)),
            ),
        ];
        for (container, expected) in rows {
            assert_eq!(ends("busybox", container.clone()), expected, "{container}");
        }
        let missing = process("busybox", json!({"command": ["/no/such"]}));
        assert_eq!(missing, Err(NotFound("/no/such".into())));
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
