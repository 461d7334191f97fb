//! `batch/v1` Job: runs pods until enough of them succeeded.

use super::cells::{CONTAINERS, IMAGES, label_selector};
use crate::{
    kinds::{CellCx, Column, Generation, Kind, Sub, columns},
    object::{ObjectExt, Value, duration, json, time},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "batch",
    kind: "Job",
    plural: "jobs",
    categories: &["all"],
    subresources: &[Sub::STATUS],
    columns: COLUMNS,
    selectable: &["status.successful"],
    schema: "io.k8s.api.batch.v1.Job",
    generation: Generation::Spec,
    orphans_by_default: true,
    ..Kind::BASE
};

const COLUMNS: &[Column] = &[
    Column::text("Status", "Status of the job.", |o, _| json!(status_word(o))),
    Column::text(
        "Completions",
        "The number of pods which reached phase Succeeded. The value increases monotonically for a given spec. However, it may decrease in reaction to scale down of elastic indexed jobs.",
        |o, _| json!(completions(o)),
    ),
    Column::text("Duration", "Time required to complete the job.", |o, cx| json!(took(o, cx))),
    columns::AGE,
    CONTAINERS.wide(),
    IMAGES.wide(),
    Column::text(
        "Selector",
        "A label query over pods that should match the pod count. Normally, the system sets this field for you. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        |o, _| label_selector(o.at("spec.selector")),
    )
    .wide(),
];

fn status_word(job: &Value) -> &'static str {
    let holds = |kind| job.condition(kind).is_some_and(|c| c.str_at("status") == "True");
    if holds("Complete") {
        return "Complete";
    }
    if holds("Failed") {
        return "Failed";
    }
    if job.is_deleting() {
        return "Terminating";
    }
    let rest = ["Suspended", "FailureTarget", "SuccessCriteriaMet"];
    rest.into_iter().find(|kind| holds(kind)).unwrap_or("Running")
}

fn completions(job: &Value) -> String {
    let succeeded = job.i64_at("status.succeeded").unwrap_or(0);
    if let Some(wanted) = job.i64_at("spec.completions") {
        return format!("{succeeded}/{wanted}");
    }
    match job.i64_at("spec.parallelism") {
        Some(n) if n > 1 => format!("{succeeded}/1 of {n}"),
        _ => format!("{succeeded}/1"),
    }
}

fn took(job: &Value, cx: &CellCx) -> String {
    let Some(start) = time::parse(job.str_at("status.startTime")) else { return String::new() };
    let end = time::parse(job.str_at("status.completionTime")).unwrap_or(cx.now);
    duration::human(end.duration_since(start))
}
