//! How Go names types and words the errors of its JSON decoder. Knows nothing of objects.
//! Source: sigs.k8s.io/json, which words errors as encoding/json does.

use super::{Field, Shape, Type};
use crate::object::Value;

/// Where the decoder is: a list of steps on the stack, so that going down costs nothing.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    pub parent: Option<&'a Path<'a>>,
    pub step: GoSegment<'a>,
}

/// One step into a value.
#[derive(Clone, Copy)]
pub(super) enum GoSegment<'a> {
    Root,
    Field(&'static Type, &'static Field),
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub const ROOT: Path<'static> = Path { parent: None, step: GoSegment::Root };

    pub fn down(&'a self, step: GoSegment<'a>) -> Path<'a> {
        Path { parent: Some(self), step }
    }

    fn steps(&self) -> Vec<GoSegment<'a>> {
        let mut steps: Vec<GoSegment<'a>> = Vec::new();
        let mut at = Some(self);
        while let Some(path) = at {
            steps.push(path.step);
            at = path.parent;
        }
        steps.reverse();
        steps
    }

    /// The path as strict decoding reports it: `spec.containers[0].foo`.
    pub fn strict(&self, last: &str) -> String {
        let mut out = String::new();
        for step in self.steps() {
            match step {
                GoSegment::Root => {}
                GoSegment::Field(_, field) => push(&mut out, field.name),
                GoSegment::Key(key) => push(&mut out, key),
                GoSegment::Index(i) => out.push_str(&format!("[{i}]")),
            }
        }
        push(&mut out, last);
        out
    }

    /// `Go struct field Container.spec.containers.image` or, at the top, `Go value`.
    fn target(&self) -> String {
        let (mut path, mut owner) = (String::new(), "");
        for step in self.steps() {
            if let GoSegment::Field(of, field) = step {
                for message in embedding(of, field) {
                    push(&mut path, message);
                }
                push(&mut path, field.name);
                owner = of.short_name();
            }
        }
        if path.is_empty() { "Go value".into() } else { format!("Go struct field {owner}.{path}") }
    }
}

fn push(out: &mut String, name: &str) {
    if !out.is_empty() {
        out.push('.');
    }
    out.push_str(name);
}

/// The embedded Go structs through which a type has a field.
fn embedding(of: &Type, field: &Field) -> Vec<&'static str> {
    for embedded in of.embedded {
        let Some(message) = Shape::Object(embedded.message).object() else { continue };
        if message.fields.iter().any(|f| f.name == field.name) {
            let mut names = vec![embedded.name];
            names.extend(embedding(message, field));
            return names;
        }
    }
    Vec::new()
}

/// `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
pub(super) fn mismatch(value: &Value, path: &Path, go: &str) -> String {
    format!("json: cannot unmarshal {} into {} of type {go}", kind(value, go), path.target())
}

/// What Go calls the value; numbers that do not fit are quoted.
fn kind(value: &Value, go: &str) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(n) if matches!(go, "int32" | "int64") => format!("number {n}"),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(_) => "array".into(),
        Value::Object(_) => "object".into(),
    }
}

/// The Go type of a shape; `named` is the field's own name for it, if it has one.
pub(super) fn type_name(shape: &Shape, named: &str) -> String {
    if !named.is_empty() {
        return named.into();
    }
    match shape {
        Shape::Bool => "bool".into(),
        Shape::Int32 | Shape::IntOrString => "int32".into(),
        Shape::Int64 => "int64".into(),
        Shape::Float => "float64".into(),
        Shape::Bytes => "[]uint8".into(),
        Shape::String | Shape::Quantity | Shape::Time | Shape::MicroTime | Shape::Duration => {
            "string".into()
        }
        Shape::Any => "interface {}".into(),
        Shape::Object(_) => shape.object().map(struct_name).unwrap_or_default(),
        Shape::List(item) => format!("[]{}", type_name(item, "")),
        Shape::Map(item) => format!("map[string]{}", type_name(item, "")),
    }
}

/// `v1.Deployment`: a Go package is called by its version.
pub(super) fn struct_name(of: &'static Type) -> String {
    let from = of.name.rmatch_indices('.').nth(1).map_or(0, |(i, _)| i + 1);
    of.name.get(from..).unwrap_or(of.name).into()
}

/// The name of a list's items, given the field's own name for the list.
pub(super) fn item_name(named: &'static str) -> &'static str {
    named.strip_prefix("[]").unwrap_or("")
}
