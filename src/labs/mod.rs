//! Labs: exercises that are started, worked on, graded and finished in a running cluster.
//!
//! An exercise ([`exercise`]) is a file. Starting one makes a project for a student and begins a
//! recording of it ([`recording`]); a grade ([`judge`]) is a pure function of that recording and
//! looks at what happened as well as at what is there. Solutions and wrong ways are commands
//! (`commands`) which the program can perform itself, so that every exercise is its own test.
//! The students of a class have a cluster each (`rooms`). What is started is an object of the
//! cluster (`kept`), so that it goes on when the server is started again.
//! What students and teachers ask comes over the desk ([`crate::http::Desk`]), before everything
//! else that is asked there.

mod again;
mod answers;
mod class;
mod commands;
mod disturbance;
mod door;
pub mod exercise;
mod fields;
pub mod judge;
mod kept;
mod library;
pub mod recording;
mod rooms;
mod running;
mod words;
mod world;

pub use again::Witness;
pub use library::{NAMES, read, read_folder, text};
pub use recording::Tapes;
pub use rooms::{Moment, Room, Rooms};

use crate::{api::Server, http::Desk};
use parking_lot::Mutex;
use running::Running;
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

/// All labs of a cluster.
pub struct Labs {
    me: Weak<Labs>,
    server: Arc<Server>,
    desk: Arc<dyn Desk>,
    /// Which of somebody's clusters this is.
    place: Option<Station>,
    /// By exercise.
    running: Mutex<BTreeMap<String, Arc<Running>>>,
}

/// A cluster among others.
#[derive(Clone)]
pub struct Station {
    /// Who has them.
    pub rooms: Weak<dyn Rooms>,
    /// The name of this one.
    pub name: String,
}

impl Labs {
    /// Labs in front of a desk.
    pub fn new(server: Arc<Server>, desk: Arc<dyn Desk>, place: Option<Station>) -> Arc<Labs> {
        Arc::new_cyclic(|me| Labs {
            me: me.clone(),
            server,
            desk,
            place,
            running: Mutex::default(),
        })
    }

    /// The lab of an exercise.
    fn find(&self, name: &str) -> Result<Arc<Running>, String> {
        let found = self.running.lock().get(name).cloned();
        found.ok_or_else(|| match library::text(name) {
            Some(_) => format!("{name} is not started; `pocketshift lab start {name}`"),
            None => {
                format!("{name:?} is not under way, and no exercise that comes along has this name")
            }
        })
    }
}
