//! What a write to a Job's status may say: a finished Job stays finished, counters do not fall.
//!
//! Source: kubernetes `pkg/apis/batch/validation` (`ValidateJobStatusUpdate`) with the options of
//! `pkg/registry/batch/job`.

use super::{field::Field, jobspec};
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, time},
};

/// Two versions of a Job and the questions asked about them.
struct Change<'a> {
    new: &'a Value,
    old: &'a Value,
}

fn holds(job: &Value, condition: &str) -> bool {
    job.list_at("status.conditions")
        .iter()
        .any(|c| c.str_at("type") == condition && c.str_at("status") == "True")
}

fn finished(job: &Value) -> bool {
    holds(job, "Complete") || holds(job, "Failed")
}

impl Change<'_> {
    fn flips(&self, condition: &str) -> bool {
        holds(self.new, condition) != holds(self.old, condition)
    }
    fn moves(&self, field: &str) -> bool {
        let path = format!("status.{field}");
        let at = |o: &Value| o.at(&path).filter(|v| !v.is_null()).cloned();
        at(self.new) != at(self.old)
    }
    fn set(&self, field: &str) -> bool {
        Field::of(self.new, &format!("status.{field}")).is_set()
    }
    fn count(&self, field: &str) -> i64 {
        self.new.i64_at(&format!("status.{field}")).unwrap_or(0)
    }
}

/// Checks a write to the status.
pub fn validate(new: &Value, old: &Value, out: &mut Causes) {
    let status = Field::of(new, "status");
    for counter in ["active", "succeeded", "failed", "ready", "terminating"] {
        status.get(counter).nonnegative(out);
    }
    let change = Change { new, old };
    times(&change, &status, out);
    conditions(&change, &status, out);
    end(&change, &status, out);
    indexes(&change, &status, out);
    if (change.moves("ready") || change.moves("active"))
        && change.count("ready") > change.count("active")
    {
        status.get("ready").invalid(out, "cannot set more ready pods than active");
    }
    progress(&change, &status, out);
}

fn times(change: &Change<'_>, status: &Field<'_>, out: &mut Causes) {
    let completion = status.get("completionTime");
    let complete = holds(change.new, "Complete");
    if change.flips("Complete") || change.moves("completionTime") {
        if completion.is_set() && !complete {
            let why = "cannot set completionTime when there is no Complete=True condition";
            completion.invalid(out, why);
        }
        if !completion.is_set() && complete {
            completion.required(out, "completionTime is required for Complete jobs");
        }
    }
    if change.moves("startTime") || change.moves("completionTime") {
        let at = |f: &str| time::parse(status.get(f).text());
        if at("completionTime").zip(at("startTime")).is_some_and(|(end, start)| end < start) {
            completion.invalid(out, "must be equal to or after `startTime`");
        }
    }
}

