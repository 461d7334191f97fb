//! What an exercise changes beside its project, and how all of it is put back: users, time, the
//! vendors' registries, machines, faults.

use super::{Labs, commands::Hands};
use crate::{
    access::password,
    api::{Body, Caller, Options, PatchType, Request, Server, Verb},
    kinds,
    object::{ObjectExt, json},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How the world outside was before an exercise began.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Before {
    /// Whether the project is ours to delete.
    pub project: bool,
    /// How fast time ran.
    pub rate: Option<f64>,
    /// Repositories' tags and what they pointed at.
    pub tags: Vec<(String, String, Option<String>)>,
    /// Registries that answered.
    pub outages: Vec<String>,
    /// Nodes that were heard of.
    pub nodes: Vec<String>,
    /// Rules of faults that were not there.
    pub faults: Vec<String>,
    /// Objects that do not go with the project: API version, kind, namespace and name.
    pub objects: Vec<[String; 4]>,
    /// Users and the lines of their passwords, if they had any.
    pub users: Vec<(String, Option<String>)>,
}

/// Where passwords are.
const PASSWORDS: (&str, &str) = ("openshift-config", "htpass-secret");

/// The lines of the passwords.
fn lines(server: &Server) -> Result<Vec<String>, String> {
    let (namespace, name) = PASSWORDS;
    let kept = server.store.snapshot().get("secrets", namespace, name).map(|e| e.value());
    let kept = kept.ok_or_else(|| format!("there is no secret {namespace}/{name}"))?;
    let text = STANDARD.decode(kept.str_at("data.htpasswd")).unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}

async fn write(server: &Arc<Server>, lines: &[String]) -> Result<(), String> {
    let data = STANDARD.encode(lines.join("\n") + "\n");
    let request = Request {
        caller: Arc::new(Caller::component("system:admin")),
        verb: Verb::Patch,
        kind: kinds::by_resource("secrets").ok_or("there are no secrets")?,
        sub: "",
        namespace: PASSWORDS.0.into(),
        name: PASSWORDS.1.into(),
        options: Options::default(),
        body: Body::Patch(PatchType::Merge, json!({"data": {"htpasswd": data}})),
    };
    server.call(request).await.map(drop).map_err(|e| e.to_string())
}

/// Whose password a line is.
fn owner(line: &str) -> &str {
    line.split_once(':').map_or(line, |(name, _)| name)
}

/// Lets users sign in by these passwords; answers the lines they had before.
///
/// # Errors
/// One line for people.
pub(super) async fn enrol(
    server: &Arc<Server>,
    users: &[(String, String)],
) -> Result<Vec<(String, Option<String>)>, String> {
    let mut all = lines(server)?;
    let mut before = Vec::new();
    for (name, word) in users {
        let old = all.iter().position(|line| owner(line) == name).map(|at| all.remove(at));
        before.push((name.clone(), old));
        all.push(format!("{name}:{}", password::hash(word, &server.world.entropy)));
    }
    write(server, &all).await?;
    Ok(before)
}

/// Gives users the lines they had.
async fn disenrol(
    server: &Arc<Server>,
    users: Vec<(String, Option<String>)>,
) -> Result<(), String> {
    let mut all = lines(server)?;
    all.retain(|line| !users.iter().any(|(name, _)| name == owner(line)));
    all.extend(users.into_iter().filter_map(|(_, line)| line));
    write(server, &all).await
}

impl Labs {
    /// Puts the world back to how it was.
    pub(super) async fn put_back(&self, hands: &Hands, before: Before) -> Result<(), String> {
        for name in before.faults {
            // A rule may have ended by itself.
            let _ = hands.ask("DELETE", &format!("/faults/{name}"), "").await;
        }
        for host in before.outages {
            hands.ask("DELETE", &format!("/registries/{host}/outage"), "").await?;
        }
        for name in before.nodes {
            hands.ask("DELETE", &format!("/nodes/{name}/outage"), "").await?;
        }
        for (name, tag, digest) in before.tags.into_iter().rev() {
            let path = format!("/v2/{name}/manifests/{tag}");
            match digest {
                Some(digest) => hands.ask("PUT", &path, &format!("from={digest}")).await?,
                None => hands.ask("DELETE", &path, "").await?,
            };
        }
        if let Some(rate) = before.rate {
            hands.ask("POST", "/time", &format!("rate={rate}")).await?;
        }
        if !before.users.is_empty() {
            disenrol(&self.server, before.users).await?;
        }
        for [version, kind, namespace, name] in before.objects {
            if let Some(kind) = kinds::by_kind(&version, &kind) {
                self.delete(kind, &namespace, &name).await;
            }
        }
        Ok(())
    }
}
