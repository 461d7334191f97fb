//! Estimates of calls. Source: k8s.io/apiserver `pkg/cel/library/cost.go`, cel-go
//! `checker/cost.go`, `ext/{lists,sets}.go`.

use super::{Coster, Declared, Entry, Range};
use crate::cel::{
    ast::{Expr, Kind, Literal},
    types::Type,
};

const STRING: f64 = 0.1;
const REGEX: f64 = 0.25;
const ONE: Range = Range::fixed(1);

/// A call by one of its overloads.
pub(super) struct Call<'a> {
    pub e: &'a Expr,
    pub function: &'a str,
    pub overload: &'a str,
    pub target: Option<&'a Expr>,
    pub args: &'a [Expr],
}

/// Cost of a call, and the size of what it gives.
pub(super) struct Estimate {
    pub cost: Range,
    pub size: Option<Range>,
}

fn plain(cost: Range) -> Option<Estimate> {
    Some(Estimate { cost, size: None })
}

fn sized(cost: Range, size: Range) -> Option<Estimate> {
    Some(Estimate { cost, size: Some(size) })
}

pub(super) fn cost(c: &mut Coster<'_>, call: &Call<'_>, costs: &[Range]) -> Estimate {
    let of_args = costs.iter().fold(Range::fixed(0), |sum, cost| sum + *cost);
    let library = match lists(c, call) {
        None => kubernetes(c, call),
        found => found,
    };
    if let Some(found) = library {
        return Estimate { cost: found.cost + of_args, size: found.size };
    }
    match call.overload {
        "logical_or" | "logical_and" => {
            let cost = Range { min: costs[0].min, max: (costs[0] + costs[1]).max };
            return Estimate { cost, size: None };
        }
        "conditional" => {
            let size = c.size_or_unknown(&call.args[1]).union(c.size_or_unknown(&call.args[2]));
            let entry = Entry::union(c.entry(&call.args[1]), c.entry(&call.args[2]));
            c.set_entry(call.e, entry);
            let cost = costs[0] + costs[1].union(costs[2]);
            return Estimate { cost, size: Some(size) };
        }
        _ => {}
    }
    let found = standard(c, call).unwrap_or(Estimate { cost: ONE, size: None });
    Estimate { cost: found.cost + of_args, size: found.size }
}

fn standard(c: &mut Coster<'_>, call: &Call<'_>) -> Option<Estimate> {
    let args = call.args;
    match call.overload {
        "string_format" => plain(c.size_or_unknown(call.target?).by(STRING)),
        "string_to_bytes" => {
            let size = c.size_or_unknown(args.first()?);
            sized(size.by(STRING), Range { min: size.min, max: size.max.saturating_mul(4) })
        }
        "bytes_to_string" => {
            let size = c.size_or_unknown(args.first()?);
            sized(size.by(STRING), Range { min: size.min / 4, max: size.max })
        }
        "strings_quote" => {
            let size = c.size_or_unknown(args.first()?);
            let max = size.max.saturating_mul(2).saturating_add(2);
            sized(size.by(STRING), Range { min: size.min.saturating_add(2), max })
        }
        "starts_with_string" | "ends_with_string" => {
            plain(c.size_or_unknown(args.first()?).by(STRING))
        }
        "in_list" => plain(c.size_or_unknown(args.get(1)?)),
        "matches_string" => {
            let text = (c.size_or_unknown(call.target?) + ONE).by(STRING);
            plain(text * c.size_or_unknown(args.first()?).by(REGEX))
        }
        "contains_string" => {
            let text = c.size_or_unknown(call.target?).by(STRING);
            plain(text * c.size_or_unknown(args.first()?).by(STRING))
        }
        "add_string" | "add_bytes" | "add_list" => {
            let size = c.size_or_unknown(&args[0]) + c.size_or_unknown(&args[1]);
            let entry = Entry::union(c.entry(&args[0]), c.entry(&args[1]));
            c.set_entry(call.e, entry);
            let cost = if call.overload == "add_list" { ONE } else { size.by(STRING) };
            sized(cost, size)
        }
        id if compares_length(id) => {
            let max = c.size_or_unknown(&args[0]).max.min(c.size_or_unknown(&args[1]).max);
            plain(Range { min: u64::from(max > 0), max }.by(STRING))
        }
        _ => None,
    }
}

