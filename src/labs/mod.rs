//! Labs: exercises that are started, worked on, graded and finished in a running cluster.
//!
//! An exercise ([`exercise`]) is a file. Starting one makes a project for a student and begins a
//! recording of it ([`recording`]); a grade ([`judge`]) is a pure function of that recording and
//! looks at what happened as well as at what is there. Solutions and wrong ways are commands
//! (`commands`) which the program can perform itself, so that every exercise is its own test.
//! What students and teachers ask comes over the desk ([`crate::http::Desk`]), before everything
//! else that is asked there.

mod answers;
mod class;
mod commands;
mod door;
pub mod exercise;
mod fields;
pub mod judge;
mod library;
pub mod recording;
mod running;
mod words;

pub use library::{NAMES, read, read_folder, text};

use crate::{api::Server, http::Desk};
use parking_lot::Mutex;
use running::Running;
use std::{collections::BTreeMap, sync::Arc};

/// All labs of a cluster.
pub struct Labs {
    server: Arc<Server>,
    desk: Arc<dyn Desk>,
    /// By exercise, and by exercise and student.
    running: Mutex<BTreeMap<String, Arc<Running>>>,
}

impl Labs {
    /// Labs in front of a desk.
    pub fn new(server: Arc<Server>, desk: Arc<dyn Desk>) -> Labs {
        Labs { server, desk, running: Mutex::default() }
    }

    /// The lab of an exercise, of a student if there is one.
    fn find(&self, name: &str, student: &str) -> Result<Arc<Running>, String> {
        let found = self.running.lock().get(&key(name, student)).cloned();
        found.ok_or_else(|| format!("{name} is not started; `pocketshift lab start {name}`"))
    }
}

/// Under what a lab is kept.
fn key(name: &str, student: &str) -> String {
    match student {
        "" => name.to_owned(),
        student => format!("{name}@{student}"),
    }
}
