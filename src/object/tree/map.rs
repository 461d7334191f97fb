//! The fields of an object by name, shared until somebody changes them.

use super::{Text, Value};
use std::{
    collections::{BTreeMap, btree_map},
    hash::{Hash, Hasher},
    iter::FusedIterator,
    slice,
    sync::Arc,
    vec,
};

/// The fields of a JSON object, in sorted order (so equal objects have equal bytes). Whoever changes it
/// while others hold it, too, changes a copy of his own.
#[derive(Clone, Default, Debug)]
pub struct Map(Option<Arc<Members>>);

/// Nearly all maps have a handful of fields: in a row they take least room and are found soonest. From a
/// number of them on a row would cost each new field a move of all that follow.
#[derive(Clone, Debug)]
enum Members {
    /// Sorted by name, each name once.
    Few(Vec<(Text, Value)>),
    /// More than [`FEW`], or once so many.
    Many(BTreeMap<Text, Value>),
}

/// As many fields stand in a row.
const FEW: usize = 32;

/// As many are looked through one by one; more are searched by halves.
const FEWER: usize = 8;

/// Where a name is in a row, or where it belongs.
fn place(row: &[(Text, Value)], name: &str) -> Result<usize, usize> {
    row.binary_search_by(|(known, _)| known.as_str().cmp(name))
}

/// Where a name is in a row, if it is.
fn found(row: &[(Text, Value)], name: &str) -> Option<usize> {
    match row.len() > FEWER {
        true => place(row, name).ok(),
        false => row.iter().position(|(known, _)| known == name),
    }
}

impl Members {
    fn get(&self, name: &str) -> Option<(&Text, &Value)> {
        match self {
            Members::Few(row) => found(row, name).map(|at| (&row[at].0, &row[at].1)),
            Members::Many(tree) => tree.get_key_value(name),
        }
    }

    fn insert(&mut self, name: Text, value: Value) -> Option<Value> {
        match self {
            Members::Few(row) => {
                let behind = row.last().is_none_or(|(last, _)| *last < name);
                let at = if behind { Err(row.len()) } else { place(row, &name) };
                match at {
                    Ok(at) => return Some(std::mem::replace(&mut row[at].1, value)),
                    Err(at) if row.len() < FEW => row.insert(at, (name, value)),
                    Err(_) => {
                        let mut tree: BTreeMap<_, _> = std::mem::take(row).into_iter().collect();
                        tree.insert(name, value);
                        *self = Members::Many(tree);
                    }
                }
                None
            }
            Members::Many(tree) => tree.insert(name, value),
        }
    }
}

impl Map {
    /// Without fields.
    pub const fn new() -> Map {
        Map(None)
    }

    /// Without fields yet, and with room for so many.
    pub fn with_capacity(fields: usize) -> Map {
        match fields {
            1..=FEW => Map(Some(Arc::new(Members::Few(Vec::with_capacity(fields))))),
            _ => Map(None),
        }
    }

    /// The fields to change: one's own from now on.
    fn own(&mut self) -> &mut Members {
        Arc::make_mut(self.0.get_or_insert_with(|| Arc::new(Members::Few(Vec::new()))))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self.0.as_deref() {
            None => 0,
            Some(Members::Few(row)) => row.len(),
            Some(Members::Many(tree)) => tree.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.get_key_value(name).map(|(_, value)| value)
    }

    /// A field's name and value.
    pub fn get_key_value(&self, name: &str) -> Option<(&Text, &Value)> {
        self.0.as_deref()?.get(name)
    }

    /// A field's value to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        // What is not there is not worth a copy.
        self.get(name)?;
        match self.own() {
            Members::Few(row) => found(row, name).map(|at| &mut row[at].1),
            Members::Many(tree) => tree.get_mut(name),
        }
    }

    /// Whether there is a field of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a field, and answers what it was.
    pub fn insert(&mut self, name: Text, value: Value) -> Option<Value> {
        self.own().insert(name, value)
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.get(name)?;
        match self.own() {
            Members::Few(row) => found(row, name).map(|at| row.remove(at).1),
            Members::Many(tree) => tree.remove(name),
        }
    }

    /// Takes all fields out.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// The fields of another, too; what both have is the other's.
    pub fn append(&mut self, other: &mut Map) {
        self.extend(std::mem::take(other));
    }

    /// Keeps those that somebody wants.
    pub fn retain(&mut self, mut wanted: impl FnMut(&Text, &mut Value) -> bool) {
        match self.is_empty() {
            true => {}
            false => match self.own() {
                Members::Few(row) => row.retain_mut(|(name, value)| wanted(name, value)),
                Members::Many(tree) => tree.retain(wanted),
            },
        }
    }

    /// Where a field is or will be.
    pub fn entry(&mut self, name: impl Into<Text>) -> MapEntry<'_> {
        MapEntry { map: self, name: name.into() }
    }

    /// Names and values by name.
    pub fn iter(&self) -> Iter<'_> {
        match self.0.as_deref() {
            None => Iter::Few([].iter()),
            Some(Members::Few(row)) => Iter::Few(row.iter()),
            Some(Members::Many(tree)) => Iter::Many(tree.iter()),
        }
    }

    /// Names and values by name, the values to change.
    pub fn iter_mut(&mut self) -> IterMut<'_> {
        match self.is_empty() {
            true => IterMut::Few([].iter_mut()),
            false => match self.own() {
                Members::Few(row) => IterMut::Few(row.iter_mut()),
                Members::Many(tree) => IterMut::Many(tree.iter_mut()),
            },
        }
    }

    /// The names, sorted.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Text> + ExactSizeIterator + Clone {
        self.iter().map(|(name, _)| name)
    }

    /// The values by name.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The values by name, to change.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.iter_mut().map(|(_, value)| value)
    }
}

