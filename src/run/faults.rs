//! The commands about faults.

use super::{client, clusters, trail::quoted};
use crate::{
    config::{FaultAdd, FaultCommand},
    object::{Map, Value, json, read},
};
use std::{io::Read, path::Path};

/// Largest file of rules that is read.
const LARGEST: u64 = 1 << 20;

/// Adds, lists or takes away rules at a running server.
///
/// # Errors
/// One line for people.
pub async fn command(command: &FaultCommand) -> Result<(), String> {
    match command {
        FaultCommand::Add(asked) => {
            let rules = match &asked.rules {
                Some(file) => json!({"items": documents(file)?}),
                None => rule(asked)?,
            };
            let admin = clusters::admin(&asked.at.at, asked.at.cluster.as_deref()).await?;
            let answer = client::send(&admin, "POST", "/faults", Some(rules.to_string())).await?;
            let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
            for item in answer["items"].as_array().into_iter().flatten() {
                println!("{}", item["metadata"]["name"].as_str().unwrap_or_default());
            }
        }
        FaultCommand::List { json, at } => {
            let admin = clusters::admin(&at.at, at.cluster.as_deref()).await?;
            let answer = client::ask(&admin, "GET", "/faults").await?;
            if *json {
                println!("{answer}");
                return Ok(());
            }
            let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
            for item in answer["items"].as_array().into_iter().flatten() {
                println!("{}", line(item));
            }
        }
        FaultCommand::Remove { names, all, at } => {
            if names.is_empty() != *all {
                return Err("say the names of faults, or --all".into());
            }
            let admin = clusters::admin(&at.at, at.cluster.as_deref()).await?;
            if *all {
                client::ask(&admin, "DELETE", "/faults").await?;
            }
            for name in names {
                client::ask(&admin, "DELETE", &format!("/faults/{}", quoted(name))).await?;
            }
        }
    }
    Ok(())
}

/// A rule on one line.
fn line(item: &Value) -> String {
    let of = |field: &str| item["status"][field].as_u64().unwrap_or_default();
    format!(
        "{} matched {} applied {} {}",
        item["metadata"]["name"].as_str().unwrap_or_default(),
        of("matched"),
        of("applied"),
        item["spec"]
    )
}

/// The rule that the flags say.
fn rule(asked: &FaultAdd) -> Result<Value, String> {
    let lists = [
        ("verbs", &asked.verb),
        ("groups", &asked.group),
        ("resources", &asked.resource),
        ("namespaces", &asked.namespace),
        ("names", &asked.object_name),
        ("users", &asked.user),
        ("agents", &asked.agent),
        ("nodes", &asked.node),
        ("containers", &asked.container),
        ("images", &asked.image),
    ];
    let mut matches = Map::new();
    for (field, list) in lists {
        if !list.is_empty() {
            matches.insert(field.into(), json!(list));
        }
    }
    if let Some(who) = &asked.from {
        matches.insert("from".into(), json!(who));
    }
    let on = |switch: bool| switch.then_some(Value::Bool(true));
    let mut effect = Map::new();
    let mut say = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            effect.insert(field.into(), value);
        }
    };
    say("status", asked.status.map(|v| json!(v)));
    say("message", asked.message.as_ref().map(|v| json!(v)));
    say("retryAfter", asked.retry_after.map(|v| json!(v)));
    say("delay", asked.delay.as_ref().map(|v| json!(v)));
    say("cut", on(asked.cut));
    say("lose", on(asked.lose));
    say("watch", asked.watch.as_ref().map(|v| json!(v)));
    say("silent", on(asked.silent));
    say("unready", on(asked.unready));
    say("crash", asked.crash.map(|v| json!(v)));
    say("repeat", on(asked.repeat));
    say("pull", asked.pull.as_ref().map(|v| json!(v)));
    say("disk", asked.disk.map(|v| json!(v)));
    say("events", asked.events.map(|v| json!(v)));
    let mut spec = Map::new();
    spec.insert("match".into(), Value::Object(matches));
    spec.insert("effect".into(), Value::Object(effect));
    let mut say = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            spec.insert(field.into(), value);
        }
    };
    say("from", asked.nth.map(|v| json!(v)));
    say("times", asked.times.map(|v| json!(v)));
    say("probability", asked.probability.map(|v| json!(v)));
    say("after", asked.after.as_ref().map(|v| json!(v)));
    say("for", asked.lasts.as_ref().map(|v| json!(v)));
    say("until", asked.until.as_ref().map(|v| json!(v)));
    let mut rule = json!({"spec": spec});
    if let Some(name) = &asked.name {
        rule["metadata"] = json!({"name": name});
    }
    Ok(rule)
}

/// The rules of a file.
fn documents(file: &Path) -> Result<Vec<Value>, String> {
    let shown = file.display();
    let failed = |e: std::io::Error| format!("cannot read {shown}: {e}");
    let mut text = String::new();
    match file.as_os_str() == "-" {
        true => std::io::stdin().take(LARGEST + 1).read_to_string(&mut text),
        false => {
            let file = std::fs::File::open(file).map_err(failed)?;
            file.take(LARGEST + 1).read_to_string(&mut text)
        }
    }
    .map_err(failed)?;
    if text.len() as u64 > LARGEST {
        return Err(format!("{shown}: the file is too large"));
    }
    let all = read::yaml_documents(&text).map_err(|e| format!("{shown}: {e}"))?;
    let all: Vec<Value> = all.into_iter().filter(|one| !one.is_null()).collect();
    if all.is_empty() { Err(format!("{shown}: there is no rule in it")) } else { Ok(all) }
}
