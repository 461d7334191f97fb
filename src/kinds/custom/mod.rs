//! Kinds that a cluster's CustomResourceDefinitions add: what is read of a definition once per
//! revision, and what only such kinds have.

pub mod check;
mod definition;
pub mod jsonpath;
pub mod openshift;
mod printer;
pub mod rules;
mod schemas;
pub mod versions;

pub use definition::{Definition, Names};
pub use printer::Printer;
pub use schemas::VersionSchema;

use super::name::Name;
use crate::{
    error::Causes,
    object::{self, ObjectExt, Value, json},
};
use jsonpath::Path;
use std::sync::Arc;

/// Resource of the definitions.
pub const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";
/// Finalizer of a definition whose objects go first.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// What is said where mistakes keep rules from being run.
const UNCHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/// What only a custom kind has: one version of a definition.
#[derive(Debug)]
pub struct Custom {
    /// What objects look like.
    pub schema: Arc<VersionSchema>,
    /// What objects of the definition's other versions look like.
    pub others: Vec<(Name, Arc<VersionSchema>)>,
    /// Columns after the name.
    pub columns: Vec<Printer>,
    /// Where a scale finds its numbers.
    pub scale: Option<Scale>,
    /// Whether discovery lists it.
    pub established: bool,
    /// Whether its definition is being deleted.
    pub terminating: bool,
    /// The version objects are stored in.
    pub storage_version: Name,
    /// Who converts objects from version to version; nobody when they only change their name.
    pub conversion: Option<Conversion>,
    /// Name, group and plural of the resource; what tells two revisions of a schema apart.
    pub digest: u64,
}

/// A webhook that converts objects.
#[derive(Debug, PartialEq)]
pub struct Conversion {
    /// Where it is: a `WebhookClientConfig`.
    pub client: Value,
    /// The forms of the question it understands, the preferred first.
    pub reviews: Vec<String>,
}

/// Where a custom scale finds its numbers.
#[derive(Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Scale {
    pub spec: String,
    pub status: String,
    pub selector: String,
}

impl Custom {
    /// A stored object as clients of this version see it: read by the version it is stored in, then
    /// under this version's name and without what that does not know.
    pub fn shown(&self, object: Value, api_version: &str) -> Value {
        self.fitted(self.read(object, api_version), api_version)
    }

    /// An object as it is stored: without what the schema of its own version does not know, with the
    /// defaults of that.
    pub fn read(&self, mut object: Value, api_version: &str) -> Value {
        let stored = object.str_at("apiVersion");
        let other = stored.rsplit('/').next().filter(|_| stored != api_version);
        let other = other.and_then(|name| self.others.iter().find(|(n, _)| *n == *name));
        let schema = other.map_or(&self.schema, |(_, schema)| schema);
        schema.prune(&mut object);
        schema.drop_nulls(&mut object);
        schema.fill_defaults(&mut object);
        object
    }

    /// What conversion made of an object. Nothing is filled: that is done where it was stored.
    pub fn fitted(&self, mut object: Value, api_version: &str) -> Value {
        object.set_at("apiVersion", api_version);
        self.schema.prune(&mut object);
        object
    }

    /// Whether an object is as the definition wants it; `old` is what it takes the place of.
    pub fn validate(&self, object: &Value, old: Option<&Value>, causes: &mut Causes) {
        self.schema.validate(object, old, causes);
        if let Some(scale) = &self.scale {
            check_replicas(object, &scale.spec, causes);
        }
        self.schema.validate_lists(object, old, causes);
    }

    /// Whether the status of an object is. Upstream holds it alone to its part of the schema, which
    /// does not know where it stands: texts begin below it.
    pub fn validate_status(&self, object: &Value, old: Option<&Value>, causes: &mut Causes) {
        let mut found = Causes::default();
        if let (Some(schema), Some(status)) =
            (self.schema.properties.get("status"), object.get("status"))
        {
            schema.validate_part(status, old.and_then(|o| o.get("status")), &mut found);
        }
        for mut cause in found.into_vec() {
            cause.field = match cause.field.as_str() {
                "" | "<nil>" => "status".into(),
                below => format!("status.{below}"),
            };
            causes.0.insert(cause);
        }
        if let Some(scale) = &self.scale {
            check_replicas(object, &scale.status, causes);
            check_selector(object, &scale.selector, causes);
        }
        self.schema.validate_lists(object, old, causes);
    }

    /// Applies the schema's rules, if what was found does not keep them from being run; answers
    /// what to warn of.
    pub fn apply_rules(
        &self,
        object: &Value,
        old: Option<&Value>,
        causes: &mut Causes,
    ) -> Vec<String> {
        let Some(rules) = self.schema.rules() else { return Vec::new() };
        if rules::block(causes) {
            causes.invalid("<nil>", &Value::Null, UNCHECKED);
            return Vec::new();
        }
        rules.apply(object, old, causes)
    }

    /// Removes nulls that mean nothing and fills defaults.
    pub fn settle(&self, object: &mut Value) {
        self.schema.drop_nulls(object);
        self.schema.fill_defaults(object);
    }
}

/// What Go says of a value that is not of the type its reader wants.
fn accessor(path: &str, value: &Value, wanted: &str) -> String {
    let mut whole = value.clone();
    object::make_whole(&mut whole);
    let shown = whole.as_str().map_or_else(|| whole.to_string(), str::to_owned);
    let is = match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::Array(_) => "[]interface {}",
        _ => "map[string]interface {}",
    };
    format!("{path} accessor error: {shown} is of the type {is}, expected {wanted}")
}

/// A count of replicas at a path.
fn check_replicas(object: &Value, path: &str, causes: &mut Causes) {
    let found = at(object, path);
    if let Some(other) = found.filter(|w| w.as_i64().is_none()) {
        causes.invalid(path, &json!(0), accessor(path, other, "int64"));
    }
    let replicas = found.and_then(Value::as_i64);
    if let Some(n) = replicas.filter(|n| *n < 0) {
        causes.invalid(path, &json!(n), "should be a non-negative integer");
    }
    if let Some(n) = replicas.filter(|n| *n > i64::from(i32::MAX)) {
        let why = format!("should be less than or equal to {}", i32::MAX);
        causes.invalid(path, &json!(n), why);
    }
}

/// A selector at a path, if the scale has one.
fn check_selector(object: &Value, path: &str, causes: &mut Causes) {
    let found = at(object, path).filter(|_| !path.is_empty());
    if let Some(other) = found.filter(|w| !w.is_string()) {
        causes.invalid(path, &json!(""), accessor(path, other, "string"));
    }
}

/// What stands at a plain path with a leading dot.
pub fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    object.at(path.trim_start_matches('.'))
}

/// The text a field selector compares in a custom object.
pub fn selected_text(object: &Value, path: &str) -> String {
    let found = Path::parse(path).ok().and_then(|p| p.first(object).cloned());
    match found {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.into(),
        Some(other) => other.to_string(),
    }
}
