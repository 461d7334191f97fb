//! A node's `/var/log` and its journal, as its kubelet serves them (`oc adm node-logs`).
//! Source: kubelet `pkg/kubelet/server/server.go` and `kubelet_server_journal.go`.

mod journal;
mod query;

use crate::{
    api::{Request, Server},
    object::{ObjectExt, Value},
    runtime::{Containers, LogOptions, Target},
    store::Snapshot,
};
use futures_util::StreamExt;
use query::JournalQuery;
use std::collections::BTreeSet;

/// An answer: status, media type, body.
pub type Reply = (u16, &'static str, String);

const PLAIN: &str = "text/plain; charset=utf-8";

/// The journal, as far as a query string asks for it.
pub fn journal(server: &Server, request: &Request, asked: &str) -> Reply {
    let query = match JournalQuery::read(asked, server.world.clock.now()) {
        Ok(query) => query,
        Err(why) => return (400, PLAIN, why + "\n"),
    };
    let strangers: Vec<&str> = query.strangers().collect();
    if !strangers.is_empty() {
        let missing = strangers.iter().map(|s| format!("\nlog not found for {s}\n"));
        return (200, PLAIN, missing.collect());
    }
    if query.boot < 0 {
        let boot = query.boot;
        let why = "is not available: No such boot ID in journal";
        return (200, PLAIN, format!("Data from the specified boot ({boot}) {why}\n"));
    }
    let snapshot = server.store.snapshot();
    let node = snapshot.get("nodes", "", &request.name).map(|e| e.value()).unwrap_or_default();
    let lines = journal::of(&snapshot, &node, &server.settings.versions);
    (200, PLAIN, query.shown(node.name(), &lines))
}

/// A folder below `/var/log`, or a file: the logs of containers, as the runtime keeps them.
pub async fn file(
    server: &Server,
    containers: &dyn Containers,
    request: &Request,
    parts: &[&str],
) -> Option<Reply> {
    let snapshot = server.store.snapshot();
    let pods = pods(&snapshot, &request.name);
    Some(match parts {
        [] => folder(["containers/", "crio/", "journal/", "pods/"].map(String::from)),
        ["crio" | "journal"] => folder([]),
        ["pods"] => folder(pods.iter().map(|p| folder_of(p) + "/")),
        ["containers"] => folder(pods.iter().flat_map(|p| {
            let (pod, namespace) = (p.name(), p.namespace());
            runs(p).map(move |(name, id)| format!("{pod}_{namespace}_{name}-{id}.log"))
        })),
        ["pods", pod] => {
            let pod = pods.iter().find(|p| folder_of(p) == *pod)?;
            folder(runs(pod).map(|(name, _)| format!("{name}/")))
        }
        ["pods", pod, container] => {
            let pod = pods.iter().find(|p| folder_of(p) == *pod)?;
            runs(pod).find(|(name, _)| name == container)?;
            folder([format!("{}.log", restarts(pod, container))])
        }
        ["pods", pod, container, log] => {
            let pod = pods.iter().find(|p| folder_of(p) == *pod)?;
            runs(pod).find(|(name, _)| name == container)?;
            if *log != format!("{}.log", restarts(pod, container)) {
                return None;
            }
            (200, PLAIN, kept(containers, pod, container).await?)
        }
        ["containers", log] => {
            let is = |pod: &Value, name: &str, id: &str| {
                *log == format!("{}_{}_{name}-{id}.log", pod.name(), pod.namespace())
            };
            let mut found = pods.iter().flat_map(|p| runs(p).map(move |(n, id)| (p, n, id)));
            let (pod, container, _) = found.find(|(pod, name, id)| is(pod, name, id))?;
            (200, PLAIN, kept(containers, pod, container).await?)
        }
        _ => return None,
    })
}

fn pods(snapshot: &Snapshot, node: &str) -> Vec<Value> {
    let all = snapshot.list("pods", "").map(|e| e.value());
    all.filter(|p| p.str_at("spec.nodeName") == node).collect()
}

fn folder_of(pod: &Value) -> String {
    format!("{}_{}_{}", pod.namespace(), pod.name(), pod.uid())
}

/// Names and IDs of a pod's containers that have run.
fn runs(pod: &Value) -> impl Iterator<Item = (&str, &str)> {
    let lists = ["status.initContainerStatuses", "status.containerStatuses"];
    let statuses = lists.into_iter().flat_map(|l| pod.list_at(l));
    statuses.filter_map(|s| {
        let id = s.str_at("containerID").rsplit('/').next().filter(|id| !id.is_empty())?;
        Some((s.str_at("name"), id))
    })
}

fn restarts(pod: &Value, container: &str) -> i64 {
    let lists = ["status.initContainerStatuses", "status.containerStatuses"];
    let mut statuses = lists.into_iter().flat_map(|l| pod.list_at(l));
    let found = statuses.find(|s| s.str_at("name") == container);
    found.and_then(|s| s.i64_at("restartCount")).unwrap_or(0)
}

/// A container's log in the form of its file: time, stream, whether the line is whole.
async fn kept(containers: &dyn Containers, pod: &Value, container: &str) -> Option<String> {
    let target = Target {
        namespace: pod.namespace().into(),
        pod: pod.name().into(),
        container: container.into(),
    };
    let options = LogOptions { timestamps: true, ..LogOptions::default() };
    let mut log = containers.logs(target, options).ok()?;
    let mut text = Vec::new();
    while let Some(chunk) = log.next().await {
        text.extend_from_slice(&chunk);
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = |l: &str| match l.split_once(' ') {
        Some((at, said)) => format!("{at} stdout F {said}\n"),
        None => format!("{l} stdout F \n"),
    };
    Some(text.lines().map(line).collect())
}

/// A listing, as Go's file server writes it.
fn folder(names: impl IntoIterator<Item = String>) -> Reply {
    let names: BTreeSet<String> = names.into_iter().collect();
    let links: String = names.iter().map(|n| format!("<a href=\"{n}\">{n}</a>\n")).collect();
    let head = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n";
    (200, "text/html; charset=utf-8", format!("{head}<pre>\n{links}</pre>\n"))
}
