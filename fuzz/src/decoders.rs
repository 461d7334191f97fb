//! What must hold of every decoder, whatever it is given: it comes back, and what comes of a text is
//! no larger than the text allows. Plain functions, so that the package's own tests run them over the
//! seeds, too.

use pocketshift::{
    api,
    catalog::content::Manifest,
    cel::{self, Type},
    error::Causes,
    http,
    kinds::custom::{Definition, check},
    object::{
        ObjectExt, Value, json, read,
        selector::{Fields, Labels},
    },
    patch, schema,
};

/// A decoder and its name, which is also that of its folder of seeds.
pub type Decoder = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: &[Decoder] = &[
    ("cel", cel),
    ("schemas", schemas),
    ("json", json_body),
    ("yaml", yaml_body),
    ("protobuf", protobuf),
    ("json-patch", json_patch),
    ("merge-patch", merge_patch),
    ("strategic-patch", strategic_patch),
    ("apply-patch", apply_patch),
    ("review", review),
    ("selectors", selectors),
    ("tokens", tokens),
    ("manifests", manifests),
    ("upgrade", upgrade),
];

/// How many nodes and bytes a tree has.
fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(fields) => 1 + fields.iter().map(|(k, v)| k.len() + weight(v)).sum::<usize>(),
        Value::String(text) => 1 + text.len(),
        _ => 1,
    }
}

/// What comes of a body is bounded by it, and an object goes through its type.
fn body(content_type: &str, data: &[u8]) {
    let Ok(api::Body::Object(mut value, twice)) = http::read_object(content_type, data) else {
        return;
    };
    assert!(weight(&value) <= 4 * data.len() + (1 << 20), "larger than its text");
    let _ = read::in_order(data, &twice, &[]);
    if let Some(ty) = schema::find("io.k8s.api.apps.v1.Deployment")
        && value.is_object()
    {
        let _ = schema::decode(ty, &mut value);
        schema::fill_defaults(ty, &mut value);
    }
}

fn json_body(data: &[u8]) {
    body("application/json", data);
}

fn yaml_body(data: &[u8]) {
    body("application/yaml", data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = read::yaml_documents(text);
    }
}

fn protobuf(data: &[u8]) {
    body("application/vnd.kubernetes.protobuf", data);
}

/// The object patches are tried on.
fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "labels": {"a": "b"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
                {"name": "c", "image": "i", "ports": [{"containerPort": 80}],
                 "env": [{"name": "A", "value": "1"}]}]}}}})
}

/// The tree of a patch in one of the four forms.
fn patch_body(form: &str, data: &[u8]) -> Option<Value> {
    match http::read_patch(&format!("application/{form}"), data) {
        Ok((api::Body::Patch(_, value), _)) => Some(value),
        _ => None,
    }
}

fn json_patch(data: &[u8]) {
    let Some(operations) = patch_body("json-patch+json", data) else { return };
    if let Ok(new) = patch::json(&deployment(), &operations) {
        assert!(weight(&new) <= (16 << 20) + 4 * data.len(), "copies without end");
    }
}

fn merge_patch(data: &[u8]) {
    let Some(change) = patch_body("merge-patch+json", data) else { return };
    let new = patch::merge(&deployment(), &change);
    assert!(weight(&new) <= 4096 + 2 * data.len(), "larger than both");
}

fn strategic_patch(data: &[u8]) {
    let Some(change) = patch_body("strategic-merge-patch+json", data) else { return };
    if let Some(ty) = schema::find("io.k8s.api.apps.v1.Deployment") {
        let _ = patch::strategic(&deployment(), &change, ty);
    }
}

fn apply_patch(data: &[u8]) {
    let Some(applied) = patch_body("apply-patch+yaml", data) else { return };
    let Some(ty) = schema::find("io.k8s.api.apps.v1.Deployment") else { return };
    let now = pocketshift::object::time::parse("2026-01-01T00:00:00Z").unwrap_or_default();
    let live = deployment();
    let _ = patch::managed::apply(
        Some(&live),
        &applied,
        patch::Root::Type(ty),
        "m",
        true,
        "apps/v1",
        "",
        now,
    );
}

