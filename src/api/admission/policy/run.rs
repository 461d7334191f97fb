//! The expressions of a policy, evaluated on a request.
//! Source: k8s.io/apiserver `pkg/admission/plugin/policy/validating/validator.go`,
//! `pkg/admission/plugin/cel`.

use super::{
    super::{
        super::write::Attempt,
        webhooks::{Fit, Subject, review_request},
    },
    Policy,
};
use crate::{
    access,
    api::Caller,
    cel::{self, Authorizer, Check, Fault, Opaque, PER_CALL, value},
    kinds::expressions::{Expression, NAMESPACE, REQUEST, Validation},
    object::{ObjectExt, Value},
};
use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

/// Most that the expressions of one binding may cost.
const PER_BINDING: u64 = 10_000_000;
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

/// What expressions see of a request.
pub struct Given<'a> {
    attempt: &'a Attempt<'a>,
    object: Cow<'a, Value>,
    old: Cow<'a, Value>,
    request: Value,
    namespace: Value,
}

impl<'a> Given<'a> {
    /// What is to be seen.
    pub fn new(
        attempt: &'a Attempt<'a>,
        subject: &Subject<'_>,
        fit: &Fit,
        object: Cow<'a, Value>,
        old: Cow<'a, Value>,
    ) -> Given<'a> {
        let mut request = review_request("", attempt, fit, subject, &object, &old);
        for field in ["uid", "object", "oldObject"] {
            request.remove_at(field);
        }
        let own = attempt.request.kind.resource() == "namespaces";
        let name = if own { "" } else { subject.namespace() };
        let stored = attempt.snapshot.get("namespaces", "", name).filter(|_| !name.is_empty());
        let mut namespace = stored.map_or(Value::Null, |e| e.value());
        if let Some(uid) = namespace.remove_at("metadata.uid") {
            namespace.set_at("metadata.UID", uid);
        }
        Given { attempt, object, old, request, namespace }
    }

    /// Who is asked about rights.
    fn ask(&self, check: &Check) -> cel::Decision {
        let request = self.attempt.request;
        let account = check.account.as_ref().map(|name| {
            let namespace = name.split(':').nth(2).unwrap_or_default();
            Caller {
                name: name.clone(),
                groups: vec![
                    "system:serviceaccounts".into(),
                    format!("system:serviceaccounts:{namespace}"),
                    "system:authenticated".into(),
                ],
                ..Caller::default()
            }
        });
        let attributes = access::Attributes {
            verb: &check.verb,
            group: &check.group,
            resource: &check.resource,
            sub: &check.subresource,
            namespace: &check.namespace,
            name: &check.name,
            path: check.path.as_deref().unwrap_or_default(),
        };
        let caller = account.as_ref().unwrap_or(&request.caller);
        let server = self.attempt.server;
        let found = server.access.authorizer.authorize(self.attempt.snapshot, caller, &attributes);
        cel::Decision { allowed: found.allowed, reason: found.reason, error: String::new() }
    }

    /// The check of the request's own resource.
    fn own(&self) -> Check {
        let request = self.attempt.request;
        Check {
            group: request.kind.group.to_string(),
            resource: request.kind.plural.to_string(),
            subresource: request.sub.to_owned(),
            namespace: request.namespace.clone(),
            name: request.name.clone(),
            ..Check::default()
        }
    }
}

/// One run over a policy's expressions.
struct Run<'a> {
    given: &'a Given<'a>,
    params: &'a Value,
    ask: &'a dyn Fn(&Check) -> cel::Decision,
    variables: Rc<HashMap<String, Result<value::Value<'a>, Fault>>>,
    budget: Cell<u64>,
}

