//! The behaviour of rollouts, with a stand-in for pods that makes ReplicaSets report what the
//! test says.

use super::super::testkit::Kit;
use super::*;
use crate::error::Error;

const KEY: &str = "n/web";

fn deployment(replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": template(image),
        },
        "status": {},
    })
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": image}]}})
}

/// A cluster with one Deployment whose ReplicaSets are played by hand.
struct Rollout {
    kit: Kit,
}

impl Rollout {
    fn new(deployment: Value) -> Rollout {
        let mut kit = Kit::default();
        kit.put(DEPLOYMENTS, deployment);
        Rollout { kit }
    }

    /// A complete rollout of `v1`.
    fn complete(replicas: i64) -> Rollout {
        let mut r = Rollout::new(deployment(replicas, "v1"));
        r.finish();
        r
    }

    /// 8 old and 5 new pods, of which the new cannot start.
    fn stuck() -> Rollout {
        let mut r = Rollout::complete(10);
        r.image("v2");
        r.settle();
        for _ in 0..5 {
            r.pods("v1", i64::MAX);
            r.pods("v2", 0);
            r.settle();
        }
        r
    }

    fn look(&mut self) -> bool {
        self.kit.look(&CONTROLLER, KEY)
    }

    fn settle(&mut self) {
        self.kit.settle(&CONTROLLER, KEY);
    }

    /// Lets all pods start at once, until the rollout is done.
    fn finish(&mut self) {
        for _ in 0..40 {
            self.settle();
            let sizes = |r: &Rollout| r.kit.list(REPLICA_SETS);
            let before = sizes(self);
            for image in ["v1", "v2", "v3", "v4"] {
                self.pods(image, i64::MAX);
            }
            self.settle();
            if sizes(self) == before {
                return;
            }
        }
        panic!("the rollout does not end: {:#?}", self.kit.writes);
    }

    fn image(&mut self, image: &str) {
        self.edit(|d| d.set_at("spec.template", template(image)));
    }

    fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        self.kit.edit(DEPLOYMENTS, KEY, change);
    }

    fn d(&self) -> Value {
        self.kit.get(DEPLOYMENTS, KEY).unwrap()
    }

    fn rs(&self, image: &str) -> Value {
        let has = |rs: &Value| {
            let containers = rs.list_at("spec.template.spec.containers");
            containers.iter().any(|c| c.str_at("image") == image)
        };
        self.kit.list(REPLICA_SETS).into_iter().find(has).unwrap_or_default()
    }

    fn size(&self, image: &str) -> i64 {
        self.rs(image).i64_at("spec.replicas").unwrap_or(-1)
    }

    /// A ReplicaSet acts: all its pods exist, so many of them (at most) are available.
    fn pods(&mut self, image: &str, available: i64) {
        let rs = self.rs(image);
        if rs.is_null() {
            return;
        }
        let size = rs.i64_at("spec.replicas").unwrap();
        let ready = available.min(size);
        let status = json!({"replicas": size, "readyReplicas": ready, "availableReplicas": ready,
            "observedGeneration": rs["metadata"]["generation"], "terminatingReplicas": 0});
        let key = format!("n/{}", rs.name());
        self.kit.edit(REPLICA_SETS, &key, |rs| rs["status"] = status);
    }

    fn progressing(&self) -> String {
        let d = self.d();
        let c = d.condition("Progressing").cloned().unwrap_or_default();
        format!("{}/{}", c.str_at("status"), c.str_at("reason"))
    }

    fn order(&self) -> Vec<String> {
        let d = self.d();
        let types = d.list_at("status.conditions").iter();
        types.map(|c| format!("{}={}", c.str_at("type"), c.str_at("status"))).collect()
    }

    fn revision(&self, image: &str) -> (String, String) {
        let rs = self.rs(image);
        let text = |key| rs.annotation(key).unwrap_or("").to_owned();
        (text(revision::REVISION), text(revision::HISTORY))
    }

    fn told(&mut self) -> Vec<String> {
        let name = |image| self.rs(image).name().to_owned();
        let names = ["v1", "v2", "v3"].map(|i| (name(i), i));
        let short = |e: &String| {
            names.iter().filter(|(n, _)| !n.is_empty()).fold(e.clone(), |e, (n, i)| e.replace(n, i))
        };
        std::mem::take(&mut self.kit.events).iter().map(short).collect()
    }
}