/// Where a field is or will be.
pub struct MapEntry<'a> {
    map: &'a mut Map,
    name: Text,
}

impl<'a> MapEntry<'a> {
    /// The field, set to a value if it was not there.
    pub fn or_insert(self, value: Value) -> &'a mut Value {
        self.or_insert_with(|| value)
    }

    /// The same with a value that is made when it is wanted.
    pub fn or_insert_with(self, value: impl FnOnce() -> Value) -> &'a mut Value {
        let fields = self.map.own();
        if let Members::Few(row) = fields
            && row.len() == FEW
            && found(row, &self.name).is_none()
        {
            *fields = Members::Many(std::mem::take(row).into_iter().collect());
        }
        match fields {
            Members::Few(row) => {
                let at = place(row, &self.name).unwrap_or_else(|at| {
                    row.insert(at, (self.name, value()));
                    at
                });
                &mut row[at].1
            }
            Members::Many(tree) => tree.entry(self.name).or_insert_with(value),
        }
    }

    /// Changes the field if it is there.
    pub fn and_modify(self, change: impl FnOnce(&mut Value)) -> MapEntry<'a> {
        if let Some(value) = self.map.get_mut(&self.name) {
            change(value);
        }
        self
    }
}

/// Members in the order of their names; of several of one name the last is meant.
fn made(mut row: Vec<(Text, Value)>) -> Map {
    if !row.is_sorted_by(|(a, _), (b, _)| a < b) {
        row.sort_by(|(a, _), (b, _)| a.cmp(b));
        row.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(&mut later.1, &mut kept.1);
            }
            same
        });
    }
    match row.len() {
        0 => Map(None),
        1..=FEW => Map(Some(Arc::new(Members::Few(row)))),
        _ => Map(Some(Arc::new(Members::Many(row.into_iter().collect())))),
    }
}

impl From<Vec<(Text, Value)>> for Map {
    fn from(row: Vec<(Text, Value)>) -> Map {
        made(row)
    }
}

impl FromIterator<(Text, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(fields: I) -> Map {
        made(fields.into_iter().collect())
    }
}

impl FromIterator<(String, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Map {
        fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect()
    }
}

impl Extend<(Text, Value)> for Map {
    fn extend<I: IntoIterator<Item = (Text, Value)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.insert(name, value);
        }
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => true,
            _ => self.len() == other.len() && self.iter().eq(other.iter()),
        }
    }
}

impl Eq for Map {}

impl Hash for Map {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.len().hash(to);
        self.iter().for_each(|field| field.hash(to));
    }
}

/// Names and values by name.
#[derive(Clone)]
pub enum Iter<'a> {
    #[doc(hidden)]
    Few(slice::Iter<'a, (Text, Value)>),
    #[doc(hidden)]
    Many(btree_map::Iter<'a, Text, Value>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Text, &'a Value);
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Few(row) => row.next().map(|(name, value)| (name, value)),
            Iter::Many(tree) => tree.next(),
        }
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Iter::Few(row) => row.size_hint(),
            Iter::Many(tree) => tree.size_hint(),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Few(row) => row.next_back().map(|(name, value)| (name, value)),
            Iter::Many(tree) => tree.next_back(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}

/// Names and values by name, the values to change.
pub enum IterMut<'a> {
    #[doc(hidden)]
    Few(slice::IterMut<'a, (Text, Value)>),
    #[doc(hidden)]
    Many(btree_map::IterMut<'a, Text, Value>),
}

impl<'a> Iterator for IterMut<'a> {
    type Item = (&'a Text, &'a mut Value);
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            IterMut::Few(row) => row.next().map(|(name, value)| (&*name, value)),
            IterMut::Many(tree) => tree.next(),
        }
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            IterMut::Few(row) => row.size_hint(),
            IterMut::Many(tree) => tree.size_hint(),
        }
    }
}

/// Names and values by name, as one's own.
pub enum IntoIter {
    #[doc(hidden)]
    Few(vec::IntoIter<(Text, Value)>),
    #[doc(hidden)]
    Many(btree_map::IntoIter<Text, Value>),
}

impl Iterator for IntoIter {
    type Item = (Text, Value);
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            IntoIter::Few(row) => row.next(),
            IntoIter::Many(tree) => tree.next(),
        }
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            IntoIter::Few(row) => row.size_hint(),
            IntoIter::Many(tree) => tree.size_hint(),
        }
    }
}

impl IntoIterator for Map {
    type Item = (Text, Value);
    type IntoIter = IntoIter;
    fn into_iter(self) -> IntoIter {
        match self.0.map(Arc::unwrap_or_clone) {
            None => IntoIter::Few(Vec::new().into_iter()),
            Some(Members::Few(row)) => IntoIter::Few(row.into_iter()),
            Some(Members::Many(tree)) => IntoIter::Many(tree.into_iter()),
        }
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Text, &'a Value);
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Map {
    type Item = (&'a Text, &'a mut Value);
    type IntoIter = IterMut<'a>;
    fn into_iter(self) -> IterMut<'a> {
        self.iter_mut()
    }
}
