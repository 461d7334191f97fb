//! What is asked about, and whether a webhook wants to be asked about it.
//! Source: k8s.io/apiserver `pkg/admission/plugin/webhook/{generic,predicates}`.

use super::{
    super::super::{Verb, write::Attempt},
    hook::{Rule, Scope},
};
use crate::{
    error::Error,
    kinds::{self, Served},
    object::{ObjectExt, Value},
};

/// Resources nobody outside is asked about, so that what goes wrong can be mended.
const EXEMPT: &str = "admissionregistration.k8s.io";

/// The attributes of a request, as webhooks see them.
pub struct Subject<'a> {
    /// CREATE, UPDATE, DELETE or CONNECT.
    pub operation: &'static str,
    /// The resource of the request.
    pub resource: &'a Served,
    /// Subresource, or empty.
    pub sub: &'a str,
    namespace: &'a str,
    /// Name, or empty while it is not yet generated.
    pub name: String,
    /// Group, version and kind of the object.
    pub kind: [String; 3],
}

/// How a webhook wants to see the object.
#[derive(Clone)]
pub struct Fit {
    /// The resource its rule named; not the request's own when the two are versions of one.
    pub resource: Option<Served>,
}

impl<'a> Subject<'a> {
    /// What an attempt is about; `None` when nobody is asked about such.
    pub fn of(attempt: &'a Attempt<'a>, object: &Value) -> Option<Subject<'a>> {
        let request = attempt.request;
        let resource = &request.kind;
        if resource.group == *EXEMPT {
            return None;
        }
        let operation = match attempt.verb {
            _ if is_connection(request.sub) => "CONNECT",
            Verb::Create => "CREATE",
            Verb::Delete | Verb::DeleteCollection => "DELETE",
            _ => "UPDATE",
        };
        let name = match object.name() {
            "" => request.name.clone(),
            name => name.to_owned(),
        };
        let (sub, namespace) = (request.sub, request.namespace.as_str());
        let kind = kind_of(object, resource);
        Some(Subject { operation, resource, sub, namespace, name, kind })
    }

    /// The namespace a review names: of a namespace itself.
    pub fn namespace(&self) -> &str {
        if self.is_namespace() { &self.name } else { self.namespace }
    }

    fn is_namespace(&self) -> bool {
        self.resource.resource() == "namespaces"
    }

    /// Whether somebody with this scope is to be asked, and how.
    ///
    /// # Errors
    /// 404 when the namespace whose labels count is not there.
    pub fn fits(
        &self,
        attempt: &Attempt<'_>,
        scope: &Scope,
        (object, old): (&Value, Option<&Value>),
    ) -> Result<Option<Fit>, Error> {
        if scope.excluded.iter().any(|r| self.is_for(r, self.resource)) {
            return Ok(None);
        }
        let all = scope.open && scope.rules.is_empty();
        let fit = match all || scope.rules.iter().any(|r| self.is_for(r, self.resource)) {
            true => Fit { resource: None },
            false if scope.equivalent => match self.equivalent(attempt, scope) {
                Some(resource) => Fit { resource: Some(resource) },
                None => return Ok(None),
            },
            false => return Ok(None),
        };
        let labelled = |o: &Value| o.is_object() && scope.objects.matches_object(o);
        if !scope.objects.is_empty() && !labelled(object) && !old.is_some_and(labelled) {
            return Ok(None);
        }
        Ok(self.is_in(attempt, scope, object)?.then_some(fit))
    }

    /// Whether the namespace is one of those a webhook is asked about.
    fn is_in(&self, attempt: &Attempt<'_>, scope: &Scope, object: &Value) -> Result<bool, Error> {
        if scope.namespaces.is_empty() || (self.namespace().is_empty() && !self.is_namespace()) {
            return Ok(true);
        }
        if self.is_namespace()
            && self.sub.is_empty()
            && matches!(self.operation, "CREATE" | "UPDATE")
        {
            return Ok(scope.namespaces.matches_object(object));
        }
        let namespace = self.namespace();
        let stored = attempt.snapshot.get("namespaces", "", namespace);
        let stored = stored.ok_or_else(|| Error::not_found("namespaces", namespace))?;
        Ok(scope.namespaces.matches_meta(&stored.meta))
    }

    fn is_for(&self, rule: &Rule, resource: &Served) -> bool {
        let has = |list: &[String], text: &str| list.iter().any(|l| l == "*" || l == text);
        let is_global = self.is_namespace() || self.namespace().is_empty();
        let in_scope = match rule.scope.as_str() {
            "Namespaced" => !is_global,
            "Cluster" => is_global,
            _ => true,
        };
        let named = |text: &String| {
            let (plural, sub) = text.split_once('/').unwrap_or((text, ""));
            (plural == "*" || resource.plural == *plural) && (sub == "*" || sub == self.sub)
        };
        in_scope
            && (rule.names.is_empty() || rule.names.contains(&self.name))
            && has(&rule.operations, self.operation)
            && has(&rule.groups, &resource.group)
            && has(&rule.versions, &resource.version)
            && rule.resources.iter().any(named)
    }

    /// Another version of the request's resource that a rule names, earlier rules first.
    fn equivalent(&self, attempt: &Attempt<'_>, scope: &Scope) -> Option<Served> {
        let others: Vec<Served> = equivalents(attempt, self.resource);
        scope.rules.iter().find_map(|rule| others.iter().find(|o| self.is_for(rule, o)).cloned())
    }
}

/// The other resources whose rows are the same objects.
fn equivalents(attempt: &Attempt<'_>, resource: &Served) -> Vec<Served> {
    let catalogue = attempt.server.catalogue_of(attempt.snapshot);
    let same = |k: &Served| {
        k.stored_as() == resource.stored_as()
            && (k.group != resource.group || k.version != resource.version)
    };
    match &resource.custom {
        Some(_) => catalogue.established().filter(|k| same(k)).cloned().collect(),
        None => kinds::all().filter(same).collect(),
    }
}

fn is_connection(sub: &str) -> bool {
    matches!(sub, "exec" | "attach" | "portforward" | "proxy")
}

/// Group, version and kind of an object; those of the resource where it does not say.
fn kind_of(object: &Value, resource: &Served) -> [String; 3] {
    let (version, kind) = (object.str_at("apiVersion"), object.str_at("kind"));
    if kind.is_empty() {
        return [&resource.group, &resource.version, &resource.kind].map(|n| n.to_string());
    }
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    [group, version, kind].map(str::to_owned)
}
