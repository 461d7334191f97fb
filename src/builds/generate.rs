//! From a BuildConfig and a request to a Build, and from a Build to one that repeats it.
//! Source: openshift-apiserver `pkg/build/apiserver/buildgenerator`.

use super::{
    BUILDS, CLONE_OF, CONFIG_NAME, NUMBER, OLD_CONFIG_NAME, PAUSED, RUN_POLICY, base, resolved,
    strategy,
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
    store::Snapshot,
};

/// What a build takes over from its config.
const TAKEN: &[&str] = &[
    "serviceAccount",
    "source",
    "strategy",
    "output",
    "resources",
    "postCommit",
    "completionDeadlineSeconds",
    "nodeSelector",
    "mountTrustedCA",
];

fn bad(text: String) -> Error {
    Error::BadRequest(text)
}

/// The config with its next number, and the build of it.
///
/// # Errors
/// What the client gets.
pub fn of_config(
    objects: &Snapshot,
    config: &Value,
    request: &Value,
) -> Result<(Value, Value), Error> {
    let (namespace, name) = (config.namespace(), config.name());
    if config.annotation(PAUSED).is_some_and(|p| p.eq_ignore_ascii_case("true")) {
        return Err(bad(format!(
            "can't instantiate from BuildConfig {namespace}/{name}: BuildConfig is paused"
        )));
    }
    let last = config.i64_at("status.lastVersion").unwrap_or(0);
    if let Some(asked) = request.i64_at("lastVersion").filter(|asked| *asked != last) {
        return Err(bad(format!(
            "the LastVersion({last}) on build config {namespace}/{name} does not match the build \
             request LastVersion({asked})"
        )));
    }
    check_options(config, request)?;
    let mut config = config.clone();
    note_images(objects, &mut config, request)?;
    let mut build = made(&config, request, last + 1);
    resolve_images(objects, &mut build, request)?;
    config.set_at("status.lastVersion", last + 1);
    Ok((config, build))
}

/// Options must be those of the config's strategy.
fn check_options(config: &Value, request: &Value) -> Result<(), Error> {
    let kind = config.at("spec").and_then(strategy).map_or("", |(name, _)| name);
    for (field, wanted) in
        [("dockerStrategyOptions", "Docker"), ("sourceStrategyOptions", "Source")]
    {
        // Clients send empty ones too.
        let given = request.map_at(field).is_some_and(|options| !options.is_empty());
        if given && kind != wanted {
            let (namespace, name) = (config.namespace(), config.name());
            return Err(bad(format!(
                "Cannot specify {wanted} build specific options on {namespace}/{name}, not a \
                 {wanted} build."
            )));
        }
    }
    Ok(())
}

/// The images that the config's image triggers see now: one that was built already is not built
/// again.
fn note_images(objects: &Snapshot, config: &mut Value, request: &Value) -> Result<(), Error> {
    let asked = request.str_at("triggeredByImage.name").to_owned();
    let mut known = Vec::new();
    for from in triggers(config) {
        let same = same_tag(&from, request.at("from"), config.namespace());
        let image = match same && !asked.is_empty() {
            true => asked.clone(),
            false => match resolved(objects, config.namespace(), &from) {
                Ok(image) => image,
                Err(_) => continue,
            },
        };
        if same && !asked.is_empty() && last_image(config, &from) == asked {
            return Err(Error::Internal(format!(
                "build config {}/{} has already instantiated a build for imageid {asked}",
                config.namespace(),
                config.name()
            )));
        }
        let namespace = match from.str_at("namespace") {
            "" => config.namespace(),
            own => own,
        };
        known.push(json!({"from": {"namespace": namespace, "name": from.str_at("name")},
            "lastTriggeredImageID": image}));
    }
    if !known.is_empty() {
        config.set_at("status.imageChangeTriggers", known);
    }
    Ok(())
}

/// The tags a config's image triggers follow.
pub fn triggers(config: &Value) -> Vec<Value> {
    let triggers = config.list_at("spec.triggers").iter();
    let images = triggers.filter(|t| {
        t.str_at("type").eq_ignore_ascii_case("ImageChange") && !t.is_true("imageChange.paused")
    });
    let from = |t: &Value| match t.at("imageChange.from").filter(|f| f.is_object()) {
        Some(own) => Some(own.clone()),
        None => config.at("spec").and_then(base).cloned(),
    };
    images.filter_map(from).filter(|f| f.str_at("kind") == "ImageStreamTag").collect()
}

