//! What a validating policy's expressions have against a request.
//! Source: k8s.io/apiserver `pkg/admission/plugin/policy/validating/validator.go`.

use super::{
    super::evaluation::{Given, Run, hold},
    Policy,
};
use crate::{
    cel::{Check, value},
    kinds::expressions::Validation,
    object::Value,
};
use std::collections::BTreeMap;

/// Most bytes of a message that an expression makes.
const LONGEST_MESSAGE: usize = 5 << 10;

/// A decision against the request.
pub struct Decision {
    /// Why.
    pub message: String,
    /// The reason of the Status; may be empty.
    pub reason: String,
    /// Which of the policy's validations says so.
    pub index: usize,
    /// Whether it counts whatever the binding makes of others.
    pub always: bool,
}

/// What policies note about a request, by policy and key.
pub type Said = BTreeMap<(String, String), Vec<String>>;

/// Most bytes of a note.
const LONGEST_NOTE: usize = 10 << 10;

/// What is said of a validation that does not hold.
fn message<'a>(run: &Run<'a>, validation: &'a Validation) -> String {
    let made = validation.message.as_ref().and_then(|e| run.eval(e).ok());
    if let Some(value::Value::String(text)) = made {
        let text = text.trim();
        if !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n') {
            return text.to_owned();
        }
    }
    match validation.fixed.as_str() {
        "" => format!("failed expression: {}", validation.rule.text.trim()),
        fixed => fixed.to_owned(),
    }
}

/// What a policy has against a request, and what it has to note about it.
pub fn decide(
    policy: &Policy,
    given: &Given<'_>,
    params: &Value,
    said: &mut Said,
) -> Vec<Decision> {
    let ask = |check: &Check| given.ask(check);
    let mut run = Run::new(given, params, &ask);
    let mut found = Vec::new();
    let failed = |found: &mut Vec<Decision>, message: String, always: bool| {
        if policy.fails {
            found.push(Decision { message, reason: String::new(), index: 0, always });
        }
    };
    match hold(&policy.expressions.conditions, given, params) {
        Ok(true) => {}
        Ok(false) => return found,
        Err(why) => {
            failed(&mut found, why, false);
            return found;
        }
    }
    run.name_variables(&policy.expressions.variables);
    for (index, validation) in policy.expressions.validations.iter().enumerate() {
        match run.eval(&validation.rule) {
            Ok(value::Value::Bool(true)) => {}
            Ok(_) => found.push(Decision {
                message: message(&run, validation),
                reason: validation.reason.clone(),
                index,
                always: false,
            }),
            Err(why) => failed(&mut found, why.text(), false),
        }
    }
    for (key, annotation) in policy.keys.iter().zip(&policy.expressions.annotations) {
        match run.eval(annotation) {
            Ok(value::Value::String(text)) => note(said, policy, key, text.trim()),
            Ok(_) => {}
            Err(why) => failed(&mut found, why.text(), true),
        }
    }
    found
}

/// Keeps a note that says anything and was not made before.
fn note(said: &mut Said, policy: &Policy, key: &str, text: &str) {
    let end = (0..=text.len().min(LONGEST_NOTE)).rev().find(|i| text.is_char_boundary(*i));
    let text = &text[..end.unwrap_or(0)];
    let noted = said.entry((policy.name.clone(), key.to_owned())).or_default();
    if !text.is_empty() && !noted.iter().any(|n| n == text) {
        noted.push(text.to_owned());
    }
}
