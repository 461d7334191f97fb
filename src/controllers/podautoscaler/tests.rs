//! How autoscalers decide. Numbers are those of the cases of the reference.

use super::{AUTOSCALERS, CONTROLLER};
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json, time},
};

const DEPLOYMENTS: &str = "deployments.apps";

/// A deployment with so many ready pods, each using `cpu` of the 100m it asks for.
struct Bench {
    kit: Kit,
    cpu: String,
}

impl Bench {
    fn new(replicas: i64, cpu: &str, spec: Value) -> Bench {
        let mut kit = Kit::default();
        kit.put(
            DEPLOYMENTS,
            json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "a", "name": "web"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}}}),
        );
        let mut hpa = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"namespace": "a", "name": "web"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 1, "maxReplicas": 10,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 80}}}]}});
        for (field, value) in spec.as_object().unwrap() {
            hpa["spec"][field] = value.clone();
        }
        let now = time::seconds(kit.view().now);
        hpa["metadata"]["creationTimestamp"] = json!(now);
        kit.put(AUTOSCALERS, hpa);
        let mut bench = Bench { kit, cpu: cpu.into() };
        bench.fill();
        bench
    }

    /// Pods as many as the deployment wants, ready for long.
    fn fill(&mut self) {
        let wanted = self.size();
        let since = time::seconds(time::plus_seconds(self.kit.view().now, -600));
        for n in 0..20 {
            let key = format!("a/web-{n}");
            if n >= wanted {
                if self.kit.get("pods", &key).is_some() {
                    self.kit.remove("pods", &key);
                }
                continue;
            }
            if self.kit.get("pods", &key).is_some() {
                self.kit.remove("pods", &key);
            }
            let pod = json!({"metadata": {"namespace": "a", "name": format!("web-{n}"),
                    "labels": {"app": "web"}, "annotations": {"load.pocketshift.io/cpu": self.cpu}},
                "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}}}]},
                "status": {"phase": "Running", "startTime": since, "conditions": [
                    {"type": "Ready", "status": "True", "lastTransitionTime": since}]}});
            self.kit.put("pods", pod);
        }
    }

    fn size(&self) -> i64 {
        self.kit.get(DEPLOYMENTS, "a/web").unwrap().i64_at("spec.replicas").unwrap()
    }

    /// The size after so many looks.
    fn after(&mut self, looks: usize) -> i64 {
        for _ in 0..looks {
            self.kit.advance(15);
            self.kit.settle(&CONTROLLER, "a/web");
            self.fill();
        }
        self.size()
    }

    fn condition(&self, kind: &str) -> (String, String) {
        let hpa = self.kit.get(AUTOSCALERS, "a/web").unwrap();
        let found = hpa.condition(kind).cloned().unwrap_or_default();
        (found.str_at("status").to_owned(), found.str_at("reason").to_owned())
    }
}

fn told(status: &str, reason: &str) -> (String, String) {
    (status.into(), reason.into())
}

/// 104, 106 and 107.
#[test]
fn sizes_follow_utilization() {
    let mut bench = Bench::new(1, "160m", json!({}));
    bench.kit.advance(14);
    bench.kit.settle(&CONTROLLER, "a/web");
    assert_eq!(bench.condition("AbleToScale"), told("", ""));
    bench.kit.advance(1);
    bench.kit.settle(&CONTROLLER, "a/web");
    assert_eq!(bench.size(), 2);
    assert_eq!(bench.condition("ScalingActive"), told("True", "ValidMetricFound"));
    assert_eq!(bench.condition("AbleToScale"), told("True", "SucceededRescale"));
    assert_eq!(Bench::new(3, "86m", json!({})).after(1), 3);
}

/// 108.
#[test]
fn growth_has_a_rate() {
    let mut bench = Bench::new(1, "800m", json!({}));
    assert_eq!(bench.after(1), 4);
    assert_eq!(bench.condition("ScalingLimited"), told("True", "ScaleUpLimit"));
    assert_eq!((bench.after(1), bench.after(1)), (8, 10));
    assert_eq!(bench.condition("ScalingLimited"), told("True", "TooManyReplicas"));
}

/// 109 and 112.
#[test]
fn shrinking_waits() {
    let mut bench = Bench::new(4, "10m", json!({}));
    assert_eq!(bench.after(2), 4);
    assert_eq!(bench.condition("AbleToScale"), told("True", "ScaleDownStabilized"));
    assert_eq!(bench.after(20), 1);
    let slow = json!({"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0,
        "selectPolicy": "Max", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}});
    let mut bench = Bench::new(4, "10m", slow);
    assert_eq!((bench.after(1), bench.after(3), bench.after(1)), (3, 3, 2));
    assert_eq!(bench.condition("ScalingLimited"), told("True", "ScaleDownLimit"));
}

/// 105, 110 and 111.
#[test]
fn what_cannot_be_scaled_says_why() {
    let mut bench = Bench::new(0, "10m", json!({}));
    assert_eq!(bench.after(1), 0);
    assert_eq!(bench.condition("ScalingActive"), told("False", "ScalingDisabled"));
    assert_eq!(Bench::new(12, "80m", json!({})).after(1), 10);
    let memory = json!({"metrics": [{"type": "Resource", "resource": {"name": "memory",
        "target": {"type": "Utilization", "averageUtilization": 80}}}]});
    let mut bench = Bench::new(2, "10m", memory);
    assert_eq!(bench.after(1), 2);
    assert_eq!(bench.condition("ScalingActive"), told("False", "FailedGetResourceMetric"));
}
