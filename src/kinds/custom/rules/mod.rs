//! The rules in CEL of a schema: what they need to know of it, and their application to objects.
//! Source: apiextensions-apiserver `pkg/apiserver/schema/cel/{compilation,validation}.go`.

mod apply;
mod declare;
mod path;
#[cfg(test)]
mod tests;

pub use apply::block;
pub use declare::declare;
pub use path::valid as valid_path;

use crate::{
    cel::{Decl, Program, Type},
    object::{ObjectExt, Value},
};
use std::{collections::BTreeMap, sync::Arc};

/// Most that the rules of one object may cost.
pub const PER_OBJECT: u64 = 10_000_000;

/// The rules of a level of a schema and of those below it.
#[derive(Debug, Default)]
pub struct Rules {
    /// The schema's type, as errors name values by it.
    kind: String,
    own: Vec<Rule>,
    decl: Option<Arc<Decl>>,
    properties: BTreeMap<String, Rules>,
    additional: Option<Box<Rules>>,
    items: Option<Box<Rules>>,
    /// Fields that tell the items of a list apart, if they can be.
    keys: Option<Vec<String>>,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its text.
    pub rule: String,
    message: String,
    reason: String,
    field_path: String,
    /// Whether `oldSelf` is optional.
    pub optional_old: bool,
    program: Option<Result<Program, String>>,
    message_program: Option<Result<Program, String>>,
    uses_old: bool,
}

impl Rules {
    /// Compiles the rules of a whole resource's schema; `None` if there are none.
    pub fn of(schema: &Value) -> Option<Rules> {
        Rules::below(schema, true)
    }

    /// The same for a part of one.
    pub fn of_part(schema: &Value) -> Option<Rules> {
        Rules::below(schema, schema.is_true("x-kubernetes-embedded-resource"))
    }

    /// The same for a part of one, unless it is `whole`.
    fn below(schema: &Value, whole: bool) -> Option<Rules> {
        let decl = is_ruled(schema).then(|| declare(schema, whole, "selfType"))?;
        Some(level(schema, decl))
    }
}

/// Whether there are rules in a schema or below.
fn is_ruled(schema: &Value) -> bool {
    let below = |keyword: &str| schema.get(keyword).is_some_and(is_ruled);
    !schema.list_at("x-kubernetes-validations").is_empty()
        || schema.map_at("properties").is_some_and(|p| p.values().any(is_ruled))
        || below("items")
        || below("additionalProperties")
}

fn level(schema: &Value, decl: Option<Arc<Decl>>) -> Rules {
    let root = schema.is_true("x-kubernetes-embedded-resource");
    let own = schema.list_at("x-kubernetes-validations").iter();
    let own = own.filter_map(|r| Some(Rule::compile(r, schema, decl.as_ref()?))).collect();
    let mut properties = BTreeMap::new();
    for (name, property) in schema.map_at("properties").into_iter().flatten() {
        if !is_ruled(property) {
            continue;
        }
        let known = crate::cel::types::escape(name).map(|name| {
            let member = decl.as_ref().and_then(|d| d.member(&name));
            member.map(|m| m.decl.clone())
        });
        // A field without a name in expressions still has rules of its own.
        let found = known.unwrap_or_else(|| declare(property, false, "selfType"));
        if let Some(found) = found {
            properties.insert(name.to_string(), level(property, Some(found)));
        }
    }
    let of = decl.as_ref().and_then(|d| d.element().cloned());
    let below = |keyword: &str| {
        let inner = schema.get(keyword).filter(|s| is_ruled(s))?;
        Some(Box::new(level(inner, of.clone())))
    };
    let list_keys = schema.list_at("x-kubernetes-list-map-keys").iter();
    let keys = (schema.str_at("x-kubernetes-list-type") == "map")
        .then(|| list_keys.filter_map(Value::as_str).map(str::to_owned).collect());
    let (additional, items) = (below("additionalProperties"), below("items"));
    let kind = if root { "object" } else { schema.str_at("type") }.to_owned();
    Rules { kind, own, decl, properties, additional, items, keys }
}

impl Rule {
    /// Compiles a rule about what a schema describes.
    pub fn compile(rule: &Value, schema: &Value, decl: &Arc<Decl>) -> Rule {
        let text = |name: &str| rule.str_at(name).to_owned();
        let ty = decl.ty();
        let optional_old = rule.is_true("optionalOldSelf");
        let old = if optional_old { Type::Optional(Arc::new(ty.clone())) } else { ty.clone() };
        let variables = [("self".to_owned(), ty), ("oldSelf".to_owned(), old)];
        let compile = |name: &str, wanted: &str, empty: &str, prefix: &str| {
            let source = rule.str_at(name);
            if source.trim().is_empty() {
                return None;
            }
            Some(match Program::compile(source, &variables) {
                Err(why) => Err(format!("{prefix}compilation failed: {why}")),
                Ok(program) if program.output().to_string() != wanted => Err(empty.to_owned()),
                Ok(program) => match program.instantiate() {
                    Err(why) => Err(format!("{prefix}program instantiation failed: {why}")),
                    Ok(()) => Ok(program),
                },
            })
        };
        let program = compile("rule", "bool", "cel expression must evaluate to a bool", "");
        let compiled = matches!(program, Some(Ok(_)));
        let message_program = compile(
            "messageExpression",
            "string",
            "messageExpression must evaluate to a string",
            "messageExpression ",
        )
        .filter(|_| compiled);
        let uses_old = matches!(&program, Some(Ok(program)) if program.uses("oldSelf"));
        let field_path = match text("fieldPath") {
            path if path.is_empty() => path,
            path => valid_path(&path, schema).unwrap_or_default(),
        };
        Rule {
            rule: text("rule"),
            message: text("message"),
            reason: text("reason"),
            field_path,
            optional_old,
            program,
            message_program,
            uses_old,
        }
    }

    /// What is wrong with the rule, and what with its message.
    pub fn complaints(&self) -> [Option<&str>; 2] {
        [&self.program, &self.message_program]
            .map(|p| p.as_ref().and_then(|p| p.as_ref().err()).map(String::as_str))
    }

    /// Whether it compares with what was.
    pub fn uses_old(&self) -> bool {
        self.uses_old
    }

    /// Most that the rule and its message can cost, once each.
    pub fn costs(&self, decl: &Arc<Decl>) -> (u64, Option<u64>) {
        let most = |program: &Option<Result<Program, String>>| {
            program.as_ref().and_then(|p| p.as_ref().ok()).map(|p| p.estimate(decl).max)
        };
        (most(&self.program).unwrap_or(0), most(&self.message_program))
    }

    /// The rule as errors name it.
    fn named(&self) -> &str {
        let message = self.message.trim();
        if self.message.is_empty() { self.rule.trim() } else { message }
    }
}