/// What a webhook answers is a refusal with a code, and a patch within bounds.
fn review(data: &[u8]) {
    for (operations, status) in api::admission::read_review(data) {
        let code = status["code"].as_i64().unwrap_or_default();
        assert!((400..600).contains(&code), "no code of a refusal: {code}");
        if let Ok(new) = patch::json_explained(&deployment(), &operations) {
            assert!(weight(&new) <= (16 << 20) + 4 * data.len(), "copies without end");
        }
    }
}

fn selectors(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Labels::parse(text);
    let _ = Fields::parse(text);
}

fn tokens(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok((revision, _)) = api::read_token(text) {
        assert_ne!(revision, 0, "a revision that means nothing");
    }
}

fn manifests(data: &[u8]) {
    for written in ["", "application/vnd.oci.image.manifest.v1+json"] {
        if let Some(manifest) = Manifest::read(data.to_vec().into(), written) {
            assert_eq!(manifest.bytes, data);
        }
    }
}

fn upgrade(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    http::decode_upgrade(text);
}

/// What compiles is evaluated within its budget, and never costs more than it was said to.
fn cel(data: &[u8]) {
    const BUDGET: u64 = 100_000;
    let Ok(text) = std::str::from_utf8(data) else { return };
    let object = json!({"s": "text", "n": 3, "d": 1.5, "l": [1, 2, 3], "m": {"a": "b"},
        "o": [{"name": "x", "value": 1}, {"name": "y"}], "t": "2026-01-02T03:04:05Z"});
    let Ok(program) = cel::Program::compile(text, &[("self".to_owned(), Type::Dyn)]) else {
        return;
    };
    let variables = |name: &str| (name == "self").then(|| cel::value::lift(&object, None));
    let outcome = program.run(&variables, BUDGET);
    // One step may go beyond, and is the last.
    assert!(outcome.cost <= BUDGET || outcome.value.is_err(), "went on without a budget");
}

/// A schema, and an object that is held to it, in one document: a schema that may be stored prunes once and
/// for all, fills in defaults once and for all, and says the same of an object whenever it is asked.
fn schemas(data: &[u8]) {
    let Ok(api::Body::Object(whole, _)) = http::read_object("application/yaml", data) else {
        return;
    };
    let mut definition = json!({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList"},
            "versions": [{"name": "v1", "served": true, "storage": true}]}});
    let schema = whole.at("schema").cloned().unwrap_or_default();
    definition["spec"]["versions"][0]["schema"] = json!({"openAPIV3Schema": schema});
    let kind = schema::find_kind("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    if kind.is_none_or(|kind| schema::decode(kind, &mut definition).is_err()) {
        return;
    }
    let mut causes = Causes::default();
    check::definition(&definition, None, &mut causes);
    let read = Definition::of(&definition);
    let Some(custom) = read.rows.as_ref().and_then(|rows| rows.custom.as_ref()) else { return };
    let schema = &custom.schema;
    let mut object = whole.at("object").cloned().unwrap_or_default();
    schema.prune(&mut object);
    schema.drop_nulls(&mut object);
    schema.fill_defaults(&mut object);
    let said = |object: &Value| {
        let mut causes = Causes::default();
        schema.validate(object, None, &mut causes);
        schema.validate_lists(object, None, &mut causes);
        causes
    };
    let (first, again) = (said(&object), said(&object));
    assert_eq!(first.0, again.0, "said otherwise of the same object");
    if causes.0.is_empty() {
        let mut twice = object.clone();
        assert!(schema.prune(&mut twice).is_empty(), "pruned what it had filled in");
        schema.drop_nulls(&mut twice);
        schema.fill_defaults(&mut twice);
        assert_eq!(twice, object, "other defaults the second time");
    }
}
