//! A rollout as its config, and whoever brings it about, judge it: read once for a revision of its
//! ReplicationController. What each constant of
//! [`crate::kinds::rollouts`] names stands here as a field.

use crate::{
    object::{ObjectExt, Value},
    store::Entry,
};
use serde::Deserialize;
use std::sync::Arc;

/// What is read of the ReplicationController.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RolloutLens {
    metadata: RolloutMeta,
    /// What it should be.
    pub spec: RolloutSpec,
    /// What it is.
    pub status: RolloutStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RolloutMeta {
    generation: i64,
    annotations: RolloutNotes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RolloutNotes {
    #[serde(rename = "openshift.io/deployment-config.latest-version")]
    version: Box<str>,
    #[serde(rename = "openshift.io/deployment.phase")]
    phase: Box<str>,
    #[serde(rename = "openshift.io/deployment.cancelled")]
    cancelled: Box<str>,
    #[serde(rename = "openshift.io/encoded-deployment-config")]
    encoded: Box<str>,
}

/// Part of its spec.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RolloutSpec {
    /// Pods wanted.
    pub replicas: i64,
    template: RolloutTemplate,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RolloutTemplate {
    spec: RolloutPodSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RolloutPodSpec {
    containers: Box<[RolloutContainer]>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RolloutContainer {
    image: Box<str>,
}

/// Part of its status.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct RolloutStatus {
    pub replicas: i64,
    pub ready_replicas: i64,
    pub available_replicas: i64,
    observed_generation: i64,
}

impl RolloutLens {
    /// Where it stands.
    pub fn phase(&self) -> &str {
        &self.metadata.annotations.phase
    }

    /// Its number; -1 when it has none.
    pub fn version(&self) -> i64 {
        self.metadata.annotations.version.parse().unwrap_or(-1)
    }

    /// Whether it has come to its end.
    pub fn is_over(&self) -> bool {
        matches!(self.phase(), "Complete" | "Failed")
    }

    /// Whether somebody asked for its end.
    pub fn is_cancelled(&self) -> bool {
        self.metadata.annotations.cancelled.eq_ignore_ascii_case("true")
    }

    /// Whether it has a size, as far as its controller has seen what was asked of it last.
    pub fn has_size(&self, size: i64) -> bool {
        let observed = self.status.observed_generation >= self.metadata.generation;
        observed && self.status.replicas == size
    }

    /// The images of its pods.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        self.spec.template.spec.containers.iter().map(|c| &*c.image)
    }

    /// Whether the template of a config is not the one it was made from; a rollout that does not
    /// say what it was made from was made from any.
    pub fn differs(&self, config: &Value) -> bool {
        let encoded = &*self.metadata.annotations.encoded;
        let template = config.at("spec.template");
        // The texts are the same wherever the templates are, if we wrote both.
        let text = template.map(|t| format!("\"template\":{t}")).unwrap_or_default();
        if !text.is_empty() && encoded.contains(&text) {
            return false;
        }
        serde_json::from_str::<Value>(encoded).is_ok_and(|old| old.at("spec.template") != template)
    }
}

/// A rollout, as it is stored and as it is read.
pub struct SeenRollout {
    /// The ReplicationController.
    pub entry: Arc<Entry>,
    /// What is read of it.
    pub lens: Arc<RolloutLens>,
}

impl SeenRollout {
    /// Reads one.
    pub fn of(entry: Arc<Entry>) -> SeenRollout {
        let lens = entry.lens::<RolloutLens>();
        SeenRollout { entry, lens }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.entry.meta.name
    }
}

/// The newest rollout, if it is that of the config's latest version, and the newest in any case.
pub fn latest<'a>(config: &Value, rollouts: &'a [SeenRollout]) -> (bool, Option<&'a SeenRollout>) {
    let wanted = config.i64_at("status.latestVersion").unwrap_or(0);
    if wanted == 0 {
        return (false, None);
    }
    let newest = rollouts.iter().max_by_key(|r| r.lens.version());
    (newest.is_some_and(|r| r.lens.version() == wanted), newest)
}

/// The newest complete rollout.
pub fn active(rollouts: &[SeenRollout]) -> Option<&SeenRollout> {
    let complete = rollouts.iter().filter(|r| r.lens.phase() == "Complete" && r.lens.version() > 0);
    complete.max_by_key(|r| r.lens.version())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kinds::rollouts,
        object::{encode, json},
    };

    fn rollout(config: &Value) -> SeenRollout {
        let object = json!({"metadata": {"name": "c-3", "generation": 2, "annotations": {
            rollouts::VERSION: "3", rollouts::PHASE: "Complete", rollouts::CANCELLED: "True",
            rollouts::ENCODED: rollouts::encoded(config)}},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"image": "i"}]}}},
            "status": {"replicas": 2, "readyReplicas": 1, "observedGeneration": 1}});
        let body = encode(&object);
        SeenRollout::of(Arc::new(Entry::encoded(1, "r".into(), "c-3".into(), body)))
    }

    #[test]
    fn what_the_annotations_say_is_read() {
        let config = json!({"spec": {"template": {"spec": {"containers": [{"args": ["\"a\\"]}]}}},
            "status": {"latestVersion": 3}});
        let seen = rollout(&config);
        let lens = &seen.lens;
        assert_eq!((lens.version(), lens.phase()), (3, "Complete"));
        assert!(lens.is_over() && lens.is_cancelled());
        assert!(!lens.has_size(2), "its controller has not seen the last order");
        assert_eq!(lens.images().collect::<Vec<_>>(), ["i"]);
        assert_eq!((lens.spec.replicas, lens.status.ready_replicas), (2, 1));
        let all = [seen];
        let found = latest(&config, &all);
        assert!(found.0 && found.1.is_some() && active(&all).is_some());
        assert!(!latest(&json!({"status": {"latestVersion": 4}}), &all).0);
    }

    #[test]
    fn a_template_differs_by_what_it_says() {
        let config = json!({"spec": {"template": {"spec": {"containers": [{"args": ["\"a\\"]}]}}}});
        let lens = rollout(&config).lens;
        assert!(!lens.differs(&config));
        assert!(lens.differs(&json!({"spec": {"template": {"spec": {}}}})));
        assert!(lens.differs(&json!({"spec": {}})));
        // Another hand's text of the same.
        let mut other = RolloutLens::default();
        let text = serde_json::to_string_pretty(&config).unwrap();
        other.metadata.annotations.encoded = text.into();
        assert!(!other.differs(&config));
        assert!(!RolloutLens::default().differs(&config), "it does not say");
    }
}
