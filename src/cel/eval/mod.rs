//! Evaluation. What things cost follows cel-go's planner, to the steps it charges for: names,
//! fields, indexes and calls. Source: cel-go `interpreter/{planner,interpretable,runtimecost}.go`.

mod charge;
mod construct;
mod look;
mod meter;
mod operators;
pub mod times;

pub use construct::Made;
pub(super) use look::{constants, patterns, uses};
pub use meter::{EvalError, LONGEST, Meter};
pub use operators::{compare, equal, is_in};
pub(super) use operators::{items, operate, optional};

use super::{
    Program,
    ast::{ACCU, Expr, Fold, Kind, Literal},
    library,
    value::{Key, List, Map, Text, Value},
};
use indexmap::IndexMap;
use std::rc::Rc;

/// What came of an evaluation, and its cost.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The value.
    pub value: Result<Value<'a>, EvalError>,
    /// What was spent, no more than the budget and one step.
    pub cost: u64,
}

/// What an evaluation or a part of it answers.
pub type Answer<'a> = Result<Value<'a>, EvalError>;

/// Where the values of variables come from.
type Variables<'v, 'a> = &'v dyn Fn(&str) -> Option<Value<'a>>;

/// Evaluates a program.
pub(super) fn run<'a>(
    program: &'a Program,
    variables: Variables<'_, 'a>,
    budget: u64,
) -> Outcome<'a> {
    let mut run = Run { program, variables, scopes: Vec::new(), meter: Meter::new(budget) };
    let value = run.eval(&program.root);
    Outcome { value, cost: run.meter.spent() }
}

struct Run<'v, 'a> {
    program: &'a Program,
    variables: Variables<'v, 'a>,
    scopes: Vec<(&'a str, Answer<'a>)>,
    meter: Meter,
}

/// Whether upstream plans a node as an attribute, a path that is walked without being evaluated.
fn is_path(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Ident(_) | Kind::Select { .. } => true,
        Kind::Call { function, .. } => {
            matches!(function.as_str(), "_[_]" | "_[?_]" | "_?._" | "_?_:_")
        }
        _ => false,
    }
}

