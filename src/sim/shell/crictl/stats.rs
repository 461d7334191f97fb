//! `crictl stats`: processor time, memory and the writable layer of containers.
//! Source: `cmd/crictl/container_stats.go`.

use super::{
    Call, NodeContainer,
    containers::{labels, metadata},
    fatal, labelled,
    message::{Message, fields, number, plain},
    table::{Table, short, size},
};
use crate::{object::json, sim::shell::process::Done};
use jiff::SignedDuration;
use std::collections::HashMap;

/// Significant digits of sizes here.
const DIGITS: usize = 4;

fn wanted(call: &Call<'_>) -> Vec<NodeContainer> {
    let id = call.o.value('I').or(call.o.rest.first().map(String::as_str)).unwrap_or("");
    let matches = |c: &NodeContainer| {
        c.id.starts_with(id)
            && call.o.value('p').is_none_or(|p| c.sandbox.starts_with(p))
            && labelled(&labels(c), &call.o)
    };
    let mut found: Vec<NodeContainer> =
        call.runtime.containers().into_iter().filter(matches).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// `crictl stats`
pub async fn list(call: Call<'_>) -> Done {
    let first = wanted(&call);
    if !matches!(call.o.value('o'), None | Some("table")) {
        let layers = call.runtime.images().usage().containers;
        let now = call.p.clock.now().as_nanosecond().to_string();
        let shown = first.iter().map(|c| message(c, &now, &layers)).collect();
        return call.write(&fields([("stats", Message::List(shown))])).await;
    }
    let before: HashMap<String, u64> = first.into_iter().map(|c| (c.id, c.usage.cpu)).collect();
    let start = call.p.clock.now();
    let seconds = call.o.value('s').and_then(|s| s.parse().ok()).unwrap_or(1);
    call.p.sleep(SignedDuration::from_secs(seconds)).await;
    let passed = call.p.clock.now().duration_since(start).as_nanos();
    if passed <= 0 {
        return fatal(call.p, "get container stats: cpu stat is not updated during sample").await;
    }
    let mut table = Table::new(&["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"]);
    for c in wanted(&call) {
        let Some(old) = before.get(&c.id).filter(|_| call.o.has('a') || c.finished.is_none())
        else {
            continue;
        };
        let percent = c.usage.cpu.saturating_sub(*old) as f64 / passed as f64 * 100.0;
        table.row(vec![
            short(&c.id),
            c.name.clone(),
            format!("{percent:.2}"),
            size(c.usage.memory, DIGITS),
            size(c.usage.disk, DIGITS),
            c.usage.files.to_string(),
            size(0, DIGITS),
        ]);
    }
    call.p.out(table.text()).await?;
    Ok(0)
}

fn message(c: &NodeContainer, now: &str, layers: &str) -> Message {
    let at = || ("timestamp", plain(now));
    let used = &c.usage;
    let available = used.limit.map_or(0, |limit| limit.saturating_sub(used.memory));
    let attributes = fields([
        ("id", plain(&*c.id)),
        ("metadata", metadata(c)),
        ("labels", plain(json!(labels(c)))),
        ("annotations", plain(json!({}))),
    ]);
    let memory = fields([
        at(),
        ("workingSetBytes", number(used.memory)),
        ("availableBytes", number(available)),
        ("usageBytes", number(used.memory)),
        ("rssBytes", number(used.memory)),
        ("pageFaults", number(used.memory / 4096)),
        ("majorPageFaults", number(0)),
    ]);
    let layer = fields([
        at(),
        ("fsId", fields([("mountpoint", plain(layers))])),
        ("usedBytes", number(used.disk)),
        ("inodesUsed", number(used.files)),
    ]);
    fields([
        ("attributes", attributes),
        ("cpu", fields([at(), ("usageCoreNanoSeconds", number(used.cpu))])),
        ("memory", memory),
        ("writableLayer", layer),
        ("swap", fields([at(), ("swapAvailableBytes", number(0)), ("swapUsageBytes", number(0))])),
    ])
}