/// The image a trigger has last built for.
pub fn last_image<'a>(config: &'a Value, from: &Value) -> &'a str {
    let seen = config.list_at("status.imageChangeTriggers").iter();
    let mut seen = seen.filter(|t| same_tag(from, t.at("from"), config.namespace()));
    seen.next().map_or("", |t| t.str_at("lastTriggeredImageID"))
}

fn same_tag(from: &Value, other: Option<&Value>, home: &str) -> bool {
    let Some(other) = other else { return false };
    let space = |v: &Value| match v.str_at("namespace") {
        "" => home.to_owned(),
        own => own.to_owned(),
    };
    from.str_at("name") == other.str_at("name") && space(from) == space(other)
}

fn made(config: &Value, request: &Value, number: i64) -> Value {
    let mut spec = json!({});
    for field in TAKEN {
        if let Some(value) = config.at("spec").and_then(|s| s.get(field)).filter(|v| !v.is_null()) {
            spec[*field] = value.clone();
        }
    }
    if spec.str_at("serviceAccount").is_empty() {
        spec.set_at("serviceAccount", "builder");
    }
    let causes = request.list_at("triggeredBy");
    let by_hand = json!([{"message": "Manually triggered"}]);
    spec["triggeredBy"] = if causes.is_empty() { by_hand } else { json!(causes) };
    if let Some(revision) = request.at("revision").filter(|r| r.is_object()) {
        spec["revision"] = revision.clone();
    }
    take_binary(&mut spec, request);
    take_options(&mut spec, request);
    let mut labels = config.at("metadata.labels").cloned().unwrap_or_else(|| json!({}));
    labels[OLD_CONFIG_NAME] = json!(config.name());
    labels[CONFIG_NAME] = json!(config.name());
    labels[RUN_POLICY] = json!(config.str_at("spec.runPolicy"));
    let mut annotations = config.at("metadata.annotations").cloned().unwrap_or_else(|| json!({}));
    annotations[CONFIG_NAME] = json!(config.name());
    annotations[NUMBER] = json!(number.to_string());
    json!({
        "apiVersion": "build.openshift.io/v1", "kind": "Build",
        "metadata": {"name": format!("{}-{number}", config.name()),
            "namespace": config.namespace(), "labels": labels, "annotations": annotations,
            "ownerReferences": [{"apiVersion": "build.openshift.io/v1", "kind": "BuildConfig",
                "name": config.name(), "uid": config.uid(), "controller": true}]},
        "spec": spec,
        "status": {"phase": "New", "config": {"kind": "BuildConfig",
            "namespace": config.namespace(), "name": config.name()}, "output": {}},
    })
}

/// A request may bring its source along; a config that waits for one has none otherwise.
fn take_binary(spec: &mut Value, request: &Value) {
    match request.at("binary").filter(|b| b.is_object()) {
        Some(binary) => {
            spec.set_at("source.binary", binary.clone());
            spec.set_at("source.type", "Binary");
            spec.remove_at("source.git");
            if binary.str_at("asFile") == "Dockerfile" {
                spec.remove_at("source.dockerfile");
            }
        }
        None => drop(spec.remove_at("source.binary")),
    }
}

fn take_options(spec: &mut Value, request: &Value) {
    let Some((_, field)) = strategy(spec) else { return };
    let at = |name: &str| format!("strategy.{field}.{name}");
    merge(spec, &at("env"), request.list_at("env"));
    merge(spec, &at("buildArgs"), request.list_at("dockerStrategyOptions.buildArgs"));
    for (option, own) in [
        ("dockerStrategyOptions.noCache", "noCache"),
        ("sourceStrategyOptions.incremental", "incremental"),
    ] {
        if let Some(value) = request.at(option).filter(|v| v.is_boolean()) {
            spec.set_at(&at(own), value.clone());
        }
    }
}

/// Adds variables; those that are there already take the new value.
fn merge(spec: &mut Value, path: &str, more: &[Value]) {
    if more.is_empty() {
        return;
    }
    let mut all = spec.list_at(path).to_vec();
    for own in more {
        match all.iter_mut().find(|e| e.str_at("name") == own.str_at("name")) {
            Some(known) => *known = own.clone(),
            None => all.push(own.clone()),
        }
    }
    spec.set_at(path, all);
}

