//! Objects of named types that an expression makes. Source: k8s.io/apiserver `pkg/cel/mutation`.

use super::{Answer, Run};
use crate::cel::{ast::Field, library::Opaque, value::Value};
use indexmap::IndexMap;
use std::rc::Rc;

/// What upstream's runtime charges for an object.
const COST: u64 = 40;

/// An object of a named type.
#[derive(Clone, Debug)]
pub struct Made<'a> {
    /// Its type.
    pub name: &'a str,
    /// Its fields, as they stand in the source.
    pub fields: IndexMap<&'a str, Value<'a>>,
}

impl<'a> Run<'_, 'a> {
    /// An object and what it costs.
    pub(super) fn construct(&mut self, name: &'a str, fields: &'a [Field]) -> Answer<'a> {
        let made = self.made(name, fields);
        self.meter.charge(COST)?;
        made
    }

    fn made(&mut self, name: &'a str, fields: &'a [Field]) -> Answer<'a> {
        let mut out = IndexMap::with_capacity(fields.len());
        for field in fields {
            let value = match (field.optional, self.eval(&field.value)?) {
                (true, Value::Optional(Some(value))) => (*value).clone(),
                (true, Value::Optional(None)) => continue,
                (_, value) => value,
            };
            out.insert(field.name.as_str(), value);
        }
        let name = name.strip_prefix('.').unwrap_or(name);
        Ok(Opaque::Object(Rc::new(Made { name, fields: out })).into())
    }
}
