//! Everything that can go wrong with a request, and the one place that turns it into a
//! `metav1.Status`.
//!
//! Source of wording and codes: k8s.io/apimachinery `pkg/api/errors` and
//! `pkg/util/validation/field`.

use crate::object::{ObjectExt, Value, json};
use indexmap::IndexSet;

/// What went wrong with one field, in the shape of upstream's `field.Error`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// `FieldValueInvalid` and its sisters.
    pub reason: &'static str,
    /// Message without the field's path.
    pub message: String,
    /// Path such as `spec.template.spec.containers[0].name`.
    pub field: String,
}

/// The problems validation found, each once, in the order found. A set, because a body may have as
/// many as it has items. With them goes what else is needed to tell them: which lists and maps were
/// sent without anything in them, which the object does not show.
#[derive(Clone, Debug, Default)]
pub struct Causes(pub IndexSet<Cause>, Vec<(String, Value)>);

impl Causes {
    /// No problems yet; `empty` are the paths of the lists and maps that were sent empty, with what
    /// they were.
    pub fn of_sent(empty: Vec<(String, Value)>) -> Causes {
        Causes(IndexSet::new(), empty)
    }
    /// Whether anything below a path was sent empty and still is in the object.
    pub fn sent_empty_below(&self, path: &str, object: &Value) -> bool {
        let below = |at: &str| at.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        let filled = |at: &str| match object.at(at) {
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            _ => false,
        };
        self.1.iter().any(|(at, _)| below(at) && !filled(at))
    }
    /// A value as it was sent: with what in it was sent empty.
    pub fn as_sent(&self, path: &str, value: &Value) -> Value {
        let mut value = value.clone();
        for (at, empty) in &self.1 {
            match at.strip_prefix(path) {
                Some("") if value.is_null() => value = empty.clone(),
                Some(rest) if rest.starts_with('.') => put_back(&mut value, rest, empty),
                _ => {}
            }
        }
        value
    }
    fn push(&mut self, reason: &'static str, field: impl Into<String>, message: String) {
        self.0.insert(Cause { reason, message, field: field.into() });
    }
    /// A field that must be there is not. `why` may be empty.
    pub fn required(&mut self, field: impl Into<String>, why: &str) {
        self.push("FieldValueRequired", field, with_detail("Required value", why));
    }
    /// A value that is not allowed; strings are printed quoted, numbers bare, all else as JSON.
    pub fn invalid(&mut self, field: impl Into<String>, value: &Value, why: impl AsRef<str>) {
        let field = field.into();
        let sent = value.is_null().then(|| self.as_sent(&field, value));
        let shown = printed(sent.as_ref().unwrap_or(value));
        let m = with_detail(&format!("Invalid value: {shown}"), why.as_ref());
        self.push("FieldValueInvalid", field, m);
    }
    /// The same, for a value that Go shows otherwise than as it is sent.
    pub fn invalid_shown(
        &mut self,
        field: impl Into<String>,
        shown: impl std::fmt::Display,
        why: impl AsRef<str>,
    ) {
        let m = with_detail(&format!("Invalid value: {shown}"), why.as_ref());
        self.push("FieldValueInvalid", field, m);
    }
    /// A value of the wrong type (or format); `is` names what it is.
    pub fn of_type(&mut self, field: impl Into<String>, is: &str, why: impl AsRef<str>) {
        let m = with_detail(&format!("Invalid value: {is:?}"), why.as_ref());
        self.push("FieldValueTypeInvalid", field, m);
    }
    /// A value outside an enumeration.
    pub fn unsupported(&mut self, field: impl Into<String>, value: &Value, allowed: &[&str]) {
        let mut allowed = allowed.to_vec();
        allowed.sort_unstable();
        self.unsupported_in_order(field, value, &allowed);
    }
    /// The same, for the few enumerations upstream does not sort.
    pub fn unsupported_in_order(
        &mut self,
        field: impl Into<String>,
        value: &Value,
        allowed: &[&str],
    ) {
        let field = field.into();
        let allowed: Vec<String> = allowed.iter().map(|s| format!("{s:?}")).collect();
        let sent = value.is_null().then(|| self.as_sent(&field, value));
        let shown = printed(sent.as_ref().unwrap_or(value));
        let m = format!("Unsupported value: {shown}: supported values: {}", allowed.join(", "));
        self.push("FieldValueNotSupported", field, m);
    }
    /// A value that stands twice where it may stand once.
    pub fn duplicate(&mut self, field: impl Into<String>, value: &Value) {
        self.push("FieldValueDuplicate", field, format!("Duplicate value: {}", printed(value)));
    }
    /// The same, for a value that Go shows otherwise than as it is sent.
    pub fn duplicate_shown(&mut self, field: impl Into<String>, shown: impl std::fmt::Display) {
        self.push("FieldValueDuplicate", field, format!("Duplicate value: {shown}"));
    }
    /// A reference to something absent.
    pub fn not_found(&mut self, field: impl Into<String>, value: &Value) {
        self.push("FieldValueNotFound", field, format!("Not found: {}", printed(value)));
    }
    /// A field that may not be set (or changed) here.
    pub fn forbidden(&mut self, field: impl Into<String>, why: impl AsRef<str>) {
        self.push("FieldValueForbidden", field, with_detail("Forbidden", why.as_ref()));
    }
    /// A text over its limit in bytes.
    pub fn too_long(&mut self, field: impl Into<String>, max: usize) {
        let unit = if max == 1 { "byte" } else { "bytes" };
        let m = format!("Too long: may not be more than {max} {unit}");
        self.push("FieldValueTooLong", field, m);
    }
    /// A list over its limit.
    pub fn too_many(&mut self, field: impl Into<String>, count: usize, max: usize) {
        let unit = if max == 1 { "item" } else { "items" };
        let m = format!("Too many: {count}: must have at most {max} {unit}");
        self.push("FieldValueTooMany", field, m);
    }
    /// Takes over what was found elsewhere.
    pub fn absorb(&mut self, found: Causes) {
        self.0.extend(found.0);
    }
    /// What was found, as a list.
    pub fn into_vec(self) -> Vec<Cause> {
        self.0.into_iter().collect()
    }
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Puts something empty where it was, at a path such as `.a.b[0].c`, if there is still such a place.
fn put_back(value: &mut Value, path: &str, empty: &Value) {
    let Some((parents, last)) = path.rsplit_once('.') else { return };
    let mut at = Some(value);
    for step in parents.split(['.', '[']).filter(|step| !step.is_empty()) {
        at = at.and_then(|v| match step.strip_suffix(']') {
            Some(index) => v.get_mut(index.parse::<usize>().ok()?),
            None => v.get_mut(step),
        });
    }
    if let Some(Value::Object(map)) = at {
        map.entry(last).or_insert_with(|| empty.clone());
    }
}

fn with_detail(what: &str, why: &str) -> String {
    if why.is_empty() { what.to_owned() } else { format!("{what}: {why}") }
}

fn printed(value: &Value) -> String {
    // Go prints an absent pointer as `null` and everything composite as JSON, its fields as they are
    // declared: those of selectors not in the alphabet's order.
    let selector = value.get("matchLabels").zip(value.get("matchExpressions"));
    match selector.filter(|_| value.as_object().is_some_and(|o| o.len() == 2)) {
        Some((labels, expressions)) => {
            format!("{{\"matchLabels\":{labels},\"matchExpressions\":{expressions}}}")
        }
        None => value.to_string(),
    }
}

/// A failed request. Each variant carries what its message needs.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum Error {
    /// The request itself is wrong (400).
    #[error("{0}")]
    BadRequest(String),
    /// A refusal of something that was warned of before.
    #[error("{error}")]
    Warned {
        /// The refusal.
        error: Box<Error>,
        /// What the client must hear besides.
        warnings: Vec<String>,
    },
    /// Nobody knows who is asking (401).
    #[error("Unauthorized")]
    Unauthorized,
    /// Known, but not allowed (403). `resource` is `plural.group`.
    #[error("{}", forbidden_message(.resource, .name, .why))]
    Forbidden {
        /// `plural.group` of the target.
        resource: String,
        /// Name of the object; may be empty.
        name: String,
        /// The text after `is forbidden: `.
        why: String,
        /// Machine-readable causes, usually none.
        causes: Vec<Cause>,
    },
    /// No such object (404).
    #[error("{resource} {name:?} not found")]
    NotFound {
        /// `plural.group` of the target.
        resource: String,
        /// Name of the object.
        name: String,
    },
    /// No such path (404).
    #[error("the server could not find the requested resource")]
    NoSuchPath,
    /// The resource does not serve this verb (405).
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// The resource is served, but not in this way (405).
    #[error("{verb} is not supported on resources of kind {resource:?}")]
    VerbNotSupported {
        /// `plural.group` of the target.
        resource: String,
        /// The verb.
        verb: &'static str,
    },
    /// None of the accepted media types is one of the path's (406).
    #[error("406: Not Acceptable\n\nAvailable representations: {0}")]
    NoRepresentation(String),
    /// None of the accepted media types can be produced (406).
    #[error("only the following media types are accepted: {0}")]
    NotAcceptable(String),
    /// The body has a media type that cannot be read (415). Patches are refused without a list.
    #[error("{}", media_message(.0))]
    UnsupportedMediaType(String),
    /// The name is taken (409). `note` replaces the usual wording when not empty.
    #[error("{}", exists_message(.resource, .name, .note))]
    AlreadyExists {
        /// `plural.group` of the target.
        resource: String,
        /// Name of the object.
        name: String,
        /// Full message to use instead.
        note: String,
    },
    /// Somebody else changed the object (409).
    #[error("Operation cannot be fulfilled on {resource} {name:?}: {why}")]
    Conflict {
        /// `plural.group` of the target.
        resource: String,
        /// Name of the object.
        name: String,
        /// What collided.
        why: String,
    },
    /// Server-side apply met fields owned by others (409).
    #[error("{message}")]
    ApplyConflict {
        /// The whole message.
        message: String,
        /// One cause per field.
        causes: Vec<Cause>,
    },
    /// The revision asked for is compacted (410). The continue token, when there is a new one,
    /// travels in the Status metadata.
    #[error("{message}")]
    Expired {
        /// The whole message.
        message: String,
        /// A token to go on with, or empty.
        continue_token: String,
    },
    /// The body is over a limit (413).
    #[error("Request entity too large: limit is {0}")]
    TooLarge(u64),
    /// The object does not pass validation (422).
    #[error("{}", invalid_message(.kind, .name, .causes.iter()))]
    Invalid {
        /// `Kind.group` (`Kind` alone in the core group).
        kind: String,
        /// Name of the object; may be empty.
        name: String,
        /// At least one.
        causes: Vec<Cause>,
    },
    /// A patch that does not apply (422).
    #[error("the server rejected our request due to an error in our request")]
    Unprocessable,
    /// Try again later (429). `causes` as for evictions.
    #[error("{message}")]
    TooManyRequests {
        /// The whole message.
        message: String,
        /// Seconds to wait; 0 when not said.
        retry_after: u32,
        /// Machine-readable causes.
        causes: Vec<Cause>,
    },
    /// A request upstream has no Status for: its plain text with a code and no reason (500).
    #[error("{0}")]
    Plain(String),
    /// A bug or a fault of the machine below (500).
    #[error("{0}")]
    Internal(String),
    /// Not built yet, honestly (501).
    #[error("{0}")]
    NotImplemented(String),
    /// The storage cannot be written at this moment (503); the client tries again.
    #[error("{0}")]
    StorageAway(String),
    /// Not now (503).
    #[error("{0}")]
    Unavailable(String),
    /// Took too long, or a revision from the future (504).
    #[error("{message}")]
    Timeout {
        /// The whole message.
        message: String,
        /// Machine-readable causes.
        causes: Vec<Cause>,
    },
    /// What a node answered, passed on as plain text.
    #[error("{1}")]
    Backend(u16, String),
    /// A Status made elsewhere, passed on as it is.
    #[error("{}", .0.get("message").and_then(Value::as_str).unwrap_or("unknown"))]
    Raw(Box<Value>),
}

