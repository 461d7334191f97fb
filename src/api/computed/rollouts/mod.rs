//! Subresources of DeploymentConfigs that are requests of their own: `instantiate`, `rollback` and
//! `log`. Source: openshift-apiserver `pkg/apps/apiserver/registry`.

mod instantiate;
mod log;
mod rollback;

use super::Handled;
use crate::{
    api::{Request, Server, misfit},
    error::{Causes, Error},
    kinds::{Served, ServedKind},
    object::{Value, name},
};
use std::sync::Arc;

/// Answers requests for a rollout.
pub fn instantiate(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(instantiate::create(server, request))
}

/// Answers what a config would be after a rollback.
pub fn rollback(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(async move { rollback::create(&server, &request) })
}

/// Answers the log of a rollout.
pub fn log(server: Arc<Server>, request: Request) -> Handled {
    Box::pin(log::read(server, request))
}

/// The body of a request, which is of a type of its own.
fn body(server: &Server, request: &Request, kind: &'static ServedKind) -> Result<Value, Error> {
    let kind = Served::BuiltIn(kind);
    let (object, duplicates) = request.object().map_err(|_| misfit::nothing(&kind))?;
    let mut value = object.clone();
    let asked = Request { kind, sub: "", ..request.clone() };
    server.decode(&asked, &mut value, duplicates, &mut Vec::new())?;
    Ok(value)
}

/// What is wrong with the name of a config in a body; `missing` reports that it is absent.
fn check_name(text: &str, out: &mut Causes, missing: impl Fn(&mut Causes)) {
    if text.is_empty() {
        missing(out);
    } else if !name::subdomain_problems(text).is_empty() {
        out.invalid("name", &text.into(), "name of the deployment config is invalid");
    }
}
