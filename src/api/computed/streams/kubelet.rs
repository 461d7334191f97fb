//! What a node's kubelet answers through `nodes/proxy`: its read paths.
//! Source: `pkg/kubelet/server/server.go`.

use super::{containers, nodelogs, options, paced, pod};
use crate::{
    api::{Answer, Request, Response, Server},
    error::Error,
    object::{ObjectExt, Value, json},
    runtime::{Fetch, Fetched, Target},
    settings::{Kubelet, Threshold},
};

/// Answers a request to a kubelet.
pub async fn answer(server: &Server, request: &Request, fetch: &Fetch) -> Result<Answer, Error> {
    let (path, query) = fetch.path.split_once('?').unwrap_or((&fetch.path, ""));
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    if !matches!(fetch.method.as_str(), "GET" | "HEAD") {
        return Ok(text(405, "405: Method Not Allowed"));
    }
    let node = request.name.as_str();
    Ok(match parts.as_slice() {
        ["healthz"] | ["healthz", "ping" | "log" | "syncloop"] => text(200, "ok"),
        ["pods"] => document(&json!({"kind": "PodList", "apiVersion": "v1", "metadata": {},
            "items": pods(server, node)})),
        ["configz"] => document(&json!({"kubeletconfig": config(&server.settings.kubelet)})),
        ["stats", "summary"] => document(&containers(server, request)?.summary(node)),
        ["containerLogs", namespace, pod, container] => {
            return log(server, request, node, [namespace, pod, container]);
        }
        ["logs", "journal"] => shown(nodelogs::journal(server, request, query)),
        ["logs"] if query.contains("query=") => shown(nodelogs::journal(server, request, query)),
        ["logs", parts @ ..] => {
            let containers = containers(server, request)?;
            let found = nodelogs::file(server, &*containers, request, parts).await;
            found.map_or_else(|| text(404, "404 page not found\n"), shown)
        }
        _ => text(404, "404 page not found\n"),
    })
}

fn shown((status, kind, body): nodelogs::Reply) -> Answer {
    of_type(status, kind, body)
}

fn text(status: u16, body: &str) -> Answer {
    of_type(status, "text/plain; charset=utf-8", body.to_owned())
}

fn document(value: &Value) -> Answer {
    of_type(200, "application/json", value.to_string())
}

fn of_type(status: u16, kind: &str, body: String) -> Answer {
    let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
    Response::Passed(Fetched { status, headers, body: body.into(), address: None }).into()
}

/// The pods of a node, as the kubelet holds them: without type.
fn pods(server: &Server, node: &str) -> Vec<Value> {
    let snapshot = server.store.snapshot();
    let mut found: Vec<Value> = snapshot.list("pods", "").map(|e| e.value()).collect();
    found.retain(|p| p.str_at("spec.nodeName") == node);
    for pod in found.iter_mut().filter_map(Value::as_object_mut) {
        pod.remove("kind");
        pod.remove("apiVersion");
    }
    found
}

fn config(kubelet: &Kubelet) -> Value {
    let amount = |threshold: &Threshold| match threshold {
        Threshold::Percent(p) => format!("{p}%"),
        Threshold::Amount(n) => n.to_string(),
    };
    let hard = kubelet.eviction_hard.iter().map(|(k, t)| (k.clone(), json!(amount(t))));
    let hard: crate::object::Map = hard.collect();
    let seconds = |d: jiff::SignedDuration| format!("{}s", d.as_secs());
    json!({
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "imageGCHighThresholdPercent": kubelet.gc_high,
        "imageGCLowThresholdPercent": kubelet.gc_low,
        "imageMinimumGCAge": seconds(kubelet.minimum_age),
        "imageMaximumGCAge": seconds(kubelet.maximum_age),
        "evictionHard": hard,
        "evictionPressureTransitionPeriod": seconds(kubelet.eviction_pressure_transition_period),
        "nodeStatusMaxImages": kubelet.node_status_max_images,
    })
}

fn log(
    server: &Server,
    request: &Request,
    node: &str,
    [namespace, name, container]: [&str; 3],
) -> Result<Answer, Error> {
    let snapshot = server.store.snapshot();
    let here = |e: &Value| e.str_at("spec.nodeName") == node;
    let Some(found) = snapshot.get("pods", namespace, name).map(|e| e.value()).filter(here) else {
        return Ok(text(404, &format!("pod {name:?} does not exist\n")));
    };
    let now = server.world.clock.now();
    let (_, options) = options::log(name, &request.options.parameters, now)?;
    let container = match pod::container(&found, container) {
        Ok(container) => container,
        Err(_) => {
            return Ok(text(404, &format!("container {container:?} not found in pod {name:?}\n")));
        }
    };
    if let Err(why) = pod::has_log(&found, &container, options.previous) {
        return Ok(text(400, &(why + "\n")));
    }
    let target = Target { namespace: namespace.into(), pod: name.into(), container };
    let containers = containers(server, request)?;
    let lost = containers.lost(node);
    Ok(paced(server, containers.logs(target, options)?, lost))
}
