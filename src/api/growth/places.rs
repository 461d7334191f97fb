//! The lists and maps of every kind, by the path that leads to them.

use crate::{
    kinds::{self, Served},
    schema::{Field, Shape, Type},
};
use std::collections::HashSet;

/// One step from an object to something in it.
#[derive(Clone, Copy)]
pub enum PathStep {
    /// Into a field.
    Field(&'static Field),
    /// Into the items of the list, or the entries of the map, that the step before led to.
    Item,
}

/// A list or map that can be made long.
pub struct FieldPath {
    /// The kind it is in.
    pub kind: Served,
    /// The way there; the last step is the field.
    pub path: Vec<PathStep>,
}

impl FieldPath {
    /// The path as people write it.
    pub fn text(&self) -> String {
        let mut text = format!("{} ", &*self.kind.kind);
        for step in &self.path {
            match step {
                PathStep::Field(field) => text.push_str(&format!(".{}", field.name)),
                PathStep::Item => text.push_str("[]"),
            }
        }
        text
    }

    /// How many lists and maps the way leads through, this one included.
    pub fn nesting(&self) -> usize {
        1 + self.path.iter().filter(|s| matches!(s, PathStep::Item)).count()
    }
}

/// Every place of every kind. What types share is met once: in the kind that has it first.
pub fn all() -> Vec<FieldPath> {
    let mut walk = Walk { places: Vec::new(), seen: HashSet::new() };
    for kind in kinds::all() {
        if let Some(ty) = kind.ty() {
            walk.ty(&kind, ty, &mut Vec::new());
        }
    }
    walk.places
}

struct Walk {
    places: Vec<FieldPath>,
    seen: HashSet<(&'static str, &'static str)>,
}

impl Walk {
    fn ty(&mut self, kind: &Served, ty: &'static Type, path: &mut Vec<PathStep>) {
        for field in ty.fields.iter().filter(|f| f.name != "managedFields") {
            if self.seen.insert((ty.name, field.name)) {
                path.push(PathStep::Field(field));
                self.shape(kind, &field.shape, path);
                path.pop();
            }
        }
    }

    fn shape(&mut self, kind: &Served, shape: &'static Shape, path: &mut Vec<PathStep>) {
        match shape {
            Shape::Object(_) => {
                if let Some(ty) = shape.object() {
                    self.ty(kind, ty, path);
                }
            }
            Shape::List(item) | Shape::Map(item) => {
                self.places.push(FieldPath { kind: kind.clone(), path: path.clone() });
                path.push(PathStep::Item);
                self.shape(kind, item, path);
                path.pop();
            }
            _ => {}
        }
    }
}
