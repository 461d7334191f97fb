//! Programs of pods that are played by a controller: a deployer's, say. What a program has written
//! and how it ended is noted in an object of its own; the kubelet ends the container by it, and the
//! container's log reads it. A pod without such a note runs what its image and command say.

use super::{View, Write};
use crate::{
    object::{ObjectExt, Value, json},
    store::Entry,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Resource of the notes; each has the key of its pod.
pub const TASKS: &str = "tasks.internal";

/// Most lines kept; a program that writes more loses the oldest.
const MOST_LINES: usize = 2000;

/// What a program has done so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Task {
    /// Uid of its pod.
    pub pod: String,
    /// Its container.
    pub container: String,
    /// What it has written.
    pub lines: Vec<Line>,
    /// How many lines came before those kept.
    pub dropped: usize,
    /// How it ended.
    pub exit: Option<Exit>,
    /// Where it stands, in its own form.
    pub state: Value,
}

/// Something written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The text, without its end of line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// A container (pod and name) of the same namespace whose whole log stands here instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_of: Option<(String, String)>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// When.
    pub at: Timestamp,
    /// Its exit code.
    pub code: i64,
}

impl Task {
    /// The note about a pod, unless it is about an earlier pod of the name.
    pub fn of(view: &View, pod: &Value) -> Option<Arc<Task>> {
        let task = view.named(TASKS, pod.namespace(), pod.name())?.lens::<Task>();
        (task.pod == pod.uid()).then_some(task)
    }

    /// Adds a line.
    pub fn say(&mut self, at: Timestamp, text: impl Into<String>) {
        self.add(Line { at, text: text.into(), log_of: None });
    }

    /// Adds what a container of another pod has written.
    pub fn say_log_of(&mut self, at: Timestamp, pod: &str, container: &str) {
        let log_of = Some((pod.to_owned(), container.to_owned()));
        self.add(Line { at, text: String::new(), log_of });
    }

    fn add(&mut self, line: Line) {
        self.lines.push(line);
        if self.lines.len() > MOST_LINES {
            self.lines.remove(0);
            self.dropped += 1;
        }
    }

    /// The write that keeps the note, beside what was `stored` before.
    pub fn write(&self, namespace: &str, pod: &str, stored: Option<&Entry>) -> Write {
        let mut body = crate::object::to_value(self).unwrap_or_default();
        body["metadata"] = json!({"namespace": namespace, "name": pod});
        match stored {
            None => Write::create(TASKS, body),
            Some(entry) => {
                body["metadata"]["resourceVersion"] = json!(entry.rev.to_string());
                Write::update(TASKS, body)
            }
        }
    }
}
