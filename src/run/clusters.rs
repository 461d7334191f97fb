//! The commands about the clusters of a running server.

use super::{
    client,
    host::{MAIN, Spec},
    kubeconfig::{self, Admin},
};
use crate::config::{ClusterCommand, ClusterSettings, NewCluster, Output, Where, Which};
use std::io::Write;

/// Does what is asked, at a running server.
///
/// # Errors
/// One line for people.
pub async fn command(command: &ClusterCommand) -> Result<(), String> {
    match command {
        ClusterCommand::Create { name, settings, output, at } => {
            let body = serde_json::to_string(&spec(settings)?).map_err(|e| e.to_string())?;
            let admin = Admin::read(&at.kubeconfig()?)?;
            let path = format!("/clusters/{}", plain(name)?);
            let made = client::send(&admin, "POST", &path, Some(body)).await?;
            begun(&admin, &made, output).await
        }
        ClusterCommand::Fork { from, name, output, at } => {
            let admin = Admin::read(&at.kubeconfig()?)?;
            let path = format!("/clusters/{}?from={}", plain(name)?, plain(from)?);
            let made = client::ask(&admin, "POST", &path).await?;
            begun(&admin, &made, output).await
        }
        ClusterCommand::Apply { name, manifests: file, at } => {
            let admin = Admin::read(&at.kubeconfig()?)?;
            let text = std::fs::read_to_string(file)
                .map_err(|e| format!("cannot read {}: {e}", file.display()))?;
            let body = crate::object::Value::from(text).to_string();
            let path = format!("/clusters/{}/manifests", plain(name)?);
            client::send(&admin, "POST", &path, Some(body)).await.map(drop)
        }
        ClusterCommand::Settled { name, at } => {
            let admin = Admin::read(&at.kubeconfig()?)?;
            client::ask(&admin, "POST", &format!("/clusters/{}/settled", plain(name)?))
                .await
                .map(drop)
        }
        ClusterCommand::List(at) => list(at).await,
        ClusterCommand::Checkpoint { name, checkpoint, delete, at } => {
            let admin = Admin::read(&at.kubeconfig()?)?;
            let path = format!("/clusters/{}/checkpoints/{}", plain(name)?, plain(checkpoint)?);
            let method = if *delete { "DELETE" } else { "POST" };
            client::ask(&admin, method, &path).await?;
            let done = if *delete { "is gone" } else { "is set" };
            println!("{name}: checkpoint {checkpoint} {done}");
            Ok(())
        }
        ClusterCommand::Reset { name, to, at } => {
            let admin = Admin::read(&at.kubeconfig()?)?;
            let query = match to {
                Some(to) => format!("?to={}", plain(to)?),
                None => String::new(),
            };
            client::ask(&admin, "POST", &format!("/clusters/{}/reset{query}", plain(name)?))
                .await?;
            println!("{name} is as it was {}", to.as_deref().unwrap_or("when it was created"));
            Ok(())
        }
        ClusterCommand::Kubeconfig { name, token, by_name, at } => {
            let admin = Admin::read(&at.kubeconfig()?)?;
            print!("{}", kubeconfig_of(&admin, name, form(*token, *by_name)).await?);
            Ok(())
        }
        ClusterCommand::Export { dir, at } => super::moving::export(dir, at).await,
        ClusterCommand::Import { dir, at } => super::moving::import(dir, at).await,
        ClusterCommand::Delete { name, at } => {
            let admin = Admin::read(&at.kubeconfig()?)?;
            client::ask(&admin, "DELETE", &format!("/clusters/{}", plain(name)?)).await?;
            println!("{name} is gone");
            Ok(())
        }
    }
}

/// The administrator of a cluster: of the server's first, or of the one that is named.
///
/// # Errors
/// One line for people.
pub(super) async fn admin(at: &Where, name: Option<&str>) -> Result<Admin, String> {
    let first = Admin::read(&at.kubeconfig()?)?;
    match name {
        None => Ok(first),
        Some(name) => Admin::of_text(&kubeconfig_of(&first, name, "").await?)
            .ok_or_else(|| format!("{name}: the server's answer is no kubeconfig")),
    }
}

