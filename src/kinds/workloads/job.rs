//! `batch/v1` Job: runs pods until enough of them succeeded.

use super::{
    cells::{CONTAINERS, IMAGES, label_selector},
    checks,
    field::Field,
    job_status, jobspec, template,
};
use crate::{
    error::{Causes, Error},
    kinds::{CellCx, Column, Cx, Generation, Hooks, Kind, Sub, columns},
    object::{ObjectExt, Value, duration, json, name, selector::Labels, time},
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
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(job_status::validate),
        warn: Some(|new, old| jobspec::warnings(new, old, "spec")),
        ..Hooks::NONE
    },
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
    match time::parse(job.str_at("status.completionTime")) {
        Some(end) => duration::human(end.duration_since(start)),
        None => cx.since(start, duration::human),
    }
}

const UID_LABEL: &str = "batch.kubernetes.io/controller-uid";
/// Labels of a Job's pods that carry its uid, the older form first.
const UID_LABELS: [&str; 2] = ["controller-uid", UID_LABEL];
/// Labels of a Job's pods that carry its name, the older form first.
const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];

fn default(o: &mut Value) {
    template::default_template(o.at_mut("spec.template"));
    jobspec::default(o);
    // A new Job's labels wait for those its template is about to get.
    if o.at("spec.selector").is_some() {
        labels_of_template(o);
    }
}

/// A Job without labels has those of its template, the generated ones included.
fn labels_of_template(o: &mut Value) {
    let labels = o.at("spec.template.metadata.labels").filter(|l| l.is_object()).cloned();
    if let Some(labels) = labels
        && o.map_at("metadata.labels").is_none_or(crate::object::Map::is_empty)
    {
        o.set_at("metadata.labels", labels);
    }
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        if !o.is_true("spec.manualSelector") {
            generate_selector(o);
        }
        // Only what is read again gets the generated ones, and of a bad name nothing is.
        if name::label_value_problems(o.name()).is_empty() {
            labels_of_template(o);
        }
        o.set_at("status", json!({}));
    }
    Ok(())
}

/// Labels and selector that tie pods to this Job alone. What the user set stays, for validation to
/// refuse if it is wrong.
fn generate_selector(o: &mut Value) {
    let (name, uid) = (o.name().to_owned(), o.uid().to_owned());
    let names = NAME_LABELS.map(|label| (label, name.clone()));
    let template = o.at_mut("spec.template");
    for (label, value) in names.into_iter().chain(UID_LABELS.map(|label| (label, uid.clone()))) {
        if template.label(label).is_none() {
            template.set_label(label, value);
        }
    }
    let selected = o.at_mut("spec.selector.matchLabels");
    if selected.get(UID_LABEL).is_none() {
        if !selected.is_object() {
            *selected = json!({});
        }
        selected[UID_LABEL] = json!(uid);
    }
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    if !new.is_true("spec.manualSelector") && spec.get("selector").is_set() {
        generated_selector(new, out);
    }
    jobspec::validate(&spec, out);
    let selector = spec.get("selector");
    if !selector.is_set() {
        selector.required(out, "");
    }
    checks::label_selector(&selector, out);
    let matches = |s: &Value| Labels::from_object(s).matches_object(&new["spec"]["template"]);
    if checks::evaluable(&selector) && !selector.value.is_some_and(matches) {
        let labels = spec.get("template.metadata.labels");
        labels.invalid(out, "`selector` does not match template `labels`");
    }
    pod_names(new, out);
    if let Some(old) = old {
        super::job_update::validate(new, old, out);
    }
}

fn generated_selector(job: &Value, out: &mut Causes) {
    let template = &job["spec"]["template"];
    let pairs = [
        (UID_LABELS[0], job.uid()),
        (NAME_LABELS[0], job.name()),
        (UID_LABELS[1], job.uid()),
        (NAME_LABELS[1], job.name()),
    ];
    for (label, wanted) in pairs {
        let path = format!("spec.template.metadata.labels[{label}]");
        let why = format!("must be '{wanted}'");
        match template.label(label) {
            None => out.required(path, &why),
            Some(found) if found != wanted => {
                out.invalid(path, template.at("metadata.labels").unwrap_or(&Value::Null), why);
            }
            Some(_) => {}
        }
    }
    let selector = &job["spec"]["selector"];
    let expected = |key: &str| pairs.iter().find(|(label, _)| *label == key).map(|(_, v)| *v);
    let evaluable = checks::evaluable(&Field::of(job, "spec.selector"));
    if evaluable && !Labels::from_object(selector).matches(expected) {
        out.invalid("spec.selector", selector, "`selector` not auto-generated");
    }
}

/// Pods of an Indexed Job are called after their index.
fn pod_names(job: &Value, out: &mut Causes) {
    let completions = job.i64_at("spec.completions").unwrap_or(0);
    if job.str_at("spec.completionMode") != "Indexed" || completions <= 0 {
        return;
    }
    let longest = format!("{}-{}", job.name(), completions - 1);
    if !name::label_problems(&longest).is_empty() {
        let why = format!("will not able to create pod with invalid DNS label: {longest}");
        out.invalid("metadata.name", &json!(job.name()), why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_tied_to_their_job_by_uid() {
        let mut job = json!({"metadata": {"name": "j", "uid": "u"},
            "spec": {"template": {"metadata": {"labels": {"job-name": "mine"}}, "spec": {}}}});
        generate_selector(&mut job);
        assert_eq!(job["spec"]["selector"], json!({"matchLabels": {UID_LABEL: "u"}}));
        let labels = &job["spec"]["template"]["metadata"]["labels"];
        assert_eq!(labels["batch.kubernetes.io/job-name"], "j");
        assert_eq!(labels["controller-uid"], "u");
        // The user's own label stays, and is refused.
        assert_eq!(labels["job-name"], "mine");
        let mut causes = Causes::default();
        generated_selector(&job, &mut causes);
        assert_eq!(causes.0[0].field, "spec.template.metadata.labels[job-name]");
    }

    #[test]
    fn printed_rows() {
        let cx = CellCx::at("2026-01-01T00:10:00Z".parse().unwrap());
        let row = |job: &Value| -> Vec<Value> {
            COLUMNS[..3].iter().map(|c| (c.cell)(job, &cx)).collect()
        };
        let rows = [
            (
                json!({"spec": {"completions": 2}, "status": {"succeeded": 1}}),
                ["Running", "1/2", ""],
            ),
            (
                json!({"spec": {"parallelism": 3}, "status": {"startTime": "2026-01-01T00:00:00Z"}}),
                ["Running", "0/1 of 3", "10m"],
            ),
            (
                json!({"spec": {"parallelism": 1}, "status": {"startTime": "2026-01-01T00:00:00Z",
                "completionTime": "2026-01-01T00:00:30Z", "succeeded": 1,
                "conditions": [{"type": "SuccessCriteriaMet", "status": "True"},
                    {"type": "Complete", "status": "True"}]}}),
                ["Complete", "1/1", "30s"],
            ),
            (
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"completions": 1},
                "status": {"conditions": [{"type": "Suspended", "status": "True"}]}}),
                ["Terminating", "0/1", ""],
            ),
        ];
        for (job, expected) in rows {
            assert_eq!(row(&job), expected, "{job}");
        }
    }
}
