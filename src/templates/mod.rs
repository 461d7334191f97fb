//! Templates of `template.openshift.io`: values for their parameters, and their objects with those
//! values put in. Knows nothing of who asks or of what becomes of the objects.
//! Source: library-go `pkg/template`.

mod generate;
mod substitute;

use crate::{
    error::Causes,
    kinds,
    object::{Map, ObjectExt, Value, json},
};
use substitute::Values;

/// Groups whose kinds older templates name without a group.
const GROUPS: &[&str] = &[
    "apps",
    "authorization",
    "build",
    "image",
    "oauth",
    "project",
    "quota",
    "route",
    "security",
    "template",
    "user",
];

/// Generates values, and puts all values into the message, the labels and the objects.
/// `below(n)` is a random number below `n`.
///
/// # Errors
/// What is wrong with the template, by field.
pub fn process(template: &mut Value, below: &dyn Fn(usize) -> usize) -> Result<(), Causes> {
    let values = values(template, below)?;
    if let Some(message) = template.get("message").and_then(Value::as_str) {
        let text = values.text(message);
        template["message"] = json!(text);
    }
    let mut labels = Map::new();
    for (key, value) in template.map_at("labels").into_iter().flatten() {
        let value = values.text(value.as_str().unwrap_or_default());
        labels.insert(values.text(key).into(), json!(value));
    }
    if template.get("labels").is_some_and(Value::is_object) {
        template["labels"] = Value::Object(labels.clone());
    }
    for object in template.get_mut("objects").and_then(Value::as_array_mut).into_iter().flatten() {
        strip_namespace(object);
        values.put_into(object);
        groupify(object);
        for (key, value) in &labels {
            object.set_label(key, value.as_str().unwrap_or_default());
        }
    }
    Ok(())
}

/// The values of all parameters, those generated now included.
fn values(template: &mut Value, below: &dyn Fn(usize) -> usize) -> Result<Values, Causes> {
    let mut causes = Causes::default();
    let mut values = Values::default();
    let parameters = template.get_mut("parameters").and_then(Value::as_array_mut);
    for (i, parameter) in parameters.into_iter().flatten().enumerate() {
        let field = format!("template.parameters[{i}]");
        let name = parameter.str_at("name").to_owned();
        let generator = parameter.str_at("generate");
        if parameter.str_at("value").is_empty() {
            match generator {
                "" => {}
                "expression" => match generate::value(parameter.str_at("from"), below) {
                    Ok(value) => parameter["value"] = json!(value),
                    Err(why) => {
                        causes.invalid(&field, &parameter.clone(), why);
                        continue;
                    }
                },
                other => {
                    let why = format!("Unknown generator name '{other}' for parameter {name}");
                    causes.invalid(&field, &json!(other), why);
                    continue;
                }
            }
            if parameter.str_at("value").is_empty() && parameter.is_true("required") {
                let why = format!("{field}: parameter {name} is required and must be specified");
                causes.required(&field, &why);
            }
        }
        values.add(name, parameter.str_at("value").to_owned());
    }
    if causes.is_empty() { Ok(values) } else { Err(causes) }
}

/// A namespace is the business of whoever creates the objects, unless it refers to a parameter.
fn strip_namespace(object: &mut Value) {
    let own = object.namespace();
    if !own.is_empty() && !substitute::refers(own) {
        object.remove_at("metadata.namespace");
    }
}

/// Gives a kind of OpenShift's that is named as in the days before groups its group.
fn groupify(object: &mut Value) {
    if object.str_at("apiVersion") != "v1" {
        return;
    }
    let kind = object.str_at("kind");
    if kinds::by_kind("v1", kind).is_some() {
        return;
    }
    let versions = GROUPS.iter().map(|group| format!("{group}.openshift.io/v1"));
    let found = versions.into_iter().find(|v| kinds::by_kind(v, kind).is_some());
    if let Some(version) = found {
        object.set_at("apiVersion", version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processed(mut template: Value) -> Result<Value, Vec<String>> {
        let said = |causes: Causes| {
            causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
        };
        process(&mut template, &|_| 0).map(|()| template).map_err(said)
    }

    /// 41 to 46, 48 of the cases of the reference.
    #[test]
    fn values_are_put_in() {
        let template = json!({
            "message": "for ${A}",
            "labels": {"app": "${A}", "${A}": "x"},
            "parameters": [
                {"name": "A", "value": "a"}, {"name": "REPLICAS", "value": "3"},
                {"name": "EMPTY"}, {"name": "NS", "value": "other"},
                {"name": "KEPT", "value": "k", "generate": "expression", "from": "[0-9]{3}"},
            ],
            "objects": [
                {"kind": "DeploymentConfig", "apiVersion": "v1",
                    "metadata": {"name": "${A}-${A}", "namespace": "fixed", "labels": {"app": "own"}},
                    "spec": {"replicas": "${{REPLICAS}}", "x": "x${{A}}", "text": "${{A}}",
                        "none": "${{EMPTY}}", "missing": "${MISSING}", "kept": "${KEPT}",
                        "map": {"${A}": ["${A}${REPLICAS}"]},
                        "template": {"metadata": {"labels": {"app": "own"}}}}},
                {"kind": "Service", "apiVersion": "v1", "metadata": {"namespace": "${NS}"}},
            ],
        });
        let done = processed(template).unwrap();
        assert_eq!(
            (done.str_at("message"), done["labels"].clone()),
            ("for a", json!({"app": "a", "a": "x"}))
        );
        let object = &done["objects"][0];
        assert_eq!(object.str_at("apiVersion"), "apps.openshift.io/v1");
        assert_eq!(object["metadata"], json!({"name": "a-a", "labels": {"app": "a", "a": "x"}}));
        assert_eq!(
            object["spec"],
            json!({"replicas": 3, "x": "x${{A}}", "text": "a", "none": "", "missing": "${MISSING}",
                "kept": "k", "map": {"a": ["a3"]},
                "template": {"metadata": {"labels": {"app": "own"}}}})
        );
        let service = &done["objects"][1];
        assert_eq!((service.namespace(), service.str_at("apiVersion")), ("other", "v1"));
    }

    /// 39, 40, 47.
    #[test]
    fn what_is_wrong_with_parameters() {
        let one = |p: Value| processed(json!({"parameters": [p], "objects": []}));
        let from = |from: &str| json!({"name": "P", "generate": "expression", "from": from});
        let said = |from_: &str, why: &str| {
            format!("template.parameters[0]: Invalid value: {}: {why}", from(from_))
        };
        let rows = [
            (
                json!({"name": "P", "required": true}),
                "template.parameters[0]: Required value: template.parameters[0]: parameter P is required and must be specified".to_owned(),
            ),
            (
                json!({"name": "P", "generate": "x"}),
                "template.parameters[0]: Invalid value: \"x\": Unknown generator name 'x' for parameter P".to_owned(),
            ),
            (
                from("[a-zA-Z0-9]{300}"),
                said("[a-zA-Z0-9]{300}", "range must be within [1-255] characters (300)"),
            ),
            (from("[a-z]{0}"), said("[a-z]{0}", "range must be within [1-255] characters (0)")),
            (from("[ABC]{3}"), said("[ABC]{3}", "malformed expresion syntax: [ABC]")),
            (from("[Z-A]{2}"), said("[Z-A]{2}", "invalid range specified: Z-A")),
        ];
        for (parameter, expected) in rows {
            assert_eq!(one(parameter.clone()).unwrap_err(), [expected], "{parameter}");
        }
    }
}
