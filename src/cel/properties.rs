//! What holds of every evaluation, whatever the expression: it ends within its budget, it costs the same each
//! time, and its cost is exactly what it needs.

use super::{EvalError, Program, Type, value::lift};
use crate::object::{Value, json};
use proptest::prelude::*;

/// More than most of these expressions need, and soon spent by those that double and double again.
const BUDGET: u64 = 20_000;

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Int,
    Bool,
    Text,
    List,
}

/// An expression of a type, made of smaller ones; what it calls `x` is an item of a list of numbers.
fn expression(of: Of, depth: u32) -> BoxedStrategy<String> {
    let leaf = |all: &'static [&'static str]| prop::sample::select(all).prop_map(str::to_owned);
    let leaves = match of {
        Of::Int => leaf(&["0", "1", "7", "-3", "self.n", "self.l.size()", "self.s.size()"]),
        Of::Bool => leaf(&["true", "false", "has(self.m)", "has(self.none)"]),
        Of::Text => leaf(&["'a'", "'xyz'", "self.s", "self.m.a", "self.s.substring(2)"]),
        Of::List => leaf(&["self.l", "[]", "[1, 2, 3, 4, 5, 6, 7, 8]", "(self.l + self.l)"]),
    };
    if depth == 0 {
        return leaves.boxed();
    }
    let e = |of| expression(of, depth - 1);
    let two = |of| (e(of), e(of));
    let made = match of {
        Of::Int => prop_oneof![
            two(Of::Int).prop_map(|(a, b)| format!("{a} + {b}")),
            two(Of::Int).prop_map(|(a, b)| format!("{a} / {b}")),
            e(Of::List).prop_map(|a| format!("{a}.size()")),
            e(Of::List).prop_map(|a| format!("{a}.sum()")),
            (e(Of::List), e(Of::Int)).prop_map(|(a, b)| format!("{a}[{b}]")),
            e(Of::Text).prop_map(|a| format!("{a}.size()")),
            (e(Of::Bool), two(Of::Int)).prop_map(|(c, (a, b))| format!("{c} ? {a} : {b}")),
        ]
        .boxed(),
        Of::Bool => prop_oneof![
            two(Of::Int).prop_map(|(a, b)| format!("{a} < {b}")),
            two(Of::Text).prop_map(|(a, b)| format!("{a}.contains({b})")),
            two(Of::Text).prop_map(|(a, b)| format!("{a}.matches({b})")),
            two(Of::List).prop_map(|(a, b)| format!("{a} == {b}")),
            two(Of::Bool).prop_map(|(a, b)| format!("{a} || {b}")),
            (e(Of::List), e(Of::Bool)).prop_map(|(a, b)| format!("{a}.all(x, x > 1 || {b})")),
            (e(Of::List), e(Of::Bool)).prop_map(|(a, b)| format!("{a}.exists_one(x, {b})")),
        ]
        .boxed(),
        Of::Text => prop_oneof![
            two(Of::Text).prop_map(|(a, b)| format!("{a} + {b}")),
            two(Of::Text).prop_map(|(a, b)| format!("{a}.replace('a', {b})")),
            e(Of::List).prop_map(|a| format!("{a}.map(x, string(x)).join(',')")),
            (e(Of::Bool), two(Of::Text)).prop_map(|(c, (a, b))| format!("{c} ? {a} : {b}")),
        ]
        .boxed(),
        Of::List => prop_oneof![
            two(Of::List).prop_map(|(a, b)| format!("{a} + {b}")),
            (e(Of::List), e(Of::Int)).prop_map(|(a, b)| format!("{a}.map(x, x + {b})")),
            (e(Of::List), e(Of::Bool)).prop_map(|(a, b)| format!("{a}.filter(x, {b})")),
            two(Of::List).prop_map(|(a, b)| format!("{a}.map(y, {b}).map(y, y.size())")),
            two(Of::List).prop_map(|(a, b)| format!("{a}.map(y, {b}.map(x, x)).flatten()")),
        ]
        .boxed(),
    };
    prop_oneof![1 => leaves, 4 => made.prop_map(|text| format!("({text})"))].boxed()
}

fn any() -> impl Strategy<Value = String> {
    prop_oneof![
        expression(Of::Int, 4),
        expression(Of::Bool, 4),
        expression(Of::Text, 4),
        expression(Of::List, 4),
    ]
}

/// What came of it, and what was spent.
fn run(program: &Program, object: &Value, budget: u64) -> (Result<String, EvalError>, u64) {
    let variables = |name: &str| (name == "self").then(|| lift(object, None));
    let outcome = program.run(&variables, budget);
    (outcome.value.map(|value| format!("{value:?}")), outcome.cost)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_evaluation_ends_within_its_budget(text in any()) {
        let object = json!({"s": "some text", "n": 4, "l": [1, 2, 3, 4, 5], "m": {"a": "b"}});
        let program = Program::compile(&text, &[("self".to_owned(), Type::Dyn)]);
        let program = program.map_err(TestCaseError::reject)?;
        let (value, cost) = run(&program, &object, BUDGET);
        let again = run(&program, &object, BUDGET);
        prop_assert_eq!((&value, cost), (&again.0, again.1), "the same again");
        if value == Err(EvalError::Cancelled) {
            prop_assert!(cost >= BUDGET, "ended early: {}", cost);
            return Ok(());
        }
        prop_assert!(cost <= BUDGET, "went on: {cost}");
        let exact = run(&program, &object, cost);
        prop_assert_eq!((&value, cost), (&exact.0, exact.1), "its cost is enough");
        if cost > 0 {
            let less = run(&program, &object, cost - 1).0;
            prop_assert_eq!(less, Err(EvalError::Cancelled), "no less is");
        }
    }
}
