//! Whole numbers that are written as fractions.

use super::Value;

/// Makes every fraction that is none a whole number, as Go writes it. So does whatever upstream turns
/// YAML into JSON by, and whatever it keeps objects without a type of their own by.
pub fn make_whole(value: &mut Value) {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Number(n) if n.is_f64() => {
            let whole = n.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < LIMIT);
            if let Some(n) = whole {
                *value = (n as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn only_fractions_that_are_none() {
        let mut value = json!({"a": 2.0, "b": [1e3, -4.0, 2.5, 7], "c": 1e30, "d": "2.0"});
        make_whole(&mut value);
        let text = value.to_string();
        assert_eq!(text, r#"{"a":2,"b":[1000,-4,2.5,7],"c":1e+30,"d":"2.0"}"#);
    }
}
