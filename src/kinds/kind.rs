//! What a kind is: a value that says everything the machinery needs to serve it.
//!
//! A field not mentioned takes its value from [`Kind::BASE`]. Hooks are plain functions, pure but
//! for the read-only [`Cx`] they are handed.

use super::{catalogue::Families, moments::CellCx};
use crate::{
    error::{Causes, Error},
    object::Value,
    store::{Entry, Snapshot},
    world::World,
};
use jiff::Timestamp;

/// A served resource.
#[derive(Clone, Copy)]
pub struct Kind {
    /// API group; `""` for the core group.
    pub group: &'static str,
    /// The version objects are stored in and this entry serves.
    pub version: &'static str,
    /// Kind name.
    pub kind: &'static str,
    /// Plural resource name.
    pub plural: &'static str,
    /// Short names clients may use.
    pub short: &'static [&'static str],
    /// Categories such as `all`.
    pub categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Verbs served.
    pub verbs: &'static [&'static str],
    /// Subresources served.
    pub subresources: &'static [Sub],
    /// Columns of the table output after `Name`; [`columns::NAME`](super::columns) comes first.
    pub columns: &'static [Column],
    /// The paths these columns (and the row's conditions) look at, sorted, where many objects are
    /// shown at once and reading all of them would tell; empty for any.
    pub seen: &'static [&'static str],
    /// Paths that field selectors may use besides `metadata.name` and `metadata.namespace`.
    pub selectable: &'static [&'static str],
    /// Definition name of the type in the schema catalogue (`io.k8s.api.apps.v1.Deployment`).
    pub schema: &'static str,
    /// How `metadata.generation` moves.
    pub generation: Generation,
    /// What a name must look like.
    pub name_rule: NameRule,
    /// Whether an update without resourceVersion is accepted.
    pub unconditional_update: bool,
    /// Whether PUT to a missing name creates the object.
    pub create_on_update: bool,
    /// Whether an immediate delete answers with the object instead of a Status.
    pub delete_returns_object: bool,
    /// Whether a delete without policy orphans dependents (Job and ReplicationController).
    pub orphans_by_default: bool,
    /// What the Warning header of every answer says about a deprecated kind, after its version
    /// and name (`deprecated in v1.33+; use …`); `""` for none.
    pub deprecated: &'static str,
    /// Minor of Kubernetes since which it is; OpenShift 4.N is Kubernetes 1.(N + 13).
    pub deprecated_since: u8,
    /// Minor of Kubernetes since which this version of the kind is served.
    pub since: u8,
    /// Minor of Kubernetes that does not serve it any more; `u8::MAX` for none.
    pub until: u8,
    /// Where objects come from.
    pub backing: Backing,
    /// Behaviour that data cannot express.
    pub hooks: Hooks,
}

/// The verbs of an ordinary stored kind.
pub const ALL_VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

impl Kind {
    /// A namespaced stored kind with all verbs, no generation and no hooks.
    pub const BASE: Kind = Kind {
        group: "",
        version: "v1",
        kind: "",
        plural: "",
        short: &[],
        categories: &[],
        namespaced: true,
        verbs: ALL_VERBS,
        subresources: &[],
        columns: super::columns::AGE_ONLY,
        seen: &[],
        selectable: &[],
        schema: "",
        generation: Generation::None,
        name_rule: NameRule::Subdomain,
        unconditional_update: true,
        create_on_update: false,
        delete_returns_object: false,
        orphans_by_default: false,
        deprecated: "",
        deprecated_since: 0,
        since: 0,
        until: u8::MAX,
        backing: Backing::Stored,
        hooks: Hooks::NONE,
    };

    /// `plural.group`, or `plural` in the core group: how errors and the store call the resource.
    pub fn resource(&self) -> String {
        join(self.plural, self.group)
    }
    /// `Kind.group`, or `Kind` in the core group: how validation errors call it.
    pub fn kind_group(&self) -> String {
        join(self.kind, self.group)
    }
    /// `group/version`, or `version` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.into()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
    /// The resource whose rows hold this kind's objects (another version's, if that stores them).
    pub fn stored_as(&self) -> String {
        match self.backing {
            Backing::Converted { resource, .. } => resource.into(),
            _ => self.resource(),
        }
    }
}

pub(super) fn join(a: &str, group: &str) -> String {
    if group.is_empty() { a.into() } else { format!("{a}.{group}") }
}

