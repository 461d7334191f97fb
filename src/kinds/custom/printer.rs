//! Columns a definition asks for. Source: apiextensions-apiserver
//! `pkg/registry/customresource/tableconvertor`.

use super::jsonpath::Path;
use crate::{
    kinds::CellCx,
    object::{ObjectExt, Value, json},
};

/// A column.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Printer {
    pub name: String,
    pub kind: String,
    pub format: String,
    pub description: String,
    pub priority: i64,
    path: Path,
}

impl Printer {
    /// Reads the columns of a version; without any there is the age.
    pub fn read(version: &Value) -> Vec<Printer> {
        let columns = version.list_at("additionalPrinterColumns");
        if columns.is_empty() {
            let age = json!({"name": "Age", "type": "date",
                "jsonPath": ".metadata.creationTimestamp",
                "description": crate::kinds::columns::AGE_TEXT});
            return vec![Printer::one(&age)];
        }
        columns.iter().map(Printer::one).collect()
    }

    fn one(column: &Value) -> Printer {
        let path = column.str_at("jsonPath");
        let description = match column.str_at("description") {
            "" => format!("Custom resource definition column (in JSONPath format): {path}"),
            said => said.to_owned(),
        };
        Printer {
            name: column.str_at("name").into(),
            kind: column.str_at("type").into(),
            format: column.str_at("format").into(),
            description,
            priority: column.i64_at("priority").unwrap_or(0),
            path: Path::parse(path).unwrap_or_default(),
        }
    }

    /// The definition of the column.
    pub fn definition(&self) -> Value {
        json!({"name": self.name, "type": self.kind, "format": self.format,
            "description": self.description, "priority": self.priority})
    }

    /// The cell of an object.
    pub fn cell(&self, object: &Value, cx: &CellCx) -> Value {
        let Some(value) = self.path.first(object) else { return Value::Null };
        match (self.kind.as_str(), value) {
            ("integer", Value::Number(n)) => {
                n.as_i64().map_or_else(|| json!(n.as_f64().unwrap_or(0.0) as i64), Value::from)
            }
            ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
            ("string", Value::String(_)) => value.clone(),
            ("string", other) => other.to_string().into(),
            ("date", Value::String(text)) => match text.as_str() {
                "" => json!("<unknown>"),
                text if crate::object::time::parse(text).is_some() => cx.age(text).into(),
                _ => json!("<invalid>"),
            },
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let object = json!({"i": 2.7, "m": {"a": 1}, "d": "2020-01-01T00:00:00Z", "j": "junk"});
        let cx = CellCx::at("2020-01-02T00:00:00Z".parse().unwrap());
        let rows = [
            ("integer", ".i", json!(2)),
            ("string", ".m", json!(r#"{"a":1}"#)),
            ("date", ".d", json!("24h")),
            ("date", ".j", json!("<invalid>")),
            ("date", ".none", Value::Null),
            ("boolean", ".i", Value::Null),
        ];
        for (kind, path, expected) in rows {
            let version = json!({"additionalPrinterColumns": [
                {"name": "C", "type": kind, "jsonPath": path}]});
            assert_eq!(Printer::read(&version)[0].cell(&object, &cx), expected, "{kind} {path}");
        }
    }
}