#[test]
fn d01_a_rolling_update_keeps_its_limits() {
    let mut r = Rollout::complete(3);
    assert_eq!(r.progressing(), "True/NewReplicaSetAvailable");
    assert_eq!(r.order(), ["Available=True", "Progressing=True"]);
    r.image("v2");
    for _ in 0..30 {
        r.look();
        for image in ["v1", "v2"] {
            r.pods(image, i64::MAX);
        }
        let sets = r.kit.list(REPLICA_SETS);
        let pods: i64 = sets.iter().filter_map(|s| s.i64_at("spec.replicas")).sum();
        let available: i64 = sets.iter().filter_map(|s| s.i64_at("status.availableReplicas")).sum();
        assert!(pods <= 4 && available >= 3, "{pods} pods, {available} available");
    }
    assert_eq!((r.size("v1"), r.size("v2")), (0, 3));
    assert_eq!(r.progressing(), "True/NewReplicaSetAvailable");
    assert_eq!(r.d().annotation(revision::REVISION), Some("2"));
}

#[test]
fn d02_without_surge_the_first_step_is_down() {
    let mut d = deployment(3, "v1");
    d.set_at("spec.strategy.rollingUpdate.maxSurge", 0);
    let mut r = Rollout::new(d);
    r.finish();
    assert_eq!(r.told(), ["ScalingReplicaSet: Scaled up replica set v1 from 0 to 3"]);
    r.image("v2");
    r.look();
    assert_eq!(r.size("v2"), 0);
    r.settle();
    r.pods("v1", i64::MAX);
    r.settle();
    assert_eq!(
        r.told(),
        [
            "ScalingReplicaSet: Scaled down replica set v1 from 3 to 2",
            "ScalingReplicaSet: Scaled up replica set v2 from 0 to 1"
        ]
    );
}

#[test]
fn d04_a_broken_image_stops_at_8_and_5_and_times_out() {
    let mut r = Rollout::stuck();
    assert_eq!((r.size("v1"), r.size("v2")), (8, 5));
    assert!(r.d().condition("Available").unwrap()["status"] == "True");
    assert_eq!(r.progressing(), "True/ReplicaSetUpdated");
    let last = *r.kit.again.last().unwrap();
    assert_eq!(last, time_of(&r, 601), "looks again a second after the deadline");
    r.kit.advance(601);
    r.settle();
    assert_eq!(r.progressing(), "False/ProgressDeadlineExceeded");
    assert_eq!((r.size("v1"), r.size("v2")), (8, 5));
}

fn time_of(r: &Rollout, seconds: i64) -> jiff::Timestamp {
    crate::object::time::plus_seconds(r.kit.now, seconds)
}

#[test]
fn d05_d06_d07_scaling_a_stuck_rollout_keeps_the_proportion() {
    for (replicas, old, new) in [(30, 20, 13), (5, 5, 3), (0, 0, 0)] {
        let mut r = Rollout::stuck();
        r.edit(|d| {
            d.set_at("spec.replicas", replicas);
            d.set_at("spec.strategy.rollingUpdate.maxSurge", 3);
            d.set_at("spec.strategy.rollingUpdate.maxUnavailable", 2);
        });
        r.look();
        assert_eq!((r.size("v1"), r.size("v2")), (old, new), "scaled to {replicas}");
        for image in ["v1", "v2"] {
            let (rs, max) = (r.rs(image), (replicas + 3).to_string());
            assert_eq!(rs.annotation(revision::DESIRED), Some(replicas.to_string().as_str()));
            assert_eq!(rs.annotation(revision::MAX), Some(max.as_str()));
        }
    }
}

#[test]
fn d07_from_zero_only_the_new_one_grows() {
    let mut r = Rollout::stuck();
    r.edit(|d| d.set_at("spec.replicas", 0));
    r.settle();
    for image in ["v1", "v2"] {
        r.pods(image, 0);
    }
    r.settle();
    r.edit(|d| d.set_at("spec.replicas", 10));
    r.settle();
    assert_eq!((r.size("v1"), r.size("v2")), (0, 10));
}

#[test]
fn d08_paused_scales_but_does_not_roll() {
    let mut r = Rollout::complete(2);
    r.edit(|d| d.set_at("spec.paused", true));
    r.settle();
    assert_eq!(r.progressing(), "Unknown/DeploymentPaused");
    r.edit(|d| d.set_at("spec.replicas", 5));
    r.finish();
    r.image("v2");
    r.settle();
    assert_eq!((r.size("v1"), r.size("v2"), r.kit.list(REPLICA_SETS).len()), (5, -1, 1));
    let d = r.d();
    assert_eq!(d.i64_at("status.updatedReplicas"), None);
    assert_eq!(d.i64_at("status.observedGeneration"), d.i64_at("metadata.generation"));
    r.edit(|d| d.set_at("spec.paused", false));
    r.look();
    assert_eq!(r.progressing(), "Unknown/DeploymentResumed");
}

