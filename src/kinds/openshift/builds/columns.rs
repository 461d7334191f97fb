//! Tables of builds and their configs. Source: openshift-apiserver `pkg/build/printers`.

use crate::{
    kinds::{CellCx, Column, cluster::cells},
    object::{ObjectExt, Value, json, time},
};

pub(super) const OF_CONFIGS: &[Column] = &[
    Column::text("Type", "Type is a description of the build strategy", |o, _| kind(o)),
    Column::text("From", "From is a description of the build source", |o, _| json!(source(o))),
    Column::text("Latest", "Latest is the number of the latest build", |o, _| {
        json!(o.i64_at("status.lastVersion").unwrap_or(0))
    }),
];

pub(super) const OF_BUILDS: &[Column] = &[
    Column::text("Type", "Type is a description of the build strategy", |o, _| kind(o)),
    Column::text("From", "From is a description of the build source", |o, _| json!(source(o))),
    Column::text("Status", "Status is the current phase of the build", |o, _| json!(status(o))),
    Column::text("Started", "Started is when the build's pod began", started),
    Column::text("Duration", "Duration is how long the build took", |o, _| json!(duration(o))),
];

fn kind(o: &Value) -> Value {
    cells::text(o, "spec.strategy.type")
}

/// What a build is made from: its source, at the commit it is known to be.
fn source(o: &Value) -> String {
    let spec = o.at("spec").unwrap_or(&Value::Null);
    let has = |path: &str| spec.at(path).is_some_and(|v| v.is_object());
    let commit = spec.str_at("revision.git.commit");
    let at = |name: &str| match commit.get(..7) {
        Some(short) => format!("{name}@{short}"),
        None if has("source.git") && !spec.str_at("source.git.ref").is_empty() => {
            format!("{name}@{}", spec.str_at("source.git.ref"))
        }
        None => name.to_owned(),
    };
    let mut parts = Vec::new();
    if !spec.str_at("source.dockerfile").is_empty() {
        parts.push("Dockerfile".to_owned());
    }
    if has("source.binary") {
        parts.push(at("Binary"));
    } else if has("source.git") {
        parts.push(at("Git"));
    }
    parts.join(",")
}

fn status(o: &Value) -> String {
    match (o.str_at("status.phase"), o.str_at("status.reason")) {
        (phase, "") => phase.to_owned(),
        (phase, reason) => format!("{phase} ({reason})"),
    }
}

fn started(o: &Value, cx: &CellCx) -> Value {
    let since = o.str_at("status.startTimestamp");
    match time::parse(since) {
        Some(at) => json!(format!("{} ago", cx.since(at, |d| human(d.as_secs())))),
        None => json!(""),
    }
}

/// A time as docker's tools tell it. Source: docker/go-units.
fn human(seconds: i64) -> String {
    match seconds {
        ..=0 => "Less than a second".into(),
        1 => "1 second".into(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".into(),
        120..3600 => format!("{} minutes", seconds / 60),
        3600..7200 => "About an hour".into(),
        7200..172_800 => format!("{} hours", seconds / 3600),
        172_800..1_209_600 => format!("{} days", seconds / 86_400),
        1_209_600..5_184_000 => format!("{} weeks", seconds / 604_800),
        5_184_000..63_072_000 => format!("{} months", seconds / 2_592_000),
        _ => format!("{} years", seconds / 31_536_000),
    }
}

fn duration(o: &Value) -> String {
    let nanos = o.i64_at("status.duration").unwrap_or(0);
    let seconds = nanos / 1_000_000_000;
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, 0) => String::new(),
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}
