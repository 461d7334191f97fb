//! Rollouts: images, environments, sizes, strategies, pausing, going back, waiting.

use super::{Command, Hands, Words, objects::containers, text};
use crate::{
    api::PatchType,
    kinds::Served,
    labs::words,
    object::{ObjectExt, Text, Value, json},
    world::within,
};
use jiff::SignedDuration;

pub const COMMANDS: &[Command] = &[
    Command { begins: "oc set image", run: |h, w, _| Box::pin(set_image(h, w)) },
    Command { begins: "oc set env", run: |h, w, _| Box::pin(set_env(h, w)) },
    Command { begins: "oc scale", run: |h, w, _| Box::pin(scale(h, w)) },
    Command { begins: "oc rollout pause", run: |h, w, _| Box::pin(pause(h, w, true)) },
    Command { begins: "oc rollout resume", run: |h, w, _| Box::pin(pause(h, w, false)) },
    Command { begins: "oc rollout restart", run: |h, w, _| Box::pin(restart(h, w)) },
    Command { begins: "oc rollout undo", run: |h, w, _| Box::pin(undo(h, w)) },
    Command { begins: "oc rollout status", run: |h, w, _| Box::pin(status(h, w)) },
];

/// Longest wait for a rollout, in the machine's time.
const PATIENCE: SignedDuration = SignedDuration::from_secs(120);

/// The Deployment that is named.
async fn deployment<'w>(
    hands: &Hands,
    words: &'w Words,
) -> Result<(Served, &'w str, Value), String> {
    let (kind, name) = words::named(words.at(0)?)?;
    let object = hands.get(&kind, name).await.map_err(text)?;
    Ok((kind, name, object))
}

/// Changes containers of the template, by a strategic merge.
async fn set_containers(
    hands: &Hands,
    kind: &Served,
    name: &str,
    changed: Vec<Value>,
) -> Result<(), String> {
    let change = json!({"spec": {"template": {"spec": {"containers": changed}}}});
    hands.patch(kind, name, PatchType::Strategic, change).await.map(drop).map_err(text)
}

async fn set_image(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name, object) = deployment(hands, words).await?;
    let mut changed = Vec::new();
    for pair in words.plain.iter().skip(1) {
        let (container, image) =
            pair.split_once('=').ok_or_else(|| format!("{pair:?} is not CONTAINER=IMAGE"))?;
        let known: Vec<&str> = containers(&object).iter().map(|c| c.str_at("name")).collect();
        if container != "*" && !known.contains(&container) {
            return Err(format!("unable to find container named {container:?}"));
        }
        let chosen = known.into_iter().filter(|k| container == "*" || *k == container);
        changed.extend(chosen.map(|c| json!({"name": c, "image": image})));
    }
    set_containers(hands, &kind, name, changed).await?;
    Ok(format!("deployment.apps/{name} image updated"))
}

async fn set_env(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name, object) = deployment(hands, words).await?;
    let pairs = words.plain.iter().skip(1).filter_map(|p| p.split_once('='));
    let env: Vec<Value> = pairs.map(|(n, v)| json!({"name": n, "value": v})).collect();
    let all = containers(&object).iter();
    let changed = all.map(|c| json!({"name": c["name"], "env": env})).collect();
    set_containers(hands, &kind, name, changed).await?;
    Ok(format!("deployment.apps/{name} updated"))
}

async fn scale(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name, _) = deployment(hands, words).await?;
    let replicas: u32 =
        words.flag("replicas").parse().map_err(|_| "say --replicas N".to_owned())?;
    let change = json!({"spec": {"replicas": replicas}});
    hands.patch(&kind, name, PatchType::Merge, change).await.map_err(text)?;
    Ok(format!("deployment.apps/{name} scaled"))
}

async fn pause(hands: &Hands, words: &Words, paused: bool) -> Result<String, String> {
    let (kind, name, object) = deployment(hands, words).await?;
    if object.is_true("spec.paused") == paused {
        let now = if paused { "already" } else { "not" };
        return Err(format!("deployments.apps {name:?} is {now} paused"));
    }
    let change = json!({"spec": {"paused": if paused { json!(true) } else { Value::Null }}});
    hands.patch(&kind, name, PatchType::Merge, change).await.map_err(text)?;
    Ok(format!("deployment.apps/{name} {}", if paused { "paused" } else { "resumed" }))
}

