//! `apps/v1` StatefulSet: pods with stable names and claims of their own.

use super::{
    cells::{CONTAINERS, IMAGES, ready_of},
    checks,
    field::Field,
    template,
};
use crate::{
    error::{Causes, Error},
    kinds::{Column, Cx, Generation, Hooks, Kind, NameRule, Sub, columns},
    object::{ObjectExt, Value, json},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "apps",
    kind: "StatefulSet",
    plural: "statefulsets",
    short: &["sts"],
    categories: &["all"],
    subresources: &[Sub::SCALE, Sub::STATUS],
    columns: &[
        Column::text("Ready", "Number of the pod with ready state", ready_of),
        columns::AGE,
        CONTAINERS.wide(),
        IMAGES.wide(),
    ],
    schema: "io.k8s.api.apps.v1.StatefulSet",
    generation: Generation::Spec,
    name_rule: NameRule::Label,
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(validate_status),
        warn: Some(warn),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

fn default(o: &mut Value) {
    template::default_template(o.at_mut("spec.template"));
    let strategy = o.at_mut("spec.updateStrategy");
    if strategy.str_at("type").is_empty() {
        strategy.set_at("type", "RollingUpdate");
        if strategy.at("rollingUpdate").is_none_or(Value::is_null) {
            strategy.set_at("rollingUpdate", json!({}));
        }
    }
    let rolling =
        strategy.str_at("type") == "RollingUpdate" && strategy.at("rollingUpdate").is_some();
    if rolling && strategy.i64_at("rollingUpdate.partition").is_none() {
        strategy.set_at("rollingUpdate.partition", 0);
    }
    let claims = o.get_mut("spec").and_then(|s| s.get_mut("volumeClaimTemplates"));
    for claim in claims.and_then(Value::as_array_mut).into_iter().flatten() {
        claim.set_at("apiVersion", "v1");
        claim.set_at("kind", "PersistentVolumeClaim");
    }
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    // The gate for updating several pods at once is off: the field is dropped.
    let limit = "spec.updateStrategy.rollingUpdate.maxUnavailable";
    if old.is_none_or(|old| old.at(limit).is_none()) {
        o.remove_at(limit);
    }
    if old.is_none() {
        o.set_at("status", json!({"replicas": 0, "availableReplicas": 0}));
    }
    Ok(())
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    policies(&spec, out);
    if old.is_none() {
        spec.get("volumeClaimTemplates").items().iter().for_each(|c| claim(&c.get("spec"), out));
    }
    for count in ["replicas", "minReadySeconds", "ordinals.start"] {
        spec.get(count).nonnegative(out);
    }
    if old.is_none() {
        spec.get("serviceName").dns_label(out);
    }
    checks::selector_of_template(&spec, "statefulset", out);
    let settled = with_identity(new);
    let template = Field::placed(settled.at("spec.template"), "spec.template");
    if checks::template_matches(&spec.get("selector"), &template, "", out) {
        template::validate_template(&template, out);
    }
    template::runs_forever(&template, "StatefulSet", out);
    if old.is_some_and(|old| fixed_part(new) != fixed_part(old)) {
        out.forbidden("spec", FIXED);
    }
}

const FIXED: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

/// The spec without what may change.
fn fixed_part(o: &Value) -> Value {
    let mut spec = o.at("spec").cloned().unwrap_or_default();
    for field in [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ] {
        spec.remove_at(field);
    }
    spec
}

/// The object as its pods will see it: claims are volumes, hostname and subdomain are overwritten.
fn with_identity(o: &Value) -> Value {
    let mut o = o.clone();
    let pod = o.at_mut("spec.template.spec");
    pod.remove_at("hostname");
    pod.remove_at("subdomain");
    let claims = o.list_at("spec.volumeClaimTemplates").iter();
    let mut volumes: Vec<Value> = claims
        .map(|c| json!({"name": c.name(), "persistentVolumeClaim": {"claimName": c.name()}}))
        .collect();
    if volumes.is_empty() {
        return o;
    }
    for volume in o.list_at("spec.template.spec.volumes") {
        if !volumes.iter().any(|v| v["name"] == volume["name"]) {
            volumes.push(volume.clone());
        }
    }
    o.set_at("spec.template.spec.volumes", volumes);
    o
}

fn policies(spec: &Field<'_>, out: &mut Causes) {
    let management = spec.get("podManagementPolicy");
    match management.text() {
        "" => management.required(out, ""),
        "OrderedReady" | "Parallel" => {}
        _ => management.invalid(out, "must be 'OrderedReady' or 'Parallel'"),
    }
    let strategy = spec.get("updateStrategy");
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "" => strategy.required(out, ""),
        "OnDelete" if rolling.is_set() => {
            rolling.invalid(out, "only allowed for updateStrategy 'RollingUpdate'");
        }
        "OnDelete" => {}
        "RollingUpdate" => {
            rolling.get("partition").nonnegative(out);
            let limit = rolling.get("maxUnavailable");
            checks::int_or_percent(&limit, out);
            if limit.is_set() && checks::amount(&limit) == 0 {
                limit.invalid(out, "cannot be 0");
            }
            checks::at_most_all(&limit, out);
        }
        _ => strategy.invalid(out, "must be 'RollingUpdate' or 'OnDelete'"),
    }
    let retention = spec.get("persistentVolumeClaimRetentionPolicy");
    if retention.is_set() {
        for moment in ["whenDeleted", "whenScaled"] {
            retention.get(moment).one_of_if_set(out, &["Retain", "Delete"]);
        }
    }
}

/// The spec of a claim template, as far as any claim must have it.
fn claim(spec: &Field<'_>, out: &mut Causes) {
    const MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    let modes = spec.get("accessModes");
    if modes.list().is_empty() {
        modes.required(out, "at least 1 access mode is required");
    }
    checks::label_selector(&spec.get("selector"), out);
    for mode in modes.texts().iter().filter(|m| !MODES.contains(m)) {
        out.unsupported(&modes.path, &json!(mode), MODES);
    }
    if !spec.get("resources.requests").key("storage").is_set() {
        spec.get("resources").key("storage").required(out, "");
    }
}

fn validate_status(new: &Value, old: &Value, out: &mut Causes) {
    let counters = [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
    ];
    let status = Field::of(new, "status");
    checks::status_counters(&status, &counters, &counters[1..5], "status.readyReplicas", out);
    checks::collisions(new, old, out);
}

fn warn(new: &Value, old: Option<&Value>) -> Vec<String> {
    let mut out = template::template_warnings(new, old, "spec.template");
    if new.i64_at("spec.revisionHistoryLimit").is_some_and(|n| n < 0) {
        out.push("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended".into());
    }
    out
}
