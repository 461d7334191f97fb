//! The commands of solutions and set-ups, as a student types them. The program performs them itself,
//! by the requests that `oc` would send: an exercise can be played where no `oc` is, and a command
//! that is not in the tables is refused when the file is read.

mod objects;
mod outside;
mod rollouts;
mod streams;

pub(in crate::labs) use outside::{image, rules};

use super::words::{self, Words};
use crate::{
    api::{Body, Caller, Options, PatchType, Request, Response, Server, Verb},
    error::Error,
    http::Desk,
    kinds::{self, Served},
    object::{ObjectExt, Value},
};
use futures_util::future::LocalBoxFuture;
use std::sync::Arc;

/// Who runs commands, and where.
#[derive(Clone)]
pub struct Hands {
    /// The server.
    pub server: Arc<Server>,
    /// Where time and the world outside are moved.
    pub desk: Arc<dyn Desk>,
    /// Who `oc` is signed in as.
    pub caller: Arc<Caller>,
    /// The current project.
    pub project: String,
}

/// What a command says when it is done.
pub type Said<'a> = LocalBoxFuture<'a, Result<String, String>>;

/// A command: its first words, and what it does with the others and its input.
pub struct Command {
    /// The words it begins with.
    begins: &'static str,
    /// What it does.
    run: for<'a> fn(&'a Hands, &'a Words, &'a str) -> Said<'a>,
}

/// Every command.
static TABLES: &[&[Command]] =
    &[objects::COMMANDS, rollouts::COMMANDS, streams::COMMANDS, outside::COMMANDS];

/// The command of a line, and its other words.
fn find(line: &str) -> Result<(&'static Command, Words), String> {
    let all = words::split(line)?;
    for command in TABLES.iter().copied().flatten() {
        let begins: Vec<&str> = command.begins.split(' ').collect();
        if all.len() >= begins.len() && all.iter().zip(&begins).all(|(a, b)| a == b) {
            return Ok((command, Words::new(all[begins.len()..].to_vec())?));
        }
    }
    Err("no such command is known here".into())
}

/// Whether a line can be run.
///
/// # Errors
/// Why not.
pub fn known(line: &str) -> Result<(), String> {
    find(line).map(drop)
}

impl Hands {
    /// Runs a line; answers what it says.
    ///
    /// # Errors
    /// What the server said, or what is missing.
    pub async fn run(&self, line: &str, input: &str) -> Result<String, String> {
        let (command, words) = find(line)?;
        (command.run)(self, &words, input).await
    }

    /// Asks the API as the user.
    async fn call(
        &self,
        verb: Verb,
        kind: &Served,
        (name, sub): (&str, &'static str),
        body: Body,
        namespace: &str,
    ) -> Result<Value, Error> {
        let namespace = if kind.namespaced { namespace } else { "" };
        let request = Request {
            caller: Arc::clone(&self.caller),
            verb,
            kind: kind.clone(),
            sub,
            namespace: namespace.into(),
            name: name.into(),
            options: Options { field_manager: "oc".into(), ..Options::default() },
            body,
        };
        match self.server.call(request).await?.response {
            Response::One(_, item) => Ok(item.value()),
            Response::List(list) => Ok(list.items.iter().map(|i| i.value()).collect()),
            _ => Ok(Value::Null),
        }
    }

    /// Reads an object.
    pub(super) async fn get(&self, kind: &Served, name: &str) -> Result<Value, Error> {
        self.call(Verb::Get, kind, (name, ""), Body::Empty, &self.project).await
    }

    /// Reads all objects of a kind in the project.
    pub(super) async fn list(&self, kind: &Served) -> Result<Vec<Value>, Error> {
        let all = self.call(Verb::List, kind, ("", ""), Body::Empty, &self.project).await?;
        Ok(all.as_array().cloned().unwrap_or_default())
    }

    /// Creates an object; one without a namespace in the project.
    pub(super) async fn create(&self, kind: &Served, object: Value) -> Result<Value, Error> {
        let namespace = match object.namespace() {
            "" => self.project.clone(),
            said => said.to_owned(),
        };
        let body = Body::Object(object, Vec::new());
        self.call(Verb::Create, kind, ("", ""), body, &namespace).await
    }

    /// Puts an object in the place of the one that is there.
    async fn replace(&self, kind: &Served, object: Value) -> Result<Value, Error> {
        let name = object.name().to_owned();
        let body = Body::Object(object, Vec::new());
        self.call(Verb::Update, kind, (&name, ""), body, &self.project).await
    }

    /// Changes an object.
    pub(super) async fn patch(
        &self,
        kind: &Served,
        name: &str,
        form: PatchType,
        change: Value,
    ) -> Result<Value, Error> {
        let body = Body::Patch(form, change);
        self.call(Verb::Patch, kind, (name, ""), body, &self.project).await
    }

    /// Applies an object, as `oc apply --server-side --force-conflicts` does.
    pub(super) async fn apply(&self, object: Value) -> Result<String, String> {
        let (version, kind) = (object.str_at("apiVersion"), object.str_at("kind"));
        let kind = kinds::by_kind(version, kind)
            .ok_or_else(|| format!("no matches for kind {kind:?} in version {version:?}"))?;
        let name = object.name().to_owned();
        let said = format!("{}/{name} applied", kind.kind.to_lowercase());
        let namespace = match object.namespace() {
            "" => self.project.clone(),
            other => other.to_owned(),
        };
        let request = Request {
            caller: Arc::clone(&self.caller),
            verb: Verb::Patch,
            namespace: if kind.namespaced { namespace } else { String::new() },
            kind,
            sub: "",
            name: name.clone(),
            options: Options {
                field_manager: "oc".into(),
                force: Some(true),
                ..Options::default()
            },
            body: Body::Patch(PatchType::Apply, object),
        };
        self.server.call(request).await.map_err(|e| format!("{name}: {e}"))?;
        Ok(said)
    }
}

/// A refusal as people read it.
fn text(error: Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_their_words() {
        for line in [
            "oc set image deployment/web web=a:1",
            "oc rollout undo deployment/web --to-revision=1",
            "oc tag --alias s:1 s:2",
            "pocketshift time step 15m",
        ] {
            assert_eq!(known(line), Ok(()), "{line}");
        }
        for line in
            ["oc", "rm -rf /", "oc set picture x", "oc apply -f", "kubectl get pods", "oc tag 'a"]
        {
            assert!(known(line).is_err(), "{line}");
        }
    }
}
