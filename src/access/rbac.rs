//! May they: decides requests by the stored RBAC objects and the scopes of the token in use.
//!
//! Knows nothing of kinds or HTTP. The cluster-wide bindings are indexed by subject and rebuilt when
//! a ClusterRole or ClusterRoleBinding changed; the few bindings of a namespace are read as they are,
//! each parsed once per revision. Source: k8s.io/kubernetes
//! `plugin/pkg/auth/authorizer/rbac`, `pkg/registry/rbac/validation`.

use super::{
    Caller,
    rules::{ResourceAction, Rule, Rules},
    scopes,
};
use crate::{
    error::Error,
    store::{Entry, Snapshot, TableVersion},
};
use arc_swap::ArcSwapOption;
use serde::Deserialize;
use std::{collections::HashMap, sync::Arc};

/// Resource of ClusterRoles.
pub const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
/// Resource of ClusterRoleBindings.
pub const CLUSTER_ROLE_BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";
/// Resource of Roles.
pub const ROLES: &str = "roles.rbac.authorization.k8s.io";
/// Resource of RoleBindings.
pub const ROLE_BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";

/// The group whose members may do everything, whatever the bindings say.
pub const MASTERS: &str = "system:masters";

/// What somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes<'a> {
    /// Verb of the API, or the lower-case HTTP method for a `path`.
    pub verb: &'a str,
    /// API group.
    pub group: &'a str,
    /// Plural.
    pub resource: &'a str,
    /// Subresource, or empty.
    pub sub: &'a str,
    /// Namespace, or empty for cluster scope and all namespaces.
    pub namespace: &'a str,
    /// Name, or empty.
    pub name: &'a str,
    /// Path outside the API; everything but `verb` is then empty.
    pub path: &'a str,
}

impl<'a> Attributes<'a> {
    /// A path outside the API.
    pub fn path(verb: &'a str, path: &'a str) -> Attributes<'a> {
        Attributes { verb, path, ..Attributes::default() }
    }

    pub(super) fn target(&self) -> ResourceAction<'a> {
        ResourceAction {
            verb: self.verb,
            group: self.group,
            resource: self.resource,
            sub: self.sub,
            name: self.name,
        }
    }

    /// The 403 of a refusal. `reason` may be empty.
    pub fn refusal(&self, user: &str, reason: &str) -> Error {
        let tail = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        if !self.path.is_empty() {
            let why = format!("User {user:?} cannot {} path {:?}{tail}", self.verb, self.path);
            return Error::forbidden("", "", why);
        }
        let (group, verb) = (self.group, self.verb);
        let resource = match self.sub {
            "" => self.resource.to_owned(),
            sub => format!("{}/{sub}", self.resource),
        };
        let place = match self.namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let why = format!(
            "User {user:?} cannot {verb} resource {resource:?} in API group {group:?} {place}{tail}"
        );
        let dot = if group.is_empty() { "" } else { "." };
        Error::forbidden(&format!("{}{dot}{group}", self.resource), self.name, why)
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// What allowed it, or what else there is to say about the refusal. May be empty.
    pub reason: String,
}

/// Who a binding is about.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace of a ServiceAccount.
    pub namespace: String,
}

impl Subject {
    pub(super) fn is(&self, caller: &Caller, namespace: &str) -> bool {
        match self.kind.as_str() {
            "User" => self.name == caller.name,
            "Group" => caller.groups.contains(&self.name),
            "ServiceAccount" => {
                let home = if self.namespace.is_empty() { namespace } else { &self.namespace };
                caller.name.strip_prefix("system:serviceaccount:").is_some_and(|rest| {
                    rest.strip_prefix(home).and_then(|r| r.strip_prefix(':')) == Some(&self.name)
                })
            }
            _ => false,
        }
    }
    /// Name under which the index files it: groups and users cannot collide.
    fn index(&self) -> (bool, String) {
        match self.kind.as_str() {
            "Group" => (true, self.name.clone()),
            "ServiceAccount" => {
                (false, format!("system:serviceaccount:{}:{}", self.namespace, self.name))
            }
            _ => (false, self.name.clone()),
        }
    }
}