#[test]
fn d09_d12_a_timed_out_rollout_ignores_pause_and_recovers_by_progress() {
    let mut r = Rollout::stuck();
    r.kit.advance(700);
    r.settle();
    r.edit(|d| d.set_at("spec.paused", true));
    r.settle();
    assert_eq!(r.progressing(), "False/ProgressDeadlineExceeded");
    r.edit(|d| d.set_at("spec.paused", false));
    r.pods("v2", 2);
    r.look();
    assert_eq!(r.progressing(), "True/ReplicaSetUpdated");
    let changed = r.d().condition("Progressing").unwrap().str_at("lastTransitionTime").to_owned();
    assert_eq!(changed, crate::object::time::seconds(r.kit.now));
    r.finish();
    assert_eq!(r.progressing(), "True/NewReplicaSetAvailable");
}

#[test]
fn d10_each_progress_restarts_the_clock_and_keeps_the_transition() {
    let mut d = deployment(5, "v1");
    d.set_at("spec.progressDeadlineSeconds", 10);
    let mut r = Rollout::new(d);
    r.settle();
    r.pods("v1", 0);
    r.settle();
    let start = crate::object::time::seconds(r.kit.now);
    for ready in 1..5 {
        r.kit.advance(8);
        r.settle();
        r.pods("v1", ready);
        r.settle();
        let d = r.d();
        let c = d.condition("Progressing").unwrap();
        assert_eq!(c.str_at("reason"), "ReplicaSetUpdated");
        assert_eq!(c.str_at("lastUpdateTime"), crate::object::time::seconds(r.kit.now));
        assert_eq!(c.str_at("lastTransitionTime"), start);
    }
}

#[test]
fn d11_d29_a_finished_rollout_does_not_time_out() {
    let mut r = Rollout::complete(3);
    r.kit.advance(3600);
    r.pods("v1", 2);
    r.kit.advance(1200);
    r.settle();
    assert_eq!(r.progressing(), "True/NewReplicaSetAvailable");
    assert_eq!(r.order(), ["Progressing=True", "Available=False"]);
    r.pods("v1", 3);
    r.settle();
    r.edit(|d| d.set_at("spec.replicas", 5));
    r.look();
    assert_eq!(r.told().last().unwrap(), "ScalingReplicaSet: Scaled up replica set v1 from 3 to 5");
    assert_eq!(r.order(), ["Progressing=True", "Available=False"]);
    r.pods("v1", 5);
    r.settle();
    assert_eq!(r.progressing(), "True/NewReplicaSetAvailable");
    assert_eq!(r.order(), ["Progressing=True", "Available=True"]);
}

#[test]
fn d13_d14_undo_gives_an_old_replica_set_the_next_revision() {
    let mut r = Rollout::complete(1);
    for image in ["v2", "v3"] {
        r.kit.advance(1);
        r.image(image);
        r.finish();
    }
    r.image("v1");
    r.look();
    assert_eq!(r.revision("v1"), ("4".into(), "1".into()));
    assert_eq!(r.d().annotation(revision::REVISION), Some("3"), "the Deployment follows later");
    r.finish();
    assert_eq!(r.d().annotation(revision::REVISION), Some("4"));
    assert_eq!(r.kit.list(REPLICA_SETS).len(), 3);

    let mut r = Rollout::complete(1);
    for image in ["v2", "v1", "v2", "v1"] {
        r.image(image);
        r.finish();
    }
    assert_eq!(r.revision("v2"), ("4".into(), "2".into()));
    assert_eq!(r.revision("v1"), ("5".into(), "1,3".into()));
}

#[test]
fn d15_history_goes_once_the_stored_status_is_complete() {
    let mut d = deployment(1, "v1");
    d.set_at("spec.revisionHistoryLimit", 0);
    let mut r = Rollout::new(d);
    r.finish();
    r.image("v2");
    r.look();
    assert_eq!(r.kit.list(REPLICA_SETS).len(), 2);
    r.finish();
    assert_eq!(r.kit.list(REPLICA_SETS).len(), 1);
}

