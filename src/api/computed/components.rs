//! `componentstatuses`: the parts of the control plane. They live in this process: who gets an
//! answer has them all.
//! Source: kubernetes `pkg/registry/core/componentstatus`.

use super::{Handled, answer};
use crate::{
    api::{Answer, Item, List, Request, Response, Server, Verb},
    error::Error,
    object::{Meta, ObjectExt, Value, json},
};
use futures_util::future::{FutureExt, ready};
use std::sync::Arc;

/// Name, and what its health endpoint says.
const PARTS: [(&str, &str); 3] =
    [("controller-manager", "ok"), ("etcd-0", "ok"), ("scheduler", "ok")];

/// Reads one part or all.
pub fn components(server: Arc<Server>, request: Request) -> Handled {
    ready(read(&server, &request)).boxed_local()
}

fn read(server: &Server, request: &Request) -> Result<Answer, Error> {
    if request.verb == Verb::Get {
        let part = PARTS.iter().find(|(name, _)| *name == request.name);
        let missing = || Error::not_found(request.kind.resource(), &request.name);
        return part.map(|p| answer(200, status(p))).ok_or_else(missing);
    }
    let (labels, fields) = (&request.options.labels, &request.options.fields);
    let selected = |o: &Value| {
        labels.matches_meta(&Meta::of(o)) && fields.matches(|path| o.str_at(path).to_owned())
    };
    let items = PARTS.iter().map(status).filter(selected).map(Item::Value).collect();
    let rev = server.store.snapshot().rev;
    let list = List { rev, continue_token: String::new(), remaining: None, items };
    Ok(Response::List(list).into())
}

fn status((name, message): &(&str, &str)) -> Value {
    json!({
        "kind": "ComponentStatus", "apiVersion": "v1",
        "metadata": {"name": name, "creationTimestamp": null},
        "conditions": [{"type": "Healthy", "status": "True", "message": message}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_healthy() {
        for part in &PARTS {
            let o = status(part);
            assert_eq!(o.str_at("metadata.name"), part.0);
            assert_eq!(o["conditions"][0]["status"], "True");
        }
    }
}
