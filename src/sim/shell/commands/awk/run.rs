//! Runs a program of `awk`. What it writes is kept until the record is done.

use super::{
    ast::{Assignable, Binary, Expr, Function, Pattern, Program, Rule, Statement, When},
    functions,
    state::{DEEPEST, Slot, State},
    value::{Value, sprintf},
};
use crate::sim::shell::{
    io::LARGEST,
    process::{Process, Stop},
    redirect,
};
use std::collections::{HashMap, VecDeque};

/// Why a statement list is left before its end.
#[derive(Debug, PartialEq)]
pub enum Leave {
    /// `next`
    Next,
    /// `exit`
    Exit(i32),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `return`
    Return(Value),
    /// Something is wrong.
    Wrong(String),
    /// The process ends.
    Stop(Stop),
}

impl From<String> for Leave {
    fn from(why: String) -> Leave {
        Leave::Wrong(why)
    }
}

impl From<Stop> for Leave {
    fn from(stop: Stop) -> Leave {
        Leave::Stop(stop)
    }
}

type Run<T> = Result<T, Leave>;

/// A program that runs.
pub struct Machine<'a> {
    p: &'a Process,
    program: &'a Program,
    /// What it knows.
    pub state: State,
    /// What it has written and nobody has seen.
    pub out: Vec<u8>,
    /// Input that was read ahead, for `getline`.
    pub ahead: VecDeque<String>,
    /// Lines of files that `getline` reads.
    reading: HashMap<String, VecDeque<String>>,
    /// Files it writes, which are emptied once.
    writing: HashMap<String, Vec<u8>>,
    /// Ranges that have begun, by the place of their rule.
    ranges: Vec<bool>,
}