fn forbidden_message(resource: &str, name: &str, why: &str) -> String {
    match (resource.is_empty(), name.is_empty()) {
        (true, true) => format!("forbidden: {why}"),
        (_, true) => format!("{resource} is forbidden: {why}"),
        _ => format!("{resource} {name:?} is forbidden: {why}"),
    }
}

fn media_message(accepted: &str) -> String {
    if accepted.is_empty() {
        return "415: Unsupported Media Type".into();
    }
    format!(
        "the body of the request was in an unknown format - accepted media types include: {accepted}"
    )
}

fn exists_message(resource: &str, name: &str, note: &str) -> String {
    if note.is_empty() { format!("{resource} {name:?} already exists") } else { note.to_owned() }
}

/// The message of a 422: every problem once, several in brackets.
pub fn invalid_message<'a>(
    kind: &str,
    name: &str,
    causes: impl IntoIterator<Item = &'a Cause>,
) -> String {
    let lines = causes.into_iter().map(|cause| format!("{}: {}", cause.field, cause.message));
    let lines: Vec<String> = lines.collect::<IndexSet<String>>().into_iter().collect();
    match lines.as_slice() {
        [one] => format!("{kind} {name:?} is invalid: {one}"),
        many => format!("{kind} {name:?} is invalid: [{}]", many.join(", ")),
    }
}

