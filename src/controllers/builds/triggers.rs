//! What starts builds by itself: a new config, and an image that is another one now.
//! Source: openshift-controller-manager `pkg/build/controller/buildconfig`,
//! `pkg/image/trigger/buildconfigs`.

use crate::{
    builds::{CONFIGS, PAUSED, generate, resolved},
    controllers::{Controller, Plan, View, Watch, Write, WriteVerb},
    images::STREAMS,
    object::{ObjectExt, Value, json},
    store::{Change, Entry},
};
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "buildconfig-controller",
    user: "system:serviceaccount:openshift-infra:build-config-change-controller",
    manager: "openshift-controller-manager",
    watches: &[Watch::Itself(CONFIGS), Watch::Map(STREAMS, followers)],
    reconcile,
    ..Controller::BASE
};

/// The configs that follow a tag of a stream. What they follow is read once for each revision.
fn followers(view: &View, change: &Change) -> Vec<String> {
    struct Follows(Vec<String>);
    let follows = |entry: &Arc<Entry>| {
        let read = || {
            let config = entry.lean();
            let key = |from: &Value| {
                let namespace = match from.str_at("namespace") {
                    "" => config.namespace(),
                    own => own,
                };
                let stream = from.str_at("name").split(':').next().unwrap_or_default();
                format!("{namespace}/{stream}")
            };
            Follows(generate::triggers(&config).iter().map(key).collect())
        };
        entry.kept(|_: &Follows| true, read).0.iter().any(|s| **s == *change.entry.key)
    };
    let all = view.objects.list(CONFIGS, "");
    all.filter(|e| follows(e)).map(|e| e.key.to_string()).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(config) = view.value(CONFIGS, key) else { return plan };
    if config.is_deleting()
        || config.annotation(PAUSED).is_some_and(|p| p.eq_ignore_ascii_case("true"))
    {
        return plan;
    }
    let Some(request) = wanted(view, &config) else { return plan };
    plan.write(Write {
        verb: WriteVerb::Create,
        resource: CONFIGS.into(),
        sub: "instantiate",
        namespace: config.namespace().into(),
        name: config.name().into(),
        body: request,
    });
    plan.then = Some(Box::new(move |outcome| {
        let mut plan = Plan::none();
        if let Some(error) = outcome.error() {
            // What cannot be resolved yet wakes the config when it can.
            let (namespace, name) = (config.namespace(), config.name());
            let message =
                format!("error instantiating Build from BuildConfig {namespace}/{name}: {error}");
            plan.event(&config, true, "BuildConfigInstantiateFailed", message);
            plan.retry = matches!(error, crate::error::Error::Conflict { .. });
        }
        plan
    }));
    plan
}

/// The request for the build that is due, if one is.
fn wanted(view: &View, config: &Value) -> Option<Value> {
    let last = config.i64_at("status.lastVersion").unwrap_or(0);
    let base = json!({"apiVersion": "build.openshift.io/v1", "kind": "BuildRequest",
        "metadata": {"name": config.name(), "namespace": config.namespace()},
        "lastVersion": last});
    for from in generate::triggers(config) {
        let Ok(image) = resolved(&view.objects, config.namespace(), &from) else { continue };
        if generate::last_image(config, &from) == image {
            continue;
        }
        let mut request = base;
        request["triggeredBy"] = json!([{"message": "Image change",
            "imageChangeBuild": {"imageID": image, "fromRef": from}}]);
        request["triggeredByImage"] = json!({"kind": "DockerImage", "name": image});
        request["from"] = from;
        return Some(request);
    }
    let changes = |t: &Value| t.str_at("type") == "ConfigChange";
    if last > 0 || !config.list_at("spec.triggers").iter().any(changes) {
        return None;
    }
    let mut request = base;
    request["triggeredBy"] = json!([{"message": "Build configuration change"}]);
    Some(request)
}
