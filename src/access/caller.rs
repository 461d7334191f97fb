//! Who is asking, once that is known.

/// Who is asking.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    /// User name; `system:anonymous` for nobody.
    pub name: String,
    /// Uid of the User or ServiceAccount; may be empty.
    pub uid: String,
    /// Groups, the virtual ones (`system:authenticated` …) included.
    pub groups: Vec<String>,
    /// Extra facts, as `SelfSubjectReview` shows them.
    pub extra: Vec<(String, Vec<String>)>,
    /// Scopes of the OAuth token in use; empty means everything.
    pub scopes: Vec<String>,
}

impl Caller {
    /// One of the server's own components, with the rights of `system:masters`.
    pub fn component(name: &str) -> Caller {
        Caller {
            name: name.into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..Caller::default()
        }
    }
}
