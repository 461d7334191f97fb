//! What `agnhost webhook` decides: from the request of an AdmissionReview to its response. The words
//! and marks are those of the program.

use crate::object::{ObjectExt, Value, json};
use base64::{Engine, engine::general_purpose::STANDARD};

/// The label, or key of data, that the program looks at.
const MARK: &str = "webhook-e2e-test";
/// Its value for what is refused.
const DISALLOWED: &str = "webhook-disallow";
/// Its value for what may not be deleted.
const KEPT: &str = "webhook-nondeletable";

/// What comes of a review.
#[derive(Debug, PartialEq)]
pub enum ReviewAnswer {
    /// A response, without its uid.
    Response(Value),
    /// It never answers.
    Silence,
    /// It answers so, after seconds.
    Late(i64, Value),
    /// There is no such path.
    NoSuchPath,
}

fn allowed() -> Value {
    json!({"allowed": true})
}

fn refused(field: &str, text: &str) -> Value {
    json!({"allowed": false, "status": {"metadata": {}, field: text}})
}

fn patched(patch: &Value) -> Value {
    json!({"allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode(patch.to_string())})
}

/// Decides a request by the path it came to. `sidecar` is the image of a flag.
pub fn decide(path: &str, request: &Value, sidecar: &str) -> ReviewAnswer {
    let object = request.at("object").unwrap_or(&Value::Null);
    let operation = request.str_at("operation");
    ReviewAnswer::Response(match path {
        "/always-deny" => refused("message", "this webhook denies all requests"),
        "/always-allow-delay-5s" => {
            let message = "this webhook allows all requests";
            let status = json!({"metadata": {}, "message": message});
            return ReviewAnswer::Late(5, json!({"allowed": true, "status": status}));
        }
        "/add-label" => label(object),
        "/pods" => return pods(object),
        "/pods/attach" => attach(request, object),
        "/mutating-pods" => init_container(object),
        "/mutating-pods-sidecar" => side_container(object, sidecar),
        "/configmaps" => {
            data(request, operation, "the configmap", "key and value", "key and value")
        }
        "/custom-resource" => {
            data(request, operation, "the custom resource", "data", "key and value")
        }
        "/mutating-configmaps" | "/mutating-custom-resource" => staged(object),
        "/crd" => match object.label(MARK) {
            Some(DISALLOWED) => refused("message", "the crd contains unwanted label"),
            _ => allowed(),
        },
        _ => return ReviewAnswer::NoSuchPath,
    })
}

fn label(object: &Value) -> Value {
    let labels = object.at("metadata.labels").and_then(Value::as_object);
    let (operation, path, value) = match labels {
        Some(labels) if !labels.is_empty() => match labels.get("added-label") {
            Some(value) if value == "yes" => return allowed(),
            Some(_) => ("replace", "/metadata/labels/added-label", json!("yes")),
            None => ("add", "/metadata/labels/added-label", json!("yes")),
        },
        _ => ("add", "/metadata/labels", json!({"added-label": "yes"})),
    };
    patched(&json!([{"op": operation, "path": path, "value": value}]))
}

fn pods(pod: &Value) -> ReviewAnswer {
    let mut wrong = Vec::new();
    match pod.label(MARK) {
        Some("wait-forever") => return ReviewAnswer::Silence,
        Some(DISALLOWED) => wrong.push("the pod contains unwanted label;"),
        _ => {}
    }
    for container in pod.list_at("spec.containers") {
        if container.str_at("name").contains(DISALLOWED) {
            wrong.push("the pod contains unwanted container name;");
        }
    }
    ReviewAnswer::Response(match wrong.is_empty() {
        true => allowed(),
        false => refused("message", &wrong.join(" ")),
    })
}

fn attach(request: &Value, options: &Value) -> Value {
    let name = request.str_at("name");
    if name != "to-be-attached-pod" {
        return allowed();
    }
    if options.is_true("stdin") && options.str_at("container") == "container1" {
        return refused("message", &format!("attaching to pod '{name}' is not allowed"));
    }
    allowed()
}

fn has(list: &[Value], name: &str) -> bool {
    list.iter().any(|c| c.str_at("name") == name)
}

fn init_container(pod: &Value) -> Value {
    let name = "webhook-added-init-container";
    if pod.name() != "webhook-to-be-mutated" || has(pod.list_at("spec.initContainers"), name) {
        return allowed();
    }
    let added = json!([{"image": "webhook-added-image", "name": name, "resources": {}}]);
    patched(&json!([{"op": "add", "path": "/spec/initContainers", "value": added}]))
}

fn side_container(pod: &Value, image: &str) -> Value {
    let name = "webhook-added-sidecar";
    if image.is_empty() {
        let message = "No image specified by the sidecar-image parameter";
        return json!({"allowed": false, "status":
            {"metadata": {}, "status": "Failure", "message": message, "code": 500}});
    }
    if has(pod.list_at("spec.containers"), name) {
        return allowed();
    }
    let added = json!({"image": image, "name": name, "resources": {}});
    patched(&json!([{"op": "add", "path": "/spec/containers/-", "value": added}]))
}

fn data(request: &Value, operation: &str, what: &str, unwanted: &str, kept: &str) -> Value {
    let object = if operation == "DELETE" { "oldObject.data" } else { "object.data" };
    let mark = request.at(object).and_then(|d| d.get(MARK)).and_then(Value::as_str);
    match (mark, operation) {
        (Some(DISALLOWED), "CREATE" | "UPDATE") => {
            refused("reason", &format!("{what} contains unwanted {unwanted}"))
        }
        (Some(KEPT), "DELETE") => {
            let why = format!("cannot be deleted because it contains unwanted {kept}");
            refused("reason", &format!("{what} {why}"))
        }
        _ => allowed(),
    }
}

/// The first stage follows the start, the second the first; one of them at a time.
fn staged(object: &Value) -> Value {
    let is = |key: &str| object.at("data").and_then(|d| d.get(key)).is_some_and(|v| v == "yes");
    let stage = match (is("mutation-stage-1"), is("mutation-start")) {
        (true, _) => "2",
        (false, true) => "1",
        _ => return allowed(),
    };
    let path = format!("/data/mutation-stage-{stage}");
    patched(&json!([{"op": "add", "path": path, "value": "yes"}]))
}

/// Converts an object between the two versions the program knows.
///
/// # Errors
/// It does not know the way.
pub fn convert(object: &Value, to: &str) -> Result<Value, String> {
    const ONE: &str = "stable.example.com/v1";
    const TWO: &str = "stable.example.com/v2";
    let from = object.str_at("apiVersion").to_owned();
    if from == to {
        let text = "conversion from a version to itself should not call the webhook";
        return Err(format!("{text}: {to}"));
    }
    let mut made = object.clone();
    made["apiVersion"] = json!(to);
    let Some(fields) = made.as_object_mut() else { return Err("no object".into()) };
    match (from.as_str(), to) {
        (ONE, TWO) => {
            if let Some(both) = fields.remove("hostPort") {
                let text = both.as_str().unwrap_or("");
                let parts: Vec<&str> = text.split(':').collect();
                let [host, port] = parts.as_slice() else {
                    return Err(format!("invalid hostPort value `{text}`"));
                };
                fields.insert("host".into(), json!(host));
                fields.insert("port".into(), json!(port));
            }
        }
        (TWO, ONE) => {
            let (host, port) = (fields.remove("host"), fields.remove("port"));
            if host.is_some() || port.is_some() {
                let text = |v: Option<Value>| {
                    v.and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
                };
                fields.insert("hostPort".into(), json!(format!("{}:{}", text(host), text(port))));
            }
        }
        (ONE | TWO, _) => return Err(format!("unexpected conversion version {to:?}")),
        _ => return Err(format!("unexpected conversion version {from:?}")),
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(verdict: ReviewAnswer) -> Value {
        let ReviewAnswer::Response(response) = verdict else { panic!("{verdict:?}") };
        let bytes = STANDARD.decode(response.str_at("patch")).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    #[test]
    fn paths_decide() {
        let map = |value: &str, operation: &str| {
            json!({"operation": operation, "object": {"data": {MARK: value}},
                "oldObject": {"data": {MARK: value}}})
        };
        let rows = [
            ("/always-deny", json!({}), false),
            ("/configmaps", map(DISALLOWED, "CREATE"), false),
            ("/configmaps", map(DISALLOWED, "DELETE"), true),
            ("/custom-resource", map(KEPT, "DELETE"), false),
            ("/custom-resource", map(KEPT, "UPDATE"), true),
            ("/crd", json!({"object": {"metadata": {"labels": {MARK: DISALLOWED}}}}), false),
            ("/pods/attach", json!({"name": "other", "object": {"stdin": true}}), true),
        ];
        for (path, request, expected) in rows {
            let ReviewAnswer::Response(response) = decide(path, &request, "") else {
                panic!("{path}")
            };
            assert_eq!(response.is_true("allowed"), expected, "{path} {request}");
        }
        assert_eq!(decide("/no", &json!({}), ""), ReviewAnswer::NoSuchPath);
        let waits = json!({"object": {"metadata": {"labels": {MARK: "wait-forever"}}}});
        assert_eq!(decide("/pods", &waits, ""), ReviewAnswer::Silence);
    }

    #[test]
    fn changes_are_patches() {
        let labelled = |labels: Value| json!({"object": {"metadata": {"labels": labels}}});
        let of = |path: &str, request: Value| patch(decide(path, &request, ""));
        assert_eq!(of("/add-label", labelled(json!({})))[0]["path"], "/metadata/labels");
        assert_eq!(of("/add-label", labelled(json!({"a": "b"})))[0]["op"], "add");
        assert_eq!(of("/add-label", labelled(json!({"added-label": "no"})))[0]["op"], "replace");
        assert_eq!(of("/add-label", labelled(json!({"added-label": "yes"}))), Value::Null);
        let started = json!({"object": {"data": {"mutation-start": "yes"}}});
        assert_eq!(of("/mutating-configmaps", started)[0]["path"], "/data/mutation-stage-1");
    }

    #[test]
    fn versions_are_converted_both_ways() {
        let one = json!({"apiVersion": "stable.example.com/v1", "hostPort": "h:80"});
        let two = convert(&one, "stable.example.com/v2").unwrap();
        assert_eq!(two, json!({"apiVersion": "stable.example.com/v2", "host": "h", "port": "80"}));
        assert_eq!(convert(&two, "stable.example.com/v1").unwrap(), one);
        assert!(convert(&one, "stable.example.com/v1").is_err());
        assert!(convert(&one, "stable.example.com/v3").is_err());
    }
}
