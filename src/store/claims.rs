//! Values that belong to one object at a time, such as addresses and ports.

use imbl::HashMap;
use std::sync::Arc;

/// Resource and key of an object.
pub(super) type Id = (Arc<str>, Arc<str>);

/// Who holds what. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Claims {
    holders: HashMap<String, Id>,
    held: HashMap<Id, Vec<String>>,
}

impl Claims {
    /// Those of a database: value and holder.
    pub fn of(all: std::collections::HashMap<String, Id>) -> Claims {
        let mut claims = Claims::default();
        for (value, id) in all {
            claims.held.entry(id.clone()).or_default().push(value.clone());
            claims.holders.insert(value, id);
        }
        claims
    }

    /// Whether somebody else holds a value.
    pub fn is_taken(&self, value: &str, id: &Id) -> bool {
        self.holders.get(value).is_some_and(|holder| holder != id)
    }

    /// Who holds what.
    pub fn all(&self) -> std::collections::HashMap<String, Id> {
        self.holders.iter().map(|(value, id)| (value.clone(), id.clone())).collect()
    }

    /// What an object holds.
    pub fn held_by(&self, id: &Id) -> Vec<String> {
        self.held.get(id).cloned().unwrap_or_default()
    }

    /// Replaces the claims of an object; answers the old ones.
    pub fn hold(&mut self, id: &Id, claims: Vec<String>) -> Vec<String> {
        let old = self.held.remove(id).unwrap_or_default();
        for value in &old {
            self.holders.remove(value);
        }
        if !claims.is_empty() {
            for value in &claims {
                self.holders.insert(value.clone(), id.clone());
            }
            self.held.insert(id.clone(), claims);
        }
        old
    }
}
