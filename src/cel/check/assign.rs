//! Which types fit, and what unknown ones become by it. Source: cel-go `checker/types.go`.

use crate::cel::types::Type;
use std::sync::Arc;

/// What is known of the types that were unknown.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    bound: Vec<Option<Type>>,
    /// What was bound before, so that an attempt can be undone.
    log: Vec<(usize, Option<Type>)>,
}

impl Bindings {
    /// A type nothing is known of.
    pub(super) fn fresh(&mut self) -> Type {
        self.bound.push(None);
        Type::Var(self.bound.len() - 1)
    }

    /// A signature with fresh types for its parameters.
    pub(super) fn instance(&mut self, args: &[Type], result: &Type) -> (Vec<Type>, Type) {
        let mut known: Vec<(char, Type)> = Vec::new();
        let args = args.iter().map(|a| self.instantiate(a, &mut known)).collect();
        (args, self.instantiate(result, &mut known))
    }

    fn instantiate(&mut self, ty: &Type, known: &mut Vec<(char, Type)>) -> Type {
        let mut below = |ty: &Arc<Type>| Arc::new(self.instantiate(ty, known));
        match ty {
            Type::List(of) => Type::List(below(of)),
            Type::Map(key, value) => Type::Map(below(key), below(value)),
            Type::Optional(of) => Type::Optional(below(of)),
            Type::Type(of) => Type::Type(below(of)),
            Type::Param(name) => match known.iter().find(|(n, _)| n == name) {
                Some((_, ty)) => ty.clone(),
                None => {
                    let ty = self.fresh();
                    known.push((*name, ty.clone()));
                    ty
                }
            },
            _ => ty.clone(),
        }
    }

    /// Whether one type may stand for another; what follows is remembered if so.
    pub(super) fn assign(&mut self, from: &Type, to: &Type) -> bool {
        self.attempt(|b| b.fits(from, to))
    }

    /// The same for lists.
    pub(super) fn assign_all(&mut self, from: &[Type], to: &[Type]) -> bool {
        self.attempt(|b| from.iter().zip(to).all(|(from, to)| b.fits(from, to)))
    }

    fn attempt(&mut self, decide: impl FnOnce(&mut Bindings) -> bool) -> bool {
        self.log.clear();
        let fits = decide(self);
        if !fits {
            while let Some((var, before)) = self.log.pop() {
                self.bound[var] = before;
            }
        }
        fits
    }

    fn bind(&mut self, var: usize, ty: Type) {
        let before = self.bound[var].replace(ty);
        self.log.push((var, before));
    }

    fn fits(&mut self, from: &Type, to: &Type) -> bool {
        if let Type::Var(var) = to {
            let (valid, bound) = self.stands_for(from, *var);
            if valid || bound {
                return valid;
            }
        }
        match (from, to) {
            (Type::Var(var), _) => self.stands_for(to, *var).0,
            (Type::Dyn | Type::Error, _) | (_, Type::Dyn | Type::Error) => true,
            (Type::Plain("null"), other) | (other, Type::Plain("null")) => nullable(other),
            (Type::Type(_), Type::Type(_)) => true,
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
                self.fits(a, b)
            }
            (Type::Map(a, b), Type::Map(c, d)) => self.fits(a, c) && self.fits(b, d),
            _ => from.same(to),
        }
    }

    /// Whether a type may be what an unknown one is, and whether something was known of that.
    fn stands_for(&mut self, ty: &Type, var: usize) -> (bool, bool) {
        if matches!(ty, Type::Var(v) if *v == var) {
            return (true, true);
        }
        if let Some(bound) = self.bound[var].clone() {
            if ty.same(&bound) {
                return (true, true);
            }
            if !self.fits(ty, &bound) {
                return (false, true);
            }
            let general = more_general(ty.clone(), bound);
            if !self.occurs(var, &general) {
                self.bind(var, general);
            }
            return (true, true);
        }
        if self.occurs(var, ty) {
            return (false, false);
        }
        self.bind(var, ty.clone());
        (true, false)
    }

    fn occurs(&self, var: usize, within: &Type) -> bool {
        match within {
            Type::Var(v) if *v == var => true,
            Type::Var(v) => self.bound[*v].as_ref().is_some_and(|b| self.occurs(var, b)),
            Type::List(of) | Type::Optional(of) | Type::Type(of) => self.occurs(var, of),
            Type::Map(key, value) => self.occurs(var, key) || self.occurs(var, value),
            _ => false,
        }
    }

    /// A type with what is known put into it; the rest is anything, if so asked.
    pub(super) fn substitute(&self, ty: &Type, any: bool) -> Type {
        let below = |ty: &Arc<Type>| Arc::new(self.substitute(ty, any));
        match ty {
            Type::Var(v) => match &self.bound[*v] {
                Some(bound) => self.substitute(bound, any),
                None if any => Type::Dyn,
                None => ty.clone(),
            },
            Type::List(of) => Type::List(below(of)),
            Type::Map(key, value) => Type::Map(below(key), below(value)),
            Type::Optional(of) => Type::Optional(below(of)),
            Type::Type(of) => Type::Type(below(of)),
            _ => ty.clone(),
        }
    }
}

/// Whether null may stand for a type.
fn nullable(ty: &Type) -> bool {
    match ty {
        Type::Optional(_) | Type::Object(_) => true,
        Type::Plain(name) => {
            matches!(*name, "null" | "duration" | "timestamp") || name.contains('.')
        }
        _ => false,
    }
}

/// The more general of two types that fit.
pub(super) fn more_general(a: Type, b: Type) -> Type {
    if less_specific(&a, &b) { a } else { b }
}

fn less_specific(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Var(_), _) => true,
        (_, Type::Dyn | Type::Var(_)) => false,
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
            less_specific(a, b)
        }
        (Type::Map(a, b), Type::Map(c, d)) => less_specific(a, c) && less_specific(b, d),
        (Type::Type(_), Type::Type(_)) => true,
        _ => a.same(b),
    }
}