/// Where a kind's objects come from.
#[derive(Clone, Copy)]
pub enum Backing {
    /// Rows of their own.
    Stored,
    /// Rows of another version of the same thing, converted on the way in and out. `resource` is
    /// the storing `plural.group`; both functions rewrite `apiVersion` and `kind` too.
    Converted {
        /// `plural.group` of the storing kind.
        resource: &'static str,
        /// Stored form to this version.
        from_stored: fn(Value) -> Value,
        /// This version to the stored form.
        to_stored: fn(Value) -> Value,
    },
    /// Computed by a handler in `api::computed`.
    Computed,
}

/// How `metadata.generation` moves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Generation {
    /// The kind has none.
    None,
    /// 1 at creation, +1 when anything outside metadata and status changes.
    Spec,
    /// 1 at creation, +1 when anything outside metadata changes (custom kinds without a status of
    /// their own).
    Whole,
    /// As `Spec`, and +1 when annotations change (Deployment alone).
    SpecAndAnnotations,
    /// As `Spec`, and +1 when labels change (EndpointSlice alone).
    SpecAndLabels,
    /// As `Spec`, and +1 when a list or map in it is sent empty (NetworkPolicy, webhooks).
    SpecAsSent,
    /// 1 at creation and ever after (PriorityClass alone).
    Once,
    /// None at creation, then +1 as `Spec` (CSIDriver alone).
    Later,
    /// 1 at creation, afterwards what [`Hooks::prepare`] makes it (ImageStream alone).
    Own,
}

/// What a name must look like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum NameRule {
    /// RFC 1123 subdomain.
    Subdomain,
    /// RFC 1123 label.
    Label,
    /// Anything that can stand in a path (RBAC, users, tokens).
    PathSegment,
    /// An IP address in canonical form.
    Address,
    /// Anything that can stand in a path, and nobody looks at the metadata before all else is
    /// right: the kind's own rules leave it to the rules of all (budgets, events).
    Late,
}

/// A subresource.
#[derive(Clone, Copy)]
pub struct Sub {
    /// Last path segment.
    pub name: &'static str,
    /// Group, version and kind of its body (`("autoscaling", "v1", "Scale")`); empty kind: the
    /// parent's own.
    pub body: (&'static str, &'static str, &'static str),
    /// Verbs served.
    pub verbs: &'static [&'static str],
}

impl Sub {
    /// `/status`: the same object, other owned fields.
    pub const STATUS: Sub =
        Sub { name: "status", body: ("", "", ""), verbs: &["get", "patch", "update"] };
    /// `/proxy`: what is behind the object, with every method.
    pub const fn proxy(kind: &'static str) -> Sub {
        let verbs = &["create", "delete", "get", "patch", "update"];
        Sub { name: "proxy", body: ("", "v1", kind), verbs }
    }
    /// `/scale` over `spec.replicas`, `status.replicas` and `spec.selector`.
    pub const SCALE: Sub = Sub {
        name: "scale",
        body: ("autoscaling", "v1", "Scale"),
        verbs: &["get", "patch", "update"],
    };
}

/// A column of the table output.
#[derive(Clone, Copy)]
pub struct Column {
    /// Header in upstream's mixed case.
    pub name: &'static str,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: &'static str,
    /// `name` for the name column, else empty.
    pub format: &'static str,
    /// 0 always shown, 1 only with `-o wide`.
    pub priority: i32,
    /// What the column means.
    pub description: &'static str,
    /// The cell.
    pub cell: fn(&Value, &CellCx) -> Value,
}

/// What hooks may look at.
pub struct Cx<'a> {
    /// All objects at one revision.
    pub snapshot: &'a Snapshot,
    /// Which kinds are served.
    pub families: Families,
    /// The present moment and a source of chance.
    pub world: &'a World,
    /// The caller's name.
    pub user: &'a str,
    /// The caller's groups.
    pub groups: &'a [String],
    /// The caller's uid; may be empty.
    pub uid: &'a str,
    /// Further facts about the caller.
    pub extra: &'a [(String, Vec<String>)],
    /// Whether the caller may do something else than what he asks for; what is said of a refusal.
    pub may: Box<dyn Fn(&AccessReview<'_>) -> Result<(), String> + 'a>,
}

/// A question about somebody's rights.
#[derive(Clone, Copy, Default)]
pub struct AccessReview<'a> {
    /// Verb of the API.
    pub verb: &'a str,
    /// API group.
    pub group: &'a str,
    /// Plural.
    pub resource: &'a str,
    /// Subresource, or empty.
    pub sub: &'a str,
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
}

