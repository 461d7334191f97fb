//! A classroom: students with names and passwords, one lab for each, and the board of their points.

use super::{Labs, exercise::Exercise, judge::Grade};
use crate::{
    access::{password, secret_text},
    api::{Body, Caller, Options, PatchType, Request, Verb},
    kinds,
    object::{ObjectExt, Value, json},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use std::sync::Arc;

/// Most students of a class.
const MOST: usize = 200;
/// Characters of a password.
const LENGTH: usize = 10;

impl Labs {
    /// Makes students who can sign in, and starts an exercise for each of them.
    pub(super) async fn class(&self, text: &str, students: usize) -> Result<Value, String> {
        if !(1..=MOST).contains(&students) {
            return Err(format!("a class has 1 to {MOST} students"));
        }
        let names: Vec<String> = (1..=students).map(|n| format!("student{n:02}")).collect();
        // Passwords that are in use stay as they are.
        let exercise = Exercise::parse(text)?.name;
        if let Some(name) = names.iter().find(|name| self.find(&exercise, name).is_ok()) {
            return Err(format!("{exercise} is started already for {name}; finish it first"));
        }
        let passwords = self.enrol(&names).await?;
        let all = join_all(names.iter().map(|name| self.start(text, name, name))).await;
        if let Some(Err(why)) = all.iter().find(|started| started.is_err()) {
            for running in all.iter().flatten() {
                // What does not go now is named by the board.
                let _ = self.finish(&running.exercise.name, &running.user).await;
            }
            return Err(why.clone());
        }
        let started = all.iter().flatten().zip(names.iter().zip(passwords));
        let list: Vec<Value> = started
            .map(|(running, (name, word))| {
                json!({"student": name, "password": word, "project": running.project})
            })
            .collect();
        Ok(json!({"items": list}))
    }

    /// Lets students sign in, with new passwords.
    async fn enrol(&self, names: &[String]) -> Result<Vec<String>, String> {
        let (namespace, name) = ("openshift-config", "htpass-secret");
        let kept = self.server.store.snapshot().get("secrets", namespace, name).map(|e| e.value());
        let kept = kept.ok_or_else(|| format!("there is no secret {namespace}/{name}"))?;
        let old = STANDARD.decode(kept.str_at("data.htpasswd")).unwrap_or_default();
        let old = String::from_utf8_lossy(&old).into_owned();
        let ours =
            |line: &str| line.split_once(':').is_some_and(|(n, _)| names.iter().any(|x| x == n));
        let mut lines: Vec<String> = old.lines().filter(|l| !ours(l)).map(str::to_owned).collect();
        let entropy = &self.server.world.entropy;
        let mut passwords = Vec::new();
        for name in names {
            let word: String = secret_text(entropy)
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(LENGTH)
                .collect();
            lines.push(format!("{name}:{}", password::hash(&word, entropy)));
            passwords.push(word);
        }
        let data = STANDARD.encode(lines.join("\n") + "\n");
        let request = Request {
            caller: Arc::new(Caller::component("system:admin")),
            verb: Verb::Patch,
            kind: kinds::by_resource("secrets").ok_or("there are no secrets")?,
            sub: "",
            namespace: namespace.into(),
            name: name.into(),
            options: Options::default(),
            body: Body::Patch(PatchType::Merge, json!({"data": {"htpasswd": data}})),
        };
        self.server.call(request).await.map_err(|e| e.to_string())?;
        Ok(passwords)
    }

    /// What every lab has earned up to now.
    pub(super) async fn board(&self) -> Vec<(String, Grade)> {
        let all: Vec<_> = self.running.lock().values().cloned().collect();
        let mut board = Vec::new();
        for running in all {
            board.push((running.user.clone(), self.grade(&running).await));
        }
        board
    }
}
