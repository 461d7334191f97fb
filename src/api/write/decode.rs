//! The way in: a body against its type.

use super::super::{FieldValidation, Request, Server, misfit};
use crate::{
    error::Error,
    object::{
        self, ObjectExt, Value,
        read::{self, Problem},
    },
    schema,
};

impl Server {
    /// Checks a body against its type: apiVersion and kind, JSON types, unknown fields.
    ///
    /// # Errors
    /// 400 in upstream's words.
    pub(in crate::api) fn decode(
        &self,
        request: &Request,
        value: &mut Value,
        duplicates: &[String],
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let kind = &request.kind;
        if !value.is_object() {
            *value = Value::Object(object::Map::new());
        }
        misfit::expect_type(value, kind)?;
        value.set_at("apiVersion", kind.api_version());
        value.set_at("kind", &kind.kind);
        let Some(ty) = kind.ty() else { return Ok(()) };
        let found =
            schema::decode(ty, value).map_err(|why| misfit::mismatch(request, value, &why))?;
        let text = &request.options.text;
        let problems = read::in_order(text, duplicates, &found.unknown).into_iter().map(
            |problem| match problem {
                Problem::Twice(path) => format!("duplicate field {path:?}"),
                Problem::Unknown(path) => format!("unknown field {path:?}"),
            },
        );
        let problems: Vec<String> = problems.collect();
        match request.options.field_validation {
            _ if problems.is_empty() => Ok(()),
            FieldValidation::Ignore => Ok(()),
            FieldValidation::Warn => {
                warnings.extend(problems);
                Ok(())
            }
            FieldValidation::Strict => Err(misfit::strict(request, value, &problems)),
        }
    }
}
