//! The table of functions, read once from `functions.txt`.

use super::types::Type;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// One way to call a function.
#[derive(Debug)]
pub struct Overload {
    /// Its name.
    pub id: &'static str,
    /// Whether its first argument stands before the dot.
    pub member: bool,
    /// What it takes, the target first.
    pub args: Vec<Type>,
    /// What it gives.
    pub result: Type,
}

static TABLE: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Vec<Overload>> = HashMap::new();
    for line in include_str!("functions.txt").lines() {
        let mut words = line.splitn(3, ' ');
        if let (Some(name), Some(rest)) = (words.next(), line.find(' ').map(|at| line[at..].trim()))
            && name != "#"
            && let Some((id, signature)) = rest.split_once(' ')
            && let Some(overload) = read(id, signature.trim())
        {
            table.entry(name).or_default().push(overload);
        }
    }
    table
});

/// The overloads of a function.
pub fn overloads(function: &str) -> Option<&'static [Overload]> {
    TABLE.get(function).map(Vec::as_slice)
}

/// Reads `list(A).(A, int) bool`.
fn read(id: &'static str, signature: &'static str) -> Option<Overload> {
    let mut rest = signature;
    let mut args = Vec::new();
    let member = !rest.starts_with('(');
    if member {
        let (target, after) = ty(rest)?;
        args.push(target);
        rest = after.strip_prefix('.')?;
    }
    rest = rest.strip_prefix('(')?;
    while !rest.starts_with(')') {
        let (arg, after) = ty(rest)?;
        args.push(arg);
        rest = after.strip_prefix(", ").unwrap_or(after);
    }
    let (result, _) = ty(rest.strip_prefix(") ")?)?;
    Some(Overload { id, member, args, result })
}

/// Reads a type; answers what follows it.
fn ty(text: &'static str) -> Option<(Type, &'static str)> {
    let end = text.find(['(', ')', ',', ' ']).unwrap_or(text.len());
    // A dot before a bracket belongs to the call.
    let name = text[..end].strip_suffix('.').unwrap_or(&text[..end]);
    let rest = &text[name.len()..];
    let inner = |rest: &'static str| -> Option<(Vec<Type>, &'static str)> {
        let mut rest = rest.strip_prefix('(')?;
        let mut found = Vec::new();
        while !rest.starts_with(')') {
            let (one, after) = ty(rest)?;
            found.push(one);
            rest = after.strip_prefix(", ").unwrap_or(after);
        }
        Some((found, &rest[1..]))
    };
    let one = |rest, make: fn(Arc<Type>) -> Type| {
        let (mut found, rest) = inner(rest)?;
        Some((make(Arc::new(found.pop()?)), rest))
    };
    match name {
        "list" => one(rest, Type::List),
        "optional_type" => one(rest, Type::Optional),
        "type" => one(rest, Type::Type),
        "map" => {
            let (mut found, rest) = inner(rest)?;
            let (value, key) = (found.pop()?, found.pop()?);
            Some((Type::Map(Arc::new(key), Arc::new(value)), rest))
        }
        "dyn" => Some((Type::Dyn, rest)),
        "A" => Some((Type::Param('A'), rest)),
        "B" => Some((Type::Param('B'), rest)),
        _ => Some((Type::Plain(name), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let rows = include_str!("functions.txt").lines();
        let rows = rows.filter(|l| !l.is_empty() && !l.starts_with("# ")).count();
        assert_eq!(TABLE.values().map(Vec::len).sum::<usize>(), rows);
        let shown = |id: &str| {
            let all = TABLE.values().flatten();
            let o = all.into_iter().find(|o| o.id == id).unwrap();
            let args: Vec<String> = o.args.iter().map(Type::to_string).collect();
            format!("{} {} {}", o.member, args.join("; "), o.result)
        };
        assert_eq!(
            shown("optional_map_index_value"),
            "false optional_type(map(A, B)); A optional_type(B)"
        );
        assert_eq!(shown("list_a_index_of_int"), "true list(A); A int");
        assert_eq!(shown("url_get_query"), "true kubernetes.URL map(string, list(string))");
        assert_eq!(shown("optional_none"), "false  optional_type(A)");
    }
}
