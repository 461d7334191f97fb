//! Image streams: tags, aliases, imports, triggers, names without a registry.

use super::{Command, Hands, Words, text};
use crate::{
    api::PatchType,
    error::Error,
    labs::words,
    object::{ObjectExt, Value, json},
};

pub const COMMANDS: &[Command] = &[
    Command { begins: "oc tag", run: |h, w, _| Box::pin(tag(h, w)) },
    Command { begins: "oc import-image", run: |h, w, _| Box::pin(import(h, w)) },
    Command { begins: "oc create istag", run: |h, w, _| Box::pin(create_tag(h, w)) },
    Command { begins: "oc set triggers", run: |h, w, _| Box::pin(triggers(h, w)) },
    Command { begins: "oc set image-lookup", run: |h, w, _| Box::pin(lookup(h, w)) },
];

/// Stream and tag of `STREAM:TAG`.
fn split(word: &str) -> (&str, &str) {
    word.split_once(':').unwrap_or((word, "latest"))
}

fn policy(words: &Words) -> &'static str {
    match words.flag("reference-policy") {
        "local" | "Local" => "Local",
        _ => "Source",
    }
}

async fn tag(hands: &Hands, words: &Words) -> Result<String, String> {
    let tags = words::kind("imagestreamtag")?;
    if words.is("d") {
        let name = words.at(0)?;
        let gone = super::Body::Empty;
        hands
            .call(super::Verb::Delete, &tags, (name, ""), gone, &hands.project)
            .await
            .map_err(text)?;
        return Ok(format!("Deleted tag {}/{name}.", hands.project));
    }
    let (source, target) = (words.at(0)?, words.at(1)?);
    let (_, name) = split(target);
    let outside = source.contains('/');
    let from = match (outside, words.is("alias"), source.contains('@')) {
        (true, ..) => json!({"kind": "DockerImage", "name": source}),
        (false, _, true) => json!({"kind": "ImageStreamImage", "name": source}),
        (false, true, _) => json!({"kind": "ImageStreamTag", "name": source}),
        (false, false, _) => {
            let known = hands.get(&tags, source).await.map_err(text)?;
            let (stream, _) = split(source);
            let image = format!("{stream}@{}", known.str_at("image.metadata.name"));
            json!({"kind": "ImageStreamImage", "name": image})
        }
    };
    let made = json!({
        "apiVersion": "image.openshift.io/v1", "kind": "ImageStreamTag", "metadata": {"name": target},
        "tag": {"name": name, "from": from, "referencePolicy": {"type": policy(words)},
            "importPolicy": if words.is("scheduled") { json!({"scheduled": true}) } else { json!({}) }},
    });
    match hands.replace(&tags, made.clone()).await {
        Err(Error::NotFound { .. }) => drop(hands.create(&tags, made).await.map_err(text)?),
        other => drop(other.map_err(text)?),
    }
    Ok(match (words.is("alias"), words.is("scheduled")) {
        (true, _) => format!("Tag {target} set up to track {source}."),
        (_, true) => format!("Tag {target} set to import {source} periodically."),
        _ => format!("Tag {target} set to {source}."),
    })
}

async fn import(hands: &Hands, words: &Words) -> Result<String, String> {
    let (stream, tag) = split(words.at(0)?);
    let known = hands.get(&words::kind("imagestream")?, stream).await;
    let from = match (words.flag("from"), &known) {
        ("", Ok(known)) => {
            let tags = known.list_at("spec.tags").iter();
            let found = tags.clone().find(|t| t.str_at("name") == tag);
            found.map_or("", |t| t.str_at("from.name")).to_owned()
        }
        (from, _) => from.to_owned(),
    };
    if known.is_err() && !words.is("confirm") {
        return Err(format!(
            "no image stream named {stream:?} exists, pass --confirm to create and import"
        ));
    }
    if from.is_empty() {
        return Err(format!("the tag {tag:?} does not exist on the image stream: say --from"));
    }
    let asked = json!({
        "apiVersion": "image.openshift.io/v1", "kind": "ImageStreamImport",
        "metadata": {"name": stream, "namespace": hands.project},
        "spec": {"import": true, "images": [{
            "from": {"kind": "DockerImage", "name": from}, "to": {"name": tag},
            "importPolicy": if words.is("scheduled") { json!({"scheduled": true}) } else { json!({}) },
            "referencePolicy": {"type": policy(words)},
        }]},
    });
    let done = hands.create(&words::kind("imagestreamimport")?, asked).await.map_err(text)?;
    let status = done.list_at("status.images").first().cloned().unwrap_or_default();
    match status.str_at("status.status") {
        "Failure" => Err(status.str_at("status.message").to_owned()),
        _ => Ok(format!("imagestream.image.openshift.io/{stream} imported")),
    }
}

