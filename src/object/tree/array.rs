//! The items of a list, shared until somebody changes them.

use super::Value;
use std::{
    hash::{Hash, Hasher},
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// Items in their order. It is used as the `Vec` it holds; whoever changes it while others hold it, too,
/// changes a copy of his own.
#[derive(Clone, Default, Debug)]
pub struct Array(Option<Arc<Vec<Value>>>);

/// What a list without items lends.
static NONE: Vec<Value> = Vec::new();

impl Array {
    /// Without items.
    pub const fn new() -> Array {
        Array(None)
    }

    /// The items for whoever wants them as his own.
    pub fn into_vec(self) -> Vec<Value> {
        self.0.map(Arc::unwrap_or_clone).unwrap_or_default()
    }
}

impl Deref for Array {
    type Target = Vec<Value>;
    fn deref(&self) -> &Vec<Value> {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Array {
    fn deref_mut(&mut self) -> &mut Vec<Value> {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Array) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (None, Some(list)) | (Some(list), None) => list.is_empty(),
            (None, None) => true,
        }
    }
}

impl Eq for Array {}

impl Hash for Array {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.as_slice().hash(to);
    }
}

impl From<Vec<Value>> for Array {
    fn from(items: Vec<Value>) -> Array {
        Array((!items.is_empty()).then(|| Arc::new(items)))
    }
}

impl FromIterator<Value> for Array {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Array {
        items.into_iter().collect::<Vec<Value>>().into()
    }
}

impl IntoIterator for Array {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Array {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Array {
    type Item = &'a mut Value;
    type IntoIter = std::slice::IterMut<'a, Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}
