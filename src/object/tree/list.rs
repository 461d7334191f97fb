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
pub struct List(Option<Arc<Vec<Value>>>);

/// What a list without items lends.
static NONE: Vec<Value> = Vec::new();

impl List {
    /// Without items.
    pub const fn new() -> List {
        List(None)
    }

    /// The items for whoever wants them as his own.
    pub fn into_vec(self) -> Vec<Value> {
        self.0.map(Arc::unwrap_or_clone).unwrap_or_default()
    }
}

impl Deref for List {
    type Target = Vec<Value>;
    fn deref(&self) -> &Vec<Value> {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for List {
    fn deref_mut(&mut self) -> &mut Vec<Value> {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl PartialEq for List {
    fn eq(&self, other: &List) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (None, Some(list)) | (Some(list), None) => list.is_empty(),
            (None, None) => true,
        }
    }
}

impl Eq for List {}

impl Hash for List {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.as_slice().hash(to);
    }
}

impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> List {
        List((!items.is_empty()).then(|| Arc::new(items)))
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> List {
        items.into_iter().collect::<Vec<Value>>().into()
    }
}

impl IntoIterator for List {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut List {
    type Item = &'a mut Value;
    type IntoIter = std::slice::IterMut<'a, Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}
