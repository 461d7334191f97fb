//! Objects that an expression makes, of types that are declared beside its variables.
//! Source: cel-go `checker` (struct literals), k8s.io/apiserver `pkg/cel/mutation/typeresolver.go`.

use super::{Checker, functions, plain};
use crate::cel::{
    ast::Field,
    functions::Overload,
    types::{Decl, MADE, Shape, Type},
};
use std::sync::Arc;

/// The function that is there only where patches may be made.
const ESCAPE_KEY: &str = "jsonpatch.escapeKey";

impl Checker<'_> {
    /// The type of an object that is made.
    pub(super) fn construct(&mut self, id: usize, name: &str, fields: &mut [Field]) -> Type {
        for field in fields.iter_mut() {
            self.check(&mut field.value);
        }
        let Some(decl) = self.made(plain(name)) else { return self.undeclared(id, name) };
        for field in fields {
            let given = self.item(field.value.id, field.optional);
            match decl.field(&field.name) {
                None => self.complain(field.id, format!("undefined field '{}'", field.name)),
                Some(wanted) if !self.bindings.assign(&given, &wanted) => {
                    let why = format!(
                        "expected type of field '{}' is '{wanted}' but provided type is '{given}'",
                        field.name
                    );
                    self.complain(field.id, why);
                }
                Some(_) => {}
            }
        }
        Type::Object(decl)
    }

    /// The type of this name whose objects may be made: one that is declared, or, where any fields
    /// may be, one below it.
    fn made(&self, name: &str) -> Option<Arc<Decl>> {
        let first = name.split('.').next().unwrap_or(name);
        let declared = |(n, _): &&(String, Type)| n.strip_prefix(MADE) == Some(first);
        let (_, ty) = self.variables.iter().find(declared)?;
        let Type::Object(decl) = ty else { return None };
        match &decl.shape {
            _ if name == first => Some(Arc::clone(decl)),
            Shape::Open(_) => {
                let shape = Shape::Open(name.to_owned());
                Some(Arc::new(Decl { shape, most: 0, least_size: 0 }))
            }
            _ => None,
        }
    }

    /// The overloads of a function that is there.
    pub(super) fn overloads(&self, name: &str) -> Option<&'static [Overload]> {
        let there = name != ESCAPE_KEY || self.made("JSONPatch").is_some();
        functions::overloads(name).filter(|_| there)
    }
}