/// The part of a binding that decides.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Binding {
    /// The role.
    pub role_ref: RoleRef,
    /// Who has it.
    pub subjects: Option<Vec<Subject>>,
}

impl Binding {
    /// Who has the role.
    pub fn subjects(&self) -> &[Subject] {
        self.subjects.as_deref().unwrap_or_default()
    }
}

/// The role a binding grants.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RoleRef {
    /// `Role` or `ClusterRole`.
    pub kind: String,
    /// Name.
    pub name: String,
}

impl RoleRef {
    /// The stored role; `namespace` is that of the binding.
    pub fn find<'s>(&self, snapshot: &'s Snapshot, namespace: &str) -> Option<&'s Arc<Entry>> {
        match self.kind.as_str() {
            "Role" => snapshot.get(ROLES, namespace, &self.name),
            _ => snapshot.get(CLUSTER_ROLES, "", &self.name),
        }
    }

    fn missing(&self) -> String {
        let kind = self.kind.to_ascii_lowercase();
        format!("{kind}.rbac.authorization.k8s.io {:?} not found", self.name)
    }
}

/// The cluster-wide grants, by subject, as of one state of the two tables they come from.
struct Index {
    roles: TableVersion,
    bindings: TableVersion,
    users: HashMap<String, Vec<Arc<Rules>>>,
    groups: HashMap<String, Vec<Arc<Rules>>>,
    /// Bindings to roles that do not exist; there are hardly any.
    vain: Vec<Arc<Binding>>,
}

impl Index {
    fn build(snapshot: &Snapshot) -> Index {
        let mut index = Index {
            roles: snapshot.version(CLUSTER_ROLES),
            bindings: snapshot.version(CLUSTER_ROLE_BINDINGS),
            users: HashMap::new(),
            groups: HashMap::new(),
            vain: Vec::new(),
        };
        for entry in snapshot.list(CLUSTER_ROLE_BINDINGS, "") {
            let binding = entry.lens::<Binding>();
            let Some(role) = binding.role_ref.find(snapshot, "") else {
                index.vain.push(binding);
                continue;
            };
            let rules = role.lens::<Rules>();
            for subject in binding.subjects() {
                let (is_group, name) = subject.index();
                let place = if is_group { &mut index.groups } else { &mut index.users };
                let roles: &mut Vec<Arc<Rules>> = place.entry(name).or_default();
                if !roles.iter().any(|r| Arc::ptr_eq(r, &rules)) {
                    roles.push(Arc::clone(&rules));
                }
            }
        }
        index
    }

    fn is_current(&self, snapshot: &Snapshot) -> bool {
        self.roles == snapshot.version(CLUSTER_ROLES)
            && self.bindings == snapshot.version(CLUSTER_ROLE_BINDINGS)
    }

    fn of<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a Rules> {
        let user = self.users.get(caller.name.as_str());
        let groups = caller.groups.iter().filter_map(|g| self.groups.get(g.as_str()));
        user.into_iter().chain(groups).flatten().map(Arc::as_ref)
    }

    /// What upstream adds to a refusal: bindings of the caller that name roles which do not exist.
    fn missing_roles(&self, caller: &Caller, in_namespace: Vec<String>) -> String {
        let concerns = |b: &&Arc<Binding>| b.subjects().iter().any(|s| s.is(caller, ""));
        let vain = self.vain.iter().filter(concerns);
        let mut missing: Vec<String> = vain.map(|b| b.role_ref.missing()).collect();
        missing.extend(in_namespace);
        match missing.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            many => format!("RBAC: [{}]", many.join(", ")),
        }
    }
}

/// Decides by RBAC. One per server; keeps the index between requests.
#[derive(Default)]
pub struct Authorizer {
    index: ArcSwapOption<Index>,
    /// Whether nobody is asked for a right.
    allow_all: bool,
}

/// What an authorizer has worked out of roles and bindings: of use to every other that sees the same.
#[derive(Clone, Default)]
pub struct Known(Option<Arc<Index>>);

