//! The commands that tell what happened in a running server's cluster.

use super::{client, clusters};
use crate::config::{Trail, Why};
use crate::object::Value;

/// Tells why an object is as it is.
///
/// # Errors
/// One line for people.
pub async fn why(asked: &Why) -> Result<(), String> {
    let (resource, name) = match (asked.object.split_once('/'), &asked.name) {
        (Some((resource, name)), None) => (resource, name),
        (None, Some(name)) => (asked.object.as_str(), name.as_str()),
        _ => return Err(format!("{:?}: say RESOURCE/NAME", asked.object)),
    };
    let mut path = format!(
        "/why?resource={}&name={}&namespace={}",
        quoted(resource),
        quoted(name),
        quoted(&asked.namespace)
    );
    if let Some(limit) = asked.limit {
        path += &format!("&limit={limit}");
    }
    if let Some(revision) = asked.revision {
        path += &format!("&revision={revision}");
    }
    let admin = clusters::admin(&asked.at.at, asked.at.cluster.as_deref()).await?;
    let answer = client::ask(&admin, "GET", &path).await?;
    if asked.json {
        println!("{answer}");
        return Ok(());
    }
    let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    let changes = answer["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    for chain in changes {
        let mut lead = String::new();
        for change in chain.as_array().into_iter().flatten() {
            print!("{}", lines(change, &lead));
            lead = format!("  {} ", change["link"].as_str().unwrap_or_default());
        }
    }
    if changes.is_empty() {
        print!("{}", lines(&answer["object"], ""));
        println!("  (the change itself is no longer known)");
    }
    Ok(())
}

/// Tells everything that happened.
///
/// # Errors
/// One line for people.
pub async fn trail(asked: &Trail) -> Result<(), String> {
    let all = if asked.all { "&all" } else { "" };
    let since = match asked.since.as_deref() {
        Some(name) if is_checkpoint(name) => clusters::since(&asked.at, name).await?.to_string(),
        other => other.unwrap_or_default().to_owned(),
    };
    let admin = clusters::admin(&asked.at.at, asked.at.cluster.as_deref()).await?;
    let path = format!("/trail?since={}{all}", quoted(&since));
    let answer = client::ask(&admin, "GET", &path).await?;
    if asked.json {
        println!("{answer}");
        return Ok(());
    }
    let answer: Value = serde_json::from_str(&answer).map_err(|e| e.to_string())?;
    print!("{}", shown(&answer));
    Ok(())
}

/// What happened, as lines for people.
pub fn shown(answer: &Value) -> String {
    let mut text = String::new();
    if let Some(skipped) = answer["skipped"].as_u64().filter(|n| *n > 0) {
        text += &format!("({skipped} earlier ones are left out)\n");
    }
    let items = answer["items"].as_array().into_iter().flatten();
    items.for_each(|item| text += &lines(item, ""));
    text
}

/// Whether a word names a checkpoint, and is neither a revision nor a moment.
fn is_checkpoint(word: &str) -> bool {
    let number = word.bytes().all(|b| b.is_ascii_digit());
    !number && word.parse::<jiff::Timestamp>().is_err()
}

/// What happened once, as lines for people.
fn lines(told: &Value, lead: &str) -> String {
    let text = |field: &str| told[field].as_str().unwrap_or_default();
    let object = match text("namespace") {
        "" => format!("{} {}", text("resource"), text("name")),
        namespace => format!("{} {namespace}/{}", text("resource"), text("name")),
    };
    let revision = told["revision"].as_u64().unwrap_or_default();
    let verb = match text("sub") {
        "" => text("verb").to_owned(),
        sub => format!("{} of {sub}", text("verb")),
    };
    let by = match (text("user"), text("agent")) {
        ("", _) => "by the server itself".to_owned(),
        (user, "") => format!("by {user} ({verb})"),
        (user, agent) => format!("by {user} with {agent} ({verb})"),
    };
    let what = match text("what") {
        "" => "written",
        what => what,
    };
    let time = match text("time") {
        "" => String::new(),
        time => format!("{time} "),
    };
    let mut out = match what {
        "refused" => format!(
            "{lead}{time}after revision {revision}: {object} refused {by}: {} {}\n",
            told["code"],
            text("why")
        ),
        what => format!("{lead}{time}revision {revision}: {object} {what} {by}\n"),
    };
    let indent = " ".repeat(if lead.is_empty() { 4 } else { 8 });
    for field in told["fields"].as_array().into_iter().flatten() {
        let text = |name: &str| field[name].as_str();
        let path = text("field").unwrap_or_default();
        out += &match (text("before"), text("after")) {
            (Some(before), Some(after)) => format!("{indent}{path}: {before} -> {after}\n"),
            _ => format!("{indent}{path}\n"),
        };
    }
    out
}

/// A word as a query holds it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    word.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn a_change_for_people() {
        let told = json!({"revision": 7, "resource": "deployments.apps", "namespace": "shop",
            "name": "web", "what": "changed", "time": "2026-01-02T03:04:05Z", "user": "joe",
            "agent": "oc", "verb": "patch", "sub": "",
            "fields": [{"field": "spec.replicas", "before": "1", "after": "3"}, {"field": "data.x"}]});
        let expected = "2026-01-02T03:04:05Z revision 7: deployments.apps shop/web changed by joe with oc (patch)\n    spec.replicas: 1 -> 3\n    data.x\n";
        assert_eq!(lines(&told, ""), expected);
        assert_eq!(quoted("a b+ä"), "a%20b%2B%C3%A4");
    }
}
