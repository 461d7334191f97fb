//! What an `awk` program knows while it runs: variables, arrays, the record and its fields.

use super::{ast::Pattern, parser::regex, value::Value};
use std::collections::{BTreeMap, HashMap};

/// Deepest nesting of functions.
pub const DEEPEST: usize = 60;

/// Most fields of a record.
const MOST_FIELDS: usize = 1 << 16;

/// A parameter or local variable: a value, and the array it stands for when used as one.
#[derive(Debug, Clone, Default)]
pub struct Slot {
    /// As a value.
    pub value: Value,
    /// As an array, by its name in [`State::arrays`].
    pub array: String,
}

/// Everything known.
#[derive(Default)]
pub struct State {
    globals: HashMap<String, Value>,
    /// By name; those of functions by a name of their own.
    pub arrays: HashMap<String, BTreeMap<String, Value>>,
    /// Functions that run, innermost last.
    pub frames: Vec<HashMap<String, Slot>>,
    record: String,
    fields: Vec<String>,
    /// Whether the fields are newer than the record.
    joined: bool,
    patterns: HashMap<String, Pattern>,
    /// How many arrays of functions there were.
    pub locals: usize,
    /// State of `rand`.
    pub seed: u64,
}

impl State {
    /// At the start of a program.
    pub fn new() -> State {
        let mut state = State { joined: true, seed: 1, ..State::default() };
        for (name, text) in
            [("FS", " "), ("OFS", " "), ("ORS", "\n"), ("RS", "\n"), ("SUBSEP", "\u{1c}")]
        {
            state.globals.insert(name.into(), Value::Text(text.into()));
        }
        for name in ["NR", "NF", "FNR", "RSTART", "RLENGTH"] {
            state.globals.insert(name.into(), Value::Number(0.0));
        }
        state
    }

    /// A variable.
    pub fn get(&self, name: &str) -> Value {
        if let Some(slot) = self.frames.last().and_then(|f| f.get(name)) {
            return slot.value.clone();
        }
        self.globals.get(name).cloned().unwrap_or_default()
    }

    /// A variable as text.
    pub fn text(&self, name: &str) -> String {
        self.get(name).text()
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: Value) {
        if let Some(slot) = self.frames.last_mut().and_then(|f| f.get_mut(name)) {
            slot.value = value;
            return;
        }
        if name == "NF" {
            let count = (value.number().max(0.0) as usize).min(MOST_FIELDS);
            self.fields.resize(count, String::new());
            self.joined = false;
        }
        self.globals.insert(name.to_owned(), value);
    }

    /// The array a name stands for.
    pub fn array_name(&self, name: &str) -> String {
        match self.frames.last().and_then(|f| f.get(name)) {
            Some(slot) => slot.array.clone(),
            None => name.to_owned(),
        }
    }

    /// The array of a name.
    pub fn array(&mut self, name: &str) -> &mut BTreeMap<String, Value> {
        let name = self.array_name(name);
        self.arrays.entry(name).or_default()
    }

    /// A compiled pattern for a text.
    ///
    /// # Errors
    /// It is none.
    pub fn pattern(&mut self, text: &str) -> Result<Pattern, String> {
        if let Some(known) = self.patterns.get(text) {
            return Ok(known.clone());
        }
        let made = regex(text)?;
        if self.patterns.len() < 256 {
            self.patterns.insert(text.to_owned(), made.clone());
        }
        Ok(made)
    }

    /// Takes a record on.
    ///
    /// # Errors
    /// The field separator is no pattern.
    pub fn read(&mut self, record: &str) -> Result<(), String> {
        let separator = self.text("FS");
        self.fields = self.split(record, &separator)?;
        self.fields.truncate(MOST_FIELDS);
        record.clone_into(&mut self.record);
        self.joined = true;
        self.globals.insert("NF".into(), Value::Number(self.fields.len() as f64));
        Ok(())
    }

    /// A text cut at a separator.
    ///
    /// # Errors
    /// The separator is no pattern.
    pub fn split(&mut self, text: &str, separator: &str) -> Result<Vec<String>, String> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let owned = |parts: Vec<&str>| parts.into_iter().map(str::to_owned).collect();
        Ok(match separator {
            " " => owned(text.split_whitespace().collect()),
            "" => text.chars().map(String::from).collect(),
            one if one.chars().count() == 1 && one != "\\" => owned(text.split(one).collect()),
            pattern => {
                let pattern = self.pattern(pattern)?;
                owned(pattern.0.split(text).collect())
            }
        })
    }

    /// `$n`
    pub fn field(&mut self, n: usize) -> Value {
        if n > 0 {
            return self.fields.get(n - 1).map_or(Value::Unset, |f| Value::outside(f));
        }
        if !self.joined {
            self.record = self.fields.join(&self.text("OFS"));
            self.joined = true;
        }
        Value::outside(&self.record)
    }

    /// Sets `$n`.
    ///
    /// # Errors
    /// There cannot be so many fields.
    pub fn set_field(&mut self, n: usize, value: &Value) -> Result<(), String> {
        let text = value.text();
        if n == 0 {
            return self.read(&text);
        }
        if n > MOST_FIELDS {
            return Err("access to negative field".into());
        }
        if self.fields.len() < n {
            self.fields.resize(n, String::new());
            self.globals.insert("NF".into(), Value::Number(n as f64));
        }
        self.fields[n - 1] = text;
        self.joined = false;
        Ok(())
    }
}
