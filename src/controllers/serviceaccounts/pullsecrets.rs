//! Keeps one pull secret of the internal registry per service account, and the account's
//! references to it.
//! Source: openshift-controller-manager `pkg/internalregistry/controllers`.
//!
//! The secret starts without credentials, as upstream's does until a token was requested for it.

use super::lives;
use crate::{
    api::PatchType,
    controllers::{Controller, Plan, View, Watch, Write},
    object::{ObjectExt, Value, json, name},
    store::{Change, Entry},
};
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "serviceaccount-pull-secrets-controller",
    manager: "openshift.io/image-registry-pull-secrets_service-account-controller",
    watches: &[Watch::Itself("serviceaccounts"), Watch::Map("secrets", its_account)],
    reconcile,
    ..Controller::BASE
};

/// On the secret: whose it is.
const OF_ACCOUNT: &str = "openshift.io/internal-registry-auth-token.service-account";
/// On the account: which secret.
const SECRET_REF: &str = "openshift.io/internal-registry-pull-secret-ref";
const DOCKERCFG: &str = "kubernetes.io/dockercfg";
/// Longest name a generated suffix is put behind.
const MAX_PREFIX: usize = 58;

fn its_account(_: &View, change: &Change) -> Vec<String> {
    let news = change.deleted || change.before.is_some();
    let secret = if news { change.entry.lean() } else { Value::Null };
    match secret.annotation(OF_ACCOUNT) {
        Some(account) if secret.str_at("type") == DOCKERCFG => {
            vec![name::key(&change.entry.meta.namespace, account)]
        }
        _ => vec![],
    }
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get("serviceaccounts", key).filter(|e| !e.meta.deleting) else {
        return Plan::none();
    };
    let namespace = &*entry.meta.namespace;
    if !lives(view, namespace) {
        return Plan::none();
    }
    let account = entry.lean();
    let secret = secret_name(view, entry, &account);
    let mut plan = Plan::none();
    if let Some(patch) = references(&account, &secret) {
        plan.write(Write::patch("serviceaccounts", entry, PatchType::Apply, patch));
    }
    plan.all(credentials(view, entry, &secret).into_iter().collect(), false);
    plan
}

/// The secret the account names, or that names the account, or a new name.
fn secret_name(view: &View, entry: &Entry, account: &Value) -> String {
    if let Some(known) = account.annotation(SECRET_REF).filter(|s| !s.is_empty()) {
        return known.to_owned();
    }
    let mine = |e: &Arc<Entry>| {
        let secret = e.lean();
        secret.str_at("type") == DOCKERCFG && secret.annotation(OF_ACCOUNT) == Some(account.name())
    };
    let mut secrets = view.objects.list("secrets", &entry.meta.namespace);
    match secrets.find(|e| mine(e)) {
        Some(secret) => secret.meta.name.to_string(),
        None => new_name(&entry.meta.name, &entry.meta.uid),
    }
}

/// `<account>-dockercfg-<5 characters>`. The uid is random already, so its hash serves.
fn new_name(account: &str, uid: &str) -> String {
    let mut prefix = format!("{account}-dockercfg-");
    if prefix.len() > MAX_PREFIX {
        let hash = format!("{:08x}", name::fnv1a(&[prefix.as_bytes()]));
        prefix = format!("{}-{hash}-", &account[..account.len().min(MAX_PREFIX - 10)]);
    }
    let mut rest = name::fnv1a(&[uid.as_bytes()]);
    let alphabet = name::SAFE_ALPHABET;
    for _ in 0..5 {
        prefix.push(alphabet[rest as usize % alphabet.len()] as char);
        rest /= alphabet.len() as u32;
    }
    prefix
}

/// What to apply to the account, if anything is missing.
fn references(account: &Value, secret: &str) -> Option<Value> {
    let named = |path: &str| account.list_at(path).iter().any(|r| r.str_at("name") == secret);
    let annotated = account.annotation(SECRET_REF) == Some(secret);
    if annotated && named("imagePullSecrets") && named("secrets") {
        return None;
    }
    // An atomic list is replaced as a whole: others' entries must be kept, at this revision.
    let mut pull = account.list_at("imagePullSecrets").to_vec();
    if !named("imagePullSecrets") {
        pull.push(json!({ "name": secret }));
    }
    Some(json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": account.name(), "namespace": account.namespace(),
            "uid": account.uid(), "annotations": {SECRET_REF: secret},
            "resourceVersion": account.str_at("metadata.resourceVersion")},
        "secrets": [{"name": secret}],
        "imagePullSecrets": pull,
    }))
}

/// Creates the secret, or gives it back to its account.
fn credentials(view: &View, entry: &Entry, name: &str) -> Option<Write> {
    let (namespace, account) = (&*entry.meta.namespace, &*entry.meta.name);
    let owner = json!({"apiVersion": "v1", "kind": "ServiceAccount", "name": account,
        "uid": &*entry.meta.uid});
    let Some(secret) = view.named("secrets", namespace, name) else {
        return Some(Write::create(
            "secrets",
            json!({
                "apiVersion": "v1", "kind": "Secret", "type": DOCKERCFG,
                "metadata": {"name": name, "namespace": namespace,
                    "annotations": {OF_ACCOUNT: account}, "ownerReferences": [owner]},
                "data": {".dockercfg": "e30="},
            }),
        ));
    };
    let mut object = secret.lean();
    let owned = secret.meta.owners.iter().any(|o| *o.uid == *entry.meta.uid);
    if secret.meta.deleting || (owned && object.annotation(OF_ACCOUNT) == Some(account)) {
        return None;
    }
    object.set_annotation(OF_ACCOUNT, account);
    let mut owners = object.list_at("metadata.ownerReferences").to_vec();
    owners.retain(|o| o.str_at("kind") != "ServiceAccount");
    owners.push(owner);
    object.set_at("metadata.ownerReferences", owners);
    Some(Write::update("secrets", object))
}
