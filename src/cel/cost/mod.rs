//! What an expression can cost at most, from its types and the limits of its schema.
//! Source: cel-go `checker/cost.go`.

mod calls;
mod range;

pub use range::Range;

use super::{
    Program,
    ast::{Expr, Fold, Kind, Literal},
    types::{Decl, Type},
};
use std::{collections::HashMap, sync::Arc};

/// Estimates a program whose variables look like `root`.
pub(super) fn estimate(program: &Program, root: &Arc<Decl>) -> Range {
    let mut coster = Coster {
        program,
        root,
        places: HashMap::new(),
        locals: Vec::new(),
        sizes: HashMap::new(),
        entries: HashMap::new(),
    };
    coster.cost(&program.root)
}

/// Where in the declared object an expression looks.
#[derive(Clone, Debug)]
enum Declared {
    /// Nowhere.
    None,
    /// Here.
    At(Arc<Decl>),
    /// At keys of a map.
    Keys,
    /// Where nothing is declared.
    Lost,
}

/// Sizes of what a list or map holds.
#[derive(Clone, Copy, Debug)]
struct Entry {
    list: bool,
    key: Range,
    value: Range,
}

impl Entry {
    fn union(a: Option<Entry>, b: Option<Entry>) -> Option<Entry> {
        let (a, b) = (a?, b?);
        Some(Entry { list: a.list, key: a.key.union(b.key), value: a.value.union(b.value) })
    }
}

#[derive(Clone, Debug)]
struct Local {
    name: String,
    place: Declared,
    size: Option<Range>,
    entry: Option<Entry>,
}

struct Coster<'a> {
    program: &'a Program,
    root: &'a Arc<Decl>,
    places: HashMap<usize, Declared>,
    locals: Vec<Local>,
    sizes: HashMap<usize, Range>,
    entries: HashMap<usize, Entry>,
}

