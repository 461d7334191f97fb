//! The command line of a container.

use super::{env, place::Place};
use crate::{
    catalog::Config,
    controllers::View,
    object::{ObjectExt, Value},
    runtime::Ended,
    sim::shell::NotStarted,
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The command line as image and spec have it.
pub fn words(config: &Config, container: &Value) -> Vec<String> {
    let words = |path| -> Vec<String> {
        let list = container.list_at(path).iter().filter_map(Value::as_str);
        list.map(str::to_owned).collect()
    };
    let (command, args) = (words("command"), words("args"));
    match (command.is_empty(), args.is_empty()) {
        (false, _) => [command, args].concat(),
        (true, false) => [config.entrypoint.clone(), args].concat(),
        (true, true) => [config.entrypoint.clone(), config.cmd.clone()].concat(),
    }
}

/// The command line that is run: `$(NAME)` in the spec's own words is a variable of the container.
/// Source: kubelet `ExpandContainerCommandAndArgs`.
pub fn line(view: &View, pod: &Arc<Value>, container: &Value, config: &Config) -> Vec<String> {
    let words = words(config, container);
    let own = ["command", "args"].iter().flat_map(|f| container.list_at(f));
    if !own.filter_map(Value::as_str).any(|w| w.contains("$(") || w.contains("$$")) {
        return words;
    }
    let place = Place::new(pod, container);
    let known = env::of(view, &place, config, false, "/");
    let from = match (container.list_at("command").is_empty(), &config.entrypoint) {
        (true, entrypoint) => entrypoint.len(),
        (false, _) => 0,
    };
    let expand = |(i, word): (usize, String)| match i < from {
        true => word,
        false => env::expand(&word, &[], &known),
    };
    words.into_iter().enumerate().map(expand).collect::<Vec<_>>()
}

/// Why a command cannot be started, and the code that goes with it. Source: runc's exec errors, as
/// CRI-O passes them on.
pub fn not_started(name: &str, why: &NotStarted) -> (String, i32) {
    let (reason, code) = match why {
        NotStarted::NotFound if name.contains('/') => {
            (format!("stat {name}: no such file or directory"), 127)
        }
        NotStarted::NotFound => ("executable file not found in $PATH".to_owned(), 127),
        NotStarted::Refused(why) => (why.to_string().to_lowercase(), 126),
    };
    (format!("unable to start container process: exec: \"{name}\": {reason}"), code)
}

/// What the runtime says of a command it cannot start, and the code it ends with.
pub async fn refused(
    command: &[String],
    why: NotStarted,
    errors: mpsc::Sender<bytes::Bytes>,
) -> Ended {
    let name = command.first().map_or("", String::as_str);
    let (reason, code) = not_started(name, &why);
    let text = format!("exec failed: {reason}\n");
    // Who asked may have left.
    let _ = errors.send(text.into()).await;
    Ended::Exit(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{object::json, settings::Settings, store::Snapshot};

    #[test]
    fn variables_are_filled_in_before_the_start() {
        let view = View {
            objects: Arc::new(Snapshot::default()),
            now: jiff::Timestamp::UNIX_EPOCH,
            settings: Arc::new(Settings::default()),
            delays: crate::settings::Delays::default(),
            lives: None,
            watched: true,
            since: jiff::Timestamp::MIN,
        };
        let config = Config { entrypoint: vec!["$(A)".into()], ..Config::default() };
        let env = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}]);
        let rows = [
            (json!({"args": ["$(B)", "x"], "env": env}), vec!["$(A)", "12", "x"]),
            (
                json!({"command": ["sh"], "args": ["-c", "echo $(A) $$(A) $(NO) $A"], "env": env}),
                vec!["sh", "-c", "echo 1 $(A) $(NO) $A"],
            ),
            (json!({"args": ["a"]}), vec!["$(A)", "a"]),
        ];
        for (container, expected) in rows {
            assert_eq!(
                line(&view, &Arc::new(json!({})), &container, &config),
                expected,
                "{container}"
            );
        }
    }
}
