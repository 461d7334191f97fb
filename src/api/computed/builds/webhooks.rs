//! `webhooks`: git servers and others tell of a change; who knows the secret starts a build.
//! Source: openshift-apiserver `pkg/build/apiserver/webhook`.

use super::{answer, start};
use crate::{
    api::{Answer, Body, Caller, Request, Response, Server},
    builds::CONFIGS,
    error::Error,
    object::{ObjectExt, Value, json, read},
    runtime::{Fetch, Fetched},
    store::Snapshot,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::sync::Arc;

/// Key of a secret's word in the Secret a trigger refers to.
const KEY: &str = "WebHookSecretKey";

/// A sort of hook: what its path, its trigger and its causes are called.
struct Hook {
    path: &'static str,
    trigger: &'static str,
    cause: &'static str,
    message: &'static str,
}

static HOOKS: &[Hook] = &[
    Hook {
        path: "generic",
        trigger: "Generic",
        cause: "genericWebHook",
        message: "Generic WebHook",
    },
    Hook { path: "github", trigger: "GitHub", cause: "githubWebHook", message: "GitHub WebHook" },
    Hook { path: "gitlab", trigger: "GitLab", cause: "gitlabWebHook", message: "GitLab WebHook" },
    Hook {
        path: "bitbucket",
        trigger: "Bitbucket",
        cause: "bitbucketWebHook",
        message: "Bitbucket WebHook",
    },
];

/// What a payload comes to.
enum Told {
    /// A build: its revision and variables, if any are told.
    Build { revision: Option<Value>, env: Vec<Value>, warning: Option<&'static str> },
    /// Nothing to do.
    Nothing,
}

pub(super) async fn hear(server: Arc<Server>, mut request: Request) -> Result<Answer, Error> {
    let Body::Passed(sent) = std::mem::take(&mut request.body) else {
        return Err(Error::NoSuchPath);
    };
    let path = sent.path.split('?').next().unwrap_or_default();
    let mut parts = path.trim_matches('/').split('/');
    let (Some(word), Some(kind), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Error::not_found("buildconfighook.build.openshift.io", path.trim_matches('/')));
    };
    let Some(hook) = HOOKS.iter().find(|h| h.path == kind) else {
        return Err(Error::not_found("buildconfighook.build.openshift.io", kind));
    };
    let name = request.name.clone();
    let refused = || {
        let why = format!("the webhook {kind:?} for {name:?} did not accept your secret");
        Error::Raw(Box::new(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": why, "reason": "Unauthorized", "code": 401})))
    };
    let snapshot = server.store.snapshot();
    let config = snapshot.get(CONFIGS, &request.namespace, &name).map(|e| e.value());
    let config = config.ok_or_else(refused)?;
    let trigger = trigger(&snapshot, &config, hook, word).ok_or_else(refused)?;
    drop(snapshot);
    let told = payload(hook, &sent, &config, trigger.is_true("allowEnv"))?;
    let Told::Build { revision, env, warning } = told else {
        let heard = Fetched { status: 200, ..Fetched::default() };
        return Ok(Response::Passed(heard).into());
    };
    let mut cause = json!({"secret": "<secret>"});
    if let Some(revision) = &revision {
        cause["revision"] = revision.clone();
    }
    let cause = match hook.path {
        "gitlab" | "bitbucket" => json!({"commonSpec": cause, "secret": "<secret>"}),
        _ => cause,
    };
    let mut asked =
        json!({"triggeredBy": [{"message": hook.message, hook.cause: cause}], "env": env});
    if let Some(revision) = revision {
        asked["revision"] = revision;
    }
    // Who knows the secret word may be nobody: the server makes the build itself.
    request.caller = Arc::new(itself());
    let build = start(&server, &request, &asked).await?;
    let mut answer = answer(200, build);
    answer.warnings.extend(warning.map(str::to_owned));
    Ok(answer)
}

/// The API server, as it asks itself.
fn itself() -> Caller {
    let account = "system:serviceaccount:openshift-apiserver:openshift-apiserver-sa";
    let groups = ["system:serviceaccounts", "system:masters", "system:authenticated"];
    let groups = groups.map(str::to_owned).to_vec();
    Caller { name: account.into(), groups, ..Caller::default() }
}

/// The trigger of a config that knows a secret word.
fn trigger(snapshot: &Snapshot, config: &Value, hook: &Hook, word: &str) -> Option<Value> {
    let triggers = config.list_at("spec.triggers").iter();
    let own = triggers.filter(|t| t.str_at("type") == hook.trigger);
    let mut own = own.filter_map(|t| t.get(hook.path));
    own.find(|trigger| {
        let reference = trigger.str_at("secretReference.name");
        let known = match reference {
            "" => trigger.str_at("secret").to_owned(),
            name => of_secret(snapshot, config.namespace(), name).unwrap_or_default(),
        };
        !known.is_empty()
            && ring::digest::digest(&ring::digest::SHA256, known.as_bytes()).as_ref()
                == ring::digest::digest(&ring::digest::SHA256, word.as_bytes()).as_ref()
    })
    .cloned()
}

fn of_secret(snapshot: &Snapshot, namespace: &str, name: &str) -> Option<String> {
    let secret = snapshot.get("secrets", namespace, name)?.value();
    let bytes = BASE64_STANDARD.decode(secret.at("data")?.get(KEY)?.as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

fn bad(text: impl Into<String>) -> Error {
    Error::BadRequest(text.into())
}

fn payload(hook: &Hook, sent: &Fetch, config: &Value, env: bool) -> Result<Told, Error> {
    let kind = sent.header("content-type").unwrap_or_default();
    let json_sent = kind.split(';').next().unwrap_or_default().trim() == "application/json";
    if hook.path == "generic" {
        return Ok(generic(sent, config, json_sent, env));
    }
    if !json_sent {
        return Err(bad(format!("unsupported Content-Type {kind}")));
    }
    let event = |names: &[&str]| names.iter().find_map(|n| sent.header(n)).unwrap_or_default();
    let (header, pushes, pings): (&[&str], &[&str], &[&str]) = match hook.path {
        "github" => (&["x-github-event", "x-gogs-event"], &["push"], &["ping"]),
        "gitlab" => (&["x-gitlab-event"], &["Push Hook"], &[]),
        _ => (&["x-event-key"], &["repo:push", "repo:refs_changed"], &[]),
    };
    let said = event(header);
    if said.is_empty() {
        return Err(bad(match hook.path {
            "github" => "missing X-GitHub-Event or X-Gogs-Event",
            "gitlab" => "missing X-Gitlab-Event",
            _ => "missing X-Event-Key",
        }));
    }
    if pings.contains(&said) {
        return Ok(Told::Nothing);
    }
    if !pushes.contains(&said) {
        return Err(bad(format!("Unknown {} event {said}", header[0])));
    }
    let (data, _) = read::json(&sent.body).map_err(bad)?;
    let (branch, commit) = match hook.path {
        "bitbucket" => {
            let change = data.list_at("push.changes").last().cloned().unwrap_or_default();
            (change.str_at("new.name").to_owned(), change.at("new.target").cloned())
        }
        "gitlab" => (data.str_at("ref").to_owned(), data.list_at("commits").last().cloned()),
        _ => (data.str_at("ref").to_owned(), data.get("head_commit").cloned()),
    };
    if !is_wanted(&branch, config) {
        return Ok(Told::Nothing);
    }
    let revision = commit.filter(|c| c.is_object()).map(|c| {
        let id = if c.str_at("id").is_empty() { c.str_at("hash") } else { c.str_at("id") };
        json!({"type": "Git", "git": {"commit": id, "message": c.str_at("message"),
            "author": {"name": c.str_at("author.name"), "email": c.str_at("author.email")},
            "committer": {"name": c.str_at("committer.name"), "email": c.str_at("committer.email")}}})
    });
    Ok(Told::Build { revision, env: Vec::new(), warning: None })
}

/// Whether a push to this branch concerns the config.
fn is_wanted(branch: &str, config: &Value) -> bool {
    let own = match config.str_at("spec.source.git.ref") {
        "" => "master",
        own => own,
    };
    let bare = |r: &str| r.trim_start_matches("refs/heads/").to_owned();
    bare(branch) == bare(own)
}

fn generic(sent: &Fetch, config: &Value, json_sent: bool, allow_env: bool) -> Told {
    const IGNORED: &str =
        "invalid Content-Type on payload, ignoring payload and continuing with build";
    let plain = |warning| Told::Build { revision: None, env: Vec::new(), warning };
    if sent.body.is_empty() {
        return plain(None);
    }
    if !json_sent {
        return plain(Some(IGNORED));
    }
    let Ok((data, _)) = read::json(&sent.body) else {
        return plain(Some(
            "error unmarshalling payload, ignoring payload and continuing with build",
        ));
    };
    let git = data.get("git").filter(|g| g.is_object());
    let branch = git.map_or("", |g| g.str_at("ref"));
    if !branch.is_empty() && config.at("spec.source.git").is_some() && !is_wanted(branch, config) {
        return Told::Nothing;
    }
    let revision = git.map(|g| {
        json!({"type": "Git", "git": {"commit": g.str_at("commit"), "message": g.str_at("message"),
            "author": g.get("author").cloned().unwrap_or_else(|| json!({})),
            "committer": g.get("committer").cloned().unwrap_or_else(|| json!({}))}})
    });
    let env = if allow_env { data.list_at("env").to_vec() } else { Vec::new() };
    let dropped = !allow_env && !data.list_at("env").is_empty();
    let warning = dropped.then_some("Env variables are not allowed by this webhook");
    Told::Build { revision, env, warning }
}
