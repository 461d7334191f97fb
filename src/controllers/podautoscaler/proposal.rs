//! How many pods a metric asks for. Source: `replica_calculator.go`, `metrics/utilization.go`.

use crate::{
    controllers::View,
    metrics,
    object::{ObjectExt, Value, json, quantity::Quantity, selector::Labels, time},
};

/// How far from its target a metric may be. Source: `--horizontal-pod-autoscaler-tolerance`.
const TOLERANCE: f64 = 0.1;
/// Seconds after its start in which the processor time of a pod that is not ready does not count,
/// and in which it is taken for not ready yet. Source: the controller's flags.
const CPU_INITIALIZATION: i64 = 300;
const READINESS_DELAY: i64 = 30;

/// What a metric asks for.
pub struct Proposal {
    /// How many pods.
    pub replicas: i64,
    /// What the metric is called.
    pub name: String,
    /// Its entry in the status.
    pub status: Value,
}

/// Why a metric asks for nothing.
pub struct Failure {
    /// Reason.
    pub reason: &'static str,
    /// What could not be had.
    pub what: String,
    /// Why.
    pub why: String,
}

/// A pod that counts.
struct Pod {
    used: Option<i64>,
    requested: i64,
    unready: bool,
}

/// What a metric of an autoscaler asks for.
///
/// # Errors
/// Why it asks for nothing.
pub fn of(
    view: &View,
    hpa: &Value,
    metric: &Value,
    labels: &Labels,
    current: i64,
) -> Result<Proposal, Failure> {
    let source = match metric.str_at("type") {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        other => return Err(unserved(hpa, other, metric)),
    };
    let spec = metric.get(source).cloned().unwrap_or_default();
    let resource = spec.str_at("name").to_owned();
    let container = spec.str_at("container").to_owned();
    let what = format!("{resource} resource metric");
    let kind = if spec.at("target.averageUtilization").is_some() { "utilization" } else { "usage" };
    let fail = |why: &str| Failure {
        reason: if source == "resource" {
            "FailedGetResourceMetric"
        } else {
            "FailedGetContainerResourceMetric"
        },
        what: what.clone(),
        why: format!("failed to get {resource} {kind}: {why}"),
    };
    let pods = pods(view, hpa, labels, &resource, &container).map_err(|why| fail(&why))?;
    if pods.iter().all(|p| p.used.is_none()) {
        let why = format!(
            "unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
        );
        return Err(fail(&why));
    }
    if pods.iter().filter(|p| p.used.is_some()).all(|p| p.unready) {
        return Err(fail("did not receive metrics for targeted pods (pods might be unready)"));
    }
    let sampled = pods.iter().filter(|p| p.used.is_some() && !p.unready);
    let used: i64 = sampled.clone().filter_map(|p| p.used).sum();
    let count = sampled.clone().count() as i64;
    let average = used / count.max(1);
    let name = match container.as_str() {
        "" => format!("{resource} resource"),
        container => format!("{resource} container resource of {container}"),
    };
    let (target, shown, name) = match spec.i64_at("target.averageUtilization") {
        Some(percent) => {
            let requested: i64 = sampled.map(|p| p.requested).sum();
            let now = 100 * used / requested.max(1);
            let shown =
                json!({"averageUtilization": now, "averageValue": written(&resource, average)});
            (
                MetricTarget::Utilization(percent),
                shown,
                format!("{name} utilization (percentage of request)"),
            )
        }
        None => {
            let wanted = spec.at("target.averageValue").and_then(Quantity::from_value);
            let wanted = wanted.map_or(1, |q| amount(&resource, q)).max(1);
            (
                MetricTarget::Value(wanted),
                json!({"averageValue": written(&resource, average)}),
                name,
            )
        }
    };
    let replicas = counted(&pods, &target, current, tolerances(hpa));
    let mut status = json!({"name": resource, "current": shown});
    if !container.is_empty() {
        status["container"] = json!(container);
    }
    Ok(Proposal { replicas, name, status: json!({"type": metric.str_at("type"), source: status}) })
}

