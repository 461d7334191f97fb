//! Rules in CEL: whether they are complete, compile, and cost what rules may cost.

use super::super::rules::{Rule, declare, valid_path};
use crate::{
    cel::{Decl, types::escape},
    error::{Cause, Causes},
    object::{ObjectExt, Value, json},
};
use std::sync::Arc;

/// Most that one rule may cost, wherever it applies.
const PER_RULE: u64 = 10_000_000;
/// Most that all rules of a definition may cost together.
const PER_DEFINITION: u64 = 100_000_000;
/// How many of the most expensive rules are named.
const NAMED: usize = 4;
const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// Checks that the rules of a level are complete.
pub(super) fn complete(schema: &Value, path: &str, out: &mut Causes) {
    for (i, rule) in schema.list_at("x-kubernetes-validations").iter().enumerate() {
        let at = |field: &str| format!("{path}.x-kubernetes-validations[{i}].{field}");
        let text = rule.str_at("rule").trim();
        let message = rule.str_at("message");
        let breaks = |text: &str| text.contains(['\n', '\r']);
        if text.is_empty() {
            out.required(at("rule"), "rule is not specified");
        } else if !message.is_empty() && message.trim().is_empty() {
            out.invalid(at("message"), &json!(message), "must be non-empty if specified");
        } else if breaks(message.trim()) {
            out.invalid(at("message"), &json!(message), "must not contain line breaks");
        } else if breaks(text) && message.trim().is_empty() {
            let why = "message must be specified if rule contains line breaks";
            out.required(at("message"), why);
        }
        let expression = rule.str_at("messageExpression");
        if !expression.is_empty() && expression.trim().is_empty() {
            let why = "messageExpression must be non-empty if specified";
            out.required(at("messageExpression"), why);
        }
        if let Some(reason) = rule.get("reason").filter(|r| !r.is_null())
            && !REASONS.iter().any(|known| reason == known)
        {
            out.unsupported(at("reason"), reason, &REASONS);
        }
        let field = rule.str_at("fieldPath");
        if !field.is_empty() && field.trim().is_empty() {
            out.invalid(at("fieldPath"), &json!(field), "must be non-empty if specified");
        }
        if breaks(field) {
            out.invalid(at("fieldPath"), &json!(field), "must not contain line breaks");
        }
        if !field.is_empty() && valid_path(field, schema).is_none() {
            out.invalid(at("fieldPath"), &json!(field), "must be a valid path");
        }
    }
}

/// Compiles all rules of a schema that is otherwise as it must be, and adds up their costs.
pub(super) fn compile(schema: &Value, path: &str, out: &mut Causes) {
    let mut total = Total::default();
    let context = Context { decl: None, count: Some(1), uncorrelated: None, whole: true };
    level(schema, path, context, &mut total, out);
    if total.cost > PER_DEFINITION {
        let why = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
        total.most.iter().for_each(|(path, _)| out.forbidden(path, why));
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        out.forbidden(path, exceeded(what, total.cost, PER_DEFINITION));
    }
}

#[derive(Default)]
struct Total {
    cost: u64,
    most: Vec<(String, u64)>,
}

impl Total {
    fn add(&mut self, path: &str, cost: u64) {
        self.cost = self.cost.saturating_add(cost);
        if cost >= PER_DEFINITION / 100 {
            self.most.push((path.into(), cost));
            self.most.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
            self.most.truncate(NAMED);
        }
    }
}

/// What is known of a place in the schema.
#[derive(Clone)]
struct Context {
    /// What expressions see there, once somebody asked.
    decl: Option<Arc<Decl>>,
    /// How often the place can occur; `None` if there is no limit.
    count: Option<u64>,
    /// Above this, values cannot be told from their predecessors.
    uncorrelated: Option<String>,
    whole: bool,
}

fn level(schema: &Value, path: &str, mut context: Context, total: &mut Total, out: &mut Causes) {
    let rules = schema.list_at("x-kubernetes-validations");
    if !rules.is_empty() {
        let whole = context.whole || schema.is_true("x-kubernetes-embedded-resource");
        let found = context.decl.clone().or_else(|| declare(schema, whole, "selfType"));
        match &found {
            Some(decl) => {
                for (i, rule) in rules.iter().enumerate() {
                    let at = format!("{path}.x-kubernetes-validations[{i}]");
                    one(rule, schema, &at, decl, &context, total, out);
                }
            }
            None => {
                let why = "internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations";
                let at = format!("{path}.x-kubernetes-validations");
                out.forbidden(at, why);
            }
        }
        context.decl = found;
    }
    below(schema, path, &context, total, out);
}

