//! Whether a definition may be stored, in upstream's words.
//! Source: apiextensions-apiserver `pkg/apis/apiextensions/validation`.

mod conversion;
mod names;
mod rules;
mod schema;
mod structural;
#[cfg(test)]
mod tests;
mod versions;

pub use conversion::bundle_problem;
pub use names::{approval_state, is_protected};

use crate::{
    error::Causes,
    object::{ObjectExt, Value},
};

/// Checks a definition; `old` is what it takes the place of.
pub fn definition(object: &Value, old: Option<&Value>, out: &mut Causes) {
    names::group(object, old, out);
    versions::each(object, old, out);
    names::check(object, out);
    versions::shared(object, old, out);
    conversion::check(object, old, out);
    names::approval(object, old, out);
    if let Some(old) = old {
        immutable(object, old, out);
    }
    versions::stored(object, out);
}

/// What stays as it is.
fn immutable(object: &Value, old: &Value, out: &mut Causes) {
    let established = old.condition("Established").is_some_and(|c| c.str_at("status") == "True");
    let always = ["spec.group", "spec.names.plural"];
    let then = ["spec.scope", "spec.names.kind"];
    for field in always.iter().chain(then.iter().filter(|_| established)) {
        if object.at(field) != old.at(field) {
            out.invalid(*field, object.at(field).unwrap_or(&Value::Null), "field is immutable");
        }
    }
}
