//! Fills the secrets in which somebody asks for a lasting token of a service account, and removes those
//! whose account is gone.
//! Source: kube-controller-manager `pkg/controller/serviceaccount/tokens_controller.go`, and OpenShift's
//! addition of the authority of services.

use crate::{
    access::legacy::{self, ACCOUNT, ACCOUNT_UID, SECRET_TYPE},
    api::{Body, Caller, Options, Request, Server, Verb},
    error::Error,
    kinds,
    object::{ObjectExt, Value, json},
    store::{Entry, Snapshot},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{collections::BTreeSet, sync::Arc};

const SECRETS: &str = "secrets";
const ACCOUNTS: &str = "serviceaccounts";
/// As whom it is done.
const USER: &str = "system:kube-controller-manager";
/// As whom fields are written.
const MANAGER: &str = "kube-controller-manager";

/// Looks at secrets as they come and change, and at all that hold tokens when accounts do, as long as
/// the server runs.
pub async fn tend(server: Arc<Server>) {
    let feed = server.store.feed();
    let (mut secrets, mut accounts) = (feed.signal(SECRETS), feed.signal(ACCOUNTS));
    let (mut known, mut reached) = (BTreeSet::<Arc<str>>::new(), 0);
    let mut again = true;
    loop {
        let snapshot = server.store.snapshot();
        let new = snapshot.list(SECRETS, "").filter(|entry| entry.rev > reached);
        let new: Vec<Arc<Entry>> = new.filter(|entry| is_token(&entry.lean())).cloned().collect();
        reached = snapshot.rev;
        known.extend(new.iter().map(|entry| Arc::clone(&entry.key)));
        let find = |key: &Arc<str>| snapshot.get_key(SECRETS, key).cloned();
        known.retain(|key| find(key).is_some());
        let all = if again { known.iter().filter_map(find).collect() } else { new };
        for entry in all {
            let done = tend_one(&server, &snapshot, &entry).await;
            // Who has changed meanwhile is looked at again.
            if let Err(error) = done {
                tracing::debug!(%error, secret = &*entry.key, "a token is not written");
            }
        }
        tokio::select! {
            biased;
            alive = secrets.changed() => if alive.is_err() { return } else { again = false },
            alive = accounts.changed() => if alive.is_err() { return } else { again = true },
        }
    }
}

fn is_token(secret: &Value) -> bool {
    secret.str_at("type") == SECRET_TYPE
}

/// Completes one secret, or removes it when its account is not there.
async fn tend_one(
    server: &Arc<Server>,
    snapshot: &Snapshot,
    entry: &Arc<Entry>,
) -> Result<(), Error> {
    let mut secret = entry.value();
    let name = secret.annotation(ACCOUNT).unwrap_or_default().to_owned();
    if entry.meta.deleting || !is_token(&secret) || name.is_empty() {
        return Ok(());
    }
    let said = secret.annotation(ACCOUNT_UID).unwrap_or_default();
    let account = snapshot.get(ACCOUNTS, &entry.meta.namespace, &name);
    let account = account.filter(|a| said.is_empty() || *a.meta.uid == *said);
    let Some(account) = account else {
        let mut options = options();
        options.precondition_uid = entry.meta.uid.to_string();
        return send(server, entry, Verb::Delete, options, Body::Empty).await;
    };
    if !complete(server, &mut secret, account)? {
        return Ok(());
    }
    send(server, entry, Verb::Update, options(), Body::Object(secret, Vec::new())).await
}

/// Adds what a secret lacks; answers whether it was anything.
fn complete(server: &Server, secret: &mut Value, account: &Entry) -> Result<bool, Error> {
    let (namespace, name, uid) =
        (&*account.meta.namespace, &*account.meta.name, &*account.meta.uid);
    let before = secret.clone();
    if !secret["data"].is_object() {
        secret["data"] = json!({});
    }
    let authority = STANDARD.encode(&server.settings.ca_pem);
    for key in ["ca.crt", "service-ca.crt"] {
        secret["data"][key] = json!(authority);
    }
    let lacks = |secret: &Value, key: &str| secret["data"].get(key).is_none_or(|v| *v == "");
    if lacks(secret, "namespace") {
        secret["data"]["namespace"] = json!(STANDARD.encode(namespace));
    }
    if lacks(secret, "token") {
        let claims = legacy::claims((namespace, name, uid), secret.name());
        let token = server.access.signer.sign(&claims)?;
        secret["data"]["token"] = json!(STANDARD.encode(token));
    }
    secret.set_annotation(ACCOUNT, name);
    secret.set_annotation(ACCOUNT_UID, uid);
    Ok(*secret != before)
}

fn options() -> Options {
    Options { field_manager: MANAGER.into(), ..Options::default() }
}

async fn send(
    server: &Arc<Server>,
    entry: &Entry,
    verb: Verb,
    options: Options,
    body: Body,
) -> Result<(), Error> {
    let request = Request {
        caller: Arc::new(Caller::component(USER)),
        verb,
        kind: kinds::by_resource(SECRETS).ok_or(Error::NoSuchPath)?,
        sub: "",
        namespace: entry.meta.namespace.to_string(),
        name: entry.meta.name.to_string(),
        options,
        body,
    };
    server.call(request).await.map(drop)
}