impl<'a> Run<'_, 'a> {
    fn eval(&mut self, expr: &'a Expr) -> Answer<'a> {
        super::deep(|| {
            if self.program.constants[expr.id] {
                return self.free(expr);
            }
            self.step(expr)
        })
    }

    /// Evaluates a constant, for nothing.
    fn free(&mut self, expr: &'a Expr) -> Answer<'a> {
        let before = self.meter.pause();
        let value = self.step(expr);
        self.meter.resume(before);
        value
    }

    fn step(&mut self, expr: &'a Expr) -> Answer<'a> {
        if is_path(expr) {
            return self.path(expr, false);
        }
        match &expr.kind {
            Kind::Literal(literal) => Ok(value_of(literal)),
            Kind::Call { target, function, args } => {
                self.call(expr, target.as_deref(), function, args)
            }
            Kind::List(items, optional) => {
                let made = self.list(items, optional);
                self.meter.charge(10)?;
                made
            }
            Kind::Map(entries) => {
                let made = self.map(entries);
                self.meter.charge(30)?;
                made
            }
            Kind::Fold(fold) => self.fold(fold),
            Kind::Struct(name, fields) => self.construct(name, fields),
            Kind::Ident(_) | Kind::Select { .. } => Err(EvalError::error("unsupported expression")),
        }
    }

    fn list(&mut self, items: &'a [Expr], optional: &[usize]) -> Answer<'a> {
        let mut out = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            match (optional.contains(&i), self.eval(item)?) {
                (true, Value::Optional(Some(value))) => out.push((*value).clone()),
                (true, Value::Optional(None)) => {}
                (_, value) => out.push(value),
            }
        }
        Ok(Value::list(out))
    }

    fn map(&mut self, entries: &'a [super::ast::Entry]) -> Answer<'a> {
        let mut out = IndexMap::with_capacity(entries.len());
        for entry in entries {
            let key = self.eval(&entry.key)?;
            let mut value = self.eval(&entry.value)?;
            if entry.optional {
                match value {
                    Value::Optional(Some(inner)) => value = (*inner).clone(),
                    Value::Optional(None) => continue,
                    other => value = other,
                }
            }
            let name = Key::of(&key).ok_or_else(|| EvalError::error("unsupported key type"))?;
            if out.insert(name, (key.clone(), value)).is_some() {
                return Err(EvalError::error(format!(
                    "Failed with repeated key: {}",
                    library::shown(&key)
                )));
            }
        }
        Ok(Value::Map(Map::Made(Rc::new(out))))
    }

    /// The value of a name, and whether it is a type's.
    fn variable(&mut self, name: &str) -> Result<(Value<'a>, bool), EvalError> {
        let name = name.strip_prefix('.').unwrap_or(name);
        if let Some((_, value)) = self.scopes.iter().rev().find(|(n, _)| *n == name) {
            return value.clone().map(|value| (value, false));
        }
        if let Some(value) = (self.variables)(name) {
            return Ok((value, false));
        }
        match library::type_named(name) {
            Some(ty) => Ok((ty, true)),
            None => Err(EvalError::error(format!("no such attribute(s): {name}"))),
        }
    }

    /// A path: its root costs something only where the path stands for itself, each step does.
    fn path(&mut self, expr: &'a Expr, root_is_free: bool) -> Answer<'a> {
        match &expr.kind {
            Kind::Ident(name) => {
                let value = self.variable(name);
                // Upstream's planner makes constants of types.
                let is_type = matches!(&value, Ok((_, true)));
                if !root_is_free && !is_type {
                    self.meter.charge(1)?;
                }
                value.map(|(value, _)| value)
            }
            Kind::Select { operand, field, test } => {
                let base = self.base(operand, root_is_free || *test)?;
                if matches!(base, Value::Optional(_)) {
                    return self.optional_step(base, field, *test);
                }
                self.meter.charge(1)?;
                let found = field_of(&base, field);
                match (test, found) {
                    (true, found) => Ok(Value::Bool(found?.is_some())),
                    (false, found) => {
                        found?.ok_or_else(|| EvalError::error(format!("no such key: {field}")))
                    }
                }
            }
            Kind::Call { function, args, .. } => match function.as_str() {
                "_?_:_" => {
                    let branch = match self.eval(&args[0])? {
                        Value::Bool(true) => &args[1],
                        Value::Bool(false) => &args[2],
                        _ => return Err(EvalError::error("no such overload")),
                    };
                    if is_path(branch) { self.path(branch, true) } else { self.eval(branch) }
                }
                "_?._" => {
                    let base = self.base(&args[0], root_is_free)?;
                    let Kind::Literal(Literal::String(field)) = &args[1].kind else {
                        return Err(EvalError::error("no such overload"));
                    };
                    let base = match base {
                        Value::Optional(_) => base,
                        value => Value::Optional(Some(Rc::new(value))),
                    };
                    self.optional_step(base, field, false)
                }
                _ => {
                    let base = self.base(&args[0], root_is_free)?;
                    let index = &args[1];
                    let index =
                        if is_path(index) { self.path(index, true)? } else { self.eval(index)? };
                    self.index(base, index, function == "_[?_]")
                }
            },
            _ => self.eval(expr),
        }
    }

    /// What a path goes on from.
    fn base(&mut self, expr: &'a Expr, root_is_free: bool) -> Answer<'a> {
        if is_path(expr) && !self.program.constants[expr.id] {
            return super::deep(|| self.path(expr, root_is_free));
        }
        let value = self.eval(expr)?;
        if !root_is_free {
            self.meter.charge(1)?;
        }
        Ok(value)
    }

    /// A field of what may be absent: what is absent costs nothing.
    fn optional_step(&mut self, base: Value<'a>, field: &str, test: bool) -> Answer<'a> {
        let found = match &base {
            Value::Optional(Some(inner)) => field_of(inner, field)?,
            _ => None,
        };
        if found.is_some() || test {
            self.meter.charge(1)?;
        }
        match test {
            true => Ok(Value::Bool(found.is_some())),
            false => Ok(Value::Optional(found.map(Rc::new))),
        }
    }

    fn index(&mut self, base: Value<'a>, index: Value<'a>, optional: bool) -> Answer<'a> {
        let (base, optional) = match base {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => ((*inner).clone(), true),
            value => (value, optional),
        };
        let found = match &base {
            Value::List(list) => match place(&index) {
                Some(Ok(i)) => list.get(i),
                Some(Err(_)) => None,
                None => return Err(EvalError::error(unindexed(&index))),
            },
            Value::Map(map) => map.get(&index),
            _ => return Err(EvalError::error("no such overload")),
        };
        if found.is_some() || !optional {
            self.meter.charge(1)?;
        }
        if optional {
            return Ok(Value::Optional(found.map(Rc::new)));
        }
        found.ok_or_else(|| match base {
            Value::List(_) => {
                EvalError::error(format!("index out of bounds: {}", library::shown(&index)))
            }
            _ => EvalError::error(format!("no such key: {}", library::shown(&index))),
        })
    }

    fn call(
        &mut self,
        expr: &'a Expr,
        target: Option<&'a Expr>,
        function: &'a str,
        args: &'a [Expr],
    ) -> Answer<'a> {
        match function {
            "_&&_" => return self.logic(args, false),
            "_||_" => return self.logic(args, true),
            "@not_strictly_false" => {
                let value = match self.eval(&args[0]) {
                    Err(EvalError::Cancelled) => return Err(EvalError::Cancelled),
                    Ok(Value::Bool(b)) => b,
                    _ => true,
                };
                self.meter.charge(1)?;
                return Ok(Value::Bool(value));
            }
            "_+_" if args[0].ident() == Some(ACCU) => return self.accumulate(expr, args),
            "cel.@mapInsert" => return self.insert(args),
            "or" | "orValue" if args.len() == 1 => {
                if let Some(target) = target {
                    return self.otherwise(target, function, &args[0]);
                }
            }
            _ => {}
        }
        let mut values = Vec::with_capacity(args.len() + 1);
        let mut fault = None;
        let few = args.len() + usize::from(target.is_some()) <= 2;
        for arg in target.into_iter().chain(args) {
            match self.eval(arg) {
                Ok(value) => values.push(value),
                // Calls with few arguments are paid for, whatever became of these.
                Err(EvalError::Error(why)) if few => {
                    fault = fault.or(Some(EvalError::Error(why)));
                    values.push(Value::Null);
                }
                Err(other) => return Err(other),
            }
        }
        // Upstream looks constant lists up in a set, for nothing.
        let set = function == "@in" && self.program.constants[args[1].id];
        if !(set && matches!(values[1], Value::List(_))) {
            charge::call(&mut self.meter, function, &self.program.calls[expr.id], &values)?;
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        if let ("sum", [Value::List(list)]) = (function, values.as_slice())
            && list.is_empty()
        {
            return Ok(library::nothing(self.program.calls[expr.id].first().map_or("", |o| o.id)));
        }
        library::call(&mut self.meter, function, target.is_some(), &values)
    }

    /// `or` and `orValue`: what comes second is only looked at if it is needed, and costs nothing
    /// but itself.
    fn otherwise(&mut self, target: &'a Expr, function: &str, other: &'a Expr) -> Answer<'a> {
        match (self.eval(target)?, function) {
            (Value::Optional(None), _) => self.eval(other),
            (held @ Value::Optional(_), "or") => Ok(held),
            (Value::Optional(Some(held)), _) => Ok((*held).clone()),
            _ => Err(EvalError::no_overload()),
        }
    }

    /// Each absorbs what the other decides.
    fn logic(&mut self, args: &'a [Expr], decided: bool) -> Answer<'a> {
        let mut fault = None;
        for arg in args {
            match self.eval(arg) {
                Ok(Value::Bool(b)) if b == decided => return Ok(Value::Bool(decided)),
                Ok(Value::Bool(_)) => {}
                Err(EvalError::Cancelled) => return Err(EvalError::Cancelled),
                Err(other) => fault = fault.or(Some(other)),
                Ok(_) => fault = fault.or(Some(EvalError::error("no such overload"))),
            }
        }
        fault.map_or(Ok(Value::Bool(!decided)), Err)
    }

    /// `accu + more`, without copying what was collected.
    fn accumulate(&mut self, expr: &'a Expr, args: &'a [Expr]) -> Answer<'a> {
        self.meter.charge(1)?;
        let more = self.eval(&args[1])?;
        let held = self.scopes.iter_mut().rev().find(|(n, _)| *n == ACCU);
        let Some((_, held)) = held else { return Err(EvalError::error("no such overload")) };
        let before = std::mem::replace(held, Ok(Value::Null))?;
        let values = [before, more];
        charge::call(&mut self.meter, "_+_", &self.program.calls[expr.id], &values)?;
        let [mut before, more] = values;
        if let (Value::List(list), Value::List(more)) = (&mut before, &more)
            && list.push_all(more)
        {
            return Ok(before);
        }
        operators::add(&mut self.meter, before, more)
    }

    /// What the macros that make maps add.
    fn insert(&mut self, args: &'a [Expr]) -> Answer<'a> {
        self.meter.charge(1)?;
        let mut entries = Vec::new();
        match &args[1..] {
            [key, value] => entries.push((self.eval(key)?, self.eval(value)?)),
            [entry] => {
                let Value::Map(map) = self.eval(entry)? else {
                    return Err(EvalError::error("no such overload"));
                };
                for key in map.keys() {
                    let value = map.get(&key).unwrap_or(Value::Null);
                    entries.push((key, value));
                }
            }
            _ => return Err(EvalError::error("no such overload")),
        }
        self.meter.charge(1)?;
        let held = self.scopes.iter_mut().rev().find(|(n, _)| *n == ACCU);
        let Some((_, held)) = held else { return Err(EvalError::error("no such overload")) };
        let before = std::mem::replace(held, Ok(Value::Null))?;
        let Value::Map(Map::Made(mut map)) = before else {
            return Err(EvalError::error("no such overload"));
        };
        let inner = Rc::make_mut(&mut map);
        for (key, value) in entries {
            let name = Key::of(&key).ok_or_else(|| EvalError::error("unsupported key type"))?;
            if inner.insert(name, (key.clone(), value)).is_some() {
                let key = library::shown(&key);
                return Err(EvalError::error(format!("insert failed: key {key} already exists")));
            }
        }
        Ok(Value::Map(Map::Made(map)))
    }

    fn fold(&mut self, fold: &'a Fold) -> Answer<'a> {
        let depth = self.scopes.len();
        let value = self.folded(fold);
        self.scopes.truncate(depth);
        value
    }

    fn folded(&mut self, fold: &'a Fold) -> Answer<'a> {
        let range = self.eval(&fold.range)?;
        let keys = match &range {
            Value::Map(map) => map.keys(),
            Value::List(_) => Vec::new(),
            _ => {
                let name = range.type_name();
                return Err(EvalError::error(format!("got '{name}', expected iterable type")));
            }
        };
        let init = self.eval(&fold.init)?;
        let at = self.scopes.len();
        self.scopes.push((&fold.accu, Ok(init)));
        let count = range.size() as usize;
        for i in 0..count {
            let (first, second) = match &range {
                Value::List(list) => {
                    let item = list.get(i).unwrap_or(Value::Null);
                    if fold.second.is_some() {
                        (Value::Int(i as i64), Some(item))
                    } else {
                        (item, None)
                    }
                }
                Value::Map(map) => {
                    let Some(key) = keys.get(i) else { break };
                    let value = fold.second.as_ref().and_then(|_| map.get(key));
                    (key.clone(), value)
                }
                _ => break,
            };
            self.scopes.truncate(at + 1);
            self.scopes.push((&fold.var, Ok(first)));
            if let (Some(name), Some(value)) = (&fold.second, second) {
                self.scopes.push((name, Ok(value)));
            }
            let go_on = matches!(self.eval(&fold.condition)?, Value::Bool(true));
            if !go_on {
                break;
            }
            let next = self.eval(&fold.step);
            if matches!(next, Err(EvalError::Cancelled)) {
                return next;
            }
            // Only `all` and `exists` may still decide otherwise.
            if next.is_err() && fold.condition.is_literal(&Literal::Bool(true)) {
                return next;
            }
            self.scopes[at].1 = next;
        }
        self.scopes.truncate(at + 1);
        self.eval(&fold.result)
    }
}

/// A field of a value; `None` if it is absent.
fn field_of<'a>(base: &Value<'a>, field: &str) -> Result<Option<Value<'a>>, EvalError> {
    match base {
        Value::Map(map) => Ok(map.field(field)),
        Value::List(_) => Err(EvalError::error("unsupported index type 'string' in list")),
        Value::Opaque(opaque) => opaque.field(field),
        _ => Err(EvalError::error(format!("no such key: {field}"))),
    }
}

/// The place an index means: negative ones mean none.
fn place(index: &Value<'_>) -> Option<Result<usize, ()>> {
    match index {
        Value::Int(n) => Some(usize::try_from(*n).map_err(drop)),
        Value::Uint(n) => Some(usize::try_from(*n).map_err(drop)),
        Value::Double(n) if n.fract() == 0.0 && *n >= 0.0 => Some(Ok(*n as usize)),
        Value::Double(n) if n.fract() == 0.0 => Some(Err(())),
        _ => None,
    }
}

fn unindexed(index: &Value<'_>) -> String {
    format!("unsupported index type '{}' in list", index.type_name())
}

fn value_of(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(b) => Value::Bool(*b),
        Literal::Int(n) => Value::Int(*n),
        Literal::Uint(n) => Value::Uint(*n),
        Literal::Double(n) => Value::Double(*n),
        Literal::String(text) => Value::String(Text::Of(text)),
        Literal::Bytes(bytes) => Value::Bytes(bytes.as_slice().into()),
    }
}

/// A list of made values.
impl<'a> From<List<'a>> for Value<'a> {
    fn from(list: List<'a>) -> Value<'a> {
        Value::List(list)
    }
}
