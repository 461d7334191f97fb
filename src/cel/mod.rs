//! CEL, the language of validation rules and admission policies, as Kubernetes speaks it: its
//! libraries, its costs and its wording.
//!
//! [`Program::compile`] parses and checks an expression against declared types; what upstream
//! refuses is refused there. [`Program::run`] evaluates it within a budget of upstream's cost units,
//! so that it always ends, and [`Program::estimate`] says what it can cost at most.
//! Source: cel-go, k8s.io/apiserver `pkg/cel`.

pub mod ast;
mod check;
pub mod cost;
pub mod eval;
mod functions;
mod library;
pub mod parse;
pub mod plain;
#[cfg(test)]
mod properties;
pub mod source;
pub mod types;
pub mod value;

pub use cost::Range;
pub use eval::{EvalError, Outcome};
pub use library::{Authorizer, Check, Decision, Opaque, request_resource};
pub use types::{Decl, Type};
pub use value::Value;

use ast::Expr;
use functions::Overload;
use std::sync::Arc;

/// Most one expression may cost.
pub const PER_CALL: u64 = 1_000_000;

/// An expression that was checked and can be evaluated.
#[derive(Debug)]
pub struct Program {
    root: Expr,
    types: Vec<Type>,
    calls: Vec<Vec<&'static Overload>>,
    constants: Vec<bool>,
}

impl Program {
    /// Compiles an expression that may use these variables.
    ///
    /// # Errors
    /// What is wrong with it, in upstream's words and form.
    pub fn compile(text: &str, variables: &[(String, Type)]) -> Result<Program, String> {
        let parsed = parse::parse(text).map_err(|found| source::shown(text, found))?;
        let checked =
            check::check(parsed, variables).map_err(|found| source::shown(text, found))?;
        let check::Checked { root, types, calls } = checked;
        let mut constants = vec![false; types.len()];
        eval::constants(&root, &mut constants);
        Ok(Program { root, types, calls, constants })
    }

    /// Whether the patterns that stand in it can be used.
    ///
    /// # Errors
    /// What is wrong with the first that cannot.
    pub fn instantiate(&self) -> Result<(), String> {
        eval::patterns(&self.root)
    }

    /// The type of what it gives.
    pub fn output(&self) -> &Type {
        &self.types[self.root.id]
    }

    /// Whether it uses a variable.
    pub fn uses(&self, name: &str) -> bool {
        eval::uses(&self.root, name)
    }

    /// Evaluates it with these variables, for at most `budget`.
    pub fn run<'a>(
        &'a self,
        variables: &dyn Fn(&str) -> Option<Value<'a>>,
        budget: u64,
    ) -> Outcome<'a> {
        eval::run(self, variables, budget)
    }

    /// What it costs at least and at most, where its variables are declared like this.
    pub fn estimate(&self, root: &Arc<Decl>) -> Range {
        cost::estimate(self, root)
    }
}

/// Runs something that calls itself, with a stack that grows as it needs.
pub(crate) fn deep<T>(run: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, run)
}
