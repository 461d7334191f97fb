//! Builds as data: what a build is made from, what its Dockerfile says, and the image that comes of
//! it. Nothing is carried out here. Source: openshift/api `build/v1`, library-go `pkg/build`.

mod docker;
pub mod dockerfile;
pub mod generate;
pub mod input;
pub mod push;
pub mod recipe;
pub mod script;

use crate::{
    images::{STREAMS, resolve},
    kinds::shown_stream,
    object::{ObjectExt, Value},
    store::Snapshot,
};

/// Resource of BuildConfigs.
pub const CONFIGS: &str = "buildconfigs.build.openshift.io";
/// Resource of Builds.
pub const BUILDS: &str = "builds.build.openshift.io";

/// Name of the build; label and annotation of its pod.
pub const BUILD_NAME: &str = "openshift.io/build.name";
/// Name of the BuildConfig; label and annotation of builds.
pub const CONFIG_NAME: &str = "openshift.io/build-config.name";
/// The same label as old clients know it.
pub const OLD_CONFIG_NAME: &str = "buildconfig";
/// Number of the build.
pub const NUMBER: &str = "openshift.io/build.number";
/// Whether builds run one by one; label of builds.
pub const RUN_POLICY: &str = "openshift.io/build.start-policy";
/// Name of the pod; annotation of builds.
pub const POD_NAME: &str = "openshift.io/build.pod-name";
/// Which build this one repeats.
pub const CLONE_OF: &str = "openshift.io/build.clone-of";
/// Says that a BuildConfig makes no builds.
pub const PAUSED: &str = "openshift.io/build-config.paused";

/// Resource of the notes of what clients have sent to build from; each has the key of its build.
pub const INPUTS: &str = "buildinputs.internal";

/// The phases that are the last.
pub const LAST: &[&str] = &["Complete", "Failed", "Error", "Cancelled"];

/// Where a build stands.
pub fn phase(build: &Value) -> &str {
    build.str_at("status.phase")
}

/// Whether a build is over.
pub fn is_over(build: &Value) -> bool {
    LAST.contains(&phase(build))
}

/// Number of a build of its config.
pub fn number(build: &Value) -> i64 {
    build.annotation(NUMBER).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Name of a build's pod.
pub fn pod_name(build: &str) -> String {
    crate::kinds::rollouts::pod_name(build, "build")
}

/// The strategy of a spec: its name, its field, and the last part of its own.
pub fn strategy(spec: &Value) -> Option<(&'static str, &'static str)> {
    [
        ("Docker", "dockerStrategy"),
        ("Source", "sourceStrategy"),
        ("Custom", "customStrategy"),
        ("JenkinsPipeline", "jenkinsPipelineStrategy"),
    ]
    .into_iter()
    .find(|(_, field)| spec.at("strategy").and_then(|s| s.get(field)).is_some_and(Value::is_object))
}

/// What a strategy's own fields are.
pub fn own<'a>(spec: &'a Value, field: &str) -> Option<&'a Value> {
    spec.at("strategy")?.get(field)
}

/// The pull spec a reference means now.
///
/// # Errors
/// Why it means none, in upstream's words.
pub fn resolved(objects: &Snapshot, namespace: &str, from: &Value) -> Result<String, String> {
    let name = from.str_at("name");
    let namespace = match from.str_at("namespace") {
        "" => namespace,
        own => own,
    };
    let stream_of = |stream: &str| {
        let found = objects.get(STREAMS, namespace, stream);
        let found = found.ok_or_else(|| format!("{STREAMS} {stream:?} not found"))?;
        Ok::<_, String>(shown_stream(found, objects))
    };
    match from.str_at("kind") {
        "DockerImage" => Ok(name.to_owned()),
        "ImageStreamTag" => {
            let (stream, tag) = resolve::tag_name(name).ok_or_else(|| {
                "ImageStreamTag object references must be in the form <name>:<tag>".to_owned()
            })?;
            let found = resolve::latest_pull_spec(&*stream_of(stream)?, tag);
            found.ok_or_else(|| "unable to find latest tagged image".into())
        }
        "ImageStreamImage" => {
            let (stream, id) = resolve::image_name(name).ok_or_else(|| {
                "ImageStreamImage object references must be in the form <name>@<id>".to_owned()
            })?;
            let stream = stream_of(stream)?;
            let items = stream.list_at("status.tags").iter().flat_map(|t| t.list_at("items"));
            let mut found = items
                .filter(|i| i.str_at("image").contains(id))
                .map(|i| i.str_at("dockerImageReference").to_owned());
            found.next_back().ok_or_else(|| format!("imagestreamimages {name:?} not found"))
        }
        kind => Err(format!("unknown From Kind {kind}")),
    }
}

/// The reference a build is made on, if it has one.
pub fn base(spec: &Value) -> Option<&Value> {
    let (_, field) = strategy(spec)?;
    own(spec, field)?.get("from").filter(|f| f.is_object())
}
