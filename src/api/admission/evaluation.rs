//! The expressions of policies and webhooks, evaluated on a request.
//! Source: k8s.io/apiserver `pkg/admission/plugin/cel`, `pkg/admission/plugin/webhook/matchconditions`.

use super::{
    super::write::Attempt,
    webhooks::{Fit, Subject, review_request},
};
use crate::{
    access,
    api::Caller,
    cel::{self, Authorizer, Check, EvalError, Opaque, PER_CALL, value},
    kinds::expressions::{Expression, NAMESPACE, REQUEST},
    object::{ObjectExt, Value},
};
use std::{borrow::Cow, cell::Cell, collections::HashMap, rc::Rc};

/// Most that the expressions of one binding may cost.
pub const PER_BINDING: u64 = 10_000_000;
/// Most that the conditions of one policy or webhook may cost.
const PER_CONDITIONS: u64 = 2_500_000;

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
    pub fn ask(&self, check: &Check) -> cel::Decision {
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

    /// The object as it is seen.
    pub fn object(&self) -> &Value {
        &self.object
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

/// Why there is no value.
pub enum Miss {
    /// The budget is spent: nothing more is evaluated.
    Spent,
    /// What is wrong with this expression.
    Failed(String),
}

impl Miss {
    /// What is said of it.
    pub fn text(self) -> String {
        match self {
            Miss::Spent => "validation failed due to running out of cost budget, no further validation rules will be run".into(),
            Miss::Failed(why) => why,
        }
    }
}

/// One run over expressions, within one budget.
pub struct Run<'a> {
    given: &'a Given<'a>,
    /// `null` for conditions, which upstream shows no namespace.
    namespace: &'a Value,
    params: &'a Value,
    ask: &'a dyn Fn(&Check) -> cel::Decision,
    variables: Rc<HashMap<String, Result<value::Value<'a>, EvalError>>>,
    budget: Cell<u64>,
}

impl<'a> Run<'a> {
    /// A run with these parameters.
    pub fn new(
        given: &'a Given<'a>,
        params: &'a Value,
        ask: &'a dyn Fn(&Check) -> cel::Decision,
    ) -> Run<'a> {
        let (namespace, budget) = (&given.namespace, Cell::new(PER_BINDING));
        Run { given, namespace, params, ask, variables: Rc::default(), budget }
    }

    fn value(&self, name: &str) -> Option<value::Value<'a>> {
        let whole = |json: &'a Value| value::lift(json, None);
        Some(match name {
            "object" => whole(&self.given.object),
            "oldObject" => whole(&self.given.old),
            "params" => whole(self.params),
            "request" => value::lift(&self.given.request, Some(&REQUEST)),
            "namespaceObject" => value::lift(self.namespace, Some(&NAMESPACE)),
            "authorizer" => Opaque::Authorizer(Authorizer::new(self.ask)).into(),
            "authorizer.requestResource" => {
                cel::request_resource(&Authorizer::new(self.ask), self.given.own())
            }
            "variables" => Opaque::Fields(Rc::clone(&self.variables)).into(),
            _ => return None,
        })
    }

    /// Evaluates an expression.
    ///
    /// # Errors
    /// Why it has no value.
    pub fn eval(&self, expression: &'a Expression) -> Result<value::Value<'a>, Miss> {
        let text = &expression.text;
        let program = match &expression.program {
            Ok(program) => program,
            Err(why) => return Err(Miss::Failed(format!("compilation error: {why}"))),
        };
        let outcome = program.run(&|name| self.value(name), PER_CALL);
        let Some(rest) = self.budget.get().checked_sub(outcome.cost) else {
            return Err(Miss::Spent);
        };
        self.budget.set(rest);
        outcome.value.map_err(|fault| {
            Miss::Failed(format!("expression '{text}' resulted in error: {fault}"))
        })
    }

    /// Evaluates variables; what goes wrong counts where they are used.
    pub fn name_variables(&mut self, variables: &'a [(String, Expression)]) {
        for (name, expression) in variables {
            let found = match &expression.program {
                Ok(program) => program.run(&|name| self.value(name), PER_CALL).value,
                Err(why) => Err(EvalError::error(why.as_str())),
            };
            let found = found.map_err(|fault| match fault {
                EvalError::Error(why) => {
                    let text = &expression.text;
                    EvalError::error(format!("composited variable \"{name}\" fails to evaluate: expression '{text}' resulted in error: {why}"))
                }
                cancelled => cancelled,
            });
            Rc::make_mut(&mut self.variables).insert(name.clone(), found);
        }
    }
}

/// Whether conditions let somebody be asked: all must hold; one that does not outweighs faults.
///
/// # Errors
/// What is wrong with those that have no value.
pub fn hold(conditions: &[Expression], given: &Given<'_>, params: &Value) -> Result<bool, String> {
    if conditions.is_empty() {
        return Ok(true);
    }
    let ask = |check: &Check| given.ask(check);
    let run = Run {
        namespace: &Value::Null,
        budget: Cell::new(PER_CONDITIONS),
        ..Run::new(given, params, &ask)
    };
    let (mut all, mut faults) = (true, Vec::new());
    for condition in conditions {
        match run.eval(condition) {
            Ok(value::Value::Bool(false)) => all = false,
            Ok(_) => {}
            Err(Miss::Failed(why)) if faults.contains(&why) => {}
            Err(Miss::Failed(why)) => faults.push(why),
            Err(spent) => return Err(spent.text()),
        }
    }
    match faults.as_slice() {
        _ if !all => Ok(false),
        [] => Ok(true),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}
