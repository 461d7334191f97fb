//! What one expression of a policy makes of an object: a configuration that is merged with it, or a
//! JSON patch. Source: k8s.io/apiserver `pkg/admission/plugin/policy/mutating/patch`.

use super::{Policy, params};
use crate::{
    api::{
        FieldValidation,
        admission::{
            evaluation::{Given, Miss, Run},
            versions,
        },
        write::{Attempt, root_of},
    },
    cel::{
        Check, Opaque,
        plain::{self, Made},
        value::Value as Cel,
    },
    error::Error,
    kinds::{
        Served,
        expressions::{Form, Mutation},
    },
    object::{Map, ObjectExt, Value, json},
    patch::{self, Root},
    schema,
};

/// Why nothing came of it.
pub enum Trouble {
    /// What is wrong: the failure policy decides.
    Fault(String),
    /// The request is refused.
    Refused(Box<Error>),
}

impl From<String> for Trouble {
    fn from(why: String) -> Trouble {
        Trouble::Fault(why)
    }
}

/// What a mutation makes of the object that is given.
///
/// # Errors
/// Why it makes nothing.
pub fn mutate(
    attempt: &Attempt<'_>,
    given: &Given<'_>,
    policy: &Policy,
    param: &Value,
    mutation: &Mutation,
    other: Option<&Served>,
) -> Result<Value, Trouble> {
    let object = given.object();
    let shown = other.unwrap_or(&attempt.request.kind);
    let Some(root) = root(shown, object) else {
        let why = format!(
            "Resource kind {} not found. There can be a delay between when CustomResourceDefinitions are created and when they are available.",
            params::shown(object.str_at("apiVersion"), object.str_at("kind"))
        );
        return Err(Trouble::Refused(Box::new(Error::Unavailable(why))));
    };
    let ask = |check: &Check| given.ask(check);
    let mut run = Run::new(given, param, &ask);
    run.name_variables(&policy.expressions.variables);
    let value = run.eval(&mutation.expression).map_err(Miss::text)?;
    // What a schema does not have is pruned; what a type does not have is a mistake.
    let strictness = match root {
        Root::Custom(..) => FieldValidation::Ignore,
        Root::Type(_) => FieldValidation::Strict,
    };
    let made = match mutation.form {
        Form::Apply => Some(applied(object, root, &value)?),
        Form::Json => patched(object, &value)?,
    };
    match made {
        Some(made) => versions::settled(attempt, other, made, strictness)
            .map_err(|error| Trouble::Refused(Box::new(error))),
        None => Ok(object.clone()),
    }
}

/// The type of an object of a request: of its resource, or of a body of a subresource.
fn root<'a>(shown: &'a Served, object: &Value) -> Option<Root<'a>> {
    let (version, kind) = (object.str_at("apiVersion"), object.str_at("kind"));
    if kind == &*shown.kind {
        return root_of(shown);
    }
    schema::find_kind(version, kind).map(Root::Type)
}

/// The object and a configuration, merged as server-side apply merges them; nobody owns what comes
/// of it.
fn applied(object: &Value, root: Root<'_>, value: &Cel<'_>) -> Result<Value, String> {
    let Cel::Opaque(Opaque::Object(made)) = value else {
        let found = value.type_name();
        return Err(format!("unsupported return type from ApplyConfiguration expression: {found}"));
    };
    plain::well_named(made).map_err(|why| format!("type mismatch: {why}"))?;
    let mut configuration = plain::object(made)?;
    for field in ["apiVersion", "kind"] {
        configuration[field] = object[field].clone();
    }
    patch::managed::lay(object, &configuration, root)
        .map_err(|why| format!("error applying patch: {why}"))
}

/// The object as a patch leaves it; `None` when one of its tests fails.
fn patched(object: &Value, value: &Cel<'_>) -> Result<Option<Value>, String> {
    let Cel::List(list) = value else {
        return Err("type mismatch: JSONPatchType.expression should evaluate to array".into());
    };
    let mut operations = Vec::with_capacity(list.len());
    for item in list.iter() {
        let Cel::Opaque(Opaque::Object(made)) = &item else {
            let found = item.type_name();
            return Err(format!(
                "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch, got element of {found}"
            ));
        };
        operations.push(operation(made)?);
    }
    patch::json_tested(object, &operations).map_err(|why| format!("JSON Patch: {why}"))
}

fn operation(made: &Made<'_>) -> Result<Value, String> {
    let mut out = Map::new();
    for (field, value) in &made.fields {
        let json = match value {
            Cel::String(text) if *field != "value" => json!(&**text),
            _ if *field == "value" => {
                if let Cel::Opaque(Opaque::Object(made)) = value {
                    plain::well_named(made).map_err(|why| format!("type mismatch: {why}"))?;
                }
                plain::json(value).map_err(|why| {
                    format!("JSONPath valueExpression evaluated to a type that could not marshal to JSON: {why}")
                })?
            }
            other => {
                let found = other.type_name();
                return Err(format!("unexpected type {found} for JSONPatchType '{field}' field"));
            }
        };
        if *field != "from" || json != "" {
            out.insert((*field).to_owned().into(), json);
        }
    }
    Ok(Value::Object(out))
}
