//! `batch/v1` CronJob: starts Jobs on a schedule.

use super::{
    cells::{CONTAINERS, IMAGES, label_selector, since},
    field::{Field, not_supported},
    jobspec, template,
};
use crate::{
    error::{Causes, Error},
    kinds::{Column, Cx, Generation, Hooks, Kind, Sub, columns},
    object::{ObjectExt, Value, cron, json},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "batch",
    kind: "CronJob",
    plural: "cronjobs",
    short: &["cj"],
    categories: &["all"],
    subresources: &[Sub::STATUS],
    columns: COLUMNS,
    schema: "io.k8s.api.batch.v1.CronJob",
    generation: Generation::Spec,
    hooks: Hooks {
        default: Some(|o| template::default_template(o.at_mut("spec.jobTemplate.spec.template"))),
        prepare: Some(prepare),
        validate: Some(validate),
        warn: Some(warn),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

const COLUMNS: &[Column] = &[
    Column::text(
        "Schedule",
        "The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron.",
        |o, _| json!(o.str_at("spec.schedule")),
    ),
    Column::text(
        "Timezone",
        "The time zone name for the given schedule, see https://en.wikipedia.org/wiki/List_of_tz_database_time_zones. If not specified, this will default to the time zone of the kube-controller-manager process. The set of valid time zone names and the time zone offset is loaded from the system-wide time zone database by the API server during CronJob validation and the controller manager during execution. If no system-wide time zone database can be found a bundled version of the database is used instead. If the time zone name becomes invalid during the lifetime of a CronJob or due to a change in host configuration, the controller will stop creating new new Jobs and will create a system event with the reason UnknownTimeZone. More information can be found in https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones",
        |o, _| o.at("spec.timeZone").cloned().unwrap_or_else(|| json!("<none>")),
    ),
    Column {
        kind: "boolean",
        ..Column::text(
            "Suspend",
            "This flag tells the controller to suspend subsequent executions, it does not apply to already started executions.  Defaults to false.",
            |o, _| match o.at("spec.suspend").and_then(Value::as_bool) {
                Some(true) => json!("True"),
                Some(false) => json!("False"),
                None => json!("<unset>"),
            },
        )
    },
    Column::int("Active", "A list of pointers to currently running jobs.", |o, _| {
        json!(o.list_at("status.active").len())
    }),
    Column::text(
        "Last Schedule",
        "Information when was the last time the job was successfully scheduled.",
        |o, cx| match o.str_at("status.lastScheduleTime") {
            "" => json!("<none>"),
            text => json!(since(text, cx)),
        },
    ),
    columns::AGE,
    CONTAINERS.wide(),
    IMAGES.wide(),
    Column::text(
        "Selector",
        "A label query over pods that should match the pod count. Normally, the system sets this field for you. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        |o, _| label_selector(o.at("spec.jobTemplate.spec.selector")),
    )
    .wide(),
];

/// Room a CronJob's name leaves for the eleven characters its Jobs append.
const MAX_NAME: usize = 52;

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({}));
    }
    Ok(())
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    schedule(&spec, old, out);
    spec.get("startingDeadlineSeconds").nonnegative(out);
    if old.is_none_or(|old| old.at("spec.timeZone") != new.at("spec.timeZone")) {
        time_zone(&spec.get("timeZone"), out);
    }
    spec.get("concurrencyPolicy").one_of(out, &["Allow", "Forbid", "Replace"]);
    let job = spec.get("jobTemplate.spec");
    jobspec::validate(&job, out);
    if job.get("selector").is_set() {
        job.get("selector").invalid(out, "`selector` will be auto-generated");
    }
    if job.get("manualSelector").is_true() {
        not_supported(out, &job.get("manualSelector").path, "true", &["nil", "false"]);
    }
    spec.get("successfulJobsHistoryLimit").nonnegative(out);
    spec.get("failedJobsHistoryLimit").nonnegative(out);
    if old.is_none() && new.name().len() > MAX_NAME {
        let why = "must be no more than 52 characters";
        out.invalid("metadata.name", &json!(new.name()), why);
    }
}

fn schedule(spec: &Field<'_>, old: Option<&Value>, out: &mut Causes) {
    let schedule = spec.get("schedule");
    if schedule.text().is_empty() {
        schedule.required(out, "");
        return;
    }
    if let Err(why) = cron::parse(schedule.text()) {
        schedule.invalid(out, why);
    }
    let zone_allowed = old.is_some_and(|old| old.str_at("spec.schedule").contains("TZ"));
    match (schedule.text().contains("TZ"), zone_allowed) {
        (true, false) => schedule
            .invalid(out, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        (true, true) if spec.get("timeZone").is_set() => {
            schedule.invalid(out, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
        }
        _ => {}
    }
}

fn time_zone(zone: &Field<'_>, out: &mut Causes) {
    if !zone.is_set() {
        return;
    }
    if zone.text().is_empty() {
        zone.invalid(out, "timeZone must be nil or non-empty string");
        return;
    }
    let well_formed = |part: &str| {
        !matches!(part, "" | "." | "..")
            && !part.starts_with('-')
            && part.len() <= 14
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c))
    };
    if !zone.text().split('/').all(well_formed) {
        zone.invalid(out, format!("unknown time zone {}", zone.text()));
        return;
    }
    if zone.text().eq_ignore_ascii_case("Local") {
        zone.invalid(
            out,
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
        );
    }
    // Go knows `Local` as a zone; other spellings are files that do not exist.
    if zone.text() != "Local"
        && let Err(why) = cron::zone(zone.text())
    {
        zone.invalid(out, why);
    }
}

fn warn(new: &Value, old: Option<&Value>) -> Vec<String> {
    let mut out = jobspec::warnings(new, old, "spec.jobTemplate.spec");
    if old.is_some() && new.str_at("spec.schedule").contains("TZ") {
        out.push("cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details".into());
    }
    out
}
