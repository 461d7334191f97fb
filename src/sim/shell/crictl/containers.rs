//! The verbs about containers and the runtime itself. Source: `cmd/crictl/container.go`,
//! `version.go` and `info.go`.

use super::{
    Call, NodeContainer, fatal, images, labelled, latest,
    message::{Message, fields, plain},
    pattern,
    table::{Table, age, short},
};
use crate::{
    object::{Value, json, time},
    sim::shell::{options::Options, process::Done},
};
use std::collections::BTreeMap;

/// The labels the kubelet gives a container.
pub fn labels(c: &NodeContainer) -> BTreeMap<String, String> {
    let pairs = [
        ("io.kubernetes.container.name", &c.name),
        ("io.kubernetes.pod.name", &c.pod),
        ("io.kubernetes.pod.namespace", &c.namespace),
        ("io.kubernetes.pod.uid", &c.uid),
    ];
    pairs.into_iter().map(|(k, v)| (k.to_owned(), v.clone())).collect()
}

/// A container's name and how often it was started before.
pub fn metadata(c: &NodeContainer) -> Message {
    fields([("name", plain(&*c.name)), ("attempt", plain(c.attempt))])
}

fn state(c: &NodeContainer) -> &'static str {
    if c.finished.is_some() { "Exited" } else { "Running" }
}

/// The state that is asked for.
///
/// # Errors
/// There is no such state.
pub fn state_filter(o: &Options, known: &[&str], words: &str) -> Result<Option<String>, String> {
    match o.value('s').map(str::to_lowercase) {
        Some(wanted) if !known.contains(&&*wanted) => Err(format!("--state should be {words}")),
        wanted => Ok(wanted),
    }
}

fn wanted(call: &Call<'_>) -> Result<Vec<NodeContainer>, String> {
    let o = &call.o;
    let states = ["created", "running", "exited", "unknown"];
    let state_asked = state_filter(o, &states, "one of created, running, exited or unknown")?;
    let (name, namespace) = (pattern(o, 'N')?, pattern(o, 'S')?);
    let every_state = o.has('a') || o.has('l') || o.value('n').is_some_and(|n| n != "0");
    let held = call.runtime.images().list();
    let image = o.value('M').map(|text| images::find(&held, text).map(|i| i.id.clone()));
    let matches = |c: &NodeContainer| {
        let right_state = match &state_asked {
            Some(wanted) => *wanted == state(c).to_lowercase(),
            None => every_state || c.finished.is_none(),
        };
        right_state
            && o.value('I').is_none_or(|id| c.id.starts_with(id))
            && o.value('p').is_none_or(|p| c.sandbox.starts_with(p))
            && image.as_ref().is_none_or(|id| id.as_ref() == Some(&c.image))
            && name.is_match(&c.name)
            && namespace.is_match(&c.namespace)
            && labelled(&labels(c), o)
    };
    let mut found: Vec<NodeContainer> =
        call.runtime.containers().into_iter().filter(matches).collect();
    latest(&mut found, o);
    Ok(found)
}

/// `crictl ps`
pub async fn list(call: Call<'_>) -> Done {
    let table = match call.table(true).await {
        Ok(table) => table,
        Err(code) => return Ok(code),
    };
    let found = match wanted(&call) {
        Ok(found) => found,
        Err(why) => {
            return fatal(call.p, format!("listing containers: list containers: {why}")).await;
        }
    };
    if !table {
        let all = Message::List(found.iter().map(listed).collect());
        return call.write(&fields([("containers", all)])).await;
    }
    let text = match (call.o.has('q'), call.o.has('v')) {
        (true, _) => found.iter().map(|c| format!("{}\n", c.id)).collect(),
        (_, true) => found.iter().map(|c| verbose(&call, c)).collect(),
        _ => rows(&call, &found),
    };
    call.p.out(text).await?;
    Ok(0)
}

fn created(call: &Call<'_>, c: &NodeContainer) -> String {
    format!("{} ago", age(call.p.clock.now().duration_since(c.created).as_secs()))
}

fn rows(call: &Call<'_>, found: &[NodeContainer]) -> String {
    let titles =
        ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
    let mut table = Table::new(&titles);
    let cut = |id: &str| if call.o.has('T') { id.to_owned() } else { short(id) };
    let held = call.runtime.images().list();
    for c in found {
        let tag = held.iter().find(|i| i.id == c.image).and_then(|i| i.tags.first());
        let tag = tag.filter(|_| call.o.has('r'));
        table.row(vec![
            cut(&c.id),
            tag.cloned().unwrap_or_else(|| cut(&c.image)),
            created(call, c),
            state(c).to_owned(),
            c.name.clone(),
            c.attempt.to_string(),
            cut(&c.sandbox),
            c.pod.clone(),
            c.namespace.clone(),
        ]);
    }
    table.text()
}

