//! Where metadata and its managed fields stand in an object's JSON text, so that the one can be
//! copied and the other left out without reading them. Knows the compact form objects are stored in.

use std::ops::Range;

/// Places in an object's text; empty ranges for what is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spans {
    metadata: (u32, u32),
    /// `metadata.managedFields` with its name and the comma before it.
    managed: (u32, u32),
}

/// What stands before the managed fields' value.
const MANAGED: &str = ",\"managedFields\":";

impl Spans {
    /// Of the value of `metadata`, and that of the managed fields in it.
    pub(super) fn new(metadata: Range<usize>, managed: Range<usize>) -> Spans {
        let pair = |r: Range<usize>| (r.start as u32, r.end as u32);
        let managed = match managed.is_empty() {
            true => 0..0,
            false => managed.start.saturating_sub(MANAGED.len())..managed.end,
        };
        Spans { metadata: pair(metadata), managed: pair(managed) }
    }

    /// The same in a text that has `more` bytes at `at`.
    pub fn shifted(self, at: usize, more: usize) -> Spans {
        let place = |n: u32| if (n as usize) > at { n + more as u32 } else { n };
        let pair = |(a, b): (u32, u32)| (place(a), place(b));
        Spans { metadata: pair(self.metadata), managed: pair(self.managed) }
    }

    /// Looks for them in a text.
    pub fn of(text: &[u8]) -> Spans {
        let Some(metadata) = member(text, 0..text.len(), b"\"metadata\"") else {
            return Spans::default();
        };
        let managed = member(text, metadata.clone(), b"\"managedFields\"");
        // The first field has no comma before it; stored metadata begins with the revision.
        let managed =
            managed.filter(|m| text.get(m.start.wrapping_sub(MANAGED.len())) == Some(&b','));
        Spans::new(metadata, managed.unwrap_or(0..0))
    }

    /// The value of `metadata`.
    pub fn metadata(&self) -> Range<usize> {
        self.metadata.0 as usize..self.metadata.1 as usize
    }

    /// The managed fields, with the comma before them.
    pub fn managed(&self) -> Range<usize> {
        self.managed.0 as usize..self.managed.1 as usize
    }
}

/// The value of a member of the object that stands at `within`.
fn member(text: &[u8], within: Range<usize>, name: &[u8]) -> Option<Range<usize>> {
    let mut at = within.start;
    if text.get(at) != Some(&b'{') {
        return None;
    }
    while at + 1 < within.end && text.get(at + 1) == Some(&b'"') {
        let key = at + 1..skip(text, at + 1);
        let value = key.end + 1..skip(text, key.end + 1);
        if text.get(key.clone()) == Some(name) {
            return (value.end <= within.end).then_some(value);
        }
        at = value.end;
        if text.get(at) != Some(&b',') {
            return None;
        }
    }
    None
}

/// Where the value ends that begins at `at`.
fn skip(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            // The end of whatever a plain value stands in.
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// Where the string ends that begins at `at`.
fn string_end(text: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Value, encode, json};

    fn objects() -> Vec<Value> {
        vec![
            json!({"kind": "A", "apiVersion": "v1", "metadata": {"name": "a", "uid": "u",
                "labels": {"x": "}\"],\\"}, "managedFields": [{"fieldsV1": {"f:a": {}}}]}}),
            json!({"metadata": {"managedFields": []}, "data": {"managedFields": "x"}}),
            json!({"kind": "B", "metadata": {}, "spec": {"metadata": {"managedFields": [1]}}}),
            json!({"apiVersion": "v1", "kind": "C", "metadata": {"name": "c", "generation": 1}}),
        ]
    }

    #[test]
    fn what_was_noted_while_writing_is_what_is_found() {
        for object in objects() {
            let encoded = encode(&object);
            let text = encoded.with_revision(1234);
            let spans = encoded.spans_at(1234);
            assert_eq!(spans, Spans::of(&text), "{object}");
            let mut whole = object.clone();
            whole["metadata"]["resourceVersion"] = json!("1234");
            let metadata: Value = serde_json::from_slice(&text[spans.metadata()]).unwrap();
            assert_eq!(metadata, whole["metadata"]);
            let mut lean = text.clone();
            lean.drain(spans.managed());
            whole["metadata"].as_object_mut().unwrap().remove("managedFields");
            assert_eq!(serde_json::from_slice::<Value>(&lean).unwrap(), whole);
        }
    }

    #[test]
    fn odd_texts_have_none() {
        for text in ["", "[]", "{}", "{\"metadata\"", "{\"metadata\":", "{\"a\":1,", "{\"a\":\"\\"]
        {
            assert_eq!(Spans::of(text.as_bytes()).managed(), 0..0, "{text}");
        }
    }
}