/// A metric that somebody else would have to serve, as upstream says that nobody does.
fn unserved(hpa: &Value, kind: &str, metric: &Value) -> Failure {
    let custom = "unable to fetch metrics from custom metrics API: \
                  no custom metrics API (custom.metrics.k8s.io) registered";
    let namespace = hpa.namespace();
    let named = |field: &str| metric.str_at(&format!("{field}.metric.name")).to_owned();
    match kind {
        "Pods" => Failure {
            reason: "FailedGetPodsMetric",
            what: "pods metric".into(),
            why: format!("unable to get metric {}: {custom}", named("pods")),
        },
        "Object" => {
            let about = |field: &str| metric.str_at(&format!("object.describedObject.{field}"));
            let (name, object) = (named("object"), about("kind"));
            Failure {
                reason: "FailedGetObjectMetric",
                what: "object metric".into(),
                why: format!(
                    "unable to get metric {name}: {custom} on {object} {namespace}/{}",
                    about("name")
                ),
            }
        }
        _ => {
            let name = named("external");
            let selector = selector_shown(metric.at("external.metric.selector"));
            Failure {
                reason: "FailedGetExternalMetric",
                what: format!("{name} external metric"),
                why: format!(
                    "unable to get external metric {namespace}/{name}/{selector}: unable to fetch \
                     metrics from external metrics API: the server could not find the requested \
                     resource (get {name}.external.metrics.k8s.io)"
                ),
            }
        }
    }
}

/// A selector as Go prints it.
fn selector_shown(selector: Option<&Value>) -> String {
    let Some(selector) = selector.filter(|s| s.is_object()) else { return "nil".into() };
    let labels = selector.map_at("matchLabels").into_iter().flatten();
    let labels: String =
        labels.map(|(k, v)| format!("{k}: {},", v.as_str().unwrap_or_default())).collect();
    let terms = selector.list_at("matchExpressions").iter().map(|term| {
        let values = term.list_at("values").iter().filter_map(Value::as_str);
        let values: Vec<&str> = values.collect();
        format!(
            "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
            term.str_at("key"),
            term.str_at("operator"),
            values.join(" ")
        )
    });
    let terms: String = terms.collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},\
         MatchExpressions:[]LabelSelectorRequirement{{{terms}}},}}"
    )
}

fn tolerances(hpa: &Value) -> (f64, f64) {
    let of = |side: &str| {
        let own = hpa.at(&format!("spec.behavior.{side}.tolerance")).and_then(Quantity::from_value);
        own.map_or(TOLERANCE, |q| q.milli() as f64 / 1e3)
    };
    (of("scaleDown"), of("scaleUp"))
}

fn amount(resource: &str, quantity: Quantity) -> i64 {
    if resource == "cpu" { quantity.milli() } else { quantity.value() }
}

fn written(resource: &str, amount: i64) -> String {
    if resource == "cpu" { format!("{amount}m") } else { amount.to_string() }
}

/// The pods that count, each with what it uses and asks for.
fn pods(
    view: &View,
    hpa: &Value,
    labels: &Labels,
    resource: &str,
    container: &str,
) -> Result<Vec<Pod>, String> {
    let mut found = Vec::new();
    for entry in view.selected("pods", hpa.namespace(), labels) {
        let pod = entry.lean();
        if pod.is_deleting() || pod.str_at("status.phase") == "Failed" {
            continue;
        }
        let samples = metrics::of_pod(&view.objects, &pod, view.now);
        let mine = |name: &str| container.is_empty() || name == container;
        let used = samples.map(|all| {
            let all = all.iter().filter(|(name, _)| mine(name));
            all.map(|(_, u)| if resource == "cpu" { u.milli } else { u.memory }).sum()
        });
        let mut requested = 0;
        for c in pod.list_at("spec.containers").iter().filter(|c| mine(c.str_at("name"))) {
            let own = c.at("resources.requests").and_then(|r| r.get(resource));
            let own = own.and_then(Quantity::from_value);
            let needed = hpa.list_at("spec.metrics").iter().any(|m| {
                m.at("resource.target.averageUtilization").is_some()
                    || m.at("containerResource.target.averageUtilization").is_some()
            });
            match own {
                Some(own) => requested += amount(resource, own),
                None if needed => {
                    let (c, pod) = (c.str_at("name"), pod.name());
                    return Err(format!(
                        "missing request for {resource} in container {c} of Pod {pod}"
                    ));
                }
                None => {}
            }
        }
        let unready = is_unready(view, &pod, resource);
        found.push(Pod { used, requested, unready });
    }
    Ok(found)
}

