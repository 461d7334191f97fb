//! The authorizer that policies ask. Source: k8s.io/apiserver `pkg/cel/library/authz.go`.

use super::{Found, Opaque};
use crate::cel::value::{Value, text};
use std::rc::Rc;

/// Who is asked: the answers are the caller's.
#[derive(Clone)]
pub struct Authorizer<'a> {
    ask: &'a dyn Fn(&Check) -> Decision,
    /// The service account that is asked about, in place of who sent the request.
    account: Option<Rc<str>>,
}

impl std::fmt::Debug for Authorizer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorizer").field("account", &self.account).finish_non_exhaustive()
    }
}

impl<'a> Authorizer<'a> {
    /// An authorizer that asks a function.
    pub fn new(ask: &'a dyn Fn(&Check) -> Decision) -> Authorizer<'a> {
        Authorizer { ask, account: None }
    }
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Check {
    /// A service account by its user name; the request's user if there is none.
    pub account: Option<String>,
    /// A path that is no resource's.
    pub path: Option<String>,
    pub verb: String,
    pub group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Decision {
    pub allowed: bool,
    pub reason: String,
    pub error: String,
}

/// A check of a resource, as `authorizer.requestResource` is one.
pub fn request_resource<'a>(authorizer: &Authorizer<'a>, check: Check) -> Value<'a> {
    Opaque::ResourceCheck(authorizer.clone(), Rc::new(check)).into()
}

pub(super) fn call<'a>(function: &str, this: &Opaque<'a>, args: &[Value<'a>]) -> Found<'a> {
    let word = |i: usize| match args.get(i) {
        Some(Value::String(text)) => text.to_string(),
        _ => String::new(),
    };
    Ok(Some(match (this, function) {
        (Opaque::Authorizer(of), "path") => Opaque::PathCheck(of.clone(), word(1).into()).into(),
        (Opaque::Authorizer(of), "group") => Opaque::GroupCheck(of.clone(), word(1).into()).into(),
        (Opaque::Authorizer(of), "serviceAccount") => {
            let account = format!("system:serviceaccount:{}:{}", word(1), word(2));
            Opaque::Authorizer(Authorizer { ask: of.ask, account: Some(account.into()) }).into()
        }
        (Opaque::PathCheck(of, path), "check") => {
            asked(of, Check { path: Some(path.to_string()), verb: word(1), ..Check::default() })
        }
        (Opaque::GroupCheck(of, group), "resource") => request_resource(
            of,
            Check { group: group.to_string(), resource: word(1), ..Check::default() },
        ),
        (Opaque::ResourceCheck(of, check), _) => {
            let mut check = (**check).clone();
            match function {
                "check" => {
                    check.verb = word(1);
                    return Ok(Some(asked(of, check)));
                }
                "subresource" => check.subresource = word(1),
                "namespace" => check.namespace = word(1),
                "name" => check.name = word(1),
                // Roles know no selectors: what is asked for less is answered as for all.
                "fieldSelector" | "labelSelector" => {}
                _ => return Ok(None),
            }
            request_resource(of, check)
        }
        (Opaque::Decision(decision), "allowed") => Value::Bool(decision.allowed),
        (Opaque::Decision(decision), "reason") => text(decision.reason.as_str()),
        (Opaque::Decision(decision), "errored") => Value::Bool(!decision.error.is_empty()),
        (Opaque::Decision(decision), "error") => text(decision.error.as_str()),
        _ => return Ok(None),
    }))
}

fn asked<'a>(of: &Authorizer<'a>, mut check: Check) -> Value<'a> {
    check.account = of.account.as_deref().map(str::to_owned);
    Opaque::Decision(Rc::new((of.ask)(&check))).into()
}
