//! `pocketshift replica`: what is asked of the replicas, at any of them.

use crate::{
    config::{ReplicaCommand, Where},
    object::Value,
    run::{client, kubeconfig::Admin},
    world::{Clock, SystemClock},
};
use jiff::{SignedDuration, Timestamp};
use std::io::Write;

/// How long a replica may take to give its clusters away.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// Between two looks at how many it still has.
const PAUSE: SignedDuration = SignedDuration::from_millis(200);

/// Does what is said about replicas.
///
/// # Errors
/// One line for people.
pub async fn command(command: &ReplicaCommand) -> Result<(), String> {
    match command {
        ReplicaCommand::List(at) => list(at).await,
        ReplicaCommand::Drain { name, at } => drain(name, at).await,
        ReplicaCommand::Resume { name, at } => {
            tell(name, "resume", at).await?;
            println!("{name} takes clusters again");
            Ok(())
        }
    }
}

async fn tell(name: &str, what: &str, at: &Where) -> Result<(), String> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if name.is_empty() || !plain {
        return Err(format!("{name:?} is no name: use a-z, 0-9, . and -"));
    }
    let admin = Admin::read(&at.kubeconfig()?)?;
    let path = format!("/clusters/_replicas/{name}/{what}");
    client::ask(&admin, "POST", &path).await.map(drop)
}

async fn replicas(at: &Where) -> Result<Vec<Value>, String> {
    let admin = Admin::read(&at.kubeconfig()?)?;
    let answer = client::ask(&admin, "GET", "/clusters/_replicas").await?;
    let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    Ok(answer["replicas"].as_array().cloned().unwrap_or_default())
}

async fn list(at: &Where) -> Result<(), String> {
    let all = replicas(at).await?;
    let cell = |row: &Value, field: &str| row[field].as_str().unwrap_or("").to_owned();
    let width = all.iter().map(|r| cell(r, "name").len()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}   {:28}   CLUSTERS   STATE\n", "NAME", "SERVER");
    for row in &all {
        let state = if row["drained"] == true { "drained" } else { "ready" };
        let (name, url) = (cell(row, "name"), cell(row, "url"));
        text +=
            &format!("{name:width$}   {url:28}   {:8}   {state}\n", row["clusters"].to_string());
    }
    // Nobody may be reading.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

async fn drain(name: &str, at: &Where) -> Result<(), String> {
    tell(name, "drain", at).await?;
    let clock = SystemClock;
    let ends = clock.now().checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
    loop {
        // Where the first cluster is on its way, nobody answers for a moment.
        let all = replicas(at).await;
        let own = |all: &Vec<Value>| all.iter().find(|row| row["name"] == name).cloned();
        match all.as_ref().map(own) {
            Ok(None) => break,
            Ok(Some(row)) if row["clusters"] == 0 => break,
            Ok(Some(row)) if clock.now() >= ends => {
                return Err(format!("{name} still has {} clusters", row["clusters"]));
            }
            Err(why) if clock.now() >= ends => return Err(why.clone()),
            _ => {}
        }
        let next = clock.now().checked_add(PAUSE).unwrap_or(Timestamp::MAX);
        clock.sleep_until(next).await;
    }
    println!("{name} has no clusters");
    Ok(())
}
