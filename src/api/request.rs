//! What a request asks and what it gets, as values: shared by HTTP, controllers and tests.

use super::Session;
use crate::{
    access::{Attributes, Caller},
    audit::Notes,
    builds::input::Upload,
    error::Error,
    kinds::Served,
    object::{
        ObjectExt, Value,
        selector::{Fields, Labels},
    },
    runtime::{Fetch, Fetched},
    store::Entry,
};
use bytes::Bytes;
use futures_util::Stream;
use std::{pin::Pin, sync::Arc};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    /// The name RBAC rules and discovery use.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
        }
    }
}

/// The form of a patch body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' strategic merge patch.
    Strategic,
    /// Server-side apply.
    Apply,
}

/// What to do about fields the kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum FieldValidation {
    /// Drop silently.
    Ignore,
    /// Drop and say so in Warning headers.
    #[default]
    Warn,
    /// Refuse.
    Strict,
}

/// A request's body, decoded from whatever it travelled as.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// An object; with the duplicate fields found while parsing, if any.
    Object(Value, Vec<String>),
    /// A patch.
    Patch(PatchType, Value),
    /// What a proxy passes on; its path is what stands behind `/proxy`.
    Passed(Box<Fetch>),
    /// What is to be built from.
    Upload(Upload),
}

/// Query parameters and delete options.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Options {
    /// As given; see [`Options::manager`].
    pub field_manager: String,
    /// Who sends it, by its user agent.
    pub agent: String,
    pub dry_run: bool,
    pub force: Option<bool>,
    pub field_validation: FieldValidation,
    pub labels: Labels,
    pub fields: Fields,
    pub limit: usize,
    pub continue_token: String,
    pub resource_version: String,
    pub resource_version_match: String,
    pub send_initial_events: Option<bool>,
    pub allow_bookmarks: bool,
    pub timeout_seconds: Option<u64>,
    pub grace_period: Option<i64>,
    pub propagation: String,
    pub orphan_dependents: Option<bool>,
    pub precondition_uid: String,
    pub precondition_rv: String,
    /// All parameters as they came, for subresources with parameters of their own.
    pub parameters: Vec<(String, String)>,
    /// The body as it came, to tell problems in its order; empty when it was no JSON.
    pub text: bytes::Bytes,
    /// The fields that stand twice in a patch.
    pub repeated: Vec<String>,
    /// What a reader of YAML says of keys that stand twice in a body, one by one.
    pub lines: Vec<String>,
    /// The revision that made a controller send it; 0 for everybody else.
    pub cause: u64,
    /// What is noted about the request for the audit log.
    pub notes: Notes,
    /// Subresource to name in managed fields, when it is not the request's own.
    pub tracked_as: Option<&'static str>,
}

impl Options {
    /// What a reader of YAML says when a key stands twice.
    pub fn twice(&self) -> String {
        format!("yaml: unmarshal errors:\n  {}", self.lines.join("\n  "))
    }
    /// Who will own the fields written: the manager given, else the client's program.
    pub fn manager(&self) -> &str {
        if self.field_manager.is_empty() { &self.agent } else { &self.field_manager }
    }
}

/// One request, independent of how it arrived.
#[derive(Clone)]
pub struct Request {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// What to do.
    pub verb: Verb,
    /// To which kind.
    pub kind: Served,
    /// Subresource, or empty.
    pub sub: &'static str,
    /// Namespace, or empty (cluster scope, or all namespaces).
    pub namespace: String,
    /// Name, or empty (collections).
    pub name: String,
    /// Parameters.
    pub options: Options,
    /// Body.
    pub body: Body,
}

impl Request {
    /// The object in the body, and the fields it has twice.
    ///
    /// # Errors
    /// 400 when there is none.
    pub fn object(&self) -> Result<(&Value, &[String]), Error> {
        match &self.body {
            Body::Object(value, duplicates) => Ok((value, duplicates)),
            _ => Err(super::misfit::nothing(&self.kind)),
        }
    }