fn conditions(change: &Change<'_>, status: &Field<'_>, out: &mut Causes) {
    let list = status.get("conditions");
    let now = |condition: &str| holds(change.new, condition);
    let (met, failed, complete) = (now("SuccessCriteriaMet"), now("Failed"), now("Complete"));
    let target = now("FailureTarget");
    let rows = [
        (
            (change.flips("Failed") || change.moves("failedIndexes")) && failed && !target,
            "cannot set Failed=True condition without the FailureTarget=true condition",
        ),
        (
            (change.flips("Complete") || change.flips("SuccessCriteriaMet")) && complete && !met,
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (met && failed, "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
        (met && target, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
        (
            complete && !met && change.new.at("spec.successPolicy").is_some(),
            "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
        ),
    ];
    for (_, why) in rows.iter().filter(|(wrong, _)| *wrong) {
        list.invalid_quietly(out, why);
    }
}

fn end(change: &Change<'_>, status: &Field<'_>, out: &mut Causes) {
    if !finished(change.new) {
        return;
    }
    let ends = finished(change.new) != finished(change.old);
    if (ends || change.moves("active")) && change.count("active") > 0 {
        status.get("active").invalid(out, "active>0 is invalid for finished job");
    }
    let empty =
        change.new.is_true("spec.suspend") && change.new.i64_at("spec.completions") == Some(0);
    if (ends || change.moves("startTime")) && !empty && !change.set("startTime") {
        status.get("startTime").required(out, "startTime is required for finished job");
    }
    let uncounted = status.get("uncountedTerminatedPods");
    let left = uncounted.get("failed").list().len() + uncounted.get("succeeded").list().len();
    if (ends || change.moves("uncountedTerminatedPods")) && left > 0 {
        uncounted.invalid(out, "must be empty for finished job");
    }
    if (ends || change.moves("terminating")) && change.count("terminating") > 0 {
        status.get("terminating").invalid(out, "terminating>0 is invalid for finished job");
    }
}

fn indexes(change: &Change<'_>, status: &Field<'_>, out: &mut Causes) {
    let spec = Field::of(change.new, "spec");
    let per_index = spec.get("backoffLimitPerIndex").is_set();
    for (name, moved) in [("completedIndexes", true), ("failedIndexes", per_index)] {
        let list = status.get(name);
        let Some(completions) = spec.get("completions").int().filter(|_| moved) else { continue };
        if !change.moves(name) || !list.is_set() {
            continue;
        }
        if let Err(why) = jobspec::count_indexes(list.text(), completions) {
            list.invalid(out, format!("error parsing {name}: {why}"));
        }
    }
    let completed = status.get("completedIndexes");
    let indexed = spec.get("completionMode").text() == "Indexed";
    if change.moves("completedIndexes") && !completed.text().is_empty() && !indexed {
        let why = "cannot set non-empty completedIndexes when non-indexed completion mode";
        completed.invalid(out, why);
    }
    let failed = status.get("failedIndexes");
    if change.moves("failedIndexes") && failed.is_set() && !per_index {
        let why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        failed.invalid(out, why);
    }
    let touched = change.moves("failedIndexes") || change.moves("completedIndexes");
    let common = jobspec::common_index(completed.text(), failed.text());
    if let Some(index) = common.filter(|_| touched && spec.get("completions").is_set()) {
        failed
            .invalid(out, format!("failedIndexes and completedIndexes overlap at index: {index}"));
    }
}

fn progress(change: &Change<'_>, status: &Field<'_>, out: &mut Causes) {
    let list = status.get("conditions");
    let lost = |c: &str| holds(change.old, c) && !holds(change.new, c);
    for condition in ["Failed", "Complete", "FailureTarget"].into_iter().filter(|c| lost(c)) {
        let why = format!("cannot disable the terminal {condition}=True condition");
        list.invalid_quietly(out, why);
    }
    let spec = |f: &str| change.new.i64_at(&format!("spec.{f}"));
    let elastic = change.new.str_at("spec.completionMode") == "Indexed"
        && spec("completions") == spec("parallelism");
    for counter in ["failed", "succeeded"].into_iter().filter(|c| *c == "failed" || !elastic) {
        let path = format!("status.{counter}");
        if change.count(counter) < change.old.i64_at(&path).unwrap_or(0) {
            let why = format!("cannot decrease the {counter} counter");
            out.invalid(path, &json!(change.count(counter)), why);
        }
    }
    let completion = status.get("completionTime");
    let before = Field::of(change.old, "status.completionTime");
    if completion.is_set() && before.is_set() {
        completion.immutable(&before, out);
    }
    start_time(change, status, out);
    if lost("SuccessCriteriaMet") {
        list.invalid_quietly(out, "cannot disable the SuccessCriteriaMet=True condition");
    }
    if holds(change.old, "Complete") && change.flips("SuccessCriteriaMet") {
        list.invalid_quietly(
            out,
            "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
        );
    }
}

fn start_time(change: &Change<'_>, status: &Field<'_>, out: &mut Causes) {
    let resumed = change.new.condition("Suspended").is_some_and(|c| c.str_at("status") == "False");
    let resuming = holds(change.old, "Suspended") && resumed;
    let was_set = Field::of(change.old, "status.startTime").is_set();
    if change.moves("startTime") && was_set && !resuming && !change.new.is_true("spec.suspend") {
        let why = "field is immutable for unsuspended job once set";
        status.get("startTime").invalid(out, why);
    }
}