impl Coster<'_> {
    fn ty(&self, e: &Expr) -> &Type {
        &self.program.types[e.id]
    }

    fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().rev().find(|l| l.name == name)
    }

    fn place(&self, e: &Expr) -> Declared {
        if let Some(local) = e.ident().and_then(|name| self.local(name)) {
            return local.place.clone();
        }
        self.places.get(&e.id).cloned().unwrap_or(Declared::None)
    }

    /// A step from a place. The first step from nowhere names the variable, as upstream reads it.
    fn step(&self, from: Declared, step: &str) -> Declared {
        let Declared::At(decl) = from else {
            return match from {
                Declared::None => Declared::At(self.root.clone()),
                _ => Declared::Lost,
            };
        };
        match step {
            "@items" | "@values" => decl.element().cloned().map_or(Declared::Lost, Declared::At),
            "@keys" if matches!(decl.shape, super::types::Shape::Map(_)) => Declared::Keys,
            "@keys" | "@indices" => Declared::Lost,
            name => decl.member(name).map_or(Declared::Lost, |m| Declared::At(m.decl.clone())),
        }
    }

    /// What a schema says of the size of what stands in a place.
    fn declared(place: &Declared) -> Option<Range> {
        match place {
            Declared::At(decl) => Some(Range { min: 0, max: decl.most }),
            Declared::Keys => Some(Range::fixed(0)),
            Declared::None | Declared::Lost => None,
        }
    }

    fn size(&mut self, e: &Expr) -> Option<Range> {
        if let Some(size) = self.sizes.get(&e.id) {
            return Some(*size);
        }
        let own = match &e.kind {
            Kind::Literal(Literal::String(text)) => Some(text.chars().count() as u64),
            Kind::Literal(Literal::Bytes(bytes)) => Some(bytes.len() as u64),
            Kind::Literal(_) => Some(1),
            Kind::List(items, _) => Some(items.len() as u64),
            Kind::Map(entries) => Some(entries.len() as u64),
            _ => None,
        };
        if let Some(n) = own {
            return Some(Range::fixed(n));
        }
        if let Some(size) = Self::declared(&self.place(e)) {
            self.sizes.insert(e.id, size);
            return Some(size);
        }
        if is_scalar(self.ty(e)) {
            return Some(Range::fixed(1));
        }
        e.ident().and_then(|name| self.local(name)).and_then(|l| l.size)
    }

    fn size_or_unknown(&mut self, e: &Expr) -> Range {
        self.size(e).unwrap_or(Range::UNKNOWN)
    }

    fn entry(&self, e: &Expr) -> Option<Entry> {
        if let Some(entry) = self.entries.get(&e.id) {
            return Some(*entry);
        }
        e.ident().and_then(|name| self.local(name)).and_then(|l| l.entry)
    }

    fn set_entry(&mut self, e: &Expr, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.entries.insert(e.id, entry);
        }
    }

    fn set_size(&mut self, e: &Expr, size: Option<Range>) {
        if let Some(size) = size {
            self.sizes.insert(e.id, size);
        }
    }

    fn cost(&mut self, e: &Expr) -> Range {
        super::deep(|| self.level(e))
    }

    fn level(&mut self, e: &Expr) -> Range {
        match &e.kind {
            Kind::Literal(_) => Range::fixed(0),
            Kind::Ident(name) => {
                let place = match self.local(name) {
                    Some(local) => local.place.clone(),
                    None => self.step(Declared::None, name),
                };
                self.places.insert(e.id, place);
                Range::fixed(1)
            }
            Kind::Select { operand, test: true, .. } => self.cost(operand),
            Kind::Select { operand, field, .. } => {
                let mut sum = self.cost(operand);
                if matches!(self.ty(operand), Type::Map(..) | Type::Object(_)) {
                    sum = sum + Range::fixed(1);
                }
                let place = self.step(self.place(operand), field);
                self.places.insert(e.id, place);
                sum
            }
            Kind::Call { target, function, args } => {
                self.call(e, target.as_deref(), function, args)
            }
            Kind::List(items, _) => {
                let mut sum = Range::fixed(0);
                let mut size = Range { min: u64::MAX, max: 0 };
                if items.is_empty() {
                    size.min = 0;
                }
                for item in items {
                    sum = sum + self.cost(item);
                    size = size.union(self.size_or_unknown(item));
                }
                self.set_entry(e, Some(Entry { list: true, key: Range::fixed(1), value: size }));
                sum + Range::fixed(10)
            }
            Kind::Map(entries) => {
                let mut sum = Range::fixed(0);
                let least = if entries.is_empty() { 0 } else { u64::MAX };
                let (mut key, mut value) =
                    (Range { min: least, max: 0 }, Range { min: least, max: 0 });
                for entry in entries {
                    sum = sum + self.cost(&entry.key) + self.cost(&entry.value);
                    key = key.union(self.size_or_unknown(&entry.key));
                    value = value.union(self.size_or_unknown(&entry.value));
                }
                self.set_entry(e, Some(Entry { list: false, key, value }));
                sum + Range::fixed(30)
            }
            Kind::Struct(_, fields) => {
                fields.iter().fold(Range::fixed(40), |sum, f| sum + self.cost(&f.value))
            }
            Kind::Fold(fold) if fold.is_bind() => self.bind(e, fold),
            Kind::Fold(fold) => self.fold(e, fold),
        }
    }

    fn push(&mut self, name: &str, place: Declared, size: Option<Range>, entry: Option<Entry>) {
        self.locals.push(Local { name: name.into(), place, size, entry });
    }

    fn bind(&mut self, e: &Expr, fold: &Fold) -> Range {
        let mut sum = self.cost(&fold.range) + self.cost(&fold.init);
        let (place, size, entry) =
            (self.place(&fold.init), self.size(&fold.init), self.entry(&fold.init));
        self.push(&fold.accu, place, size, entry);
        sum = sum + self.cost(&fold.result);
        let (size, entry) = (self.size(&fold.result), self.entry(&fold.result));
        self.locals.pop();
        self.set_size(e, size);
        self.set_entry(e, entry);
        sum
    }

    fn fold(&mut self, e: &Expr, fold: &Fold) -> Range {
        let mut sum = self.cost(&fold.range) + self.cost(&fold.init);
        let (place, size, entry) =
            (self.place(&fold.init), self.size(&fold.init), self.entry(&fold.init));
        let depth = self.locals.len();
        self.push(&fold.accu, place, size, entry);
        let held = self.entry(&fold.range);
        let list = held.map_or(matches!(self.ty(&fold.range), Type::List(_)), |e| e.list);
        let range = self.place(&fold.range);
        let at = |c: &Self, step: &str| c.step(range.clone(), step);
        match &fold.second {
            Some(second) => {
                let place = at(self, if list { "@indices" } else { "@keys" });
                self.push(&fold.var, place, held.map(|e| e.key), None);
                let place = at(self, if list { "@items" } else { "@values" });
                self.push(second, place, held.map(|e| e.value), None);
            }
            None => {
                let size = held.map(|e| if list { e.value } else { e.key });
                let place = at(self, if list { "@items" } else { "@keys" });
                self.push(&fold.var, place, size, None);
            }
        }
        let loop_cost = self.cost(&fold.condition) + self.cost(&fold.step);
        self.locals.truncate(depth + 1);
        sum = sum + self.cost(&fold.result);
        self.locals.truncate(depth);
        let count = self.size_or_unknown(&fold.range);
        sum = sum + count * loop_cost;
        match &fold.init.kind {
            Kind::Literal(_) => {
                let size = self.size(&fold.init);
                self.set_size(e, size);
            }
            Kind::List(..) | Kind::Map(_) => {
                self.set_size(e, Some(count));
                let entry = self.entry(&fold.step);
                self.set_entry(e, entry);
            }
            _ => {}
        }
        sum
    }

    fn call(&mut self, e: &Expr, target: Option<&Expr>, function: &str, args: &[Expr]) -> Range {
        if function == "dyn" {
            let cost = self.cost(&args[0]);
            let (size, entry) = (self.size(&args[0]), self.entry(&args[0]));
            self.set_size(e, size);
            self.set_entry(e, entry);
            return cost + Range::fixed(1);
        }
        let costs: Vec<Range> = args.iter().map(|a| self.cost(a)).collect();
        let overloads = &self.program.calls[e.id];
        if overloads.is_empty() {
            return Range::fixed(0);
        }
        let own = target.map_or(Range::fixed(0), |t| self.cost(t));
        let mut cost = Range { min: u64::MAX, max: 0 };
        let mut size: Option<Range> = None;
        for overload in overloads {
            let call = calls::Call { e, function, overload: overload.id, target, args };
            let found = calls::cost(self, &call, &costs);
            cost = cost.union(found.cost);
            size = match (size, found.size) {
                (Some(a), Some(b)) => Some(a.union(b)),
                (a, b) => a.or(b),
            };
            match overload.id {
                "index_list" | "index_map" => {
                    size = self.entry(&args[0]).map(|e| e.value);
                    let step = if overload.id == "index_list" { "@items" } else { "@values" };
                    let place = self.step(self.place(&args[0]), step);
                    self.places.insert(e.id, place);
                }
                _ => {}
            }
            if size.is_none() {
                size = self.size(e);
            }
        }
        self.set_size(e, size);
        own + cost
    }
}

fn is_scalar(ty: &Type) -> bool {
    match ty {
        Type::Plain(name) => {
            matches!(*name, "bool" | "double" | "duration" | "int" | "timestamp" | "uint")
        }
        Type::Optional(inner) => is_scalar(inner),
        _ => false,
    }
}
