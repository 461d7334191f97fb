//! The verbs about pods. Source: `cmd/crictl/sandbox.go`.

use super::{
    Call, Sandbox,
    containers::{one_or_many, state_filter},
    fatal, labelled, latest,
    message::{Message, fields, plain},
    pattern,
    table::{Table, age, short},
};
use crate::{
    object::{json, time},
    sim::shell::process::Done,
};

fn state(s: &Sandbox) -> &'static str {
    if s.ready { "Ready" } else { "NotReady" }
}

fn wanted(call: &Call<'_>) -> Result<Vec<Sandbox>, String> {
    let states = state_filter(&call.o, &["ready", "notready"], "ready or notready")?;
    let (name, namespace) = (pattern(&call.o, 'N')?, pattern(&call.o, 'S')?);
    let matches = |s: &Sandbox| {
        call.o.value('I').is_none_or(|id| s.id.starts_with(id))
            && states.as_ref().is_none_or(|wanted| *wanted == state(s).to_lowercase())
            && name.is_match(&s.name)
            && namespace.is_match(&s.namespace)
            && labelled(&s.labels, &call.o)
    };
    let mut found: Vec<Sandbox> = call.runtime.sandboxes().into_iter().filter(matches).collect();
    latest(&mut found, &call.o);
    Ok(found)
}

/// `crictl pods`
pub async fn list(call: Call<'_>) -> Done {
    let table = match call.table(true).await {
        Ok(table) => table,
        Err(code) => return Ok(code),
    };
    let found = match wanted(&call) {
        Ok(found) => found,
        Err(why) => {
            return fatal(call.p, format!("listing pod sandboxes: list pod sandboxes: {why}"))
                .await;
        }
    };
    if !table {
        let items = Message::List(found.iter().map(listed).collect());
        return call.write(&fields([("items", items)])).await;
    }
    let text = match (call.o.has('q'), call.o.has('v')) {
        (true, _) => found.iter().map(|s| format!("{}\n", s.id)).collect(),
        (_, true) => found.iter().map(verbose).collect(),
        _ => rows(&call, &found),
    };
    call.p.out(text).await?;
    Ok(0)
}

fn rows(call: &Call<'_>, found: &[Sandbox]) -> String {
    let titles = ["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"];
    let mut table = Table::new(&titles);
    for s in found {
        let seconds = call.p.clock.now().duration_since(s.created).as_secs();
        table.row(vec![
            if call.o.has('T') { s.id.clone() } else { short(&s.id) },
            format!("{} ago", age(seconds)),
            state(s).to_owned(),
            s.name.clone(),
            s.namespace.clone(),
            "0".into(),
            "(default)".into(),
        ]);
    }
    table.text()
}

fn verbose(s: &Sandbox) -> String {
    let labels: String = s.labels.iter().map(|(k, v)| format!("\t{k} -> {v}\n")).collect();
    format!(
        "ID: {}\nName: {}\nUID: {}\nNamespace: {}\nStatus: {}\nCreated: {}\nLabels:\n{labels}\
         Runtime: (default)\n\n",
        s.id,
        s.name,
        s.uid,
        s.namespace,
        state(s),
        s.created.strftime("%Y-%m-%d %H:%M:%S.%f +0000 UTC"),
    )
}

fn metadata(s: &Sandbox) -> Message {
    fields([
        ("name", plain(&*s.name)),
        ("uid", plain(&*s.uid)),
        ("namespace", plain(&*s.namespace)),
        ("attempt", plain(0)),
    ])
}

fn listed(s: &Sandbox) -> Message {
    fields([
        ("id", plain(&*s.id)),
        ("metadata", metadata(s)),
        ("state", plain(format!("SANDBOX_{}", state(s).to_uppercase()))),
        ("createdAt", plain(s.created.as_nanosecond().to_string())),
        ("labels", plain(json!(s.labels))),
        ("annotations", plain(json!({}))),
        ("runtimeHandler", plain("")),
    ])
}

/// `crictl inspectp`
pub async fn inspect(call: Call<'_>) -> Done {
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
            "metadata": metadata(s), "annotations": {}, "runtimeHandler": "",
            "state": format!("SANDBOX_{}", state(s).to_uppercase()),
            "network": {"additionalIps": [], "ip": s.ip},
        }}));
    }
    one_or_many(call, found, "inspectp").await
}
