//! Upstream's own tables of rules: what they answer and what they cost.

use super::{Rule, Rules, declare};
use crate::{
    cel::{PER_CALL, value},
    error::Causes,
    object::{ObjectExt, Value, json},
};

/// A rule's answer to an object, and its cost.
fn asked(schema: &Value, rule: &str, object: &Value) -> Result<(bool, u64), String> {
    let decl = declare(schema, true, "selfType").ok_or("no declaration")?;
    let rule = Rule::compile(&json!({"rule": rule}), schema, &decl);
    let program = match &rule.program {
        Some(Ok(program)) => program,
        Some(Err(why)) => return Err(why.clone()),
        None => return Err("no rule".into()),
    };
    let variables = |name: &str| (name == "self").then(|| value::lift(object, Some(&decl)));
    let outcome = program.run(&variables, PER_CALL);
    match outcome.value {
        Ok(value::Value::Bool(b)) => Ok((b, outcome.cost)),
        other => Err(format!("{other:?} for {}", outcome.cost)),
    }
}

fn table(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn all_right(rows: usize, least: usize, wrong: &[String]) {
    assert!(rows > least, "{rows} rows");
    assert!(wrong.is_empty(), "{} of {rows}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rules_cost_what_they_cost_upstream() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for case in table(include_str!("../../../../tests/golden/cel/costs.json")) {
        for (rule, cost) in case.map_at("costs").unwrap() {
            rows += 1;
            let found = asked(&case["schema"], rule, &case["object"]);
            if found != Ok((true, cost.as_u64().unwrap())) {
                wrong.push(format!("{rule}: {found:?}, not {cost}"));
            }
        }
    }
    all_right(rows, 300, &wrong);
}

#[test]
fn rules_are_estimated_as_upstream_estimates_them() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for case in table(include_str!("../../../../tests/golden/cel/estimates.json")) {
        let schema = &case["schema"];
        let decl = declare(schema, false, "selfType").unwrap();
        for (rule, cost) in case.map_at("estimates").unwrap() {
            rows += 1;
            let compiled = Rule::compile(&json!({"rule": rule}), schema, &decl);
            let (found, _) = compiled.costs(&decl);
            if compiled.complaints()[0].is_some() || found != cost.as_u64().unwrap() {
                wrong.push(format!("{rule}: {found}, not {cost} {:?}", compiled.complaints()[0]));
            }
        }
    }
    all_right(rows, 250, &wrong);
}

/// What is said of an object under a schema with one rule at its top.
fn applied(case: &Value, rule: &str, whole: bool) -> Vec<String> {
    let mut schema = case["schema"].clone();
    schema["x-kubernetes-validations"] = json!([{"rule": rule}]);
    let Some(rules) = Rules::below(&schema, whole) else {
        return vec!["no rules".into()];
    };
    let mut causes = Causes::default();
    let warnings = rules.apply(&case["object"], case.get("old"), &mut causes);
    let found = causes.into_vec().into_iter().map(|c| c.message);
    found.chain(warnings).collect()
}

#[test]
fn rules_hold_and_fail_as_upstream() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for case in table(include_str!("../../../../tests/golden/cel/expressions.json")) {
        for rule in case.list_at("valid").iter().filter_map(Value::as_str) {
            rows += 1;
            let found = applied(&case, rule, case.is_true("root"));
            if !found.is_empty() {
                wrong.push(format!("{rule}: {found:?}"));
            }
        }
        for (rule, why) in case.map_at("errors").unwrap() {
            rows += 1;
            let why = why.as_str().unwrap();
            let found = applied(&case, rule, true);
            if !found.iter().any(|f| f.contains(why)) {
                wrong.push(format!("{rule}: {found:?}, not {why:?}"));
            }
        }
    }
    all_right(rows, 700, &wrong);
}