/// Puts the images that references mean now in their place.
fn resolve_images(objects: &Snapshot, build: &mut Value, request: &Value) -> Result<(), Error> {
    let namespace = build.namespace().to_owned();
    let found = |from: &Value| {
        let asked = request.str_at("triggeredByImage.name");
        if !asked.is_empty() && same_tag(from, request.at("from"), &namespace) {
            return Ok(asked.to_owned());
        }
        resolved(objects, &namespace, from).map_err(|why| unresolved(from, &namespace, &why))
    };
    let image = |name: String| json!({"kind": "DockerImage", "name": name});
    let Some((_, field)) = build.at("spec").and_then(strategy) else { return Ok(()) };
    if let Some(from) = build.at("spec").and_then(base) {
        let name = found(from)?;
        build.set_at(&format!("spec.strategy.{field}.from"), image(name));
    }
    let mut sources = build.list_at("spec.source.images").to_vec();
    for source in &mut sources {
        let name = found(source.at("from").unwrap_or(&Value::Null))?;
        source.set_at("from", image(name));
    }
    if !sources.is_empty() {
        build.set_at("spec.source.images", sources);
    }
    Ok(())
}

fn unresolved(from: &Value, namespace: &str, why: &str) -> Error {
    let (kind, name) = (from.str_at("kind"), from.str_at("name"));
    let namespace = match from.str_at("namespace") {
        "" => namespace,
        own => own,
    };
    let message = format!("Error resolving {kind} {name} in namespace {namespace}: {why}");
    Error::Raw(Box::new(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Invalid", "code": 422,
        "details": {"kind": kind, "name": name,
            "causes": [{"message": message, "field": "from"}]},
    })))
}

/// A build that does again what another did. `config` is what that was made from, if it is there.
///
/// # Errors
/// What the client gets.
pub fn of_build(
    build: &Value,
    config: Option<&Value>,
    request: &Value,
) -> Result<(Option<Value>, Value), Error> {
    if build.at("spec.source.binary").is_some_and(|b| b.is_object()) {
        let kind = "Build.build.openshift.io".into();
        let mut causes = crate::error::Causes::default();
        let why = "cannot clone a build with binary source";
        causes.invalid("spec.source", &json!("binary"), why);
        return Err(Error::Invalid { kind, name: build.name().into(), causes: causes.into_vec() });
    }
    let mut next = json!({
        "apiVersion": "build.openshift.io/v1", "kind": "Build",
        "metadata": {"namespace": build.namespace(),
            "labels": build.at("metadata.labels").cloned().unwrap_or_else(|| json!({})),
            "annotations": build.at("metadata.annotations").cloned().unwrap_or_else(|| json!({}))},
        "spec": build.at("spec").cloned().unwrap_or_default(),
        "status": {"phase": "New", "output": {}},
    });
    let causes = request.list_at("triggeredBy");
    let by_hand = json!([{"message": "Manually triggered"}]);
    next["spec"]["triggeredBy"] = if causes.is_empty() { by_hand } else { json!(causes) };
    if let Some(spec) = next.get_mut("spec") {
        take_options(spec, request);
    }
    next.set_annotation(CLONE_OF, build.name());
    if let Some(annotations) = next.at_mut("metadata.annotations").as_object_mut() {
        annotations.remove(super::POD_NAME);
        annotations.remove(NUMBER);
    }
    let config = config.map(|config| {
        let number = config.i64_at("status.lastVersion").unwrap_or(0) + 1;
        next.set_annotation(NUMBER, number.to_string());
        next["metadata"]["name"] = json!(format!("{}-{number}", config.name()));
        next["metadata"]["ownerReferences"] = json!(build.list_at("metadata.ownerReferences"));
        next["status"]["config"] = build.at("status.config").cloned().unwrap_or_default();
        let mut config = config.clone();
        config.set_at("status.lastVersion", number);
        config
    });
    if config.is_none() {
        next["metadata"]["name"] = json!(format!("{}-clone", build.name()));
    }
    Ok((config, next))
}

/// What a request for a build that is not there hears.
pub fn missing(name: &str) -> Error {
    Error::not_found(BUILDS, name)
}
