//! LimitRanger: default requests and limits of containers, and the bounds they must keep.
//!
//! Source: kubernetes `plugin/pkg/admission/limitranger`.

use super::{
    super::Verb,
    Attributes,
    common::{aggregate, containers_mut, is, refuse},
    resources::{Amounts, Side, amounts, of_container, of_pod},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, quantity::Quantity},
    store::Op,
};

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

fn ranges(a: &Attributes<'_>) -> impl Iterator<Item = Value> {
    a.snapshot.list("limitranges", a.namespace).map(|e| e.value())
}

/// Gives a new pod's containers what they left out.
pub fn mutate(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if is(a, "pods") && a.verb == Verb::Create {
        for range in ranges(a) {
            fill(pod, &range);
        }
    }
    Ok(())
}

fn fill(pod: &mut Value, range: &Value) {
    let mut notes = Vec::new();
    for (list, what) in [("containers", "container"), ("initContainers", "init container")] {
        for container in containers_mut(pod, list) {
            let name = container.str_at("name").to_owned();
            for (from, to, word) in
                [("defaultRequest", "requests", "request"), ("default", "limits", "limit")]
            {
                let set = fill_side(container, range, from, to);
                if !set.is_empty() {
                    notes.push(format!("{} {word} for {what} {name}", set.join(", ")));
                }
            }
        }
    }
    if !notes.is_empty() {
        pod.set_annotation(ANNOTATION, format!("LimitRanger plugin set: {}", notes.join("; ")));
    }
}

/// Copies defaults that are absent; answers their names, sorted.
fn fill_side(container: &mut Value, range: &Value, from: &str, to: &str) -> Vec<String> {
    let mut set = Vec::new();
    let limits = range.list_at("spec.limits").iter();
    for limit in limits.filter(|l| l.str_at("type") == "Container") {
        for (name, amount) in limit.map_at(from).into_iter().flatten() {
            let path = container.at_mut("resources");
            if path.get(to).is_none_or(|side| side.get(name).is_none()) {
                path[to][name] = amount.clone();
                set.push(name.to_string());
            }
        }
    }
    set.sort();
    set
}

/// Checks a pod or claim against every range of its namespace.
pub fn validate(object: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    let pod = is(a, "pods") && a.verb == Verb::Create;
    let claim = is(a, "persistentvolumeclaims") && a.verb != Verb::Delete;
    if (!pod && !claim) || a.old.is_some_and(ObjectExt::is_deleting) {
        return Ok(Vec::new());
    }
    for range in ranges(a) {
        let mut found = Vec::new();
        for limit in range.list_at("spec.limits") {
            if pod {
                check_pod(object, limit, &mut found)
            } else {
                check_claim(object, limit, &mut found)
            }
        }
        if let Some(why) = aggregate(&found) {
            return Err(refuse(a, object, why));
        }
    }
    Ok(Vec::new())
}

fn check_pod(pod: &Value, limit: &Value, found: &mut Vec<String>) {
    match limit.str_at("type") {
        "Container" => {
            let lists = ["spec.containers", "spec.initContainers"];
            for c in lists.iter().flat_map(|l| pod.list_at(l)) {
                let sides = (of_container(c, Side::Requests), of_container(c, Side::Limits));
                check(limit, &sides.0, &sides.1, found);
            }
        }
        "Pod" => check(limit, &of_pod(pod, Side::Requests), &of_pod(pod, Side::Limits), found),
        _ => {}
    }
}

fn check_claim(claim: &Value, limit: &Value, found: &mut Vec<String>) {
    if limit.str_at("type") != "PersistentVolumeClaim" {
        return;
    }
    let requests = amounts(claim.at("spec.resources.requests"));
    for (name, min) in amounts(limit.get("min")) {
        found.extend(minimum(limit, &name, min, requests.get(&name), None));
    }
    for (name, max) in amounts(limit.get("max")) {
        let said = format!("maximum {name} usage per PersistentVolumeClaim is {max}");
        match requests.get(&name) {
            None => found.push(format!("{said}.  No request is specified")),
            Some(q) if *q > max => found.push(format!("{said}, but request is {q}")),
            Some(_) => {}
        }
    }
}

fn check(limit: &Value, requests: &Amounts, limits: &Amounts, found: &mut Vec<String>) {
    for (name, min) in amounts(limit.get("min")) {
        found.extend(minimum(limit, &name, min, requests.get(&name), limits.get(&name)));
    }
    let kind = limit.str_at("type");
    for (name, max) in amounts(limit.get("max")) {
        let said = format!("maximum {name} usage per {kind} is {max}");
        match (requests.get(&name), limits.get(&name)) {
            (_, None) => found.push(format!("{said}.  No limit is specified")),
            (_, Some(l)) if *l > max => found.push(format!("{said}, but limit is {l}")),
            (Some(r), _) if *r > max => found.push(format!("{said}, but request is {r}")),
            _ => {}
        }
    }
    for (name, max) in amounts(limit.get("maxLimitRequestRatio")) {
        let said = format!("{name} max limit to request ratio per {kind} is {max}");
        found.extend(ratio(&said, max, requests.get(&name), limits.get(&name)));
    }
}