async fn create_tag(hands: &Hands, words: &Words) -> Result<String, String> {
    let name = words.at(0)?;
    let image = words.flag("from-image");
    let made = json!({
        "apiVersion": "image.openshift.io/v1", "kind": "ImageStreamTag", "metadata": {"name": name},
        "tag": {"name": split(name).1, "from": {"kind": "DockerImage", "name": image},
            "importPolicy": if words.is("scheduled") { json!({"scheduled": true}) } else { json!({}) },
            "referencePolicy": {"type": policy(words)}},
    });
    hands.create(&words::kind("imagestreamtag")?, made).await.map_err(text)?;
    Ok(format!("imagestreamtag.image.openshift.io/{name} created"))
}

const TRIGGERS: &str = "image.openshift.io/triggers";

/// Source: openshift/oc `pkg/cli/set/triggers.go`.
async fn triggers(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name) = words::named(words.at(0)?)?;
    let object = hands.get(&kind, name).await.map_err(text)?;
    let old = object.annotation(TRIGGERS).unwrap_or("[]");
    let mut all: Vec<Value> = serde_json::from_str(old).unwrap_or_default();
    let chosen: Vec<&str> = words.flag("containers").split(',').filter(|c| !c.is_empty()).collect();
    let image = words.flag("from-image");
    if words.is("remove-all") {
        all.clear();
    } else if image.is_empty() {
        // Every trigger of it, on or off.
        all.iter_mut().for_each(|trigger| pause(trigger, words.is("manual")));
    } else {
        let (stream, tag) = split(image);
        let from = json!({"kind": "ImageStreamTag", "name": format!("{stream}:{tag}")});
        let containers = super::objects::containers(&object).iter().map(|c| c.str_at("name"));
        for container in containers.filter(|c| chosen.is_empty() || chosen.contains(c)) {
            let path = format!("spec.template.spec.containers[?(@.name==\"{container}\")].image");
            all.retain(|t| t.str_at("fieldPath") != path);
            let mut trigger = json!({"from": from, "fieldPath": path});
            pause(&mut trigger, words.is("manual"));
            all.push(trigger);
        }
    }
    let note =
        if all.is_empty() { Value::Null } else { Value::Array(all.into()).to_string().into() };
    let change = json!({"metadata": {"annotations": {TRIGGERS: note}}});
    hands.patch(&kind, name, PatchType::Merge, change).await.map_err(text)?;
    Ok(format!("deployment.apps/{name} triggers updated"))
}

fn pause(trigger: &mut Value, manual: bool) {
    match manual {
        true => trigger.set_at("paused", "true"),
        false => drop(trigger.remove_at("paused")),
    }
}

async fn lookup(hands: &Hands, words: &Words) -> Result<String, String> {
    let first = words.at(0)?;
    let enabled = words.flag("enabled") != "false";
    if !first.contains('/') {
        let change = json!({"spec": {"lookupPolicy": {"local": enabled}}});
        let streams = words::kind("imagestream")?;
        hands.patch(&streams, first, PatchType::Merge, change).await.map_err(text)?;
        return Ok(format!("imagestream.image.openshift.io/{first} image lookup updated"));
    }
    let (kind, name) = words::named(first)?;
    let value = if enabled { json!("*") } else { Value::Null };
    let note = json!({"alpha.image.policy.openshift.io/resolve-names": value});
    let change = json!({"metadata": {"annotations": note},
        "spec": {"template": {"metadata": {"annotations": note}}}});
    hands.patch(&kind, name, PatchType::Merge, change).await.map_err(text)?;
    Ok(format!("deployment.apps/{name} image lookup updated"))
}
