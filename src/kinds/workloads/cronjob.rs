//! `batch/v1` CronJob: starts Jobs on a schedule.

use super::cells::{CONTAINERS, IMAGES, label_selector, since};
use crate::{
    kinds::{Column, Generation, Kind, Sub, columns},
    object::{ObjectExt, Value, json},
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
