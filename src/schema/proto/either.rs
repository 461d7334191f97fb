//! The fields of JSON schemas that hold a schema or something else: JSON shows whichever it is,
//! protobuf a message with a place for each.
//! Source: apiextensions-apiserver `pkg/apis/apiextensions/v1/generated.proto`.

use super::{
    encode, message,
    reader::{Reader, Wire},
    scalar, writer as w,
};
use crate::{
    object::{Map, Value},
    schema::{Field, Type, find},
};

/// What may stand in place of a schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Either {
    /// `JSONSchemaPropsOrArray`: 1 the schema, 2 the schemas.
    Schemas,
    /// `JSONSchemaPropsOrBool`: 1 the boolean, 2 the schema.
    Bool,
    /// `JSONSchemaPropsOrStringArray`: 1 the schema, 2 the names.
    Names,
}

const SCHEMA: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/// What the values of a field are, if they are such.
pub(super) fn of(of: &Type, field: &Field) -> Option<Either> {
    if of.name != SCHEMA {
        return None;
    }
    match field.name {
        "items" => Some(Either::Schemas),
        "additionalProperties" | "additionalItems" => Some(Either::Bool),
        "dependencies" => Some(Either::Names),
        _ => None,
    }
}

impl Either {
    /// Writes JSON text into a field.
    pub(super) fn write(self, out: &mut Vec<u8>, number: u32, json: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
        let schema = |value: &Value| -> Result<Vec<u8>, String> {
            let of = find(SCHEMA).ok_or("schemas have no type")?;
            encode::message(of, value).map_err(|e| e.to_string())
        };
        if value.is_null() {
            return Ok(());
        }
        let open = w::open(out, number);
        match (self, &value) {
            (Either::Bool, Value::Bool(allows)) => w::int(out, 1, (*allows).into()),
            (Either::Bool, one) => {
                w::int(out, 1, 1);
                w::bytes(out, 2, &schema(one)?);
            }
            (Either::Schemas, Value::Array(list)) => {
                for one in list {
                    w::bytes(out, 2, &schema(one)?);
                }
            }
            (Either::Names, Value::Array(list)) => {
                for name in list {
                    w::bytes(out, 2, name.as_str().unwrap_or_default().as_bytes());
                }
            }
            (Either::Schemas | Either::Names, one) => w::bytes(out, 1, &schema(one)?),
        }
        w::close(out, open);
        Ok(())
    }

    /// Reads the message back into what JSON shows.
    pub(super) fn read(self, bytes: &[u8], depth: usize) -> Result<Value, String> {
        let schema = |bytes: &[u8]| -> Result<Value, String> {
            let mut object = Map::new();
            let of = find(SCHEMA).ok_or("schemas have no type")?;
            message(of, bytes, &mut object, depth + 1)?;
            Ok(object.into())
        };
        let (mut one, mut list, mut allows) = (None, Vec::new(), false);
        let mut reader = Reader::new(bytes);
        while let Some((number, wire)) = reader.next()? {
            match (self, number, wire) {
                (Either::Bool, 1, Wire::Varint(n)) => allows = n != 0,
                (Either::Bool, 2, wire) | (_, 1, wire) => one = Some(schema(wire.bytes()?)?),
                (Either::Schemas, 2, wire) => list.push(schema(wire.bytes()?)?),
                (Either::Names, 2, wire) => list.push(scalar::text(wire.bytes()?)?.into()),
                _ => {}
            }
        }
        Ok(match (self, one) {
            (_, Some(schema)) => schema,
            (Either::Bool, None) => allows.into(),
            (_, None) => list.into(),
        })
    }
}
