//! Ways to a part of a tree: by name, by number, by JSON pointer.

use super::{Map, Text, Value};
use std::ops::{Index, IndexMut};

/// A field's name or an item's number.
pub trait Place {
    /// What is there.
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value>;
    /// What is there, to change it.
    fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value>;
    /// What is there; a field is made if it is not, and an object out of `null`.
    ///
    /// # Panics
    /// Where no such place can be.
    fn made<'a>(&self, value: &'a mut Value) -> &'a mut Value;
}

impl Place for str {
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.as_object()?.get(self)
    }

    fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        value.as_object_mut()?.get_mut(self)
    }

    fn made<'a>(&self, value: &'a mut Value) -> &'a mut Value {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        match value {
            Value::Object(map) => map.entry(self).or_insert(Value::Null),
            other => panic!("{other} has no field {self:?}"),
        }
    }
}

impl Place for usize {
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.as_array()?.get(*self)
    }

    fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        value.as_array_mut()?.get_mut(*self)
    }

    fn made<'a>(&self, value: &'a mut Value) -> &'a mut Value {
        match value {
            Value::Array(list) => &mut list[*self],
            other => panic!("{other} has no item {self}"),
        }
    }
}

macro_rules! as_what_it_derefs_to {
    ($([$($of:tt)*] $holder:ty;)*) => {
        $(
            impl<$($of)*> Place for $holder {
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
    [T: Place + ?Sized] &T;
}

/// What is not there is `null`.
impl<P: Place> Index<P> for Value {
    type Output = Value;
    fn index(&self, place: P) -> &Value {
        static NULL: Value = Value::Null;
        place.of(self).unwrap_or(&NULL)
    }
}

/// What is not there is made.
impl<P: Place> IndexMut<P> for Value {
    fn index_mut(&mut self, place: P) -> &mut Value {
        place.made(self)
    }
}

/// A field that is there.
impl Index<&str> for Map {
    type Output = Value;
    fn index(&self, name: &str) -> &Value {
        match self.get(name) {
            Some(value) => value,
            None => panic!("no field {name:?}"),
        }
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