fn split_resource(resource: &str) -> (&str, &str) {
    resource.split_once('.').unwrap_or((resource, ""))
}

fn causes_json(causes: &[Cause]) -> Value {
    let one = |c: &Cause| {
        let mut v = json!({"reason": c.reason, "message": c.message});
        if !c.field.is_empty() {
            v["field"] = json!(c.field);
        }
        v
    };
    causes.iter().map(one).collect()
}

impl Error {
    /// A 404 for an object of a resource (`plural.group`).
    pub fn not_found(resource: &str, name: &str) -> Error {
        Error::NotFound { resource: resource.into(), name: name.into() }
    }
    /// A 403 without causes.
    pub fn forbidden(resource: &str, name: &str, why: impl Into<String>) -> Error {
        Error::Forbidden {
            resource: resource.into(),
            name: name.into(),
            why: why.into(),
            causes: vec![],
        }
    }
    /// The usual optimistic-concurrency conflict.
    pub fn stale(resource: &str, name: &str) -> Error {
        Error::Conflict {
            resource: resource.into(),
            name: name.into(),
            why: "the object has been modified; please apply your changes to the latest version and try again".into(),
        }
    }
    /// A 409 for a taken name.
    pub fn exists(resource: &str, name: &str) -> Error {
        Error::AlreadyExists { resource: resource.into(), name: name.into(), note: String::new() }
    }
    /// A fault while a request was under way, with upstream's prefix (500).
    pub fn internal(why: &str) -> Error {
        Error::Raw(Box::new(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("Internal error occurred: {why}"), "reason": "InternalError",
            "details": {"causes": [{"message": why}]}, "code": 500,
        })))
    }
    /// Whether this is a 404 for an object.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::NotFound { .. })
    }

    /// The same, said after warnings.
    pub fn after(self, warnings: Vec<String>) -> Error {
        match self {
            Error::Warned { error, warnings: later } => {
                Error::Warned { error, warnings: [warnings, later].concat() }
            }
            error if warnings.is_empty() => error,
            error => Error::Warned { error: Box::new(error), warnings },
        }
    }
    /// What the client was warned of before.
    pub fn warnings(&self) -> &[String] {
        match self {
            Error::Warned { warnings, .. } => warnings,
            _ => &[],
        }
    }

    /// HTTP code and Status reason.
    pub fn code(&self) -> (u16, &'static str) {
        match self {
            Error::Warned { error, .. } => error.code(),
            Error::BadRequest(_) => (400, "BadRequest"),
            Error::Unauthorized => (401, "Unauthorized"),
            Error::Forbidden { .. } => (403, "Forbidden"),
            Error::NotFound { .. } | Error::NoSuchPath => (404, "NotFound"),
            Error::MethodNotAllowed | Error::VerbNotSupported { .. } => (405, "MethodNotAllowed"),
            Error::NotAcceptable(_) | Error::NoRepresentation(_) => (406, "NotAcceptable"),
            Error::AlreadyExists { .. } => (409, "AlreadyExists"),
            Error::Conflict { .. } | Error::ApplyConflict { .. } => (409, "Conflict"),
            Error::Expired { .. } => (410, "Expired"),
            Error::TooLarge(_) => (413, "RequestEntityTooLarge"),
            Error::UnsupportedMediaType(_) => (415, "UnsupportedMediaType"),
            Error::Invalid { .. } | Error::Unprocessable => (422, "Invalid"),
            Error::TooManyRequests { .. } => (429, "TooManyRequests"),
            Error::Plain(_) => (500, ""),
            Error::Internal(_) => (500, "InternalError"),
            Error::NotImplemented(_) => (501, "NotImplemented"),
            Error::StorageAway(_) | Error::Unavailable(_) => (503, "ServiceUnavailable"),
            Error::Timeout { .. } => (504, "Timeout"),
            Error::Backend(code, _) => (*code, ""),
            Error::Raw(status) => {
                let code = status.get("code").and_then(Value::as_u64).unwrap_or(500);
                (u16::try_from(code).unwrap_or(500), "")
            }
        }
    }

    /// The `Status` object clients read.
    pub fn status(&self) -> Value {
        match self {
            Error::Raw(status) => return (**status).clone(),
            Error::Warned { error, .. } => return error.status(),
            _ => {}
        }
        let (code, reason) = self.code();
        let mut details = self.details();
        let retry = match self {
            Error::TooManyRequests { retry_after, .. } => *retry_after,
            Error::StorageAway(_) => 1,
            Error::AlreadyExists { note, .. } if !note.is_empty() => 1,
            Error::Timeout { causes, .. } if !causes.is_empty() => 1,
            _ => 0,
        };
        if retry > 0 {
            details["retryAfterSeconds"] = json!(retry);
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.to_string(), "code": code,
        });
        if !reason.is_empty() {
            status["reason"] = json!(reason);
        }
        if let Error::Expired { continue_token, .. } = self
            && !continue_token.is_empty()
        {
            status["metadata"]["continue"] = json!(continue_token);
        }
        if details.as_object().is_some_and(|d| !d.is_empty()) || self.has_bare_details() {
            status["details"] = details;
        }
        status
    }

    /// Whether upstream prints details with nothing in them.
    fn has_bare_details(&self) -> bool {
        match self {
            Error::NoSuchPath
            | Error::MethodNotAllowed
            | Error::NoRepresentation(_)
            | Error::Unprocessable => true,
            Error::Timeout { causes, .. } => causes.is_empty(),
            Error::UnsupportedMediaType(accepted) => accepted.is_empty(),
            _ => false,
        }
    }

    fn details(&self) -> Value {
        let target = |resource: &str, name: &str, causes: &[Cause]| {
            let (kind, group) = split_resource(resource);
            let mut d = json!({});
            for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
                if !value.is_empty() {
                    d[key] = json!(value);
                }
            }
            if !causes.is_empty() {
                d["causes"] = causes_json(causes);
            }
            d
        };
        match self {
            Error::Forbidden { resource, name, causes, .. } => target(resource, name, causes),
            Error::NotFound { resource, name }
            | Error::AlreadyExists { resource, name, .. }
            | Error::Conflict { resource, name, .. } => target(resource, name, &[]),
            Error::VerbNotSupported { resource, .. } => target(resource, "", &[]),
            Error::Invalid { kind, name, causes } => target(kind, name, causes),
            Error::ApplyConflict { causes, .. }
            | Error::TooManyRequests { causes, .. }
            | Error::Timeout { causes, .. }
                if !causes.is_empty() =>
            {
                json!({"causes": causes_json(causes)})
            }
            Error::Internal(message) => json!({"causes": [{"message": message}]}),
            _ => json!({}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wording() {
        let mut causes = Causes::default();
        causes.invalid("spec.replicas", &json!(-1), "must be greater than or equal to 0");
        let e = Error::Invalid {
            kind: "Deployment.apps".into(),
            name: "d".into(),
            causes: causes.into_vec(),
        };
        assert_eq!(
            e.to_string(),
            "Deployment.apps \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
        );
        let status = e.status();
        assert_eq!(status["details"]["kind"], "Deployment");
        assert_eq!(status["details"]["group"], "apps");
        assert_eq!(status["code"], 422);
        let e = Error::not_found("deployments.apps", "x");
        assert_eq!(e.to_string(), "deployments.apps \"x\" not found");
    }
}