impl<'a> Machine<'a> {
    /// Before the first record.
    pub fn new(p: &'a Process, program: &'a Program) -> Machine<'a> {
        Machine {
            p,
            program,
            state: State::new(),
            out: Vec::new(),
            ahead: VecDeque::new(),
            reading: HashMap::new(),
            writing: HashMap::new(),
            ranges: vec![false; program.rules.len()],
        }
    }

    /// Runs the rules before the first or after the last record.
    pub fn edge(&mut self, wanted: &When) -> Run<()> {
        let program = self.program;
        for rule in program.rules.iter().filter(|r| r.when == *wanted) {
            if let Some(body) = &rule.body {
                self.statement(body)?;
            }
        }
        Ok(())
    }

    /// Runs all rules for a record.
    pub fn record(&mut self, record: &str) -> Run<()> {
        self.counted(record)?;
        let program = self.program;
        for (at, rule) in program.rules.iter().enumerate() {
            if !self.applies(at, rule)? {
                continue;
            }
            match &rule.body {
                Some(body) => self.statement(body)?,
                None => self.print(&[], &Assignable::Output)?,
            }
        }
        Ok(())
    }

    /// Takes on a record and counts it.
    fn counted(&mut self, record: &str) -> Run<()> {
        self.state.read(record)?;
        for name in ["NR", "FNR"] {
            let next = self.state.get(name).number() + 1.0;
            self.state.set(name, Value::Number(next));
        }
        Ok(())
    }

    fn applies(&mut self, at: usize, rule: &Rule) -> Run<bool> {
        match &rule.when {
            When::Begin | When::End => Ok(false),
            When::Always => Ok(true),
            When::If(test) => self.is_true(test),
            When::Range(from, to) => {
                if !self.ranges[at] && !self.is_true(from)? {
                    return Ok(false);
                }
                self.ranges[at] = !self.is_true(to)?;
                Ok(true)
            }
        }
    }

    fn is_true(&mut self, test: &Expr) -> Run<bool> {
        Ok(self.value(test)?.is_true())
    }

    fn statement(&mut self, statement: &Statement) -> Run<()> {
        self.p.budget.spend(1)?;
        match statement {
            Statement::Expr(expr) => self.value(expr).map(drop),
            Statement::Print(list, target) => self.print(list, target),
            Statement::Printf(list, target) => {
                let values = self.values(list)?;
                let Some((format, rest)) = values.split_first() else { return Ok(()) };
                let text = sprintf(&format.text(), rest);
                self.write(text.as_bytes(), target)
            }
            Statement::If(test, yes, no) => match (self.is_true(test)?, no) {
                (true, _) => self.statement(yes),
                (false, Some(no)) => self.statement(no),
                (false, None) => Ok(()),
            },
            Statement::Block(all) => all.iter().try_for_each(|s| self.statement(s)),
            Statement::While(test, body, first) => self.repeat(*first, Some(test), None, body),
            Statement::For(before, test, step, body) => {
                if let Some(before) = before {
                    self.statement(before)?;
                }
                self.repeat(false, test.as_ref(), step.as_deref(), body)
            }
            Statement::Each(key, array, body) => self.each(key, array, body),
            Statement::Delete(array, None) => {
                self.state.array(array).clear();
                Ok(())
            }
            Statement::Delete(array, Some(keys)) => {
                let key = self.key(keys)?;
                self.state.array(array).remove(&key);
                Ok(())
            }
            Statement::Next => Err(Leave::Next),
            Statement::Break => Err(Leave::Break),
            Statement::Continue => Err(Leave::Continue),
            Statement::Exit(code) => {
                let code = match code {
                    Some(code) => self.value(code)?.number() as i32,
                    None => 0,
                };
                Err(Leave::Exit(code))
            }
            Statement::Return(value) => {
                let value = value.as_ref().map_or(Ok(Value::Unset), |v| self.value(v))?;
                Err(Leave::Return(value))
            }
        }
    }

    fn repeat(
        &mut self,
        mut first: bool,
        test: Option<&Expr>,
        step: Option<&Statement>,
        body: &Statement,
    ) -> Run<()> {
        loop {
            if let Some(test) = test
                && !std::mem::take(&mut first)
                && !self.is_true(test)?
            {
                return Ok(());
            }
            match self.statement(body) {
                Err(Leave::Break) => return Ok(()),
                Ok(()) | Err(Leave::Continue) => {}
                Err(other) => return Err(other),
            }
            if let Some(step) = step {
                self.statement(step)?;
            }
        }
    }

    fn each(&mut self, key: &str, array: &str, body: &Statement) -> Run<()> {
        let keys: Vec<String> = self.state.array(array).keys().cloned().collect();
        for text in keys {
            self.state.set(key, Value::outside(&text));
            match self.statement(body) {
                Err(Leave::Break) => break,
                Ok(()) | Err(Leave::Continue) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn print(&mut self, list: &[Expr], target: &Assignable) -> Run<()> {
        let mut text = match list {
            [] => self.state.field(0).text(),
            list => {
                let values = self.values(list)?;
                let texts: Vec<String> = values.iter().map(Value::text).collect();
                texts.join(&self.state.text("OFS"))
            }
        };
        text.push_str(&self.state.text("ORS"));
        self.write(text.as_bytes(), target)
    }

    fn write(&mut self, data: &[u8], target: &Assignable) -> Run<()> {
        self.p.budget.spend(data.len() / 256)?;
        let to = match target {
            Assignable::Output => &mut self.out,
            Assignable::File(name, append) => {
                let name = self.value(name)?.text();
                match name.as_str() {
                    "/dev/stdout" => &mut self.out,
                    _ => self.opened(&name, *append)?,
                }
            }
        };
        if to.len() + data.len() > LARGEST {
            return Err(Leave::Stop(Stop::Memory));
        }
        to.extend_from_slice(data);
        Ok(())
    }

    /// What is written to a file when the program is done.
    fn opened(&mut self, name: &str, append: bool) -> Run<&mut Vec<u8>> {
        if !self.writing.contains_key(name) {
            let opened = redirect::sink(self.p, name, append);
            opened.map_err(|why| format!("can't open '{name}': {why}"))?;
        }
        Ok(self.writing.entry(name.to_owned()).or_default())
    }

    /// Writes the files.
    pub async fn close(&mut self) -> Result<(), Stop> {
        for (name, data) in std::mem::take(&mut self.writing) {
            if let Ok(sink) = redirect::sink(self.p, &name, true) {
                sink.write(&data).await?;
            }
        }
        Ok(())
    }

    /// Values of expressions.
    pub fn values(&mut self, list: &[Expr]) -> Run<Vec<Value>> {
        list.iter().map(|e| self.value(e)).collect()
    }

    /// The key several subscripts make.
    fn key(&mut self, keys: &[Expr]) -> Run<String> {
        let texts: Vec<String> = self.values(keys)?.iter().map(Value::text).collect();
        Ok(texts.join(&self.state.text("SUBSEP")))
    }

    /// The value of an expression.
    pub fn value(&mut self, expr: &Expr) -> Run<Value> {
        let flag = |yes: bool| Value::Number(f64::from(u8::from(yes)));
        Ok(match expr {
            Expr::Number(n) => Value::Number(*n),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Regex(pattern) => flag(pattern.0.is_match(&self.state.field(0).text())),
            Expr::Variable(name) => self.state.get(name),
            Expr::Field(n) => {
                let n = self.place(n)?;
                self.state.field(n)
            }
            Expr::Element(array, keys) => {
                let key = self.key(keys)?;
                self.state.array(array).entry(key).or_default().clone()
            }
            Expr::Assign(target, operator, value) => {
                let value = match operator {
                    None => self.value(value)?,
                    Some(operator) => {
                        let right = self.value(value)?;
                        let left = self.value(target)?;
                        binary(*operator, &left, &right)?
                    }
                };
                self.assign(target, value.clone())?;
                value
            }
            Expr::Choose(test, yes, no) => {
                let chosen = if self.is_true(test)? { yes } else { no };
                self.value(chosen)?
            }
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                binary(*operator, &left, &right)?
            }
            Expr::Match(wanted, text, pattern) => {
                let text = self.value(text)?.text();
                flag(self.pattern(pattern)?.0.is_match(&text) == *wanted)
            }
            Expr::In(keys, array) => {
                let key = self.key(keys)?;
                flag(self.state.array(array).contains_key(&key))
            }
            Expr::And(left, right) => flag(self.is_true(left)? && self.is_true(right)?),
            Expr::Or(left, right) => flag(self.is_true(left)? || self.is_true(right)?),
            Expr::Not(operand) => flag(!self.is_true(operand)?),
            Expr::Minus(operand) => Value::Number(-self.value(operand)?.number()),
            Expr::Plus(operand) => Value::Number(self.value(operand)?.number()),
            Expr::Step(step, old, target) => {
                let before = self.value(target)?.number();
                self.assign(target, Value::Number(before + step))?;
                Value::Number(if *old { before } else { before + step })
            }
            Expr::Call(name, arguments) => self.call(name, arguments)?,
            Expr::Getline(into, from) => self.getline(into.as_deref(), from.as_deref())?,
        })
    }

    fn place(&mut self, n: &Expr) -> Run<usize> {
        let n = self.value(n)?.number();
        if n < 0.0 {
            return Err(Leave::Wrong("access to negative field".into()));
        }
        Ok(n as usize)
    }

    /// Sets a variable, field or element.
    pub fn assign(&mut self, target: &Expr, value: Value) -> Run<()> {
        match target {
            Expr::Variable(name) => self.state.set(name, value),
            Expr::Field(n) => {
                let n = self.place(n)?;
                self.state.set_field(n, &value)?;
            }
            Expr::Element(array, keys) => {
                let key = self.key(keys)?;
                self.p.budget.spend(1)?;
                self.state.array(array).insert(key, value);
            }
            _ => {}
        }
        Ok(())
    }

    /// An expression as a pattern.
    pub fn pattern(&mut self, expr: &Expr) -> Run<Pattern> {
        if let Expr::Regex(pattern) = expr {
            return Ok(pattern.clone());
        }
        let text = self.value(expr)?.text();
        Ok(self.state.pattern(&text)?)
    }

    fn call(&mut self, name: &str, arguments: &[Expr]) -> Run<Value> {
        let program = self.program;
        match program.functions.get(name) {
            Some(function) => self.own(function, arguments),
            None => functions::call(self, name, arguments),
        }
    }

    /// Calls a function of the program's own.
    fn own(&mut self, function: &Function, arguments: &[Expr]) -> Run<Value> {
        if self.state.frames.len() >= DEEPEST {
            return Err(Leave::Wrong("function nesting too deep".into()));
        }
        let mut frame = HashMap::new();
        let mut own = Vec::new();
        for (at, name) in function.parameters.iter().enumerate() {
            let mut slot = Slot::default();
            match arguments.get(at) {
                Some(Expr::Variable(variable)) => {
                    slot.value = self.state.get(variable);
                    slot.array = self.state.array_name(variable);
                }
                Some(other) => slot.value = self.value(other)?,
                None => {
                    self.state.locals += 1;
                    slot.array = format!("{name} {}", self.state.locals);
                    own.push(slot.array.clone());
                }
            }
            frame.insert(name.clone(), slot);
        }
        self.state.frames.push(frame);
        let done = self.statement(&function.body);
        self.state.frames.pop();
        own.iter().for_each(|name| drop(self.state.arrays.remove(name)));
        match done {
            Ok(()) => Ok(Value::Unset),
            Err(Leave::Return(value)) => Ok(value),
            Err(other) => Err(other),
        }
    }

    /// The next line of the input or of a file: 1, 0 at the end, -1 when it cannot be read.
    fn getline(&mut self, into: Option<&Expr>, from: Option<&Expr>) -> Run<Value> {
        self.p.budget.spend(1)?;
        let line = match from {
            None => self.ahead.pop_front(),
            Some(file) => {
                let file = self.value(file)?.text();
                if !self.reading.contains_key(&file) {
                    let read = self.p.fs.read(&self.p.path(&file), &self.p.who);
                    let Ok(bytes) = read else { return Ok(Value::Number(-1.0)) };
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let lines = text.lines().map(str::to_owned).collect();
                    self.reading.insert(file.clone(), lines);
                }
                self.reading.get_mut(&file).and_then(VecDeque::pop_front)
            }
        };
        let Some(line) = line else { return Ok(Value::Number(0.0)) };
        match into {
            Some(target) => self.assign(target, Value::outside(&line))?,
            None if from.is_none() => self.counted(&line)?,
            None => self.state.read(&line)?,
        }
        Ok(Value::Number(1.0))
    }

    /// The process it runs in.
    pub fn process(&self) -> &Process {
        self.p
    }
}

fn binary(operator: Binary, left: &Value, right: &Value) -> Result<Value, String> {
    let (x, y) = (left.number(), right.number());
    let flag = |yes: bool| Value::Number(f64::from(u8::from(yes)));
    Ok(match operator {
        Binary::Add => Value::Number(x + y),
        Binary::Subtract => Value::Number(x - y),
        Binary::Multiply => Value::Number(x * y),
        Binary::Divide | Binary::Modulo if y == 0.0 => return Err("division by zero".into()),
        Binary::Divide => Value::Number(x / y),
        Binary::Modulo => Value::Number(x % y),
        Binary::Power => Value::Number(x.powf(y)),
        Binary::Concat => {
            let text = left.text() + &right.text();
            if text.len() > LARGEST {
                return Err("string too long".into());
            }
            Value::Text(text)
        }
        Binary::Less => flag(left.compare(right).is_lt()),
        Binary::LessEqual => flag(left.compare(right).is_le()),
        Binary::Equal => flag(left.compare(right).is_eq()),
        Binary::Unequal => flag(left.compare(right).is_ne()),
        Binary::Greater => flag(left.compare(right).is_gt()),
        Binary::GreaterEqual => flag(left.compare(right).is_ge()),
    })
}