fn below(schema: &Value, path: &str, context: &Context, total: &mut Total, out: &mut Causes) {
    let decl = context.decl.as_ref();
    let limit = |keyword: &str| {
        let most = schema.get(keyword).and_then(Value::as_i64).map(|n| n.max(0) as u64);
        most.zip(context.count).map(|(most, count)| count.saturating_mul(most))
    };
    let additional = schema.get("additionalProperties").filter(|a| a.is_object());
    let element = decl.and_then(|d| d.element().cloned());
    let next = |decl, count, uncorrelated| Context { decl, count, uncorrelated, whole: false };
    for (name, property) in schema.map_at("properties").into_iter().flatten() {
        let member = escape(name).and_then(|name| decl?.member(&name).map(|m| m.decl.clone()));
        let context = next(member, context.count, context.uncorrelated.clone());
        level(property, &format!("{path}.properties[{name}]"), context, total, out);
    }
    if let Some(values) = additional {
        let count = limit("maxProperties");
        let context = next(element.clone(), count, context.uncorrelated.clone());
        level(values, &format!("{path}.additionalProperties"), context, total, out);
    }
    if let Some(items) = schema.get("items").filter(|s| s.is_object()) {
        let told_apart = schema.str_at("x-kubernetes-list-type") == "map";
        let here = (!told_apart).then(|| path.to_owned());
        let uncorrelated = context.uncorrelated.clone().or(here);
        let context = next(element, limit("maxItems"), uncorrelated);
        level(items, &format!("{path}.items"), context, total, out);
    }
}

fn one(
    rule: &Value,
    schema: &Value,
    at: &str,
    decl: &Arc<Decl>,
    context: &Context,
    total: &mut Total,
    out: &mut Causes,
) {
    let compiled = Rule::compile(rule, schema, decl);
    let at_rule = format!("{at}.rule");
    let (once, message) = compiled.costs(decl);
    // Without a limit on lists above, as often as it fits into a request.
    let count = context.count.unwrap_or((3 * 1024 * 1024) / (decl.least_size + 1));
    let cost = once.saturating_mul(count);
    if cost > PER_RULE {
        out.forbidden(&at_rule, exceeded("estimated rule cost", cost, PER_RULE));
    }
    total.add(&at_rule, cost);
    let [wrong_rule, wrong_message] = compiled.complaints();
    if let Some(why) = wrong_rule {
        refuse(out, at_rule.clone(), rule, why);
    }
    let at_message = format!("{at}.messageExpression");
    if let Some(why) = wrong_message {
        refuse(out, at_message.clone(), rule, why);
    }
    if let Some(cost) = message {
        if cost > PER_RULE {
            let why = exceeded("estimated messageExpression cost", cost, PER_RULE);
            out.forbidden(&at_message, why);
        }
        total.add(&at_message, cost);
    }
    if compiled.uses_old() {
        if let Some(within) = &context.uncorrelated {
            let why = format!(
                "oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
            );
            out.invalid(&at_rule, &json!(compiled.rule), why);
        }
    } else if let Some(optional) = rule.get("optionalOldSelf").filter(|o| !o.is_null()) {
        let why = "may not be set if oldSelf is not used in rule";
        out.invalid(format!("{at}.optionalOldSelf"), optional, why);
    }
}

/// Reports a rule, as upstream prints it: its internal form, in the order of its fields in Go and
/// with the escapes of Go's JSON.
fn refuse(out: &mut Causes, at: String, rule: &Value, why: &str) {
    let value = |name: &str, otherwise: Value| rule.get(name).cloned().unwrap_or(otherwise);
    let fields = [
        ("Rule", value("rule", json!(""))),
        ("Message", value("message", json!(""))),
        ("MessageExpression", value("messageExpression", json!(""))),
        ("Reason", value("reason", Value::Null)),
        ("FieldPath", value("fieldPath", json!(""))),
        ("OptionalOldSelf", value("optionalOldSelf", Value::Null)),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, v)| format!("\"{name}\":{v}")).collect();
    let shown = format!("{{{}}}", fields.join(","));
    let shown = shown.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let message = format!("Invalid value: {shown}: {why}");
    out.0.insert(Cause { reason: "FieldValueInvalid", message, field: at });
}

fn exceeded(what: &str, cost: u64, limit: u64) -> String {
    let factor = cost as f64 / limit as f64;
    let factor = match factor {
        f if f > 100.0 => "more than 100x".into(),
        f if f < 1.5 => format!("{f:.6}x"),
        f => format!("{f:.1}x"),
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}
