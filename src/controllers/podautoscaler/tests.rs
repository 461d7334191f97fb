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

    fn message(&self, kind: &str) -> String {
        let hpa = self.kit.get(AUTOSCALERS, "a/web").unwrap();
        hpa.condition(kind).map_or("", |c| c.str_at("message")).to_owned()
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
    let why = "the HPA was unable to compute the replica count: failed to get memory utilization: \
               missing request for memory in container c of Pod web-0";
    assert_eq!(bench.message("ScalingActive"), why);
    let reasons: Vec<&str> = bench.kit.events.iter().filter_map(|e| e.split(':').next()).collect();
    assert_eq!(reasons, ["FailedGetResourceMetric", "FailedComputeMetricsReplicas"]);
}

#[test]
fn metrics_that_nobody_serves_are_told() {
    let custom = "unable to fetch metrics from custom metrics API: \
                  no custom metrics API (custom.metrics.k8s.io) registered";
    let external = "unable to fetch metrics from external metrics API: the server could not find \
                    the requested resource (get q.external.metrics.k8s.io)";
    let value = json!({"type": "AverageValue", "averageValue": "1"});
    let rows = [
        (
            json!({"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": value}}),
            "FailedGetPodsMetric",
            format!("unable to get metric rps: {custom}"),
        ),
        (
            json!({"type": "Object", "object": {"metric": {"name": "rps"}, "target": value,
                "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "s"}}}),
            "FailedGetObjectMetric",
            format!("unable to get metric rps: {custom} on Service a/s"),
        ),
        (
            json!({"type": "External", "external": {"metric": {"name": "q"}, "target": value}}),
            "FailedGetExternalMetric",
            format!("unable to get external metric a/q/nil: {external}"),
        ),
        (
            json!({"type": "External", "external": {"target": value,
                "metric": {"name": "q", "selector": {"matchLabels": {"x": "y"}}}}}),
            "FailedGetExternalMetric",
            format!(
                "unable to get external metric a/q/&LabelSelector{{MatchLabels:map[string]string\
                 {{x: y,}},MatchExpressions:[]LabelSelectorRequirement{{}},}}: {external}"
            ),
        ),
    ];
    for (metric, reason, why) in rows {
        let mut bench = Bench::new(2, "10m", json!({"metrics": [metric]}));
        assert_eq!(bench.after(1), 2);
        assert_eq!(bench.condition("ScalingActive"), told("False", reason));
        let text = format!("the HPA was unable to compute the replica count: {why}");
        assert_eq!(bench.message("ScalingActive"), text);
    }
}
