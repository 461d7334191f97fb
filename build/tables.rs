//! Writes the Rust source of the type tables.

use crate::{
    Definitions, Root,
    facts::{Facts, Merge, Wire},
    shapes::{self, Index},
};
use serde_json::Value;
use std::{error::Error, fmt::Write};

/// Messages that only exist on the wire, because their JSON is flattened into the parent.
type Embedded = Vec<(String, String)>;

/// Everything needed to write a field.
struct Tables<'a> {
    definitions: &'a Definitions,
    facts: &'a Facts,
    index: Index,
    embedded: Embedded,
}

/// The source: `TYPES` (sorted by name, then the embedded messages) and `KINDS`.
pub fn render(
    definitions: &Definitions,
    facts: &Facts,
    roots: &[Root],
) -> Result<String, Box<dyn Error>> {
    let names = definitions.iter().filter(|(n, d)| shapes::is_object(n, d)).map(|(n, _)| n);
    let index = names.zip(0u16..).map(|(n, i)| (n.clone(), i)).collect();
    let mut tables = Tables { definitions, facts, index, embedded: Vec::new() };
    let mut out = String::from("static TYPES: &[Type] = &[\n");
    let names: Vec<String> = tables.index.keys().cloned().collect();
    for name in &names {
        let wire = facts.wire.get(name).map_or(&[][..], Vec::as_slice);
        let row = tables.object(name, &definitions[name], wire)?;
        out.push_str(&row);
    }
    for (_, row) in &tables.embedded {
        out.push_str(row);
    }
    writeln!(out, "];\nstatic NAMED: usize = {};", names.len())?;
    out.push_str("static KINDS: &[(&str, &str, u16)] = &[\n");
    for root in roots {
        let i = tables.index[&root.definition];
        let prefix = if root.group.is_empty() { String::new() } else { format!("{}/", root.group) };
        writeln!(out, "({:?}, {:?}, {i}),", format!("{prefix}{}", root.version), root.kind)?;
    }
    out.push_str("];\n");
    Ok(out)
}

impl Tables<'_> {
    /// One `Type { .. }`.
    fn object(
        &mut self,
        name: &str,
        schema: &Value,
        wire: &[Wire],
    ) -> Result<String, Box<dyn Error>> {
        let mut out = String::new();
        let atomic = self.facts.atomic.iter().any(|a| a == name);
        write!(out, "Type {{ name: {name:?}, atomic: {atomic}, fields: &[")?;
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let required =
                schema["required"].as_array().is_some_and(|r| r.contains(&field[..].into()));
            let fact = wire.iter().find(|w| w.name == *field && w.embedded.is_none());
            self.field(&mut out, name, field, property, fact, required)?;
        }
        out.push_str("], embedded: &[");
        for fact in wire.iter().filter(|w| w.embedded.is_some()) {
            let i = self.message(name, schema, fact)?;
            write!(out, "embed({:?}, {}, {i}),", fact.name, fact.number)?;
        }
        out.push_str("] },\n");
        Ok(out)
    }

    /// Adds the type of an embedded message and returns its index.
    fn message(
        &mut self,
        parent: &str,
        schema: &Value,
        fact: &Wire,
    ) -> Result<usize, Box<dyn Error>> {
        let wire = fact.embedded.as_deref().unwrap_or_default();
        let mut properties = serde_json::Map::new();
        for name in leaves(wire) {
            properties.insert(name.into(), schema["properties"][name].clone());
        }
        let schema = serde_json::json!({ "properties": properties });
        let row = self.object(&format!("{parent}+{}", fact.name), &schema, wire)?;
        self.embedded.push((fact.name.clone(), row));
        Ok(self.index.len() + self.embedded.len() - 1)
    }

    fn field(
        &self,
        out: &mut String,
        owner: &str,
        name: &str,
        schema: &Value,
        wire: Option<&Wire>,
        required: bool,
    ) -> Result<(), Box<dyn Error>> {
        let shape = shapes::shape(schema, self.definitions, &self.index);
        let number = wire.map_or(0, |w| w.number);
        let presence = match wire.map_or('*', |w| w.presence) {
            '~' => "Omit",
            '!' => "Always",
            _ => "Optional",
        };
        write!(out, "field({name:?}, {shape}, {number}, Presence::{presence})")?;
        if required {
            out.push_str(".required()");
        }
        if let Some(w) = wire.filter(|w| !w.go.is_empty()) {
            write!(out, ".go({:?})", w.go)?;
        }
        let key = (owner.to_owned(), name.to_owned());
        if let Some(merge) = self.facts.merge.get(&key) {
            merge_calls(out, merge)?;
        }
        if let Some(default) = self.facts.defaults.get(&key) {
            write!(out, ".default({:?})", default.to_string())?;
        }
        out.push(',');
        Ok(())
    }
}

/// JSON names of a message's fields, those of nested embedded messages too.
fn leaves(wire: &[Wire]) -> Vec<&str> {
    wire.iter()
        .flat_map(|w| match &w.embedded {
            Some(nested) => leaves(nested),
            None => vec![w.name.as_str()],
        })
        .collect()
}

fn merge_calls(out: &mut String, merge: &Merge) -> std::fmt::Result {
    if merge.set {
        out.push_str(".set()");
    }
    if merge.atomic {
        out.push_str(".atomic()");
    }
    if !merge.map_keys.is_empty() {
        write!(out, ".map(&{:?})", merge.map_keys)?;
    }
    if !merge.strategies.is_empty() {
        write!(out, ".patch({:?}, &{:?})", merge.merge_key, merge.strategies)?;
    }
    Ok(())
}