#[test]
fn d16_what_is_in_use_stays_but_counts() {
    let mut r = Rollout::new(deployment(3, "v9"));
    r.edit(|d| {
        d.set_at("spec.paused", true);
        d.set_at("spec.revisionHistoryLimit", 1);
    });
    for (revision, size) in [(1, 0), (2, 1), (3, 0)] {
        let mut rs = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": format!("old-{revision}"), "namespace": "n",
                "labels": {"app": "web"},
                "annotations": {"deployment.kubernetes.io/revision": revision.to_string()}},
            "spec": {"replicas": size, "selector": {"matchLabels": {"app": "web"}},
                "template": template(&format!("v{revision}"))},
            "status": {"replicas": size, "observedGeneration": 1}});
        rs.set_at("metadata.generation", 1);
        r.kit.put(REPLICA_SETS, rs);
    }
    r.settle();
    let left = r.kit.list(REPLICA_SETS);
    let names: Vec<&str> = left.iter().map(|rs| rs.name()).collect();
    assert_eq!(names, ["old-2", "old-3"]);
}

#[test]
fn d17_a_third_image_waits_for_the_broken_one_to_go() {
    let mut r = Rollout::stuck();
    r.told();
    r.kit.advance(5);
    r.image("v3");
    for _ in 0..4 {
        r.settle();
        r.pods("v2", 0);
        r.pods("v3", 0);
    }
    let told = r.told();
    assert_eq!(told[0], "ScalingReplicaSet: Scaled down replica set v2 from 5 to 0");
    assert_eq!(told[1], "ScalingReplicaSet: Scaled up replica set v3 from 0 to 5");
    assert_eq!((r.size("v1"), r.size("v2"), r.size("v3")), (8, 0, 5));
    assert_eq!(r.revision("v3").0, "3");
}

#[test]
fn d18_going_back_removes_the_broken_one_first() {
    let mut r = Rollout::stuck();
    r.told();
    r.image("v1");
    r.settle();
    r.pods("v2", 0);
    r.settle();
    assert_eq!(
        r.told(),
        [
            "ScalingReplicaSet: Scaled down replica set v2 from 5 to 0",
            "ScalingReplicaSet: Scaled up replica set v1 from 8 to 10"
        ]
    );
    assert_eq!(r.revision("v1"), ("3".into(), "1".into()));
    assert_eq!(r.kit.list(REPLICA_SETS).len(), 2);
}

#[test]
fn d19_d20_annotations_flow_and_the_revision_bumps_no_generation() {
    let mut r = Rollout::complete(1);
    assert_eq!(r.d().i64_at("metadata.generation"), Some(1));
    r.edit(|d| d.set_annotation("kubernetes.io/change-cause", "why"));
    r.settle();
    let rs = r.rs("v1");
    assert_eq!(rs.annotation("kubernetes.io/change-cause"), Some("why"));
    assert_eq!(rs.i64_at("metadata.generation"), Some(1));
    assert_eq!(r.d().i64_at("status.observedGeneration"), Some(2));
    assert_eq!(r.kit.list(REPLICA_SETS).len(), 1);
}

#[test]
fn d22_a_taken_name_counts_as_a_collision() {
    let hash = hash::of(&template("v1"), None);
    let mut r = Rollout::new(deployment(1, "v1"));
    let foreign = json!({"metadata": {"name": format!("web-{hash}"), "namespace": "n",
        "labels": {"other": "x"}}, "spec": {"template": template("foreign")}});
    r.kit.put(REPLICA_SETS, foreign);
    r.look();
    assert_eq!(r.d().i64_at("status.collisionCount"), Some(1));
    r.settle();
    let other = hash::of(&template("v1"), Some(1));
    assert_eq!(r.rs("v1").name(), format!("web-{other}"));
    assert_eq!(r.told().len(), 1);
}

#[test]
fn d23_failures_of_replica_sets_are_copied_and_forgotten() {
    let mut r = Rollout::new(deployment(3, "v1"));
    r.settle();
    let key = format!("n/{}", r.rs("v1").name());
    let failure = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": "no", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    r.kit.edit(REPLICA_SETS, &key, |rs| rs["status"] = json!({"conditions": failure}));
    r.settle();
    let d = r.d();
    let copy = d.condition("ReplicaFailure").unwrap();
    assert_eq!((copy.str_at("reason"), copy.str_at("message")), ("FailedCreate", "no"));
    r.kit.edit(REPLICA_SETS, &key, |rs| rs["status"] = json!({}));
    r.settle();
    assert!(r.d().condition("ReplicaFailure").is_none());
}

