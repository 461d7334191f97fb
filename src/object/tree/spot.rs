//! Ways to a part of a tree: by name, by number, by JSON pointer.

use super::{Map, Text, Value};
use std::ops::{Index, IndexMut};

/// A field's name or an item's number.
pub trait Spot {
    /// What is there.
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value>;
    /// What is there, to change it.
    fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value>;
    /// What is there; a field is made if it is not, and what has no fields is replaced by an object.
    ///
    /// # Panics
    /// For an item that is not there.
    fn made<'a>(&self, value: &'a mut Value) -> &'a mut Value;
}

impl Spot for str {
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.as_object()?.get(self)
    }

    fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        value.as_object_mut()?.get_mut(self)
    }

    fn made<'a>(&self, value: &'a mut Value) -> &'a mut Value {
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        match value.as_object_mut() {
            Some(map) => map.entry(self).or_insert(Value::Null),
            None => unreachable!("just made an object"),
        }
    }
}

impl Spot for usize {
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.as_array()?.get(*self)
    }

    fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        value.as_array_mut()?.get_mut(*self)
    }

    fn made<'a>(&self, value: &'a mut Value) -> &'a mut Value {
        &mut value.as_array_mut().map_or(&mut [][..], Vec::as_mut_slice)[*self]
    }
}

macro_rules! as_what_it_derefs_to {
    ($([$($of:tt)*] $holder:ty;)*) => {
        $(
            impl<$($of)*> Spot for $holder {
                fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
                    (**self).of(value)
                }
                fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
                    (**self).of_mut(value)
                }
                fn made<'a>(&self, value: &'a mut Value) -> &'a mut Value {
                    (**self).made(value)
                }
            }
        )*
    };
}

as_what_it_derefs_to! {
    [] String;
    [] Text;
    [T: Spot + ?Sized] &T;
}

/// What is where nothing is.
static NULL: Value = Value::Null;

/// What is not there is `null`.
impl<P: Spot> Index<P> for Value {
    type Output = Value;
    fn index(&self, spot: P) -> &Value {
        spot.of(self).unwrap_or(&NULL)
    }
}

/// What is not there is `null`.
impl Index<&str> for Map {
    type Output = Value;
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&NULL)
    }
}

/// What is not there is made.
impl<P: Spot> IndexMut<P> for Value {
    fn index_mut(&mut self, spot: P) -> &mut Value {
        spot.made(self)
    }
}

/// The steps of a JSON pointer; none if it is none.
pub(super) fn steps(pointer: &str) -> Option<impl Iterator<Item = String> + '_> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return None;
    }
    let steps = pointer.split('/').skip(1);
    Some(steps.map(|step| step.replace("~1", "/").replace("~0", "~")))
}

/// An item's number in a pointer.
pub(super) fn index(step: &str) -> Option<usize> {
    let leading = step.starts_with('+') || (step.starts_with('0') && step.len() > 1);
    (!leading).then(|| step.parse().ok())?
}