/// How a form of kubeconfig is asked for.
fn form(token: bool, by_name: bool) -> &'static str {
    match (token, by_name) {
        (true, _) => "?with=token",
        (_, true) => "?with=name",
        _ => "",
    }
}

/// The revision since which a checkpoint of a cluster holds.
///
/// # Errors
/// One line for people.
pub(super) async fn since(at: &Which, checkpoint: &str) -> Result<u64, String> {
    let admin = Admin::read(&at.at.kubeconfig()?)?;
    let name = at.cluster.as_deref().unwrap_or(MAIN);
    let path = format!("/clusters/{}/checkpoints/{}", plain(name)?, plain(checkpoint)?);
    let answer = client::ask(&admin, "GET", &path).await?;
    let answer: crate::object::Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    answer["revision"].as_u64().ok_or_else(|| "the server's answer has no revision".into())
}

/// Says what was said of a cluster that has begun, and keeps its kubeconfig if a file was named.
async fn begun(admin: &Admin, made: &str, output: &NewCluster) -> Result<(), String> {
    let answer: crate::object::Value = serde_json::from_str(made).map_err(|e| e.to_string())?;
    let text = |field: &str| answer[field].as_str().unwrap_or_default();
    if let Some(file) = &output.write_kubeconfig
        && let Err(why) = kubeconfig::write(file, text("kubeconfig"))
    {
        // Nobody could use it.
        client::ask(admin, "DELETE", &format!("/clusters/{}", text("name"))).await?;
        return Err(why);
    }
    match output.output {
        Some(Output::Json) => println!("{made}"),
        None => println!("{} created at {}", text("name"), text("url")),
    }
    Ok(())
}

async fn kubeconfig_of(admin: &Admin, name: &str, query: &str) -> Result<String, String> {
    let path = format!("/clusters/{}/kubeconfig{query}", plain(name)?);
    let answer = client::ask(admin, "GET", &path).await?;
    let answer: crate::object::Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    let text = answer["kubeconfig"].as_str();
    text.map(str::to_owned).ok_or_else(|| "the server's answer has no kubeconfig".into())
}

async fn list(at: &Where) -> Result<(), String> {
    let admin = Admin::read(&at.kubeconfig()?)?;
    let answer = client::ask(&admin, "GET", "/clusters").await?;
    let answer: crate::object::Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    let rows = answer["clusters"].as_array().cloned().unwrap_or_default();
    let cell =
        |row: &crate::object::Value, field: &str| row[field].as_str().unwrap_or("").to_owned();
    let width = rows.iter().map(|r| cell(r, "name").len()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}   {:24}   REGISTRY\n", "NAME", "SERVER");
    for row in &rows {
        let (name, url) = (cell(row, "name"), cell(row, "url"));
        text += &match row["broken"].as_str() {
            Some(why) => format!("{name:width$}   cannot be opened: {why}\n"),
            None => format!("{name:width$}   {url:24}   {}\n", cell(row, "registry")),
        };
    }
    // Nobody may be reading.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn spec(said: &ClusterSettings) -> Result<Spec, String> {
    let time = match &said.time {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| format!("--time: {text:?} is no moment"))?),
    };
    Ok(Spec {
        nodes: said.nodes,
        instant: said.instant.then_some(true),
        plain_api: said.plain_api.then_some(true),
        pace: said.pace,
        apps_domain: said.apps_domain.clone(),
        node_disk: said.node_disk.clone(),
        image_import_interval: said.image_import_interval,
        seed_random: said.seed_random,
        time,
        ttl: said.ttl.clone(),
        in_memory: said.in_memory.then_some(true),
        folder: None,
        catalog: None,
        own: None,
        max_objects: said.max_objects,
        max_bytes: said.max_bytes,
        max_streams: said.max_streams,
    })
}

/// A word that a path can hold as it is; whether it is a name the server says.
fn plain(word: &str) -> Result<&str, String> {
    let fits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits { Ok(word) } else { Err(format!("{word:?} is no name: use a-z, 0-9 and -")) }
}
