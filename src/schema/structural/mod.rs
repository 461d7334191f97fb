//! Structural schemas: what a CustomResourceDefinition says its objects look like, compiled once
//! from its `openAPIV3Schema` and applied to objects many times: pruning, defaults, value
//! validation. Source: apiextensions-apiserver `pkg/apiserver/{schema,validation}`.
//!
//! The schema is taken to be valid: what is wrong with one is said when its definition is written.

mod defaults;
mod formats;
mod pattern;
mod prune;
#[cfg(test)]
mod tests;
mod validate;

pub use formats::{fits as fits_format, is_known as is_known_format};
pub use pattern::go_regex;

use crate::object::{ObjectExt, Value};
use regex::Regex;
use std::{collections::BTreeMap, sync::LazyLock};

/// One level of a schema.
#[derive(Debug, Default)]
pub struct Structural {
    /// JSON type; empty where any will do.
    pub kind: String,
    /// Whether null is a value.
    pub nullable: bool,
    /// Whether fields nobody declared are kept.
    pub preserve: bool,
    /// Whether the object is a whole resource.
    pub embedded: bool,
    /// Whether integers and strings are both welcome.
    pub int_or_string: bool,
    /// What an absent value becomes.
    pub default: Option<Value>,
    /// Declared fields.
    pub properties: BTreeMap<String, Structural>,
    /// Fields with free names.
    pub additional: Additional,
    /// Items of an array.
    pub items: Option<Box<Structural>>,
    /// How the array merges.
    pub list: ListType,
    /// Whether the object is applied as one value.
    pub atomic: bool,
    /// What values must look like, where anything is said of it: most levels of most schemas say
    /// nothing.
    values: Option<Box<Values>>,
}

/// Fields with free names.
#[derive(Debug, Default)]
pub enum Additional {
    /// Not said: none are known.
    #[default]
    Unsaid,
    /// Of any kind.
    Any,
    /// None at all.
    Forbidden,
    /// All of one kind.
    Of(Box<Structural>),
}

/// How an array merges, and what may not stand twice in it.
#[derive(Debug, Default, PartialEq)]
pub enum ListType {
    /// One value.
    #[default]
    Atomic,
    /// Distinct scalars.
    Set,
    /// Items identified by these fields.
    Map(Vec<String>),
}

/// Rules for values.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Values {
    pub required: Vec<String>,
    pub format: String,
    pub pattern: Option<(String, Regex)>,
    pub allowed: Vec<Value>,
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    pub min_items: Option<u64>,
    pub max_items: Option<u64>,
    pub min_properties: Option<u64>,
    pub max_properties: Option<u64>,
    pub minimum: Option<(f64, bool)>,
    pub maximum: Option<(f64, bool)>,
    pub multiple_of: Option<f64>,
    pub all_of: Vec<Structural>,
    pub any_of: Vec<Structural>,
    pub one_of: Vec<Structural>,
    pub not: Option<Box<Structural>>,
}

impl Structural {
    /// The schema of objects nobody describes: everything is kept.
    pub fn preserving() -> Structural {
        Structural { kind: "object".into(), preserve: true, ..Structural::default() }
    }

    /// Compiles an `openAPIV3Schema`.
    pub fn compile(schema: &Value) -> Structural {
        let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
        let properties = schema.get("properties").and_then(Value::as_object);
        let keys = schema.list_at("x-kubernetes-list-map-keys");
        Structural {
            kind: schema.str_at("type").into(),
            nullable: flag("nullable"),
            preserve: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            int_or_string: flag("x-kubernetes-int-or-string"),
            default: schema.get("default").cloned(),
            properties: properties
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.to_string(), Structural::compile(schema)))
                .collect(),
            additional: match schema.get("additionalProperties") {
                None | Some(Value::Null) => Additional::Unsaid,
                Some(Value::Bool(true)) => Additional::Any,
                Some(Value::Bool(false)) => Additional::Forbidden,
                Some(schema) => Additional::Of(Box::new(Structural::compile(schema))),
            },
            items: schema
                .get("items")
                .filter(|s| s.is_object())
                .map(|s| Box::new(Structural::compile(s))),
            list: match schema.str_at("x-kubernetes-list-type") {
                "set" => ListType::Set,
                "map" => ListType::Map(
                    keys.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                ),
                _ => ListType::Atomic,
            },
            atomic: schema.str_at("x-kubernetes-map-type") == "atomic",
            values: Values::compile(schema).map(Box::new),
        }
    }

    /// What stands under a name in an object of this level.
    pub fn child(&self, name: &str) -> Option<&Structural> {
        match (self.properties.get(name), &self.additional) {
            (Some(property), _) => Some(property),
            (None, Additional::Of(schema)) => Some(schema),
            _ => None,
        }
    }

    /// What values must look like.
    fn values(&self) -> &Values {
        static ANY: LazyLock<Values> = LazyLock::new(Values::default);
        self.values.as_deref().unwrap_or(&ANY)
    }

    /// Whether null in this place is an absent value.
    fn nulls_away(&self) -> bool {
        !self.nullable
    }
}

/// The keywords of rules for values.
const RULES: &[&str] = &[
    "required",
    "format",
    "pattern",
    "enum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "multipleOf",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

impl Values {
    /// The rules of a level, if there are any.
    fn compile(schema: &Value) -> Option<Values> {
        if !RULES.iter().any(|keyword| schema.get(keyword).is_some()) {
            return None;
        }
        let count = |name: &str| schema.get(name).and_then(Value::as_u64);
        let number = |name: &str| schema.get(name).and_then(Value::as_f64);
        let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
        let several =
            |name: &str| schema.list_at(name).iter().map(Structural::compile).collect::<Vec<_>>();
        let pattern = schema.str_at("pattern");
        let required = schema.list_at("required").iter();
        // The two alternatives of int-or-string say nothing that its flag does not.
        let plain = flag("x-kubernetes-int-or-string");
        let said_twice = |list: Vec<Structural>| if plain { Vec::new() } else { list };
        Some(Values {
            required: required.filter_map(Value::as_str).map(str::to_owned).collect(),
            format: schema.str_at("format").into(),
            pattern: (!pattern.is_empty())
                .then(|| go_regex(pattern).ok().map(|regex| (pattern.to_owned(), regex)))
                .flatten(),
            allowed: schema.list_at("enum").to_vec(),
            min_length: count("minLength"),
            max_length: count("maxLength"),
            min_items: count("minItems"),
            max_items: count("maxItems"),
            min_properties: count("minProperties"),
            max_properties: count("maxProperties"),
            minimum: number("minimum").map(|n| (n, flag("exclusiveMinimum"))),
            maximum: number("maximum").map(|n| (n, flag("exclusiveMaximum"))),
            multiple_of: number("multipleOf"),
            all_of: several("allOf"),
            any_of: said_twice(several("anyOf")),
            one_of: several("oneOf"),
            not: schema
                .get("not")
                .filter(|s| s.is_object())
                .map(|s| Box::new(Structural::compile(s))),
        })
    }
}