impl<'a> Run<'a> {
    fn value(&self, name: &str) -> Option<value::Value<'a>> {
        let whole = |json: &'a Value| value::lift(json, None);
        Some(match name {
            "object" => whole(&self.given.object),
            "oldObject" => whole(&self.given.old),
            "params" => whole(self.params),
            "request" => value::lift(&self.given.request, Some(&REQUEST)),
            "namespaceObject" => value::lift(&self.given.namespace, Some(&NAMESPACE)),
            "authorizer" => Opaque::Authorizer(Authorizer::new(self.ask)).into(),
            "authorizer.requestResource" => {
                cel::request_resource(&Authorizer::new(self.ask), self.given.own())
            }
            "variables" => Opaque::Fields(Rc::clone(&self.variables)).into(),
            _ => return None,
        })
    }

    /// Evaluates an expression; the text says what went wrong.
    fn eval(&self, expression: &'a Expression) -> Result<value::Value<'a>, String> {
        let text = &expression.text;
        let program = match &expression.program {
            Ok(program) => program,
            Err(why) => return Err(format!("compilation error: {why}")),
        };
        let outcome = program.run(&|name| self.value(name), PER_CALL);
        let Some(rest) = self.budget.get().checked_sub(outcome.cost) else {
            return Err(
                "validation failed due to running out of cost budget, no further validation rules will be run".into(),
            );
        };
        self.budget.set(rest);
        outcome.value.map_err(|fault| format!("expression '{text}' resulted in error: {fault}"))
    }

    /// Evaluates the variables; what goes wrong counts where they are used.
    fn name_variables(&mut self, policy: &'a Policy) {
        for (name, expression) in &policy.expressions.variables {
            let found = match &expression.program {
                Ok(program) => program.run(&|name| self.value(name), PER_CALL).value,
                Err(why) => Err(Fault::error(why.as_str())),
            };
            let found = found.map_err(|fault| match fault {
                Fault::Error(why) => {
                    let text = &expression.text;
                    Fault::error(format!("composited variable \"{name}\" fails to evaluate: expression '{text}' resulted in error: {why}"))
                }
                cancelled => cancelled,
            });
            Rc::make_mut(&mut self.variables).insert(name.clone(), found);
        }
    }

    /// Whether the policy counts: all conditions must hold; one that does not outweighs errors.
    fn counts(&self, policy: &'a Policy) -> Result<bool, String> {
        let mut fault = None;
        for condition in &policy.expressions.conditions {
            match self.eval(condition) {
                Ok(value::Value::Bool(true)) => {}
                Ok(_) => return Ok(false),
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        fault.map_or(Ok(true), Err)
    }

    fn message(&self, validation: &'a Validation) -> String {
        let made = validation.message.as_ref().and_then(|e| self.eval(e).ok());
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
}

/// What a policy has against a request, and what it has to note about it.
pub fn decide(
    policy: &Policy,
    given: &Given<'_>,
    params: &Value,
    said: &mut Said,
) -> Vec<Decision> {
    let ask = |check: &Check| given.ask(check);
    let mut run =
        Run { given, params, ask: &ask, variables: Rc::default(), budget: Cell::new(PER_BINDING) };
    let mut found = Vec::new();
    let failed = |found: &mut Vec<Decision>, message: String, always: bool| {
        if policy.fails {
            found.push(Decision { message, reason: String::new(), index: 0, always });
        }
    };
    match run.counts(policy) {
        Ok(true) => {}
        Ok(false) => return found,
        Err(why) => {
            failed(&mut found, why, false);
            return found;
        }
    }
    run.name_variables(policy);
    for (index, validation) in policy.expressions.validations.iter().enumerate() {
        match run.eval(&validation.rule) {
            Ok(value::Value::Bool(true)) => {}
            Ok(_) => found.push(Decision {
                message: run.message(validation),
                reason: validation.reason.clone(),
                index,
                always: false,
            }),
            Err(why) => failed(&mut found, why, false),
        }
    }
    for (key, annotation) in policy.keys.iter().zip(&policy.expressions.annotations) {
        match run.eval(annotation) {
            Ok(value::Value::String(text)) => note(said, policy, key, text.trim()),
            Ok(_) => {}
            Err(why) => failed(&mut found, why, true),
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
