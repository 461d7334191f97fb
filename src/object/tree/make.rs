//! Trees from values of other types, and `json!`.

use super::{Array, Map, Text, Value};
use serde_json::Number;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What can stand for a value in [`json!`](crate::object::json).
pub trait ToValue {
    /// The tree of it.
    fn to_value(&self) -> Value;
}

/// A tree, as it is written in JSON: names of fields are texts or `(expressions)`, values are JSON or
/// expressions of what is [`ToValue`].
macro_rules! json {
    (null) => { $crate::object::Value::Null };
    (true) => { $crate::object::Value::Bool(true) };
    (false) => { $crate::object::Value::Bool(false) };
    ([]) => { $crate::object::Value::Array($crate::object::Array::new()) };
    ([ $($items:tt)+ ]) => {
        $crate::object::Value::Array($crate::object::json!(@items [] $($items)+).into())
    };
    ({}) => { $crate::object::Value::Object($crate::object::Map::new()) };
    ({ $($fields:tt)+ }) => {
        $crate::object::Value::Object($crate::object::json!(@fields [] () $($fields)+).into())
    };

    // Items: those that are done, then what is left.
    (@items [$($done:expr,)*]) => { vec![$($done,)*] };
    (@items [$($done:expr,)*] null $(, $($rest:tt)*)?) => {
        $crate::object::json!(@items [$($done,)* $crate::object::json!(null),] $($($rest)*)?)
    };
    (@items [$($done:expr,)*] [$($inner:tt)*] $(, $($rest:tt)*)?) => {
        $crate::object::json!(@items [$($done,)* $crate::object::json!([$($inner)*]),] $($($rest)*)?)
    };
    (@items [$($done:expr,)*] {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $crate::object::json!(@items [$($done,)* $crate::object::json!({$($inner)*}),] $($($rest)*)?)
    };
    (@items [$($done:expr,)*] $item:expr $(, $($rest:tt)*)?) => {
        $crate::object::json!(@items [$($done,)* $crate::object::json!($item),] $($($rest)*)?)
    };

    // Fields: those that are done, the tokens of a name, then what is left.
    (@fields [$($done:expr,)*] ()) => { vec![$($done,)*] };
    (@fields [$($done:expr,)*] ($($name:tt)+) : null $(, $($rest:tt)*)?) => {
        $crate::object::json!(@fields
            [$($done,)* ($crate::object::Text::from($($name)+), $crate::object::json!(null)),]
            () $($($rest)*)?)
    };
    (@fields [$($done:expr,)*] ($($name:tt)+) : [$($inner:tt)*] $(, $($rest:tt)*)?) => {
        $crate::object::json!(@fields
            [$($done,)* ($crate::object::Text::from($($name)+), $crate::object::json!([$($inner)*])),]
            () $($($rest)*)?)
    };
    (@fields [$($done:expr,)*] ($($name:tt)+) : {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $crate::object::json!(@fields
            [$($done,)* ($crate::object::Text::from($($name)+), $crate::object::json!({$($inner)*})),]
            () $($($rest)*)?)
    };
    (@fields [$($done:expr,)*] ($($name:tt)+) : $value:expr $(, $($rest:tt)*)?) => {
        $crate::object::json!(@fields
            [$($done,)* ($crate::object::Text::from($($name)+), $crate::object::json!($value)),]
            () $($($rest)*)?)
    };
    (@fields [$($done:expr,)*] () ($name:expr) $($rest:tt)+) => {
        $crate::object::json!(@fields [$($done,)*] ($name) $($rest)+)
    };
    (@fields [$($done:expr,)*] ($($name:tt)*) $next:tt $($rest:tt)+) => {
        $crate::object::json!(@fields [$($done,)*] ($($name)* $next) $($rest)+)
    };

    ($value:expr) => { $crate::object::ToValue::to_value(&$value) };
}

pub(crate) use json;

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl ToValue for Map {
    fn to_value(&self) -> Value {
        Value::Object(self.clone())
    }
}

impl ToValue for Array {
    fn to_value(&self) -> Value {
        Value::Array(self.clone())
    }
}

impl ToValue for Text {
    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::String(self.into())
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        self.as_str().to_value()
    }
}

impl ToValue for char {
    fn to_value(&self) -> Value {
        self.encode_utf8(&mut [0; 4]).to_value()
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl ToValue for () {
    fn to_value(&self) -> Value {
        Value::Null
    }
}

impl ToValue for Number {
    fn to_value(&self) -> Value {
        Value::Number(self.clone())
    }
}

impl ToValue for serde_json::Value {
    fn to_value(&self) -> Value {
        self.clone().into()
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

impl<T: ToValue + ?Sized> ToValue for &mut T {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

impl<T: ToValue + ?Sized> ToValue for Box<T> {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

impl<T: ToValue + ?Sized> ToValue for Arc<T> {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

impl<T: ToValue + ToOwned + ?Sized> ToValue for Cow<'_, T> {
    fn to_value(&self) -> Value {
        T::to_value(self)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl<T: ToValue> ToValue for [T] {
    fn to_value(&self) -> Value {
        Value::Array(self.iter().map(T::to_value).collect())
    }
}

impl<T: ToValue, const N: usize> ToValue for [T; N] {
    fn to_value(&self) -> Value {
        self.as_slice().to_value()
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Value {
        self.as_slice().to_value()
    }
}

impl<T: ToValue> ToValue for BTreeSet<T> {
    fn to_value(&self) -> Value {
        Value::Array(self.iter().map(T::to_value).collect())
    }
}

impl<K: AsRef<str>, T: ToValue> ToValue for BTreeMap<K, T> {
    fn to_value(&self) -> Value {
        let fields = self.iter().map(|(name, value)| (Text::from(name.as_ref()), value.to_value()));
        Value::Object(fields.collect())
    }
}

macro_rules! of_numbers {
    ($($number:ty)*) => {
        $(
            impl ToValue for $number {
                fn to_value(&self) -> Value {
                    Value::Number((*self).into())
                }
            }
            impl From<$number> for Value {
                fn from(number: $number) -> Value {
                    Value::Number(number.into())
                }
            }
            impl PartialEq<$number> for Value {
                fn eq(&self, number: &$number) -> bool {
                    self.as_number().is_some_and(|n| *n == Number::from(*number))
                }
            }
            impl PartialEq<$number> for &Value {
                fn eq(&self, number: &$number) -> bool {
                    **self == *number
                }
            }
        )*
    };
}

of_numbers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

/// `null` for what is no number.
impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

impl ToValue for f64 {
    fn to_value(&self) -> Value {
        (*self).into()
    }
}

impl PartialEq<f64> for Value {
    fn eq(&self, number: &f64) -> bool {
        self.as_f64() == Some(*number)
    }
}

impl PartialEq<bool> for &Value {
    fn eq(&self, is: &bool) -> bool {
        self.as_bool() == Some(*is)
    }
}

impl PartialEq<bool> for Value {
    fn eq(&self, is: &bool) -> bool {
        self.as_bool() == Some(*is)
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == Some(text)
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == Some(*text)
    }
}

impl PartialEq<String> for Value {
    fn eq(&self, text: &String) -> bool {
        self.as_str() == Some(text)
    }
}

impl PartialEq<Value> for str {
    fn eq(&self, value: &Value) -> bool {
        value == self
    }
}

impl PartialEq<Value> for &str {
    fn eq(&self, value: &Value) -> bool {
        value == self
    }
}

impl PartialEq<Value> for String {
    fn eq(&self, value: &Value) -> bool {
        value == self
    }
}

macro_rules! from {
    ($($from:ty, $name:ident => $made:expr;)*) => {
        $(
            impl From<$from> for Value {
                fn from($name: $from) -> Value {
                    $made
                }
            }
        )*
    };
}

from! {
    bool, is => Value::Bool(is);
    &str, text => Value::String(text.into());
    &String, text => Value::String(text.into());
    String, text => Value::String(text.into());
    Text, text => Value::String(text);
    Box<str>, text => Value::String(text.into());
    Arc<str>, text => Value::String(text.into());
    Cow<'_, str>, text => Value::String(text.into());
    Number, number => Value::Number(number);
    Array, list => Value::Array(list);
    Map, map => Value::Object(map);
    (), _none => Value::Null;
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        Value::Array(items.into_iter().map(T::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Value {
        Value::Array(items.into_iter().map(T::into).collect())
    }
}

impl<T: Into<Value> + Clone> From<&[T]> for Value {
    fn from(items: &[T]) -> Value {
        Value::Array(items.iter().cloned().map(T::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, T::into)
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Value {
        Value::Array(items.into_iter().map(T::into).collect())
    }
}

impl FromIterator<(String, Value)> for Value {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Value {
        Value::Object(fields.into_iter().collect())
    }
}

impl FromIterator<(Text, Value)> for Value {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(fields: I) -> Value {
        Value::Object(fields.into_iter().collect())
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(is) => Value::Bool(is),
            serde_json::Value::Number(number) => Value::Number(number),
            serde_json::Value::String(text) => Value::String(text.into()),
            serde_json::Value::Array(items) => items.into_iter().collect(),
            serde_json::Value::Object(map) => map
                .into_iter()
                .map(|(name, value)| (Text::from(name), Value::from(value)))
                .collect(),
        }
    }
}

impl From<Value> for serde_json::Value {
    fn from(value: Value) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(is) => serde_json::Value::Bool(is),
            Value::Number(number) => serde_json::Value::Number(number),
            Value::String(text) => serde_json::Value::String(text.into()),
            Value::Array(list) => list.into_iter().map(serde_json::Value::from).collect(),
            Value::Object(map) => {
                let fields = map.into_iter();
                fields
                    .map(|(name, value)| (String::from(name), serde_json::Value::from(value)))
                    .collect()
            }
        }
    }
}
