//! Time, the vendors' registries and machines: what an administrator moves.

use super::{Command, Hands, Words};
use crate::{
    http::{AtDesk, Query},
    object::{ObjectExt, Value, json, read},
};
use actix_web::body::to_bytes;

pub const COMMANDS: &[Command] = &[
    Command { begins: "pocketshift time", run: |h, w, _| Box::pin(time(h, w)) },
    Command { begins: "pocketshift registry tag", run: |h, w, _| Box::pin(retag(h, w)) },
    Command { begins: "pocketshift registry untag", run: |h, w, _| Box::pin(untag(h, w)) },
    Command { begins: "pocketshift registry outage", run: |h, w, _| Box::pin(outage(h, w)) },
    Command { begins: "pocketshift node fail", run: |h, w, _| Box::pin(node(h, w, "PUT")) },
    Command { begins: "pocketshift node recover", run: |h, w, _| Box::pin(node(h, w, "DELETE")) },
    Command { begins: "pocketshift fault add", run: |h, w, i| Box::pin(fault(h, w, i)) },
    Command { begins: "pocketshift fault remove", run: |h, w, _| Box::pin(mend(h, w)) },
];

impl Hands {
    /// Asks at the desk, as the administrator.
    pub(in crate::labs) async fn ask(
        &self,
        method: &str,
        path: &str,
        query: &str,
    ) -> Result<Value, String> {
        self.at_desk(AtDesk { query: Query::parse(query), ..at(method, path) }).await
    }

    /// The same with a body.
    pub(in crate::labs) async fn send(
        &self,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<Value, String> {
        self.at_desk(AtDesk { body: body.into(), ..at(method, path) }).await
    }

    async fn at_desk(&self, asked: AtDesk) -> Result<Value, String> {
        let path = asked.path.clone();
        let answer = self.desk.answer(asked).await;
        let good = answer.status().is_success();
        let body = to_bytes(answer.into_body()).await.unwrap_or_default();
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        match good {
            true => Ok(value),
            false => {
                let said = value["errors"][0]["message"].as_str().unwrap_or("refused");
                Err(format!("{path}: {said}"))
            }
        }
    }

    /// Lets everything that is due be done.
    pub(in crate::labs) async fn settle(&self) {
        // What cannot be read now is none of the exercise's business.
        let _ = self.ask("GET", "/time", "").await;
    }
}

/// A request of the administrator's.
fn at(method: &str, path: &str) -> AtDesk {
    let subject = Some(("system:admin".into(), vec!["system:masters".into()]));
    AtDesk { method: method.into(), path: path.into(), subject, ..AtDesk::default() }
}

/// Adds rules of faults; answers their names.
pub(in crate::labs) async fn rules(hands: &Hands, rules: &[Value]) -> Result<Vec<String>, String> {
    let sent = json!({"items": rules}).to_string();
    let added = hands.send("POST", "/faults", sent).await?;
    let names = added.list_at("items").iter().map(|rule| rule.name().to_owned());
    Ok(names.collect())
}

async fn fault(hands: &Hands, words: &Words, input: &str) -> Result<String, String> {
    if words.flag("f") != "-" {
        return Err("say -f - and give the rules as input".into());
    }
    Ok(rules(hands, &read::yaml_documents(input)?).await?.join("\n"))
}

async fn mend(hands: &Hands, words: &Words) -> Result<String, String> {
    let name = words.at(0)?;
    hands.ask("DELETE", &format!("/faults/{name}"), "").await?;
    Ok(format!("fault {name} is gone"))
}

async fn time(hands: &Hands, words: &Words) -> Result<String, String> {
    let query = match words.at(0)? {
        "stop" => "rate=0".to_owned(),
        "run" => "rate=1".to_owned(),
        "rate" => format!("rate={}", words.at(1)?),
        "step" => format!("by={}", words.at(1)?),
        "next" => "next=".to_owned(),
        "until" => format!("to={}", words.at(1)?),
        other => return Err(format!("time {other}: say stop, run, rate, step, next or until")),
    };
    let shown = hands.ask("POST", "/time", &query).await?;
    Ok(shown["now"].as_str().unwrap_or_default().to_owned())
}

/// Repository and version of an image of a vendor.
pub(in crate::labs) fn image(word: &str) -> Result<(&str, &str), String> {
    let parts = word.split_once('@').or_else(|| word.rsplit_once(':'));
    let fits = parts.filter(|(name, version)| name.contains('/') && !version.contains('/'));
    fits.ok_or_else(|| format!("{word:?} is not HOST/REPOSITORY:TAG"))
}

async fn retag(hands: &Hands, words: &Words) -> Result<String, String> {
    let (source, tag) = (words.at(0)?, words.at(1)?);
    let (name, from) = image(source)?;
    hands.ask("PUT", &format!("/v2/{name}/manifests/{tag}"), &format!("from={from}")).await?;
    Ok(format!("{name}:{tag} is now {source}"))
}

async fn untag(hands: &Hands, words: &Words) -> Result<String, String> {
    let source = words.at(0)?;
    let (name, tag) = image(source)?;
    hands.ask("DELETE", &format!("/v2/{name}/manifests/{tag}"), "").await?;
    Ok(format!("{source} is gone"))
}

async fn outage(hands: &Hands, words: &Words) -> Result<String, String> {
    let host = words.at(0)?;
    let method = if words.is("end") { "DELETE" } else { "PUT" };
    hands.ask(method, &format!("/registries/{host}/outage"), "").await?;
    Ok(format!(
        "{host} {}",
        if words.is("end") { "answers again" } else { "does not answer any more" }
    ))
}

async fn node(hands: &Hands, words: &Words, method: &str) -> Result<String, String> {
    let name = words.at(0)?;
    hands.ask(method, &format!("/nodes/{name}/outage"), "").await?;
    Ok(format!(
        "node {name} {}",
        if method == "PUT" { "is not heard of any more" } else { "is back" }
    ))
}
