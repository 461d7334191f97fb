//! Tokens: TokenRequest for service accounts, and the OAuth tokens a user sees as his own.
//! Sources: k8s.io/kubernetes `pkg/registry/core/serviceaccount/storage/token.go`,
//! openshift/oauth-apiserver `pkg/oauth/apiserver/registry/useroauthaccesstokens`.

use super::{Handled, answer, ordinary};
use crate::{
    access::authn::ACCESS_TOKENS,
    api::{
        Answer, Body, Event, Item, List, Request, Response, Server, Verb,
        write::{Attempt, Draft, lists},
    },
    error::{Causes, Error},
    kinds,
    object::{ObjectExt, Value, json, time},
    store::Entry,
};
use futures_util::{StreamExt, future::FutureExt};
use std::sync::Arc;

const DEFAULT_SECONDS: i64 = 3600;
const MIN_SECONDS: i64 = 600;
const MAX_SECONDS: i64 = 1 << 32;

/// `serviceaccounts/token`.
pub fn request(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let Body::Object(body, _) = &request.body else {
            return Err(Error::BadRequest("a request body is required".into()));
        };
        let snapshot = server.store.snapshot();
        let mut draft = Draft::of(body.clone());
        Attempt::create(&server, &request, &snapshot).run(lists::PASSING, &mut draft).await?;
        let body = &draft.object;
        let (namespace, name) = (request.namespace.as_str(), request.name.as_str());
        let account = snapshot
            .get("serviceaccounts", namespace, name)
            .ok_or_else(|| Error::not_found("serviceaccounts", name))?;
        let seconds = body.i64_at("spec.expirationSeconds").unwrap_or(DEFAULT_SECONDS);
        check_seconds(seconds)?;
        let audiences = match body.list_at("spec.audiences") {
            [] => json!(server.access.signer.audiences()),
            some => json!(some),
        };
        let now = server.world.clock.now();
        let expires = time::plus_seconds(now, seconds);
        let mut private = json!({
            "namespace": namespace,
            "serviceaccount": {"name": name, "uid": account.meta.uid},
        });
        let bound = body.at("spec.boundObjectRef").filter(|v| v.is_object());
        if let Some(bound) = bound {
            let object = bound_object(&server, namespace, name, bound)?;
            let key = bound.str_at("kind").to_lowercase();
            private.set_at(&key, json!({"name": object.meta.name, "uid": object.meta.uid}));
            let node = object.value().str_at("spec.nodeName").to_owned();
            // A pod's token says where the pod runs.
            if key == "pod"
                && let Some(node) = snapshot.get("nodes", "", &node)
            {
                private["node"] = json!({"name": node.meta.name, "uid": node.meta.uid});
            }
        }
        let id = server.world.entropy.of(&["tokens", namespace, name]).uuid();
        let note = "authentication.kubernetes.io/issued-credential-id";
        request.options.notes.add(note, format!("JTI={id}"));
        let claims = json!({
            "aud": audiences, "exp": expires.as_second(), "iat": now.as_second(),
            "iss": server.access.signer.issuer(), "jti": id, "kubernetes.io": private,
            "nbf": now.as_second(), "sub": format!("system:serviceaccount:{namespace}:{name}"),
        });
        let token = server.access.signer.sign(&claims)?;
        let mut done = answer(
            201,
            json!({
                "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
                "metadata": {
                    "name": name, "namespace": namespace, "creationTimestamp": time::seconds(now),
                },
                "spec": {
                    "audiences": audiences, "boundObjectRef": bound, "expirationSeconds": seconds,
                },
                "status": {"expirationTimestamp": time::seconds(expires), "token": token},
            }),
        );
        done.warnings = draft.warnings();
        Ok(done)
    }
    .boxed_local()
}