    /// The same, taken out of the request.
    ///
    /// # Errors
    /// 400 when there is none.
    pub fn take_object(&mut self) -> Result<(Value, Vec<String>), Error> {
        match std::mem::take(&mut self.body) {
            Body::Object(value, duplicates) => Ok((value, duplicates)),
            _ => Err(super::misfit::nothing(&self.kind)),
        }
    }
}

impl<'a> Attributes<'a> {
    /// The attributes of a request. A namespace and a project lie in themselves.
    ///
    /// OpenShift's reviews about oneself count as the self review everybody may create.
    pub fn of(request: &'a Request) -> Attributes<'a> {
        let kind = &request.kind;
        if kind.group == "authorization.openshift.io"
            && kind.kind.ends_with("SubjectAccessReview")
            && is_personal(&request.body)
        {
            return Attributes {
                verb: request.verb.name(),
                group: "authorization.k8s.io",
                resource: "selfsubjectaccessreviews",
                namespace: &request.namespace,
                ..Attributes::default()
            };
        }
        // A selector for one name makes list, watch and deletecollection requests for that name.
        let named = matches!(request.verb, Verb::List | Verb::Watch | Verb::DeleteCollection);
        let selected = if named { request.options.fields.exact("metadata.name") } else { None };
        let name = selected.unwrap_or(&request.name);
        let own = matches!((kind.group.as_str(), kind.plural.as_str()), ("", "namespaces"))
            || matches!(
                (kind.group.as_str(), kind.plural.as_str()),
                ("project.openshift.io", "projects")
            );
        let namespace = if own { &request.name } else { &request.namespace };
        Attributes {
            verb: request.verb.name(),
            group: &kind.group,
            resource: &kind.plural,
            sub: request.sub,
            namespace,
            name: if request.verb == Verb::Create && request.sub.is_empty() { "" } else { name },
            path: "",
        }
    }
}

/// Whether a review names nobody and so is about its sender.
fn is_personal(body: &Body) -> bool {
    let Body::Object(review, _) = body else { return false };
    review.str_at("user").is_empty() && review.list_at("groups").is_empty()
}

/// One object of an answer.
#[derive(Clone)]
pub enum Item {
    /// Stored: the bytes are ready.
    Entry(Arc<Entry>),
    /// Computed for this answer.
    Value(Value),
}

impl Item {
    /// The object.
    pub fn value(&self) -> Value {
        match self {
            Item::Entry(e) => e.value(),
            Item::Value(v) => v.clone(),
        }
    }
}

/// The objects of a list and its metadata.
pub struct List {
    /// Revision of the list.
    pub rev: u64,
    /// Token of the next page, or empty.
    pub continue_token: String,
    /// How many are left, when known.
    pub remaining: Option<u64>,
    /// The objects.
    pub items: Vec<Item>,
}

/// One event of a watch.
pub enum Event {
    /// The object appeared (or entered the selection).
    Added(Item),
    /// It changed.
    Modified(Item),
    /// It is gone (or left the selection): its last state with the new revision.
    Deleted(Item),
    /// Only a revision; `true` at the end of the initial events.
    Bookmark(u64, bool),
    /// The watch ends with this Status.
    Error(Value),
}

/// A running watch: a stream that ends when the server shuts down or time is up.
pub type WatchStream = std::pin::Pin<Box<dyn futures_util::Stream<Item = Event> + Send>>;

/// A log on its way to a client; an error is the connection's end.
pub type LogBody = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// What a request gets.
pub enum Response {
    /// One object with an HTTP code (200, 201, 202).
    One(u16, Item),
    /// A list.
    List(List),
    /// A watch.
    Watch(WatchStream),
    /// A log, as it is written.
    Log(LogBody),
    /// What a proxy was answered.
    Passed(Fetched),
    /// A session that may begin, if the client upgrades its connection.
    Session(Session),
    /// Nothing to say (204).
    Nothing,
}

/// A response and the warnings that go with it.
pub struct Answer {
    /// The response.
    pub response: Response,
    /// Texts for Warning headers.
    pub warnings: Vec<String>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Answer {
        Answer { response, warnings: Vec::new() }
    }
}