/// Behaviour that data cannot express. All are optional.
#[derive(Clone, Copy)]
pub struct Hooks {
    /// Fills what the cluster's configuration decides, after the schema's own defaults and before
    /// `default`.
    pub configured: Option<fn(&mut Value, &Snapshot)>,
    /// Fills what the user left out, after the schema's own defaults. On updates too.
    pub default: Option<fn(&mut Value)>,
    /// Settles fields that belong to the server or depend on the old object or on other objects
    /// (allocated addresses, dropped fields, status at creation). Runs after `default`.
    /// `old` is `None` on create.
    pub prepare: Option<PrepareFn>,
    /// What an update of the whole object takes over from the status that came with it (second
    /// argument), before `prepare`; without this hook nothing. The object has its stored status.
    pub sent_status: Option<fn(&mut Value, &Value)>,
    /// Whether an object is created together with its status, though that has a subresource (nodes,
    /// as kubelets create them).
    pub status_at_creation: bool,
    /// Settles a write to `/status`: what of the object sent stands there, and what stays as it is
    /// stored. Without this hook the status alone (and annotations) are taken over.
    pub prepare_status: Option<PrepareFn>,
    /// Checks the whole object. Cannot mutate: the type says so. Metadata is checked elsewhere.
    pub validate: Option<fn(&Value, Option<&Value>, &mut Causes)>,
    /// Checks a write to `/status` (the stored object is `old`).
    pub validate_status: Option<CheckFn>,
    /// Subresources other than `/status` that take the whole object: name, what settles a write
    /// (as `prepare_status`), what checks it (as `validate_status`).
    pub subresources: &'static [(&'static str, PrepareFn, CheckFn)],
    /// Checks a write to a subresource that changes part of the spec (its name comes first).
    pub validate_sub: Option<fn(&str, &Value, &Value, &mut Causes)>,
    /// Warnings for the client (Warning headers).
    pub warn: Option<fn(&Value, Option<&Value>) -> Vec<String>>,
    /// Values that must be unique in the whole store while the object lives
    /// (`clusterIP/10.217.4.9`). Two objects claiming one value: the second write conflicts and is
    /// prepared again on the newer snapshot.
    pub claims: Option<fn(&Value) -> Vec<String>>,
    /// A row condition for tables (`Completed` pods); `None` for none.
    pub row_conditions: Option<fn(&Value) -> Option<Value>>,
    /// Seconds of grace a delete gets, from the object and what the client asked for. Without
    /// this hook deletion is never graceful (Pod alone has it).
    pub grace: Option<fn(&Value, Option<i64>) -> i64>,
    /// Further changes when deletion is first asked for (a Namespace turns Terminating).
    pub mark_deleting: Option<fn(&mut Value)>,
    /// Whether something besides `metadata.finalizers` still holds a deleted object (the
    /// `spec.finalizers` of a Namespace).
    pub held: Option<fn(&Value) -> bool>,
    /// What readers see of a stored object when that is not all in it; `None` leaves it as it is
    /// stored. The moment is that of reading. Not asked for `/status`.
    pub decorate: Option<DecorateFn>,
}

/// See [`Hooks::decorate`].
pub type DecorateFn = fn(&Entry, &Snapshot, Timestamp) -> Option<Value>;

/// See [`Hooks::prepare`].
pub type PrepareFn = fn(&mut Value, Option<&Value>, &Cx<'_>) -> Result<(), Error>;

/// See [`Hooks::validate_status`].
pub type CheckFn = fn(&Value, &Value, &mut Causes);

impl Hooks {
    /// What settles and what checks a write to a subresource.
    pub fn of_sub(&self, sub: &str) -> (Option<PrepareFn>, Option<CheckFn>) {
        if sub == "status" {
            return (self.prepare_status, self.validate_status);
        }
        let own = self.subresources.iter().find(|(name, ..)| *name == sub);
        own.map_or((None, None), |(_, prepare, check)| (Some(*prepare), Some(*check)))
    }
    /// No hooks.
    pub const NONE: Hooks = Hooks {
        configured: None,
        default: None,
        prepare: None,
        sent_status: None,
        status_at_creation: false,
        prepare_status: None,
        validate: None,
        validate_status: None,
        subresources: &[],
        validate_sub: None,
        warn: None,
        claims: None,
        row_conditions: None,
        grace: None,
        mark_deleting: None,
        held: None,
        decorate: None,
    };
}