/// Whether an overload looks at texts to their end.
fn compares_length(overload: &str) -> bool {
    matches!(overload, "equals" | "not_equals")
        || ["less_", "greater_"].iter().any(|p| overload.starts_with(p))
            && ["_string", "_bytes"].iter().any(|s| overload.ends_with(s))
}

/// Functions on lists and sets.
fn lists(c: &mut Coster<'_>, call: &Call<'_>) -> Option<Estimate> {
    let allocated = |factor: f64, size: Range| sized(size.by(factor) + Range::fixed(11), size);
    match call.overload {
        "list_slice" => {
            let max = c.size_or_unknown(call.target?).max;
            let from = whole(&call.args[0], 0);
            let to = whole(&call.args[1], max);
            allocated(1.0, Range::fixed(to.wrapping_sub(from)))
        }
        "lists_range" => allocated(1.0, Range::fixed(whole(&call.args[0], u64::MAX))),
        "list_reverse" => {
            let size = c.size_or_unknown(call.target?);
            allocated(1.0, size)
        }
        "list_flatten" | "list_flatten_int" => {
            let depth = call.args.first().map_or(1, |a| whole(a, u64::MAX));
            let size = c.size_or_unknown(call.target?);
            allocated(depth as f64, size)
        }
        "list_distinct" => {
            let size = c.size_or_unknown(call.target?);
            allocated(2.0, size * size)
        }
        id if id.ends_with("_sort") || id.ends_with("_sortByAssociatedKeys") => {
            let by_keys = id.ends_with("Keys");
            let size = c.size_or_unknown(if by_keys { call.args.first()? } else { call.target? });
            let text = id.starts_with("list_string") || id.starts_with("list_bytes");
            allocated(if text { 2.0 + STRING } else { 2.0 }, size * size)
        }
        id if id.starts_with("list_sets_") => {
            let product = c.size_or_unknown(&call.args[0]) * c.size_or_unknown(&call.args[1]);
            let twice = if id.contains("equivalent") { 2.0 } else { 1.0 };
            plain(product.by(twice) + ONE)
        }
        _ => None,
    }
}

fn whole(e: &Expr, otherwise: u64) -> u64 {
    match &e.kind {
        Kind::Literal(Literal::Int(n)) => u64::try_from(*n).unwrap_or(0),
        _ => otherwise,
    }
}

/// Size of the items of a list; whether they are texts.
fn items(c: &mut Coster<'_>, list: &Expr) -> Option<(Range, bool)> {
    let Type::List(of) = c.ty(list).clone() else { return None };
    let text = matches!(*of, Type::Plain("string" | "bytes"));
    // Upstream looks at the schema alone here, and only from a place it knows.
    let place = match c.place(list) {
        Declared::None => Declared::None,
        known => c.step(known, "@items"),
    };
    Some((Coster::declared(&place).unwrap_or(Range::UNKNOWN), text))
}

fn kubernetes(c: &mut Coster<'_>, call: &Call<'_>) -> Option<Estimate> {
    let (target, args) = (call.target, call.args);
    match call.function {
        "check" => plain(Range::fixed(350_000)),
        "fieldSelector" | "labelSelector" => {
            let size = c.size_or_unknown(args.first()?);
            plain(Range::fixed(10) + size.by(STRING) + size.by(0.5).by(50.0))
        }
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
            let target = target?;
            let size = c.size_or_unknown(target);
            match items(c, target) {
                Some((item, true)) => plain(size * (ONE + item.by(STRING))),
                Some((_, false)) => plain(size * ONE),
                None => plain(size.by(STRING)),
            }
        }
        "url" => {
            let size = c.size_or_unknown(args.first()?);
            sized(size.by(STRING), size)
        }
        "lowerAscii" | "upperAscii" | "substring" | "trim" => {
            let size = c.size_or_unknown(target?);
            sized(size.by(STRING), size)
        }
        "replace" => replace(c, target?, args),
        "split" => {
            let size = c.size_or_unknown(target?);
            let max = args.get(1).map_or(size.max, |a| match &a.kind {
                Kind::Literal(Literal::Int(n)) => *n as u64,
                _ => size.max,
            });
            sized(size.by(2.0 * STRING), Range { min: 0, max })
        }
        "join" => join(c, target?, args),
        "find" | "findAll" => {
            let size = c.size_or_unknown(target?);
            let cost = (size + ONE).by(STRING) * c.size_or_unknown(args.first()?).by(REGEX);
            sized(cost, Range { min: 0, max: size.max })
        }
        "cidr" | "isIP" | "isCIDR" | "quantity" | "isQuantity" | "semver" | "isSemver" => {
            plain(c.size_or_unknown(args.first()?).by(STRING))
        }
        "ip" if call.overload == "cidr_ip" => plain(ONE),
        "ip" => plain(c.size_or_unknown(args.first()?).by(STRING)),
        "ip.isCanonical" => plain(c.size_or_unknown(args.first()?).by(2.0 * STRING)),
        "containsIP" | "containsCIDR" => contains(c, call),
        "validate" => plain(c.size_or_unknown(args.first()?).by(STRING).by(128.0 * REGEX)),
        "_==_" => same(c, args),
        name if NOMINAL.contains(&name) => plain(ONE),
        _ => None,
    }
}