fn minimum(
    limit: &Value,
    name: &str,
    min: Quantity,
    request: Option<&Quantity>,
    upper: Option<&Quantity>,
) -> Option<String> {
    let said = format!("minimum {name} usage per {} is {min}", limit.str_at("type"));
    match (request, upper) {
        (None, _) => Some(format!("{said}.  No request is specified")),
        (Some(r), _) if *r < min => Some(format!("{said}, but request is {r}")),
        (_, Some(l)) if *l < min => Some(format!("{said}, but limit is {l}")),
        _ => None,
    }
}

fn ratio(
    said: &str,
    max: Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let Some(request) = request.filter(|q| !q.is_zero()) else {
        return Some(format!("{said}, but no request is specified or request is 0"));
    };
    let Some(limit) = limit.filter(|q| !q.is_zero()) else {
        return Some(format!("{said}, but no limit is specified or limit is 0"));
    };
    let ratio = limit.milli() as f64 / request.milli() as f64;
    (ratio * 1000.0 > max.milli() as f64)
        .then(|| format!("{said}, but provided ratio is {ratio:.6}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn scene(limits: Value) -> Scene {
        let range =
            json!({"metadata": {"name": "r", "namespace": "n"}, "spec": {"limits": limits}});
        Scene::new(vec![("limitranges", range)])
    }

    #[test]
    fn defaults_and_their_annotation() {
        let scene = scene(json!([{"type": "Container",
            "default": {"cpu": "1"}, "defaultRequest": {"memory": "5Mi", "cpu": "100m"}}]));
        let mut pod = json!({"spec": {"containers": [
            {"name": "c"}, {"name": "d", "resources": {"requests": {"cpu": "7m", "memory": "1"}}}]}});
        mutate(&mut pod, &scene.attributes("pods", Verb::Create, "n", "p")).unwrap();
        assert_eq!(
            pod.annotation(ANNOTATION),
            Some(
                "LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c; cpu limit for container d"
            )
        );
        assert_eq!(
            pod["spec"]["containers"],
            json!([
                {"name": "c", "resources": {"requests": {"cpu": "100m", "memory": "5Mi"},
                    "limits": {"cpu": "1"}}},
                {"name": "d", "resources": {"requests": {"cpu": "7m", "memory": "1"},
                    "limits": {"cpu": "1"}}},
            ])
        );
    }

    #[test]
    fn bounds_in_upstreams_words() {
        let container = |key: &str, map: Value| json!([{"type": "Container", key: map}]);
        let uses =
            |r: Value, l: Value| json!([{"name": "c", "resources": {"requests": r, "limits": l}}]);
        let rows = [
            (
                container("max", json!({"cpu": "1"})),
                uses(json!({}), json!({"cpu": "2"})),
                "maximum cpu usage per Container is 1, but limit is 2",
            ),
            (
                container("max", json!({"cpu": "1"})),
                uses(json!({}), json!({})),
                "maximum cpu usage per Container is 1.  No limit is specified",
            ),
            (
                container("min", json!({"memory": "64Mi"})),
                uses(json!({"memory": "1Mi"}), json!({})),
                "minimum memory usage per Container is 64Mi, but request is 1Mi",
            ),
            (
                container("min", json!({"memory": "64Mi"})),
                uses(json!({}), json!({})),
                "minimum memory usage per Container is 64Mi.  No request is specified",
            ),
            (
                container("maxLimitRequestRatio", json!({"cpu": "2"})),
                uses(json!({"cpu": "500m"}), json!({"cpu": "2"})),
                "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
            ),
            (
                json!([{"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "3"}}]),
                uses(json!({"cpu": "2"}), json!({"cpu": "2"})),
                "[minimum cpu usage per Container is 3, but request is 2, maximum cpu usage per Container is 1, but limit is 2]",
            ),
            (
                json!([{"type": "Pod", "max": {"cpu": "1"}}]),
                json!([{"resources": {"limits": {"cpu": "600m"}}}, {"resources": {"limits": {"cpu": "600m"}}}]),
                "maximum cpu usage per Pod is 1, but limit is 1200m",
            ),
            (
                container("max", json!({"cpu": "1"})),
                uses(json!({"cpu": "1"}), json!({"cpu": "1"})),
                "",
            ),
        ];
        for (limits, containers, why) in rows {
            let scene = scene(limits);
            let pod = json!({"spec": {"containers": containers}});
            let result = validate(&pod, &scene.attributes("pods", Verb::Create, "n", "p"));
            let text = result.err().map(|e| e.to_string()).unwrap_or_default();
            let expected = format!("pods \"p\" is forbidden: {why}");
            assert_eq!(text, if why.is_empty() { "" } else { &expected });
        }
        let scene = scene(json!([{"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]));
        let claim = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
        let a = scene.attributes("persistentvolumeclaims", Verb::Create, "n", "c");
        assert_eq!(
            validate(&claim, &a).unwrap_err().to_string(),
            "persistentvolumeclaims \"c\" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"
        );
    }
}
