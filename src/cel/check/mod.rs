//! Types of expressions, and which overloads calls mean. Source: cel-go `checker/checker.go`.

mod assign;
mod construct;
mod forms;
mod literals;
#[cfg(test)]
mod tests;

use super::{
    ast::{Expr, Fold, Kind, Literal},
    functions::{self, Overload},
    parse::Parsed,
    source::Issue,
    types::{self, Type},
};
use assign::Bindings;
use std::sync::Arc;

/// A checked expression.
#[derive(Debug)]
pub struct Checked {
    /// The tree, names resolved.
    pub root: Expr,
    /// Types of nodes.
    pub types: Vec<Type>,
    /// Which overloads a call may mean.
    pub calls: Vec<Vec<&'static Overload>>,
}

/// Names an expression may use, and their types.
pub type Variables = [(String, Type)];

/// Checks a parsed expression.
///
/// # Errors
/// All that is wrong with it.
pub fn check(parsed: Parsed, variables: &Variables) -> Result<Checked, Vec<Issue>> {
    let Parsed { mut root, places } = parsed;
    let mut checker = Checker {
        types: vec![Type::Error; places.len()],
        calls: vec![Vec::new(); places.len()],
        places,
        variables,
        scopes: Vec::new(),
        bindings: Bindings::default(),
        complaints: Vec::new(),
    };
    checker.check(&mut root);
    let Checker { mut types, calls, places, bindings, mut complaints, .. } = checker;
    for ty in &mut types {
        *ty = bindings.substitute(ty, true);
    }
    if complaints.is_empty() {
        let mut literals =
            literals::Literals { types: &types, places: &places, out: &mut complaints };
        literals.check(&root, false);
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Ok(Checked { root, types, calls })
}

struct Checker<'a> {
    types: Vec<Type>,
    calls: Vec<Vec<&'static Overload>>,
    places: Vec<usize>,
    variables: &'a Variables,
    scopes: Vec<(String, Type)>,
    bindings: Bindings,
    complaints: Vec<Issue>,
}

/// The type a type's own name stands for.
fn named(name: &str) -> Option<Type> {
    let any = || Arc::new(Type::Dyn);
    Some(match name {
        "bool" => types::BOOL,
        "bytes" => types::BYTES,
        "double" => types::DOUBLE,
        "google.protobuf.Duration" => types::DURATION,
        "google.protobuf.Timestamp" => types::TIMESTAMP,
        "int" => types::INT,
        "list" => Type::List(any()),
        "map" => Type::Map(any(), any()),
        "null_type" => types::NULL,
        "string" => types::STRING,
        "type" => Type::Type(any()),
        "uint" => types::UINT,
        "optional_type" => Type::Optional(any()),
        "net.IP" => Type::Plain("net.IP"),
        "net.CIDR" => Type::Plain("net.CIDR"),
        _ => return None,
    })
}