/// Functions that only look something up.
const NOMINAL: [&str; 38] = [
    "serviceAccount",
    "path",
    "group",
    "resource",
    "subresource",
    "namespace",
    "name",
    "allowed",
    "reason",
    "error",
    "errored",
    "masked",
    "prefixLength",
    "family",
    "isUnspecified",
    "isLoopback",
    "isLinkLocalMulticast",
    "isLinkLocalUnicast",
    "isGlobalUnicast",
    "format.named",
    "sign",
    "asInteger",
    "isInteger",
    "asApproximateFloat",
    "isGreaterThan",
    "isLessThan",
    "compareTo",
    "add",
    "sub",
    "major",
    "minor",
    "patch",
    "getScheme",
    "getHostname",
    "getHost",
    "getPort",
    "getEscapedPath",
    "getQuery",
];

/// Equality of what only functions look into.
fn same(c: &mut Coster<'_>, args: &[Expr]) -> Option<Estimate> {
    let [a, b] = args else { return None };
    let (Type::Plain(x), Type::Plain(y)) = (c.ty(a), c.ty(b)) else { return None };
    match *x {
        _ if x != y => None,
        "kubernetes.NamedFormat" => plain(Range { min: 1, max: 64 }.by(STRING)),
        "kubernetes.URL" => {
            let max = c.size(b).map_or(1, |size| size.max);
            plain(Range { min: 1, max }.by(STRING))
        }
        name if name.contains('.') => plain(ONE),
        _ => None,
    }
}

fn contains(c: &mut Coster<'_>, call: &Call<'_>) -> Option<Estimate> {
    let size = Range { min: 4, max: 16 };
    let mut cost = (size + size).by(STRING);
    if call.function == "containsCIDR" {
        cost = cost + size.by(STRING) + ONE;
    }
    if call.overload.ends_with("_string") {
        cost = cost + c.size_or_unknown(call.args.first()?).by(STRING);
    }
    plain(cost)
}

fn join(c: &mut Coster<'_>, target: &Expr, args: &[Expr]) -> Option<Estimate> {
    let list = c.size_or_unknown(target);
    let mut size = match items(c, target) {
        Some((item, _)) => list * item,
        None => Range::fixed(0),
    };
    if let Some(by) = args.first() {
        let between = Range { min: list.min.saturating_sub(1), max: list.max.saturating_sub(1) };
        size = size + c.size_or_unknown(by) * between;
    }
    sized(size.by(STRING), size)
}

fn replace(c: &mut Coster<'_>, target: &Expr, args: &[Expr]) -> Option<Estimate> {
    let [what, with, ..] = args else { return None };
    let size = c.size_or_unknown(target);
    let (what, with) = (c.size_or_unknown(what), c.size_or_unknown(with));
    let (mut count, mut kept) = (Range::fixed(0), Range::fixed(0));
    // The longest result: as many of the shortest replaced by the longest.
    if what.min == 0 {
        count.max = size.max.saturating_add(1);
        kept.max = size.max;
    } else if with.max <= what.min {
        kept.max = size.max;
    } else {
        count.max = (size.max as f64 / what.min as f64).ceil() as u64;
    }
    // And the shortest the other way round.
    if what.max == 0 {
        count.min = size.min.saturating_add(1);
        kept.min = size.min;
    } else if what.max <= with.min {
        kept.min = size.min;
    } else {
        count.min = (size.min as f64 / what.max as f64).ceil() as u64;
    }
    sized(size.by(2.0 * STRING), count * with + kept)
}
