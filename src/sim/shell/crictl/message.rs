//! JSON whose keys stay in the order of a message's fields, as protobuf's printer leaves them.

use crate::object::{Text, ToValue, Value};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// A message, or what a field of one holds.
pub enum Message {
    /// Fields in order.
    Fields(Vec<(&'static str, Message)>),
    /// Several.
    List(Vec<Message>),
    /// Anything whose order does not matter.
    Plain(Value),
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Message::Plain(value) => value.serialize(to),
            Message::List(all) => all.serialize(to),
            Message::Fields(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, field)| map.serialize_entry(name, field))?;
                map.end()
            }
        }
    }
}

impl ToValue for Message {
    fn to_value(&self) -> Value {
        match self {
            Message::Plain(value) => value.clone(),
            Message::List(all) => all.to_value(),
            Message::Fields(fields) => {
                fields.iter().map(|(name, field)| (Text::from(*name), field.to_value())).collect()
            }
        }
    }
}

/// A message with these fields.
pub fn fields<const N: usize>(fields: [(&'static str, Message); N]) -> Message {
    Message::Fields(fields.into())
}

/// A plain value.
pub fn plain(value: impl Into<Value>) -> Message {
    Message::Plain(value.into())
}

/// A number in a message of its own, as optional numbers are.
pub fn number(n: u64) -> Message {
    fields([("value", plain(n.to_string()))])
}
