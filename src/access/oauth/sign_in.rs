//! A user name and password against what is kept of them, and the User and Identity that a first
//! sign-in makes. Source: openshift/oauth-server `pkg/userregistry/identitymapper`.

use super::{CONFIG, Cx, new_object, put};
use crate::{
    access::{
        authn::{KUBE_ADMIN, KUBE_ADMIN_SECRET, USERS, kube_admin_uid},
        password,
    },
    object::{ObjectExt, Value, json},
    store::{Expect, Snapshot},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Resource of Identities.
const IDENTITIES: &str = "identities.user.openshift.io";
/// How often a sign-in that met a concurrent one is decided again.
const ATTEMPTS: usize = 3;
/// The name under which the administrator made at installation signs in.
const KUBE_ADMIN_LOGIN: &str = "kubeadmin";

/// Who has signed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// User name.
    pub name: String,
    /// Uid of the User.
    pub uid: String,
}

/// Whoever has this name and password; `None` when nobody does. Who guesses from `peer` is slowed.
pub async fn sign_in(cx: Cx<'_>, peer: &str, name: &str, given: &str) -> Option<Person> {
    let (guesses, clock) = (&cx.access.guesses, &cx.world.wall);
    if !guesses.wait(clock.as_ref(), name, peer).await {
        return None;
    }
    let person = known(cx, name, given).await;
    match person {
        Some(_) => guesses.right(name),
        None => guesses.wrong(clock.now(), name, peer),
    }
    person
}

async fn known(cx: Cx<'_>, name: &str, given: &str) -> Option<Person> {
    let snapshot = cx.store.snapshot();
    if name == KUBE_ADMIN_LOGIN
        && let Some(kept) = secret(&snapshot, KUBE_ADMIN_SECRET.0, KUBE_ADMIN_SECRET.1, "kubeadmin")
    {
        let person = Person { name: KUBE_ADMIN.into(), uid: kube_admin_uid(&snapshot)? };
        return password::verify(given, &kept).then_some(person);
    }
    let config = snapshot.get(CONFIG, "", "cluster")?.value();
    for provider in config.list_at("spec.identityProviders") {
        let file = provider.str_at("htpasswd.fileData.name");
        let kept = secret(&snapshot, "openshift-config", file, "htpasswd");
        if kept.is_some_and(|kept| password::in_htpasswd(&kept, name, given)) {
            return provision(cx, provider.str_at("name"), name).await;
        }
    }
    None
}

fn secret(snapshot: &Snapshot, namespace: &str, name: &str, key: &str) -> Option<String> {
    let secret = snapshot.get("secrets", namespace, name)?.value();
    let text = secret.at("data")?.get(key)?.as_str()?;
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}

/// The user of an identity; makes both at the first sign-in. A name that belongs to another
/// identity is not given away (mapping method `claim`).
async fn provision(cx: Cx<'_>, provider: &str, name: &str) -> Option<Person> {
    let identity_name = format!("{provider}:{name}");
    for _ in 0..ATTEMPTS {
        let snapshot = cx.store.snapshot();
        if let Some(identity) = snapshot.get(IDENTITIES, "", &identity_name) {
            return user_of(&snapshot, &identity.value());
        }
        let (user, expect) = match snapshot.get(USERS, "", name) {
            None => {
                let fields = json!({"identities": [identity_name], "groups": null});
                (new_object(cx, "User", "user.openshift.io", name, fields), Expect::Absent)
            }
            // A User made in advance takes its first identity; one that has another is taken.
            Some(entry) => {
                let mut user = entry.value();
                if !user.list_at("identities").is_empty() {
                    return None;
                }
                user.set_at("identities", json!([identity_name]));
                (user, Expect::Rev(entry.rev))
            }
        };
        let fields = json!({
            "providerName": provider, "providerUserName": name,
            "user": {"name": name, "uid": user.uid()},
        });
        let identity = new_object(cx, "Identity", "user.openshift.io", &identity_name, fields);
        let ops = vec![put(USERS, &user, expect), put(IDENTITIES, &identity, Expect::Absent)];
        if cx.store.commit(ops).await.is_ok() {
            return Some(Person { name: name.into(), uid: user.uid().into() });
        }
    }
    None
}

/// The user an identity names, if he still lists it.
fn user_of(snapshot: &Snapshot, identity: &Value) -> Option<Person> {
    let (name, uid) = (identity.str_at("user.name"), identity.str_at("user.uid"));
    let user = snapshot.get(USERS, "", name)?.value();
    let lists = user.list_at("identities").iter().any(|i| i == identity.name());
    (user.uid() == uid && lists).then(|| Person { name: name.into(), uid: uid.into() })
}
