//! The lines of a YAML text on which a key stands for the second time.

use super::{NOTED, deeply, options};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::{collections::HashSet, fmt};

/// What upstream's reader says of each of them.
pub fn repeated(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let mut told = Vec::new();
    // What cannot be read any further has been refused before.
    let _ = deeply(|| {
        serde_saphyr::with_deserializer_from_str_with_options(&text, options(&text), |d| {
            Walk(&mut told).deserialize(d)
        })
    });
    told
}

/// Walks through a text and keeps nothing of it but what is to be told.
struct Walk<'a>(&'a mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }
    nothing_of_scalars!();
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Walk(&mut *self.0))?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let line = key.referenced.line();
            if seen.contains(&key.value) {
                if self.0.len() < NOTED.0 {
                    let key = match key.value.parse::<i64>() {
                        Ok(number) => number.to_string(),
                        Err(_) => format!("{:?}", key.value),
                    };
                    self.0.push(format!("line {line}: key {key} already set in map"));
                }
            } else {
                seen.insert(key.value);
            }
            map.next_value_seed(Walk(&mut *self.0))?;
        }
        Ok(())
    }
}

#[test]
fn every_second_place_is_told() {
    let text = "metadata: {a: {b: 1, b: 2}, c: {5: 6, 5: 7}}\nl:\n- x: 1\n  x: 2\nl: 2\n";
    let told = [
        "line 1: key \"b\" already set in map",
        "line 1: key 5 already set in map",
        "line 4: key \"x\" already set in map",
        "line 5: key \"l\" already set in map",
    ];
    assert_eq!(repeated(text.as_bytes()), told);
    assert!(repeated(b"a: [b, {c: d}]").is_empty());
}
