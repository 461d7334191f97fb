//! The verbs about containers, pods and the runtime itself.

use super::{
    Call, NodeContainer, Sandbox, fatal,
    table::{Table, age, short, size},
};
use crate::{
    object::{Value, json, time},
    sim::shell::process::Done,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// Key order as written is kept by passing text through.
fn ordered(pairs: &[(&str, Value)]) -> Option<Box<RawValue>> {
    let one = |(k, v): &(&str, Value)| format!("{k:?}:{v}");
    let text = pairs.iter().map(one).collect::<Vec<_>>().join(",");
    RawValue::from_string(format!("{{{text}}}")).ok()
}

fn labels(c: &NodeContainer) -> Value {
    json!({
        "io.kubernetes.container.name": c.name,
        "io.kubernetes.pod.name": c.pod,
        "io.kubernetes.pod.namespace": c.namespace,
        "io.kubernetes.pod.uid": c.uid,
    })
}

fn state(c: &NodeContainer) -> &'static str {
    if c.finished.is_some() { "Exited" } else { "Running" }
}

/// `crictl ps`
pub async fn list(call: Call<'_>) -> Done {
    let table = match call.table(true).await {
        Ok(table) => table,
        Err(code) => return Ok(code),
    };
    let text = call.o.value('f').unwrap_or("");
    let wanted = |c: &NodeContainer| {
        (call.o.has('a') || c.finished.is_none())
            && call.o.value('p').is_none_or(|p| c.sandbox.starts_with(p))
            && (c.name.contains(text) || c.image_name.contains(text) || c.namespace == text)
    };
    let found: Vec<NodeContainer> = call.runtime.containers().into_iter().filter(wanted).collect();
    if !table {
        #[derive(Serialize)]
        struct List {
            containers: Vec<Option<Box<RawValue>>>,
        }
        return call.write(&List { containers: found.iter().map(listed).collect() }).await;
    }
    if call.o.has('q') {
        let ids: String = found.iter().map(|c| format!("{}\n", c.id)).collect();
        call.p.out(ids).await?;
        return Ok(0);
    }
    let titles =
        ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
    let mut table = Table::new(&titles);
    let cut = |id: &str| if call.o.has('n') { id.to_owned() } else { short(id) };
    for c in &found {
        let seconds = call.p.clock.now().duration_since(c.created).as_secs();
        table.row(vec![
            cut(&c.id),
            cut(&c.image),
            format!("{} ago", age(seconds)),
            state(c).to_owned(),
            c.name.clone(),
            c.attempt.to_string(),
            cut(&c.sandbox),
            c.pod.clone(),
            c.namespace.clone(),
        ]);
    }
    call.p.out(table.text()).await?;
    Ok(0)
}

fn listed(c: &NodeContainer) -> Option<Box<RawValue>> {
    ordered(&[
        ("id", json!(c.id)),
        ("podSandboxId", json!(c.sandbox)),
        ("metadata", json!({"name": c.name, "attempt": c.attempt})),
        ("image", json!({"image": c.image, "userSpecifiedImage": c.image_name})),
        ("imageRef", json!(c.image_ref)),
        ("state", json!(format!("CONTAINER_{}", state(c).to_uppercase()))),
        ("createdAt", json!(c.created.as_nanosecond().to_string())),
        ("labels", labels(c)),
        ("annotations", json!({})),
        ("imageId", json!(c.image)),
    ])
}

/// `crictl pods`
pub async fn pods(call: Call<'_>) -> Done {
    let table = match call.table(true).await {
        Ok(table) => table,
        Err(code) => return Ok(code),
    };
    let text = call.o.value('f').unwrap_or("");
    let wanted = |s: &Sandbox| s.name.contains(text) || s.namespace == text;
    let found: Vec<Sandbox> = call.runtime.sandboxes().into_iter().filter(wanted).collect();
    if !table {
        #[derive(Serialize)]
        struct List {
            items: Vec<Option<Box<RawValue>>>,
        }
        return call.write(&List { items: found.iter().map(listed_pod).collect() }).await;
    }
    if call.o.has('q') {
        let ids: String = found.iter().map(|s| format!("{}\n", s.id)).collect();
        call.p.out(ids).await?;
        return Ok(0);
    }
    let titles = ["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"];
    let mut table = Table::new(&titles);
    for s in &found {
        let seconds = call.p.clock.now().duration_since(s.created).as_secs();
        table.row(vec![
            if call.o.has('n') { s.id.clone() } else { short(&s.id) },
            format!("{} ago", age(seconds)),
            if s.ready { "Ready" } else { "NotReady" }.to_owned(),
            s.name.clone(),
            s.namespace.clone(),
            "0".into(),
            "(default)".into(),
        ]);
    }
    call.p.out(table.text()).await?;
    Ok(0)
}

