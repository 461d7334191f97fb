//! Rules applied to an object, within its budget.

use super::{PER_OBJECT, Rule, Rules};
use crate::{
    cel::{EvalError, PER_CALL, Program, value},
    error::{Cause, Causes},
    object::{Value, json},
};
use std::{collections::HashMap, rc::Rc};

/// Most bytes of a message that an expression makes.
const LONGEST_MESSAGE: usize = 5 * 1024;
const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// A value and what it takes the place of, where that can be told.
#[derive(Clone, Copy)]
struct Pair<'a> {
    new: &'a Value,
    old: Option<&'a Value>,
}

/// What decides whether a mistake was there before.
#[derive(Clone, Copy)]
enum Before<'a> {
    /// The value's own predecessor, and whether the place is the whole object.
    Here(&'a Value, &'a Value, bool),
    /// That of something it is a part of.
    Above(&'a Value, &'a Value),
    /// Nothing.
    None,
}

impl<'a> Before<'a> {
    fn unchanged(self) -> bool {
        match self {
            Before::Here(new, old, _) | Before::Above(new, old) => new == old,
            Before::None => false,
        }
    }

    /// The same for a part of the value.
    fn part(self, name: &str, new: &'a Value, old: Option<&'a Value>) -> Before<'a> {
        match (self, old) {
            // What object it is cannot have been wrong before.
            (Before::Here(_, _, true), _) if matches!(name, "apiVersion" | "kind") => Before::None,
            (Before::Here(..), Some(old)) => Before::Here(new, old, false),
            (Before::Here(new, old, _), None) => Before::Above(new, old),
            (other, _) => other,
        }
    }
}

/// No further rules are run.
struct Spent;

struct Run<'c> {
    budget: u64,
    causes: &'c mut Causes,
    warnings: Vec<String>,
}

impl Rules {
    /// Applies all rules to an object; answers what to warn of: mistakes that were there before.
    pub fn apply(&self, object: &Value, old: Option<&Value>, causes: &mut Causes) -> Vec<String> {
        let mut run = Run { budget: PER_OBJECT, causes, warnings: Vec::new() };
        let before = old.map_or(Before::None, |old| Before::Here(object, old, true));
        // Spent or not, what was found counts.
        let _ = run.level(self, Pair { new: object, old }, before, "");
        run.warnings
    }
}

impl Rules {
    /// Applies all rules to a value that stands at `path`, whether or not it was there before.
    pub fn apply_at(&self, value: &Value, old: Option<&Value>, path: &str, causes: &mut Causes) {
        let mut run = Run { budget: PER_OBJECT, causes, warnings: Vec::new() };
        // Spent or not, what was found counts.
        let _ = run.level(self, Pair { new: value, old }, Before::None, path);
    }
}