fn check_seconds(seconds: i64) -> Result<(), Error> {
    let mut causes = Causes::default();
    let path = "spec.expirationSeconds";
    if seconds < MIN_SECONDS {
        causes.invalid(path, &json!(seconds), "may not specify a duration less than 10 minutes");
    }
    if seconds > MAX_SECONDS {
        causes.invalid(
            path,
            &json!(seconds),
            "may not specify a duration larger than 2^32 seconds",
        );
    }
    if causes.is_empty() {
        return Ok(());
    }
    let kind = "TokenRequest.authentication.k8s.io".into();
    Err(Error::Invalid { kind, name: String::new(), causes: causes.into_vec() })
}

/// The object a token is to end with.
fn bound_object(
    server: &Server,
    namespace: &str,
    account: &str,
    bound: &Value,
) -> Result<Arc<Entry>, Error> {
    let (kind, name) = (bound.str_at("kind"), bound.str_at("name"));
    let (resource, home) = match kind {
        "Pod" => ("pods", namespace),
        "Secret" => ("secrets", namespace),
        "Node" => ("nodes", ""),
        _ => {
            return Err(Error::BadRequest(format!(
                "cannot bind token to object of type {} {kind:?}",
                bound.str_at("apiVersion")
            )));
        }
    };
    let snapshot = server.store.snapshot();
    let object = snapshot.get(resource, home, name);
    let object = object.ok_or_else(|| Error::not_found(resource, name))?;
    let uid = bound.str_at("uid");
    if !uid.is_empty() && *object.meta.uid != *uid {
        return Err(Error::Conflict {
            resource: resource.into(),
            name: name.into(),
            why: format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
            ),
        });
    }
    if kind == "Pod" && object.value().str_at("spec.serviceAccountName") != account {
        return Err(Error::BadRequest(format!(
            "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
        )));
    }
    Ok(Arc::clone(object))
}

/// `useroauthaccesstokens`: the caller's own OAuth tokens.
pub fn own(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let caller = Arc::clone(&request.caller);
        let is_own = move |token: &Value| {
            token.str_at("userName") == caller.name && token.str_at("userUID") == caller.uid
        };
        let missing = || Error::not_found(request.kind.resource(), &request.name);
        match request.verb {
            Verb::Get => {
                let snapshot = server.store.snapshot();
                let token = snapshot.get(ACCESS_TOKENS, "", &request.name).map(|e| e.value());
                let token = token.filter(is_own).ok_or_else(missing)?;
                Ok(answer(200, shown(token)))
            }
            Verb::Delete => {
                let snapshot = server.store.snapshot();
                let token = snapshot.get(ACCESS_TOKENS, "", &request.name).map(|e| e.value());
                token.filter(is_own).ok_or_else(missing)?;
                ordinary(server, behind(&request)?).await
            }
            Verb::List => {
                let answer = ordinary(server, behind(&request)?).await?;
                let Response::List(list) = answer.response else { return Ok(answer) };
                let own = list.items.iter().map(Item::value).filter(is_own);
                let items = own.map(|t| Item::Value(shown(t))).collect();
                Ok(Response::List(List { items, remaining: None, ..list }).into())
            }
            Verb::Watch => {
                let answer = ordinary(server, behind(&request)?).await?;
                let Response::Watch(events) = answer.response else { return Ok(answer) };
                let keep = move |item: Item| {
                    Some(item.value()).filter(&is_own).map(|t| Item::Value(shown(t)))
                };
                let events = events.filter_map(move |event| {
                    let kept = match event {
                        Event::Added(i) => keep(i).map(Event::Added),
                        Event::Modified(i) => keep(i).map(Event::Modified),
                        Event::Deleted(i) => keep(i).map(Event::Deleted),
                        other => Some(other),
                    };
                    std::future::ready(kept)
                });
                Ok(Answer::from(Response::Watch(Box::pin(events))))
            }
            _ => Err(Error::MethodNotAllowed),
        }
    }
    .boxed_local()
}

/// The same request for the stored tokens.
fn behind(request: &Request) -> Result<Request, Error> {
    let kind = kinds::by_resource(ACCESS_TOKENS).ok_or(Error::NoSuchPath)?;
    Ok(Request { kind, ..request.clone() })
}

fn shown(mut token: Value) -> Value {
    token.set_at("kind", "UserOAuthAccessToken");
    token
}
