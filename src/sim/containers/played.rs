//! The log of a program that a controller plays: its lines as they are noted in its task, with the
//! logs of other containers where the program has passed those on.

use super::{
    Runtime,
    log::{Cursor, Source},
    place::Place,
};
use crate::{
    controllers::{View, task::Task},
    object::ObjectExt,
    runtime::{LogOptions, Target},
};
use jiff::Timestamp;
use std::sync::Weak;

/// Up to where a reader of a task has come.
#[derive(Default)]
pub struct Reading {
    /// Lines read to their end.
    lines: usize,
    /// Where in another container's log.
    inside: Option<Cursor>,
}

/// What a log gains.
pub type Parts = Vec<(Timestamp, Source, Vec<u8>)>;

impl Reading {
    /// What the container's program has written since the last look.
    pub fn advance(&mut self, runtime: &Weak<Runtime>, view: &View, place: &Place) -> Parts {
        let mut parts = Parts::new();
        let task = Task::of(view, &place.pod).filter(|t| t.container == place.name());
        let Some(task) = task else { return parts };
        self.lines = self.lines.max(task.dropped);
        while let Some(line) = task.lines.get(self.lines - task.dropped) {
            let Some((pod, container)) = &line.log_of else {
                parts.push((line.at, Source::Out, format!("{}\n", line.text).into_bytes()));
                self.lines += 1;
                continue;
            };
            let namespace = place.pod.namespace().to_owned();
            let target = Target { namespace, pod: pod.clone(), container: container.clone() };
            let text = runtime.upgrade().and_then(|r| self.read(&r, view, &target));
            parts.extend(text.map(|text| (line.at, Source::Out, text)));
            let more = task.exit.is_some() || self.lines + 1 - task.dropped < task.lines.len();
            if !more {
                break;
            }
            self.inside = None;
            self.lines += 1;
        }
        parts
    }

    /// What another container has written since the last look.
    fn read(&mut self, runtime: &Runtime, view: &View, target: &Target) -> Option<Vec<u8>> {
        let place = Place::find(view, target)?;
        let run = place.run()?;
        let instance = runtime.instance(view, &place, &run)?;
        instance.advance(view, &place, &run);
        let cursor = self.inside.get_or_insert_with(|| instance.log.start(&LogOptions::default()));
        let mut text = Vec::new();
        while let Some(chunk) = instance.log.read(cursor) {
            text.extend_from_slice(&chunk);
        }
        Some(text)
    }
}
