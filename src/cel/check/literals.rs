//! Literals that can be seen to be wrong before they are used: texts that are no durations, times or
//! patterns, and lists and maps of mixed types. Source: cel-go `cel/validator.go`.

use super::forms;
use crate::{
    cel::{
        ast::{Expr, Kind, Literal},
        eval::times,
        source::Issue,
        types::Type,
    },
    schema::structural::go_regex,
};

/// A look at all literals of an expression.
pub(super) struct Literals<'a> {
    pub types: &'a [Type],
    pub places: &'a [usize],
    pub out: &'a mut Vec<Issue>,
}

impl Literals<'_> {
    /// Checks a node and all below; `mixed` where lists and maps may be.
    pub(super) fn check(&mut self, expr: &Expr, mixed: bool) {
        crate::cel::deep(|| self.level(expr, mixed));
    }

    fn complain(&mut self, node: &Expr, message: String) {
        self.out.push(Issue { at: self.places[node.id], message });
    }

    fn level(&mut self, expr: &Expr, mixed: bool) {
        match &expr.kind {
            Kind::Literal(_) | Kind::Ident(_) => {}
            Kind::Select { operand, .. } => self.check(operand, mixed),
            Kind::Call { target, function, args } => {
                self.call(expr, target.as_deref(), function, args);
                let mixed = mixed || function == "format";
                target.iter().for_each(|t| self.check(t, mixed));
                args.iter().for_each(|a| self.check(a, mixed));
            }
            Kind::List(items, optional) => {
                if !mixed {
                    let is_optional = |i: usize| optional.contains(&i);
                    self.alike(items.iter().enumerate().map(|(i, e)| (e, is_optional(i))));
                }
                items.iter().for_each(|i| self.check(i, mixed));
            }
            Kind::Map(entries) => {
                if !mixed {
                    self.alike(entries.iter().map(|e| (&e.key, false)));
                    self.alike(entries.iter().map(|e| (&e.value, e.optional)));
                }
                for entry in entries {
                    self.check(&entry.key, mixed);
                    self.check(&entry.value, mixed);
                }
            }
            Kind::Struct(_, fields) => fields.iter().for_each(|f| self.check(&f.value, mixed)),
            Kind::Fold(f) => {
                for part in [&f.range, &f.init, &f.condition, &f.step, &f.result] {
                    self.check(part, mixed);
                }
            }
        }
    }

    /// Complains of the first item whose type is not the first one's.
    fn alike<'e>(&mut self, items: impl Iterator<Item = (&'e Expr, bool)>) {
        let mut first: Option<Type> = None;
        for (item, optional) in items {
            let ty = match &self.types[item.id] {
                Type::Optional(inner) if optional => (**inner).clone(),
                ty => ty.clone(),
            };
            match &first {
                None => first = Some(ty),
                Some(wanted) if !wanted.same(&ty) => {
                    let why = format!("expected type '{wanted}' but found '{ty}'");
                    return self.complain(item, why);
                }
                Some(_) => {}
            }
        }
    }

    fn call(&mut self, expr: &Expr, target: Option<&Expr>, function: &str, args: &[Expr]) {
        let literal = |e: &Expr| match &e.kind {
            Kind::Literal(Literal::String(text)) => Some(text.clone()),
            _ => None,
        };
        if let ("format", Some(form), [Expr { kind: Kind::List(items, _), .. }]) =
            (function, target.and_then(literal), args)
        {
            let types: Vec<&Type> = items.iter().map(|i| &self.types[i.id]).collect();
            if let Err((item, why)) = forms::check(&form, &types) {
                self.complain(item.and_then(|i| items.get(i)).unwrap_or(expr), why);
            }
        }
        let Some(arg) = args.last().filter(|_| args.len() <= 2) else { return };
        if let (Kind::Literal(Literal::Int(n)), "timestamp") = (&arg.kind, function) {
            if jiff::Timestamp::from_second(*n).map_or(true, |at| !times::in_range(at)) {
                self.complain(arg, "invalid timestamp argument".into());
            }
            return;
        }
        let Some(text) = literal(arg) else { return };
        let wrong = match function {
            "duration" => times::duration(&text).is_none(),
            "timestamp" => times::timestamp(&text).is_none_or(|_| text.len() <= 10),
            "matches" => go_regex(&text).is_err(),
            _ => false,
        };
        if wrong {
            self.complain(arg, format!("invalid {function} argument"));
        }
    }
}
