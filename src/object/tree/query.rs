//! Trees as the JSONPath library looks at them.

use super::Value;
use jsonpath_rust::{JsonPath, query::queryable::Queryable};

impl Queryable for Value {
    fn get(&self, key: &str) -> Option<&Value> {
        Value::as_object(self)?.get(key)
    }

    fn as_array(&self) -> Option<&Vec<Value>> {
        Value::as_array(self)
    }

    fn as_object(&self) -> Option<Vec<(&str, &Value)>> {
        let map = Value::as_object(self)?;
        Some(map.iter().map(|(name, value)| (name.as_str(), value)).collect())
    }

    fn as_str(&self) -> Option<&str> {
        Value::as_str(self)
    }

    fn as_i64(&self) -> Option<i64> {
        Value::as_i64(self)
    }

    fn as_f64(&self) -> Option<f64> {
        Value::as_f64(self)
    }

    fn as_bool(&self) -> Option<bool> {
        Value::as_bool(self)
    }

    fn null() -> Value {
        Value::Null
    }
}

impl JsonPath for Value {}