fn is_unready(view: &View, pod: &Value, resource: &str) -> bool {
    if pod.str_at("status.phase") == "Pending" {
        return true;
    }
    if resource != "cpu" {
        return false;
    }
    let started = time::parse(pod.str_at("status.startTime"));
    let (Some(started), Some(ready)) = (started, pod.condition("Ready")) else { return true };
    let since = time::parse(ready.str_at("lastTransitionTime")).unwrap_or(started);
    let is_ready = ready.str_at("status") == "True";
    if view.now < time::plus_seconds(started, CPU_INITIALIZATION) {
        return !is_ready || view.now < time::plus_seconds(since, metrics::WINDOW);
    }
    !is_ready && since < time::plus_seconds(started, READINESS_DELAY)
}

/// What is aimed at, for each pod.
enum MetricTarget {
    /// Percent of what is asked for.
    Utilization(i64),
    /// An amount.
    Value(i64),
}

impl MetricTarget {
    fn ratio(&self, pods: &[(i64, i64)]) -> f64 {
        let used: i64 = pods.iter().map(|(used, _)| used).sum();
        match self {
            MetricTarget::Utilization(percent) => {
                let requested: i64 = pods.iter().map(|(_, requested)| requested).sum();
                (100 * used / requested.max(1)) as f64 / *percent as f64
            }
            MetricTarget::Value(amount) => used as f64 / pods.len().max(1) as f64 / *amount as f64,
        }
    }
}

fn counted(pods: &[Pod], target: &MetricTarget, current: i64, (down, up): (f64, f64)) -> i64 {
    let within = |ratio: f64| (1.0 - down..=1.0 + up).contains(&ratio);
    let ready: Vec<(i64, i64)> = pods
        .iter()
        .filter(|p| !p.unready)
        .filter_map(|p| p.used.map(|used| (used, p.requested)))
        .collect();
    let ratio = target.ratio(&ready);
    let missing = pods.iter().any(|p| p.used.is_none());
    let rebalance = pods.iter().any(|p| p.unready && p.used.is_some()) && ratio > 1.0;
    if !missing && !rebalance {
        let size = (ratio * ready.len() as f64).ceil() as i64;
        return if within(ratio) { current } else { size };
    }
    // Who is not known counts against a change.
    let mut all = ready;
    for pod in pods {
        match (pod.used, pod.unready) {
            (None, _) if ratio < 1.0 => all.push((assumed(target, pod.requested), pod.requested)),
            (None, _) if ratio > 1.0 => all.push((0, pod.requested)),
            (Some(_), true) if rebalance => all.push((0, pod.requested)),
            _ => {}
        }
    }
    let again = target.ratio(&all);
    if within(again) || (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0) {
        return current;
    }
    let size = (again * all.len() as f64).ceil() as i64;
    if (again < 1.0 && size > current) || (again > 1.0 && size < current) { current } else { size }
}

/// What a pod without a sample is taken to use when the others use little.
fn assumed(target: &MetricTarget, requested: i64) -> i64 {
    match target {
        MetricTarget::Utilization(percent) => requested * (*percent).max(100) / 100,
        MetricTarget::Value(amount) => *amount,
    }
}