fn verbose(call: &Call<'_>, c: &NodeContainer) -> String {
    let labels: String = labels(c).iter().map(|(k, v)| format!("\t{k} -> {v}\n")).collect();
    format!(
        "ID: {}\nPodID: {}\nNamespace: {}\nName: {}\nAttempt: {}\nState: {}\nImage: {}\n\
         Created: {}\nLabels:\n{labels}\n",
        c.id,
        c.sandbox,
        c.namespace,
        c.name,
        c.attempt,
        state(c),
        c.image,
        created(call, c),
    )
}

fn listed(c: &NodeContainer) -> Message {
    let image = fields([
        ("image", plain(&*c.image)),
        ("annotations", plain(json!({}))),
        ("userSpecifiedImage", plain(&*c.image_name)),
        ("runtimeHandler", plain("")),
    ]);
    fields([
        ("id", plain(&*c.id)),
        ("podSandboxId", plain(&*c.sandbox)),
        ("metadata", metadata(c)),
        ("image", image),
        ("imageRef", plain(&*c.image_ref)),
        ("state", plain(format!("CONTAINER_{}", state(c).to_uppercase()))),
        ("createdAt", plain(c.created.as_nanosecond().to_string())),
        ("labels", plain(json!(labels(c)))),
        ("annotations", plain(json!({}))),
        ("imageId", plain(&*c.image)),
    ])
}

/// `crictl inspect`
pub async fn inspect(call: Call<'_>) -> Done {
    let all = call.runtime.containers();
    let mut found = Vec::new();
    for id in &call.o.rest {
        let Some(c) = all.iter().find(|c| c.id.starts_with(id.as_str())) else {
            let why = format!(
                "rpc error: code = NotFound desc = could not find container \"{id}\": container with ID starting with {id} not found: ID does not exist"
            );
            return fatal(call.p, format!("getting the status of the container {id:?}: {why}"))
                .await;
        };
        let ended = c.finished.map_or("0001-01-01T00:00:00Z".into(), time::seconds);
        found.push(json!({"status": {
            "id": c.id, "metadata": metadata(c),
            "state": format!("CONTAINER_{}", state(c).to_uppercase()),
            "createdAt": time::seconds(c.created), "startedAt": time::seconds(c.created),
            "finishedAt": ended, "exitCode": c.code,
            "reason": if c.finished.is_none() { "" } else if c.code == 0 { "Completed" } else { "Error" },
            "image": {"annotations": {}, "image": c.image_name, "runtimeHandler": "", "userSpecifiedImage": ""},
            "imageId": c.image, "imageRef": c.image_ref,
            "labels": labels(c), "annotations": {}, "message": "", "mounts": [],
            "logPath": format!("/var/log/pods/{}_{}_{}/{}/{}.log", c.namespace, c.pod, c.uid, c.name, c.attempt),
        }, "info": {"sandboxID": c.sandbox}}));
    }
    one_or_many(call, found, "inspect").await
}

/// Writes what was found: one object, or a list of several.
pub async fn one_or_many(call: Call<'_>, found: Vec<Value>, verb: &str) -> Done {
    match <[Value; 1]>::try_from(found) {
        Ok([one]) => call.write(&one).await,
        Err(none) if none.is_empty() => {
            call.p.err(format!("NAME:\n   crictl {verb}\n\nUSAGE:\n   crictl {verb} [command options] ID [ID...]")).await;
            Ok(1)
        }
        Err(many) => call.write(&many).await,
    }
}

/// `crictl version`
pub async fn version(call: Call<'_>) -> Done {
    let version = call.runtime.version();
    call.p
        .out(format!(
            "Version:  0.1.0\nRuntimeName:  cri-o\nRuntimeVersion:  {version}\n\
             RuntimeApiVersion:  v1\n"
        ))
        .await?;
    Ok(0)
}

/// `crictl info`
pub async fn info(call: Call<'_>) -> Done {
    let condition = |kind: &str| json!({"message": "", "reason": "", "status": true, "type": kind});
    let conditions = [condition("RuntimeReady"), condition("NetworkReady")];
    call.write(&json!({"status": {"conditions": conditions}})).await
}
