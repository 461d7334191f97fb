//! What an evaluation may still spend, and how it ends when it has spent all.

use crate::schema::structural::go_regex;
use regex::Regex;
use std::{collections::HashMap, rc::Rc};

/// Most items or bytes of a value that is made.
pub const LONGEST: usize = 16 << 20;
/// Most bytes that may be looked at, beyond what costs say: upstream has a deadline for this.
const MOST_WORK: u64 = 4 << 30;

/// Why there is no value.
#[derive(Clone, Debug, PartialEq)]
pub enum EvalError {
    /// The expression went wrong.
    Error(Rc<str>),
    /// The budget is spent.
    Cancelled,
}

impl EvalError {
    /// An error with this text.
    pub fn error(text: impl Into<Rc<str>>) -> EvalError {
        EvalError::Error(text.into())
    }

    /// No function for these values.
    pub fn no_overload() -> EvalError {
        EvalError::error("no such overload")
    }
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EvalError::Error(text) => f.write_str(text),
            EvalError::Cancelled => f.write_str("operation cancelled: actual cost limit exceeded"),
        }
    }
}

/// What an evaluation has spent of its budget, and the patterns it has compiled.
pub struct Meter {
    spent: u64,
    budget: u64,
    work: u64,
    paused: bool,
    patterns: HashMap<Box<str>, Result<Regex, String>>,
}

impl Meter {
    /// A meter with nothing spent.
    pub fn new(budget: u64) -> Meter {
        Meter { spent: 0, budget, work: 0, paused: false, patterns: HashMap::new() }
    }

    /// What was spent.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Spends.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn charge(&mut self, cost: u64) -> Result<(), EvalError> {
        if self.paused {
            return Ok(());
        }
        self.spent = self.spent.saturating_add(cost);
        if self.spent > self.budget { Err(EvalError::Cancelled) } else { Ok(()) }
    }

    /// Notes bytes (or items) that were looked at.
    ///
    /// # Errors
    /// There were too many.
    pub fn work(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.work = self.work.saturating_add(bytes as u64);
        if self.work > MOST_WORK { Err(EvalError::Cancelled) } else { Ok(()) }
    }

    /// Notes that a value of this size is about to be made.
    ///
    /// # Errors
    /// It is too large.
    pub fn make(&mut self, size: usize) -> Result<(), EvalError> {
        if size > LONGEST { Err(EvalError::Cancelled) } else { self.work(size) }
    }

    /// Spends nothing until it is resumed.
    pub(super) fn pause(&mut self) -> bool {
        std::mem::replace(&mut self.paused, true)
    }

    /// Goes on as before the pause.
    pub(super) fn resume(&mut self, before: bool) {
        self.paused = before;
    }

    /// A pattern, compiled once.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn pattern(&mut self, text: &str) -> Result<Regex, EvalError> {
        if let Some(known) = self.patterns.get(text) {
            return known.clone().map_err(EvalError::error);
        }
        self.work(64 * text.len())?;
        let made = go_regex(text);
        self.patterns.insert(text.into(), made.clone());
        made.map_err(EvalError::error)
    }
}
