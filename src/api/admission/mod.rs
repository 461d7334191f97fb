//! Admission: checks and changes between authorization and storage, one file per plug-in, in
//! upstream's order.

use super::{Caller, Verb};
use crate::{
    error::Error,
    kinds::Kind,
    object::Value,
    store::{Op, Snapshot},
    world::World,
};

/// What a plug-in looks at besides the object.
pub struct Attributes<'a> {
    /// Kind of the object.
    pub kind: &'static Kind,
    /// Subresource, or empty.
    pub sub: &'a str,
    /// Create, Update (patches too) or Delete.
    pub verb: Verb,
    /// Namespace, or empty.
    pub namespace: &'a str,
    /// Name, or empty while it is not yet generated.
    pub name: &'a str,
    /// The stored object, for updates and deletes.
    pub old: Option<&'a Value>,
    /// Who asks.
    pub caller: &'a Caller,
    /// All objects at the revision the request is decided on.
    pub snapshot: &'a Snapshot,
    /// Time and chance.
    pub world: &'a World,
    /// Whether nothing will be stored.
    pub dry_run: bool,
}

/// Lets every mutating plug-in change the object, in order.
///
/// # Errors
/// The first refusal.
pub fn mutate(_object: &mut Value, _attributes: &Attributes<'_>) -> Result<(), Error> {
    Ok(())
}

/// Lets every validating plug-in refuse the object (for deletes: the stored object). Answers
/// further steps that must commit together with the write (quota usage).
///
/// # Errors
/// The first refusal.
pub fn validate(_object: &Value, _attributes: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    Ok(Vec::new())
}