impl<'c> Run<'c> {
    fn level<'a>(
        &mut self,
        rules: &'a Rules,
        pair: Pair<'a>,
        before: Before<'a>,
        path: &str,
    ) -> Result<(), Spent> {
        if pair.new.is_null() {
            return Ok(());
        }
        for rule in &rules.own {
            self.rule(rules, rule, pair, before, path)?;
        }
        match pair.new {
            Value::Array(list) => self.items(rules, list, pair, before, path),
            Value::Object(map) => {
                for (name, new) in map {
                    let old = pair.old.and_then(|o| o.get(name));
                    let before = before.part(name, new, old);
                    let pair = Pair { new, old };
                    if let Some(below) = rules.properties.get(name.as_str()) {
                        let dot = if path.is_empty() { "" } else { "." };
                        self.level(below, pair, before, &format!("{path}{dot}{name}"))?;
                    } else if let Some(below) = &rules.additional {
                        self.level(below, pair, before, &format!("{path}[{name}]"))?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn items<'a>(
        &mut self,
        rules: &'a Rules,
        list: &'a [Value],
        pair: Pair<'a>,
        before: Before<'a>,
        path: &str,
    ) -> Result<(), Spent> {
        let Some(below) = &rules.items else { return Ok(()) };
        let keys = rules.keys.as_deref();
        let key = |item: &Value| -> Option<String> {
            Some(
                keys?
                    .iter()
                    .map(|k| item.get(k).unwrap_or(&Value::Null).to_string() + ",")
                    .collect(),
            )
        };
        let known = pair.old.and_then(Value::as_array).filter(|_| keys.is_some());
        let known: HashMap<Option<String>, &Value> =
            known.into_iter().flatten().map(|item| (key(item), item)).collect();
        for (i, new) in list.iter().enumerate() {
            let old = known.get(&key(new)).copied();
            let before = before.part("", new, old);
            self.level(below, Pair { new, old }, before, &format!("{path}[{i}]"))?;
        }
        Ok(())
    }

    fn rule<'a>(
        &mut self,
        rules: &'a Rules,
        rule: &'a Rule,
        pair: Pair<'a>,
        before: Before<'a>,
        path: &str,
    ) -> Result<(), Spent> {
        let path = if path.is_empty() { "<nil>" } else { path };
        // Null was nothing.
        let pair = Pair { old: pair.old.filter(|old| !old.is_null()), ..pair };
        let program = match &rule.program {
            None => return Ok(()),
            Some(Ok(program)) => program,
            Some(Err(why)) => {
                self.fail(rules, path, format!("rule compile error: {why}"));
                return Ok(());
            }
        };
        if rule.uses_old && pair.old.is_none() && !rule.optional_old {
            return Ok(());
        }
        let variables = |name: &str| -> Option<value::Value<'a>> {
            let decl = rules.decl.as_deref();
            match name {
                "self" => Some(value::lift(pair.new, decl)),
                "oldSelf" if rule.optional_old => {
                    let old = pair.old.map(|old| Rc::new(value::lift(old, decl)));
                    Some(value::Value::Optional(old))
                }
                "oldSelf" => pair.old.map(|old| value::lift(old, decl)),
                _ => None,
            }
        };
        let named = rule.named();
        match self.run(program, &variables) {
            Ran::OutOfBudget => {
                self.fail(rules, path, OUT_OF_BUDGET.into());
                return Err(Spent);
            }
            Ran::Failed(fault @ EvalError::Cancelled) => {
                self.fail(rules, path, format!("'{fault}': no further validation rules will be run due to call cost exceeds limit for rule: {named}"));
                return Err(Spent);
            }
            Ran::Failed(fault) if fault.to_string().starts_with("no such overload") => {
                self.fail(rules, path, format!("'{fault}': call arguments did not match a supported operator, function or macro signature for rule: {named}"));
            }
            Ran::Failed(fault) => {
                self.fail(rules, path, format!("{fault} evaluating rule: {named}"))
            }
            Ran::Bool(true) => {}
            Ran::Bool(false) | Ran::Text(_) | Ran::Other => {
                let at = match (rule.field_path.as_str(), path) {
                    ("", path) => path.to_owned(),
                    (below, "<nil>") => below.to_owned(),
                    (below, path) => format!("{path}.{below}"),
                };
                let excused = !rule.uses_old && before.unchanged();
                let (detail, spent) = self.detail(rule, &variables);
                let cause = match spent {
                    true => invalid(&at, &json!(rules.kind), &detail),
                    false => reported(rule, rules, &at, pair.new, &detail),
                };
                if excused {
                    self.warnings.push(format!("{}: {}", cause.field, cause.message));
                } else {
                    self.causes.0.insert(cause);
                }
                if spent {
                    return Err(Spent);
                }
            }
        }
        Ok(())
    }

    fn fail(&mut self, rules: &Rules, path: &str, why: String) {
        self.causes.0.insert(invalid(path, &json!(rules.kind), &why));
    }

    fn run<'a>(
        &mut self,
        program: &'a Program,
        variables: &dyn Fn(&str) -> Option<value::Value<'a>>,
    ) -> Ran {
        let outcome = program.run(variables, PER_CALL);
        if outcome.cost > self.budget {
            return Ran::OutOfBudget;
        }
        self.budget -= outcome.cost;
        match outcome.value {
            Err(fault) => Ran::Failed(fault),
            Ok(value::Value::Bool(b)) => Ran::Bool(b),
            Ok(value::Value::String(text)) => Ran::Text(text.to_string()),
            Ok(_) => Ran::Other,
        }
    }

    /// What is said of a rule that does not hold; and whether the budget is spent by that.
    fn detail<'a>(
        &mut self,
        rule: &'a Rule,
        variables: &dyn Fn(&str) -> Option<value::Value<'a>>,
    ) -> (String, bool) {
        let otherwise = match rule.message.as_str() {
            "" => format!("failed rule: {}", rule.rule.trim()),
            message => message.trim().to_owned(),
        };
        let Some(Ok(program)) = &rule.message_program else { return (otherwise, false) };
        match self.run(program, variables) {
            Ran::OutOfBudget => (
                "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run".into(),
                true,
            ),
            Ran::Failed(EvalError::Cancelled) => (
                "no further validation rules will be run due to call cost exceeds limit for messageExpression".into(),
                true,
            ),
            Ran::Text(text) => match text.trim() {
                "" => (otherwise, false),
                text if text.len() > LONGEST_MESSAGE || text.contains('\n') => (otherwise, false),
                text => (text.to_owned(), false),
            },
            _ => (otherwise, false),
        }
    }
}

/// What came of an expression.
enum Ran {
    Bool(bool),
    Text(String),
    Other,
    Failed(EvalError),
    OutOfBudget,
}

fn invalid(path: &str, value: &Value, why: &str) -> Cause {
    let message = format!("Invalid value: {value}: {why}");
    Cause { reason: "FieldValueInvalid", message, field: path.into() }
}

/// A broken rule as its reason wants it reported.
fn reported(rule: &Rule, rules: &Rules, path: &str, value: &Value, detail: &str) -> Cause {
    let whole = matches!(rules.kind.as_str(), "object" | "array");
    let (reason, message) = match rule.reason.as_str() {
        "FieldValueForbidden" => ("FieldValueForbidden", format!("Forbidden: {detail}")),
        "FieldValueRequired" => ("FieldValueRequired", format!("Required value: {detail}")),
        "FieldValueDuplicate" if whole => ("FieldValueDuplicate", "Duplicate value".into()),
        "FieldValueDuplicate" => ("FieldValueDuplicate", format!("Duplicate value: {value}")),
        _ if whole => ("FieldValueInvalid", format!("Invalid value: {detail}")),
        _ => ("FieldValueInvalid", format!("Invalid value: {value}: {detail}")),
    };
    Cause { reason, message, field: path.into() }
}

/// Whether what was found before keeps rules from being run at all.
pub fn block(causes: &Causes) -> bool {
    const BLOCKING: [&str; 5] = [
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    ];
    causes.0.iter().any(|c| BLOCKING.contains(&c.reason))
}