async fn restart(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name, object) = deployment(hands, words).await?;
    if object.is_true("spec.paused") {
        return Err(format!("can't restart paused deployment (run rollout resume first): {name}"));
    }
    let now = crate::object::time::seconds(hands.server.world.clock.now());
    let change = json!({"spec": {"template": {"metadata": {"annotations":
        {"kubectl.kubernetes.io/restartedAt": now}}}}});
    hands.patch(&kind, name, PatchType::Merge, change).await.map_err(text)?;
    Ok(format!("deployment.apps/{name} restarted"))
}

const REVISION: &str = "deployment.kubernetes.io/revision";
/// Annotations that belong to a Deployment, and not to one of its revisions.
const OWN: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// Source: kubectl `pkg/polymorphichelpers/rollback.go`.
async fn undo(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name, object) = deployment(hands, words).await?;
    if object.is_true("spec.paused") {
        return Err(format!(
            "cannot rollback a paused deployment; resume it first with \"rollout resume\": {name}"
        ));
    }
    let number = |set: &Value| set.annotation(REVISION).and_then(|r| r.parse::<u64>().ok());
    let owned = |set: &Value| {
        set.list_at("metadata.ownerReferences").iter().any(|o| o.str_at("uid") == object.uid())
    };
    let sets = hands.list(&words::kind("replicaset")?).await.map_err(text)?;
    let mut sets: Vec<Value> = sets.into_iter().filter(|s| owned(s)).collect();
    sets.sort_by_key(|s| std::cmp::Reverse(number(s)));
    let wanted = words.flag("to-revision").parse::<u64>().unwrap_or(0);
    let target = match wanted {
        0 => sets.get(1).ok_or("no rollout history found")?,
        wanted => sets
            .iter()
            .find(|s| number(s) == Some(wanted))
            .ok_or_else(|| format!("unable to find specified revision {wanted} in history"))?,
    };
    let mut template = target.at("spec.template").cloned().unwrap_or_default();
    if let Some(labels) = template.at_mut("metadata.labels").as_object_mut() {
        labels.remove("pod-template-hash");
    }
    let own = |key: &str| OWN.contains(&key);
    let of = |o: &Value, mine: bool| -> Vec<(Text, Value)> {
        let all = o.map_at("metadata.annotations").into_iter().flatten();
        all.filter(|(k, _)| own(k) == mine).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let annotations: crate::object::Map =
        of(&object, true).into_iter().chain(of(target, false)).collect();
    let change = json!([
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]);
    hands.patch(&kind, name, PatchType::Json, change).await.map_err(text)?;
    Ok(format!("deployment.apps/{name} rolled back"))
}

/// Waits until a rollout has ended one way or the other.
async fn status(hands: &Hands, words: &Words) -> Result<String, String> {
    let (kind, name) = words::named(words.at(0)?)?;
    let mut changed = hands.server.store.feed().any();
    let wait = async {
        loop {
            changed.mark_unchanged();
            let object = hands.get(&kind, name).await.map_err(text)?;
            if let Some(ended) = ended(&object) {
                return ended.map(|()| format!("deployment {name:?} successfully rolled out"));
            }
            if changed.changed().await.is_err() {
                return Err("the server stops".to_owned());
            }
        }
    };
    let waited = within(&*hands.server.world.wall, PATIENCE, wait).await;
    waited.unwrap_or_else(|| Err(format!("the rollout of {name:?} has not ended")))
}

/// How a rollout ended, if it has. Source: kubectl `pkg/polymorphichelpers/rollout_status.go`.
fn ended(object: &Value) -> Option<Result<(), String>> {
    let count = |path: &str| object.i64_at(path).unwrap_or(0);
    if count("status.observedGeneration") < count("metadata.generation") {
        return None;
    }
    let progress = object.condition("Progressing").map_or("", |c| c.str_at("reason"));
    if progress == "ProgressDeadlineExceeded" {
        return Some(Err(format!("deployment {:?} exceeded its progress deadline", object.name())));
    }
    let wanted = object.i64_at("spec.replicas").unwrap_or(1);
    let updated = count("status.updatedReplicas");
    let done = updated >= wanted
        && count("status.replicas") <= updated
        && count("status.availableReplicas") >= updated;
    done.then_some(Ok(()))
}
