//! What tells resources apart.

use std::fmt;

/// Group, version and plural: what a path of the API names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionResource<'a> {
    /// API group; empty for the core.
    pub group: &'a str,
    /// Version of the group.
    pub version: &'a str,
    /// Plural.
    pub resource: &'a str,
}

/// As Go prints it.
impl fmt::Display for GroupVersionResource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}, Resource={}", self.group, self.version, self.resource)
    }
}
