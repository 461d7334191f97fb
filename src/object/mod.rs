//! The shape of things: API objects as JSON, names, selectors, quantities, times.
//!
//! Everything here is a pure function of its arguments; nothing waits, opens a file or
//! knows who calls it. An object is a [`Value`]: unknown fields survive every path
//! because nothing is ever written back through a typed struct.

pub mod address;
pub mod cron;
pub mod depth;
pub mod diff;
pub mod duration;
pub mod links;
mod merge;
pub mod name;
mod pick;
pub mod quantity;
pub mod read;
pub mod selector;
mod spans;
pub mod syntax;
pub mod time;
mod tree;
mod value;
mod whole;
pub mod write;
pub mod yaml;

pub use merge::merge;
pub use pick::pick;
pub use spans::Spans;
pub use value::{Encoded, Meta, ObjectExt, OwnerRef, alike, encode, size, stored, without_managed};
pub use whole::make_whole;

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}

pub(crate) use tree::json;
pub use tree::{Array, Map, Text, ToValue, Value, from_value, to_value};
