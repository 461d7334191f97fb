//! Whether what an instance has made is ready. Only objects are waited for that say so themselves.
//! Source: openshift-controller-manager `pkg/template/controller/readiness.go`.

use crate::{
    controllers::View,
    object::{ObjectExt, Value, selector::Labels, time},
};
use jiff::Timestamp;

/// On objects that are waited for.
const WAIT: &str = "template.alpha.openshift.io/wait-for-ready";
/// Seconds until nobody waits any longer.
const LONGEST: i64 = 3600;

/// How far the objects are.
pub enum Readiness {
    Ready,
    /// Until then at most.
    Waiting(Timestamp),
}

/// The state of an instance's objects.
///
/// # Errors
/// Which of them has failed, or why none is waited for any longer.
pub fn of(view: &View, instance: &Value) -> Result<Readiness, String> {
    let made = time::parse(instance.str_at("metadata.creationTimestamp")).unwrap_or(view.now);
    let until = time::plus_seconds(made, LONGEST);
    if view.now > until {
        return Err("timeout while waiting for template instance to be ready".into());
    }
    for made in instance.list_at("status.objects").iter().filter_map(|o| o.get("ref")) {
        let (kind, namespace, name) =
            (made.str_at("kind"), made.str_at("namespace"), made.str_at("name"));
        let Some((resource, check)) = check_of(made.str_at("apiVersion"), kind) else { continue };
        let found = view.named(resource, namespace, name);
        let found = found.filter(|e| *e.meta.uid == *made.str_at("uid"));
        let Some(entry) = found else { return Err(format!("{resource} \"{name}\" not found")) };
        let object = entry.lean();
        if !object.annotation(WAIT).is_some_and(|w| w.eq_ignore_ascii_case("true")) {
            continue;
        }
        match check(view, &object) {
            Some(true) => {}
            Some(false) => return Err(format!("readiness failed on {kind} {namespace}/{name}")),
            // A moment beyond the last, so that the time is over then.
            None => return Ok(Readiness::Waiting(time::plus_seconds(until, 1))),
        }
    }
    Ok(Readiness::Ready)
}

/// Whether an object is ready or has failed; nothing as long as neither is known.
type Check = fn(&View, &Value) -> Option<bool>;

/// The kinds that can be waited for.
const CHECKS: &[(&str, &str, &str, Check)] = &[
    ("apps/v1", "Deployment", "deployments.apps", |_, o| rollout(o, "NewReplicaSetAvailable")),
    ("apps/v1", "StatefulSet", "statefulsets.apps", |_, o| {
        let ready = o.i64_at("status.readyReplicas").unwrap_or(0);
        (is_seen(o) && o.i64_at("spec.replicas") == Some(ready)).then_some(true)
    }),
    ("apps.openshift.io/v1", "DeploymentConfig", "deploymentconfigs.apps.openshift.io", |_, o| {
        rollout(o, "NewReplicationControllerAvailable")
    }),
    ("batch/v1", "Job", "jobs.batch", |_, o| {
        let failed = o.i64_at("status.failed").unwrap_or(0) > 0;
        let done = !o.str_at("status.completionTime").is_empty();
        if done { Some(true) } else { failed.then_some(false) }
    }),
    ("build.openshift.io/v1", "Build", BUILDS, |_, o| build(o)),
    ("build.openshift.io/v1", "BuildConfig", "buildconfigs.build.openshift.io", |view, o| {
        let labels = Labels::from_map(&crate::object::json!({"buildconfig": o.name()}));
        let number = o.i64_at("status.lastVersion").unwrap_or(0).to_string();
        let mut builds = view.selected(BUILDS, o.namespace(), &labels).map(|e| e.lean());
        build(&builds.find(|b| b.annotation("openshift.io/build.number") == Some(&number))?)
    }),
    ("route.openshift.io/v1", "Route", "routes.route.openshift.io", |_, o| {
        (!o.str_at("spec.host").is_empty()).then_some(true)
    }),
];

const BUILDS: &str = "builds.build.openshift.io";

fn check_of(api_version: &str, kind: &str) -> Option<(&'static str, Check)> {
    let found = CHECKS.iter().find(|(version, k, ..)| *version == api_version && *k == kind);
    found.map(|(_, _, resource, check)| (*resource, *check))
}

fn is_seen(o: &Value) -> bool {
    o.i64_at("status.observedGeneration") == o.i64_at("metadata.generation")
}

/// A rollout is ready when it has ended well and enough pods are there.
fn rollout(o: &Value, ended: &str) -> Option<bool> {
    let progressing = o.condition("Progressing").filter(|_| is_seen(o))?;
    match progressing.str_at("status") {
        "False" => Some(false),
        "True" => {
            let available = o.condition("Available").is_some_and(|c| c.str_at("status") == "True");
            (available && progressing.str_at("reason") == ended).then_some(true)
        }
        _ => None,
    }
}

fn build(o: &Value) -> Option<bool> {
    match o.str_at("status.phase") {
        "Complete" => Some(true),
        "Failed" | "Error" | "Cancelled" => Some(false),
        _ => None,
    }
}