impl Checker<'_> {
    fn complain(&mut self, node: usize, message: String) {
        self.complaints.push(Issue { at: self.places[node], message });
    }

    fn lookup(&self, name: &str) -> Option<Type> {
        let name = name.strip_prefix('.').unwrap_or(name);
        let local = self.scopes.iter().rev().find(|(n, _)| n == name);
        let found = local.or_else(|| self.variables.iter().find(|(n, _)| n == name));
        match found {
            Some((_, ty)) => Some(ty.clone()),
            None => named(name).map(|ty| Type::Type(Arc::new(ty))),
        }
    }

    fn undeclared(&mut self, node: usize, name: &str) -> Type {
        self.complain(node, format!("undeclared reference to '{name}' (in container '')"));
        Type::Error
    }

    fn check(&mut self, expr: &mut Expr) {
        super::deep(|| {
            let ty = self.type_of(expr);
            self.types[expr.id] = ty;
        });
    }

    fn type_of(&mut self, expr: &mut Expr) -> Type {
        let id = expr.id;
        let dotted = match &expr.kind {
            Kind::Select { test: false, .. } => expr.qualified(),
            _ => None,
        };
        // A dotted name may be one variable.
        if let Some(name) = dotted
            && let Some(ty) = self.lookup(&name)
        {
            expr.kind = Kind::Ident(name);
            return ty;
        }
        match &mut expr.kind {
            Kind::Literal(literal) => match literal {
                Literal::Null => types::NULL,
                Literal::Bool(_) => types::BOOL,
                Literal::Int(_) => types::INT,
                Literal::Uint(_) => types::UINT,
                Literal::Double(_) => types::DOUBLE,
                Literal::String(_) => types::STRING,
                Literal::Bytes(_) => types::BYTES,
            },
            Kind::Ident(name) => match self.lookup(name) {
                Some(ty) => ty,
                None => {
                    let name = name.clone();
                    self.undeclared(id, &name)
                }
            },
            Kind::Select { operand, field, test } => {
                let ty = self.field(id, operand, field, false);
                if *test { types::BOOL } else { self.bindings.substitute(&ty, false) }
            }
            Kind::Call { .. } => self.call(expr),
            Kind::List(items, optional) => self.list(items, optional),
            Kind::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                for entry in entries {
                    self.check(&mut entry.key);
                    let key = self.types[entry.key.id].clone();
                    keys = Some(self.join(keys, key));
                    self.check(&mut entry.value);
                    let value = self.item(entry.value.id, entry.optional);
                    values = Some(self.join(values, value));
                }
                let key = keys.unwrap_or_else(|| self.bindings.fresh());
                let value = values.unwrap_or_else(|| self.bindings.fresh());
                Type::Map(Arc::new(key), Arc::new(value))
            }
            Kind::Struct(name, fields) => {
                let name = name.clone();
                self.construct(id, &name, fields)
            }
            Kind::Fold(fold) => self.fold(fold),
        }
    }

    fn list(&mut self, items: &mut [Expr], optional: &[usize]) -> Type {
        let mut joined = None;
        for (i, item) in items.iter_mut().enumerate() {
            self.check(item);
            let ty = self.item(item.id, optional.contains(&i));
            joined = Some(self.join(joined, ty));
        }
        Type::list(joined.unwrap_or_else(|| self.bindings.fresh()))
    }

    /// What an item adds: an optional one what it holds.
    fn item(&mut self, node: usize, optional: bool) -> Type {
        let ty = self.types[node].clone();
        if !optional {
            return ty;
        }
        match &ty {
            Type::Optional(inner) => (**inner).clone(),
            Type::Dyn => ty,
            _ => {
                let why = format!("expected type 'optional_type({ty})' but found '{ty}'");
                self.complain(node, why);
                ty
            }
        }
    }

    /// The type of items of both types.
    fn join(&mut self, before: Option<Type>, now: Type) -> Type {
        let Some(before) = before else { return now };
        if self.bindings.assign(&before, &now) {
            return assign::more_general(before, now);
        }
        // Said later, unless the literal is one that may be mixed.
        Type::Dyn
    }

    fn mismatch(&mut self, node: usize, wanted: &Type, found: &Type) {
        self.complain(node, format!("expected type '{wanted}' but found '{found}'"));
    }

    /// The type of a field of something.
    fn field(&mut self, id: usize, operand: &mut Expr, name: &str, optional: bool) -> Type {
        self.check(operand);
        let ty = self.bindings.substitute(&self.types[operand.id], false);
        let (target, inside) = match &ty {
            Type::Optional(inner) => ((**inner).clone(), true),
            _ => (ty, false),
        };
        let result = match &target {
            Type::Map(_, value) => (**value).clone(),
            Type::Object(decl) => match decl.field(name) {
                Some(ty) => ty,
                None => {
                    self.complain(id, format!("undefined field '{name}'"));
                    Type::Error
                }
            },
            Type::Var(_) => {
                self.bindings.assign(&Type::Dyn, &target);
                Type::Dyn
            }
            Type::Dyn | Type::Error => Type::Dyn,
            Type::Plain(plain) if plain.starts_with("kubernetes.") => {
                self.complain(id, format!("unexpected failed resolution of '{plain}'"));
                Type::Error
            }
            _ => {
                self.complain(id, format!("type '{target}' does not support field selection"));
                Type::Dyn
            }
        };
        if inside || optional { Type::Optional(Arc::new(result)) } else { result }
    }

    fn call(&mut self, expr: &mut Expr) -> Type {
        let id = expr.id;
        let Kind::Call { target, function, args } = &mut expr.kind else { return Type::Error };
        if function == "_?._" {
            let (operand, rest) = args.split_at_mut(1);
            let Some(Kind::Literal(Literal::String(name))) = rest.first().map(|e| &e.kind) else {
                return Type::Error;
            };
            let name = name.clone();
            self.types[rest[0].id] = types::STRING;
            self.calls[id] = functions::overloads("_?._").into_iter().flatten().collect();
            let ty = self.field(id, &mut operand[0], &name, true);
            return self.bindings.substitute(&ty, false);
        }
        for arg in args.iter_mut() {
            self.check(arg);
        }
        // `a.b.c()` may be a function of that name, and no member of `a.b`.
        let dotted = target.as_ref().and_then(|t| t.qualified()).map(|t| format!("{t}.{function}"));
        if let Some(name) = dotted.filter(|name| self.overloads(plain(name)).is_some()) {
            *target = None;
            *function = plain(&name).to_owned();
        } else if target.is_none() {
            *function = plain(function).to_owned();
        }
        if let Some(target) = target.as_deref_mut() {
            self.check(target);
        }
        let Some(overloads) = self.overloads(function) else {
            let name = function.clone();
            return self.undeclared(id, &name);
        };
        let target = target.as_deref().map(|t| t.id);
        let args: Vec<usize> = target.into_iter().chain(args.iter().map(|a| a.id)).collect();
        let function = function.clone();
        self.resolve(id, &function, overloads, &args, target.is_some())
    }

    /// The overloads a call may mean, and what they give.
    fn resolve(
        &mut self,
        id: usize,
        function: &str,
        overloads: &'static [Overload],
        args: &[usize],
        member: bool,
    ) -> Type {
        let given: Vec<Type> = args.iter().map(|a| self.types[*a].clone()).collect();
        if matches!(function, "_&&_" | "_||_") {
            self.calls[id] = overloads.iter().collect();
            let mut result = types::BOOL;
            for (node, ty) in args.iter().zip(&given) {
                if !self.bindings.assign(ty, &types::BOOL) {
                    self.mismatch(*node, &types::BOOL, ty);
                    result = Type::Error;
                }
            }
            return result;
        }
        let mut result: Option<Type> = None;
        for overload in overloads.iter().filter(|o| o.member == member) {
            if overload.args.len() != given.len() {
                continue;
            }
            let (wanted, gives) = self.bindings.instance(&overload.args, &overload.result);
            if !self.bindings.assign_all(&given, &wanted) {
                continue;
            }
            self.calls[id].push(overload);
            let gives = self.bindings.substitute(&gives, false);
            result = Some(match result {
                None => gives,
                Some(Type::Dyn) => Type::Dyn,
                Some(before) if before.same(&gives) => before,
                Some(_) => Type::Dyn,
            });
        }
        result.unwrap_or_else(|| {
            let shown: Vec<String> =
                given.iter().map(|t| self.bindings.substitute(t, true).to_string()).collect();
            let signature = match member {
                true => format!("{}.({})", shown[0], shown[1..].join(", ")),
                false => format!("({})", shown.join(", ")),
            };
            let why =
                format!("found no matching overload for '{function}' applied to '{signature}'");
            self.complain(id, why);
            Type::Error
        })
    }

    fn fold(&mut self, fold: &mut Fold) -> Type {
        self.check(&mut fold.range);
        self.check(&mut fold.init);
        let range = self.bindings.substitute(&self.types[fold.range.id], false);
        let accu = self.types[fold.init.id].clone();
        let (first, second) = match &range {
            Type::List(of) if fold.second.is_some() => (types::INT, (**of).clone()),
            Type::List(of) => ((**of).clone(), Type::Dyn),
            Type::Map(key, value) => ((**key).clone(), (**value).clone()),
            Type::Dyn | Type::Error => (Type::Dyn, Type::Dyn),
            Type::Var(_) => {
                self.bindings.assign(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            _ => {
                let why = format!(
                    "expression of type '{range}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.complain(fold.range.id, why);
                (Type::Error, Type::Error)
            }
        };
        let depth = self.scopes.len();
        self.scopes.push((fold.accu.clone(), accu.clone()));
        self.scopes.push((fold.var.clone(), first));
        if let Some(name) = &fold.second {
            self.scopes.push((name.clone(), second));
        }
        self.check(&mut fold.condition);
        self.assert(fold.condition.id, &types::BOOL);
        self.check(&mut fold.step);
        self.assert(fold.step.id, &accu);
        self.scopes.truncate(depth + 1);
        self.check(&mut fold.result);
        self.scopes.truncate(depth);
        self.bindings.substitute(&self.types[fold.result.id], false)
    }

    fn assert(&mut self, node: usize, wanted: &Type) {
        let found = self.types[node].clone();
        if !self.bindings.assign(wanted, &found) {
            self.mismatch(node, wanted, &found);
        }
    }
}

/// A name without the dot that says it is a whole one.
fn plain(name: &str) -> &str {
    name.strip_prefix('.').unwrap_or(name)
}
