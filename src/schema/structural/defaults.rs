//! Nulls that mean nothing, and what absent values become.

use super::{Additional, Structural};
use crate::object::{Map, Value};

impl Structural {
    /// Removes null from fields that know neither null nor a default.
    pub fn drop_nulls(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|name, value| {
                    let Some(child) = self.child(name) else { return true };
                    if value.is_null() && child.nulls_away() && child.default.is_none() {
                        return false;
                    }
                    child.drop_nulls(value);
                    true
                });
            }
            Value::Array(list) => {
                if let Some(items) = &self.items {
                    list.iter_mut().for_each(|value| items.drop_nulls(value));
                }
            }
            _ => {}
        }
    }

    /// Fills absent fields of objects that are there.
    pub fn fill_defaults(&self, value: &mut Value) {
        match value {
            Value::Object(map) => self.fill_map(map),
            Value::Array(list) => {
                let Some(items) = &self.items else { return };
                for value in list {
                    items.fill_place(value);
                }
            }
            _ => {}
        }
    }

    fn fill_map(&self, map: &mut Map) {
        for (name, property) in &self.properties {
            let Some(default) = &property.default else { continue };
            let there = map.get(name);
            if there.is_none_or(|v| v.is_null() && property.nulls_away()) {
                map.insert(name.clone().into(), default.clone());
            }
        }
        let additional = match &self.additional {
            Additional::Of(schema) => Some(schema),
            _ => None,
        };
        for (name, value) in map.iter_mut() {
            match (self.properties.get(name.as_str()), additional) {
                (Some(property), _) => property.fill_defaults(value),
                (None, Some(schema)) => schema.fill_place(value),
                (None, None) => {}
            }
        }
    }

    /// Fills a value that is there, which null may only seem to be.
    fn fill_place(&self, value: &mut Value) {
        if let (true, true, Some(default)) = (value.is_null(), self.nulls_away(), &self.default) {
            *value = default.clone();
        }
        self.fill_defaults(value);
    }
}
