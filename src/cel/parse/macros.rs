//! Macros: calls that are loops. Source: cel-go `parser/macro.go`, `ext/comprehensions.go`,
//! `cel/library.go` (optMap, optFlatMap).

use super::{Made, Parser, Stop};
use crate::cel::ast::{ACCU, Entry, Expr, Fold, Kind, Literal};

/// A macro of a range: its name, how many arguments it has, and what it becomes.
type Macro = (&'static str, usize, fn(&mut Parser, usize, Expr, Vec<Expr>) -> Made);

const MACROS: &[Macro] = &[
    ("all", 2, |p, at, range, args| p.quantifier(at, Quantifier::All, range, args)),
    ("all", 3, |p, at, range, args| p.quantifier(at, Quantifier::All, range, args)),
    ("exists", 2, |p, at, range, args| p.quantifier(at, Quantifier::Exists, range, args)),
    ("exists", 3, |p, at, range, args| p.quantifier(at, Quantifier::Exists, range, args)),
    ("exists_one", 2, |p, at, range, args| p.quantifier(at, Quantifier::One, range, args)),
    ("existsOne", 2, |p, at, range, args| p.quantifier(at, Quantifier::One, range, args)),
    ("existsOne", 3, |p, at, range, args| p.quantifier(at, Quantifier::One, range, args)),
    ("map", 2, |p, at, range, args| p.transform(at, 1, "list", range, args)),
    ("map", 3, |p, at, range, args| p.transform(at, 1, "list", range, args)),
    ("filter", 2, |p, at, range, args| p.filter(at, range, args)),
    ("transformList", 3, |p, at, range, args| p.transform(at, 2, "list", range, args)),
    ("transformList", 4, |p, at, range, args| p.transform(at, 2, "list", range, args)),
    ("transformMap", 3, |p, at, range, args| p.transform(at, 2, "map", range, args)),
    ("transformMap", 4, |p, at, range, args| p.transform(at, 2, "map", range, args)),
    ("transformMapEntry", 3, |p, at, range, args| p.transform(at, 2, "entry", range, args)),
    ("transformMapEntry", 4, |p, at, range, args| p.transform(at, 2, "entry", range, args)),
    ("sortBy", 2, |p, at, range, args| p.sort_by(at, range, args)),
    ("optMap", 2, |p, at, range, args| p.optional(at, "optMap", range, args)),
    ("optFlatMap", 2, |p, at, range, args| p.optional(at, "optFlatMap", range, args)),
];

#[derive(Clone, Copy, PartialEq)]
enum Quantifier {
    All,
    Exists,
    One,
}

impl Parser {
    /// A call with a target, or what the macro of that name makes of it.
    pub(super) fn member_call(
        &mut self,
        at: usize,
        target: Expr,
        function: String,
        args: Vec<Expr>,
    ) -> Made {
        let found =
            MACROS.iter().find(|(name, count, _)| *name == function && *count == args.len());
        match found {
            Some((.., expand)) => expand(self, at, target, args),
            None => self.node(at, Kind::Call { target: Some(Box::new(target)), function, args }),
        }
    }

    /// A call without one; `has` is a macro.
    pub(super) fn global_call(&mut self, at: usize, function: String, mut args: Vec<Expr>) -> Made {
        if function != "has" || args.len() != 1 {
            return self.call(at, &function, args);
        }
        let first = args.swap_remove(0);
        match first.kind {
            Kind::Select { operand, field, test: false } => {
                self.node(at, Kind::Select { operand, field, test: true })
            }
            _ => {
                let at = self.places[first.id];
                self.complain(at, "invalid argument to has() macro".into())
            }
        }
    }

    fn accu(&mut self, at: usize) -> Made {
        self.node(at, Kind::Ident(ACCU.into()))
    }

    fn literal(&mut self, at: usize, literal: Literal) -> Made {
        self.node(at, Kind::Literal(literal))
    }

    /// The name an argument is.
    fn variable(&mut self, arg: &Expr, otherwise: &str) -> Result<String, Stop> {
        let at = self.places[arg.id];
        match arg.ident() {
            Some("__result__") => {
                self.complain(at, "iteration variable overwrites accumulator variable".into())
            }
            Some(name) => Ok(name.to_owned()),
            None => self.complain(at, otherwise.into()),
        }
    }

    /// Takes the variables off the arguments.
    fn variables(
        &mut self,
        args: &mut Vec<Expr>,
        two: bool,
        otherwise: &str,
    ) -> Result<(String, Option<String>), Stop> {
        let first = args.remove(0);
        let var = self.variable(&first, otherwise)?;
        if !two {
            return Ok((var, None));
        }
        let second = args.remove(0);
        let name = self.variable(&second, otherwise)?;
        if name == var {
            let at = self.places[second.id];
            return self.complain(at, format!("duplicate variable name: {name}"));
        }
        Ok((var, Some(name)))
    }

    fn quantifier(
        &mut self,
        at: usize,
        which: Quantifier,
        range: Expr,
        mut args: Vec<Expr>,
    ) -> Made {
        let two = args.len() == 3;
        let (var, second) = self.variables(&mut args, two, "argument must be a simple name")?;
        let predicate = args.remove(0);
        let (init, condition, step, result);
        match which {
            Quantifier::All => {
                init = self.literal(at, Literal::Bool(true))?;
                let accu = self.accu(at)?;
                condition = self.call(at, "@not_strictly_false", vec![accu])?;
                let accu = self.accu(at)?;
                step = self.call(at, "_&&_", vec![accu, predicate])?;
                result = self.accu(at)?;
            }
            Quantifier::Exists => {
                init = self.literal(at, Literal::Bool(false))?;
                let accu = self.accu(at)?;
                let not = self.call(at, "!_", vec![accu])?;
                condition = self.call(at, "@not_strictly_false", vec![not])?;
                let accu = self.accu(at)?;
                step = self.call(at, "_||_", vec![accu, predicate])?;
                result = self.accu(at)?;
            }
            Quantifier::One => {
                init = self.literal(at, Literal::Int(0))?;
                condition = self.literal(at, Literal::Bool(true))?;
                let one = [self.accu(at)?, self.literal(at, Literal::Int(1))?];
                let more = self.call(at, "_+_", one.into())?;
                let same = self.accu(at)?;
                step = self.call(at, "_?_:_", vec![predicate, more, same])?;
                let one = [self.accu(at)?, self.literal(at, Literal::Int(1))?];
                result = self.call(at, "_==_", one.into())?;
            }
        }
        self.fold(at, Fold { range, var, second, accu: ACCU.into(), init, condition, step, result })
    }

    fn fold(&mut self, at: usize, fold: Fold) -> Made {
        self.node(at, Kind::Fold(Box::new(fold)))
    }

    /// Collects into a list or map, where a filter lets it.
    fn transform(
        &mut self,
        at: usize,
        variables: usize,
        into: &str,
        range: Expr,
        mut args: Vec<Expr>,
    ) -> Made {
        let (var, second) =
            self.variables(&mut args, variables == 2, "argument is not an identifier")?;
        let filter = (args.len() == 2).then(|| args.remove(0));
        let value = args.remove(0);
        let init = match into {
            "list" => Kind::List(Vec::new(), Vec::new()),
            _ => Kind::Map(Vec::new()),
        };
        let init = self.node(at, init)?;
        let condition = self.literal(at, Literal::Bool(true))?;
        let accu = self.accu(at)?;
        let mut step = match into {
            "list" => {
                let item = self.node(at, Kind::List(vec![value], Vec::new()))?;
                self.call(at, "_+_", vec![accu, item])?
            }
            "map" => {
                let key = self.node(at, Kind::Ident(var.clone()))?;
                self.call(at, "cel.@mapInsert", vec![accu, key, value])?
            }
            _ => self.call(at, "cel.@mapInsert", vec![accu, value])?,
        };
        if let Some(filter) = filter {
            let same = self.accu(at)?;
            step = self.call(at, "_?_:_", vec![filter, step, same])?;
        }
        let result = self.accu(at)?;
        self.fold(at, Fold { range, var, second, accu: ACCU.into(), init, condition, step, result })
    }

    fn filter(&mut self, at: usize, range: Expr, args: Vec<Expr>) -> Made {
        let mut args = args;
        let item = args[0].clone();
        let (var, second) = self.variables(&mut args, false, "argument is not an identifier")?;
        let init = self.node(at, Kind::List(Vec::new(), Vec::new()))?;
        let condition = self.literal(at, Literal::Bool(true))?;
        let accu = self.accu(at)?;
        let item = self.node(at, Kind::List(vec![item], Vec::new()))?;
        let more = self.call(at, "_+_", vec![accu, item])?;
        let same = self.accu(at)?;
        let step = self.call(at, "_?_:_", vec![args.remove(0), more, same])?;
        let result = self.accu(at)?;
        self.fold(at, Fold { range, var, second, accu: ACCU.into(), init, condition, step, result })
    }

    /// Sorts a list by a list of keys; the list is evaluated once.
    fn sort_by(&mut self, at: usize, list: Expr, args: Vec<Expr>) -> Made {
        const INPUT: &str = "@__sortBy_input__";
        let named = |p: &mut Parser| p.node(at, Kind::Ident(INPUT.into()));
        let (range, target, step) = (named(self)?, named(self)?, named(self)?);
        let keys = self.transform(at, 1, "list", range, args)?;
        let sorted = Kind::Call {
            target: Some(Box::new(target)),
            function: "@sortByAssociatedKeys".into(),
            args: vec![keys],
        };
        let result = self.node(at, sorted)?;
        self.bind(at, INPUT.into(), list, step, result)
    }

    /// Gives a value a name while `result` is evaluated.
    fn bind(&mut self, at: usize, accu: String, init: Expr, step: Expr, result: Expr) -> Made {
        let range = self.node(at, Kind::List(Vec::new(), Vec::new()))?;
        let condition = self.literal(at, Literal::Bool(false))?;
        let var = "#unused".into();
        self.fold(at, Fold { range, var, second: None, accu, init, condition, step, result })
    }

    /// `target.optMap(x, …)`.
    fn optional(&mut self, at: usize, name: &str, target: Expr, mut args: Vec<Expr>) -> Made {
        let why = format!("{name}() variable name must be a simple identifier");
        let var = args.remove(0);
        let Some(var) = var.ident().map(str::to_owned) else {
            let at = self.places[var.id];
            return self.complain(at, why);
        };
        let (first, second) = (self.copy(&target)?, self.copy(&target)?);
        let member = |p: &mut Parser, target: Expr, function: &str| {
            let (target, function) = (Some(Box::new(target)), function.to_owned());
            p.node(at, Kind::Call { target, function, args: Vec::new() })
        };
        let has = member(self, first, "hasValue")?;
        let value = member(self, second, "value")?;
        let step = self.node(at, Kind::Ident(var.clone()))?;
        let mut then = self.bind(at, var, value, step, args.remove(0))?;
        if name == "optMap" {
            then = self.call(at, "optional.of", vec![then])?;
        }
        let none = self.call(at, "optional.none", Vec::new())?;
        self.call(at, "_?_:_", vec![has, then, none])
    }

    /// The same tree with nodes of its own.
    fn copy(&mut self, expr: &Expr) -> Made {
        let at = self.places[expr.id];
        let kind = match &expr.kind {
            Kind::Literal(_) | Kind::Ident(_) => expr.kind.clone(),
            Kind::Select { operand, field, test } => {
                let operand = Box::new(self.copy(operand)?);
                Kind::Select { operand, field: field.clone(), test: *test }
            }
            Kind::Call { target, function, args } => Kind::Call {
                target: match target {
                    Some(t) => Some(Box::new(self.copy(t)?)),
                    None => None,
                },
                function: function.clone(),
                args: self.copies(args)?,
            },
            Kind::List(items, optional) => Kind::List(self.copies(items)?, optional.clone()),
            Kind::Map(entries) => {
                let mut out = Vec::with_capacity(entries.len());
                for e in entries {
                    let (key, value) = (self.copy(&e.key)?, self.copy(&e.value)?);
                    out.push(Entry { key, value, optional: e.optional });
                }
                Kind::Map(out)
            }
            Kind::Struct(name, fields) => {
                let mut out = fields.clone();
                for field in &mut out {
                    field.value = self.copy(&field.value)?;
                    field.id =
                        self.node(self.places[field.id], Kind::Ident(field.name.clone()))?.id;
                }
                Kind::Struct(name.clone(), out)
            }
            Kind::Fold(f) => Kind::Fold(Box::new(Fold {
                range: self.copy(&f.range)?,
                var: f.var.clone(),
                second: f.second.clone(),
                accu: f.accu.clone(),
                init: self.copy(&f.init)?,
                condition: self.copy(&f.condition)?,
                step: self.copy(&f.step)?,
                result: self.copy(&f.result)?,
            })),
        };
        self.node(at, kind)
    }

    fn copies(&mut self, list: &[Expr]) -> Result<Vec<Expr>, Stop> {
        list.iter().map(|e| self.copy(e)).collect()
    }
}
