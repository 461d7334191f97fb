//! `agnhost pause`: waits for a signal and says which it was.

use crate::sim::containers::programs::{Call, Program};
use crate::{catalog::End, sim::images::process::Process};

/// The program.
pub struct Pause;

impl Program for Pause {
    fn facts(&self, _: &Call<'_>, known: Process) -> Process {
        Process { ends: None, on_term: Some(End { after: 0.0, code: 2 }), ..known }
    }

    fn says(&self, _: &Call<'_>) -> Vec<(f64, String)> {
        vec![(0.0, "Paused".into()), (0.0, "Signals registered".into())]
    }

    fn last_words(&self, signal: i32) -> Option<String> {
        let name = match signal {
            2 => "interrupt",
            15 => "terminated",
            _ => return None,
        };
        Some(format!("exiting because of signal \"{name}\""))
    }
}
