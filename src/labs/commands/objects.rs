//! Objects of any kind: apply, create, patch, annotate, delete.

use super::{Command, Hands, Words, text};
use crate::{
    api::{Body, PatchType, Verb},
    labs::words,
    object::{ObjectExt, Value, json, read},
};

pub const COMMANDS: &[Command] = &[
    Command { begins: "oc apply", run: |h, w, i| Box::pin(apply(h, w, i)) },
    Command { begins: "oc create deployment", run: |h, w, _| Box::pin(deployment(h, w)) },
    Command { begins: "oc create is", run: |h, w, _| Box::pin(image_stream(h, w)) },
    Command { begins: "oc create imagestream", run: |h, w, _| Box::pin(image_stream(h, w)) },
    Command { begins: "oc patch", run: |h, w, _| Box::pin(patch(h, w)) },
    Command { begins: "oc annotate", run: |h, w, _| Box::pin(annotate(h, w)) },
    Command { begins: "oc delete", run: |h, w, _| Box::pin(delete(h, w)) },
];

async fn apply(hands: &Hands, words: &Words, input: &str) -> Result<String, String> {
    if words.flag("f") != "-" {
        return Err("say -f - and give the manifests as input".into());
    }
    let mut said = Vec::new();
    for object in read::yaml_documents(input)? {
        said.push(hands.apply(object).await?);
    }
    Ok(said.join("\n"))
}

async fn deployment(hands: &Hands, words: &Words) -> Result<String, String> {
    let name = words.at(0)?;
    let image = words.flag("image");
    let last = image.rsplit('/').next().unwrap_or(image);
    let container = last.split([':', '@']).next().unwrap_or(last);
    let replicas = match words.flag("replicas") {
        "" => 1,
        many => many.parse::<u32>().map_err(|_| format!("--replicas {many}: is no number"))?,
    };
    let labels = json!({"app": name});
    let made = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": container, "image": image}]}}},
    });
    hands.create(&words::kind("deployment")?, made).await.map_err(text)?;
    Ok(format!("deployment.apps/{name} created"))
}

async fn image_stream(hands: &Hands, words: &Words) -> Result<String, String> {
    let name = words.at(0)?;
    let made = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
        "metadata": {"name": name}});
    hands.create(&words::kind("imagestream")?, made).await.map_err(text)?;
    Ok(format!("imagestream.image.openshift.io/{name} created"))
}

/// `KIND/NAME` or `KIND NAME`, and how many words that takes.
fn named(words: &Words) -> Result<(crate::kinds::Served, &str, usize), String> {
    match words.at(0)? {
        first if first.contains('/') => {
            let (kind, name) = words::named(first)?;
            Ok((kind, name, 1))
        }
        first => Ok((words::kind(first)?, words.at(1)?, 2)),
    }
}

async fn patch(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name, _) = named(words)?;
    let form = match words.flag("type") {
        "" | "strategic" => PatchType::Strategic,
        "merge" => PatchType::Merge,
        "json" => PatchType::Json,
        other => return Err(format!("--type {other}: must be json, merge or strategic")),
    };
    let change = match words.flag("p") {
        "" => words.flag("patch"),
        change => change,
    };
    let (change, _) = read::yaml(change.as_bytes())?;
    hands.patch(&kind, name, form, change).await.map_err(text)?;
    Ok(format!("{}/{name} patched", kind.kind.to_lowercase()))
}

async fn annotate(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name, taken) = named(words)?;
    let mut annotations = crate::object::Map::new();
    for pair in words.plain.iter().skip(taken) {
        match (pair.split_once('='), pair.strip_suffix('-')) {
            (Some((key, value)), _) => annotations.insert(key.into(), value.into()),
            (None, Some(key)) => annotations.insert(key.into(), Value::Null),
            (None, None) => return Err(format!("{pair:?} is not KEY=VALUE")),
        };
    }
    let change = json!({"metadata": {"annotations": annotations}});
    hands.patch(&kind, name, PatchType::Merge, change).await.map_err(text)?;
    Ok(format!("{}/{name} annotated", kind.kind.to_lowercase()))
}

async fn delete(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name, _) = named(words)?;
    let project = hands.project.as_str();
    hands.call(Verb::Delete, &kind, (name, ""), Body::Empty, project).await.map_err(text)?;
    Ok(format!("{} {name:?} deleted", kind.kind.to_lowercase()))
}

/// The containers of a workload's template.
pub(super) fn containers(object: &Value) -> &[Value] {
    object.list_at("spec.template.spec.containers")
}
