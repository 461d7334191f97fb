//! A lab in a cluster that does a recording again: nothing of it is done here, for all it did is in the
//! recording. What happens is written down, to be graded.

use super::{
    Labs, answers,
    exercise::Exercise,
    judge::{Grade, grade},
    kept::Underway,
    recording::Tape,
};
use std::sync::Arc;

/// Follows a lab from its start to its end, or to the end of the recording.
pub struct Witness {
    labs: Arc<Labs>,
    name: String,
    seen: Option<Witnessed>,
    /// Whether it was there, and ended.
    ended: bool,
}

/// The lab as it was found.
struct Witnessed {
    exercise: Exercise,
    lab: Underway,
    tape: Tape,
}

impl Witness {
    /// Looks for the lab of an exercise.
    pub fn new(labs: Arc<Labs>, name: &str) -> Witness {
        Witness { labs, name: name.to_owned(), seen: None, ended: false }
    }

    /// Writes down what happened since it last looked. It must look before the store forgets that.
    ///
    /// # Errors
    /// The lab was not written by this program.
    pub fn look(&mut self) -> Result<(), String> {
        let store = &self.labs.server.store;
        let Some(lab) = self.labs.kept(&self.name)? else {
            self.ended |= self.seen.take().is_some();
            return Ok(());
        };
        let same = |seen: &&mut Witnessed| seen.lab.revision == lab.revision;
        if let Some(seen) = self.seen.as_mut().filter(same) {
            seen.tape.catch_up(store);
            return Ok(());
        }
        let exercise = Exercise::parse(&lab.text)?;
        let mut tape = Tape::begin(store, &exercise.project, exercise.beside(), lab.revision);
        tape.catch_up(store);
        self.seen = Some(Witnessed { exercise, lab, tape });
        Ok(())
    }

    /// What the lab has earned where the recording ends, by its own checks or by those of another
    /// exercise.
    ///
    /// # Errors
    /// No such lab is under way there.
    pub async fn grade(mut self, by: Option<Exercise>) -> Result<Grade, String> {
        self.look()?;
        let (name, ended) = (&self.name, self.ended);
        let seen = self.seen.ok_or_else(|| match ended {
            true => format!("{name} was finished before the recording ends; say --until STEP"),
            false => format!("{name} is not under way where the recording ends"),
        })?;
        let exercise = by.unwrap_or(seen.exercise);
        let hands = self.labs.hands_of(&seen.lab.user, &exercise.project);
        let answers = answers::all(&hands, &exercise).await;
        Ok(grade(&exercise, &seen.tape.recording(&seen.lab.text, answers)))
    }
}
