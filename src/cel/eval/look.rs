//! What is seen of an expression before it is evaluated.

use crate::{
    cel::{
        ast::{Entry, Expr, Kind, Literal},
        deep, library,
    },
    schema::structural::go_regex,
};

/// Marks the nodes that upstream's planner makes constants of: they cost nothing.
pub fn constants(expr: &Expr, out: &mut Vec<bool>) -> bool {
    let constant = deep(|| match &expr.kind {
        Kind::Literal(_) => true,
        Kind::Ident(_) => false,
        Kind::Select { operand, .. } => {
            constants(operand, out);
            false
        }
        Kind::Call { target, function, args } => {
            let target = target.as_ref().map(|t| constants(t, out));
            let all = every(args, |a| constants(a, out));
            all && target.is_none() && args.len() == 1 && library::converts(function)
        }
        Kind::List(items, optional) => {
            let all = every(items, |i| constants(i, out));
            all && optional.is_empty()
        }
        Kind::Map(entries) => {
            let both = |e: &Entry, out: &mut Vec<bool>| {
                let (key, value) = (constants(&e.key, out), constants(&e.value, out));
                key && value && !e.optional
            };
            every(entries, |e| both(e, out))
        }
        Kind::Struct(_, fields) => {
            every(fields, |f| constants(&f.value, out));
            false
        }
        Kind::Fold(f) => {
            for part in [&f.range, &f.init, &f.condition, &f.step, &f.result] {
                constants(part, out);
            }
            false
        }
    });
    out[expr.id] = constant;
    constant
}

/// Looks at the patterns that are searched with and stand in the source.
pub fn patterns(expr: &Expr) -> Result<(), String> {
    deep(|| match &expr.kind {
        Kind::Literal(_) | Kind::Ident(_) => Ok(()),
        Kind::Select { operand, .. } => patterns(operand),
        Kind::Call { target, function, args } => {
            if let ("find" | "findAll", Some(Kind::Literal(Literal::String(text)))) =
                (function.as_str(), args.first().map(|a| &a.kind))
            {
                go_regex(text)?;
            }
            target.iter().map(|t| &**t).chain(args).try_for_each(patterns)
        }
        Kind::List(items, _) => items.iter().try_for_each(patterns),
        Kind::Map(entries) => {
            entries.iter().flat_map(|e| [&e.key, &e.value]).try_for_each(patterns)
        }
        Kind::Struct(_, fields) => fields.iter().map(|f| &f.value).try_for_each(patterns),
        Kind::Fold(f) => {
            [&f.range, &f.init, &f.condition, &f.step, &f.result].into_iter().try_for_each(patterns)
        }
    })
}

/// Whether something holds of every item; all are looked at, whatever comes of the first.
fn every<T>(items: &[T], mut holds: impl FnMut(&T) -> bool) -> bool {
    items.iter().filter(|item| !holds(item)).count() == 0
}

/// Whether an expression names a variable that nothing in it hides.
pub fn uses(expr: &Expr, name: &str) -> bool {
    deep(|| match &expr.kind {
        Kind::Literal(_) => false,
        Kind::Ident(found) => found == name,
        Kind::Select { operand, .. } => uses(operand, name),
        Kind::Call { target, args, .. } => {
            target.as_ref().is_some_and(|t| uses(t, name)) || args.iter().any(|a| uses(a, name))
        }
        Kind::List(items, _) => items.iter().any(|i| uses(i, name)),
        Kind::Map(entries) => entries.iter().any(|e| uses(&e.key, name) || uses(&e.value, name)),
        Kind::Struct(_, fields) => fields.iter().any(|f| uses(&f.value, name)),
        Kind::Fold(f) => {
            uses(&f.range, name)
                || uses(&f.init, name)
                || (f.accu != name
                    && (uses(&f.result, name)
                        || (f.var != name
                            && f.second.as_deref() != Some(name)
                            && (uses(&f.condition, name) || uses(&f.step, name)))))
        }
    })
}
