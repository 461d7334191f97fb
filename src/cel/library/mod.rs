//! Functions: what a call answers, by name and by the kinds of values it is given.

mod addresses;
mod authorizer;
mod convert;
mod formats;
mod lists;
mod numbers;
mod optionals;
mod print;
mod strings;
mod urls;

pub use authorizer::{Authorizer, Check, Decision, request_resource};
pub use formats::Format;
pub use print::shown;

use super::{
    eval::{Answer, EvalError, Made, Meter},
    value::Value,
};
use crate::object::quantity::Quantity;
use ipnet::IpNet;
use std::{collections::HashMap, net::IpAddr, rc::Rc};

/// Values that only functions look into.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Opaque<'a> {
    Ip(IpAddr),
    Cidr(IpNet),
    Url(Rc<urls::Url>),
    Quantity(Quantity),
    Semver(Rc<semver::Version>),
    Format(&'static Format),
    Authorizer(Authorizer<'a>),
    PathCheck(Authorizer<'a>, Rc<str>),
    GroupCheck(Authorizer<'a>, Rc<str>),
    ResourceCheck(Authorizer<'a>, Rc<Check>),
    Decision(Rc<Decision>),
    /// An object that was made.
    Object(Rc<Made<'a>>),
    /// Values by name, each with what came of it.
    Fields(Rc<HashMap<String, Answer<'a>>>),
}

impl<'a> Opaque<'a> {
    /// Name of its type.
    pub fn type_name(&self) -> &str {
        match self {
            Opaque::Ip(_) => "net.IP",
            Opaque::Cidr(_) => "net.CIDR",
            Opaque::Url(_) => "kubernetes.URL",
            Opaque::Quantity(_) => "kubernetes.Quantity",
            Opaque::Semver(_) => "kubernetes.Semver",
            Opaque::Format(_) => "kubernetes.NamedFormat",
            Opaque::Authorizer(_) => "kubernetes.authorization.Authorizer",
            Opaque::PathCheck(..) => "kubernetes.authorization.PathCheck",
            Opaque::GroupCheck(..) => "kubernetes.authorization.GroupCheck",
            Opaque::ResourceCheck(..) => "kubernetes.authorization.ResourceCheck",
            Opaque::Decision(_) => "kubernetes.authorization.Decision",
            Opaque::Object(made) => made.name,
            Opaque::Fields(_) => "kubernetes.variables",
        }
    }

    /// A field of it.
    ///
    /// # Errors
    /// What kept it from having a value.
    pub fn field(&self, name: &str) -> Result<Option<Value<'a>>, EvalError> {
        match self {
            Opaque::Fields(fields) => fields.get(name).cloned().transpose(),
            Opaque::Object(made) => Ok(made.fields.get(name).cloned()),
            _ => Ok(None),
        }
    }

    /// How large it is, in bytes that matter.
    pub fn size(&self) -> u64 {
        match self {
            Opaque::Ip(IpAddr::V4(_)) => 4,
            Opaque::Ip(IpAddr::V6(_)) => 16,
            Opaque::Cidr(net) => u64::from(net.prefix_len()).div_ceil(8),
            _ => 1,
        }
    }

    /// Whether it is the same as another.
    pub fn equal(&self, other: &Opaque<'_>) -> bool {
        match (self, other) {
            (Opaque::Ip(a), Opaque::Ip(b)) => a == b,
            (Opaque::Cidr(a), Opaque::Cidr(b)) => a == b,
            (Opaque::Url(a), Opaque::Url(b)) => a == b,
            (Opaque::Quantity(a), Opaque::Quantity(b)) => a.cmp(b).is_eq(),
            (Opaque::Semver(a), Opaque::Semver(b)) => a.cmp_precedence(b).is_eq(),
            (Opaque::Format(a), Opaque::Format(b)) => a.name == b.name,
            (Opaque::Decision(a), Opaque::Decision(b)) => a == b,
            _ => false,
        }
    }
}

/// Whether a function converts: upstream evaluates those of constants beforehand.
pub fn converts(function: &str) -> bool {
    const NAMES: [&str; 10] = [
        "bool",
        "bytes",
        "double",
        "duration",
        "dyn",
        "int",
        "string",
        "timestamp",
        "type",
        "uint",
    ];
    NAMES.contains(&function)
}

/// The value a type's own name has.
pub fn type_named<'a>(name: &str) -> Option<Value<'a>> {
    const NAMES: [&str; 15] = [
        "bool",
        "bytes",
        "double",
        "google.protobuf.Duration",
        "google.protobuf.Timestamp",
        "int",
        "list",
        "map",
        "net.CIDR",
        "net.IP",
        "null_type",
        "optional_type",
        "string",
        "type",
        "uint",
    ];
    NAMES.contains(&name).then(|| Value::Type(name.into()))
}

/// The sum of an empty list, by the overload that would have added it up.
pub fn nothing<'a>(overload: &str) -> Value<'a> {
    match overload {
        "list_uint_sum_uint" => Value::Uint(0),
        "list_double_sum_double" => Value::Double(0.0),
        "list_duration_sum_duration" => Value::Duration(0),
        _ => Value::Int(0),
    }
}

/// Calls a function. The target of a member stands first.
///
/// # Errors
/// It has no overload for these values, or fails.
pub fn call<'a>(meter: &mut Meter, function: &str, member: bool, args: &[Value<'a>]) -> Answer<'a> {
    if function.starts_with(['_', '!', '-', '@']) && function != "@sortByAssociatedKeys" {
        return super::eval::operate(meter, function, args);
    }
    let found = match (function, args) {
        ("dyn", [value]) => Ok(Some(value.clone())),
        ("type", [value]) => Ok(Some(Value::Type(value.type_name().into()))),
        ("size", [value]) => strings::size(value),
        (_, [value]) if !member && converts(function) => convert::call(function, value),
        (_, [Value::Opaque(_), ..]) => opaque(meter, function, args),
        (_, [Value::String(_), ..]) => match strings::call(meter, function, args)? {
            None => made_of_text(function, args),
            found => Ok(found),
        },
        (_, [Value::Timestamp(..) | Value::Duration(_), ..]) => convert::time(function, args),
        (_, []) if function.starts_with("format.") => Ok(formats::constant(&function[7..])),
        _ => match optionals::call(function, args)? {
            None => lists::call(meter, function, args),
            found => Ok(found),
        },
    };
    found?.ok_or_else(|| {
        let types: Vec<&str> = args.iter().map(Value::type_name).collect();
        EvalError::error(format!("no such overload: {function}({})", types.join(", ")))
    })
}

/// An answer, or `None` if there is no such function for these values.
type Found<'a> = Result<Option<Value<'a>>, EvalError>;

/// Functions that make something of a text.
fn made_of_text<'a>(function: &str, args: &[Value<'a>]) -> Found<'a> {
    let first = match urls::of_text(function, args)? {
        None => addresses::of_text(function, args)?,
        found => found,
    };
    let second = match first {
        None => numbers::of_text(function, args)?,
        found => found,
    };
    match second {
        None => match formats::named(function, args) {
            None => optionals::call(function, args),
            found => Ok(found),
        },
        found => Ok(found),
    }
}

fn opaque<'a>(meter: &mut Meter, function: &str, args: &[Value<'a>]) -> Found<'a> {
    let Value::Opaque(value) = &args[0] else { return Ok(None) };
    let found = match value {
        Opaque::Ip(ip) => Ok(addresses::ip(function, ip)),
        Opaque::Cidr(net) => addresses::cidr(function, net, args),
        Opaque::Url(url) => Ok(urls::part(function, url)),
        Opaque::Quantity(q) => numbers::quantity(function, *q, args),
        Opaque::Semver(version) => Ok(numbers::version(function, version, args)),
        Opaque::Format(format) => Ok(formats::validate(meter, function, format, args)),
        _ => authorizer::call(function, value, args),
    };
    match found? {
        None => optionals::call(function, args),
        found => Ok(found),
    }
}

/// A value only functions look into.
impl<'a> From<Opaque<'a>> for Value<'a> {
    fn from(opaque: Opaque<'a>) -> Value<'a> {
        Value::Opaque(opaque)
    }
}
