//! The commands about a cluster's time.

use super::{client, clusters};
use crate::config::TimeCommand;

/// Asks the running server's clock, or moves it, and says what it shows.
///
/// # Errors
/// One line for people.
pub async fn command(command: &TimeCommand) -> Result<(), String> {
    let (at, method, query) = match command {
        TimeCommand::Show(at) => (at, "GET", String::new()),
        TimeCommand::Stop(at) => (at, "POST", "?rate=0".into()),
        TimeCommand::Run(at) => (at, "POST", "?rate=1".into()),
        TimeCommand::Rate { times, at } => (at, "POST", format!("?rate={times}")),
        TimeCommand::Step { by, at } => (at, "POST", format!("?by={}", plain(by)?)),
        TimeCommand::Next(at) => (at, "POST", "?next".into()),
        TimeCommand::Until { what, condition: None, at, .. } => {
            (at, "POST", format!("?to={}", plain(what)?))
        }
        TimeCommand::Until { what, condition: Some(wanted), namespace, limit, at } => {
            let (kind, name) = what.split_once('/').ok_or("say of which object: TYPE/NAME")?;
            let query =
                format!("?for={}&resource={}&name={}", plain(wanted)?, plain(kind)?, plain(name)?);
            let more = [("namespace", namespace), ("limit", limit)].into_iter();
            let more = more.filter_map(|(word, said)| Some((word, said.as_ref()?)));
            let more = more.map(|(word, said)| Ok(format!("&{word}={}", plain(said)?)));
            (at, "POST", query + &more.collect::<Result<String, String>>()?)
        }
    };
    let admin = clusters::admin(&at.at, at.cluster.as_deref()).await?;
    let answer = client::ask(&admin, method, &format!("/time{query}")).await?;
    let answer: crate::object::Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    let runs = match answer["rate"].as_f64().unwrap_or(1.0) {
        0.0 => "stands still".to_owned(),
        1.0 => "runs".to_owned(),
        times => format!("runs {times} times as fast"),
    };
    let next = text("next");
    let next = if next.is_empty() { String::new() } else { format!("; next {next}") };
    println!("{} ({runs}{next})", text("now"));
    Ok(())
}

/// A word that a query can hold as it is.
fn plain(word: &str) -> Result<String, String> {
    let fits = !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-:.+=".contains(&b));
    if fits { Ok(word.replace('+', "%2B")) } else { Err(format!("{word:?} is no time")) }
}
