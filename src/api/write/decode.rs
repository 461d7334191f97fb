//! The way in: a body against its type.

use super::super::{Body, FieldValidation, PatchType, Request, Server, Verb, misfit};
use crate::{
    error::Error,
    kinds::custom::Custom,
    object::{
        self, ObjectExt, Value,
        read::{self, Problem},
    },
    schema::{self, Decoded},
};

/// The metadata of a custom object, whatever its schema says of it.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Reads an object by its definition's schema.
fn decode_custom(custom: &Custom, value: &mut Value) -> Result<Decoded, String> {
    let mut unknown = Vec::new();
    if let (Some(ty), Some(metadata)) = (schema::find(METADATA), value.get_mut("metadata")) {
        let found = schema::decode(ty, metadata)?;
        unknown.extend(found.unknown.iter().map(|p| format!("metadata.{p}")));
    }
    unknown.extend(custom.schema.prune(value));
    custom.schema.drop_nulls(value);
    Ok(Decoded { unknown, empty: Vec::new() })
}

impl Server {
    /// Checks a body against its type: apiVersion and kind, JSON types, unknown fields. Answers which
    /// lists and maps were sent empty, which is not kept.
    ///
    /// # Errors
    /// 400 in upstream's words.
    pub(in crate::api) fn decode(
        &self,
        request: &Request,
        value: &mut Value,
        duplicates: &[String],
        warnings: &mut Vec<String>,
    ) -> Result<Vec<(String, Value)>, Error> {
        let kind = &request.kind;
        if !value.is_object() {
            *value = Value::Object(object::Map::new());
        }
        misfit::check_type(request, value)?;
        value.set_at("apiVersion", kind.api_version());
        value.set_at("kind", &kind.kind);
        let converts =
            matches!(request.body, Body::Patch(PatchType::Strategic | PatchType::Apply, _));
        let read = match (&kind.custom, kind.ty()) {
            (Some(custom), _) => decode_custom(custom, value),
            (None, Some(ty)) if converts => schema::convert(ty, value),
            (None, Some(ty)) => schema::decode(ty, value),
            (None, None) => return Ok(Vec::new()),
        };
        let Decoded { unknown, empty } =
            read.map_err(|why| misfit::mismatch(request, value, &why))?;
        // Servers of custom kinds tell repeated fields first, wherever they stand.
        let text: &[u8] = if kind.custom.is_some() { b"" } else { &request.options.text };
        let yaml = request.verb != Verb::Patch && !request.options.lines.is_empty();
        let duplicates = if yaml { &[] } else { duplicates };
        let told = |problem| match problem {
            Problem::Twice(path) => format!("duplicate field {path:?}"),
            Problem::Unknown(path) => format!("unknown field {path:?}"),
        };
        let problems = read::in_order(text, duplicates, &unknown).into_iter().map(told);
        // Of a text of YAML its reader tells first what stands there twice.
        let first = match (yaml, request.options.field_validation) {
            (false, _) => Vec::new(),
            (true, FieldValidation::Strict) => vec![request.options.twice()],
            (true, _) => request.options.lines.clone(),
        };
        let problems: Vec<String> = first.into_iter().chain(problems).collect();
        match request.options.field_validation {
            _ if problems.is_empty() => Ok(empty),
            FieldValidation::Ignore => Ok(empty),
            FieldValidation::Warn => {
                warnings.extend(problems);
                Ok(empty)
            }
            FieldValidation::Strict => Err(misfit::strict(request, value, &problems)),
        }
    }
}
