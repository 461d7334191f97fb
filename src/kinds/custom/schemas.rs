//! What the versions of definitions say of their objects, compiled once: whoever writes the same
//! schema (a later revision of the definition, another cluster of the process) shares it.

use super::rules::Rules;
use crate::{object::Value, schema::structural::Structural};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Deref,
    sync::{Arc, LazyLock, OnceLock, Weak},
};

/// The schema of a version.
#[derive(Debug)]
pub struct VersionSchema {
    structural: Structural,
    /// As it was written (JSON); empty where the definition has none.
    text: Box<str>,
    /// Whether the definition keeps what its schemas do not know.
    preserve: bool,
    /// Its rules, compiled when they are first applied.
    rules: OnceLock<Option<Rules>>,
}

impl Deref for VersionSchema {
    type Target = Structural;

    fn deref(&self) -> &Structural {
        &self.structural
    }
}

impl VersionSchema {
    /// The schema that an `openAPIV3Schema` says.
    pub fn of(document: Option<&Value>, preserve: bool) -> Arc<VersionSchema> {
        static SHARED: LazyLock<Mutex<KnownSchemas>> = LazyLock::new(Mutex::default);
        let document = document.filter(|d| d.is_object());
        let text = document.map(Value::to_string).unwrap_or_default().into_boxed_str();
        let mut hasher = DefaultHasher::new();
        (&text, preserve).hash(&mut hasher);
        let key = hasher.finish();
        if let Some(known) = SHARED.lock().find(key)
            && (&known.text, known.preserve) == (&text, preserve)
        {
            return known;
        }
        let mut structural = document.map_or_else(Structural::preserving, Structural::compile);
        structural.preserve |= preserve;
        let rules = OnceLock::new();
        let made = Arc::new(VersionSchema { structural, text, preserve, rules });
        SHARED.lock().keep(key, &made);
        made
    }

    /// As it was written; null where the definition has none.
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The same as text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its rules, if it has any.
    pub fn rules(&self) -> Option<&Rules> {
        self.rules.get_or_init(|| Rules::of(&self.document())).as_ref()
    }
}

/// The schemas somebody holds, by the hash of what they say.
#[derive(Default)]
struct KnownSchemas {
    known: HashMap<u64, Weak<VersionSchema>>,
    /// How many there may be before those that nobody holds any more are looked for.
    most: usize,
}

impl KnownSchemas {
    fn find(&self, key: u64) -> Option<Arc<VersionSchema>> {
        self.known.get(&key)?.upgrade()
    }

    fn keep(&mut self, key: u64, made: &Arc<VersionSchema>) {
        if self.known.len() >= self.most {
            self.known.retain(|_, schema| schema.strong_count() > 0);
            self.most = (self.known.len() * 2).max(64);
        }
        self.known.insert(key, Arc::downgrade(made));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn who_writes_the_same_shares_it() {
        let one = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let made = VersionSchema::of(Some(&one), false);
        assert!(Arc::ptr_eq(&made, &VersionSchema::of(Some(&one.clone()), false)));
        assert!(!Arc::ptr_eq(&made, &VersionSchema::of(Some(&one), true)));
        assert!(!Arc::ptr_eq(&made, &VersionSchema::of(Some(&json!({"type": "object"})), false)));
        assert_eq!(made.document(), one);
        assert_eq!(VersionSchema::of(None, false).document(), Value::Null);
    }

    #[test]
    fn nothing_is_kept_that_nobody_holds() {
        let mut shared = KnownSchemas::default();
        for key in 0..1000 {
            shared.keep(key, &VersionSchema::of(None, false));
            assert!(shared.known.len() <= 64 + 1, "{}", shared.known.len());
        }
    }
}
