//! Kinds that a cluster's CustomResourceDefinitions add: what is read of a definition once per
//! revision, and what only such kinds have.

pub mod check;
mod definition;
pub mod jsonpath;
pub mod openshift;
mod printer;
pub mod rules;
pub mod versions;

pub use definition::{Claims, Definition, Names};
pub use printer::Printer;

use super::name::Name;
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
    schema::structural::Structural,
};
use jsonpath::Path;
use rules::Rules;
use std::sync::OnceLock;

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
    pub schema: Structural,
    /// The same as it was written, for the OpenAPI documents.
    pub document: Value,
    /// Columns after the name.
    pub columns: Vec<Printer>,
    /// Where a scale finds its numbers.
    pub scale: Option<Scale>,
    /// Whether discovery lists it.
    pub established: bool,
    /// Whether its definition is being deleted.
    pub terminating: bool,
    /// The rules of the schema, compiled when they are first applied.
    pub rules: OnceLock<Option<Rules>>,
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
    /// An object as clients of this version see it: under its apiVersion, without what the schema
    /// does not know, with its defaults.
    pub fn shown(&self, mut object: Value, api_version: &str) -> Value {
        object.set_at("apiVersion", api_version);
        self.schema.prune(&mut object);
        self.settle(&mut object);
        object
    }

    /// Whether an object is as the definition wants it; `old` is what it takes the place of.
    pub fn validate(&self, object: &Value, old: Option<&Value>, causes: &mut Causes) {
        self.schema.validate(object, old, causes);
        self.validate_scale(object, causes);
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
        let rules = self.rules.get_or_init(|| Rules::of(&self.document));
        let Some(rules) = rules else { return Vec::new() };
        if rules::block(causes) {
            causes.invalid("<nil>", &Value::Null, UNCHECKED);
            return Vec::new();
        }
        rules.apply(object, old, causes)
    }

    fn validate_scale(&self, object: &Value, causes: &mut Causes) {
        let Some(scale) = &self.scale else { return };
        let wanted = at(object, &scale.spec);
        if let Some(other) = wanted.filter(|w| w.as_i64().is_none()) {
            let path = &scale.spec;
            let shown = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            let is = match other {
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                Value::Number(_) => "float64",
                _ => "map[string]interface {}",
            };
            let why = format!("{path} accessor error: {shown} is of the type {is}, expected int64");
            causes.invalid(path, &json!(0), why);
        }
        let replicas = wanted.and_then(Value::as_i64);
        if let Some(n) = replicas.filter(|n| *n < 0) {
            causes.invalid(&scale.spec, &json!(n), "should be a non-negative integer");
        }
        if let Some(n) = replicas.filter(|n| *n > i64::from(i32::MAX)) {
            let why = format!("should be less than or equal to {}", i32::MAX);
            causes.invalid(&scale.spec, &json!(n), why);
        }
    }

    /// Removes nulls that mean nothing and fills defaults.
    pub fn settle(&self, object: &mut Value) {
        self.schema.drop_nulls(object);
        self.schema.fill_defaults(object);
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
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    }
}