#[test]
fn creation_errors_are_told_and_noted() {
    let mut r = Rollout::new(deployment(3, "v1"));
    r.kit.refuse(|_, write| {
        (write.verb == super::super::WriteVerb::Create)
            .then(|| Error::forbidden(&write.resource, "", "of a quota"))
    });
    r.look();
    assert_eq!(r.progressing(), "False/ReplicaSetCreateError");
    let name = format!("web-{}", hash::of(&template("v1"), None));
    let expected = format!(
        "ReplicaSetCreateError: Failed to create new replica set \"{name}\": replicasets.apps is forbidden: of a quota"
    );
    assert_eq!(r.kit.events, [expected]);
    r.kit.refuse(|_, _| None);
    r.finish();
    assert_eq!(r.progressing(), "True/NewReplicaSetAvailable");
}

#[test]
fn d24_d30_matching_replica_sets_are_adopted() {
    let orphan = |image: &str, revision: &str| {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "made-by-hand", "namespace": "n", "labels": {"app": "web"},
                "annotations": {"deployment.kubernetes.io/revision": revision}},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}},
                "template": template(image)},
            "status": {"replicas": 1, "availableReplicas": 1}})
    };
    let mut r = Rollout::new(deployment(1, "v2"));
    r.kit.put(REPLICA_SETS, orphan("v1", "41"));
    r.finish();
    assert_eq!((r.size("v1"), r.size("v2")), (0, 1));
    assert_eq!(r.revision("v2").0, "42");
    assert_eq!(r.rs("v1").list_at("metadata.ownerReferences").len(), 1);

    let mut r = Rollout::new(deployment(1, "v1"));
    r.kit.put(REPLICA_SETS, orphan("v1", "1"));
    while r.progressing() == "/" {
        assert!(r.look());
    }
    assert_eq!(r.kit.list(REPLICA_SETS).len(), 1);
    assert_eq!(r.progressing(), "True/FoundNewReplicaSet");
}

#[test]
fn d25_recreate_waits_until_the_old_pods_are_gone() {
    let mut d = deployment(2, "v1");
    d.set_at("spec.strategy", json!({"type": "Recreate"}));
    let mut r = Rollout::new(d);
    r.finish();
    let uid = r.rs("v1").uid().to_owned();
    let owner = json!([{"kind": "ReplicaSet", "name": "x", "uid": uid, "controller": true}]);
    r.kit.put(
        "pods",
        json!({"metadata": {"name": "p", "namespace": "n", "ownerReferences": owner,
        "deletionTimestamp": "2026-01-01T00:00:30Z"}, "status": {"phase": "Running"}}),
    );
    r.image("v2");
    r.settle();
    r.pods("v1", 0);
    r.settle();
    assert_eq!((r.size("v1"), r.size("v2")), (0, -1), "a pod still terminates");
    r.kit.remove("pods", "n/p");
    r.settle();
    assert_eq!((r.size("v1"), r.size("v2")), (0, 2));
    let told = r.told();
    assert_eq!(
        told[1..],
        [
            "ScalingReplicaSet: Scaled down replica set v1 from 2 to 0",
            "ScalingReplicaSet: Scaled up replica set v2 from 0 to 2"
        ]
    );
}

#[test]
fn d28_without_a_deadline_nothing_is_said_about_progress() {
    let mut d = deployment(1, "v1");
    d.set_at("spec.progressDeadlineSeconds", i32::MAX);
    let mut r = Rollout::new(d);
    r.finish();
    assert_eq!(r.order(), ["Available=True"]);
}

#[test]
fn the_same_view_gives_the_same_plan() {
    let mut r = Rollout::complete(10);
    r.image("v2");
    for _ in 0..20 {
        let view = r.kit.view();
        let plan = || {
            let plan = reconcile(&view, KEY);
            let writes = plan.steps.into_iter().flat_map(|s| s.writes);
            writes.map(|w| format!("{w:?}")).collect::<Vec<_>>()
        };
        assert_eq!(plan(), plan());
        r.look();
        for image in ["v1", "v2"] {
            r.pods(image, i64::MAX);
        }
    }
}

#[test]
fn the_old_rollback_annotation_is_honoured_once() {
    let mut r = Rollout::complete(1);
    r.image("v2");
    r.finish();
    r.told();
    r.edit(|d| d.set_annotation(revision::ROLLBACK_TO, "1"));
    r.look();
    let d = r.d();
    assert_eq!(d.annotation(revision::ROLLBACK_TO), None);
    assert_eq!(d.at("spec.template"), Some(&template("v1")));
    assert_eq!(r.told(), ["DeploymentRollback: Rolled back deployment \"web\" to revision 1"]);
}
