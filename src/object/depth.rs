//! How deep values may nest. What is stored must be readable when it comes back from the database
//! (the reader stops at 128 levels), together with the record of its fields, which nests as deep
//! again a few levels further in.

use super::Value;

/// Most levels an object may have.
pub const MOST: usize = 120;

/// The levels of a value (0 for a scalar), counted up to one more than allowed, and how many values
/// were looked at.
pub fn of(value: &Value) -> (usize, usize) {
    let (mut deepest, mut seen) = (0, 0);
    let mut open = vec![(value, 0)];
    while let Some((value, level)) = open.pop() {
        seen += 1;
        deepest = deepest.max(level);
        if deepest > MOST {
            break;
        }
        match value {
            Value::Array(list) => open.extend(list.iter().map(|v| (v, level + 1))),
            Value::Object(map) => open.extend(map.values().map(|v| (v, level + 1))),
            _ => {}
        }
    }
    (deepest, seen)
}