fn listed_pod(s: &Sandbox) -> Option<Box<RawValue>> {
    let metadata = json!({"name": s.name, "uid": s.uid, "namespace": s.namespace, "attempt": 0});
    let state = if s.ready { "SANDBOX_READY" } else { "SANDBOX_NOTREADY" };
    ordered(&[
        ("id", json!(s.id)),
        ("metadata", metadata),
        ("state", json!(state)),
        ("createdAt", json!(s.created.as_nanosecond().to_string())),
        ("labels", json!(s.labels)),
        ("annotations", json!({})),
        ("runtimeHandler", json!("")),
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
            "id": c.id, "metadata": {"name": c.name, "attempt": c.attempt},
            "state": format!("CONTAINER_{}", state(c).to_uppercase()),
            "createdAt": time::seconds(c.created), "startedAt": time::seconds(c.created),
            "finishedAt": ended, "exitCode": c.code,
            "reason": if c.finished.is_none() { "" } else if c.code == 0 { "Completed" } else { "Error" },
            "image": {"image": c.image_name}, "imageRef": c.image_ref, "imageId": c.image,
            "labels": labels(c), "annotations": {}, "mounts": [],
            "logPath": format!("/var/log/pods/{}_{}_{}/{}/{}.log", c.namespace, c.pod, c.uid, c.name, c.attempt),
        }, "info": {"sandboxID": c.sandbox}}));
    }
    one_or_many(call, found, "inspect").await
}

/// `crictl inspectp`
pub async fn inspect_pod(call: Call<'_>) -> Done {
    let all = call.runtime.sandboxes();
    let mut found = Vec::new();
    for id in &call.o.rest {
        let Some(s) = all.iter().find(|s| s.id.starts_with(id.as_str())) else {
            let why = format!(
                "rpc error: code = NotFound desc = could not find pod \"{id}\": PodSandbox with ID starting with {id} not found: ID does not exist"
            );
            return fatal(call.p, format!("getting the pod sandbox status for {id:?}: {why}"))
                .await;
        };
        found.push(json!({"status": {
            "id": s.id, "createdAt": time::seconds(s.created), "labels": s.labels,
            "metadata": {"name": s.name, "uid": s.uid, "namespace": s.namespace, "attempt": 0},
            "state": if s.ready { "SANDBOX_READY" } else { "SANDBOX_NOTREADY" },
            "annotations": {}, "runtimeHandler": "",
        }}));
    }
    one_or_many(call, found, "inspectp").await
}

async fn one_or_many(call: Call<'_>, found: Vec<Value>, verb: &str) -> Done {
    match <[Value; 1]>::try_from(found) {
        Ok([one]) => call.write(&one).await,
        Err(none) if none.is_empty() => {
            call.p.err(format!("NAME:\n   crictl {verb}\n\nUSAGE:\n   crictl {verb} [command options] ID [ID...]")).await;
            Ok(1)
        }
        Err(many) => call.write(&many).await,
    }
}

/// `crictl stats`
pub async fn stats(call: Call<'_>) -> Done {
    let running = call.runtime.containers().into_iter().filter(|c| c.finished.is_none());
    let wanted = |c: &NodeContainer| {
        call.o.rest.is_empty() || call.o.rest.iter().any(|id| c.id.starts_with(id.as_str()))
    };
    let found: Vec<NodeContainer> = running.filter(wanted).collect();
    if !matches!(call.o.value('o'), None | Some("table")) {
        let now = call.p.clock.now().as_nanosecond().to_string();
        let one = |c: &NodeContainer| {
            json!({
                "attributes": {"id": c.id, "metadata": {"name": c.name, "attempt": c.attempt},
                    "labels": labels(c), "annotations": {}},
                "memory": {"timestamp": now, "workingSetBytes": {"value": c.memory.to_string()}},
            })
        };
        return call.write(&json!({"stats": found.iter().map(one).collect::<Vec<_>>()})).await;
    }
    let mut table = Table::new(&["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"]);
    for c in &found {
        table.row(vec![
            short(&c.id),
            c.name.clone(),
            "0.00".into(),
            size(c.memory, 4),
            size(8192, 4),
            "16".into(),
            size(0, 4),
        ]);
    }
    call.p.out(table.text()).await?;
    Ok(0)
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