impl Authorizer {
    /// What it has worked out.
    pub fn known(&self) -> Known {
        Known(self.index.load_full())
    }

    /// Begins with what another has worked out.
    pub fn learn(&self, known: &Known) {
        self.index.store(known.0.clone());
    }

    /// One that allows everything to everybody, or decides by RBAC.
    pub fn allowing(allow_all: bool) -> Authorizer {
        Authorizer { allow_all, ..Authorizer::default() }
    }

    /// Whether `caller` may do it.
    pub fn authorize(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        attributes: &Attributes<'_>,
    ) -> Decision {
        if let Some(refusal) = scopes::refuse(snapshot, caller, attributes) {
            return Decision { allowed: false, reason: refusal };
        }
        if self.allow_all || caller.groups.iter().any(|g| g == MASTERS) {
            return Decision { allowed: true, reason: String::new() };
        }
        self.by_rules(snapshot, caller, attributes)
    }

    /// As [`Authorizer::authorize`], with the refusal as the error a client gets.
    ///
    /// # Errors
    /// 403 in upstream's words.
    pub fn check(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        attributes: &Attributes<'_>,
    ) -> Result<(), Error> {
        let decision = self.authorize(snapshot, caller, attributes);
        if decision.allowed {
            return Ok(());
        }
        Err(attributes.refusal(&caller.name, &decision.reason))
    }

    fn by_rules(&self, snapshot: &Snapshot, caller: &Caller, wanted: &Attributes<'_>) -> Decision {
        let index = self.current(snapshot);
        let target = wanted.target();
        let by_cluster = index.of(caller).any(|rules| match wanted.path {
            "" => rules.allow(&target),
            path => rules.allow_url(wanted.verb, path),
        });
        if by_cluster {
            return Decision { allowed: true, reason: String::new() };
        }
        let mut missing = Vec::new();
        if wanted.path.is_empty() && !wanted.namespace.is_empty() {
            for entry in snapshot.list(ROLE_BINDINGS, wanted.namespace) {
                let binding = entry.lens::<Binding>();
                if !binding.subjects().iter().any(|s| s.is(caller, wanted.namespace)) {
                    continue;
                }
                match binding.role_ref.find(snapshot, wanted.namespace) {
                    Some(role) if role.lens::<Rules>().allow(&target) => {
                        return Decision { allowed: true, reason: String::new() };
                    }
                    Some(_) => {}
                    None => missing.push(binding.role_ref.missing()),
                }
            }
        }
        Decision { allowed: false, reason: index.missing_roles(caller, missing) }
    }

    fn current(&self, snapshot: &Snapshot) -> Arc<Index> {
        if let Some(index) = self.index.load_full()
            && index.is_current(snapshot)
        {
            return index;
        }
        let index = Arc::new(Index::build(snapshot));
        self.index.store(Some(Arc::clone(&index)));
        index
    }

    /// Every rule that holds for `caller` in a namespace (`""`: at the cluster scope), for reviews
    /// and escalation checks; and the roles that bindings name in vain.
    pub fn rules_for(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        namespace: &str,
    ) -> (Vec<Rule>, Vec<String>) {
        let mut rules: Vec<Rule> = Vec::new();
        let mut missing = Vec::new();
        let mut look = |binding: &Binding, home: &str| {
            if binding.subjects().iter().any(|s| s.is(caller, home)) {
                match binding.role_ref.find(snapshot, home) {
                    Some(role) => rules.extend(role.lens::<Rules>().written.iter().cloned()),
                    None => missing.push(binding.role_ref.missing()),
                }
            }
        };
        for entry in snapshot.list(CLUSTER_ROLE_BINDINGS, "") {
            look(&entry.lens::<Binding>(), "");
        }
        if !namespace.is_empty() {
            for entry in snapshot.list(ROLE_BINDINGS, namespace) {
                look(&entry.lens::<Binding>(), namespace);
            }
        }
        (rules, missing)
    }
}

#[cfg(test)]
#[path = "rbac_tests.rs"]
pub(super) mod tests;
